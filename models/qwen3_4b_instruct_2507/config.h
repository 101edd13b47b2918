#pragma once

#include "models/blocks/dense_decoder.h"

namespace pio {

// Of a source whose architecture is "qwen3".
Result<DenseConfig> read_qwen3_config(const WeightSource& source);

}  // namespace pio
