#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <tuple>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "engine/kv_selection.h"
#include "engine/chat/chat_template.h"
#include "engine/conversations.h"
#include "engine/files/mapped_file.h"
#include "engine/files/metadata.h"
#include "engine/generate.h"
#include "engine/loaded_model.h"
#include "engine/measure.h"
#include "engine/plan/device_plan.h"
#include "engine/plan/published_layout.h"
#include "engine/prompt.h"
#include "engine/session.h"
#include "engine/snapshot_identity.h"
#include "kernels/host.h"
#include "kernels/memory_pressure.h"

namespace pio {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Tokens kept free for the answer when a conversation is cut to fit: a quarter of the context, at most 1,024.
std::int64_t answer_reserve(std::int64_t context_length, std::int64_t max_tokens) {
  const std::int64_t usual = std::min<std::int64_t>(1024, context_length / 4);
  return max_tokens >= 0 ? std::min(max_tokens, usual) : usual;
}

// Memory that was freed goes to the system, as far as the allocator lets it.
void trim_heap() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

class LocalEngine final : public Engine {
 public:
  explicit LocalEngine(MachineView machine) : machine_(std::move(machine)) {}

  DeviceList devices() override { return list_devices(); }

  Result<void> load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) override {
    unload();
    Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(beside_snapshots(request), progress, stop);
    if (!loaded && loaded.error().code == ErrorCode::out_of_memory && snapshots_ && snapshots_->ram_bytes() > 0) {
      snapshots_->forget_ram();  // a model goes before what can be read again
      snapshots_->flush();       // what goes to the folder is in memory until it is written
      loaded = LoadedModel::load(request, progress, stop);
    }
    ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> model, std::move(loaded));
    use(request, std::move(model));
    return {};
  }

  Result<void> keep_conversations(const SnapshotSettings& settings) override {
    CHECK(!model_, "keep_conversations: a model is loaded");
    ASSIGN_OR_RETURN(snapshots_, SnapshotStore::open(settings));
    return {};
  }

  void forget_conversation(const std::string& conversation) override {
    for (const Resident& other : others_) other.conversations->forget(conversation);
    if (conversations_) conversations_->forget(conversation);
    else if (snapshots_) snapshots_->forget(conversation_key(conversation));
  }

  Result<void> switch_to(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) override {
    if (!model_) return load(request, progress, stop);
    if (take_waiting(request)) return {};
    // One that was loaded otherwise from the same file is not wanted any more.
    for (auto other = others_.begin(); other != others_.end();) {
      if (other->request.path != request.path) ++other;
      else let_go(*other, true), other = others_.erase(other);
    }
    std::uint64_t new_bytes = 0;
    {
      ASSIGN_OR_RETURN(const Planning planning, plan_for(request, stop));
      RETURN_IF_ERROR(require_fit(*planning.file, planning.planned.plan));
      new_bytes = bytes_beside_others(planning.planned);
    }
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, request.path + ": loading was stopped");
    if (make_room_beside(request, new_bytes)) {
      ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> model, LoadedModel::load(request, progress, stop, bytes_given_back()));
      put_aside();
      use(request, std::move(model));
      return {};
    }
    LoadRequest before = request_;
    before.context_length = model_->info().context_length;  // as it was, whatever is free by then
    const Result<void> status = load(request, progress, stop);
    if (status) return {};
    Error error = status.error();
    if (const Result<void> back = load(before, progress, {}); !back) error.message += "; and loading the one before again: " + back.error().message;
    return error;
  }

  Result<LoadPlan> plan(const LoadRequest& request) override {
    ASSIGN_OR_RETURN(Planning planning, plan_for(request, {}));
    auto& [file, devices, planned] = planning;
    const bool runs = std::ranges::all_of(planned.parts, [](const PlannedPart& part) { return part.load.plan.fallbacks.empty(); });
    if (runs) {
      for (PlannedPart& part : planned.parts) {
        Backend& backend = *devices.backends[part.device];
        ASSIGN_OR_RETURN(const SpeedProbe probe, speed_probe(backend, commonest_format(*file), request.activations, part.load.residency.lays_out));
        predict_speed(part.load, *file, request, probe);
      }
      predict_speed(planned);
      for (const PlannedPart& part : planned.parts) {
        const ModelEstimate& estimate = *part.load.estimate;
        if (!estimate.picture_work()) continue;
        ASSIGN_OR_RETURN(const LookingProbe looking, measure_looking(*devices.backends[part.device], estimate.vision_format()));
        planned.plan.pictures =
            PictureCosts(*estimate.picture_work(), {.linear_per_second = looking.linear_per_second,
                                                    .attention_per_second = looking.attention_per_second,
                                                    .seconds_per_token = 1 / std::max(planned.plan.prefill_tokens_per_second, 1e-9)});
      }
    }
    LoadPlan plan = planned.plan;
    if (std::ranges::any_of(others_, [&](const Resident& other) { return other.request == request; })) plan.load_seconds = 0;  // it waits in memory
    plan.scratch_bytes += program_bytes_;
    const auto on_host = std::ranges::find(plan.devices, false, &LoadPlan::Device::is_card);
    if (on_host != plan.devices.end()) on_host->scratch_bytes += program_bytes_;
    return plan;
  }

  ~LocalEngine() override { unload(false); }

  void unload() override { unload(true); }

  void unload(bool another_may_come) {
    for (; !others_.empty(); others_.pop_back()) let_go(others_.back(), another_may_come);
    if (model_) put_aside();
    if (!others_.empty()) let_go(others_.back(), another_may_come);
    others_.clear();
  }

  std::vector<std::string> waiting() const override {
    std::vector<std::string> paths;
    for (const Resident& other : others_) paths.push_back(other.request.path);
    return paths;
  }

  void look_after_memory() override {
    looked_at_ = Clock::now();
    const bool has_something = model_ && (!others_.empty() || model_->expert_slots() || (snapshots_ && snapshots_->ram_bytes() > 0));
    if (!has_something) return;
    if (!pressure_) pressure_ = std::make_unique<MemoryPressure>(machine_.root);
    relieve();
  }
  GivenBack given_back() const override { return given_back_; }

  const LoadedInfo* loaded() const override { return model_ ? &model_->info() : nullptr; }
  const Tokenizer* tokenizer() const override { return model_ ? model_->tokenizer() : nullptr; }
  const ChatFormat* chat_format() const override { return model_ ? model_->chat_format() : nullptr; }

  Result<std::int64_t> count_tokens(const std::vector<ChatMessage>& messages) override {
    RETURN_IF_ERROR(need_chat());
    GenerateRequest request;
    request.messages = messages;
    RETURN_IF_ERROR(need_vision(messages));
    ASSIGN_OR_RETURN(const Prompt prompt, make_prompt(*chat_format(), *tokenizer(), request, INT64_MAX, aids({})));
    return static_cast<std::int64_t>(prompt.ids.size());
  }

  Result<std::unique_ptr<Generation>> begin(const GenerateRequest& request, std::stop_token stop) override {
    RETURN_IF_ERROR(need_devices());
    const GivenBack given_back_before = given_back_;
    look_after_memory();
    Prompt prompt;
    if (request.messages.empty()) {
      prompt.ids = request.ids;
    } else {
      RETURN_IF_ERROR(need_chat());
      const std::int64_t context_length = model_->info().context_length;
      const std::int64_t limit = context_length - answer_reserve(context_length, request.max_tokens);
      RETURN_IF_ERROR(need_vision(request.messages));
      Result<Prompt> made = make_prompt(*chat_format(), *tokenizer(), request, limit, aids(stop));
      if (!made && made.error().code == ErrorCode::cancelled) return stopped_generation();
      ASSIGN_OR_RETURN(prompt, std::move(made));
    }
    ASSIGN_OR_RETURN(TokenIds ids, request.messages.empty() ? model_->vocabulary().check(std::move(prompt.ids), "prompt")
                                                            : model_->vocabulary().check_with_pictures(std::move(prompt.ids), "prompt"));
    const bool may_reuse = !request.same_bytes || !model_->model().spec().has_two_forms;
    Conversations::Lent session = conversations_->lend(request.conversation, ids, {.may_reuse = may_reuse, .is_kept = request.is_kept, .stop = stop});
    session->protect(protected_ranges(request, prompt, ids));
    return begin_generation({.model = *model_,
                             .session = std::move(session),
                             .prompt = std::move(prompt),
                             .ids = std::move(ids),
                             .request = request,
                             .stop = std::move(stop),
                             .given_back = &given_back_,
                             .given_back_before = given_back_before});
  }

  std::vector<Result<std::vector<GenerationEvent>>> advance(std::span<Generation* const> generations) override {
    look_after_memory_soon();
    return advance_together(generations);
  }

  Result<LogitsResult> logits(const LogitsRequest& request, std::stop_token stop) override {
    RETURN_IF_ERROR(need_devices());
    ASSIGN_OR_RETURN(TokenIds ids, checked(request.ids, "--ids"));
    std::vector<PlacedPicture> pictures;
    if (!request.images.empty() || !request.videos.empty()) {
      ASSIGN_OR_RETURN(PicturedIds placed, place_pictures_of_ids(request, stop));
      pictures = std::move(placed.pictures);
      ASSIGN_OR_RETURN(ids, model_->vocabulary().check_with_pictures(std::move(placed.ids), "--ids"));
    }
    Session session = fresh_session();
    session.show(std::move(pictures), [this, stop](const PlacedPicture& picture) { return model_->pictures()->features(*picture.picture, stop); });
    session.begin_prompt(ids.size());
    LogitsResult all;
    std::vector<float> part;
    all.n_tokens = ids.size();
    const std::int64_t n_chunk = request.n_chunk > 0 ? request.n_chunk : kStepTokens;
    for (std::int64_t at = 0; at < all.n_tokens; at += n_chunk) {
      const std::int64_t n = std::min(n_chunk, all.n_tokens - at);
      RETURN_IF_ERROR(session.process(ids.span().subspan(at, n), Session::Outputs::all, part, stop));
      if (request.rows) RETURN_IF_ERROR(request.rows(part, n, all.n_tokens));
      else if (all.values.empty()) all.values = std::move(part);
      else all.values.insert(all.values.end(), part.begin(), part.end());
    }
    return all;
  }

  Result<PreprocessResult> preprocess(const ImageInput& image, std::stop_token stop) override {
    RETURN_IF_ERROR(need_model());
    RETURN_IF_ERROR(need_vision());
    ASSIGN_OR_RETURN(const PreparedPicture picture, model_->pictures()->prepare(image, stop));
    PreprocessResult result;
    result.patch_dim = model_->vision()->patch_dim();
    std::copy(picture.grid.begin(), picture.grid.end(), result.grid);
    result.resized[0] = picture.height;
    result.resized[1] = picture.width;
    const std::int64_t n = picture.grid[0] * picture.grid[1] * picture.grid[2];
    result.pixel_values.resize(n * result.patch_dim);
    model_->vision()->patches(picture, 0, n, result.pixel_values.data());
    return result;
  }

  Result<PictureCosts> picture_costs() override {
    RETURN_IF_ERROR(need_model());
    RETURN_IF_ERROR(need_vision());
    if (!picture_costs_) {
      ASSIGN_OR_RETURN(const LookingProbe looking, measure_looking(*model_->vision_backend(), model_->vision_format()));
      ASSIGN_OR_RETURN(const SpeedProbe products,
                       speed_probe(*model_->stages().back().backend, model_->format(), request_.activations, model_->info().layout.lanes > 0));
      const ModelSpec& spec = model_->model().spec();
      // A token goes once through every weight but the table of embeddings.
      const double multiply_adds = static_cast<double>(spec.n_parameters - spec.vocab_size * spec.dim);
      picture_costs_ = PictureCosts(model_->vision()->work(), {.linear_per_second = looking.linear_per_second,
                                                               .attention_per_second = looking.attention_per_second,
                                                               .seconds_per_token = multiply_adds / products.multiply_adds_per_second});
    }
    return *picture_costs_;
  }

  Result<PerplexityResult> perplexity(std::span<const int> ids, std::int64_t context, std::int64_t n_windows,
                                      const std::function<void(std::int64_t, double)>& progress, std::stop_token stop) override {
    RETURN_IF_ERROR(need_devices());
    ASSIGN_OR_RETURN(const TokenIds text, checked(ids, "text"));
    RETURN_IF_ERROR(need_context("window", context));
    Session session = fresh_session();
    return measure_perplexity(*model_, session, text, context, n_windows, progress, stop);
  }

  Result<BenchResult> bench(const BenchRequest& request, std::stop_token stop) override {
    RETURN_IF_ERROR(need_devices());
    if (request.routing) {
      Session session = fresh_session();
      return play_trace(*model_, session, *request.routing, stop);
    }
    if (request.n_sequences < 1 || request.n_sequences > model_->most_sequences()) {
      Error error = make_error(ErrorCode::bad_argument, "bench: expected 1 to " + std::to_string(model_->most_sequences()) + " sequences, found " +
                                                            std::to_string(request.n_sequences));
      error.limit = model_->most_sequences();
      error.asked = request.n_sequences;
      return error;
    }
    std::vector<Session> sessions;
    for (int i = 0; i < request.n_sequences; ++i) sessions.push_back(fresh_session());
    return measure_speed(*model_, sessions, request, stop);
  }

 private:
  // What a plan was made of; each member refers to the ones above it.
  struct Planning {
    std::unique_ptr<ModelFile> file;
    ModelDevices devices;
    PlannedModel planned;
  };
  // A model in memory that another one is used instead of.
  struct Resident {
    LoadRequest request;
    std::string identity, stamps;  // engine/snapshot_identity.h
    std::unique_ptr<LoadedModel> model;
    std::unique_ptr<Conversations> conversations;  // below the model: they give their blocks back to it
  };

  void use(const LoadRequest& request, std::unique_ptr<LoadedModel> model) {
    request_ = request;
    model_ = std::move(model);
    stamps_ = file_stamps(*model_, request);
    identity_ = snapshot_identity(*model_, request);
    conversations_ = std::make_unique<Conversations>(*model_, snapshots_.get(), identity_);
    if (ExpertSlots* const slots = model_->expert_slots()) {
      slots->set_look_after([this] { look_after_memory_soon(); });
      slots->count_with_more(kGigabyte);
    }
  }

  // The one in use waits; none is in use then.
  void put_aside() {
    conversations_->cancel_all();
    picture_costs_.reset();
    others_.insert(others_.begin(), Resident{request_, std::move(identity_), std::move(stamps_), std::move(model_), std::move(conversations_)});
  }

  void let_go(Resident& other, bool another_may_come) const {
    if (snapshots_ && another_may_come) {
      other.model->drop_weights();  // their room is for what is kept
      other.conversations->leave(bytes_for_snapshots(other));
    }
    other.conversations.reset();
    other.model.reset();
  }

  // Whether it was loaded without the vision half that it should have, and there is a file now that may be it.
  static bool may_see_now(const LoadedModel& model, const LoadRequest& request) {
    const auto is_blind = [](const ModelNote& note) { return std::holds_alternative<NoVision>(note); };
    if (std::ranges::none_of(model.info().notes, is_blind) || model.files().empty()) return false;
    const auto was_tried = [](const ModelNote& note) { return std::holds_alternative<VisionDoesNotFit>(note); };
    return vision_candidates(model.files().front(), request.spare_mmprojs).size() !=
           static_cast<std::size_t>(std::ranges::count_if(model.info().notes, was_tried));
  }

  // Goes on with one that waits and was loaded just so. One whose files have changed goes.
  bool take_waiting(const LoadRequest& request) {
    const auto found = std::find_if(others_.begin(), others_.end(), [&](const Resident& other) { return other.request == request; });
    if (found == others_.end()) return false;
    Resident other = std::move(*found);
    others_.erase(found);
    std::string stamps = file_stamps(*other.model, request);
    if (may_see_now(*other.model, request)) {
      let_go(other, true);
      return false;
    }
    // Files that were only touched hold the same model.
    if (stamps != other.stamps && (snapshot_identity(*other.model, request) != other.identity || !other.model->check_unchanged())) {
      let_go(other, true);
      return false;
    }
    put_aside();
    request_ = request;
    identity_ = std::move(other.identity);
    stamps_ = std::move(stamps);
    model_ = std::move(other.model);
    conversations_ = std::move(other.conversations);
    if (!others_.front().request.may_wait) {
      let_go(others_.front(), true);
      others_.erase(others_.begin());
    }
    return true;
  }

  // What such a model takes before it has read much. Nothing where it takes all that there is: experts in slots, weights that are streamed.
  static std::uint64_t bytes_beside_others(const PlannedModel& planned) {
    const LoadPlan& all = planned.plan;
    if (all.layout.form == WeightLayout::Form::in_slots || all.layout.form == WeightLayout::Form::streamed) return 0;
    std::uint64_t n_bytes = 0;
    for (const PlannedPart& part : planned.parts) {
      const LoadPlan& plan = part.load.plan;
      n_bytes += plan.weight_bytes + plan.scratch_bytes + std::min(plan.state_bytes, part.load.state_bytes_per_token * kTokensBesideOthers);
    }
    return n_bytes;
  }

  // Whether it can come while the one in use stays. Those that wait give way to it.
  bool make_room_beside(const LoadRequest& request, std::uint64_t n_bytes) {
    if (!request_.may_wait || request_.path == request.path || n_bytes == 0) return false;
    const auto fits = [&] { return has_room(n_bytes, request.ram_bytes) && has_room(n_bytes, request_.ram_bytes); };
    while (!fits()) {
      if (others_.empty()) return false;
      let_go_last();
    }
    return true;
  }

  void let_go_last() {
    let_go(others_.back(), true);
    others_.pop_back();
  }

  // Whether so much more may be taken: of a budget for all, where there is one, else of what is free. Some of it is always left.
  bool has_room(std::uint64_t n_bytes, std::uint64_t budget) const {
    const HostMemory memory = host_memory(machine_.root);
    if (budget > 0) return anonymous_bytes() + n_bytes + budget / kFreeShare <= budget;
    return n_bytes + memory.total_bytes / kFreeShare <= memory.free_bytes;
  }

  void look_after_memory_soon() {
    if (Clock::now() - looked_at_ >= kBetweenLooks) look_after_memory();
  }

  // Those that wait go before the system swaps, then the snapshots in memory, then slots of experts.
  void relieve() {
    const bool was_told = pressure_->was_told();
    HostMemory memory = host_memory(machine_.root);
    // When the system has told, nobody knows how much is missing: a part of all goes.
    std::uint64_t told_bytes = was_told && memory.free_bytes < memory.total_bytes / kTellingShare ? memory.total_bytes / kGoingShare : 0;
    const auto missing = [&] { return std::max(told_bytes, memory.missing_bytes); };
    const bool is_short = missing() > 0;
    const std::uint64_t budget = request_.ram_bytes;
    while (missing() > 0 || (budget > 0 && anonymous_bytes() + budget / kBudgetShare > budget)) {
      const std::uint64_t before = anonymous_bytes();
      if (!others_.empty()) {
        let_go_last();
        ++given_back_.n_models;
      } else if (snapshots_ && snapshots_->ram_bytes() > 0) {
        given_back_.snapshot_bytes += snapshots_->ram_bytes();
        snapshots_->forget_ram();
      } else {
        break;
      }
      trim_heap();
      const std::uint64_t after = anonymous_bytes(), freed = before - std::min(before, after);
      told_bytes -= std::min(told_bytes, freed);
      memory = host_memory(machine_.root);
    }
    if (is_short) short_at_ = looked_at_;
    if (ExpertSlots* const slots = model_->expert_slots()) resize(*slots, memory, missing());
  }

  void resize(ExpertSlots& slots, const HostMemory& memory, std::uint64_t missing_bytes) {
    if (missing_bytes > 0) {
      // A little more than is missing, so that the next look finds enough.
      const std::int64_t n_before = slots.n_slots();
      given_back_.slot_bytes += slots.give_back(missing_bytes + memory.total_bytes / kGoingShare);
      given_back_.n_slots += n_before - slots.n_slots();
      return;
    }
    if (looked_at_ - short_at_ < machine_.calm || memory.free_bytes <= memory.total_bytes / kPlentyShare) return;
    // They take memory as experts are read, so that all of it is seen some time later.
    if (slots.receive((memory.free_bytes - memory.total_bytes / kPlentyShare) / 2) > 0) short_at_ = looked_at_;
  }

  // What snapshots may take in memory beside what is still there of the model.
  std::uint64_t bytes_for_snapshots(const Resident& leaving) const {
    const std::uint64_t asked = leaving.request.ram_bytes, used = asked > 0 ? anonymous_bytes() : 0;
    const Backend* const host = leaving.model->host_backend();
    const std::uint64_t budget = asked > 0 ? asked : host ? host->device().free_bytes : host_memory(machine_.root).free_bytes;
    return std::min(snapshots_->most_ram_bytes(), budget - std::min(budget, used));
  }
  // With what they leave of the budget; free memory is measured without them.
  LoadRequest beside_snapshots(LoadRequest request) const {
    const std::uint64_t n_bytes = snapshots_ ? snapshots_->ram_bytes() : 0;
    if (request.ram_bytes > 0) request.ram_bytes = std::max<std::uint64_t>(1, request.ram_bytes - std::min(request.ram_bytes, n_bytes));
    return request;
  }
  // What unloading would free. Of a cache only what was written is in memory; free memory counts the rest already.
  std::uint64_t bytes_given_back() const {
    std::uint64_t n_bytes = model_ ? model_->own_bytes() : 0;
    for (const Resident& other : others_) n_bytes += other.model->own_bytes();
    return std::min(n_bytes, anonymous_bytes());
  }

  Result<Planning> plan_for(const LoadRequest& request, std::stop_token stop) {
    Planning planning;
    if (const std::size_t colon = request.published.rfind(':'); colon != std::string::npos) {
      ASSIGN_OR_RETURN(planning.file, published_layout(request.published.substr(0, colon), request.published.substr(colon + 1)));
    } else {
      ASSIGN_OR_RETURN(planning.file, open_for_loading(request));
    }
    ASSIGN_OR_RETURN(planning.devices, create_devices_for(request));
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, request.path + ": loading was stopped");
    ASSIGN_OR_RETURN(planning.planned, plan_model(*planning.file, request, planning.devices, bytes_given_back()));
    return planning;
  }

  // Measured once for each device, format and number of threads.
  Result<SpeedProbe> speed_probe(Backend& backend, DType dtype, Activations activations, bool lays_out) {
    const std::tuple key(backend.device().name, backend.n_threads(), dtype, activations, lays_out);
    auto found = probes_.find(key);
    if (found == probes_.end()) {
      ASSIGN_OR_RETURN(const SpeedProbe probe, measure_products(backend, dtype, lays_out));
      found = probes_.emplace(key, probe).first;
    }
    return found->second;
  }

  Result<void> need_model() const {
    if (!model_) return make_error(ErrorCode::bad_argument, "engine: a loaded model, found none");
    return {};
  }

  // A device that does not answer any more has lost what lay there: the model is loaded again on the others, or on the processor.
  Result<void> need_devices() {
    RETURN_IF_ERROR(need_model());
    const std::vector<std::string> lost = model_->lost_devices();
    if (lost.empty()) return {};
    const LoadRequest request = request_on(request_, devices_without(request_.device, lost));
    std::string names;
    for (const std::string& name : lost) names += (names.empty() ? "" : ",") + name;
    conversations_->cancel_all();  // nothing of them is kept: it cannot be read any more
    conversations_.reset();
    model_.reset();
    RETURN_IF_ERROR(load(request, {}, {}));
    model_->add_note(DeviceLost{names, model_->info().device});
    return {};
  }

  Result<void> need_vision() const {
    if (model_->pictures()) return {};
    return make_error(ErrorCode::not_available, model_->info().name + ": a model that sees, found one for text only");
  }

  Result<void> need_vision(std::span<const ChatMessage> messages) const {
    const bool has_pictures = std::any_of(messages.begin(), messages.end(), [](const ChatMessage& m) { return m.content.has_pictures(); });
    return has_pictures ? need_vision() : Result<void>();
  }

  PromptAids aids(const std::stop_token& stop) {
    return {.place_pictures = place_pictures_of(stop), .memory = &model_->encoded_stretches(), .stop = stop};
  }

  // Of the messages whose pictures the chat format shows: those of others it leaves out.
  PlacePictures place_pictures_of(std::stop_token stop) {
    if (!model_->pictures()) return {};
    return [this, stop](std::span<const int> ids, std::span<const ChatMessage> messages) -> Result<PicturedIds> {
      std::vector<std::shared_ptr<const Picture>> pictures;
      for (const ChatMessage& message : messages) {
        if (message.role == "system" || message.role == "assistant") continue;
        for (const ImageInput* image : message.content.pictures()) {
          ASSIGN_OR_RETURN(std::shared_ptr<const Picture> picture, model_->pictures()->find(*image, stop));
          pictures.push_back(std::move(picture));
        }
      }
      return place_pictures(ids, pictures, *model_->vision(), *tokenizer());
    };
  }

  Result<PicturedIds> place_pictures_of_ids(const LogitsRequest& request, std::stop_token stop) {
    RETURN_IF_ERROR(need_vision());
    if (!tokenizer()) return make_error(ErrorCode::unsupported_model, model_->info().path + ": a tokenizer, found none");
    const std::optional<int> film_id = tokenizer()->added_token(model_->vision()->film_token()),
                             picture_id = tokenizer()->added_token(model_->vision()->picture_token());
    std::vector<std::shared_ptr<const Picture>> pictures;
    std::size_t n_images = 0, n_videos = 0;
    const auto add = [&](const PictureSource& source) -> Result<void> {
      ASSIGN_OR_RETURN(std::shared_ptr<const Picture> picture, model_->pictures()->find(source, stop));
      pictures.push_back(std::move(picture));
      return {};
    };
    for (const int id : request.ids) {  // in the order of the placeholders
      if (id == picture_id && n_images < request.images.size()) RETURN_IF_ERROR(add(request.images[n_images++]));
      if (id == film_id && n_videos < request.videos.size()) RETURN_IF_ERROR(add(request.videos[n_videos++]));
    }
    for (; n_images < request.images.size(); ++n_images) RETURN_IF_ERROR(add(request.images[n_images]));
    for (; n_videos < request.videos.size(); ++n_videos) RETURN_IF_ERROR(add(request.videos[n_videos]));
    return place_pictures(request.ids, pictures, *model_->vision(), *tokenizer());
  }

  // The tokens that no selection drops.
  std::vector<TokenRange> protected_ranges(const GenerateRequest& request, const Prompt& prompt, const TokenIds& ids) const {
    if (model_->selection().kind == KvSelection::Kind::full || !tokenizer()) return {};
    std::vector<TokenRange> kept = protected_tokens(*tokenizer(), ids.values(), request.messages, request.protected_texts);
    for (auto placed = prompt.pictures.rbegin(); placed != prompt.pictures.rend() && placed->picture == prompt.pictures.back().picture; ++placed)
      kept.push_back({placed->first, placed->first + placed->n_tokens()});  // of a film every time slot
    return kept;
  }

  // Whether `what` of n tokens fits into the context.
  Result<void> need_context(const char* what, std::int64_t n) const {
    const std::int64_t most = model_->info().context_length;
    if (n <= most) return {};
    Error error =
        make_error(ErrorCode::context_full, std::string(what) + ": at most " + std::to_string(most) + " tokens, found " + std::to_string(n));
    error.limit = static_cast<std::uint64_t>(most);
    error.asked = static_cast<std::uint64_t>(n);
    return error;
  }

  Result<void> need_chat() const {
    RETURN_IF_ERROR(need_model());
    if (!tokenizer()) return make_error(ErrorCode::unsupported_model, model_->info().path + ": a tokenizer, found none");
    if (!chat_format())
      return make_error(ErrorCode::unsupported_model,
                        model_->info().path + ": a chat format, architecture " + model_->info().architecture + " has none");
    return {};
  }

  // Ids of a text, at least one.
  Result<TokenIds> checked(std::span<const int> ids, const char* what) const {
    if (ids.empty()) return make_error(ErrorCode::bad_argument, std::string(what) + ": at least one token, found none");
    return model_->vocabulary().check({ids.begin(), ids.end()}, what);
  }

  // A session of its own for measurements, with the whole cache.
  Session fresh_session() {
    conversations_->clear();
    return Session(*model_);
  }

  static constexpr std::int64_t kTokensBesideOthers = 8192;  // of a cache that are counted beside others: what is not written takes no memory
  static constexpr std::uint64_t kGigabyte = std::uint64_t{1} << 30;
  static constexpr std::chrono::milliseconds kBetweenLooks{100};  // at memory; one takes some tenths of a millisecond
  // Parts of memory: the system's word that it is short counts where less than this is free;
  static constexpr std::uint64_t kTellingShare = 8;
  // so much goes then, and beside what is missing;
  static constexpr std::uint64_t kGoingShare = 64;
  // above this there is plenty.
  static constexpr std::uint64_t kPlentyShare = 16;
  static constexpr std::uint64_t kBudgetShare = 128;  // of a budget, this much is left

  std::vector<Resident> others_;  // that wait, the one used last first
  const MachineView machine_;
  std::unique_ptr<MemoryPressure> pressure_;  // null before the first look
  Clock::time_point looked_at_{}, short_at_{};
  GivenBack given_back_;
  std::unique_ptr<LoadedModel> model_;
  LoadRequest request_;  // that it was loaded by
  std::string identity_, stamps_;
  std::optional<PictureCosts> picture_costs_;  // of model_
  std::map<std::tuple<std::string, int, DType, Activations, bool>, SpeedProbe> probes_;
  const std::uint64_t program_bytes_ = resident_bytes();  // before anything was loaded
  std::unique_ptr<SnapshotStore> snapshots_;              // null: what is cached goes with its model
  // Below the model: they give their blocks back to it.
  std::unique_ptr<Conversations> conversations_;
};

}  // namespace

