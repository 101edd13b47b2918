#include "engine/loaded_model.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>

#include "engine/chat/chat_template.h"
#include "engine/files/mapped_file.h"
#include "engine/files/metadata.h"
#include "engine/plan/load_plan.h"
#include "engine/plan/placement.h"
#include "engine/process_counters.h"
#include "kernels/base/log.h"
#include "kernels/preferred_device.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// What a folder says of its SentencePiece model: whether the begin token comes first.
bool asks_for_begin_token(const fs::path& config_path) {
  constexpr std::size_t kConfigBytes = 16 << 20;
  const Result<std::string> text = read_text_file(config_path, kConfigBytes);
  const Result<JsonValue> config = text ? JsonValue::parse(*text) : Result<JsonValue>(text.error());
  const JsonValue* value = config ? config->find("add_bos_token") : nullptr;
  return value && value->truthy();
}

Result<std::vector<int>> stop_ids_of(const Tokenizer* tokenizer, const ChatFormat* chat_format, const ModelFile& file, std::int64_t vocab_size) {
  std::vector<int> ids;
  std::optional<std::int64_t> beyond;
  const auto add = [&](std::int64_t id) {
    if (id < 0 || id >= vocab_size) beyond = id;
    else if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(static_cast<int>(id));
  };
  if (tokenizer) {
    for (int id : tokenizer->stop_ids()) add(id);
    if (chat_format) {
      for (std::string_view spelling : chat_format->stop_tokens()) {
        if (const std::optional<int> id = tokenizer->added_token(spelling)) add(*id);
      }
    }
  }
  // Of a Hugging Face folder: a number or a list of them, in generation_config.json before config.json.
  for (const char* key : {"generation.eos_token_id", "eos_token_id"}) {
    if (file.naming() != WeightSource::Naming::hugging_face) break;
    if (const auto* one = value_of<std::int64_t>(file.metadata(), key)) add(*one);
    if (const auto* many = value_of<std::vector<std::int64_t>>(file.metadata(), key))
      for (std::int64_t id : *many) add(id);
  }
  if (beyond) {
    return make_error(ErrorCode::bad_file, file.label() + ": end token: expected an id of the embedding table, 0 to " +
                                               std::to_string(vocab_size - 1) + ", found " + std::to_string(*beyond));
  }
  return ids;
}

// On a thread of its own, where the system gives one; getting the result, and destroying it, waits for the thread.
std::future<Result<std::unique_ptr<Tokenizer>>> begin_tokenizer(const ModelFile& file) {
  return std::async(std::launch::async | std::launch::deferred, [&file] { return tokenizer_of(file); });
}

}  // namespace

Result<std::unique_ptr<ModelFile>> open_for_loading(const LoadRequest& request) {
  ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_model_file(request.path));
  RETURN_IF_ERROR(file->set_io(request.io));
  // Experts alone are read through a queue, but what was asked for by name is refused whatever is read.
  if (request.io == IoMode::uring) RETURN_IF_ERROR(ReadQueue::create(request.io));
  return quantize_while_loading(std::move(file), request.quantization);
}

namespace {

// What of a card's slots changes hands between a prompt and its answer.
constexpr std::uint64_t kPromotedBytes = std::uint64_t{256} << 20;
constexpr double kPromotedSeconds = 0.1;

// A run of fewer tokens says less than the one before it.
constexpr std::int64_t kFewestProfileTokens = 32;

// So often it is tried with three quarters of what a card refused; then without cards.
constexpr int kMostRefusals = 6;

std::uint64_t most_on_a_card(const LoadPlan& plan) {
  std::uint64_t most = 0;
  for (const LoadPlan::Device& device : plan.devices)
    if (device.is_card) most = std::max(most, device.weight_bytes + device.state_bytes + device.scratch_bytes);
  return most;
}

}  // namespace

namespace {

// While it lives, pages of the file that were cached are dropped behind what is read.
class DroppingCache {
 public:
  explicit DroppingCache(const ModelFile& file) : file_(file) { file_.set_drops(true); }
  ~DroppingCache() { file_.set_drops(false); }
  DroppingCache(const DroppingCache&) = delete;
  DroppingCache& operator=(const DroppingCache&) = delete;

 private:
  const ModelFile& file_;
};

}  // namespace

LoadedModel::~LoadedModel() { keep_profile(); }

