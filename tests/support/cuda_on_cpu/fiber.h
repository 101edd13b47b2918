#pragma once

#include <cstddef>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace cuda_on_cpu {

// A stack of its own that code runs on until it hands over. Made once and started again for every thread of a block.
class Fiber {
 public:
  static constexpr std::size_t kStackBytes = std::size_t{128} << 10;

  explicit Fiber(std::byte* stack) : stack_(stack) {}
  // Its next resume() begins `entry`, which never returns.
  void prepare(void (*entry)());
  void resume();     // from the scheduler, until the fiber hands over
  void hand_over();  // from the fiber, back to the scheduler
  bool owns(const void* address) const { return address >= stack_ && address < stack_ + kStackBytes; }

 private:
  std::byte* stack_;
#if defined(__x86_64__)
  void* stack_pointer_ = nullptr;
  void* scheduler_ = nullptr;
#else
  ucontext_t own_, scheduler_;
#endif
};

// As many as a block has threads, each above a page that ends the program when a stack runs over.
std::vector<Fiber> make_fibers(int n);

}  // namespace cuda_on_cpu
