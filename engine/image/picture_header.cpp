#include "engine/image/picture_header.h"

#include <algorithm>
#include <optional>
#include <string>

#include "engine/files/words.h"

namespace pio {
namespace {

// A file's bytes; what lies beyond its end reads as zero, and `has` tells.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size() const { return bytes_.size(); }
  bool has(std::uint64_t at, std::uint64_t n) const { return at <= size() && n <= size() - at; }
  std::uint64_t big(std::uint64_t at, int n) const { return number(at, n, true); }
  std::uint64_t little(std::uint64_t at, int n) const { return number(at, n, false); }
  bool spells(std::uint64_t at, std::string_view text) const {
    return has(at, text.size()) && std::equal(text.begin(), text.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at),
                                              [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
  }
  Bytes part(std::uint64_t at, std::uint64_t n) const { return has(at, 0) ? Bytes(bytes_.subspan(at, std::min(n, size() - at))) : Bytes({}); }

 private:
  std::uint64_t number(std::uint64_t at, int n, bool big) const {
    std::uint64_t value = 0;
    if (!has(at, n)) return 0;
    for (int i = 0; i < n; ++i) value |= static_cast<std::uint64_t>(bytes_[at + i]) << 8 * (big ? n - 1 - i : i);
    return value;
  }
  std::span<const std::byte> bytes_;
};

// The first directory of a TIFF file (TIFF 6.0, section 2), which is also the form of EXIF.
struct TiffTags {
  std::int64_t width = 0, height = 0;
  int orientation = 1;
  std::vector<std::uint64_t> orientation_tags = {};
  std::uint64_t n_bits = 1, n_samples = 1, photometric = 1;
  std::uint64_t extra_sample = 0;  // TIFF 6.0, section 18: 2 is alpha that the colours have not been multiplied by
};
TiffTags read_tiff(const Bytes& tiff) {
  TiffTags tags;
  const bool is_big = tiff.spells(0, "MM");
  const auto number = [&](std::uint64_t at, int n) { return is_big ? tiff.big(at, n) : tiff.little(at, n); };
  const std::uint64_t directory = number(4, 4);
  const std::uint64_t n_entries = number(directory, 2);
  for (std::uint64_t i = 0; i < n_entries && tiff.has(directory + 2 + 12 * i, 12); ++i) {
    const std::uint64_t at = directory + 2 + 12 * i;
    const std::uint64_t type = number(at + 2, 2);
    // SHORT or LONG; other kinds of numbers are too many pixels, whatever the decoder would make of them
    const std::uint64_t value = type == 3 ? number(at + 8, 2) : type == 4 ? number(at + 8, 4) : kMaxPicturePixels + 1;
    switch (number(at, 2)) {
      case 256: tags.width = std::max(tags.width, static_cast<std::int64_t>(value)); break;  // a tag that comes twice does not hide one
      case 257: tags.height = std::max(tags.height, static_cast<std::int64_t>(value)); break;
      case 274:
        tags.orientation = value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
        tags.orientation_tags.push_back(at);
        break;
      case 258: tags.n_bits = number(at + 4, 4) > 2 ? number(number(at + 8, 4), 2) : value; break;  // more than two do not fit here
      case 262: tags.photometric = value; break;
      case 277: tags.n_samples = value; break;
      case 338: tags.extra_sample = number(at + 4, 4) > 2 ? number(number(at + 8, 4), 2) : value; break;
      default: break;
    }
  }
  return tags;
}

// Null where the file ends too early or makes no sense.
using Found = std::optional<PictureHeader>;

// ISO 15948: chunks of length, name, data, checksum, from IHDR to IEND.
Found read_png(const Bytes& file) {
  PictureHeader header{.format = "PNG", .width = static_cast<std::int64_t>(file.big(16, 4)), .height = static_cast<std::int64_t>(file.big(20, 4))};
  const std::uint64_t n_bits = file.big(24, 1), colour_type = file.big(25, 1);
  if (!file.spells(12, "IHDR")) return std::nullopt;
  for (std::uint64_t at = 8; file.has(at, 12);) {
    const std::uint64_t n = file.big(at, 4);
    if (!file.has(at, 12 + n)) return std::nullopt;
    if (file.spells(at + 4, "eXIf")) header.orientation = read_tiff(file.part(at + 8, n)).orientation;
    if (file.spells(at + 4, "tRNS") && colour_type == 0 && n >= 2 && n_bits >= 1 && n_bits <= 16) {
      const std::uint64_t most = (std::uint64_t{1} << n_bits) - 1, value = file.big(at + 8, 2) & most;
      header.transparent_gray = static_cast<std::uint32_t>(n_bits < 8 ? value * 255 / most : value);
    }
    if (file.spells(at + 4, "IEND")) return header;
    at += 12 + n;
  }
  return std::nullopt;
}

// ITU T.81: markers with lengths up to the first scan, which runs to the end-of-image marker.
Found read_jpeg(const Bytes& file) {
  PictureHeader header{.format = "JPEG"};
  for (std::uint64_t at = 2; file.has(at, 4);) {
    if (file.big(at, 1) != 0xFF) return std::nullopt;
    const std::uint64_t marker = file.big(at + 1, 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }  // fill
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) {
      at += 2;
      continue;
    }
    const std::uint64_t n = file.big(at + 2, 2);
    if (n < 2 || !file.has(at + 2, n)) return std::nullopt;
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      header.height = static_cast<std::int64_t>(file.big(at + 5, 2));
      header.width = static_cast<std::int64_t>(file.big(at + 7, 2));
    }
    if (marker == 0xE1 && file.spells(at + 4, std::string_view("Exif\0\0", 6))) header.orientation = read_tiff(file.part(at + 10, n - 8)).orientation;
    if (marker == 0xDA) {
      // In coded data a 0xFF is followed by 0 or a restart marker, so FF D9 is the end. Without it a decoder would fill up with gray.
      for (std::uint64_t end = at + 2 + n; file.has(end, 2); ++end)
        if (file.big(end, 2) == 0xFFD9) return header;
      return std::nullopt;
    }
    at += 2 + n;
  }
  return std::nullopt;
}

