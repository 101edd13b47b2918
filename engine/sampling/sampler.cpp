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
  constexpr double kInverseFactorials[] = {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
                                           1.0 / 120,       1.0 / 24,       1.0 / 6,       1.0 / 2,      1.0,         1.0};
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
  logits = logits.first(static_cast<std::size_t>(n_ids));
  if (params_.greedy()) {
    find_likeliest(logits, 1);
    return candidates_.front().id;
  }
  is_sorted_ = params_.top_k > 0 && params_.top_k < n_ids;
  if (is_sorted_) {
    find_likeliest(logits, static_cast<std::size_t>(params_.top_k));
  } else {
    candidates_.resize(logits.size());
    for (int id = 0; id < n_ids; ++id) candidates_[id] = {id, finite(logits[id]), 0};
    for (const auto& [id, n] : n_seen_) {
      if (id >= 0 && id < n_ids) candidates_[id].logit = penalized(logits[id], n);
    }
  }
  const double total = fill_probabilities();
  keep_top_p_and_min_p(total);
  return draw();
}

// The logit of a token that was seen n times.
double Sampler::penalized(float raw, int n) const {
  const double logit = finite(raw);
  const double repeated = logit > 0 ? logit / params_.repeat_penalty : logit * params_.repeat_penalty;
  return finite(repeated - params_.presence_penalty - n * params_.frequency_penalty);
}

// The k likeliest, in falling order. A vocabulary has 150,000 ids and few of them come near: those that are not above the k-th so far are passed
// over a block at a time. Tokens that were seen have another logit and come last.
void Sampler::find_likeliest(std::span<const float> logits, std::size_t k) {
  constexpr std::size_t kBlock = 64;
  candidates_.clear();
  for (std::size_t first = 0; first < logits.size(); first += kBlock) {
    const std::size_t end = std::min(first + kBlock, logits.size());
    if (candidates_.size() == k) {
      const double least = candidates_.front().logit;
      int n_above = 0;  // a sum, which a compiler makes of vectors; NaN is above nothing
      for (std::size_t i = first; i < end; ++i) n_above += logits[i] > static_cast<float>(least);
      if (n_above == 0) continue;
    }
    for (std::size_t i = first; i < end; ++i) {
      const Candidate candidate{static_cast<int>(i), finite(logits[i]), 0};
      if (candidates_.size() == k && !is_likelier(candidate, candidates_.front())) continue;
      if (n_seen_.contains(candidate.id)) continue;
      if (candidates_.size() == k) {
        std::pop_heap(candidates_.begin(), candidates_.end(), is_likelier);
        candidates_.pop_back();
      }
      candidates_.push_back(candidate);
      std::push_heap(candidates_.begin(), candidates_.end(), is_likelier);
    }
  }
  for (const auto& [id, n] : n_seen_) {
    if (id >= 0 && static_cast<std::size_t>(id) < logits.size()) candidates_.push_back({id, penalized(logits[id], n), 0});
  }
  std::sort(candidates_.begin(), candidates_.end(), is_likelier);
  if (candidates_.size() > k) candidates_.resize(k);
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
