#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/backend.h"

namespace pio {

// The logits of one token's router and where its choice goes.
struct TokenRoute {
  const float* logits;  // [n_experts]
  const float* bias;    // [n_experts] or null
  std::int64_t n_experts;
  std::int64_t n_used;
  std::int32_t* ids;  // [n_used]
  float* weights;     // [n_used]
};

// Floats of scratch that route_token works in.
inline std::int64_t route_scratch_floats(std::int64_t n_experts) { return 4 * n_experts; }

// route_experts for one token, on host memory, without an allocation. The scores of a hundred experts are nothing beside the products that
// follow, so every backend of the host shares this one body.
void route_token(const TokenRoute& token, const RoutingParams& params, float* scratch);

}  // namespace pio
