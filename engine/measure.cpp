#include "engine/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "engine/draft/lookup_drafts.h"
#include "engine/experts/trace_player.h"
#include "engine/plan/probe.h"
#include "engine/process_counters.h"
#include "engine/scores.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

// Ids without meaning, the same in every run (a linear congruential generator, Knuth's MMIX constants).
class RandomIds {
 public:
  explicit RandomIds(int n_ids) : n_ids_(n_ids) {}
  std::vector<int> next(std::int64_t n) {
    std::vector<int> ids(n);
    for (int& id : ids) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      id = static_cast<int>((state_ >> 33) % static_cast<unsigned>(n_ids_));
    }
    return ids;
  }

 private:
  int n_ids_;
  std::uint64_t state_ = 1;
};

Result<void> prefill(Session& session, TokenSpan ids, std::vector<float>& logits, std::stop_token stop) {
  session.begin_prompt(ids.size());
  RETURN_IF_ERROR(session.process(ids, Session::Outputs::last, logits, stop));
  session.begin_decoding();
  return {};
}

// Bytes a second at which the placed weights are read plainly by the threads that compute. None: nothing is placed, or the device
// does not read so.
std::optional<double> read_rate(LoadedModel& model) {
  std::uint64_t n_bytes = 0;
  const Clock::time_point start = Clock::now();
  for (const auto& [backend, arena] : model.weight_arenas()) {
    if (!backend->read_all(*arena)) return {};
    n_bytes += arena->n_bytes();
  }
  if (n_bytes == 0) return {};
  return static_cast<double>(n_bytes) / std::chrono::duration<double>(Clock::now() - start).count();
}

// A conversation's next n_decode tokens, drafted where that is asked for. `result` takes what it measured; null: nothing.
Result<void> decode_one(LoadedModel& model, Session& session, const BenchRequest& request, const TokenIds& depth, RandomIds& random,
                        std::vector<float>& logits, const std::stop_token& stop, BenchResult* result) {
  const std::int64_t n_decode = request.n_decode;
  ASSIGN_OR_RETURN(const TokenIds ids, model.vocabulary().check(random.next(n_decode), "random tokens"));
  std::optional<LookupDrafts> lookup;
  if (request.drafts.kind == Drafts::Kind::lookup) {
    lookup.emplace(model.step_times(), request.drafts.longest, request.drafts.only_where_it_pays);
    for (const int id : depth.values()) lookup->push(id);
    lookup->begin_answer();
  }
  Clock::time_point last = Clock::now();
  for (std::int64_t i = 0; i < n_decode;) {
    std::vector<int> step{ids[i]};
    if (lookup) {
      lookup->push(ids[i]);
      const std::vector<int> drafted = lookup->draft(std::min(n_decode - i, session.n_spare_cells()) - 1, [](int id) { return id >= 0; });
      step.insert(step.end(), drafted.begin(), drafted.end());
    }
    const std::int64_t n_rows = std::ssize(step), before_step = session.n_tokens();
    std::int64_t n_right = 1;
    for (; n_right < n_rows && step[n_right] == ids[i + n_right]; ++n_right) lookup->push(ids[i + n_right]);
    ASSIGN_OR_RETURN(const TokenIds checked, model.vocabulary().check(std::move(step), "random tokens"));
    RETURN_IF_ERROR(session.process(checked, Session::Outputs::all, logits, stop));
    session.take_back_to(before_step + n_right);
    i += n_right;
    const Clock::time_point now = Clock::now();
    const double step_seconds = std::chrono::duration<double>(now - last).count();
    last = now;
    if (lookup) lookup->took(n_rows, step_seconds);
    if (!result) continue;
    model.add_last_step(result->decode_work, before_step + n_right, 1);
    result->token_seconds.insert(result->token_seconds.end(), n_right, step_seconds / static_cast<double>(n_right));
    result->drafted_tokens += n_rows - 1;
    result->accepted_tokens += n_right - 1;
  }
  return {};
}

