#include "engine/files/file_reader.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <memory>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/files/file_contents.h"

namespace pio {
namespace {

constexpr std::uint64_t kBlock = kDirectBlock;
// The page cache holds pages together in folios, which are dropped whole or not at all: none is larger than a huge page, nor crosses a border of one.
constexpr std::uint64_t kMostFolio = 2 << 20;
constexpr std::int64_t kSettled = 2'000'000'000;  // nanoseconds

std::int64_t nanoseconds(const timespec& time) { return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

// The clock that files have their times of.
std::int64_t clock_now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return nanoseconds(time);
}

// Memory of a thread for direct reads.
class Bounce {
 public:
  std::byte* reserve(std::size_t n) {
    if (n <= n_bytes_) return memory_.get();
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kBlock, n)));
    n_bytes_ = memory_ ? n : 0;
    if (!memory_) throw std::bad_alloc();
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t n_bytes_ = 0;
};

Error unreadable(const std::filesystem::path& path, const std::string& why) {
  Error error = make_error(ErrorCode::io, path.filename().string() + ": cannot be read, " + why);
  error.path = path.string();
  return error;
}

}  // namespace

const char* name_of(IoMode mode) {
  switch (mode) {
    case IoMode::automatic: return "auto";
    case IoMode::uring: return "uring";
    case IoMode::pread: return "pread";
    case IoMode::buffered: return "buffered";
  }
  return "";
}

ReadCounts& ReadCounts::operator+=(const ReadCounts& other) {
  cached_bytes += other.cached_bytes;
  direct_bytes += other.direct_bytes;
  buffered_bytes += other.buffered_bytes;
  thread_seconds += other.thread_seconds;
  return *this;
}

FileReader::FileReader(int fd, std::filesystem::path path, std::span<const std::byte> mapping) : fd_(fd), path_(std::move(path)), mapping_(mapping) {
  version_ = version_of(fd_);
  direct_fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECT);
  struct stat one, other;
  const bool is_same =
      direct_fd_ >= 0 && ::fstat(fd_, &one) == 0 && ::fstat(direct_fd_, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
  if (direct_fd_ >= 0 && !is_same) {  // replaced between the two
    ::close(direct_fd_);
    direct_fd_ = -1;
  }
  if (mapping_.size() <= kMostWholeBytes) return;
  events_fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (events_fd_ >= 0) ::inotify_add_watch(events_fd_, ("/proc/self/fd/" + std::to_string(fd_)).c_str(), IN_MODIFY | IN_CLOSE_WRITE);
}

FileReader::~FileReader() {
  if (fd_ >= 0) ::close(fd_);
  if (direct_fd_ >= 0) ::close(direct_fd_);
  if (events_fd_ >= 0) ::close(events_fd_);
}

ReadCounts FileReader::counts() const { return {cached_bytes_, direct_bytes_, buffered_bytes_, static_cast<double>(nanoseconds_.load()) * 1e-9}; }

Result<void> FileReader::set_mode(IoMode mode) {
  mode_ = mode;
  const bool wants_direct = mode == IoMode::uring || mode == IoMode::pread;
  if (!wants_direct || direct_fd_ >= 0) return {};
  return make_error(ErrorCode::not_available, std::string("--io ") + name_of(mode) +
                                                  ": expected a file system that reads past the page cache, found " + path_.filename().string() +
                                                  " on one that does not");
}

FileReader::Source FileReader::source_of(std::uint64_t offset, std::size_t n) const {
  if (is_cached(offset, n)) return Source::cache;
  return mode_ != IoMode::buffered && direct_fd_ >= 0 && reads_direct_ ? Source::direct : Source::buffered;
}

