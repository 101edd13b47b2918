#include "engine/experts/replay.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "tests/engine/experts/made_up_trace.h"

namespace pio {
namespace {

using test::made_up_trace;
using test::MadeUp;
using test::trace_of;

double hit_rate(const RoutingTrace& trace, ExpertPolicy policy, double share, const ExpertProfile* warm = nullptr) {
  const auto n_slots = static_cast<std::int64_t>(share * static_cast<double>(trace.n_mixtures() * trace.n_experts));
  const ReplayResult::Layer total = replay(trace, policy, n_slots, warm).total();
  return 100 * static_cast<double>(total.hits) / static_cast<double>(total.accesses);
}

// Every choice of what to evict, tried: the most hits that any cache can have.
class AllChoices {
 public:
  AllChoices(std::vector<std::int32_t> accesses, std::size_t n_slots) : accesses_(std::move(accesses)), n_slots_(n_slots) {}
  int most_hits(std::size_t at = 0, const std::set<std::int32_t>& held = {}) {
    if (at == accesses_.size()) return 0;
    const auto known = known_.find({at, held});
    if (known != known_.end()) return known->second;
    const std::int32_t id = accesses_[at];
    int most = 0;
    if (held.contains(id)) {
      most = 1 + most_hits(at + 1, held);
    } else if (held.size() < n_slots_) {
      std::set<std::int32_t> with = held;
      with.insert(id);
      most = most_hits(at + 1, with);
    } else {
      for (const std::int32_t goes : held) {
        std::set<std::int32_t> with = held;
        with.erase(goes);
        with.insert(id);
        most = std::max(most, most_hits(at + 1, with));
      }
    }
    return known_[{at, held}] = most;
  }

 private:
  std::vector<std::int32_t> accesses_;
  std::size_t n_slots_;
  std::map<std::pair<std::size_t, std::set<std::int32_t>>, int> known_;
};

std::vector<std::int32_t> random_accesses(int n, int n_keys, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> accesses;
  for (int i = 0; i < n; ++i) accesses.push_back(static_cast<std::int32_t>(random() % n_keys));
  return accesses;
}

TEST(Replay, BeladyHasTheMostHitsThatAnyCacheCanHave) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    for (const int n_slots : {1, 2, 3, 5}) {
      const std::vector<std::int32_t> accesses = random_accesses(24, 6, seed);
      EXPECT_EQ(replay(trace_of(accesses, 6), ExpertPolicy::belady, n_slots).total().hits, AllChoices(accesses, n_slots).most_hits())
          << "seed " << seed << ", " << n_slots << " slots";
    }
  }
}

TEST(Replay, NoPolicyHasMoreHitsThanBelady) {
  for (const MadeUp& law : {MadeUp{.n_layers = 4, .n_experts = 16, .n_used = 2}, MadeUp{.n_layers = 3, .n_experts = 12, .exponent = 0}}) {
    RoutingTrace trace = made_up_trace(law);
    std::erase_if(trace.choices, [](const RoutingTrace::Choice& choice) { return choice.step < 50; });  // a part of a trace is one too
    for (const std::int64_t n_slots : {8, 16, 24, 30}) {
      const std::int64_t best = replay(trace, ExpertPolicy::belady, n_slots).total().hits;
      for (const ExpertPolicy policy : kExpertPolicies)
        EXPECT_LE(replay(trace, policy, n_slots).total().hits, best) << name_of(policy) << ", " << n_slots << " slots";
    }
  }
}

// A list that is searched, oldest use first: what the ordered sets must say.
TEST(Replay, LruAndLfuAreThoseOfAListThatIsSearched) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const std::vector<std::int32_t> accesses = random_accesses(300, 9, seed);
    for (const std::size_t n_slots : {1u, 3u, 8u, 9u}) {
      for (const bool counts : {false, true}) {
        std::vector<std::int32_t> held;  // oldest use first
        std::map<std::int32_t, int> uses;
        int hits = 0;
        for (const std::int32_t id : accesses) {
          if (const auto at = std::find(held.begin(), held.end(), id); at != held.end()) {
            ++hits;
            held.erase(at);
          } else if (held.size() == n_slots) {
            auto goes = held.begin();
            for (auto other = held.begin(); counts && other != held.end(); ++other) {
              if (uses[*other] < uses[*goes]) goes = other;
            }
            held.erase(goes);
          }
          held.push_back(id);
          ++uses[id];
        }
        EXPECT_EQ(replay(trace_of(accesses, 9), counts ? ExpertPolicy::lfu : ExpertPolicy::lru, n_slots).total().hits, hits)
            << "seed " << seed << ", " << n_slots << " slots";
      }
    }
  }
}

