#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

// Logits in, token out: a pure function of parameters, history and a seeded generator.

namespace pio {

struct SamplingParams {
  double temperature = 0.8;        // 0: greedy
  int top_k = 40;                  // 0: all
  double top_p = 0.95;             // 1: all
  double min_p = 0.05;             // 0: all; keeps tokens of at least min_p times the likeliest's probability
  double repeat_penalty = 1.0;     // Keskar et al. 2019 (arXiv:1909.05858): divides positive logits, multiplies negative ones
  double presence_penalty = 0.0;   // subtracted once from the logit of each token seen
  double frequency_penalty = 0.0;  // subtracted for each time it was seen
  int penalty_last_n = 64;         // how many of the last tokens count as seen; -1: all
  std::uint64_t seed = 0;
  bool greedy() const { return !(temperature > 0); }
};

class Sampler {
 public:
  explicit Sampler(const SamplingParams& params);

  // The next token. `logits` has one value a token id; the first `n_ids` count (rows past the tokenizer are padding and never win).
  // Penalties, then temperature, top-k, top-p, min-p, then a draw. Same parameters, seed and logits: same token, on every machine.
  // Of equal logits the lower id comes first. NaN counts as the least likely; where nothing is likely, any id may come.
  int sample(std::span<const float> logits, int n_ids);
  // Makes `token` part of what penalties count; prompt tokens may be given too.
  void accept(int token);

 private:
  struct Candidate {
    int id;
    double logit;
    double p;  // relative to the likeliest
  };
  static bool is_likelier(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }
  std::uint64_t next_random();
  double penalized(float raw, int n) const;
  void find_likeliest(std::span<const float> logits, std::size_t k);
  double fill_probabilities();
  void keep_top_p_and_min_p(double total);
  int draw();

  SamplingParams params_;
  std::uint64_t state_[4];               // xoshiro256**, Blackman & Vigna 2018 (arXiv:1805.01407)
  std::deque<int> recent_;               // the last penalty_last_n tokens; unused where all count
  std::unordered_map<int, int> n_seen_;  // how often each of them was seen
  std::vector<Candidate> candidates_;    // kept between calls to spare the allocation
  bool is_sorted_ = false;               // the candidates, likeliest first
};

}  // namespace pio
