#pragma once

#include <atomic>
#include <cstdint>

// What the tests' own layer under the Vulkan backend is told, and what it tells: tests find it by the one symbol of the library.

namespace pio::test {

struct VulkanLayer {
  // 0: nothing of the kind.
  std::atomic<std::uint64_t> lose_at_submit = 0;     // this submit and all after it find the device lost
  std::atomic<std::uint64_t> lost_card = 0;          // this card alone, 1 the one that was opened first; 0: all
  std::atomic<std::uint64_t> most_bytes = 0;         // larger allocations fail
  std::atomic<std::uint64_t> most_bytes_in_all = 0;  // and those that would make more of all
  std::atomic<std::uint64_t> shown_most_bytes = 0;   // what the device says an allocation may have at most
  std::atomic<std::uint32_t> shown_api = 0;          // and the version that it says it is of

  // Who asks whether something has ended waits for it: then nobody learns how long it took, and cuts long commands by that.
  std::atomic<bool> hides_time = false;

  // All as before.
  void do_nothing() {
    hides_time = false;
    lose_at_submit = lost_card = most_bytes = most_bytes_in_all = shown_most_bytes = 0;
    shown_api = 0;
  }

  std::atomic<std::uint64_t> n_submits = 0, n_dispatches = 0, n_copies = 0, n_recorded = 0;  // dispatches and copies as they are submitted
  std::atomic<std::uint64_t> n_bytes = 0, n_allocations = 0;                                 // held now
};

inline constexpr const char* kVulkanLayerSymbol = "pio_vulkan_layer";
using VulkanLayerFunction = VulkanLayer* (*)();

}  // namespace pio::test
