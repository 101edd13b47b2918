#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

// Runs jobs on a fixed number of threads, the oldest first.
class JobQueue {
 public:
  explicit JobQueue(int n_threads) {
    if (n_threads < 1) throw std::invalid_argument("n_threads: at least 1");
    for (int i = 0; i < n_threads; ++i) threads_.emplace_back([this] { work(); });
  }

  ~JobQueue() {
    {
      // Tell every thread that nothing more will come
      std::lock_guard<std::mutex> lock(mutex_);
      is_closed_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // Puts a job at the end of the queue
  void push(std::function<void()> job) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (is_closed_) throw std::logic_error("push: the queue is closed");
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

  // Waits until all jobs are done
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return jobs_.empty() && n_running_ == 0; });
  }

  // How many jobs wait for a thread
  std::size_t size() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return jobs_.size();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return is_closed_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
        ++n_running_;
      }
      // A job runs without the lock, so that others may be pushed meanwhile
      job();
      {
        std::lock_guard<std::mutex> lock(mutex_);
        --n_running_;
        if (jobs_.empty() && n_running_ == 0) idle_.notify_all();
      }
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_, idle_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  int n_running_ = 0;
  bool is_closed_ = false;
};
