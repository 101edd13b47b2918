#include "kernels/cuda/driver.h"
#include "kernels/cuda/module.h"

// What libpio_cuda.so shows of itself.

namespace pio::cuda {

constexpr Kind kCards{"cuda", false, PIO_CUDA_LEAST, driver_objection};

}  // namespace pio::cuda

extern "C" __attribute__((visibility("default"))) const pio::BackendModule* pio_backend_module() {
  return pio::cuda::Module<pio::cuda::kCards>::get();
}
