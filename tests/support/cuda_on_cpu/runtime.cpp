// The calls of CUDA's runtime. What is queued runs when somebody waits for it, not before, and between streams in an order that changes with the seed.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/cuda_on_cpu/block.h"
#include "tests/support/cuda_on_cpu/faults.h"
#include "tests/support/cuda_on_cpu/memory.h"

namespace cuda_on_cpu {

using Clock = std::chrono::steady_clock;

struct Event {
  std::uint64_t n_recorded = 0, n_done = 0;
  Clock::time_point when;
};

struct Task {
  std::function<void()> run;
  Event* awaited = nullptr;
  std::uint64_t n_awaited = 0;
};

struct Stream {
  std::deque<Task> queue;
  bool is_capturing = false;
  std::vector<std::function<void()>> captured;
};

struct Graph {
  std::vector<std::function<void()>> nodes;
};
struct GraphExec {
  std::vector<std::function<void()>> nodes;
};

namespace {

struct Runtime {
  std::recursive_mutex mutex;
  std::vector<Stream*> streams;
  std::map<const void*, std::size_t> leave;  // for shared memory, by kernel
  std::mt19937 random{order()};
  cudaError_t last = cudaSuccess;
  bool is_lost = false;
  std::uint64_t lost_at = 0;  // of the kernels that have run; 0: never
  Counts counts;
  std::size_t memory = 0;
};

Runtime& runtime() {
  static Runtime& the = *new Runtime;
  return the;
}

cudaError_t failed(cudaError_t error) {
  runtime().last = error;
  return error;
}

bool may_run(const Stream& stream) {
  if (stream.queue.empty()) return false;
  const Task& task = stream.queue.front();
  return !task.awaited || task.awaited->n_done >= task.n_awaited;
}

// One task of any stream. False where none may run.
bool step() {
  Runtime& r = runtime();
  std::vector<Stream*> able;
  for (Stream* stream : r.streams) {
    if (may_run(*stream)) able.push_back(stream);
  }
  if (able.empty()) return false;
  Stream* const stream = able[r.random() % able.size()];
  Task task = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (task.run) task.run();
  return true;
}

template <class Done>
cudaError_t run_until(Done done) {
  while (!done()) {
    if (!step()) {
      report(Fault::runtime, "waits for what can never happen");
      return failed(cudaErrorLaunchFailure);
    }
  }
  return cudaSuccess;
}

void put(Stream* stream, std::function<void()> run) {
  if (!stream) return report(Fault::runtime, "the default stream, which waits for all others: none of ours uses it");
  if (stream->is_capturing) stream->captured.push_back(std::move(run));
  else stream->queue.push_back({std::move(run), nullptr, 0});
}

// What every call says once the device is lost.
cudaError_t state() { return runtime().is_lost ? cudaErrorLaunchFailure : cudaSuccess; }

std::size_t total_memory() {
  if (runtime().memory != 0) return runtime().memory;
  const char* const text = std::getenv("PIO_CUDA_ON_CPU_MEMORY");
  return text && *text ? static_cast<std::size_t>(std::strtoull(text, nullptr, 10)) : std::size_t{2} << 30;
}

void copy_now(void* to, const void* from, std::size_t n_bytes, cudaMemcpyKind kind) {
  const bool reads_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool writes_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  if (reads_device && !is_device_or_pinned(from, n_bytes)) return report(Fault::runtime, "cudaMemcpyAsync: reads beyond an allocation, or from none");
  if (writes_device && !is_device_or_pinned(to, n_bytes)) return report(Fault::runtime, "cudaMemcpyAsync: writes beyond an allocation, or to none");
  std::memmove(to, from, n_bytes);
}

// Everything that was queued, whatever has become of the device.
void drain() {
  run_until([] { return std::all_of(runtime().streams.begin(), runtime().streams.end(), [](const Stream* s) { return s->queue.empty(); }); });
}

}  // namespace

void lose_device_at(std::uint64_t n_kernels) {
  const std::lock_guard lock(runtime().mutex);
  runtime().lost_at = runtime().counts.kernels + n_kernels;
}
void mend_device() {
  const std::lock_guard lock(runtime().mutex);
  runtime().is_lost = false;
  runtime().lost_at = 0;
}
Counts counts() {
  const std::lock_guard lock(runtime().mutex);
  return runtime().counts;
}
void set_memory(std::size_t n_bytes) {
  const std::lock_guard lock(runtime().mutex);
  runtime().memory = n_bytes;
}

void enqueue(const Launch& launch, cudaStream_t stream) {
  const std::lock_guard lock(runtime().mutex);
  const std::shared_ptr<void> arguments(launch.arguments, launch.destroy);
  const dim3 &g = launch.grid, &b = launch.block;
  const std::string name = launch.name;
  if (b.x * b.y * b.z == 0 || b.x * b.y * b.z > kMostThreads || g.x == 0 || g.y == 0 || g.z == 0 || g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) {
    runtime().last = cudaErrorInvalidConfiguration;
    return report(Fault::launch, name + ": grid " + std::to_string(g.x) + " x " + std::to_string(g.y) + " x " + std::to_string(g.z) + " of " +
                                     std::to_string(b.x * b.y * b.z) + " threads");
  }
  if (launch.argument_bytes > 4096) return report(Fault::launch, name + ": " + std::to_string(launch.argument_bytes) + " bytes of arguments");
  const auto leave = runtime().leave.find(launch.function);
  const std::size_t most = std::max(kSharedWithoutLeave, leave == runtime().leave.end() ? 0 : leave->second);
  if (launch.shared_bytes > most) {
    runtime().last = cudaErrorInvalidValue;
    return report(Fault::shared_limit, name + ": expected at most " + std::to_string(most) + " bytes, found " + std::to_string(launch.shared_bytes));
  }
  put(stream, [launch, arguments] {
    Runtime& r = runtime();
    if (++r.counts.kernels == r.lost_at) r.is_lost = true;
    if (!r.is_lost) run_grid(launch);
  });
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

#define PIO_LOCKED const std::lock_guard lock(runtime().mutex)

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInsufficientDriver: return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
  }
  return "unknown";
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }
cudaError_t cudaGetLastError() {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  return std::exchange(runtime().last, cudaSuccess);
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : failed(cudaErrorInvalidDevice); }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device != 0) return failed(cudaErrorInvalidDevice);
  *p = {};
  std::strcpy(p->name, "CUDA on the processor");
  std::memcpy(p->uuid.bytes, "cuda on the cpu", 16);
  p->totalGlobalMem = total_memory();
  p->sharedMemPerBlock = kSharedWithoutLeave;
  p->sharedMemPerBlockOptin = most_shared_bytes();
  p->major = architecture() / 10;
  p->minor = architecture() % 10;
  p->multiProcessorCount = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  return run_until([] { return std::all_of(runtime().streams.begin(), runtime().streams.end(), [](const Stream* s) { return s->queue.empty(); }); });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  *total_bytes = total_memory();
  *free_bytes = total_memory() - std::min(total_memory(), allocated_bytes());
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, std::size_t n_bytes) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  *pointer = nullptr;
  if (n_bytes > total_memory() - std::min(total_memory(), allocated_bytes())) return failed(cudaErrorMemoryAllocation);
  *pointer = allocate(n_bytes, Kind::device);
  return *pointer ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* pointer) {
  PIO_LOCKED;
  if (!pointer) return cudaSuccess;
  drain();
  if (release(pointer, Kind::device)) return cudaSuccess;
  report(Fault::runtime, "cudaFree: no such allocation");
  return failed(cudaErrorInvalidValue);
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t n_bytes, unsigned) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  *pointer = allocate(n_bytes, Kind::pinned);
  return *pointer ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* pointer) {
  PIO_LOCKED;
  if (!pointer) return cudaSuccess;
  drain();
  if (release(pointer, Kind::pinned)) return cudaSuccess;
  report(Fault::runtime, "cudaFreeHost: no such allocation");
  return failed(cudaErrorInvalidValue);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t n_bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  put(stream, [=] { copy_now(to, from, n_bytes, kind); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t n_bytes, cudaStream_t stream) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  put(stream, [=] {
    if (!is_device_or_pinned(to, n_bytes)) return report(Fault::runtime, "cudaMemsetAsync: beyond an allocation, or in none");
    std::memset(to, value, n_bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  if (flags != cudaStreamNonBlocking) report(Fault::runtime, "cudaStreamCreateWithFlags: a stream that waits for the default one");
  *stream = new Stream;
  runtime().streams.push_back(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  PIO_LOCKED;
  const cudaError_t done = cudaStreamSynchronize(stream);
  std::erase(runtime().streams, stream);
  delete stream;
  return done;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  PIO_LOCKED;
  if (stream->is_capturing) {
    report(Fault::runtime, "cudaStreamSynchronize: of a stream that is captured");
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  const cudaError_t done = run_until([&] { return stream->queue.empty(); });
  return runtime().is_lost ? state() : done;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  PIO_LOCKED;
  if (!stream->queue.empty()) step();
  return stream->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  PIO_LOCKED;
  if (stream->is_capturing) {
    report(Fault::runtime, "cudaStreamWaitEvent: of a stream that is captured, which the emulator does not know");
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  stream->queue.push_back({{}, event, event->n_recorded});
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  PIO_LOCKED;
  if (event->n_done < event->n_recorded) cudaEventSynchronize(event);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  if (stream->is_capturing) {
    report(Fault::runtime, "cudaEventRecord: into a stream that is captured, which the emulator does not know");
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  const std::uint64_t n = ++event->n_recorded;
  put(stream, [event, n] {
    event->n_done = n;
    event->when = Clock::now();
  });
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  PIO_LOCKED;
  if (event->n_done < event->n_recorded) step();
  return event->n_done < event->n_recorded ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  PIO_LOCKED;
  const cudaError_t done = run_until([&] { return event->n_done >= event->n_recorded; });
  return runtime().is_lost ? state() : done;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  PIO_LOCKED;
  if (begin->n_done < begin->n_recorded || end->n_done < end->n_recorded) return cudaErrorNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(end->when - begin->when).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  if (stream->is_capturing || mode != cudaStreamCaptureModeRelaxed) {
    report(Fault::runtime, "cudaStreamBeginCapture: expected the relaxed mode, once a stream");
    return failed(cudaErrorInvalidValue);
  }
  stream->is_capturing = true;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  PIO_LOCKED;
  if (!stream->is_capturing) {
    report(Fault::runtime, "cudaStreamEndCapture: nothing is captured");
    return failed(cudaErrorInvalidValue);
  }
  stream->is_capturing = false;
  *graph = new Graph{std::exchange(stream->captured, {})};
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new GraphExec{graph->nodes};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  PIO_LOCKED;
  if (runtime().is_lost) return state();
  ++runtime().counts.graphs;
  for (const auto& node : exec->nodes) put(stream, node);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  PIO_LOCKED;
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute, int value) {
  PIO_LOCKED;
  if (value < 0 || static_cast<std::size_t>(value) > most_shared_bytes()) {
    report(Fault::shared_limit,
           "cudaFuncSetAttribute: expected at most " + std::to_string(most_shared_bytes()) + " bytes, found " + std::to_string(value));
    return failed(cudaErrorInvalidValue);
  }
  runtime().leave[function] = static_cast<std::size_t>(value);
  return cudaSuccess;
}
