// AVX-512 with VNNI: 16 floats, 64 bytes, and vpdpbusd, which adds four byte products to 32 bits without saturating.

#include <immintrin.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/mxfp4.h"

namespace pio {
namespace {

#include "kernels/cpu/inl/x86_inl.h"

typedef __m512 Vec;
constexpr int kLanes = 16;

inline __mmask16 first_lanes(int n) { return n >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << n) - 1); }

inline Vec vec_set(float x) { return _mm512_set1_ps(x); }
inline Vec vec_load(const float* p) { return _mm512_loadu_ps(p); }
inline void vec_store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
inline Vec vec_load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
inline void vec_store_n(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }
inline Vec vec_fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec vec_max(Vec a, Vec b) { return _mm512_max_ps(a, b); }  // b where one is NaN
inline Vec vec_min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline float vec_sum(Vec v) { return f8_sum(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1))); }
inline float vec_largest(Vec v) {
  const __m256 m = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  __m128 r = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
  r = _mm_max_ps(r, _mm_movehl_ps(r, r));
  return _mm_cvtss_f32(_mm_max_ss(r, _mm_movehdup_ps(r)));
}
inline float vec_first(Vec v) { return _mm512_cvtss_f32(v); }
inline Vec vec_times_power_of_two(Vec p, Vec n) { return _mm512_scalef_ps(p, n); }
inline Vec vec_load_f16(const uint8_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
inline void vec_store_f16(uint16_t* p, Vec v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
inline Vec vec_load_bf16(const uint8_t* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
}

// Bit i of the 32 at p as `value` in byte i.
inline Bytes bytes_from_bits(const uint8_t* p, uint8_t value) {
  return {_mm256_maskz_mov_epi8(static_cast<__mmask32>(read_u32(p)), _mm256_set1_epi8(static_cast<char>(value)))};
}

// The same place of every fourth of 16 rows: rows[0], rows[4], rows[8], rows[12].
struct Rows4 {
  const uint8_t* const* rows;
  ptrdiff_t at;
  Rows4 operator+(ptrdiff_t n) const { return {rows, at + n}; }
  const uint8_t* operator[](int i) const { return rows[4 * i] + at; }
};
// 32 bytes of each of four rows: lane i of `low` holds the first 16 of row i, lane i of `high` the others.
struct Bytes4 {
  __m512i low, high;
};
inline __m512i lanes_load(Rows4 r) {
  const auto at = [](const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  const __m256i first = _mm256_inserti128_si256(_mm256_castsi128_si256(at(r[0])), at(r[1]), 1);
  const __m256i second = _mm256_inserti128_si256(_mm256_castsi128_si256(at(r[2])), at(r[3]), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}
inline Bytes4 bytes_load(Rows4 r) { return {lanes_load(r), lanes_load(r + 16)}; }
inline __m512i lanes_shift_mask(__m512i v, int n, uint8_t mask) {
  return _mm512_and_si512(_mm512_srli_epi16(v, static_cast<unsigned>(n)), _mm512_set1_epi8(static_cast<char>(mask)));
}
inline Bytes4 bytes_nibbles(Rows4 r) {
  const __m512i v = lanes_load(r);
  return {_mm512_and_si512(v, _mm512_set1_epi8(15)), lanes_shift_mask(v, 4, 15)};
}
inline Bytes4 bytes_or(Bytes4 a, Bytes4 b) { return {_mm512_or_si512(a.low, b.low), _mm512_or_si512(a.high, b.high)}; }
inline Bytes4 bytes_shift_mask(Bytes4 b, int n, uint8_t mask) { return {lanes_shift_mask(b.low, n, mask), lanes_shift_mask(b.high, n, mask)}; }
inline __m512i lanes_move_bits(__m512i v, int from, int to, uint8_t mask) {
  const __m512i moved = from >= to ? _mm512_srli_epi16(v, static_cast<unsigned>(from - to)) : _mm512_slli_epi16(v, static_cast<unsigned>(to - from));
  return _mm512_and_si512(moved, _mm512_set1_epi8(static_cast<char>(mask << to)));
}
inline Bytes4 bytes_move_bits(Bytes4 b, int from, int to, uint8_t mask) {
  return {lanes_move_bits(b.low, from, to, mask), lanes_move_bits(b.high, from, to, mask)};
}
inline Bytes4 bytes_table(const int8_t* table, Bytes4 index) {
  const __m512i t = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm512_shuffle_epi8(t, index.low), _mm512_shuffle_epi8(t, index.high)};
}
inline Bytes4 bytes_from_bits(Rows4 r, uint8_t value) {
  uint64_t low = 0, high = 0;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    low |= static_cast<uint64_t>(read_u16(r[i])) << (16 * i);
    high |= static_cast<uint64_t>(read_u16(r[i] + 2)) << (16 * i);
  }
  const __m512i v = _mm512_set1_epi8(static_cast<char>(value));
  return {_mm512_maskz_mov_epi8(low, v), _mm512_maskz_mov_epi8(high, v)};
}

typedef __m512i IntVec;
inline IntVec int_set(int32_t x) { return _mm512_set1_epi32(x); }
inline IntVec int_add(IntVec a, IntVec b) { return _mm512_add_epi32(a, b); }
inline Vec int_to_float(IntVec v) { return _mm512_cvtepi32_ps(v); }
inline IntVec int_load(const uint8_t* p) { return _mm512_loadu_si512(p); }
inline void int_store(uint8_t* p, IntVec v) { _mm512_storeu_si512(p, v); }
inline IntVec int_or(IntVec a, IntVec b) { return _mm512_or_si512(a, b); }
inline IntVec int_mask(IntVec v, uint8_t mask) { return _mm512_and_si512(v, _mm512_set1_epi8(static_cast<char>(mask))); }
// Bits that come from a neighbouring byte are for the caller to mask.
inline IntVec int_left(IntVec v, int n) { return _mm512_slli_epi16(v, static_cast<unsigned>(n)); }
inline IntVec int_right(IntVec v, int n) { return _mm512_srli_epi16(v, static_cast<unsigned>(n)); }
inline IntVec int_and(IntVec v, uint32_t mask) { return _mm512_and_si512(v, _mm512_set1_epi32(static_cast<int32_t>(mask))); }
inline IntVec int_words_left(IntVec v, int n) { return _mm512_slli_epi32(v, static_cast<unsigned>(n)); }
inline IntVec int_words_right(IntVec v, int n) { return _mm512_srli_epi32(v, static_cast<unsigned>(n)); }
inline IntVec int_minus_bytes(IntVec v, uint8_t x) { return _mm512_sub_epi8(v, _mm512_set1_epi8(static_cast<char>(x))); }
// Byte j of all rows at p + 16 j.
inline void int_store_bytes(uint8_t* p, IntVec v) {
  const __m512i in_lanes = _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
  _mm512_storeu_si512(p, _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), in_lanes));
}
inline IntVec int_table(const int8_t* table, IntVec index) {
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), index);
}
inline IntVec int_moved_up(IntVec v) { return _mm512_xor_si512(v, _mm512_set1_epi8(static_cast<char>(0x80))); }  // by kSignedOffset
// Of each 32 bits those that are left when they are moved up and then down, with their sign; `flip` turns some of them before.
inline Vec vec_from_bits(const uint8_t* p, uint32_t flip, int up, int down) {
  const __m512i bits = _mm512_xor_si512(int_load(p), _mm512_set1_epi32(static_cast<int32_t>(flip)));
  return _mm512_cvtepi32_ps(_mm512_srav_epi32(_mm512_sllv_epi32(bits, _mm512_set1_epi32(up)), _mm512_set1_epi32(down)));
}
inline Vec vec_from_u8(const uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))); }
inline Vec vec_from_s8(const uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))); }
// 2^(e - 128) of each byte e: exponent field e - 1; for e = 0 and 1 the subnormals 2^-128 and 2^-127
inline Vec vec_from_e8m0(const uint8_t* p) {
  const __m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i small = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  return _mm512_castsi512_ps(_mm512_mask_blend_epi32(_mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2)), normal, small));
}

