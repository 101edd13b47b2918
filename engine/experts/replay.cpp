#include "engine/experts/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "engine/experts/expert_cache.h"
#include "engine/experts/stack_distances.h"

namespace pio {
namespace {

constexpr double kLayerLfuHalfLife = 16;  // tokens

// Calls hit_or_miss(layer, id, its index in trace.experts) for every expert in the order of the trace and counts those of generated tokens.
template <class HitOrMiss>
ReplayResult play(const RoutingTrace& trace, HitOrMiss hit_or_miss) {
  ReplayResult result;
  result.layers.resize(trace.n_layers);
  for (const RoutingTrace::Choice& choice : trace.choices) {
    for (std::int64_t i = choice.first; i < choice.first + choice.n; ++i) {
      const bool is_hit = hit_or_miss(choice.layer, trace.experts[i], i);
      if (!choice.is_decode) continue;
      result.layers[choice.layer].hits += is_hit;
      ++result.layers[choice.layer].accesses;
    }
  }
  return result;
}

ReplayResult replay_ours(const RoutingTrace& trace, std::int64_t n_slots, const ExpertProfile* warm) {
  ExpertCache cache(trace.n_layers, trace.n_experts, n_slots);
  if (warm) cache.warm(*warm);
  ReplayResult result;
  result.layers.resize(trace.n_layers);
  for (const RoutingTrace::Choice& choice : trace.choices) {
    const std::span<const std::int32_t> ids = trace.experts_of(choice);
    cache.saw(choice.layer, ids, 1);
    for (const ExpertCache::Place& place : cache.take(choice.layer, ids)) {
      if (!choice.is_decode) continue;
      result.layers[choice.layer].hits += place.is_hit;
      ++result.layers[choice.layer].accesses;
    }
    cache.release(choice.layer, ids);
  }
  return result;
}

// A set of keys of which the first in an order goes: by rank, then by the time of the last access.
class Ranked {
 public:
  Ranked(std::int64_t n_keys, std::int64_t n_slots) : held_(n_keys, {0, -1}), n_slots_(n_slots) {}
  // Whether the key is held; then it is, with its new rank.
  bool access(std::int64_t key, double rank) {
    const Place before = held_[key];
    const bool is_hit = before.second >= 0;
    if (is_hit) order_.erase({before, key});
    if (n_slots_ == 0) return false;
    if (!is_hit && std::ssize(order_) >= n_slots_) {
      held_[order_.begin()->second].second = -1;
      order_.erase(order_.begin());
    }
    held_[key] = {rank, now_++};
    order_.insert({held_[key], key});
    return is_hit;
  }