Result<void> LoadedModel::begin_with_profile(const std::string& cache_folder, const std::function<void(std::uint64_t)>& progress,
                                             const std::stop_token& stop) {
  ExpertSlots* const slots = expert_slots();
  CardExperts* const on_card = card_experts();
  if (!slots && !on_card) return {};
  routing_place_ = routing_place(cache_folder, parts_.front()->weights->file());
  std::optional<std::vector<ExpertProfile>> profiles;
  if (std::optional<KeptRouting> kept = read_routing(routing_place_, on_card ? on_card->profiles() : slots->profiles()))
    profiles = std::move(kept->profiles);
  if (on_card) {
    RETURN_IF_ERROR(on_card->fill(profiles, progress, stop));
    // What the card has is not asked of memory. Slots of other kinds begin empty.
    if (!slots || !profiles || !have_one_shape(*profiles, slots->profiles())) return {};
    profiles = on_card->without_those_here(std::move(*profiles));
  }
  if (profiles) slots->warm(*profiles, stop);
  return {};
}

void LoadedModel::keep_profile() {
  ExpertSlots* const slots = expert_slots();
  CardExperts* const on_card = card_experts();
  if (routing_place_.path.empty() || (!slots && !on_card)) return;
  KeptRouting routing{.profiles = on_card ? on_card->profiles() : slots->profiles(),
                      .read_bytes_per_second = slots ? slots->read_bytes_per_second() : 0};
  const auto has_few = [](const ExpertProfile& profile) { return std::ranges::max(profile.n_tokens) < kFewestProfileTokens; };
  if (!std::ranges::all_of(routing.profiles, has_few)) write_routing(routing_place_, routing);
}

Result<void> LoadedModel::load_part(const LoadRequest& request, const PlannedPart& planned, std::shared_ptr<ModelFile> file,
                                    const LoadProgress& progress, const std::stop_token& stop) {
  Part& part = *parts_.back();
  Backend& backend = *part.backend;
  const PlannedLoad& load = planned.load;
  part.weight_bytes = load.plan.weight_bytes;
  part.weight_bytes_per_token = load.weight_bytes_per_token;
  part.state_bytes_per_token = load.state_bytes_per_token;
  part.weights = std::make_unique<LoadedWeights>(std::move(file), backend, progress, stop, load.residency);
  std::optional<DroppingCache> dropping;
  if (load.drops_cached) dropping.emplace(part.weights->file());
  Result<AdaptedModel> adapted = create_adapted_model(*part.weights, backend, request.loras, planned.asked.part);
  dropping.reset();
  RETURN_IF_ERROR(backend.sync());  // of a lost device nothing else is true
  ASSIGN_OR_RETURN(part.adapted, std::move(adapted));
  part.shared_bytes_per_token = load.shared_bytes_per_token;
  part.is_shared = !planned.asked.shared.empty();
  part.context = std::make_shared<ForwardContext>(backend);
  if (const AwayTensors* const away = part.weights->away_experts(); away && load.residency.are_shared) {
    part.slot_file_bytes = load.estimate->expert_bytes();
    ASSIGN_OR_RETURN(part.card_experts,
                     CardExperts::create(*part.adapted.model, *away, *part.context,
                                         card_kinds(*part.adapted.model, *away, backend, load.residency.slots_bytes), load.residency.staging_bytes));
    part.context->experts = part.card_experts.get();
    part.context->experts_elsewhere = part.card_experts.get();
  } else if (away) {
    ASSIGN_OR_RETURN(std::unique_ptr<ReadQueue> queue, ReadQueue::create(request.io));
    std::vector<ExpertKind> kinds = expert_kinds(*part.adapted.model, *away, backend, load.residency.slots_bytes);
    ASSIGN_OR_RETURN(part.expert_slots, ExpertSlots::create(*part.adapted.model, *away, backend, std::move(kinds), std::move(queue)));
    part.context->experts = part.expert_slots.get();
  }
  part.context->weights = part.weights->stream();
  return {};
}

