#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// Which memory there is, and who has read and written it since the last barrier.

namespace cuda_on_cpu {

enum class Kind { device, pinned, arguments };

// Memory that was not there before is filled with bytes that make every float a NaN.
void* allocate(std::size_t n_bytes, Kind kind);
bool release(void* memory, Kind kind);  // false: it is no such memory
std::size_t allocated_bytes();          // of the device

void add_arguments(const void* address, std::size_t n_bytes);
void remove_arguments(const void* address);

// Whether all of it lies in one allocation of the device or pinned memory of the host.
bool is_device_or_pinned(const void* address, std::size_t n_bytes);
bool is_device(const void* address);

// Whether hooks are linked that see every access. Without them only what the emulator does itself would be seen: half of a race.
extern bool sees_accesses;

// A kernel's load or store, by the thread that runs now.
void check_access(const void* address, std::size_t n_bytes, std::size_t alignment, bool is_write, bool is_atomic);

// What kernels read of an allocation, in sectors of 32 bytes, as a card moves them: each counted once a launch, as where its cache holds all of it, and once a
// block, as where nothing is shared but within one. While they are counted nothing else is looked for.
struct SectorsRead {
  std::size_t n_bytes = 0;  // of the allocation
  std::uint64_t once_a_launch = 0, once_a_block = 0;
};
void begin_counting_sectors();
std::vector<SectorsRead> end_counting_sectors();

}  // namespace cuda_on_cpu
