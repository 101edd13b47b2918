#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/registry.h"

// The CPU backend: a thread pool over tiles, and one table of kernels per instruction set. For registry.cpp and tests only; the other
// rooms ask kernels/registry.h.

namespace pio {

// Fails with not_available when options.isa (or PIO_FORCE_ISA, which applies where options.isa is empty) names an instruction set that
// is unknown, not in this build, or not on this machine; with bad_argument when options.n_threads is negative.
Result<std::unique_ptr<Backend>> create_cpu_backend(const BackendOptions& options);

// The instruction sets that this build and this machine share, the best first; "scalar" is always the last.
std::vector<std::string> available_cpu_isas();
const char* best_cpu_isa();

// This machine's processor as a device: total and available memory, the best instruction set, the default number of threads.
DeviceInfo cpu_device_info();

// Of a backend that create_cpu_backend made, for tests: how many loops its threads have shared, and from how many bytes of work on they do.
std::uint64_t n_parallel_regions(const Backend& backend);
void share_loops_from(Backend& backend, std::int64_t n_bytes);

}  // namespace pio
