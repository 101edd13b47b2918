#include "kernels/arena.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <span>

#include "kernels/backend.h"

namespace pio {
namespace {

constexpr std::size_t kAlignment = 64;                     // a cache line: what Backend::allocate promises
constexpr std::size_t kPieceBytes = std::size_t{8} << 20;  // a decode step of a small model fits in one

std::size_t aligned(std::size_t n_bytes) { return (n_bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Of a block: what the device gives at once.
std::size_t most_bytes(const Backend& backend) { return backend.most_bytes_at_once() / kAlignment * kAlignment; }

// Whether these are one block of n_bytes, or what stands for it where a device gives none so large: blocks of its largest, and a last one.
bool are_one(std::span<const std::unique_ptr<Buffer>> blocks, std::size_t n_bytes, std::size_t most) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i + 1 < blocks.size() && blocks[i]->n_bytes() != most) return false;
    total += blocks[i]->n_bytes();
  }
  return !blocks.empty() && total >= n_bytes;
}

}  // namespace

std::uint64_t Arena::next_generation() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

Tensor Arena::put(DType dtype, Shape shape, std::size_t n_bytes) {
  const Tensor tensor{dtype, shape, blocks_[place_.block].get(), place_.offset};
  place_.offset += n_bytes;
  place_.used += n_bytes;
  high_water_ = std::max(high_water_, place_.used);
  return tensor;
}

Tensor Arena::temp(DType dtype, Shape shape) {
  const std::size_t n_bytes = aligned(bytes_of(dtype, shape.n_values())), most = most_bytes(backend_), piece_bytes = std::min(kPieceBytes, most);
  if (place_.used == 0 && (blocks_.empty() || blocks_[0]->n_bytes() < n_bytes || (blocks_.size() > 1 && !are_one(blocks_, high_water_, most)))) {
    if (!reserve(std::max({high_water_, std::min(n_bytes, most), piece_bytes}))) throw std::bad_alloc();
  }
  if (place_.offset + n_bytes <= blocks_[place_.block]->n_bytes()) return put(dtype, shape, n_bytes);
  if (blocks_[place_.block]->n_bytes() == most) {
    // The rest of a block of the largest size is lost whenever the same temporaries are made.
    place_.used += most - place_.offset;
    place_.offset = most;
    high_water_ = std::max(high_water_, place_.used);
    if (place_.block + 1 < blocks_.size() && n_bytes <= blocks_[place_.block + 1]->n_bytes()) {
      ++place_.block;
      place_.offset = 0;
      return put(dtype, shape, n_bytes);
    }
  }
  // What lies behind the current piece holds nothing that is still used.
  blocks_.resize(place_.block + 1);
  Result<std::unique_ptr<Buffer>> piece = backend_.allocate(std::max(n_bytes, piece_bytes));
  if (!piece) throw std::bad_alloc();
  blocks_.push_back(std::move(*piece));
  ++place_.block;
  place_.offset = 0;
  return put(dtype, shape, n_bytes);
}

Result<void> Arena::reserve(std::size_t n_bytes) {
  CHECK(place_.used == 0, "reserve: there are temporaries");
  place_ = {};
  const std::size_t most = most_bytes(backend_);
  if (are_one(blocks_, n_bytes, most)) return {};
  blocks_.clear();  // first, so that both are never there together
  generation_ = next_generation();
  do {
    const std::size_t n_here = std::min(n_bytes, most);
    ASSIGN_OR_RETURN(std::unique_ptr<Buffer> block, backend_.allocate(n_here));
    blocks_.push_back(std::move(block));
    n_bytes -= n_here;
  } while (n_bytes > 0);
  return {};
}

void Arena::release(const Mark::Place& place) {
  place_ = place;
  if (place_.used == 0) place_ = {};
}

void Arena::clear() {
  CHECK(place_.used == 0, "clear: there are temporaries");
  if (!blocks_.empty()) generation_ = next_generation();
  blocks_.clear();
  high_water_ = 0;
}

std::size_t Arena::n_bytes() const {
  std::size_t total = 0;
  for (const std::unique_ptr<Buffer>& block : blocks_) total += block->n_bytes();
  return total;
}

}  // namespace pio
