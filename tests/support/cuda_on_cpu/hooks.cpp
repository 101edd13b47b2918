// The functions that -fsanitize=thread has instrumented code call before each load and store. In place of that sanitizer's library the emulator has
// these: it knows what a barrier of a block is.

#include <cstddef>

#include "tests/support/cuda_on_cpu/block.h"
#include "tests/support/cuda_on_cpu/memory.h"

namespace {

[[maybe_unused]] const bool are_linked = cuda_on_cpu::sees_accesses = true;

void see(const void* address, std::size_t n_bytes, std::size_t alignment, bool is_write) {
  if (cuda_on_cpu::current) cuda_on_cpu::check_access(address, n_bytes, alignment, is_write, false);
}

}  // namespace

#define PIO_HOOK extern "C" __attribute__((visibility("hidden"))) void
#define PIO_HOOKS(n)                                                              \
  PIO_HOOK __tsan_read##n(void* address) { see(address, n, n, false); }           \
  PIO_HOOK __tsan_write##n(void* address) { see(address, n, n, true); }           \
  PIO_HOOK __tsan_unaligned_read##n(void* address) { see(address, n, 1, false); } \
  PIO_HOOK __tsan_unaligned_write##n(void* address) { see(address, n, 1, true); } \
  PIO_HOOK __tsan_volatile_read##n(void* address) { see(address, n, n, false); }  \
  PIO_HOOK __tsan_volatile_write##n(void* address) { see(address, n, n, true); }
PIO_HOOKS(1)
PIO_HOOKS(2)
PIO_HOOKS(4)
PIO_HOOKS(8)
PIO_HOOKS(16)
PIO_HOOK __tsan_read_range(void* address, std::size_t n_bytes) { see(address, n_bytes, 1, false); }
PIO_HOOK __tsan_write_range(void* address, std::size_t n_bytes) { see(address, n_bytes, 1, true); }
PIO_HOOK __tsan_vptr_update(void**, void*) {}
PIO_HOOK __tsan_vptr_read(void**) {}
PIO_HOOK __tsan_init() {}
PIO_HOOK __tsan_func_entry(void*) {}
PIO_HOOK __tsan_func_exit() {}
