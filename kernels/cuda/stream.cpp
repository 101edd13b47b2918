#include "kernels/cuda/stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/cuda/devices.h"

namespace pio::cuda {
namespace {

constexpr std::size_t kStagingBytes = std::size_t{8} << 20, kStagingAlignment = 256;
// Multiplications a second, until the first bundle has been measured.
constexpr double kFirstRate = 1e11, kFirstSoftwareRate = 1e8;

}  // namespace

Result<std::shared_ptr<Stream>> Stream::create(const DeviceInfo& device, int number) {
  std::shared_ptr<Stream> stream(new Stream(device, number));
  RETURN_IF_ERROR(stream->create());
  return stream;
}

Result<void> Stream::create() {
  check(cudaSetDevice(number_), "cudaSetDevice");
  if (!error_) check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  for (Bundle& bundle : bundles_) {
    if (!error_) check(cudaEventCreateWithFlags(&bundle.begin, cudaEventDefault), "cudaEventCreate");
    if (!error_) check(cudaEventCreateWithFlags(&bundle.end, cudaEventDefault), "cudaEventCreate");
  }
  void *staging = nullptr, *flag = nullptr;
  if (!error_) check(cudaHostAlloc(&staging, kStagingBytes, cudaHostAllocDefault), "cudaHostAlloc");
  staging_ = static_cast<std::byte*>(staging);
  if (!error_) check(cudaHostAlloc(&flag, sizeof *flag_, cudaHostAllocMapped), "cudaHostAlloc");
  flag_ = static_cast<std::uint32_t*>(flag);
  if (error_) return *error_;
  *flag_ = 0;
  ASSIGN_OR_RETURN(void* const zero, allocate(sizeof *zero_));
  zero_ = static_cast<std::uint32_t*>(zero);
  check(cudaMemsetAsync(zero_, 0, sizeof *zero_, stream_), "cudaMemsetAsync");
  work_per_second_ = device_.is_software ? kFirstSoftwareRate : kFirstRate;
  if (error_) return *error_;
  return {};
}

Stream::~Stream() {
  callback_.reset();
  static_cast<void>(cudaSetDevice(number_));
  if (stream_) {
    static_cast<void>(finish());
    static_cast<void>(cudaStreamDestroy(stream_));
  }
  for (const Bundle& bundle : bundles_) {
    for (const cudaEvent_t event : {bundle.begin, bundle.end}) {
      if (event) static_cast<void>(cudaEventDestroy(event));
    }
  }
  if (zero_) static_cast<void>(cudaFree(zero_));
  if (flag_) static_cast<void>(cudaFreeHost(flag_));
  if (staging_) static_cast<void>(cudaFreeHost(staging_));
  static_cast<void>(cudaGetLastError());
}

void Stream::set_error(Error error) {
  if (error_) return;
  error.device = device_.name;
  error_ = std::move(error);
}

void Stream::check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  const std::string text = device_.name + ": " + call + ": " + text_of(error);
  // What a call was given is our fault; all else ends the work of this device.
  const bool is_ours = error == cudaErrorInvalidValue || error == cudaErrorInvalidConfiguration;
  set_error(make_error(error == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : is_ours ? ErrorCode::internal : ErrorCode::device_lost, text));
}

Result<void*> Stream::allocate(std::size_t n_bytes) {
  if (error_) return *error_;
  check(cudaSetDevice(number_), "cudaSetDevice");
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, std::max<std::size_t>(n_bytes, 1));
  if (error == cudaSuccess) return memory;
  if (error != cudaErrorMemoryAllocation) {
    check(error, "cudaMalloc");
    return *error_;
  }
  static_cast<void>(cudaGetLastError());
  Error none = make_error(ErrorCode::out_of_memory, device_.name + ": no memory for " + std::to_string(n_bytes) + " bytes");
  none.device = device_.name;
  none.needed_bytes = n_bytes;
  std::size_t free_bytes = 0, total_bytes = 0;
  static_cast<void>(cudaMemGetInfo(&free_bytes, &total_bytes));
  // What is free may be enough and yet not one piece: then it is less than what was asked for.
  none.free_bytes = std::clamp<std::uint64_t>(free_bytes, 1, std::max<std::uint64_t>(n_bytes, 2) - 1);
  return none;
}

void Stream::release(void* memory) {
  static_cast<void>(finish());
  static_cast<void>(cudaFree(memory));
  static_cast<void>(cudaGetLastError());
}

void Stream::wait(Bundle& bundle) {
  if (!std::exchange(bundle.is_pending, false)) return;
  check(cudaEventSynchronize(bundle.end), "cudaEventSynchronize");
  float milliseconds = 0;
  if (error_ || bundle.work <= 0 || watched_.stop_requested()) return;  // what was stopped did not do its work
  check(cudaEventElapsedTime(&milliseconds, bundle.begin, bundle.end), "cudaEventElapsedTime");
  if (milliseconds > 1.0f) work_per_second_ += 0.3 * (std::max(bundle.work / (static_cast<double>(milliseconds) * 1e-3), 1e6) - work_per_second_);
}

bool Stream::begin() {
  if (error_) return false;
  check(cudaSetDevice(number_), "cudaSetDevice");
  if (is_capturing_ || is_open_) return !error_;
  Bundle& bundle = bundles_[current_];
  wait(bundle);
  if (error_) return false;
  check(cudaEventRecord(bundle.begin, stream_), "cudaEventRecord");
  is_open_ = !error_;
  return is_open_;
}

