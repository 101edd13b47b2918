#include "models/blocks/mlp.h"

namespace pio {

void bind_mlp(Binder& binder, const std::string& prefix, MlpWeights& weights, std::int64_t dim, std::int64_t hidden_dim) {
  binder.bind(weights.gate.w, prefix + "ffn_gate.weight", {hidden_dim, dim});
  binder.bind(weights.up.w, prefix + "ffn_up.weight", {hidden_dim, dim});
  binder.bind(weights.down.w, prefix + "ffn_down.weight", {dim, hidden_dim});
}

Tensor mlp(ForwardContext& ctx, Tensor x, const MlpWeights& weights) {
  Tensor gate = linear(ctx, x, weights.gate);
  Tensor up = linear(ctx, x, weights.up);
  ctx.backend().glu(gate, gate, up);
  return linear(ctx, gate, weights.down);
}

}  // namespace pio
