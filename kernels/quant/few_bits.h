#pragma once

#include <stdint.h>

// One f16 scale over codes of one or two bits: TQ1_0, TQ2_0, Q1_0, Q2_0. A value is, in float32,
//   TQ1_0  d * (q - 1)    blocks of 256, q in 0 … 2: five in a byte, as the digits of a fraction to base 3
//   TQ2_0  d * (q - 1)    blocks of 256, q in 0 … 3
//   Q1_0   d or -d        blocks of 128, bit 1 or 0
//   Q2_0   d * (q - 1)    blocks of 64, q in 0 … 3

namespace pio {

#pragma pack(push, 1)
struct BlockTQ1_0 {
  uint8_t qs[48];  // five values a byte
  uint8_t qh[4];   // four
  uint16_t d;
};
struct BlockTQ2_0 {
  uint8_t qs[64];
  uint16_t d;
};
struct BlockQ1_0 {
  uint16_t d;
  uint8_t qs[16];
};
struct BlockQ2_0 {
  uint16_t d;
  uint8_t qs[16];
};
#pragma pack(pop)

static_assert(sizeof(BlockTQ1_0) == 54 && sizeof(BlockTQ2_0) == 66, "no padding");
static_assert(sizeof(BlockQ1_0) == 18 && sizeof(BlockQ2_0) == 18, "no padding");

// DTypeInfo::decode of these formats.
void decode_tq1_0(const void* blocks, float* values, int64_t n_values);
void decode_tq2_0(const void* blocks, float* values, int64_t n_values);
void decode_q1_0(const void* blocks, float* values, int64_t n_values);
void decode_q2_0(const void* blocks, float* values, int64_t n_values);

}  // namespace pio
