#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"

// A computer in words: what `pio plan --machine F.json` plans for, whoever's it is.

namespace pio {

struct Machine {
  struct Card {
    std::string device;  // "vulkan", "vulkan:1": what --device would take
    std::string name;    // "RTX 3060"
    DeviceKind kind = DeviceKind::vulkan;
    std::uint64_t total_bytes = 0, free_bytes = 0;
    double bytes_per_second = 0;       // of its memory, as its data sheet says
    double bandwidth_share = 0;        // of that, what reading weights reaches
    double link_bytes_per_second = 0;  // from the host's memory to it
  };
  std::uint64_t ram_bytes = 0;
  double ram_bytes_per_second = 0;  // as the memory's data sheet says
  double ram_bandwidth_share = 0;
  std::vector<Card> cards;
  double disk_bytes_per_second = 0;
  // llama.cpp's --n-cpu-moe: the experts of the first so many layers lie in memory and are computed there, all else on the cards. Unset: our own
  // placement.
  std::optional<std::int64_t> expert_layers_on_cpu;
};

// What reading weights reaches of a data sheet's rate, one number a kind of device: by published runs of llama.cpp (machine_plan_test has
// them). Of cards: Qwen3-4B Q4_K_M on an RTX 2080 reads 275 of 448 GB/s.
inline constexpr double kCardBandwidthShare = 0.6, kRamBandwidthShare = 0.55;

// {"ram_bytes", "ram_bytes_per_second", "devices": [{"name", "kind": "vulkan", "cuda" or "cpu", "total_bytes", "free_bytes", "bytes_per_second",
// "bandwidth_share", "link_bytes_per_second"}], "disk_bytes_per_second", "expert_layers_on_cpu"}. A device "cpu" says the processor's rate and share
// instead of the members beside the list. Absent: shares as above, free_bytes as total_bytes, links of 12 GB/s, a disk of 1 GB/s. Members that
// are not known here are passed over. Fails with bad_file, in words that begin with `label` and name the place.
Result<Machine> parse_machine(std::string_view json, const std::string& label);
Result<Machine> read_machine(const std::filesystem::path& path);

}  // namespace pio
