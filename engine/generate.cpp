#include "engine/generate.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "engine/draft/lookup_drafts.h"
#include "engine/sampling/sampler.h"
#include "engine/stop_strings.h"
#include "engine/tokenizer/utf8_stream.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;
using Events = std::vector<GenerationEvent>;
using Kind = GenerationEvent::Kind;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Generated ids become what is shown: whole characters, no control tokens; reasoning, calls and text apart; of the text nothing of a stop
// string.
class Emitter {
 public:
  Emitter(const Tokenizer* tokenizer, std::unique_ptr<ChatParser> parser, const std::vector<std::string>& stop_strings, GenerateResult& result)
      : tokenizer_(tokenizer), parser_(std::move(parser)), stops_(stop_strings), result_(result) {}

  void push(int id, Events& events) {
    if (!tokenizer_ || tokenizer_->is_control(id)) return;
    characters(utf8_.push(tokenizer_->bytes(id)), events);
  }
  void finish(FinishReason reason, Events& events) {
    // A stop leaves half a character out: an answer that is continued would go on behind a wrong one.
    if (reason != FinishReason::cancelled) characters(utf8_.finish(), events);
    const AnswerEnd end = reason == FinishReason::stop ? AnswerEnd::complete : AnswerEnd::cut_off;
    if (parser_ && !stopped()) parsed(parser_->finish(end), events);
    text(stops_.finish(), events);
  }
  bool stopped() const { return stops_.found(); }

 private:
  void characters(std::string_view characters, Events& events) {
    if (characters.empty()) return;
    if (parser_) parsed(parser_->push(characters), events);
    else text(stops_.push(characters), events);
  }
  void parsed(std::vector<ChatEvent> parts, Events& events) {
    for (ChatEvent& part : parts) {
      if (stopped()) return;
      switch (part.kind) {
        case ChatEvent::Kind::text: text(stops_.push(part.text), events); break;
        case ChatEvent::Kind::reasoning:
          result_.reasoning += part.text;
          events.push_back({.kind = Kind::reasoning, .text = std::move(part.text), .done = n_tokens()});
          break;
        case ChatEvent::Kind::tool_call:
          text(stops_.finish(), events);  // no stop string reaches across a call
          result_.tool_calls.push_back(std::move(part.call));
          events.push_back({.kind = Kind::tool_call, .done = n_tokens(), .call = result_.tool_calls.back()});
          break;
      }
    }
  }
  void text(std::string_view text, Events& events) {
    if (text.empty()) return;
    result_.text += text;
    events.push_back({.kind = Kind::text, .text = std::string(text), .done = n_tokens()});
  }
  std::int64_t n_tokens() const { return static_cast<std::int64_t>(result_.ids.size()); }

  const Tokenizer* tokenizer_;
  std::unique_ptr<ChatParser> parser_;  // may be null
  Utf8Stream utf8_;
  StopStrings stops_;
  GenerateResult& result_;
};

// The pictures of a prompt: encoded one by one as its tokens are reached, given back when they are read.
class PromptPictures {
 public:
  PromptPictures(std::vector<PlacedPicture> placed, std::int64_t n_cached) : placed_(std::move(placed)) {
    for (const PlacedPicture& picture : placed_) {
      if (end_of(picture) > n_cached) wanted_.insert(picture.picture->key);
    }
  }
  std::int64_t n_wanted() const { return std::ssize(wanted_); }
  std::int64_t n_encoded() const { return n_encoded_; }

  // The first one that tokens first … end - 1 need and that is not encoded; null for none.
  const Picture* next(std::int64_t first, std::int64_t end) const {
    for (const PlacedPicture& picture : placed_) {
      if (picture.first < end && end_of(picture) > first && !features_.contains(picture.picture->key)) return picture.picture.get();
    }
    return nullptr;
  }
  void keep(const Picture& picture, std::shared_ptr<const VisionFeatures> features) {
    n_encoded_ += seen_.insert(picture.key).second;
    features_[picture.key] = std::move(features);
  }
  std::shared_ptr<const VisionFeatures> features(const PlacedPicture& picture) const { return features_.at(picture.picture->key); }
  // Those whose tokens all lie before `done` go.
  void forget_before(std::int64_t done) {
    std::erase_if(features_, [&](const auto& kept) {
      return std::none_of(placed_.begin(), placed_.end(), [&](const PlacedPicture& p) { return p.picture->key == kept.first && end_of(p) > done; });
    });
  }

 private:
  static std::int64_t end_of(const PlacedPicture& picture) { return picture.first + picture.n_tokens(); }