Result<void> LoadedModel::add_stage(const PlannedModel& planned, const PlannedStage& of, const LoadRequest& request, const StepCapacity& capacity,
                                    std::int64_t n_blocks) {
  Part& part = *parts_[of.part];
  const ModelSpec& spec = part.adapted.model->spec();
  std::vector<bool> elsewhere;
  std::size_t their_part = of.part;
  for (std::int64_t l = 0; l < std::ssize(planned.experts); ++l) {
    const std::size_t experts_part = planned.experts[static_cast<std::size_t>(l)];
    elsewhere.push_back(planned.parts[of.part].asked.part.layers.has(l) && experts_part != of.part && model().mixture(l).n_experts > 0);
    if (elsewhere.back()) their_part = experts_part;
  }
  if (part.card_experts) {
    const Part& theirs = *parts_[their_part];
    part.card_experts->set_host(*theirs.adapted.model, *theirs.context, LayerSet(std::move(elsewhere)));
  } else if (their_part != of.part && !part.experts_elsewhere) {
    const Part& theirs = *parts_[their_part];
    part.experts_elsewhere = std::make_unique<HostedExperts>(*part.backend, *theirs.adapted.model, *theirs.context, LayerSet(std::move(elsewhere)));
    part.context->experts_elsewhere = part.experts_elsewhere.get();
  }
  Stage stage{.backend = part.backend.get(),
              .model = part.adapted.model.get(),
              .first = of.first,
              .last = of.last,
              .has_embeddings = of.has_embeddings,
              .has_head = of.has_head,
              .context = part.context,
              .kv = {},
              .step = {},
              .exchange = exchange_};
  if (exchange_) part.context->slices = &exchange_->of(of.part);
  const std::span<const KvLayout> kv_layers(spec.kv_layers);
  ASSIGN_OR_RETURN(stage.kv, KvMemory::create(*stage.backend, {.layers = kv_layers.subspan(of.first, of.last - of.first),
                                                               .first_layer = of.first,
                                                               .dtype = request.kv,
                                                               .n_blocks = n_blocks,
                                                               .has_page_bounds = selection_.kind == KvSelection::Kind::pages,
                                                               .rotation = request.key_rotation}));
  ASSIGN_OR_RETURN(stage.step, StepMirror::create(*stage.backend, capacity));
  stages_.push_back(std::move(stage));
  return {};
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop,
                                                       std::uint64_t given_back_bytes) {
  const auto start = std::chrono::steady_clock::now();
  LoadRequest asked = request;
  std::optional<LessOnCard> less;
  std::string lost;
  for (int n_refused = 0;; ++n_refused) {
    bool are_open = false;
    std::uint64_t on_cards = 0;
    std::string first_device;
    const auto attempt = [&]() -> Result<std::unique_ptr<LoadedModel>> {
      ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_for_loading(asked));
      ASSIGN_OR_RETURN(ModelDevices devices, create_devices_for(asked));
      are_open = true;
      ASSIGN_OR_RETURN(const PlannedModel planned, plan_model(*file, asked, devices, given_back_bytes));
      RETURN_IF_ERROR(require_fit(*file, planned.plan));
      on_cards = most_on_a_card(planned.plan);
      first_device = planned.plan.devices.front().name;
      return load_planned(asked, std::move(file), std::move(devices), planned, progress, stop);
    };
    Result<std::unique_ptr<LoadedModel>> loaded = attempt();
    if (loaded) {
      LoadedInfo& info = (*loaded)->info_;
      info.load_seconds = info.loading.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (less) info.notes.push_back(std::move(*less));
      if (!lost.empty()) info.notes.push_back(DeviceLost{lost, info.device});
      return loaded;
    }
    const Error& error = loaded.error();
    const std::string device = error.device.empty() ? first_device : error.device;
    const std::string others = devices_without(asked.device, std::span(&device, 1));
    const bool is_lost = error.code == ErrorCode::device_lost, has_none = error.code == ErrorCode::out_of_memory && !are_open;
    if ((is_lost || has_none) && others != asked.device) {
      if (is_lost) lost += (lost.empty() ? "" : ",") + device;
      else less = LessOnCard{device, error.needed_bytes};
      log(LogLevel::warning, device + ": " + error.message + "; the model is loaded without it");
      asked = request_on(std::move(asked), others);
      continue;
    }
    // A card may have less than it says, or others have taken it meanwhile.
    if (error.code != ErrorCode::out_of_memory || on_cards == 0 || !request.split.empty() || asked.split_mode == SplitMode::rows)
      return loaded.error();
    less = LessOnCard{device, on_cards};
    log(LogLevel::warning, device + ": " + error.message + "; it gets less of the model");
    asked.vram_bytes = n_refused < kMostRefusals ? on_cards / 4 * 3 : 1;
  }
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load_planned(const LoadRequest& request, std::unique_ptr<ModelFile> opened, ModelDevices devices,
                                                               const PlannedModel& planned, const LoadProgress& progress, std::stop_token stop) {
  std::unique_ptr<LoadedModel> loaded(new LoadedModel);
  loaded->selection_ = request.attention;
  const LoadPlan& plan = planned.plan;
  loaded->weight_bytes_per_token_ = planned.weight_bytes_per_token();
  loaded->state_bytes_per_token_ = planned.state_bytes_per_token();
  std::int64_t step_tokens = planned.parts.front().load.step_tokens;
  for (const PlannedPart& part : planned.parts) step_tokens = std::min(step_tokens, part.load.step_tokens);
  if (stop.stop_requested()) return make_error(ErrorCode::cancelled, opened->label() + ": loading was stopped");
  const std::shared_ptr<ModelFile> file = std::move(opened);
  // Beside the weights, which wait for memory and the disk: a vocabulary of 150,000 takes a processor 0.3 s. The file outlives it.
  std::future<Result<std::unique_ptr<Tokenizer>>> tokenizer = begin_tokenizer(*file);
  std::uint64_t done_before = 0;  // of the parts' weights
  for (const PlannedPart& part : planned.parts) {
    const LoadProgress of_part = [&, before = done_before](std::uint64_t done, std::uint64_t total) {
      if (planned.parts.size() > 1) total = plan.weight_bytes, done = std::min(before + done, total);
      if (progress) progress(done, total);
    };
    loaded->parts_.push_back(std::make_unique<Part>());
    loaded->parts_.back()->backend = std::move(devices.backends[part.device]);
    RETURN_IF_ERROR(loaded->load_part(request, part, file, of_part, stop));
    const CardExperts* const on_card = loaded->parts_.back()->card_experts.get();
    done_before += part.load.plan.weight_bytes - (on_card ? on_card->n_bytes() : 0);
  }
  const ModelFile& held = *file;
  const ModelSpec& spec = loaded->model().spec();
  const std::int64_t vocab_size = spec.vocab_size;
  ASSIGN_OR_RETURN(loaded->tokenizer_, tokenizer.get());
  int n_unknown_tokens = 0;
  if (loaded->tokenizer_) {
    ASSIGN_OR_RETURN(n_unknown_tokens, loaded->tokenizer_->limit_ids(vocab_size, held.label()));
  }
  const auto vision_progress = [&progress, language = loaded->parts_.size() > 1 ? plan.weight_bytes : loaded->parts_.front()->weights->n_bytes()](
                                   std::uint64_t done, std::uint64_t total) {
    if (progress) progress(language + done, language + total);
  };
  for (std::size_t i = 0; i < planned.parts.size(); ++i) {
    if (!planned.parts[i].asked.has_vision) continue;
    Part& part = *loaded->parts_[i];
    loaded->vision_backend_ = part.backend.get();
    ASSIGN_OR_RETURN(loaded->vision_,
                     load_vision({request.mmproj, request.spare_mmprojs}, held, *part.weights, spec, *part.backend, vision_progress, stop));
  }
  if (loaded->vision_.vision) loaded->pictures_ = std::make_unique<Pictures>(*loaded->vision_.vision);
  ASSIGN_OR_RETURN(loaded->pool_, BlockPool::create(plan.context_length, n_contexts(request)));
  const std::int64_t n_blocks = loaded->pool_->blocks().n_blocks();
  loaded->most_sequences_ = request.n_sequences;
  const StepCapacity capacity{.n_tokens = step_tokens,
                              .n_sequences = request.n_sequences,
                              .n_blocks = n_blocks / n_contexts(request),
                              .n_position_axes = spec.n_position_axes};
  loaded->step_builder_ = std::make_unique<StepBuilder>(capacity);
  bool has_spare_block = false;
  for (std::size_t i = 0; i < planned.parts.size(); ++i) {
    Part& part = *loaded->parts_[i];
    RETURN_IF_ERROR(part.context->reserve(planned.parts[i].load.temporary_bytes));
    RETURN_IF_ERROR(part.backend->workspace().reserve(planned.parts[i].load.workspace_bytes));
    has_spare_block |= !part.backend->step_sizes().empty();
  }
  if (planned.has_slices()) {
    std::vector<bool> are_hosts;
    for (const std::unique_ptr<Part>& part : loaded->parts_) are_hosts.push_back(!is_card(part->backend->device()));
    loaded->exchange_ = std::make_shared<SliceExchange>(std::move(are_hosts));
  }
  if (has_spare_block) loaded->spare_cell_ = static_cast<std::int32_t>(n_blocks * kKvBlockLength);
  for (const PlannedStage& stage : planned.stages) RETURN_IF_ERROR(loaded->add_stage(planned, stage, request, capacity, n_blocks + has_spare_block));

  for (const std::unique_ptr<Part>& part : loaded->parts_) RETURN_IF_ERROR(part->backend->sync());

  const auto of_slots = [&](std::uint64_t n_bytes) {
    done_before = std::min(done_before + n_bytes, plan.weight_bytes);
    if (progress) progress(done_before, plan.weight_bytes);
  };
  const Result<void> begun = loaded->begin_with_profile(request.cache_folder, of_slots, stop);
  if (stop.stop_requested()) return make_error(ErrorCode::cancelled, held.label() + ": loading was stopped");
  RETURN_IF_ERROR(begun);

  const ChosenFormat chosen = choose_chat_format(held);
  if (chosen.is_guess) {
    log(LogLevel::warning, held.label() + ": its chat template is none that is known here; conversations are written as " +
                               std::string(chosen.format->name()) + " instead");
  }
  loaded->chat_format_ = chosen.format;
  ASSIGN_OR_RETURN(loaded->stop_ids_, stop_ids_of(loaded->tokenizer(), loaded->chat_format_, held, spec.vocab_size));
  loaded->vocabulary_ = Vocabulary(spec.vocab_size);
  loaded->n_ids_ = static_cast<int>(loaded->tokenizer_ ? std::min<std::int64_t>(loaded->tokenizer_->n_ids(), spec.vocab_size) : spec.vocab_size);
  loaded->launches_.resize(loaded->parts_.size());
  loaded->launches_before_.resize(loaded->parts_.size());
  LoadedInfo& info = loaded->info_;
  info.path = request.path;
  info.name = model_name_of(held);
  info.architecture = held.architecture();
  info.quantization = pio::info(commonest_format(held)).name;
  if (loaded->chat_format_) {
    info.chat_format = loaded->chat_format_->name();
    info.can_think = loaded->chat_format_->can_think();
  }
  info.family = spec.family;
  info.can_see = loaded->vision_.vision != nullptr;
  info.notes = loaded->vision_.notes;
  for (ModelNote& note : held.notes()) info.notes.push_back(std::move(note));
  if (n_unknown_tokens > 0) info.notes.push_back(TokensWithoutRow{n_unknown_tokens, vocab_size});
  for (const std::unique_ptr<Part>& part : loaded->parts_) {
    const std::string& name = part->backend->device().name;
    const LoadPlan::Device& as_planned = plan.devices[info.devices.size()];
    info.devices.push_back({.name = name, .weight_bytes = as_planned.weight_bytes});
    if (part->card_experts) info.devices.back().n_experts = as_planned.n_experts;
    info.device += (info.device.empty() ? "" : ",") + name;
    info.n_threads = std::max(info.n_threads, part->backend->n_threads());
  }
  info.n_sequences = loaded->most_sequences_;
  info.n_parameters = spec.n_parameters + (info.can_see ? loaded->vision_.vision->n_parameters() : 0);
  info.context_length = plan.context_length;
  info.trained_context_length = spec.context_length;
  for (const ModelNote& note : plan.notes) info.notes.push_back(note);
  info.weight_bytes = plan.weight_bytes;
  info.state_bytes = plan.state_bytes;
  info.recommended = recommended_sampling(held, loaded->chat_format_);
  for (const std::unique_ptr<Part>& part : loaded->parts_) {
    WeightLayout layout = part->weights->layout();
    if (part->expert_slots) add_slots(layout, part->expert_slots->n_bytes(), part->expert_slots->huge_page_bytes());
    if (part->card_experts) add_card_slots(layout, part->card_experts->n_bytes(), part->slot_file_bytes);
    if (part == loaded->parts_.front()) info.layout = std::move(layout);
    else add_layout(info.layout, layout);
  }
  info.layout.mapped_bytes = accessible_mapped_bytes(loaded->files());
  info.loading = loaded->parts_.front()->weights->measures(info.n_threads);
  for (const LoadPlan::Device& device : plan.devices) info.loading.budget_bytes += device.free_bytes;
  info.loading.planned_bytes = plan.weight_bytes + plan.state_bytes + plan.scratch_bytes;
  return loaded;
}

