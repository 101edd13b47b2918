#include "tests/support/scripted_engine.h"

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
  info.device = "cpu";
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
  return status;
}

Result<LoadPlan> ScriptedEngine::plan(const LoadRequest& request) {
  const std::scoped_lock lock(mutex_);
  plan_requests_.push_back(request);
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

void ScriptedEngine::unload() {
  const std::scoped_lock lock(mutex_);
  ++n_unloads_;
  loaded_.reset();
}

const LoadedInfo* ScriptedEngine::loaded() const { return loaded_ ? &*loaded_ : nullptr; }

Result<std::int64_t> ScriptedEngine::count_tokens(const std::vector<ChatMessage>& messages) {
  if (!loaded_) return make_error(ErrorCode::not_available, "count_tokens: a loaded model, none");
  std::int64_t n = 0;
  for (const ChatMessage& message : messages) n += 4 + count_words(message.content.text());
  return n;
}

Result<GenerateResult> ScriptedEngine::generate(const GenerateRequest& request, const GenerateSink& sink, std::stop_token stop) {
  Script script;
  std::function<void(std::uint64_t)> observer;
  {
    const std::scoped_lock lock(mutex_);
    generate_requests_.push_back(request);
    script = script_;
    observer = observer_;
  }
  if (!loaded_) return make_error(ErrorCode::not_available, "generate: a loaded model, none");

  GenerateResult result;
  result.n_dropped_messages = script.dropped_messages;
  result.stats.prompt_tokens = script.prompt_tokens;
  result.stats.context_length = script.context_length;
  if (script.dropped_messages > 0 && sink.dropped) sink.dropped(script.dropped_messages);

  const auto start = Clock::now();
  constexpr int kChunks = 20;
  bool is_stopped = false;
  std::int64_t n_pictures = 0;
  for (const ChatMessage& message : request.messages) n_pictures += static_cast<std::int64_t>(message.content.pictures().size());
  if (n_pictures > 0 && !loaded_->can_see) return make_error(ErrorCode::not_available, "images: a model that sees, found none");
  for (std::int64_t picture = 0; n_pictures > 0 && picture <= n_pictures && !is_stopped; ++picture) {
    if (sink.image) sink.image(picture, n_pictures);
    if (picture < n_pictures) is_stopped = !sleep_until(Clock::now() + std::chrono::milliseconds(script.picture_ms), stop);
  }
  const auto read_start = Clock::now();
  for (int chunk = 0; chunk <= kChunks && !is_stopped; ++chunk) {
    if (sink.prefill) sink.prefill(script.prompt_tokens * chunk / kChunks, script.prompt_tokens);
    is_stopped = !sleep_until(read_start + std::chrono::milliseconds(script.prefill_ms) * chunk / kChunks, stop);
  }
  result.stats.prefill_seconds = seconds_since(start);

  const auto decode_start = Clock::now();
  auto due = decode_start;
  std::int64_t n = 0;
  for (const ScriptStep& step : script.steps) {
    if (is_stopped || (request.max_tokens >= 0 && n >= request.max_tokens)) break;
    due += std::chrono::milliseconds(step.delay_ms);  // from one due time to the next, so that the rate is what the script says
    is_stopped = !sleep_until(due, stop);
    if (is_stopped) break;
    if (n == 0) result.stats.first_token_seconds = seconds_since(start);
    ++n;
    if (step.is_thought) {
      result.reasoning += step.text;
      if (observer) observer(result.reasoning.size() + result.text.size());
      if (sink.reasoning) sink.reasoning(step.text, n);
      continue;
    }
    result.text += step.text;
    if (observer) observer(result.reasoning.size() + result.text.size());
    if (sink.text) sink.text(step.text, n);
  }
  for (const ToolCall& call : script.tool_calls) {
    if (is_stopped) break;
    result.tool_calls.push_back(call);
    if (sink.tool_call) sink.tool_call(call);
  }
  result.stats.generated_tokens = n;
  result.stats.decode_seconds = seconds_since(decode_start);
  if (result.stats.decode_seconds > 0 && n > 1) result.stats.tokens_per_second = static_cast<double>(n - 1) / result.stats.decode_seconds;
  result.stats.context_used = script.prompt_tokens + n;
  result.finish_reason = is_stopped ? FinishReason::cancelled : script.finish_reason;
  if (is_stopped) return result;
  if (script.thrown == Script::Throw::bad_alloc) throw std::bad_alloc();
  if (script.thrown == Script::Throw::runtime_error) throw std::runtime_error("the script throws");
  if (script.error) return *script.error;
  return result;
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

Result<BenchResult> ScriptedEngine::bench(std::int64_t, std::int64_t, std::int64_t, int, std::stop_token) {
  return make_error(ErrorCode::not_available, "bench: a model, a script");
}

}  // namespace pio