const char* name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::context_full: return "context_full";
    case FinishReason::cancelled: return "cancelled";
  }
  return "unknown";
}

void deliver(const GenerationEvent& event, const GenerateSink& sink) {
  using Kind = GenerationEvent::Kind;
  switch (event.kind) {
    case Kind::dropped:
      if (sink.dropped) sink.dropped(event.done);
      return;
    case Kind::image:
      if (sink.image) sink.image(event.done, event.total);
      return;
    case Kind::prefill:
      if (sink.prefill) sink.prefill(event.done, event.total);
      return;
    case Kind::logits:
      if (sink.logits) sink.logits(event.logits);
      return;
    case Kind::routing:
      if (sink.routing) sink.routing(event.routing);
      return;
    case Kind::text:
      if (sink.text) sink.text(event.text, event.done);
      return;
    case Kind::reasoning:
      if (sink.reasoning) sink.reasoning(event.text, event.done);
      return;
    case Kind::tool_call:
      if (sink.tool_call) sink.tool_call(event.call);
      return;
  }
}

Result<void> Engine::keep_conversations(const SnapshotSettings&) {
  return make_error(ErrorCode::not_available, "engine: one that keeps conversations, found one that does not");
}

void Engine::forget_conversation(const std::string&) {}

std::vector<Result<std::vector<GenerationEvent>>> Engine::advance(std::span<Generation* const> generations) {
  std::vector<Result<std::vector<GenerationEvent>>> events;
  for (Generation* generation : generations) events.push_back(generation->advance());
  return events;
}

