#pragma once

#include <string>

#include "models/binder.h"
#include "models/blocks/linear.h"

namespace pio {

struct MlpWeights {
  Linear gate;  // [hidden_dim, dim]
  Linear up;    // [hidden_dim, dim]
  Linear down;  // [dim, hidden_dim]
  bool has_adapters() const { return !gate.adapters.empty() || !up.adapters.empty() || !down.adapters.empty(); }
};

// Binds them under `prefix` ("blk.3."), of the hidden_dim inner columns those of `here`; `weights` must stay where it is until the binder has finished.
// `kind` follows the names: "_shexp" is a mixture's shared expert.
void bind_mlp(Binder& binder, const std::string& prefix, MlpWeights& weights, std::int64_t dim, std::int64_t hidden_dim, Range here,
              const std::string& kind = "");

// down(silu(gate h) * up h): SwiGLU, Shazeer 2020 (arXiv:2002.05202).   h [n_tokens, dim] → [n_tokens, dim], a temporary.
Tensor swiglu(ForwardContext& ctx, Tensor h, const MlpWeights& weights);

// x [n_tokens, dim] += swiglu(norm(x)). Fails as OtherSlices::sum.
Result<void> mlp(ForwardContext& ctx, Tensor x, const RmsNorm& norm, const MlpWeights& weights);

}  // namespace pio
