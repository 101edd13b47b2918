#include "kernels/weight_only.h"

#include <algorithm>
#include <cmath>

#include "kernels/dtype.h"

namespace pio {
namespace {

constexpr float kMinRange = 1e-5f;  // of a group: its scale stays above f16's subnormals
constexpr float kMaxHalf = 65504.0f;
// Stands in for infinity; 127 * (kMaxFloat / 127) is still finite.
constexpr float kMaxFloat = 3.4e38f;

// NaN becomes `lowest`.
float limit(float x, float lowest, float highest) { return x > lowest ? (x < highest ? x : highest) : lowest; }

float largest_magnitude(const float* values, std::int64_t n) {
  float largest = 0;
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(values[i]));  // passes NaN by
  return largest;
}

template <class Block>
void decode_groups(const void* blocks, float* values, std::int64_t n_values) {
  constexpr int kLength = 2 * static_cast<int>(sizeof(Block::qs));
  const auto* block = static_cast<const Block*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float scale = f16_to_f32(block->scale);
    for (int k = 0; k < kLength / 2; ++k) {
      values[2 * k] = static_cast<float>((block->qs[k] & 15) - block->zero) * scale;
      values[2 * k + 1] = static_cast<float>((block->qs[k] >> 4) - block->zero) * scale;
    }
  }
}

template <class Block>
void encode_groups(const float* values, void* blocks, std::int64_t n_values) {
  constexpr int kLength = 2 * static_cast<int>(sizeof(Block::qs));
  auto* block = static_cast<Block*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    float low = 0, high = 0;
    for (int j = 0; j < kLength; ++j) {
      low = std::min(low, values[j]);
      high = std::max(high, values[j]);
    }
    block->scale = f32_to_f16(std::min(std::max(high - low, kMinRange) / 15.0f, kMaxHalf));
    const float scale = f16_to_f32(block->scale), zero = limit(-std::nearbyint(low / scale), 0, 15);
    block->zero = static_cast<std::uint8_t>(zero);
    block->unused = 0;
    for (int k = 0; k < kLength / 2; ++k) {
      const float first = limit(std::nearbyint(values[2 * k] / scale) + zero, 0, 15);
      const float second = limit(std::nearbyint(values[2 * k + 1] / scale) + zero, 0, 15);
      block->qs[k] = static_cast<std::uint8_t>(static_cast<int>(first) | static_cast<int>(second) << 4);
    }
  }
}

// The boundaries between neighbours, in float32: bitsandbytes decides by them.
int nearest_nf4(float x) {
  int code = 0;
  while (code < 15 && x > (kNf4Values[code] + kNf4Values[code + 1]) * 0.5f) ++code;
  return code;
}

}  // namespace

void decode_int4(const void* blocks, float* values, std::int64_t n_values) { decode_groups<BlockInt4>(blocks, values, n_values); }
void decode_int4_32(const void* blocks, float* values, std::int64_t n_values) { decode_groups<BlockInt4_32>(blocks, values, n_values); }
void encode_int4(const float* values, void* blocks, std::int64_t n_values) { encode_groups<BlockInt4>(values, blocks, n_values); }
void encode_int4_32(const float* values, void* blocks, std::int64_t n_values) { encode_groups<BlockInt4_32>(values, blocks, n_values); }

void decode_int8(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockInt8*>(blocks);
  for (const float* end = values + n_values; values < end; values += 32, ++block) {
    const float scale = block->scale;
    for (int j = 0; j < 32; ++j) values[j] = static_cast<float>(block->qs[j]) * scale;
  }
}

void encode_int8(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockInt8*>(blocks);
  const float scale = std::min(largest_magnitude(values, n_values), kMaxFloat) / 127.0f;
  for (const float* end = values + n_values; values < end; values += 32, ++block) {
    block->scale = scale;
    for (int j = 0; j < 32; ++j) {
      block->qs[j] = scale > 0 ? static_cast<std::int8_t>(limit(std::nearbyint(values[j] / scale), -127, 127)) : std::int8_t{0};
    }
  }
}

void decode_nf4(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockNf4*>(blocks);
  for (const float* end = values + n_values; values < end; values += 32, ++block) {
    const float absmax = block->absmax;
    for (int k = 0; k < 16; ++k) {
      values[2 * k] = kNf4Values[block->qs[k] >> 4] * absmax;
      values[2 * k + 1] = kNf4Values[block->qs[k] & 15] * absmax;
    }
  }
}

void encode_nf4(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockNf4*>(blocks);
  float absmax = 0;
  for (std::int64_t first = 0; first < n_values; first += 32, ++block) {
    if (first % 64 == 0) absmax = std::min(largest_magnitude(values + first, std::min<std::int64_t>(64, n_values - first)), kMaxFloat);
    const float inverse = absmax > 0 ? 1.0f / absmax : 0.0f;  // a multiplication, as bitsandbytes
    block->absmax = absmax;
    for (int k = 0; k < 16; ++k) {
      const float* pair = values + first + 2 * k;
      block->qs[k] = static_cast<std::uint8_t>(nearest_nf4(pair[0] * inverse) << 4 | nearest_nf4(pair[1] * inverse));
    }
  }
}

}  // namespace pio
