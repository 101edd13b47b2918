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
  std::vector<int> warps, order;  // order: of threads, those of a warp one after the other
  std::size_t at = 0, end = 0;    // of `order`: whose turn comes next, and where the turns end
  int n_threads = 0;
};

Scheduler& scheduler() {
  static Scheduler the;  // not on the heap: kernels read where they are in it, which is memory of the program
  return the;
}

void enter(Thread& thread) {
  current = &thread;
  here = &thread.place;
}

// The next one that can run, of those whose turns these are; null where there is none.
Thread* next_in_turn(Scheduler& s) {
  while (s.at < s.end) {
    Thread& thread = s.threads[static_cast<std::size_t>(s.order[s.at++])];
    if (thread.state == State::unstarted || thread.state == State::ready) return &thread;
  }
  return nullptr;
}

void fiber_main();

// Makes `thread` the one that runs, on a fiber that is its own from then on.
Fiber& begin_turn(Scheduler& s, Thread& thread) {
  if (thread.state == State::unstarted) {
    thread.fiber = s.idle.back();
    s.idle.pop_back();
    thread.fiber->prepare(fiber_main);
    thread.state = State::ready;
  }
  enter(thread);
  return *thread.fiber;
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
    Thread* const next = next_in_turn(s);
    if (next && next->state == State::unstarted) {
      next->fiber = own;
      next->state = State::ready;
      enter(*next);
      continue;
    }
    if (next) begin_turn(s, *next);
    s.idle.push_back(own);
    if (next) own->pass_on(*next->fiber);
    else own->hand_over();
  }
}

// The threads of these places of `order` that can run, one after the other: each passes on to the next by itself where it waits or ends.
void run_turns(Scheduler& s, std::size_t first, std::size_t n) {
  s.at = first;
  s.end = first + n;
  if (Thread* const thread = next_in_turn(s)) begin_turn(s, *thread).resume();
  current = nullptr;
  here = nullptr;
}

void wait(State state) {
  Scheduler& s = scheduler();
  Thread* const self = current;
  self->state = state;
  if (Thread* const next = next_in_turn(s)) self->fiber->pass_on(begin_turn(s, *next));
  else self->fiber->hand_over();
  // somebody has entered this thread again
}

// Gives every lane that waits what the warp's instruction gives it. False where some lane is not there yet.
bool resolve_warp(Scheduler& s, int first, int n) {
  Thread* const threads = &s.threads[static_cast<std::size_t>(first)];
  std::array<Thread*, kWarp> lanes{};
  int n_waiting = 0, n_ended = 0;
  Thread* any = nullptr;
  for (int i = 0; i < n; ++i) {
    Thread& thread = threads[i];
    if (thread.state == State::at_warp) {
      lanes[static_cast<std::size_t>(i)] = any = &thread;
      ++n_waiting;
    } else if (thread.state == State::ended) {
      ++n_ended;
    } else {
      return false;
    }
  }
  if (n_waiting == 0) return false;
  for (Thread* lane : lanes) {
    if (lane && lane->op != any->op) {
      enter(*any);
      report(Fault::warp, place_text() + ": lanes of a warp wait in different instructions");
      break;
    }
  }
  if (any->op != WarpOp::sync && n_waiting < kWarp) {
    enter(*any);
    report(Fault::warp, place_text() + ": " + std::to_string(n_waiting) + " of 32 lanes take part in a warp's instruction");
  }
  current = nullptr;
  here = nullptr;
  if (any->op == WarpOp::together && n_waiting == kWarp) {
    std::array<void*, kWarp> registers{};
    for (std::size_t i = 0; i < kWarp; ++i) registers[i] = lanes[i]->registers;
    any->function(registers.data());
  }
  std::array<std::uint32_t, kWarp> values;  // of lanes that are not there: all ones
  std::uint32_t votes = 0;
  for (unsigned i = 0; i < kWarp; ++i) {
    values[i] = lanes[i] ? lanes[i]->value : 0xffffffffu;
    if (lanes[i] && values[i] != 0) votes |= 1u << i;
  }
  for (unsigned i = 0; i < kWarp; ++i) {
    Thread* const lane = lanes[i];
    if (!lane) continue;
    const unsigned operand = static_cast<unsigned>(lane->operand), from = (lane->op == WarpOp::shuffle_xor ? i ^ operand : operand) % kWarp;
    lane->result = lane->op == WarpOp::ballot ? votes : values[from];
    lane->state = State::ready;
  }
  if (any->op == WarpOp::sync) ++running.warp_barriers[first / kWarp];
  return true;
}

// The order of threads that a block has, another one for each block where `random` is given.
void put_in_order(Scheduler& s, std::mt19937* random) {
  const int n = s.n_threads;
  s.warps.resize(static_cast<std::size_t>((n + kWarp - 1) / kWarp));
  std::iota(s.warps.begin(), s.warps.end(), 0);
  s.order.clear();
  if (random) std::shuffle(s.warps.begin(), s.warps.end(), *random);
  for (const int w : s.warps) {
    const auto first = static_cast<std::ptrdiff_t>(s.order.size());
    for (int i = w * kWarp; i < std::min(n, (w + 1) * kWarp); ++i) s.order.push_back(i);
    if (random) std::shuffle(s.order.begin() + first, s.order.end(), *random);
  }
}

void run_block(Scheduler& s, const Launch& launch, dim3 block) {
  const int n = s.n_threads;
  ++running.block_number;
  running.barriers = 0;
  std::fill_n(running.warp_barriers, s.warps.size(), 0u);
  std::memset(shared, 0xff, std::max<std::size_t>(launch.shared_bytes, 16));
  for (int i = 0; i < n; ++i) {
    Thread& thread = s.threads[static_cast<std::size_t>(i)];
    thread.state = State::unstarted;
    thread.fiber = nullptr;
    thread.copies.clear();
    thread.n_groups = 0;
    thread.place.block = {block.x, block.y, block.z};
  }
  run_turns(s, 0, s.order.size());
  for (;;) {
    std::size_t at = 0;  // of the warp's lanes in their order
    for (const int w : s.warps) {
      const int first = w * kWarp, in_warp = std::min(kWarp, n - first);
      while (resolve_warp(s, first, in_warp)) run_turns(s, at, static_cast<std::size_t>(in_warp));
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
    run_turns(s, 0, s.order.size());
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
  for (int i = 0; i < s.n_threads; ++i) {
    Thread& thread = s.threads[static_cast<std::size_t>(i)];
    const auto u = static_cast<unsigned>(i);
    thread.index = i;
    thread.place = {{u % launch.block.x, u / launch.block.x % launch.block.y, u / launch.block.x / launch.block.y}, {}, launch.block, launch.grid};
  }
  if (order() == 0) put_in_order(s, nullptr);
  add_arguments(launch.arguments, launch.argument_bytes);
  for (std::uint64_t i = 0; i < n_blocks; ++i) {
    const dim3 block(static_cast<unsigned>(at % launch.grid.x), static_cast<unsigned>(at / launch.grid.x % launch.grid.y),
                     static_cast<unsigned>(at / launch.grid.x / launch.grid.y));
    if (order() != 0) put_in_order(s, &random);
    run_block(s, launch, block);
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