Result<void> LoadedModel::check_unchanged() const {
  RETURN_IF_ERROR(parts_.front()->weights->file().check_unchanged());
  return vision_.weights ? vision_.weights->file().check_unchanged() : Result<void>();
}

std::vector<fs::path> LoadedModel::files() const {
  std::vector<fs::path> paths = parts_.front()->weights->file().paths();
  if (vision_.weights) paths.insert(paths.end(), vision_.weights->file().paths().begin(), vision_.weights->file().paths().end());
  return paths;
}

DType LoadedModel::format() const { return commonest_format(parts_.front()->weights->file()); }

DType LoadedModel::vision_format() const { return vision_.weights ? commonest_format(vision_.weights->file()) : format(); }

void LoadedModel::begin_step() {
  for (std::size_t i = 0; i < parts_.size(); ++i) launches_before_[i] = parts_[i]->backend->n_launches();
  if (const CardExperts* const on_card = card_experts()) shared_before_ = on_card->counts();
}

void LoadedModel::end_step(const StepSeconds& seconds) {
  step_seconds_ = seconds;
  for (std::size_t i = 0; i < parts_.size(); ++i) launches_[i] = parts_[i]->backend->n_launches() - launches_before_[i];
  if (const CardExperts* const on_card = card_experts()) {
    const CardExperts::Counts& now = on_card->counts();
    shared_ = {.card_bytes = now.card_bytes - shared_before_.card_bytes,
               .host_bytes = now.host_bytes - shared_before_.host_bytes,
               .hits = now.hits - shared_before_.hits,
               .choices = now.choices - shared_before_.choices};
  }
}

