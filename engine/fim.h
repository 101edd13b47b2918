#pragma once

#include <string>
#include <string_view>

#include "engine/engine.h"

// Fill in the middle: what belongs between two texts of a file.

namespace pio {

struct FimPrompt {
  GenerateRequest request;     // greedy, at most 512 tokens (Qwen3-Coder's README); a caller may change both
  bool may_be_fenced = false;  // the model answers as in a chat: fim_answer takes the code out of its fence
};

// The request whose answer stands between `prefix` and `suffix`, in the family's form; stop tokens included. Nothing that the two texts
// spell becomes a control token. Fails with not_available where the loaded model has no tokens for it, bad_argument where none is loaded.
Result<FimPrompt> fim_prompt(const Engine& engine, std::string_view prefix, std::string_view suffix);

// The code of an answer: what stands in its first fence of ``` lines, or all of it where there is none.
std::string fim_answer(const FimPrompt& prompt, const std::string& text);

// What stands between the first line that begins with ``` and the next such line (or the end), without the newline before it; nothing
// where no line does.
std::optional<std::string> first_fenced(std::string_view text);

}  // namespace pio
