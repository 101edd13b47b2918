#pragma once

#include <cstdint>

namespace pio {

// llama.cpp's token types, as they stand in tokenizer.ggml.token_type (gguf.md).
enum GgufTokenType : std::int64_t { kNormalToken = 1, kUnknownToken = 2, kControlToken = 3, kUserDefinedToken = 4, kUnusedToken = 5, kByteToken = 6 };

}  // namespace pio
