#include "kernels/vulkan/instance.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "kernels/host.h"

namespace pio::vulkan {
namespace {

constexpr std::uint32_t kNeededApi = VK_API_VERSION_1_2;
// What other programs of the desktop take while a model is there.
constexpr std::uint64_t kLeastSpareBytes = 300'000'000;
constexpr std::uint64_t kSpareShare = 20;

std::string version_text(std::uint32_t version) {
  return std::to_string(VK_API_VERSION_MAJOR(version)) + "." + std::to_string(VK_API_VERSION_MINOR(version)) + "." +
         std::to_string(VK_API_VERSION_PATCH(version));
}

// One for the process, as the loader keeps state of its own; it is there until the end.
struct Instance {
  VkInstance handle = VK_NULL_HANDLE;
  RejectedDevice why_not;
};

Instance create_instance() {
  Instance instance;
  const auto failed = [&](Rejection code, const std::string& reason) {
    instance.why_not = {"vulkan", reason, code};
    return instance;
  };
  if (volkInitialize() != VK_SUCCESS) return failed(Rejection::no_loader, "no libvulkan.so.1 on this system");
  if (const std::uint32_t version = volkGetInstanceVersion(); version < kNeededApi) {
    return failed(Rejection::driver_too_old, "libvulkan.so.1: expected version 1.2, found " + version_text(version));
  }
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "Inference-PIO";
  application.apiVersion = kNeededApi;
  VkInstanceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  create.pApplicationInfo = &application;
  const VkResult result = vkCreateInstance(&create, nullptr, &instance.handle);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) return failed(Rejection::no_driver, "no driver of a graphics card for Vulkan");
  if (result != VK_SUCCESS) return failed(Rejection::failed, "vkCreateInstance: " + text_of(result));
  volkLoadInstance(instance.handle);
  return instance;
}

struct Described {
  VkPhysicalDeviceProperties2 properties{};
  VkPhysicalDeviceVulkan11Properties of_11{};
  VkPhysicalDeviceVulkan12Properties of_12{};
  VkPhysicalDeviceFeatures2 features{};
  VkPhysicalDeviceVulkan11Features has_11{};
  VkPhysicalDeviceVulkan12Features has_12{};
};

void describe(VkPhysicalDevice handle, Described& d) {
  d.properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  d.of_11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
  d.of_12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
  d.properties.pNext = &d.of_11;
  d.of_11.pNext = &d.of_12;
  vkGetPhysicalDeviceProperties2(handle, &d.properties);
  d.features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  d.has_11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  d.has_12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  d.features.pNext = &d.has_11;
  d.has_11.pNext = &d.has_12;
  vkGetPhysicalDeviceFeatures2(handle, &d.features);
}

std::vector<std::string> extensions_of(VkPhysicalDevice handle) {
  std::uint32_t n = 0;
  vkEnumerateDeviceExtensionProperties(handle, nullptr, &n, nullptr);
  std::vector<VkExtensionProperties> properties(n);
  vkEnumerateDeviceExtensionProperties(handle, nullptr, &n, properties.data());
  std::vector<std::string> names;
  for (const VkExtensionProperties& property : properties) names.emplace_back(property.extensionName);
  return names;
}

// By its extension: what is part of Vulkan 1.3 is asked for by programs of 1.3 only.
bool has_integer_dot(VkPhysicalDevice handle, const std::vector<std::string>& extensions) {
  if (std::ranges::find(extensions, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME) == extensions.end()) return false;
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot{};
  dot.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &dot;
  vkGetPhysicalDeviceFeatures2(handle, &features);
  return dot.shaderIntegerDotProduct == VK_TRUE;
}

// Bytes of a buffer, which may be fewer than an allocation's; UINT64_MAX where the device does not say.
std::uint64_t largest_buffer(VkPhysicalDevice handle, const std::vector<std::string>& extensions) {
  if (std::ranges::find(extensions, VK_KHR_MAINTENANCE_4_EXTENSION_NAME) == extensions.end()) return UINT64_MAX;
  VkPhysicalDeviceMaintenance4Properties of_buffers{};
  of_buffers.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &of_buffers;
  vkGetPhysicalDeviceProperties2(handle, &properties);
  return of_buffers.maxBufferSize > 0 ? of_buffers.maxBufferSize : UINT64_MAX;
}

// Of the device's own memory: all of it, and what is free now.
void measure_memory(VkPhysicalDevice handle, const std::vector<std::string>& extensions, DeviceInfo& info) {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT;
  VkPhysicalDeviceMemoryProperties2 memory{};
  memory.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
  const bool has_budget = std::ranges::find(extensions, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) != extensions.end();
  if (has_budget) memory.pNext = &budget;
  vkGetPhysicalDeviceMemoryProperties2(handle, &memory);
  for (std::uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = memory.memoryProperties.memoryHeaps[i];
    if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) || heap.size <= info.total_bytes) continue;
    info.total_bytes = heap.size;
    info.free_bytes = has_budget ? budget.heapBudget[i] - std::min(budget.heapBudget[i], budget.heapUsage[i]) : heap.size;
  }
  info.free_bytes -= std::min(info.free_bytes / 2, std::max(info.free_bytes / kSpareShare, kLeastSpareBytes));
  if (info.is_integrated || info.is_software) info.free_bytes = std::min(info.free_bytes, host_memory().free_bytes);
}

std::string hex_of(const std::uint8_t (&bytes)[VK_UUID_SIZE]) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

