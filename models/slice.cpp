#include "models/slice.h"

#include <algorithm>
#include <numeric>

namespace pio {

Range range_of(const SliceShare& share, std::int64_t n, std::int64_t unit) {
  CHECK(share.index < share.shares.size() && unit > 0, "range_of: a slice of these, cut at multiples of one at least");
  const auto all = static_cast<double>(std::accumulate(share.shares.begin(), share.shares.end(), std::int64_t{0}));
  CHECK(all > 0, "range_of: shares of nothing");
  const auto cut_behind = [&](std::size_t n_devices) {
    if (n_devices == 0) return std::int64_t{0};
    if (n_devices == share.shares.size()) return n;
    const auto before =
        static_cast<double>(std::accumulate(share.shares.begin(), share.shares.begin() + static_cast<std::ptrdiff_t>(n_devices), std::int64_t{0}));
    const double place = static_cast<double>(n) * before / all;
    // of the multiples of `unit`, and the end
    std::int64_t below = static_cast<std::int64_t>(place) / unit * unit;
    const std::int64_t above = std::min(below + unit, n);
    return place - static_cast<double>(below) <= static_cast<double>(above) - place ? below : above;
  };
  return {cut_behind(share.index), cut_behind(share.index + 1)};
}

}  // namespace pio
