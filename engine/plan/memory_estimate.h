#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/experts/expert_slots.h"
#include "engine/files/loaded_weights.h"
#include "engine/files/model_file.h"
#include "engine/image/vision_weights.h"
#include "engine/lora/adapted_weights.h"
#include "kernels/counting_backend.h"
#include "models/model.h"

// What a model will need, found by building it and running it once on a backend that only counts. Reads the header, no weights; allocates
// nothing of the model's size; serves every family, because the family's own code is what runs.

namespace pio {

class ModelEstimate {
 public:
  // Binds every tensor by name and shape, as loading does, and fails as that would. The adapters' small files are read for it.
  // `residency`: as LoadedWeights. Of a part what lies on its device, and what runs there. `shared`: mixtures whose experts two devices compute, a card
  // from slots and the processor; empty: none. `file` and `device` must outlive it.
  static Result<std::unique_ptr<ModelEstimate>> create(const ModelFile& file, const Backend& device, std::span<const LoraRequest> loras = {},
                                                       const Residency& residency = {}, const ModelPart& part = {},
                                                       const std::vector<bool>& shared = {});
  ~ModelEstimate();

  // Adds the vision half that loading would bring for this model, and encodes the smallest picture. Fails as load_vision does.
  Result<void> add_vision(const VisionPlaces& places);
  // The file that it lies in; empty without one.
  const std::filesystem::path& vision_path() const { return vision_path_; }
  // Of the vision half, and the format of most of its weights; nothing without one.
  const std::optional<PictureWork>& picture_work() const { return picture_work_; }
  DType vision_format() const { return vision_format_; }

  const ModelSpec& spec() const { return adapted_.model->spec(); }
  // Bytes of the tensors that the model uses, as the device places them, of the copies that it makes of some (f32 norms and routers), and of
  // adapters.
  std::uint64_t weight_bytes() const { return weight_bytes_; }
  // Of these, the bytes that are made from others while loading.
  std::uint64_t made_bytes() const { return made_bytes_; }
  // Where the language half's weights would lie (without huge pages), and what of them need not stay.
  WeightLayout layout() const;
  const StreamableBytes& streamable() const;
  // Of the weights, the bytes that what does not stay shares.
  std::uint64_t slot_bytes() const;

  // Of the mixtures' experts, in the file; and where they are brought into slots, the kinds of them, what they are read to, and how many a
  // token chooses in each layer.
  std::uint64_t expert_bytes() const;
  std::span<const ExpertKind> expert_kinds() const { return expert_kinds_; }
  std::uint64_t reading_bytes() const { return pio::reading_bytes(expert_kinds_); }
  std::int64_t n_used_experts() const;
  std::int64_t n_used_experts(std::int64_t layer) const { return adapted_.model->mixture(layer).n_used; }
  std::int64_t n_experts(std::int64_t layer) const { return adapted_.model->mixture(layer).n_experts; }
  // What is here of each layer; null but of a slice.
  const LayerSlice* slice() const { return adapted_.model->slice(); }

  // A step of n_tokens that come last of n_cached, one of whose logits are wanted; of a part what runs there.
  struct Step {
    std::uint64_t temporary_bytes = 0;  // ForwardContext::high_water_bytes() after it
    OpCounts counts;
    // Of the counts, what a layer's experts take that two devices share: as if this one computed all that are chosen, and another some.
    struct Shared {
      std::int64_t layer = 0;
      std::uint64_t weight_bytes = 0, multiply_adds = 0;
      std::uint64_t launches_less_of_none = 0, launches_less_of_all = 0;  // where none of the chosen are in the card's slots, and where all are
    };
    std::vector<Shared> shared;
  };
  Step run(std::int64_t n_tokens, std::int64_t n_cached, DType kv);
  // What a device does on average for a token that comes last of n_cached: a slice may have none of the experts that it chooses.
  OpCounts of_token(std::int64_t n_cached, DType kv);
  // The memory that generating takes beside weights and state, for prompts in steps of n_chunk tokens.
  struct Scratch {
    std::uint64_t temporary_bytes = 0;  // of the passes
    std::uint64_t workspace_bytes = 0;  // Backend::workspace
    std::uint64_t other_bytes = 0;      // the ops' own, and the step's tensors
  };
  Scratch scratch(std::int64_t n_chunk, std::int64_t n_cached, DType kv);

  // The ops of all passes so far that the device does not support; one entry for neighbouring layers.
  std::vector<LoadPlan::Fallback> fallbacks() const;

 private:
  class Source;
  class CountedExperts;
  class CountedElsewhere;
  class CountedSlices;
  void count_weights();
  // Adds what the device refused since the last call as refusals of this part of the model.
  void note_refusals(const std::string& part, std::int64_t layer = 0);
  ModelEstimate(const ModelFile& file, const Backend& device, const Residency& residency, const ModelPart& part, std::vector<bool> shared);
  bool is_shared(std::int64_t layer) const { return !shared_.empty() && shared_[static_cast<std::size_t>(layer)]; }

  const ModelFile& file_;
  const ModelPart part_;
  const std::vector<bool> shared_;
  const bool has_shared_slots_;  // it is the card of the two
  const std::uint64_t staging_bytes_;
  CountingBackend backend_;
  std::unique_ptr<Source> source_;
  AdaptedModel adapted_;
  std::vector<ExpertKind> expert_kinds_;
  std::unique_ptr<Buffer> slots_;
  std::unique_ptr<CountedExperts> counted_experts_;  // null where experts have no slots
  std::unique_ptr<CountedElsewhere> elsewhere_;      // null where no experts are elsewhere
  std::unique_ptr<CountedSlices> slices_;            // null where layers are whole
  std::uint64_t weight_bytes_ = 0, made_bytes_ = 0;
  std::vector<LoadPlan::Fallback> refused_;  // of one layer each
  std::optional<PictureWork> picture_work_;
  DType vision_format_ = DType::f32;
  std::filesystem::path vision_path_;
};

// What the vocabulary in `file`, or beside it, takes: measured, good to some 10 MB.
std::uint64_t vocabulary_bytes(const ModelFile& file);

}  // namespace pio
