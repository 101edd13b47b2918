#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "kernels/base/result.h"

namespace pio {

// How bytes that are not in the page cache come from the disk. What lies in the page cache is taken from there in every mode.
enum class IoMode {
  automatic,  // the fastest that the system grants: past the page cache by io_uring, by threads that wait, or through the page cache
  uring,      // these alone: loading fails where the system refuses
  pread,
  buffered,
};
const char* name_of(IoMode mode);  // "auto", "uring", "pread", "buffered"

// Cached pages that have been read are dropped in pieces of so many bytes, where they are dropped.
inline constexpr std::uint64_t kDroppedBytes = std::uint64_t{64} << 20;

// Addresses, offsets and lengths of direct reads are multiples of it: the largest logical block of today's disks, and a page.
inline constexpr std::uint64_t kDirectBlock = 4096;

// How bytes of a file came into memory, and how long the threads that asked for them waited, all together.
struct ReadCounts {
  std::uint64_t cached_bytes = 0;    // they lay in the page cache
  std::uint64_t direct_bytes = 0;    // from the disk, past the page cache
  std::uint64_t buffered_bytes = 0;  // through the page cache, and dropped from it
  double thread_seconds = 0;
  std::uint64_t n_bytes() const { return cached_bytes + direct_bytes + buffered_bytes; }
  ReadCounts& operator+=(const ReadCounts& other);
};

// Reads pieces of an open file and leaves the page cache as it was: what lies there is used and stays, what does not is read past it. Only where it
// is told to drop what it has read, cached pages go too.
// Thread-safe.
class FileReader {
 public:
  // Takes the descriptor. `path` names the file in errors, and is opened a second time for reading past the page cache. `mapping`, the whole
  // file's, must outlive the reader: the system is asked about it what lies in the page cache.
  FileReader(int fd, std::filesystem::path path, std::span<const std::byte> mapping);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  // Before the first read. Fails with not_available where the system refuses what is asked for by name.
  Result<void> set_mode(IoMode mode);
  IoMode mode() const { return mode_; }
  // n bytes from `offset` on. Fails with io{path}, also where the file has become shorter.
  Result<void> read(std::uint64_t offset, std::size_t n, std::byte* out) const;
  ReadCounts counts() const;
  // From now on, whether pages of what is read leave the page cache behind it, kDroppedBytes at a time. The rest of them goes when that ends.
  void set_drops(bool drops) const;

  // For ReadQueue and ReadAhead, which read in their own way: whether a piece is read past the page cache, by which descriptors, what came of it, and the
  // errors in this file's name.
  enum class Source { cache, direct, buffered };
  Source source_of(std::uint64_t offset, std::size_t n) const;
  int descriptor(Source source) const { return source == Source::direct ? direct_fd_ : fd_; }
  void count(Source source, std::uint64_t offset, std::size_t n) const;
  // For ReadAhead: so long a thread waited for what was read so.
  void count_seconds(std::chrono::nanoseconds waited) const { nanoseconds_ += static_cast<std::uint64_t>(waited.count()); }
  // Direct reads were refused after all. False where they were asked for by name.
  bool give_up_direct() const;
  // After a read: fails where the file was written to since it was opened, for then nobody knows what was read. One that was only touched is as it
  // was: its time is another, its contents (file_contents.h) are not, and of a file that is too large to look at whole the system knows of no write.
  Result<void> check_unchanged() const;
  Error failed(int number) const;  // of errno
  Error became_shorter(std::uint64_t wanted) const;

 private:
  void drop_read(std::uint64_t offset, std::size_t n) const;
  bool is_cached(std::uint64_t offset, std::size_t n) const;
  // False where the system refuses direct reads after all.
  Result<bool> read_direct(std::uint64_t offset, std::size_t n, std::byte* out) const;
  Result<void> read_buffered(std::uint64_t offset, std::size_t n, std::byte* out) const;

  int fd_ = -1;
  std::filesystem::path path_;
  std::span<const std::byte> mapping_;
  struct Version {                          // of the file's contents, as far as the system tells
    std::int64_t n_bytes = 0, written = 0;  // written, changed: in nanoseconds of the system's clock
    std::int64_t changed = 0;               // nobody can set it
    bool operator==(const Version& other) const { return n_bytes == other.n_bytes && written == other.written; }
  };
  static std::optional<Version> version_of(int fd);
  Result<std::uint64_t> read_contents() const;
  bool was_written(const Version& now) const;
  mutable std::mutex version_mutex_;
  mutable std::optional<Version> version_, changed_;  // as it was opened or touched; and one that was found to have other contents
  mutable std::optional<std::uint64_t> contents_;     // known with the first read
  int direct_fd_ = -1;                                // -1: the system refuses
  // Of a large file: tells what others do to it (inotify); -1: the system refuses. And what it told since the file was last known to be as it was.
  int events_fd_ = -1;
  mutable bool is_modified_ = false, is_closed_ = false;
  IoMode mode_ = IoMode::automatic;
  mutable std::atomic<bool> reads_direct_{true}, drops_{false};
  mutable std::mutex read_mutex_;
  mutable std::map<std::uint64_t, std::uint64_t> read_;  // begins and ends of what was read and not dropped yet; no two touch
  mutable std::uint64_t read_bytes_ = 0;                 // of these
  mutable std::atomic<std::uint64_t> cached_bytes_{0}, direct_bytes_{0}, buffered_bytes_{0}, nanoseconds_{0};
};

}  // namespace pio
