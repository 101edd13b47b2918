#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/cuda_on_cpu/fiber.h"
#include "tests/support/cuda_on_cpu/include/cuda_runtime.h"

namespace cuda_on_cpu {

constexpr int kWarp = 32, kMostThreads = 1024;
constexpr std::size_t kSharedWithoutLeave = 48 << 10;

enum class State : std::uint8_t { unstarted, ready, at_warp, at_barrier, ended };
enum class WarpOp : std::uint8_t { sync, shuffle_xor, shuffle, ballot, together };

struct Thread {
  Place place;
  int index = 0;
  State state = State::ended;
  Fiber* fiber = nullptr;
  WarpOp op = WarpOp::sync;
  std::uint32_t value = 0, result = 0;
  int operand = 0;
  void* registers = nullptr;                       // of WarpOp::together: what the lane brings and takes home, and
  void (*function)(void* const* lanes) = nullptr;  // what is done with those of all 32
  struct Copy {
    void* to;
    const void* from;
    std::size_t n_bytes;
    int group;
  };
  std::vector<Copy> copies;  // cp.async: not there before they are waited for
  int n_groups = 0;
};

// The block that runs now.
struct Running {
  const Launch* launch = nullptr;
  std::uint64_t launch_number = 0, block_number = 0;  // of all that ever ran
  std::uint32_t barriers = 0;                         // passed by the block
  std::uint32_t warp_barriers[kMostThreads / kWarp] = {};
};
extern Running running;
extern Thread* current;  // null outside of kernels

std::byte* shared_begin();

void run_grid(const Launch& launch);

// All lanes of the warp hand in their registers; the function sees those of all.
void together(void* registers, void (*function)(void* const* lanes));

// "matmul, block 3, thread 17"
std::string place_text();

}  // namespace cuda_on_cpu
