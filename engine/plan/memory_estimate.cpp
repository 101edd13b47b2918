#include "engine/plan/memory_estimate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "engine/experts/card_experts.h"
#include "engine/files/header_source.h"
#include "engine/files/loaded_weights.h"
#include "engine/files/metadata.h"
#include "engine/image/vision_weights.h"
#include "engine/kv/kv_memory.h"
#include "engine/plan/load_plan.h"
#include "engine/step_builder.h"

namespace pio {
namespace {

// Of Qwen3's 151,643 tokens and 151,387 merges: 42 MB with the metadata that they come from in a GGUF, 56 MB for 11.4 MB of tokenizer.json.
constexpr std::uint64_t kBytesPerVocabularyString = 140, kBytesPerTokenizerByte = 5;
// Of experts that lie elsewhere, on either side: ids, weights and inputs go, outputs come back.
constexpr std::uint64_t kTransfersOfHosted = 4;

}  // namespace

// The names and shapes of a file; its tensors are places without bytes.
class ModelEstimate::Source final : public HeaderSource {
 public:
  Source(const ModelFile& file, Backend& backend, const Residency& residency)
      : HeaderSource(file), file_(file), backend_(backend), residency_(residency) {}

  Result<std::vector<Tensor>> load(std::span<const WeightGroup> groups) override {
    ASSIGN_OR_RETURN(PlacedFile placed, place_file(file_, groups, backend_, residency_));
    for (const WeightGroup& group : groups)
      for (const WantedTensor& wanted : group) n_bytes_ += wanted.n_bytes(tensors()[wanted.index]);
    placed_.push_back(std::move(placed));
    return placed_.back().tensors;
  }
  std::uint64_t made_bytes() const {
    std::uint64_t n_bytes = 0;
    for (const PlacedFile& placed : placed_) n_bytes += placed.made_bytes;
    return n_bytes;
  }
  WeightLayout layout() const { return layout_of(placed_, n_bytes_, residency_.lays_out ? backend_.own_layout() : Backend::OwnLayout{}); }
  // Of the first load(), which is the language half's.
  const PlacedFile& language() const { return placed_.front(); }

 private:
  const ModelFile& file_;
  Backend& backend_;
  const Residency residency_;
  std::vector<PlacedFile> placed_;  // one a load()
  std::uint64_t n_bytes_ = 0;       // of all loaded tensors
};

// Gives all experts at once and reads nothing.
class ModelEstimate::CountedExperts final : public ExpertSource {
 public:
  explicit CountedExperts(const Model& model) : model_(model) {}
  const ExpertSet* resident(std::int64_t) const override { return nullptr; }
  bool wants_hints() override { return true; }  // what guessing takes is planned
  void saw(std::int64_t, std::span<const std::int32_t> ids, std::int64_t n_tokens) override { n_used = std::ssize(ids) / n_tokens; }
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token&) override {
    return std::unique_ptr<ExpertLease>(std::make_unique<Lease>(*model_.experts(layer), ids));
  }
  std::int64_t n_used = 0;

 private:
  class Lease final : public ExpertLease {
   public:
    Lease(const ExpertSet& experts, std::span<const std::int32_t> ids) : experts_(experts), ids_(ids.begin(), ids.end()) {}
    Result<std::optional<std::int32_t>> next() override {
      if (n_told_ == ids_.size()) return std::optional<std::int32_t>();
      return std::optional<std::int32_t>(ids_[n_told_++]);
    }
    const ExpertSet& experts() const override { return experts_; }

   private:
    const ExpertSet& experts_;
    std::vector<std::int32_t> ids_;
    std::size_t n_told_ = 0;
  };
  const Model& model_;
};

