#include "models/blocks/moe.h"

#include <algorithm>

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
  hyper.require(c.n_used <= c.n_experts,
                hyper.spelled(used) + ": expected at most the " + std::to_string(c.n_experts) + " experts, found " + std::to_string(c.n_used));
  return c;
}

void bind_moe(Binder& binder, const std::string& prefix, MoeWeights& weights, const MoeConfig& c) {
  const Shape up{c.hidden_dim, c.dim}, down{c.dim, c.hidden_dim};
  binder.bind_decoded(weights.router, prefix + "ffn_gate_inp", {c.n_experts, c.dim});
  if (c.has_bias) binder.bind(weights.bias, prefix + "exp_probs_b.bias", {c.n_experts});

  const std::string fused = prefix + "ffn_gate_up_exps.weight";
  if (!binder.has(fused) && binder.naming() == WeightSource::Naming::hugging_face) {
    weights.single.resize(c.n_experts);
    const auto bind_each = [&](Tensor ExpertMlp::*part, const std::string& name, const Shape& shape) {
      for (std::int64_t e = 0; e < c.n_experts; ++e)
        binder.bind(weights.single[e].*part, prefix + name + "." + std::to_string(e) + ".weight", shape, MatrixUse::products);
    };
    {
      const Binder::OneInput x(binder);
      bind_each(&ExpertMlp::gate, "ffn_gate", up);
      bind_each(&ExpertMlp::up, "ffn_up", up);
    }
    const Binder::OneInput hidden(binder);
    bind_each(&ExpertMlp::down, "ffn_down", down);
  } else {
    if (binder.has(fused)) {
      binder.bind_as(weights.gates_and_ups, fused, {c.n_experts, 2 * c.hidden_dim, c.dim}, {2 * c.n_experts, c.hidden_dim, c.dim},
                     MatrixUse::products);
    } else {
      const Binder::OneInput x(binder);
      binder.bind(weights.gates, prefix + "ffn_gate_exps.weight", {c.n_experts, c.hidden_dim, c.dim}, MatrixUse::products);
      binder.bind(weights.ups, prefix + "ffn_up_exps.weight", {c.n_experts, c.hidden_dim, c.dim}, MatrixUse::products);
    }
    binder.bind(weights.downs, prefix + "ffn_down_exps.weight", {c.n_experts, c.dim, c.hidden_dim}, MatrixUse::products);
  }
  if (c.shared_hidden_dim > 0) bind_mlp(binder, prefix, weights.shared, c.dim, c.shared_hidden_dim, "_shexp");
}

ExpertSet experts_of(const Backend& backend, const MoeWeights& weights, const MoeConfig& c, std::int64_t layer) {
  ExpertSet experts(layer, c.n_experts);
  for (std::int64_t e = 0; e < c.n_experts; ++e) {
    if (!weights.single.empty()) {
      experts.put(e, weights.single[e]);
    } else if (const Tensor& both = weights.gates_and_ups) {
      experts.put(e, {backend.matrix(both, 2 * e), backend.matrix(both, 2 * e + 1), backend.matrix(weights.downs, e)});
    } else {
      experts.put(e, {backend.matrix(weights.gates, e), backend.matrix(weights.ups, e), backend.matrix(weights.downs, e)});
    }
  }
  return experts;
}

namespace {

// The ids are read back, and the op waits for the experts: a token's are summed in the order of its choices, whatever order they arrive in.
Result<void> run_acquired(ForwardContext& ctx, Tensor y, Tensor x, Tensor ids, Tensor shares, ExpertSource& source, std::int64_t layer) {
  Backend& backend = ctx.backend();
  std::vector<std::int32_t> wanted(ids.shape.n_values());
  backend.download(wanted.data(), ids);
  if (backend.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");  // the ids may be unfinished
  std::ranges::sort(wanted);
  const auto repeated = std::ranges::unique(wanted);
  wanted.erase(repeated.begin(), repeated.end());
  ASSIGN_OR_RETURN(const std::unique_ptr<ExpertLease> lease, source.acquire(layer, wanted, backend.stop_token()));
  for (bool are_all_there = false; !are_all_there;) {
    ASSIGN_OR_RETURN(const std::optional<std::int32_t> id, lease->next());
    are_all_there = !id;
  }
  CHECK(lease->experts().layer() == layer, "experts of another layer");
  backend.moe_experts(y, x, ids, shares, lease->experts());
  return backend.sync();  // the op has read them when the lease ends
}

}  // namespace

Result<void> moe(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MoeWeights& weights, const MoeConfig& c, ExpertSource& experts,
                 std::int64_t layer) {
  const Tensor h = ctx.temp(DType::f32, x.shape);
  const Tensor logits = norm_linear<1>(ctx, x, norm, {&weights.router}, h)[0];  // [n_tokens, n_experts]
  const MlpWeights& shared = weights.shared;
  const ExpertSet* const all = experts.resident(layer);
  CHECK(!all || all->layer() == layer, "experts of another layer");
  if (all && !ctx.on_routing && !shared.has_adapters()) {
    ctx.backend().experts(
        x, h, logits,
        {.experts = *all, .n_used = c.n_used, .bias = weights.bias, .routing = c.routing, .shared = {shared.gate.w, shared.up.w, shared.down.w}});
    return {};
  }
  const Tensor ids = ctx.temp(DType::i32, {x.shape[0], c.n_used}), shares = ctx.temp(DType::f32, ids.shape), y = ctx.temp(DType::f32, x.shape);
  ctx.backend().route_experts(ids, shares, logits, weights.bias, c.routing);
  if (ctx.on_routing) ctx.on_routing(layer, ids, shares);
  if (all) ctx.backend().moe_experts(y, h, ids, shares, *all);
  else RETURN_IF_ERROR(run_acquired(ctx, y, h, ids, shares, experts, layer));
  if (c.shared_hidden_dim > 0) add_to(ctx, y, swiglu(ctx, h, shared));
  add_to(ctx, x, y);
  return {};
}

}  // namespace pio
