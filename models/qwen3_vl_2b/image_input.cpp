#include "models/qwen3_vl_2b/image_input.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace pio {
namespace {

constexpr double kMaxAspect = 200;

Error cancelled() { return make_error(ErrorCode::cancelled, "stopped"); }

// Python's round(x / factor) * factor: halves to even.
std::int64_t rounded(std::int64_t x, std::int64_t factor) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(x) / static_cast<double>(factor))) * factor;
}

// The rule of both, `n_frames` being 1 for a picture; `counted` are the frames that the first estimate counts.
Result<ImageSize> fitted(std::int64_t n_frames, std::int64_t counted, ImageSize size, std::int64_t factor, PixelLimits limits) {
  const double h = static_cast<double>(size.height), w = static_cast<double>(size.width), f = static_cast<double>(factor);
  if (!(std::max(h, w) / std::min(h, w) <= kMaxAspect)) {
    return make_error(ErrorCode::bad_argument,
                      "picture: at most 200 times as long as wide, found " + std::to_string(size.width) + " x " + std::to_string(size.height));
  }
  ImageSize fit{rounded(size.height, factor), rounded(size.width, factor)};
  const std::int64_t n_pixels = counted * fit.height * fit.width;
  const double all = static_cast<double>(n_frames) * h * w;
  if (n_pixels > limits.most) {
    const double beta = std::sqrt(all / static_cast<double>(limits.most));
    fit = {static_cast<std::int64_t>(std::floor(h / beta / f)) * factor, static_cast<std::int64_t>(std::floor(w / beta / f)) * factor};
  } else if (n_pixels < limits.least) {
    const double beta = std::sqrt(static_cast<double>(limits.least) / all);
    fit = {static_cast<std::int64_t>(std::ceil(h * beta / f)) * factor, static_cast<std::int64_t>(std::ceil(w * beta / f)) * factor};
  }
  return ImageSize{std::max(fit.height, factor), std::max(fit.width, factor)};
}

// Which input samples make one output sample, and how much of each.
struct Taps {
  std::int64_t first = 0;
  std::vector<std::int16_t> weights;
};

struct Filter {
  std::vector<Taps> taps;  // [size_out]
  int bits = 0;            // fraction bits of the weights
};

double cubic(double t) {
  constexpr double a = -0.5;  // Keys 1981; Pillow's and torch's antialiased bicubic
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

Filter make_filter(std::int64_t size_in, std::int64_t size_out) {
  const double scale = static_cast<double>(size_in) / static_cast<double>(size_out);
  const double stretch = std::max(scale, 1.0);
  const double support = 2 * stretch;
  std::vector<std::vector<double>> weights(size_out);
  Filter filter;
  filter.taps.resize(size_out);
  double largest = 0;
  for (std::int64_t i = 0; i < size_out; ++i) {
    const double center = scale * (static_cast<double>(i) + 0.5);
    const std::int64_t first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const std::int64_t n = std::min(static_cast<std::int64_t>(center + support + 0.5), size_in) - first;
    filter.taps[i].first = first;
    weights[i].resize(n);
    double sum = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      weights[i][k] = cubic(std::abs((static_cast<double>(k + first) - center + 0.5) * (1 / stretch)));
      sum += weights[i][k];
    }
    for (double& weight : weights[i]) {
      weight /= sum;
      largest = std::max(largest, weight);
    }
  }
  // The most bits with which the largest weight stays below 2^15; 22 is the most that sums of 255 * 2^22 leave in 32 bits.
  while (filter.bits < 22 && static_cast<std::int64_t>(0.5 + largest * static_cast<double>(std::int64_t{1} << (filter.bits + 1))) < (1 << 15))
    ++filter.bits;
  const double one = static_cast<double>(std::int64_t{1} << filter.bits);
  for (std::int64_t i = 0; i < size_out; ++i) {
    for (double weight : weights[i]) filter.taps[i].weights.push_back(static_cast<std::int16_t>(weight * one + (weight < 0 ? -0.5 : 0.5)));
  }
  return filter;
}

std::uint8_t clamped(std::int32_t sum, int bits) { return static_cast<std::uint8_t>(std::clamp(sum >> bits, 0, 255)); }

