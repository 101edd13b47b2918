#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/experts/routing_trace.h"

namespace pio {

// A recorded trace as what a model of another shape chooses, token by token: so that a cache of experts meets the routing of real words in a file of
// random weights. Pure. The rules: tokens are the trace's in the order of their turns and steps; the model's mixtures have the trace's in their order,
// again from the first where there are more; an expert beyond the model's wraps around; where a token chooses more experts than the trace says, these
// repeat from the first on, where fewer, the first ones count. A token that the trace says nothing of in a mixture chooses what the one before did.
class TracePlayer {
 public:
  TracePlayer(const RoutingTrace& trace, std::int64_t n_experts, std::int64_t n_used);

  std::int64_t n_tokens() const { return std::ssize(is_decode_); }
  bool is_decode(std::int64_t token) const { return is_decode_[static_cast<std::size_t>(token)]; }
  // What a token chooses in the model's mixture of this number, [n_used].
  std::span<const std::int32_t> ids(std::int64_t token, std::int64_t mixture) const;

 private:
  std::int64_t n_used_, n_mixtures_ = 0;
  std::vector<bool> is_decode_;
  std::vector<std::int32_t> ids_;  // [n_tokens, n_mixtures, n_used]
};

}  // namespace pio