void Stream::flush() {
  if (!is_open_) return;
  is_open_ = false;
  Bundle& bundle = bundles_[current_];
  bundle.work = std::exchange(is_work_known_, true) ? work_ : 0;
  work_ = 0;
  check(cudaEventRecord(bundle.end, stream_), "cudaEventRecord");
  bundle.is_pending = !error_;
  current_ = (current_ + 1) % bundles_.size();
}

void Stream::copy(void* to, const void* from, std::size_t n_bytes) {
  if (n_bytes == 0 || !begin()) return;
  ++n_launches_;
  check(cudaMemcpyAsync(to, from, n_bytes, cudaMemcpyDeviceToDevice, stream_), "cudaMemcpyAsync");
}

void Stream::upload(void* to, const std::byte* data, std::size_t n_bytes) {
  stop_capturing();
  auto* place = static_cast<std::byte*>(to);
  while (n_bytes > 0 && !error_) {
    if (staged_ == kStagingBytes) static_cast<void>(finish());
    const std::size_t n = std::min(n_bytes, kStagingBytes - staged_);
    std::memcpy(staging_ + staged_, data, n);
    if (!begin()) return;
    ++n_launches_;
    check(cudaMemcpyAsync(place, staging_ + staged_, n, cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync");
    staged_ = std::min((staged_ + n + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment, kStagingBytes);
    data += n;
    place += n;
    n_bytes -= n;
  }
}

void Stream::download(std::byte* data, const void* from, std::size_t n_bytes) {
  stop_capturing();
  const auto* place = static_cast<const std::byte*>(from);
  while (n_bytes > 0) {
    const std::size_t n = std::min(n_bytes, kStagingBytes);
    if (kStagingBytes - staged_ < n) static_cast<void>(finish());
    const std::byte* const to = staging_ + staged_;
    if (begin()) {
      ++n_launches_;
      check(cudaMemcpyAsync(staging_ + staged_, place, n, cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
    }
    if (finish()) std::memcpy(data, to, n);
    else std::memset(data, 0, n);
    data += n;
    place += n;
    n_bytes -= n;
  }
}

void Stream::add_work(double n_multiplications, bool is_known) {
  work_ += n_multiplications;
  is_work_known_ = is_work_known_ && is_known;
}

double Stream::room_for_work() const {
  if (is_capturing_) return 1e30;  // a graph is launched whole
  return std::max(0.0, work_per_second_ * bundle_seconds() - work_);
}

void Stream::begin_recording() {
  flush();
  if (error_) return;
  check(cudaSetDevice(number_), "cudaSetDevice");
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  is_recording_ = is_capturing_ = !error_;
  n_before_capture_ = n_launches_;
}

// The captured work as a graph, which is launched once: the ops that were called are to run.
Stream::Recording Stream::end_capture() {
  is_capturing_ = false;
  work_ = 0;
  is_work_known_ = true;
  Recording recording;
  recording.n_launches = n_launches_ - n_before_capture_;
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
  if (!graph) return recording;
  if (!error_) check(cudaGraphInstantiate(&recording.graph, graph, 0), "cudaGraphInstantiate");
  static_cast<void>(cudaGraphDestroy(graph));
  if (!error_ && recording.n_launches > 0 && begin()) {
    check(cudaGraphLaunch(recording.graph, stream_), "cudaGraphLaunch");
    is_work_known_ = false;
    flush();
  }
  return recording;
}

void Stream::stop_capturing() {
  if (!is_capturing_) return;
  forget(end_capture());
}

std::optional<Stream::Recording> Stream::end_recording(bool is_kept) {
  if (!std::exchange(is_recording_, false) || !is_capturing_) return {};
  const Recording recording = end_capture();
  if (is_kept && !error_ && recording.n_launches > 0) return recording;
  forget(recording);
  return {};
}

void Stream::replay(const Recording& recording) {
  flush();
  if (watched_.stop_requested() || !begin()) return;
  n_launches_ += recording.n_launches;
  check(cudaGraphLaunch(recording.graph, stream_), "cudaGraphLaunch");
  is_work_known_ = false;
  flush();
}

void Stream::forget(const Recording& recording) {
  if (recording.graph) static_cast<void>(cudaGraphExecDestroy(recording.graph));
}

Result<void> Stream::finish() {
  stop_capturing();
  flush();
  if (!error_) {
    check(cudaSetDevice(number_), "cudaSetDevice");
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }
  for (std::size_t i = 0; i < bundles_.size(); ++i) {
    Bundle& bundle = bundles_[(current_ + i) % bundles_.size()];
    if (error_) bundle.is_pending = false;
    else wait(bundle);
  }
  staged_ = 0;
  if (error_) return *error_;
  return {};
}

void Stream::watch(const std::stop_token& stop) {
  if (stop == watched_) return;
  static_cast<void>(finish());  // what was stopped ends before the word is 0 again
  callback_.reset();
  volatile std::uint32_t* const flag = flag_;
  *flag = 0;
  watched_ = stop;
  if (stop.stop_possible()) callback_.emplace(stop, RaiseFlag{flag});
}

}  // namespace pio::cuda
