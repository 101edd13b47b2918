#include "kernels/host.h"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include "kernels/cgroup.h"

namespace pio {
namespace {

#ifdef __linux__
// The processors of the affinity mask. The mask's size is not known beforehand: the system refuses one that is too short for it.
std::vector<int> allowed_processors() {
  std::vector<int> processors;
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
    cpu_set_t* const mask = CPU_ALLOC(capacity);
    if (!mask) return processors;
    const std::size_t n_bytes = CPU_ALLOC_SIZE(capacity);
    CPU_ZERO_S(n_bytes, mask);
    const bool fits = sched_getaffinity(0, n_bytes, mask) == 0;
    for (int cpu = 0; fits && cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), n_bytes, mask)) processors.push_back(cpu);
    }
    CPU_FREE(mask);
    if (fits) return processors;
  }
  return processors;
}
#endif

int allowed_cores([[maybe_unused]] const std::string& root) {
#ifdef __linux__
  // One of each core's hardware threads: the siblings share the vector units, which are what a product keeps busy.
  std::set<std::string> cores;
  for (const int cpu : allowed_processors()) {
    std::ifstream file(root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = std::to_string(cpu);
    cores.insert(siblings);
  }
  if (!cores.empty()) return static_cast<int>(cores.size());
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

std::uint64_t huge_page_bytes(const void* data, std::size_t n_bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data), end = begin + n_bytes;
  std::uint64_t found = 0;
  bool is_inside = false;
  std::ifstream file("/proc/self/smaps");
  for (std::string line; std::getline(file, line);) {
    std::uintptr_t from = 0, to = 0;
    std::uint64_t kibibytes = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) is_inside = from < end && to > begin;
    else if (is_inside && std::sscanf(line.c_str(), "AnonHugePages: %" SCNu64 " kB", &kibibytes) == 1) found += kibibytes * 1024;
  }
  return std::min<std::uint64_t>(found, n_bytes);
}

HostMemory host_memory(const std::string& root) {
  HostMemory memory;
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0) memory.total_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
  memory.free_bytes = memory.total_bytes;
  // MemAvailable, not MemFree: the page cache (a model file just read, say) gives way.
  if (std::FILE* file = std::fopen((root + "/proc/meminfo").c_str(), "re")) {
    char line[128];
    while (std::fgets(line, sizeof line, file)) {
      std::uint64_t kibibytes = 0;
      if (std::sscanf(line, "MemAvailable: %" SCNu64 " kB", &kibibytes) == 1) memory.free_bytes = kibibytes * 1024;
    }
    std::fclose(file);
  }
  const auto missing = [](std::uint64_t total, std::uint64_t free) { return total / kFreeShare - std::min(total / kFreeShare, free); };
  memory.missing_bytes = missing(memory.total_bytes, memory.free_bytes);
  const CgroupLimits limits = cgroup_limits(root);
  if (limits.memory_bytes) {
    memory.missing_bytes = std::max(memory.missing_bytes, missing(*limits.memory_bytes, *limits.free_memory_bytes));
    memory.total_bytes = memory.total_bytes == 0 ? *limits.memory_bytes : std::min(memory.total_bytes, *limits.memory_bytes);
    memory.free_bytes = memory.free_bytes == 0 ? *limits.free_memory_bytes : std::min(memory.free_bytes, *limits.free_memory_bytes);
  }
  return memory;
}

int default_n_threads(const std::string& root) {
  const int cores = allowed_cores(root);
  const CgroupLimits limits = cgroup_limits(root);
  return limits.processors ? std::min(cores, *limits.processors) : cores;
}

}  // namespace pio
