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

// A film of JPEG frames (Microsoft's AVI RIFF format), 5 a second.
FileBytes avi(const std::vector<FileBytes>& frames, std::uint32_t width, std::uint32_t height) {
  const auto numbers = [](std::initializer_list<std::uint32_t> values) {
    FileBytes out;
    for (const std::uint32_t value : values)
      for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(value >> 8 * i));
    return out;
  };
  const auto joined = [](std::initializer_list<FileBytes> parts) {
    FileBytes out;
    for (const FileBytes& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
  };
  const auto chunk = [&](std::string_view name, FileBytes data) {
    const auto n = static_cast<std::uint32_t>(data.size());
    if (n % 2 != 0) data.push_back(std::byte{0});
    return joined({text_bytes(name), numbers({n}), data});
  };
  const auto list = [&](std::string_view name, std::string_view kind, const FileBytes& data) { return chunk(name, joined({text_bytes(kind), data})); };
  const auto n = static_cast<std::uint32_t>(frames.size());
  const FileBytes main_header = chunk("avih", numbers({200000, 0, 0, 0x10, n, 0, 1, 0, width, height, 0, 0, 0, 0}));
  const FileBytes stream_header = chunk("strh", joined({text_bytes("vidsMJPG"), numbers({0, 0, 0, 1, 5, 0, n, 0, 0xFFFFFFFF, 0, 0, width | height << 16})}));
  const FileBytes format = chunk("strf", joined({numbers({40, width, height, 1 | 24 << 16}), text_bytes("MJPG"), numbers({width * height * 3, 0, 0, 0, 0})}));
  FileBytes pictures, index;
  for (const FileBytes& frame : frames) {
    const auto at = static_cast<std::uint32_t>(4 + pictures.size());
    index = joined({index, text_bytes("00dc"), numbers({0x10, at, static_cast<std::uint32_t>(frame.size())})});
    pictures = joined({pictures, chunk("00dc", frame)});
  }
  return list("RIFF", "AVI ", joined({list("LIST", "hdrl", joined({main_header, list("LIST", "strl", joined({stream_header, format}))})),
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
  // Stored 3 × 2 as "abc/def"; what each orientation shows (EXIF 2.3, figure of tag 0x0112).
  const std::vector<std::pair<int, std::string>> shown = {{1, "abc/def"}, {2, "cba/fed"}, {3, "fed/cba"}, {4, "def/abc"},
                                                          {5, "ad/be/cf"}, {6, "da/eb/fc"}, {7, "fc/eb/da"}, {8, "cf/be/ad"}, {9, "abc/def"}};
  for (const auto& [orientation, expected] : shown) {
    const Pixels pixels = decoded(
        PngWriter(3, 2, 8, 0).chunk("eXIf", exif(orientation)).rows({row_of({'a', 'b', 'c'}), row_of({'d', 'e', 'f'})}).end());
    std::string found;
    for (std::int64_t y = 0; y < pixels.height; ++y) {
      if (y > 0) found += '/';
      for (std::int64_t x = 0; x < pixels.width; ++x) found += static_cast<char>(pixels.rgb[(y * pixels.width + x) * 3]);
    }
    EXPECT_EQ(found, expected) << orientation;
  }
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
  for (const auto& [width, height] : {std::pair<std::uint64_t, std::uint64_t>{65000, 65000}, {0, 5}, {5, 0}, {0xFFFFFFFF, 0xFFFFFFFF}, {100'000'001, 1}, {2'000'000'000, 1}})
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
