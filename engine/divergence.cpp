// How far two ways to compute one model are apart: measure_divergence of engine.h.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/kv_selection.h"
#include "engine/loaded_model.h"
#include "engine/plan/load_plan.h"
#include "engine/scores.h"
#include "engine/session.h"

namespace pio {
namespace {

constexpr std::int64_t kAtOnce = 64;  // tokens a step: logits of 151,936 ids, twice, are 78 MB

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

std::ptrdiff_t likeliest(std::span<const float> logits) { return std::max_element(logits.begin(), logits.end()) - logits.begin(); }

// What is counted, a token at a time.
class Comparison {
 public:
  // Rows [vocab_size] of both after the same token; `next` follows it in its window, below zero where none does.
  void add(std::span<const float> base, std::span<const float> other, int next) {
    kl_.push_back(divergence(base, other));
    n_same_ += likeliest(base) == likeliest(other);
    if (next < 0) return;
    base_surprise_ += surprise(base, next);
    other_surprise_ += surprise(other, next);
    ++n_predicted_;
  }
  DivergenceResult result() {
    std::sort(kl_.begin(), kl_.end());
    const auto n_tokens = static_cast<double>(kl_.size()), n_predicted = static_cast<double>(n_predicted_);
    return {.mean_kl = std::accumulate(kl_.begin(), kl_.end(), 0.0) / n_tokens,
            .kl_p99 = percentile(kl_, 0.99),
            .largest_kl = kl_.back(),
            .same_top = static_cast<double>(n_same_) / n_tokens,
            .perplexity = std::exp(other_surprise_ / n_predicted),
            .base_perplexity = std::exp(base_surprise_ / n_predicted),
            .n_tokens = std::ssize(kl_),
            .notes = {}};
  }

 private:
  std::vector<double> kl_;
  double base_surprise_ = 0, other_surprise_ = 0;
  std::int64_t n_predicted_ = 0, n_same_ = 0;
};

// The text in windows, and who hears of each that is done.
struct Windows {
  TokenIds ids;
  std::int64_t n_windows = 0, length = 0;
  const std::function<void(std::int64_t done, std::int64_t total)>& progress;
  std::stop_token stop;

  TokenSpan at(std::int64_t window) const { return ids.span().subspan(window * length, length); }
  int after(std::int64_t window, std::int64_t i) const { return i + 1 < length ? ids[window * length + i + 1] : -1; }
  void done(std::int64_t n) const {
    if (progress) progress(n, n_windows);
  }
};

// One of the two ways.
class Way {
 public:
  Way(LoadedModel& model, const KvSelection& selection) : session_(model) { session_.set_selection(selection); }
  void begin_window(std::int64_t n_tokens) {
    session_.clear();
    session_.begin_prompt(n_tokens);
  }
  // Logits [n, vocab_size] of tokens at, at + 1, … of a window.
  Result<void> step(TokenSpan window, std::int64_t at, std::int64_t n, std::vector<float>& logits, std::stop_token stop) {
    return session_.process(window.subspan(at, n), Session::Outputs::all, logits, stop);
  }