void LoadedModel::add_last_step(DeviceWork& work, std::int64_t n_cached, std::int64_t n_parts) const {
  if (work.devices.empty()) work.devices = info_.devices;
  const auto share = 1 / static_cast<double>(n_parts);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::uint64_t state_bytes = parts_[i]->state_bytes_per_token * static_cast<std::uint64_t>(n_cached);
    const Part& part = *parts_[i];
    std::uint64_t weight_bytes = part.weight_bytes_per_token;
    // instead of what was predicted of these
    if (part.is_shared) weight_bytes += (part.card_experts ? shared_.card_bytes : shared_.host_bytes) - part.shared_bytes_per_token;
    work.devices[i].bytes += static_cast<double>(weight_bytes) * share + static_cast<double>(state_bytes);
    if (part.card_experts) {
      work.devices[i].expert_hits += static_cast<double>(shared_.hits) * share;
      work.devices[i].expert_choices += static_cast<double>(shared_.choices) * share;
    }
    work.devices[i].launches += static_cast<double>(launches_[i]) * share;
  }
  work.host_seconds += step_seconds_.host * share;
  work.sync_seconds += step_seconds_.sync * share;
}

std::vector<std::string> LoadedModel::lost_devices() const {
  std::vector<std::string> lost;
  for (const std::unique_ptr<Part>& part : parts_)
    if (!part->backend->sync()) lost.push_back(part->backend->device().name);
  return lost;
}

