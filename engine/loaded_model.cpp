#include "engine/loaded_model.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>

#include "engine/chat/chat_template.h"
#include "engine/chat/sha256.h"
#include "engine/experts/profile_file.h"
#include "engine/files/mapped_file.h"
#include "engine/files/metadata.h"
#include "engine/files/replace_file.h"
#include "engine/plan/load_plan.h"
#include "kernels/base/log.h"

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
  return quantize_while_loading(std::move(file), request.quantization);
}

Result<std::unique_ptr<Backend>> create_backend_for(const LoadRequest& request) {
  return create_backend(request.device,
                        {.n_threads = request.n_threads, .activations = request.activations, .huge_pages = request.huge_pages, .isa = {}});
}

namespace {

// Which model a file holds: its tensors, and some of their numbers. Its name and place do not count.
std::string identity_of(const ModelFile& file) {
  constexpr std::size_t kSamples = 16, kSampleBytes = 4096;
  std::string all = file.architecture();
  const std::vector<TensorInfo>& tensors = file.tensors();
  for (const TensorInfo& tensor : tensors) all += '\n' + tensor.name + ' ' + std::to_string(tensor.n_bytes);
  for (std::size_t i = 0; i < kSamples && !tensors.empty(); ++i) {
    const std::span<const std::byte> data = file.data(i * (tensors.size() - 1) / (kSamples - 1));
    std::vector<std::byte> sample(std::min(data.size(), kSampleBytes));
    if (file.read(data.first(sample.size()), sample.data())) all.append(reinterpret_cast<const char*>(sample.data()), sample.size());
  }
  return sha256_hex(all);
}

// A run of fewer tokens says less than the one before it.
constexpr std::int64_t kFewestProfileTokens = 32;

}  // namespace

LoadedModel::~LoadedModel() { keep_profile(); }

void LoadedModel::begin_with_profile(const std::string& cache_folder, const std::stop_token& stop) {
  if (cache_folder.empty() || !expert_slots_) return;
  profile_model_ = identity_of(weights_->file());
  profile_path_ = fs::path(cache_folder) / "experts" / (profile_model_.substr(0, 32) + ".routing");
  std::error_code ignored;
  if (!fs::exists(profile_path_, ignored)) return;
  const std::vector<ExpertProfile> like = expert_slots_->profiles();
  const Result<std::string> bytes = read_text_file(profile_path_, write_profiles(profile_model_, like).size());
  if (!bytes) return;
  const std::optional<std::vector<ExpertProfile>> profiles = parse_profiles(*bytes, profile_model_, like);
  if (profiles) expert_slots_->warm(*profiles, stop);
  else log(LogLevel::warning, profile_path_.string() + ": expected what an earlier run of this model wrote, found something else; it is left unused");
}

