#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/base/result.h"
#include "kernels/dtype.h"

namespace pio {

struct Recipe {
  std::string_view name;   // "Q4_K_M"
  DType base;              // of most tensors
  std::int64_t file_type;  // general.file_type: llama.h, enum llama_ftype
};

// Fails with bad_argument, naming those there are.
Result<Recipe> recipe_of(std::string_view type);

}  // namespace pio