ExpertSlots* LoadedModel::expert_slots() {
  for (const std::unique_ptr<Part>& part : parts_)
    if (part->expert_slots) return part->expert_slots.get();
  return nullptr;
}

CardExperts* LoadedModel::card_experts() {
  for (const std::unique_ptr<Part>& part : parts_)
    if (part->card_experts) return part->card_experts.get();
  return nullptr;
}

void LoadedModel::promote_experts(const std::stop_token& stop) {
  if (CardExperts* const on_card = card_experts()) on_card->promote(kPromotedBytes, kPromotedSeconds, stop);
}

std::vector<std::pair<Backend*, const Buffer*>> LoadedModel::weight_arenas() const {
  std::vector<std::pair<Backend*, const Buffer*>> all;
  for (const std::unique_ptr<Part>& part : parts_)
    for (const Buffer* const arena : part->weights->arenas()) all.emplace_back(part->backend.get(), arena);
  return all;
}

Backend* LoadedModel::host_backend() const {
  for (const std::unique_ptr<Part>& part : parts_)
    if (!is_card(part->backend->device())) return part->backend.get();
  return nullptr;
}

std::uint64_t LoadedModel::own_bytes() const {
  std::uint64_t n_bytes = 0;
  for (const std::unique_ptr<Part>& part : parts_) {
    const DeviceInfo& device = part->backend->device();
    if (is_card(device) && !device.is_integrated && !device.is_software) continue;
    n_bytes += part->weight_bytes + (part->context ? part->context->n_bytes() : 0) + part->backend->workspace().n_bytes();
    for (const Stage& stage : stages_)
      if (stage.backend == part->backend.get()) n_bytes += stage.kv->n_bytes();
  }
  return n_bytes;
}

