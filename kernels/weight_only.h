#pragma once

#include <stdint.h>

// Forms of weights in memory, made while a checkpoint is read; no GGUF file has them. A value is, in float32,
//   INT4     (q - zero) * scale   blocks of 128, q in 0 … 15, zero in 0 … 16, scale f16
//   INT4_32  the same             blocks of 32: for rows that 128 does not divide, and for groups of 32 or 64
//   INT8     q * scale            blocks of 32, q in -127 … 127, scale float32, the same in all blocks of a row
//   NF4      kNf4Values[q] * absmax   blocks of 32, absmax float32
// INT4: the low half of qs[k] belongs to value 2k, the high half to value 2k + 1. Groups of 128 hold GPTQ's and AWQ's weights as they are
// (a symmetric one has zero 8; GPTQ's first format may mean a zero of 16).
// NF4: the high half of qs[k] belongs to value 2k, the low half to value 2k + 1. bitsandbytes has blocks of 64 over the flattened matrix:
// two of ours with the same absmax. Halves, because a row whose length is an odd multiple of 32 begins inside a block of 64.
//
// C only, without functions that could be inlined: the instruction-set files of kernels/cpu include this.

namespace pio {

#pragma pack(push, 1)
struct BlockInt4 {
  uint16_t scale;
  uint8_t zero;
  uint8_t unused;  // 0
  uint8_t qs[64];
};
struct BlockInt4_32 {
  uint16_t scale;
  uint8_t zero;
  uint8_t unused;  // 0
  uint8_t qs[16];
};
struct BlockInt8 {
  float scale;
  int8_t qs[32];
};
struct BlockNf4 {
  float absmax;
  uint8_t qs[16];
};
#pragma pack(pop)

static_assert(sizeof(BlockInt4) == 68 && sizeof(BlockInt4_32) == 20, "no padding");
static_assert(sizeof(BlockInt8) == 36 && sizeof(BlockNf4) == 20, "no padding");

// Dettmers et al. 2023, QLoRA (arXiv:2305.14314), appendix E.
constexpr float kNf4Values[16] = {-1.0f,
                                  -0.6961928009986877f,
                                  -0.5250730514526367f,
                                  -0.39491748809814453f,
                                  -0.28444138169288635f,
                                  -0.18477343022823334f,
                                  -0.09105003625154495f,
                                  0.0f,
                                  0.07958029955625534f,
                                  0.16093020141124725f,
                                  0.24611230194568634f,
                                  0.33791524171829224f,
                                  0.44070982933044434f,
                                  0.5626170039176941f,
                                  0.7229568362236023f,
                                  1.0f};

// DTypeInfo::decode and DTypeInfo::encode. Encoders, every operation one float32 rounding, ties to even:
//   INT4  hi = max(0, largest), lo = min(0, smallest), scale = f16(max(hi - lo, 1e-5) / 15), zero = clamp(-rint(lo / scale), 0, 15),
//         q = clamp(rint(w / scale) + zero, 0, 15)
//   INT8  scale = max|w| / 127 over all `n_values`, which are to be one row; q = clamp(rint(w / scale), -127, 127)
//   NF4   absmax over runs of 64 values from the first on, as bitsandbytes; the nearest of the sixteen to w / absmax
// A scale that float16 has no finite number for becomes the largest it has.
void decode_int4(const void* blocks, float* values, int64_t n_values);
void decode_int4_32(const void* blocks, float* values, int64_t n_values);
void decode_int8(const void* blocks, float* values, int64_t n_values);
void decode_nf4(const void* blocks, float* values, int64_t n_values);
void encode_int4(const float* values, void* blocks, int64_t n_values);
void encode_int4_32(const float* values, void* blocks, int64_t n_values);
void encode_int8(const float* values, void* blocks, int64_t n_values);
void encode_nf4(const float* values, void* blocks, int64_t n_values);

}  // namespace pio
