#include "engine/process_counters.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <map>
#include <string>

namespace pio {

ProcessCounters ProcessCounters::now() {
  ProcessCounters counters;
  std::error_code ended;  // a thread may end meanwhile
  for (std::filesystem::directory_iterator task("/proc/self/task", ended), end; !ended && task != end; task.increment(ended)) {
    std::ifstream file(task->path() / "schedstat");
    std::uint64_t running = 0, waiting = 0;  // nanoseconds (Documentation/scheduler/sched-stats.rst)
    if (file >> running >> waiting) counters.run_queue_seconds += static_cast<double>(waiting) * 1e-9;
  }
  std::ifstream stat("/proc/stat");
  std::string name;
  double ticks[8] = {};  // user, nice, system, idle, iowait, irq, softirq, steal (proc(5))
  stat >> name;
  for (double& of_state : ticks) stat >> of_state;
  if (stat) counters.steal_seconds = ticks[7] / static_cast<double>(::sysconf(_SC_CLK_TCK));
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) counters.n_major_faults = usage.ru_majflt;
  return counters;
}

std::uint64_t peak_resident_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "VmHWM:" && file >> kibibytes) return kibibytes * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

std::optional<std::uint64_t> accessible_mapped_bytes(std::span<const std::filesystem::path> files) {
  std::map<std::string, std::uint64_t> sizes;
  for (const std::filesystem::path& file : files) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(file, error);  // as the system writes it
    const std::uint64_t n_bytes = error ? 0 : std::filesystem::file_size(real, error);
    if (error) return {};
    sizes[real.string()] = n_bytes;
  }
  std::ifstream maps("/proc/self/maps");
  if (!maps) return {};
  std::uint64_t n_mapped = 0;
  for (std::string line; std::getline(maps, line);) {  // begin-end access offset device inode path (proc(5))
    unsigned long long begin = 0, end = 0, offset = 0;
    char access[5] = {};
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %*s %n", &begin, &end, access, &offset, &path_at) != 4 || path_at == 0) continue;
    const auto file = sizes.find(line.substr(static_cast<std::size_t>(path_at)));
    if (file == sizes.end() || (access[0] != 'r' && access[1] != 'w') || offset >= file->second) continue;
    n_mapped += std::min<std::uint64_t>(end - begin, file->second - offset);  // the last page may go on behind the file
  }
  return n_mapped;
}

}  // namespace pio
