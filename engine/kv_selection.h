#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"

// Which cached tokens a selection may leave out: its numbers, and the tokens that every selection keeps.

namespace pio {

// Fails with bad_argument where a number makes no sense, whatever the kind.
Result<void> check_selection(const KvSelection& selection);

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
