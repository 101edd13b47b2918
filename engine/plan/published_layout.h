#pragma once

#include <memory>
#include <string_view>

#include "engine/files/model_file.h"

// What a published file holds before anybody has it: its tensors as computed from the model's shape and the recipe of its format (models.md
// 1 to 6, 8.3), and the metadata that a plan needs. No bytes, and no vocabulary, whose few megabytes a plan made from it lacks. Publishers with
// recipes of their own give other bytes.

namespace pio {

// `name` of the catalogue ("GLM-4.7-Flash"), `quantization` a recipe ("Q4_K_M"), in upper or lower case. Fails with not_found where the shape
// is not known here, with bad_argument on a recipe that is none.
Result<std::unique_ptr<ModelFile>> published_layout(std::string_view name, std::string_view quantization);

}  // namespace pio
