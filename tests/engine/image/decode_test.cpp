// Files become upright 8-bit RGB, or an error in words, in bounded memory.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <random>

#include "engine/image/decode.h"
#include "engine/image/picture_header.h"
#include "tests/support/png_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiff_writer.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

// The greatest memory that the process has held, in bytes; 0 where the system does not say.
std::uint64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      std::uint64_t kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024;
    }
  }
  return 0;
}

FileBytes row_of(std::initializer_list<int> values) {
  FileBytes row;
  for (const int value : values) row.push_back(static_cast<std::byte>(value));
  return row;
}

FileBytes row_of_16(std::initializer_list<int> values) {
  FileBytes row;
  for (const int value : values) append_big(row, static_cast<std::uint64_t>(value), 2);
  return row;
}

// EXIF with nothing but an orientation.
FileBytes exif(int orientation) {
  FileBytes tiff = text_bytes("MM");
  for (const auto& [value, n] : {std::pair{42, 2}, {8, 4}, {1, 2}, {0x0112, 2}, {3, 2}, {1, 4}, {orientation, 2}, {0, 2}, {0, 4}})
    append_big(tiff, static_cast<std::uint64_t>(value), n);
  return tiff;
}

FileBytes joined(std::initializer_list<FileBytes> parts) {
  FileBytes out;
  for (const FileBytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// A chunk of RIFF: name, length, data, filled up to two bytes.
FileBytes riff_chunk(std::string_view name, FileBytes data) {
  FileBytes length;
  for (int i = 0; i < 4; ++i) length.push_back(static_cast<std::byte>(data.size() >> 8 * i));
  if (data.size() % 2 != 0) data.push_back(std::byte{0});
  return joined({text_bytes(name), length, data});
}

// Lossless WebP data (RFC 9649, 3) of pixels that are one of two colours, red, green, blue, alpha each: for each channel a code of one or two
// symbols, so that a pixel takes a bit for each channel in which the colours differ.
FileBytes webp_lossless(int width, int height, const std::array<int, 4>& a, const std::array<int, 4>& b, const std::vector<bool>& is_b) {
  FileBytes out;
  unsigned held = 0;
  int n_held = 0;
  const auto put = [&](unsigned value, int n) {  // least significant bit first
    for (int i = 0; i < n; ++i) {
      held |= (value >> i & 1u) << n_held;
      if (++n_held == 8) {
        out.push_back(static_cast<std::byte>(held));
        held = 0;
        n_held = 0;
      }
    }
  };
  put(0x2F, 8);
  put(static_cast<unsigned>(width - 1), 14);
  put(static_cast<unsigned>(height - 1), 14);
  put(1, 1);                            // alpha is used
  put(0, 3);                            // version
  put(0, 1);                            // no transform
  put(0, 1);                            // no colour cache
  put(0, 1);                            // one group of codes
  const int channels[] = {1, 0, 2, 3};  // green first
  for (const int c : channels) {
    const bool differs = a[c] != b[c];
    put(1, 1);  // a simple code
    put(differs, 1);
    put(1, 1);  // the first symbol has eight bits
    put(static_cast<unsigned>(std::min(a[c], b[c])), 8);
    if (differs) put(static_cast<unsigned>(std::max(a[c], b[c])), 8);
  }
  put(1, 1);  // distances: one symbol, 0
  put(0, 1);
  put(0, 1);
  put(0, 1);
  for (const bool second : is_b) {
    for (const int c : channels) {
      if (a[c] != b[c]) put((second ? b[c] : a[c]) > (second ? a[c] : b[c]), 1);
    }
  }
  put(0, 7);
  return out;
}

FileBytes webp(const FileBytes& chunks) { return riff_chunk("RIFF", joined({text_bytes("WEBP"), chunks})); }

// The header of an extended WebP file; flags: 0x10 alpha, 0x08 EXIF, 0x02 animation.
FileBytes webp_extended(int flags, int width, int height) {
  FileBytes data = row_of({flags, 0, 0, 0});
  for (const int size : {width - 1, height - 1})
    for (int i = 0; i < 3; ++i) data.push_back(static_cast<std::byte>(size >> 8 * i));
  return riff_chunk("VP8X", data);
}

// What each orientation shows of "abc/def" (EXIF 2.3, figure of tag 0x0112).
const std::vector<std::pair<int, std::string>> kOriented = {{1, "abc/def"},  {2, "cba/fed"},  {3, "fed/cba"},  {4, "def/abc"}, {5, "ad/be/cf"},
                                                            {6, "da/eb/fc"}, {7, "fc/eb/da"}, {8, "cf/be/ad"}, {9, "abc/def"}};

// A film of JPEG frames (Microsoft's AVI RIFF format), 5 a second.
FileBytes avi(const std::vector<FileBytes>& frames, std::uint32_t width, std::uint32_t height) {
  const auto numbers = [](std::initializer_list<std::uint32_t> values) {
    FileBytes out;
    for (const std::uint32_t value : values)
      for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(value >> 8 * i));
    return out;
  };
  const auto chunk = riff_chunk;
  const auto list = [&](std::string_view name, std::string_view kind, const FileBytes& data) {
    return chunk(name, joined({text_bytes(kind), data}));
  };
  const auto n = static_cast<std::uint32_t>(frames.size());
  const FileBytes main_header = chunk("avih", numbers({200000, 0, 0, 0x10, n, 0, 1, 0, width, height, 0, 0, 0, 0}));
  const FileBytes stream_header =
      chunk("strh", joined({text_bytes("vidsMJPG"), numbers({0, 0, 0, 1, 5, 0, n, 0, 0xFFFFFFFF, 0, 0, width | height << 16})}));
  const FileBytes format =
      chunk("strf", joined({numbers({40, width, height, 1 | 24 << 16}), text_bytes("MJPG"), numbers({width * height * 3, 0, 0, 0, 0})}));
  FileBytes pictures, index;
  for (const FileBytes& frame : frames) {
    const auto at = static_cast<std::uint32_t>(4 + pictures.size());
    index = joined({index, text_bytes("00dc"), numbers({0x10, at, static_cast<std::uint32_t>(frame.size())})});
    pictures = joined({pictures, chunk("00dc", frame)});
  }
  return list("RIFF", "AVI ",
              joined({list("LIST", "hdrl", joined({main_header, list("LIST", "strl", joined({stream_header, format}))})),
                      list("LIST", "movi", pictures), chunk("idx1", index)}));
}

class Decode : public testing::Test {
 protected:
  void SetUp() override {
    const Result<Pixels> any = decode_picture(PngWriter(1, 1, 8, 0).rows({row_of({7})}).end(), "one.png");
    if (!any && any.error().code == ErrorCode::not_available) GTEST_SKIP() << any.error().message;
  }
  static Pixels decoded(const FileBytes& file) {
    Result<Pixels> pixels = decode_picture(file, "test.png");
    EXPECT_TRUE(pixels) << pixels.error().message;
    return pixels ? std::move(*pixels) : Pixels{};
  }
  // Of a gray picture each value as a letter, rows apart by '/'.
  static std::string letters(const Pixels& pixels) {
    std::string found;
    for (std::int64_t y = 0; y < pixels.height; ++y) {
      if (y > 0) found += '/';
      for (std::int64_t x = 0; x < pixels.width; ++x) found += static_cast<char>(pixels.rgb[(y * pixels.width + x) * 3]);
    }
    return found;
  }
  static void expect_refused(const FileBytes& file, const std::string& words) {
    const Result<Pixels> pixels = decode_picture(file, "hostile.png");
    ASSERT_FALSE(pixels) << words;
    EXPECT_EQ(pixels.error().code, ErrorCode::bad_file);
    EXPECT_NE(pixels.error().message.find(words), std::string::npos) << pixels.error().message;
    EXPECT_NE(pixels.error().message.find("hostile.png"), std::string::npos) << pixels.error().message;
  }
};

using Rgb = std::vector<std::uint8_t>;

}  // namespace

