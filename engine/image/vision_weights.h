#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/files/loaded_weights.h"
#include "engine/model_note.h"
#include "models/vision.h"

namespace pio {

// The vision encoder of a model that sees, and its weights where they have a file of their own.
struct LoadedVision {
  std::unique_ptr<LoadedWeights> weights;  // null: they lie with the language model's
  std::unique_ptr<Vision> vision;          // null: text only
  std::vector<ModelNote> notes;            // what a person should know
};

// Where the vision encoder of a GGUF file may lie; a request's, which must outlive it.
struct VisionPlaces {
  const std::string& mmproj;              // "": not named
  const std::vector<std::string>& spare;  // else, behind the files beside the model
};
// The files that a vision encoder is looked for in where none is named, the best first: those beside the model whose names begin with "mmproj",
// the name most like the model's, of equals the larger file; then those of `spare` that are there.
std::vector<std::filesystem::path> vision_candidates(const std::filesystem::path& model, const std::vector<std::string>& spare);

// Of a folder its own vision encoder; of a GGUF file the one in the file that is named, or the first candidate that fits it. A model that should see
// and has no vision encoder is one for text, and a note says so. Fails where a file is named and does not fit, and after a stop. `progress` is told of
// the bytes of a file of its own. `language` are the weights of `model`; they and `backend` must outlive it.
Result<LoadedVision> load_vision(const VisionPlaces& places, const ModelFile& model, WeightSource& language, const ModelSpec& spec, Backend& backend,
                                 const PlacingProgress& progress = {}, const std::stop_token& stop = {});

}  // namespace pio