constexpr int kMatmulTokens = 6;  // 4 x 6 sums in 32 registers
constexpr int kPanelRows = 8;     // 8 x 2 sums

// 16 runs of 8 numbers (four bytes each), two runs a register: a[i] = run i | run i + 8 → 8 registers of one number a run.
inline void transpose_16x8(__m512i (&a)[8], __m512i (&out)[8]) {
  __m512i t[8], u[8];
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    u[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    u[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  for (int i = 0; i < 4; ++i) {
    out[i] = _mm512_permutex2var_epi64(u[i], low, u[4 + i]);
    out[4 + i] = _mm512_permutex2var_epi64(u[i], high, u[4 + i]);
  }
}

inline __m512i two_runs(__m256i low, __m256i high) { return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1); }

// in [32][n] → out [n][32]
inline void transpose_32_rows(const float* in, int n, float* out) {
  const int whole = n / 8 * 8;
  for (int i = 0; i < whole; i += 8) {
    for (int c = 0; c < 32; c += 16) {
      __m512i a[8], r[8];
      for (int k = 0; k < 8; ++k) {
        a[k] = two_runs(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + (c + k) * n + i)),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + (c + k + 8) * n + i)));
      }
      transpose_16x8(a, r);
      for (int k = 0; k < 8; ++k) _mm512_storeu_si512(out + (i + k) * 32 + c, r[k]);
    }
  }
  for (int i = whole; i < n; ++i)
    for (int c = 0; c < 32; ++c) out[i * 32 + c] = in[c * n + i];
}