TEST_F(Decode, AlphaLiesOnWhiteRounded) {
  const std::vector<std::array<int, 4>> samples = {{10, 200, 30, 0}, {10, 200, 30, 255}, {0, 100, 255, 128}, {1, 2, 3, 1}, {250, 99, 3, 77}};
  FileBytes row;
  Rgb expected;
  for (const auto& [r, g, b, a] : samples) {
    for (const int value : {r, g, b, a}) row.push_back(static_cast<std::byte>(value));
    for (const int value : {r, g, b}) expected.push_back(static_cast<std::uint8_t>(std::floor((value * a + 255.0 * (255 - a)) / 255 + 0.5)));
  }
  EXPECT_EQ(decoded(PngWriter(samples.size(), 1, 8, 6).rows({row}).end()).rgb, expected);
}

TEST_F(Decode, GrayIsRepeatedWithAndWithoutAlpha) {
  EXPECT_EQ(decoded(PngWriter(2, 1, 8, 0).rows({row_of({9, 250})}).end()).rgb, (Rgb{9, 9, 9, 250, 250, 250}));
  EXPECT_EQ(decoded(PngWriter(2, 1, 8, 4).rows({row_of({9, 0, 100, 255})}).end()).rgb, (Rgb{255, 255, 255, 100, 100, 100}));
  EXPECT_EQ(decoded(PngWriter(8, 1, 1, 0).rows({row_of({0b10000001})}).end()).rgb[3], 0);  // a bit a pixel
  EXPECT_EQ(decoded(PngWriter(8, 1, 1, 0).rows({row_of({0b10000001})}).end()).rgb[0], 255);
}

