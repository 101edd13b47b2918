#include "models/blocks/dense_decoder.h"

#include <algorithm>
#include <numeric>

#include "models/blocks/embedding.h"
#include "models/blocks/norm.h"

namespace pio {

AttentionConfig attention_of(const DenseHyper& hyper) {
  return {.dim = hyper.dim, .n_heads = hyper.n_heads, .n_kv_heads = hyper.n_kv_heads, .head_dim = hyper.head_dim, .norm_eps = hyper.norm_eps};
}

StepNeeds DenseDecoder::step_needs(std::int64_t n_tokens, std::int64_t n_cached) const {
  return {.ordered_cells = c_.mla && expanding_pays(*c_.mla, n_tokens, n_cached)};
}

Result<Tensor> DenseDecoder::embed(ForwardContext& ctx, const Step& step, const GivenEmbeddings* given) const {
  Tensor x;  // [n_tokens, dim]
  if (ctx.weights && ctx.weights->rows_at_once(token_embd_) > 0) {
    ASSIGN_OR_RETURN(x, embed_away(ctx, token_embd_, step.ids));
  } else {
    x = pio::embed(ctx, token_embd_, step.ids);
  }
  if (given) {
    for (const RowRun& run : given->runs) ctx.backend().copy(x.rows(run.first, run.n), given->values.rows(run.from, run.n));
  }
  return x;
}

Result<Tensor> DenseDecoder::layers(ForwardContext& ctx, Tensor x, const Step& step, KvState& state, std::int64_t first, std::int64_t last,
                                    const GivenEmbeddings* given) const {
  const float eps = c_.hyper.norm_eps;
  bool has_narrowed = false;
  for (std::int64_t l = first; l < last && !ctx.stop_requested(); ++l) {
    const Layer& layer = layers_[l];
    // nobody reads the last layer's other rows, but for pictures that are added to them
    const bool is_narrow = l + 1 == c_.hyper.n_layers && step.output_lengths && step.n_outputs() < x.shape[0] &&
                           !(given && l < static_cast<std::int64_t>(given->deepstack.size()));
    const Tensor out = is_narrow ? ctx.temp(DType::f32, {step.n_outputs(), x.shape[1]}) : x;
    const ForwardContext::Mark mark(ctx);
    if (ctx.on_layer_input) ctx.on_layer_input(l, x);
    if (ctx.weights) RETURN_IF_ERROR(ctx.weights->bring_layer(l));

    RETURN_IF_ERROR(attend(ctx, x, out, layer, step, state.of(l)));
    x = out;
    has_narrowed = is_narrow;

    if (layer.is_mixture && part_.slice) {
      RETURN_IF_ERROR(moe_slice(ctx, x, {layer.ffn_norm, eps}, layer.moe, c_.moe, experts(l), slice_.experts, l));
    } else if (layer.is_mixture) {
      NextMoe next;
      if (l + 1 < last && layers_[l + 1].is_mixture) next = {{layers_[l + 1].ffn_norm, eps}, &layers_[l + 1].moe, l + 1};
      RETURN_IF_ERROR(moe(ctx, x, {layer.ffn_norm, eps}, layer.moe, c_.moe, ctx.experts ? *ctx.experts : *experts_, l, next));
    } else {
      RETURN_IF_ERROR(mlp(ctx, x, {layer.ffn_norm, eps}, layer.mlp));
    }

    if (given && l < static_cast<std::int64_t>(given->deepstack.size())) {
      for (const RowRun& run : given->runs) add_to(ctx, x.rows(run.first, run.n), given->deepstack[l].rows(run.from, run.n));
    }
  }
  return last < c_.hyper.n_layers || has_narrowed ? x : output_rows(ctx, x, step);
}

Result<void> DenseDecoder::attend(ForwardContext& ctx, Tensor x, Tensor out, const Layer& layer, const Step& step, const KvLayer& kv) const {
  const RmsNorm norm{layer.attn_norm, c_.hyper.norm_eps};
  if (slice_.heads.empty()) {
    if (out.shape[0] < x.shape[0]) ctx.backend().gather_rows(out, x, step.outputs);
    return add_slices(ctx, out, {});
  }
  if (c_.mla) return mla(ctx, x, out, norm, layer.mla, *c_.mla, rope_, step, kv);
  return attention(ctx, x, out, norm, layer.attention, c_.attention, rope_, step, kv);
}

Result<Tensor> DenseDecoder::head(ForwardContext& ctx, Tensor x, const Step&) const {
  const RmsNorm norm{output_norm_, c_.hyper.norm_eps};
  const std::int64_t n_at_once = ctx.weights ? ctx.weights->rows_at_once(output_.w) : 0;
  if (n_at_once == 0) return norm_linear<1>(ctx, x, norm, {&output_})[0];  // [n_outputs, vocab_size]

  const Tensor h = rms_norm(ctx, x, norm), logits = ctx.temp(DType::f32, {x.shape[0], output_.w.shape[0]});
  for (std::int64_t first = 0; x.shape[0] > 0 && first < output_.w.shape[0] && !ctx.stop_requested(); first += n_at_once) {
    const ForwardContext::Mark mark(ctx);
    const std::int64_t n = std::min(n_at_once, output_.w.shape[0] - first);
    Linear part;
    ASSIGN_OR_RETURN(part.w, ctx.weights->bring_rows(output_.w, first, n));
    for (const LowRank& adapter : output_.adapters) part.adapters.push_back({adapter.a, adapter.b.rows(first, n), adapter.scale});
    ctx.backend().copy_columns(logits, first, linear(ctx, h, part), 0, n);
  }
  return logits;
}

Result<std::unique_ptr<DenseDecoder>> DenseDecoder::create(const DenseConfig& config, WeightSource& source, Backend& backend, const ModelPart& part) {
  std::unique_ptr<DenseDecoder> model(new DenseDecoder(config, part));
  RETURN_IF_ERROR(model->bind_weights(source, backend));
  const DenseHyper& h = model->c_.hyper;
  model->spec_ = {.architecture = source.architecture(),
                  .family = config.family,
                  .n_layers = h.n_layers,
                  .dim = h.dim,
                  .vocab_size = h.vocab_size,
                  .context_length = h.context_length,
                  .n_parameters = model->bound_.n_parameters,
                  .kv_layers = std::vector<KvLayout>(h.n_layers, model->kv_layout()),
                  .n_position_axes = model->c_.rope_sections.empty() ? 1 : 3,
                  .has_two_forms = model->c_.mla.has_value()};
  return model;
}

LayerSlice DenseDecoder::slice_of(const Binder& binder) const {
  const std::int64_t n_heads = c_.mla ? c_.mla->n_heads : c_.attention.n_kv_heads;
  const auto whole = [](std::int64_t n) { return Range{0, n}; };
  LayerSlice slice{.heads = whole(n_heads),
                   .hidden = whole(c_.hyper.hidden_dim),
                   .experts = whole(c_.moe.n_experts),
                   .shared = whole(c_.moe.shared_hidden_dim),
                   .uncut = {}};
  if (!part_.slice) return slice;
  // Columns are cut between the blocks of all layers' formats.
  const auto longest_block = [&](const char* name) {
    std::int64_t longest = 1;
    for (std::int64_t l = 0; l < c_.hyper.n_layers && !binder.is_hopeless(); ++l)
      longest = std::lcm(longest, binder.block_length("blk." + std::to_string(l) + "." + name));
    return longest;
  };
  const auto cut = [&](Range& range, std::int64_t n_values, const char* part, const std::string& units, const char* columns_of) {
    const std::int64_t n = range.n();
    if (n == 0) return;
    const std::int64_t block = columns_of ? longest_block(columns_of) : 1;
    const std::int64_t unit = block / std::gcd(block, n_values);
    range = range_of(*part_.slice, n, unit);
    if (unit < n) return;
    const std::string found = ", found " + std::to_string(n);
    slice.uncut.push_back({part, n == 1 ? "expected several " + units + found
                                        : "expected " + units + " that can be cut between blocks of " + std::to_string(block) + " values" + found +
                                              " of " + std::to_string(n_values)});
  };
  const std::int64_t of_head = c_.mla ? c_.mla->v_dim : c_.attention.n_heads / c_.attention.n_kv_heads * c_.attention.head_dim;
  const bool has_dense = c_.is_mixture.empty() || std::ranges::count(c_.is_mixture, false) > 0;
  cut(slice.heads, of_head, "attention", "heads", "attn_output.weight");
  if (!has_dense) slice.hidden = {};
  cut(slice.hidden, 1, "feed-forward", "columns", "ffn_down.weight");
  if (!c_.is_mixture.empty()) cut(slice.experts, 1, "experts", "experts", nullptr);
  if (!c_.is_mixture.empty()) cut(slice.shared, 1, "shared experts", "columns", "ffn_down_shexp.weight");
  return slice;
}

void DenseDecoder::keep_heads() {
  if (!part_.slice) return;
  if (c_.mla) {
    c_.mla->n_heads = slice_.heads.n();
    return;
  }
  c_.attention.n_heads = c_.attention.n_heads / c_.attention.n_kv_heads * slice_.heads.n();
  c_.attention.n_kv_heads = slice_.heads.n();
}

KvLayout DenseDecoder::kv_layout() const {
  if (slice_.heads.empty()) return {};
  if (c_.mla) return {.n_kv_heads = 1, .k_head_dim = c_.mla->kv_rank + c_.mla->rope_dim, .v_head_dim = 0, .v_in_k = c_.mla->kv_rank};
  return {.n_kv_heads = c_.attention.n_kv_heads, .k_head_dim = c_.hyper.head_dim, .v_head_dim = c_.hyper.head_dim};
}

void DenseDecoder::bind_layer(Binder& binder, std::int64_t l) {
  const std::string prefix = "blk." + std::to_string(l) + ".";
  Layer& layer = layers_[l];
  layer.is_mixture = !c_.is_mixture.empty() && c_.is_mixture[l];
  const bool has_layer = part_.layers.has(l);
  {
    const Binder::Elsewhere elsewhere(binder, !has_layer);
    bind_dense(binder, prefix, l);
  }
  if (!layer.is_mixture) return;
  const bool chooses = !part_.slice || part_.slice->index == 0;
  bind_moe(binder, prefix, layer.moe, c_.moe,
           {.has_router = has_layer && chooses,
            .experts = part_.experts.has(l) ? slice_.experts : Range{},
            .shared = has_layer ? slice_.shared : Range{}});
}

void DenseDecoder::bind_dense(Binder& binder, const std::string& prefix, std::int64_t l) {
  const DenseHyper& h = c_.hyper;
  Layer& layer = layers_[l];
  binder.bind(layer.attn_norm, prefix + "attn_norm.weight", {h.dim});
  {
    const Binder::Elsewhere elsewhere(binder, slice_.heads.empty());
    if (c_.mla) bind_mla(binder, prefix, layer.mla, *c_.mla, slice_.heads);
    else bind_attention(binder, prefix, layer.attention, c_.attention, slice_.heads);
  }
  binder.bind(layer.ffn_norm, prefix + "ffn_norm.weight", {h.dim});
  if (!layer.is_mixture) bind_mlp(binder, prefix, layer.mlp, h.dim, h.hidden_dim, slice_.hidden);
}

Result<void> DenseDecoder::bind_weights(WeightSource& source, Backend& backend) {
  const DenseHyper& h = c_.hyper;
  Binder binder(source, backend);
  // A tied model may still hold its output matrix: older official Qwen GGUF files and those of Qwen2.5-Coder do.
  const bool has_output = !h.is_tied || binder.has("output.weight");
  {
    const Binder::Elsewhere elsewhere(binder, !part_.has_embeddings && (has_output || !part_.has_head));
    binder.bind(token_embd_, "token_embd.weight", {h.vocab_size, h.dim}, has_output ? MatrixUse::rows : MatrixUse::products);
  }
  slice_ = slice_of(binder);
  layers_.resize(h.n_layers);
  for (std::int64_t l = 0; l < h.n_layers && !binder.is_hopeless(); ++l) bind_layer(binder, l);
  for (std::int64_t l = h.n_layers; l < h.n_layers + c_.n_left_layers; ++l) binder.leave("blk." + std::to_string(l) + ".");
  {
    const Binder::Elsewhere elsewhere(binder, !part_.has_head);
    binder.bind(output_norm_, "output_norm.weight", {h.dim});
    if (has_output) binder.bind(output_, "output", {h.vocab_size, h.dim});
  }
  for (const Tensor* table : {&token_embd_, &output_.w}) binder.let_away(*table);
  Tensor rope_factors;
  if (c_.has_rope_factors) binder.bind_if_present(rope_factors, "rope_freqs.weight", {h.rope_dims / 2});
  for (const char* prefix : c_.left_prefixes) binder.leave(prefix);

  ASSIGN_OR_RETURN(bound_, binder.finish());
  keep_heads();
  std::vector<ExpertSet> experts(h.n_layers);
  for (std::int64_t l = 0; l < h.n_layers; ++l) {
    if (has_experts(l)) experts[l] = experts_of(backend, layers_[l].moe, slice_.experts, l);
  }
  experts_ = std::make_unique<ResidentExperts>(std::move(experts));
  if (output_.w.empty()) output_.w = token_embd_;
  ASSIGN_OR_RETURN(const std::vector<float> factors, read_rope_factors(backend, rope_factors, source.label()));
  ASSIGN_OR_RETURN(rope_, make_rope(backend, h.rope_theta, h.rope_dims, factors, c_.pairing));
  if (!c_.rope_sections.empty()) return interleave_axes(backend, rope_, c_.rope_sections);
  return {};
}

}  // namespace pio
