#pragma once

#include <array>
#include <cstdint>
#include <stop_token>
#include <vector>

#include "models/vision.h"

// From pixels to patches as transformers' Qwen2VLImageProcessor (torchvision backend) and Qwen3VLVideoProcessor make them, byte for byte
// (models.md 3.2.1, 3.2.2, 3.2.10; fixtures' README-vision.md).

namespace pio {

struct PixelLimits {
  std::int64_t least = 0, most = 0;  // pixels after scaling; of a film, of all its frames together
};

// Defaults are the published ones of Qwen3-VL-2B.
struct ImageInputConfig {
  std::int64_t patch_size = 16;    // pixels a side
  std::int64_t merge_size = 2;     // patches a side that become one token
  std::int64_t temporal_size = 2;  // frames in a patch
  PixelLimits picture{65536, 16777216};
  PixelLimits film{4096, 25165824};
  double film_frames_per_second = 2;  // sampled
  std::int64_t film_least_frames = 4, film_most_frames = 768;
  std::array<double, 3> mean{0.5, 0.5, 0.5}, deviation{0.5, 0.5, 0.5};  // of channel values 0 … 1

  std::int64_t factor() const { return patch_size * merge_size; }
  std::int64_t patch_dim() const { return 3 * temporal_size * patch_size * patch_size; }
};

struct ImageSize {
  std::int64_t height = 0, width = 0;
};

// The size that a picture is scaled to: multiples of `factor` whose product lies within the limits, the shape kept as far as that goes.
// Halves round to even, as in Python. Fails with bad_argument for one more than 200 times as long as wide.
Result<ImageSize> smart_resize(ImageSize size, std::int64_t factor, PixelLimits limits);
// The same for a film, whose frames count together.
Result<ImageSize> smart_resize_film(std::int64_t n_frames, ImageSize size, std::int64_t temporal_factor, std::int64_t factor, PixelLimits limits);

// Antialiased bicubic scaling (a = -0.5) in integers: weights in double, normalised, then 16-bit fixed point with as many fraction bits as
// the largest of the axis allows; width first, the result rounded to 8 bits, then height; an axis that keeps its size is skipped.
// Unfinished after a stop. size is at least 1 × 1.
Pixels resize_bicubic(const Pixels& pixels, ImageSize size, std::stop_token stop);

// Which of n_frames are encoded: evenly spread, `config.film_frames_per_second` of them a second.
std::vector<std::int64_t> sampled_frames(const ImageInputConfig& config, std::int64_t n_frames, double frames_per_second);

// The size that a picture of `size` is scaled to; most_pixels: a limit beside the model's own, which counts where it is less.
Result<ImageSize> picture_size(const ImageInputConfig& config, ImageSize size, std::int64_t most_pixels);
Result<PreparedPicture> prepare_picture(const ImageInputConfig& config, const Pixels& pixels, std::int64_t most_pixels, std::stop_token stop);
Result<PreparedPicture> prepare_film(const ImageInputConfig& config, const FrameSource& film, std::stop_token stop);

// Patches in the order of the vision encoder: blocks of merge_size², row by row; each patch channel, time, y, x. Normalised in float32.
void write_patches(const ImageInputConfig& config, const PreparedPicture& picture, std::int64_t first, std::int64_t n, float* values);

}  // namespace pio