TEST_F(Decode, SixteenBitsAreScaledNotClipped) {
  const Pixels gray = decoded(PngWriter(5, 1, 16, 0).rows({row_of_16({0, 128, 129, 32896, 65535})}).end());
  for (const auto& [x, value] : {std::pair{0, 0}, {1, 0}, {2, 1}, {3, 128}, {4, 255}}) EXPECT_EQ(gray.rgb[3 * x], value);  // round(v / 257)
  EXPECT_EQ(decoded(PngWriter(1, 1, 16, 2).rows({row_of_16({257, 2570, 65535})}).end()).rgb, (Rgb{1, 10, 255}));
  EXPECT_EQ(decoded(PngWriter(1, 1, 16, 6).rows({row_of_16({257, 2570, 65535, 0})}).end()).rgb, (Rgb{255, 255, 255}));
}

TEST_F(Decode, PalettesAreLookedUpAndTheirTransparentColoursLieOnWhite) {
  PngWriter opaque(3, 1, 8, 3);
  EXPECT_EQ(decoded(opaque.chunk("PLTE", row_of({1, 2, 3, 40, 50, 60})).rows({row_of({1, 0, 1})}).end()).rgb, (Rgb{40, 50, 60, 1, 2, 3, 40, 50, 60}));
  PngWriter transparent(2, 1, 8, 3);
  EXPECT_EQ(decoded(transparent.chunk("PLTE", row_of({1, 2, 3, 40, 50, 60})).chunk("tRNS", row_of({0})).rows({row_of({0, 1})}).end()).rgb,
            (Rgb{255, 255, 255, 40, 50, 60}));
}

TEST_F(Decode, EveryExifOrientationStandsUpright) {
  for (const auto& [orientation, expected] : kOriented) {
    const auto png = [&](bool is_behind) {
      PngWriter file(3, 2, 8, 0);
      if (!is_behind) file.chunk("eXIf", exif(orientation));
      file.rows({row_of({'a', 'b', 'c'}), row_of({'d', 'e', 'f'})});
      if (is_behind) file.chunk("eXIf", exif(orientation));
      return file.end();
    };
    EXPECT_EQ(letters(decoded(png(false))), expected) << orientation;
    EXPECT_EQ(letters(decoded(png(true))), expected) << orientation;
  }
}

TEST_F(Decode, EveryTiffOrientationStandsUpright) {
  for (const auto& [orientation, expected] : kOriented) {
    for (const int bits : {8, 16}) {
      for (const int n_samples : {1, 3, 4}) {
        TiffPage page{
            .width = 3, .height = 2, .bits = bits, .photometric = n_samples == 1 ? 1u : 2u, .orientation = static_cast<std::uint64_t>(orientation)};
        for (const char letter : {'a', 'b', 'c', 'd', 'e', 'f'}) {
          for (int c = 0; c < n_samples; ++c) page.samples.push_back((c == 3 ? 255 : letter) * (bits == 16 ? 257 : 1));
        }
        if (n_samples == 4) page.extra_samples = {2};
        EXPECT_EQ(letters(decoded(tiff_of({page}))), expected) << orientation << ": " << n_samples << " samples of " << bits << " bits";
      }
    }
  }
}

