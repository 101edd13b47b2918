#include "engine/generate.h"

#include <algorithm>
#include <chrono>

#include "engine/stop_strings.h"
#include "engine/tokenizer/utf8_stream.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_cancelled(const Result<void>& status) { return !status && status.error().code == ErrorCode::cancelled; }

// Generated ids become what is shown: whole characters, no control tokens; reasoning, calls and text apart; of the text nothing of a stop
// string.
class Emitter {
 public:
  Emitter(const LoadedModel& model, ChatParser* parser, const GenerateRequest& request, const GenerateSink& sink, GenerateResult& result)
      : tokenizer_(model.tokenizer()), parser_(parser), stops_(request.stop), sink_(sink), result_(result) {}

  void push(int id) {
    if (!tokenizer_ || tokenizer_->is_control(id)) return;
    characters(utf8_.push(tokenizer_->bytes(id)));
  }
  void finish() {
    characters(utf8_.finish());
    if (parser_ && !stopped()) events(parser_->finish());
    text(stops_.finish());
  }
  bool stopped() const { return stops_.found(); }

 private:
  void characters(std::string_view characters) {
    if (characters.empty()) return;
    if (parser_) events(parser_->push(characters));
    else text(stops_.push(characters));
  }
  void events(std::vector<ChatEvent> events) {
    for (ChatEvent& event : events) {
      if (stopped()) return;
      switch (event.kind) {
        case ChatEvent::Kind::text: text(stops_.push(event.text)); break;
        case ChatEvent::Kind::reasoning:
          result_.reasoning += event.text;
          if (sink_.reasoning) sink_.reasoning(event.text, n_tokens());
          break;
        case ChatEvent::Kind::tool_call:
          text(stops_.finish());  // no stop string reaches across a call
          result_.tool_calls.push_back(std::move(event.call));
          if (sink_.tool_call) sink_.tool_call(result_.tool_calls.back());
          break;
      }
    }
  }
  void text(std::string_view text) {
    if (text.empty()) return;
    result_.text += text;
    if (sink_.text) sink_.text(text, n_tokens());
  }
  std::int64_t n_tokens() const { return static_cast<std::int64_t>(result_.ids.size()); }

  const Tokenizer* tokenizer_;
  ChatParser* parser_;  // may be null
  Utf8Stream utf8_;
  StopStrings stops_;
  const GenerateSink& sink_;
  GenerateResult& result_;
};

}  // namespace

Result<GenerateResult> generate(LoadedModel& model, Session& session, const Prompt& input, const GenerateRequest& request,
                                const GenerateSink& sink, std::stop_token stop) {
  const std::span<const int> prompt = input.ids;
  const Clock::time_point start = Clock::now();
  GenerateResult result;
  GenerationStats& stats = result.stats;
  const auto n_prompt = static_cast<std::int64_t>(prompt.size());
  const std::int64_t context_length = model.info().context_length;
  stats.prompt_tokens = n_prompt;
  stats.context_length = context_length;
  if (prompt.empty()) return make_error(ErrorCode::bad_argument, "prompt: at least one token, found none");
  if (n_prompt >= context_length) {
    Error error = make_error(ErrorCode::context_full, "prompt: at most " + std::to_string(context_length - 1) + " tokens, found " +
                                                          std::to_string(n_prompt));
    error.limit = static_cast<std::uint64_t>(context_length - 1);
    error.asked = static_cast<std::uint64_t>(n_prompt);
    return error;
  }

  Sampler sampler(request.sampling);
  for (int id : prompt) {
    if (id >= 0) sampler.accept(id);  // below zero: a picture's
  }

  Emitter emitter(model, input.parser.get(), request, sink, result);
  const auto finish = [&](FinishReason reason) {
    emitter.finish();
    result.finish_reason = reason;
    stats.generated_tokens = static_cast<std::int64_t>(result.ids.size());
    stats.context_used = session.n_tokens();
    if (stats.generated_tokens > 1 && stats.decode_seconds > 0)
      stats.tokens_per_second = static_cast<double>(stats.generated_tokens - 1) / stats.decode_seconds;
    return std::move(result);
  };

  // ---- prefill
  std::vector<float> logits;
  std::int64_t done = session.keep_prefix(prompt);
  stats.reused_tokens = done;
  if (sink.prefill) sink.prefill(done, n_prompt);
  while (done < n_prompt) {
    const std::int64_t n = std::min(kPrefillTokens, n_prompt - done);
    const bool last = done + n == n_prompt;
    const Result<void> status = session.process(prompt.subspan(done, n), last ? Session::Outputs::last : Session::Outputs::none, logits, stop);
    if (is_cancelled(status)) return finish(FinishReason::cancelled);
    RETURN_IF_ERROR(status);
    done += n;
    if (sink.prefill) sink.prefill(done, n_prompt);
  }
  stats.prefill_seconds = seconds_since(start);

  // ---- decode
  std::vector<int> stop_ids = model.stop_ids();
  stop_ids.insert(stop_ids.end(), request.stop_ids.begin(), request.stop_ids.end());
  const Clock::time_point decode_start = Clock::now();
  for (;;) {
    if (request.max_tokens >= 0 && static_cast<std::int64_t>(result.ids.size()) >= request.max_tokens) return finish(FinishReason::length);
    if (stop.stop_requested()) return finish(FinishReason::cancelled);

    if (sink.logits) sink.logits(logits);
    const int id = sampler.sample(logits, model.n_ids());
    sampler.accept(id);
    if (result.ids.empty()) stats.first_token_seconds = seconds_since(start);
    else stats.decode_seconds = seconds_since(decode_start);
    if (!request.ignore_eos && std::find(stop_ids.begin(), stop_ids.end(), id) != stop_ids.end()) return finish(FinishReason::stop);

    result.ids.push_back(id);
    emitter.push(id);
    if (emitter.stopped()) return finish(FinishReason::stop);
    if (session.n_tokens() >= context_length) return finish(FinishReason::context_full);

    const Result<void> status = session.process(std::span(&id, 1), Session::Outputs::last, logits, stop);
    if (is_cancelled(status)) return finish(FinishReason::cancelled);
    RETURN_IF_ERROR(status);
    stats.weight_bytes_read += model.weight_bytes_per_token();
  }
}

}  // namespace pio
