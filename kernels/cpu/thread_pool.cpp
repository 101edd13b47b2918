#include "kernels/cpu/thread_pool.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "kernels/base/check.h"

namespace pio {
namespace {

constexpr std::uint64_t kOpen = 1;
constexpr std::uint64_t kInside = 2;
constexpr std::uint64_t kInsideMask = 0xfffe;
constexpr std::uint64_t kLoop = 0x10000;

// Long enough for the gaps inside a decode step and for sampling between two steps, too short to be seen in a process list between turns.
constexpr std::chrono::microseconds kSpin{500};

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) : ranges_(static_cast<std::size_t>(n_threads > 1 ? n_threads : 1)) {
  workers_.reserve(n_threads > 1 ? n_threads - 1 : 0);
  try {
    for (int worker = 1; worker < n_threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
  } catch (const std::system_error&) {
    // The system gives no more threads: those that are there do the work.
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ends_.store(true);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::int64_t n_tiles, Function function, const void* context) {
  CHECK(n_tiles <= UINT32_MAX, "a loop of more tiles than a range counts");
  const std::int64_t n_ranges = std::ssize(ranges_);
  for (std::int64_t i = 0; i < n_ranges; ++i) {
    const auto first = static_cast<std::uint64_t>(n_tiles * i / n_ranges), end = static_cast<std::uint64_t>(n_tiles * (i + 1) / n_ranges);
    ranges_[static_cast<std::size_t>(i)].tiles.store(end << 32 | first, std::memory_order_relaxed);
  }
  function_ = function;
  context_ = context;
  ++n_regions_;
  const std::uint64_t loop = (gate_.load(std::memory_order_relaxed) & ~(kLoop - 1)) + kLoop;
  // seq_cst on the gate and on n_parked_: a worker either sees the new loop before it parks, or we see that it parked.
  gate_.store(loop | kOpen);
  if (n_parked_.load() > 0) {
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }
  take_tiles(0);
  gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
  while (gate_.load(std::memory_order_acquire) & kInsideMask) relax();
  if (has_error_.load(std::memory_order_relaxed)) {
    has_error_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void ThreadPool::keep_error() noexcept {
  if (!has_error_.exchange(true)) error_ = std::current_exception();
  for (Range& range : ranges_) range.tiles.store(0, std::memory_order_relaxed);  // what nobody has begun is left out
}

bool ThreadPool::take_first(Range& range, std::int64_t& tile) {
  std::uint64_t tiles = range.tiles.load(std::memory_order_relaxed);
  while ((tiles & UINT32_MAX) < tiles >> 32) {
    tile = static_cast<std::int64_t>(tiles & UINT32_MAX);
    if (range.tiles.compare_exchange_weak(tiles, tiles + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

bool ThreadPool::take_last(Range& range, std::int64_t& tile) {
  std::uint64_t tiles = range.tiles.load(std::memory_order_relaxed);
  while ((tiles & UINT32_MAX) < tiles >> 32) {
    tile = static_cast<std::int64_t>(tiles >> 32) - 1;
    if (range.tiles.compare_exchange_weak(tiles, tiles - (std::uint64_t{1} << 32), std::memory_order_relaxed)) return true;
  }
  return false;
}

void ThreadPool::take_tiles(int worker) {
  const Function function = function_;
  const void* const context = context_;
  const std::size_t own = static_cast<std::size_t>(worker), n = ranges_.size();
  try {
    std::int64_t tile = 0;
    while (take_first(ranges_[own], tile)) function(context, tile, worker);
    for (std::size_t i = 1; i < n; ++i)
      while (take_last(ranges_[(own + i) % n], tile)) function(context, tile, worker);
  } catch (...) {
    keep_error();
  }
}

void ThreadPool::work(int worker) {
  std::uint64_t done = 0;  // the last loop this worker took part in, or saw closed
  auto idle_since = std::chrono::steady_clock::now();
  for (int round = 0;; ++round) {
    std::uint64_t gate = gate_.load(std::memory_order_acquire);
    if ((gate & kOpen) && (gate & ~(kLoop - 1)) != done) {
      if (!gate_.compare_exchange_weak(gate, gate + kInside, std::memory_order_acq_rel)) continue;
      done = gate & ~(kLoop - 1);
      take_tiles(worker);
      gate_.fetch_sub(kInside, std::memory_order_acq_rel);
      idle_since = std::chrono::steady_clock::now();
      round = 0;
      continue;
    }
    relax();
    if (round % 64 != 63) continue;
    if (ends_.load(std::memory_order_relaxed)) return;
    if (std::chrono::steady_clock::now() - idle_since < kSpin) continue;

    std::unique_lock lock(mutex_);
    n_parked_.fetch_add(1);
    wake_.wait(lock, [&] {
      const std::uint64_t now = gate_.load();
      return ends_.load() || ((now & kOpen) && (now & ~(kLoop - 1)) != done);
    });
    n_parked_.fetch_sub(1);
    if (ends_.load()) return;
    lock.unlock();
    idle_since = std::chrono::steady_clock::now();
  }
}

}  // namespace pio
