#pragma once

#include <stdint.h>

// MXFP4 (OCP Microscaling Formats 1.0): 32 E2M1 numbers under one power of two. Value j is 2^(e - 128) * kMxfp4Values[q]: the table holds
// the doubled numbers, whole, and the scale is halved. e = 0 and 1 are the float32 subnormals 2^-128 and 2^-127. The low nibble of qs[j]
// is the code of value j, the high nibble that of value j + 16.
//
// NVFP4: the same numbers in runs of 16, each under a scale of its own, an unsigned E4M3 number: value j of a run is
// ue4m3(d) / 2 * kMxfp4Values[q], low nibbles of its eight bytes first, then the high ones. Bit 7 of d means nothing, and 0x7F is zero.
//
// C only, without functions that could be inlined: the instruction-set files of kernels/cpu include this.

namespace pio {

#pragma pack(push, 1)
struct BlockMXFP4 {
  uint8_t e;
  uint8_t qs[16];
};
struct BlockNVFP4 {
  uint8_t d[4];
  uint8_t qs[32];
};
#pragma pack(pop)

static_assert(sizeof(BlockMXFP4) == 17 && sizeof(BlockNVFP4) == 36, "no padding");

constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// DTypeInfo::decode and DTypeInfo::encode.
void decode_mxfp4(const void* blocks, float* values, int64_t n_values);
void encode_mxfp4(const float* values, void* blocks, int64_t n_values);
void decode_nvfp4(const void* blocks, float* values, int64_t n_values);

}  // namespace pio