// Of several conversations, a token each in a step.
Result<void> decode_several(LoadedModel& model, std::span<Session> sessions, std::int64_t n_decode, RandomIds& random, std::vector<float>& logits,
                            const std::stop_token& stop, BenchResult* result) {
  const auto n_sequences = static_cast<std::int64_t>(sessions.size());
  ASSIGN_OR_RETURN(const TokenIds ids, model.vocabulary().check(random.next(n_decode * n_sequences), "random tokens"));
  const int output_rows[] = {0};
  std::vector<Session::Part> parts;
  for (Session& session : sessions) parts.push_back({.session = &session, .ids = {}, .output_rows = output_rows});
  for (std::int64_t i = 0; i < n_decode; ++i) {
    const Clock::time_point start = Clock::now();
    for (std::int64_t k = 0; k < n_sequences; ++k) parts[k].ids = ids.span().subspan(i * n_sequences + k, 1);
    logits.clear();
    RETURN_IF_ERROR(Session::process_together(parts, logits, stop));
    const double step_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (!result) continue;
    model.add_last_step(result->decode_work, sessions.front().n_tokens(), n_sequences);
    result->token_seconds.insert(result->token_seconds.end(), n_sequences, step_seconds);
  }
  return {};
}

}  // namespace

Result<PerplexityResult> measure_perplexity(LoadedModel& model, Session& session, TokenSpan ids, std::int64_t context, std::int64_t n_windows,
                                            const std::function<void(std::int64_t, double)>& progress, std::stop_token stop) {
  PerplexityResult result;
  result.n_tokens = static_cast<std::int64_t>(ids.size());
  ASSIGN_OR_RETURN(const std::int64_t n_full, count_windows(ids.size(), context));  // what is left at the end is not scored
  if (n_windows <= 0 || n_windows > n_full) n_windows = n_full;

  // As llama.cpp: of a window of n tokens those at n/2 … n - 2 predict their successor, n - 1 - n/2 scores.
  const std::int64_t first = context / 2;
  const std::int64_t vocab_size = model.model().spec().vocab_size;
  std::vector<float> logits;
  double sum = 0;
  std::int64_t n_scored = 0;
  for (std::int64_t window = 0; window < n_windows; ++window) {
    const TokenSpan tokens = ids.subspan(window * context, context);
    session.clear();
    session.begin_prompt(context);
    for (std::int64_t at = 0; at < context; at += kStepTokens) {
      const std::int64_t n = std::min(kStepTokens, context - at);
      std::vector<int> rows;
      for (std::int64_t i = std::max(first, at); i < std::min(context - 1, at + n); ++i) rows.push_back(static_cast<int>(i - at));
      RETURN_IF_ERROR(session.process(tokens.subspan(at, n), rows, logits, stop));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        sum += surprise(std::span(logits).subspan(i * vocab_size, vocab_size), tokens[at + rows[i] + 1]);
        ++n_scored;
      }
    }
    result.running.push_back(std::exp(sum / static_cast<double>(n_scored)));
    if (progress) progress(window + 1, result.running.back());
  }
  result.perplexity = result.running.back();
  return result;
}

