#include "engine/image/content_keys.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <span>

#include "engine/image/decode.h"

namespace pio {
namespace {

constexpr std::size_t kMaxKept = 4096;               // files, and pictures in memory
constexpr std::size_t kStep = std::size_t{4} << 20;  // bytes between two looks for a stop
// A file that was written this shortly before it was read may be written again without another time: its key is not kept.
constexpr std::int64_t kSettled = 2'000'000'000;  // nanoseconds

std::int64_t nanoseconds(const timespec& time) { return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return nanoseconds(time);
}

// Digest of a content in steps: the same as of the whole, since a step is a multiple of eight bytes.
class Digest {
 public:
  Digest(std::uint64_t n_bytes, std::uint64_t seed) : state_(mixed(seed + n_bytes)) {}

  void add(std::span<const std::byte> bytes) {
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      std::uint64_t word;
      std::memcpy(&word, &bytes[at], 8);
      state_ = mixed(state_ ^ word) + 0x9E3779B97F4A7C15u;
    }
    if (at < bytes.size()) std::memcpy(&rest_, &bytes[at], bytes.size() - at);
  }
  std::uint64_t value() const { return mixed(state_ ^ rest_); }

 private:
  std::uint64_t state_, rest_ = 0;
};

}  // namespace

// Multiply and fold; the constants are those of SplitMix64 (Steele et al. 2014).
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

std::uint64_t digest(std::span<const std::byte> bytes, std::uint64_t seed) {
  Digest all(bytes.size(), seed);
  all.add(bytes);
  return all.value();
}

std::optional<ContentKeys::Identity> ContentKeys::identity_of(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
#ifdef __APPLE__
  const timespec modified = found.st_mtimespec, changed = found.st_ctimespec;
#else
  const timespec modified = found.st_mtim, changed = found.st_ctim;
#endif
  return Identity{.device = static_cast<std::uint64_t>(found.st_dev),
                  .inode = static_cast<std::uint64_t>(found.st_ino),
                  .size = static_cast<std::uint64_t>(found.st_size),
                  .modified = nanoseconds(modified),
                  .changed = nanoseconds(changed)};
}

Result<std::uint64_t> ContentKeys::read_key(const ImageInput& input, std::stop_token stop) {
  ASSIGN_OR_RETURN(const PictureFile file, open_picture(input));
  Digest all(file.bytes.size(), 1);
  for (std::size_t at = 0; at < file.bytes.size(); at += kStep) {
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "picture: reading stopped");
    const std::span<const std::byte> part = file.bytes.subspan(at, std::min(kStep, file.bytes.size() - at));
    all.add(part);
    n_bytes_read_ += part.size();
  }
  return all.value();
}

Result<std::uint64_t> ContentKeys::key_of(const ImageInput& input, std::stop_token stop) {
  if (files_.size() >= kMaxKept) files_.clear();
  if (held_.size() >= kMaxKept) held_.clear();
  if (input.bytes) {
    const auto known = held_.find(input.bytes.get());
    if (known != held_.end() && known->second.bytes.lock() == input.bytes) return known->second.key;
    ASSIGN_OR_RETURN(const std::uint64_t key, read_key(input, stop));
    held_[input.bytes.get()] = {input.bytes, key};
    return key;
  }
  const std::int64_t start = now();
  const std::optional<Identity> before = identity_of(input.path);
  const auto known = files_.find(input.path);
  if (before && known != files_.end() && known->second.identity == *before) return known->second.key;
  ASSIGN_OR_RETURN(const std::uint64_t key, read_key(input, stop));
  const bool is_settled = before && std::max(before->modified, before->changed) + kSettled < start;
  if (is_settled && identity_of(input.path) == before) files_[input.path] = {*before, key};
  return key;
}

}  // namespace pio