// A profile that cannot be written is none: the next run begins as the first one.
void LoadedModel::keep_profile() {
  if (profile_path_.empty() || !expert_slots_) return;
  const std::vector<ExpertProfile> profiles = expert_slots_->profiles();
  const auto has_few = [](const ExpertProfile& profile) { return std::ranges::max(profile.n_tokens) < kFewestProfileTokens; };
  if (std::ranges::all_of(profiles, has_few)) return;
  std::error_code ignored;
  fs::create_directories(profile_path_.parent_path(), ignored);
  Result<ReplaceFile> file = ReplaceFile::open(profile_path_);
  if (file && file->write(write_profiles(profile_model_, profiles))) static_cast<void>(file->commit());
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop,
                                                       std::uint64_t given_back_bytes) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<LoadedModel> loaded(new LoadedModel);
  loaded->selection_ = request.attention;

  ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_for_loading(request));
  ASSIGN_OR_RETURN(loaded->backend_, create_backend_for(request));
  LoadPlan plan;
  std::uint64_t state_bytes_per_token = 0, temporary_bytes = 0, workspace_bytes = 0;
  std::int64_t vocab_size = 0, step_tokens = 0;
  Residency residency;
  {
    ASSIGN_OR_RETURN(const PlannedLoad planned, plan_load(*file, request, *loaded->backend_, given_back_bytes));
    RETURN_IF_ERROR(require_fit(*file, planned.plan));
    plan = planned.plan;
    residency = planned.residency;
    state_bytes_per_token = planned.state_bytes_per_token;
    temporary_bytes = planned.temporary_bytes;
    workspace_bytes = planned.workspace_bytes;
    step_tokens = planned.step_tokens;
    loaded->weight_bytes_per_token_ = planned.weight_bytes_per_token;
    vocab_size = planned.estimate->spec().vocab_size;
    loaded->own_weight_bytes_ = plan.weight_bytes - planned.estimate->mapped_bytes();
  }
  if (stop.stop_requested()) return make_error(ErrorCode::cancelled, file->label() + ": loading was stopped");
  // Beside the weights, which wait for memory and the disk: a vocabulary of 150,000 takes a processor 0.3 s. The file outlives it, in weights_.
  std::future<Result<std::unique_ptr<Tokenizer>>> tokenizer = begin_tokenizer(*file);
  loaded->weights_ = std::make_unique<LoadedWeights>(std::move(file), *loaded->backend_, progress, stop, residency);
  const ModelFile& held = loaded->weights_->file();
  ASSIGN_OR_RETURN(loaded->adapted_, create_adapted_model(*loaded->weights_, *loaded->backend_, request.loras));
  const ModelSpec& spec = loaded->model().spec();
  if (const AwayTensors* const away = loaded->weights_->away_experts()) {
    ASSIGN_OR_RETURN(std::unique_ptr<ReadQueue> queue, ReadQueue::create(request.io));
    std::vector<ExpertKind> kinds = expert_kinds(loaded->model(), *away, *loaded->backend_, residency.slots_bytes);
    ASSIGN_OR_RETURN(loaded->expert_slots_, ExpertSlots::create(loaded->model(), *away, *loaded->backend_, std::move(kinds), std::move(queue)));
  }
  ASSIGN_OR_RETURN(loaded->tokenizer_, tokenizer.get());
  int n_unknown_tokens = 0;
  if (loaded->tokenizer_) {
    ASSIGN_OR_RETURN(n_unknown_tokens, loaded->tokenizer_->limit_ids(vocab_size, held.label()));
  }
  const auto vision_progress = [&progress, language = loaded->weights_->n_bytes()](std::uint64_t done, std::uint64_t total) {
    if (progress) progress(language + done, language + total);
  };
  ASSIGN_OR_RETURN(loaded->vision_, load_vision(request.mmproj, held, *loaded->weights_, spec, *loaded->backend_, vision_progress, stop));
  if (loaded->vision_.vision) loaded->pictures_ = std::make_unique<Pictures>(*loaded->vision_.vision);
  loaded->state_bytes_per_token_ = state_bytes_per_token;
  ASSIGN_OR_RETURN(loaded->pool_, BlockPool::create(plan.context_length, n_contexts(request)));
  const std::int64_t n_blocks = loaded->pool_->blocks().n_blocks();
  loaded->most_sequences_ = request.n_sequences;
  const StepCapacity capacity{.n_tokens = step_tokens,
                              .n_sequences = request.n_sequences,
                              .n_blocks = n_blocks / n_contexts(request),
                              .n_position_axes = spec.n_position_axes};
  loaded->step_builder_ = std::make_unique<StepBuilder>(capacity);
  Stage stage{.backend = loaded->backend_.get(),
              .first = 0,
              .last = spec.n_layers,
              .context = std::make_unique<ForwardContext>(*loaded->backend_),
              .kv = {},
              .step = {}};
  stage.context->weights = loaded->weights_->stream();
  stage.context->experts = loaded->expert_slots_.get();
  RETURN_IF_ERROR(stage.context->reserve(temporary_bytes));
  RETURN_IF_ERROR(stage.backend->workspace().reserve(workspace_bytes));
  const bool has_spare_block = !stage.backend->step_sizes().empty();
  if (has_spare_block) loaded->spare_cell_ = static_cast<std::int32_t>(n_blocks * kKvBlockLength);
  ASSIGN_OR_RETURN(stage.kv, KvMemory::create(*stage.backend, {.layers = spec.kv_layers,
                                                               .dtype = request.kv,
                                                               .n_blocks = n_blocks + has_spare_block,
                                                               .has_page_bounds = loaded->selection_.kind == KvSelection::Kind::pages,
                                                               .rotation = request.key_rotation}));
  ASSIGN_OR_RETURN(stage.step, StepMirror::create(*stage.backend, capacity));
  loaded->stages_.push_back(std::move(stage));

  loaded->begin_with_profile(request.cache_folder, stop);
  if (stop.stop_requested()) return make_error(ErrorCode::cancelled, held.label() + ": loading was stopped");

  const ChosenFormat chosen = choose_chat_format(held);
  if (chosen.is_guess) {
    log(LogLevel::warning, held.label() + ": its chat template is none that is known here; conversations are written as " +
                               std::string(chosen.format->name()) + " instead");
  }
  loaded->chat_format_ = chosen.format;
  ASSIGN_OR_RETURN(loaded->stop_ids_, stop_ids_of(loaded->tokenizer(), loaded->chat_format_, held, spec.vocab_size));
  loaded->vocabulary_ = Vocabulary(spec.vocab_size);
  loaded->n_ids_ = static_cast<int>(loaded->tokenizer_ ? std::min<std::int64_t>(loaded->tokenizer_->n_ids(), spec.vocab_size) : spec.vocab_size);
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
  for (std::string& note : held.notes()) info.notes.push_back(std::move(note));
  if (n_unknown_tokens > 0) {
    info.notes.push_back(std::to_string(n_unknown_tokens) + " added tokens of the tokenizer have no row in the model's table of " +
                         std::to_string(vocab_size) + ": they are read as text");
  }
  info.device = loaded->backend_->device().name;
  info.n_threads = loaded->backend_->n_threads();
  info.n_sequences = loaded->most_sequences_;
  info.n_parameters = spec.n_parameters + (info.can_see ? loaded->vision_.vision->n_parameters() : 0);
  info.context_length = plan.context_length;
  info.trained_context_length = spec.context_length;
  for (const std::string& note : plan.notes) info.notes.push_back(note);
  info.weight_bytes = plan.weight_bytes;
  info.state_bytes = plan.state_bytes;
  info.recommended = recommended_sampling(held, loaded->chat_format_);
  info.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  info.layout = loaded->weights_->layout();
  if (loaded->expert_slots_) add_slots(info.layout, loaded->expert_slots_->n_bytes(), loaded->expert_slots_->huge_page_bytes());
  info.loading = loaded->weights_->measures(info.n_threads);
  info.loading.seconds = info.load_seconds;
  info.loading.budget_bytes = plan.devices.front().free_bytes;
  info.loading.planned_bytes = plan.weight_bytes + plan.state_bytes + plan.scratch_bytes;
  return loaded;
}

