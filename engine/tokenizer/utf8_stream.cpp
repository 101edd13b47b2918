#include "engine/tokenizer/utf8_stream.h"

#include "engine/tokenizer/unicode.h"

namespace pio {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Python's decoder waits for the third byte of an encoded surrogate before it calls the first two ill-formed; the published streams do too.
bool is_begun_surrogate(std::string_view bytes) {
  return bytes.size() == 2 && bytes[0] == '\xED' && (static_cast<unsigned char>(bytes[1]) & 0xE0) == 0xA0;
}

// Appends the finished characters of `bytes` and returns what may still become one.
std::string_view append_finished(std::string& text, std::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (step.kind == Utf8Step::Kind::unfinished || is_begun_surrogate(bytes)) break;
    text += step.kind == Utf8Step::Kind::character ? bytes.substr(0, step.n_bytes) : kReplacement;
    bytes.remove_prefix(step.n_bytes);
  }
  return bytes;
}

// What is left at the end: one ill-formed part, but two for a surrogate's first two bytes.
void append_end(std::string& text, std::string_view held) {
  if (!held.empty()) text += kReplacement;
  if (is_begun_surrogate(held)) text += kReplacement;
}

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  held_ += bytes;
  std::string text;
  held_ = std::string(append_finished(text, held_));
  return text;
}

std::string Utf8Stream::finish() {
  std::string text;
  append_end(text, held_);
  held_.clear();
  return text;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  append_end(text, append_finished(text, bytes));
  return text;
}

}  // namespace pio
