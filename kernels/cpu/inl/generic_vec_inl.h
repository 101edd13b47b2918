// Vec and its words on GCC's vector types, and the bodies on them: the compiler turns these into what its baseline has (SSE2, NEON) or into
// scalar code. The products of many tokens go token by token. Included inside an anonymous namespace.

#include "kernels/cpu/inl/read_inl.h"

typedef float Vec __attribute__((vector_size(32)));
typedef int32_t IntVec __attribute__((vector_size(32)));
constexpr int kLanes = 8;
typedef Vec Float8;
struct Bytes {
  uint8_t v[32];
};

inline __attribute__((always_inline)) void prefetch_near(const void* p) { __builtin_prefetch(p); }
inline __attribute__((always_inline)) void prefetch_far(const void* p) { __builtin_prefetch(p); }

inline float half_to_float(uint16_t bits) {
  // the exponent moves from bias 15 to 127 by a product; infinity and NaN take the widest exponent
  const uint32_t magnitude = bits & 0x7fffu;
  uint32_t wide = magnitude << 13;
  float value;
  memcpy(&value, &wide, 4);
  value *= 0x1p112f;
  memcpy(&wide, &value, 4);
  if (magnitude >= 0x7c00u) wide |= 0x7f800000u | (magnitude & 0x3ffu) << 13;
  wide |= (bits & 0x8000u) << 16;
  memcpy(&value, &wide, 4);
  return value;
}

inline uint16_t float_to_half(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | (bits >> 13 & 0x3ffu));
  if (bits >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65,520 and more
  if (bits < 0x38800000u) {
    // below 2^-14: adding 2^-1 * 2^(-24 + 23) lets the adder round to multiples of 2^-24
    float magnitude;
    memcpy(&magnitude, &bits, 4);
    magnitude += 0.5f;
    memcpy(&bits, &magnitude, 4);
    return static_cast<uint16_t>(sign | (bits - 0x3f000000u));
  }
  bits += 0xfffu + (bits >> 13 & 1u);  // nearest even
  return static_cast<uint16_t>(sign | ((bits - 0x38000000u) >> 13));
}

