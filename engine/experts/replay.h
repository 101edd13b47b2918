#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/experts/reuse_estimate.h"
#include "engine/experts/routing_trace.h"

// A recorded trace, played again through caches of experts. Pure.

namespace pio {

enum class ExpertPolicy {
  ours,       // ExpertCache
  lru,        // the one goes that was used longest ago, of all layers
  lfu,        // the one that was used least often since the beginning; of equals the one used longest ago
  layer_lru,  // LRU in each layer, which has its part of the slots for itself
  layer_lfu,  // in each layer the one used least often, fading by half in 16 tokens
  belady,     // the one that will not be wanted for the longest time: no cache can do better (Belady 1966)
};
inline constexpr ExpertPolicy kExpertPolicies[] = {ExpertPolicy::ours,      ExpertPolicy::lru,       ExpertPolicy::lfu,
                                                   ExpertPolicy::layer_lru, ExpertPolicy::layer_lfu, ExpertPolicy::belady};
const char* name_of(ExpertPolicy policy);
std::optional<ExpertPolicy> expert_policy_of(std::string_view name);

// Of the experts that generated tokens chose.
struct ReplayResult {
  struct Layer {
    std::int64_t hits = 0, accesses = 0;
  };
  std::vector<Layer> layers;
  Layer total() const;
};

// From empty, or from `warm` where the policy is ours. Every choice is played in its order, those of generated tokens are counted.
// n_slots: at least trace.most_chosen().
ReplayResult replay(const RoutingTrace& trace, ExpertPolicy policy, std::int64_t n_slots, const ExpertProfile* warm = nullptr);

// What a run like this one may begin with.
ExpertProfile profile_of(const RoutingTrace& trace);

// [i]: how many experts that generated tokens chose are hits of LRU with i + 1 slots and not with i. What is left of their number was
// wanted for the first time.
std::vector<std::int64_t> lru_stack_distances(const RoutingTrace& trace);

}  // namespace pio