Result<void> LoadedModel::check_unchanged() const {
  RETURN_IF_ERROR(weights_->file().check_unchanged());
  return vision_.weights ? vision_.weights->file().check_unchanged() : Result<void>();
}

std::vector<fs::path> LoadedModel::files() const {
  std::vector<fs::path> paths = weights_->file().paths();
  if (vision_.weights) paths.insert(paths.end(), vision_.weights->file().paths().begin(), vision_.weights->file().paths().end());
  return paths;
}

DType LoadedModel::format() const { return commonest_format(weights_->file()); }

DType LoadedModel::vision_format() const { return vision_.weights ? commonest_format(vision_.weights->file()) : format(); }

std::uint64_t LoadedModel::own_bytes() const {
  std::uint64_t n_bytes = own_weight_bytes_ + info_.state_bytes;
  for (const Stage& stage : stages_) n_bytes += stage.context->n_bytes();
  n_bytes += backend_->workspace().n_bytes();
  return n_bytes;
}

void LoadedModel::drop_weights() {
  keep_profile();
  for (Stage& stage : stages_) stage.context.reset();
  pictures_.reset();
  vision_ = {};
  expert_slots_.reset();
  adapted_ = {};
  weights_.reset();
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

SamplingParams recommended_sampling(const ModelFile& file, const ChatFormat* chat_format) {
  SamplingParams params;
  if (chat_format) {
    const RecommendedSampling known = chat_format->recommended_sampling();
    params.temperature = known.temperature.value_or(params.temperature);
    params.top_k = known.top_k.value_or(params.top_k);
    params.top_p = known.top_p.value_or(params.top_p);
    params.min_p = known.min_p.value_or(params.min_p);
    params.repeat_penalty = known.repeat_penalty.value_or(params.repeat_penalty);
    params.presence_penalty = known.presence_penalty.value_or(params.presence_penalty);
  }
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
