#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "engine/experts/routing_trace.h"

// Traces whose law is known. std::mt19937_64 gives the same numbers everywhere; of the distributions only what is computed here is used.

namespace pio::test {

struct MadeUp {
  std::int64_t n_layers = 12, n_experts = 64, n_used = 6;
  std::int64_t n_prompt = 16, n_decode = 200;
  double exponent = 1;        // of Zipf's law; 0: all alike
  double drift = 0;           // how likely an expert changes its popularity with another one's, each token
  std::int64_t n_phases = 1;  // after each of them all popularities are dealt out anew
  std::uint64_t seed = 1;
};

inline RoutingTrace made_up_trace(const MadeUp& law) {
  std::mt19937_64 random(law.seed);
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) / 9007199254740992.0; };
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n)); };
  const auto shuffle = [&](std::vector<std::int32_t>& order) {
    for (std::int64_t i = std::ssize(order) - 1; i > 0; --i) std::swap(order[i], order[below(i + 1)]);
  };
  RoutingTrace trace;
  trace.n_layers = law.n_layers;
  trace.n_experts = law.n_experts;
  trace.expert_bytes.resize(law.n_layers, 1 << 20);
  std::vector<std::vector<std::int32_t>> by_rank(law.n_layers, std::vector<std::int32_t>(law.n_experts));
  for (auto& order : by_rank) {
    std::iota(order.begin(), order.end(), 0);
    shuffle(order);
  }
  const std::int64_t n_steps = law.n_prompt + law.n_decode;
  for (std::int64_t step = 0; step < n_steps; ++step) {
    const bool begins = step > 0 && law.n_phases > 1 && step % (n_steps / law.n_phases) == 0;
    for (std::int64_t layer = 0; layer < law.n_layers; ++layer) {
      std::vector<std::int32_t>& order = by_rank[layer];
      if (begins) shuffle(order);
      for (std::int64_t rank = 0; rank < law.n_experts; ++rank) {
        if (law.drift > 0 && uniform() < law.drift) std::swap(order[rank], order[below(law.n_experts)]);
      }
      // n_used of them without putting back: those whose exponential clocks ring first
      std::vector<std::pair<double, std::int32_t>> rings;
      for (std::int64_t rank = 0; rank < law.n_experts; ++rank)
        rings.emplace_back(-std::log(uniform()) * std::pow(static_cast<double>(rank + 1), law.exponent), order[rank]);
      std::sort(rings.begin(), rings.end());
      std::vector<std::int32_t> chosen;
      for (std::int64_t i = 0; i < law.n_used; ++i) chosen.push_back(rings[i].second);
      trace.add({.turn = 0, .is_decode = step >= law.n_prompt, .step = step, .layer = layer}, chosen, std::vector<float>(chosen.size(), 1));
    }
  }
  return trace;
}

// A trace of one layer and one expert a token: the accesses themselves.
inline RoutingTrace trace_of(std::vector<std::int32_t> accesses, std::int64_t n_experts) {
  RoutingTrace trace;
  trace.n_layers = 1;
  trace.n_experts = n_experts;
  trace.expert_bytes.resize(1);
  const float weight = 1;
  for (std::int64_t step = 0; step < std::ssize(accesses); ++step)
    trace.add({.turn = 0, .is_decode = true, .step = step, .layer = 0}, std::span(&accesses[step], 1), std::span(&weight, 1));
  return trace;
}

}  // namespace pio::test
