#pragma once

#include <stdint.h>

// 4-bit codes into a table of sixteen values, denser near zero: IQ4_NL and IQ4_XS. A value is, in float32,
//   IQ4_NL  d * kIq4Values[q]               blocks of 32
//   IQ4_XS  d * (ls - 32) * kIq4Values[q]   blocks of 256, 8 sub-blocks of 32 with a 6-bit scale ls
// Nibbles: within 32, the low half of qs[j] belongs to value j, the high half to value j + 16. d is f16.
//
// C only, without functions that could be inlined: the instruction-set files of kernels/cpu include this.

namespace pio {

#pragma pack(push, 1)
struct BlockIQ4_NL {
  uint16_t d;
  uint8_t qs[16];
};
struct BlockIQ4_XS {
  uint16_t d;
  uint16_t scales_h;    // upper two bits of the scales, sub-block 0 lowest
  uint8_t scales_l[4];  // lower four, two sub-blocks a byte, the first in the low nibble
  uint8_t qs[128];
};
#pragma pack(pop)

static_assert(sizeof(BlockIQ4_NL) == 18 && sizeof(BlockIQ4_XS) == 136, "no padding");

constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// DTypeInfo::decode and DTypeInfo::encode of these formats.
void decode_iq4_nl(const void* blocks, float* values, int64_t n_values);
void decode_iq4_xs(const void* blocks, float* values, int64_t n_values);
void encode_iq4_nl(const float* values, void* blocks, int64_t n_values);
void encode_iq4_xs(const float* values, void* blocks, int64_t n_values);

}  // namespace pio
