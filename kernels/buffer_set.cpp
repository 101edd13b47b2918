#include "kernels/buffer_set.h"

#include <algorithm>
#include <utility>

#include "kernels/backend.h"

namespace pio {

BufferSet::Place BufferSet::add(std::size_t n_bytes) {
  if (sizes_.empty()) {
    if (n_bytes == 0) return {};
    sizes_.push_back(0);
  }
  if (sizes_.back() > 0 && n_bytes > most_bytes_ - std::min<std::uint64_t>(sizes_.back(), most_bytes_)) sizes_.push_back(0);
  const Place place{sizes_.size() - 1, sizes_.back()};
  sizes_.back() += n_bytes;
  return place;
}

Result<void> BufferSet::allocate(Backend& backend) {
  for (const std::size_t size : sizes_) {
    Result<std::unique_ptr<Buffer>> buffer = backend.allocate(size);
    if (buffer) {
      buffers_.push_back(std::move(*buffer));
      continue;
    }
    Error error = buffer.error();
    if (error.code == ErrorCode::out_of_memory && sizes_.size() > 1) {
      error.needed_bytes = n_bytes();
      for (const std::unique_ptr<Buffer>& held : buffers_) error.free_bytes += held->n_bytes();
    }
    buffers_.clear();
    return error;
  }
  return {};
}

bool BufferSet::has(const Buffer* buffer) const {
  return std::ranges::any_of(buffers_, [&](const std::unique_ptr<Buffer>& own) { return own.get() == buffer; });
}

std::size_t BufferSet::n_bytes() const {
  std::size_t total = 0;
  for (const std::size_t size : sizes_) total += size;
  return total;
}

}  // namespace pio
