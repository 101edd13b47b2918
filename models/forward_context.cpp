#include <new>

#include "models/model.h"

namespace pio {
namespace {

constexpr std::size_t kAlignment = 64;               // a cache line: what Backend::allocate promises
constexpr std::size_t kSlabBytes = std::size_t{8} << 20;  // a decode step of a small model fits in one

std::size_t aligned(std::size_t n_bytes) { return (n_bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Tensor ForwardContext::temp(DType dtype, Shape shape) {
  const std::size_t n_bytes = aligned(bytes_of(dtype, shape.n_values()));
  std::size_t end = 0;  // of the slabs so far
  for (Slab& slab : slabs_) {
    end = slab.start + slab.buffer->n_bytes();
    const std::size_t first = used_ > slab.start ? used_ : slab.start;
    if (first + n_bytes > end) continue;
    used_ = first + n_bytes;
    return Tensor{dtype, shape, slab.buffer.get(), first - slab.start};
  }
  Result<std::unique_ptr<Buffer>> buffer = backend_.allocate(n_bytes > kSlabBytes ? n_bytes : kSlabBytes);
  if (!buffer) throw std::bad_alloc();
  slabs_.push_back({std::move(*buffer), end});
  used_ = end + n_bytes;
  return Tensor{dtype, shape, slabs_.back().buffer.get(), 0};
}

std::size_t ForwardContext::n_bytes() const {
  std::size_t total = 0;
  for (const Slab& slab : slabs_) total += slab.buffer->n_bytes();
  return total;
}

}  // namespace pio