void FileReader::set_drops(bool drops) const {
  drops_ = drops;
  const std::lock_guard lock(read_mutex_);
  // A length of 0 would mean the rest of the file. The last page of a piece counts as read, since only whole pages are dropped.
  for (const auto& [begin, end] : read_) {
    const std::uint64_t first = begin / kBlock * kBlock, last = (end + kBlock - 1) / kBlock * kBlock;
    ::posix_fadvise(fd_, static_cast<off_t>(first), static_cast<off_t>(last - first), POSIX_FADV_DONTNEED);
  }
  read_.clear();
  read_bytes_ = 0;
}

// Several threads read a tensor, so pieces end in another order than they stand in the file: those that touch become one. Between tensors some bytes
// are nobody's.
void FileReader::drop_read(std::uint64_t offset, std::size_t n) const {
  if (!drops_ || n == 0) return;
  const std::lock_guard lock(read_mutex_);
  const auto insert = [this](std::uint64_t begin, std::uint64_t end) {
    auto next = read_.upper_bound(begin);
    if (next != read_.begin() && std::prev(next)->second + kBlock > begin) --next;
    while (next != read_.end() && next->first < end + kBlock) {
      begin = std::min(begin, next->first);
      end = std::max(end, next->second);
      read_bytes_ -= next->second - next->first;
      next = read_.erase(next);
    }
    read_[begin] = end;
    read_bytes_ += end - begin;
  };
  insert(offset, offset + n);
  if (read_bytes_ < kDroppedBytes) return;
  read_bytes_ = 0;
  for (const auto& [begin, end] : std::exchange(read_, {})) {
    const std::uint64_t first = (begin + kMostFolio - 1) / kMostFolio * kMostFolio, last = end / kMostFolio * kMostFolio;
    if (last <= first) {
      insert(begin, end);
      continue;
    }
    ::posix_fadvise(fd_, static_cast<off_t>(first), static_cast<off_t>(last - first), POSIX_FADV_DONTNEED);
    if (begin < first) insert(begin, first);
    if (last < end) insert(last, end);
  }
}

void FileReader::count(Source source, std::uint64_t offset, std::size_t n) const {
  drop_read(offset, n);
  switch (source) {
    case Source::cache: cached_bytes_ += n; break;
    case Source::direct: direct_bytes_ += n; break;
    case Source::buffered:
      buffered_bytes_ += n;
      ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(n), POSIX_FADV_DONTNEED);
      break;
  }
}

bool FileReader::give_up_direct() const {
  if (mode_ == IoMode::uring || mode_ == IoMode::pread) return false;
  reads_direct_ = false;
  return true;
}

