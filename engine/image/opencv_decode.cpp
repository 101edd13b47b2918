#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <vector>

#include "engine/files/words.h"
#include "engine/image/decode.h"
#include "engine/image/picture_header.h"

namespace pio {
namespace {

// libpng, libjpeg and FFmpeg write every flaw of a file to standard error, and OpenCV cannot turn that off. Standard error is closed while
// they work, for milliseconds; what other threads write there meanwhile is lost.
class Silence {
 public:
  Silence() : lock_(mutex()) {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    std::fflush(stderr);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    held_ = nowhere < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (held_ >= 0) dup2(nowhere, STDERR_FILENO);
    if (nowhere >= 0) close(nowhere);
  }
  ~Silence() {
    if (held_ < 0) return;
    std::fflush(stderr);
    dup2(held_, STDERR_FILENO);
    close(held_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  std::lock_guard<std::mutex> lock_;
  int held_ = -1;
};

std::uint8_t on_white(unsigned value, unsigned alpha) { return static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255); }

std::uint8_t to_8_bit(std::uint8_t value) { return value; }
std::uint8_t to_8_bit(std::uint16_t value) { return static_cast<std::uint8_t>((value + 128u) / 257u); }  // round(v / 257)

// What channels mean beside their number.
struct Meaning {
  bool is_multiplied = false;                     // colours have been multiplied by alpha
  std::optional<std::uint32_t> transparent_gray;  // of one channel
};

// One row of 1, 3 (BGR) or 4 (BGRA) channels.
template <class T>
void write_row(const T* from, int n_channels, std::int64_t width, const Meaning& meaning, std::uint8_t* to) {
  for (std::int64_t x = 0; x < width; ++x, from += n_channels, to += 3) {
    const bool has_alpha = n_channels == 4 || n_channels == 2;
    const unsigned alpha = has_alpha ? to_8_bit(from[n_channels - 1]) : 255;
    const bool is_transparent = n_channels == 1 && meaning.transparent_gray == from[0];
    for (int c = 0; c < 3; ++c) {
      const std::uint8_t value = to_8_bit(from[n_channels < 3 ? 0 : 2 - c]);
      if (is_transparent) to[c] = 255;
      else if (!has_alpha) to[c] = value;
      else if (meaning.is_multiplied) to[c] = static_cast<std::uint8_t>(std::min(255u, value + 255 - alpha));
      else to[c] = on_white(value, alpha);
    }
  }
}

Result<Pixels> to_rgb(const cv::Mat& image, const std::string& label, const Meaning& meaning = {}) {
  const int depth = image.depth(), n_channels = image.channels();
  if ((depth != CV_8U && depth != CV_16U) || n_channels < 1 || n_channels > 4)
    return bad_file(label, "expected 1 to 4 channels of 8 or 16 bits, found " + std::to_string(n_channels) + " of another kind");
  Pixels pixels{image.rows, image.cols, std::vector<std::uint8_t>(static_cast<std::size_t>(image.rows) * image.cols * 3)};
  for (int y = 0; y < image.rows; ++y) {
    std::uint8_t* to = &pixels.rgb[static_cast<std::size_t>(y) * image.cols * 3];
    if (depth == CV_8U) write_row(image.ptr<std::uint8_t>(y), n_channels, image.cols, meaning, to);
    else write_row(image.ptr<std::uint16_t>(y), n_channels, image.cols, meaning, to);
  }
  return pixels;
}

// As EXIF's orientations are defined: 2 and 4 mirror, 3 rotates by 180 degrees, 5 to 8 swap the axes.
Pixels upright(Pixels pixels, int orientation) {
  if (orientation == 1) return pixels;
  const bool swaps = orientation >= 5;
  const std::int64_t h = pixels.height, w = pixels.width;
  Pixels out{swaps ? w : h, swaps ? h : w, std::vector<std::uint8_t>(pixels.rgb.size())};
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  // Of the upright picture, row and column count the stored one's columns and rows where the axes swap.
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      std::int64_t row = swaps ? x : y, column = swaps ? y : x;
      if (swaps ? from_right : from_bottom) row = h - 1 - row;
      if (swaps ? from_bottom : from_right) column = w - 1 - column;
      std::memcpy(&out.rgb[(y * out.width + x) * 3], &pixels.rgb[(row * w + column) * 3], 3);
    }
  }
  return out;
}

// A copy of a TIFF whose entries for the orientation say 1.
std::vector<std::byte> without_orientation(std::span<const std::byte> file, const PictureHeader& header) {
  std::vector<std::byte> copy(file.begin(), file.end());
  for (const std::uint64_t tag : header.orientation_tags) {
    const auto put = [&](std::uint64_t at, unsigned value, int n) {
      for (int i = 0; i < n; ++i) copy[tag + at + i] = static_cast<std::byte>(value >> 8 * (header.is_big_endian ? n - 1 - i : i));
    };
    put(2, 3, 2);  // SHORT, one of them
    put(4, 1, 4);
    put(8, 1, 2);
  }
  return copy;
}

}  // namespace

