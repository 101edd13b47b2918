#include "tests/support/cuda_on_cpu/block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/support/cuda_on_cpu/faults.h"
#include "tests/support/cuda_on_cpu/memory.h"

namespace cuda_on_cpu {

Place* here = nullptr;
Thread* current = nullptr;
Running running;

namespace {

constexpr std::size_t kMostShared = 228 << 10;
alignas(128) std::byte shared[kMostShared];

struct Scheduler {
  std::vector<Fiber> fibers = make_fibers(kMostThreads);
  std::vector<Fiber*> idle;
  std::array<Thread, kMostThreads> threads;
  std::vector<int> order;  // of threads, those of a warp one after the other
  std::size_t next = 0;    // of `order`, not started yet
  int n_threads = 0;
};

Scheduler& scheduler() {
  static Scheduler the;
  return the;
}

void enter(Thread& thread) {
  current = &thread;
  here = &thread.place;
}

// Runs threads one after the other for as long as none has to wait: then the stack stays with the one that waits.
void fiber_main() {
  Scheduler& s = scheduler();
  Fiber* const own = current->fiber;
  for (;;) {
    const Launch& launch = *running.launch;
    launch.call(launch.arguments);
    current->state = State::ended;
    current->fiber = nullptr;
    if (s.next < s.order.size()) {
      Thread& thread = s.threads[static_cast<std::size_t>(s.order[s.next++])];
      thread.fiber = own;
      thread.state = State::ready;
      enter(thread);
      continue;
    }
    s.idle.push_back(own);
    own->hand_over();
  }
}

void run(Thread& thread) {
  Scheduler& s = scheduler();
  if (thread.state == State::unstarted) {
    thread.fiber = s.idle.back();
    s.idle.pop_back();
    thread.fiber->prepare(fiber_main);
    thread.state = State::ready;
  }
  Fiber* const fiber = thread.fiber;
  enter(thread);
  fiber->resume();
  current = nullptr;
  here = nullptr;
}

void wait(State state) {
  Thread* const self = current;
  self->state = state;
  self->fiber->hand_over();
  // the scheduler has entered this thread again
}

// Gives every lane that waits what the warp's instruction gives it. False where some lane is not there yet.
bool resolve_warp(int first, int n) {
  Scheduler& s = scheduler();
  std::array<Thread*, kWarp> lanes{};
  int n_waiting = 0, n_ended = 0;
  Thread* any = nullptr;
  for (int i = 0; i < n; ++i) {
    Thread& thread = s.threads[static_cast<std::size_t>(first + i)];
    if (thread.state == State::at_warp) {
      lanes[static_cast<std::size_t>(i)] = any = &thread;
      ++n_waiting;
    } else if (thread.state == State::ended) {
      ++n_ended;
    }
  }
  if (n_waiting == 0 || n_waiting + n_ended < n) return false;
  enter(*any);
  for (Thread* lane : lanes) {
    if (lane && lane->op != any->op) {
      report(Fault::warp, place_text() + ": lanes of a warp wait in different instructions");
      break;
    }
  }
  if (any->op != WarpOp::sync && (n_waiting < kWarp)) {
    report(Fault::warp, place_text() + ": " + std::to_string(n_waiting) + " of 32 lanes take part in a warp's instruction");
  }
  current = nullptr;
  here = nullptr;
  if (any->op == WarpOp::together && n_waiting == kWarp) {
    std::array<void*, kWarp> registers{};
    for (std::size_t i = 0; i < kWarp; ++i) registers[i] = lanes[i]->registers;
    any->function(registers.data());
  }
  std::uint32_t votes = 0;
  for (int i = 0; i < kWarp; ++i) {
    if (lanes[static_cast<std::size_t>(i)] && lanes[static_cast<std::size_t>(i)]->value != 0) votes |= 1u << i;
  }
  for (int i = 0; i < kWarp; ++i) {
    Thread* const lane = lanes[static_cast<std::size_t>(i)];
    if (!lane) continue;
    const int from = lane->op == WarpOp::shuffle_xor ? i ^ lane->operand : lane->operand & (kWarp - 1);
    const Thread* const source = lanes[static_cast<std::size_t>(from & (kWarp - 1))];
    lane->result = lane->op == WarpOp::ballot ? votes : source ? source->value : 0xffffffffu;
    lane->state = State::ready;
  }
  if (any->op == WarpOp::sync) ++running.warp_barriers[first / kWarp];
  return true;
}

void run_block(const Launch& launch, dim3 block, std::mt19937* random) {
  Scheduler& s = scheduler();
  const int n = s.n_threads, n_warps = (n + kWarp - 1) / kWarp;
  ++running.block_number;
  running.barriers = 0;
  std::fill_n(running.warp_barriers, n_warps, 0u);
  std::memset(shared, 0xff, std::max<std::size_t>(launch.shared_bytes, 16));
  s.next = 0;
  for (int i = 0; i < n; ++i) {
    Thread& thread = s.threads[static_cast<std::size_t>(i)];
    thread.index = i;
    thread.state = State::unstarted;
    thread.fiber = nullptr;
    thread.copies.clear();
    thread.n_groups = 0;
    const auto u = static_cast<unsigned>(i);
    thread.place = {{u % launch.block.x, u / launch.block.x % launch.block.y, u / launch.block.x / launch.block.y},
                    {block.x, block.y, block.z},
                    launch.block,
                    launch.grid};
  }
  std::vector<int> warps(static_cast<std::size_t>(n_warps));
  std::iota(warps.begin(), warps.end(), 0);
  s.order.clear();
  if (random) std::shuffle(warps.begin(), warps.end(), *random);
  for (const int w : warps) {
    const auto first = static_cast<std::ptrdiff_t>(s.order.size());
    for (int i = w * kWarp; i < std::min(n, (w + 1) * kWarp); ++i) s.order.push_back(i);
    if (random) std::shuffle(s.order.begin() + first, s.order.end(), *random);
  }
  while (s.next < s.order.size()) run(s.threads[static_cast<std::size_t>(s.order[s.next++])]);
  for (;;) {
    std::size_t at = 0;  // of the warp's lanes in their order
    for (const int w : warps) {
      const int first = w * kWarp, in_warp = std::min(kWarp, n - first);
      while (resolve_warp(first, in_warp)) {
        for (std::size_t i = 0; i < static_cast<std::size_t>(in_warp); ++i) {
          Thread& lane = s.threads[static_cast<std::size_t>(s.order[at + i])];
          if (lane.state == State::ready) run(lane);
        }
      }
      at += static_cast<std::size_t>(in_warp);
    }
    int n_ended = 0, at_barrier = 0;
    Thread* stuck = nullptr;
    for (int i = 0; i < n; ++i) {
      Thread& thread = s.threads[static_cast<std::size_t>(i)];
      if (thread.state == State::ended) ++n_ended;
      else if (thread.state == State::at_barrier) ++at_barrier;
      else stuck = &thread;
    }
    if (n_ended == n) return;
    if (n_ended + at_barrier < n) {
      enter(*stuck);
      report(Fault::warp, place_text() + ": waits for lanes that wait elsewhere");
      current = nullptr;
      here = nullptr;
      break;
    }
    if (n_ended > 0) {
      for (int i = 0; i < n; ++i) {
        if (s.threads[static_cast<std::size_t>(i)].state == State::at_barrier) enter(s.threads[static_cast<std::size_t>(i)]);
      }
      report(Fault::barrier, place_text() + ": " + std::to_string(n_ended) + " of " + std::to_string(n) + " threads ended without this barrier");
      current = nullptr;
      here = nullptr;
    }
    ++running.barriers;
    for (int i = 0; i < n; ++i) {
      Thread& thread = s.threads[static_cast<std::size_t>(i)];
      if (thread.state == State::at_barrier) thread.state = State::ready;
    }
    for (const int i : s.order) {
      Thread& thread = s.threads[static_cast<std::size_t>(i)];
      if (thread.state == State::ready) run(thread);
    }
  }
  // Whoever is stuck is left where it is; its stack begins anew.
  s.idle.clear();
  for (Fiber& fiber : s.fibers) s.idle.push_back(&fiber);
}

}  // namespace

std::byte* shared_begin() { return shared; }
void* shared_memory() { return shared; }

std::string place_text() {
  if (!current) return "the host";
  const Place& p = current->place;
  return std::string(running.launch->name) + ", block " + std::to_string(p.block.x) + (p.grid_dim.y > 1 ? "/" + std::to_string(p.block.y) : "") +
         ", thread " + std::to_string(current->index);
}

void run_grid(const Launch& launch) {
  Scheduler& s = scheduler();
  if (s.idle.empty()) {
    for (Fiber& fiber : s.fibers) s.idle.push_back(&fiber);
  }
  running.launch = &launch;
  ++running.launch_number;
  s.n_threads = static_cast<int>(launch.block.x * launch.block.y * launch.block.z);
  const std::uint64_t n_blocks = static_cast<std::uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
  std::mt19937 random(order() + static_cast<unsigned>(running.launch_number));
  std::uint64_t stride = 1, at = 0;
  if (order() != 0) {
    at = random() % n_blocks;
    stride = random() % n_blocks;
    while (std::gcd(stride, n_blocks) != 1) ++stride;
  }
  add_arguments(launch.arguments, launch.argument_bytes);
  for (std::uint64_t i = 0; i < n_blocks; ++i) {
    const dim3 block(static_cast<unsigned>(at % launch.grid.x), static_cast<unsigned>(at / launch.grid.x % launch.grid.y),
                     static_cast<unsigned>(at / launch.grid.x / launch.grid.y));
    run_block(launch, block, order() != 0 ? &random : nullptr);
    at = (at + stride) % n_blocks;
  }
  remove_arguments(launch.arguments);
  running.launch = nullptr;
}

void sync_threads() { wait(State::at_barrier); }

namespace {
std::uint32_t take_part(WarpOp op, unsigned mask, std::uint32_t value, int operand) {
  if (mask != 0xffffffffu) report(Fault::warp, place_text() + ": part of a warp: the emulator knows whole ones only");
  Thread* const self = current;
  self->op = op;
  self->value = value;
  self->operand = operand;
  wait(State::at_warp);
  return self->result;
}
}  // namespace

void sync_warp(unsigned mask) { take_part(WarpOp::sync, mask, 0, 0); }
std::uint32_t shuffle_xor(unsigned mask, std::uint32_t value, int lane_mask) { return take_part(WarpOp::shuffle_xor, mask, value, lane_mask); }
std::uint32_t shuffle(unsigned mask, std::uint32_t value, int source) { return take_part(WarpOp::shuffle, mask, value, source); }
unsigned ballot(unsigned mask, bool predicate) { return take_part(WarpOp::ballot, mask, predicate ? 1 : 0, 0); }

void together(void* registers, void (*function)(void* const* lanes)) {
  current->registers = registers;
  current->function = function;
  take_part(WarpOp::together, 0xffffffffu, 0, 0);
}

std::uint32_t atomic(Atomic op, std::uint32_t* address, std::uint32_t value) {
  check_access(address, sizeof *address, sizeof *address, true, true);
  const std::uint32_t before = *address;
  switch (op) {
    case Atomic::add: *address = before + value; break;
    case Atomic::bit_and: *address = before & value; break;
    case Atomic::bit_or: *address = before | value; break;
    case Atomic::max: *address = std::max(before, value); break;
    case Atomic::exchange: *address = value; break;
  }
  return before;
}

float atomic_add(float* address, float value) {
  check_access(address, sizeof *address, sizeof *address, true, true);
  const float before = *address;
  *address = before + value;
  return before;
}

void note_access(const void* address, std::size_t n_bytes, std::size_t alignment, bool is_write) {
  if (current) check_access(address, n_bytes, alignment, is_write, false);
}

}  // namespace cuda_on_cpu
