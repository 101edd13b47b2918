#include "models/blocks/moe.h"

#include <algorithm>
#include <functional>
#include <numeric>

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

namespace {

void bind_experts(Binder& binder, const std::string& prefix, MoeWeights& weights, const MoeConfig& c, Range here) {
  const Binder::OfExperts experts(binder);
  const Shape up{c.hidden_dim, c.dim}, down{c.dim, c.hidden_dim};
  const std::string fused = prefix + "ffn_gate_up_exps.weight";
  if (!binder.has(fused) && binder.naming() == WeightSource::Naming::hugging_face) {
    weights.single.resize(c.n_experts);
    const auto bind_each = [&](Tensor ExpertMlp::*part, const std::string& name, const Shape& shape) {
      for (std::int64_t e = 0; e < c.n_experts; ++e) {
        const Binder::Elsewhere elsewhere(binder, e < here.begin || e >= here.end);
        binder.bind(weights.single[e].*part, prefix + name + "." + std::to_string(e) + ".weight", shape, MatrixUse::products);
      }
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
                     MatrixUse::products, Cut::rows(here, 2));
    } else {
      const Binder::OneInput x(binder);
      binder.bind(weights.gates, prefix + "ffn_gate_exps.weight", {c.n_experts, c.hidden_dim, c.dim}, MatrixUse::products, Cut::rows(here));
      binder.bind(weights.ups, prefix + "ffn_up_exps.weight", {c.n_experts, c.hidden_dim, c.dim}, MatrixUse::products, Cut::rows(here));
    }
    binder.bind(weights.downs, prefix + "ffn_down_exps.weight", {c.n_experts, c.dim, c.hidden_dim}, MatrixUse::products, Cut::rows(here));
  }
}

}  // namespace

void bind_moe(Binder& binder, const std::string& prefix, MoeWeights& weights, const MoeConfig& c, const MoePart& here) {
  {
    const Binder::Elsewhere elsewhere(binder, !here.has_router);
    binder.bind_decoded(weights.router, prefix + "ffn_gate_inp", {c.n_experts, c.dim});
    if (c.has_bias) binder.bind(weights.bias, prefix + "exp_probs_b.bias", {c.n_experts});
  }
  bind_experts(binder, prefix, weights, c, here.experts);
  if (c.shared_hidden_dim > 0) bind_mlp(binder, prefix, weights.shared, c.dim, c.shared_hidden_dim, here.shared, "_shexp");
}

ExpertSet experts_of(const Backend& backend, const MoeWeights& weights, Range here, std::int64_t layer) {
  ExpertSet experts(layer, here.n());
  for (std::int64_t e = 0; e < here.n(); ++e) {
    if (!weights.single.empty()) {
      experts.put(e, weights.single[here.begin + e]);
    } else if (const Tensor& both = weights.gates_and_ups) {
      experts.put(e, {backend.matrix(both, 2 * e), backend.matrix(both, 2 * e + 1), backend.matrix(weights.downs, e)});
    } else {
      experts.put(e, {backend.matrix(weights.gates, e), backend.matrix(weights.ups, e), backend.matrix(weights.downs, e)});
    }
  }
  return experts;
}

namespace {

// What the experts of a layer give that come in turns: those that are there compute while others are awaited, or before others come in
// their places. Every choice of a token has a row, and at the end a token's rows are summed in the order of its choices, as moe_experts does.
class Turns {
 public:
  Turns(ForwardContext& ctx, Tensor x, std::span<const std::int32_t> chosen)
      : backend_(ctx.backend()),
        x_(x),
        chosen_(chosen),
        n_used_(static_cast<std::int64_t>(chosen.size()) / x.shape[0]),
        outputs_(ctx.temp(DType::f32, {std::ssize(chosen) + 1, x.shape[1]})),
        rows_(ctx.temp(DType::i32, {x.shape[0], n_used_})),
        inputs_(ctx.temp(DType::f32, {std::min(kRowsAtOnce, std::ssize(chosen)), x.shape[1]})),
        tokens_(ctx.temp(DType::i32, {inputs_.shape[0]})),
        ids_(ctx.temp(DType::i32, {inputs_.shape[0], 1})),
        ones_(ctx.temp(DType::f32, {inputs_.shape[0], 1})) {}