namespace {

// Measures the reading of experts, where there is any.
class OffloadMeter {
 public:
  explicit OffloadMeter(ExpertSlots* slots) : slots_(slots) {
    if (slots_) slots_->count_with_more(std::uint64_t{1} << 30);
  }
  void begin() {
    if (slots_) slots_->reset_counts();
  }
  void probe() {
    if (!slots_) return;
    if (const std::optional<double> rate = slots_->measure_disk()) disk_rates_.push_back(*rate);
  }
  void begin_decoding() {
    if (slots_) before_decoding_ = slots_->counts();
  }
  void end_decoding(std::int64_t n_tokens, double seconds) {
    if (!slots_) return;
    const ExpertCounts counts = slots_->counts();
    decode_bytes_ += static_cast<double>(counts.bytes_read - before_decoding_.bytes_read);
    decode_waiting_ += counts.waiting_seconds - before_decoding_.waiting_seconds;
    decode_misses_ += counts.misses - before_decoding_.misses;
    decode_hits_ += counts.hits - before_decoding_.hits;
    decode_misses_with_more_ += counts.misses_with_more - before_decoding_.misses_with_more;
    decode_seconds_ += seconds;
    n_decoded_ += n_tokens;
  }
  std::optional<OffloadMeasures> measures() const {
    if (!slots_) return {};
    const ExpertCounts counts = slots_->counts();
    OffloadMeasures all{.n_slots = slots_->n_slots(),
                        .io = slots_->io(),
                        .hits = counts.hits,
                        .misses = counts.misses,
                        .read_ahead = counts.read_ahead,
                        .wasted = counts.wasted,
                        .layer_hit_rates = {},
                        .bytes_read = counts.bytes_read};
    double n_experts = 0, bytes = 0;
    for (const ExpertKind& kind : slots_->kinds()) {
      n_experts += static_cast<double>(kind.n_in_all());
      bytes += static_cast<double>(kind.n_in_all()) * static_cast<double>(kind.file_bytes);
    }
    all.expert_bytes = static_cast<std::uint64_t>(bytes / n_experts);
    for (const ExpertCache::Counts& layer : counts.layers)
      all.layer_hit_rates.push_back(static_cast<double>(layer.hits) / static_cast<double>(std::max<std::int64_t>(1, layer.hits + layer.misses)));
    if (decode_hits_ + decode_misses_ > 0)
      all.decode_hit_rate = static_cast<double>(decode_hits_) / static_cast<double>(decode_hits_ + decode_misses_);
    if (n_decoded_ > 0) all.decode_bytes_per_token = decode_bytes_ / static_cast<double>(n_decoded_);
    if (counts.reading_seconds > 0) all.read_bytes_per_second = static_cast<double>(counts.bytes_read) / counts.reading_seconds;
    for (const double rate : disk_rates_) all.disk_bytes_per_second += rate / static_cast<double>(disk_rates_.size());
    all.waiting_seconds = counts.waiting_seconds;
    all.more_hit_rate =
        static_cast<double>(counts.hits_with_more) / static_cast<double>(std::max<std::int64_t>(1, counts.hits_with_more + counts.misses_with_more));
    // The waiting shrinks with the misses.
    const double misses_left = decode_misses_ > 0 ? static_cast<double>(decode_misses_with_more_) / static_cast<double>(decode_misses_) : 1;
    const double seconds = decode_seconds_ - decode_waiting_ * (1 - std::min(1.0, misses_left));
    if (seconds > 0) all.more_tokens_per_second = static_cast<double>(n_decoded_) / seconds;
    return all;
  }

