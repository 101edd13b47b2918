#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/vulkan/instance.h"

namespace pio::vulkan {

// In which of several forms that give the same, but for roundings, a backend computes.
struct VulkanForms {
  Activations activations = Activations::q8;
  bool by_subgroups = true;     // sums over a workgroup: those of subgroups first, or a tree in shared memory
  bool has_much_shared = true;  // memory of a workgroup: more than the least there is
  bool has_dot = true;          // four products of 8-bit integers and their sum are one instruction
};

// Fails with out_of_memory or not_available.
Result<std::unique_ptr<Backend>> create_vulkan_backend(const FoundCard& card, const VulkanForms& forms);

}  // namespace pio::vulkan
