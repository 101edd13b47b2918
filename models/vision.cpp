#include "models/vision.h"

#include <algorithm>

namespace pio {
namespace {

// How much closer together the tokens behind a picture stand than their number says.
std::int64_t saved(const TokenPlaces::Picture& p) { return p.height * p.width - std::max(p.height, p.width); }

}  // namespace

TokenPlaces::TokenPlaces(std::vector<Picture> pictures) : pictures_(std::move(pictures)) {
  std::int64_t shift = 0;
  for (const Picture& picture : pictures_) {
    shift_.push_back(shift);
    shift -= saved(picture);
  }
}

std::array<std::int32_t, 3> TokenPlaces::place(std::int64_t index) const {
  const auto after =
      std::upper_bound(pictures_.begin(), pictures_.end(), index, [](std::int64_t i, const Picture& picture) { return i < picture.first; });
  const auto all = [](std::int64_t x) {
    return std::array<std::int32_t, 3>{static_cast<std::int32_t>(x), static_cast<std::int32_t>(x), static_cast<std::int32_t>(x)};
  };
  if (after == pictures_.begin()) return all(index);
  const Picture& picture = *std::prev(after);
  const std::int64_t shift = shift_[after - pictures_.begin() - 1];
  const std::int64_t within = index - picture.first;
  if (within >= picture.height * picture.width) return all(index + shift - saved(picture));
  const std::int64_t start = picture.first + shift;
  return {static_cast<std::int32_t>(start), static_cast<std::int32_t>(start + within / picture.width),
          static_cast<std::int32_t>(start + within % picture.width)};
}

}  // namespace pio
