#include "tests/support/scripted_engine.h"

#include <cmath>
#include <algorithm>
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

// False when the stop came first.
bool sleep_until(Clock::time_point end, const std::stop_token& stop) {
  while (Clock::now() < end) {
    if (stop.stop_requested()) return false;
    std::this_thread::sleep_until(std::min(end, Clock::now() + std::chrono::milliseconds(1)));
  }
  return !stop.stop_requested();
}

std::int64_t count_words(std::string_view text) {
  std::int64_t n = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t';
    if (!is_space && !in_word) ++n;
    in_word = !is_space;
  }
  return n;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class ScriptedGeneration final : public Generation {
 public:
  ScriptedGeneration(ScriptedEngine::Script script, std::function<void(std::uint64_t)> observer, std::int64_t n_pictures, std::int64_t max_tokens,
                     std::stop_token stop)
      : script_(std::move(script)), observer_(std::move(observer)), n_pictures_(n_pictures), max_tokens_(max_tokens), stop_(std::move(stop)) {
    result_.n_dropped_messages = script_.dropped_messages;
    result_.stats = script_.stats;
    result_.stats.prompt_tokens = script_.prompt_tokens;
    result_.stats.context_length = script_.context_length;
  }

  bool is_finished() const override { return is_finished_; }
  bool waits_for_room() const override { return !is_finished_ && !has_room_ && script_.room_ms > 0 && n_said_ == 1; }
  const GenerateResult& result() const override { return result_; }
  void cancel() override {
    if (!is_finished_) finish(FinishReason::cancelled);
  }

  Result<std::vector<GenerationEvent>> advance() override {
    using Kind = GenerationEvent::Kind;
    std::vector<GenerationEvent> events;
    if (is_finished_) return events;
    if (!has_begun_) {
      has_begun_ = true;
      if (script_.dropped_messages > 0) events.push_back({.kind = Kind::dropped, .done = script_.dropped_messages});
      if (n_pictures_ > 0) events.push_back({.kind = Kind::image, .done = 0, .total = n_pictures_});
      return events;
    }
    if (n_seen_ < n_pictures_) {
      if (!sleep_until(Clock::now() + std::chrono::milliseconds(script_.picture_ms), stop_)) return finish(FinishReason::cancelled);
      events.push_back({.kind = Kind::image, .done = ++n_seen_, .total = n_pictures_});
      return events;
    }
    if (n_chunks_ <= kChunks) {
      if (n_chunks_ == 0) read_start_ = Clock::now();
      if (!sleep_until(read_start_ + std::chrono::milliseconds(script_.prefill_ms) * n_chunks_ / kChunks, stop_))
        return finish(FinishReason::cancelled);
      events.push_back({.kind = Kind::prefill, .done = script_.prompt_tokens * n_chunks_ / kChunks, .total = script_.prompt_tokens});
      if (++n_chunks_ > kChunks) {
        result_.stats.prefill_seconds = seconds_since(start_);
        due_ = decode_start_ = Clock::now();
      }
      return events;
    }
    if (n_said_ == script_.steps.size() || (max_tokens_ >= 0 && static_cast<std::int64_t>(n_said_) >= max_tokens_)) {
      for (const ToolCall& call : script_.tool_calls) {
        result_.tool_calls.push_back(call);
        events.push_back({.kind = Kind::tool_call, .call = call});
      }
      finish(script_.finish_reason);
      if (script_.thrown == ScriptedEngine::Script::Throw::bad_alloc) throw std::bad_alloc();
      if (script_.thrown == ScriptedEngine::Script::Throw::runtime_error) throw std::runtime_error("the script throws");
      if (script_.error) return *script_.error;
      return events;
    }
    if (waits_for_room()) {
      if (room_until_ == Clock::time_point{}) room_until_ = Clock::now() + std::chrono::milliseconds(script_.room_ms);
      if (!sleep_until(std::min(room_until_, Clock::now() + std::chrono::milliseconds(2)), stop_)) return finish(FinishReason::cancelled);
      if (Clock::now() >= room_until_) has_room_ = true, due_ = Clock::now();
      return events;
    }
    const ScriptStep& step = script_.steps[n_said_];
    due_ += std::chrono::milliseconds(step.delay_ms);  // from one due time to the next, so that the rate is what the script says
    if (!sleep_until(due_, stop_)) return finish(FinishReason::cancelled);
    if (n_said_ == 0) result_.stats.first_token_seconds = seconds_since(start_);
    ++n_said_;
    (step.is_thought ? result_.reasoning : result_.text) += step.text;
    if (observer_) observer_(result_.reasoning.size() + result_.text.size());
    events.push_back({.kind = step.is_thought ? Kind::reasoning : Kind::text, .text = step.text, .done = static_cast<std::int64_t>(n_said_)});
    return events;
  }

 private:
  static constexpr int kChunks = 20;

  std::vector<GenerationEvent> finish(FinishReason reason) {
    is_finished_ = true;
    result_.finish_reason = reason;
    GenerationStats& stats = result_.stats;
    stats.generated_tokens = static_cast<std::int64_t>(n_said_);
    if (n_chunks_ > kChunks) stats.decode_seconds = seconds_since(decode_start_);
    if (stats.decode_seconds > 0 && n_said_ > 1) stats.tokens_per_second = static_cast<double>(n_said_ - 1) / stats.decode_seconds;
    stats.context_used = script_.prompt_tokens + stats.generated_tokens;
    return {};
  }

  const ScriptedEngine::Script script_;
  const std::function<void(std::uint64_t)> observer_;
  const std::int64_t n_pictures_, max_tokens_;
  const std::stop_token stop_;
  GenerateResult result_;
  bool has_begun_ = false, is_finished_ = false, has_room_ = false;
  std::int64_t n_seen_ = 0;
  int n_chunks_ = 0;
  std::size_t n_said_ = 0;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point read_start_{}, decode_start_{}, due_{}, room_until_{};
};

}  // namespace

