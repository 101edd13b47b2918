#include "engine/experts/slot_chances.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <random>

#include "engine/experts/expert_cache.h"
#include "engine/experts/expert_places.h"

// What an earlier run's counts say of another text, against texts that were drawn as that run's was, and chances against counting all choices.

namespace pio {
namespace {

// Every choice of n_used, each as likely as the product of its experts' odds.
SlotChances by_enumeration(const std::vector<double>& shares, const std::vector<bool>& is_in_slot, int n_used) {
  double all = 0, none_in = 0, all_in = 0;
  for (unsigned choice = 0; choice < 1U << shares.size(); ++choice) {
    if (std::popcount(choice) != n_used) continue;
    double odds = 1;
    int n_in = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if ((choice >> i & 1) == 0) continue;
      odds *= shares[i] / (1 - shares[i]);
      n_in += is_in_slot[i];
    }
    all += odds;
    if (n_in == 0) none_in += odds;
    if (n_in == n_used) all_in += odds;
  }
  return {.share = 0, .none = none_in / all, .all = all_in / all};
}

TEST(SlotChances, AreThoseOfAllChoices) {
  std::mt19937 random(5);
  for (int n_used = 1; n_used <= 4; ++n_used) {
    for (int turn = 0; turn < 20; ++turn) {
      std::vector<double> shares(10);
      std::vector<bool> is_in_slot;
      for (double& share : shares) share = (1 + static_cast<double>(random() % 90)) / 100;
      for (std::size_t i = 0; i < shares.size(); ++i) is_in_slot.push_back(random() % 3 == 0);
      const SlotChances found = slot_chances(shares, is_in_slot, n_used), expected = by_enumeration(shares, is_in_slot, n_used);
      EXPECT_NEAR(found.none, expected.none, 1e-12);
      EXPECT_NEAR(found.all, expected.all, 1e-12);
      double sum = 0, sum_in = 0;
      for (std::size_t i = 0; i < shares.size(); ++i) sum += shares[i], sum_in += is_in_slot[i] ? shares[i] : 0;
      EXPECT_NEAR(found.share, sum_in / sum, 1e-12);
    }
  }
}

// 8 of 128, 32 of them in slots: (96 over 8) of (128 over 8) choices have none of these.
TEST(SlotChances, OfEqualSharesAreTheHypergeometricDistributions) {
  std::vector<bool> is_in_slot(128);
  std::fill_n(is_in_slot.begin(), 32, true);
  const SlotChances found = slot_chances(std::vector<double>(128, 8.0 / 128), is_in_slot, 8);
  const auto log_choices = [](double n, double k) { return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1); };
  EXPECT_NEAR(found.share, 0.25, 1e-12);
  EXPECT_NEAR(found.none, std::exp(log_choices(96, 8) - log_choices(128, 8)), 1e-9);
  EXPECT_NEAR(found.all, std::exp(log_choices(32, 8) - log_choices(128, 8)), 1e-12);
}

TEST(SlotChances, OfNoneAndOfAllExpertsAreCertain) {
  const std::vector<double> shares(16, 0.25);
  const SlotChances none = slot_chances(shares, std::vector<bool>(16, false), 4), all = slot_chances(shares, std::vector<bool>(16, true), 4);
  EXPECT_EQ(none.share, 0);
  EXPECT_EQ(none.none, 1);
  EXPECT_EQ(none.all, 0);
  EXPECT_EQ(all.share, 1);
  EXPECT_EQ(all.none, 0);
  EXPECT_EQ(all.all, 1);
}

// Texts of a model whose routers like experts as Zipf's law has it with exponent s, in an order of each layer's own; 0: all alike.
class Text {
 public:
  static constexpr std::int64_t kLayers = 6, kExperts = 64, kUsed = 4;
  Text(double s, unsigned seed) : random_(seed) {
    std::mt19937 orders(77);  // the model's, whatever the text
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
      std::vector<double> weights;
      for (std::int64_t rank = 1; rank <= kExperts; ++rank) weights.push_back(std::pow(static_cast<double>(rank), -s));
      std::shuffle(weights.begin(), weights.end(), orders);
      weights_.push_back(std::move(weights));
    }
  }
  // The next token's, of a layer.
  std::vector<std::int32_t> choose(std::int64_t layer) {
    std::vector<double> left = weights_[static_cast<std::size_t>(layer)];
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < kUsed; ++i) {
      ids.push_back(std::discrete_distribution<std::int32_t>(left.begin(), left.end())(random_));
      left[static_cast<std::size_t>(ids.back())] = 0;
    }
    return ids;
  }
  ExpertProfile profile(int n_tokens) {
    ReuseEstimate estimate(kLayers, kExperts);
    for (int token = 0; token < n_tokens; ++token)
      for (std::int64_t layer = 0; layer < kLayers; ++layer) estimate.saw(layer, choose(layer), 1, 0);
    return estimate.profile();
  }

 private:
  std::mt19937 random_;
  std::vector<std::vector<double>> weights_;  // [kLayers][kExperts]
};

