#pragma once

#include <cstdint>
#include <span>

#include "kernels/base/result.h"

// Log-probabilities and windows of a text, for perplexity and divergence.

namespace pio {

// ln of the sum of exp over the logits, in double.
double log_total(std::span<const float> logits);
// -ln softmax(logits)[id], in double.
double surprise(std::span<const float> logits, int id);

// Windows of `context` tokens that a text of n_ids has; fails where there is none to score.
Result<std::int64_t> count_windows(std::int64_t n_ids, std::int64_t context);

}  // namespace pio
