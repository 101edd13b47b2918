#pragma once

#include <stdint.h>

// Blocks of 32 with one scale, and perhaps a minimum: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0. Value j of a block is, in float32,
//   Q4_0  d * (q - 8)          Q4_1  d * q + m        q in 0 … 15
//   Q5_0  d * (q - 16)         Q5_1  d * q + m        q in 0 … 31
//   Q8_0  d * q                                       q in -128 … 127
// Nibbles: the low half of qs[j] belongs to value j, the high half to value j + 16. The fifth bit of value j is bit j of qh, read as one
// little-endian number. d and m are f16.
//
// C only, without functions that could be inlined: the instruction-set files of kernels/cpu include this.

namespace pio {

#pragma pack(push, 1)
struct BlockQ4_0 {
  uint16_t d;
  uint8_t qs[16];
};
struct BlockQ4_1 {
  uint16_t d;
  uint16_t m;
  uint8_t qs[16];
};
struct BlockQ5_0 {
  uint16_t d;
  uint8_t qh[4];
  uint8_t qs[16];
};
struct BlockQ5_1 {
  uint16_t d;
  uint16_t m;
  uint8_t qh[4];
  uint8_t qs[16];
};
struct BlockQ8_0 {
  uint16_t d;
  int8_t qs[32];
};
#pragma pack(pop)

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20, "no padding");
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24, "no padding");
static_assert(sizeof(BlockQ8_0) == 34, "no padding");

// DTypeInfo::decode and DTypeInfo::encode of these formats.
void decode_q4_0(const void* blocks, float* values, int64_t n_values);
void decode_q4_1(const void* blocks, float* values, int64_t n_values);
void decode_q5_0(const void* blocks, float* values, int64_t n_values);
void decode_q5_1(const void* blocks, float* values, int64_t n_values);
void decode_q8_0(const void* blocks, float* values, int64_t n_values);
void encode_q4_0(const float* values, void* blocks, int64_t n_values);
void encode_q4_1(const float* values, void* blocks, int64_t n_values);
void encode_q5_0(const float* values, void* blocks, int64_t n_values);
void encode_q5_1(const float* values, void* blocks, int64_t n_values);
void encode_q8_0(const float* values, void* blocks, int64_t n_values);

}  // namespace pio
