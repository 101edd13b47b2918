#pragma once

#include <cstdint>

#include "kernels/backend.h"

namespace pio {

// route_experts for one token, on host memory. The scores of a hundred experts are nothing beside the products that follow, so every
// backend of the host shares this one body.
//   logits [n_experts];  bias [n_experts] or null;  ids, weights [n_used]
void route_token(const float* logits, const float* bias, std::int64_t n_experts, const RoutingParams& params, std::int64_t n_used,
                 std::int32_t* ids, float* weights);

}  // namespace pio