// RFC 9649.
Found read_webp(const Bytes& file) {
  PictureHeader header{.format = "WebP"};
  if (!file.has(8, file.little(4, 4))) return std::nullopt;
  for (std::uint64_t at = 12; file.has(at, 8);) {
    const std::uint64_t n = file.little(at + 4, 4), data = at + 8;
    if (!file.has(data, n)) return std::nullopt;
    if (file.spells(at, "ANMF")) header.is_animated = true;
    if (file.spells(at, "VP8X")) {
      header.width = static_cast<std::int64_t>(file.little(data + 4, 3)) + 1;
      header.height = static_cast<std::int64_t>(file.little(data + 7, 3)) + 1;
    } else if (file.spells(at, "VP8 ") && header.width == 0) {
      header.width = static_cast<std::int64_t>(file.little(data + 6, 2) & 0x3FFF);
      header.height = static_cast<std::int64_t>(file.little(data + 8, 2) & 0x3FFF);
    } else if (file.spells(at, "VP8L") && header.width == 0) {
      const std::uint64_t bits = file.little(data + 1, 4);
      header.width = static_cast<std::int64_t>(bits & 0x3FFF) + 1;
      header.height = static_cast<std::int64_t>(bits >> 14 & 0x3FFF) + 1;
    } else if (file.spells(at, "EXIF")) {
      const std::uint64_t skip = file.spells(data, std::string_view("Exif\0\0", 6)) ? 6 : 0;
      header.orientation = read_tiff(file.part(data + skip, n - std::min(n, skip))).orientation;
    }
    at = data + n + n % 2;
  }
  return header.width > 0 ? Found(header) : std::nullopt;
}

