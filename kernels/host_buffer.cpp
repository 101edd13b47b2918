#include "kernels/host_buffer.h"

#include <sys/mman.h>

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

constexpr std::size_t kHugePage = 2 << 20;

// Of whole huge pages, where the system grants them: weights are read faster so (a page table of one level less, fewer misses of its cache).
class HugePagesBuffer final : public Buffer {
 public:
  HugePagesBuffer(std::size_t n_bytes, std::byte* data) : Buffer(n_bytes, data) {}
  ~HugePagesBuffer() override { ::munmap(host_data(), mapped_bytes(n_bytes())); }

  static std::size_t mapped_bytes(std::size_t n_bytes) { return (n_bytes + kHugePage - 1) / kHugePage * kHugePage; }
  // Null where there is no such memory.
  static std::byte* map(std::size_t n_bytes, bool huge_pages) {
    const std::size_t n_mapped = mapped_bytes(n_bytes);
    void* const whole = ::mmap(nullptr, n_mapped + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (whole == MAP_FAILED) return nullptr;
    std::byte* const begin = static_cast<std::byte*>(whole);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
    if (before > 0) ::munmap(begin, before);
    ::munmap(begin + before + n_mapped, kHugePage - before);
    ::madvise(begin + before, n_mapped, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);  // only advice
    return begin + before;
  }
};

}  // namespace

Result<std::unique_ptr<Buffer>> allocate_host_buffer(std::size_t n_bytes, const std::string& device, std::uint64_t most_bytes, bool huge_pages) {
  void* data = nullptr;
  const bool is_allowed = n_bytes <= most_bytes || most_bytes == 0;
  if (is_allowed && n_bytes >= kHugePagesFrom) {
    if (std::byte* const pages = HugePagesBuffer::map(n_bytes, huge_pages))
      return std::unique_ptr<Buffer>(std::make_unique<HugePagesBuffer>(n_bytes, pages));
  } else if (is_allowed) {
    const std::size_t rounded = (std::max<std::size_t>(n_bytes, 1) + kHostAlignment - 1) / kHostAlignment * kHostAlignment;
    data = std::aligned_alloc(kHostAlignment, rounded);
  }
  if (!data) {
    const std::uint64_t free_bytes = host_memory().free_bytes;
    Error error = make_error(ErrorCode::out_of_memory,
                             device + ": expected " + std::to_string(n_bytes) + " bytes, found " + std::to_string(free_bytes) + " free");
    error.device = device;
    error.needed_bytes = n_bytes;
    error.free_bytes = free_bytes;
    return error;
  }
  return std::unique_ptr<Buffer>(std::make_unique<OwnedBuffer>(n_bytes, static_cast<std::byte*>(data)));
}

}  // namespace pio