Pixels resize_width(const Pixels& in, std::int64_t width, std::stop_token stop) {
  const Filter filter = make_filter(in.width, width);
  Pixels out{in.height, width, std::vector<std::uint8_t>(in.height * width * 3)};
  const std::int32_t half = 1 << (filter.bits - 1);
  for (std::int64_t y = 0; y < in.height && !stop.stop_requested(); ++y) {
    const std::uint8_t* row = &in.rgb[y * in.width * 3];
    std::uint8_t* to = &out.rgb[y * width * 3];
    for (const Taps& taps : filter.taps) {
      std::int32_t r = half, g = half, b = half;
      const std::uint8_t* from = row + taps.first * 3;
      for (const std::int16_t weight : taps.weights) {
        r += weight * from[0];
        g += weight * from[1];
        b += weight * from[2];
        from += 3;
      }
      *to++ = clamped(r, filter.bits);
      *to++ = clamped(g, filter.bits);
      *to++ = clamped(b, filter.bits);
    }
  }
  return out;
}

Pixels resize_height(const Pixels& in, std::int64_t height, std::stop_token stop) {
  const Filter filter = make_filter(in.height, height);
  const std::int64_t n = in.width * 3;
  Pixels out{height, in.width, std::vector<std::uint8_t>(height * n)};
  std::vector<std::int32_t> sums(n);
  for (std::int64_t y = 0; y < height && !stop.stop_requested(); ++y) {
    const Taps& taps = filter.taps[y];
    std::fill(sums.begin(), sums.end(), 1 << (filter.bits - 1));
    for (std::size_t k = 0; k < taps.weights.size(); ++k) {
      const std::uint8_t* row = &in.rgb[(taps.first + static_cast<std::int64_t>(k)) * n];
      const std::int32_t weight = taps.weights[k];
      for (std::int64_t x = 0; x < n; ++x) sums[x] += weight * row[x];
    }
    std::uint8_t* to = &out.rgb[y * n];
    for (std::int64_t x = 0; x < n; ++x) to[x] = clamped(sums[x], filter.bits);
  }
  return out;
}

Result<void> check_pixels(const Pixels& pixels) {
  if (pixels.height >= 1 && pixels.width >= 1) return {};
  return make_error(ErrorCode::bad_argument,
                    "picture: at least one pixel, found " + std::to_string(pixels.width) + " x " + std::to_string(pixels.height));
}

}  // namespace

Result<ImageSize> smart_resize(ImageSize size, std::int64_t factor, PixelLimits limits) { return fitted(1, 1, size, factor, limits); }

Result<ImageSize> smart_resize_film(std::int64_t n_frames, ImageSize size, std::int64_t temporal_factor, std::int64_t factor, PixelLimits limits) {
  n_frames = std::max(n_frames, temporal_factor);
  if (size.height < factor || size.width < factor) {
    const double h = static_cast<double>(size.height), w = static_cast<double>(size.width), f = static_cast<double>(factor);
    const double scale = std::max(f / h, f / w);
    size = {static_cast<std::int64_t>(h * scale), static_cast<std::int64_t>(w * scale)};
  }
  return fitted(n_frames, rounded(n_frames, temporal_factor), size, factor, limits);
}

Pixels resize_bicubic(const Pixels& pixels, ImageSize size, std::stop_token stop) {
  if (pixels.width == size.width) return pixels.height == size.height ? pixels : resize_height(pixels, size.height, stop);
  Pixels out = resize_width(pixels, size.width, stop);
  return pixels.height == size.height ? out : resize_height(out, size.height, stop);
}

std::vector<std::int64_t> sampled_frames(const ImageInputConfig& config, std::int64_t n_frames, double frames_per_second) {
  const double wanted = static_cast<double>(n_frames) / frames_per_second * config.film_frames_per_second;
  std::int64_t n = static_cast<std::int64_t>(std::min(wanted, static_cast<double>(n_frames)));
  n = std::min(std::min(std::max(n, config.film_least_frames), config.film_most_frames), n_frames);
  std::vector<std::int64_t> indices(n);
  const double step = n > 1 ? static_cast<double>(n_frames - 1) / static_cast<double>(n - 1) : 0;
  for (std::int64_t i = 0; i < n; ++i) indices[i] = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(i) * step));
  if (n > 1) indices.back() = n_frames - 1;
  return indices;
}

Result<ImageSize> picture_size(const ImageInputConfig& config, ImageSize size, std::int64_t most_pixels) {
  const PixelLimits limits{config.picture.least, std::max(config.picture.least, std::min(config.picture.most, most_pixels))};
  return smart_resize(size, config.factor(), limits);
}

