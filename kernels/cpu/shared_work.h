#pragma once

#include <atomic>
#include <cstdint>

namespace pio {

// Work that all tiles of a loop wait for, done by the threads of that loop before their first tiles: so it needs no loop of its own.
class SharedWork {
 public:
  explicit SharedWork(std::int64_t n_items) : n_items_(n_items) {}
  // body(item) for items that nobody has begun; returns when all are done. Any thread of the loop, every tile; body must not throw.
  template <class Body>
  void help(const Body& body) {
    if (n_done_.load(std::memory_order_acquire) == n_items_) return;
    for (std::int64_t item = next_.fetch_add(1, std::memory_order_relaxed); item < n_items_; item = next_.fetch_add(1, std::memory_order_relaxed)) {
      body(item);
      n_done_.fetch_add(1, std::memory_order_acq_rel);
    }
    // Whoever has begun an item is at work on it: microseconds.
    while (n_done_.load(std::memory_order_acquire) < n_items_) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }

 private:
  const std::int64_t n_items_;
  std::atomic<std::int64_t> next_{0}, n_done_{0};
};

}  // namespace pio