int preference(const Described& d) {
  switch (d.properties.properties.deviceType) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 1;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return 3;
    default: return 2;
  }
}

// What stands against using a device; an empty reason: nothing.
RejectedDevice objection(VkPhysicalDevice handle, const Described& d, FoundCard& card) {
  const VkPhysicalDeviceProperties& p = d.properties.properties;
  const std::string name = p.deviceName;
  const char* const software = std::getenv("PIO_VULKAN_SOFTWARE");
  if (p.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU && !(software && std::strcmp(software, "1") == 0)) {
    return {"", name + ": a renderer on the processor, slower than this program's own kernels there", Rejection::software};
  }
  if (p.apiVersion < kNeededApi) return {"", name + ": expected Vulkan 1.2, found " + version_text(p.apiVersion), Rejection::device_too_old};
  std::string missing;
  for (const auto& [has, what] :
       {std::pair{d.has_12.bufferDeviceAddress, "buffer device addresses"}, std::pair{d.has_12.storageBuffer8BitAccess, "8-bit storage"},
        std::pair{d.has_11.storageBuffer16BitAccess, "16-bit storage"}}) {
    if (!has) missing += (missing.empty() ? "" : ", ") + std::string(what);
  }
  if (!missing.empty()) {
    return {"", name + ": expected buffer device addresses and storage of 8 and 16 bits, found no " + missing, Rejection::device_too_old};
  }
  const VkSubgroupFeatureFlags sums = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;
  if ((d.of_11.subgroupSupportedOperations & sums) != sums || !(d.of_11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT)) {
    return {"", name + ": expected sums over subgroups, found none", Rejection::device_too_old};
  }
  std::uint32_t n = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(handle, &n, nullptr);
  std::vector<VkQueueFamilyProperties> families(n);
  vkGetPhysicalDeviceQueueFamilyProperties(handle, &n, families.data());
  const auto computes = [](const VkQueueFamilyProperties& family) { return (family.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0; };
  const auto family = std::ranges::find_if(families, computes);
  if (family == families.end()) return {"", name + ": expected a queue that computes, found none", Rejection::device_too_old};
  card.queue_family = static_cast<std::uint32_t>(family - families.begin());
  return {};
}

}  // namespace

std::string text_of(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_DEVICE_LOST: return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_INITIALIZATION_FAILED: return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_LAYER_NOT_PRESENT: return "VK_ERROR_LAYER_NOT_PRESENT";
    default: return "VkResult " + std::to_string(static_cast<int>(result));
  }
}

FoundCards find_cards() {
  static std::mutex mutex;
  static Instance instance;
  const std::lock_guard lock(mutex);
  if (!instance.handle) instance = create_instance();
  FoundCards found;
  if (!instance.handle) {
    found.rejected.push_back(instance.why_not);
    return found;
  }
  std::uint32_t n = 0;
  VkResult result = vkEnumeratePhysicalDevices(instance.handle, &n, nullptr);
  std::vector<VkPhysicalDevice> handles(n);
  if (result == VK_SUCCESS) result = vkEnumeratePhysicalDevices(instance.handle, &n, handles.data());
  handles.resize(n);
  if (result < 0 || handles.empty()) {
    found.rejected.push_back({"vulkan", "no driver of a graphics card for Vulkan", Rejection::no_driver});
    return found;
  }
  std::vector<Described> described(handles.size());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    describe(handles[i], described[i]);
    order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return preference(described[i]); });
  std::vector<RejectedDevice> rejected;
  for (const std::size_t i : order) {
    const Described& d = described[i];
    const VkPhysicalDeviceProperties& p = d.properties.properties;
    FoundCard card;
    card.handle = handles[i];
    if (RejectedDevice why_not = objection(handles[i], d, card); !why_not.reason.empty()) {
      rejected.push_back(std::move(why_not));
      continue;
    }
    DeviceInfo& info = card.info;
    const std::vector<std::string> extensions = extensions_of(handles[i]);
    info.kind = DeviceKind::vulkan;
    info.driver = std::string(d.of_12.driverName) + " " + d.of_12.driverInfo;
    info.api = "Vulkan " + version_text(p.apiVersion);
    info.uuid = hex_of(d.of_11.deviceUUID);
    info.is_integrated = p.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    info.is_software = p.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    info.least_subgroup = info.most_subgroup = static_cast<int>(d.of_11.subgroupSize);
    info.has_f16 = d.has_12.shaderFloat16 == VK_TRUE;
    info.has_int8_dot = has_integer_dot(handles[i], extensions);
    info.detail = std::string(p.deviceName) + ", " + info.api + ", " + info.driver;
    measure_memory(handles[i], extensions, info);
    card.most_bytes_at_once = std::min(d.of_11.maxMemoryAllocationSize, largest_buffer(handles[i], extensions));
    card.shared_bytes = p.limits.maxComputeSharedMemorySize;
    found.usable.push_back(std::move(card));
  }
  // Those that can be used are numbered first: the first of them is "vulkan".
  std::size_t number = 0;
  const auto next_name = [&] { return number++ == 0 ? std::string("vulkan") : "vulkan:" + std::to_string(number - 1); };
  for (FoundCard& card : found.usable) card.info.name = next_name();
  for (RejectedDevice& device : rejected) {
    device.name = next_name();
    found.rejected.push_back(std::move(device));
  }
  return found;
}

}  // namespace pio::vulkan
