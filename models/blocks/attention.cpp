#include "models/blocks/attention.h"

#include <cmath>

namespace pio {

void bind_attention(Binder& binder, const std::string& prefix, AttentionWeights& weights, const AttentionConfig& c) {
  const std::int64_t q_dim = c.n_heads * c.head_dim;
  const std::int64_t kv_dim = c.n_kv_heads * c.head_dim;
  {
    const Binder::OneInput x(binder);
    binder.bind(weights.q, prefix + "attn_q", {q_dim, c.dim}, c.has_qkv_bias);
    binder.bind(weights.k, prefix + "attn_k", {kv_dim, c.dim}, c.has_qkv_bias);
    binder.bind(weights.v, prefix + "attn_v", {kv_dim, c.dim}, c.has_qkv_bias);
  }
  binder.bind(weights.output, prefix + "attn_output", {c.dim, q_dim});
  if (c.has_qk_norm) {
    binder.bind(weights.q_norm, prefix + "attn_q_norm.weight", {c.head_dim});
    binder.bind(weights.k_norm, prefix + "attn_k_norm.weight", {c.head_dim});
  }
}

Tensor attention(ForwardContext& ctx, Tensor x, const AttentionWeights& weights, const AttentionConfig& c, const Rope& rope,
                 const Step& step, const KvLayer& kv) {
  Backend& backend = ctx.backend();
  const std::int64_t n_tokens = x.shape[0];
  Tensor q = linear(ctx, x, weights.q).reshaped({n_tokens, c.n_heads, c.head_dim});
  Tensor k = linear(ctx, x, weights.k).reshaped({n_tokens, c.n_kv_heads, c.head_dim});
  Tensor v = linear(ctx, x, weights.v).reshaped({n_tokens, c.n_kv_heads, c.head_dim});
  if (c.has_qk_norm) {  // of each head, before rope
    backend.rms_norm(q, q, weights.q_norm, c.norm_eps);
    backend.rms_norm(k, k, weights.k_norm, c.norm_eps);
  }
  backend.rope(q, step.positions, rope.inv_freq, {.pairing = rope.pairing}, rope.axes);
  backend.rope(k, step.positions, rope.inv_freq, {.pairing = rope.pairing}, rope.axes);
  backend.store_kv(kv.k, k, step.cells, kv.page_bounds);
  backend.store_kv(kv.v, v, step.cells);

  Tensor y = ctx.temp(DType::f32, q.shape);
  backend.attention(y, q, kv.k, kv.v, step, {.scale = 1 / std::sqrt(static_cast<float>(c.head_dim)), .page_bounds = kv.page_bounds});
  return linear(ctx, y.reshaped({n_tokens, c.n_heads * c.head_dim}), weights.output);
}

}  // namespace pio
