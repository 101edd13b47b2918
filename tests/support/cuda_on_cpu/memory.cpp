#include "tests/support/cuda_on_cpu/memory.h"

#include <link.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/support/cuda_on_cpu/block.h"
#include "tests/support/cuda_on_cpu/faults.h"

namespace cuda_on_cpu {

bool sees_accesses = false;

namespace {

constexpr std::size_t kApart = 512;                        // between two allocations, so that what runs over one does not meet another
constexpr std::size_t kKeptFreed = std::size_t{64} << 20;  // of freed memory is kept, for what still points to it

struct Region {
  std::size_t n_bytes = 0;
  Kind kind = Kind::device;
  bool is_freed = false;
  void* base = nullptr;
};

struct Registry {
  std::map<std::uintptr_t, Region> regions;
  std::deque<std::uintptr_t> freed;
  std::size_t freed_bytes = 0, device_bytes = 0;
  std::uintptr_t last_begin = 0;
  const Region* last = nullptr;
};

Registry& registry() {
  static Registry& the = *new Registry;  // buffers of static objects go after everything else
  return the;
}

const Region* find(std::uintptr_t address, std::uintptr_t& begin) {
  Registry& r = registry();
  if (r.last && address - r.last_begin < r.last->n_bytes) {
    begin = r.last_begin;
    return r.last;
  }
  auto after = r.regions.upper_bound(address);
  if (after == r.regions.begin()) return nullptr;
  --after;
  if (address - after->first >= after->second.n_bytes) return nullptr;
  begin = r.last_begin = after->first;
  r.last = &after->second;
  return r.last;
}

// Tables and other constants of the program or module that this is in.
bool is_static(std::uintptr_t address) {
  struct Range {
    std::uintptr_t begin, end;
  };
  static const std::vector<Range>& ranges = *[] {
    auto* const found = new std::vector<Range>;
    dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* out) {
          std::vector<Range> of_object;
          bool is_ours = false;
          const auto self = reinterpret_cast<std::uintptr_t>(&is_static);
          for (int i = 0; i < object->dlpi_phnum; ++i) {
            const auto& header = object->dlpi_phdr[i];
            if (header.p_type != PT_LOAD) continue;
            const std::uintptr_t begin = object->dlpi_addr + header.p_vaddr;
            of_object.push_back({begin, begin + header.p_memsz});
            is_ours = is_ours || (self >= begin && self < begin + header.p_memsz);
          }
          if (is_ours) *static_cast<std::vector<Range>*>(out) = of_object;
          return is_ours ? 1 : 0;
        },
        found);
    return found;
  }();
  for (const Range& range : ranges) {
    if (address >= range.begin && address < range.end) return true;
  }
  return false;
}

// Who touched a byte last. `scope` is a launch, or of shared memory a block.
constexpr std::uint64_t kMany = ~std::uint64_t{0};
constexpr std::uint16_t kManyThreads = 0xffff;  // of one warp, since its last barrier
constexpr std::uint8_t kManyWarps = 0xff;
struct Touched {
  std::uint64_t write_scope = 0, write_block = 0, read_scope = 0, read_block = 0;
  std::uint32_t write_barriers = 0, write_warp_barriers = 0, read_barriers = 0, read_warp_barriers = 0;
  std::uint16_t writer = 0, reader = 0;
  std::uint8_t reader_warp = 0;
  bool was_atomic = false;
};

constexpr std::uintptr_t kPage = 4096;
Touched* touched(std::uintptr_t address) {
  static auto& pages = *new std::unordered_map<std::uintptr_t, Touched*>;
  static std::uintptr_t last = 0;
  static Touched* last_page = nullptr;
  const std::uintptr_t page = address / kPage;
  if (!last_page || page != last) {
    Touched*& found = pages[page];
    if (!found) found = new Touched[kPage];
    last = page;
    last_page = found;
  }
  return last_page + address % kPage;
}

std::string hex(std::uintptr_t address) {
  char text[32];
  std::snprintf(text, sizeof text, "%#zx", static_cast<std::size_t>(address));
  return text;
}

struct Toucher {
  std::uint64_t scope, block;
  std::uint32_t barriers, warp_barriers;
  std::uint16_t thread;
};

bool races_with_write(const Touched& t, const Toucher& by, bool is_atomic) {
  if (t.write_scope != by.scope || (t.was_atomic && is_atomic)) return false;
  if (t.write_block != by.block) return true;
  if (t.writer == by.thread || t.write_barriers != by.barriers) return false;
  return t.writer / kWarp != by.thread / kWarp || t.write_warp_barriers == by.warp_barriers;
}

