#include "engine/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include "kernels/base/check.h"

namespace pio {
namespace {

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

struct OpenFile {
  Descriptor descriptor;
  std::size_t n_bytes = 0;
};

Error error_of(ErrorCode code, const std::filesystem::path& path, const std::string& words) {
  const std::filesystem::path name = path.has_filename() ? path.filename() : path.parent_path().filename();  // "a/" ends in an empty one
  Error error = make_error(code, (name.empty() ? path : name).string() + ": " + words);
  error.path = path.string();
  return error;
}

Error system_error_of(const std::filesystem::path& path, int number) {
  if (number == ENOENT || number == ENOTDIR) return error_of(ErrorCode::not_found, path, "expected a file, found none");
  return error_of(ErrorCode::io, path, "cannot be read, " + std::generic_category().message(number));
}

Result<OpenFile> open_for_reading(const std::filesystem::path& path) {
  // A path with a NUL inside would silently open another file.
  if (path.native().find('\0') != std::string::npos) return error_of(ErrorCode::not_found, path, "expected a file, found none");
  OpenFile file;
  // O_NONBLOCK: opening a pipe must not wait for a writer; it is refused below.
  file.descriptor.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor.fd < 0) return system_error_of(path, errno);
  struct stat status;
  if (::fstat(file.descriptor.fd, &status) != 0) return system_error_of(path, errno);
  if (!S_ISREG(status.st_mode))
    return error_of(ErrorCode::io, path, S_ISDIR(status.st_mode) ? "expected a file, found a folder" : "expected a file, found a device or pipe");
  file.n_bytes = static_cast<std::size_t>(status.st_size);
  return file;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(OpenFile file, open_for_reading(path));
  MappedFile mapped;
  mapped.path_ = path;
  if (file.n_bytes > 0) {  // mmap takes no empty range
    void* data = ::mmap(nullptr, file.n_bytes, PROT_NONE, MAP_PRIVATE, file.descriptor.fd, 0);
    if (data == MAP_FAILED) return system_error_of(path, errno);
    mapped.bytes_ = {static_cast<const std::byte*>(data), file.n_bytes};
    mapped.reader_ = std::make_unique<FileReader>(std::exchange(file.descriptor.fd, -1), path, mapped.bytes_);
  }
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), path_(std::move(other.path_)), reader_(std::move(other.reader_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(path_, other.path_);
  std::swap(reader_, other.reader_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

bool MappedFile::holds(std::span<const std::byte> part) const {
  return part.data() >= bytes_.data() && part.data() + part.size() <= bytes_.data() + bytes_.size();
}

Result<void> MappedFile::read(std::span<const std::byte> part, std::byte* out) const {
  if (part.empty()) return {};
  CHECK(holds(part), "read: a part of the file");
  return reader_->read(static_cast<std::uint64_t>(part.data() - bytes_.data()), part.size(), out);
}

Result<std::vector<std::byte>> MappedFile::read_front(std::uint64_t n) const {
  std::vector<std::byte> front(static_cast<std::size_t>(std::min(n, n_bytes())));
  RETURN_IF_ERROR(read(bytes_.first(front.size()), front.data()));
  return front;
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit) {
  ASSIGN_OR_RETURN(const OpenFile file, open_for_reading(path));
  if (file.n_bytes > limit)
    return error_of(ErrorCode::bad_file, path, "expected at most " + std::to_string(limit) + " bytes, found " + std::to_string(file.n_bytes));
  std::string text(file.n_bytes, '\0');
  std::size_t n_read = 0;
  while (n_read < text.size()) {
    const ssize_t n = ::read(file.descriptor.fd, text.data() + n_read, text.size() - n_read);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error_of(path, errno);
    if (n == 0) break;  // shortened meanwhile
    n_read += static_cast<std::size_t>(n);
  }
  text.resize(n_read);
  return text;
}

}  // namespace pio
