#pragma once

#include <string>
#include <vector>

// Whether the system says that memory is short, beyond what can be measured: it is asked to tell, and then asked whether it has.
// Source: the kernel's Documentation/accounting/psi.rst and admin-guide/cgroup-v1/memory.rst ("Memory Pressure").

namespace pio {

class MemoryPressure {
 public:
  // Asks for all that this system grants: of the process's own group version 1's event of level "medium" or version 2's stalls, and the stalls of
  // the whole machine. `root` is put before the paths of the system's files.
  explicit MemoryPressure(const std::string& root = {});
  ~MemoryPressure();
  MemoryPressure(const MemoryPressure&) = delete;
  MemoryPressure& operator=(const MemoryPressure&) = delete;

  // Whether it has told since the last call: some microseconds, never waits. A group's event tells of reclaimed file pages too, and the machine's
  // stalls may be another group's: so it counts only where little is free.
  bool was_told();
  // The files by which it tells: none where the system refuses.
  const std::vector<std::string>& sources() const { return names_; }

 private:
  void ask_event(const std::string& folder);
  void ask_stalls(const std::string& path);
  void add(int fd, std::string name, bool is_event);

  struct Source {
    int fd = -1;
    bool is_event = false;  // a counter that is read; else stalls, which are polled for
  };
  std::vector<Source> sources_;
  std::vector<std::string> names_;
};

}  // namespace pio
