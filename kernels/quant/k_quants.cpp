#include "kernels/quant/k_quants.h"

#include "kernels/dtype.h"

// d * sc has at most 11 + 7 significant bits and d * sc * q 24, so all products are exact in float32; only the subtraction of a minimum
// rounds (the file is compiled with -ffp-contract=off).

namespace pio {
namespace {

constexpr int kLength = 256;

struct ScaleMin {
  float scale, min;
};

// Eight 6-bit scales and eight 6-bit minima in twelve bytes: 0 to 3 lie in the low six bits of bytes 0 … 3 and 4 … 7; of 4 to 7 the low
// four bits are the nibbles of bytes 8 … 11 and the high two bits the top of bytes 0 … 3 and 4 … 7.
ScaleMin scale_min(const std::uint8_t* s, int j) {
  if (j < 4) return {static_cast<float>(s[j] & 63), static_cast<float>(s[j + 4] & 63)};
  return {static_cast<float>((s[j + 4] & 15) | (s[j - 4] >> 6) << 4), static_cast<float>((s[j + 4] >> 4) | (s[j] >> 6) << 4)};
}

// Sixteen 6-bit scales in twelve bytes: low four bits in the nibbles of bytes 0 … 7, high two in bytes 8 … 11.
int scale_of_16(const std::uint8_t* s, int j) {
  const int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4;
  const int high = s[8 + j % 4] >> 2 * (j / 4) & 3;
  return low | high << 4;
}

}  // namespace

void decode_q2_k(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ2_K*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d), dmin = f16_to_f32(block->dmin);
    for (int sub = 0; sub < 16; ++sub) {  // half (sub / 8), bit pair (sub / 2 % 4), 16 of 32 bytes (sub % 2)
      const float scale = d * static_cast<float>(block->scales[sub] & 15), min = dmin * static_cast<float>(block->scales[sub] >> 4);
      const std::uint8_t* qs = block->qs + 32 * (sub / 8) + 16 * (sub % 2);
      const int shift = 2 * (sub / 2 % 4);
      for (int j = 0; j < 16; ++j) values[16 * sub + j] = scale * static_cast<float>(qs[j] >> shift & 3) - min;
    }
  }
}

void decode_q3_k(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ3_K*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int sub = 0; sub < 16; ++sub) {  // walks as Q2_K; the third bit is bit sub / 2 of hmask
      const float scale = d * static_cast<float>(scale_of_16(block->scales, sub) - 32);
      const std::uint8_t* qs = block->qs + 32 * (sub / 8) + 16 * (sub % 2);
      const std::uint8_t* hmask = block->hmask + 16 * (sub % 2);
      const int shift = 2 * (sub / 2 % 4);
      for (int j = 0; j < 16; ++j) {
        const int q = (qs[j] >> shift & 3) | (hmask[j] >> sub / 2 & 1) << 2;
        values[16 * sub + j] = scale * static_cast<float>(q - 4);
      }
    }
  }
}

void decode_q4_k(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ4_K*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d), dmin = f16_to_f32(block->dmin);
    for (int sub = 0; sub < 8; ++sub) {  // 32 bytes hold two sub-blocks: low nibbles, then high nibbles
      const ScaleMin s = scale_min(block->scales, sub);
      const float scale = d * s.scale, min = dmin * s.min;
      const std::uint8_t* qs = block->qs + 32 * (sub / 2);
      for (int j = 0; j < 32; ++j) values[32 * sub + j] = scale * static_cast<float>(qs[j] >> 4 * (sub % 2) & 15) - min;
    }
  }
}

void decode_q5_k(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ5_K*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d), dmin = f16_to_f32(block->dmin);
    for (int sub = 0; sub < 8; ++sub) {  // as Q4_K; the fifth bit is bit `sub` of qh
      const ScaleMin s = scale_min(block->scales, sub);
      const float scale = d * s.scale, min = dmin * s.min;
      const std::uint8_t* qs = block->qs + 32 * (sub / 2);
      for (int j = 0; j < 32; ++j) {
        const int q = (qs[j] >> 4 * (sub % 2) & 15) | (block->qh[j] >> sub & 1) << 4;
        values[32 * sub + j] = scale * static_cast<float>(q) - min;
      }
    }
  }
}

void decode_q6_k(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ6_K*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 8; ++run) {  // 32 values: half (run / 4), then low nibbles of 64 bytes, then their high nibbles
      const int half = run / 4, quarter = run % 4;
      const std::uint8_t* ql = block->ql + 64 * half + 32 * (quarter % 2);
      const std::uint8_t* qh = block->qh + 32 * half;
      for (int j = 0; j < 32; ++j) {
        const int q = (ql[j] >> 4 * (quarter / 2) & 15) | (qh[j] >> 2 * quarter & 3) << 4;
        const float scale = d * static_cast<float>(block->scales[2 * run + j / 16]);
        values[32 * run + j] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace pio
