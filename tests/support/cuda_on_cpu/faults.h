#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

// What the emulator finds wrong with a kernel or with how the runtime is called.

namespace cuda_on_cpu {

enum class Fault {
  out_of_bounds,  // an address that no allocation holds, or that a kernel may not write
  freed,          // one of memory that was freed
  misaligned,     // an address that a card does not take for a number or vector of this size
  race,           // two threads, one of them writing, without a barrier between
  unset,          // shared memory read before it is written
  barrier,        // __syncthreads that some threads of the block never reach
  warp,           // a warp's instruction that some of its lanes never reach
  shared_limit,   // more shared memory than the architecture has, or than the kernel has asked leave for
  launch,         // sizes that no card launches
  runtime,        // a call of the runtime that is wrong
};
const char* name_of(Fault fault);

struct Report {
  Fault fault;
  std::string text;  // kernel, block, thread, address
};

// Where reports go. Default: they are printed, and the program ends. Returns the one before.
using Reporter = std::function<void(const Report&)>;
Reporter set_reporter(Reporter reporter);
void report(Fault fault, const std::string& text);

// Threads and blocks in an order shuffled by this number; 0: by their numbers. Streams choose among what may run next by it, too.
// PIO_CUDA_ON_CPU_SEED in the environment does the same.
void set_order(unsigned seed);
unsigned order();

// Which card this is: 75, 80, 86, 89, 90 or 120. PIO_CUDA_ON_CPU_SM does the same; 86 where nothing says anything.
void set_architecture(int sm);
int architecture();
// Shared memory that a block of it may have.
std::size_t most_shared_bytes();

// Of the n-th kernel that runs from now on the device is lost: every call fails, until it is mended.
void lose_device_at(std::uint64_t n_kernels);
void mend_device();
// Since the beginning.
struct Counts {
  std::uint64_t kernels = 0, graphs = 0;  // that have run; that were launched
};
Counts counts();
// How much memory the device has; 0: what PIO_CUDA_ON_CPU_MEMORY says, or 2 GiB.
void set_memory(std::size_t n_bytes);

}  // namespace cuda_on_cpu
