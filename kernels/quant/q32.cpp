#include "kernels/quant/q32.h"

#include <cmath>

#include "kernels/dtype.h"

// Encoders: every operation is one float32 rounding, in the order of the published quantizer, so that the bytes agree (the file is
// compiled with -ffp-contract=off).

namespace pio {
namespace {

constexpr int kLength = 32;

std::uint32_t high_bits(const std::uint8_t qh[4]) {
  return std::uint32_t{qh[0]} | std::uint32_t{qh[1]} << 8 | std::uint32_t{qh[2]} << 16 | std::uint32_t{qh[3]} << 24;
}

void store_high_bits(std::uint32_t bits, std::uint8_t qh[4]) {
  for (int i = 0; i < 4; ++i) qh[i] = static_cast<std::uint8_t>(bits >> 8 * i);
}

// 1/d, and 0 for d = 0: such a block holds zeros.
float reciprocal(float d) { return d != 0 ? 1.0f / d : 0.0f; }

// Towards zero, into the range of the codes. A finite block whose 1/d is finite never needs the limits below; a subnormal one has
// 1/d = infinity, and an infinity or NaN in the block gets here too.
int to_code(float x, int lowest, int highest) {
  if (!(x > static_cast<float>(lowest))) return lowest;  // NaN too
  if (x >= static_cast<float>(highest)) return highest;
  return static_cast<int>(x);
}

// The value of largest magnitude with its sign; the first of equals.
float extreme(const float* x) {
  float largest = 0, value = 0;
  for (int j = 0; j < kLength; ++j) {
    if (std::fabs(x[j]) > largest) {
      largest = std::fabs(x[j]);
      value = x[j];
    }
  }
  return value;
}

struct Range {
  float min, max;
};

Range range_of(const float* x) {
  Range range{x[0], x[0]};
  for (int j = 1; j < kLength; ++j) {
    if (x[j] < range.min) range.min = x[j];
    if (x[j] > range.max) range.max = x[j];
  }
  return range;
}

}  // namespace

void decode_q4_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ4_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int j = 0; j < 16; ++j) {
      values[j] = d * static_cast<float>((block->qs[j] & 15) - 8);
      values[j + 16] = d * static_cast<float>((block->qs[j] >> 4) - 8);
    }
  }
}

void decode_q4_1(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ4_1*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d), m = f16_to_f32(block->m);
    for (int j = 0; j < 16; ++j) {
      values[j] = d * static_cast<float>(block->qs[j] & 15) + m;
      values[j + 16] = d * static_cast<float>(block->qs[j] >> 4) + m;
    }
  }
}

void decode_q5_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ5_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    const std::uint32_t high = high_bits(block->qh);
    for (int j = 0; j < 16; ++j) {
      values[j] = d * static_cast<float>(static_cast<int>((block->qs[j] & 15) | (high >> j & 1) << 4) - 16);
      values[j + 16] = d * static_cast<float>(static_cast<int>((block->qs[j] >> 4) | (high >> (j + 16) & 1) << 4) - 16);
    }
  }
}

void decode_q5_1(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ5_1*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d), m = f16_to_f32(block->m);
    const std::uint32_t high = high_bits(block->qh);
    for (int j = 0; j < 16; ++j) {
      values[j] = d * static_cast<float>((block->qs[j] & 15) | (high >> j & 1) << 4) + m;
      values[j + 16] = d * static_cast<float>((block->qs[j] >> 4) | (high >> (j + 16) & 1) << 4) + m;
    }
  }
}

void decode_q8_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ8_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int j = 0; j < kLength; ++j) values[j] = d * static_cast<float>(block->qs[j]);
  }
}

void encode_q4_0(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ4_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = extreme(values) / -8.0f, id = reciprocal(d);
    block->d = f32_to_f16(d);
    for (int j = 0; j < 16; ++j) {
      const int low = to_code(values[j] * id + 8.5f, 0, 15), high = to_code(values[j + 16] * id + 8.5f, 0, 15);
      block->qs[j] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

void encode_q4_1(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ4_1*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const auto [min, max] = range_of(values);
    const float d = (max - min) / 15.0f, id = reciprocal(d);
    block->d = f32_to_f16(d);
    block->m = f32_to_f16(min);
    for (int j = 0; j < 16; ++j) {
      const int low = to_code((values[j] - min) * id + 0.5f, 0, 15), high = to_code((values[j + 16] - min) * id + 0.5f, 0, 15);
      block->qs[j] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

void encode_q5_0(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ5_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = extreme(values) / -16.0f, id = reciprocal(d);
    std::uint32_t fifth = 0;
    block->d = f32_to_f16(d);
    for (int j = 0; j < 16; ++j) {
      const int low = to_code(values[j] * id + 16.5f, 0, 31), high = to_code(values[j + 16] * id + 16.5f, 0, 31);
      block->qs[j] = static_cast<std::uint8_t>((low & 15) | (high & 15) << 4);
      fifth |= std::uint32_t(low >> 4) << j | std::uint32_t(high >> 4) << (j + 16);
    }
    store_high_bits(fifth, block->qh);
  }
}

void encode_q5_1(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ5_1*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const auto [min, max] = range_of(values);
    const float d = (max - min) / 31.0f, id = reciprocal(d);
    std::uint32_t fifth = 0;
    block->d = f32_to_f16(d);
    block->m = f32_to_f16(min);
    for (int j = 0; j < 16; ++j) {
      const int low = to_code((values[j] - min) * id + 0.5f, 0, 31), high = to_code((values[j + 16] - min) * id + 0.5f, 0, 31);
      block->qs[j] = static_cast<std::uint8_t>((low & 15) | (high & 15) << 4);
      fifth |= std::uint32_t(low >> 4) << j | std::uint32_t(high >> 4) << (j + 16);
    }
    store_high_bits(fifth, block->qh);
  }
}

void encode_q8_0(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ8_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = std::fabs(extreme(values)) / 127.0f, id = reciprocal(d);
    block->d = f32_to_f16(d);
    for (int j = 0; j < kLength; ++j) block->qs[j] = static_cast<std::int8_t>(to_code(std::round(values[j] * id), -127, 127));
  }
}

}  // namespace pio