void LoadedModel::drop_weights() {
  keep_profile();
  for (Stage& stage : stages_) stage.context.reset();
  pictures_.reset();
  vision_ = {};
  for (const std::unique_ptr<Part>& part : parts_) {
    part->experts_elsewhere.reset();
    part->card_experts.reset();
    part->context.reset();
    part->expert_slots.reset();
    part->adapted = {};
    part->weights.reset();
  }
}

Result<std::unique_ptr<Tokenizer>> tokenizer_in(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string bytes, read_text_file(path, kTokenizerFileBytes));
  if (path.extension() == ".json") return load_tokenizer_json(bytes, path.string());
  return load_sentencepiece(bytes, asks_for_begin_token(path.parent_path() / "tokenizer_config.json"), path.string());
}

Result<std::unique_ptr<Tokenizer>> tokenizer_of(const ModelFile& file) {
  if (file.naming() == WeightSource::Naming::hugging_face) {
    const fs::path folder = file.paths().front().parent_path();
    for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
      std::error_code ignored;
      if (fs::exists(folder / name, ignored)) return tokenizer_in(folder / name);
    }
    return std::unique_ptr<Tokenizer>();
  }
  if (!file.metadata().contains("tokenizer.ggml.model")) return std::unique_ptr<Tokenizer>();
  const auto lookup = [&](std::string_view key) -> const MetaValue* {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? nullptr : &found->second;
  };
  return load_gguf_tokenizer(lookup, file.label());
}

SamplingParams recommended_sampling(const ChatFormat& chat_format) {
  SamplingParams params;
  const RecommendedSampling known = chat_format.recommended_sampling();
  params.temperature = known.temperature.value_or(params.temperature);
  params.top_k = known.top_k.value_or(params.top_k);
  params.top_p = known.top_p.value_or(params.top_p);
  params.min_p = known.min_p.value_or(params.min_p);
  params.repeat_penalty = known.repeat_penalty.value_or(params.repeat_penalty);
  params.presence_penalty = known.presence_penalty.value_or(params.presence_penalty);
  return params;
}

SamplingParams recommended_sampling(const ModelFile& file, const ChatFormat* chat_format) {
  SamplingParams params = chat_format ? recommended_sampling(*chat_format) : SamplingParams();
  // The file's own words come last. A value that no sampler can use is left alone.
  const bool gguf = file.naming() == WeightSource::Naming::gguf;
  const std::string prefix = gguf ? "general.sampling." : "generation.";
  const auto read = [&](const char* key, double lowest, double highest, auto& value) {
    const auto found = number_of(file.metadata(), prefix + key);
    if (found && *found >= lowest && *found <= highest) value = static_cast<std::decay_t<decltype(value)>>(*found);
  };
  read(gguf ? "temp" : "temperature", 0, 5, params.temperature);
  read("top_k", 0, 1e6, params.top_k);
  read("top_p", 0, 1, params.top_p);
  read("min_p", 0, 1, params.min_p);
  read(gguf ? "penalty_repeat" : "repetition_penalty", 0.1, 10, params.repeat_penalty);
  return params;
}

std::string model_name_of(const ModelFile& file) {
  if (const auto* name = value_of<std::string>(file.metadata(), "general.name"); name && !name->empty()) return *name;
  if (file.naming() == WeightSource::Naming::hugging_face) {
    std::error_code ignored;  // where the current folder is gone: then the path as it is
    const fs::path path = file.paths().front(), absolute = fs::absolute(path, ignored);
    return (absolute.empty() ? path : absolute).parent_path().filename().string();
  }
  return file.paths().front().stem().string();
}

}  // namespace pio
