#pragma once

#include <volk.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/registry.h"

namespace pio::vulkan {

// A device that a driver offers and this backend can use.
struct FoundCard {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceInfo info;
  std::uint32_t queue_family = 0;
  std::uint64_t most_bytes_at_once = 0;  // of one allocation
  std::uint32_t shared_bytes = 0;        // of a workgroup
};

struct FoundCards {
  std::vector<FoundCard> usable;  // the preferred one first: "vulkan", "vulkan:1", …
  std::vector<RejectedDevice> rejected;
};

// Asks the drivers that there are. The environment is read again as long as none was found.
FoundCards find_cards();

// "expected VK_SUCCESS, found VK_ERROR_DEVICE_LOST" for messages.
std::string text_of(VkResult result);

}  // namespace pio::vulkan