TEST_F(Decode, EveryWebpOrientationStandsUpright) {
  std::vector<bool> pixels = {true, false, false, false, false, true};  // "yxx/xxy"
  const FileBytes data = riff_chunk("VP8L", webp_lossless(3, 2, {10, 20, 30, 255}, {200, 150, 100, 255}, pixels));
  for (const auto& [orientation, expected] : kOriented) {
    std::string letters;
    const Pixels found = decoded(webp(joined({webp_extended(0x08, 3, 2), data, riff_chunk("EXIF", exif(orientation))})));
    for (std::int64_t y = 0; y < found.height; ++y) {
      if (y > 0) letters += '/';
      for (std::int64_t x = 0; x < found.width; ++x) letters += found.rgb[(y * found.width + x) * 3] == 200 ? 'y' : 'x';
    }
    std::string wanted = expected;
    for (char& c : wanted) c = c == '/' ? '/' : c == 'a' || c == 'f' ? 'y' : 'x';
    EXPECT_EQ(letters, wanted) << orientation;
  }
}

TEST_F(Decode, EveryJpegOrientationStandsUpright) {
  const auto path = test::shared_fixture("qwen3-vl-tiny");
  if (path.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  const Result<PictureFile> file = open_picture({.path = (path / "images/jpeg_w400_h300.jpg").string(), .bytes = nullptr});
  ASSERT_TRUE(file) << file.error().message;
  const FileBytes whole(file->bytes.begin(), file->bytes.end());
  const Pixels upright = decoded(whole);
  const std::int64_t w = upright.width, h = upright.height;
  // Which stored pixel stands at column x of row y: from the corners that kOriented shows.
  const auto source = [&](int orientation, std::int64_t x, std::int64_t y) -> std::pair<std::int64_t, std::int64_t> {
    switch (orientation) {
      case 2: return {w - 1 - x, y};
      case 3: return {w - 1 - x, h - 1 - y};
      case 4: return {x, h - 1 - y};
      case 5: return {y, x};
      case 6: return {y, h - 1 - x};
      case 7: return {w - 1 - y, h - 1 - x};
      case 8: return {w - 1 - y, x};
      default: return {x, y};
    }
  };
  for (const auto& [orientation, unused] : kOriented) {
    FileBytes segment = text_bytes("\xFF\xE1");
    const FileBytes tags = exif(orientation);
    append_big(segment, 8 + tags.size(), 2);
    const FileBytes marked = joined({FileBytes(whole.begin(), whole.begin() + 2), segment, text_bytes(std::string_view("Exif\0\0", 6)), tags,
                                     FileBytes(whole.begin() + 2, whole.end())});
    const Pixels found = decoded(marked);
    ASSERT_EQ(std::pair(found.width, found.height), orientation >= 5 && orientation <= 8 ? std::pair(h, w) : std::pair(w, h)) << orientation;
    std::int64_t n_wrong = 0;
    for (std::int64_t y = 0; y < found.height; ++y) {
      for (std::int64_t x = 0; x < found.width; ++x) {
        const auto [from_x, from_y] = source(orientation, x, y);
        for (int c = 0; c < 3; ++c) n_wrong += found.rgb[(y * found.width + x) * 3 + c] != upright.rgb[(from_y * w + from_x) * 3 + c];
      }
    }
    EXPECT_EQ(n_wrong, 0) << orientation;
  }
}

TEST_F(Decode, TransparencyOfEveryPngColourTypeLiesOnWhite) {
  const auto first_two = [](const FileBytes& file) {
    const Pixels pixels = decoded(file);
    return pixels.rgb;
  };
  const auto gray = [](int a, int b) {
    return Rgb{static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(a),
               static_cast<std::uint8_t>(b), static_cast<std::uint8_t>(b), static_cast<std::uint8_t>(b)};
  };
  const auto sixteen = [](std::initializer_list<int> values) { return row_of_16(values); };
  // gray with one transparent value, of every depth
  EXPECT_EQ(first_two(PngWriter(2, 1, 8, 0).chunk("tRNS", sixteen({9})).rows({row_of({9, 10})}).end()), gray(255, 10));
  EXPECT_EQ(first_two(PngWriter(2, 1, 16, 0).chunk("tRNS", sixteen({2570})).rows({sixteen({2570, 2571})}).end()), gray(255, 10));
  EXPECT_EQ(first_two(PngWriter(2, 1, 1, 0).chunk("tRNS", sixteen({0})).rows({row_of({0b01000000})}).end()), gray(255, 255));
  EXPECT_EQ(first_two(PngWriter(2, 1, 2, 0).chunk("tRNS", sixteen({1})).rows({row_of({0b01100000})}).end()), gray(255, 170));
  EXPECT_EQ(first_two(PngWriter(2, 1, 4, 0).chunk("tRNS", sixteen({3})).rows({row_of({0x34})}).end()), gray(255, 68));
  // gray with alpha
  EXPECT_EQ(first_two(PngWriter(2, 1, 8, 4).rows({row_of({9, 0, 100, 128})}).end()), gray(255, 177));
  EXPECT_EQ(first_two(PngWriter(2, 1, 16, 4).rows({sixteen({2570, 0, 25700, 65535})}).end()), gray(255, 100));
  // RGB with one transparent colour
  EXPECT_EQ(first_two(PngWriter(2, 1, 8, 2).chunk("tRNS", sixteen({1, 2, 3})).rows({row_of({1, 2, 3, 1, 2, 4})}).end()),
            (Rgb{255, 255, 255, 1, 2, 4}));
  EXPECT_EQ(first_two(PngWriter(2, 1, 16, 2).chunk("tRNS", sixteen({257, 514, 771})).rows({sixteen({257, 514, 771, 257, 514, 1028})}).end()),
            (Rgb{255, 255, 255, 1, 2, 4}));
  // palettes of every depth
  for (const int depth : {1, 2, 4, 8}) {
    const int both = depth == 8 ? 0 : 1 << (8 - 2 * depth);  // indices 0 and 1
    const FileBytes row = depth == 8 ? row_of({0, 1}) : row_of({both});
    EXPECT_EQ(first_two(PngWriter(2, 1, depth, 3).chunk("PLTE", row_of({1, 2, 3, 40, 50, 60})).chunk("tRNS", row_of({0})).rows({row}).end()),
              (Rgb{255, 255, 255, 40, 50, 60}))
        << depth;
  }
  // RGB with alpha
  EXPECT_EQ(first_two(PngWriter(2, 1, 16, 6).rows({sixteen({257, 514, 771, 0, 257, 514, 771, 65535})}).end()), (Rgb{255, 255, 255, 1, 2, 3}));
}

TEST_F(Decode, TransparencyOfATiffLiesOnWhiteOnce) {
  const auto on_white = [](double value, double alpha) { return static_cast<int>(std::floor(value * alpha / 255 + 255 - alpha + 0.5)); };
  for (const int bits : {8, 16}) {
    const int scale = bits == 16 ? 257 : 1;
    for (const int n_colours : {1, 3}) {
      for (const std::uint64_t kind : {0, 1, 2}) {
        TiffPage page{.width = 3, .height = 1, .bits = bits, .photometric = n_colours == 1 ? 1u : 2u, .extra_samples = {kind}};
        Rgb expected;
        for (const auto& [value, alpha] : {std::pair{200, 255}, {100, 128}, {0, 0}}) {
          // Associated: the colours have been multiplied by alpha; an unspecified sample is read so too, as libtiff reads it.
          const int stored = kind == 2 ? value : static_cast<int>(std::floor(value * alpha / 255.0 + 0.5));
          for (int c = 0; c < n_colours; ++c) page.samples.push_back(stored * scale);
          page.samples.push_back(alpha * scale);
          for (int c = 0; c < 3; ++c) expected.push_back(static_cast<std::uint8_t>(on_white(value, alpha)));
        }
        if (n_colours == 1) {  // the library reads no gray with alpha: it is refused in words, not shown wrong
          const Result<Pixels> refused = decode_picture(tiff_of({page}), "test.tif");
          ASSERT_FALSE(refused);
          EXPECT_NE(refused.error().message.find("gray with 1 more samples"), std::string::npos) << refused.error().message;
          continue;
        }
        const Rgb found = decoded(tiff_of({page})).rgb;
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i)
          EXPECT_NEAR(found[i], expected[i], 1) << i << ": " << n_colours << " colours of " << bits << " bits, extra sample "
                                                << kind;  // 1: stored rounded
      }
    }
  }
}

