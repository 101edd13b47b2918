#include "kernels/dtype.h"

#include <cstring>

#include "kernels/base/check.h"
#include "kernels/quant/few_bits.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/iq_grid.h"
#include "kernels/quant/k_quants.h"
#include "kernels/quant/mxfp4.h"
#include "kernels/quant/q32.h"
#include "kernels/weight_only.h"

namespace pio {
namespace {

// memcpy: rows of a file need not lie on their natural alignment.
template <class T>
T load(const void* values, std::int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(values) + i * static_cast<std::int64_t>(sizeof(T)), sizeof value);
  return value;
}

template <class T>
void store(void* values, std::int64_t i, T value) {
  std::memcpy(static_cast<std::byte*>(values) + i * static_cast<std::int64_t>(sizeof(T)), &value, sizeof value);
}

void decode_f32(const void* blocks, float* values, std::int64_t n_values) {
  std::memcpy(values, blocks, static_cast<std::size_t>(n_values) * sizeof(float));
}
void encode_f32(const float* values, void* blocks, std::int64_t n_values) {
  std::memcpy(blocks, values, static_cast<std::size_t>(n_values) * sizeof(float));
}
void decode_f16(const void* blocks, float* values, std::int64_t n_values) {
  for (std::int64_t i = 0; i < n_values; ++i) values[i] = f16_to_f32(load<std::uint16_t>(blocks, i));
}
void encode_f16(const float* values, void* blocks, std::int64_t n_values) {
  for (std::int64_t i = 0; i < n_values; ++i) store(blocks, i, f32_to_f16(values[i]));
}
void decode_bf16(const void* blocks, float* values, std::int64_t n_values) {
  for (std::int64_t i = 0; i < n_values; ++i) values[i] = bf16_to_f32(load<std::uint16_t>(blocks, i));
}
void encode_bf16(const float* values, void* blocks, std::int64_t n_values) {
  for (std::int64_t i = 0; i < n_values; ++i) store(blocks, i, f32_to_bf16(values[i]));
}

template <class Block>
constexpr int bytes = static_cast<int>(sizeof(Block));

constexpr DTypeInfo kTable[kNumDTypes] = {
    {DType::f32, "F32", 1, 4, decode_f32, encode_f32},
    {DType::f16, "F16", 1, 2, decode_f16, encode_f16},
    {DType::bf16, "BF16", 1, 2, decode_bf16, encode_bf16},
    {DType::i32, "I32", 1, 4, nullptr, nullptr},
    {DType::q4_0, "Q4_0", 32, bytes<BlockQ4_0>, decode_q4_0, encode_q4_0},
    {DType::q4_1, "Q4_1", 32, bytes<BlockQ4_1>, decode_q4_1, encode_q4_1},
    {DType::q5_0, "Q5_0", 32, bytes<BlockQ5_0>, decode_q5_0, encode_q5_0},
    {DType::q5_1, "Q5_1", 32, bytes<BlockQ5_1>, decode_q5_1, encode_q5_1},
    {DType::q8_0, "Q8_0", 32, bytes<BlockQ8_0>, decode_q8_0, encode_q8_0},
    {DType::q2_k, "Q2_K", 256, bytes<BlockQ2_K>, decode_q2_k, encode_q2_k},
    {DType::q3_k, "Q3_K", 256, bytes<BlockQ3_K>, decode_q3_k, encode_q3_k},
    {DType::q4_k, "Q4_K", 256, bytes<BlockQ4_K>, decode_q4_k, encode_q4_k},
    {DType::q5_k, "Q5_K", 256, bytes<BlockQ5_K>, decode_q5_k, encode_q5_k},
    {DType::q6_k, "Q6_K", 256, bytes<BlockQ6_K>, decode_q6_k, encode_q6_k},
    {DType::iq4_nl, "IQ4_NL", 32, bytes<BlockIQ4_NL>, decode_iq4_nl, encode_iq4_nl},
    {DType::iq4_xs, "IQ4_XS", 256, bytes<BlockIQ4_XS>, decode_iq4_xs, encode_iq4_xs},
    {DType::mxfp4, "MXFP4", 32, bytes<BlockMXFP4>, decode_mxfp4, encode_mxfp4},
    {DType::u8, "U8", 1, 1, nullptr, nullptr},
    {DType::i8, "I8", 1, 1, nullptr, nullptr},
    {DType::i16, "I16", 1, 2, nullptr, nullptr},
    {DType::i64, "I64", 1, 8, nullptr, nullptr},
    {DType::f64, "F64", 1, 8, nullptr, nullptr},
    {DType::iq1_s, "IQ1_S", 256, bytes<BlockIQ1_S>, decode_iq1_s, nullptr},
    {DType::iq1_m, "IQ1_M", 256, bytes<BlockIQ1_M>, decode_iq1_m, nullptr},
    {DType::iq2_xxs, "IQ2_XXS", 256, bytes<BlockIQ2_XXS>, decode_iq2_xxs, nullptr},
    {DType::iq2_xs, "IQ2_XS", 256, bytes<BlockIQ2_XS>, decode_iq2_xs, nullptr},
    {DType::iq2_s, "IQ2_S", 256, bytes<BlockIQ2_S>, decode_iq2_s, nullptr},
    {DType::iq3_xxs, "IQ3_XXS", 256, bytes<BlockIQ3_XXS>, decode_iq3_xxs, nullptr},
    {DType::iq3_s, "IQ3_S", 256, bytes<BlockIQ3_S>, decode_iq3_s, nullptr},
    {DType::tq1_0, "TQ1_0", 256, bytes<BlockTQ1_0>, decode_tq1_0, nullptr},
    {DType::tq2_0, "TQ2_0", 256, bytes<BlockTQ2_0>, decode_tq2_0, nullptr},
    {DType::nvfp4, "NVFP4", 64, bytes<BlockNVFP4>, decode_nvfp4, nullptr},
    {DType::q1_0, "Q1_0", 128, bytes<BlockQ1_0>, decode_q1_0, nullptr},
    {DType::q2_0, "Q2_0", 64, bytes<BlockQ2_0>, decode_q2_0, nullptr},
    {DType::int4, "INT4", 128, bytes<BlockInt4>, decode_int4, encode_int4},
    {DType::int4_32, "INT4_32", 32, bytes<BlockInt4_32>, decode_int4_32, encode_int4_32},
    {DType::int8, "INT8", 32, bytes<BlockInt8>, decode_int8, encode_int8},
    {DType::nf4, "NF4", 32, bytes<BlockNf4>, decode_nf4, encode_nf4},
};

constexpr bool rows_stand_in_the_order_of_the_enum() {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (static_cast<int>(kTable[i].dtype) != i) return false;
  }
  return true;
}
static_assert(rows_stand_in_the_order_of_the_enum());

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (upper(a[i]) != upper(b[i])) return false;
  }
  return true;
}

}  // namespace

const DTypeInfo& info(DType dtype) {
  const auto i = static_cast<std::size_t>(dtype);
  CHECK(i < kNumDTypes, "no such number format");
  return kTable[i];
}

std::size_t bytes_of(DType dtype, std::int64_t n_values) {
  const DTypeInfo& format = info(dtype);
  CHECK(n_values >= 0 && n_values % format.block_length == 0, "bytes_of: not a whole number of blocks");
  return static_cast<std::size_t>(n_values / format.block_length) * static_cast<std::size_t>(format.block_bytes);
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& format : kTable) {
    if (same_name(format.name, name)) return format.dtype;
  }
  return std::nullopt;
}

}  // namespace pio