  std::vector<PlacedPicture> placed_;
  std::set<std::uint64_t> wanted_, seen_;  // keys
  std::map<std::uint64_t, std::shared_ptr<const VisionFeatures>> features_;
  std::int64_t n_encoded_ = 0;
};

// While it lives, what the layers of mixtures choose becomes events.
class RoutingScope {
 public:
  // `n_cached`: tokens before the step's first one.
  RoutingScope(std::span<const Stage> stages, std::int64_t n_cached, Events& events) : stages_(stages) {
    for (const Stage& stage : stages) {
      stage.context->on_routing = [&stage, n_cached, &events](std::int64_t layer, Tensor ids, Tensor weights) {
        if (ids.shape[0] == 0) return;  // the last layer of a chunk that no logits are wanted of
        LayerRouting routing{.layer = layer, .first = n_cached, .n_tokens = ids.shape[0], .ids = {}, .weights = {}};
        routing.ids.resize(ids.shape.n_values());
        routing.weights.resize(ids.shape.n_values());
        stage.backend->download(routing.ids.data(), ids);
        stage.backend->download(routing.weights.data(), weights);
        events.push_back({.kind = Kind::routing, .routing = std::move(routing)});
      };
    }
  }
  ~RoutingScope() {
    for (const Stage& stage : stages_) stage.context->on_routing = {};
  }
  RoutingScope(const RoutingScope&) = delete;
  RoutingScope& operator=(const RoutingScope&) = delete;

 private:
  std::span<const Stage> stages_;
};

class LocalGeneration final : public Generation {
 public:
  explicit LocalGeneration(GenerationStart start)
      : model_(start.model),
        session_(std::move(start.session)),
        ids_(std::move(start.ids)),
        request_(std::move(start.request)),
        stop_(std::move(start.stop)),
        sampler_(request_.sampling),
        emitter_(model_.tokenizer(), std::move(start.prompt.parser), request_.stop, result_),
        stop_ids_(model_.stop_ids()),
        done_(session_->keep_prefix(ids_)),
        pictures_(start.prompt.pictures, done_) {
    stop_ids_.insert(stop_ids_.end(), request_.stop_ids.begin(), request_.stop_ids.end());
    if (request_.drafts.kind == Drafts::Kind::lookup)
      drafts_.emplace(model_.step_times(), request_.drafts.longest, request_.drafts.only_where_it_pays);
    for (const int id : ids_.values()) {
      if (id >= 0) sampler_.accept(id);  // below zero: a picture's
      if (drafts_) drafts_->push(id);
    }
    if (drafts_) drafts_->begin_answer();
    result_.n_dropped_messages = start.prompt.n_dropped_messages;
    GenerationStats& stats = result_.stats;
    stats.prompt_tokens = ids_.size();
    stats.context_length = model_.info().context_length;
    stats.reused_tokens = done_;
    session_->show(std::move(start.prompt.pictures),
                   [this](const PlacedPicture& picture) -> Result<std::shared_ptr<const VisionFeatures>> { return pictures_.features(picture); });
    session_->begin_prompt(ids_.size() - done_);
    session_.set_owner(this);
  }

  ~LocalGeneration() override { end(); }

  bool is_finished() const override { return phase_ == Phase::finished; }
  const GenerateResult& result() const override { return result_; }

  Result<Events> advance() override {
    Events events;
    if (is_finished()) return events;
    // An error or an exception ends this turn and nothing else.
    const Phase before = std::exchange(phase_, Phase::finished);
    ASSIGN_OR_RETURN(phase_, one_unit(before, events));
    if (is_finished()) end();
    return events;
  }

  void cancel() override {
    if (is_finished()) return;
    result_.finish_reason = FinishReason::cancelled;
    phase_ = Phase::finished;
    end();
  }

 private:
  enum class Phase { beginning, reading, decoding, finished };

  Result<Phase> one_unit(Phase phase, Events& events) {
    switch (phase) {
      case Phase::beginning: return begin(events);
      case Phase::reading: return read(events);
      case Phase::decoding: return decode(events);
      case Phase::finished: break;
    }
    return Phase::finished;
  }

  Phase begin(Events& events) {
    if (result_.n_dropped_messages > 0) events.push_back({.kind = Kind::dropped, .done = result_.n_dropped_messages});
    if (pictures_.n_wanted() > 0) events.push_back({.kind = Kind::image, .done = 0, .total = pictures_.n_wanted()});
    events.push_back({.kind = Kind::prefill, .done = done_, .total = ids_.size()});
    return Phase::reading;
  }

