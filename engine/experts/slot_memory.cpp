#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "engine/experts/expert_slots.h"

// Memory of slots that goes while the model stays, and comes back.

namespace pio {
namespace {

constexpr std::int64_t kFewest = 2;  // of a kind: one is read while another is computed with

// The system may take back this memory. The whole pages of it, because those at the ends may belong to neighbours.
void release_pages(std::span<std::byte> memory) {
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(memory.data()) + page - 1) / page * page;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(memory.data()) + memory.size()) / page * page;
  // Only advice: where it fails the pages stay until memory is short.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

std::uint64_t ExpertSlots::give_back(std::uint64_t n_bytes) {
  if (std::ranges::any_of(layers_, &Layer::is_lent)) return 0;
  const std::uint64_t all = this->n_bytes();
  std::uint64_t given = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    ExpertKind& kind = kinds_[g];
    Group& group = groups_[g];
    std::byte* const memory = group.memory->host_data();
    if (!memory) continue;
    // of each kind the same share
    const double share = std::min(1.0, static_cast<double>(n_bytes) / static_cast<double>(all));
    const auto wanted = static_cast<std::int64_t>(share * static_cast<double>(kind.n_slots)) + 1;
    for (const ExpertCache::Move& move : group.cache.shrink(std::min(wanted, kind.n_slots - std::min(kFewest, kind.n_slots)))) {
      std::memcpy(memory + static_cast<std::size_t>(move.to) * kind.slot_bytes, memory + static_cast<std::size_t>(move.from) * kind.slot_bytes,
                  kind.slot_bytes);
      ExpertMlp expert = group.placed[static_cast<std::size_t>(move.from)];
      for (Tensor* const part : {&expert.gate, &expert.up, &expert.down}) {
        part->offset -= static_cast<std::size_t>(move.from) * kind.slot_bytes;
        part->offset += static_cast<std::size_t>(move.to) * kind.slot_bytes;
      }
      group.placed[static_cast<std::size_t>(move.to)] = expert;
    }
    const std::int64_t n = kind.n_slots - group.cache.n_slots();
    if (group.larger) group.larger->shrink(n);
    kind.n_slots -= n;
    given += static_cast<std::uint64_t>(n) * kind.slot_bytes;
    // All behind those that are left, for a page that two slots share goes with the second of them.
    const std::size_t end = static_cast<std::size_t>(kind.n_slots) * kind.slot_bytes;
    if (n > 0) release_pages({memory + end, group.memory->n_bytes() - end});
  }
  return given;
}

std::uint64_t ExpertSlots::receive(std::uint64_t n_bytes) {
  if (std::ranges::any_of(layers_, &Layer::is_lent)) return 0;
  std::uint64_t received = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    ExpertKind& kind = kinds_[g];
    Group& group = groups_[g];
    const std::int64_t n = std::min(std::ssize(group.placed) - kind.n_slots, static_cast<std::int64_t>((n_bytes - received) / kind.slot_bytes));
    if (n <= 0) continue;
    group.cache.grow(n);
    if (group.larger) group.larger->grow(n);
    kind.n_slots += n;
    received += static_cast<std::uint64_t>(n) * kind.slot_bytes;
  }
  return received;
}

}  // namespace pio
