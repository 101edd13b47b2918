#include "engine/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

namespace pio {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Everything switched off: a draw from the plain softmax.
SamplingParams plain(double temperature = 1) {
  SamplingParams params;
  params.temperature = temperature;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.seed = 42;
  return params;
}

SamplingParams greedy() { return plain(0); }

int sample(Sampler& sampler, const std::vector<float>& logits) { return sampler.sample(logits, static_cast<int>(logits.size())); }

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> p;
  for (float logit : logits) p.push_back(std::exp(static_cast<double>(logit) / temperature));
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= total;
  return p;
}

// Pearson's statistic of 20000 draws against `p`; where p is 0, nothing may be drawn.
double chi_square(const SamplingParams& params, const std::vector<float>& logits, const std::vector<double>& p) {
  constexpr int kDraws = 20000;
  Sampler sampler(params);
  std::vector<int> n(logits.size());
  for (int i = 0; i < kDraws; ++i) ++n[sample(sampler, logits)];
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = kDraws * p[i];
    if (expected == 0) {
      if (n[i] > 0) return kInf;
    } else {
      sum += (n[i] - expected) * (n[i] - expected) / expected;
    }
  }
  return sum;
}

const std::vector<float> kLogits = {1.0f, -0.5f, 2.0f, 0.0f, 0.5f, 2.0f, -3.0f, 1.5f};

// The 99.9 % quantiles of chi-square: 24.3 for 7 degrees of freedom, 16.3 for 3, 13.8 for 2. The seed is fixed, so nothing flickers.
TEST(SamplerTest, DrawsFollowTheSoftmaxAtEveryTemperature) {
  for (double temperature : {0.5, 1.0, 2.0}) EXPECT_LT(chi_square(plain(temperature), kLogits, softmax(kLogits, temperature)), 24.3) << temperature;
}

std::vector<double> restricted(const std::vector<double>& p, const std::set<int>& kept) {
  std::vector<double> out(p.size());
  double total = 0;
  for (int id : kept) total += p[id];
  for (int id : kept) out[id] = p[id] / total;
  return out;
}

TEST(SamplerTest, TopKKeepsTheLikeliestAndOfEqualsTheLowerId) {
  SamplingParams params = plain();
  params.top_k = 3;
  EXPECT_LT(chi_square(params, kLogits, restricted(softmax(kLogits, 1), {2, 5, 7})), 13.8);
  params.top_k = 1;
  EXPECT_EQ(chi_square(params, kLogits, restricted(softmax(kLogits, 1), {2})), 0);
}

TEST(SamplerTest, TopPKeepsTheSmallestSetThatReachesIt) {
  // p: 0.105 0.023 0.284 0.039 0.064 0.284 0.005 0.172… → falling: 2 (.29) 5 (.58) 7 (.76) 0 (.87)
  const std::vector<double> p = softmax(kLogits, 1);
  ASSERT_LT(p[2] + p[5], 0.7);
  ASSERT_GT(p[2] + p[5] + p[7], 0.7);
  SamplingParams params = plain();
  params.top_p = 0.7;
  EXPECT_LT(chi_square(params, kLogits, restricted(p, {2, 5, 7})), 13.8);
  params.top_p = 0;  // one is always kept
  EXPECT_EQ(chi_square(params, kLogits, restricted(p, {2})), 0);
}

TEST(SamplerTest, MinPKeepsWhatHasThatShareOfTheLikeliest) {
  SamplingParams params = plain();
  params.min_p = 0.3;  // e^(1 - 2) = 0.37 stays, e^(0.5 - 2) = 0.22 goes
  EXPECT_LT(chi_square(params, kLogits, restricted(softmax(kLogits, 1), {0, 2, 5, 7})), 16.3);
  params.min_p = 7;
  EXPECT_LT(chi_square(params, kLogits, restricted(softmax(kLogits, 1), {2, 5})), 10.8);  // 1 degree of freedom
}

TEST(SamplerTest, TopPCountsWhatTopKLeft) {
  // of 2, 5, 7, each with about 0.38, 0.38, 0.23 after top-k: 0.7 needs two of them (of all tokens it would need three)
  SamplingParams params = plain();
  params.top_k = 3;
  params.top_p = 0.7;
  EXPECT_LT(chi_square(params, kLogits, restricted(softmax(kLogits, 1), {2, 5})), 10.8);
}

