#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "kernels/backend.h"

namespace pio::cuda {

// What one backend has its device do, in order: kernels, and copies by way of pinned memory. No more is under way than a stop may wait for.
class Stream {
 public:
  static Result<std::shared_ptr<Stream>> create(const DeviceInfo& device, int number);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // `launch(cudaStream_t)` launches one kernel.
  template <class Launch>
  void run(const Launch& launch) {
    if (!begin()) return;
    launch(stream_);
    ++n_launches_;
    check(cudaGetLastError(), "a launch");
  }
  void copy(void* to, const void* from, std::size_t n_bytes);
  void upload(void* to, const std::byte* data, std::size_t n_bytes);
  // Waits. Zeros where the device is lost.
  void download(std::byte* data, const void* from, std::size_t n_bytes);

  // Memory of the device. Fails with out_of_memory.
  Result<void*> allocate(std::size_t n_bytes);
  // Once nothing uses it any more.
  void release(void* memory);

  // Multiplications of what was launched since the last flush(), and how many more fit into some 20 ms; 0: flush() first. Where they are only known to be no
  // more than that, nothing is learnt from how long they take.
  void add_work(double n_multiplications, bool is_known);
  double room_for_work() const;
  bool is_short(double n_multiplications) const { return n_multiplications < work_per_second_ * bundle_seconds(); }

  void flush();
  // Waits for all. The first error since the beginning: a device that is lost stays lost.
  Result<void> finish();
  const std::optional<Error>& error() const { return error_; }
  void set_error(Error error);

  // A word that is not 0 once `stop` is requested, for kernels to look at, and one that is always 0.
  void watch(const std::stop_token& stop);
  const std::uint32_t* stop_word() const { return flag_; }
  const std::uint32_t* zero_word() const { return zero_; }

  // What is launched between these two is kept as a graph, to be launched again as one. Nothing is kept of work that moves what the host has.
  struct Recording {
    cudaGraphExec_t graph = nullptr;
    std::uint64_t n_launches = 0;
  };
  void begin_recording();
  std::optional<Recording> end_recording(bool is_kept);
  void replay(const Recording& recording);
  void forget(const Recording& recording);

  // Kernels and copies since the beginning, those of graphs too.
  std::uint64_t n_launches() const { return n_launches_; }

 private:
  // A block that is stopped costs a card next to nothing, and an emulator a good part of what it would have done.
  double bundle_seconds() const { return device_.is_software ? 0.0015 : 0.02; }
  struct Bundle {
    cudaEvent_t begin = nullptr, end = nullptr;
    bool is_pending = false;
    double work = 0;  // 0 where it is not known
  };
  struct RaiseFlag {
    volatile std::uint32_t* flag;
    void operator()() const { *flag = 1; }
  };

  Stream(DeviceInfo device, int number) : device_(std::move(device)), number_(number) {}
  Result<void> create();
  bool begin();
  void wait(Bundle& bundle);
  void check(cudaError_t error, const char* call);
  // Has what was captured run by itself and be forgotten; what comes is launched as it is called.
  void stop_capturing();
  Recording end_capture();

  const DeviceInfo device_;
  const int number_;
  cudaStream_t stream_ = nullptr;
  std::array<Bundle, 3> bundles_;
  std::size_t current_ = 0;
  bool is_open_ = false;  // the current bundle
  double work_ = 0;
  bool is_work_known_ = true;
  double work_per_second_ = 0;
  std::byte* staging_ = nullptr;
  std::size_t staged_ = 0;
  std::uint32_t* flag_ = nullptr;
  std::uint32_t* zero_ = nullptr;
  bool is_recording_ = false, is_capturing_ = false;
  std::uint64_t n_before_capture_ = 0;
  std::optional<Error> error_;
  std::uint64_t n_launches_ = 0;
  std::stop_token watched_;
  std::optional<std::stop_callback<RaiseFlag>> callback_;
};

}  // namespace pio::cuda
