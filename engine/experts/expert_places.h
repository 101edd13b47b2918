#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/experts/expert_cache.h"

// Which experts are to lie in slots that seldom change hands: a card's, whose missing experts the processor computes. Pure, and the same for the same past.

namespace pio {

// Slots of one size for experts of several layers. The share of a layer's tokens that chose an expert, fading by half in kHalfLife tokens, says what a slot
// is worth. Nothing changes hands by itself: whoever owns the slots' memory asks, fills them and tells.
class ExpertPlaces {
 public:
  using Expert = ExpertCache::Expert;
  static constexpr double kHalfLife = 256;  // tokens
  // An expert that is chosen by so much more of the tokens is worth being brought.
  static constexpr float kLeastGain = 1.0F / 64;
  // As if some 16 tokens had chosen none before the first one.
  static constexpr float kDoubt = 0.042F;

  ExpertPlaces(std::int64_t n_layers, std::int64_t n_experts, std::int64_t n_slots);

  // As if the tokens so far had chosen so.
  void begin_with(const ExpertProfile& profile);
  // The layer's next tokens chose these: ids [n_tokens, n_used].
  void saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens);

  // What is to be read into a slot, and what lies there now.
  struct Change {
    Expert in;
    std::int32_t slot = -1;
    std::optional<Expert> out;
  };
  // At most so many, the most useful first: into empty slots those that are chosen most, of as many layers as there are where nothing is known; then those
  // that are chosen kLeastGain more than the one whose slot they get.
  std::vector<Change> changes(std::int64_t most) const;
  // The slot's expert is gone, and this one lies there.
  void put(std::int32_t slot, const Expert& expert);
  void clear(std::int32_t slot);

  std::int64_t n_slots() const { return static_cast<std::int64_t>(held_.size()); }
  const Expert& held(std::int32_t slot) const { return held_[static_cast<std::size_t>(slot)]; }  // layer -1: none
  // Of the layer's tokens, those that chose it; of the first few less than that.
  float share(const Expert& expert) const { return shares_[key(expert)] / (seen_[static_cast<std::size_t>(expert.layer)] + kDoubt); }

 private:
  std::size_t key(const Expert& expert) const { return static_cast<std::size_t>(expert.layer * n_experts_ + expert.id); }

  std::int64_t n_layers_, n_experts_;
  std::vector<float> shares_;  // [n_layers, n_experts], of all that a layer could have seen,
  std::vector<float> seen_;    // [n_layers] and what of that it has, 0 to 1
  std::vector<bool> is_held_;  // [n_layers, n_experts]
  std::vector<Expert> held_;   // [n_slots]
};

}  // namespace pio
