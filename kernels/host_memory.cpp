#include "kernels/host_memory.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>

namespace pio {

HostMemory host_memory() {
  HostMemory memory;
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0) memory.total_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
  memory.free_bytes = memory.total_bytes;
  // MemAvailable, not MemFree: the page cache (a model file just read, say) gives way.
  if (std::FILE* file = std::fopen("/proc/meminfo", "re")) {
    char line[128];
    while (std::fgets(line, sizeof line, file)) {
      std::uint64_t kibibytes = 0;
      if (std::sscanf(line, "MemAvailable: %" SCNu64 " kB", &kibibytes) == 1) memory.free_bytes = kibibytes * 1024;
    }
    std::fclose(file);
  }
  return memory;
}

}  // namespace pio
