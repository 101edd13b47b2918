#include "engine/plan/model_parts.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "engine/files/header_source.h"
#include "engine/files/loaded_weights.h"
#include "engine/kv/kv_memory.h"
#include "engine/plan/memory_estimate.h"
#include "engine/plan/placement.h"
#include "engine/step_builder.h"
#include "kernels/registry.h"
#include "models/hyper.h"

namespace pio {
namespace {

// The number behind "blk." or "layers." in a tensor's name.
std::optional<std::size_t> layer_in(std::string_view name) {
  for (const std::string_view before : {std::string_view("blk."), std::string_view("layers.")}) {
    const std::size_t at = name.find(before);
    if (at == std::string_view::npos) continue;
    std::size_t layer = 0;
    const char* const digits = name.data() + at + before.size();
    const auto [end, status] = std::from_chars(digits, name.data() + name.size(), layer);
    if (status == std::errc() && end != digits) return layer;
  }
  return std::nullopt;
}

// Notes what the model asks for, in the file's bytes, while it is built; its tensors are places without bytes.
class PartsSource final : public HeaderSource {
 public:
  PartsSource(const ModelFile& file, Backend& backend, ModelParts& parts) : HeaderSource(file), file_(file), backend_(backend), parts_(parts) {}

  Result<std::vector<Tensor>> load(std::span<const WeightGroup> groups) override {
    std::uint64_t table_bytes = 0;
    int n_tables = 0;
    for (const WeightGroup& group : groups) {
      for (const WantedTensor& wanted : group) {
        const TensorInfo& tensor = tensors()[wanted.index];
        n_tables += wanted.in_rows;
        if (const std::optional<std::size_t> layer = layer_in(tensor.name)) {
          parts_.layers.resize(std::max(parts_.layers.size(), *layer + 1));
          (wanted.is_experts ? parts_.layers[*layer].expert_bytes : parts_.layers[*layer].dense_bytes) += tensor.n_bytes;
        } else if (tensor.name.ends_with("token_embd.weight") || tensor.name.ends_with("embed_tokens.weight")) {
          table_bytes += tensor.n_bytes;
        } else {
          parts_.head_bytes += tensor.n_bytes;
        }
      }
    }
    // A table that is the output matrix too is read whole.
    (n_tables > 1 ? parts_.table_bytes : parts_.head_bytes) += table_bytes;
    ASSIGN_OR_RETURN(PlacedFile placed, place_file(file_, groups, backend_, {}));
    placed_.push_back(std::move(placed));
    return placed_.back().tensors;
  }

 private:
  const ModelFile& file_;
  Backend& backend_;
  ModelParts& parts_;
  std::vector<PlacedFile> placed_;
};

}  // namespace

std::uint64_t ModelParts::expert_bytes() const {
  std::uint64_t n_bytes = 0;
  for (const Layer& layer : layers) n_bytes += layer.expert_bytes;
  return n_bytes;
}

std::uint64_t ModelParts::weight_bytes() const {
  std::uint64_t n_bytes = head_bytes + table_bytes + vision_bytes + expert_bytes();
  for (const Layer& layer : layers) n_bytes += layer.dense_bytes;
  return n_bytes;
}

Result<ModelParts> model_parts(const ModelFile& file, const LoadRequest& request) {
  // The reference has no layout of its own: bytes are the file's.
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> device, create_backend("reference", {}));
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelEstimate> estimate, ModelEstimate::create(file, *device, request.loras));
  ModelParts parts;
  const std::uint64_t language_bytes = estimate->weight_bytes();
  RETURN_IF_ERROR(estimate->add_vision({request.mmproj, request.spare_mmprojs}));
  parts.vision_bytes = estimate->weight_bytes() - language_bytes;

  CountingBackend counting(*device);
  PartsSource source(file, counting, parts);
  ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, create_model(source, counting));
  const ModelSpec& spec = model->spec();
  parts.layers.resize(static_cast<std::size_t>(spec.n_layers));
  for (std::int64_t l = 0; l < spec.n_layers; ++l) {
    ModelParts::Layer& layer = parts.layers[static_cast<std::size_t>(l)];
    const KvLayout& kv = spec.kv_layers[static_cast<std::size_t>(l)];
    layer.state_bytes_per_token = kv_bytes_per_token({&kv, 1}, request.kv);
    layer.has_latent = kv.v_head_dim == 0;
    if (const ExpertSet* const experts = model->experts(l)) parts.n_experts = experts->n_experts();
  }
  Hyper hyper(source);
  if (parts.n_experts > 0) parts.n_used = hyper.integer({"expert_used_count", "num_experts_per_tok"}, {1, parts.n_experts});
  RETURN_IF_ERROR(hyper.status());
  parts.trained_context_length = spec.context_length;
  const std::int64_t context =
      request.context_length > 0 ? std::min(request.context_length, kLongestMeasuredContext) : std::min(spec.context_length, kUnaskedContext);
  const ModelEstimate::Scratch scratch = estimate->scratch(std::min(kStepTokens, context), context, request.kv);
  parts.scratch_bytes = scratch.temporary_bytes + scratch.workspace_bytes + scratch.other_bytes;
  parts.vocabulary_bytes = vocabulary_bytes(file);
  parts.multiply_adds_per_token =
      static_cast<double>(estimate->run(kStepTokens, kStepTokens, request.kv).counts.multiply_adds) / static_cast<double>(kStepTokens);
  return parts;
}

}  // namespace pio
