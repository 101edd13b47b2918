#pragma once

#include <string>

#include "models/binder.h"
#include "models/blocks/linear.h"
#include "models/blocks/rope.h"

namespace pio {

// Multi-head latent attention, DeepSeek-V2 (arXiv:2405.04434, section 2.1): keys and values of all heads come from one latent a token,
// and only that is cached, with one rotated key that all heads share.

struct MlaConfig {
  std::int64_t dim = 0;  // of the residual stream
  std::int64_t n_heads = 0;
  std::int64_t q_rank = 0;    // of the queries' latent; 0: they come straight from the residual stream
  std::int64_t kv_rank = 0;   // of the cached latent
  std::int64_t nope_dim = 0;  // dims of a head's query and key without position
  std::int64_t rope_dim = 0;  // dims that rope rotates
  std::int64_t v_dim = 0;     // of a head's value
  float norm_eps = 0;         // of the latents' norms
};

struct MlaWeights {
  Linear q;          // [n_heads * (nope_dim + rope_dim), q_rank, or dim where q_rank is 0]
  Linear q_a;        // [q_rank, dim]
  Tensor q_a_norm;   // [q_rank]
  Linear kv_a;       // [kv_rank + rope_dim, dim]
  Tensor kv_a_norm;  // [kv_rank]
  // The latent's way to keys and values, in one of two forms:
  Tensor kv_b;    // [n_heads, nope_dim + v_dim, kv_rank]; or
  Tensor k_b;     // [n_heads, kv_rank, nope_dim]: llama.cpp's, transposed, and
  Tensor v_b;     // [n_heads, v_dim, kv_rank]
  Linear output;  // [dim, n_heads * v_dim]
};

// Binds them under `prefix` ("blk.3."), those of `heads`, and what all heads share; `weights` must stay where it is until the binder has finished.
// `config` is the whole layer's.
void bind_mla(Binder& binder, const std::string& prefix, MlaWeights& weights, const MlaConfig& config, Range heads);

// Whether a prompt of n_tokens new tokens behind n_cached cached ones takes fewer multiplications expanded. A score costs less there, but every
// chunk makes the keys and values of its whole past again.
bool expanding_pays(const MlaConfig& config, std::int64_t n_tokens, std::int64_t n_cached);

// x [n_tokens, dim] += latent attention over norm(x). Stores the latents of the step's tokens in `kv` ([n_cells, 1, kv_rank + rope_dim], no
// values beside) and attends to what each may see, in one of two forms: expanded where the step brings kv_cells, over keys and values made
// again from the latents that they name; else absorbed, over the latents as they are (arXiv:2405.04434, section 2.1.2). The two are equal
// but for rounding. `out`, `config` and failures as of attention.
Result<void> mla(ForwardContext& ctx, Tensor x, Tensor out, const RmsNorm& norm, const MlaWeights& weights, const MlaConfig& config, const Rope& rope,
                 const Step& step, const KvLayer& kv);

}  // namespace pio