  // One picture, or one chunk of the prompt.
  Result<Phase> read(Events& events) {
    const std::int64_t n = std::min(kStepTokens, ids_.size() - done_);
    if (const Picture* picture = pictures_.next(done_, done_ + n)) {
      const StopScope stop_scope(model_.stages(), stop_);
      Result<std::shared_ptr<const VisionFeatures>> features = model_.pictures()->features(*picture, stop_);
      if (is_stopped(features)) return finish(FinishReason::cancelled, events);
      if (!features) return features.error();
      pictures_.keep(*picture, std::move(*features));
      events.push_back({.kind = Kind::image, .done = pictures_.n_encoded(), .total = pictures_.n_wanted()});
      return Phase::reading;
    }
    const bool is_last = done_ + n == ids_.size();
    const Result<void> status = process(ids_.span().subspan(done_, n), is_last ? Session::Outputs::last : Session::Outputs::none, events);
    if (is_stopped(status)) return finish(FinishReason::cancelled, events);
    RETURN_IF_ERROR(status);
    done_ += n;
    pictures_.forget_before(done_);
    events.push_back({.kind = Kind::prefill, .done = done_, .total = ids_.size()});
    if (!is_last) return Phase::reading;
    session_->begin_decoding();
    result_.stats.prefill_seconds = seconds_since(start_);
    decode_start_ = Clock::now();
    return Phase::decoding;
  }

  // Processes the last token and what may follow it, and samples: a token, and after each that was guessed right another one.
  Result<Phase> decode(Events& events) {
    GenerationStats& stats = result_.stats;
    const bool is_last = request_.max_tokens >= 0 && std::ssize(result_.ids) >= request_.max_tokens;
    if (!is_last && stop_.stop_requested()) return finish(FinishReason::cancelled, events);
    std::vector<int> drafted;
    if (pending_) {
      std::vector<int> ids{*std::exchange(pending_, std::nullopt)};
      if (!is_last) drafted = draft();
      ids.insert(ids.end(), drafted.begin(), drafted.end());
      const Result<void> status = decode_step(std::move(ids), is_last ? Session::Outputs::none : Session::Outputs::all, events);
      if (is_stopped(status)) return finish(FinishReason::cancelled, events);
      RETURN_IF_ERROR(status);
    }
    if (is_last) return finish(FinishReason::length, events);

    const std::int64_t n_guessed = std::ssize(drafted), n_right = session_->n_tokens() - n_guessed;  // in the cache
    const std::size_t row_length = logits_.size() / (1 + drafted.size());
    stats.drafted_tokens += n_guessed;
    for (std::int64_t row = 0;; ++row) {
      const int id = sample(std::span(logits_).subspan(row * row_length, row_length), events);
      const bool is_end = !request_.ignore_eos && is_stop_id(id);
      if (!is_end) {
        result_.ids.push_back(id);
        emitter_.push(id, events);
        if (drafts_) drafts_->push(id);
      }
      const bool is_right = row < n_guessed && id == drafted[row];
      stats.accepted_tokens += is_right;
      const bool is_stopped = is_end || emitter_.stopped();
      if (is_right && !is_stopped) continue;
      // the guesses from here on were wrong
      session_->take_back_to(n_right + row);
      if (is_stopped) return finish(FinishReason::stop, events);
      if (session_->n_tokens() >= model_.info().context_length) return finish(FinishReason::context_full, events);
      pending_ = id;
      return Phase::decoding;
    }
  }

  int sample(std::span<const float> logits, Events& events) {
    const int id = sampler_.sample(logits, model_.n_ids());
    sampler_.accept(id);
    if (request_.wants_logits)
      events.push_back({.kind = Kind::logits, .done = std::ssize(result_.ids), .logits = std::vector<float>(logits.begin(), logits.end())});
    if (result_.ids.empty()) result_.stats.first_token_seconds = seconds_since(start_);
    else result_.stats.decode_seconds = seconds_since(decode_start_);
    return id;
  }

  // What may follow the pending token. All of it fits where the tokens would go without drafts, so that no other conversation gives way to a
  // guess, and no more than are wanted: a step gives one more than it tries.
  std::vector<int> draft() {
    if (!drafts_) return {};
    std::int64_t most = std::min({model_.info().context_length - session_->n_tokens(), session_->n_spare_cells(), kStepTokens}) - 1;
    if (request_.max_tokens >= 0) most = std::min(most, request_.max_tokens - std::ssize(result_.ids) - 1);
    return drafts_->draft(most, [this](int id) { return id >= 0 && (request_.ignore_eos || !is_stop_id(id)); });
  }