ScriptedEngine::Script ScriptedEngine::speak(std::string_view text, int delay_ms, int n_tokens) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find_first_of(" \n", begin + 1);
    if (end == std::string_view::npos) end = text.size();
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  Script script;
  if (words.empty()) return script;
  const std::size_t n = n_tokens > 0 ? static_cast<std::size_t>(n_tokens) : words.size();
  for (std::size_t i = 0; i < n; ++i) {
    std::string word = words[i % words.size()];
    if (i > 0 && i % words.size() == 0) word.insert(0, " ");
    script.steps.push_back({delay_ms, std::move(word)});
  }
  return script;
}

ScriptedEngine::Script ScriptedEngine::think(std::string_view thought, std::string_view answer, int delay_ms, int n_thoughts) {
  Script script = speak(thought, delay_ms, n_thoughts);
  for (ScriptStep& step : script.steps) step.is_thought = true;
  const Script words = speak(answer, delay_ms);
  script.steps.insert(script.steps.end(), words.steps.begin(), words.steps.end());
  return script;
}

void ScriptedEngine::set_script(Script script) {
  const std::scoped_lock lock(mutex_);
  script_ = std::move(script);
}

void ScriptedEngine::set_loading(Loading loading) {
  const std::scoped_lock lock(mutex_);
  loading_ = std::move(loading);
}

void ScriptedEngine::set_observer(std::function<void(std::uint64_t)> observer) {
  const std::scoped_lock lock(mutex_);
  observer_ = std::move(observer);
}

void ScriptedEngine::set_given_back(const GivenBack& given_back) {
  const std::lock_guard lock(mutex_);
  given_back_ = given_back;
}

GivenBack ScriptedEngine::given_back() const {
  const std::lock_guard lock(mutex_);
  return given_back_;
}

std::vector<GenerateRequest> ScriptedEngine::generate_requests() const {
  const std::scoped_lock lock(mutex_);
  return generate_requests_;
}

std::vector<LoadRequest> ScriptedEngine::load_requests() const {
  const std::scoped_lock lock(mutex_);
  return load_requests_;
}

void ScriptedEngine::set_plan(std::optional<Result<LoadPlan>> plan) {
  const std::scoped_lock lock(mutex_);
  plan_ = std::move(plan);
}

std::vector<LoadRequest> ScriptedEngine::plan_requests() const {
  const std::scoped_lock lock(mutex_);
  return plan_requests_;
}

int ScriptedEngine::n_unloads() const {
  const std::scoped_lock lock(mutex_);
  return n_unloads_;
}

std::vector<std::string> ScriptedEngine::forgotten_conversations() const {
  const std::scoped_lock lock(mutex_);
  return forgotten_conversations_;
}

void ScriptedEngine::forget_conversation(const std::string& conversation) {
  const std::scoped_lock lock(mutex_);
  forgotten_conversations_.push_back(conversation);
}

DeviceList ScriptedEngine::devices() { return {}; }

Result<void> ScriptedEngine::load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) {
  Loading loading;
  {
    const std::scoped_lock lock(mutex_);
    load_requests_.push_back(request);
    loading = loading_;
  }
  loaded_.reset();
  const auto start = Clock::now();
  constexpr int kParts = 50;
  for (int part = 0; part <= kParts; ++part) {
    if (progress) progress(loading.bytes * static_cast<std::uint64_t>(part) / kParts, loading.bytes);
    if (!sleep_until(start + std::chrono::milliseconds(loading.milliseconds) * part / kParts, stop)) {
      return make_error(ErrorCode::cancelled, "load: stopped");
    }
  }
  if (loading.error) return *loading.error;
  LoadedInfo info;
  info.path = request.path;
  info.name = loading.name;
  info.architecture = "llama";
  info.quantization = loading.quantization;
  info.chat_format = "smollm2-instruct";
  info.can_see = loading.can_see;
  info.can_think = loading.can_think;
  info.notes = loading.notes;
  info.n_sequences = loading.n_sequences;
  info.device = loading.device;
  info.n_parameters = 134'515'008;
  info.context_length = request.context_length > 0 ? request.context_length : 8192;
  info.trained_context_length = 8192;
  info.weight_bytes = loading.bytes;
  info.load_seconds = seconds_since(start);
  info.recommended.temperature = 0.2;
  info.recommended.top_p = 0.9;
  loaded_ = info;
  return {};
}

