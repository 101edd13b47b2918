#pragma once

#include "models/blocks/dense_decoder.h"

namespace pio {

// Of a source whose architecture is "qwen3_moe" (Hugging Face) or "qwen3moe" (GGUF).
Result<DenseConfig> read_qwen3_moe_config(const WeightSource& source);

}  // namespace pio
