// AVX2, FMA and F16C: 8 floats, 32 bytes. Byte products go through vpmaddubsw, whose sums saturate at 16 bits.

#include <immintrin.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/mxfp4.h"

namespace pio {
namespace {

#include "kernels/cpu/inl/x86_inl.h"

typedef __m256 Vec;
constexpr int kLanes = 8;

inline Vec vec_set(float x) { return _mm256_set1_ps(x); }
inline Vec vec_load(const float* p) { return _mm256_loadu_ps(p); }
inline void vec_store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
inline Vec vec_load_n(const float* p, int n) { return n >= 8 ? _mm256_loadu_ps(p) : load_n_mask8(p, n); }
inline void vec_store_n(float* p, Vec v, int n) {
  if (n >= 8) return _mm256_storeu_ps(p, v);
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane), v);
}
inline Vec vec_fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec vec_max(Vec a, Vec b) { return _mm256_max_ps(a, b); }  // b where one is NaN
inline Vec vec_min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline float vec_sum(Vec v) { return f8_sum(v); }
inline float vec_largest(Vec m) {
  __m128 r = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
  r = _mm_max_ps(r, _mm_movehl_ps(r, r));
  return _mm_cvtss_f32(_mm_max_ss(r, _mm_movehdup_ps(r)));
}
inline float vec_first(Vec v) { return _mm256_cvtss_f32(v); }
// p * 2^n for whole n in [-151, 129]: in two steps, so that the ends come out as subnormals and infinity
inline Vec vec_times_power_of_two(Vec p, Vec n) {
  const __m256i i = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(i, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const __m256 b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(i, half), bias), 23));
  return p * a * b;
}
inline Vec vec_load_f16(const uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline void vec_store_f16(uint16_t* p, Vec v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
inline Vec vec_load_bf16(const uint8_t* p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
}

// Bit i of the 32 at p as `value` in byte i.
inline Bytes bytes_from_bits(const uint8_t* p, uint8_t value) {
  const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(read_u32(p))),
                                             _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
  return {_mm256_and_si256(set, _mm256_set1_epi8(static_cast<char>(value)))};
}

typedef __m256i IntVec;
inline IntVec int_set(int32_t x) { return _mm256_set1_epi32(x); }
inline IntVec int_add(IntVec a, IntVec b) { return _mm256_add_epi32(a, b); }
inline Vec int_to_float(IntVec v) { return _mm256_cvtepi32_ps(v); }
inline IntVec int_load(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void int_store(uint8_t* p, IntVec v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline IntVec int_or(IntVec a, IntVec b) { return _mm256_or_si256(a, b); }
inline IntVec int_mask(IntVec v, uint8_t mask) { return _mm256_and_si256(v, _mm256_set1_epi8(static_cast<char>(mask))); }
// Bits that come from a neighbouring byte are for the caller to mask.
inline IntVec int_left(IntVec v, int n) { return _mm256_slli_epi16(v, n); }
inline IntVec int_right(IntVec v, int n) { return _mm256_srli_epi16(v, n); }
inline IntVec int_and(IntVec v, uint32_t mask) { return _mm256_and_si256(v, _mm256_set1_epi32(static_cast<int32_t>(mask))); }
inline IntVec int_words_left(IntVec v, int n) { return _mm256_slli_epi32(v, n); }
inline IntVec int_words_right(IntVec v, int n) { return _mm256_srli_epi32(v, n); }
inline IntVec int_minus_bytes(IntVec v, uint8_t x) { return _mm256_sub_epi8(v, _mm256_set1_epi8(static_cast<char>(x))); }
// Byte j of all rows at p + 8 j.
inline void int_store_bytes(uint8_t* p, IntVec v) {
  const __m256i in_lanes = _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
  int_store(p, _mm256_permutevar8x32_epi32(in_lanes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}
inline IntVec int_table(const int8_t* table, IntVec index) { return bytes_table(table, {index}).v; }
inline IntVec int_moved_up(IntVec v) { return v; }  // kSignedOffset is 0
// Of each 32 bits those that are left when they are moved up and then down, with their sign; `flip` turns some of them before.
inline Vec vec_from_bits(const uint8_t* p, uint32_t flip, int up, int down) {
  const __m256i bits = _mm256_xor_si256(int_load(p), _mm256_set1_epi32(static_cast<int32_t>(flip)));
  return _mm256_cvtepi32_ps(_mm256_srav_epi32(_mm256_sllv_epi32(bits, _mm256_set1_epi32(up)), _mm256_set1_epi32(down)));
}
inline Vec vec_from_u8(const uint8_t* p) { return f8_from_u8(p); }
inline Vec vec_from_s8(const uint8_t* p) { return f8_from_s8(p); }
// 2^(e - 128) of each byte e: exponent field e - 1; for e = 0 and 1 the subnormals 2^-128 and 2^-127
inline Vec vec_from_e8m0(const uint8_t* p) {
  const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, small, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
}

constexpr int kMatmulTokens = 3;  // 4 x 3 sums in 16 registers
constexpr int kPanelRows = 2;     // 2 x 4 sums

inline void transpose_8x8(__m256i (&r)[8]) {
  __m256i t[8], u[8];
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    u[4 * i] = _mm256_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 1] = _mm256_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 2] = _mm256_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    u[4 * i + 3] = _mm256_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2x128_si256(u[i], u[4 + i], 0x20);
    r[4 + i] = _mm256_permute2x128_si256(u[i], u[4 + i], 0x31);
  }
}

// in [32][n] → out [n][32]
inline void transpose_32_rows(const float* in, int n, float* out) {
  const int whole = n / 8 * 8;
  for (int i = 0; i < whole; i += 8) {
    for (int c = 0; c < 32; c += 8) {
      __m256i r[8];
      for (int k = 0; k < 8; ++k) r[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + (c + k) * n + i));
      transpose_8x8(r);
      for (int k = 0; k < 8; ++k) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (i + k) * 32 + c), r[k]);
    }
  }
  for (int i = whole; i < n; ++i)
    for (int c = 0; c < 32; ++c) out[i * 32 + c] = in[c * n + i];
}

