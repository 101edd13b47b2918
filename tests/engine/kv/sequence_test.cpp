#include "engine/kv/sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <random>

#include "kernels/registry.h"

namespace pio {
namespace {

class SequenceTest : public testing::Test {
 protected:
  void SetUp() override { open(4 * kKvBlockLength); }
  void open(std::int64_t n_tokens) {
    pool_.reset();
    auto backend = create_backend("reference", {});
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
    auto pool = BlockPool::create(n_tokens);
    ASSERT_TRUE(pool) << pool.error().message;
    pool_ = std::move(*pool);
  }
  static std::vector<int> ids(int first, int n) {
    std::vector<int> out(n);
    std::iota(out.begin(), out.end(), first);
    return out;
  }
  static void fill(Sequence& sequence, const std::vector<int>& tokens) {
    ASSERT_TRUE(sequence.reserve(static_cast<std::int64_t>(tokens.size())));
    sequence.append(tokens);
  }
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<BlockPool> pool_;
};

TEST_F(SequenceTest, BlocksAreTakenAsTokensComeAndGivenBackAsTheyGo) {
  {
    Sequence sequence(*pool_);
    fill(sequence, ids(0, 32));
    EXPECT_EQ(pool_->blocks().n_free(), 3);
    fill(sequence, ids(32, 1));
    EXPECT_EQ(pool_->blocks().n_free(), 2);
    EXPECT_EQ(sequence.truncate(32), 32);
    EXPECT_EQ(pool_->blocks().n_free(), 3);
    EXPECT_EQ(sequence.truncate(100), 32);
    ASSERT_TRUE(sequence.reserve(64));
    EXPECT_EQ(pool_->blocks().n_free(), 1);
    EXPECT_EQ(sequence.truncate(32), 32);  // what was reserved goes back too
    EXPECT_EQ(pool_->blocks().n_free(), 3);
  }
  EXPECT_EQ(pool_->blocks().n_free(), 4);
}

TEST_F(SequenceTest, AFullPoolSaysItsLimitAndTakesNothing) {
  Sequence a(*pool_), b(*pool_);
  fill(a, ids(0, 33));
  fill(b, ids(0, 10));
  const Result<void> reserved = b.reserve(55);
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().code, ErrorCode::context_full);
  EXPECT_EQ(reserved.error().limit, 64u);  // its own block and the free one
  EXPECT_EQ(reserved.error().asked, 65u);
  EXPECT_EQ(pool_->blocks().n_free(), 1);
  EXPECT_TRUE(b.reserve(54));
}

TEST_F(SequenceTest, TheLimitIsWhatWasAskedForNotTheRoundedBlocks) {
  open(40);
  Sequence sequence(*pool_);
  EXPECT_TRUE(sequence.reserve(40));
  const Result<void> reserved = sequence.reserve(41);
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().limit, 40u);
}

TEST_F(SequenceTest, TheLongestCommonPrefixEndsAtTheFirstDifference) {
  Sequence sequence(*pool_);
  EXPECT_EQ(sequence.longest_common_prefix(ids(0, 5)), 0);
  fill(sequence, {1, 2, 3, 4});
  EXPECT_EQ(sequence.longest_common_prefix(std::vector<int>{}), 0);
  EXPECT_EQ(sequence.longest_common_prefix(std::vector<int>{1, 2, 9, 4}), 2);
  EXPECT_EQ(sequence.longest_common_prefix(std::vector<int>{1, 2, 3, 4, 5}), 4);
  EXPECT_EQ(sequence.longest_common_prefix(std::vector<int>{1}), 1);
}

TEST_F(SequenceTest, SharedBlocksAreNeverWrittenAgain) {
  Sequence a(*pool_);
  fill(a, ids(0, 50));
  Sequence b(*pool_);
  b.adopt(a.tokens().first(32), a.blocks().first(1));
  EXPECT_EQ(b.n_tokens(), 32);
  EXPECT_EQ(b.blocks()[0], a.blocks()[0]);
  EXPECT_EQ(pool_->blocks().n_free(), 2);
  EXPECT_EQ(a.truncate(40), 40);  // its second block is its own
  EXPECT_EQ(a.truncate(20), 0);   // the first is b's too
  fill(a, ids(100, 20));
  EXPECT_NE(a.blocks()[0], b.blocks()[0]);
  EXPECT_EQ(b.n_tokens(), 32);
  EXPECT_EQ(b.truncate(20), 20);  // b's alone by now
}

// Random work of several sequences beside a simple model of what must hold: each sequence has its tokens, each written cell belongs to
// one writer and keeps the token that was written there, and no block is lost.
TEST_F(SequenceTest, RandomWorkNeverMixesSequencesOrLosesBlocks) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    open(16 * kKvBlockLength);
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint32_t>(n)); };
    std::map<std::int32_t, int> cells;  // what the "device" holds
    std::deque<Sequence> sequences;
    std::deque<std::vector<int>> expected;
    for (int step = 0; step < 400; ++step) {
      const int action = below(10);
      if (sequences.empty() || (action == 0 && sequences.size() < 6)) {
        sequences.emplace_back(*pool_);
        expected.emplace_back();
        if (sequences.size() > 1) {
          const int other = below(static_cast<int>(sequences.size()) - 1);
          const std::int64_t n = below(static_cast<int>(expected[other].size()) + 1);
          const std::int64_t n_blocks = n / kKvBlockLength;
          sequences.back().adopt(sequences[other].tokens().first(n_blocks * kKvBlockLength), sequences[other].blocks().first(n_blocks));
          expected.back().assign(expected[other].begin(), expected[other].begin() + n_blocks * kKvBlockLength);
        }
        continue;
      }
      const int s = below(static_cast<int>(sequences.size()));
      if (action == 1) {
        if (s + 1 == static_cast<int>(sequences.size())) {
          sequences.pop_back();
          expected.pop_back();
        }
      } else if (action <= 3) {
        const std::int64_t n = below(static_cast<int>(expected[s].size()) + 1);
        const std::int64_t kept = sequences[s].truncate(n);
        ASSERT_LE(kept, n);
        ASSERT_GT(kept, n - kKvBlockLength);
        expected[s].resize(kept);
      } else {
        const int n = 1 + below(60);
        const std::int64_t n_free = pool_->blocks().n_free();
        if (!sequences[s].reserve(n)) {
          ASSERT_EQ(pool_->blocks().n_free(), n_free);
          continue;
        }
        std::vector<int> tokens(n);
        for (int& token : tokens) token = below(1000);
        for (int i = 0; i < n; ++i) cells[sequences[s].cell(sequences[s].n_tokens() + i)] = tokens[i];
        sequences[s].append(tokens);
        expected[s].insert(expected[s].end(), tokens.begin(), tokens.end());
      }
      std::map<std::int32_t, int> references;
      for (std::size_t i = 0; i < sequences.size(); ++i) {
        ASSERT_TRUE(std::ranges::equal(sequences[i].tokens(), expected[i])) << "seed " << seed << ", step " << step;
        for (std::int64_t t = 0; t < sequences[i].n_tokens(); ++t) ASSERT_EQ(cells.at(sequences[i].cell(t)), expected[i][t]);
        for (std::int32_t block : sequences[i].blocks()) ++references[block];
      }
      ASSERT_EQ(pool_->blocks().n_free() + static_cast<std::int64_t>(references.size()), pool_->blocks().n_blocks());
      for (const auto& [block, n] : references) ASSERT_EQ(pool_->blocks().references(block), n);
    }
    sequences.clear();
    EXPECT_EQ(pool_->blocks().n_free(), 16);
  }
}

}  // namespace
}  // namespace pio