Result<Pixels> decode_picture(std::span<const std::byte> file, const std::string& label) {
  ASSIGN_OR_RETURN(const PictureHeader header, read_picture_header(file, label));
  const Silence silence;
  try {
    // The decoder applies a TIFF's orientation by itself, the others' not: all are applied here.
    std::vector<std::byte> stored;
    if (header.orientation != 1 && !header.orientation_tags.empty()) {
      stored = without_orientation(file, header);
      file = stored;
    }
    const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, const_cast<std::byte*>(file.data()));  // only read
    // Unchanged keeps alpha and 16 bits.
    const cv::Mat image = cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
    if (image.empty()) return bad_file(shown(label), std::string("expected a ") + header.format + " picture that decodes, found a broken one");
    const Meaning meaning{.is_multiplied = header.is_multiplied, .transparent_gray = header.transparent_gray};
    ASSIGN_OR_RETURN(Pixels pixels, to_rgb(image, shown(label), meaning));
    return upright(std::move(pixels), header.orientation);
  } catch (const cv::Exception& error) {
    return bad_file(shown(label), std::string("expected a ") + header.format + " picture that decodes, found a broken one: " + shown(error.err));
  }
}

Result<FrameSource> open_film(const std::string& path, std::stop_token stop) {
  const Silence silence;
  const auto capture = std::make_shared<cv::VideoCapture>();
  const auto no_film = [&](const std::string& found) {
    Error error = bad_file(shown(path), "expected a picture or a film that decodes, found " + found);
    error.path = path;
    return error;
  };
  try {
    if (!capture->open(path)) return no_film("neither");
    FrameSource film;
    const double n_frames = capture->get(cv::CAP_PROP_FRAME_COUNT), width = capture->get(cv::CAP_PROP_FRAME_WIDTH),
                 height = capture->get(cv::CAP_PROP_FRAME_HEIGHT);
    film.frames_per_second = capture->get(cv::CAP_PROP_FPS);
    if (!(n_frames >= 1 && n_frames <= 1e8)) return no_film("none of 1 to 100,000,000 frames");
    if (!(width >= 1 && height >= 1 && width * height <= static_cast<double>(kMaxPicturePixels))) return no_film("frames of no size that we decode");
    if (!(film.frames_per_second > 0)) film.frames_per_second = 24;  // the usual guess where a container says nothing
    film.n_frames = static_cast<std::int64_t>(n_frames);
    film.frame = [capture, path, stop, next = std::int64_t{0}](std::int64_t index) mutable -> Result<Pixels> {
      const Silence silence;
      try {
        cv::Mat image;
        for (; next <= index; ++next) {
          if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "film: decoding stopped");
          if (!capture->grab()) break;
        }
        if (next <= index || !capture->retrieve(image) || image.empty())
          return bad_file(shown(path), "expected frame " + std::to_string(index) + ", found the film's end");
        return to_rgb(image, shown(path));
      } catch (const cv::Exception& error) {
        return bad_file(shown(path), "expected a film that decodes, found a broken one: " + shown(error.err));
      }
    };
    return film;
  } catch (const cv::Exception& error) {
    return no_film("a broken one: " + shown(error.err));
  }
}

}  // namespace pio
