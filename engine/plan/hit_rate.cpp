#include "engine/plan/hit_rate.h"

#include <iterator>
#include <utility>

namespace pio {

double hit_rate_of(double share) {
  constexpr std::pair<double, double> kMeasured[] = {{0, 0}, {0.12, 0.57}, {0.24, 0.80}, {0.36, 0.92}, {0.48, 0.955}, {0.64, 0.965}, {1, 1}};
  for (std::size_t i = 1; i < std::size(kMeasured); ++i) {
    const auto [x0, y0] = kMeasured[i - 1];
    const auto [x1, y1] = kMeasured[i];
    if (share <= x1) return y0 + (y1 - y0) * (share - x0) / (x1 - x0);
  }
  return 1;
}

}  // namespace pio
