#pragma once

#include "models/blocks/dense_decoder.h"
#include "models/qwen3_vl_2b/image_input.h"

namespace pio {

// The language half: Qwen3's dense decoder with 3-D positions.
Result<DenseConfig> read_qwen3_vl_config(const WeightSource& source);

// The vision encoder (models.md 3.a). Lengths in values.
struct VisionConfig {
  std::int64_t n_blocks = 0;
  std::int64_t dim = 0;  // of a patch in the vision encoder
  std::int64_t n_heads = 0;
  std::int64_t hidden_dim = 0;   // inside the feed-forward block
  std::int64_t out_dim = 0;      // the language model's
  std::int64_t n_positions = 0;  // rows of the position table, a square
  float norm_eps = 0;
  double rope_theta = 0;
  std::vector<std::int64_t> deepstack_blocks;  // rising: whose outputs go to the language model's first layers too
  ImageInputConfig input;

  std::int64_t head_dim() const { return dim / n_heads; }
  std::int64_t table_side() const;  // square root of n_positions
  std::int64_t merged_dim() const { return dim * input.merge_size * input.merge_size; }
};

// Of a folder's config.json and preprocessor files, or of a GGUF mmproj.
Result<VisionConfig> read_vision_config(const WeightSource& source);

}  // namespace pio
