#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/base/result.h"

namespace pio {

// Writes float32 [n_rows, n_columns] as NumPy's .npy, version 1.0 (numpy.lib.format). Fails with io{path}; a half-written file is removed.
Result<void> write_npy(const std::string& path, std::span<const float> values, std::int64_t n_rows, std::int64_t n_columns);

}  // namespace pio
