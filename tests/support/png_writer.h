#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// PNG files of any chunks, sound or not (ISO 15948), without a library.

namespace pio {

using FileBytes = std::vector<std::byte>;

inline void append_big(FileBytes& bytes, std::uint64_t value, int n) {
  for (int i = n - 1; i >= 0; --i) bytes.push_back(static_cast<std::byte>(value >> 8 * i));
}

inline FileBytes text_bytes(std::string_view text) {
  const auto all = std::as_bytes(std::span(text));
  return {all.begin(), all.end()};
}

inline std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::byte b : bytes) {
    crc ^= static_cast<std::uint32_t>(b);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// A zlib stream (RFC 1950) of stored blocks.
inline FileBytes stored(std::span<const std::byte> data) {
  FileBytes out{std::byte{0x78}, std::byte{0x01}};
  std::uint32_t a = 1, b = 0;
  for (const std::byte byte : data) {
    a = (a + static_cast<std::uint32_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  for (std::size_t at = 0; at == 0 || at < data.size(); at += 65535) {
    const std::size_t n = std::min<std::size_t>(65535, data.size() - at);
    out.push_back(static_cast<std::byte>(at + n == data.size()));
    for (const std::size_t length : {n, ~n})
      for (int i = 0; i < 2; ++i) out.push_back(static_cast<std::byte>(length >> 8 * i));
    out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(at), data.begin() + static_cast<std::ptrdiff_t>(at + n));
  }
  append_big(out, b << 16 | a, 4);
  return out;
}

// At least n zero bytes in a 159th of their size: one literal, then copies of 258 bytes from one byte back, in the fixed code (RFC 1951,
// 3.2.6). The end of a bomb: no checksum follows.
inline FileBytes deflated_zeros(std::uint64_t n) {
  FileBytes out{std::byte{0x78}, std::byte{0x01}};
  std::uint64_t bits = 0;
  int n_bits = 0;
  const auto put = [&](std::uint32_t value, int n_value) {  // most significant bit first, as codes are
    for (int i = n_value - 1; i >= 0; --i) {
      bits |= static_cast<std::uint64_t>(value >> i & 1) << n_bits;
      if (++n_bits == 8) {
        out.push_back(static_cast<std::byte>(bits));
        bits = 0;
        n_bits = 0;
      }
    }
  };
  put(0b110, 3);       // last block; type 01, least significant bit first
  put(0b00110000, 8);  // literal 0
  for (std::uint64_t made = 1; made < n; made += 258) {
    put(0b11000101, 8);  // length 258
    put(0, 5);           // distance 1
  }
  put(0, 7);  // end of block
  put(0, 7);  // fill
  return out;
}

class PngWriter {
 public:
  // color: 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA
  PngWriter(std::uint64_t width, std::uint64_t height, int bit_depth, int color) {
    FileBytes header;
    append_big(header, width, 4);
    append_big(header, height, 4);
    for (const int value : {bit_depth, color, 0, 0, 0}) header.push_back(static_cast<std::byte>(value));
    chunk("IHDR", header);
  }
  PngWriter& chunk(std::string_view name, std::span<const std::byte> data) {
    append_big(file_, data.size(), 4);
    FileBytes named = text_bytes(name);
    named.insert(named.end(), data.begin(), data.end());
    file_.insert(file_.end(), named.begin(), named.end());
    append_big(file_, crc32_of(named), 4);
    return *this;
  }
  // Rows of samples as they lie in the file, without the filter byte before each.
  PngWriter& rows(const std::vector<FileBytes>& rows) {
    FileBytes all;
    for (const FileBytes& row : rows) {
      all.push_back(std::byte{0});
      all.insert(all.end(), row.begin(), row.end());
    }
    return chunk("IDAT", stored(all));
  }
  FileBytes end() {
    chunk("IEND", {});
    return file_;
  }

 private:
  FileBytes file_ = text_bytes("\x89PNG\r\n\x1A\n");
};

}  // namespace pio