TEST(SamplerTest, MinPAfterTopPAgreesWithTheLongWayInABigVocabulary) {
  std::vector<float> logits(5000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(std::sin(i * 0.37) * 2 + std::cos(i * 1.7));
  std::vector<double> p = softmax(logits, 1);
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  for (double min_p : {0.0, 0.05, 0.6}) {
    SamplingParams params = plain();
    params.top_p = 0.9;
    params.min_p = min_p;
    std::set<int> kept;
    double sum = 0;
    for (int id : order) {
      if (sum < params.top_p && p[id] >= min_p * p[order[0]]) kept.insert(id);
      sum += p[id];
    }
    Sampler sampler(params);
    std::set<int> drawn;
    for (int i = 0; i < 1500; ++i) drawn.insert(sample(sampler, logits));
    EXPECT_TRUE(std::includes(kept.begin(), kept.end(), drawn.begin(), drawn.end())) << min_p;
    EXPECT_GT(drawn.size(), std::min<std::size_t>(kept.size(), 1500) / 4) << min_p;
  }
}

// Against sorting all of a big vocabulary: equal logits at the edge, tokens that were seen in and out of it, infinities and no numbers.
TEST(SamplerTest, TheLikeliestOfABigVocabularyAreThoseOfSortingAll) {
  std::vector<float> logits(3001);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(static_cast<int>(i * 7919 % 997) % 40 - 30);
  logits[5] = logits[2900] = kNaN;
  logits[100] = -kInf;
  const std::vector<int> seen = {3, 40, 41, 2999, 3000, 5};
  for (const int k : {0, 1, 7, 300}) {
    SamplingParams params = plain(k == 0 ? 0 : 100);  // 0: greedy
    params.top_k = k;
    params.repeat_penalty = 1.5;
    params.presence_penalty = 0.5;
    Sampler sampler(params);
    std::vector<std::pair<double, int>> order;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      double logit = std::isnan(logits[i]) ? -std::numeric_limits<float>::max() : std::max(logits[i], -std::numeric_limits<float>::max());
      if (std::find(seen.begin(), seen.end(), static_cast<int>(i)) != seen.end()) logit = (logit > 0 ? logit / 1.5 : logit * 1.5) - 0.5;
      order.emplace_back(-logit, static_cast<int>(i));
    }
    std::sort(order.begin(), order.end());
    std::set<int> kept;
    for (int i = 0; i < std::max(k, 1); ++i) kept.insert(order[i].second);
    for (const int id : seen) sampler.accept(id);
    std::set<int> drawn;
    for (int i = 0; i < 10000; ++i) drawn.insert(sample(sampler, logits));
    EXPECT_EQ(drawn, kept) << k;  // at this temperature each of 300 is drawn some thirty times
  }
}

TEST(SamplerTest, GreedyTakesTheLargestAndOfEqualsTheLowerId) {
  Sampler sampler(greedy());
  EXPECT_EQ(sample(sampler, kLogits), 2);
  EXPECT_EQ(sample(sampler, {-kInf, -5, -4}), 2);
}

TEST(SamplerTest, RowsPastTheTokenizerNeverWin) {
  const std::vector<float> logits = {0, 1, 9, 9};
  Sampler first(greedy());
  EXPECT_EQ(first.sample(logits, 2), 1);
  Sampler second(plain());
  for (int i = 0; i < 100; ++i) EXPECT_LT(second.sample(logits, 2), 2);
}

TEST(SamplerTest, TheRepeatPenaltyDividesPositiveLogitsAndMultipliesNegativeOnes) {
  SamplingParams params = greedy();
  params.repeat_penalty = 2;
  Sampler sampler(params);
  sampler.accept(0);
  EXPECT_EQ(sample(sampler, {3.0f, 1.6f}), 1);  // 3 / 2 < 1.6
  EXPECT_EQ(sample(sampler, {3.0f, 1.4f}), 0);
  EXPECT_EQ(sample(sampler, {-1.0f, -1.9f}), 1);  // -1 * 2 < -1.9
  EXPECT_EQ(sample(sampler, {-1.0f, -2.1f}), 0);
}

TEST(SamplerTest, PresenceCountsOnceAndFrequencyEachTime) {
  SamplingParams params = greedy();
  params.presence_penalty = 1;
  params.frequency_penalty = 0.5;
  Sampler sampler(params);
  for (int i = 0; i < 3; ++i) sampler.accept(0);
  EXPECT_EQ(sample(sampler, {3.0f, 0.6f}), 1);  // 3 - 1 - 1.5 = 0.5
  EXPECT_EQ(sample(sampler, {3.0f, 0.4f}), 0);
}

