// Which experts a card holds: those that tokens chose most, of all layers alike where nothing is known.

#include "engine/experts/expert_places.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "tests/engine/experts/made_up_trace.h"

namespace pio {
namespace {

using test::made_up_trace;
using test::MadeUp;

using Expert = ExpertPlaces::Expert;

void make(ExpertPlaces& places, const std::vector<ExpertPlaces::Change>& changes) {
  for (const ExpertPlaces::Change& change : changes) {
    EXPECT_EQ(change.out.has_value(), places.held(change.slot).layer >= 0);
    if (change.out) {
      EXPECT_EQ(*change.out, places.held(change.slot));
    }
    places.put(change.slot, change.in);
  }
}

std::set<std::pair<std::int64_t, std::int32_t>> held(const ExpertPlaces& places) {
  std::set<std::pair<std::int64_t, std::int32_t>> all;
  for (std::int32_t slot = 0; slot < places.n_slots(); ++slot)
    if (places.held(slot).layer >= 0) all.emplace(places.held(slot).layer, places.held(slot).id);
  return all;
}

// How many of what the tokens from … to - 1 chose lies in slots; afterwards `places` has seen them.
double hits(ExpertPlaces& places, const RoutingTrace& trace, std::int64_t from, std::int64_t to) {
  const auto here = held(places);
  std::int64_t n_hits = 0, n_all = 0;
  for (const RoutingTrace::Choice& choice : trace.choices) {
    if (choice.step < from || choice.step >= to) continue;
    for (const std::int32_t id : trace.experts_of(choice)) n_hits += here.contains({choice.layer, id});
    n_all += choice.n;
    places.saw(choice.layer, trace.experts_of(choice), 1);
  }
  return static_cast<double>(n_hits) / static_cast<double>(n_all);
}

TEST(ExpertPlaces, BeginEvenlyWhereNothingIsKnown) {
  for (const std::int64_t n_slots : {0, 1, 6, 7, 31, 32}) {
    ExpertPlaces places(4, 8, n_slots);
    make(places, places.changes(1000));
    const auto here = held(places);
    EXPECT_EQ(std::ssize(here), n_slots) << "each in one slot";
    std::map<std::int64_t, std::int64_t> of_layer;
    for (const auto& [layer, id] : here) ++of_layer[layer];
    for (std::int64_t layer = 0; layer < 4; ++layer) {
      EXPECT_GE(of_layer[layer], n_slots / 4);
      EXPECT_LE(of_layer[layer], (n_slots + 3) / 4);
    }
    EXPECT_TRUE(places.changes(1000).empty()) << "nothing is worth more than what is there";
  }
}

TEST(ExpertPlaces, ChangeHandsForThoseThatAreChosenMoreTheMostUsefulFirst) {
  ExpertPlaces places(2, 4, 3);
  make(places, places.changes(1000));  // 0 and 1 of layer 0, 0 of layer 1
  EXPECT_EQ(held(places), (std::set<std::pair<std::int64_t, std::int32_t>>{{0, 0}, {0, 1}, {1, 0}}));
  for (int i = 0; i < 300; ++i) {
    const std::int32_t first[] = {3, i % 3 == 0 ? 2 : 0}, second[] = {2, i % 9 == 0 ? 1 : 0};
    places.saw(0, first, 1);
    places.saw(1, second, 1);
  }
  // chosen always: 3 of layer 0 and 2 of layer 1; nine times in ten: 0 of layer 1; twice in three: 0 of layer 0
  std::vector<ExpertPlaces::Change> changes = places.changes(1000);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].out, (Expert{0, 1})) << "chosen by none";
  EXPECT_EQ(changes[1].out, (Expert{0, 0}));
  EXPECT_EQ(places.changes(1).size(), 1u);
  EXPECT_EQ(places.changes(0).size(), 0u);
  make(places, changes);
  EXPECT_EQ(held(places), (std::set<std::pair<std::int64_t, std::int32_t>>{{0, 3}, {1, 2}, {1, 0}}));
  EXPECT_TRUE(places.changes(1000).empty());
  // A slot whose expert is gone is filled again.
  places.clear(0);
  changes = places.changes(1000);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].slot, 0);
  EXPECT_FALSE(changes[0].out);
}

