#include "engine/experts/expert_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/engine/experts/counted_allocations.h"
#include "tests/engine/experts/made_up_trace.h"

namespace pio {
namespace {

using Expert = ExpertCache::Expert;
using Place = ExpertCache::Place;
using Ids = std::vector<std::int32_t>;

// A token of a layer from beginning to end. Returns what was missing.
Ids run(ExpertCache& cache, std::int64_t layer, const Ids& ids) {
  cache.saw(layer, ids, 1);
  Ids missing;
  for (const Place& place : cache.take(layer, ids)) {
    if (!place.is_hit) missing.push_back(place.expert.id);
  }
  cache.release(layer, ids);
  return missing;
}

TEST(ExpertCache, KeepsWhatFitsAndSaysWhereItLies) {
  ExpertCache cache(2, 4, 3);
  const Ids ids = {2, 0};
  cache.saw(1, ids, 1);
  const std::vector<Place> first(cache.take(1, ids).begin(), cache.take(1, ids).end());
  cache.release(1, ids);
  cache.release(1, ids);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].expert, (Expert{1, 2}));
  EXPECT_EQ(first[1].expert, (Expert{1, 0}));
  EXPECT_NE(first[0].slot, first[1].slot);
  EXPECT_FALSE(first[0].evicted || first[1].evicted);
  EXPECT_TRUE(cache.is_held(1, 2));
  EXPECT_FALSE(cache.is_held(0, 2));
  const auto again = cache.take(1, ids);
  EXPECT_TRUE(again[0].is_hit && again[1].is_hit);
  EXPECT_EQ(again[0].slot, first[0].slot);
  EXPECT_EQ(cache.n_available(), 1);
  cache.release(1, ids);
  EXPECT_EQ(cache.n_available(), 3);
  EXPECT_EQ(cache.counts(1).hits, 4);  // of three takes
  EXPECT_EQ(cache.counts(1).misses, 2);
}

TEST(ExpertCache, KeepsWhatIsWantedOftenOverWhatCameLast) {
  ExpertCache cache(1, 16, 3);
  for (int i = 0; i < 20; ++i) {
    run(cache, 0, {0});
    run(cache, 0, {1});
  }
  for (std::int32_t once = 2; once < 10; ++once) {
    EXPECT_EQ(run(cache, 0, {once}), Ids{once});
    EXPECT_TRUE(cache.is_held(0, 0)) << once;
    EXPECT_TRUE(cache.is_held(0, 1)) << once;
  }
}

TEST(ExpertCache, FollowsATextThatChanges) {
  ExpertCache cache(1, 16, 3);
  for (int i = 0; i < 300; ++i) run(cache, 0, {i % 3});
  for (int i = 0; i < 40; ++i) run(cache, 0, {8 + i % 3});
  for (const std::int32_t id : {8, 9, 10}) EXPECT_TRUE(cache.is_held(0, id));
}

TEST(ExpertCache, GivesSlotsToTheLayerThatRoutesEvenly) {
  ExpertCache cache(2, 32, 20);
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    run(cache, 0, {static_cast<std::int32_t>(random() % 16)});
    run(cache, 1, {7});
  }
  EXPECT_GE(cache.n_held(0), 15);
  EXPECT_TRUE(cache.is_held(1, 7));
  // and takes them back when the other one does
  for (int i = 0; i < 400; ++i) {
    run(cache, 0, {3});
    run(cache, 1, {static_cast<std::int32_t>(random() % 16)});
  }
  EXPECT_GE(cache.n_held(1), 15);
}

// The memory behind the last slots goes: who stays has moved from there, with its bytes, and who is likeliest stays.
TEST(ExpertCache, ShrinksFromItsEndAndGrowsAgain) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    constexpr std::int64_t kSlots = 24;
    ExpertCache cache(3, 16, kSlots);
    std::map<std::int32_t, Expert> lies;  // by slot
    const auto run_some = [&](int n) {
      for (int i = 0; i < n; ++i) {
        const std::int64_t layer = static_cast<std::int64_t>(random() % 3);
        const auto id = static_cast<std::int32_t>(random() % 4 == 0 ? random() % 16 : random() % 3);
        const Ids ids{id};
        cache.saw(layer, ids, 1);
        const Place place = cache.take(layer, ids).front();
        ASSERT_LT(place.slot, cache.n_slots());
        if (place.is_hit) {
          ASSERT_EQ(lies.at(place.slot), place.expert);
        }
        lies[place.slot] = place.expert;
        cache.release(layer, ids);
      }
    };
    run_some(static_cast<int>(random() % 200));
    for (const std::int64_t n : {5, 1, 10, 100}) {
      const std::int64_t before = cache.n_slots();
      const std::size_t n_held = lies.size();
      const std::vector<ExpertCache::Move> moves = cache.shrink(n);
      ASSERT_EQ(cache.n_slots(), std::max<std::int64_t>(0, before - n));
      if (cache.n_slots() == 0) break;
      const std::map<std::int32_t, Expert> was = lies;
      std::set<std::int32_t> written;
      for (const ExpertCache::Move& move : moves) {
        ASSERT_EQ(was.at(move.from), move.expert);
        ASSERT_GE(move.from, cache.n_slots());
        ASSERT_LT(move.to, cache.n_slots());
        ASSERT_TRUE(written.insert(move.to).second);
        lies[move.to] = move.expert;
      }
      std::erase_if(lies, [&](const auto& one) { return one.first >= cache.n_slots() || !cache.is_held(one.second.layer, one.second.id); });
      ASSERT_EQ(std::ssize(lies), std::min<std::int64_t>(std::ssize(was), cache.n_slots())) << "only as many went as had to, of " << n_held;
      ASSERT_NO_FATAL_FAILURE(run_some(20));
    }
    cache.grow(kSlots - cache.n_slots());
    std::erase_if(lies, [&](const auto& one) { return !cache.is_held(one.second.layer, one.second.id); });
    ASSERT_EQ(cache.n_available(), kSlots);
    ASSERT_NO_FATAL_FAILURE(run_some(300));
    ASSERT_EQ(std::ssize(lies), kSlots);
  }
}

