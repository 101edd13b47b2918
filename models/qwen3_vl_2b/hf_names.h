#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pio {

// Weights of Qwen3-VL's vision encoder: GGUF's names of an mmproj ("v.blk.3.ln1.weight") and Hugging Face's ("model.visual.blocks.3.norm1.weight").
// Deepstack mergers carry their block's number in GGUF and their own in Hugging Face: the number is left as it is. Null for other names.
std::optional<std::string> hugging_face_vision_name(std::string_view canonical);
std::optional<std::string> canonical_vision_name(std::string_view hugging_face);

}  // namespace pio
