#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/experts/reuse_estimate.h"

// Which experts lie in memory where not all of them fit: a number of slots, and who holds each. Pure: whoever owns the slots' memory reads what
// `take` says is missing. One thread.

namespace pio {

// All slots have one size, and every layer may hold any of them: a layer that routes evenly gets more, as its experts' chances say. Layers
// whose experts are of another size have a cache of their own. Nothing is allocated after the constructor but in `warm`, `give_back`,
// `receive`, `shrink` and `grow`.
class ExpertCache {
 public:
  struct Expert {
    std::int64_t layer = -1;
    std::int32_t id = -1;
    friend bool operator==(const Expert&, const Expert&) = default;
  };
  struct Place {
    Expert expert;
    std::int32_t slot = -1;
    bool is_hit = false;            // else it has to be read into the slot
    std::optional<Expert> evicted;  // that lay there before
  };
  struct Counts {
    std::int64_t hits = 0, misses = 0, evictions = 0;  // evictions: of this layer's experts, for whatever layer
  };

  ExpertCache(std::int64_t n_layers, std::int64_t n_experts, std::int64_t n_slots);

  // The layer's next tokens, in their order, chose these: ids [n_tokens, n_used]. Once a step and layer, before `take`.
  void saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens);

  // Slots for experts that are wanted now, each id once; in the order of `ids`. They are in use until `release`: nothing evicts them. An expert
  // that is already in use stays so for each `take`. There must be `n_available` slots for those that `is_held` denies. The span holds
  // until the next call.
  std::span<const Place> take(std::int64_t layer, std::span<const std::int32_t> ids);
  void release(std::int64_t layer, std::span<const std::int32_t> ids);
  // It could not be read: its slot is empty, whoever uses it.
  void forget(std::int64_t layer, std::int32_t id);

  bool is_held(std::int64_t layer, std::int32_t id) const { return slots_[key(layer, id)] >= 0; }
  // Slots that are empty or whose expert is not in use.
  std::int64_t n_available() const { return n_slots_ - n_in_use_; }
  std::int64_t n_slots() const { return n_slots_; }
  std::int64_t n_held(std::int64_t layer) const { return n_held_[layer]; }
  const Counts& counts(std::int64_t layer) const { return counts_[layer]; }
  void reset_counts();

  // What `begin_with` of the estimate does, and what the empty slots are to be filled with, likeliest first. Before the first token.
  std::vector<Place> warm(const ExpertProfile& profile);
  ExpertProfile profile() const { return estimate_.profile(); }

  // Takes n slots, or as many as are not in use, out of the cache: empty ones, then those whose experts are least likely to be wanted.
  std::vector<std::int32_t> give_back(std::int64_t n);
  // Slots of the first n_slots that were given back.
  void receive(std::span<const std::int32_t> slots);

  // As give_back, but what goes are the last n slots, so that their memory can go too: those of their experts that stay move to other slots.
  // Nothing goes while experts are in use.
  struct Move {
    Expert expert;
    std::int32_t from = -1, to = -1;
  };
  std::vector<Move> shrink(std::int64_t n);
  // n empty slots more, behind the others.
  void grow(std::int64_t n);

 private:
  // The least likely expert of a layer that could go.
  struct Lowest {
    float chance = 0;
    std::int32_t id = -1;  // none
    bool is_known = false;
  };
  std::int64_t key(std::int64_t layer, std::int32_t id) const { return layer * n_experts_ + id; }
  const Lowest& lowest(std::int64_t layer);
  // The expert that makes room for one of `layer`, or none.
  std::optional<Expert> victim(std::int64_t layer);
  std::int32_t empty(const Expert& expert);
  void hold(const Expert& expert, std::int32_t slot);

  std::int64_t n_layers_, n_experts_, n_slots_, n_in_use_ = 0;
  ReuseEstimate estimate_;
  std::vector<std::int32_t> slots_;  // [n_layers, n_experts]; -1: not held
  std::vector<std::int32_t> uses_;   // [n_layers, n_experts] takes that are not released
  std::vector<std::int32_t> empty_;  // slots, the next one last
  std::vector<Lowest> lowest_;       // [n_layers]
  std::vector<std::int64_t> n_held_;
  std::vector<Counts> counts_;
  std::vector<Place> places_;
  float margin_ = 0;  // the chance of those that went of late
};

}  // namespace pio
