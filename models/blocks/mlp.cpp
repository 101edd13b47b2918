#include "models/blocks/mlp.h"

namespace pio {

void bind_mlp(Binder& binder, const std::string& prefix, MlpWeights& weights, std::int64_t dim, std::int64_t hidden_dim, const std::string& kind) {
  {
    const Binder::OneInput x(binder);
    binder.bind(weights.gate, prefix + "ffn_gate" + kind, {hidden_dim, dim});
    binder.bind(weights.up, prefix + "ffn_up" + kind, {hidden_dim, dim});
  }
  binder.bind(weights.down, prefix + "ffn_down" + kind, {dim, hidden_dim});
}

Tensor swiglu(ForwardContext& ctx, Tensor h, const MlpWeights& weights) {
  Tensor gate = linear(ctx, h, weights.gate);
  Tensor up = linear(ctx, h, weights.up);
  ctx.backend().glu(gate, gate, up);
  return linear(ctx, gate, weights.down);
}

void mlp(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MlpWeights& weights) {
  if (weights.has_adapters()) return add_to(ctx, x, swiglu(ctx, rms_norm(ctx, x, norm), weights));
  const Tensor hidden = ctx.temp(DType::f32, {x.shape[0], weights.gate.w.shape[0]});
  ctx.backend().norm_glu_matmul(hidden, x, norm.w, norm.eps, weights.gate.w, weights.up.w);
  ctx.backend().matmul_add(x, hidden, weights.down.w);
}

}  // namespace pio
