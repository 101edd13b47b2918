#pragma once

#include <memory>

#include "kernels/base/result.h"
#include "kernels/tensor.h"

// Memory of the host as a buffer, for the backends that compute in it.

namespace pio {

// A cache line, and the widest register.
inline constexpr std::size_t kHostAlignment = 64;

// Bytes of a buffer in huge pages: smaller ones would waste much of their last page.
inline constexpr std::size_t kHugePagesFrom = 64 << 20;

// n_bytes of aligned memory, large ones in huge pages unless that is refused. Fails with out_of_memory{device, needed_bytes, free_bytes}, also for more than most_bytes (0: unknown): the
// system grants more than it has, and would fail only when the memory is touched.
Result<std::unique_ptr<Buffer>> allocate_host_buffer(std::size_t n_bytes, const std::string& device, std::uint64_t most_bytes,
                                                     bool huge_pages = true);

// Memory of someone else, who keeps it until the buffer is gone.
class BorrowedBuffer final : public Buffer {
 public:
  BorrowedBuffer(const void* data, std::size_t n_bytes)
      : Buffer(n_bytes, const_cast<std::byte*>(static_cast<const std::byte*>(data))) {}  // weights are never written
};

}  // namespace pio