// Computes nothing.
class ModelEstimate::CountedElsewhere final : public ExpertsElsewhere {
 public:
  CountedElsewhere(CountingBackend& backend, LayerSet layers, const Model& model) : backend_(backend), layers_(std::move(layers)), model_(model) {}
  bool has(std::int64_t layer) const override { return layers_.has(layer); }
  Result<void> run(std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights, const std::function<void()>& meanwhile) override {
    // As CardExperts does where some of the chosen are in slots, and some not: ids, weights and inputs go together, ids and a sum come.
    const ExpertSet* const in_slots = model_.experts(layer);
    if (!in_slots) {
      backend_.count_transfers(kTransfersOfHosted);
      meanwhile();
      return {};
    }
    const OpCounts before = backend_.counts();
    backend_.count_transfers(1);  // of what is chosen, its weights and inputs together
    const std::uint64_t download = backend_.counts().n_launches - before.n_launches;
    backend_.count_transfers(1);  // of the choices that are its own
    backend_.moe_experts(y, x, ids, weights, *in_slots);
    Step::Shared of_layer{.layer = layer,
                          .weight_bytes = backend_.counts().weight_bytes - before.weight_bytes,
                          .multiply_adds = backend_.counts().multiply_adds - before.multiply_adds};
    const std::uint64_t own = backend_.counts().n_launches - before.n_launches - download;
    const std::uint64_t ids_upload = download;  // one command each
    meanwhile();
    const std::uint64_t before_sum = backend_.counts().n_launches;
    backend_.count_transfers(1);  // of the other's sum
    const std::uint64_t sum_upload = backend_.counts().n_launches - before_sum;
    if (context) {
      const ForwardContext::Mark mark(*context);
      backend_.add(y, y, context->temp(y.dtype, y.shape));
    }
    const std::uint64_t adding = backend_.counts().n_launches - before_sum - sum_upload;
    of_layer.launches_less_of_none = own + adding;
    of_layer.launches_less_of_all = ids_upload + sum_upload + adding;
    shared.push_back(of_layer);
    return {};
  }
  ForwardContext* context = nullptr;  // of the pass
  std::vector<Step::Shared> shared;

 private:
  CountingBackend& backend_;
  const LayerSet layers_;
  const Model& model_;
};

// Adds nothing; of a token's experts this device has its share, or all where the most is asked for that it may have to do.
class ModelEstimate::CountedSlices final : public OtherSlices {
 public:
  CountedSlices(const Model& model, bool chooses) : chooses_(chooses), here_(model.slice()->experts) {
    for (std::int64_t l = 0; l < model.spec().n_layers; ++l)
      if (model.mixture(l).n_experts > 0) mixture_ = model.mixture(l);
  }
  enum class Chosen { its_share, all, none } chosen = Chosen::its_share;
  // That none of a token's experts is here, where all choices are as likely.
  double chance_of_none() const {
    double chance = mixture_.n_experts > 0 ? 1 : 0;
    for (std::int64_t i = 0; i < mixture_.n_used; ++i)
      chance *= static_cast<double>(std::max<std::int64_t>(mixture_.n_experts - here_.n() - i, 0)) / static_cast<double>(mixture_.n_experts - i);
    return chance;
  }

  // Whether it has less than one of a token's experts.
  bool is_rare() const { return !here_.empty() && n_of_token() == 0; }

  std::span<float> addend(std::int64_t n) override {
    values_.resize(static_cast<std::size_t>(n));
    return values_;
  }
  Result<std::span<const float>> sum(bool) override { return std::span<const float>(values_); }
  bool chooses() const override { return chooses_; }
  ExpertChoice& choice() override { return choice_; }
  Result<const ExpertChoice*> choose(std::int64_t n_tokens) override {
    std::int64_t n_here = std::max<std::int64_t>(n_of_token(), 1);
    if (chosen == Chosen::all) n_here = mixture_.n_used;
    if (chosen == Chosen::none || here_.empty()) n_here = 0;
    choice_.ids.clear();
    for (std::int64_t token = 0; token < n_tokens; ++token)
      for (std::int64_t i = 0; i < mixture_.n_used; ++i)
        choice_.ids.push_back(i < n_here ? static_cast<std::int32_t>(here_.begin + (token * n_here + i) % here_.n()) : -1);
    choice_.weights.assign(choice_.ids.size(), 1);
    return &std::as_const(choice_);
  }

 private:
  // Of the n_used experts of a token as many as its share of all, so that those of all devices are n_used.
  std::int64_t n_of_token() const {
    const auto behind = [&](std::int64_t expert) { return (mixture_.n_used * expert + mixture_.n_experts / 2) / mixture_.n_experts; };
    return behind(here_.end) - behind(here_.begin);
  }

  const bool chooses_;
  const Range here_;
  Model::MixtureShape mixture_;
  std::vector<float> values_;
  ExpertChoice choice_;
};

