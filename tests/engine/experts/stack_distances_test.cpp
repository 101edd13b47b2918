#include "engine/experts/stack_distances.h"

#include <gtest/gtest.h>

#include <list>
#include <numeric>
#include <random>

#include "engine/experts/replay.h"
#include "tests/engine/experts/made_up_trace.h"

namespace pio {
namespace {

using test::made_up_trace;
using test::trace_of;

TEST(StackDistances, AreThoseOfMattson) {
  StackDistances distances(3);
  std::vector<std::int64_t> found;
  for (const int key : {0, 1, 0, 2, 2, 1, 0}) found.push_back(distances.access(key));
  EXPECT_EQ(found, (std::vector<std::int64_t>{0, 0, 2, 0, 1, 3, 3}));
}

// The stack itself, a list: what the tree must say.
TEST(StackDistances, AreThoseOfAListThatIsSearched) {
  for (const int n_keys : {1, 2, 7, 50}) {
    std::mt19937 random(7);
    StackDistances distances(n_keys);
    std::list<int> stack;
    for (int i = 0; i < 5000; ++i) {
      const int key = static_cast<int>(std::min(random() % n_keys, random() % n_keys));
      const auto at = std::find(stack.begin(), stack.end(), key);
      const std::int64_t expected = at == stack.end() ? 0 : std::distance(stack.begin(), at) + 1;
      if (at != stack.end()) stack.erase(at);
      stack.push_front(key);
      ASSERT_EQ(distances.access(key), expected) << n_keys << " keys, access " << i;
    }
  }
}

// The published identity: the hits of LRU with n slots are the accesses with distances up to n.
TEST(StackDistances, SumToTheHitsOfLruAtEverySize) {
  const RoutingTrace trace = made_up_trace({.n_layers = 5, .n_experts = 16, .n_used = 3, .n_decode = 60, .drift = 0.01});
  const std::vector<std::int64_t> n_at = lru_stack_distances(trace);
  ASSERT_EQ(n_at.size(), 5u * 16);
  std::int64_t hits = 0;
  for (std::int64_t n_slots = 1; n_slots <= std::ssize(n_at); ++n_slots) {
    hits += n_at[n_slots - 1];
    ASSERT_EQ(replay(trace, ExpertPolicy::lru, n_slots).total().hits, hits) << n_slots << " slots";
  }
}

TEST(StackDistances, LeaveOverWhatIsWantedForTheFirstTime) {
  const std::vector<std::int64_t> n_at = lru_stack_distances(trace_of({3, 1, 3, 0, 1, 1}, 4));
  EXPECT_EQ(std::accumulate(n_at.begin(), n_at.end(), std::int64_t{0}), 6 - 3);
}

}  // namespace
}  // namespace pio
