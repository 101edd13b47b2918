#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/draft/draft_length.h"
#include "engine/engine.h"
#include "engine/experts/card_experts.h"
#include "engine/experts/expert_slots.h"
#include "engine/experts/hosted_experts.h"
#include "engine/files/loaded_weights.h"
#include "engine/image/pictures.h"
#include "engine/image/vision_weights.h"
#include "engine/kept_routing.h"
#include "engine/kv/block_pool.h"
#include "engine/plan/device_plan.h"
#include "engine/stage.h"
#include "engine/step_builder.h"
#include "engine/token_ids.h"

// Everything of one loaded model; destroying it gives everything back.

namespace pio {

class LoadedModel {
 public:
  // A card that has less memory than it says gets less of the model, and one that is lost meanwhile nothing; the notes say so. Fails with the file's
  // or the device's error, or cancelled within 200 ms of a stop. `given_back_bytes`: what others will leave free when it is needed.
  static Result<std::unique_ptr<LoadedModel>> load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop,
                                                   std::uint64_t given_back_bytes = 0);
  // The same as it was planned on these devices; a plan that does not fit is not asked to.
  static Result<std::unique_ptr<LoadedModel>> load_planned(const LoadRequest& request, std::unique_ptr<ModelFile> opened, ModelDevices devices,
                                                           const PlannedModel& planned, const LoadProgress& progress, std::stop_token stop);
  // Keeps what was learned of its experts.
  ~LoadedModel();

  const LoadedInfo& info() const { return info_; }
  // What all its parts say of it; computing is its stages'.
  const Model& model() const { return *parts_.front()->adapted.model; }
  // Its layers in their order.
  std::span<const Stage> stages() const { return stages_; }
  StepBuilder& step_builder() { return *step_builder_; }
  BlockPool& pool() { return *pool_; }
  int most_sequences() const { return most_sequences_; }  // of a step
  std::int64_t step_tokens() const { return step_builder_->capacity().n_tokens; }
  // The cell of no sequence, for rows that only fill a step up; none where no backend asks for such rows.
  std::optional<std::int32_t> spare_cell() const { return spare_cell_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  // What its tokenizer encoded before.
  EncodedStretches& encoded_stretches() { return encoded_stretches_; }
  // Null where the model does not see.
  const Vision* vision() const { return vision_.vision.get(); }
  Pictures* pictures() { return pictures_.get(); }
  const Pictures* pictures() const { return pictures_.get(); }
  // What tokens attend to unless a session says otherwise.
  const KvSelection& selection() const { return selection_; }
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }
  const ChatFormat* chat_format() const { return chat_format_; }
  // Ids that end an answer: the file's end tokens and those of the chat format.
  const std::vector<int>& stop_ids() const { return stop_ids_; }
  // Ids that may be sampled: rows past the tokenizer are padding.
  int n_ids() const { return n_ids_; }
  // Bytes of weights that a decoded token reads, as the counting backend counts them: of a mixture the chosen experts, of an embedding table
  // that is not also the output one row.
  std::uint64_t weight_bytes_per_token() const { return weight_bytes_per_token_; }
  // What decoding steps took so far.
  StepTimes& step_times() { return step_times_; }
  // Bytes of keys and values of one token.
  std::uint64_t state_bytes_per_token() const { return state_bytes_per_token_; }
  // Around a step. Then what it had the devices do is added to `work`: of a step that decoded for n_parts conversations the part of one, that of n_cached tokens.
  void begin_step();
  void end_step(const StepSeconds& seconds);
  void add_last_step(DeviceWork& work, std::int64_t n_cached, std::int64_t n_parts) const;
  // Where its experts are, where memory has no room for all of them; else null.
  ExpertSlots* expert_slots();
  // Where a card has some of its experts in slots, and the processor all; else null.
  CardExperts* card_experts();
  const CardExperts* card_experts() const { return const_cast<LoadedModel*>(this)->card_experts(); }
  // Brings experts that are chosen more to the card, for a tenth of a second at most. Between a prompt and its answer.
  void promote_experts(const std::stop_token& stop);
  // Where its weights were copied, to measure reading them.
  std::vector<std::pair<Backend*, const Buffer*>> weight_arenas() const;
  // The device that encodes pictures, and one whose memory is the host's; null where there is none.
  Backend* vision_backend() const { return vision_backend_; }
  Backend* host_backend() const;
  // All that it was loaded from, but for adapters.
  std::vector<std::filesystem::path> files() const;
  // Fails where one of the files with weights was written to since it was opened.
  Result<void> check_unchanged() const;
  // The format of most of its weights, and of its vision half's.
  DType format() const;
  DType vision_format() const;
  // Memory that is free again when it goes.
  std::uint64_t own_bytes() const;