TEST_F(Decode, TransparencyOfAWebpLiesOnWhite) {
  const FileBytes file = webp(riff_chunk("VP8L", webp_lossless(2, 1, {10, 200, 30, 0}, {0, 100, 255, 128}, {false, true})));
  EXPECT_EQ(decoded(file).rgb, (Rgb{255, 255, 255, 127, 177, 255}));
}

// 32 bits a pixel are three colours and a byte of nothing, unless a mask says that it is alpha.
TEST_F(Decode, ABmpIsTransparentOnlyWhereItSaysSo) {
  const auto bmp = [](bool has_masks, int alpha) {
    FileBytes file = text_bytes("BM");
    const auto put = [&](std::uint64_t value, int n) {
      for (int i = 0; i < n; ++i) file.push_back(static_cast<std::byte>(value >> 8 * i));
    };
    const std::uint64_t header = has_masks ? 108 : 40;
    put(14 + header + 4, 4);
    put(0, 4);
    put(14 + header, 4);
    for (const auto& [value, n] :
         {std::pair<std::uint64_t, int>{header, 4}, {1, 4}, {1, 4}, {1, 2}, {32, 2}, {has_masks ? 3 : 0, 4}, {4, 4}, {0, 4}, {0, 4}, {0, 4}, {0, 4}})
      put(value, n);
    if (has_masks) {
      for (const std::uint64_t mask : {0xFF0000u, 0xFF00u, 0xFFu, 0xFF000000u}) put(mask, 4);
      put(0, 52);
    }
    for (const int value : {3, 2, 1, alpha}) put(static_cast<std::uint64_t>(value), 1);
    return file;
  };
  EXPECT_EQ(decoded(bmp(false, 0)).rgb, (Rgb{1, 2, 3}));
  EXPECT_EQ(decoded(bmp(false, 255)).rgb, (Rgb{1, 2, 3}));
  EXPECT_EQ(decoded(bmp(true, 255)).rgb, (Rgb{1, 2, 3}));
  EXPECT_EQ(decoded(bmp(true, 0)).rgb, (Rgb{255, 255, 255}));
}

