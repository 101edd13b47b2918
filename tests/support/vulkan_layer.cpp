#include "tests/support/vulkan_layer.h"

#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <cstring>
#include <map>
#include <mutex>
#include <string_view>

// A layer between the loader and the driver that counts what is submitted and, where a test wants it, loses the device, has no memory, or shows an
// old one. One instance at a time is enough for tests.

namespace {

using pio::test::VulkanLayer;

VulkanLayer layer;

std::mutex mutex;
PFN_vkGetInstanceProcAddr next_instance_proc = nullptr;
struct Device {
  VkDevice handle = VK_NULL_HANDLE;
  PFN_vkGetDeviceProcAddr next_proc = nullptr;
  std::uint64_t card = 0;  // by the order in which cards were opened first, from 1 on
};
std::map<void*, Device> devices;  // by dispatch table, which a device, its queue and its commands have in common
std::map<VkPhysicalDevice, std::uint64_t> cards;
VkInstance the_instance = VK_NULL_HANDLE;
struct Recorded {
  std::uint64_t n_dispatches = 0, n_copies = 0;
};
std::map<VkCommandBuffer, Recorded> recorded;
std::map<VkDeviceMemory, VkDeviceSize> allocations;

// Looked up while the instance is made: afterwards the loader gives this layer's own.
PFN_vkGetPhysicalDeviceProperties next_properties = nullptr;
PFN_vkGetPhysicalDeviceProperties2 next_properties_2 = nullptr;
template <class Handle>
Device& device_of(Handle handle) {
  return devices[*reinterpret_cast<void**>(handle)];
}
// What the next layer has under this name, for a device, its queue or its commands.
template <class Function, class Handle>
Function next_of(Handle handle, const char* name) {
  const std::lock_guard lock(mutex);
  const Device& device = device_of(handle);
  return reinterpret_cast<Function>(device.next_proc(device.handle, name));
}

// The link of a chain of structures that names the next layer.
template <class Info>
Info* link_of(const void* next, VkStructureType type) {
  for (auto* at = static_cast<const Info*>(next); at; at = static_cast<const Info*>(at->pNext)) {
    if (at->sType == type && at->function == VK_LAYER_LINK_INFO) return const_cast<Info*>(at);
  }
  return nullptr;
}

VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* create, const VkAllocationCallbacks* allocator, VkInstance* instance) {
  auto* const link = link_of<VkLayerInstanceCreateInfo>(create->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
  next_instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  const auto next = reinterpret_cast<PFN_vkCreateInstance>(next_instance_proc(VK_NULL_HANDLE, "vkCreateInstance"));
  const VkResult result = next(create, allocator, instance);
  if (result != VK_SUCCESS) return result;
  the_instance = *instance;
  next_properties = reinterpret_cast<PFN_vkGetPhysicalDeviceProperties>(next_instance_proc(the_instance, "vkGetPhysicalDeviceProperties"));
  next_properties_2 = reinterpret_cast<PFN_vkGetPhysicalDeviceProperties2>(next_instance_proc(the_instance, "vkGetPhysicalDeviceProperties2"));
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice card, const VkDeviceCreateInfo* create, const VkAllocationCallbacks* allocator,
                                             VkDevice* device) {
  auto* const link = link_of<VkLayerDeviceCreateInfo>(create->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
  const PFN_vkGetInstanceProcAddr instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  const PFN_vkGetDeviceProcAddr device_proc = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  const auto next = reinterpret_cast<PFN_vkCreateDevice>(instance_proc(the_instance, "vkCreateDevice"));
  const VkResult result = next(card, create, allocator, device);
  if (result != VK_SUCCESS) return result;
  const std::lock_guard lock(mutex);
  device_of(*device) = {*device, device_proc, cards.emplace(card, cards.size() + 1).first->second};
  return result;
}

void show(VkPhysicalDeviceProperties& properties) {
  if (layer.shown_api != 0) properties.apiVersion = layer.shown_api;
}

VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice card, VkPhysicalDeviceProperties* properties) {
  next_properties(card, properties);
  show(*properties);
}

VKAPI_ATTR void VKAPI_CALL get_properties_2(VkPhysicalDevice card, VkPhysicalDeviceProperties2* properties) {
  next_properties_2(card, properties);
  show(properties->properties);
  for (auto* at = static_cast<VkBaseOutStructure*>(properties->pNext); at; at = at->pNext) {
    if (at->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES || layer.shown_most_bytes == 0) continue;
    reinterpret_cast<VkPhysicalDeviceVulkan11Properties*>(at)->maxMemoryAllocationSize = layer.shown_most_bytes;
  }
}

VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* allocator,
                                               VkDeviceMemory* memory) {
  const VkDeviceSize n_bytes = info->allocationSize;
  if (layer.most_bytes != 0 && n_bytes > layer.most_bytes) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (layer.most_bytes_in_all != 0 && layer.n_bytes + n_bytes > layer.most_bytes_in_all) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const VkResult result = next_of<PFN_vkAllocateMemory>(device, "vkAllocateMemory")(device, info, allocator, memory);
  if (result != VK_SUCCESS) return result;
  const std::lock_guard lock(mutex);
  allocations[*memory] = n_bytes;
  layer.n_bytes += n_bytes;
  ++layer.n_allocations;
  return result;
}

VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* allocator) {
  next_of<PFN_vkFreeMemory>(device, "vkFreeMemory")(device, memory, allocator);
  const std::lock_guard lock(mutex);
  const auto at = allocations.find(memory);
  if (at == allocations.end()) return;
  layer.n_bytes -= at->second;
  --layer.n_allocations;
  allocations.erase(at);
}

VKAPI_ATTR VkResult VKAPI_CALL begin_commands(VkCommandBuffer commands, const VkCommandBufferBeginInfo* info) {
  {
    const std::lock_guard lock(mutex);
    recorded[commands] = {};
  }
  ++layer.n_recorded;
  return next_of<PFN_vkBeginCommandBuffer>(commands, "vkBeginCommandBuffer")(commands, info);
}

VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer commands, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  {
    const std::lock_guard lock(mutex);
    ++recorded[commands].n_dispatches;
  }
  next_of<PFN_vkCmdDispatch>(commands, "vkCmdDispatch")(commands, x, y, z);
}

VKAPI_ATTR void VKAPI_CALL copy(VkCommandBuffer commands, VkBuffer from, VkBuffer to, std::uint32_t n, const VkBufferCopy* regions) {
  {
    const std::lock_guard lock(mutex);
    ++recorded[commands].n_copies;
  }
  next_of<PFN_vkCmdCopyBuffer>(commands, "vkCmdCopyBuffer")(commands, from, to, n, regions);
}

VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, std::uint32_t n, const VkSubmitInfo* infos, VkFence fence) {
  const std::uint64_t number = ++layer.n_submits;
  {
    const std::lock_guard lock(mutex);
    const bool is_meant = layer.lost_card == 0 || layer.lost_card == device_of(queue).card;
    if (is_meant && layer.lose_at_submit != 0 && number >= layer.lose_at_submit) return VK_ERROR_DEVICE_LOST;
    for (std::uint32_t i = 0; i < n; ++i) {
      for (std::uint32_t j = 0; j < infos[i].commandBufferCount; ++j) {
        const Recorded& of = recorded[infos[i].pCommandBuffers[j]];
        layer.n_dispatches += of.n_dispatches;
        layer.n_copies += of.n_copies;
      }
    }
  }
  return next_of<PFN_vkQueueSubmit>(queue, "vkQueueSubmit")(queue, n, infos, fence);
}

VKAPI_ATTR VkResult VKAPI_CALL fence_status(VkDevice device, VkFence fence) {
  if (!layer.hides_time) return next_of<PFN_vkGetFenceStatus>(device, "vkGetFenceStatus")(device, fence);
  return next_of<PFN_vkWaitForFences>(device, "vkWaitForFences")(device, 1, &fence, VK_TRUE, UINT64_MAX);
}

PFN_vkVoidFunction own(std::string_view name);

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char* name) {
  if (const PFN_vkVoidFunction function = own(name)) return function;
  PFN_vkGetDeviceProcAddr next = nullptr;
  {
    const std::lock_guard lock(mutex);
    next = device_of(device).next_proc;
  }
  return next(device, name);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance, const char* name) {
  if (const PFN_vkVoidFunction function = own(name)) return function;
  return next_instance_proc ? next_instance_proc(instance, name) : nullptr;
}

PFN_vkVoidFunction own(std::string_view name) {
  const auto as_void = [](auto function) { return reinterpret_cast<PFN_vkVoidFunction>(function); };
  if (name == "vkGetInstanceProcAddr") return as_void(instance_proc);
  if (name == "vkGetDeviceProcAddr") return as_void(device_proc);
  if (name == "vkCreateInstance") return as_void(create_instance);
  if (name == "vkCreateDevice") return as_void(create_device);
  if (name == "vkGetPhysicalDeviceProperties") return as_void(get_properties);
  if (name == "vkGetPhysicalDeviceProperties2") return as_void(get_properties_2);
  if (name == "vkAllocateMemory") return as_void(allocate_memory);
  if (name == "vkFreeMemory") return as_void(free_memory);
  if (name == "vkBeginCommandBuffer") return as_void(begin_commands);
  if (name == "vkCmdDispatch") return as_void(dispatch);
  if (name == "vkCmdCopyBuffer") return as_void(copy);
  if (name == "vkQueueSubmit") return as_void(submit);
  if (name == "vkGetFenceStatus") return as_void(fence_status);
  return nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) VkResult vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface* interface) {
  interface->loaderLayerInterfaceVersion = 2;
  interface->pfnGetInstanceProcAddr = instance_proc;
  interface->pfnGetDeviceProcAddr = device_proc;
  interface->pfnGetPhysicalDeviceProcAddr = nullptr;
  return VK_SUCCESS;
}

extern "C" __attribute__((visibility("default"))) VulkanLayer* pio_vulkan_layer() { return &layer; }