  // The devices that do not answer any more: what lay there is gone.
  std::vector<std::string> lost_devices() const;
  void add_note(ModelNote note) { info_.notes.push_back(std::move(note)); }

  // Of a model that goes: from now on there is nothing but its keys and values.
  void drop_weights();

 private:
  LoadedModel() = default;
  // Of experts that have slots: fills these by the profile of an earlier run, if there is one, and keeps this run's. `progress` is told of the file's bytes
  // that went to a card. Fails where an expert of a card cannot be read.
  Result<void> begin_with_profile(const std::string& cache_folder, const std::function<void(std::uint64_t)>& progress, const std::stop_token& stop);
  void keep_profile();
  // What lies on one device. In the order of need, as below.
  struct Part {
    std::unique_ptr<Backend> backend;
    std::unique_ptr<LoadedWeights> weights;
    AdaptedModel adapted;  // its part of the model, and the adapters beside the weights
    std::unique_ptr<ExpertSlots> expert_slots;
    std::shared_ptr<ForwardContext> context;
    std::unique_ptr<HostedExperts> experts_elsewhere;
    std::unique_ptr<CardExperts> card_experts;
    std::uint64_t weight_bytes = 0, weight_bytes_per_token = 0, state_bytes_per_token = 0;
    std::uint64_t shared_bytes_per_token = 0;  // PlannedLoad
    bool is_shared = false;                    // the experts of a card's slots are among its own
    std::uint64_t slot_file_bytes = 0;         // of the experts that may come to the card's slots, all of them
  };
  Result<void> load_part(const LoadRequest& request, const PlannedPart& planned, std::shared_ptr<ModelFile> file, const LoadProgress& progress,
                         const std::stop_token& stop);
  Result<void> add_stage(const PlannedModel& planned, const PlannedStage& stage, const LoadRequest& request, const StepCapacity& capacity,
                         std::int64_t n_blocks);
  // In the order of need: each member uses the ones above it.
  std::vector<std::unique_ptr<Part>> parts_;
  Backend* vision_backend_ = nullptr;
  LoadedVision vision_;
  std::unique_ptr<Pictures> pictures_;
  std::shared_ptr<SliceExchange> exchange_;  // null but where every part has a slice of each layer
  std::vector<Stage> stages_;
  int most_sequences_ = 1;
  std::unique_ptr<StepBuilder> step_builder_;
  std::unique_ptr<BlockPool> pool_;
  std::optional<std::int32_t> spare_cell_;
  Vocabulary vocabulary_{0};
  EncodedStretches encoded_stretches_;
  KvSelection selection_;
  std::unique_ptr<Tokenizer> tokenizer_;
  const ChatFormat* chat_format_ = nullptr;
  std::vector<int> stop_ids_;
  int n_ids_ = 0;
  std::uint64_t weight_bytes_per_token_ = 0;
  std::uint64_t state_bytes_per_token_ = 0;
  // Of the last step.
  StepSeconds step_seconds_;
  std::vector<std::uint64_t> launches_, launches_before_;  // of each part
  CardExperts::Counts shared_, shared_before_;
  StepTimes step_times_;
  RoutingPlace routing_place_;
  LoadedInfo info_;
};

// The file of a request, its weights in the forms that the request asks for.
Result<std::unique_ptr<ModelFile>> open_for_loading(const LoadRequest& request);

// The most that a tokenizer.json may hold; the published ones are 11 to 20 MB.
inline constexpr std::size_t kTokenizerFileBytes = std::size_t{256} << 20;

// The tokenizer in a tokenizer.json or a SentencePiece tokenizer.model, by its name.
Result<std::unique_ptr<Tokenizer>> tokenizer_in(const std::filesystem::path& path);
// The tokenizer that belongs to a model file: of a GGUF its metadata, of a folder its tokenizer.json, else its tokenizer.model. Null when
// it has none.
Result<std::unique_ptr<Tokenizer>> tokenizer_of(const ModelFile& file);

// The publisher's sampling values: the file's own, else the chat format's, else the defaults of SamplingParams.
SamplingParams recommended_sampling(const ModelFile& file, const ChatFormat* chat_format);
SamplingParams recommended_sampling(const ChatFormat& chat_format);  // without a file's own words

// "SmolLM2-135M-Instruct": the name in the metadata, else of the file.
std::string model_name_of(const ModelFile& file);

}  // namespace pio