TEST_F(Decode, OfSeveralPagesTheFirstIsTaken) {
  const auto page = [](int value) { return TiffPage{.width = 1, .height = 1, .samples = {value, value, value}}; };
  EXPECT_EQ(decoded(tiff_of({page(5), page(6)})).rgb, (Rgb{5, 5, 5}));
}

TEST_F(Decode, AnAnimatedWebpIsCalledOne) {
  FileBytes frame = row_of({0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 100, 0, 0, 0});
  const FileBytes picture = riff_chunk("VP8L", webp_lossless(2, 1, {1, 2, 3, 255}, {4, 5, 6, 255}, {false, true}));
  const FileBytes one = riff_chunk("ANMF", joined({frame, picture}));
  expect_refused(webp(joined({webp_extended(0x02, 2, 1), riff_chunk("ANIM", row_of({0, 0, 0, 0, 0, 0})), one, one})), "found an animated WebP");
}

TEST_F(Decode, OfAnAnimationTheFirstFrameIsTaken) {
  FileBytes control;
  append_big(control, 2, 4);
  append_big(control, 0, 4);
  EXPECT_EQ(decoded(PngWriter(1, 1, 8, 0).chunk("acTL", control).rows({row_of({5})}).end()).rgb, (Rgb{5, 5, 5}));
}