TEST(SamplerTest, OnlyTheLastTokensCount) {
  SamplingParams params = greedy();
  params.presence_penalty = 10;
  params.penalty_last_n = 2;
  Sampler sampler(params);
  for (int token : {0, 1, 0, 2, 1}) sampler.accept(token);  // 2 and 1 count
  EXPECT_EQ(sample(sampler, {1, 2, 3, 0}), 0);
  params.penalty_last_n = -1;
  Sampler all(params);
  for (int token : {0, 1, 0, 2, 1}) all.accept(token);
  EXPECT_EQ(sample(all, {1, 2, 3, 0}), 3);
  params.penalty_last_n = 0;
  Sampler none(params);
  for (int token : {0, 1, 0, 2, 1}) none.accept(token);
  EXPECT_EQ(sample(none, {1, 2, 3, 0}), 2);
}

TEST(SamplerTest, AcceptedIdsThatHaveNoLogitDoNoHarm) {
  SamplingParams params = greedy();
  params.repeat_penalty = 1.5;
  Sampler sampler(params);
  for (int token : {-1, 7, 1 << 30}) sampler.accept(token);
  EXPECT_EQ(sample(sampler, {1, 2}), 1);
}

TEST(SamplerTest, OneSeedGivesOneSequenceAndAnotherSeedAnother) {
  const auto draws = [](std::uint64_t seed) {
    SamplingParams params = plain();
    params.seed = seed;
    Sampler sampler(params);
    std::vector<int> ids;
    for (int i = 0; i < 64; ++i) ids.push_back(sample(sampler, kLogits));
    return ids;
  };
  EXPECT_EQ(draws(7), draws(7));
  EXPECT_NE(draws(7), draws(8));
  EXPECT_NE(draws(0), draws(1));
}

// The generator is xoshiro256** seeded by splitmix64, as published: from seed 0 splitmix64 gives e220a8397b1dcdaf, 6e789e6aa1b965f4,
// 06c45d188009454f, f88bb8a8724c81ec (Vigna's splitmix64.c), and from that state xoshiro256** begins 99ec5f36cb75f2b4, bf6e1f784956452a,
// 1a5f849d4933e6e0, 6aa594f1262d2d2c. Of 2^20 equal tokens a draw shows the top 20 bits.
TEST(SamplerTest, TheGeneratorIsThePublishedOne) {
  const std::vector<float> logits(1 << 20);
  SamplingParams params = plain();
  params.seed = 0;
  Sampler sampler(params);
  for (int expected : {0x99ec5, 0xbf6e1, 0x1a5f8, 0x6aa59}) EXPECT_EQ(sample(sampler, logits), expected);
}

TEST(SamplerTest, BrokenLogitsGiveAValidId) {
  const std::vector<std::vector<float>> broken = {
      {kNaN, kNaN, kNaN}, {-kInf, -kInf, -kInf}, {kInf, kInf, kInf}, {kNaN, kInf, -kInf}, {0}, {kNaN}, {1e38f, -1e38f, kNaN},
  };
  for (double temperature : {0.0, 1e-300, 1e-9, 1.0, 1e300, std::numeric_limits<double>::infinity(), std::nan("")}) {
    for (const auto& logits : broken) {
      for (double repeat_penalty : {1.0, 1.3, 0.0}) {
        SamplingParams params;  // the defaults: every filter on
        params.temperature = temperature;
        params.repeat_penalty = repeat_penalty;
        Sampler sampler(params);
        sampler.accept(0);
        for (int i = 0; i < 8; ++i) {
          const int id = sample(sampler, logits);
          EXPECT_GE(id, 0);
          EXPECT_LT(id, static_cast<int>(logits.size()));
        }
      }
    }
  }
  Sampler sampler(plain());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sample(sampler, {kNaN, 1, -kInf}), 1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sample(sampler, {3, kInf, 5}), 1);
}

TEST(SamplerTest, AVeryLowTemperatureIsGreedy) {
  Sampler sampler(plain(1e-6));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(sample(sampler, {1.0f, 1.001f, 0.5f}), 1);
}

}  // namespace
}  // namespace pio