inline Vec vec_set(float x) { return Vec{x, x, x, x, x, x, x, x}; }
inline Vec vec_load(const float* p) {
  Vec v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void vec_store(float* p, Vec v) { memcpy(p, &v, sizeof v); }
inline Vec vec_load_n(const float* p, int n) {
  Vec v = vec_set(0);
  memcpy(&v, p, static_cast<size_t>(n < kLanes ? n : kLanes) * 4);
  return v;
}
inline void vec_store_n(float* p, Vec v, int n) { memcpy(p, &v, static_cast<size_t>(n < kLanes ? n : kLanes) * 4); }
inline Vec vec_fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec vec_max(Vec a, Vec b) { return a > b ? a : b; }  // b where one is NaN
inline Vec vec_min(Vec a, Vec b) { return a < b ? a : b; }
inline float vec_sum(Vec v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
inline float vec_largest(Vec v) {
  float m = v[0];
  for (int i = 1; i < kLanes; ++i) m = v[i] > m ? v[i] : m;
  return m;
}
inline float vec_first(Vec v) { return v[0]; }
// p * 2^n for whole n in [-151, 129]: in two steps, so that the ends come out as subnormals and infinity
inline Vec vec_times_power_of_two(Vec p, Vec n) {
  // a NaN exponent belongs to a NaN p; converting it would be undefined
  const IntVec i = __builtin_convertvector(n == n ? n : vec_set(0), IntVec);
  const IntVec half = i >> 1;
  const IntVec a = (half + 127) << 23, b = (i - half + 127) << 23;
  return p * reinterpret_cast<Vec>(a) * reinterpret_cast<Vec>(b);
}
inline Vec vec_load_f16(const uint8_t* p) {
  Vec v;
  for (int i = 0; i < kLanes; ++i) v[i] = half_to_float(read_u16(p + 2 * i));
  return v;
}
inline void vec_store_f16(uint16_t* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) p[i] = float_to_half(v[i]);
}
inline Vec vec_load_bf16(const uint8_t* p) {
  IntVec v;
  for (int i = 0; i < kLanes; ++i) v[i] = static_cast<int32_t>(static_cast<uint32_t>(read_u16(p + 2 * i)) << 16);
  return reinterpret_cast<Vec>(v);
}

inline Float8 f8_set(float x) { return vec_set(x); }
inline Float8 f8_load(const float* p) { return vec_load(p); }
inline void f8_store(float* p, Float8 v) { vec_store(p, v); }
inline Float8 f8_fma(Float8 a, Float8 b, Float8 c) { return a * b + c; }
inline Float8 f8_from_u8(const void* p) {
  const uint8_t* b = static_cast<const uint8_t*>(p);
  Float8 v;
  for (int i = 0; i < 8; ++i) v[i] = b[i];
  return v;
}
inline Float8 f8_from_s8(const void* p) {
  const int8_t* b = static_cast<const int8_t*>(p);
  Float8 v;
  for (int i = 0; i < 8; ++i) v[i] = b[i];
  return v;
}
// n (at most 8) halves, kStride bytes apart; the other lanes zero.
template <int kStride>
inline Float8 f8_strided_halves(const uint8_t* p, int n = 8) {
  Float8 v = vec_set(0);
  for (int i = 0; i < n; ++i) v[i] = half_to_float(read_u16(p + i * kStride));
  return v;
}
// Two neighbouring halves of each of eight places.
template <int kStride>
inline void f8_store_strided_pairs(const uint8_t* p, float* first, float* second) {
  f8_store(first, f8_strided_halves<kStride>(p));
  f8_store(second, f8_strided_halves<kStride>(p + 2));
}

inline Bytes bytes_load(const void* p) {
  Bytes b;
  memcpy(b.v, p, 32);
  return b;
}
inline void bytes_store(uint8_t* p, const Bytes& b) { memcpy(p, b.v, 32); }
inline Bytes bytes_or(Bytes a, const Bytes& b) {
  for (int i = 0; i < 32; ++i) a.v[i] |= b.v[i];
  return a;
}
// The low nibbles of 16 bytes, then the high ones.
inline Bytes bytes_nibbles(const uint8_t* p) {
  Bytes b;
  for (int i = 0; i < 16; ++i) {
    b.v[i] = p[i] & 15;
    b.v[i + 16] = p[i] >> 4;
  }
  return b;
}
inline Bytes bytes_shift_mask(Bytes b, int n, uint8_t mask) {
  for (int i = 0; i < 32; ++i) b.v[i] = static_cast<uint8_t>(b.v[i] >> n & mask);
  return b;
}
// The bits `mask << from` as `mask << to`, the others zero.
inline Bytes bytes_move_bits(Bytes b, int from, int to, uint8_t mask) {
  for (int i = 0; i < 32; ++i) b.v[i] = static_cast<uint8_t>((b.v[i] >> from & mask) << to);
  return b;
}
inline Bytes bytes_table(const int8_t* table, Bytes index) {
  for (int i = 0; i < 32; ++i) index.v[i] = static_cast<uint8_t>(table[index.v[i]]);
  return index;
}
// Bit i of the 32 at p as `value` in byte i.
inline Bytes bytes_from_bits(const uint8_t* p, uint8_t value) {
  const uint32_t bits = read_u32(p);
  Bytes b;
  for (int i = 0; i < 32; ++i) b.v[i] = bits >> i & 1 ? value : 0;
  return b;
}

inline IntVec int_set(int32_t x) { return IntVec{x, x, x, x, x, x, x, x}; }
inline IntVec int_add(IntVec a, IntVec b) { return a + b; }
inline Vec int_to_float(IntVec v) { return __builtin_convertvector(v, Vec); }

// Of each 32 bits those that are left when they are moved up and then down, with their sign; `flip` turns some of them before.
inline Vec vec_from_bits(const uint8_t* p, uint32_t flip, int up, int down) {
  typedef uint32_t Words __attribute__((vector_size(32)));
  Words bits;
  memcpy(&bits, p, sizeof bits);
  return __builtin_convertvector(reinterpret_cast<IntVec>((bits ^ flip) << up) >> down, Vec);
}

constexpr int kSignedOffset = 0;

// in [8][stride], n numbers of each row → out [n][8]
inline void transpose_scales(const float* in, int stride, int n, float* out) {
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < kLanes; ++k) out[i * kLanes + k] = in[k * stride + i];
}