TEST(Replay, LayersWithTheirOwnSlotsDoNotTakeThoseOfOthers) {
  // Layer 0 wants one expert, layer 1 always another one.
  RoutingTrace trace;
  trace.n_layers = 2;
  trace.n_experts = 8;
  trace.expert_bytes.resize(2);
  const float weight = 1;
  for (std::int32_t step = 0; step < 16; ++step) {
    for (std::int32_t layer = 0; layer < 2; ++layer) {
      const std::int32_t id = layer == 0 ? 3 : step % 8;
      trace.add({.turn = 0, .is_decode = step >= 8, .step = step, .layer = layer}, std::span(&id, 1), std::span(&weight, 1));
    }
  }
  for (const ExpertPolicy policy : {ExpertPolicy::layer_lru, ExpertPolicy::layer_lfu}) {
    const ReplayResult result = replay(trace, policy, 4);
    EXPECT_EQ(result.layers[0].hits, 8) << name_of(policy);
    EXPECT_EQ(result.layers[0].accesses, 8) << "only generated tokens count";
    EXPECT_LE(result.layers[1].hits, 2) << name_of(policy);
  }
  // Ours gives the slots to the layer that can use them.
  EXPECT_EQ(replay(trace, ExpertPolicy::ours, 9).layers[1].hits, 8);
  EXPECT_EQ(replay(trace, ExpertPolicy::layer_lru, 9).layers[1].hits, 0);
}

TEST(Replay, IsTheSameEveryTime) {
  const RoutingTrace trace = made_up_trace({.drift = 0.005});
  for (const ExpertPolicy policy : kExpertPolicies) EXPECT_EQ(hit_rate(trace, policy, 0.2), hit_rate(trace, policy, 0.2)) << name_of(policy);
}

struct Law {
  const char* name;
  MadeUp law;
  double least_gain = 5;  // points above LRU at 12 % of the pool
};
class MadeUpRouting : public testing::TestWithParam<Law> {};

TEST_P(MadeUpRouting, OursIsNotBelowLruAndWellAboveItWhereMemoryIsShort) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    MadeUp law = GetParam().law;
    law.seed = seed;
    const RoutingTrace trace = made_up_trace(law);
    for (const double share : {0.12, 0.24, 0.36, 0.48}) {
      const double ours = hit_rate(trace, ExpertPolicy::ours, share), lru = hit_rate(trace, ExpertPolicy::lru, share);
      EXPECT_GE(ours, lru + (share < 0.2 ? GetParam().least_gain : -0.3)) << "seed " << seed << ", " << share << " of the pool";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Laws, MadeUpRouting,
                         testing::Values(Law{"zipf", {}}, Law{"steep", {.exponent = 1.5}}, Law{"flat", {.exponent = 0.5}},
                                         Law{"uniform", {.exponent = 0}, 1}, Law{"drift", {.drift = 0.003}},
                                         Law{"fast_drift", {.exponent = 1.2, .drift = 0.02}}, Law{"phases", {.exponent = 1.2, .n_phases = 4}},
                                         Law{"short_phases", {.exponent = 1.2, .n_phases = 10}},
                                         Law{"four_of_64", {.n_layers = 20, .n_used = 4, .exponent = 0.8}},
                                         Law{"eight_of_128", {.n_layers = 8, .n_experts = 128, .n_used = 8, .drift = 0.001}},
                                         Law{"long", {.n_layers = 4, .n_decode = 1500, .drift = 0.0005}}),
                         [](const auto& law) { return law.param.name; });

TEST(Replay, AProfileOfAnotherTextHelpsTheFirstTokens) {
  MadeUp law{.n_prompt = 2, .n_decode = 20};
  const RoutingTrace now = made_up_trace(law);
  // The same popularities, other tokens: what came behind.
  law.n_decode = 400;
  RoutingTrace before = made_up_trace(law);
  std::erase_if(before.choices, [](const RoutingTrace::Choice& choice) { return choice.step < 22; });
  const ExpertProfile profile = profile_of(before);
  EXPECT_GT(hit_rate(now, ExpertPolicy::ours, 0.48, &profile), hit_rate(now, ExpertPolicy::ours, 0.48) + 5);
}

