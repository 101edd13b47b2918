#pragma once

#include <stdint.h>

// Blocks of 256 with one or two f16 scales over small integer scales of 16 or 32 values: Q2_K … Q6_K. With sc, mn the integer scale and
// minimum of a value's sub-block, a value is, in float32,
//   Q2_K  d * sc * q - dmin * mn    q in 0 … 3,   16 sub-blocks of 16, sc and mn in 0 … 15
//   Q3_K  d * (sc - 32) * (q - 4)   q in 0 … 7,   16 sub-blocks of 16, sc in 0 … 63
//   Q4_K  d * sc * q - dmin * mn    q in 0 … 15,   8 sub-blocks of 32, sc and mn in 0 … 63
//   Q5_K  d * sc * q - dmin * mn    q in 0 … 31,   8 sub-blocks of 32, sc and mn in 0 … 63
//   Q6_K  d * sc * (q - 32)         q in 0 … 63,  16 sub-blocks of 16, sc in -128 … 127
// Where the bits lie is said by the decoders, 30 lines each.
//
// C only, without functions that could be inlined: the instruction-set files of kernels/cpu include this.

namespace pio {

#pragma pack(push, 1)
struct BlockQ2_K {
  uint8_t scales[16];  // low nibble scale, high nibble minimum
  uint8_t qs[64];
  uint16_t d;
  uint16_t dmin;
};
struct BlockQ3_K {
  uint8_t hmask[32];  // third bit of the values
  uint8_t qs[64];     // lower two
  uint8_t scales[12];
  uint16_t d;
};
struct BlockQ4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
struct BlockQ5_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qh[32];  // fifth bit of the values
  uint8_t qs[128];
};
struct BlockQ6_K {
  uint8_t ql[128];  // lower four bits
  uint8_t qh[64];   // upper two
  int8_t scales[16];
  uint16_t d;
};
#pragma pack(pop)

static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110, "no padding");
static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176, "no padding");
static_assert(sizeof(BlockQ6_K) == 210, "no padding");

// DTypeInfo::decode and DTypeInfo::encode of these formats.
void decode_q2_k(const void* blocks, float* values, int64_t n_values);
void decode_q3_k(const void* blocks, float* values, int64_t n_values);
void decode_q4_k(const void* blocks, float* values, int64_t n_values);
void decode_q5_k(const void* blocks, float* values, int64_t n_values);
void decode_q6_k(const void* blocks, float* values, int64_t n_values);
void encode_q2_k(const float* values, void* blocks, int64_t n_values);
void encode_q3_k(const float* values, void* blocks, int64_t n_values);
void encode_q4_k(const float* values, void* blocks, int64_t n_values);
void encode_q5_k(const float* values, void* blocks, int64_t n_values);
void encode_q6_k(const float* values, void* blocks, int64_t n_values);

}  // namespace pio
