#pragma once

#include <stdint.h>

// Runs of 8 values (IQ3: 4) taken from a table of the commonest ones, under signs and scales of a few bits: IQ1, IQ2 and IQ3, blocks of
// 256. With g a value of the table's entry and s the small scale of 32 values (16 in IQ1_M, IQ2_XS and IQ2_S), a value is, in float32,
//   IQ1_S, IQ1_M             d * (2s + 1) * (g ± 1/8)    g in -1, 0, 1; the sign of 1/8 is kept for 32 values (IQ1_M: 8)
//   IQ2_XXS, IQ2_XS, IQ2_S   ±d * (s + 1/2) / 4 * g      g in 8, 25, 43
//   IQ3_XXS                  ±d * (s + 1/2) / 2 * g      g in 4, 12, … 52, 62
//   IQ3_S                    ±d * (2s + 1) * g           g in 1, 3, … 15
// All products are exact. Of the eight signs of 8 values the XXS and XS formats keep seven: the eighth makes the number of minuses even.
// d is f16. Where the bits lie is said by the decoders.

namespace pio {

#pragma pack(push, 1)
struct BlockIQ1_S {
  uint16_t d;
  uint8_t qs[32];  // low eight bits of the indices
  uint16_t qh[8];  // of 32 values: the high three bits of four indices, the scale, the sign of 1/8
};
struct BlockIQ1_M {
  uint8_t qs[32];      // low eight bits of the indices
  uint8_t qh[16];      // of 16 values: for each index its high three bits and the sign of 1/8
  uint16_t scales[4];  // four 3-bit scales each; the top nibbles make d, the first one its lowest
};
struct BlockIQ2_XXS {
  uint16_t d;
  uint8_t qs[64];  // of 32 values: four indices, then 32 bits of four times seven signs and the scale
};
struct BlockIQ2_XS {
  uint16_t d;
  uint16_t qs[32];    // of 8 values: nine bits of index, seven signs
  uint8_t scales[8];  // nibbles
};
struct BlockIQ2_S {
  uint16_t d;
  uint8_t qs[32];  // low eight bits of the indices
  uint8_t signs[32];
  uint8_t qh[8];      // of 32 values: the high two bits of four indices
  uint8_t scales[8];  // nibbles
};
struct BlockIQ3_XXS {
  uint16_t d;
  uint8_t qs[64];     // indices
  uint8_t signs[32];  // of 32 values: 32 bits of four times seven signs and the scale
};
struct BlockIQ3_S {
  uint16_t d;
  uint8_t qs[64];  // low eight bits of the indices
  uint8_t qh[8];   // of 32 values: the ninth bits of eight indices
  uint8_t signs[32];
  uint8_t scales[4];  // nibbles
};
#pragma pack(pop)

static_assert(sizeof(BlockIQ1_S) == 50 && sizeof(BlockIQ1_M) == 56, "no padding");
static_assert(sizeof(BlockIQ2_XXS) == 66 && sizeof(BlockIQ2_XS) == 74 && sizeof(BlockIQ2_S) == 82, "no padding");
static_assert(sizeof(BlockIQ3_XXS) == 98 && sizeof(BlockIQ3_S) == 110, "no padding");

// DTypeInfo::decode of these formats.
void decode_iq1_s(const void* blocks, float* values, int64_t n_values);
void decode_iq1_m(const void* blocks, float* values, int64_t n_values);
void decode_iq2_xxs(const void* blocks, float* values, int64_t n_values);
void decode_iq2_xs(const void* blocks, float* values, int64_t n_values);
void decode_iq2_s(const void* blocks, float* values, int64_t n_values);
void decode_iq3_xxs(const void* blocks, float* values, int64_t n_values);
void decode_iq3_s(const void* blocks, float* values, int64_t n_values);

}  // namespace pio
