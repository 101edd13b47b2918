#include <bit>

#include "kernels/dtype.h"

// The two 16-bit floats, in integer arithmetic, so that the result depends on no instruction set and no rounding mode.

namespace pio {

float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31;
  const std::uint32_t fraction = bits & 0x3FF;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  // subnormal: fraction * 2^-24, exact in float32
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) {  // NaN: quiet, with what fits of its payload
    return static_cast<std::uint16_t>(sign | 0x7E00 | (magnitude >> 13 & 0x3FF));
  }
  if (magnitude >= 0x47800000) return static_cast<std::uint16_t>(sign | 0x7C00);  // 2^16 and above
  std::uint32_t kept, rest, half;                                                 // value = kept.rest in units of the last bit of the f16
  if (magnitude >= 0x38800000) {                                                  // 2^-14: normal
    kept = (magnitude >> 13) - (112 << 10);
    rest = magnitude & 0x1FFF;
    half = 0x1000;
  } else if (magnitude >= 0x33000000) {  // 2^-25: rounds to a subnormal, or at the tie to zero
    const std::uint32_t shift = 126 - (magnitude >> 23);
    const std::uint32_t fraction = (magnitude & 0x7FFFFF) | 0x800000;
    kept = fraction >> shift;
    rest = fraction & ((1u << shift) - 1);
    half = 1u << (shift - 1);
  } else {
    return static_cast<std::uint16_t>(sign);
  }
  // a carry out of the fraction is the right exponent, and out of the largest exponent it is infinity
  kept += rest > half || (rest == half && (kept & 1));
  return static_cast<std::uint16_t>(sign | kept);
}

float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t(bits) << 16); }

std::uint16_t f32_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);  // quiet: its payload may lie below
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

}  // namespace pio
