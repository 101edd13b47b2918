#include "kernels/host_buffer.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/host.h"

namespace pio {
namespace {

class OwnedBuffer final : public Buffer {
 public:
  OwnedBuffer(std::size_t n_bytes, std::byte* data) : Buffer(n_bytes, data) {}
  ~OwnedBuffer() override { std::free(host_data()); }
};

}  // namespace

Result<std::unique_ptr<Buffer>> allocate_host_buffer(std::size_t n_bytes, const std::string& device, std::uint64_t most_bytes) {
  void* data = nullptr;
  if (n_bytes <= most_bytes || most_bytes == 0) {
    const std::size_t rounded = (std::max<std::size_t>(n_bytes, 1) + kHostAlignment - 1) / kHostAlignment * kHostAlignment;
    data = std::aligned_alloc(kHostAlignment, rounded);
  }
  if (!data) {
    const std::uint64_t free_bytes = host_memory().free_bytes;
    Error error = make_error(ErrorCode::out_of_memory, device + ": expected " + std::to_string(n_bytes) + " bytes, found " +
                                                           std::to_string(free_bytes) + " free");
    error.device = device;
    error.needed_bytes = n_bytes;
    error.free_bytes = free_bytes;
    return error;
  }
  return std::unique_ptr<Buffer>(std::make_unique<OwnedBuffer>(n_bytes, static_cast<std::byte*>(data)));
}

}  // namespace pio