Result<PreparedPicture> prepare_picture(const ImageInputConfig& config, const Pixels& pixels, std::int64_t most_pixels, std::stop_token stop) {
  RETURN_IF_ERROR(check_pixels(pixels));
  ASSIGN_OR_RETURN(const ImageSize size, picture_size(config, {pixels.height, pixels.width}, most_pixels));
  PreparedPicture picture;
  picture.grid = {1, size.height / config.patch_size, size.width / config.patch_size};
  picture.height = size.height;
  picture.width = size.width;
  picture.frames.push_back(resize_bicubic(pixels, size, stop).rgb);
  if (stop.stop_requested()) return cancelled();
  return picture;
}

Result<PreparedPicture> prepare_film(const ImageInputConfig& config, const FrameSource& film, std::stop_token stop) {
  if (film.n_frames < 1) return make_error(ErrorCode::bad_argument, "film: at least one frame, found none");
  if (!(film.frames_per_second > 0) || !std::isfinite(film.frames_per_second))
    return make_error(ErrorCode::bad_argument, "film: more than 0 frames a second, found " + std::to_string(film.frames_per_second));
  std::vector<std::int64_t> indices = sampled_frames(config, film.n_frames, film.frames_per_second);
  const auto n_looked_at = static_cast<std::int64_t>(indices.size());

  PreparedPicture picture;
  ImageSize size, first;
  for (const std::int64_t index : indices) {
    if (stop.stop_requested()) return cancelled();
    ASSIGN_OR_RETURN(const Pixels pixels, film.frame(index));
    RETURN_IF_ERROR(check_pixels(pixels));
    if (picture.frames.empty()) {
      first = {pixels.height, pixels.width};
      ASSIGN_OR_RETURN(size, smart_resize_film(n_looked_at, first, config.temporal_size, config.factor(), config.film));
    }
    if (pixels.height != first.height || pixels.width != first.width) {
      return make_error(ErrorCode::bad_argument, "film: frames of one size, " + std::to_string(first.width) + " x " + std::to_string(first.height) +
                                                     ", found " + std::to_string(pixels.width) + " x " + std::to_string(pixels.height));
    }
    picture.frames.push_back(resize_bicubic(pixels, size, stop).rgb);
  }
  if (stop.stop_requested()) return cancelled();
  while (picture.frames.size() % config.temporal_size != 0) {
    picture.frames.push_back(picture.frames.back());
    indices.push_back(indices.back());
  }
  const std::int64_t n_slots = static_cast<std::int64_t>(picture.frames.size()) / config.temporal_size;
  for (std::int64_t slot = 0; slot < n_slots; ++slot) {  // the middle between a slot's first and last frame
    const double from = static_cast<double>(indices[slot * config.temporal_size]) / film.frames_per_second;
    const double to = static_cast<double>(indices[(slot + 1) * config.temporal_size - 1]) / film.frames_per_second;
    picture.seconds.push_back((from + to) / 2);
  }
  picture.grid = {n_slots, size.height / config.patch_size, size.width / config.patch_size};
  picture.height = size.height;
  picture.width = size.width;
  return picture;
}

void write_patches(const ImageInputConfig& config, const PreparedPicture& picture, std::int64_t first, std::int64_t n, float* values) {
  std::array<std::array<float, 256>, 3> table;  // (u - 255 mean) / (255 deviation), as the fused rescale and normalise of the reference
  for (int c = 0; c < 3; ++c) {
    const auto mean = static_cast<float>(config.mean[c] * 255), deviation = static_cast<float>(config.deviation[c] * 255);
    for (int u = 0; u < 256; ++u) table[c][u] = (static_cast<float>(u) - mean) / deviation;
  }
  const std::int64_t side = config.merge_size, patch = config.patch_size;
  const std::int64_t per_slot = picture.grid[1] * picture.grid[2], blocks_across = picture.grid[2] / side;
  for (std::int64_t p = first; p < first + n; ++p) {
    const std::int64_t slot = p / per_slot, block = p % per_slot / (side * side), inner = p % (side * side);
    const std::int64_t row = (block / blocks_across * side + inner / side) * patch, column = (block % blocks_across * side + inner % side) * patch;
    for (int c = 0; c < 3; ++c) {
      for (std::int64_t t = 0; t < config.temporal_size; ++t) {
        const std::size_t frame = std::min<std::size_t>(slot * config.temporal_size + t, picture.frames.size() - 1);  // a picture stands still
        for (std::int64_t y = 0; y < patch; ++y) {
          const std::uint8_t* from = &picture.frames[frame][((row + y) * picture.width + column) * 3 + c];
          for (std::int64_t x = 0; x < patch; ++x) *values++ = table[c][from[3 * x]];
        }
      }
    }
  }
}

}  // namespace pio
