#pragma once

#include "models/blocks/dense_decoder.h"

namespace pio {

// Of a source whose architecture is "glm4_moe_lite" (Hugging Face), "deepseek2" or "glm4-moe-lite" (GGUF).
Result<DenseConfig> read_glm4_moe_lite_config(const WeightSource& source);

}  // namespace pio
