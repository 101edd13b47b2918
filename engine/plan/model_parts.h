#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "engine/files/model_file.h"

// What of a model can lie apart, in bytes: made from its header alone, by the model's own code.

namespace pio {

struct ModelParts {
  struct Layer {
    std::uint64_t dense_bytes = 0;   // that every token reads
    std::uint64_t expert_bytes = 0;  // of all its experts; 0: no mixture
    std::uint64_t state_bytes_per_token = 0;
    bool has_latent = false;  // attention over one latent (MLA)
  };
  std::vector<Layer> layers;
  std::int64_t n_experts = 0, n_used = 0;  // of each mixture; a token's of them
  std::uint64_t head_bytes = 0;            // the output matrix, and what belongs to no layer
  std::uint64_t table_bytes = 0;           // a table of embeddings beside it, of which a token reads a row
  std::uint64_t vision_bytes = 0;
  std::uint64_t scratch_bytes = 0;  // of a pass over kStepTokens
  std::uint64_t vocabulary_bytes = 0;
  std::int64_t trained_context_length = 0;
  double multiply_adds_per_token = 0;  // of a prompt of kStepTokens

  std::uint64_t expert_bytes() const;
  std::uint64_t weight_bytes() const;  // all of it
};

// Fails as planning does: with what the header, or an adapter's, has wrong.
Result<ModelParts> model_parts(const ModelFile& file, const LoadRequest& request);

}  // namespace pio
