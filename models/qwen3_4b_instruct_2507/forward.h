#pragma once

#include <memory>
#include <vector>

#include "models/blocks/mlp.h"
#include "models/model.h"
#include "models/qwen3_4b_instruct_2507/config.h"

namespace pio {

// The dense Qwen3 models; Qwen3-4B-Instruct-2507 is the one that the app is made for.
class Qwen3 final : public Model {
 public:
  static Result<std::unique_ptr<Qwen3>> create(WeightSource& source, Backend& backend);

  const ModelSpec& spec() const override { return spec_; }
  Tensor forward(ForwardContext& ctx, const Step& step, KvState& state) const override;

  // The residual stream after the first n_layers layers, [n_tokens, dim], before the final norm: to see where a difference begins.
  Tensor hidden(ForwardContext& ctx, const Step& step, KvState& state, std::int64_t n_layers) const;

 private:
  struct Layer {
    Tensor attn_norm;  // [dim]
    AttentionWeights attention;
    Tensor ffn_norm;   // [dim]
    MlpWeights mlp;
  };
  Qwen3() = default;
  Result<void> bind_weights(WeightSource& source, Backend& backend);

  Qwen3Config c_;
  ModelSpec spec_;
  Tensor token_embd_;   // [vocab_size, dim]
  std::vector<Layer> layers_;
  Tensor output_norm_;  // [dim]
  Linear output_;       // [vocab_size, dim]; the embedding itself when tied
  Rope rope_;
  BoundWeights bound_;
};

}  // namespace pio
