#include "models/blocks/mlp.h"

namespace pio {

void bind_mlp(Binder& binder, const std::string& prefix, MlpWeights& weights, std::int64_t dim, std::int64_t hidden_dim, Range here,
              const std::string& kind) {
  {
    const Binder::OneInput x(binder);
    binder.bind(weights.gate, prefix + "ffn_gate" + kind, {hidden_dim, dim}, false, Cut::rows(here));
    binder.bind(weights.up, prefix + "ffn_up" + kind, {hidden_dim, dim}, false, Cut::rows(here));
  }
  binder.bind(weights.down, prefix + "ffn_down" + kind, {dim, hidden_dim}, false, Cut::columns(here));
}

Tensor swiglu(ForwardContext& ctx, Tensor h, const MlpWeights& weights) {
  Tensor gate = linear(ctx, h, weights.gate);
  Tensor up = linear(ctx, h, weights.up);
  ctx.backend().glu(gate, gate, up);
  return linear(ctx, gate, weights.down);
}

Result<void> mlp(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MlpWeights& weights) {
  if (!weights.down.w) return add_slices(ctx, x, {});
  if (weights.has_adapters()) {
    const Tensor y = swiglu(ctx, rms_norm(ctx, x, norm), weights);
    if (ctx.slices) return add_slices(ctx, x, y);
    add_to(ctx, x, y);
    return {};
  }
  const Tensor hidden = ctx.temp(DType::f32, {x.shape[0], weights.gate.w.shape[0]});
  ctx.backend().norm_glu_matmul(hidden, x, norm.w, norm.eps, weights.gate.w, weights.up.w);
  return add_linear_slice(ctx, x, hidden, weights.down);
}

}  // namespace pio
