#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "kernels/base/result.h"

namespace pio {

// What encoding pictures takes. Holds nothing of the encoder, so that a copy may be asked from any thread.
struct PictureWork {
  // Patches (time, height, width) of a picture of this size, scaled as prepare() does.
  std::function<Result<std::array<std::int64_t, 3>>(std::int64_t height, std::int64_t width, std::int64_t most_pixels)> grid;
  std::int64_t patches_of_token = 1;
  double per_patch = 0, per_pair = 0;  // multiply-adds: of the layers for a patch, of attention for each patch and each that it sees
};

}  // namespace pio
