#pragma once

namespace pio {

// How often a chosen expert is where there is room for `share` of all of them (0 to 1), as was measured of models that route as texts ask
// (Qwen3-30B and others; performance.md 4.2). Pure.
double hit_rate_of(double share);

}  // namespace pio
