// What AVX2 and AVX-512 share: 8 floats and 32 bytes in a 256-bit register. Included inside the anonymous namespace.

#include "kernels/cpu/inl/read_inl.h"

typedef __m256 Float8;
struct Bytes {
  __m256i v;
};

inline __attribute__((always_inline)) void prefetch_near(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
inline __attribute__((always_inline)) void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }

inline float half_to_float(uint16_t bits) { return _cvtsh_ss(bits); }
inline uint16_t float_to_half(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }

inline Float8 f8_set(float x) { return _mm256_set1_ps(x); }
inline Float8 f8_load(const float* p) { return _mm256_loadu_ps(p); }
inline void f8_store(float* p, Float8 v) { _mm256_storeu_ps(p, v); }
inline Float8 f8_fma(Float8 a, Float8 b, Float8 c) { return _mm256_fmadd_ps(a, b, c); }
inline float f4_sum(__m128 s) {
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float f8_sum(Float8 v) { return f4_sum(_mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1))); }
inline Float8 f8_from_u8(const void* p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)))); }
inline Float8 f8_from_s8(const void* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)))); }

// Eight halves, kStride bytes apart.
template <int kStride>
inline Float8 f8_strided_halves(const uint8_t* p) {
  const auto at = [p](int i) { return static_cast<short>(read_u16(p + i * kStride)); };
  return _mm256_cvtph_ps(_mm_setr_epi16(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)));
}
// n < 8 of them; the other lanes zero. Put together in integer registers, to be stored as one.
template <int kStride>
inline Float8 f8_strided_halves(const uint8_t* p, int n) {
  uint64_t low = 0, high = 0;
  for (int i = 0; i < n && i < 4; ++i) low |= static_cast<uint64_t>(read_u16(p + i * kStride)) << (16 * i);
  for (int i = 4; i < n; ++i) high |= static_cast<uint64_t>(read_u16(p + i * kStride)) << (16 * i - 64);
  return _mm256_cvtph_ps(_mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low)));
}
// Two neighbouring halves of each of eight places.
template <int kStride>
inline void f8_store_strided_pairs(const uint8_t* p, float* first, float* second) {
  const auto at = [p](int i) { return static_cast<int>(read_u32(p + i * kStride)); };
  const __m128i a = _mm_setr_epi32(at(0), at(1), at(2), at(3)), b = _mm_setr_epi32(at(4), at(5), at(6), at(7));
  const __m128i low = _mm_set1_epi32(0xffff);
  f8_store(first, _mm256_cvtph_ps(_mm_packus_epi32(_mm_and_si128(a, low), _mm_and_si128(b, low))));
  f8_store(second, _mm256_cvtph_ps(_mm_packus_epi32(_mm_srli_epi32(a, 16), _mm_srli_epi32(b, 16))));
}

inline Bytes bytes_load(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
// The first n times four bytes; what follows in memory is not touched.
inline Bytes bytes_load_words(const void* p, int n) {
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return {_mm256_maskload_epi32(static_cast<const int*>(p), mask)};
}
inline void bytes_store(uint8_t* p, Bytes b) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), b.v); }
inline Bytes bytes_or(Bytes a, Bytes b) { return {_mm256_or_si256(a.v, b.v)}; }
// The low nibbles of 16 bytes, then the high ones.
inline Bytes bytes_nibbles(const uint8_t* p) {
  const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_and_si256(_mm256_srlv_epi64(twice, _mm256_setr_epi64x(0, 0, 4, 4)), _mm256_set1_epi8(15))};
}
inline Bytes bytes_shift_mask(Bytes b, int n, uint8_t mask) {
  return {_mm256_and_si256(_mm256_srli_epi16(b.v, n), _mm256_set1_epi8(static_cast<char>(mask)))};
}
// The bits `mask << from` as `mask << to`, the others zero.
inline Bytes bytes_move_bits(Bytes b, int from, int to, uint8_t mask) {
  const __m256i moved = from >= to ? _mm256_srli_epi16(b.v, from - to) : _mm256_slli_epi16(b.v, to - from);
  return {_mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(mask << to)))};
}
inline Bytes bytes_table(const int8_t* table, Bytes index) {
  const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm256_shuffle_epi8(t, index.v)};
}

// The largest |x| of 32, NaN when one of them is.
inline float f8_largest_magnitude(Float8 a, Float8 b, Float8 c, Float8 d) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  if (_mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_UNORD_Q), _mm256_cmp_ps(c, d, _CMP_UNORD_Q)))) return __builtin_nanf("");
  const __m256 m = _mm256_max_ps(_mm256_max_ps(_mm256_andnot_ps(sign, a), _mm256_andnot_ps(sign, b)),
                                 _mm256_max_ps(_mm256_andnot_ps(sign, c), _mm256_andnot_ps(sign, d)));
  __m128 r = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
  r = _mm_max_ps(r, _mm_movehl_ps(r, r));
  return _mm_cvtss_f32(_mm_max_ss(r, _mm_movehdup_ps(r)));
}

