#include "tests/engine/experts/counted_allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::int64_t> n_so_far = 0;
}

// All forms: the sanitizers' own ones of those that are left out would not know this memory.
void* operator new(std::size_t n_bytes, const std::nothrow_t&) noexcept {
  ++n_so_far;
  return std::malloc(n_bytes ? n_bytes : 1);
}
void* operator new(std::size_t n_bytes) {
  if (void* memory = operator new(n_bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t n_bytes) { return operator new(n_bytes); }
void* operator new[](std::size_t n_bytes, const std::nothrow_t& none) noexcept { return operator new(n_bytes, none); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace pio::test {

std::int64_t n_allocations() { return n_so_far; }

}  // namespace pio::test
