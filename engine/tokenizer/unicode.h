#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Characters as the published tokenizers see them. Their library mixes three Unicode versions (16.0 for the split patterns, 17.0 for the
// Digits step, 9.0 for NFC); each function names its own.

namespace pio {

// Classes of the split patterns, Unicode 16.0.
enum class CharClass : std::uint8_t {
  other,
  letter,  // \p{L}
  number,  // \p{N}
  space,   // \s: White_Space
};
CharClass class_of(char32_t code);

// Nd, Nl or No of Unicode 17.0: what SmolLM's Digits step isolates.
bool is_digit(char32_t code);

// One step through bytes that may be anything. Unicode 15, table 3-7.
struct Utf8Step {
  enum class Kind {
    character,   // well-formed: `code` is a scalar value
    ill,         // a maximal subpart that can be no character
    unfinished,  // the bytes end where a character may still come
  };
  Kind kind;
  int n_bytes;    // 1 … 4
  char32_t code;  // of a character
};
// `bytes` is not empty.
Utf8Step utf8_step(std::string_view bytes);

// Appends a scalar value.
void append_utf8(std::string& text, char32_t code);

// Normal form C with the tables of Unicode 9.0: characters assigned later have combining class 0 and compose with nothing.
// `text` is well-formed UTF-8.
std::string nfc(std::string_view text);

}  // namespace pio
