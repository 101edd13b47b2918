#include "models/qwen3_coder_30b/config.h"

#include <algorithm>

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

}  // namespace

Result<DenseConfig> read_qwen3_moe_config(const WeightSource& source) {
  Hyper hyper(source);
  DenseConfig c;
  c.family = "qwen3_coder_30b";
  c.hyper = read_decoder_hyper(hyper, source);
  read_heads(hyper, c.hyper);
  c.moe = read_moe(hyper, c.hyper.dim);
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
