#include "engine/sampling/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/base/check.h"

namespace pio {
namespace {

constexpr double kLargestLogit = std::numeric_limits<float>::max();

// What a broken model or a mask may give, made comparable: NaN and -inf are the least likely, +inf the most.
double finite(double logit) {
  if (std::isnan(logit)) return -kLargestLogit;
  return std::clamp(logit, -kLargestLogit, kLargestLogit);
}

// e^x for x ≤ 0. Our own, because those of the C libraries differ in the last bit, and a seed must give one token on every machine.
// x = k ln 2 + r with |r| ≤ 0.35, where thirteen terms of the series leave less than 1e-17. ln 2 comes in two parts, the first with
// enough zero bits that k times it is exact (Cody & Waite 1980).
double exp_of(double x) {
  constexpr double kLog2E = 1.4426950408889634074;
  constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  constexpr double kInverseFactorials[] = {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                                           1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2,     1.0, 1.0};
  if (x < -708) return 0;  // below the least normal double: 1e-308 of the likeliest is never drawn
  const int k = static_cast<int>(x * kLog2E - 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0 / 6227020800;  // 1 / 13!
  for (double inverse : kInverseFactorials) sum = sum * r + inverse;
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(1023 + k) << 52);  // 2^k
}

std::uint64_t splitmix64(std::uint64_t& state) {  // Steele, Lea & Flood 2014, as Vigna's splitmix64.c
  std::uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t rotated_left(std::uint64_t x, int n) { return (x << n) | (x >> (64 - n)); }

}  // namespace

Sampler::Sampler(const SamplingParams& params) : params_(params) {
  std::uint64_t seed = params.seed;
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Sampler::next_random() {
  const std::uint64_t result = rotated_left(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotated_left(state_[3], 45);
  return result;
}

void Sampler::accept(int token) {
  if (params_.penalty_last_n == 0) return;
  ++n_seen_[token];
  if (params_.penalty_last_n < 0) return;
  recent_.push_back(token);
  if (recent_.size() <= static_cast<std::size_t>(params_.penalty_last_n)) return;
  const auto oldest = n_seen_.find(recent_.front());
  recent_.pop_front();
  if (--oldest->second == 0) n_seen_.erase(oldest);
}

int Sampler::sample(std::span<const float> logits, int n_ids) {
  CHECK(n_ids > 0 && static_cast<std::size_t>(n_ids) <= logits.size(), "sample: as many logits as ids, and one at least");
  candidates_.resize(static_cast<std::size_t>(n_ids));
  for (int id = 0; id < n_ids; ++id) candidates_[id] = {id, finite(logits[id]), 0};
  apply_penalties();
  if (params_.greedy()) return std::min_element(candidates_.begin(), candidates_.end(), is_likelier)->id;

  keep_top_k();
  const double total = fill_probabilities();
  keep_top_p_and_min_p(total);
  return draw();
}

void Sampler::apply_penalties() {
  if (params_.repeat_penalty == 1 && params_.presence_penalty == 0 && params_.frequency_penalty == 0) return;
  for (const auto& [id, n] : n_seen_) {
    if (id < 0 || static_cast<std::size_t>(id) >= candidates_.size()) continue;
    double logit = candidates_[id].logit;
    logit = logit > 0 ? logit / params_.repeat_penalty : logit * params_.repeat_penalty;
    candidates_[id].logit = finite(logit - params_.presence_penalty - n * params_.frequency_penalty);
  }
}

void Sampler::keep_top_k() {
  is_sorted_ = false;
  if (params_.top_k <= 0 || static_cast<std::size_t>(params_.top_k) >= candidates_.size()) return;
  std::partial_sort(candidates_.begin(), candidates_.begin() + params_.top_k, candidates_.end(), is_likelier);
  candidates_.resize(static_cast<std::size_t>(params_.top_k));
  is_sorted_ = true;
}

// Relative to the likeliest, whose p is exactly 1. Returns their sum.
double Sampler::fill_probabilities() {
  const double largest = std::min_element(candidates_.begin(), candidates_.end(), is_likelier)->logit;
  double total = 0;
  for (Candidate& candidate : candidates_) {
    candidate.p = exp_of((candidate.logit - largest) / params_.temperature);
    total += candidate.p;
  }
  return total;
}

// Both keep a beginning of the falling order, so the least likely may go first: then there is little left to sort in a big vocabulary.
void Sampler::keep_top_p_and_min_p(double total) {
  const double least = std::min(params_.min_p, 1.0);
  std::erase_if(candidates_, [&](const Candidate& candidate) { return candidate.p < least || candidate.p == 0; });
  if (!(params_.top_p < 1)) return;

  const double wanted = params_.top_p * total;
  double sum = 0;
  std::size_t n_sorted = is_sorted_ ? candidates_.size() : 0;
  for (std::size_t n = 0; n < candidates_.size(); ++n) {
    if (n == n_sorted) {  // sorted piece by piece: mostly the first will do
      n_sorted = std::min(candidates_.size(), std::max<std::size_t>(256, 8 * n));
      std::partial_sort(candidates_.begin() + n, candidates_.begin() + n_sorted, candidates_.end(), is_likelier);
    }
    sum += candidates_[n].p;
    if (sum >= wanted) {
      candidates_.resize(n + 1);
      return;
    }
  }
}

int Sampler::draw() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.p;
  double left = static_cast<double>(next_random() >> 11) * 0x1p-53 * total;  // in [0, total)
  for (const Candidate& candidate : candidates_) {
    left -= candidate.p;
    if (left < 0) return candidate.id;
  }
  return candidates_.back().id;  // where the subtractions' rounding used up the rest
}

}  // namespace pio
