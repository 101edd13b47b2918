#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/chat/message_content.h"
#include "kernels/base/result.h"

namespace pio {

// Keys of pictures by their content: equal for equal files, wherever they lie. A file is read once; while its path, device, inode, size and
// times stay the same, so does its key. One thread.
class ContentKeys {
 public:
  // Fails as open_picture, and with cancelled.
  Result<std::uint64_t> key_of(const ImageInput& input, std::stop_token stop);
  // Bytes that were read to make keys.
  std::uint64_t n_bytes_read() const { return n_bytes_read_; }

 private:
  struct Identity {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified = 0, changed = 0;  // nanoseconds
    bool operator==(const Identity&) const = default;
  };
  struct File {
    Identity identity;
    std::uint64_t key = 0;
  };
  struct Held {
    std::weak_ptr<const std::vector<std::byte>> bytes;
    std::uint64_t key = 0;
  };
  static std::optional<Identity> identity_of(const std::string& path);
  Result<std::uint64_t> read_key(const ImageInput& input, std::stop_token stop);

  std::unordered_map<std::string, File> files_;
  std::unordered_map<const void*, Held> held_;
  std::uint64_t n_bytes_read_ = 0;
};

// A 64-bit digest. It does not resist made-up collisions: they confuse only the conversation of whoever made them.
std::uint64_t mixed(std::uint64_t x);
std::uint64_t digest(std::span<const std::byte> bytes, std::uint64_t seed);

}  // namespace pio