 private:
  using Place = std::pair<double, std::int64_t>;  // rank, time; a time below 0: not held
  std::vector<Place> held_;
  std::set<std::pair<Place, std::int64_t>> order_;
  std::int64_t n_slots_, now_ = 0;
};

// A cache for each layer that has experts; the slots are dealt out evenly, what is left over to the first ones.
std::vector<Ranked> caches_of_layers(const RoutingTrace& trace, std::int64_t n_slots) {
  std::vector<bool> has_experts(trace.n_layers);
  for (const RoutingTrace::Choice& choice : trace.choices) has_experts[choice.layer] = true;
  const std::int64_t n = std::count(has_experts.begin(), has_experts.end(), true), each = n_slots / n;
  std::int64_t left = n_slots % n;
  std::vector<Ranked> caches;
  for (const bool has : has_experts) caches.emplace_back(trace.n_experts, has ? each + (left-- > 0 ? 1 : 0) : 0);
  return caches;
}

ReplayResult replay_lfu(const RoutingTrace& trace, std::int64_t n_slots) {
  Ranked cache(trace.n_layers * trace.n_experts, n_slots);
  std::vector<std::int64_t> uses(trace.n_layers * trace.n_experts);
  return play(trace, [&](std::int64_t layer, std::int32_t id, std::int64_t) {
    const std::int64_t key = layer * trace.n_experts + id;
    return cache.access(key, static_cast<double>(++uses[key]));
  });
}

// A choice weighs twice as much as one that is a half-life older, and counts are compared as logarithms: so the order of two experts only
// changes when one is chosen, and nothing has to fade.
ReplayResult replay_layer_lfu(const RoutingTrace& trace, std::int64_t n_slots) {
  std::vector<Ranked> caches = caches_of_layers(trace, n_slots);
  std::vector<double> counts(trace.n_layers * trace.n_experts, -std::numeric_limits<double>::infinity());  // log2
  ReplayResult result;
  result.layers.resize(trace.n_layers);
  std::vector<std::int64_t> n_tokens(trace.n_layers);
  for (const RoutingTrace::Choice& choice : trace.choices) {
    const double one = static_cast<double>(n_tokens[choice.layer]++) / kLayerLfuHalfLife;
    for (const std::int32_t id : trace.experts_of(choice)) {
      double& count = counts[choice.layer * trace.n_experts + id];
      count = std::max(count, one) + std::log2(1 + std::exp2(std::min(count, one) - std::max(count, one)));
      const bool is_hit = caches[choice.layer].access(id, count);
      if (!choice.is_decode) continue;
      result.layers[choice.layer].hits += is_hit;
      ++result.layers[choice.layer].accesses;
    }
  }
  return result;
}

ReplayResult replay_belady(const RoutingTrace& trace, std::int64_t n_slots) {
  // when each access's expert is wanted next
  std::vector<std::int64_t> next(trace.experts.size());
  std::vector<std::int64_t> seen(trace.n_layers * trace.n_experts, std::ssize(next));
  for (std::int64_t c = std::ssize(trace.choices) - 1; c >= 0; --c) {
    const RoutingTrace::Choice& choice = trace.choices[c];
    for (std::int64_t i = choice.first + choice.n - 1; i >= choice.first; --i)
      next[i] = std::exchange(seen[choice.layer * trace.n_experts + trace.experts[i]], i);
  }
  Ranked cache(trace.n_layers * trace.n_experts, n_slots);
  return play(trace, [&](std::int64_t layer, std::int32_t id, std::int64_t i) {
    return cache.access(layer * trace.n_experts + id, -static_cast<double>(next[i]));
  });
}

}  // namespace

const char* name_of(ExpertPolicy policy) {
  switch (policy) {
    case ExpertPolicy::ours: return "ours";
    case ExpertPolicy::lru: return "lru";
    case ExpertPolicy::lfu: return "lfu";
    case ExpertPolicy::layer_lru: return "layer_lru";
    case ExpertPolicy::layer_lfu: return "layer_lfu";
    case ExpertPolicy::belady: return "belady";
  }
  return "";
}

std::optional<ExpertPolicy> expert_policy_of(std::string_view name) {
  for (const ExpertPolicy policy : kExpertPolicies) {
    if (name == name_of(policy)) return policy;
  }
  return {};
}

ReplayResult::Layer ReplayResult::total() const {
  Layer sum;
  for (const Layer& layer : layers) sum.hits += layer.hits, sum.accesses += layer.accesses;
  return sum;
}

ReplayResult replay(const RoutingTrace& trace, ExpertPolicy policy, std::int64_t n_slots, const ExpertProfile* warm) {
  switch (policy) {
    case ExpertPolicy::ours: return replay_ours(trace, n_slots, warm);
    case ExpertPolicy::lru: {
      Ranked cache(trace.n_layers * trace.n_experts, n_slots);
      return play(trace, [&](std::int64_t layer, std::int32_t id, std::int64_t) { return cache.access(layer * trace.n_experts + id, 0); });
    }
    case ExpertPolicy::layer_lru: {
      std::vector<Ranked> caches = caches_of_layers(trace, n_slots);
      return play(trace, [&](std::int64_t layer, std::int32_t id, std::int64_t) { return caches[layer].access(id, 0); });
    }
    case ExpertPolicy::lfu: return replay_lfu(trace, n_slots);
    case ExpertPolicy::layer_lfu: return replay_layer_lfu(trace, n_slots);
    case ExpertPolicy::belady: return replay_belady(trace, n_slots);
  }
  return {};
}

ExpertProfile profile_of(const RoutingTrace& trace) {
  ReuseEstimate estimate(trace.n_layers, trace.n_experts);
  for (const RoutingTrace::Choice& choice : trace.choices) estimate.saw(choice.layer, trace.experts_of(choice), 1, 0);
  return estimate.profile();
}

std::vector<std::int64_t> lru_stack_distances(const RoutingTrace& trace) {
  std::vector<std::int64_t> n_at(trace.n_layers * trace.n_experts);
  StackDistances distances(std::ssize(n_at));
  for (const RoutingTrace::Choice& choice : trace.choices) {
    for (const std::int32_t id : trace.experts_of(choice)) {
      const std::int64_t distance = distances.access(choice.layer * trace.n_experts + id);
      if (choice.is_decode && distance > 0) ++n_at[distance - 1];
    }
  }
  return n_at;
}

}  // namespace pio
