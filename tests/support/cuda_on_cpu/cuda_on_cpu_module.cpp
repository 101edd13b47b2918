#include "kernels/cuda/module.h"

// The backend of kernels/cuda on the emulator, as a module that the registry finds where PIO_BACKENDS names its folder.

namespace pio::cuda {

constexpr Kind kOnCpu{"cuda_on_cpu", true, 75, [] { return std::optional<RejectedDevice>(); }};

}  // namespace pio::cuda

extern "C" __attribute__((visibility("default"))) const pio::BackendModule* pio_backend_module() {
  return pio::cuda::Module<pio::cuda::kOnCpu>::get();
}
