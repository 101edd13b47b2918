#include "engine/experts/expert_cache.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/base/check.h"

namespace pio {
namespace {

constexpr float kMarginFade = 0.01F;  // an eviction's part in the margin

}  // namespace

ExpertCache::ExpertCache(std::int64_t n_layers, std::int64_t n_experts, std::int64_t n_slots)
    : n_layers_(n_layers),
      n_experts_(n_experts),
      n_slots_(n_slots),
      estimate_(n_layers, n_experts),
      slots_(n_layers * n_experts, -1),
      uses_(n_layers * n_experts),
      empty_(n_slots),
      lowest_(n_layers),
      n_held_(n_layers),
      counts_(n_layers) {
  std::iota(empty_.rbegin(), empty_.rend(), 0);
  places_.reserve(n_experts);
}

void ExpertCache::saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens) {
  estimate_.saw(layer, ids, n_tokens, margin_);
  lowest_[layer].is_known = false;
}

std::span<const ExpertCache::Place> ExpertCache::take(std::int64_t layer, std::span<const std::int32_t> ids) {
  places_.clear();
  // All that are there are in use before the first one goes.
  for (const std::int32_t id : ids) {
    const bool is_hit = is_held(layer, id);
    places_.push_back({.expert = {layer, id}, .slot = slots_[key(layer, id)], .is_hit = is_hit, .evicted = {}});
    counts_[layer].hits += is_hit;
    counts_[layer].misses += !is_hit;
    if (is_hit && uses_[key(layer, id)]++ == 0) ++n_in_use_;
  }
  lowest_[layer].is_known = false;
  for (Place& place : places_) {
    if (place.is_hit) continue;
    if (!empty_.empty()) {
      place.slot = empty_.back();
      empty_.pop_back();
    } else {
      place.evicted = victim(layer);
      CHECK(place.evicted, "more experts are wanted than there are slots that are not in use");
      margin_ += kMarginFade * (estimate_.chances(place.evicted->layer)[place.evicted->id] - margin_);
      ++counts_[place.evicted->layer].evictions;
      place.slot = empty(*place.evicted);
    }
    hold(place.expert, place.slot);
    uses_[key(layer, place.expert.id)] = 1;
    ++n_in_use_;
  }
  return places_;
}

void ExpertCache::release(std::int64_t layer, std::span<const std::int32_t> ids) {
  for (const std::int32_t id : ids) {
    std::int32_t& uses = uses_[key(layer, id)];
    if (uses > 0 && --uses == 0) --n_in_use_;
  }
  lowest_[layer].is_known = false;
}

void ExpertCache::forget(std::int64_t layer, std::int32_t id) {
  if (!is_held(layer, id)) return;
  if (std::exchange(uses_[key(layer, id)], 0) > 0) --n_in_use_;
  empty_.push_back(empty({layer, id}));
}

void ExpertCache::reset_counts() { std::fill(counts_.begin(), counts_.end(), Counts()); }

const ExpertCache::Lowest& ExpertCache::lowest(std::int64_t layer) {
  Lowest& lowest = lowest_[layer];
  if (lowest.is_known) return lowest;
  lowest = {.chance = 0, .id = -1, .is_known = true};
  if (n_held_[layer] == 0) return lowest;
  const std::span<const float> chances = estimate_.chances(layer);
  for (std::int32_t id = 0; id < n_experts_; ++id) {
    if (slots_[key(layer, id)] < 0 || uses_[key(layer, id)] > 0) continue;
    if (lowest.id < 0 || chances[id] < lowest.chance) lowest.chance = chances[id], lowest.id = id;
  }
  return lowest;
}

