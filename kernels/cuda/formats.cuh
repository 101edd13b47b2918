#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/cuda/device.cuh"
#include "kernels/dtype.h"
#include "kernels/quant/few_bits.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/iq_grid.h"
#include "kernels/quant/k_quants.h"
#include "kernels/quant/mxfp4.h"
#include "kernels/quant/q32.h"
#include "kernels/weight_only.h"

// Rows of weights, decoded where they are multiplied: every number comes out with the bits of kernels/quant.

namespace pio::cuda {

namespace host_tables {
#include "kernels/quant/grids.inc"
}  // namespace host_tables

PIO_TABLE auto kIq4Table = table_of(kIq4Values);
PIO_TABLE auto kMxfp4Table = table_of(kMxfp4Values);
PIO_TABLE auto kNf4Table = table_of(kNf4Values);
PIO_TABLE auto kIq1GridTable = table_of(host_tables::kIq1Grid);
PIO_TABLE auto kIq2XxsGridTable = table_of(host_tables::kIq2XxsGrid);
PIO_TABLE auto kIq2XsGridTable = table_of(host_tables::kIq2XsGrid);
PIO_TABLE auto kIq2SGridTable = table_of(host_tables::kIq2SGrid);
PIO_TABLE auto kIq3XxsGridTable = table_of(host_tables::kIq3XxsGrid);
PIO_TABLE auto kIq3SGridTable = table_of(host_tables::kIq3SGrid);

constexpr unsigned kRun = 8;  // values that are decoded together; all have one scale

// Formats whose numbers are integers of 8 bits times a scale. The others are decoded to floats, and what is multiplied with them is not rounded.
__host__ __device__ constexpr bool has_codes(DType format) {
  return format != DType::f32 && format != DType::f16 && format != DType::bf16 && format != DType::nf4;
}

// Those with a scale for every 16 numbers; of the others 32 have one.
__host__ __device__ constexpr bool has_scales_of_halves(DType format) {
  return format == DType::q2_k || format == DType::q3_k || format == DType::q6_k || format == DType::nvfp4 || format == DType::iq1_m ||
         format == DType::iq2_xs || format == DType::iq2_s;
}

// Those with a smallest number beside the scale.
__host__ __device__ constexpr bool has_least_number(DType format) {
  return format == DType::q4_1 || format == DType::q5_1 || format == DType::q2_k || format == DType::q4_k || format == DType::q5_k;
}

// Of eight values: scale * (code - offset) + least. Codes are integers of 8 bits with a sign, four a word.
struct Codes {
  uint32_t low = 0, high = 0;
  float scale = 0, least = 0;
  int offset = 0;
  bool has_least = false;
};

__device__ __forceinline__ uint32_t byte_at(const uint8_t* p, size_t i) { return p[i]; }
__device__ __forceinline__ int signed_byte_at(const uint8_t* p, size_t i) { return static_cast<int8_t>(p[i]); }
__device__ __forceinline__ uint32_t half_word_at(const uint8_t* p, size_t i) { return *reinterpret_cast<const uint16_t*>(p + i); }
__device__ __forceinline__ float half_at(const uint8_t* p, size_t i) { return half_to_float(*reinterpret_cast<const uint16_t*>(p + i)); }
__device__ __forceinline__ uint32_t word_at(const uint8_t* p, size_t i) { return half_word_at(p, i) | half_word_at(p, i + 2) << 16; }

// Eight bytes at an even place, or at one that is a multiple of 4: blocks of such a length begin at multiples of 4 wherever a matrix does.
__device__ __forceinline__ uint2 pair_at(const uint8_t* p, size_t i) { return make_uint2(word_at(p, i), word_at(p, i + 4)); }
__device__ __forceinline__ uint2 aligned_pair_at(const uint8_t* p, size_t i) {
  const uint32_t* const words = reinterpret_cast<const uint32_t*>(p + i);
  return make_uint2(words[0], words[1]);
}
// Eight bytes at any place.
__device__ __forceinline__ uint2 bytes_at(const uint8_t* p, size_t i) {
  uint2 pair = make_uint2(0, 0);
  for (unsigned j = 0; j < 4; ++j) {
    pair.x |= byte_at(p, i + j) << 8 * j;
    pair.y |= byte_at(p, i + 4 + j) << 8 * j;
  }
  return pair;
}

__device__ __forceinline__ uint2 nibbles(uint2 pair, unsigned shift) {
  return make_uint2(pair.x >> shift & 0x0f0f0f0fu, pair.y >> shift & 0x0f0f0f0fu);
}
// The lowest four bits of x, one a byte.
__device__ __forceinline__ uint32_t spread(uint32_t x) { return (x & 15u) * 0x00204081u & 0x01010101u; }

// A table's number for each of four codes of 4 bits.
__device__ __forceinline__ uint32_t looked_up(uint32_t codes, const int8_t* table) {
  uint32_t word = 0;
  for (unsigned j = 0; j < 4; ++j) word |= (static_cast<uint32_t>(table[codes >> 8 * j & 15u]) & 255u) << 8 * j;
  return word;
}

// 6-bit scale and minimum of run j of a Q4_K or Q5_K block whose twelve bytes lie at s.
__device__ __forceinline__ uint2 scale_and_least(const uint8_t* s, unsigned j) {
  if (j < 4u) return make_uint2(s[j] & 63u, s[j + 4u] & 63u);
  const uint32_t both = s[j + 4u];
  return make_uint2((both & 15u) | static_cast<uint32_t>(s[j - 4u] >> 6) << 4, (both >> 4) | static_cast<uint32_t>(s[j] >> 6) << 4);
}

// The eight signs whose first seven are given.
__device__ __forceinline__ uint32_t even_signs(uint32_t seven) { return seven | (static_cast<uint32_t>(__popc(seven)) & 1u) << 7; }

// Four integers of 8 bits, negated where signs say so.
__device__ __forceinline__ uint32_t signed_codes(uint32_t codes, uint32_t signs) {
  uint32_t word = 0;
  for (unsigned j = 0; j < 4; ++j) {
    const uint32_t code = codes >> 8 * j & 255u;
    word |= ((signs >> j & 1u) != 0u ? (256u - code) & 255u : code) << 8 * j;
  }
  return word;
}

__device__ __forceinline__ uint32_t iq1_codes(uint32_t entry, uint32_t minus) {  // in eighths: 8 g ± 1
  uint32_t word = 0;
  for (unsigned j = 0; j < 4; ++j) {
    const int g = static_cast<int>(entry >> 2 * j & 3u);
    const int level = g == 3 ? 0 : g - 1;
    word |= static_cast<uint32_t>(8 * level + (minus != 0u ? -1 : 1)) % 256u << 8 * j;
  }
  return word;
}
__device__ __forceinline__ uint32_t iq2_codes(uint32_t entry) {
  uint32_t word = 0;
  for (unsigned j = 0; j < 4; ++j) {
    const uint32_t g = entry >> 2 * j & 3u;
    word |= (g == 0u ? 8u : g == 1u ? 25u : g == 2u ? 43u : 0u) << 8 * j;
  }
  return word;
}
__device__ __forceinline__ uint32_t iq3_codes(uint32_t entry, bool is_xxs) {
  uint32_t word = 0;
  for (unsigned j = 0; j < 4; ++j) {
    const uint32_t g = entry >> 3 * j & 7u;
    word |= (is_xxs ? (g == 7u ? 62u : 4u + 8u * g) : 2u * g + 1u) << 8 * j;
  }
  return word;
}

__device__ __forceinline__ float ue4m3(uint32_t bits) {
  const uint32_t exponent = bits >> 3 & 15u, mantissa = bits & 7u;
  if ((bits & 127u) == 127u) return 0.0f;
  if (exponent == 0u) return static_cast<float>(mantissa) * 0.001953125f;
  return __uint_as_float((exponent + 120u) << 23 | mantissa << 20);
}

// Values i … i + 7 of a row; i is a multiple of 8.
__device__ __forceinline__ Codes codes_at(DType format, const uint8_t* row, uint32_t i) {
  Codes c;
  const uint32_t s = i % 32u, k = i % 256u, half_shift = s / 16u * 4u;
  const size_t n_block = i / 32u, n_long = i / 256u;
  uint2 codes = make_uint2(0, 0);
  switch (format) {
    case DType::q8_0: {
      const uint8_t* const block = row + n_block * sizeof(BlockQ8_0);
      c.scale = half_at(block, 0);
      codes = pair_at(block, offsetof(BlockQ8_0, qs) + s);
      break;
    }
    case DType::q4_0:
    case DType::iq4_nl: {
      const uint8_t* const block = row + n_block * sizeof(BlockQ4_0);
      c.scale = half_at(block, 0);
      codes = nibbles(pair_at(block, offsetof(BlockQ4_0, qs) + s % 16u), half_shift);
      if (format == DType::q4_0) c.offset = 8;
      else codes = make_uint2(looked_up(codes.x, kIq4Table.at), looked_up(codes.y, kIq4Table.at));
      break;
    }
    case DType::q4_1: {
      const uint8_t* const block = row + n_block * sizeof(BlockQ4_1);
      c.scale = half_at(block, 0);
      c.least = half_at(block, offsetof(BlockQ4_1, m));
      c.has_least = true;
      codes = nibbles(aligned_pair_at(block, offsetof(BlockQ4_1, qs) + s % 16u), half_shift);
      break;
    }
    case DType::q5_0: {
      const uint8_t* const block = row + n_block * sizeof(BlockQ5_0);
      c.scale = half_at(block, 0);
      c.offset = 16;
      const uint32_t fifth = byte_at(block, offsetof(BlockQ5_0, qh) + s / kRun);
      codes = nibbles(pair_at(block, offsetof(BlockQ5_0, qs) + s % 16u), half_shift);
      codes = make_uint2(codes.x | spread(fifth) << 4, codes.y | spread(fifth >> 4) << 4);
      break;
    }
    case DType::q5_1: {
      const uint8_t* const block = row + n_block * sizeof(BlockQ5_1);
      c.scale = half_at(block, 0);
      c.least = half_at(block, offsetof(BlockQ5_1, m));
      c.has_least = true;
      const uint32_t fifth = byte_at(block, offsetof(BlockQ5_1, qh) + s / kRun);
      codes = nibbles(aligned_pair_at(block, offsetof(BlockQ5_1, qs) + s % 16u), half_shift);
      codes = make_uint2(codes.x | spread(fifth) << 4, codes.y | spread(fifth >> 4) << 4);
      break;
    }
    case DType::mxfp4: {  // blocks of 17 bytes: no number wider than a byte is aligned
      const uint8_t* const block = row + n_block * sizeof(BlockMXFP4);
      const uint32_t e = byte_at(block, 0);
      c.scale = __uint_as_float(e < 2u ? 0x00200000u << e : (e - 1u) << 23);
      codes = nibbles(bytes_at(block, offsetof(BlockMXFP4, qs) + s % 16u), half_shift);
      codes = make_uint2(looked_up(codes.x, kMxfp4Table.at), looked_up(codes.y, kMxfp4Table.at));
      break;
    }
    case DType::nvfp4: {
      const uint8_t* const block = row + i / 64u * sizeof(BlockNVFP4);
      const uint32_t run = i % 64u / 16u;
      c.scale = ue4m3(byte_at(block, run)) * 0.5f;
      codes = nibbles(aligned_pair_at(block, offsetof(BlockNVFP4, qs) + 8u * run), i % 16u / 8u * 4u);
      codes = make_uint2(looked_up(codes.x, kMxfp4Table.at), looked_up(codes.y, kMxfp4Table.at));
      break;
    }
    case DType::q2_k: {
      const uint8_t* const block = row + n_long * sizeof(BlockQ2_K);
      const uint32_t sub = k / 16u, both = byte_at(block, sub), shift = 2u * (sub / 2u % 4u);
      c.scale = half_at(block, offsetof(BlockQ2_K, d)) * static_cast<float>(both & 15u);
      c.least = -(half_at(block, offsetof(BlockQ2_K, dmin)) * static_cast<float>(both >> 4));
      c.has_least = true;
      const uint2 pair = aligned_pair_at(block, offsetof(BlockQ2_K, qs) + 32u * (k / 128u) + s);
      codes = make_uint2(pair.x >> shift & 0x03030303u, pair.y >> shift & 0x03030303u);
      break;
    }
    case DType::q3_k: {
      const uint8_t* const block = row + n_long * sizeof(BlockQ3_K);
      const uint32_t sub = k / 16u, shift = 2u * (sub / 2u % 4u);
      const size_t at = offsetof(BlockQ3_K, scales);
      const uint32_t low = sub < 8u ? byte_at(block, at + sub) & 15u : byte_at(block, at + sub - 8u) >> 4;
      const uint32_t high = byte_at(block, at + 8u + sub % 4u) >> 2u * (sub / 4u) & 3u;
      c.scale = half_at(block, offsetof(BlockQ3_K, d)) * static_cast<float>(static_cast<int>(low | high << 4) - 32);
      c.offset = 4;
      const uint2 third = pair_at(block, s), pair = pair_at(block, offsetof(BlockQ3_K, qs) + 32u * (k / 128u) + s);
      codes = make_uint2((pair.x >> shift & 0x03030303u) | (third.x >> sub / 2u & 0x01010101u) << 2,
                         (pair.y >> shift & 0x03030303u) | (third.y >> sub / 2u & 0x01010101u) << 2);
      break;
    }
    case DType::q4_k: {
      const uint8_t* const block = row + n_long * sizeof(BlockQ4_K);
      const uint32_t sub = k / 32u;
      const uint2 both = scale_and_least(block + offsetof(BlockQ4_K, scales), sub);
      c.scale = half_at(block, 0) * static_cast<float>(both.x);
      c.least = -(half_at(block, offsetof(BlockQ4_K, dmin)) * static_cast<float>(both.y));
      c.has_least = true;
      codes = nibbles(aligned_pair_at(block, offsetof(BlockQ4_K, qs) + 32u * (sub / 2u) + s), 4u * (sub % 2u));
      break;
    }
    case DType::q5_k: {
      const uint8_t* const block = row + n_long * sizeof(BlockQ5_K);
      const uint32_t sub = k / 32u;
      const uint2 both = scale_and_least(block + offsetof(BlockQ5_K, scales), sub);
      c.scale = half_at(block, 0) * static_cast<float>(both.x);
      c.least = -(half_at(block, offsetof(BlockQ5_K, dmin)) * static_cast<float>(both.y));
      c.has_least = true;
      const uint2 fifth = aligned_pair_at(block, offsetof(BlockQ5_K, qh) + s);
      codes = nibbles(aligned_pair_at(block, offsetof(BlockQ5_K, qs) + 32u * (sub / 2u) + s), 4u * (sub % 2u));
      codes = make_uint2(codes.x | (fifth.x >> sub & 0x01010101u) << 4, codes.y | (fifth.y >> sub & 0x01010101u) << 4);
      break;
    }
    case DType::q6_k: {
      const uint8_t* const block = row + n_long * sizeof(BlockQ6_K);
      const uint32_t part = k / 128u, quarter = k / 32u % 4u;
      c.scale = half_at(block, offsetof(BlockQ6_K, d)) * static_cast<float>(signed_byte_at(block, offsetof(BlockQ6_K, scales) + k / 16u));
      c.offset = 32;
      const uint2 low = nibbles(pair_at(block, 64u * part + 32u * (quarter % 2u) + s), 4u * (quarter / 2u));
      const uint2 high = pair_at(block, offsetof(BlockQ6_K, qh) + 32u * part + s);
      codes = make_uint2(low.x | (high.x >> 2u * quarter & 0x03030303u) << 4, low.y | (high.y >> 2u * quarter & 0x03030303u) << 4);
      break;
    }
    case DType::iq4_xs: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ4_XS);
      const uint32_t sub = k / 32u;
      const uint32_t low = byte_at(block, offsetof(BlockIQ4_XS, scales_l) + sub / 2u) >> 4u * (sub % 2u) & 15u;
      const uint32_t high = half_word_at(block, offsetof(BlockIQ4_XS, scales_h)) >> 2u * sub & 3u;
      c.scale = half_at(block, 0) * static_cast<float>(static_cast<int>(low | high << 4) - 32);
      codes = nibbles(aligned_pair_at(block, offsetof(BlockIQ4_XS, qs) + 16u * sub + s % 16u), half_shift);
      codes = make_uint2(looked_up(codes.x, kIq4Table.at), looked_up(codes.y, kIq4Table.at));
      break;
    }
    case DType::iq1_s: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ1_S);
      const uint32_t run = k / 8u, qh = half_word_at(block, offsetof(BlockIQ1_S, qh) + 2u * (run / 4u));
      const uint32_t entry = kIq1GridTable.at[byte_at(block, offsetof(BlockIQ1_S, qs) + run) | (qh >> 3u * (run % 4u) & 7u) << 8];
      c.scale = half_at(block, 0) * static_cast<float>(2u * (qh >> 12 & 7u) + 1u) * 0.125f;
      codes = make_uint2(iq1_codes(entry, qh & 0x8000u), iq1_codes(entry >> 8, qh & 0x8000u));
      break;
    }
    case DType::iq1_m: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ1_M);
      const uint32_t run = k / 8u, high = byte_at(block, offsetof(BlockIQ1_M, qh) + run / 2u) >> 4u * (run % 2u);
      uint32_t bits = 0;
      for (unsigned j = 0; j < 4; ++j) bits |= (half_word_at(block, offsetof(BlockIQ1_M, scales) + 2u * j) >> 12) << 4 * j;
      const uint32_t scale = half_word_at(block, offsetof(BlockIQ1_M, scales) + 2u * (run / 8u)) >> 3u * (run / 2u % 4u) & 7u;
      const uint32_t entry = kIq1GridTable.at[byte_at(block, run) | (high & 7u) << 8];
      c.scale = half_to_float(static_cast<uint16_t>(bits)) * static_cast<float>(2u * scale + 1u) * 0.125f;
      codes = make_uint2(iq1_codes(entry, high & 8u), iq1_codes(entry >> 8, high & 8u));
      break;
    }
    case DType::iq2_xxs: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ2_XXS);
      const uint32_t run = k / 8u;
      const size_t at = offsetof(BlockIQ2_XXS, qs) + 8u * (run / 4u);
      const uint32_t rest = word_at(block, at + 4u), entry = kIq2XxsGridTable.at[byte_at(block, at + run % 4u)];
      const uint32_t signs = even_signs(rest >> 7u * (run % 4u) & 127u);
      c.scale = half_at(block, 0) * (0.5f + static_cast<float>(rest >> 28)) * 0.25f;
      codes = make_uint2(signed_codes(iq2_codes(entry), signs), signed_codes(iq2_codes(entry >> 8), signs >> 4));
      break;
    }
    case DType::iq2_xs: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ2_XS);
      const uint32_t run = k / 8u, q = half_word_at(block, offsetof(BlockIQ2_XS, qs) + 2u * run), entry = kIq2XsGridTable.at[q & 511u];
      const uint32_t signs = even_signs(q >> 9), scale = byte_at(block, offsetof(BlockIQ2_XS, scales) + run / 4u) >> 4u * (run / 2u % 2u) & 15u;
      c.scale = half_at(block, 0) * (0.5f + static_cast<float>(scale)) * 0.25f;
      codes = make_uint2(signed_codes(iq2_codes(entry), signs), signed_codes(iq2_codes(entry >> 8), signs >> 4));
      break;
    }
    case DType::iq2_s: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ2_S);
      const uint32_t run = k / 8u, high = byte_at(block, offsetof(BlockIQ2_S, qh) + run / 4u) >> 2u * (run % 4u) & 3u;
      const uint32_t entry = kIq2SGridTable.at[byte_at(block, offsetof(BlockIQ2_S, qs) + run) | high << 8];
      const uint32_t signs = byte_at(block, offsetof(BlockIQ2_S, signs) + run);
      const uint32_t scale = byte_at(block, offsetof(BlockIQ2_S, scales) + run / 4u) >> 4u * (run / 2u % 2u) & 15u;
      c.scale = half_at(block, 0) * (0.5f + static_cast<float>(scale)) * 0.25f;
      codes = make_uint2(signed_codes(iq2_codes(entry), signs), signed_codes(iq2_codes(entry >> 8), signs >> 4));
      break;
    }
    case DType::iq3_xxs: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ3_XXS);
      const uint32_t run = k / 8u, rest = word_at(block, offsetof(BlockIQ3_XXS, signs) + 4u * (run / 4u));
      const uint32_t signs = even_signs(rest >> 7u * (run % 4u) & 127u);
      const uint32_t first = kIq3XxsGridTable.at[byte_at(block, offsetof(BlockIQ3_XXS, qs) + 2u * run)];
      const uint32_t second = kIq3XxsGridTable.at[byte_at(block, offsetof(BlockIQ3_XXS, qs) + 2u * run + 1u)];
      c.scale = half_at(block, 0) * (0.5f + static_cast<float>(rest >> 28)) * 0.5f;
      codes = make_uint2(signed_codes(iq3_codes(first, true), signs), signed_codes(iq3_codes(second, true), signs >> 4));
      break;
    }
    case DType::iq3_s: {
      const uint8_t* const block = row + n_long * sizeof(BlockIQ3_S);
      const uint32_t run = k / 8u, ninths = byte_at(block, offsetof(BlockIQ3_S, qh) + run / 4u) >> 2u * (run % 4u);
      const uint32_t first = kIq3SGridTable.at[byte_at(block, offsetof(BlockIQ3_S, qs) + 2u * run) | (ninths & 1u) << 8];
      const uint32_t second = kIq3SGridTable.at[byte_at(block, offsetof(BlockIQ3_S, qs) + 2u * run + 1u) | (ninths >> 1 & 1u) << 8];
      const uint32_t signs = byte_at(block, offsetof(BlockIQ3_S, signs) + run);
      const uint32_t scale = byte_at(block, offsetof(BlockIQ3_S, scales) + run / 8u) >> 4u * (run / 4u % 2u) & 15u;
      c.scale = half_at(block, 0) * static_cast<float>(1u + 2u * scale);
      codes = make_uint2(signed_codes(iq3_codes(first, false), signs), signed_codes(iq3_codes(second, false), signs >> 4));
      break;
    }
    case DType::tq1_0: {
      const uint8_t* const block = row + n_long * sizeof(BlockTQ1_0);
      c.scale = half_at(block, offsetof(BlockTQ1_0, d));
      c.offset = 1;
      for (uint32_t j = 0; j < kRun; ++j) {  // digits of 32, 16 and 4 bytes, the first digit of all of them first
        uint32_t at = k + j, n_bytes = 32u, first = 0u;
        if (at >= 240u) at -= 240u, n_bytes = 4u, first = 48u;
        else if (at >= 160u) at -= 160u, n_bytes = 16u, first = 32u;
        uint32_t rest = byte_at(block, first + at % n_bytes);
        for (uint32_t digit = at / n_bytes; digit > 0u; --digit) rest = rest * 3u & 255u;
        const uint32_t code = rest * 3u >> 8;
        if (j < 4u) codes.x |= code << 8 * j;
        else codes.y |= code << 8 * (j - 4u);
      }
      break;
    }
    case DType::tq2_0: {
      const uint8_t* const block = row + n_long * sizeof(BlockTQ2_0);
      c.scale = half_at(block, offsetof(BlockTQ2_0, d));
      c.offset = 1;
      const uint2 pair = pair_at(block, 32u * (k / 128u) + s);
      const uint32_t shift = 2u * (k / 32u % 4u);
      codes = make_uint2(pair.x >> shift & 0x03030303u, pair.y >> shift & 0x03030303u);
      break;
    }
    case DType::q1_0: {
      const uint8_t* const block = row + i / 128u * sizeof(BlockQ1_0);
      c.scale = half_at(block, 0);
      const uint32_t bits = byte_at(block, offsetof(BlockQ1_0, qs) + i % 128u / 8u);
      codes = make_uint2(signed_codes(0x01010101u, ~bits), signed_codes(0x01010101u, ~bits >> 4));
      break;
    }
    case DType::q2_0: {
      const uint8_t* const block = row + i / 64u * sizeof(BlockQ2_0);
      c.scale = half_at(block, 0);
      c.offset = 1;
      const uint32_t bits = half_word_at(block, offsetof(BlockQ2_0, qs) + i % 64u / 4u);
      for (unsigned j = 0; j < 4; ++j) {
        codes.x |= (bits >> 2 * j & 3u) << 8 * j;
        codes.y |= (bits >> (8 + 2 * j) & 3u) << 8 * j;
      }
      break;
    }
    case DType::int4:
    case DType::int4_32: {
      const bool is_long = format == DType::int4;
      const uint8_t* const block = row + (is_long ? i / 128u * sizeof(BlockInt4) : n_block * sizeof(BlockInt4_32));
      c.scale = half_at(block, 0);
      c.offset = static_cast<int>(byte_at(block, offsetof(BlockInt4, zero)));
      const uint32_t packed = *reinterpret_cast<const uint32_t*>(block + offsetof(BlockInt4, qs) + (is_long ? i % 128u : s) / 2u);
      for (unsigned j = 0; j < 4; ++j) {
        codes.x |= (packed >> 4 * j & 15u) << 8 * j;
        codes.y |= (packed >> (16 + 4 * j) & 15u) << 8 * j;
      }
      break;
    }
    case DType::int8: {
      const uint8_t* const block = row + n_block * sizeof(BlockInt8);
      c.scale = *reinterpret_cast<const float*>(block);
      codes = aligned_pair_at(block, offsetof(BlockInt8, qs) + s);
      break;
    }
    default: break;
  }
  c.low = codes.x;
  c.high = codes.y;
  return c;
}

