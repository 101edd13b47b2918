#pragma once

#include "models/qwen3_vl_2b/config.h"
#include "models/vision.h"

namespace pio {

// Qwen3-VL's vision encoder (models.md 3.2.3 to 3.2.7): a pre-norm transformer over patches, whose blocks of 2 × 2 become one embedding each.
// Memory of a pass: three numbers of dim a patch, queries, keys and values of some heads at a time, and the features; nothing of the size
// of patches². 47,000 patches (4000 × 3000 pixels) of the published encoder need 0.75 GB beside 0.39 GB of features.
Result<std::unique_ptr<Vision>> create_qwen3_vl_vision(WeightSource& source, Backend& backend, const ModelSpec& language_model);

}  // namespace pio
