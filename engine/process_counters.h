#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

namespace pio {

// What the system counts for this process and for the machine, since they began.
struct ProcessCounters {
  double run_queue_seconds = 0;  // that its threads waited for a processor, all together
  double steal_seconds = 0;      // that the machine's processors were taken by its host
  std::int64_t n_major_faults = 0;

  static ProcessCounters now();
};

// The most resident memory that the process has had, in bytes; 0 where the system does not say.
std::uint64_t peak_resident_bytes();

// Bytes of these files that are mapped into this process where they can be read or written; mappings that only give addresses do not count.
// A file that is mapped twice counts twice. None where the system does not say.
std::optional<std::uint64_t> accessible_mapped_bytes(std::span<const std::filesystem::path> files);

}  // namespace pio
