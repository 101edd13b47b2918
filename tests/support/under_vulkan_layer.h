#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/registry.h"
#include "tests/support/vulkan_layer.h"

namespace pio::test {

// The tests' own layer under this process's Vulkan, on a renderer in software. Null where there is neither. To be asked before anything else opens
// Vulkan: the loader looks for layers once.
inline VulkanLayer* under_vulkan_layer() {
  static VulkanLayer* const layer = []() -> VulkanLayer* {
    setenv("PIO_VULKAN_SOFTWARE", "1", 1);
    setenv("VK_LAYER_PATH", PIO_VULKAN_LAYER_FOLDER ":/usr/share/vulkan/explicit_layer.d", 1);
    setenv("VK_INSTANCE_LAYERS", "VK_LAYER_PIO_test", 1);
    const DeviceList devices = list_devices();
    void* const library = dlopen(PIO_VULKAN_LAYER_LIBRARY, RTLD_NOW | RTLD_NOLOAD);
    if (!library) return nullptr;
    const auto function = reinterpret_cast<VulkanLayerFunction>(dlsym(library, kVulkanLayerSymbol));
    bool is_here = false;
    for (const DeviceInfo& device : devices.devices) is_here = is_here || device.kind == DeviceKind::vulkan;
    return function && is_here ? function() : nullptr;
  }();
  return layer;
}

}  // namespace pio::test
