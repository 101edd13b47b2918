// Times the choice of a token from its logits, with the settings that each chat format's publisher recommends and with the defaults.
//
//   sampling_bench [--vocab N] [--tokens N] [--rounds N]
//
// Logits are drawn from a normal distribution, a few hundred of them moved up, as those of a language model are: a row for every token of a round, so
// that neither a branch predictor nor a cache learns them. Before a round 64 tokens were seen, which penalties count. One thread. Printed are
// milliseconds a token, the best round and the median. Goal: 0.1 ms for 152,000 logits.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "engine/loaded_model.h"
#include "engine/sampling/sampler.h"
#include "models/chat_format.h"

namespace {

constexpr double kGoal = 0.1;  // milliseconds

struct Case {
  std::string name;
  pio::SamplingParams params;
};

std::vector<Case> cases() {
  std::vector<Case> all{{"default", {}}, {"greedy", {.temperature = 0}}};
  for (const char* name :
       {"qwen3-4b-instruct-2507", "qwen3-vl-2b-instruct", "qwen3-coder-30b", "glm-4.7-flash", "smollm2-instruct", "qwen2.5-coder"}) {
    const pio::ChatFormat* const format = pio::find_chat_format(name);
    if (!format) {
      std::fprintf(stderr, "%s: expected a chat format, found none\n", name);
      std::exit(1);
    }
    all.push_back({name, pio::recommended_sampling(*format)});
  }
  // Nothing is cut off before the probabilities.
  all.push_back({"without top-k", {.top_k = 0, .min_p = 0}});
  return all;
}

std::vector<float> logits_like_a_models(std::size_t vocab_size, std::mt19937& random) {
  constexpr int kLikely = 300;
  std::normal_distribution<float> normal(0, 2);
  std::exponential_distribution<float> above(0.5F);
  std::vector<float> logits(vocab_size);
  for (float& logit : logits) logit = normal(random);
  for (int i = 0; i < kLikely; ++i) logits[random() % vocab_size] = 6 + above(random);
  return logits;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t vocab_size = 151'936, n_tokens = 32;
  int n_rounds = 9;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const long value = i + 1 < argc ? std::atol(argv[++i]) : 0;
    if (value > 0 && word == "--vocab") vocab_size = static_cast<std::size_t>(value);
    else if (value > 0 && word == "--tokens") n_tokens = static_cast<std::size_t>(value);
    else if (value > 0 && word == "--rounds") n_rounds = static_cast<int>(value);
    else {
      std::fprintf(stderr, "%s: expected --vocab, --tokens or --rounds with a number above 0\n", word.c_str());
      return 2;
    }
  }
  std::mt19937 random(1);
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < n_tokens; ++i) rows.push_back(logits_like_a_models(vocab_size, random));

  std::printf("%zu logits, %zu tokens a round, %d rounds; goal %.2f ms a token\n", vocab_size, n_tokens, n_rounds, kGoal);
  const std::vector<Case> all = cases();
  std::vector<std::vector<double>> times(all.size());
  std::int64_t sum = 0;                              // of the ids, printed so that nothing is left out
  for (int round = -1; round < n_rounds; ++round) {  // the first warms up; cases take turns
    for (std::size_t c = 0; c < all.size(); ++c) {
      pio::SamplingParams params = all[c].params;
      params.seed = static_cast<std::uint64_t>(round + 2);
      pio::Sampler sampler(params);
      for (int i = 0; i < 64; ++i) sampler.accept(static_cast<int>(random() % vocab_size));
      const auto start = std::chrono::steady_clock::now();
      for (const std::vector<float>& row : rows) {
        const int id = sampler.sample(row, static_cast<int>(vocab_size));
        sampler.accept(id);
        sum += id;
      }
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (round >= 0) times[c].push_back(1000 * seconds / static_cast<double>(n_tokens));
    }
  }
  for (std::size_t c = 0; c < all.size(); ++c) {
    std::ranges::sort(times[c]);
    const double best = times[c].front(), median = times[c][times[c].size() / 2];
    std::printf("%-24s best %7.4f ms, median %7.4f ms   %s\n", all[c].name.c_str(), best, median, best <= kGoal ? "" : "above the goal");
  }
  std::printf("ids: %lld\n", static_cast<long long>(sum));
  return 0;
}