 private:
  Session session_;
};

// Both at hand: step by step.
Result<DivergenceResult> compare_together(Way base, Way other, std::int64_t vocab_size, const Windows& windows) {
  Comparison comparison;
  std::vector<float> base_logits, other_logits;
  for (std::int64_t window = 0; window < windows.n_windows; ++window) {
    base.begin_window(windows.length);
    other.begin_window(windows.length);
    for (std::int64_t at = 0; at < windows.length; at += kAtOnce) {
      const std::int64_t n = std::min(kAtOnce, windows.length - at);
      RETURN_IF_ERROR(base.step(windows.at(window), at, n, base_logits, windows.stop));
      RETURN_IF_ERROR(other.step(windows.at(window), at, n, other_logits, windows.stop));
      for (std::int64_t i = 0; i < n; ++i) {
        comparison.add(std::span(base_logits).subspan(i * vocab_size, vocab_size), std::span(other_logits).subspan(i * vocab_size, vocab_size),
                       windows.after(window, at + i));
      }
    }
    windows.done(window + 1);
  }
  return comparison.result();
}

struct Loading {
  LoadRequest request;
  KvSelection selection;
};

// Memory for one at a time: as many windows as kept_bytes hold the logits of, one at least, by the one and then by the other. `loaded` is
// the base.
Result<DivergenceResult> compare_in_turn(const Loading& base, const Loading& other, std::unique_ptr<LoadedModel> loaded, const Windows& windows,
                                         std::uint64_t kept_bytes) {
  const std::int64_t vocab_size = loaded->model().spec().vocab_size;
  const std::uint64_t window_bytes = static_cast<std::uint64_t>(windows.length) * static_cast<std::uint64_t>(vocab_size) * sizeof(float);
  const auto n_together = static_cast<std::int64_t>(std::max<std::uint64_t>(1, kept_bytes / window_bytes));
  Comparison comparison;
  std::vector<float> kept, logits;
  for (std::int64_t first = 0; first < windows.n_windows; first += n_together) {
    const std::int64_t end = std::min(windows.n_windows, first + n_together);
    kept.clear();
    for (const bool is_base : {true, false}) {
      if (!loaded) {
        ASSIGN_OR_RETURN(loaded, LoadedModel::load(is_base ? base.request : other.request, {}, windows.stop));
      }
      {
        Way way(*loaded, is_base ? base.selection : other.selection);
        for (std::int64_t window = first; window < end; ++window) {
          way.begin_window(windows.length);
          for (std::int64_t at = 0; at < windows.length; at += kAtOnce) {
            const std::int64_t n = std::min(kAtOnce, windows.length - at);
            RETURN_IF_ERROR(way.step(windows.at(window), at, n, logits, windows.stop));
            if (is_base) kept.insert(kept.end(), logits.begin(), logits.begin() + n * vocab_size);
            for (std::int64_t i = 0; i < n && !is_base; ++i) {
              const std::int64_t row = (window - first) * windows.length + at + i;
              comparison.add(std::span(kept).subspan(row * vocab_size, vocab_size), std::span(logits).subspan(i * vocab_size, vocab_size),
                             windows.after(window, at + i));
            }
          }
          if (!is_base) windows.done(window + 1);
        }
      }
      loaded.reset();  // the session has gone before it
    }
  }
  return comparison.result();
}

// `trained_context_length`: of the model, out.
Result<DivergenceResult> compare(const DivergenceRequest& request, const std::function<void(std::int64_t, std::int64_t)>& progress,
                                 std::stop_token stop, std::int64_t& trained_context_length) {
  constexpr std::int64_t kLongestWindow = 1 << 30;
  if (request.window < 1 || request.window > kLongestWindow)
    return make_error(ErrorCode::bad_argument, "window: 1 to " + std::to_string(kLongestWindow) + " tokens, found " + std::to_string(request.window));
  Loading base{request.base, request.base.attention}, other{request.other, request.other.attention};
  RETURN_IF_ERROR(check_selection(base.selection));
  RETURN_IF_ERROR(check_selection(other.selection));
  base.request.context_length = other.request.context_length = request.window;
  LoadRequest base_with_others_attention = base.request;
  base_with_others_attention.attention = other.request.attention;
  const bool one_will_do = base_with_others_attention == other.request;
  if (one_will_do) {
    // Attention by pages needs bounds in the cache, which the other kinds leave alone.
    if (base.selection.kind != KvSelection::Kind::pages) base.request.attention = other.request.attention;
    base.request.context_length = 2 * ((request.window + kKvBlockLength - 1) / kKvBlockLength) * kKvBlockLength;
  }

  ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> first, LoadedModel::load(base.request, {}, stop));
  trained_context_length = first->info().trained_context_length;
  const Tokenizer* tokenizer = first->tokenizer();
  if (!tokenizer) return make_error(ErrorCode::unsupported_model, first->info().path + ": a tokenizer, found none");
  ASSIGN_OR_RETURN(TokenIds ids, first->vocabulary().check(tokenizer->encode(request.text, SpecialTokens::none), "text"));
  Windows windows{.ids = std::move(ids), .length = request.window, .progress = progress, .stop = stop};
  ASSIGN_OR_RETURN(windows.n_windows, count_windows(windows.ids.size(), windows.length));
  if (request.n_windows > 0) windows.n_windows = std::min(windows.n_windows, request.n_windows);
  const std::int64_t vocab_size = first->model().spec().vocab_size;
  if (one_will_do) return compare_together(Way(*first, base.selection), Way(*first, other.selection), vocab_size, windows);
  const std::uint64_t budget = base.request.ram_bytes;
  if (!request.one_at_a_time && budget == 0) {
    const Result<std::unique_ptr<LoadedModel>> second = LoadedModel::load(other.request, {}, stop);
    if (second) return compare_together(Way(*first, base.selection), Way(**second, other.selection), vocab_size, windows);
    if (second.error().code != ErrorCode::out_of_memory) return second.error();
  }
  return compare_in_turn(base, other, std::move(first), windows, budget == 0 ? request.kept_bytes : std::min(request.kept_bytes, budget / 8));
}

}  // namespace

Result<DivergenceResult> measure_divergence(const DivergenceRequest& request, const std::function<void(std::int64_t, std::int64_t)>& progress,
                                            std::stop_token stop) {
  std::int64_t trained_context_length = 0;
  ASSIGN_OR_RETURN(DivergenceResult result, compare(request, progress, std::move(stop), trained_context_length));
  result.notes = context_notes(request.window, trained_context_length);
  return result;
}

}  // namespace pio
