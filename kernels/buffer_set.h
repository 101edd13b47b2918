#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/tensor.h"

namespace pio {

class Backend;

// Memory for what is laid one behind the other: one buffer, or of a device that gives no buffer so large (Backend::most_bytes_at_once) as many as that
// takes. Nothing lies across two of them, and together they have the bytes that one would have.
class BufferSet {
 public:
  struct Place {
    std::size_t buffer = 0;  // number of it
    std::size_t offset = 0;
  };

  explicit BufferSet(std::uint64_t most_bytes = UINT64_MAX) : most_bytes_(most_bytes) {}
  // Room for n_bytes, a multiple of 64, behind what was added before. Before allocate().
  Place add(std::size_t n_bytes);
  // Fails as Backend::allocate does, of all bytes together; also where one that was added is larger than a buffer may be. Nothing is held then.
  Result<void> allocate(Backend& backend);

  // Null where nothing was added.
  Buffer* at(const Place& place) const { return place.buffer < buffers_.size() ? buffers_[place.buffer].get() : nullptr; }
  bool has(const Buffer* buffer) const;
  std::size_t n_bytes() const;
  std::span<const std::unique_ptr<Buffer>> buffers() const { return buffers_; }

 private:
  std::uint64_t most_bytes_;
  std::vector<std::size_t> sizes_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace pio