 private:
  ExpertSlots* const slots_;
  ExpertCounts before_decoding_;
  std::vector<double> disk_rates_;
  double decode_bytes_ = 0, decode_waiting_ = 0, decode_seconds_ = 0;
  std::int64_t decode_hits_ = 0, decode_misses_ = 0, decode_misses_with_more_ = 0, n_decoded_ = 0;
};

void end_counting(BenchResult& result, const ProcessCounters& before) {
  const ProcessCounters after = ProcessCounters::now();
  result.run_queue_seconds = after.run_queue_seconds - before.run_queue_seconds;
  result.steal_seconds = after.steal_seconds - before.steal_seconds;
  result.n_major_faults = after.n_major_faults - before.n_major_faults;
  result.peak_bytes = peak_resident_bytes();
  result.peak_anonymous_bytes = std::max(result.peak_anonymous_bytes, anonymous_bytes());
}

// While it lives, mixtures choose what a trace says instead of what their routers do.
class PlayedRouting {
 public:
  PlayedRouting(LoadedModel& model, const RoutingTrace& trace) : model_(model) {
    std::int64_t n_mixtures = 0;
    for (std::int64_t l = 0; l < model.model().spec().n_layers; ++l) {
      const std::int64_t n_experts = model.model().mixture(l).n_experts;
      numbers_.push_back(n_experts > 0 ? n_mixtures++ : -1);
      if (n_experts > 0) n_experts_ = n_experts;
    }
    for (const Stage& stage : model.stages()) {
      stage.context->on_routing = [this, &stage, &trace](std::int64_t layer, Tensor ids, Tensor) {
        if (!player_) player_.emplace(trace, n_experts_, ids.shape[1]);
        std::vector<std::int32_t> chosen;
        // a last layer may have the step's last tokens alone
        const std::int64_t n = std::min(ids.shape[0], n_tokens_);
        for (std::int64_t row = 0; row < ids.shape[0]; ++row) {
          const std::int64_t token = first_ + n_tokens_ - n + std::min(row, n - 1);
          const std::span<const std::int32_t> one = player_->ids(token, numbers_[static_cast<std::size_t>(layer)]);
          chosen.insert(chosen.end(), one.begin(), one.end());
        }
        if (!chosen.empty()) stage.backend->upload(ids, chosen.data());
      };
    }
    if (ExpertSlots* const slots = model.expert_slots()) slots->set_hints(false);
  }
  ~PlayedRouting() {
    for (const Stage& stage : model_.stages()) stage.context->on_routing = {};
    if (ExpertSlots* const slots = model_.expert_slots()) slots->set_hints(true);
  }
  PlayedRouting(const PlayedRouting&) = delete;
  PlayedRouting& operator=(const PlayedRouting&) = delete;
  // The tokens of the trace that the next step reads.
  void set_tokens(std::int64_t first, std::int64_t n) { first_ = first, n_tokens_ = n; }
  bool has_experts() const { return n_experts_ > 0; }

 private:
  LoadedModel& model_;
  std::optional<TracePlayer> player_;  // made for the first choice, which says how many there are
  std::vector<std::int64_t> numbers_;  // of each layer's mixture
  std::int64_t n_experts_ = 0;
  std::int64_t first_ = 0, n_tokens_ = 0;
};

}  // namespace

Result<BenchResult> play_trace(LoadedModel& model, Session& session, const RoutingTrace& trace, std::stop_token stop) {
  PlayedRouting routing(model, trace);
  if (!routing.has_experts())
    return make_error(ErrorCode::bad_argument, model.info().name + ": expected a mixture of experts for a trace, found a model without");
  BenchResult result;
  const ProcessCounters before = ProcessCounters::now();
  const TracePlayer player(trace, 1, 1);
  OffloadMeter offload(model.expert_slots());
  offload.begin();
  RandomIds random(model.n_ids());
  ASSIGN_OR_RETURN(const TokenIds ids, model.vocabulary().check(random.next(player.n_tokens()), "random tokens"));
  std::vector<float> logits;
  double prefill_seconds = 0, decode_seconds = 0;
  std::int64_t n_read = 0, n_decoded = 0;
  for (std::int64_t at = 0, n = 0; at < player.n_tokens(); at += n) {
    const bool decodes = player.is_decode(at);
    for (n = 1; !decodes && n < kStepTokens && at + n < player.n_tokens() && !player.is_decode(at + n);) ++n;
    if (decodes) session.begin_decoding(), offload.begin_decoding();
    else session.begin_prompt(n);
    routing.set_tokens(at, n);
    const Clock::time_point start = Clock::now();
    RETURN_IF_ERROR(session.process(ids.span().subspan(at, n), Session::Outputs::last, logits, stop));
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    (decodes ? decode_seconds : prefill_seconds) += seconds;
    (decodes ? n_decoded : n_read) += n;
    if (!decodes) continue;
    model.add_last_step(result.decode_work, session.n_tokens(), 1);
    result.token_seconds.push_back(seconds);
    offload.end_decoding(1, seconds);
  }
  if (n_read > 0) result.prefill_tokens_per_second.push_back(static_cast<double>(n_read) / prefill_seconds);
  if (n_decoded > 0) result.decode_tokens_per_second.push_back(static_cast<double>(n_decoded) / decode_seconds);
  result.bytes_per_token = model.weight_bytes_per_token() + model.state_bytes_per_token() * static_cast<std::uint64_t>(n_read + n_decoded / 2);
  result.offload = offload.measures();
  end_counting(result, before);
  return result;
}

