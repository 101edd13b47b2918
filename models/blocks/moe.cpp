#include "models/blocks/moe.h"

#include "models/blocks/norm.h"

namespace pio {
namespace {

// transformers spells the number of experts in three ways.
HyperKey key_of_count(const Hyper& hyper) {
  for (const char* name : {"num_experts", "n_routed_experts"}) {
    if (hyper.has({"expert_count", name})) return {"expert_count", name};
  }
  return {"expert_count", "num_local_experts"};
}

}  // namespace

MoeConfig read_moe(Hyper& hyper, std::int64_t dim) {
  MoeConfig c;
  c.dim = dim;
  c.hidden_dim = hyper.integer({"expert_feed_forward_length", "moe_intermediate_size"}, kHiddenDimRange);
  c.n_experts = hyper.integer(key_of_count(hyper), kExpertRange);
  const HyperKey used{"expert_used_count", "num_experts_per_tok"};
  c.n_used = hyper.integer(used, kExpertRange);
  hyper.require(c.n_used <= c.n_experts, hyper.spelled(used) + ": expected at most the " + std::to_string(c.n_experts) +
                                             " experts, found " + std::to_string(c.n_used));
  return c;
}

void bind_moe(Binder& binder, const std::string& prefix, MoeWeights& weights, const MoeConfig& c) {
  const Shape up{c.hidden_dim, c.dim}, down{c.dim, c.hidden_dim};
  binder.bind_decoded(weights.router, prefix + "ffn_gate_inp", {c.n_experts, c.dim});
  if (c.has_bias) binder.bind(weights.bias, prefix + "exp_probs_b.bias", {c.n_experts});

  const bool is_fused = binder.bind_if_present(weights.gates_and_ups, prefix + "ffn_gate_up_exps.weight", {c.n_experts, 2 * c.hidden_dim, c.dim});
  if (!is_fused && binder.naming() == WeightSource::Naming::hugging_face) {
    weights.single.resize(c.n_experts);
    for (std::int64_t e = 0; e < c.n_experts; ++e) {
      const std::string number = "." + std::to_string(e) + ".weight";
      binder.bind(weights.single[e].gate, prefix + "ffn_gate" + number, up);
      binder.bind(weights.single[e].up, prefix + "ffn_up" + number, up);
      binder.bind(weights.single[e].down, prefix + "ffn_down" + number, down);
    }
  } else {
    if (!is_fused) {
      binder.bind(weights.gates, prefix + "ffn_gate_exps.weight", {c.n_experts, c.hidden_dim, c.dim});
      binder.bind(weights.ups, prefix + "ffn_up_exps.weight", {c.n_experts, c.hidden_dim, c.dim});
    }
    binder.bind(weights.downs, prefix + "ffn_down_exps.weight", {c.n_experts, c.dim, c.hidden_dim});
  }
  if (c.shared_hidden_dim > 0) bind_mlp(binder, prefix, weights.shared, c.dim, c.shared_hidden_dim, "_shexp");
}

void split_experts(MoeWeights& weights, const MoeConfig& c, std::int64_t layer) {
  weights.experts = ExpertSet(layer, c.n_experts);
  for (std::int64_t e = 0; e < c.n_experts; ++e) {
    if (!weights.single.empty()) {
      weights.experts.put(e, weights.single[e]);
      continue;
    }
    ExpertMlp expert;
    if (weights.gates_and_ups) {
      const Tensor both = weights.gates_and_ups.rows(e, 1).reshaped({2 * c.hidden_dim, c.dim});
      expert.gate = both.rows(0, c.hidden_dim);
      expert.up = both.rows(c.hidden_dim, c.hidden_dim);
    } else {
      expert.gate = weights.gates.rows(e, 1).reshaped({c.hidden_dim, c.dim});
      expert.up = weights.ups.rows(e, 1).reshaped({c.hidden_dim, c.dim});
    }
    expert.down = weights.downs.rows(e, 1).reshaped({c.dim, c.hidden_dim});
    weights.experts.put(e, expert);
  }
}

Tensor moe(ForwardContext& ctx, Tensor x, const MoeWeights& weights, const MoeConfig& c) {
  Tensor logits = linear(ctx, x, weights.router);                             // [n_tokens, n_experts]
  Tensor ids = ctx.temp(DType::i32, {x.shape[0], c.n_used});
  Tensor shares = ctx.temp(DType::f32, ids.shape);
  ctx.backend().route_experts(ids, shares, logits, weights.bias, c.routing);
  if (ctx.on_routing) ctx.on_routing(ids, shares);

  Tensor y = ctx.temp(DType::f32, x.shape);
  ctx.backend().moe_experts(y, x, ids, shares, weights.experts);
  if (c.shared_hidden_dim > 0) add_to(ctx, y, mlp(ctx, x, weights.shared));
  return y;
}

}  // namespace pio
