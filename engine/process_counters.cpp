#include "engine/process_counters.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
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

}  // namespace pio