TEST_F(Decode, WhatIsNoPictureIsNamed) {
  expect_refused({}, "expected a picture (PNG, JPEG, WebP, BMP or TIFF)");
  expect_refused(text_bytes("GIF89a\x01\x00\x01\x00"), "found a GIF");
  expect_refused(text_bytes("GGUF\x03 and more of it"), "expected a picture");
  expect_refused(text_bytes("%PDF-1.7"), "found a PDF");
  expect_refused(text_bytes("<svg xmlns='http://www.w3.org/2000/svg'/>"), "expected a picture");
  expect_refused(FileBytes(4096, std::byte{0}), "expected a picture");
}

TEST_F(Decode, AWrongExtensionDoesNotMatter) {
  const Result<Pixels> pixels = decode_picture(PngWriter(1, 1, 8, 0).rows({row_of({7})}).end(), "holiday.jpg");
  ASSERT_TRUE(pixels) << pixels.error().message;
  EXPECT_EQ(pixels->rgb[0], 7);
}

TEST_F(Decode, PicturesOfNoPixelsOrTooManyAreRefusedByTheirHeader) {
  const std::uint64_t before = peak_bytes();
  for (const auto& [width, height] :
       {std::pair<std::uint64_t, std::uint64_t>{65000, 65000}, {0, 5}, {5, 0}, {0xFFFFFFFF, 0xFFFFFFFF}, {100'000'001, 1}, {2'000'000'000, 1}})
    expect_refused(PngWriter(width, height, 8, 6).chunk("IDAT", deflated_zeros(1000)).end(), "expected a picture of 1 to 100000000 pixels");
  EXPECT_LT(peak_bytes(), before + (16u << 20));  // nothing was decoded
}

TEST_F(Decode, ABombBehindASmallHeaderIsNotUnpacked) {
  const FileBytes bomb = deflated_zeros(std::uint64_t{256} << 20);  // 1.7 MB
  const FileBytes file = PngWriter(64, 64, 8, 0).chunk("IDAT", bomb).end();
  FileBytes text = text_bytes("Comment");
  text.insert(text.end(), 2, std::byte{0});
  text.insert(text.end(), bomb.begin(), bomb.end());
  const FileBytes comment = PngWriter(1, 1, 8, 0).chunk("zTXt", text).rows({row_of({7})}).end();
  const std::uint64_t before = peak_bytes();
  for (const FileBytes& one : {file, comment}) {
    const Result<Pixels> pixels = decode_picture(one, "bomb.png");  // an error or its own few pixels
    EXPECT_LE(pixels ? pixels->rgb.size() : 0, 64u * 64 * 3);
  }
  EXPECT_LT(peak_bytes(), before + (64u << 20));
}

TEST_F(Decode, WhatBreaksOffIsRefused) {
  const FileBytes png = PngWriter(2, 2, 8, 2).rows({row_of({1, 2, 3, 4, 5, 6}), row_of({7, 8, 9, 10, 11, 12})}).end();
  for (std::size_t n = 8; n < png.size(); ++n) expect_refused(FileBytes(png.begin(), png.begin() + static_cast<std::ptrdiff_t>(n)), "expected a");
  expect_refused(PngWriter(2, 2, 8, 2).chunk("IDAT", stored(row_of({0, 1, 2, 3}))).end(), "found a broken one");  // chunks whole, pixels not
  expect_refused(PngWriter(2, 2, 8, 2).end(), "broken");
}

TEST_F(Decode, AJpegThatBreaksOffIsRefusedNotFilledUpWithGray) {
  const auto path = test::shared_fixture("qwen3-vl-tiny");
  if (path.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  const Result<PictureFile> file = open_picture({.path = (path / "images/jpeg_w400_h300.jpg").string(), .bytes = nullptr});
  ASSERT_TRUE(file) << file.error().message;
  const FileBytes whole(file->bytes.begin(), file->bytes.end());
  EXPECT_EQ(decoded(whole).width, 400);
  for (const double part : {0.01, 0.05, 0.3, 0.7, 0.99})
    expect_refused(FileBytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(whole.size()))), "expected a");
}

TEST_F(Decode, ATiffCannotHideItsSize) {
  const auto tiff = [](std::initializer_list<std::array<std::uint64_t, 3>> tags) {  // tag, type, value
    FileBytes file = text_bytes("MM");
    append_big(file, 42, 2);
    append_big(file, 8, 4);
    append_big(file, tags.size(), 2);
    for (const auto& [tag, type, value] : tags) {
      append_big(file, tag, 2);
      append_big(file, type, 2);
      append_big(file, 1, 4);
      append_big(file, type == 3 ? value << 16 : value, 4);
    }
    append_big(file, 0, 4);
    return file;
  };
  expect_refused(tiff({{256, 4, 65000}, {257, 4, 65000}}), "found 65000 x 65000");
  expect_refused(tiff({{256, 4, 65000}, {257, 4, 65000}, {256, 3, 1}, {257, 3, 1}}), "found 65000 x 65000");  // said twice
  expect_refused(tiff({{256, 16, 8}, {257, 16, 8}}), "expected a picture of 1 to");                           // 64-bit numbers, elsewhere
  expect_refused(tiff({}), "found 0 x 0");
}

TEST_F(Decode, NoSpoiltByteIsMoreThanAnError) {
  const FileBytes sound = PngWriter(4, 3, 8, 6).chunk("eXIf", exif(6)).rows(std::vector<FileBytes>(3, FileBytes(16, std::byte{99}))).end();
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    FileBytes spoilt = sound;
    for (int k = 0; k < 1 + i % 3; ++k) spoilt[random() % spoilt.size()] = static_cast<std::byte>(random());
    const Result<Pixels> pixels = decode_picture(spoilt, "spoilt.png");
    EXPECT_TRUE(pixels ? pixels->rgb.size() == static_cast<std::size_t>(pixels->height * pixels->width * 3) : !pixels.error().message.empty());
  }
}

TEST_F(Decode, NothingIsPrinted) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  (void)decode_picture(PngWriter(2, 2, 8, 2).chunk("IDAT", stored(row_of({0, 1, 2, 3}))).end(), "short.png");
  const TempFolder folder;
  (void)open_film(folder.write("film.mp4", FileBytes(4096, std::byte{1})).string());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  testing::internal::CaptureStderr();
  std::fputs("heard again", stderr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "heard again");
}