bool races_with_reads(const Touched& t, const Toucher& by) {
  if (t.read_scope != by.scope) return false;
  if (t.read_block != by.block) return true;
  if (t.read_barriers != by.barriers) return false;
  if (t.reader_warp != by.thread / kWarp) return true;
  return t.read_warp_barriers == by.warp_barriers && t.reader != by.thread;
}

constexpr std::size_t kSector = 32;
struct Counted {
  SectorsRead read;
  std::vector<std::uint64_t> last_launch, last_block;  // that read each sector
};
bool is_counting = false;
std::map<std::uintptr_t, Counted>& counted() {
  static auto& the = *new std::map<std::uintptr_t, Counted>;
  return the;
}

void count(std::uintptr_t address, std::size_t n_bytes) {
  std::uintptr_t begin = 0;
  const Region* const region = find(address, begin);
  if (!region || region->kind != Kind::device) return;
  Counted& of = counted()[begin];
  if (of.last_launch.empty()) {
    of.read.n_bytes = region->n_bytes;
    of.last_launch.resize(region->n_bytes / kSector + 2);
    of.last_block.resize(region->n_bytes / kSector + 2);
  }
  for (std::size_t i = (address - begin) / kSector; i <= (address + n_bytes - 1 - begin) / kSector; ++i) {
    if (std::exchange(of.last_launch[i], running.launch_number) != running.launch_number) ++of.read.once_a_launch;
    if (std::exchange(of.last_block[i], running.block_number) != running.block_number) ++of.read.once_a_block;
  }
}

}  // namespace

void begin_counting_sectors() {
  counted().clear();
  is_counting = true;
}
std::vector<SectorsRead> end_counting_sectors() {
  is_counting = false;
  std::vector<SectorsRead> all;
  for (const auto& [begin, of] : counted()) all.push_back(of.read);
  counted().clear();
  return all;
}

void* allocate(std::size_t n_bytes, Kind kind) {
  Registry& r = registry();
  const std::size_t all = (n_bytes + kApart * 2 + 255) / 256 * 256;
  void* const base = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  std::byte* const first = static_cast<std::byte*>(base) + kApart;
  // what is large stays untouched until it is written
  if (n_bytes <= (std::size_t{1} << 20)) std::memset(first, 0xff, n_bytes);
  r.regions[reinterpret_cast<std::uintptr_t>(first)] = {n_bytes, kind, false, base};
  if (kind == Kind::device) r.device_bytes += n_bytes;
  r.last = nullptr;
  return first;
}

bool release(void* memory, Kind kind) {
  Registry& r = registry();
  const auto found = r.regions.find(reinterpret_cast<std::uintptr_t>(memory));
  if (found == r.regions.end() || found->second.is_freed || found->second.kind != kind) return false;
  if (kind == Kind::device) r.device_bytes -= found->second.n_bytes;
  found->second.is_freed = true;
  r.freed.push_back(found->first);
  r.freed_bytes += found->second.n_bytes;
  r.last = nullptr;
  while (r.freed_bytes > kKeptFreed) {
    const auto oldest = r.regions.find(r.freed.front());
    r.freed.pop_front();
    r.freed_bytes -= oldest->second.n_bytes;
    munmap(oldest->second.base, (oldest->second.n_bytes + kApart * 2 + 255) / 256 * 256);
    r.regions.erase(oldest);
  }
  return true;
}

std::size_t allocated_bytes() { return registry().device_bytes; }

void add_arguments(const void* address, std::size_t n_bytes) {
  Registry& r = registry();
  r.regions[reinterpret_cast<std::uintptr_t>(address)] = {n_bytes, Kind::arguments, false, nullptr};
  r.last = nullptr;
}

void remove_arguments(const void* address) {
  Registry& r = registry();
  r.regions.erase(reinterpret_cast<std::uintptr_t>(address));
  r.last = nullptr;
}

bool is_device_or_pinned(const void* address, std::size_t n_bytes) {
  std::uintptr_t begin = 0;
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  const Region* const region = find(first, begin);
  return region && !region->is_freed && n_bytes <= region->n_bytes - (first - begin);
}

bool is_device(const void* address) {
  std::uintptr_t begin = 0;
  const Region* const region = find(reinterpret_cast<std::uintptr_t>(address), begin);
  return region && region->kind == Kind::device;
}

