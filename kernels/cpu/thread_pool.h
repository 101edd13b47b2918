#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

// Workers for loops over tiles. The thread that calls is worker 0. Idle workers spin for a moment, because the next op of a decode step
// comes within microseconds, and then park.
//
// Each worker has a range of neighbouring tiles of its own, so that what it reads from memory is one stream; whoever is done takes tiles from the
// ends of the others'.
//
// A loop waits only for workers that took part in it: on a busy machine a worker that the system has not scheduled costs nothing, since the
// caller does the tiles itself.

namespace pio {

class ThreadPool {
 public:
  // n_threads counts the caller; at least 1. Fewer where the system gives no more: n_threads() says how many.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const { return static_cast<int>(workers_.size()) + 1; }
  // Loops that were handed out to the workers so far. On the thread that calls.
  std::uint64_t n_regions() const { return n_regions_; }

  // Calls body(tile, worker) once for each tile in [0, n_tiles), in any order, from up to n_threads threads; worker is in
  // [0, n_threads) and no two calls with one worker overlap. Returns when all are done. One thread at a time calls this. What a body throws
  // (bad_alloc) is thrown here once no body runs any more; tiles that were not begun by then are left out. Of several the first one counts.
  template <class Body>
  void for_each_tile(std::int64_t n_tiles, const Body& body) {
    if (n_tiles <= 0) return;
    if (n_tiles == 1 || workers_.empty()) {
      for (std::int64_t tile = 0; tile < n_tiles; ++tile) body(tile, 0);
      return;
    }
    run(
        n_tiles, [](const void* context, std::int64_t tile, int worker) { (*static_cast<const Body*>(context))(tile, worker); }, &body);
  }

 private:
  using Function = void (*)(const void* context, std::int64_t tile, int worker);

  void run(std::int64_t n_tiles, Function function, const void* context);
  void work(int worker);
  void take_tiles(int worker);
  // The tiles that nobody has begun yet: next in the low half, end in the high one.
  struct alignas(64) Range {
    std::atomic<std::uint64_t> tiles{0};
  };
  static bool take_first(Range& range, std::int64_t& tile);
  static bool take_last(Range& range, std::int64_t& tile);
  void keep_error() noexcept;

  // The gate: bit 0 says whether the loop takes workers, bits 1 … 15 count those inside, the rest numbers the loops. The two fields
  // below it, and the ranges, are written only while the gate is closed and empty, and read only from inside.
  alignas(64) std::atomic<std::uint64_t> gate_{0};
  Function function_ = nullptr;
  const void* context_ = nullptr;
  std::vector<Range> ranges_;  // [n_threads]
  std::uint64_t n_regions_ = 0;

  alignas(64) std::atomic<int> n_parked_{0};
  std::atomic<bool> ends_{false};
  std::atomic<bool> has_error_{false};
  std::exception_ptr error_;  // of the loop; written by whoever sets has_error_, read when the gate is closed and empty
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace pio