// The sums of the products of run i of a block, `at` bytes into each of eight rows, a lane a row: of all 32, or of the first and the last 16.
template <class F, int kGroups>
inline void group_sums(const uint8_t* const (&rows)[kLanes], ptrdiff_t at, int i, const int8_t* q, IntVec (&sums)[kGroups]) {
  for (int k = 0; k < kLanes; ++k) {
    const Bytes w = F::quants(rows[k] + at, i);
    for (int g = 0; g < kGroups; ++g) {
      int32_t sum = 0;
      for (int j = g * 32 / kGroups; j < (g + 1) * 32 / kGroups; ++j) sum += (F::kSigned ? static_cast<int8_t>(w.v[j]) : w.v[j]) * q[j];
      sums[g][k] = sum;
    }
  }
}

// The eight scales and minimums of a block of Q4_K or Q5_K: 6 bits each, packed in 12 bytes behind the two halves that scale them.
inline void k4_block_scales(const uint8_t* p, float* scale, float* min) {
  const uint32_t s0 = read_u32(p + 4), s1 = read_u32(p + 8), s2 = read_u32(p + 12);
  uint32_t sm[4];
  sm[0] = s0 & 0x3f3f3f3f;
  sm[1] = (s2 & 0x0f0f0f0f) | ((s0 >> 6) & 0x03030303) << 4;
  sm[2] = s1 & 0x3f3f3f3f;
  sm[3] = ((s2 >> 4) & 0x0f0f0f0f) | ((s1 >> 6) & 0x03030303) << 4;
  f8_store(scale, f8_from_u8(sm) * f8_set(half_to_float(read_u16(p))));
  f8_store(min, f8_from_u8(sm + 2) * f8_set(-half_to_float(read_u16(p + 2))));
}

// The largest |x| of 32, NaN when one of them is.
inline float f8_largest_magnitude(Float8 a, Float8 b, Float8 c, Float8 d) {
  float largest = 0;
  const Float8 all[4] = {a, b, c, d};
  for (const Float8& v : all) {
    for (int i = 0; i < 8; ++i) {
      const float magnitude = v[i] < 0 ? -v[i] : v[i];
      if (magnitude != magnitude) return magnitude;
      largest = magnitude > largest ? magnitude : largest;
    }
  }
  return largest;
}

// 32 numbers times `inverse`, rounded to nearest even; the sums are those of the first and the last 16 bytes.
inline Bytes f8_round_to_bytes(Float8 a, Float8 b, Float8 c, Float8 d, float inverse, int* sum_low, int* sum_high) {
  float x[32];
  f8_store(x, a * f8_set(inverse));
  f8_store(x + 8, b * f8_set(inverse));
  f8_store(x + 16, c * f8_set(inverse));
  f8_store(x + 24, d * f8_set(inverse));
  Bytes out;
  int sums[2] = {0, 0};
  for (int i = 0; i < 32; ++i) {
    // |x| <= 127, or NaN (0 * infinity): adding 1.5 * 2^23 leaves the rounded number in the low bits
    float shifted = (x[i] == x[i] ? x[i] : 0.0f) + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, 4);
    const int8_t q = static_cast<int8_t>(bits - 0x4b400000);
    out.v[i] = static_cast<uint8_t>(q);
    sums[i / 16] += q;
  }
  *sum_low = sums[0];
  *sum_high = sums[1];
  return out;
}

// in [32][n] → out [n][32]
inline void transpose_32_rows(const float* in, int n, float* out) {
  for (int i = 0; i < n; ++i)
    for (int c = 0; c < 32; ++c) out[i * 32 + c] = in[c * n + i];
}

constexpr int kMatmulTokens = 2;
constexpr int kPanelRows = 1;

#include "kernels/cpu/inl/formats_inl.h"
#include "kernels/cpu/inl/dot_inl.h"
#include "kernels/cpu/inl/gemv_inl.h"
#include "kernels/cpu/inl/elementwise_inl.h"
#include "kernels/cpu/inl/attention_inl.h"
#include "kernels/cpu/inl/table_inl.h"
