#include "kernels/first_touch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "kernels/host_buffer.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

using Seconds = CompactionBudget::Seconds;

TEST(CompactionBudget, AllowsHugePagesThatTheSystemHasAtAnyTime) {
  CompactionBudget budget;
  EXPECT_TRUE(budget.allows(Seconds(0)));
  for (int i = 0; i < 1000; ++i) budget.add(Seconds(0));
  EXPECT_TRUE(budget.allows(Seconds(0)));
}

TEST(CompactionBudget, WaitsUntilTheNextPieceFitsIntoTheShareOfTheTime) {
  CompactionBudget budget;
  budget.add(Seconds(0.1));  // nobody knew
  EXPECT_FALSE(budget.allows(Seconds(0.5)));
  EXPECT_FALSE(budget.allows(Seconds(0.999)));
  EXPECT_TRUE(budget.allows(Seconds(1.001)));
  budget.add(Seconds(0));  // the system has some again
  EXPECT_TRUE(budget.allows(Seconds(0.501)));
}

// A system without huge pages, where each costs so much: after the first ones never more than the share.
TEST(CompactionBudget, HoldsTheShareOfALoadWhateverCompactionTakes) {
  for (const double cost : {0.001, 0.01, 0.1, 1.0}) {
    CompactionBudget budget;
    double now = 0.05;  // other work
    int n_asked = 0;
    for (int piece = 0; piece < 5000; ++piece) {
      const bool asks = budget.allows(Seconds(now));
      const double taken = asks ? cost : 0;
      if (asks) {
        ++n_asked;
        budget.add(Seconds(taken));
      }
      now += 0.002 + taken;
      if (n_asked > 1) {
        EXPECT_LE(budget.spent().count(), CompactionBudget::kMostShare * now + 1e-9) << cost << ' ' << piece;
      }
    }
    EXPECT_GT(n_asked, 1) << "it is asked again as time goes on";
  }
}

TEST(FirstTouch, ReadsHowOftenTheSystemWaited) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path() / "proc");
  const std::string root = folder.path().string();
  EXPECT_EQ(compaction_stalls(root), std::nullopt);
  std::ofstream(folder.path() / "proc/vmstat") << "nr_free_pages 12\ncompact_stalls_of_others 7\ncompact_stall 34\ncompact_fail 5\n";
  EXPECT_EQ(compaction_stalls(root), 34u);
  std::ofstream(folder.path() / "proc/vmstat") << "nr_free_pages 12\n";
  EXPECT_EQ(compaction_stalls(root), std::nullopt);
}

// Threads that write where others touch, and behind it: nothing that was written is lost.
TEST(FirstTouch, LeavesWhatLiesThere) {
  constexpr std::size_t kBytes = (96 << 20) + 64, kTile = 300'000;
  const auto buffer = allocate_host_buffer(kBytes, "cpu", 0).value();
  FirstTouch touch(2);
  EXPECT_EQ(touch.bytes_per_second(), 0);
  std::atomic<std::size_t> next = 0;
  const auto write = [&] {
    for (std::size_t at = next.fetch_add(kTile); at < kBytes; at = next.fetch_add(kTile)) {
      const std::size_t end = std::min(at + kTile, kBytes);
      touch.touch(*buffer, at, end - (end - at) / 4);  // not all of it
      std::fill(buffer->host_data() + at, buffer->host_data() + end, std::byte{0x5a});
    }
  };
  {
    std::jthread one(write), other(write);
    write();
  }
  touch.touch(*buffer, 0, kBytes);
  touch.touch(*buffer, 0, 2 * kBytes);
  EXPECT_TRUE(std::all_of(buffer->host_data(), buffer->host_data() + kBytes, [](std::byte byte) { return byte == std::byte{0x5a}; }));
  EXPECT_GT(touch.bytes_per_second(), 0);
}

TEST(FirstTouch, LeavesSmallBuffersAlone) {
  const auto buffer = allocate_host_buffer(1 << 20, "cpu", 0).value();
  FirstTouch touch(2);
  touch.touch(*buffer, 0, 1 << 20);
  EXPECT_EQ(touch.bytes_per_second(), 0);
}

}  // namespace
}  // namespace pio
