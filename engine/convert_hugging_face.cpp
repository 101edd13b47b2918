#include "engine/convert.h"

namespace pio {

Result<void> convert_hugging_face(const ModelFile& file, const std::filesystem::path&, ConvertedModel&) {
  return make_error(ErrorCode::not_available, file.label() + ": expected a GGUF file, found a Hugging Face folder");
}

}  // namespace pio