TEST(ExpertCache, DoesNotShrinkWhileExpertsAreInUse) {
  ExpertCache cache(1, 8, 6);
  const Ids ids{2};
  cache.take(0, ids);
  EXPECT_TRUE(cache.shrink(3).empty());
  EXPECT_EQ(cache.n_slots(), 6);
  cache.release(0, ids);
  cache.shrink(3);
  EXPECT_EQ(cache.n_slots(), 3);
  EXPECT_TRUE(cache.is_held(0, 2)) << "empty ones go first";
}

// What must hold whatever is asked for: nothing in use goes, no slot is two experts', every miss has a slot and is what lies there then.
TEST(ExpertCache, HoldsItsPromisesInAnyOrderOfCalls) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    constexpr int kLayers = 5, kExperts = 12;
    int n_slots = 6 + below(20);
    ExpertCache cache(kLayers, kExperts, n_slots);
    std::map<std::int32_t, Expert> lies;  // by slot
    std::vector<std::pair<std::int64_t, Ids>> in_use;
    std::vector<std::int32_t> given_back;
    for (int turn = 0; turn < 4000; ++turn) {
      const int what = below(20);
      if (what < 12) {
        const int layer = below(kLayers);
        std::set<std::int32_t> wanted;
        for (int i = 1 + below(4); i > 0; --i) wanted.insert(below(kExperts));
        const Ids ids(wanted.begin(), wanted.end());
        std::int64_t n_missing = 0;
        for (const std::int32_t id : ids) n_missing += !cache.is_held(layer, id);
        std::set<std::pair<std::int64_t, std::int32_t>> now_used;
        for (const auto& [l, held] : in_use)
          for (const std::int32_t id : held) now_used.insert({l, id});
        for (const std::int32_t id : ids) now_used.insert({layer, id});
        if (static_cast<std::int64_t>(now_used.size()) > cache.n_slots()) continue;
        cache.saw(layer, ids, 1);
        std::int64_t n_read = 0;
        for (const Place& place : cache.take(layer, ids)) {
          const auto before = lies.find(place.slot);
          if (place.is_hit) {
            ASSERT_TRUE(before != lies.end() && before->second == place.expert);
            continue;
          }
          ++n_read;
          ASSERT_EQ(place.evicted.has_value(), before != lies.end());
          if (place.evicted) {
            ASSERT_EQ(*place.evicted, before->second);
            for (const auto& [l, held] : in_use)
              for (const std::int32_t id : held) ASSERT_FALSE(l == place.evicted->layer && id == place.evicted->id) << "it was in use";
            ASSERT_FALSE(place.evicted->layer == layer && wanted.contains(place.evicted->id)) << "it is wanted now";
          }
          lies[place.slot] = place.expert;
        }
        ASSERT_EQ(n_read, n_missing);
        in_use.emplace_back(layer, ids);
      } else if (what < 17 && !in_use.empty()) {
        const int at = below(static_cast<int>(in_use.size()));
        cache.release(in_use[at].first, in_use[at].second);
        in_use.erase(in_use.begin() + at);
      } else if (what == 17 && given_back.empty() && in_use.empty()) {
        given_back = cache.give_back(1 + below(4));
        for (const std::int32_t slot : given_back) lies.erase(slot);
      } else if (what == 18) {
        cache.receive(given_back);
        given_back.clear();
      } else if (what == 19 && in_use.empty()) {
        const int layer = below(kLayers), id = below(kExperts);
        std::erase_if(lies, [&](const auto& one) { return one.second == Expert{layer, id}; });
        cache.forget(layer, id);
      }
      std::int64_t n_held = 0;
      for (int layer = 0; layer < kLayers; ++layer) {
        n_held += cache.n_held(layer);
        for (int id = 0; id < kExperts; ++id) {
          const bool is_there = std::any_of(lies.begin(), lies.end(), [&](const auto& one) { return one.second == Expert{layer, id}; });
          ASSERT_EQ(cache.is_held(layer, id), is_there);
        }
      }
      ASSERT_EQ(n_held, std::ssize(lies));
      ASSERT_EQ(cache.n_slots(), n_slots - std::ssize(given_back));
    }
  }
}

