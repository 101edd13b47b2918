#include "kernels/cpu/shared_work.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "kernels/cpu/thread_pool.h"

namespace pio {
namespace {

// However many threads come, and however often.
TEST(SharedWork, IsDoneOnceAndBeforeAnyTileGoesOn) {
  for (const int n_threads : {1, 2, 5}) {
    ThreadPool pool(n_threads);
    for (const std::int64_t n_items : {0, 1, 3, 16}) {
      for (int round = 0; round < 200; ++round) {
        std::vector<int> items(static_cast<std::size_t>(n_items));  // plain: what a tile reads was written before
        std::atomic<int> n_unfinished = 0;
        SharedWork work(n_items);
        pool.for_each_tile(40, [&](std::int64_t, int) {
          work.help([&](std::int64_t i) { ++items[static_cast<std::size_t>(i)]; });
          for (const int item : items) n_unfinished += item != 1;
        });
        ASSERT_EQ(n_unfinished, 0) << n_threads << " threads, " << n_items << " items";
      }
    }
  }
}

}  // namespace
}  // namespace pio