// in [16][stride], n numbers of each row → out [n][16], in whole eights
inline void transpose_scales(const float* in, int stride, int n, float* out) {
  for (int i = 0; i < n; i += 8) {
    __m512i a[8], r[8];
    for (int k = 0; k < 8; ++k) {
      a[k] = two_runs(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k * stride + i)),
                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + (k + 8) * stride + i)));
    }
    transpose_16x8(a, r);
    for (int k = 0; k < 8; ++k) _mm512_storeu_si512(out + (i + k) * 16, r[k]);
  }
}

#define PIO_CPU_GEMM
constexpr int kGemmRows = 16;
constexpr int kGemmMinTokens = 4;
constexpr int kGemmColumns[kGemmWidths] = {12, 8, 4};
// vpdpbusd takes one unsigned side: signed numbers are moved up by 128, and the integer sums start at -128 times the sum of the others
constexpr int kSignedOffset = 128;

template <bool kSigned>
inline void transpose_runs(const Bytes (&runs)[kGemmRows], uint8_t* out) {
  __m512i a[8], r[8];
  for (int i = 0; i < 8; ++i) {
    a[i] = two_runs(runs[i].v, runs[i + 8].v);
    if constexpr (kSigned) a[i] = _mm512_xor_si512(a[i], _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  transpose_16x8(a, r);
  for (int i = 0; i < 8; ++i) _mm512_storeu_si512(out + 64 * i, r[i]);
}

inline IntVec int_from_float(Vec v) { return _mm512_cvtps_epi32(v); }
inline void store_as_bytes(uint8_t* p, IntVec v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v)); }

