#pragma once

#include "models/blocks/attention.h"
#include "models/hyper.h"

namespace pio {

// Lengths in values.
struct Qwen3Config {
  DenseHyper hyper;
  AttentionConfig attention;
};

// Of a source whose architecture is "qwen3".
Result<Qwen3Config> read_qwen3_config(const WeightSource& source);

}  // namespace pio
