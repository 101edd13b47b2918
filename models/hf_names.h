#pragma once

#include <optional>
#include <string>
#include <string_view>

// One weight, two names: GGUF's, which is ours ("blk.3.attn_q.weight"), and Hugging Face's ("model.layers.3.self_attn.q_proj.weight").

namespace pio {

// Null for a name that no family has. One expert's matrix is "blk.3.ffn_gate.17.weight", as llama.cpp spelled it before it stacked them.
// Names of a text half ("model.language_model.layers.3…") become canonical too; the way back
// leads to the plain spelling.
std::optional<std::string> hugging_face_name(std::string_view canonical);
std::optional<std::string> canonical_name(std::string_view hugging_face);

}  // namespace pio
