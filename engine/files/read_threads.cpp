#include "engine/files/read_threads.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace pio {
namespace {

// Enough for a disk to be at its full rate with reads of a megabyte.
constexpr int kThreads = 6;

class ReadThreads final : public ReadQueue {
 public:
  ReadThreads() : ReadQueue("pread") {
    try {
      for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;  // the system gives no more threads: these do all the work
    }
  }
  // Threads end what they have begun; what none has begun is left.

 private:
  std::size_t most_reads() const override { return 4 * kThreads; }
  void submit(const Read& read) override {
    {
      const std::lock_guard lock(mutex_);
      wanted_.push_back(read);
    }
    changed_.notify_one();
  }
  std::optional<Came> wait(std::chrono::milliseconds patience) override {
    std::unique_lock lock(mutex_);
    if (!came_here_.wait_for(lock, patience, [&] { return !came_.empty(); })) return {};
    const Came came = came_.front();
    came_.pop_front();
    return came;
  }
  void work(const std::stop_token& stop) {
    for (std::unique_lock lock(mutex_); changed_.wait(lock, stop, [&] { return !wanted_.empty(); });) {
      if (stop.stop_requested()) return;
      const Read read = wanted_.front();
      wanted_.pop_front();
      lock.unlock();
      const ssize_t got = ::pread(read.fd, read.out, read.n, static_cast<off_t>(read.offset));
      const Came came{read.index, got < 0 ? -errno : got};
      lock.lock();
      came_.push_back(came);
      came_here_.notify_one();
    }
  }

  std::mutex mutex_;  // of the two lists
  std::condition_variable_any changed_;
  std::condition_variable came_here_;
  std::deque<Read> wanted_;
  std::deque<Came> came_;
  std::vector<std::jthread> threads_;  // last: they use what is above
};

}  // namespace

Result<std::unique_ptr<ReadQueue>> create_read_threads() {
  try {
    return std::unique_ptr<ReadQueue>(std::make_unique<ReadThreads>());
  } catch (const std::system_error& refused) {
    return make_error(ErrorCode::not_available, std::string("threads that read: expected one at least, found none: ") + refused.what());
  }
}

}  // namespace pio
