#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "kernels/registry.h"
#include "tests/support/vulkan_layer.h"

namespace pio::test {

// The tests' own layer under this process's Vulkan, on a renderer in software. Null where there is neither. To be asked before anything else opens
// Vulkan: the loader looks for layers once.
inline VulkanLayer* under_vulkan_layer() {
  static VulkanLayer* const layer = []() -> VulkanLayer* {
    if (std::string_view(PIO_VULKAN_LAYER_LIBRARY).empty()) return nullptr;
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

// While one lives, the device says that an allocation has at most so many bytes, and gives no larger one. A card stays open, and knows what it was told,
// until it is lost: so nobody else may have it open when one begins or ends.
class LargestVulkanAllocation {
 public:
  LargestVulkanAllocation(VulkanLayer& layer, std::uint64_t n_bytes) : layer_(layer) {
    lose();
    layer_.shown_most_bytes = layer_.most_bytes = n_bytes;
  }
  ~LargestVulkanAllocation() {
    layer_.do_nothing();
    lose();
  }
  LargestVulkanAllocation(const LargestVulkanAllocation&) = delete;
  LargestVulkanAllocation& operator=(const LargestVulkanAllocation&) = delete;

 private:
  void lose() {
    layer_.lose_at_submit = layer_.n_submits + 1;
    Result<std::unique_ptr<Backend>> backend = create_backend("vulkan", {});
    if (backend) {
      EXPECT_FALSE((*backend)->sync());
    }
    layer_.lose_at_submit = 0;
  }
  VulkanLayer& layer_;
};

}  // namespace pio::test
