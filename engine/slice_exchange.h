#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "models/slice.h"

namespace pio {

// Where the devices that each have a slice of every layer meet, in the host's memory: sums, and the choice of experts. A step is run by a thread for each
// device, between begin_step() and leave(). Devices that compute on the processor take turns, for they would only take it from each other.
class SliceExchange {
 public:
  // By the devices: whether it computes on the processor.
  explicit SliceExchange(std::vector<bool> are_hosts);
  ~SliceExchange();
  std::size_t n_devices() const { return members_.size(); }
  OtherSlices& of(std::size_t device);

  // Before the threads of a step begin.
  void begin_step();
  // On its thread, before the device computes and after its pass has ended, as it should or not: then nobody waits for it any more.
  void enter(std::size_t device);
  void leave(std::size_t device);
  // What the device has waited for others in this step.
  double waited_seconds(std::size_t device) const;

 private:
  class Member;
  // Waits until all devices have come here; the last one calls `then` before the others go on. Fails with cancelled where one has left.
  template <class Then>
  Result<void> meet(Member& member, const Then& then);
  void add_up();

  std::vector<std::unique_ptr<Member>> members_;
  std::vector<float> sum_;
  ExpertChoice choice_;
  std::mutex mutex_;
  std::condition_variable all_are_here_;
  std::size_t n_here_ = 0, n_left_ = 0;
  std::uint64_t n_meetings_ = 0;
  std::mutex processor_;  // held by the device that computes on it
};

}  // namespace pio
