#pragma once

#include <memory>

#include "kernels/backend.h"

// The specification of every op, as code: one thread, one value after the other, sums in double, weights decoded row by row and never
// rounded again. Slow on purpose; what the other backends are measured against. Indices in device memory are checked here.

namespace pio {

std::unique_ptr<Backend> create_reference_backend();

}  // namespace pio
