#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"

namespace pio {

// What the first bytes of a picture file say, read without a library: what it is, how large it will be, which side is up.
struct PictureHeader {
  const char* format = "";                           // "PNG", "JPEG", "WebP", "BMP", "TIFF"
  std::int64_t width = 0, height = 0;                // as stored
  int orientation = 1;                               // EXIF 2.3 tag 0x0112: 1 upright … 8
  std::vector<std::uint64_t> orientation_tags = {};  // of a TIFF: where its entries of 12 bytes lie that say so
  bool is_animated = false;                          // of a WebP
  bool is_big_endian = false;                        // of a TIFF
  // Of a TIFF with alpha: the decoder gives colours that have been multiplied by it.
  bool is_multiplied = false;
  // Of a gray PNG: the value that is transparent, of 16 bits where the picture has 16, else of 8.
  std::optional<std::uint32_t> transparent_gray = {};
};

// Decoded pictures of more pixels are refused: 100 million of 8 bytes, the most that a pixel takes before it is 8-bit RGB, are 0.8 GB.
inline constexpr std::int64_t kMaxPicturePixels = 100'000'000;
// Files of more bytes are refused.
inline constexpr std::uint64_t kMaxPictureFileBytes = std::uint64_t{512} << 20;

// "PNG" and so on, by the first dozen bytes of a file; "" of all that is none.
const char* picture_format(std::span<const std::byte> front);
Error too_large_a_picture(std::uint64_t n_bytes, std::string_view label);

// Fails with bad_file{message} in words for what is none of these, has no pixels, too many, or ends before its end. `label` names the file.
Result<PictureHeader> read_picture_header(std::span<const std::byte> file, std::string_view label);

}  // namespace pio
