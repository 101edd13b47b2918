#pragma once

#include "models/blocks/dense_decoder.h"

namespace pio {

// Of a source whose architecture is "llama" or "qwen2".
Result<DenseConfig> read_small_dense_config(const WeightSource& source);

}  // namespace pio
