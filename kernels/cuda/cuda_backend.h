#pragma once

#include <memory>

#include "kernels/backend.h"

namespace pio::cuda {

// Fails with out_of_memory or not_available. `number`: of the runtime's devices.
Result<std::unique_ptr<Backend>> create_cuda_backend(const DeviceInfo& device, int number, int capability, Activations activations);

}  // namespace pio::cuda
