#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/backend.h"

// The longer ops of the reference backend, and what they share. `backend` is asked whether a stop was requested.

namespace pio {

// Row `row` of a tensor whose rows are `row_length` values long, as float32.
inline void decode_row(const Tensor& t, std::int64_t row, std::int64_t row_length, float* values) {
  info(t.dtype).decode(host_pointer<std::byte>(t) + bytes_of(t.dtype, row * row_length), values, row_length);
}

// The float32 values `values` into row `row`, rounded to the tensor's format.
inline void encode_row(const float* values, const Tensor& t, std::int64_t row, std::int64_t row_length) {
  info(t.dtype).encode(values, host_pointer<std::byte>(t) + bytes_of(t.dtype, row * row_length), row_length);
}

inline double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// out = weights * in / sqrt(mean(in²) + eps); out may be in.
inline void norm_row(const float* in, const float* weights, std::int64_t n, float eps, float* out) {
  const double scale = 1 / std::sqrt(dot(in, in, n) / static_cast<double>(n) + static_cast<double>(eps));
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(weights[i]) * static_cast<double>(in[i]) * scale);
}

inline double silu_of(double x) { return x / (1 + std::exp(-x)); }

inline std::int64_t index_at(const Tensor& indices, std::int64_t i, std::int64_t limit) {
  const std::int32_t index = host_pointer<std::int32_t>(indices)[i];
  CHECK(index >= 0 && index < limit, "an index in device memory is out of range");
  return index;
}

// reference_products.cpp
void reference_matmul(const Backend& backend, Tensor y, Tensor x, Tensor w, Tensor bias);
void reference_matmul_heads(const Backend& backend, Tensor y, Tensor x, Tensor w, HeadsParams params);
void reference_moe_experts(const Backend& backend, Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts);
void reference_norm_matmul(const Backend& backend, std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed);
void reference_matmul_add(const Backend& backend, Tensor residual, Tensor x, Tensor w, Tensor bias);
void reference_norm_glu_matmul(const Backend& backend, Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up);
void reference_experts(const Backend& backend, Tensor residual, Tensor x, Tensor logits, const Mixture& mixture);

// reference_attention.cpp
void reference_rope(const Backend& backend, Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes);
void reference_store_kv(const Backend& backend, Tensor cache, Tensor x, Tensor cells, Tensor page_bounds);
void reference_hadamard(const Backend& backend, Tensor x, std::int64_t n);
void reference_load_kv(const Backend& backend, Tensor y, Tensor cache, Tensor cells);
void reference_qk_norm_rope_store(const Backend& backend, const QkvHeads& heads, const Step& step);
void reference_attention(const Backend& backend, Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params);
void reference_self_attention(const Backend& backend, Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale);

}  // namespace pio