void check_access(const void* pointer, std::size_t n_bytes, std::size_t alignment, bool is_write, bool is_atomic) {
  if (!sees_accesses) return;
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  Thread& self = *current;
  if (self.fiber->owns(pointer)) return;
  const auto wrong = [&](Fault fault, const std::string& what) {
    report(fault, place_text() + (is_write ? ": writes " : ": reads ") + std::to_string(n_bytes) + " bytes at " + hex(address) + ": " + what);
  };
  const auto shared = reinterpret_cast<std::uintptr_t>(shared_begin());
  const std::size_t n_shared = running.launch->shared_bytes;
  const bool is_shared = address - shared < (std::size_t{228} << 10);
  if (is_counting) {
    if (!is_shared && !is_write) count(address, n_bytes);
    return;
  }
  if (is_shared) {
    if (address - shared + n_bytes > n_shared) {
      return wrong(Fault::out_of_bounds, "shared memory has " + std::to_string(n_shared) + ", found place " + std::to_string(address - shared));
    }
  } else {
    std::uintptr_t begin = 0;
    const Region* const region = find(address, begin);
    if (!region) {
      if (!is_write && is_static(address)) return;
      return wrong(Fault::out_of_bounds, "no memory of the device");
    }
    if (region->is_freed) return wrong(Fault::freed, "memory that was freed");
    if (n_bytes > region->n_bytes - (address - begin)) {
      return wrong(Fault::out_of_bounds, "byte " + std::to_string(address - begin) + " of " + std::to_string(region->n_bytes));
    }
    if (region->kind == Kind::arguments) {
      if (is_write) wrong(Fault::out_of_bounds, "arguments");
      return;
    }
  }
  if (address % alignment != 0) return wrong(Fault::misaligned, "expected a multiple of " + std::to_string(alignment));
  Toucher by{};
  by.scope = is_shared ? running.block_number | std::uint64_t{1} << 63 : running.launch_number;
  by.block = running.block_number;
  by.barriers = running.barriers;
  by.warp_barriers = running.warp_barriers[self.index / kWarp];
  by.thread = static_cast<std::uint16_t>(self.index);
  bool is_told = false;  // once an access
  const auto tell = [&](Fault fault, const std::string& what) {
    if (!std::exchange(is_told, true)) wrong(fault, what);
  };
  for (std::size_t i = 0; i < n_bytes; ++i) {
    Touched& t = *touched(address + i);
    if (is_shared && !is_write && t.write_scope != by.scope) tell(Fault::unset, "shared memory that nobody has written");
    if (races_with_write(t, by, is_atomic)) {
      const std::string who = t.write_block == by.block ? "thread " + std::to_string(t.writer) : std::string("another block");
      tell(Fault::race, who + " has written there, and no barrier is between");
    }
    if (is_write && races_with_reads(t, by)) {
      const bool are_many = t.reader == kManyThreads || t.reader_warp == kManyWarps;
      const std::string who = t.read_block != by.block ? "another block" : are_many ? "several threads" : "thread " + std::to_string(t.reader);
      tell(Fault::race, who + " has read there, and no barrier is between");
    }
    if (is_write) {
      t.write_scope = by.scope;
      t.write_block = by.block;
      t.write_barriers = by.barriers;
      t.write_warp_barriers = by.warp_barriers;
      t.writer = by.thread;
      t.was_atomic = is_atomic;
      t.read_scope = 0;
      continue;
    }
    const auto by_this_one = [&] {
      t.read_barriers = by.barriers;
      t.read_warp_barriers = by.warp_barriers;
      t.reader = by.thread;
    };
    const auto warp = static_cast<std::uint8_t>(by.thread / kWarp);
    if (t.read_scope != by.scope) {
      t.read_scope = by.scope;
      t.read_block = by.block;
      t.reader_warp = warp;
      by_this_one();
    } else if (t.read_block != by.block) {
      t.read_block = kMany;
    } else if (t.read_barriers != by.barriers) {
      t.reader_warp = warp;
      by_this_one();
    } else if (t.reader_warp != warp) {
      t.reader_warp = kManyWarps;
    } else if (t.read_warp_barriers != by.warp_barriers) {
      by_this_one();
    } else if (t.reader != by.thread) {
      t.reader = kManyThreads;
    }
  }
}

}  // namespace cuda_on_cpu
