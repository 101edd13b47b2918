#pragma once

#include <string>
#include <string_view>

// Bytes as they come, characters as they are finished. Bytes that may still become a character are held back; as soon as they cannot,
// each maximal ill-formed part becomes one U+FFFD (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts").

namespace pio {

class Utf8Stream {
 public:
  // The characters finished by these bytes.
  std::string push(std::string_view bytes);
  // What is left at the end: nothing or U+FFFD (twice for the first two bytes of an encoded surrogate).
  std::string finish();

 private:
  std::string held_;  // at most three bytes: a well-formed beginning
};

// The whole text at once.
std::string valid_utf8(std::string_view bytes);

}  // namespace pio
