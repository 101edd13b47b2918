#include "engine/kv/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <random>

namespace pio {
namespace {

class PrefixCacheTest : public testing::Test {
 protected:
  void SetUp() override { open(8); }
  void open(std::int64_t n_blocks) {
    cache_.reset();
    pool_ = std::move(*BlockPool::create(n_blocks * kKvBlockLength));
    cells_.assign(static_cast<std::size_t>(n_blocks * kKvBlockLength), -1);
    cache_ = std::make_unique<PrefixCache>(*pool_, [this](std::int32_t from, std::int32_t to) {
      std::copy_n(cells_.begin() + from * kKvBlockLength, kKvBlockLength, cells_.begin() + to * kKvBlockLength);
      ++n_copies_;
    });
  }
  static std::vector<int> ids(int first, int n) {
    std::vector<int> out(n);
    std::iota(out.begin(), out.end(), first);
    return out;
  }
  static std::vector<int> joined(std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  // What reading tokens does: their cells hold them then.
  bool read(Sequence& sequence, std::span<const int> tokens) {
    const auto n = std::ssize(tokens);
    while (!sequence.reserve(n))
      if (!cache_->make_room(1)) return false;
    for (std::int64_t i = 0; i < n; ++i) cells_[sequence.cell(sequence.n_tokens() + i)] = tokens[i];
    sequence.append(tokens);
    return true;
  }
  // A turn of a conversation: what is cached, then the rest. Returns how many tokens were there.
  std::int64_t turn(const std::vector<int>& tokens, std::uint64_t conversation) {
    Sequence sequence(*pool_);
    n_shared_ = cache_->adopt(sequence, tokens, conversation);
    expect_cells(sequence, tokens);
    const std::int64_t n = sequence.n_tokens();
    EXPECT_TRUE(read(sequence, std::span(tokens).subspan(n)));
    cache_->keep(sequence, conversation);
    return n;
  }
  void expect_cells(const Sequence& sequence, std::span<const int> tokens) {
    ASSERT_LE(sequence.n_tokens(), std::ssize(tokens));
    for (std::int64_t t = 0; t < sequence.n_tokens(); ++t) {
      ASSERT_EQ(sequence.tokens()[t], tokens[t]);
      ASSERT_EQ(cells_[sequence.cell(t)], tokens[t]) << "token " << t;
    }
  }

  std::unique_ptr<BlockPool> pool_;
  std::vector<int> cells_;
  int n_copies_ = 0;
  std::int64_t n_shared_ = 0;
  std::unique_ptr<PrefixCache> cache_;
};

TEST_F(PrefixCacheTest, AForgottenConversationLeavesWhatOthersGoOnFrom) {
  const std::vector<int> common = ids(0, 2 * kKvBlockLength), one = joined(common, ids(500, 20)), two = joined(common, ids(900, 40));
  turn(one, 1);
  turn(two, 2);
  EXPECT_EQ(cache_->n_blocks(), 5);
  cache_->forget(1);
  EXPECT_EQ(cache_->n_blocks(), 4);
  EXPECT_EQ(turn(two, 2), std::ssize(two));
  cache_->forget(2);
  EXPECT_EQ(cache_->n_blocks(), 0) << "the common blocks were the other one's by then";
  EXPECT_EQ(pool_->blocks().n_free(), 8);
  EXPECT_EQ(turn(one, 1), 0);
}

TEST_F(PrefixCacheTest, AConversationGoesOnFromItsLastTokenWithoutACopy) {
  EXPECT_EQ(turn(ids(0, 50), 1), 0);
  EXPECT_EQ(turn(ids(0, 60), 1), 50);
  EXPECT_EQ(turn(ids(0, 90), 1), 60);
  EXPECT_EQ(n_shared_, 0);
  EXPECT_EQ(n_copies_, 0);
  EXPECT_EQ(cache_->n_blocks(), 3);
  EXPECT_EQ(pool_->blocks().n_free(), 5);
}

TEST_F(PrefixCacheTest, AnotherConversationGetsWholeBlocks) {
  const std::vector<int> document = ids(0, 70);
  turn(joined(document, ids(500, 20)), 1);
  EXPECT_EQ(turn(joined(document, ids(900, 20)), 2), 64);
  EXPECT_EQ(n_shared_, 64);
  EXPECT_EQ(cache_->n_blocks(), 4) << "two of the document, and an end of each";
  EXPECT_EQ(turn(joined(document, ids(500, 20)), 1), 90);
  EXPECT_EQ(turn(joined(document, ids(900, 20)), 2), 90);
  EXPECT_EQ(n_copies_, 0);
}

TEST_F(PrefixCacheTest, AnEarlierTurnIsTakenUpInsideABlockThatStays) {
  turn(ids(0, 96), 1);
  const std::vector<int> edited = joined(ids(0, 40), ids(700, 10));
  EXPECT_EQ(turn(edited, 1), 40);
  EXPECT_EQ(n_copies_, 1);
  EXPECT_EQ(turn(ids(0, 96), 1), 96) << "both are there";
  EXPECT_EQ(turn(edited, 1), 50);
}

TEST_F(PrefixCacheTest, WhoIsStillReadingShares) {
  Sequence running(*pool_);
  ASSERT_TRUE(read(running, ids(0, 70)));
  cache_->keep_whole_blocks(running, 1);
  EXPECT_EQ(cache_->n_blocks(), 2);
  EXPECT_EQ(turn(ids(0, 80), 2), 64);
  EXPECT_EQ(running.truncate(70), 70);
  ASSERT_TRUE(read(running, ids(70, 30)));
  cache_->keep(running, 1);
  EXPECT_EQ(turn(ids(0, 100), 1), 100);
}

TEST_F(PrefixCacheTest, TheUnusedLongestGivesWayFromItsEnd) {
  turn(ids(0, 96), 1);
  turn(ids(1000, 96), 2);
  turn(ids(0, 96), 1);
  ASSERT_TRUE(turn(ids(2000, 96), 3) == 0);
  EXPECT_EQ(turn(ids(0, 96), 1), 96) << "used later than the second";
  EXPECT_EQ(cache_->n_blocks(), 8);
  EXPECT_EQ(turn(ids(1000, 64), 2), 64) << "its last block went alone";
}

TEST_F(PrefixCacheTest, BlocksInUseNeverGiveWay) {
  turn(ids(0, 64), 1);
  Sequence running(*pool_);
  cache_->adopt(running, ids(0, 64), 1);
  ASSERT_TRUE(read(running, ids(64, 6 * kKvBlockLength)));
  EXPECT_FALSE(cache_->make_room(1));
  EXPECT_FALSE(read(running, ids(500, 1)));
  expect_cells(running, ids(0, 8 * kKvBlockLength));
}

// Who read the same tokens beside another one has blocks of his own for them.
TEST_F(PrefixCacheTest, AnUnusedBlockBeforeOneInUseGivesWayToo) {
  Sequence a(*pool_), b(*pool_);
  ASSERT_TRUE(read(a, ids(0, 64)));
  ASSERT_TRUE(read(b, ids(0, 96)));
  cache_->keep(a, 1);
  cache_->keep(b, 2);
  a.truncate(0);
  EXPECT_EQ(pool_->blocks().n_free(), 3);
  EXPECT_TRUE(cache_->make_room(8));
  EXPECT_EQ(pool_->blocks().n_free(), 5) << "all but b's";
}

TEST_F(PrefixCacheTest, ClearingGivesAllBack) {
  turn(ids(0, 96), 1);
  turn(joined(ids(0, 40), ids(700, 10)), 1);
  turn(ids(0, 80), 2);
  cache_->clear();
  EXPECT_EQ(cache_->n_blocks(), 0);
  EXPECT_EQ(pool_->blocks().n_free(), 8);
  EXPECT_EQ(turn(ids(0, 96), 1), 0);
}

TEST_F(PrefixCacheTest, PathsAreWhatIsCachedFromTheFirstTokenOn) {
  turn(ids(0, 50), 1);
  turn(joined(ids(0, 40), ids(700, 10)), 2);
  const std::vector<PrefixCache::Path> paths = cache_->paths();
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_EQ(paths[0].ids, joined(ids(0, 40), ids(700, 10)));
  EXPECT_EQ(paths[1].ids, ids(0, 50));
  EXPECT_EQ(paths[0].blocks[0], paths[1].blocks[0]);
}

// Random turns of several conversations over few tokens, some at once, in a pool that is too small: what is found are the tokens' own cells, and no
// block is lost.
TEST_F(PrefixCacheTest, RandomTurnsFindTheirTokensAndLoseNoBlock) {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    open(12);
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint32_t>(n)); };
    struct Running {
      Sequence sequence;
      std::uint64_t conversation;
    };
    std::deque<Running> running;
    for (int step = 0; step < 300; ++step) {
      const int action = below(8);
      if (action < 3 && running.size() < 3) {
        std::vector<int> prompt;
        for (int part = below(6); part >= 0; --part) prompt = joined(prompt, ids(100 * below(2), 10 + 20 * below(2)));
        for (const Running& one : running) cache_->keep_whole_blocks(one.sequence, one.conversation);
        running.push_back({Sequence(*pool_), static_cast<std::uint64_t>(below(3))});
        Sequence& sequence = running.back().sequence;
        cache_->adopt(sequence, prompt, running.back().conversation);
        expect_cells(sequence, prompt);
        read(sequence, std::span<const int>(prompt).subspan(sequence.n_tokens()));
      } else if (action < 6 && !running.empty()) {
        const std::vector<int> more = ids(100 * below(2), 1 + below(40));
        read(running[below(static_cast<int>(running.size()))].sequence, more);
      } else if (!running.empty()) {
        cache_->keep(running.front().sequence, running.front().conversation);
        running.pop_front();
      }
      for (const Running& one : running) {
        const std::vector<int> tokens(one.sequence.tokens().begin(), one.sequence.tokens().end());
        expect_cells(one.sequence, tokens);
      }
      std::map<std::int32_t, int> references;
      for (const Running& one : running)
        for (const std::int32_t block : one.sequence.blocks()) ++references[block];
      std::int64_t n_references = cache_->n_blocks(), n_counted = 0;
      for (const auto& [block, n] : references) n_references += n;
      for (std::int32_t block = 0; block < 12; ++block) n_counted += pool_->blocks().references(block);
      ASSERT_EQ(n_counted, n_references) << "seed " << seed << ", step " << step;
    }
    running.clear();
    cache_->clear();
    ASSERT_EQ(pool_->blocks().n_free(), 12);
  }
}

}  // namespace
}  // namespace pio