Result<GenerateResult> Engine::generate(const GenerateRequest& request, const GenerateSink& sink, std::stop_token stop) {
  GenerateRequest asked = request;
  asked.wants_logits = asked.wants_logits || sink.logits;
  ASSIGN_OR_RETURN(const std::unique_ptr<Generation> generation, begin(asked, std::move(stop)));
  while (!generation->is_finished()) {
    ASSIGN_OR_RETURN(const std::vector<GenerationEvent> events, generation->advance());
    for (const GenerationEvent& event : events) deliver(event, sink);
  }
  return generation->result();
}

std::unique_ptr<Engine> create_engine(const MachineView& machine) { return std::make_unique<LocalEngine>(machine); }

Result<InspectResult> inspect(const std::string& path) {
  InspectResult result;
  ASSIGN_OR_RETURN(result.file, open_model_file(path));
  const ModelFile& file = *result.file;
  result.name = model_name_of(file);
  if (!file.tensors().empty()) result.quantization = pio::info(commonest_format(file)).name;
  for (const TensorInfo& tensor : file.tensors()) result.n_parameters += tensor.shape.n_values();
  const bool gguf = file.naming() == WeightSource::Naming::gguf;
  const auto integer = [&](const std::string& key) -> std::int64_t {
    const auto* value = value_of<std::int64_t>(file.metadata(), key);
    return value ? *value : 0;
  };
  // A model that sees nests the keys of its text half.
  const auto in_config = [&](const std::string& key) { return std::max(integer(key), integer("text_config." + key)); };
  result.n_layers = gguf ? integer(file.architecture() + ".block_count") : in_config("num_hidden_layers");
  result.context_length = gguf ? integer(file.architecture() + ".context_length") : in_config("max_position_embeddings");
  if (const ChatFormat* format = choose_chat_format(file).format) result.chat_format = format->name();
  return result;
}

Result<std::string> find_vision_half(const std::string& path, const std::vector<std::string>& spares) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelFile> file, open_model_file(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> device, create_backend("reference", {}));
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelEstimate> estimate, ModelEstimate::create(*file, *device));
  RETURN_IF_ERROR(estimate->add_vision({"", spares}));
  const bool is_folder = file->naming() == WeightSource::Naming::hugging_face;
  return estimate->vision_path().empty() || !is_folder ? estimate->vision_path().string() : path;
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& path) {
  std::error_code ignored;
  const fs::path extension = fs::path(path).extension();
  if ((extension == ".json" || extension == ".model") && !fs::is_directory(path, ignored)) return tokenizer_in(path);
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelFile> file, open_model_file(path));
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, tokenizer_of(*file));
  if (!tokenizer) return make_error(ErrorCode::unsupported_model, path + ": a tokenizer, found none");
  return tokenizer;
}

}  // namespace pio