// What of another text's choices is in slots that were filled from a profile, and how often none and all of a token's.
SlotChances measured(const ExpertProfile& profile, std::int64_t n_slots, double s) {
  ExpertPlaces places(Text::kLayers, Text::kExperts, n_slots);
  places.begin_with(profile);
  std::vector<std::vector<bool>> is_there(Text::kLayers, std::vector<bool>(Text::kExperts));
  for (const ExpertPlaces::Change& change : places.changes(n_slots))
    is_there[static_cast<std::size_t>(change.in.layer)][static_cast<std::size_t>(change.in.id)] = true;
  Text text(s, 4711);
  constexpr int kTokens = 2000;
  double hits = 0, none = 0, all = 0;
  for (int token = 0; token < kTokens; ++token) {
    for (std::int64_t layer = 0; layer < Text::kLayers; ++layer) {
      int n = 0;
      for (const std::int32_t id : text.choose(layer)) n += is_there[static_cast<std::size_t>(layer)][static_cast<std::size_t>(id)];
      hits += n, none += n == 0, all += n == Text::kUsed;
    }
  }
  constexpr double kSeen = static_cast<double>(kTokens * Text::kLayers);
  return {.share = hits / (kSeen * Text::kUsed), .none = none / kSeen, .all = all / kSeen};
}

SlotChances mean(const std::vector<SlotChances>& layers) {
  SlotChances sum{.share = 0, .none = 0, .all = 0};
  for (const SlotChances& layer : layers) sum.share += layer.share, sum.none += layer.none, sum.all += layer.all;
  const auto n = static_cast<double>(layers.size());
  return {.share = sum.share / n, .none = sum.none / n, .all = sum.all / n};
}

// Counts of 96 tokens have an expert that all like alike chosen 0 to 14 times: taken at their word, a quarter of the experts would have 0.35 of the choices.
TEST(SlotChances, OfAShortRunAreThoseOfAnotherText) {
  for (const double s : {0.0, 0.5, 1.0}) {
    for (const int n_tokens : {96, 1000}) {
      const ExpertProfile profile = Text(s, 1).profile(n_tokens);
      for (const double share : {0.125, 0.25, 0.5, 0.75}) {
        SCOPED_TRACE(std::to_string(s) + ", " + std::to_string(n_tokens) + " tokens, " + std::to_string(share));
        const auto n_slots = static_cast<std::int64_t>(share * Text::kLayers * Text::kExperts);
        const SlotChances found = mean(slot_chances(&profile, Text::kLayers, Text::kExperts, n_slots, Text::kUsed));
        const SlotChances expected = measured(profile, n_slots, s);
        // The 2,304 choices of 96 tokens know the share to 0.01, and chances, which change with it as its fourth power does, to four times as much.
        EXPECT_NEAR(found.share, expected.share, 0.03);
        EXPECT_NEAR(found.none, expected.none, 0.04);
        EXPECT_NEAR(found.all, expected.all, 0.04);
      }
    }
  }
}

TEST(SlotChances, OfWhatNothingIsKnownAreEven) {
  // 40 slots of 3 layers with 16 experts: 14, 13 and 13 of each
  const std::vector<SlotChances> found = slot_chances(nullptr, 3, 16, 40, 4);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_NEAR(found[0].share, 14.0 / 16, 1e-6);
  EXPECT_NEAR(found[1].share, 13.0 / 16, 1e-6);
  EXPECT_NEAR(found[2].share, 13.0 / 16, 1e-6);
  EXPECT_NEAR(found[1].all, 13.0 * 12 * 11 * 10 / (16.0 * 15 * 14 * 13), 1e-6);
  EXPECT_EQ(found[1].none, 0);
}

// Of a cache that a run had, what a cache of any other size makes of another text.
TEST(KeptHitRate, IsThatOfCachesOfAnySizeOnAnotherText) {
  for (const double s : {0.0, 0.5, 1.0}) {
    const ExpertProfile profile = Text(s, 1).profile(200);
    for (const double share : {0.125, 0.25, 0.5, 0.75}) {
      const auto n_slots = static_cast<std::int64_t>(share * Text::kLayers * Text::kExperts);
      ExpertCache cache(Text::kLayers, Text::kExperts, n_slots);
      cache.warm(profile);
      Text text(s, 4711);
      double hits = 0, n = 0;
      for (int token = 0; token < 500; ++token) {
        for (std::int64_t layer = 0; layer < Text::kLayers; ++layer) {
          const std::vector<std::int32_t> ids = text.choose(layer);
          cache.saw(layer, ids, 1);
          for (const ExpertCache::Place& place : cache.take(layer, ids)) hits += place.is_hit, ++n;
          cache.release(layer, ids);
        }
      }
      EXPECT_NEAR(profile.hit_rate(share).value(), hits / n, 0.03) << s << ", " << share;
    }
  }
}

TEST(KeptHitRate, OfARunThatDecodedNothingIsUnknown) {
  ReuseEstimate estimate(1, 8);
  EXPECT_FALSE(estimate.profile().hit_rate(0.5));
  std::vector<std::int32_t> prompt(64);
  for (std::size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<std::int32_t>(i % 8);
  estimate.saw(0, prompt, 32, 0);
  EXPECT_FALSE(estimate.profile().hit_rate(0.5));
  EXPECT_EQ(estimate.profile().n_tokens[0], 32);
  EXPECT_EQ(estimate.profile().n_decoded[0] + estimate.profile().n_decoded[1], 0);
  // nor what a token would choose
  const ExpertProfile prompt_alone = estimate.profile();
  EXPECT_NEAR(slot_chances(&prompt_alone, 1, 8, 2, 2)[0].share, 0.25, 1e-6);
}

}  // namespace
}  // namespace pio
