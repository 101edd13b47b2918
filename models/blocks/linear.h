#pragma once

#include <algorithm>
#include <array>

#include "models/blocks/norm.h"

namespace pio {

// The weights of y = x · wᵀ + bias.
struct Linear {
  Tensor w;     // [n_out, n_in]
  Tensor bias;  // [n_out] f32, or empty
  std::vector<LowRank> adapters;
};

// x [n_tokens, n_in] → [n_tokens, n_out], a temporary.
inline Tensor linear(ForwardContext& ctx, Tensor x, const Linear& layer) {
  Tensor y = ctx.temp(DType::f32, {x.shape[0], layer.w.shape[0]});
  ctx.backend().matmul(y, x, layer.w, layer.bias);
  for (const LowRank& adapter : layer.adapters) {
    const ForwardContext::Mark mark(ctx);
    Tensor low = ctx.temp(DType::f32, {x.shape[0], adapter.a.shape[0]});
    ctx.backend().matmul(low, x, adapter.a);
    Tensor high = ctx.temp(DType::f32, y.shape);
    ctx.backend().matmul(high, low, adapter.b);
    ctx.backend().add_scaled(y, high, adapter.scale);
  }
  return y;
}

// gelu(layer(x)), a temporary. One op, unless the layer has adapters.
inline Tensor linear_gelu(ForwardContext& ctx, Tensor x, const Linear& layer, Gelu kind) {
  if (!layer.adapters.empty()) {
    const Tensor y = linear(ctx, x, layer);
    ctx.backend().gelu(y, y, kind);
    return y;
  }
  const Tensor y = ctx.temp(DType::f32, {x.shape[0], layer.w.shape[0]});
  ctx.backend().matmul_gelu(y, x, layer.w, layer.bias, kind);
  return y;
}

// norm(x) through each of the layers: x [n_tokens, n_in] → [n_tokens, n_out] each, temporaries. One op, unless a layer has adapters.
//   normed   [n_tokens, n_in] takes norm(x), unless it is empty
template <std::size_t n>
std::array<Tensor, n> norm_linear(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const std::array<const Linear*, n>& layers,
                                  Tensor normed = {}) {
  std::array<Tensor, n> outputs;
  if (std::any_of(layers.begin(), layers.end(), [](const Linear* layer) { return !layer->adapters.empty(); })) {
    if (!normed) normed = ctx.temp(DType::f32, x.shape);
    ctx.backend().rms_norm(normed, x, norm.w, norm.eps);
    for (std::size_t i = 0; i < n; ++i) outputs[i] = linear(ctx, normed, *layers[i]);
    return outputs;
  }
  std::array<Projection, n> projections;
  for (std::size_t i = 0; i < n; ++i) {
    outputs[i] = ctx.temp(DType::f32, {x.shape[0], layers[i]->w.shape[0]});
    projections[i] = {outputs[i], layers[i]->w, layers[i]->bias};
  }
  ctx.backend().norm_matmul(projections, x, norm.w, norm.eps, normed);
  return outputs;
}

// residual += layer(x). One op, unless the layer has adapters.
inline void add_linear(ForwardContext& ctx, Tensor residual, Tensor x, const Linear& layer) {
  if (layer.adapters.empty()) ctx.backend().matmul_add(residual, x, layer.w, layer.bias);
  else add_to(ctx, residual, linear(ctx, x, layer));
}

// x [n, dim] += the sum of what all slices of a block add, each on its device; `addend` [n, dim] is this one's, or empty where it adds nothing.
Result<void> add_slices(ForwardContext& ctx, Tensor x, Tensor addend);

// residual += layer(x), of a layer whose columns are perhaps cut into slices.
inline Result<void> add_linear_slice(ForwardContext& ctx, Tensor residual, Tensor x, const Linear& layer) {
  if (ctx.slices) return add_slices(ctx, residual, linear(ctx, x, layer));
  add_linear(ctx, residual, x, layer);
  return {};
}

}  // namespace pio
