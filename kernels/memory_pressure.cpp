#include "kernels/memory_pressure.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "kernels/cgroup.h"

namespace pio {
namespace {

// Threads that together wait for memory a tenth of two seconds. Shorter windows are for root alone.
constexpr char kStalls[] = "some 200000 2000000";

}  // namespace

MemoryPressure::MemoryPressure(const std::string& root) {
  const MemoryGroups groups = memory_groups(root);
  if (!groups.v1.empty()) ask_event(groups.v1);
  if (!groups.v2.empty()) ask_stalls(groups.v2 + "/memory.pressure");
  ask_stalls(root + "/proc/pressure/memory");
}

MemoryPressure::~MemoryPressure() {
  for (const Source& source : sources_) ::close(source.fd);
}

void MemoryPressure::add(int fd, std::string name, bool is_event) {
  sources_.push_back({fd, is_event});
  names_.push_back(std::move(name));
}

void MemoryPressure::ask_event(const std::string& folder) {
  const std::string name = folder + "/memory.pressure_level";
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int level = ::open(name.c_str(), O_RDONLY | O_CLOEXEC), control = ::open((folder + "/cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC);
  const std::string words = std::to_string(event) + " " + std::to_string(level) + " medium";
  const bool is_granted =
      event >= 0 && level >= 0 && control >= 0 && ::write(control, words.data(), words.size()) == static_cast<ssize_t>(words.size());
  if (level >= 0) ::close(level);
  if (control >= 0) ::close(control);
  if (is_granted) add(event, name, true);
  else if (event >= 0) ::close(event);
}

void MemoryPressure::ask_stalls(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  if (::write(fd, kStalls, sizeof kStalls) == sizeof kStalls) add(fd, path, false);  // with its final zero
  else ::close(fd);
}

bool MemoryPressure::was_told() {
  bool was_told = false;
  for (const Source& source : sources_) {
    if (source.is_event) {
      std::uint64_t n = 0;
      was_told |= ::read(source.fd, &n, sizeof n) == sizeof n && n > 0;
    } else {
      pollfd stalls{source.fd, POLLPRI, 0};
      was_told |= ::poll(&stalls, 1, 0) > 0 && (stalls.revents & POLLPRI) != 0;  // each time it is told, and reset by it
    }
  }
  return was_told;
}

}  // namespace pio
