#pragma once

#include <string>
#include <vector>

#include "models/binder.h"
#include "models/blocks/mlp.h"
#include "models/expert_source.h"
#include "models/hyper.h"

namespace pio {

struct MoeConfig {
  std::int64_t dim = 0;                // of the residual stream
  std::int64_t hidden_dim = 0;         // inside one expert
  std::int64_t shared_hidden_dim = 0;  // inside the shared expert; 0: there is none
  std::int64_t n_experts = 0;
  std::int64_t n_used = 0;  // experts a token
  bool has_bias = false;    // on the router's scores, for the choice alone
  RoutingParams routing;
};

inline constexpr IntegerRange kExpertRange{1, 1024};

// Sizes and counts under the keys that the families share; routing, bias and shared expert are left to each.
MoeConfig read_moe(Hyper& hyper, std::int64_t dim);

struct MoeWeights {
  Linear router;      // [n_experts, dim] f32: logits in bf16 flip experts that are nearly tied (models.md 1.b, step 11)
  Tensor bias;        // [n_experts], or empty
  MlpWeights shared;  // empty where there is none
  // The experts, where a file holds them stacked,
  Tensor gates;  // [n_experts, hidden_dim, dim]
  Tensor ups;
  Tensor gates_and_ups;           // [2 * n_experts, hidden_dim, dim], each gate before its up
  Tensor downs;                   // [n_experts, dim, hidden_dim]
  std::vector<ExpertMlp> single;  // and where it holds each by itself
};

// Binds them under `prefix` ("blk.3.") in any form that a file has: experts stacked, gate and up in one tensor, or each matrix by itself.
// `weights` must stay where it is until the binder has finished; then experts_of() gives the experts, views of them. What `here` does not name is elsewhere.
struct MoePart {
  bool has_router = true;
  Range experts;
  Range shared;  // inner columns of the shared expert
};
void bind_moe(Binder& binder, const std::string& prefix, MoeWeights& weights, const MoeConfig& config, const MoePart& here);
// Number i is expert i + experts.begin of the layer.
ExpertSet experts_of(const Backend& backend, const MoeWeights& weights, Range experts, std::int64_t layer);

// The mixture that a pass comes to next. What it will choose is guessed beforehand by its own router, of what it would read if nothing were
// added in between (Eliseev and Mazur 2023, arXiv:2312.17238).
struct NextMoe {
  RmsNorm norm;
  const MoeWeights* weights = nullptr;  // null: there is none
  std::int64_t layer = -1;
};

// A mixture of experts, Shazeer et al. 2017 (arXiv:1701.06538): each token's best n_used, weighted, and with them what every token passes
// through (DeepSeekMoE, arXiv:2401.06066), of norm(x), added to x [n_tokens, dim]. Fails where `experts` does, and with cancelled where a stop
// ends the waiting for them. Where experts are awaited, the source is told what `next` may choose.
Result<void> moe(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MoeWeights& weights, const MoeConfig& config, ExpertSource& experts,
                 std::int64_t layer, const NextMoe& next = {});

// The same of a slice of a layer: of what the device that chooses has chosen it computes its own experts. Null `experts`: it has none.
Result<void> moe_slice(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MoeWeights& weights, const MoeConfig& config,
                       const ExpertSet* experts, Range here, std::int64_t layer);

// y = what the experts that were chosen for x [n_tokens, dim] make of it, as Backend::moe_experts; ids and shares [n_tokens, n_used].
Result<void> run_experts(ForwardContext& ctx, Tensor y, Tensor x, Tensor ids, Tensor shares, const MoeConfig& config, ExpertSource& experts,
                         std::int64_t layer);

}  // namespace pio