ModelEstimate::ModelEstimate(const ModelFile& file, const Backend& device, const Residency& residency, const ModelPart& part,
                             std::vector<bool> shared)
    : file_(file),
      part_(part),
      shared_(std::move(shared)),
      has_shared_slots_(residency.are_shared),
      staging_bytes_(residency.staging_bytes),
      backend_(device),
      source_(std::make_unique<Source>(file, backend_, residency)) {}

ModelEstimate::~ModelEstimate() = default;

Result<std::unique_ptr<ModelEstimate>> ModelEstimate::create(const ModelFile& file, const Backend& device, std::span<const LoraRequest> loras,
                                                             const Residency& residency, const ModelPart& part, const std::vector<bool>& shared) {
  std::unique_ptr<ModelEstimate> estimate(new ModelEstimate(file, device, residency, part, shared));
  ASSIGN_OR_RETURN(estimate->adapted_, create_adapted_model(*estimate->source_, estimate->backend_, loras, part));
  if (!part.experts.is_all()) {
    const Model& model = *estimate->adapted_.model;
    std::vector<bool> elsewhere;
    for (std::int64_t l = 0; l < model.spec().n_layers; ++l)
      elsewhere.push_back(part.layers.has(l) && (!part.experts.has(l) || estimate->is_shared(l)) && model.mixture(l).n_experts > 0);
    estimate->elsewhere_ = std::make_unique<CountedElsewhere>(estimate->backend_, LayerSet(std::move(elsewhere)), model);
  }
  if (part.slice) estimate->slices_ = std::make_unique<CountedSlices>(*estimate->adapted_.model, part.slice->index == 0);
  if (const AwayTensors* const away = estimate->source_->language().experts.get()) {
    const Model& model = *estimate->adapted_.model;
    estimate->expert_kinds_ = residency.are_shared ? card_kinds(model, *away, estimate->backend_, residency.slots_bytes)
                                                   : pio::expert_kinds(model, *away, estimate->backend_, residency.slots_bytes);
    ASSIGN_OR_RETURN(estimate->slots_, estimate->backend_.allocate(slots_bytes(estimate->expert_kinds_) + residency.staging_bytes));
    if (!residency.are_shared) estimate->counted_experts_ = std::make_unique<CountedExperts>(model);
  }
  estimate->count_weights();
  estimate->note_refusals("weights");
  return estimate;
}

std::uint64_t ModelEstimate::expert_bytes() const { return source_->language().expert_bytes; }

std::int64_t ModelEstimate::n_used_experts() const { return counted_experts_ ? counted_experts_->n_used : 0; }

WeightLayout ModelEstimate::layout() const {
  WeightLayout layout = source_->layout();
  if (counted_experts_) add_slots(layout, slots_bytes(expert_kinds_), 0);
  if (has_shared_slots_) add_card_slots(layout, slots_bytes(expert_kinds_) + staging_bytes_, expert_bytes());
  return layout;
}

const StreamableBytes& ModelEstimate::streamable() const { return source_->language().streamable; }

std::uint64_t ModelEstimate::slot_bytes() const {
  const StreamedWeights* const streamed = source_->language().streamed.get();
  return streamed ? streamed->slot_bytes() : 0;
}

void ModelEstimate::count_weights() {
  made_bytes_ = source_->made_bytes();
  weight_bytes_ = backend_.held_bytes();
}

Result<void> ModelEstimate::add_vision(const VisionPlaces& places) {
  ASSIGN_OR_RETURN(const LoadedVision loaded, load_vision(places, file_, *source_, spec(), backend_));
  count_weights();  // a folder's own are among them now
  if (loaded.vision) {
    RETURN_IF_ERROR(loaded.vision->encode(loaded.vision->smallest_picture()));
    picture_work_ = loaded.vision->work();
    const ModelFile& file = loaded.weights ? loaded.weights->file() : file_;
    vision_format_ = commonest_format(file);
    vision_path_ = file.paths().front();
  }
  note_refusals("vision");
  return {};
}