// The recorded trace, where it is at hand: $PIO_SHARED/traces, else beside the source.
class RecordedTrace : public testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("PIO_SHARED");
    std::ifstream in((shared ? std::string(shared) : PIO_SOURCE "/../shared") + "/traces/qwen3-30b-a3b.route.csv");
    if (!in) GTEST_SKIP() << "no traces: set PIO_SHARED to the folder that has traces/";
    RoutingTraceReader reader;
    for (std::string line; std::getline(in, line);) ASSERT_TRUE(reader.add(line)) << line;
    trace_ = reader.finish().value();
  }
  // Generated tokens from … to - 1 of the trace; the prompt where that begins with the first one.
  RoutingTrace part(std::int64_t from, std::int64_t to) const {
    RoutingTrace part = trace_;
    std::erase_if(part.choices,
                  [&](const RoutingTrace::Choice& choice) { return choice.is_decode ? choice.step < from || choice.step >= to : from > kPrompt; });
    return part;
  }
  static constexpr std::int64_t kPrompt = 28, kEnd = 156;
  RoutingTrace trace_;
};

TEST_F(RecordedTrace, IsReplayedAsOthersDid) {
  EXPECT_EQ(trace_.n_layers, 48);
  EXPECT_EQ(trace_.n_experts, 128);
  EXPECT_EQ(trace_.n_decoded(), 128 * 48 * 6);
  const double shares[] = {0.12, 0.24, 0.36, 0.48}, lru[] = {56.9, 80.6, 92.3, 96.0}, belady[] = {79.6, 92.9, 96.7, 97.1};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(hit_rate(trace_, ExpertPolicy::lru, shares[i]), lru[i], 0.06);
    EXPECT_NEAR(hit_rate(trace_, ExpertPolicy::belady, shares[i]), belady[i], 0.06);
  }
}

TEST_F(RecordedTrace, OursIsAboveLru) {
  const auto gain = [](const RoutingTrace& trace, double share) {
    return hit_rate(trace, ExpertPolicy::ours, share) - hit_rate(trace, ExpertPolicy::lru, share);
  };
  EXPECT_GE(gain(trace_, 0.12), 5);
  EXPECT_GE(gain(trace_, 0.24), 0.5);
  EXPECT_GE(gain(trace_, 0.36), 0);
  EXPECT_GE(gain(trace_, 0.48), 0);
  for (const auto& [from, to] : {std::pair(kPrompt, kPrompt + 64), std::pair(kPrompt + 64, kEnd)}) {  // each half from empty
    const RoutingTrace half = part(from, to);
    EXPECT_GE(gain(half, 0.12), 3) << from;
    for (const double share : {0.24, 0.36, 0.48}) EXPECT_GE(gain(half, share), -0.1) << from << ", " << share;
  }
}

TEST_F(RecordedTrace, AProfileOfTheFirstHalfHelpsTheSecond) {
  const ExpertProfile profile = profile_of(part(kPrompt, kPrompt + 64));
  const RoutingTrace second = part(kPrompt + 64, kEnd);
  for (const double share : {0.12, 0.24, 0.36, 0.48})
    EXPECT_GT(hit_rate(second, ExpertPolicy::ours, share, &profile), hit_rate(second, ExpertPolicy::ours, share)) << share;
}

// What a plan after one text predicts of the next, of routing that follows the text: neither even nor drawn from one law.
TEST_F(RecordedTrace, AProfileOfTheFirstHalfSaysHowOftenTheSecondHits) {
  const ExpertProfile profile = profile_of(part(kPrompt, kPrompt + 64));
  const RoutingTrace second = part(kPrompt + 64, kEnd);
  for (const double share : {0.12, 0.24, 0.36, 0.48}) {
    ASSERT_TRUE(profile.hit_rate(share));
    EXPECT_NEAR(100 * *profile.hit_rate(share), hit_rate(second, ExpertPolicy::ours, share, &profile), 2.5) << share;
  }
}

}  // namespace
}  // namespace pio
