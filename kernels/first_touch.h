#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernels/tensor.h"

namespace pio {

// How long a load may let the system move memory together for huge pages (compaction).
class CompactionBudget {
 public:
  using Seconds = std::chrono::duration<double>;
  static constexpr double kMostShare = 0.2;  // of the time since the load began

  // Whether the next piece may ask for huge pages, so long after the load began: also if it takes as long as the last one.
  bool allows(Seconds elapsed) const { return spent_ + last_ <= kMostShare * elapsed; }
  // One that asked has taken so much of the load's time for compaction; 0: the system had huge pages.
  void add(Seconds taken) {
    spent_ += taken;
    last_ = taken;
  }
  Seconds spent() const { return spent_; }

 private:
  Seconds spent_{0}, last_{0};
};

// How often an allocation has waited for compaction since the system started; nothing where it does not say. `root` as in host.h.
std::optional<std::uint64_t> compaction_stalls(const std::string& root = {});

// Makes the system give the memory of large host buffers before it is written to: in huge pages where it was asked for them, but for what the budget
// for compaction has no time left for; that comes in small pages. Any thread.
class FirstTouch {
 public:
  // The load begins now.
  explicit FirstTouch(int n_threads) : n_threads_(n_threads) {}
  // Returns when [begin, end) of the buffer is there. What lies there stays. Nothing happens to small buffers and those of other devices.
  void touch(const Buffer& buffer, std::size_t begin, std::size_t end);
  // By one thread; 0: nothing was touched.
  double bytes_per_second() const;

 private:
  enum class State : std::uint8_t { untouched, on_way, there };
  // With the lock, which is open meanwhile.
  void touch_piece(std::unique_lock<std::mutex>& lock, std::byte* begin, std::size_t n);

  const int n_threads_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;  // of what is below
  std::condition_variable changed_;
  std::map<const Buffer*, std::vector<State>> pieces_;
  CompactionBudget budget_;
  std::optional<std::uint64_t> stalls_ = compaction_stalls();
  CompactionBudget::Seconds fastest_ = CompactionBudget::Seconds::max(), all_{0};  // of whole pieces
  std::size_t n_bytes_ = 0;
};

}  // namespace pio