void ModelEstimate::note_refusals(const std::string& part, std::int64_t layer) {
  for (CountingBackend::Refusal& refusal : backend_.take_refusals()) {
    const LoadPlan::Fallback found{.part = refusal.op == Op::moe_experts ? "experts" : part,
                                   .first_layer = layer,
                                   .last_layer = layer,
                                   .op = name_of(refusal.op),
                                   .reason = std::move(refusal.reason)};
    if (std::find(refused_.begin(), refused_.end(), found) == refused_.end()) refused_.push_back(found);
  }
}

std::vector<LoadPlan::Fallback> ModelEstimate::fallbacks() const {
  std::vector<LoadPlan::Fallback> runs;
  for (const LoadPlan::Fallback& next : refused_) {
    const auto before = std::find_if(runs.begin(), runs.end(), [&](const LoadPlan::Fallback& run) {
      return run.part == next.part && run.op == next.op && run.reason == next.reason && run.last_layer + 1 == next.first_layer;
    });
    if (before == runs.end()) runs.push_back(next);
    else before->last_layer = next.last_layer;
  }
  return runs;
}

ModelEstimate::Step ModelEstimate::run(std::int64_t n_tokens, std::int64_t n_cached, DType kv) {
  ForwardContext context(backend_);
  context.weights = source_->language().streamed.get();
  context.experts = counted_experts_.get();
  context.experts_elsewhere = elsewhere_.get();
  context.slices = slices_.get();
  if (elsewhere_) {
    elsewhere_->context = &context;
    elsewhere_->shared.clear();
  }
  const ModelSpec& spec = this->spec();
  const std::int64_t n_blocks = (n_cached + kKvBlockLength - 1) / kKvBlockLength;

  std::vector<std::unique_ptr<Buffer>> buffers;
  KvState state;
  for (const KvLayout& layer : spec.kv_layers) {
    KvLayer cells = kv_tensors(layer, kv, n_blocks);
    for (Tensor* tensor : {&cells.k, &cells.v}) {
      if (tensor->shape.rank() == 0) continue;
      buffers.push_back(backend_.wrap(nullptr, tensor->n_bytes()).value());
      tensor->buffer = buffers.back().get();
    }
    state.layers.push_back(cells);
  }

  const StepCapacity capacity{.n_tokens = n_tokens, .n_blocks = n_blocks, .n_position_axes = spec.n_position_axes};
  const std::unique_ptr<Buffer> step_buffer = backend_.wrap(nullptr, StepMirror::bytes_needed(capacity)).value();
  const auto indices = [&](Shape shape) { return Tensor{DType::i32, shape, step_buffer.get(), 0}; };
  const Shape tokens{n_tokens};
  pio::Step step{.ids = indices(tokens),
                 .positions = indices(spec.n_position_axes > 1 ? Shape{spec.n_position_axes, n_tokens} : tokens),
                 .cells = indices(tokens),
                 .kv_lengths = indices(tokens),
                 .sequences = indices(tokens),
                 .block_table = indices({1, n_blocks}),
                 .outputs = indices({1}),
                 .output_lengths = indices({1}),
                 .output_sequences = indices({1})};
  // As if this were the last chunk of a prompt that fills the cache.
  if (n_tokens > 1 && adapted_.model->step_needs(n_cached, 0).ordered_cells) {
    step.kv_cells = indices({n_cached});
    step.n_kv_cells = indices({1});
    step.ordered_blocks = indices({1, n_blocks});
  }
  backend_.reset_counts();
  const Model& model = *adapted_.model;
  // A pass that only counts reads nothing that can fail.
  Tensor x;
  bool is_here = part_.has_embeddings;  // x, or it comes from another device
  std::vector<Step::Shared> shared;
  // Of a stage: the step's tensors, and x where it was elsewhere.
  const auto begin_stage = [&](Shape shape) {
    backend_.count_transfers(2);
    x = context.temp(DType::f32, shape);
    is_here = true;
  };
  if (is_here) {
    backend_.count_transfers(1);
    x = model.embed(context, step).value();
    if (slices_) backend_.count_transfers(1);  // for the others
  }
  note_refusals("embeddings");
  for (std::int64_t l = 0; l < spec.n_layers; ++l) {
    if (part_.layers.has(l)) {
      if (!is_here) begin_stage({n_tokens, spec.dim});
      x = model.layers(context, x, step, state, l, l + 1).value();
    } else {
      if (std::exchange(is_here, false)) backend_.count_transfers(1);
      if (const Model::MixtureShape mixture = model.mixture(l); mixture.n_experts > 0 && part_.experts.has(l)) {
        const ForwardContext::Mark mark(context);
        backend_.count_transfers(kTransfersOfHosted);
        const Shape chosen{n_tokens, mixture.n_used}, rows{n_tokens, spec.dim};
        const Tensor ids = context.temp(DType::i32, chosen), weights = context.temp(DType::f32, chosen), in = context.temp(DType::f32, rows),
                     out = context.temp(DType::f32, rows);
        const OpCounts before = backend_.counts();
        static_cast<void>(model.run_experts(context, l, out, in, ids, weights));
        if (is_shared(l))
          shared.push_back({.layer = l,
                            .weight_bytes = backend_.counts().weight_bytes - before.weight_bytes,
                            .multiply_adds = backend_.counts().multiply_adds - before.multiply_adds,
                            .launches_less_of_none = 0,
                            .launches_less_of_all = backend_.counts().n_launches - before.n_launches});
      }
    }
    note_refusals("layers", l);
  }
  if (part_.has_head) {
    if (!is_here) begin_stage({1, spec.dim});
    static_cast<void>(model.head(context, x, step).value());
    is_here = true;
  }
  if (is_here && (part_.has_head || !slices_)) backend_.count_transfers(1);  // to who has the rest, or the logits
  note_refusals("output");
  if (elsewhere_) {
    elsewhere_->context = nullptr;
    shared.insert(shared.end(), elsewhere_->shared.begin(), elsewhere_->shared.end());
  }
  return {.temporary_bytes = context.high_water_bytes(), .counts = backend_.counts(), .shared = std::move(shared)};
}

