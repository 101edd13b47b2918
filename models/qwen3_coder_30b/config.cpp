#include "models/qwen3_coder_30b/config.h"

#include <algorithm>

#include "kernels/base/number_text.h"

namespace pio {
namespace {

bool holds(const WeightSource& source, const std::string& name) {
  return std::ranges::any_of(source.tensors(), [&](const TensorInfo& tensor) { return tensor.name == name; });
}

// Layers whose feed-forward block is a mixture: all in the published models. A config may leave some dense; llama.cpp has no key for that,
// so there the tensors say it.
std::vector<bool> read_mixtures(Hyper& hyper, const WeightSource& source, std::int64_t n_layers) {
  std::vector<bool> is_mixture(n_layers, true);
  if (hyper.is_gguf()) {
    for (std::int64_t l = 0; l < n_layers; ++l) is_mixture[l] = !holds(source, "blk." + std::to_string(l) + ".ffn_gate.weight");
    return is_mixture;
  }
  const std::int64_t step = hyper.integer_or({"", "decoder_sparse_step"}, 1, kLayerRange);
  for (std::int64_t l = 0; l < n_layers; ++l) is_mixture[l] = (l + 1) % step == 0;
  const MetaValue* dense = source.metadata("mlp_only_layers");
  const auto* layers = dense ? std::get_if<std::vector<std::int64_t>>(dense) : nullptr;
  hyper.require(dense == nullptr || layers != nullptr, "mlp_only_layers: expected a list of whole numbers, found another value");
  if (layers == nullptr) return is_mixture;
  for (const std::int64_t l : *layers) {
    if (l >= 0 && l < n_layers) is_mixture[l] = false;
  }
  return is_mixture;
}

// Other ways to choose experts, as DeepSeek's and GLM's configs write them.
void refuse_other_routing(Hyper& hyper) {
  for (const HyperKey& key : {HyperKey{"expert_weights_scale", "routed_scaling_factor"}, HyperKey{"expert_group_count", "n_group"}}) {
    const double value = hyper.real_or(key, 1, {0, 1e9});
    hyper.refuse_if(value != 1 && value != 0, hyper.spelled(key) + ": expected 1, found " + short_text(value));
  }
  const HyperKey gating{"expert_gating_func", ""}, scoring{"", "scoring_func"};
  const std::int64_t kind = hyper.integer_or(gating, 0, {0, 1 << 16});
  hyper.refuse_if(kind > 1, hyper.spelled(gating) + ": expected 1 (softmax), found " + std::to_string(kind));
  const std::string name = hyper.text_or(scoring, "softmax");
  hyper.refuse_if(name != "softmax", hyper.spelled(scoring) + ": expected softmax, found " + name);
  for (const HyperKey& key : {HyperKey{"expert_shared_count", "n_shared_experts"}, HyperKey{"", "shared_expert_intermediate_size"}}) {
    const std::int64_t n = hyper.integer_or(key, 0, {0, kHiddenDimRange.most});
    hyper.refuse_if(n > 0, hyper.spelled(key) + ": expected none, found " + std::to_string(n));
  }
}

}  // namespace

Result<DenseConfig> read_qwen3_moe_config(const WeightSource& source) {
  Hyper hyper(source);
  DenseConfig c;
  c.family = "qwen3_coder_30b";
  c.hyper = read_decoder_hyper(hyper, source);
  read_heads(hyper, c.hyper);
  c.moe = read_moe(hyper, c.hyper.dim);
  refuse_other_routing(hyper);
  // transformers' default is not to; llama.cpp always does for this architecture, and its converter writes no key.
  c.moe.routing.normalize = hyper.flag_or({"expert_weights_norm", "norm_topk_prob"}, hyper.is_gguf());
  RETURN_IF_ERROR(hyper.status());
  c.is_mixture = read_mixtures(hyper, source, c.hyper.n_layers);
  RETURN_IF_ERROR(hyper.status());

  c.attention = attention_of(c.hyper);
  c.attention.has_qk_norm = true;
  return c;
}

}  // namespace pio
