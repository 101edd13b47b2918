#pragma once

#include <cstdint>

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

}  // namespace pio
