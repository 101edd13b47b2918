#include "tests/support/cuda_on_cpu/fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cuda_on_cpu {

#if defined(__x86_64__)

// What a call may not change goes onto the stack, and the stacks change places.
extern "C" void pio_switch_stacks(void** keep, void* next);
asm(R"(
  .text
  .hidden pio_switch_stacks
  .globl pio_switch_stacks
  .type pio_switch_stacks, @function
pio_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size pio_switch_stacks, . - pio_switch_stacks
)");

namespace {
void* scheduler = nullptr;  // the stack pointer of whoever began the fibers
}

void Fiber::prepare(void (*entry)()) {
  // Six registers, where to go, and a word that makes the stack look as it does behind a call.
  void** top = reinterpret_cast<void**>(stack_ + kStackBytes - unused_) - 1;
  *top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  stack_pointer_ = top;
}
void Fiber::resume() { pio_switch_stacks(&scheduler, stack_pointer_); }
void Fiber::pass_on(Fiber& to) { pio_switch_stacks(&stack_pointer_, to.stack_pointer_); }
void Fiber::hand_over() { pio_switch_stacks(&stack_pointer_, scheduler); }

#else

namespace {
ucontext_t scheduler;
}

void Fiber::prepare(void (*entry)()) {
  getcontext(&own_);
  own_.uc_stack.ss_sp = stack_;
  own_.uc_stack.ss_size = kStackBytes - unused_;
  own_.uc_link = nullptr;
  makecontext(&own_, entry, 0);
}
void Fiber::resume() { swapcontext(&scheduler, &own_); }
void Fiber::pass_on(Fiber& to) { swapcontext(&own_, &to.own_); }
void Fiber::hand_over() { swapcontext(&own_, &scheduler); }

#endif

std::vector<Fiber> make_fibers(int n) {
  constexpr std::size_t kPage = 16 << 10;  // a multiple of every system's
  // Tops at one place of their pages would share the same few sets of the processor's caches: eight places, each apart by what a kernel uses.
  constexpr std::size_t kApart = 576, kPlaces = 8;
  const std::size_t stride = Fiber::kStackBytes + kPage, n_bytes = stride * static_cast<std::size_t>(n);
  void* const memory = mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("cuda_on_cpu: stacks");
    std::abort();
  }
  std::vector<Fiber> fibers;
  for (int i = 0; i < n; ++i) {
    std::byte* const first = static_cast<std::byte*>(memory) + stride * static_cast<std::size_t>(i);
    mprotect(first, kPage, PROT_NONE);
    fibers.emplace_back(first + kPage, static_cast<std::size_t>(i) % kPlaces * kApart);
  }
  return fibers;
}

}  // namespace cuda_on_cpu
