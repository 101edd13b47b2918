#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

// Rotates pairs of dims by position * frequency. The angle is the float32 product; its remainder is taken in integers, exactly, and its sine and
// cosine by polynomials: a device's own lose all digits of large angles. An invocation has a pair of all heads of a token.
layout(push_constant) uniform Params {
  F32 x;
  I32 positions;
  F32 frequencies;
  I32 axes;
  uint n_tokens, n_heads, head_dim, n_pairs, first_dim;
  uint is_interleaved, has_axes;
};

// 2 / pi: 32 bits each, the first of them 2^-1 … 2^-32.
const uint TWO_OVER_PI[8] =
    uint[8](0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u);

// 32 bits of 2 / pi from the bit of 2^-(first + 1) on.
uint bits_from(int first) {
  if (first <= -32) return 0u;
  if (first < 0) return TWO_OVER_PI[0] >> uint(-first);
  const uint word = uint(first) / 32u, shift = uint(first) % 32u;
  return shift == 0u ? TWO_OVER_PI[word] : TWO_OVER_PI[word] << shift | TWO_OVER_PI[word + 1u] >> (32u - shift);
}

// Sine and cosine of a finite angle, 0 or more and below 2^60.
vec2 sine_cosine(float angle) {
  float r = angle;
  uint quadrant = 0u;
  if (angle > 0.78) {
    // angle = m * 2^e. Of m * (2 / pi) * 2^e the whole quarters beyond the second bit and the fraction of a quarter to 2^-62 are kept.
    const uint bits = floatBitsToUint(angle), m = (bits & 0x7fffffu) | 0x800000u;
    const int e = int(bits >> 23) - 150, first = e - 2;  // the first bit kept stands for 2
    uint high, low, unused, middle_high, middle_low, least_high, least_low, carry, second_carry;
    umulExtended(m, bits_from(first), unused, high);
    umulExtended(m, bits_from(first + 32), middle_high, middle_low);
    umulExtended(m, bits_from(first + 64), least_high, least_low);
    low = uaddCarry(middle_low, least_high, second_carry);
    high = uaddCarry(high, middle_high, carry) + second_carry;
    // high.low / 2^62 quarters, modulo 4
    quadrant = high >> 30;
    uint f_high = high << 2 | low >> 30, f_low = low << 2;  // the fraction, over 2^64
    const bool is_upper = f_high >= 0x80000000u;
    if (is_upper) {  // from the other side: the next quarter less what is missing
      ++quadrant;
      f_low = ~f_low + 1u;
      f_high = ~f_high + (f_low == 0u ? 1u : 0u);
    }
    // 24 bits of it, whatever its size
    const int shift = f_high == 0u ? 32 : 31 - findMSB(f_high);
    const uint top = shift == 0 ? f_high : shift == 32 ? f_low : f_high << uint(shift) | f_low >> uint(32 - shift);
    precise const float fraction = float(top >> 8) * uintBitsToFloat(uint(127 - 24 - shift) << 23);
    r = fraction * 1.57079632679489662;
    if (is_upper) r = -r;
  }
  // On -pi/4 … pi/4 (coefficients: Moshier, Cephes, sinf and cosf).
  precise const float z = r * r;
  precise float s = -1.9515295891e-4;
  s = s * z + 8.3321608736e-3;
  s = s * z - 1.6666654611e-1;
  s = s * z * r + r;
  precise float c = 2.443315711809948e-5;
  c = c * z - 1.388731625493765e-3;
  c = c * z + 4.166664568298827e-2;
  c = c * z * z - 0.5 * z + 1.0;
  switch (quadrant & 3u) {
    case 0u: return vec2(s, c);
    case 1u: return vec2(c, -s);
    case 2u: return vec2(-s, -c);
    default: return vec2(-c, s);
  }
}

void main() {
  const uint at = group_index() * WIDTH + lane(), t = at / n_pairs, i = at % n_pairs;
  if (t >= n_tokens) return;
  const uint axis = has_axes != 0u ? uint(axes.v[i]) : 0u;
  precise const float angle = float(positions.v[axis * n_tokens + t]) * frequencies.v[i];
  vec2 turn = sine_cosine(abs(angle));
  if (angle < 0.0) turn.x = -turn.x;
  const uint first = first_dim + (is_interleaved != 0u ? 2u * i : i), second = is_interleaved != 0u ? first + 1u : first + n_pairs;
  for (uint h = 0u; h < n_heads; ++h) {
    const uint head = (t * n_heads + h) * head_dim;
    const float a = x.v[head + first], b = x.v[head + second];
    precise const float bs = b * turn.x, bc = b * turn.y;
    precise const float turned = a * turn.y - bs, other = a * turn.x + bc;
    x.v[head + first] = turned;
    x.v[head + second] = other;
  }
}
