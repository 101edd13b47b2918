#include "engine/generate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <new>
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

// Tokens that a turn gives up at least, so that others go on for a while.
constexpr std::int64_t kGivenUp = 8 * kKvBlockLength;

class LocalGeneration final : public Generation {
 public:
  explicit LocalGeneration(GenerationStart start)
      : model_(start.model),
        session_(std::move(start.session)),
        ids_(std::move(start.ids)),
        request_(std::move(start.request)),
        stop_(std::move(start.stop)),
        given_back_(start.given_back),
        given_back_before_(start.given_back_before),
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
    stats.shared_tokens = std::min(done_, session_.n_shared());
    stats.read_tokens = stats.prompt_tokens - done_;
    stats.restored_from = session_.restored().from;
    stats.restored_bytes = session_.restored().n_bytes;
    stats.restore_seconds = session_.restored().seconds;
    stats.decode_work.devices = model_.info().devices;
    session_->show(std::move(start.prompt.pictures),
                   [this](const PlacedPicture& picture) -> Result<std::shared_ptr<const VisionFeatures>> { return pictures_.features(picture); });
    session_->begin_prompt(ids_.size() - done_);
    session_.set_owner(this);
  }

  ~LocalGeneration() override { end(); }

  bool is_finished() const override { return phase_ == Phase::finished; }
  const GenerateResult& result() const override { return result_; }

  Result<Events> advance() override {
    if (is_finished()) return Events();  // its model may be gone
    Result<Events> events = advance_alone(model_.step_tokens(), true);
    if (!events) end();
    return events;
  }

  // One unit that shares its step with nobody, of at most most_prompt tokens of a prompt.
  Result<Events> advance_alone(std::int64_t most_prompt, bool may_draft) {
    ASSIGN_OR_RETURN(const bool wants_step, begin_unit(most_prompt, may_draft));
    if (wants_step) return finish_alone();
    return take_events();
  }

  // A unit in its parts, so that its step can be shared: begin_unit, and where that says true a step with `part()`, whose logits go to end_unit.
  // An error or an exception in any of them ends this turn and nothing else.
  Result<bool> begin_unit(std::int64_t most_prompt, bool may_draft) {
    unit_ = {};
    if (is_finished()) return false;
    waits_for_room_ = false;
    behind_.clear();
    unit_.phase = std::exchange(phase_, Phase::finished);
    ASSIGN_OR_RETURN(const std::optional<Phase> after, start(most_prompt, may_draft, unit_.events));
    if (!after) return true;
    set_phase(*after);
    return false;
  }
  Session::Part part() { return {.session = &*session_, .ids = unit_.ids, .output_rows = unit_.output_rows}; }
  // `logits`: of the wanted rows; n_parts: of the step.
  Result<void> end_unit(std::span<const float> logits, std::int64_t n_parts) {
    logits_.assign(logits.begin(), logits.end());
    return conclude(n_parts);
  }
  // The step was not made: the unit begins anew another time, or ends here, where it was stopped.
  void drop_unit() {
    session_->take_back_to(session_->n_tokens());
    if (stop_.stop_requested()) set_phase(finish(FinishReason::cancelled, unit_.events));
    else set_phase(unit_.phase);
  }
  void fail_unit() { end(); }
  Result<Events> finish_alone() {
    RETURN_IF_ERROR(run_unit());
    return take_events();
  }
  // Whether the unit that has begun is a picture.
  bool is_looking() const { return (unit_.phase == Phase::reading || unit_.phase == Phase::rereading) && unit_.ids.empty(); }
  Events take_events() { return std::move(unit_.events); }

  bool is_decoding() const { return phase_ == Phase::decoding; }
  // Whether its unit may be in a step with others'.
  bool shares_step() const { return !request_.wants_routing && session_->shares_steps(unit_.ids.size()); }
  // Room for its unit and for what is left of its prompt, so that a prompt that was begun can be read to its end; of one that gave room up for all
  // that it had.
  Result<void> reserve() {
    const std::int64_t n_left = phase_of_unit() == Phase::rereading ? ids_.size() + again_.size() - session_->n_tokens() : ids_.size() - done_;
    const Result<void> reserved = session_->reserve(std::max(unit_.ids.size(), n_left));
    waits_for_room_ = !reserved;
    return reserved;
  }
  bool waits_for_room() const override { return waits_for_room_ && !is_finished(); }
  // Of two turns the one with the smaller number began first.
  std::uint64_t number() const { return number_; }
  // Whether it has tokens in the cache that it could give up for others, and doing so: some of the last ones, which are read again later. It goes on
  // when one of these turns has ended.
  bool holds_room() const { return session_->n_tokens() > 0; }
  void give_up_room(std::vector<std::uint64_t> others) {
    const bool is_read = phase_ == Phase::decoding || phase_ == Phase::rereading;
    std::int64_t n = session_->n_tokens();
    n = std::max<std::int64_t>(0, n - std::max(n / 4, kGivenUp)) / kKvBlockLength * kKvBlockLength;
    // What a prompt's form gives depends on where it begins.
    if (model_.model().spec().has_two_forms && n < ids_.size()) n = 0;
    session_->give_up(n);
    if (is_read) {
      // The pending token was not in the cache.
      std::vector<int> generated(result_.ids.begin(), result_.ids.end() - 1);
      again_ = model_.vocabulary().check(std::move(generated), "generated tokens").value();
      phase_ = Phase::rereading;
    } else {
      done_ = n;
    }
    if (n < ids_.size()) session_->begin_prompt(ids_.size() - n);
    behind_ = std::move(others);
    waits_for_room_ = true;
  }
  // Whether all of those that it gave room up for are still among these.
  bool is_behind(const std::vector<std::uint64_t>& running) const {
    return !behind_.empty() && std::ranges::all_of(behind_, [&](std::uint64_t one) { return std::ranges::find(running, one) != running.end(); });
  }
  const LoadedModel& model() const { return model_; }
  const std::stop_token& stop() const { return stop_; }
  // Whether it had a part in what others and it were advanced by.
  void count_wait(bool had_part) {
    n_waited_ = had_part ? 0 : n_waited_ + 1;
    result_.stats.steps_waited_longest = std::max(result_.stats.steps_waited_longest, n_waited_);
  }

  void cancel() override {
    if (!is_finished()) result_.finish_reason = FinishReason::cancelled;
    phase_ = Phase::finished;
    end();  // after an exception it still has its session
  }

 private:
  enum class Phase {
    beginning,
    reading,
    decoding,
    rereading,  // what was in the cache, and gave way to others
    finished,
  };
  Phase phase_of_unit() const { return unit_.phase; }

  // What one call of advance does.
  struct Unit {
    Phase phase = Phase::finished;  // before it
    TokenSpan ids;                  // that go through the model
    TokenIds decoded;               // the same where they are no prompt's
    std::vector<int> output_rows;
    std::vector<int> drafted;  // behind the first of `decoded`
    Events events;
  };

  void set_phase(Phase phase) {
    phase_ = phase;
    if (is_finished()) end();
  }

  // The unit up to its step; where it needs none, all of it, and the phase behind it.
  Result<std::optional<Phase>> start(std::int64_t most_prompt, bool may_draft, Events& events) {
    switch (unit_.phase) {
      case Phase::beginning: return std::optional(begin(events));
      case Phase::reading: return start_reading(most_prompt, events);
      case Phase::decoding: return start_decoding(may_draft, events);
      case Phase::rereading: return start_rereading(most_prompt, events);
      case Phase::finished: break;
    }
    return std::optional(Phase::finished);
  }

  // The step of a unit that is alone in it.
  Result<void> run_unit() {
    const Clock::time_point start = Clock::now();
    const Result<void> status = process(unit_.ids, unit_.output_rows, unit_.events);
    if (is_stopped(status)) {
      set_phase(finish(FinishReason::cancelled, unit_.events));
      return {};
    }
    RETURN_IF_ERROR(status);
    if (drafts_ && unit_.phase == Phase::decoding && !unit_.output_rows.empty()) drafts_->took(unit_.ids.size(), seconds_since(start));
    return conclude(1);
  }

  // The unit from its step on.
  Result<void> conclude(std::int64_t n_parts) {
    if (unit_.phase == Phase::reading) {
      set_phase(end_reading(unit_.events));
      session_.stepped();
      return {};
    }
    if (unit_.phase == Phase::rereading) {
      pictures_.forget_before(session_->n_tokens());
      if (session_->n_tokens() == ids_.size()) session_->begin_decoding();
      set_phase(session_->n_tokens() < ids_.size() + again_.size() ? Phase::rereading : Phase::decoding);
      return {};
    }
    pending_.reset();
    result_.stats.weight_bytes_read += model_.weight_bytes_per_token() / static_cast<std::uint64_t>(n_parts);
    model_.add_last_step(result_.stats.decode_work, session_->n_tokens(), n_parts);
    set_phase(unit_.output_rows.empty() ? finish(FinishReason::length, unit_.events) : sample_all(unit_.events));
    if (session_) session_.stepped();
    return {};
  }

  Phase begin(Events& events) {
    if (result_.n_dropped_messages > 0) events.push_back({.kind = Kind::dropped, .done = result_.n_dropped_messages});
    if (pictures_.n_wanted() > 0) events.push_back({.kind = Kind::image, .done = 0, .total = pictures_.n_wanted()});
    events.push_back({.kind = Kind::prefill, .done = done_, .total = ids_.size()});
    return Phase::reading;
  }

  // Where the next n tokens of the prompt need a picture that is not encoded: encodes it, and the phase behind that.
  Result<std::optional<Phase>> look(std::int64_t first, std::int64_t n, Events& events) {
    const Picture* const picture = pictures_.next(first, first + n);
    if (!picture) return std::optional<Phase>();
    const StopScope stop_scope(model_.stages(), stop_);
    Result<std::shared_ptr<const VisionFeatures>> features = model_.pictures()->features(*picture, stop_);
    if (is_stopped(features)) return std::optional(finish(FinishReason::cancelled, events));
    if (!features) return features.error();
    pictures_.keep(*picture, std::move(*features));
    events.push_back({.kind = Kind::image, .done = pictures_.n_encoded(), .total = pictures_.n_wanted()});
    return std::optional(unit_.phase);
  }

  // The next tokens of what was there before, of the prompt or of the answer: in the form in which they were read.
  Result<std::optional<Phase>> start_rereading(std::int64_t most_prompt, Events& events) {
    if (stop_.stop_requested()) return std::optional(finish(FinishReason::cancelled, events));
    const std::int64_t first = session_->n_tokens();
    if (first >= ids_.size()) {
      session_->begin_decoding();
      unit_.ids = again_.span().subspan(first - ids_.size(), std::min(most_prompt, ids_.size() + again_.size() - first));
      return std::optional<Phase>();
    }
    const std::int64_t n = std::min(most_prompt, ids_.size() - first);
    ASSIGN_OR_RETURN(const std::optional<Phase> looked, look(first, n, events));
    if (looked) return looked;
    unit_.ids = ids_.span().subspan(first, n);
    return std::optional<Phase>();
  }

  // One picture, or one chunk of the prompt.
  Result<std::optional<Phase>> start_reading(std::int64_t most_prompt, Events& events) {
    if (stop_.stop_requested()) return std::optional(finish(FinishReason::cancelled, events));
    const std::int64_t n = std::min(most_prompt, ids_.size() - done_);
    ASSIGN_OR_RETURN(const std::optional<Phase> looked, look(done_, n, events));
    if (looked) return looked;
    unit_.ids = ids_.span().subspan(done_, n);
    if (done_ + n == ids_.size()) unit_.output_rows.push_back(static_cast<int>(n) - 1);
    return std::optional<Phase>();
  }

  Phase end_reading(Events& events) {
    done_ += unit_.ids.size();
    pictures_.forget_before(done_);
    events.push_back({.kind = Kind::prefill, .done = done_, .total = ids_.size()});
    if (done_ < ids_.size()) return Phase::reading;
    session_->begin_decoding();
    model_.promote_experts(stop_);
    result_.stats.prefill_seconds = seconds_since(start_);
    decode_start_ = Clock::now();
    if (ExpertSlots* const slots = model_.expert_slots()) experts_before_decoding_ = slots->counts();
    return Phase::decoding;
  }

  // The last token and what may follow it. Behind the prompt there is none: its last row is sampled from.
  Result<std::optional<Phase>> start_decoding(bool may_draft, Events& events) {
    const bool is_last = request_.max_tokens >= 0 && std::ssize(result_.ids) >= request_.max_tokens;
    if (!is_last && stop_.stop_requested()) return std::optional(finish(FinishReason::cancelled, events));
    if (!pending_) return std::optional(is_last ? finish(FinishReason::length, events) : sample_all(events));
    std::vector<int> ids{*pending_};
    if (!is_last && may_draft) unit_.drafted = draft();
    ids.insert(ids.end(), unit_.drafted.begin(), unit_.drafted.end());
    ASSIGN_OR_RETURN(unit_.decoded, model_.vocabulary().check(std::move(ids), "sampled token"));
    unit_.ids = unit_.decoded;
    for (int row = 0; !is_last && row < static_cast<int>(unit_.ids.size()); ++row) unit_.output_rows.push_back(row);
    return std::optional<Phase>();
  }

  // A token, and after each that was guessed right another one.
  Phase sample_all(Events& events) {
    GenerationStats& stats = result_.stats;
    const std::vector<int>& drafted = unit_.drafted;
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
    std::int64_t most = std::min({model_.info().context_length - session_->n_tokens(), session_->n_spare_cells(), model_.step_tokens()}) - 1;
    if (request_.max_tokens >= 0) most = std::min(most, request_.max_tokens - std::ssize(result_.ids) - 1);
    return drafts_->draft(most, [this](int id) { return id >= 0 && (request_.ignore_eos || !is_stop_id(id)); });
  }

  // At most as many as a step holds.
  Result<void> process(TokenSpan ids, std::span<const int> output_rows, Events& events) {
    if (!request_.wants_routing) return session_->process(ids, output_rows, logits_, stop_);
    const std::size_t before = events.size();
    const RoutingScope scope(model_.stages(), session_->n_tokens(), events);
    if (const Result<void> status = session_->process(ids, output_rows, logits_, stop_); !status) {
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
    if (given_back_) stats.given_back = *given_back_ - given_back_before_;
    if (const CardExperts* const on_card = model_.card_experts()) {
      stats.staged_experts = on_card->counts().n_staged - on_card_before_.n_staged;
      stats.staged_bytes = on_card->counts().staged_bytes - on_card_before_.staged_bytes;
    }
    if (ExpertSlots* const slots = model_.expert_slots()) {
      const ExpertCounts counts = slots->counts();
      stats.expert_hits = counts.hits - experts_before_.hits;
      stats.expert_misses = counts.misses - experts_before_.misses;
      stats.disk_bytes_read = counts.bytes_read - experts_before_.bytes_read;
      stats.disk_seconds = counts.reading_seconds - experts_before_.reading_seconds;
      stats.disk_waiting_seconds = counts.waiting_seconds - experts_before_.waiting_seconds;
      for (std::size_t l = 0; l < counts.layers.size(); ++l) {
        const std::int64_t hits = counts.layers[l].hits - experts_before_.layers[l].hits;
        const std::int64_t misses = counts.layers[l].misses - experts_before_.layers[l].misses;
        stats.layer_hit_rates.push_back(hits + misses > 0 ? static_cast<double>(hits) / static_cast<double>(hits + misses) : 1);
      }
      count_with_more(counts);
    }
    if (stats.generated_tokens > 1 && stats.decode_seconds > 0)
      stats.tokens_per_second = static_cast<double>(stats.generated_tokens - 1) / stats.decode_seconds;
    return Phase::finished;
  }

  void count_with_more(const ExpertCounts& counts) {
    GenerationStats& stats = result_.stats;
    const std::int64_t hits = counts.hits_with_more - experts_before_.hits_with_more,
                       misses = counts.misses_with_more - experts_before_.misses_with_more;
    if (hits + misses <= 0) return;
    stats.more_hit_rate = static_cast<double>(hits) / static_cast<double>(hits + misses);
    // While it decodes the waiting shrinks with the misses.
    const std::int64_t is = counts.misses - experts_before_decoding_.misses,
                       would_be = counts.misses_with_more - experts_before_decoding_.misses_with_more;
    const double left = is > 0 ? std::min(1.0, static_cast<double>(would_be) / static_cast<double>(is)) : 1;
    const double seconds = stats.decode_seconds - (counts.waiting_seconds - experts_before_decoding_.waiting_seconds) * (1 - left);
    if (stats.generated_tokens > 1 && seconds > 0) stats.more_tokens_per_second = static_cast<double>(stats.generated_tokens - 1) / seconds;
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
  const GivenBack* given_back_;
  GivenBack given_back_before_;
  GenerateResult result_;
  Sampler sampler_;
  Emitter emitter_;
  std::vector<int> stop_ids_;
  std::int64_t done_;  // tokens of the prompt that are in the cache
  PromptPictures pictures_;
  std::vector<float> logits_;  // of the last step's rows that are sampled from
  std::optional<LookupDrafts> drafts_;
  std::optional<int> pending_;  // the last token, where it is not processed yet
  Unit unit_;
  std::int64_t n_waited_ = 0;  // calls that advanced others and not this
  TokenIds again_;             // generated tokens that are read again
  bool waits_for_room_ = false;
  std::vector<std::uint64_t> behind_;                       // turns that it gave room up for
  static inline std::atomic<std::uint64_t> n_numbers_ = 0;  // of all engines
  const std::uint64_t number_ = ++n_numbers_;
  Phase phase_ = Phase::beginning;
  const ExpertCounts experts_before_ = model_.expert_slots() ? model_.expert_slots()->counts() : ExpertCounts();
  ExpertCounts experts_before_decoding_ = experts_before_;
  const CardExperts::Counts on_card_before_ = model_.card_experts() ? model_.card_experts()->counts() : CardExperts::Counts();
  const Clock::time_point start_ = Clock::now();
  Clock::time_point decode_start_;
};

// A unit of each of several turns: their steps are shared as far as they can be.
class Together {
 public:
  explicit Together(std::span<Generation* const> generations) {
    for (Generation* generation : generations) members_.push_back({.generation = generation, .turn = dynamic_cast<LocalGeneration*>(generation)});
  }

  std::vector<Result<Events>> run() {
    const auto n_running = std::count_if(members_.begin(), members_.end(), [](const Member& m) { return !m.generation->is_finished(); });
    std::vector<Member*> running;
    for (Member& member : members_) {
      if (n_running > 1 && member.turn && !member.turn->is_finished()) running.push_back(&member);
      else alone(member, [&] { return member.generation->advance(); });  // where it drafts
    }
    if (!running.empty()) share(running);
    std::vector<Result<Events>> results;
    for (Member& member : members_) {
      if (member.error) results.emplace_back(std::move(*member.error));
      else results.emplace_back(std::move(member.events));
    }
    return results;
  }

 private:
  struct Member {
    Generation* generation = nullptr;
    LocalGeneration* turn = nullptr;  // the same, where it is one of a model here
    Events events = {};
    std::optional<Error> error = {};
    bool had_part = false;
  };

  // Who answers comes first. What the step then has room for are tokens of prompts, in the order of the turns: no answer waits for more than that.
  void share(const std::vector<Member*>& running) {
    std::vector<std::uint64_t> numbers;
    for (const Member* member : running) numbers.push_back(member->turn->number());
    std::vector<Member*> readers;
    for (Member* member : running) {
      if (member->turn->is_behind(numbers) && !member->turn->stop().stop_requested()) continue;
      if (member->turn->is_decoding()) begin(*member);
      else readers.push_back(member);
    }
    for (Member* member : readers) {
      if (member == readers.front() || prompt_left_ > 0 || member->turn->stop().stop_requested()) begin(*member);
    }
    flush();
    const bool any = std::any_of(running.begin(), running.end(), [](const Member* member) { return member->had_part || member->error; });
    const auto oldest = std::ranges::min_element(waiting_, {}, [](const auto& one) { return one.first->turn->number(); });
    Member* const stuck = any || oldest == waiting_.end() ? nullptr : oldest->first;
    const std::optional<Error> error_of_stuck = stuck ? std::optional(oldest->second) : std::nullopt;
    for (const auto& [member, error] : waiting_) {
      member->turn->drop_unit();
      member->events = member->turn->take_events();
    }
    if (stuck && !stuck->turn->is_finished()) make_room(*stuck, *error_of_stuck, running, numbers);
    for (Member* member : running) member->turn->count_wait(member->had_part);
  }

  // Who finds no room waits until another one has ended. Where nobody can go on, the first one that began is stuck, and the last one gives some of its
  // room up and waits. Where no other one has any, there is not enough for this one.
  void make_room(Member& stuck, const Error& error, const std::vector<Member*>& running, const std::vector<std::uint64_t>& numbers) {
    Member* last = nullptr;
    for (Member* member : running) {
      const bool is_later = !last || member->turn->number() > last->turn->number();
      if (member != &stuck && !member->turn->is_finished() && member->turn->holds_room() && is_later) last = member;
    }
    if (!last) {
      stuck.error = error;
      stuck.turn->fail_unit();
      return;
    }
    std::vector<std::uint64_t> others = numbers;
    std::erase(others, last->turn->number());
    guarded(*last, [&]() -> Result<void> {
      last->turn->give_up_room(std::move(others));
      return {};
    });
  }

  void begin(Member& member) {
    LocalGeneration& turn = *member.turn;
    const bool is_decoding = turn.is_decoding();
    // Of a step all are of one model.
    if (!group_.empty() && &group_.front()->turn->model() != &turn.model()) flush();
    guarded(member, [&]() -> Result<void> {
      ASSIGN_OR_RETURN(const bool wants_step, turn.begin_unit(std::max<std::int64_t>(prompt_left_, 1), false));
      if (!wants_step) {
        if (turn.is_looking()) prompt_left_ = 0;
        done(member);
        return {};
      }
      if (const Result<void> reserved = turn.reserve(); !reserved) {
        if (reserved.error().code != ErrorCode::context_full) return reserved.error();
        waiting_.emplace_back(&member, reserved.error());
        return {};
      }
      const std::int64_t n_tokens = turn.part().ids.size();
      prompt_left_ -= n_tokens;
      if (!turn.shares_step()) {
        ASSIGN_OR_RETURN(member.events, turn.finish_alone());
        member.had_part = true;
        if (!is_decoding) prompt_left_ = 0;
        return {};
      }
      const bool is_full = std::ssize(group_) == turn.model().most_sequences() || n_rows_ + n_tokens > turn.model().step_tokens();
      if (is_full) flush();
      group_.push_back(&member);
      n_rows_ += n_tokens;
      return {};
    });
  }

  // The step of those that are collected.
  void flush() {
    const std::vector<Member*> group = std::exchange(group_, {});
    n_rows_ = 0;
    if (!group.empty()) step(group);
  }

  void step(std::span<Member* const> group) {
    std::vector<float> logits;
    const Result<void> status = process(group, logits);
    if (!status && status.error().code == ErrorCode::cancelled) {
      for (Member* member : group) {  // those that nobody stopped do it again
        guarded(*member, [&]() -> Result<void> {
          member->turn->drop_unit();
          done(*member);
          return {};
        });
      }
      return;
    }
    if (!status && group.size() > 1) {  // alone it shows whose error it is
      for (std::size_t i = 0; i < group.size(); ++i) step(group.subspan(i, 1));
      return;
    }
    std::size_t at = 0;
    const std::size_t n_rows = n_outputs(group), row_length = n_rows == 0 ? 0 : logits.size() / n_rows;
    for (Member* member : group) {
      guarded(*member, [&]() -> Result<void> {
        RETURN_IF_ERROR(status);
        const std::size_t n = member->turn->part().output_rows.size() * row_length;
        RETURN_IF_ERROR(member->turn->end_unit(std::span(logits).subspan(std::exchange(at, at + n), n), std::ssize(group)));
        done(*member);
        return {};
      });
    }
  }

  static std::size_t n_outputs(std::span<Member* const> group) {
    std::size_t n = 0;
    for (const Member* member : group) n += member->turn->part().output_rows.size();
    return n;
  }

  // A stop of any of them ends the step.
  static Result<void> process(std::span<Member* const> group, std::vector<float>& logits) {
    try {
      std::stop_source stop;
      const auto pull = [&stop] { stop.request_stop(); };
      std::list<std::stop_callback<std::function<void()>>> callbacks;
      std::vector<Session::Part> parts;
      for (Member* member : group) {
        parts.push_back(member->turn->part());
        callbacks.emplace_back(member->turn->stop(), pull);
      }
      return Session::process_together(parts, logits, stop.get_token());
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
  }

  static Error no_memory() { return make_error(ErrorCode::out_of_memory, "memory: enough for this answer, found too little"); }

  static void done(Member& member) {
    member.events = member.turn->take_events();
    member.had_part = true;
  }

  template <class F>
  static void alone(Member& member, F advance) {
    try {
      Result<Events> events = advance();
      if (events) member.events = std::move(*events);
      else member.error = events.error();
    } catch (const std::bad_alloc&) {
      member.error = no_memory();
    }
  }

  // Whatever fails in `act` ends this member's turn.
  template <class F>
  static void guarded(Member& member, F act) {
    try {
      if (const Result<void> status = act(); !status) member.error = status.error();
    } catch (const std::bad_alloc&) {
      member.error = no_memory();
    }
    if (member.error) member.turn->fail_unit();
  }

  std::vector<Member> members_;
  std::vector<Member*> group_;  // of the step that is being collected
  std::int64_t n_rows_ = 0;
  std::int64_t prompt_left_ = kStepTokens;  // tokens of prompts that may still be read in this call
  std::vector<std::pair<Member*, Error>> waiting_;
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

std::vector<Result<Events>> advance_together(std::span<Generation* const> generations) { return Together(generations).run(); }

std::unique_ptr<Generation> stopped_generation() { return std::make_unique<StoppedGeneration>(); }

}  // namespace pio