  // With experts of `set`.
  void run(std::span<const std::int32_t> arrived, const ExpertSet& set) {
    if (by_expert_.empty()) begin();
    std::vector<std::int32_t> tokens, ids;
    const std::int64_t first = n_rows_;
    for (const std::int32_t id : arrived) {
      const auto places = std::ranges::equal_range(by_expert_, id, {}, [&](std::int32_t place) { return chosen_[place]; });
      for (const std::int32_t place : places) {
        row_of_[place] = static_cast<std::int32_t>(n_rows_++);
        tokens.push_back(static_cast<std::int32_t>(place / n_used_));
        ids.push_back(id);
      }
    }
    for (std::int64_t at = 0; at < std::ssize(ids) && !backend_.stop_requested(); at += kRowsAtOnce) {
      const std::int64_t n = std::min(kRowsAtOnce, std::ssize(ids) - at);
      const Tensor inputs = inputs_.rows(0, n);
      backend_.upload(tokens_.rows(0, n), tokens.data() + at);
      backend_.upload(ids_.rows(0, n), ids.data() + at);
      backend_.gather_rows(inputs, x_, tokens_.rows(0, n));
      backend_.moe_experts(outputs_.rows(first + at, n), inputs, ids_.rows(0, n), ones_.rows(0, n), set);
    }
  }

  void sum(Tensor y, Tensor shares) {
    backend_.upload(rows_, row_of_.data());
    backend_.sum_rows(y, outputs_, rows_, shares);
  }

 private:
  static constexpr std::int64_t kRowsAtOnce = 512;

  void begin() {
    by_expert_.resize(chosen_.size());
    std::iota(by_expert_.begin(), by_expert_.end(), 0);
    std::ranges::stable_sort(by_expert_, {}, [&](std::int32_t place) { return chosen_[place]; });
    // What is computed elsewhere adds the last row, which is 0.
    row_of_.assign(chosen_.size(), static_cast<std::int32_t>(chosen_.size()));
    const std::vector<float> zeros(static_cast<std::size_t>(outputs_.shape[1]));
    backend_.upload(outputs_.rows(std::ssize(chosen_), 1), zeros.data());
    const std::vector<float> ones(static_cast<std::size_t>(ones_.shape[0]), 1.0F);
    backend_.upload(ones_, ones.data());
  }

