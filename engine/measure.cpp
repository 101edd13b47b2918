#include "engine/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

// ln of the sum of exp over the logits, in double.
double log_total(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - highest);
  return std::log(sum) + highest;
}

// -ln softmax(logits)[id], in double.
double surprise(std::span<const float> logits, int id) { return log_total(logits) - logits[id]; }

// Nats of softmax(other) from softmax(logits): Kullback & Leibler 1951.
double divergence(std::span<const float> logits, std::span<const float> other) {
  const double total = log_total(logits), other_total = log_total(other);
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double log_p = logits[i] - total;
    sum += std::exp(log_p) * (log_p - (other[i] - other_total));
  }
  return std::max(sum, 0.0);  // rounding may leave -1e-16 of nothing
}

// Of sorted values; between two ranks linear, as numpy.percentile.
double percentile(std::span<const double> sorted, double share) {
  const double rank = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (rank - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// A model loaded in two ways.
struct TwoWays {
  std::unique_ptr<LoadedModel> base, other;  // other: null where one load does for both
  KvSelection base_selection, other_selection;
  LoadedModel& other_model() const { return other ? *other : *base; }
};

Result<TwoWays> load_both(const DivergenceRequest& request, std::stop_token stop) {
  constexpr std::int64_t kLongestWindow = 1 << 30;
  if (request.window < 1 || request.window > kLongestWindow)
    return make_error(ErrorCode::bad_argument, "window: 1 to " + std::to_string(kLongestWindow) + " tokens, found " + std::to_string(request.window));
  TwoWays ways;
  ASSIGN_OR_RETURN(ways.base_selection, selection_of(request.base.attention));
  ASSIGN_OR_RETURN(ways.other_selection, selection_of(request.other.attention));
  LoadRequest base = request.base, other = request.other;
  base.context_length = other.context_length = request.window;
  LoadRequest base_with_others_attention = base;
  base_with_others_attention.attention = other.attention;
  if (base_with_others_attention == other) {
    // Attention by pages needs bounds in the cache, which the other kinds leave alone.
    LoadRequest& both = ways.base_selection.kind == KvSelection::Kind::pages ? base : other;
    both.context_length = 2 * ((request.window + kKvBlockLength - 1) / kKvBlockLength) * kKvBlockLength;
    ASSIGN_OR_RETURN(ways.base, LoadedModel::load(both, {}, stop));
    return ways;
  }
  ASSIGN_OR_RETURN(ways.base, LoadedModel::load(base, {}, stop));
  ASSIGN_OR_RETURN(ways.other, LoadedModel::load(other, {}, stop));
  return ways;
}

// Windows of `context` tokens that `ids` holds; fails where there is none to score.
Result<std::int64_t> count_windows(std::span<const int> ids, std::int64_t context) {
  if (context < 4 || std::ssize(ids) < context) {
    return make_error(ErrorCode::bad_argument, "text: at least one window of " + std::to_string(std::max<std::int64_t>(context, 4)) +
                                                   " tokens, found " + std::to_string(ids.size()));
  }
  return std::ssize(ids) / context;
}

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

Result<void> prefill(Session& session, std::span<const int> ids, std::vector<float>& logits, std::stop_token stop) {
  for (std::size_t at = 0; at < ids.size(); at += kPrefillTokens) {
    const std::size_t n = std::min<std::size_t>(kPrefillTokens, ids.size() - at);
    const bool last = at + n == ids.size();
    RETURN_IF_ERROR(session.process(ids.subspan(at, n), last ? Session::Outputs::last : Session::Outputs::none, logits, stop));
  }
  return {};
}

}  // namespace

Result<PerplexityResult> measure_perplexity(LoadedModel& model, Session& session, std::span<const int> ids, std::int64_t context,
                                            std::int64_t n_windows, const std::function<void(std::int64_t, double)>& progress,
                                            std::stop_token stop) {
  PerplexityResult result;
  result.n_tokens = static_cast<std::int64_t>(ids.size());
  ASSIGN_OR_RETURN(const std::int64_t n_full, count_windows(ids, context));  // what is left at the end is not scored
  if (n_windows <= 0 || n_windows > n_full) n_windows = n_full;

  // As llama.cpp: of a window of n tokens those at n/2 … n - 2 predict their successor, n - 1 - n/2 scores.
  const std::int64_t first = context / 2;
  const std::int64_t vocab_size = model.model().spec().vocab_size;
  std::vector<float> logits;
  double sum = 0;
  std::int64_t n_scored = 0;
  for (std::int64_t window = 0; window < n_windows; ++window) {
    const std::span<const int> tokens = ids.subspan(window * context, context);
    session.clear();
    for (std::int64_t at = 0; at < context; at += kPrefillTokens) {
      const std::int64_t n = std::min(kPrefillTokens, context - at);
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

Result<DivergenceResult> measure_divergence(const DivergenceRequest& request, const std::function<void(std::int64_t, std::int64_t)>& progress,
                                            std::stop_token stop) {
  ASSIGN_OR_RETURN(const TwoWays ways, load_both(request, stop));
  const Tokenizer* tokenizer = ways.base->tokenizer();
  if (!tokenizer) return make_error(ErrorCode::unsupported_model, ways.base->info().path + ": a tokenizer, found none");
  const std::vector<int> ids = tokenizer->encode(request.text, SpecialTokens::none);
  const std::int64_t window = request.window;
  ASSIGN_OR_RETURN(std::int64_t n_windows, count_windows(ids, window));
  if (request.n_windows > 0) n_windows = std::min(n_windows, request.n_windows);

  Session base(*ways.base), other(ways.other_model());
  base.set_selection(ways.base_selection);
  other.set_selection(ways.other_selection);
  constexpr std::int64_t kAtOnce = 64;  // logits of 151,936 ids, twice: 78 MB
  const std::int64_t vocab_size = ways.base->model().spec().vocab_size;
  DivergenceResult result;
  std::vector<float> base_logits, other_logits;
  std::vector<double> kl;
  double base_surprise = 0, other_surprise = 0;
  std::int64_t n_predicted = 0, n_same = 0;
  for (std::int64_t done = 0; done < n_windows; ++done) {
    const std::span<const int> tokens = std::span(ids).subspan(done * window, window);
    base.clear();
    other.clear();
    for (std::int64_t at = 0; at < window; at += kAtOnce) {
      const std::int64_t n = std::min(kAtOnce, window - at);
      RETURN_IF_ERROR(base.process(tokens.subspan(at, n), Session::Outputs::all, base_logits, stop));
      RETURN_IF_ERROR(other.process(tokens.subspan(at, n), Session::Outputs::all, other_logits, stop));
      for (std::int64_t i = 0; i < n; ++i) {
        const auto a = std::span(base_logits).subspan(i * vocab_size, vocab_size), b = std::span(other_logits).subspan(i * vocab_size, vocab_size);
        kl.push_back(divergence(a, b));
        n_same += std::max_element(a.begin(), a.end()) - a.begin() == std::max_element(b.begin(), b.end()) - b.begin();
        if (at + i + 1 == window) continue;  // the window's last token has no successor there
        base_surprise += surprise(a, tokens[at + i + 1]);
        other_surprise += surprise(b, tokens[at + i + 1]);
        ++n_predicted;
      }
    }
    if (progress) progress(done + 1, n_windows);
  }
  std::sort(kl.begin(), kl.end());
  const auto n_tokens = static_cast<double>(kl.size());
  result.n_tokens = std::ssize(kl);
  result.mean_kl = std::accumulate(kl.begin(), kl.end(), 0.0) / n_tokens;
  result.kl_p99 = percentile(kl, 0.99);
  result.largest_kl = kl.back();
  result.same_top = static_cast<double>(n_same) / n_tokens;
  result.base_perplexity = std::exp(base_surprise / static_cast<double>(n_predicted));
  result.perplexity = std::exp(other_surprise / static_cast<double>(n_predicted));
  return result;
}

Result<BenchResult> measure_speed(LoadedModel& model, Session& session, std::int64_t n_prompt, std::int64_t n_decode, std::int64_t n_depth,
                                  int n_repetitions, std::stop_token stop) {
  BenchResult result;
  RandomIds random(model.n_ids());
  const std::vector<int> depth = random.next(n_depth);
  std::vector<float> logits;
  const auto to_depth = [&]() -> Result<void> {
    if (session.keep_prefix(depth) < n_depth) return prefill(session, std::span(depth).subspan(session.n_tokens()), logits, stop);
    return {};
  };
  // What a decoded token reads: the weights, and the keys and values of the tokens before it, on average.
  result.bytes_per_token = model.weight_bytes_per_token() + model.state_bytes_per_token() * static_cast<std::uint64_t>(n_depth + n_decode / 2);

  for (int repetition = -1; repetition < n_repetitions; ++repetition) {  // -1 warms up
    if (n_prompt > 0) {
      RETURN_IF_ERROR(to_depth());
      const std::vector<int> ids = random.next(n_prompt);
      const Clock::time_point start = Clock::now();
      RETURN_IF_ERROR(prefill(session, ids, logits, stop));
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (repetition >= 0) result.prefill_tokens_per_second.push_back(static_cast<double>(n_prompt) / seconds);
    }
    if (n_decode > 0) {
      RETURN_IF_ERROR(to_depth());
      const std::vector<int> ids = random.next(n_decode);
      const Clock::time_point start = Clock::now();
      for (int id : ids) RETURN_IF_ERROR(session.process(std::span(&id, 1), Session::Outputs::last, logits, stop));
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (repetition >= 0) result.decode_tokens_per_second.push_back(static_cast<double>(n_decode) / seconds);
    }
  }
  return result;
}

}  // namespace pio