Result<BenchResult> measure_speed(LoadedModel& model, std::span<Session> sessions, const BenchRequest& request, std::stop_token stop) {
  BenchResult result;
  const ProcessCounters before = ProcessCounters::now();
  const auto probe_before = [&](std::vector<BenchResult::ReadRates>& reads) {
    if (const std::optional<double> rate = read_rate(model)) reads.push_back({.before = *rate});
    result.peak_anonymous_bytes = std::max(result.peak_anonymous_bytes, anonymous_bytes());
  };
  const auto probe_after = [&](std::vector<BenchResult::ReadRates>& reads) {
    if (reads.empty()) return;  // nothing is placed
    if (const std::optional<double> rate = read_rate(model)) reads.back().after = *rate;
  };
  OffloadMeter offload(model.expert_slots());
  RandomIds random(model.n_ids());
  const auto random_ids = [&](std::int64_t n) { return model.vocabulary().check(random.next(n), "random tokens"); };
  ASSIGN_OR_RETURN(const TokenIds depth, random_ids(request.n_depth));
  std::vector<float> logits;
  const auto to_depth = [&](Session& session) -> Result<void> {
    if (session.keep_prefix(depth) < request.n_depth) return prefill(session, depth.span().subspan(session.n_tokens()), logits, stop);
    return {};
  };
  // What a decoded token reads: the weights, and the keys and values of the tokens before it, on average.
  result.bytes_per_token =
      model.weight_bytes_per_token() + model.state_bytes_per_token() * static_cast<std::uint64_t>(request.n_depth + request.n_decode / 2);

  for (int repetition = -1; repetition < request.n_repetitions; ++repetition) {  // -1 warms up
    const bool counts = repetition >= 0;
    if (repetition == 0) offload.begin();
    if (request.n_prompt > 0) {
      RETURN_IF_ERROR(to_depth(sessions.front()));
      ASSIGN_OR_RETURN(const TokenIds ids, random_ids(request.n_prompt));
      if (counts) probe_before(result.prefill_reads);
      const Clock::time_point start = Clock::now();
      RETURN_IF_ERROR(prefill(sessions.front(), ids, logits, stop));
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (counts) result.prefill_tokens_per_second.push_back(static_cast<double>(request.n_prompt) / seconds);
      if (counts) probe_after(result.prefill_reads);
    }
    if (request.n_decode > 0) {
      for (Session& session : sessions) RETURN_IF_ERROR(to_depth(session));
      if (counts) probe_before(result.decode_reads);
      if (counts) offload.probe();
      offload.begin_decoding();
      const Clock::time_point start = Clock::now();
      if (sessions.size() > 1) {
        RETURN_IF_ERROR(decode_several(model, sessions, request.n_decode, random, logits, stop, counts ? &result : nullptr));
      } else {
        RETURN_IF_ERROR(decode_one(model, sessions.front(), request, depth, random, logits, stop, counts ? &result : nullptr));
      }
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      const double n_tokens = static_cast<double>(request.n_decode) * static_cast<double>(sessions.size());
      if (counts) result.decode_tokens_per_second.push_back(n_tokens / seconds);
      if (counts) offload.end_decoding(static_cast<std::int64_t>(n_tokens), seconds);
      if (counts) probe_after(result.decode_reads);
    }
  }
  result.offload = offload.measures();
  end_counting(result, before);
  return result;
}

}  // namespace pio
