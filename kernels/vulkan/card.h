#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/vulkan/instance.h"

namespace pio::vulkan {

// Part of a block of memory.
struct Piece {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceSize offset = 0;
  VkDeviceSize n_bytes = 0;  // rounded up to kPieceAlignment
  VkDeviceAddress address = 0;
  std::byte* host = nullptr;  // where the host sees it
};

// A device opened for computing: its memory, its compiled shaders and its queue. Those who compute on one device share it; any thread.
class Card {
 public:
  // The one of this device, opened where nobody has it open. It stays open until the process ends or the device is lost, as its shaders take long to
  // compile.
  static Result<std::shared_ptr<Card>> open(const FoundCard& found);
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  const DeviceInfo& info() const { return found_.info; }
  VkDevice device() const { return device_; }
  std::uint32_t queue_family() const { return found_.queue_family; }
  VkPipelineLayout pipeline_layout() const { return layout_; }

  // Memory of the device, or of the host where it sees it. Fails with out_of_memory.
  Result<Piece> allocate(std::size_t n_bytes, bool is_host = false);
  void free(const Piece& piece);

  // Of one piece at most.
  std::uint64_t most_bytes() const;

  // A shader with the constants 0, 1, … of its pipeline.
  Result<VkPipeline> pipeline(std::string_view shader, const std::vector<std::uint32_t>& constants);

  // Writes down what has been compiled since the last time, for the next run.
  void keep_pipelines();

  VkResult submit(VkCommandBuffer commands, VkFence fence);
  // No new backend gets this one.
  void lose();

 private:
  struct Gap {
    VkDeviceSize offset, n_bytes;
  };
  struct Block {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceAddress address = 0;
    std::byte* host = nullptr;
    bool is_host = false;
    VkDeviceSize n_bytes = 0;
    std::vector<Gap> gaps;  // rising
  };

  explicit Card(const FoundCard& found) : found_(found) {}
  Result<void> create();
  Result<Block*> add_block(VkDeviceSize n_bytes, bool is_host);
  void destroy(Block& block);
  VkDeviceSize block_bytes() const;
  Error no_memory(std::size_t n_bytes) const;

  const FoundCard found_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  std::mutex mutex_;  // of all below, and of the queue
  std::vector<std::unique_ptr<Block>> blocks_;
  std::uint64_t held_bytes_ = 0;
  std::string pipeline_path_;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  bool has_new_pipelines_ = false;
  std::map<std::pair<std::string, std::vector<std::uint32_t>>, VkPipeline> pipelines_;
};

}  // namespace pio::vulkan
