#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// How numbers are stored. Everything about a format is one row of the table in dtype.cpp.

namespace pio {

enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  i32,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  mxfp4,
  u8,
  i8,
  i16,
  i64,
  f64,  // plain numbers that checkpoints hold beside weights; no op reads them
  iq1_s,
  iq1_m,
  iq2_xxs,
  iq2_xs,
  iq2_s,
  iq3_xxs,
  iq3_s,
  tq1_0,
  tq2_0,
  nvfp4,
  q1_0,
  q2_0,
  int4,
  int4_32,
  int8,
  nf4,  // made while loading, never in a GGUF file
};
inline constexpr int kNumDTypes = 38;

struct DTypeInfo {
  DType dtype;
  const char* name;  // as in file names and reports: "Q4_K"
  int block_length;  // numbers in a block; 1 for plain formats
  int block_bytes;   // bytes of a block
  // The definition of the format: `n_values` (a multiple of block_length) from blocks to float32, bit for bit as the reference decoder of
  // whoever published it. Null for whole numbers and f64, which are no weights.
  void (*decode)(const void* blocks, float* values, std::int64_t n_values);
  // The published reference encoder bit for bit, but for K and IQ4 formats, where ours searches for less error; null where the format has
  // none here. INT8 has one scale a row: its `values` are to be one whole row (NF4's: a row, or a whole matrix as bitsandbytes flattens
  // it). Any values are safe; NaN and infinity have no right answer.
  void (*encode)(const float* values, void* blocks, std::int64_t n_values);
};

const DTypeInfo& info(DType dtype);

// Bytes of `n_values` numbers; n_values is a multiple of the block length.
std::size_t bytes_of(DType dtype, std::int64_t n_values);

// "q8_0", "Q8_0" → DType::q8_0.
std::optional<DType> dtype_from_name(std::string_view name);

// IEEE half and bfloat16, nearest even, NaN kept. Usable from any file.
float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_bf16(float value);

}  // namespace pio
