#include "engine/experts/slot_chances.h"

#include <algorithm>

#include "engine/experts/expert_places.h"
#include "kernels/base/check.h"

namespace pio {
namespace {

// Its odds are the weight of an expert: one that all tokens choose has finite ones all the same.
constexpr double kMostShare = 0.999;

// [0, n_used]: the sums of the products of j of the weights (elementary symmetric polynomials).
class Products {
 public:
  explicit Products(std::int64_t n_used) : of_(static_cast<std::size_t>(n_used) + 1) { of_[0] = 1; }
  void add(double weight) {
    for (std::size_t j = of_.size() - 1; j > 0; --j) of_[j] += weight * of_[j - 1];
  }
  double of(std::size_t n) const { return of_[n]; }

 private:
  std::vector<double> of_;
};

std::vector<std::vector<bool>> places(const ExpertProfile& profile, std::int64_t n_slots) {
  ExpertPlaces places(profile.n_layers, profile.n_experts, n_slots);
  places.begin_with(profile);
  std::vector<std::vector<bool>> are_in_slots(static_cast<std::size_t>(profile.n_layers),
                                              std::vector<bool>(static_cast<std::size_t>(profile.n_experts)));
  for (const ExpertPlaces::Change& change : places.changes(n_slots))
    are_in_slots[static_cast<std::size_t>(change.in.layer)][static_cast<std::size_t>(change.in.id)] = true;
  return are_in_slots;
}

// Of experts in slots as `filled_by` has them, for tokens that choose as `chosen_by`.
std::vector<SlotChances> chances(const ExpertProfile& filled_by, const ExpertProfile& chosen_by, std::int64_t n_slots, std::int64_t n_used) {
  const std::vector<std::vector<bool>> are_in_slots = places(filled_by, n_slots);
  std::vector<SlotChances> all;
  for (std::size_t layer = 0; layer < are_in_slots.size(); ++layer) {
    const auto n_experts = static_cast<std::size_t>(chosen_by.n_experts);
    const std::span<const float> counted = std::span(chosen_by.shares).subspan(layer * n_experts, n_experts);
    std::vector<double> shares(counted.begin(), counted.end());
    // Of a layer that nothing is known of, every expert is as likely.
    if (chosen_by.n_tokens[layer] == 0) shares.assign(n_experts, static_cast<double>(n_used) / static_cast<double>(n_experts));
    all.push_back(slot_chances(shares, are_in_slots[layer], n_used));
  }
  return all;
}

}  // namespace

SlotChances slot_chances(std::span<const double> shares, const std::vector<bool>& is_in_slot, std::int64_t n_used) {
  CHECK(shares.size() == is_in_slot.size() && n_used <= std::ssize(shares), "as many shares as experts");
  Products in_slots(n_used), missing(n_used);
  double sum = 0, sum_in_slots = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double share = std::clamp(shares[i], 0.0, kMostShare);
    sum += shares[i];
    if (is_in_slot[i]) sum_in_slots += shares[i];
    (is_in_slot[i] ? in_slots : missing).add(share / (1 - share));
  }
  const auto n = static_cast<std::size_t>(n_used);
  double ways = 0;
  for (std::size_t j = 0; j <= n; ++j) ways += in_slots.of(j) * missing.of(n - j);
  if (ways <= 0) return {};
  return {.share = sum_in_slots / sum, .none = missing.of(n) / ways, .all = in_slots.of(n) / ways};
}

std::vector<SlotChances> slot_chances(const ExpertProfile* profile, std::int64_t n_layers, std::int64_t n_experts, std::int64_t n_slots,
                                      std::int64_t n_used) {
  if (!profile) {
    const ExpertProfile nothing = ReuseEstimate(n_layers, n_experts).profile();
    return chances(nothing, nothing, n_slots, n_used);
  }
  CHECK(profile->n_layers == n_layers && profile->n_experts == n_experts, "a profile of another model");
  std::vector<SlotChances> mean = chances(profile->without_half(0), profile->half(0), n_slots, n_used);
  const std::vector<SlotChances> other = chances(profile->without_half(1), profile->half(1), n_slots, n_used);
  for (std::size_t layer = 0; layer < mean.size(); ++layer) {
    mean[layer].share = (mean[layer].share + other[layer].share) / 2;
    mean[layer].none = (mean[layer].none + other[layer].none) / 2;
    mean[layer].all = (mean[layer].all + other[layer].all) / 2;
  }
  return mean;
}

}  // namespace pio
