#include "kernels/vulkan/card.h"

#include <algorithm>
#include <utility>

#include "kernels/vulkan/pipeline_file.h"
#include "kernels/vulkan/shaders.h"

namespace pio::vulkan {
namespace {

constexpr VkDeviceSize kPieceAlignment = 256;
// What is read in runs of several numbers may reach beyond the last one.
constexpr VkDeviceSize kPaddingBytes = 64;
// Small pieces share a block of this size; larger ones have one of their own.
constexpr VkDeviceSize kBlockBytes = VkDeviceSize{32} << 20;
constexpr std::uint32_t kParameterBytes = 128;  // what every device has room for

Error failed(const char* call, VkResult result) {
  return make_error(result == VK_ERROR_DEVICE_LOST ? ErrorCode::device_lost : ErrorCode::internal, std::string(call) + ": " + text_of(result));
}

std::mutex open_cards_mutex;
// By device. Never destroyed: a driver's threads may outlive the statics of this library.
std::map<VkPhysicalDevice, std::shared_ptr<Card>>& open_cards() {
  static auto* const cards = new std::map<VkPhysicalDevice, std::shared_ptr<Card>>;
  return *cards;
}

}  // namespace

Result<std::shared_ptr<Card>> Card::open(const FoundCard& found) {
  const std::lock_guard lock(open_cards_mutex);
  std::shared_ptr<Card>& open = open_cards()[found.handle];
  if (open) return open;
  std::shared_ptr<Card> card(new Card(found));
  RETURN_IF_ERROR(card->create());
  open = card;
  return card;
}

void Card::lose() {
  const std::lock_guard lock(open_cards_mutex);
  const auto at = open_cards().find(found_.handle);
  if (at != open_cards().end() && at->second.get() == this) open_cards().erase(at);
}

Result<void> Card::create() {
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = found_.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkPhysicalDeviceVulkan12Features of_12{};
  of_12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  of_12.bufferDeviceAddress = VK_TRUE;
  of_12.storageBuffer8BitAccess = VK_TRUE;
  VkPhysicalDeviceVulkan11Features of_11{};
  of_11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  of_11.pNext = &of_12;
  of_11.storageBuffer16BitAccess = VK_TRUE;
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot{};
  dot.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES;
  dot.shaderIntegerDotProduct = VK_TRUE;
  const char* const dot_extension = VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
  VkDeviceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  create.pNext = &of_11;
  if (found_.info.has_int8_dot) {
    of_12.pNext = &dot;
    create.enabledExtensionCount = 1;
    create.ppEnabledExtensionNames = &dot_extension;
  }
  create.queueCreateInfoCount = 1;
  create.pQueueCreateInfos = &queue;
  if (const VkResult result = vkCreateDevice(found_.handle, &create, nullptr, &device_); result != VK_SUCCESS)
    return failed("vkCreateDevice", result);
  vkGetDeviceQueue(device_, found_.queue_family, 0, &queue_);

  const VkPushConstantRange parameters{VK_SHADER_STAGE_COMPUTE_BIT, 0, kParameterBytes};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &parameters;
  const VkResult result = vkCreatePipelineLayout(device_, &layout, nullptr, &layout_);
  if (result != VK_SUCCESS) return failed("vkCreatePipelineLayout", result);

  // The driver says by its own identity whether it knows what it is given; without a cache it compiles each time.
  pipeline_path_ = pipeline_file(found_.info.uuid);
  const std::vector<std::byte> known = read_pipelines(pipeline_path_);
  VkPipelineCacheCreateInfo cache{};
  cache.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  cache.initialDataSize = known.size();
  cache.pInitialData = known.data();
  if (vkCreatePipelineCache(device_, &cache, nullptr, &cache_) != VK_SUCCESS) cache_ = VK_NULL_HANDLE;
  return {};
}

void Card::keep_pipelines() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(has_new_pipelines_, false) || !cache_) return;
  std::size_t n_bytes = 0;
  if (vkGetPipelineCacheData(device_, cache_, &n_bytes, nullptr) != VK_SUCCESS) return;
  std::vector<std::byte> bytes(n_bytes);
  if (vkGetPipelineCacheData(device_, cache_, &n_bytes, bytes.data()) != VK_SUCCESS) return;
  bytes.resize(n_bytes);
  write_pipelines(pipeline_path_, bytes);
}

