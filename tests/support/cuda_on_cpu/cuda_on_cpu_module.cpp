#include "kernels/cuda/module.h"
#include "tests/support/cuda_on_cpu/control.h"
#include "tests/support/cuda_on_cpu/faults.h"
#include "tests/support/cuda_on_cpu/memory.h"

// The backend of kernels/cuda on the emulator, as a module that the registry finds where PIO_BACKENDS names its folder.

namespace pio::cuda {

constexpr Kind kOnCpu{"cuda_on_cpu", true, 75, [] { return std::optional<RejectedDevice>(); }};

}  // namespace pio::cuda

extern "C" __attribute__((visibility("default"))) const pio::BackendModule* pio_backend_module() {
  return pio::cuda::Module<pio::cuda::kOnCpu>::get();
}

extern "C" __attribute__((visibility("default"))) const cuda_on_cpu::Control* pio_cuda_on_cpu_control() {
  static constexpr cuda_on_cpu::Control control{cuda_on_cpu::lose_device_at, cuda_on_cpu::mend_device, cuda_on_cpu::set_memory,
                                                cuda_on_cpu::allocated_bytes, [] { return cuda_on_cpu::counts().kernels; }};
  return &control;
}