// in [8][stride], n numbers of each row → out [n][8], in whole eights
inline void transpose_scales(const float* in, int stride, int n, float* out) {
  for (int i = 0; i < n; i += 8) {
    __m256i r[8];
    for (int k = 0; k < 8; ++k) r[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k * stride + i));
    transpose_8x8(r);
    for (int k = 0; k < 8; ++k) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (i + k) * 8), r[k]);
  }
}

#define PIO_CPU_GEMM
constexpr int kGemmRows = 8;
constexpr int kGemmMinTokens = 6;
constexpr int kGemmColumns[kGemmWidths] = {6, 4, 2};  // 6 sums of each kind fill the registers (performance.md 1.3)
constexpr int kSignedOffset = 0;

// 8 runs of 32 bytes → 8 registers of four bytes a run
template <bool kSigned>
inline void transpose_runs(const Bytes (&runs)[kGemmRows], uint8_t* out) {
  __m256i r[8];
  for (int i = 0; i < 8; ++i) r[i] = runs[i].v;
  transpose_8x8(r);
  for (int i = 0; i < 8; ++i) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32 * i), r[i]);
}

inline __m256i four_bytes(const int8_t* p) {
  int32_t four;
  memcpy(&four, p, 4);
  return _mm256_set1_epi32(four);
}

inline IntVec int_from_float(Vec v) { return _mm256_cvtps_epi32(v); }
inline void store_as_bytes(uint8_t* p, IntVec v) {
  const __m256i words = _mm256_packs_epi32(v, _mm256_setzero_si256());
  const __m256i bytes = _mm256_packs_epi16(words, words);
  const int32_t low = _mm256_extract_epi32(bytes, 0), high = _mm256_extract_epi32(bytes, 4);
  memcpy(p, &low, 4);
  memcpy(p + 4, &high, 4);
}

// The sums of the products of a group (inl/integer_attention_inl.h): 32 codes of kVecs * 8 lanes by 32 numbers of kColumns rows. Two products
// of bytes fit 16 bits, 127 * 128 * 2 = 32,512, and of codes up to 15 all of a group, 15 * 127 * 2 * 8 = 30,480.
template <Codes kCodes, int kColumns, int kVecs>
__attribute__((always_inline)) inline void group_products(const uint8_t* codes, const uint8_t* rows, const int32_t* offsets,
                                                          __m256i (&sum)[kColumns][kVecs]) {
  constexpr bool kNarrow = kCodes == Codes::nibbles || kCodes == Codes::magnitudes;
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 6
  for (int c = 0; c < kColumns; ++c)
    for (int v = 0; v < kVecs; ++v) sum[c][v] = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    __m256i w[kVecs];
    for (int v = 0; v < kVecs; ++v) {
      w[v] = int_load(codes + (kCodes == Codes::nibbles ? k % 4 : k) * 128 + 32 * v);
      if constexpr (kCodes == Codes::nibbles) w[v] = int_mask(k < 4 ? w[v] : int_right(w[v], 4), 15);
    }
#pragma GCC unroll 6
    for (int c = 0; c < kColumns; ++c) {
      const __m256i a = four_bytes(reinterpret_cast<const int8_t*>(rows) + c * 32 + 4 * k);
      for (int v = 0; v < kVecs; ++v) {
        const __m256i p = kCodes == Codes::bytes_with_sign       ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[v]), _mm256_sign_epi8(a, w[v]))
                          : kCodes == Codes::bytes_by_magnitudes ? _mm256_maddubs_epi16(a, w[v])
                                                                 : _mm256_maddubs_epi16(w[v], a);
        sum[c][v] = kNarrow ? _mm256_add_epi16(sum[c][v], p) : _mm256_add_epi32(sum[c][v], _mm256_madd_epi16(p, ones));
      }
    }
  }
  if constexpr (kNarrow) {
#pragma GCC unroll 6
    for (int c = 0; c < kColumns; ++c)
      for (int v = 0; v < kVecs; ++v) sum[c][v] = _mm256_add_epi32(_mm256_madd_epi16(sum[c][v], ones), _mm256_set1_epi32(offsets[c]));
  }
}