// The sums of the products of a group (inl/integer_attention_inl.h): 32 codes of kVecs * 16 lanes by 32 numbers of kColumns rows.
template <Codes kCodes, int kColumns, int kVecs>
__attribute__((always_inline)) inline void group_products(const uint8_t* codes, const uint8_t* rows, const int32_t* offsets,
                                                          __m512i (&sum)[kColumns][kVecs]) {
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c)
    for (int v = 0; v < kVecs; ++v) sum[c][v] = kCodes == Codes::bytes_by_magnitudes ? _mm512_setzero_si512() : _mm512_set1_epi32(offsets[c]);
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    __m512i w[kVecs];
    for (int v = 0; v < kVecs; ++v) {
      w[v] = _mm512_loadu_si512(codes + (kCodes == Codes::nibbles ? k % 4 : k) * 128 + 64 * v);
      if constexpr (kCodes == Codes::bytes_with_sign) w[v] = int_moved_up(w[v]);
      if constexpr (kCodes == Codes::nibbles) w[v] = int_mask(k < 4 ? w[v] : int_right(w[v], 4), 15);
    }
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) {
      int32_t four;
      memcpy(&four, rows + c * 32 + 4 * k, 4);
      const __m512i a = _mm512_set1_epi32(four);
      for (int v = 0; v < kVecs; ++v)
        sum[c][v] = kCodes == Codes::bytes_by_magnitudes ? _mm512_dpbusd_epi32(sum[c][v], a, w[v]) : _mm512_dpbusd_epi32(sum[c][v], w[v], a);
    }
  }
}

template <int kColumns, int kGroup, bool kInit, bool kSigned, int kMaxRaw>
inline __attribute__((always_inline)) void gemm_group(const uint8_t* quants, const int8_t* q, const int32_t* init, const auto& take) {
  __m512i sum[kColumns];
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c) sum[c] = kInit ? _mm512_set1_epi32(init[c]) : _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int k = 0; k < kGroup / 4; ++k) {
    const __m512i w = _mm512_loadu_si512(quants + k * 64);
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) {
      int32_t four;
      memcpy(&four, q + (k * kColumns + c) * 4, 4);
      sum[c] = _mm512_dpbusd_epi32(sum[c], w, _mm512_set1_epi32(four));
    }
  }
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c) take(c, _mm512_cvtepi32_ps(sum[c]));
}

// sum + the products of 4 inputs, a lane a row; signed weights moved up by kSignedOffset.
constexpr bool kDotsSideBySide = true;
template <bool kSigned>
inline __m512i lanes_step(__m512i sum, __m512i w, const int8_t* q) {
  int32_t four;
  memcpy(&four, q, 4);
  return _mm512_dpbusd_epi32(sum, kSigned ? int_moved_up(w) : w, _mm512_set1_epi32(four));
}

// The sum of the products of 4 * kSteps inputs, which are kStride bytes apart by fours, a lane a row; signed weights moved up by kSignedOffset.
template <bool kSigned, int kMaxRaw, int kSteps, int kStride>
inline __m512i lanes_dot(const __m512i (&w)[kSteps], const int8_t* q) {
  __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int k = 0; k < kSteps; ++k) {
    int32_t four;
    memcpy(&four, q + kStride * k, 4);
    sum = _mm512_dpbusd_epi32(sum, kSigned ? int_moved_up(w[k]) : w[k], _mm512_set1_epi32(four));
  }
  return sum;
}

constexpr int kProductsARound = 12 * 64;
int32_t multiply_in_registers(int64_t n_rounds) {
  __m512i sum[12], a = _mm512_set1_epi32(0x01020304), b = _mm512_set1_epi32(0x04030201);
  for (__m512i& s : sum) s = _mm512_setzero_si512();
  for (int64_t i = 0; i < n_rounds; ++i) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 12
    for (int k = 0; k < 12; ++k) sum[k] = _mm512_dpbusd_epi32(sum[k], a, b);
  }
  __m512i all = sum[0];
  for (int k = 1; k < 12; ++k) all = _mm512_add_epi32(all, sum[k]);
  return _mm512_reduce_add_epi32(all);
}