std::uint64_t Card::most_bytes() const {
  const std::uint64_t most = std::min(found_.most_bytes_at_once, found_.info.total_bytes);
  return most / kPieceAlignment * kPieceAlignment - std::min<std::uint64_t>(kPaddingBytes, most);
}

VkDeviceSize Card::block_bytes() const { return std::min(kBlockBytes, found_.most_bytes_at_once / kPieceAlignment * kPieceAlignment); }

Card::~Card() {
  if (!device_) return;
  for (const auto& [key, pipeline] : pipelines_) vkDestroyPipeline(device_, pipeline, nullptr);
  for (const std::unique_ptr<Block>& block : blocks_) destroy(*block);
  vkDestroyPipelineCache(device_, cache_, nullptr);
  vkDestroyPipelineLayout(device_, layout_, nullptr);
  vkDestroyDevice(device_, nullptr);
}

void Card::destroy(Block& block) {
  vkDestroyBuffer(device_, block.buffer, nullptr);
  vkFreeMemory(device_, block.memory, nullptr);
}

Error Card::no_memory(std::size_t n_bytes) const {
  Error error = make_error(ErrorCode::out_of_memory, found_.info.name + ": no memory for " + std::to_string(n_bytes) + " bytes");
  error.device = found_.info.name;
  error.needed_bytes = n_bytes;
  // What is free may be enough and yet not one piece: then it is less than what was asked for.
  const std::uint64_t free = found_.info.free_bytes - std::min(held_bytes_, found_.info.free_bytes);
  error.free_bytes = std::clamp<std::uint64_t>(free, 1, std::max<std::uint64_t>(n_bytes, 2) - 1);
  return error;
}

Result<Card::Block*> Card::add_block(VkDeviceSize n_bytes, bool is_host) {
  auto block = std::make_unique<Block>();
  VkBufferCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  create.size = n_bytes;
  create.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  if (vkCreateBuffer(device_, &create, nullptr, &block->buffer) != VK_SUCCESS) return no_memory(n_bytes);
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(device_, block->buffer, &needs);
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(found_.handle, &memory);
  const VkMemoryPropertyFlags seen = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  const VkMemoryPropertyFlags wanted[] = {
      is_host ? seen | VK_MEMORY_PROPERTY_HOST_CACHED_BIT : VkMemoryPropertyFlags{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT},
      is_host ? seen : VkMemoryPropertyFlags{0}};
  VkMemoryAllocateFlagsInfo flags{};
  flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.pNext = &flags;
  allocate.allocationSize = needs.size;
  bool is_found = false;
  for (const VkMemoryPropertyFlags flags_wanted : wanted) {
    for (std::uint32_t i = 0; i < memory.memoryTypeCount && !is_found; ++i) {
      if (!(needs.memoryTypeBits >> i & 1) || (memory.memoryTypes[i].propertyFlags & flags_wanted) != flags_wanted) continue;
      allocate.memoryTypeIndex = i;
      is_found = true;
    }
  }
  // Weights in the host's memory, read over the bus for every token, are no device's: a card without room says so.
  const bool is_there =
      is_found && needs.size <= found_.most_bytes_at_once && vkAllocateMemory(device_, &allocate, nullptr, &block->memory) == VK_SUCCESS;
  if (!is_there || vkBindBufferMemory(device_, block->buffer, block->memory, 0) != VK_SUCCESS) {
    destroy(*block);
    return no_memory(n_bytes);
  }
  if (is_host) {
    void* host = nullptr;
    if (vkMapMemory(device_, block->memory, 0, VK_WHOLE_SIZE, 0, &host) != VK_SUCCESS) {
      destroy(*block);
      return no_memory(n_bytes);
    }
    block->host = static_cast<std::byte*>(host);
  }
  VkBufferDeviceAddressInfo of{};
  of.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO;
  of.buffer = block->buffer;
  block->address = vkGetBufferDeviceAddress(device_, &of);
  block->is_host = is_host;
  block->n_bytes = n_bytes;
  block->gaps = {{0, n_bytes}};
  if (!is_host) held_bytes_ += n_bytes;
  blocks_.push_back(std::move(block));
  return blocks_.back().get();
}