// A sum that the compiler may not take apart: in the order that it finds, all terms would wait in memory.
inline __m256i in_order(__m256i sum) {
  asm("" : "+x"(sum));
  return sum;
}

template <int kColumns, int kGroup, bool kInit, bool kSigned, int kMaxRaw>
inline __attribute__((always_inline)) void gemm_group(const uint8_t* quants, const int8_t* q, const int32_t* init, const auto& take) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[kColumns];
#pragma GCC unroll 6
  for (int c = 0; c < kColumns; ++c) sum[c] = kInit ? _mm256_set1_epi32(init[c]) : _mm256_setzero_si256();
  // how many sums of two products fit 16 bits: 8 of 15 * 127 * 2 = 3,810; 4 of 7,874; 2 of 16,002
  constexpr int kFit = kMaxRaw <= 15 ? 8 : kMaxRaw <= 31 ? 4 : kMaxRaw <= 63 ? 2 : 1;
  constexpr int kStep = kFit < kGroup / 4 ? kFit : kGroup / 4;
#pragma GCC unroll 8
  for (int k = 0; k < kGroup / 4; k += kStep) {
    __m256i narrow[kColumns];
#pragma GCC unroll 8
    for (int j = 0; j < kStep; ++j) {
      const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + (k + j) * 32));
      const __m256i magnitude = kSigned ? _mm256_abs_epi8(w) : w;
#pragma GCC unroll 6
      for (int c = 0; c < kColumns; ++c) {
        __m256i a = four_bytes(q + ((k + j) * kColumns + c) * 4);
        if constexpr (kSigned) a = _mm256_sign_epi8(a, w);
        const __m256i p = _mm256_maddubs_epi16(magnitude, a);
        narrow[c] = j == 0 ? p : in_order(_mm256_add_epi16(narrow[c], p));
      }
    }
#pragma GCC unroll 6
    for (int c = 0; c < kColumns; ++c) {
      sum[c] = _mm256_add_epi32(sum[c], _mm256_madd_epi16(narrow[c], ones));
      if constexpr (kGroup == 32) sum[c] = in_order(sum[c]);  // of 16 there are few terms, and 12 sums at a time have no room
    }
  }
#pragma GCC unroll 6
  for (int c = 0; c < kColumns; ++c) take(c, _mm256_cvtepi32_ps(sum[c]));
}

// Eight maddubs summed in 16 bits, one madd behind them: the pattern of lanes_dot.
constexpr int kProductsARound = 8 * 8 * 32;
int32_t multiply_in_registers(int64_t n_rounds) {
  __m256i sum[8], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(2);
  for (__m256i& s : sum) s = _mm256_setzero_si256();
  for (int64_t i = 0; i < n_rounds; ++i) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      __m256i narrow = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) {
        asm volatile("" : "+x"(a));
        narrow = _mm256_add_epi16(narrow, _mm256_maddubs_epi16(a, b));
      }
      sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(narrow, _mm256_set1_epi16(1)));
    }
  }
  for (int k = 1; k < 8; ++k) sum[0] = _mm256_add_epi32(sum[0], sum[k]);
  return _mm256_extract_epi32(sum[0], 0);
}

