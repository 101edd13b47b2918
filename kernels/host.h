#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

// What this process may use of the machine: the limits of its control groups (containers, systemd services) count like the machine's own.
// `root` is put before the paths of the system's files (/proc, /sys); tests read a made-up tree with it.

namespace pio {

// Of the machine's memory, and of what a group may take, one part of so many stays free: below it the system begins to swap.
inline constexpr std::uint64_t kFreeShare = 32;

struct HostMemory {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;     // what new programs may take without swapping; total_bytes where the system does not say
  std::uint64_t missing_bytes = 0;  // until kFreeShare of it is free, of the machine's or of a group's
};

// Asks the system: about 0.1 ms, so not for every small allocation.
HostMemory host_memory(const std::string& root = {});

// Bytes of [data, data + n_bytes) that the system keeps in huge pages; 0 where it does not say.
std::uint64_t huge_page_bytes(const void* data, std::size_t n_bytes);

// Threads that compute at once: the physical cores that this process may run on (its affinity mask, which a cpuset narrows), and not more
// than the processor time that its control groups allow, rounded up. At least 1.
int default_n_threads(const std::string& root = {});

}  // namespace pio
