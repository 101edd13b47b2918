#include "models/blocks/mla.h"

#include <algorithm>
#include <cmath>

#include "models/blocks/embedding.h"
#include "models/blocks/norm.h"

namespace pio {
namespace {

// What the keys and values of the heads that are expanded together may take. A head of GLM-4.7-Flash (256 + 256) takes 16 MiB at 8,192 tokens.
constexpr std::int64_t kExpandedBytes = std::int64_t{32} << 20;

// Tokens whose latents are decoded at a time.
constexpr std::int64_t kLatentsAtOnce = 512;

// y[t][h][…] = the head's matrix times x[t][h][…], by whichever form the file has.
struct HeadMatrices {
  Tensor w;
  HeadsParams params;
};

// Contracts a query's nope_dim to kv_rank: k_b is stored for that, kv_b holds the rows the other way.
HeadMatrices query_to_latent(const MlaWeights& weights, const MlaConfig& c) {
  if (weights.k_b) return {weights.k_b, {.w_rows = c.kv_rank}};
  return {weights.kv_b, {.w_rows = c.nope_dim, .transposed = true}};
}
HeadMatrices latent_to_key(const MlaWeights& weights, const MlaConfig& c) {
  if (weights.k_b) return {weights.k_b, {.w_rows = c.kv_rank, .transposed = true}};
  return {weights.kv_b, {.w_rows = c.nope_dim}};
}
HeadMatrices latent_to_value(const MlaWeights& weights, const MlaConfig& c) {
  if (weights.v_b) return {weights.v_b, {.w_rows = c.v_dim}};
  return {weights.kv_b, {.w_first = c.nope_dim, .w_rows = c.v_dim}};
}

// Attention in the space of the latents: all heads share one key of kv_rank + rope_dim, whose first kv_rank numbers are the value too.
Tensor absorbed(ForwardContext& ctx, Tensor q, const MlaWeights& weights, const MlaConfig& c, const Step& step, const KvLayer& kv, float scale) {
  Backend& backend = ctx.backend();
  const std::int64_t n_tokens = q.shape[0];
  Tensor q_latent = ctx.temp(DType::f32, {n_tokens, c.n_heads, c.kv_rank + c.rope_dim});
  const HeadMatrices to_latent = query_to_latent(weights, c);
  HeadsParams with_rope = to_latent.params;
  with_rope.n_following = c.rope_dim;
  backend.matmul_heads(q_latent, q, to_latent.w, with_rope);

  Tensor mixed = ctx.temp(DType::f32, {n_tokens, c.n_heads, c.kv_rank});
  backend.attention(mixed, q_latent, kv.k, {}, step, {.scale = scale, .page_bounds = kv.page_bounds});

  Tensor y = ctx.temp(DType::f32, {n_tokens, c.n_heads, c.v_dim});
  const HeadMatrices to_value = latent_to_value(weights, c);
  backend.matmul_heads(y, mixed, to_value.w, to_value.params);
  return y;
}

// Attention over keys and values of every head, made again from the cached latents in the order of their tokens, some heads at a time.
Tensor expanded(ForwardContext& ctx, Tensor q, const MlaWeights& weights, const MlaConfig& c, const Step& step, const KvLayer& kv, float scale) {
  Backend& backend = ctx.backend();
  const std::int64_t n_tokens = q.shape[0], n_cached = step.kv_cells.shape[0];
  const std::int64_t n_cells = (n_cached + kKvBlockLength - 1) / kKvBlockLength * kKvBlockLength;
  const std::int64_t latent_dim = c.kv_rank + c.rope_dim, k_dim = c.nope_dim + c.rope_dim;
  const std::int64_t head_bytes = n_cells * (k_dim + c.v_dim) * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t heads_at_once = std::clamp<std::int64_t>(kExpandedBytes / head_bytes, 1, c.n_heads);
  const HeadMatrices to_key = latent_to_key(weights, c), to_value = latent_to_value(weights, c);
  Step in_order = step;
  in_order.block_table = step.ordered_blocks;

  Tensor y = ctx.temp(DType::f32, {n_tokens, c.n_heads, c.v_dim});
  for (std::int64_t h = 0; h < c.n_heads && !ctx.stop_requested(); h += heads_at_once) {
    const ForwardContext::Mark mark(ctx);
    const std::int64_t n_heads = std::min(heads_at_once, c.n_heads - h);
    Tensor k = ctx.temp(DType::f32, {n_cells, n_heads, k_dim});
    Tensor v = ctx.temp(DType::f32, {n_cells, n_heads, c.v_dim});
    for (std::int64_t first = 0; first < n_cached; first += kLatentsAtOnce) {
      const ForwardContext::Mark tile(ctx);
      const std::int64_t n = std::min(kLatentsAtOnce, n_cached - first);
      Tensor cached = ctx.temp(DType::f32, {n, 1, latent_dim});
      backend.load_kv(cached, kv.k, step.kv_cells.rows(first, n));
      backend.matmul_heads(k.rows(first, n), cached, backend.matrices(to_key.w, h, n_heads), to_key.params);
      backend.copy_columns(k.rows(first, n), c.nope_dim, cached, c.kv_rank, c.rope_dim);  // one for all heads
      backend.matmul_heads(v.rows(first, n), cached, backend.matrices(to_value.w, h, n_heads), to_value.params);
    }
    if (n_heads == c.n_heads) {
      backend.attention(y, q, k, v, in_order, {.scale = scale});
      break;
    }
    Tensor q_part = ctx.temp(DType::f32, {n_tokens, n_heads, k_dim}), y_part = ctx.temp(DType::f32, {n_tokens, n_heads, c.v_dim});
    const auto rows_of = [&](Tensor t) { return t.reshaped({n_tokens, t.shape[1] * t.shape[2]}); };
    backend.copy_columns(rows_of(q_part), 0, rows_of(q), h * k_dim, n_heads * k_dim);
    backend.attention(y_part, q_part, k, v, in_order, {.scale = scale});
    backend.copy_columns(rows_of(y), h * c.v_dim, rows_of(y_part), 0, n_heads * c.v_dim);
  }
  return y;
}

}  // namespace

bool expanding_pays(const MlaConfig& c, std::int64_t n_tokens, std::int64_t n_cached) {
  constexpr std::int64_t kChunk = 512;  // of a prompt; each makes the keys of its whole past again
  const std::int64_t k_dim = c.nope_dim + c.rope_dim;
  const std::int64_t through_latent = (c.nope_dim + c.v_dim) * c.kv_rank;  // a head's two matrices
  const auto pairs = static_cast<double>(n_tokens) * (static_cast<double>(n_cached) + 0.5 * static_cast<double>(n_tokens));
  double made_again = 0;
  for (std::int64_t at = 0; at < n_tokens; at += kChunk) made_again += static_cast<double>(n_cached + std::min(at + kChunk, n_tokens));
  const double expanded = made_again * through_latent + pairs * static_cast<double>(k_dim + c.v_dim);
  const double absorbed = static_cast<double>(n_tokens) * through_latent + pairs * static_cast<double>(2 * c.kv_rank + c.rope_dim);
  return expanded < absorbed;
}

void bind_mla(Binder& binder, const std::string& prefix, MlaWeights& weights, const MlaConfig& c, Range heads) {
  const std::int64_t q_dim = c.n_heads * (c.nope_dim + c.rope_dim);
  const Cut of_queries = Cut::rows(heads, c.nope_dim + c.rope_dim);
  {
    const Binder::OneInput x(binder);
    if (c.q_rank > 0) binder.bind(weights.q_a, prefix + "attn_q_a", {c.q_rank, c.dim});
    else binder.bind(weights.q, prefix + "attn_q", {q_dim, c.dim}, false, of_queries);
    binder.bind(weights.kv_a, prefix + "attn_kv_a_mqa", {c.kv_rank + c.rope_dim, c.dim});
  }
  if (c.q_rank > 0) {
    binder.bind(weights.q_a_norm, prefix + "attn_q_a_norm.weight", {c.q_rank});
    binder.bind(weights.q, prefix + "attn_q_b", {q_dim, c.q_rank}, false, of_queries);
  }
  binder.bind(weights.kv_a_norm, prefix + "attn_kv_a_norm.weight", {c.kv_rank});
  // llama.cpp stored kv_b whole until April 2025, and some files hold both forms.
  const std::string whole = prefix + "attn_kv_b.weight";
  if (binder.has(whole) || binder.naming() == WeightSource::Naming::hugging_face) {
    const std::int64_t rows = c.nope_dim + c.v_dim;
    binder.bind_as(weights.kv_b, whole, {c.n_heads * rows, c.kv_rank}, {c.n_heads, rows, c.kv_rank}, MatrixUse::rows, Cut::rows(heads));
    for (const char* part : {"attn_k_b.", "attn_v_b."}) binder.leave(prefix + part);
  } else {
    binder.bind(weights.k_b, prefix + "attn_k_b.weight", {c.n_heads, c.kv_rank, c.nope_dim}, MatrixUse::products, Cut::rows(heads));
    binder.bind(weights.v_b, prefix + "attn_v_b.weight", {c.n_heads, c.v_dim, c.kv_rank}, MatrixUse::products, Cut::rows(heads));
  }
  binder.bind(weights.output, prefix + "attn_output", {c.dim, c.n_heads * c.v_dim}, false, Cut::columns(heads, c.v_dim));
}

Result<void> mla(ForwardContext& ctx, Tensor x, Tensor out, const RmsNorm& norm, const MlaWeights& weights, const MlaConfig& c, const Rope& rope,
                 const Step& step, const KvLayer& kv) {
  const std::int64_t n_tokens = x.shape[0];
  const Linear& from_x = c.q_rank > 0 ? weights.q_a : weights.q;
  const auto both = norm_linear<2>(ctx, x, norm, {&from_x, &weights.kv_a});
  Tensor q = both[0];
  if (c.q_rank > 0) q = norm_linear<1>(ctx, q, {weights.q_a_norm, c.norm_eps}, {&weights.q})[0];
  q = q.reshaped({n_tokens, c.n_heads, c.nope_dim + c.rope_dim});
  // the latent is normed; the key behind it is not, but has a rotary position
  ctx.backend().qk_norm_rope_store({.q = q,
                                    .k = both[1].reshaped({n_tokens, 1, c.kv_rank + c.rope_dim}),
                                    .k_norm = weights.kv_a_norm,
                                    .norm_eps = c.norm_eps,
                                    .inv_freq = rope.inv_freq,
                                    .axes = rope.axes,
                                    .pairing = rope.pairing,
                                    .q_first_dim = c.nope_dim,
                                    .k_first_dim = c.kv_rank,
                                    .k_cache = kv.k,
                                    .page_bounds = kv.page_bounds},
                                   step);

  // the size of a head's own key, not of the latent: both ways give the same scores
  const float scale = 1 / std::sqrt(static_cast<float>(c.nope_dim + c.rope_dim));
  const AttendedRows rows = attended_rows(ctx, x, q, out, step);
  const auto attend = step.kv_cells ? expanded : absorbed;
  const Tensor y = attend(ctx, rows.q, weights, c, rows.step, kv, scale);
  return add_linear_slice(ctx, rows.x, y.reshaped({y.shape[0], c.n_heads * c.v_dim}), weights.output);
}

}  // namespace pio
