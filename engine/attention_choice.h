#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"

// What a chosen attention kind keeps, and what no kind may drop.

namespace pio {

// The choice as the ops read it. Fails with bad_argument where a number makes no sense.
Result<KvSelection> selection_of(const AttentionChoice& choice);

// Tokens first … end - 1 of a prompt.
struct TokenRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
  friend bool operator==(const TokenRange&, const TokenRange&) = default;
};

// The tokens of a prompt that every kind keeps: all before the first message that is not a system's (the template's words, tools and system
// messages), and those that spell one of `texts`, wherever it stands. Ids without bytes (a picture's) spell nothing. Ranges may overlap.
std::vector<TokenRange> protected_tokens(const Tokenizer& tokenizer, std::span<const int> ids, const std::vector<ChatMessage>& messages,
                                         const std::vector<std::string>& texts);

}  // namespace pio
