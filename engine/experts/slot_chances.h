#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/experts/reuse_estimate.h"

// What of the tokens' choices will be in slots that do not change hands, as a card's do not during an answer. Pure.

namespace pio {

// Of one layer of whose experts some are in slots.
struct SlotChances {
  double share = 0;          // of the choices, those whose expert is in a slot
  double none = 1, all = 0;  // that of a token's choices none is, that all are
};

// Of a token that chooses n_used of a layer's experts; `shares` [n_experts] of the tokens that choose each, 0 to 1. The choices of a token differ, and
// are independent but for that (conditional Bernoulli sampling): of equal shares the chances are the hypergeometric distribution's.
SlotChances slot_chances(std::span<const double> shares, const std::vector<bool>& is_in_slot, std::int64_t n_used);

// Of each layer of a kind where ExpertPlaces has filled n_slots from `profile`, for tokens that are decoded. One half of those of the profile says how often
// experts are chosen that its other tokens have in slots, and then the other half: so what was chosen often by chance is not taken for likelier than it
// is. Without a profile, or one of decoded tokens, every expert is as likely. [n_layers]
std::vector<SlotChances> slot_chances(const ExpertProfile* profile, std::int64_t n_layers, std::int64_t n_experts, std::int64_t n_slots,
                                      std::int64_t n_used);

}  // namespace pio