// 32 numbers times `inverse`, rounded to nearest even; the sums are those of the first and the last 16 bytes.
inline Bytes f8_round_to_bytes(Float8 a, Float8 b, Float8 c, Float8 d, float inverse, int* sum_low, int* sum_high) {
  const __m256 k = _mm256_set1_ps(inverse);
  const __m256i ia = _mm256_cvtps_epi32(_mm256_mul_ps(a, k)), ib = _mm256_cvtps_epi32(_mm256_mul_ps(b, k));
  const __m256i ic = _mm256_cvtps_epi32(_mm256_mul_ps(c, k)), id = _mm256_cvtps_epi32(_mm256_mul_ps(d, k));
  const __m256i low = _mm256_packs_epi32(ia, ib), high = _mm256_packs_epi32(ic, id);  // lanes: a0-3 b0-3 | a4-7 b4-7
  const __m256i bytes = _mm256_packs_epi16(low, high);                                // a0-3 b0-3 c0-3 d0-3 | a4-7 …
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i sl = _mm256_madd_epi16(low, ones), sh = _mm256_madd_epi16(high, ones);
  // one register for both sums: low in the even pairs, high in the odd ones
  const __m256i s = _mm256_hadd_epi32(sl, sh);
  __m128i t = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0xb1));
  *sum_low = _mm_cvtsi128_si32(t);
  *sum_high = _mm_extract_epi32(t, 2);
  return {_mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))};
}

inline __m256 load_n_mask8(const float* p, int n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
}

// The eight scales and minimums of a block of Q4_K or Q5_K: 6 bits each, packed in 12 bytes behind the two halves that scale them.
inline void k4_block_scales(const uint8_t* p, float* scale, float* min) {
  const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 4));  // the last four bytes are quants
  // eight scales, eight minimums: four bytes of each in whole, of the others the low four bits in the third word, the upper two elsewhere
  const __m128i low = _mm_and_si128(_mm_srlv_epi32(_mm_shuffle_epi32(packed, 0x98), _mm_setr_epi32(0, 0, 0, 4)),
                                    _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
  const __m128i high = _mm_and_si128(_mm_srli_epi32(_mm_shuffle_epi32(packed, 0x50), 2), _mm_setr_epi32(0, 0x30303030, 0, 0x30303030));
  const __m128i six = _mm_or_si128(low, high);
  const __m128 by = _mm_xor_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(read_u32(p)))), _mm_setr_ps(0.0f, -0.0f, 0.0f, 0.0f));
  const __m256 d = _mm256_broadcastss_ps(by), minus_dmin = _mm256_broadcastss_ps(_mm_movehdup_ps(by));
  f8_store(scale, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(six)) * d);
  f8_store(min, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(six, 8))) * minus_dmin);
}

// Of 32 halves; above 0x7c00 where one is NaN.
inline uint16_t largest_half_magnitude(const uint8_t* p) {
  const __m128i all = _mm_set1_epi16(0x7fff);
  const auto at = [&](int i) { return _mm_andnot_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i)), all); };
  const __m128i least = _mm_min_epu16(_mm_min_epu16(at(0), at(1)), _mm_min_epu16(at(2), at(3)));
  return static_cast<uint16_t>(0x7fff - _mm_extract_epi16(_mm_minpos_epu16(least), 0));
}

// [8][32][4] bytes: what is four neighbours of each lane becomes a lane each of four neighbours. Twice gives the first again.
inline void transpose_quads(const uint8_t* in, uint8_t* out) {
  const __m128i turn = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (int q = 0; q < 8; ++q) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 128 * q + 16 * k));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 128 * k + 16 * q), _mm_shuffle_epi8(four, turn));
    }
  }
}

// How attention's integer products read the codes of a tile, and what they are multiplied with.
enum class Codes {
  bytes_with_sign,      // by numbers with a sign
  bytes_by_magnitudes,  // with a sign, by numbers from 0 to 127
  magnitudes,           // bytes from 0 to 15, by numbers with a sign
  nibbles,              // the same two a byte: the low ones are the first 16 numbers
};

// Four rows of n bytes (a multiple of 16), four bytes of each in turn: 16 bytes, and the next ones `stride` bytes behind.
inline void put_side_by_side(const int8_t* a, const int8_t* b, const int8_t* c, const int8_t* d, int64_t n, int8_t* out, ptrdiff_t stride) {
  for (int64_t i = 0; i < n; i += 16, out += 4 * stride) {
    const auto of = [i](const int8_t* row) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i)); };
    const __m128i a0b0 = _mm_unpacklo_epi32(of(a), of(b)), a2b2 = _mm_unpackhi_epi32(of(a), of(b));
    const __m128i c0d0 = _mm_unpacklo_epi32(of(c), of(d)), c2d2 = _mm_unpackhi_epi32(of(c), of(d));
    const auto put = [out, stride](int at, __m128i four) { _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at * stride), four); };
    put(0, _mm_unpacklo_epi64(a0b0, c0d0));
    put(1, _mm_unpackhi_epi64(a0b0, c0d0));
    put(2, _mm_unpacklo_epi64(a2b2, c2d2));
    put(3, _mm_unpackhi_epi64(a2b2, c2d2));
  }
}