TEST(ExpertCache, FailsAReadWithoutLosingTheSlot) {
  ExpertCache cache(1, 8, 2);
  const Ids ids = {4, 5};
  cache.take(0, ids);
  cache.forget(0, 4);
  EXPECT_FALSE(cache.is_held(0, 4));
  EXPECT_EQ(cache.n_available(), 1);
  cache.release(0, ids);
  EXPECT_EQ(cache.n_available(), 2);
  EXPECT_FALSE(cache.take(0, Ids{4})[0].evicted) << "its slot is empty";
}

TEST(ExpertCache, GivesBackWhatIsLeastLikelyAndNothingInUse) {
  ExpertCache cache(1, 8, 4);
  for (int i = 0; i < 30; ++i) run(cache, 0, {i % 2});
  run(cache, 0, {5});
  const Ids used = {5};
  cache.take(0, used);
  EXPECT_EQ(cache.give_back(2).size(), 2u) << "an empty one and";
  EXPECT_TRUE(cache.is_held(0, 5));
  EXPECT_EQ(cache.n_held(0), 2);
  EXPECT_EQ(cache.give_back(9).size(), 1u);
  EXPECT_EQ(cache.n_slots(), 1);
}

TEST(ExpertCache, BeginsWarmWithTheLikeliest) {
  ExpertCache before(2, 8, 4);
  for (int i = 0; i < 50; ++i) {
    run(before, 0, {1, i % 5 == 0 ? 2 : 3});
    run(before, 1, {6});
  }
  const ExpertProfile profile = before.profile();
  EXPECT_FLOAT_EQ(profile.shares[1], 1);
  EXPECT_FLOAT_EQ(profile.shares[2], 0.2F);
  EXPECT_EQ(profile.n_tokens[0], 50);
  ExpertCache cache(2, 8, 3);
  std::set<std::pair<std::int64_t, std::int32_t>> read;
  for (const Place& place : cache.warm(profile)) read.insert({place.expert.layer, place.expert.id});
  EXPECT_EQ(read, (std::set<std::pair<std::int64_t, std::int32_t>>{{0, 1}, {0, 3}, {1, 6}}));
  EXPECT_EQ(run(cache, 0, {1, 3}), Ids{});
  EXPECT_EQ(cache.counts(0).misses, 0) << "a warm start is no miss";
}

TEST(ExpertCache, AllocatesNothingWhileItRuns) {
  const RoutingTrace trace = test::made_up_trace({.drift = 0.01});
  ExpertCache cache(trace.n_layers, trace.n_experts, 100);
  const std::int64_t before = test::n_allocations();
  for (const RoutingTrace::Choice& choice : trace.choices) {
    cache.saw(choice.layer, trace.experts_of(choice), 1);
    cache.take(choice.layer, trace.experts_of(choice));
    cache.release(choice.layer, trace.experts_of(choice));
  }
  EXPECT_EQ(test::n_allocations(), before);
  EXPECT_GT(cache.counts(0).evictions, 0);
}

// Shares of the tokens so far, each fading with its half-life, in equal parts before anything was learned.
TEST(ReuseEstimate, AChunkCountsItsTokensInTheirOrder) {
  constexpr std::int64_t kTokens = 40;  // more than it learns from
  std::mt19937 random(5);
  Ids ids;
  for (int i = 0; i < 2 * kTokens; ++i) ids.push_back(static_cast<std::int32_t>(random() % 3 * 2 + i % 2));
  ReuseEstimate estimate(1, 6);
  estimate.saw(0, ids, kTokens, 0);
  for (std::int32_t id = 0; id < 6; ++id) {
    double chance = 0;
    for (const double half_life : {1, 4, 16, 64}) {
      for (std::int64_t t = 0; t < kTokens; ++t) {
        const bool chose = ids[2 * t] == id || ids[2 * t + 1] == id;
        const double age = static_cast<double>(kTokens - 1 - t);
        if (chose) chance += 0.25 * (1 - std::pow(0.5, 1 / half_life)) * std::pow(0.5, age / half_life);
      }
    }
    EXPECT_NEAR(estimate.chances(0)[id], chance, 1e-5) << id;
  }
}

TEST(ReuseEstimate, LearnsWhetherTheTextMatters) {
  // Where every token is drawn alike, chances come near the true shares; where an expert comes in runs, the last token tells.
  std::mt19937 random(9);
  ReuseEstimate drawn(1, 10), runs(1, 10);
  for (int i = 0; i < 2000; ++i) {
    const auto id = static_cast<std::int32_t>(random() % 2 == 0 ? 0 : 1 + random() % 9);
    drawn.saw(0, Ids{id}, 1, 0);
    runs.saw(0, Ids{i / 50 % 10}, 1, 0);
  }
  EXPECT_NEAR(drawn.chances(0)[0], 0.5, 0.15);
  const std::int32_t last = 1999 / 50 % 10;
  EXPECT_GT(runs.chances(0)[last], 0.8F);
}

}  // namespace
}  // namespace pio
