#include "models/glm_4_7_flash/config.h"

#include <algorithm>
#include <utility>

namespace pio {
namespace {

constexpr IntegerRange kRankRange{1, 1 << 14};
constexpr IntegerRange kLeftLayerRange{0, 16};

// transformers builds the norms of both latents with its class's own default, not with the config's 1e-5 (models.md 0.2, trap 1).
constexpr float kLatentNormEps = 1e-6f;

bool holds_routing_bias(const WeightSource& source) {
  return std::ranges::any_of(source.tensors(),
                             [](const TensorInfo& tensor) { return tensor.name.starts_with("blk.") && tensor.name.ends_with(".exp_probs_b.bias"); });
}

MlaConfig read_mla(Hyper& hyper, DenseHyper& h) {
  MlaConfig c;
  c.dim = h.dim;
  c.n_heads = h.n_heads = hyper.integer({"attention.head_count", "num_attention_heads"}, kHeadRange);
  c.q_rank = hyper.integer_or({"attention.q_lora_rank", "q_lora_rank"}, 0, {0, kRankRange.most});
  c.kv_rank = hyper.integer({"attention.kv_lora_rank", "kv_lora_rank"}, kRankRange);
  c.rope_dim = hyper.integer({"rope.dimension_count", "qk_rope_head_dim"}, kHeadDimRange);
  h.rope_dims = c.rope_dim;
  c.norm_eps = kLatentNormEps;
  hyper.require(c.rope_dim % 2 == 0,
                hyper.spelled({"rope.dimension_count", "qk_rope_head_dim"}) + ": expected an even number, found " + std::to_string(c.rope_dim));
  if (!hyper.is_gguf()) {
    c.nope_dim = hyper.integer({"", "qk_nope_head_dim"}, {1, kHeadDimRange.most});
    c.v_dim = hyper.integer({"", "v_head_dim"}, {1, kHeadDimRange.most});
    return c;
  }
  // With kv_b split, key_length and value_length are the cache's (kv_rank + rope_dim, kv_rank) and the heads' own sizes have the suffix;
  // files with a whole kv_b have no suffix.
  const HyperKey split{"attention.key_length_mla", ""}, whole{"attention.key_length", ""};
  const HyperKey& key = hyper.has(split) ? split : whole;
  const std::int64_t k_dim = hyper.integer(key, {2, 2 * kHeadDimRange.most});
  c.v_dim = hyper.integer({hyper.has(split) ? "attention.value_length_mla" : "attention.value_length", ""}, {1, kHeadDimRange.most});
  hyper.require(k_dim > c.rope_dim,
                hyper.spelled(key) + ": expected more than the " + std::to_string(c.rope_dim) + " dims that turn, found " + std::to_string(k_dim));
  c.nope_dim = std::max<std::int64_t>(1, k_dim - c.rope_dim);
  return c;
}

// Dense layers come first.
std::vector<bool> read_mixtures(Hyper& hyper, const WeightSource& source, std::int64_t n_layers) {
  const HyperKey key{"leading_dense_block_count", "first_k_dense_replace"};
  // Missing: 0 in a GGUF file, as llama.cpp reads it; one layer is transformers' default.
  const std::int64_t n_dense = hyper.integer_or(key, hyper.is_gguf() ? 0 : 1, {0, kLayerRange.most});
  std::vector<bool> is_mixture(n_layers);
  for (std::int64_t l = 0; l < n_layers; ++l) is_mixture[l] = l >= n_dense;
  const MetaValue* types = hyper.is_gguf() ? nullptr : source.metadata("mlp_layer_types");  // transformers 5 names each
  if (types == nullptr) return is_mixture;
  const auto* names = std::get_if<std::vector<std::string>>(types);
  const bool is_whole = names != nullptr && static_cast<std::int64_t>(names->size()) == n_layers;
  hyper.require(is_whole, "mlp_layer_types: expected a list of " + std::to_string(n_layers) + " names, found another value");
  for (std::int64_t l = 0; is_whole && l < n_layers; ++l) is_mixture[l] = (*names)[l] == "sparse";
  return is_mixture;
}

void read_routing(Hyper& hyper, const WeightSource& source, MoeConfig& moe) {
  const bool gguf = hyper.is_gguf();
  RoutingParams& routing = moe.routing;
  moe.has_bias = !gguf || holds_routing_bias(source);
  // 1 softmax, 2 sigmoid, 0 or none: files before January 2026 lack the key, and the bias tells (models.md 0.2, trap 2).
  const HyperKey gating{"expert_gating_func", ""};
  const std::int64_t kind = hyper.integer_or(gating, 0, {0, 1 << 16});
  hyper.refuse_if(kind > 2, hyper.spelled(gating) + ": expected 1 (softmax) or 2 (sigmoid), found " + std::to_string(kind));
  const bool is_sigmoid = !gguf || kind == 2 || (kind == 0 && moe.has_bias);
  routing.scoring = is_sigmoid ? ExpertScoring::sigmoid : ExpertScoring::softmax;
  for (const auto& [key, expected] : {std::pair<const char*, const char*>{"scoring_func", "sigmoid"}, {"topk_method", "noaux_tc"}}) {
    const std::string found = hyper.text_or({"", key}, expected);
    hyper.refuse_if(found != expected, std::string(key) + ": expected " + expected + ", found " + found);
  }
  for (const HyperKey& every : {HyperKey{"", "moe_layer_freq"}, HyperKey{"moe_every_n_layers", ""}}) {
    const std::int64_t step = hyper.integer_or(every, 1, {0, kLayerRange.most});
    hyper.refuse_if(step > 1, hyper.spelled(every) + ": expected 1, found " + std::to_string(step));
  }
  routing.normalize = hyper.flag_or({"expert_weights_norm", "norm_topk_prob"}, !gguf);
  routing.sum_epsilon = 1e-20f;
  const float scale = static_cast<float>(hyper.real_or({"expert_weights_scale", "routed_scaling_factor"}, gguf ? 0 : 1.8, {0, 1e4}));
  routing.scale = gguf && scale == 0 ? 1 : scale;  // llama.cpp's way to say none
  const HyperKey groups{"expert_group_count", "n_group"}, used{"expert_group_used_count", "topk_group"};
  routing.n_groups = std::max<std::int64_t>(1, hyper.integer_or(groups, 1, {0, kExpertRange.most}));
  routing.n_groups_used = std::max<std::int64_t>(1, hyper.integer_or(used, 1, {0, kExpertRange.most}));
  hyper.require(moe.n_experts % routing.n_groups == 0, hyper.spelled(groups) + ": expected a divisor of the " + std::to_string(moe.n_experts) +
                                                           " experts, found " + std::to_string(routing.n_groups));
  hyper.require(routing.n_groups_used <= routing.n_groups && routing.n_groups_used * (moe.n_experts / routing.n_groups) >= moe.n_used,
                hyper.spelled(used) + ": expected at most " + std::to_string(routing.n_groups) + " groups that hold " + std::to_string(moe.n_used) +
                    " experts, found " + std::to_string(routing.n_groups_used));
}

}  // namespace

Result<DenseConfig> read_glm4_moe_lite_config(const WeightSource& source) {
  Hyper hyper(source);
  DenseConfig c;
  c.family = "glm_4_7_flash";
  c.hyper = read_decoder_hyper(hyper, source);
  c.mla = read_mla(hyper, c.hyper);
  c.moe = read_moe(hyper, c.hyper.dim);
  const HyperKey shared{"expert_shared_count", "n_shared_experts"};
  c.moe.shared_hidden_dim = c.moe.hidden_dim * hyper.integer_or(shared, hyper.is_gguf() ? 0 : 1, {0, 64});
  read_routing(hyper, source, c.moe);

  // GGUF counts the layers for multi-token prediction, Hugging Face does not, and transformers ignores them whatever the config says.
  const HyperKey left{"nextn_predict_layers", "num_nextn_predict_layers"};
  c.n_left_layers = hyper.integer_or(left, 0, kLeftLayerRange);
  if (hyper.is_gguf()) {
    hyper.require(c.n_left_layers < c.hyper.n_layers, hyper.spelled(left) + ": expected fewer than the " + std::to_string(c.hyper.n_layers) +
                                                          " blocks, found " + std::to_string(c.n_left_layers));
    c.hyper.n_layers = std::max<std::int64_t>(1, c.hyper.n_layers - c.n_left_layers);
  } else {
    c.n_left_layers = std::max<std::int64_t>(1, c.n_left_layers);
  }
  c.is_mixture = read_mixtures(hyper, source, c.hyper.n_layers);
  c.pairing = hyper.flag_or({"", "rope_interleave"}, true) ? RopePairing::interleaved : RopePairing::half;
  RETURN_IF_ERROR(hyper.status());
  return c;
}

}  // namespace pio