Result<void> ScriptedEngine::switch_to(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) {
  const std::optional<LoadedInfo> before = loaded_;
  Result<void> status = load(request, progress, stop);
  if (!status) loaded_ = before;
  std::erase(waiting_, request.path);
  if (status && before && before->path != request.path && request.may_wait) waiting_.insert(waiting_.begin(), before->path);
  return status;
}

void ScriptedEngine::set_planner(std::function<Result<LoadPlan>(const LoadRequest&)> planner) {
  const std::scoped_lock lock(mutex_);
  planner_ = std::move(planner);
}

Result<LoadPlan> ScriptedEngine::plan(const LoadRequest& request) {
  const std::scoped_lock lock(mutex_);
  plan_requests_.push_back(request);
  if (planner_) return planner_(request);
  if (plan_) return *plan_;
  LoadPlan plan;
  plan.context_length = request.context_length > 0 ? request.context_length : 8192;
  plan.weight_bytes = loading_.bytes;
  plan.state_bytes = static_cast<std::uint64_t>(plan.context_length) * 23'040;  // SmolLM2-135M's keys and values in f16
  plan.scratch_bytes = 64 << 20;
  plan.fits = request.ram_bytes == 0 || plan.weight_bytes + plan.state_bytes + plan.scratch_bytes <= request.ram_bytes;
  if (!plan.fits) plan.why_not = "memory: too little";
  plan.devices.push_back({"cpu", plan.weight_bytes, plan.state_bytes, plan.scratch_bytes, std::uint64_t{8} << 30, std::uint64_t{16} << 30});
  return plan;
}

Result<PictureCosts> ScriptedEngine::picture_costs() {
  if (!loaded_ || !loaded_->can_see) return make_error(ErrorCode::not_available, "pictures: a model that sees, found none");
  const auto grid = [](std::int64_t height, std::int64_t width, std::int64_t most_pixels) -> Result<std::array<std::int64_t, 3>> {
    const double shrink = std::sqrt(std::max(1.0, static_cast<double>(height * width) / static_cast<double>(most_pixels)));
    const auto tokens = [&](std::int64_t pixels) { return static_cast<std::int64_t>(static_cast<double>(pixels) / shrink / 32 + 0.5); };
    return std::array<std::int64_t, 3>{1, 2 * tokens(height), 2 * tokens(width)};
  };
  return PictureCosts({.grid = grid, .patches_of_token = 4, .per_patch = 1},
                      {.linear_per_second = 400, .attention_per_second = 1, .seconds_per_token = 0});
}

void ScriptedEngine::unload() {
  const std::scoped_lock lock(mutex_);
  ++n_unloads_;
  waiting_.clear();
  loaded_.reset();
}

const LoadedInfo* ScriptedEngine::loaded() const { return loaded_ ? &*loaded_ : nullptr; }

Result<std::int64_t> ScriptedEngine::count_tokens(const std::vector<ChatMessage>& messages) {
  if (!loaded_) return make_error(ErrorCode::not_available, "count_tokens: a loaded model, none");
  std::int64_t n = 0;
  for (const ChatMessage& message : messages) n += 4 + count_words(message.content.text());
  return n;
}

Result<std::unique_ptr<Generation>> ScriptedEngine::begin(const GenerateRequest& request, std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  generate_requests_.push_back(request);
  if (!loaded_) return make_error(ErrorCode::not_available, "generate: a loaded model, none");
  std::int64_t n_pictures = 0;
  for (const ChatMessage& message : request.messages) n_pictures += static_cast<std::int64_t>(message.content.pictures().size());
  if (n_pictures > 0 && !loaded_->can_see) return make_error(ErrorCode::not_available, "images: a model that sees, found none");
  return std::unique_ptr<Generation>(std::make_unique<ScriptedGeneration>(script_, observer_, n_pictures, request.max_tokens, std::move(stop)));
}

Result<LogitsResult> ScriptedEngine::logits(const LogitsRequest&, std::stop_token) {
  return make_error(ErrorCode::not_available, "logits: a model, a script");
}

Result<PreprocessResult> ScriptedEngine::preprocess(const ImageInput&, std::stop_token) {
  return make_error(ErrorCode::not_available, "preprocess: a model, a script");
}

Result<PerplexityResult> ScriptedEngine::perplexity(std::span<const int>, std::int64_t, std::int64_t,
                                                    const std::function<void(std::int64_t, double)>&, std::stop_token) {
  return make_error(ErrorCode::not_available, "perplexity: a model, a script");
}

Result<BenchResult> ScriptedEngine::bench(const BenchRequest&, std::stop_token) {
  return make_error(ErrorCode::not_available, "bench: a model, a script");
}

}  // namespace pio