Found read_bmp(const Bytes& file) {
  if (!file.has(0, 30)) return std::nullopt;
  const bool is_old = file.little(14, 4) == 12;  // OS/2's header counts in 16 bits
  const auto width = is_old ? static_cast<std::int64_t>(file.little(18, 2)) : static_cast<std::int32_t>(file.little(18, 4));
  const auto height = is_old ? static_cast<std::int64_t>(file.little(20, 2)) : static_cast<std::int32_t>(file.little(22, 4));
  return PictureHeader{
      .format = "BMP", .width = width, .height = height < 0 ? -static_cast<std::int64_t>(height) : height};  // negative: rows downwards
}

}  // namespace

const char* picture_format(std::span<const std::byte> front) {
  const Bytes file(front);
  if (file.spells(0, "\x89PNG\r\n\x1A\n")) return "PNG";
  if (file.spells(0, "\xFF\xD8\xFF")) return "JPEG";
  if (file.spells(0, "RIFF") && file.spells(8, "WEBP")) return "WebP";
  if (file.spells(0, "BM")) return "BMP";
  if (file.spells(0, std::string_view("II*\0", 4)) || file.spells(0, std::string_view("MM\0*", 4))) return "TIFF";
  return "";
}

Error too_large_a_picture(std::uint64_t n_bytes, std::string_view label) {
  return bad_file(shown(label),
                  "expected a picture file of at most " + std::to_string(kMaxPictureFileBytes) + " bytes, found " + std::to_string(n_bytes));
}

Result<PictureHeader> read_picture_header(std::span<const std::byte> bytes, std::string_view label) {
  const Bytes file(bytes);
  const std::string name = shown(label);
  if (file.size() > kMaxPictureFileBytes) return too_large_a_picture(file.size(), label);
  Found header;
  const std::string_view format = picture_format(bytes);
  if (format == "PNG") header = read_png(file);
  else if (format == "JPEG") header = read_jpeg(file);
  else if (format == "WebP") header = read_webp(file);
  else if (format == "BMP") header = read_bmp(file);
  else if (format == "TIFF") {
    const TiffTags tags = read_tiff(file);
    header = PictureHeader{.format = "TIFF", .width = tags.width, .height = tags.height, .orientation = tags.orientation};
    header->orientation_tags = tags.orientation_tags;
    header->is_big_endian = file.spells(0, "MM");
    // libtiff multiplies 8-bit colours where the file has not; the decoder hands on 16 bits as they are stored. Alpha of a kind that is not
    // said is taken for associated, as libtiff takes it.
    header->is_multiplied = tags.n_bits != 16 || tags.extra_sample != 2;
    if (tags.photometric <= 1 && tags.n_samples > 1)
      return bad_file(name, "expected a TIFF of gray or of colours with or without transparency, found gray with " +
                                std::to_string(tags.n_samples - 1) + " more samples a pixel");
  } else {
    const std::string what = file.spells(0, "GIF8")                              ? "a GIF"
                             : file.spells(4, "ftyp")                            ? "a file of the MPEG-4 family (HEIC, AVIF or a film)"
                             : file.spells(0, "%PDF")                            ? "a PDF"
                             : file.spells(0, "<svg") || file.spells(0, "<?xml") ? "a drawing or another XML text"
                                                                                 : what_it_looks_like(bytes);
    return bad_file(name, "expected a picture (PNG, JPEG, WebP, BMP or TIFF), found " + what);
  }
  if (header && header->is_animated) return bad_file(name, "expected a picture that stands still, found an animated WebP");
  if (!header) return bad_file(name, "expected a whole " + std::string(format) + " picture, found one that breaks off or contradicts itself");
  if (header->width < 1 || header->height < 1 || header->width > kMaxPicturePixels / header->height) {
    return bad_file(name, "expected a picture of 1 to " + std::to_string(kMaxPicturePixels) + " pixels, found " + std::to_string(header->width) +
                              " x " + std::to_string(header->height));
  }
  return *header;
}

}  // namespace pio
