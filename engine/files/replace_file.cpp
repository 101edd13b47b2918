#include "engine/files/replace_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

namespace pio {
namespace {

// As Linux: more links than this are a circle.
constexpr int kMaxLinks = 40;

// Where a path leads: through all links, or to one of this process's own descriptors (/dev/stdout, /proc/self/fd/7), whose link may name no
// file at all.
struct Target {
  std::filesystem::path path;
  int descriptor = -1;
};

int own_descriptor(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 0) return -1;
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::canonical(path.parent_path(), ignored);
  return folder == "/proc/" + std::to_string(::getpid()) + "/fd" ? number : -1;
}

Result<Target> follow(std::filesystem::path path) {
  for (int i = 0; i < kMaxLinks; ++i) {
    if (const int descriptor = own_descriptor(path); descriptor >= 0) return Target{path, descriptor};
    std::error_code error;
    if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, error))) return Target{path, -1};
    const std::filesystem::path to = std::filesystem::read_symlink(path, error);
    if (error) return make_error(ErrorCode::io, path.string() + ": expected a link that can be read, found: " + error.message());
    path = path.parent_path() / to;  // an absolute one replaces it
  }
  return make_error(ErrorCode::io, path.string() + ": expected at most " + std::to_string(kMaxLinks) + " links, found more");
}

// A write beyond a limit or into a pipe without a reader raises a signal in the thread that writes, which would end the program. Held back
// while this exists, and what came in between is taken away, so that the write's error is all there is.
class NoSignals {
 public:
  NoSignals() {
    ::sigemptyset(&ours_);
    ::sigaddset(&ours_, SIGPIPE);
    ::sigaddset(&ours_, SIGXFSZ);
    ::sigpending(&pending_);
    ::pthread_sigmask(SIG_BLOCK, &ours_, &before_);
  }
  ~NoSignals() {
    const int number = errno;
    sigset_t mine;
    ::sigemptyset(&mine);
    for (const int signal : {SIGPIPE, SIGXFSZ})
      if (!::sigismember(&pending_, signal)) ::sigaddset(&mine, signal);
    const timespec at_once{};
    while (::sigtimedwait(&mine, nullptr, &at_once) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = number;
  }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t ours_, pending_, before_;
};

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// Independent of the file's own name, which may be as long as names can be.
std::filesystem::path new_part_name(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter{0};
  return folder_of(target) / (".pio-part-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
}

}  // namespace

Result<ReplaceFile> ReplaceFile::open(const std::filesystem::path& path, Part part) {
  ReplaceFile file(path);
  if (path.empty() || path.native().find('\0') != std::string::npos)
    return make_error(ErrorCode::bad_argument, "expected the name of a file, found none");
  ASSIGN_OR_RETURN(const Target target, follow(path));
  file.target_ = target.path;
  struct stat status {};
  const bool exists = target.descriptor >= 0 || ::stat(target.path.c_str(), &status) == 0;
  if ((exists && S_ISDIR(status.st_mode)) || !target.path.has_filename()) {
    Error error = make_error(ErrorCode::bad_argument, path.string() + ": expected the name of a file, found a folder");
    error.path = path.string();
    return error;
  }
  if (target.descriptor >= 0 || (exists && !S_ISREG(status.st_mode))) RETURN_IF_ERROR(file.open_direct(target.descriptor));
  else RETURN_IF_ERROR(file.open_part(part));
  return file;
}

Result<void> ReplaceFile::open_direct(int descriptor) {
  is_direct_ = true;
  do {
    file_ = descriptor >= 0 ? ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : ::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  } while (file_ < 0 && errno == EINTR);
  if (file_ < 0) return failed("expected a device or pipe that can be written", errno);
  return {};
}

Result<void> ReplaceFile::open_part(Part part) {
  if (::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0 && errno != ENOENT) return failed("expected a file that can be written", errno);
  constexpr mode_t kNewFile = 0666;  // less what the process's mask takes away
#ifdef O_TMPFILE
  // Without /proc a part could not be given its name at the end.
  if (part == Part::unnamed_where_possible && ::access("/proc/self/fd", X_OK) == 0)
    file_ = ::open(folder_of(target_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kNewFile);
#endif
  if (file_ < 0) {
    part_ = new_part_name(target_);
    file_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewFile);
    const int number = errno;
    if (file_ < 0) part_.clear();
    if (file_ < 0) return failed("expected a file that can be written", number);
  }
  return keep_permissions();
}

// Those of the file that is replaced.
Result<void> ReplaceFile::keep_permissions() {
  struct stat old {};
  if (::stat(target_.c_str(), &old) != 0) return {};
  // To another owner only the system's administrator may give a file; to a group of one's own anyone.
  mode_t mode = old.st_mode & 07777;
  if (::fchown(file_, old.st_uid, old.st_gid) != 0 && ::fchown(file_, static_cast<uid_t>(-1), old.st_gid) != 0) mode &= 0777;
  if (::fchmod(file_, mode) != 0) return failed("expected to keep the file's permissions", errno);
  return {};
}

Result<void> ReplaceFile::make_private() {
  if (!is_direct_ && ::fchmod(file_, 0600) != 0) return failed("expected to keep it from others", errno);
  return {};
}

ReplaceFile::ReplaceFile(ReplaceFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      part_(std::exchange(other.part_, {})),
      file_(std::exchange(other.file_, -1)),
      is_direct_(other.is_direct_),
      error_(std::move(other.error_)),
      n_written_(other.n_written_) {}

ReplaceFile::~ReplaceFile() {
  if (file_ >= 0) ::close(file_);
  if (!part_.empty()) ::unlink(part_.c_str());
}

Error ReplaceFile::failed(const std::string& expected, int number) {
  Error error = make_error(ErrorCode::io, path_.filename().string() + ": " + expected + ", found: " + std::generic_category().message(number));
  error.path = path_.string();
  error_ = error;
  return error;
}

Result<void> ReplaceFile::write(std::span<const std::byte> bytes) {
  if (error_) return *error_;
  const NoSignals held;
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{64} << 20));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return failed("expected room for " + std::to_string(bytes.size()) + " more bytes after " + std::to_string(n_written_), n < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    n_written_ += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> ReplaceFile::sync() {
  if (error_) return *error_;
  if (::fsync(file_) == 0) return {};
  if (is_direct_ && (errno == EINVAL || errno == ENOTSUP || errno == EROFS)) return {};  // pipes and terminals have no disk
  return failed("expected the file to reach the disk", errno);
}

// A part without a name gets one, to be renamed from. (A link cannot replace a file, a rename can.)
Result<void> ReplaceFile::name_part() {
  if (!part_.empty()) return {};
  part_ = new_part_name(target_);
  const std::string from = "/proc/self/fd/" + std::to_string(file_);
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, part_.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  const int number = errno;
  part_.clear();
  return failed("expected the finished file to take its name", number);
}

Result<std::uint64_t> ReplaceFile::commit() {
  RETURN_IF_ERROR(sync());
  if (!is_direct_) {
    RETURN_IF_ERROR(name_part());
    if (::rename(part_.c_str(), target_.c_str()) != 0) return failed("expected the finished file to take its name", errno);
    part_.clear();
  }
  if (::close(std::exchange(file_, -1)) != 0 && errno != EINTR && is_direct_) return failed("expected the last bytes to be taken", errno);
  return n_written_;
}

}  // namespace pio
