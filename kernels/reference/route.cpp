#include "kernels/reference/route.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace pio {
namespace {

// softmax or sigmoid, in double and rounded once.
void fill_scores(std::span<float> scores, const float* logits, ExpertScoring scoring) {
  const std::size_t n = scores.size();
  if (scoring == ExpertScoring::sigmoid) {
    for (std::size_t e = 0; e < n; ++e) scores[e] = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logits[e]))));
    return;
  }
  const double largest = *std::max_element(logits, logits + n);
  double total = 0;
  for (std::size_t e = 0; e < n; ++e) total += std::exp(logits[e] - largest);
  for (std::size_t e = 0; e < n; ++e) scores[e] = static_cast<float>(std::exp(logits[e] - largest) / total);
}

// The indices of the n_best largest of `values`, falling; the lower index of equals first. NaN counts as the smallest. `order` has room
// for one a value.
std::span<const std::int32_t> largest_of(std::span<const float> values, std::int64_t n_best, std::int32_t* order) {
  std::iota(order, order + values.size(), 0);
  const auto rank = [&](std::int32_t i) { return std::isnan(values[i]) ? -std::numeric_limits<float>::infinity() : values[i]; };
  std::partial_sort(order, order + n_best, order + values.size(),
                    [&](std::int32_t a, std::int32_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  return {order, static_cast<std::size_t>(n_best)};
}

// Experts of all but the best groups drop out of the choice. `group_scores` has room for one a group.
void mask_groups(std::span<float> choice, const RoutingParams& params, float* group_scores, std::int32_t* order) {
  const auto n_groups = static_cast<std::size_t>(params.n_groups), length = choice.size() / n_groups;
  for (std::size_t g = 0; g < n_groups; ++g) {
    const std::span<const float> group = choice.subspan(g * length, length);
    float sum = 0;
    for (const std::int32_t i : largest_of(group, std::min<std::int64_t>(2, std::ssize(group)), order)) sum += group[i];
    group_scores[g] = sum;
  }
  const std::span<const std::int32_t> kept = largest_of({group_scores, n_groups}, params.n_groups_used, order);
  for (std::size_t g = 0; g < n_groups; ++g) {
    if (std::find(kept.begin(), kept.end(), static_cast<std::int32_t>(g)) != kept.end()) continue;
    std::ranges::fill(choice.subspan(g * length, length), -std::numeric_limits<float>::infinity());
  }
}

}  // namespace

void route_token(const TokenRoute& token, const RoutingParams& params, float* scratch) {
  const auto n = static_cast<std::size_t>(token.n_experts);
  const std::span<float> scores(scratch, n), choice(scratch + n, n);
  float* const group_scores = scratch + 2 * n;
  static_assert(sizeof(float) == sizeof(std::int32_t));
  auto* const order = reinterpret_cast<std::int32_t*>(scratch + 3 * n);
  fill_scores(scores, token.logits, params.scoring);
  for (std::size_t e = 0; e < n; ++e) choice[e] = token.bias ? scores[e] + token.bias[e] : scores[e];
  if (params.n_groups_used < params.n_groups) mask_groups(choice, params, group_scores, order);
  const std::span<const std::int32_t> chosen = largest_of(choice, token.n_used, order);
  float sum = 0;
  for (const std::int32_t e : chosen) sum += scores[e];
  const float divisor = params.normalize ? sum + params.sum_epsilon : 1;
  for (std::int64_t j = 0; j < token.n_used; ++j) {
    token.ids[j] = chosen[j];
    token.weights[j] = scores[chosen[j]] / divisor * params.scale;
  }
}

}  // namespace pio
