#include "kernels/preferred_device.h"

#include <algorithm>

namespace pio {

bool is_card(const DeviceInfo& device) { return device.kind == DeviceKind::cuda || device.kind == DeviceKind::vulkan; }

std::string preferred_device(const DeviceList& list) {
  for (const DeviceKind kind : {DeviceKind::cuda, DeviceKind::vulkan}) {
    const auto found = std::ranges::find_if(
        list.devices, [kind](const DeviceInfo& device) { return device.kind == kind && !device.is_integrated && !device.is_software; });
    if (found != list.devices.end()) return found->name;
  }
  return "cpu";
}

}  // namespace pio