std::optional<FileReader::Version> FileReader::version_of(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return {};
  return Version{status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

// As far as the system tells: nobody hears of who writes through a mapping, or from another computer. That the time of the last write was set is
// told as a write is; but then nobody had opened the file to write to it, and the time that was set is not the one at which that was done.
bool FileReader::was_written(const Version& now) const {
  alignas(inotify_event) char events[4096];
  for (ssize_t n = 0; events_fd_ >= 0 && (n = ::read(events_fd_, events, sizeof events)) > 0;) {
    for (const char* at = events; at < events + n;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(at);
      if (event->mask & IN_MODIFY) is_modified_ = true;
      if (event->mask & IN_CLOSE_WRITE) is_closed_ = true;
      if (event->mask & IN_Q_OVERFLOW) is_modified_ = is_closed_ = true;
      at += sizeof *event + event->len;
    }
  }
  return is_modified_ && (is_closed_ || now.written == now.changed);
}

Result<std::uint64_t> FileReader::read_contents() const {
  return contents_of(mapping_.size(), [this](std::uint64_t offset, std::size_t n, std::byte* out) -> Result<void> {
    if (source_of(offset, n) == Source::direct) {
      ASSIGN_OR_RETURN(const bool is_read, read_direct(offset, n, out));
      if (is_read) return {};
    }
    const bool is_cached = source_of(offset, n) == Source::cache;
    RETURN_IF_ERROR(read_buffered(offset, n, out));
    if (!is_cached) ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(n), POSIX_FADV_DONTNEED);
    return {};
  });
}

Result<void> FileReader::check_unchanged() const {
  const std::optional<Version> now = version_of(fd_);
  const std::lock_guard lock(version_mutex_);
  if (now == version_ && contents_) return {};
  if (now && version_ && now->n_bytes == version_->n_bytes && now != changed_) {
    const bool is_touched = now != version_;
    const Result<std::uint64_t> contents = read_contents();
    // What is written to meanwhile is found by the next look.
    if (contents && version_of(fd_) == now && contents_.value_or(*contents) == *contents && (!is_touched || (contents_ && !was_written(*now)))) {
      contents_ = *contents;
      is_modified_ = is_closed_ = false;
      // A write has its time before it is told of.
      if (mapping_.size() <= kMostWholeBytes || !is_touched || now->changed + kSettled < clock_now()) version_ = now;
      return {};
    }
    changed_ = now;
  }
  return unreadable(path_, "it was changed after it was opened: expected the file that was loaded, load it again");
}

Error FileReader::failed(int number) const { return unreadable(path_, std::generic_category().message(number)); }

Error FileReader::became_shorter(std::uint64_t wanted) const {
  return unreadable(path_, "it became shorter: expected " + std::to_string(wanted) + " bytes");
}

Result<void> FileReader::read(std::uint64_t offset, std::size_t n, std::byte* out) const {
  const auto start = std::chrono::steady_clock::now();
  Source source = source_of(offset, n);
  if (source == Source::direct) {
    ASSIGN_OR_RETURN(const bool is_read, read_direct(offset, n, out));
    if (!is_read) source = Source::buffered;
  }
  if (source != Source::direct) RETURN_IF_ERROR(read_buffered(offset, n, out));
  RETURN_IF_ERROR(check_unchanged());
  count(source, offset, n);
  nanoseconds_ += static_cast<std::uint64_t>((std::chrono::steady_clock::now() - start).count());
  return {};
}

// Whether all pages of the piece lie in the page cache. Of a file that is neither ours nor writable the system says yes always.
bool FileReader::is_cached(std::uint64_t offset, std::size_t n) const {
  thread_local std::vector<unsigned char> pages;
  const std::uint64_t begin = offset / kBlock * kBlock;
  pages.resize((offset + n - begin + kBlock - 1) / kBlock);
  void* const first = const_cast<std::byte*>(mapping_.data() + begin);
  if (::mincore(first, offset + n - begin, pages.data()) != 0) return false;
  return std::all_of(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
}

Result<bool> FileReader::read_direct(std::uint64_t offset, std::size_t n, std::byte* out) const {
  thread_local Bounce bounce;
  const std::uint64_t begin = offset / kBlock * kBlock, end = (offset + n + kBlock - 1) / kBlock * kBlock;
  std::byte* const memory = bounce.reserve(end - begin);
  std::uint64_t at = begin;
  while (at < offset + n) {
    const ssize_t got = ::pread(direct_fd_, memory + (at - begin), end - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EINVAL && give_up_direct()) return false;
    if (got < 0) return failed(errno);
    if (got == 0) return became_shorter(offset + n);
    at += static_cast<std::uint64_t>(got);
    if (at >= offset + n) break;
    // A piece of a block is the end of the file, or the system was interrupted and goes on at the block's beginning.
    if (at % kBlock != 0 && static_cast<std::uint64_t>(got) < kBlock) return became_shorter(offset + n);
    at = at / kBlock * kBlock;
  }
  std::memcpy(out, memory + (offset - begin), n);
  return true;
}

Result<void> FileReader::read_buffered(std::uint64_t offset, std::size_t n, std::byte* out) const {
  for (std::size_t done = 0; done < n;) {
    const ssize_t got = ::pread(fd_, out + done, n - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno);
    if (got == 0) return became_shorter(offset + n);
    done += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace pio
