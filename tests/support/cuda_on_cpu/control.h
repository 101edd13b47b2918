#pragma once

#include <cstddef>
#include <cstdint>

// What a test may ask of the module of device cuda_on_cpu that it has loaded: its functions are the module's own.

namespace cuda_on_cpu {

struct Control {
  void (*lose_device_at)(std::uint64_t n_kernels);
  void (*mend_device)();
  void (*set_memory)(std::size_t n_bytes);
  std::size_t (*allocated_bytes)();
  std::uint64_t (*n_kernels)();
};

inline constexpr const char* kControlSymbol = "pio_cuda_on_cpu_control";
using ControlFunction = const Control* (*)();

}  // namespace cuda_on_cpu
