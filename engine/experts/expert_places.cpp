#include "engine/experts/expert_places.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "kernels/base/check.h"

namespace pio {

ExpertPlaces::ExpertPlaces(std::int64_t n_layers, std::int64_t n_experts, std::int64_t n_slots)
    : n_layers_(n_layers),
      n_experts_(n_experts),
      shares_(static_cast<std::size_t>(n_layers * n_experts)),
      seen_(static_cast<std::size_t>(n_layers)),
      is_held_(shares_.size()),
      held_(static_cast<std::size_t>(n_slots)) {
  CHECK(n_slots <= n_layers * n_experts, "more slots than experts");
}

void ExpertPlaces::begin_with(const ExpertProfile& profile) {
  CHECK(profile.n_layers == n_layers_ && profile.n_experts == n_experts_, "a profile of another model");
  shares_ = profile.shares;
  for (std::int64_t layer = 0; layer < n_layers_; ++layer)
    seen_[static_cast<std::size_t>(layer)] = profile.n_tokens[static_cast<std::size_t>(layer)] > 0;
}

void ExpertPlaces::saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens) {
  if (n_tokens == 0) return;
  const double fade = std::exp2(-1 / kHalfLife), kept = std::pow(fade, static_cast<double>(n_tokens));
  const std::size_t n_used = ids.size() / static_cast<std::size_t>(n_tokens);
  const std::span<float> shares = std::span(shares_).subspan(static_cast<std::size_t>(layer * n_experts_), static_cast<std::size_t>(n_experts_));
  for (float& share : shares) share *= static_cast<float>(kept);
  double one = 1 - fade;
  for (std::int64_t t = n_tokens - 1; t >= 0; --t, one *= fade) {
    for (const std::int32_t id : ids.subspan(static_cast<std::size_t>(t) * n_used, n_used))
      shares[static_cast<std::size_t>(id)] += static_cast<float>(one);
  }
  float& seen = seen_[static_cast<std::size_t>(layer)];
  seen = static_cast<float>(seen * kept + (1 - kept));
}

std::vector<ExpertPlaces::Change> ExpertPlaces::changes(std::int64_t most) const {
  std::vector<Expert> wanted;
  for (std::int32_t id = 0; id < n_experts_; ++id)
    for (std::int64_t layer = 0; layer < n_layers_; ++layer)
      if (!is_held_[key({layer, id})]) wanted.push_back({layer, id});
  // of equals those of other layers follow each other
  std::stable_sort(wanted.begin(), wanted.end(), [&](const Expert& a, const Expert& b) { return share(a) > share(b); });
  std::vector<std::int32_t> slots;  // the empty ones, then those whose experts are chosen least
  for (std::int32_t slot = 0; slot < n_slots(); ++slot) slots.push_back(slot);
  const auto worth = [&](std::int32_t slot) { return held(slot).layer < 0 ? -1.0F : share(held(slot)); };
  std::stable_sort(slots.begin(), slots.end(), [&](std::int32_t a, std::int32_t b) { return worth(a) < worth(b); });
  std::vector<Change> changes;
  const auto n = std::min({wanted.size(), slots.size(), static_cast<std::size_t>(std::max<std::int64_t>(most, 0))});
  for (std::size_t i = 0; i < n; ++i) {
    const Expert& now = held(slots[i]);
    if (now.layer < 0) changes.push_back({.in = wanted[i], .slot = slots[i], .out = {}});
    else if (share(wanted[i]) >= share(now) + kLeastGain) changes.push_back({.in = wanted[i], .slot = slots[i], .out = now});
    else break;
  }
  return changes;
}

void ExpertPlaces::put(std::int32_t slot, const Expert& expert) {
  clear(slot);
  CHECK(!is_held_[key(expert)], "an expert in two slots");
  is_held_[key(expert)] = true;
  held_[static_cast<std::size_t>(slot)] = expert;
}

void ExpertPlaces::clear(std::int32_t slot) {
  Expert& now = held_[static_cast<std::size_t>(slot)];
  if (now.layer >= 0) is_held_[key(now)] = false;
  now = {};
}

}  // namespace pio
