#include "kernels/quant/mxfp4.h"

#include <bit>
#include <cmath>

#include "kernels/dtype.h"

namespace pio {
namespace {

constexpr int kLength = 32;

// 2^(e - 128)
float scale_of(std::uint8_t e) {
  const std::uint32_t bits = e < 2 ? 0x00200000u << e : std::uint32_t(e - 1) << 23;
  return std::bit_cast<float>(bits);
}

// Four bits of exponent, biased by 7, and three of mantissa.
float ue4m3(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  if ((bits & 127) == 127) return 0;
  return exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9) : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
}

// floor(log2(largest)) - 2, biased by 127: the largest E2M1 number is 1.5 * 2^2. The logarithm is rounded to float32 before the floor, as
// published: just below a power of two it may round up, and the codes saturate a little later.
std::uint8_t exponent_for(float largest) {
  if (!(largest > 0)) return 0;
  const float e = std::floor(std::log2(largest)) - 2 + 127;
  if (e <= 0) return 0;
  return e >= 254 ? 254 : static_cast<std::uint8_t>(e);  // infinity
}

std::uint8_t nearest_code(float x, float d) {
  int best = 0;
  float least = std::fabs(static_cast<float>(kMxfp4Values[0]) * d - x);
  for (int code = 1; code < 16; ++code) {
    const float error = std::fabs(static_cast<float>(kMxfp4Values[code]) * d - x);
    if (error < least) {
      best = code;
      least = error;
    }
  }
  return static_cast<std::uint8_t>(best);
}

}  // namespace

void decode_mxfp4(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockMXFP4*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = scale_of(block->e);
    for (int j = 0; j < 16; ++j) {
      values[j] = static_cast<float>(kMxfp4Values[block->qs[j] & 15]) * d;
      values[j + 16] = static_cast<float>(kMxfp4Values[block->qs[j] >> 4]) * d;
    }
  }
}

void encode_mxfp4(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockMXFP4*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    float largest = 0;
    for (int j = 0; j < kLength; ++j) {
      if (std::fabs(values[j]) > largest) largest = std::fabs(values[j]);
    }
    block->e = exponent_for(largest);
    const float d = scale_of(block->e);
    for (int j = 0; j < 16; ++j) {
      block->qs[j] = static_cast<std::uint8_t>(nearest_code(values[j], d) | nearest_code(values[j + 16], d) << 4);
    }
  }
}

void decode_nvfp4(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockNVFP4*>(blocks);
  for (const float* end = values + n_values; values < end; ++block) {
    for (int run = 0; run < 4; ++run, values += 16) {
      const float d = ue4m3(block->d[run]) * 0.5f;
      for (int j = 0; j < 8; ++j) {
        const std::uint8_t q = block->qs[8 * run + j];
        values[j] = d * static_cast<float>(kMxfp4Values[q & 15]);
        values[j + 8] = d * static_cast<float>(kMxfp4Values[q >> 4]);
      }
    }
  }
}

}  // namespace pio
