#include "kernels/reference/route.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace pio {
namespace {

// softmax or sigmoid, in double and rounded once.
std::vector<float> scores_of(const float* logits, std::int64_t n, ExpertScoring scoring) {
  std::vector<float> scores(static_cast<std::size_t>(n));
  if (scoring == ExpertScoring::sigmoid) {
    for (std::int64_t e = 0; e < n; ++e) scores[e] = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logits[e]))));
    return scores;
  }
  const double largest = *std::max_element(logits, logits + n);
  double total = 0;
  for (std::int64_t e = 0; e < n; ++e) total += std::exp(logits[e] - largest);
  for (std::int64_t e = 0; e < n; ++e) scores[e] = static_cast<float>(std::exp(logits[e] - largest) / total);
  return scores;
}

// The indices of the n_best largest of `values`, falling; the lower index of equals first. NaN counts as the smallest.
std::vector<std::int64_t> largest_of(const std::vector<float>& values, std::int64_t n_best) {
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto rank = [&](std::int64_t i) { return std::isnan(values[i]) ? -std::numeric_limits<float>::infinity() : values[i]; };
  std::partial_sort(order.begin(), order.begin() + n_best, order.end(),
                    [&](std::int64_t a, std::int64_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  order.resize(static_cast<std::size_t>(n_best));
  return order;
}

// Experts of all but the best groups drop out of the choice.
void mask_groups(std::vector<float>& choice, const RoutingParams& params) {
  const std::int64_t length = static_cast<std::int64_t>(choice.size()) / params.n_groups;
  std::vector<float> group_scores;
  for (std::int64_t g = 0; g < params.n_groups; ++g) {
    const std::vector<float> group(choice.begin() + g * length, choice.begin() + (g + 1) * length);
    float sum = 0;
    for (const std::int64_t i : largest_of(group, std::min<std::int64_t>(2, length))) sum += group[i];
    group_scores.push_back(sum);
  }
  const std::vector<std::int64_t> kept = largest_of(group_scores, params.n_groups_used);
  for (std::int64_t g = 0; g < params.n_groups; ++g) {
    if (std::find(kept.begin(), kept.end(), g) != kept.end()) continue;
    std::fill(choice.begin() + g * length, choice.begin() + (g + 1) * length, -std::numeric_limits<float>::infinity());
  }
}

}  // namespace

void route_token(const float* logits, const float* bias, std::int64_t n_experts, const RoutingParams& params, std::int64_t n_used,
                 std::int32_t* ids, float* weights) {
  const std::vector<float> scores = scores_of(logits, n_experts, params.scoring);
  std::vector<float> choice = scores;
  if (bias) {
    for (std::int64_t e = 0; e < n_experts; ++e) choice[e] += bias[e];
  }
  if (params.n_groups_used < params.n_groups) mask_groups(choice, params);
  const std::vector<std::int64_t> chosen = largest_of(choice, n_used);
  float sum = 0;
  for (const std::int64_t e : chosen) sum += scores[e];
  const float divisor = params.normalize ? sum + params.sum_epsilon : 1;
  for (std::int64_t j = 0; j < n_used; ++j) {
    ids[j] = static_cast<std::int32_t>(chosen[j]);
    weights[j] = scores[chosen[j]] / divisor * params.scale;
  }
}

}  // namespace pio
