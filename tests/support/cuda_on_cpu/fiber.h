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

  // `unused`: bytes at the top of the stack that stay unused.
  Fiber(std::byte* stack, std::size_t unused) : stack_(stack), unused_(unused) {}
  // Its next turn begins `entry`, which never returns.
  void prepare(void (*entry)());
  void resume();            // from the scheduler, until a fiber hands over
  void pass_on(Fiber& to);  // from the fiber, to another one that is prepared or waits
  void hand_over();         // from the fiber, back to the scheduler
  bool owns(const void* address) const { return address >= stack_ && address < stack_ + kStackBytes; }

 private:
  std::byte* stack_;
  std::size_t unused_;
#if defined(__x86_64__)
  void* stack_pointer_ = nullptr;
#else
  ucontext_t own_;
#endif
};

// As many as a block has threads, each above a page that ends the program when a stack runs over.
std::vector<Fiber> make_fibers(int n);

}  // namespace cuda_on_cpu
