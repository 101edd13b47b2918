#include "kernels/cpu/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

namespace pio {
namespace {

void sleep_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

TEST(ThreadPool, DoesEachTileOnce) {
  for (const int n_threads : {1, 2, 3, 8}) {
    ThreadPool pool(n_threads);
    for (const std::int64_t n_tiles : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> done(n_tiles);
      pool.for_each_tile(n_tiles, [&](std::int64_t tile, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, n_threads);
        ++done[tile];
      });
      for (const std::atomic<int>& n : done) EXPECT_EQ(n, 1);
    }
  }
}

// Whoever throws, the caller gets it, after the last body has ended, and the next loop is a loop like any other.
TEST(ThreadPool, WhatATileThrowsReachesTheCallerAndThePoolGoesOn) {
  for (const int n_threads : {1, 2, 3}) {
    ThreadPool pool(n_threads);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> n_inside{0};
      const auto throwing = [&](bool of_workers, bool of_caller) {
        std::atomic<bool> caller_came{false};
        pool.for_each_tile(64, [&](std::int64_t, int worker) {
          ++n_inside;
          struct Leave {
            std::atomic<int>& n;
            ~Leave() { --n; }
          } const leave{n_inside};
          if (worker == 0) caller_came = true;
          if (worker == 0 ? of_caller : of_workers) throw std::bad_alloc();
          while (of_caller && !caller_came) std::this_thread::yield();  // else the others might leave the caller no tile
          if (round % 10 == 0) sleep_a_moment();                        // lets the others in
        });
      };
      EXPECT_THROW(throwing(true, true), std::bad_alloc);
      EXPECT_EQ(n_inside, 0);
      EXPECT_THROW(throwing(false, true), std::bad_alloc);
      EXPECT_EQ(n_inside, 0);
      try {
        throwing(true, false);  // where no worker came in time, nothing throws
      } catch (const std::bad_alloc&) {
        EXPECT_GT(n_threads, 1);
      }
      EXPECT_EQ(n_inside, 0);
      std::atomic<int> n_done{0};
      pool.for_each_tile(64, [&](std::int64_t, int) { ++n_done; });
      EXPECT_EQ(n_done, 64);
    }
  }
}

TEST(ThreadPool, AWorkersExceptionIsTheOneThatWasThrown) {
  ThreadPool pool(3);
  bool seen = false;
  for (int round = 0; round < 200 && !seen; ++round) {
    try {
      pool.for_each_tile(256, [&](std::int64_t, int worker) {
        if (worker != 0) throw std::runtime_error("of a worker");
        sleep_a_moment();
      });
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::string("of a worker"));
      seen = true;
    }
  }
  EXPECT_TRUE(seen);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// In a process of its own: with little room for stacks only some threads can be started.
TEST(ThreadPool, WorksWithTheThreadsThatTheSystemGives) {
  const auto work = [] {
    const rlimit little{256 << 20, 256 << 20};  // bytes of addresses: a stack takes 8 MB
    if (::setrlimit(RLIMIT_AS, &little) != 0) std::_Exit(2);
    ThreadPool pool(400);
    std::atomic<int> n_done = 0;
    pool.for_each_tile(1000, [&](std::int64_t, int) { ++n_done; });
    std::_Exit(n_done == 1000 && pool.n_threads() < 400 ? 0 : 1);
  };
  EXPECT_EXIT(work(), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace pio
