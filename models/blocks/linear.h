#pragma once

#include "models/model.h"

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

}  // namespace pio