TEST(ExpertPlaces, AsManyTokensAtOnceCountAsOneByOne) {
  const RoutingTrace trace = made_up_trace({.n_layers = 1, .n_experts = 16, .n_used = 2, .n_prompt = 0, .n_decode = 64});
  ExpertPlaces one_by_one(1, 16, 4), at_once(1, 16, 4);
  for (const RoutingTrace::Choice& choice : trace.choices) one_by_one.saw(0, trace.experts_of(choice), 1);
  at_once.saw(0, trace.experts, 64);
  for (std::int32_t id = 0; id < 16; ++id) EXPECT_NEAR(at_once.share({0, id}), one_by_one.share({0, id}), 1e-5);
}

// Routing of a text is skewed: by Zipf's law half of the slots of an even beginning would be in vain.
TEST(ExpertPlaces, WhatTokensChoseBringsMoreHitsThanAnEvenBeginning) {
  const MadeUp law{.n_layers = 12, .n_experts = 64, .n_used = 6, .n_prompt = 0, .n_decode = 600};
  const RoutingTrace trace = made_up_trace(law);
  for (const double share : {0.12, 0.24, 0.48}) {
    const auto n_slots = static_cast<std::int64_t>(share * 12 * 64);
    ExpertPlaces places(12, 64, n_slots);
    make(places, places.changes(n_slots));
    const double even = hits(places, trace, 0, 200);
    EXPECT_NEAR(even, share, 0.08);
    make(places, places.changes(n_slots));
    const double after = hits(places, trace, 200, 400);
    EXPECT_GT(after, even + 0.2) << share;

    // An earlier run's profile is as good from the first token on.
    ReuseEstimate routing(12, 64);
    for (const RoutingTrace::Choice& choice : trace.choices)
      if (choice.step < 200) routing.saw(choice.layer, trace.experts_of(choice), 1, 0);
    ExpertPlaces warm(12, 64, n_slots);
    warm.begin_with(routing.profile());
    make(warm, warm.changes(n_slots));
    EXPECT_GT(hits(warm, trace, 200, 400), even + 0.2) << share;

    // A few changes at a time come to the same in the end.
    ExpertPlaces slow(12, 64, n_slots);
    make(slow, slow.changes(n_slots));
    double before = 0;
    for (std::int64_t at = 0; at < 400; at += 50) {
      before = hits(slow, trace, at, at + 50);
      make(slow, slow.changes(n_slots / 4));
    }
    EXPECT_GT(hits(slow, trace, 400, 600), after - 0.05) << before;
  }
}

// A model that routes as a text asks: 28 tokens of a prompt, then 128 generated ones. What a plan counts on (plan/hit_rate.h) is of caches that follow
// every token; a card's slots come near that when they have seen some.
TEST(ExpertPlaces, ComeNearWhatAPlanCountsOnWithARecordedTrace) {
  const char* shared = std::getenv("PIO_SHARED");
  std::ifstream in((shared ? std::string(shared) : PIO_SOURCE "/../shared") + "/traces/qwen3-30b-a3b.route.csv");
  if (!in) GTEST_SKIP() << "no traces: set PIO_SHARED to the folder that has traces/";
  RoutingTraceReader reader;
  for (std::string line; std::getline(in, line);) ASSERT_TRUE(reader.add(line)) << line;
  const RoutingTrace trace = reader.finish().value();
  struct Row {
    double share, behind_prompt, behind_64;
  };
  for (const Row& row : {Row{0.12, 0.35, 0.50}, Row{0.24, 0.58, 0.72}, Row{0.36, 0.70, 0.85}, Row{0.48, 0.78, 0.91}}) {
    const auto n_slots = static_cast<std::int64_t>(row.share * 48 * 128);
    const auto run = [&](std::int64_t n_seen) {
      ExpertPlaces places(48, 128, n_slots);
      make(places, places.changes(n_slots));
      EXPECT_NEAR(hits(places, trace, 0, n_seen), row.share, 0.04) << "an even beginning";
      make(places, places.changes(n_slots));
      return hits(places, trace, n_seen, 1000);
    };
    EXPECT_GT(run(28), row.behind_prompt) << row.share;
    EXPECT_GT(run(28 + 64), row.behind_64) << row.share;
  }
}

}  // namespace
}  // namespace pio
