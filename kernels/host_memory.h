#pragma once

#include <cstdint>

// The memory of the machine itself, for the devices that compute in it.

namespace pio {

struct HostMemory {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // what new programs may take without swapping; total_bytes where the system does not say
};

// Asks the system: some 20 microseconds, so not for every small allocation.
HostMemory host_memory();

}  // namespace pio
