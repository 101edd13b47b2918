#pragma once

#include <string>

#include "models/binder.h"
#include "models/blocks/linear.h"
#include "models/blocks/rope.h"

namespace pio {

struct AttentionConfig {
  std::int64_t dim = 0;  // of the residual stream
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;  // n_heads is a multiple of it
  std::int64_t head_dim = 0;    // n_heads * head_dim may differ from dim
  float norm_eps = 0;           // of the norms of q and k
  bool has_qkv_bias = false;
  bool has_qk_norm = false;
};

struct AttentionWeights {
  Linear q;       // [n_heads * head_dim, dim]
  Linear k;       // [n_kv_heads * head_dim, dim]
  Linear v;       // [n_kv_heads * head_dim, dim]
  Linear output;  // [dim, n_heads * head_dim]
  Tensor q_norm;  // [head_dim], shared by all heads; empty without has_qk_norm
  Tensor k_norm;
};

// Binds them under `prefix` ("blk.3."), those of `heads` of keys and values with the queries that read these; `weights` must stay where it is until
// the binder has finished. `config` is the whole layer's.
void bind_attention(Binder& binder, const std::string& prefix, AttentionWeights& weights, const AttentionConfig& config, Range heads);

// Grouped-query attention, Ainslie et al. 2023 (arXiv:2305.13245), over norm(x): stores keys and values of the step's tokens in `kv`, attends
// to what each may see, projects back and adds that to x [n_tokens, dim]. `out`: x, or [n_outputs, dim], which takes the sum of the rows of
// step.outputs alone; the others are stored and go no further. `config`: of the heads that are here. Fails as OtherSlices::sum.
Result<void> attention(ForwardContext& ctx, Tensor x, Tensor out, const RmsNorm& norm, const AttentionWeights& weights, const AttentionConfig& config,
                       const Rope& rope, const Step& step, const KvLayer& kv);

}  // namespace pio