constexpr bool kDotsSideBySide = false;  // 8 columns' sums and a step's weights do not fit 16 registers
// The sum of the products of 4 * kSteps inputs, which are kStride bytes apart by fours, a lane a row.
template <bool kSigned, int kMaxRaw, int kSteps, int kStride>
inline __m256i lanes_dot(const __m256i (&w)[kSteps], const int8_t* q) {
  constexpr int kFit = kMaxRaw <= 15 ? 8 : kMaxRaw <= 31 ? 4 : kMaxRaw <= 63 ? 2 : 1;  // as in gemm_group
  constexpr int kStep = kFit < kSteps ? kFit : kSteps;
  __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int k = 0; k < kSteps; k += kStep) {
    __m256i narrow = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int j = 0; j < kStep; ++j) {
      __m256i a = four_bytes(q + kStride * (k + j));
      if constexpr (kSigned) a = _mm256_sign_epi8(a, w[k + j]);
      const __m256i p = _mm256_maddubs_epi16(kSigned ? _mm256_abs_epi8(w[k + j]) : w[k + j], a);
      narrow = j == 0 ? p : _mm256_add_epi16(narrow, p);
    }
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(narrow, _mm256_set1_epi16(1)));
  }
  return sum;
}

// The sums of the products of run i of a block, `at` bytes into each of eight rows, a lane a row: of all 32, or of the first and the last 16.
template <class F, int kGroups>
inline void group_sums(const uint8_t* const (&rows)[8], ptrdiff_t at, int i, const int8_t* q, __m256i (&sums)[kGroups]) {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
  const auto pairs = [&](int k) {  // sums of two products: 128 * 127 * 2 = 32,512 fits 16 bits
    const __m256i w = F::quants(rows[k] + at, i).v;
    if constexpr (F::kSigned) return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
    else return _mm256_maddubs_epi16(w, a);
  };
  // Rows are put side by side while their sums are added up: in 16 bits as long as those hold them, then in 32.
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i four[2];
#pragma GCC unroll 2
  for (int k = 0; k < 2; ++k) {
    __m256i two[2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const __m256i x = pairs(4 * k + 2 * j), y = pairs(4 * k + 2 * j + 1);
      if constexpr (F::kMaxRaw <= 63) {  // 63 * 127 * 4 = 32,004
        two[j] = _mm256_add_epi16(_mm256_unpacklo_epi32(x, y), _mm256_unpackhi_epi32(x, y));
        if constexpr (F::kMaxRaw > 31) two[j] = _mm256_madd_epi16(two[j], ones);
      } else {
        const __m256i x4 = _mm256_madd_epi16(x, ones), y4 = _mm256_madd_epi16(y, ones);
        two[j] = _mm256_add_epi32(_mm256_unpacklo_epi32(x4, y4), _mm256_unpackhi_epi32(x4, y4));
      }
    }
    const __m256i low = _mm256_unpacklo_epi64(two[0], two[1]), high = _mm256_unpackhi_epi64(two[0], two[1]);
    if constexpr (F::kMaxRaw <= 31) four[k] = _mm256_madd_epi16(_mm256_add_epi16(low, high), ones);  // 31 * 127 * 8 = 31,496
    else four[k] = _mm256_add_epi32(low, high);
  }
  const __m256i first = _mm256_permute2x128_si256(four[0], four[1], 0x20), second = _mm256_permute2x128_si256(four[0], four[1], 0x31);
  if constexpr (kGroups == 1) {
    sums[0] = _mm256_add_epi32(first, second);
  } else {
    sums[0] = first;
    sums[1] = second;
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

#define PIO_CPU_SEGMENTS
#define PIO_CPU_COARSE
constexpr int kPairVecs = 2;  // beside 6 rows: 12 sums in 16 registers
inline IntVec int_add_pairs(IntVec sum, IntVec a, IntVec b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
// The low 16 bits of each, side by side.
inline IntVec int_join_shorts(IntVec low, IntVec high) { return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa); }
inline void store_shorts(int16_t* p, IntVec low, IntVec high) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8));
}
// 2^x for x up to 126, within 3e-6; 2^-126 below that, NaN stays. The polynomial of least relative error on [-1/2, 1/2].
inline Vec vec_exp2(Vec x) {
  x = vec_max(vec_set(-126.0f), x);        // this order keeps NaN
  const Vec magic = vec_set(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number, which the low bits hold
  const Vec n = x + magic, r = x - (n - magic);
  Vec p = vec_fma(vec_set(9.57009102e-3f), r, vec_set(5.59178636e-2f));
  p = vec_fma(p, r, vec_set(0.240247451f));
  p = vec_fma(p, r, vec_set(0.693121814f));
  p = vec_fma(p, r, vec_set(0.999999261f));
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
}
#include "kernels/cpu/inl/pairs_inl.h"
#include "kernels/cpu/inl/coarse_inl.h"
#include "kernels/cpu/inl/self_attention_inl.h"

#include "kernels/cpu/inl/table_inl.h"

constexpr CpuKernels kTable = make_table("avx2");

}  // namespace

const CpuKernels* cpu_kernels_avx2() { return &kTable; }

}  // namespace pio
