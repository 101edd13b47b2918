#include "models/blocks/mlp.h"

namespace pio {

void bind_mlp(Binder& binder, const std::string& prefix, MlpWeights& weights, std::int64_t dim, std::int64_t hidden_dim,
              const std::string& kind) {
  {
    const Binder::OneInput x(binder);
    binder.bind(weights.gate, prefix + "ffn_gate" + kind, {hidden_dim, dim});
    binder.bind(weights.up, prefix + "ffn_up" + kind, {hidden_dim, dim});
  }
  binder.bind(weights.down, prefix + "ffn_down" + kind, {dim, hidden_dim});
}

Tensor mlp(ForwardContext& ctx, Tensor x, const MlpWeights& weights) {
  Tensor gate = linear(ctx, x, weights.gate);
  Tensor up = linear(ctx, x, weights.up);
  ctx.backend().glu(gate, gate, up);
  return linear(ctx, gate, weights.down);
}

}  // namespace pio
