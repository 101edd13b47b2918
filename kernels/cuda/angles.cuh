#pragma once

#include "kernels/cuda/device.cuh"

// Rotation by position * frequency. The angle is the float32 product; its remainder is taken in integers, exactly, and its sine and cosine by
// polynomials: the same bits on every card.

namespace pio::cuda {

// 2 / pi: 32 bits each, the first of them 2^-1 … 2^-32.
constexpr uint32_t kTwoOverPi[8] = {0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u};
PIO_TABLE auto kTwoOverPiTable = table_of(kTwoOverPi);

// 32 bits of 2 / pi from the bit of 2^-(first + 1) on.
__device__ __forceinline__ uint32_t bits_from(int first) {
  if (first <= -32) return 0u;
  if (first < 0) return kTwoOverPiTable.at[0] >> -first;
  const unsigned word = static_cast<unsigned>(first) / 32u, shift = static_cast<unsigned>(first) % 32u;
  return shift == 0u ? kTwoOverPiTable.at[word] : kTwoOverPiTable.at[word] << shift | kTwoOverPiTable.at[word + 1u] >> (32u - shift);
}

// Sine and cosine of a finite angle, 0 or more and below 2^60.
__device__ __forceinline__ float2 sine_cosine(float angle) {
  float r = angle;
  unsigned quadrant = 0;
  if (angle > 0.78f) {
    // angle = m * 2^e. Of m * (2 / pi) * 2^e the whole quarters beyond the second bit and the fraction of a quarter to 2^-62 are kept.
    const uint32_t bits = __float_as_uint(angle);
    const uint64_t m = (bits & 0x7fffffu) | 0x800000u;
    const int e = static_cast<int>(bits >> 23) - 150, first = e - 2;  // the first bit kept stands for 2
    const uint64_t quarters = (m * bits_from(first) << 32) + m * bits_from(first + 32) + (m * bits_from(first + 64) >> 32);  // over 2^62, modulo 4
    quadrant = static_cast<unsigned>(quarters >> 62);
    uint64_t fraction = quarters << 2;  // over 2^64
    const bool is_upper = fraction >> 63 != 0u;
    if (is_upper) {  // from the other side: the next quarter less what is missing
      ++quadrant;
      fraction = ~fraction + 1u;
    }
    // 24 bits of it, whatever its size
    const uint32_t high = static_cast<uint32_t>(fraction >> 32);
    const int shift = high == 0u ? 32 : __clz(static_cast<int>(high));
    const uint32_t top = static_cast<uint32_t>(fraction << shift >> 32);
    r = static_cast<float>(top >> 8) * __uint_as_float(static_cast<uint32_t>(127 - 24 - shift) << 23) * 1.57079632679489662f;
    if (is_upper) r = -r;
  }
  // On -pi/4 … pi/4 (coefficients: Moshier, Cephes, sinf and cosf).
  const float z = r * r;
  float s = -1.9515295891e-4f;
  s = s * z + 8.3321608736e-3f;
  s = s * z - 1.6666654611e-1f;
  s = s * z * r + r;
  float c = 2.443315711809948e-5f;
  c = c * z - 1.388731625493765e-3f;
  c = c * z + 4.166664568298827e-2f;
  c = c * z * z - 0.5f * z + 1.0f;
  switch (quadrant & 3u) {
    case 0u: return make_float2(s, c);
    case 1u: return make_float2(c, -s);
    case 2u: return make_float2(-s, -c);
    default: return make_float2(-c, s);
  }
}

// Sine and cosine of what a pair is turned by.
__device__ __forceinline__ float2 turn_of(int position, float frequency) {
  const float angle = static_cast<float>(position) * frequency;
  float2 turn = sine_cosine(fabsf(angle));
  if (angle < 0.0f) turn.x = -turn.x;
  return turn;
}

__device__ __forceinline__ float2 turned(float2 pair, float2 turn) {
  return make_float2(pair.x * turn.y - pair.y * turn.x, pair.x * turn.x + pair.y * turn.y);
}

}  // namespace pio::cuda
