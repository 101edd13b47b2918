#include "engine/image/picture_costs.h"

namespace pio {

Result<PictureCost> PictureCosts::of(std::int64_t width, std::int64_t height, ImageDetail detail) const {
  if (empty()) return make_error(ErrorCode::not_available, "picture: a model that sees, found none");
  ASSIGN_OR_RETURN(const auto grid, work_.grid(height, width, most_pixels(detail)));
  const std::int64_t n_patches = grid[0] * grid[1] * grid[2];
  const auto n = static_cast<double>(n_patches);
  PictureCost cost;
  cost.n_tokens = n_patches / work_.patches_of_token;
  cost.seconds = n * work_.per_patch / speed_.linear_per_second + n * n * work_.per_pair / speed_.attention_per_second +
                 static_cast<double>(cost.n_tokens) * speed_.seconds_per_token;
  return cost;
}

}  // namespace pio
