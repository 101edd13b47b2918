#include "kernels/registry.h"

#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"

namespace pio {
namespace {

// Devices of another kind than this build can drive: what the name of one begins with, and why it cannot be had.
struct MissingKind {
  std::string_view name;
  const char* reason;
};
constexpr MissingKind kMissingKinds[] = {
    {"cuda", "this build has no CUDA backend"},
    {"vulkan", "this build has no Vulkan backend"},
};

Error not_available(std::string_view device, const std::string& reason) {
  Error error = make_error(ErrorCode::not_available, "device " + std::string(device) + ": " + reason);
  error.device = device;
  return error;
}

// "cuda" and "cuda:1" are both of the kind "cuda".
bool is_of_kind(std::string_view device, std::string_view kind) {
  return device == kind || (device.substr(0, kind.size()) == kind && device.substr(kind.size(), 1) == ":");
}

}  // namespace

DeviceList list_devices() {
  DeviceList list;
  list.devices.push_back(cpu_device_info());
  list.devices.push_back(create_reference_backend()->device());  // last: correct, but far too slow to be meant by "auto"
  for (const MissingKind& kind : kMissingKinds) list.rejected.push_back({std::string(kind.name), kind.reason});
  return list;
}

Result<std::unique_ptr<Backend>> create_backend(std::string_view device, const BackendOptions& options) {
  if (device == "auto" || device == "cpu") return create_cpu_backend(options);
  if (device == "reference") return create_reference_backend();
  for (const MissingKind& kind : kMissingKinds) {
    if (is_of_kind(device, kind.name)) return not_available(device, kind.reason);
  }
  return not_available(device, "expected auto, cpu, reference, cuda or vulkan");
}

}  // namespace pio