// A slot earns the margin in a step, whoever has it. So an expert is worth its chance less what the slot would earn until its layer's turn.
std::optional<ExpertCache::Expert> ExpertCache::victim(std::int64_t layer) {
  std::optional<Expert> found;
  float least = 0;
  // From the layer whose turn comes last: of equals that one goes.
  for (std::int64_t back = 0; back < n_layers_; ++back) {
    const std::int64_t l = (layer - back + n_layers_) % n_layers_;
    const Lowest& one = lowest(l);
    if (one.id < 0) continue;
    const float steps = 1 - static_cast<float>(back) / static_cast<float>(n_layers_);
    const float worth = one.chance - margin_ * steps;
    if (found && worth >= least) continue;
    least = worth;
    found = Expert{l, one.id};
  }
  return found;
}

std::int32_t ExpertCache::empty(const Expert& expert) {
  --n_held_[expert.layer];
  lowest_[expert.layer].is_known = false;
  return std::exchange(slots_[key(expert.layer, expert.id)], -1);
}

void ExpertCache::hold(const Expert& expert, std::int32_t slot) {
  ++n_held_[expert.layer];
  lowest_[expert.layer].is_known = false;
  slots_[key(expert.layer, expert.id)] = slot;
}

std::vector<ExpertCache::Place> ExpertCache::warm(const ExpertProfile& profile) {
  estimate_.begin_with(profile);
  for (Lowest& lowest : lowest_) lowest.is_known = false;
  std::vector<Expert> likely;
  for (std::int64_t layer = 0; layer < n_layers_; ++layer) {
    for (std::int32_t id = 0; id < n_experts_; ++id) {
      if (!is_held(layer, id) && estimate_.chances(layer)[id] > 0) likely.push_back({layer, id});
    }
  }
  std::stable_sort(likely.begin(), likely.end(),
                   [&](const Expert& a, const Expert& b) { return estimate_.chances(a.layer)[a.id] > estimate_.chances(b.layer)[b.id]; });
  likely.resize(std::min(likely.size(), empty_.size()));
  std::vector<Place> places;
  for (const Expert& expert : likely) {
    places.push_back({.expert = expert, .slot = empty_.back(), .is_hit = false, .evicted = {}});
    empty_.pop_back();
    hold(expert, places.back().slot);
  }
  return places;
}

std::vector<std::int32_t> ExpertCache::give_back(std::int64_t n) {
  std::vector<std::int32_t> given;
  for (; std::ssize(given) < n; --n_slots_) {
    if (empty_.empty()) {
      const std::optional<Expert> expert = victim(n_layers_ - 1);
      if (!expert) break;
      ++counts_[expert->layer].evictions;
      empty_.push_back(empty(*expert));
    }
    given.push_back(empty_.back());
    empty_.pop_back();
  }
  return given;
}

void ExpertCache::receive(std::span<const std::int32_t> slots) {
  n_slots_ += std::ssize(slots);
  empty_.insert(empty_.end(), slots.rbegin(), slots.rend());
}

std::vector<ExpertCache::Move> ExpertCache::shrink(std::int64_t n) {
  std::vector<Move> moves;
  if (n_in_use_ > 0) return moves;
  std::vector<std::int32_t> free = give_back(n);
  std::erase_if(free, [&](std::int32_t slot) { return slot >= n_slots_; });
  const auto next = [&] {
    const std::int32_t slot = free.back();
    free.pop_back();
    return slot;
  };
  for (std::int64_t layer = 0; layer < n_layers_; ++layer) {
    for (std::int32_t id = 0; id < n_experts_; ++id) {
      std::int32_t& slot = slots_[key(layer, id)];
      if (slot < n_slots_) continue;  // or not held
      moves.push_back({.expert = {layer, id}, .from = slot, .to = next()});
      slot = moves.back().to;
    }
  }
  for (std::int32_t& slot : empty_)
    if (slot >= n_slots_) slot = next();
  return moves;
}

void ExpertCache::grow(std::int64_t n) {
  std::vector<std::int32_t> slots(static_cast<std::size_t>(n));
  std::iota(slots.begin(), slots.end(), static_cast<std::int32_t>(n_slots_));
  receive(slots);
}

}  // namespace pio