Result<Piece> Card::allocate(std::size_t n_bytes, bool is_host) {
  const std::lock_guard lock(mutex_);
  if (n_bytes > most_bytes()) return no_memory(n_bytes);
  const VkDeviceSize needed = (n_bytes + kPaddingBytes + kPieceAlignment - 1) / kPieceAlignment * kPieceAlignment;
  const auto take = [&](Block& block) -> std::optional<Piece> {
    const auto gap = std::ranges::find_if(block.gaps, [&](const Gap& g) { return g.n_bytes >= needed; });
    if (gap == block.gaps.end()) return {};
    const VkDeviceSize offset = gap->offset;
    gap->offset += needed;
    gap->n_bytes -= needed;
    if (gap->n_bytes == 0) block.gaps.erase(gap);
    return Piece{block.buffer, offset, needed, block.address + offset, block.host ? block.host + offset : nullptr};
  };
  const bool is_small = needed <= block_bytes() / 4;
  for (const std::unique_ptr<Block>& block : blocks_) {
    if (!is_small || block->is_host != is_host || block->n_bytes != block_bytes()) continue;
    if (const std::optional<Piece> piece = take(*block)) return *piece;
  }
  const Result<Block*> block = add_block(is_small ? block_bytes() : needed, is_host);
  if (!block) return block.error().code == ErrorCode::out_of_memory ? no_memory(n_bytes) : block.error();
  return *take(**block);
}

void Card::free(const Piece& piece) {
  const std::lock_guard lock(mutex_);
  const auto at = std::ranges::find_if(blocks_, [&](const auto& block) { return block->buffer == piece.buffer; });
  CHECK(at != blocks_.end(), "free: memory of nobody");
  Block& block = **at;
  auto next = std::ranges::find_if(block.gaps, [&](const Gap& g) { return g.offset > piece.offset; });
  next = block.gaps.insert(next, {piece.offset, piece.n_bytes});
  if (const auto behind = next + 1; behind != block.gaps.end() && next->offset + next->n_bytes == behind->offset) {
    next->n_bytes += behind->n_bytes;
    block.gaps.erase(behind);
  }
  if (next != block.gaps.begin() && (next - 1)->offset + (next - 1)->n_bytes == next->offset) {
    (next - 1)->n_bytes += next->n_bytes;
    block.gaps.erase(next);
  }
  // The last small block stays: tests and temporaries come and go.
  const bool is_empty = block.gaps.size() == 1 && block.gaps[0].n_bytes == block.n_bytes;
  const auto n_alike =
      std::ranges::count_if(blocks_, [&](const auto& other) { return other->n_bytes == block_bytes() && other->is_host == block.is_host; });
  if (!is_empty || (block.n_bytes == block_bytes() && n_alike == 1)) return;
  if (!block.is_host) held_bytes_ -= block.n_bytes;
  destroy(block);
  blocks_.erase(at);
}

Result<VkPipeline> Card::pipeline(std::string_view shader, const std::vector<std::uint32_t>& constants) {
  const std::lock_guard lock(mutex_);
  VkPipeline& pipeline = pipelines_[{std::string(shader), constants}];
  if (pipeline) return pipeline;
  const std::span<const std::uint32_t> code = shader_code(shader);
  CHECK(!code.empty(), "no such shader");
  VkShaderModuleCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  create.codeSize = code.size_bytes();
  create.pCode = code.data();
  VkShaderModule module = VK_NULL_HANDLE;
  if (const VkResult result = vkCreateShaderModule(device_, &create, nullptr, &module); result != VK_SUCCESS)
    return failed("vkCreateShaderModule", result);
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < constants.size(); ++i) entries.push_back({i, i * 4, 4});
  VkSpecializationInfo specialization{};
  specialization.mapEntryCount = static_cast<std::uint32_t>(entries.size());
  specialization.pMapEntries = entries.data();
  specialization.dataSize = constants.size() * 4;
  specialization.pData = constants.data();
  VkComputePipelineCreateInfo compute{};
  compute.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  compute.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  compute.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  compute.stage.module = module;
  compute.stage.pName = "main";
  compute.stage.pSpecializationInfo = &specialization;
  compute.layout = layout_;
  const VkResult result = vkCreateComputePipelines(device_, cache_, 1, &compute, nullptr, &pipeline);
  vkDestroyShaderModule(device_, module, nullptr);
  if (result != VK_SUCCESS) return failed("vkCreateComputePipelines", result);
  has_new_pipelines_ = true;
  return pipeline;
}

VkResult Card::submit(VkCommandBuffer commands, VkFence fence) {
  const std::lock_guard lock(mutex_);
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  return vkQueueSubmit(queue_, 1, &submit, fence);
}

}  // namespace pio::vulkan
