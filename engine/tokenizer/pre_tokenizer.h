#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

// Cuts a text into the pieces within which merges may happen. Each rule is a published regular expression, written out by hand: leftmost
// first among the alternatives, as a backtracking engine finds them, but in linear time.

namespace pio {

enum class SplitRule {
  gpt2,    // kGpt2Pattern
  smollm,  // each digit by itself, then kGpt2Pattern on every stretch between digits
  qwen2,   // kQwen2Pattern: each number character by itself
  llama3,  // kLlama3Pattern: up to three of them; GLM-4 has the same
};

inline constexpr std::string_view kGpt2Pattern = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The rule of a tokenizer.json's Split pattern; empty when it is none of the published ones.
std::optional<SplitRule> split_rule_of_pattern(std::string_view pattern);
// The rule of a GGUF's tokenizer.ggml.pre; empty when unknown.
std::optional<SplitRule> split_rule_of_gguf(std::string_view pre);

// Calls `piece` with each piece in order; joined they are `text`, which is well-formed UTF-8.
void split(SplitRule rule, std::string_view text, const std::function<void(std::string_view)>& piece);

}  // namespace pio
