#include "engine/files/file_contents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "engine/files/xxh64.h"

namespace pio {
namespace {

constexpr std::uint64_t kBeginning = std::uint64_t{1} << 20;
constexpr std::uint64_t kPlaces = 64, kPlace = std::uint64_t{16} << 10;  // the last one ends with the file

}  // namespace

Result<std::uint64_t> contents_of(std::uint64_t n_bytes, const std::function<Result<void>(std::uint64_t, std::size_t, std::byte*)>& read) {
  std::uint64_t hash = n_bytes;
  std::vector<std::byte> bytes;
  const auto add = [&](std::uint64_t offset, std::uint64_t n) -> Result<void> {
    bytes.resize(static_cast<std::size_t>(n));
    RETURN_IF_ERROR(read(offset, bytes.size(), bytes.data()));
    hash = xxh64(bytes, hash);
    return {};
  };
  if (n_bytes <= kMostWholeBytes) {
    for (std::uint64_t at = 0; at < n_bytes; at += kBeginning) RETURN_IF_ERROR(add(at, std::min(kBeginning, n_bytes - at)));
    return hash;
  }
  RETURN_IF_ERROR(add(0, kBeginning));
  const std::uint64_t stride = (n_bytes - kBeginning - kPlace) / (kPlaces - 1);
  for (std::uint64_t i = 0; i + 1 < kPlaces; ++i) RETURN_IF_ERROR(add(kBeginning + i * stride, kPlace));
  RETURN_IF_ERROR(add(n_bytes - kPlace, kPlace));
  return hash;
}

std::optional<std::uint64_t> contents_of(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    if (fd >= 0) ::close(fd);
    return {};
  }
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);  // else the system reads ahead from place to place
  const auto read = [&](std::uint64_t offset, std::size_t n, std::byte* out) -> Result<void> {
    for (std::size_t done = 0; done < n;) {
      const ssize_t got = ::pread(fd, out + done, n - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return make_error(ErrorCode::io, path.string() + ": cannot be read");
      done += static_cast<std::size_t>(got);
    }
    return {};
  };
  const Result<std::uint64_t> contents = contents_of(static_cast<std::uint64_t>(status.st_size), read);
  ::close(fd);
  return contents ? std::optional(*contents) : std::nullopt;
}

}  // namespace pio
