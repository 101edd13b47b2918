#include "kernels/quant/few_bits.h"

#include "kernels/dtype.h"

namespace pio {
namespace {

// Digit n of each of `n_bytes` bytes, one run after the other: the byte is q / 3^5 in 1/256, rounded up, so that multiplying by 3 brings
// the next digit before the point.
float* put_trits(const std::uint8_t* bytes, int n_bytes, int n_digits, float d, float* values) {
  constexpr unsigned kPower[] = {1, 3, 9, 27, 81};
  for (int n = 0; n < n_digits; ++n) {
    for (int i = 0; i < n_bytes; ++i) {
      const unsigned rest = bytes[i] * kPower[n] & 255;
      *values++ = d * static_cast<float>(static_cast<int>(rest * 3 >> 8) - 1);
    }
  }
  return values;
}

}  // namespace

void decode_tq1_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockTQ1_0*>(blocks);
  for (const float* end = values + n_values; values < end; ++block) {
    const float d = f16_to_f32(block->d);
    values = put_trits(block->qs, 32, 5, d, values);
    values = put_trits(block->qs + 32, 16, 5, d, values);
    values = put_trits(block->qh, 4, 4, d, values);
  }
}

void decode_tq2_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockTQ2_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += 256, ++block) {
    const float d = f16_to_f32(block->d);
    for (int i = 0; i < 256; ++i) {  // 32 bytes hold four runs of 32 values
      const int q = block->qs[32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3;
      values[i] = d * static_cast<float>(q - 1);
    }
  }
}

void decode_q1_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ1_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += 128, ++block) {
    const float d = f16_to_f32(block->d);
    for (int i = 0; i < 128; ++i) values[i] = block->qs[i / 8] >> i % 8 & 1 ? d : -d;
  }
}

void decode_q2_0(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockQ2_0*>(blocks);
  for (const float* end = values + n_values; values < end; values += 64, ++block) {
    const float d = f16_to_f32(block->d);
    for (int i = 0; i < 64; ++i) values[i] = d * static_cast<float>((block->qs[i / 4] >> 2 * (i % 4) & 3) - 1);
  }
}

}  // namespace pio
