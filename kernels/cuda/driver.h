#pragma once

#include <optional>

#include "kernels/registry.h"

namespace pio::cuda {

// What stands against NVIDIA's driver: that there is none, or that it is older than the CUDA this program was built with, with both numbers. Asked of
// libcuda.so.1 itself, before anything of the runtime is called.
std::optional<RejectedDevice> driver_objection();

}  // namespace pio::cuda
