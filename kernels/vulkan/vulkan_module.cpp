#include <exception>
#include <new>
#include <string>

#include "kernels/backend_module.h"
#include "kernels/vulkan/instance.h"
#include "kernels/vulkan/vulkan_backend.h"

// What libpio_vulkan.so shows of itself.

namespace pio::vulkan {
namespace {

Error not_available(std::string_view device, const std::string& reason) {
  Error error = make_error(ErrorCode::not_available, "device " + std::string(device) + ": " + reason);
  error.device = device;
  return error;
}

DeviceList list() {
  DeviceList list;
  try {
    FoundCards found = find_cards();
    for (FoundCard& card : found.usable) list.devices.push_back(std::move(card.info));
    list.rejected = std::move(found.rejected);
  } catch (const std::exception& e) {
    list.rejected.push_back({"vulkan", e.what(), Rejection::failed});
  }
  return list;
}

constexpr std::uint32_t kMuchShared = 24 << 10;  // what 4 rows of two matrices with 8 of activations leave to be summed

// BackendOptions::isa names forms that a device with more to offer has too, for tests: "shared" sums, "integers" without their instruction, or both.
VulkanForms forms_of(const FoundCard& card, const BackendOptions& options) {
  const auto asks = [&](std::string_view form) { return options.isa.find(form) != std::string::npos; };
  return {.activations = options.activations,
          .by_subgroups = !asks("shared"),
          .has_much_shared = card.shared_bytes >= kMuchShared,
          .has_dot = card.info.has_int8_dot && !asks("integers")};
}

Result<std::unique_ptr<Backend>> create(std::string_view device, const BackendOptions& options) {
  try {
    const FoundCards found = find_cards();
    const std::string_view name = device == "vulkan:0" ? "vulkan" : device;
    for (const FoundCard& card : found.usable) {
      if (card.info.name == name) return create_vulkan_backend(card, forms_of(card, options));
    }
    for (const RejectedDevice& rejected : found.rejected) {
      if (rejected.name == name) return not_available(device, rejected.reason);
    }
    std::string there;
    for (const FoundCard& card : found.usable) there += (there.empty() ? "" : ", ") + card.info.name;
    for (const RejectedDevice& rejected : found.rejected) there += (there.empty() ? "" : "; ") + rejected.name + ": " + rejected.reason;
    return not_available(device, "expected one of those that are there, " + there);
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::out_of_memory, "device " + std::string(device) + ": no memory to open it");
  } catch (const std::exception& e) {
    return not_available(device, e.what());
  }
}

void set_sinks(LogSink log, CheckHandler check) {
  set_log_sink(log);
  set_check_handler(check);
}

}  // namespace
}  // namespace pio::vulkan

extern "C" __attribute__((visibility("default"))) const pio::BackendModule* pio_backend_module() {
  static const pio::BackendModule module{pio::build_id(), pio::vulkan::set_sinks, pio::vulkan::list, pio::vulkan::create};
  return &module;
}