// Four registers of four partial sums of each of four rows (register k: rows k, k + 4, k + 8, k + 12) → the 16 sums, a lane a row.
inline __m512i add_partial_sums(const __m512i (&p)[4]) {
  const __m512i x = _mm512_add_epi32(_mm512_unpacklo_epi32(p[0], p[1]), _mm512_unpackhi_epi32(p[0], p[1]));
  const __m512i y = _mm512_add_epi32(_mm512_unpacklo_epi32(p[2], p[3]), _mm512_unpackhi_epi32(p[2], p[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
}

// The sums of the products of run i of a block, `at` bytes into each of 16 rows, a lane a row: of all 32, or of the first and the last 16.
template <class F, int kGroups>
inline void group_sums(const uint8_t* const (&rows)[16], ptrdiff_t at, int i, const int8_t* q, __m512i (&sums)[kGroups]) {
  const __m512i a_low = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q)));
  const __m512i a_high = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q + 16)));
  __m512i first[4], second[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    Bytes4 w = F::quants(Rows4{rows + k, at}, i);
    if constexpr (F::kSigned) {  // moved up by kSignedOffset
      const __m512i up = _mm512_set1_epi8(static_cast<char>(0x80));
      w = {_mm512_xor_si512(w.low, up), _mm512_xor_si512(w.high, up)};
    }
    first[k] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w.low, a_low);
    second[k] = _mm512_dpbusd_epi32(kGroups == 1 ? first[k] : _mm512_setzero_si512(), w.high, a_high);
  }
  if constexpr (kGroups == 1) {
    sums[0] = add_partial_sums(second);
  } else {
    sums[0] = add_partial_sums(first);
    sums[1] = add_partial_sums(second);
  }
}

#include "kernels/cpu/inl/formats_inl.h"
#include "kernels/cpu/inl/dot_inl.h"
#include "kernels/cpu/inl/gemv_inl.h"
#include "kernels/cpu/inl/gemm_inl.h"
#include "kernels/cpu/inl/lanes_inl.h"
#include "kernels/cpu/inl/elementwise_inl.h"
#include "kernels/cpu/inl/attention_inl.h"
#include "kernels/cpu/inl/integer_attention_inl.h"
#include "kernels/cpu/inl/bf16_inl.h"

#include "kernels/cpu/inl/bf16_attention_inl.h"

#define PIO_CPU_SEGMENTS
constexpr int kPairVecs = 4;  // beside 6 rows: 24 sums in 32 registers
inline IntVec int_add_pairs(IntVec sum, IntVec a, IntVec b) { return _mm512_dpwssd_epi32(sum, a, b); }
// The low 16 bits of each, side by side.
inline IntVec int_join_shorts(IntVec low, IntVec high) { return _mm512_mask_blend_epi16(0xaaaaaaaa, low, _mm512_slli_epi32(high, 16)); }
inline void store_shorts(int16_t* p, IntVec low, IntVec high) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(low));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 16), _mm512_cvtsepi32_epi16(high));
}
// 2^x within 3e-6, NaN stays: the polynomial of least relative error on [0, 1], of the part above the whole number, which vscalefps takes itself.
inline Vec vec_exp2(Vec x) {
  const Vec r = _mm512_reduce_ps(x, 0x09);
  Vec p = vec_fma(vec_set(0.0135341612f), r, vec_set(0.0520114782f));
  p = vec_fma(p, r, vec_set(0.241442743f));
  p = vec_fma(p, r, vec_set(0.693003838f));
  p = vec_fma(p, r, vec_set(1.00000259f));
  return _mm512_scalef_ps(p, x);
}
#include "kernels/cpu/inl/pairs_inl.h"
#include "kernels/cpu/inl/self_attention_inl.h"

#include "kernels/cpu/inl/table_inl.h"

constexpr CpuKernels kTable = make_table("avx512");

constexpr CpuKernels make_bf16_table() {
  CpuKernels t = make_table("avx512_bf16");
  t.attend = &attend_with_bf16;
  t.attend_scratch_floats = &attend_scratch_floats_with_bf16;
  t.round_bf16 = &round_bf16;
  t.pair_bf16 = &pair_bf16;
  t.matmul_bf16_transposed = &matmul_bf16_transposed;
  t.gemm_bf16 = &gemm_bf16;
  return t;
}
constexpr CpuKernels kBf16Table = make_bf16_table();

}  // namespace

const CpuKernels* cpu_kernels_avx512() { return &kTable; }
const CpuKernels* cpu_kernels_avx512_bf16() { return &kBf16Table; }

}  // namespace pio
