// Rotation by position * frequency. The angle is the float32 product; its remainder is taken in integers, exactly, and its sine and cosine by
// polynomials: a device's own lose all digits of large angles.

// 2 / pi: 32 bits each, the first of them 2^-1 … 2^-32.
const uint TWO_OVER_PI[8] =
    uint[8](0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u);

// 32 bits of 2 / pi from the bit of 2^-(first + 1) on.
uint bits_from(int first) {
  if (first <= -32) return 0u;
  if (first < 0) return TWO_OVER_PI[0] >> uint(-first);
  const uint word = uint(first) / WORD_BITS, shift = uint(first) % WORD_BITS;
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

// Sine and cosine of what a pair is turned by.
vec2 turn_of(int position, float frequency) {
  precise const float angle = float(position) * frequency;
  vec2 turn = sine_cosine(abs(angle));
  if (angle < 0.0) turn.x = -turn.x;
  return turn;
}

vec2 turned(vec2 pair, vec2 turn) {
  precise const float bs = pair.y * turn.x, bc = pair.y * turn.y;
  precise const float first = pair.x * turn.y - bs, second = pair.x * turn.x + bc;
  return vec2(first, second);
}