// Codes without their offset, both up to 127.
__device__ __forceinline__ uint32_t less_offset(uint32_t codes, int offset) {
  return offset == 0 ? codes : ((codes | 0x80808080u) - static_cast<uint32_t>(offset) * 0x01010101u) ^ 0x80808080u;
}

__device__ __forceinline__ int code_of(uint32_t word, unsigned j) { return static_cast<int8_t>(word >> 8 * j); }

// Values i … i + 7 of a row of n; i is a multiple of 8. Those from n on are 0.
__device__ __forceinline__ void decode_run(DType format, const uint8_t* row, uint32_t i, uint32_t n, float (&v)[kRun]) {
  if (format == DType::f32 || format == DType::f16 || format == DType::bf16) {
    for (unsigned j = 0; j < kRun; ++j) {
      v[j] = 0.0f;
      if (i + j >= n) continue;
      if (format == DType::f32) v[j] = reinterpret_cast<const float*>(row)[i + j];
      else if (format == DType::f16) v[j] = half_to_float(reinterpret_cast<const uint16_t*>(row)[i + j]);
      else v[j] = __uint_as_float(static_cast<uint32_t>(reinterpret_cast<const uint16_t*>(row)[i + j]) << 16);
    }
    return;
  }
  if (format == DType::nf4) {  // high halves first
    const uint8_t* const block = row + i / 32u * sizeof(BlockNf4);
    const float largest = *reinterpret_cast<const float*>(block);
    for (unsigned j = 0; j < kRun; ++j) {
      const uint32_t both = byte_at(block, offsetof(BlockNf4, qs) + i % 32u / 2u + j / 2u);
      v[j] = kNf4Table.at[j % 2u == 0u ? both >> 4 : both & 15u] * largest;
    }
    return;
  }
  const Codes c = codes_at(format, row, i);
  for (unsigned j = 0; j < kRun; ++j) {
    const float product = c.scale * static_cast<float>(code_of(j < 4u ? c.low : c.high, j % 4u) - c.offset);
    v[j] = c.has_least ? product + c.least : product;
  }
}

}  // namespace pio::cuda
