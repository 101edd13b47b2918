#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/vulkan/instance.h"

namespace pio::vulkan {

// Fails with out_of_memory or not_available.
Result<std::unique_ptr<Backend>> create_vulkan_backend(const FoundCard& card);

}  // namespace pio::vulkan
