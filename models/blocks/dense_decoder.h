#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/blocks/attention.h"
#include "models/blocks/mla.h"
#include "models/blocks/mlp.h"
#include "models/blocks/moe.h"
#include "models/hyper.h"
#include "models/model.h"

namespace pio {

// What the families differ in. Lengths in values.
struct DenseConfig {
  const char* family = "";  // the folder under models/
  DenseHyper hyper;
  AttentionConfig attention;
  std::optional<MlaConfig> mla;  // instead of `attention`
  MoeConfig moe;
  std::vector<bool> is_mixture;  // [n_layers], the feed-forward block; empty: all are dense
  RopePairing pairing = RopePairing::half;
  std::int64_t n_left_layers = 0;           // behind the last one, for multi-token prediction: the file may hold them, nothing here uses them
  std::vector<std::int64_t> rope_sections;  // [3] with pictures: how many pairs are rotated by time, row, column; else empty
  std::vector<const char*> left_prefixes;   // canonical names that belong to the file's other half: Binder::leave
  bool has_rope_factors = false;            // may hold rope_freqs.weight, which slows each pair down (Llama 3)
};

// Attention of these sizes, without biases, and without norms of q and k.
AttentionConfig attention_of(const DenseHyper& hyper);

// The pass that all families share: attention and a feed-forward block beside a residual stream, each after a norm.
class DenseDecoder final : public Model {
 public:
  static Result<std::unique_ptr<DenseDecoder>> create(const DenseConfig& config, WeightSource& source, Backend& backend, const ModelPart& part = {});

  const ModelSpec& spec() const override { return spec_; }
  StepNeeds step_needs(std::int64_t n_tokens, std::int64_t n_cached) const override;
  const ExpertSet* experts(std::int64_t layer) const override { return has_experts(layer) ? experts_->resident(layer) : nullptr; }
  MixtureShape mixture(std::int64_t layer) const override {
    return layers_[layer].is_mixture ? MixtureShape{c_.moe.n_experts, c_.moe.n_used} : MixtureShape{};
  }
  const LayerSlice* slice() const override { return part_.slice ? &slice_ : nullptr; }
  Result<void> run_experts(ForwardContext& ctx, std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights) const override {
    return pio::run_experts(ctx, y, x, ids, weights, c_.moe, ctx.experts ? *ctx.experts : *experts_, layer);
  }
  Result<Tensor> embed(ForwardContext& ctx, const Step& step, const GivenEmbeddings* given) const override;
  Result<Tensor> layers(ForwardContext& ctx, Tensor x, const Step& step, KvState& state, std::int64_t first, std::int64_t last,
                        const GivenEmbeddings* given) const override;
  Result<Tensor> head(ForwardContext& ctx, Tensor x, const Step& step) const override;

 private:
  struct Layer {
    Tensor attn_norm;  // [dim]
    AttentionWeights attention;
    MlaWeights mla;   // one of the two
    Tensor ffn_norm;  // [dim]
    MlpWeights mlp;
    MoeWeights moe;  // one of the two
    bool is_mixture = false;
  };
  DenseDecoder(const DenseConfig& config, const ModelPart& part) : c_(config), part_(part) {}
  bool has_experts(std::int64_t layer) const { return layers_[layer].is_mixture && part_.experts.has(layer) && !slice_.experts.empty(); }
  // What is here of each layer: all of it, unless the part is a slice.
  LayerSlice slice_of(const Binder& binder) const;
  // From now on c_ has the heads that are here.
  void keep_heads();
  Result<void> attend(ForwardContext& ctx, Tensor x, Tensor out, const Layer& layer, const Step& step, const KvLayer& kv) const;
  Result<void> bind_weights(WeightSource& source, Backend& backend);
  void bind_layer(Binder& binder, std::int64_t l);
  void bind_dense(Binder& binder, const std::string& prefix, std::int64_t l);
  KvLayout kv_layout() const;

  DenseConfig c_;
  ModelPart part_;
  LayerSlice slice_;
  ModelSpec spec_;
  Tensor token_embd_;  // [vocab_size, dim]
  std::vector<Layer> layers_;
  std::unique_ptr<ExpertSource> experts_;  // all resident
  Tensor output_norm_;                     // [dim]
  Linear output_;                          // [vocab_size, dim]; the embedding itself when tied
  Rope rope_;
  BoundWeights bound_;
};

}  // namespace pio
