#include "engine/draft/draft_length.h"

#include <algorithm>

namespace pio {
namespace {

// Until it is measured, a row more takes so much of a step of one. Low, so that it is measured.
constexpr double kAssumedRow = 0.3;
constexpr double kLeastGain = 1.05;  // below it a guess is not worth its noise
constexpr std::int64_t kFirstTrial = 3, kTrialsApart = 64, kTrialsApartMost = 1024;
constexpr double kLikely = 0.75;

}  // namespace

void StepTimes::took(std::int64_t n_rows, double seconds) {
  if (n_rows >= std::ssize(measured_)) measured_.resize(n_rows + 1);
  Measured& one = measured_[n_rows];
  // a moment in which the thread had no processor counts for at most twice what is usual
  if (one.n > 0) seconds = std::min(seconds, 2 * one.seconds);
  one.n = std::min(one.n + 1, 8);
  one.seconds += (seconds - one.seconds) / one.n;
}

double StepTimes::seconds(std::int64_t n_rows) const {
  // A step of more rows takes no less: what wider ones took bounds it, and an unlucky measurement is not believed for ever.
  std::int64_t below = 0, above = 0;
  double bound = 0;
  for (std::int64_t n = 1; n < std::ssize(measured_); ++n) {
    if (measured_[n].n == 0) continue;
    if (n < n_rows) below = n;
    else if (above == 0 || measured_[n].seconds < bound) {
      if (above == 0) above = n;
      bound = measured_[n].seconds;
    }
  }
  if (above == n_rows || (above > 0 && below == 0)) return bound;
  if (below == 0) return 0;
  const double from = seconds(below);
  if (above > 0) return from + (std::max(bound, from) - from) * static_cast<double>(n_rows - below) / static_cast<double>(above - below);
  // beyond what was measured at half the price so far: kernels take several rows together
  const double one = seconds(1);
  const double so_far = below > 1 ? std::max(0.0, from - one) / static_cast<double>(below - 1) / 2 : kAssumedRow * one;
  const double a_row = std::min(so_far, kAssumedRow * one);
  return from + a_row * static_cast<double>(n_rows - below);
}

DraftLength::DraftLength(StepTimes& times, std::int64_t longest) : times_(times), longest_(longest) {
  // Of code and prose with Qwen2.5-Coder-1.5B; they fade as tokens come.
  constexpr double kUsual[kClasses] = {0, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
  for (int c = 0; c < kClasses; ++c) held_[c] = {4 * kUsual[c], 4};
}

int DraftLength::class_of(int match) {
  constexpr int kFirst[kClasses] = {0, 1, 2, 3, 4, 6, 10, 16, 32};
  int c = 0;
  while (c + 1 < kClasses && kFirst[c + 1] <= match) ++c;
  return c;
}

void DraftLength::saw(int match, bool came) {
  constexpr double kKept = 0.95;
  Held& held = held_[class_of(match)];
  held.came = kKept * held.came + (came ? 1 : 0);
  held.of = kKept * held.of + 1;
}

std::int64_t DraftLength::choose(int match, std::int64_t n) {
  n = std::min({n, longest_, std::max(kFirstTrial, 2 * times_.widest())});  // longer ones once shorter ones were measured
  const double one = times_.seconds(1);
  if (match < 1 || n < 1 || !(one > 0)) return 0;
  std::int64_t best = 0;
  double best_rate = kLeastGain / one, expected = 1, all_come = 1;
  for (std::int64_t k = 1; k <= n; ++k) {
    all_come *= share(match + static_cast<int>(k) - 1);
    expected += all_come;
    const double rate = expected / times_.seconds(1 + k);
    if (rate > best_rate) {
      best = k;
      best_rate = rate;
    }
  }
  if (best > 0) {
    n_declined_ = 0;
    next_trial_ = kTrialsApart;
    return best;
  }
  if (share(match) < kLikely || ++n_declined_ < next_trial_) return 0;
  n_declined_ = 0;
  next_trial_ = std::min<int>(2 * next_trial_, kTrialsApartMost);
  return std::min(n, kFirstTrial);
}

}  // namespace pio
