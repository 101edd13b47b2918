#include "models/blocks/attention.h"

#include <cmath>

#include "models/blocks/embedding.h"

namespace pio {

void bind_attention(Binder& binder, const std::string& prefix, AttentionWeights& weights, const AttentionConfig& c, Range heads) {
  const std::int64_t q_dim = c.n_heads * c.head_dim;
  const std::int64_t kv_dim = c.n_kv_heads * c.head_dim;
  const std::int64_t q_dim_of_head = q_dim / c.n_kv_heads;
  {
    const Binder::OneInput x(binder);
    binder.bind(weights.q, prefix + "attn_q", {q_dim, c.dim}, c.has_qkv_bias, Cut::rows(heads, q_dim_of_head));
    binder.bind(weights.k, prefix + "attn_k", {kv_dim, c.dim}, c.has_qkv_bias, Cut::rows(heads, c.head_dim));
    binder.bind(weights.v, prefix + "attn_v", {kv_dim, c.dim}, c.has_qkv_bias, Cut::rows(heads, c.head_dim));
  }
  binder.bind(weights.output, prefix + "attn_output", {c.dim, q_dim}, false, Cut::columns(heads, q_dim_of_head));
  if (c.has_qk_norm) {
    binder.bind(weights.q_norm, prefix + "attn_q_norm.weight", {c.head_dim});
    binder.bind(weights.k_norm, prefix + "attn_k_norm.weight", {c.head_dim});
  }
}

Result<void> attention(ForwardContext& ctx, Tensor x, Tensor out, const RmsNorm& norm, const AttentionWeights& weights, const AttentionConfig& c,
                       const Rope& rope, const Step& step, const KvLayer& kv) {
  Backend& backend = ctx.backend();
  const std::int64_t n_tokens = x.shape[0];
  const auto heads = norm_linear<3>(ctx, x, norm, {&weights.q, &weights.k, &weights.v});
  const Tensor q = heads[0].reshaped({n_tokens, c.n_heads, c.head_dim});
  // each head is normed by itself, before rope
  backend.qk_norm_rope_store({.q = q,
                              .k = heads[1].reshaped({n_tokens, c.n_kv_heads, c.head_dim}),
                              .v = heads[2].reshaped({n_tokens, c.n_kv_heads, c.head_dim}),
                              .q_norm = weights.q_norm,
                              .k_norm = weights.k_norm,
                              .norm_eps = c.norm_eps,
                              .inv_freq = rope.inv_freq,
                              .axes = rope.axes,
                              .pairing = rope.pairing,
                              .k_cache = kv.k,
                              .v_cache = kv.v,
                              .page_bounds = kv.page_bounds,
                              .hadamard_length = kv.hadamard_length},
                             step);
  const AttendedRows rows = attended_rows(ctx, x, q, out, step);
  const Tensor y = ctx.temp(DType::f32, rows.q.shape);
  backend.attention(y, rows.q, kv.k, kv.v, rows.step, {.scale = 1 / std::sqrt(static_cast<float>(c.head_dim)), .page_bounds = kv.page_bounds});
  return add_linear_slice(ctx, rows.x, y.reshaped({y.shape[0], c.n_heads * c.head_dim}), weights.output);
}

}  // namespace pio