  Backend& backend_;
  Tensor x_;
  std::span<const std::int32_t> chosen_;  // [n_tokens, n_used]
  std::int64_t n_used_, n_rows_ = 0;
  Tensor outputs_, rows_;                // of every choice, in the order of their turns; which one is whose
  Tensor inputs_, tokens_, ids_, ones_;  // of the rows that are computed at once
  std::vector<std::int32_t> by_expert_, row_of_;
};

// Tells the source what the next mixture would choose of x, the residual stream of now: those that most tokens choose first.
void guess_next(ForwardContext& ctx, Tensor x, const MoeConfig& c, ExpertSource& source, const NextMoe& next) {
  const ForwardContext::Mark mark(ctx);
  const Tensor h = ctx.temp(DType::f32, x.shape), ids = ctx.temp(DType::i32, {x.shape[0], c.n_used}), shares = ctx.temp(DType::f32, ids.shape);
  const Tensor logits = norm_linear<1>(ctx, x, next.norm, {&next.weights->router}, h)[0];
  ctx.backend().route_experts(ids, shares, logits, next.weights->bias, c.routing);
  std::vector<std::int32_t> chosen(ids.shape.n_values());
  ctx.backend().download(chosen.data(), ids);
  if (ctx.stop_requested()) return;  // the ids may be unfinished
  std::vector<std::int64_t> counts(c.n_experts);
  for (const std::int32_t id : chosen) ++counts[id];
  std::vector<std::int32_t> likely;
  for (std::int32_t id = 0; id < c.n_experts; ++id)
    if (counts[id] > 0) likely.push_back(id);
  std::ranges::stable_sort(likely, std::ranges::greater(), [&](std::int32_t id) { return counts[id]; });
  source.hint(next.layer, likely);
}

// The ids are read back, and the op waits for the experts. `stream` is the residual stream, x what experts read of it; `next` only with a stream.
Result<void> run_acquired(ForwardContext& ctx, Tensor y, Tensor stream, Tensor x, Tensor ids, Tensor shares, const MoeConfig& c, ExpertSource& source,
                          std::int64_t layer, const NextMoe& next) {
  Backend& backend = ctx.backend();
  std::vector<std::int32_t> chosen(ids.shape.n_values());
  backend.download(chosen.data(), ids);
  if (backend.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");  // the ids may be unfinished
  source.saw(layer, chosen, x.shape[0]);
  std::vector<std::int32_t> wanted = chosen;
  std::ranges::sort(wanted);
  const auto repeated = std::ranges::unique(wanted);
  wanted.erase(repeated.begin(), repeated.end());
  wanted.erase(wanted.begin(), std::ranges::lower_bound(wanted, 0));  // others are computed elsewhere
  if (wanted.empty()) {
    const std::vector<float> zeros(static_cast<std::size_t>(y.shape.n_values()));
    backend.upload(y, zeros.data());
    return {};
  }
  Turns turns(ctx, x, chosen);  // its memory is there whether or not it is needed: it is planned so
  ASSIGN_OR_RETURN(const std::unique_ptr<ExpertLease> lease, source.acquire(layer, wanted, backend.stop_token()));
  CHECK(lease->experts().layer() == layer, "experts of another layer");
  if (next.weights && source.wants_hints()) guess_next(ctx, stream, c, source, next);
  std::size_t n_arrived = 0;
  for (std::vector<std::int32_t> arrived; n_arrived < wanted.size(); arrived.clear()) {
    do {
      ASSIGN_OR_RETURN(const std::optional<std::int32_t> id, lease->next());
      if (!id) break;
      arrived.push_back(*id);
    } while (n_arrived + arrived.size() < wanted.size() && lease->is_ready());
    CHECK(!arrived.empty(), "a lease ended before all experts had been there");
    n_arrived += arrived.size();
    if (arrived.size() == wanted.size()) {
      backend.moe_experts(y, x, ids, shares, lease->experts());
      return backend.sync();  // the op has read them when the lease ends
    }
    turns.run(arrived, lease->experts());
    RETURN_IF_ERROR(backend.sync());
    if (backend.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
    lease->done();
  }
  turns.sum(y, shares);
  return {};
}

}  // namespace

Result<void> run_experts(ForwardContext& ctx, Tensor y, Tensor x, Tensor ids, Tensor shares, const MoeConfig& c, ExpertSource& experts,
                         std::int64_t layer) {
  const ExpertSet* const all = experts.resident(layer);
  CHECK(!all || all->layer() == layer, "experts of another layer");
  if (!all) return run_acquired(ctx, y, {}, x, ids, shares, c, experts, layer, {});
  ctx.backend().moe_experts(y, x, ids, shares, *all);
  return {};
}

Result<void> moe(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MoeWeights& weights, const MoeConfig& c, ExpertSource& experts,
                 std::int64_t layer, const NextMoe& next) {
  const Tensor h = ctx.temp(DType::f32, x.shape);
  const Tensor logits = norm_linear<1>(ctx, x, norm, {&weights.router}, h)[0];  // [n_tokens, n_experts]
  const MlpWeights& shared = weights.shared;
  const bool are_elsewhere = ctx.experts_elsewhere && ctx.experts_elsewhere->has(layer);
  const ExpertSet* const all = are_elsewhere ? nullptr : experts.resident(layer);
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
  if (are_elsewhere) {
    Tensor of_shared;  // summed here in the order in which it is below
    const auto meanwhile = [&] {
      if (c.shared_hidden_dim > 0) of_shared = swiglu(ctx, h, shared);
    };
    RETURN_IF_ERROR(ctx.experts_elsewhere->run(layer, y, h, ids, shares, meanwhile));
    if (of_shared) add_to(ctx, y, of_shared);
    add_to(ctx, x, y);
    return {};
  }
  if (all) ctx.backend().moe_experts(y, h, ids, shares, *all);
  else RETURN_IF_ERROR(run_acquired(ctx, y, x, h, ids, shares, c, experts, layer, next));
  if (c.shared_hidden_dim > 0) add_to(ctx, y, swiglu(ctx, h, shared));
  add_to(ctx, x, y);
  return {};
}

namespace {

// y = what the experts of `set` make of x [n_tokens, dim]: of the choice [n_tokens, n_used] those from here.begin on are its. Empty where none of them
// was chosen. A token's are summed in the order of its choices.
Tensor run_chosen_here(ForwardContext& ctx, Tensor x, const ExpertChoice& choice, const ExpertSet& set, Range here) {
  std::vector<std::int32_t> ids, own;  // by the set's numbers; -1 where another device has the expert
  std::vector<float> shares, own_shares;
  for (std::size_t i = 0; i < choice.ids.size(); ++i) {
    const bool is_here = choice.ids[i] >= here.begin && choice.ids[i] < here.end;
    ids.push_back(is_here ? choice.ids[i] - static_cast<std::int32_t>(here.begin) : -1);
    shares.push_back(is_here ? choice.weights[i] : 0);
    if (!is_here) continue;
    own.push_back(ids.back());
    own_shares.push_back(shares.back());
  }
  Backend& backend = ctx.backend();
  const std::int64_t n_tokens = x.shape[0], n_used = std::ssize(ids) / n_tokens;
  const Tensor y = ctx.temp(DType::f32, x.shape);
  if (n_tokens == 1) {
    if (own.empty()) return {};
    const Shape chosen{1, std::ssize(own)};
    const Tensor ids_here = ctx.temp(DType::i32, chosen), shares_here = ctx.temp(DType::f32, chosen);
    backend.upload(ids_here, own.data());
    backend.upload(shares_here, own_shares.data());
    backend.moe_experts(y, x, ids_here, shares_here, set);
    return y;
  }
  Turns turns(ctx, x, ids);  // its memory is there whether or not it is needed: it is planned so
  const Tensor shares_here = ctx.temp(DType::f32, {n_tokens, n_used});
  std::ranges::sort(own);
  const auto repeated = std::ranges::unique(own);
  own.erase(repeated.begin(), repeated.end());
  if (own.empty()) return {};
  turns.run(own, set);
  backend.upload(shares_here, shares.data());
  turns.sum(y, shares_here);
  return y;
}

}  // namespace

Result<void> moe_slice(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MoeWeights& weights, const MoeConfig& c, const ExpertSet* experts,
                       Range here, std::int64_t layer) {
  if (x.shape[0] == 0) return {};
  Backend& backend = ctx.backend();
  const Tensor h = ctx.temp(DType::f32, x.shape);
  if (ctx.slices->chooses()) {
    const Tensor logits = norm_linear<1>(ctx, x, norm, {&weights.router}, h)[0];
    const Tensor ids = ctx.temp(DType::i32, {x.shape[0], c.n_used}), shares = ctx.temp(DType::f32, ids.shape);
    backend.route_experts(ids, shares, logits, weights.bias, c.routing);
    if (ctx.on_routing) ctx.on_routing(layer, ids, shares);
    ExpertChoice& choice = ctx.slices->choice();
    choice.ids.resize(static_cast<std::size_t>(ids.shape.n_values()));
    choice.weights.resize(choice.ids.size());
    backend.download(choice.ids.data(), ids);
    backend.download(choice.weights.data(), shares);
    RETURN_IF_ERROR(backend.sync());  // what a lost device has given are no ids
    if (ctx.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  } else {
    backend.rms_norm(h, x, norm.w, norm.eps);
  }
  ASSIGN_OR_RETURN(const ExpertChoice* const choice, ctx.slices->choose(x.shape[0]));
  Tensor y;
  if (experts && !here.empty()) y = run_chosen_here(ctx, h, *choice, *experts, here);
  if (weights.shared.down.w) {
    const Tensor of_shared = swiglu(ctx, h, weights.shared);
    if (y) add_to(ctx, y, of_shared);
    else y = of_shared;
  }
  return add_slices(ctx, x, y);
}

}  // namespace pio