  // At most kStepTokens of them.
  Result<void> process(TokenSpan ids, Session::Outputs outputs, Events& events) {
    if (!request_.wants_routing) return session_->process(ids, outputs, logits_, stop_);
    const std::size_t before = events.size();
    const RoutingScope scope(model_.stages(), session_->n_tokens(), events);
    if (const Result<void> status = session_->process(ids, outputs, logits_, stop_); !status) {
      events.erase(events.begin() + static_cast<std::ptrdiff_t>(before), events.end());  // a stopped step's choices may be unfinished
      return status;
    }
    for (GenerationEvent& event : std::span(events).subspan(before)) place_tokens(event.routing, ids.size());
    return {};
  }

  // Without the rows that filled the step up. Where there are fewer than tokens, it is a last layer with the last tokens alone.
  static void place_tokens(LayerRouting& routing, std::int64_t n_tokens) {
    if (routing.n_tokens < n_tokens) {
      routing.first += n_tokens - routing.n_tokens;
      return;
    }
    const std::size_t n = routing.ids.size() / static_cast<std::size_t>(routing.n_tokens) * static_cast<std::size_t>(n_tokens);
    routing.ids.resize(n);
    routing.weights.resize(n);
    routing.n_tokens = n_tokens;
  }

  Result<void> decode_step(std::vector<int> ids, Session::Outputs outputs, Events& events) {
    const std::int64_t n_rows = std::ssize(ids);
    ASSIGN_OR_RETURN(const TokenIds checked, model_.vocabulary().check(std::move(ids), "sampled token"));
    const Clock::time_point start = Clock::now();
    RETURN_IF_ERROR(process(checked, outputs, events));
    if (drafts_ && outputs == Session::Outputs::all) drafts_->took(n_rows, seconds_since(start));
    result_.stats.weight_bytes_read += model_.weight_bytes_per_token();
    return {};
  }

  bool is_stop_id(int id) const { return std::find(stop_ids_.begin(), stop_ids_.end(), id) != stop_ids_.end(); }

  template <class T>
  static bool is_stopped(const Result<T>& status) {
    return !status && status.error().code == ErrorCode::cancelled;
  }

  Phase finish(FinishReason reason, Events& events) {
    emitter_.finish(reason, events);
    result_.finish_reason = reason;
    GenerationStats& stats = result_.stats;
    stats.generated_tokens = std::ssize(result_.ids);
    stats.context_used = session_->n_tokens();
    if (stats.generated_tokens > 1 && stats.decode_seconds > 0)
      stats.tokens_per_second = static_cast<double>(stats.generated_tokens - 1) / stats.decode_seconds;
    return Phase::finished;
  }

  // Gives the session back, without this turn's pictures.
  void end() {
    if (!session_) return;
    session_->end_prompt();
    session_.give_back();
  }

  LoadedModel& model_;
  Conversations::Lent session_;
  TokenIds ids_;
  GenerateRequest request_;
  std::stop_token stop_;
  GenerateResult result_;
  Sampler sampler_;
  Emitter emitter_;
  std::vector<int> stop_ids_;
  std::int64_t done_;  // tokens of the prompt that are in the cache
  PromptPictures pictures_;
  std::vector<float> logits_;  // of the last step's rows that are sampled from
  std::optional<LookupDrafts> drafts_;
  std::optional<int> pending_;  // the last token, where it is not processed yet
  Phase phase_ = Phase::beginning;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point decode_start_;
};

class StoppedGeneration final : public Generation {
 public:
  StoppedGeneration() { result_.finish_reason = FinishReason::cancelled; }
  Result<Events> advance() override { return Events(); }
  bool is_finished() const override { return true; }
  const GenerateResult& result() const override { return result_; }
  void cancel() override {}

 private:
  GenerateResult result_;
};

}  // namespace

Result<std::unique_ptr<Generation>> begin_generation(GenerationStart start) {
  const std::int64_t n_prompt = start.ids.size(), most = start.model.info().context_length - 1;
  if (n_prompt == 0) return make_error(ErrorCode::bad_argument, "prompt: at least one token, found none");
  if (n_prompt > most) {
    Error error = make_error(ErrorCode::context_full, "prompt: at most " + std::to_string(most) + " tokens, found " + std::to_string(n_prompt));
    error.limit = static_cast<std::uint64_t>(most);
    error.asked = static_cast<std::uint64_t>(n_prompt);
    return error;
  }
  if (const std::int64_t longest = start.request.drafts.longest; longest < 1 || longest > Drafts::kLongest)
    return make_error(ErrorCode::bad_argument,
                      "drafts: 1 to " + std::to_string(Drafts::kLongest) + " tokens at a time, found " + std::to_string(longest));
  return std::unique_ptr<Generation>(std::make_unique<LocalGeneration>(std::move(start)));
}

std::unique_ptr<Generation> stopped_generation() { return std::make_unique<StoppedGeneration>(); }

}  // namespace pio
