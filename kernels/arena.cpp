#include "kernels/arena.h"

#include <algorithm>
#include <atomic>
#include <new>

#include "kernels/backend.h"

namespace pio {
namespace {

constexpr std::size_t kAlignment = 64;                     // a cache line: what Backend::allocate promises
constexpr std::size_t kPieceBytes = std::size_t{8} << 20;  // a decode step of a small model fits in one

std::size_t aligned(std::size_t n_bytes) { return (n_bytes + kAlignment - 1) / kAlignment * kAlignment; }

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
  const std::size_t n_bytes = aligned(bytes_of(dtype, shape.n_values()));
  if (place_.used == 0 && (blocks_.size() > 1 || blocks_.empty() || blocks_[0]->n_bytes() < n_bytes)) {
    if (!reserve(std::max({high_water_, n_bytes, kPieceBytes}))) throw std::bad_alloc();
  }
  if (place_.offset + n_bytes <= blocks_[place_.block]->n_bytes()) return put(dtype, shape, n_bytes);
  // What lies behind the current piece holds nothing that is still used.
  blocks_.resize(place_.block + 1);
  Result<std::unique_ptr<Buffer>> piece = backend_.allocate(std::max(n_bytes, kPieceBytes));
  if (!piece) throw std::bad_alloc();
  blocks_.push_back(std::move(*piece));
  ++place_.block;
  place_.offset = 0;
  return put(dtype, shape, n_bytes);
}

Result<void> Arena::reserve(std::size_t n_bytes) {
  CHECK(place_.used == 0, "reserve: there are temporaries");
  place_ = {};
  if (blocks_.size() == 1 && blocks_[0]->n_bytes() >= n_bytes) return {};
  blocks_.clear();  // first, so that both are never there together
  generation_ = next_generation();
  ASSIGN_OR_RETURN(std::unique_ptr<Buffer> block, backend_.allocate(n_bytes));
  blocks_.push_back(std::move(block));
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
