#pragma once

#include "models/blocks/attention.h"
#include "models/hyper.h"

namespace pio {

// What llama and qwen2 differ in, and what they share. Lengths in values.
struct SmallDenseConfig {
  DenseHyper hyper;
  AttentionConfig attention;
  RopePairing pairing = RopePairing::half;
};

// Of a source whose architecture is "llama" or "qwen2".
Result<SmallDenseConfig> read_small_dense_config(const WeightSource& source);

}  // namespace pio