TEST_F(Decode, AFilmGivesItsFramesByTheirNumbers) {
  const auto path = test::shared_fixture("qwen3-vl-tiny");
  if (path.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  const auto read = [&](const char* name) {
    const Result<PictureFile> file = open_picture({.path = (path / "images" / name).string(), .bytes = nullptr});
    return FileBytes(file->bytes.begin(), file->bytes.end());
  };
  const FileBytes jpeg = read("jpeg_w400_h300.jpg");
  const TempFolder folder;
  const Result<FrameSource> film = open_film(folder.write("film.avi", avi(std::vector<FileBytes>(12, jpeg), 400, 300)).string());
  ASSERT_TRUE(film) << film.error().message;
  EXPECT_EQ(film->n_frames, 12);
  EXPECT_EQ(film->frames_per_second, 5);
  const Pixels still = decoded(jpeg);
  for (const std::int64_t index : {0, 3, 11}) {
    const Result<Pixels> frame = film->frame(index);
    ASSERT_TRUE(frame) << frame.error().message;
    ASSERT_EQ(frame->rgb.size(), still.rgb.size());
    double sum = 0;
    for (std::size_t i = 0; i < still.rgb.size(); ++i) sum += std::abs(frame->rgb[i] - still.rgb[i]);
    EXPECT_LT(sum / static_cast<double>(still.rgb.size()), 3);  // another decoder of JPEG, through YUV: levels, not another picture or colour order
  }
  EXPECT_FALSE(film->frame(12));
}

TEST_F(Decode, WhatIsNoFilmIsRefusedInWords) {
  const TempFolder folder;
  const Result<FrameSource> film = open_film(folder.write("film.mp4", "not one").string());
  ASSERT_FALSE(film);
  EXPECT_NE(film.error().message.find("expected a picture or a film"), std::string::npos) << film.error().message;
  EXPECT_FALSE(open_film((folder.path() / "missing.mp4").string()));
}

}  // namespace pio
