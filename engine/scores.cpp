#include "engine/scores.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace pio {

double log_total(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - highest);
  return std::log(sum) + highest;
}

double surprise(std::span<const float> logits, int id) { return log_total(logits) - logits[id]; }

Result<std::int64_t> count_windows(std::int64_t n_ids, std::int64_t context) {
  if (context < 4 || n_ids < context) {
    return make_error(ErrorCode::bad_argument, "text: at least one window of " + std::to_string(std::max<std::int64_t>(context, 4)) +
                                                   " tokens, found " + std::to_string(n_ids));
  }
  return n_ids / context;
}

}  // namespace pio