OpCounts ModelEstimate::of_token(std::int64_t n_cached, DType kv) {
  OpCounts counts = run(1, n_cached, kv).counts;
  const double chance_of_none = slices_ ? slices_->chance_of_none() : 0;
  if (chance_of_none == 0) return counts;
  slices_->chosen = CountedSlices::Chosen::none;
  const OpCounts without = run(1, n_cached, kv).counts;
  slices_->chosen = CountedSlices::Chosen::its_share;
  const auto mean = [&](std::uint64_t with, std::uint64_t without_any) {
    return static_cast<std::uint64_t>(
        std::lround((1 - chance_of_none) * static_cast<double>(with) + chance_of_none * static_cast<double>(without_any)));
  };
  if (slices_->is_rare()) counts.weight_bytes = mean(counts.weight_bytes, without.weight_bytes);
  counts.n_launches = mean(counts.n_launches, without.n_launches);
  return counts;
}

ModelEstimate::Scratch ModelEstimate::scratch(std::int64_t n_chunk, std::int64_t n_cached, DType kv) {
  Scratch scratch;
  if (slices_) slices_->chosen = CountedSlices::Chosen::all;
  for (const std::int64_t n_tokens : {n_chunk, std::int64_t{1}}) {
    const Step step = run(n_tokens, n_cached, kv);
    scratch.temporary_bytes = std::max(scratch.temporary_bytes, step.temporary_bytes);
    scratch.workspace_bytes = std::max(scratch.workspace_bytes, step.counts.workspace_bytes);
    scratch.other_bytes = std::max(scratch.other_bytes, step.counts.scratch_bytes);
  }
  if (slices_) slices_->chosen = CountedSlices::Chosen::its_share;
  scratch.other_bytes += StepMirror::bytes_needed(
      {.n_tokens = n_chunk, .n_blocks = (n_cached + kKvBlockLength - 1) / kKvBlockLength, .n_position_axes = spec().n_position_axes});
  return scratch;
}

std::uint64_t vocabulary_bytes(const ModelFile& file) {
  std::uint64_t n_bytes = 0;
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
    if (const auto* strings = value_of<std::vector<std::string>>(file.metadata(), key)) n_bytes += kBytesPerVocabularyString * strings->size();
  }
  if (file.naming() == WeightSource::Naming::hugging_face) {
    std::error_code missing;
    const std::uint64_t size = std::filesystem::file_size(file.paths().front().parent_path() / "tokenizer.json", missing);
    if (!missing) n_bytes += kBytesPerTokenizerByte * size;
  }
  return n_bytes;
}

}  // namespace pio
