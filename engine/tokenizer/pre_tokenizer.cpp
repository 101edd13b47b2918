#include "engine/tokenizer/pre_tokenizer.h"

#include "engine/tokenizer/unicode.h"

namespace pio {

namespace {

// A character of the text, or the end.
struct Char {
  char32_t code = 0;
  int n_bytes = 0;  // 0 at the end
  CharClass kind = CharClass::space;

  bool at_end() const { return n_bytes == 0; }
  bool is(CharClass wanted) const { return n_bytes != 0 && kind == wanted; }
  bool is_newline() const { return code == '\r' || code == '\n'; }
};

// All positions are bytes, and starts of characters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Char at(std::size_t pos) const {
    if (pos >= text_.size()) return {};
    const Utf8Step step = utf8_step(text_.substr(pos));
    return {step.code, step.n_bytes, class_of(step.code)};
  }

  // The end of the run of `kind` that begins at `pos`, of at most `limit` characters.
  std::size_t run(std::size_t pos, CharClass kind, std::size_t limit = static_cast<std::size_t>(-1)) const {
    for (std::size_t n = 0; n < limit; ++n) {
      const Char c = at(pos);
      if (!c.is(kind)) break;
      pos += c.n_bytes;
    }
    return pos;
  }

  // 's 't 'm 'd 're 've 'll at `pos`: its bytes, or 0. With `any_case` also 'S and so on, and U+017F, which folds to s.
  std::size_t contraction(std::size_t pos, bool any_case) const {
    if (text_[pos] != '\'' || pos + 1 == text_.size()) return 0;
    if (any_case && text_.substr(pos + 1, 2) == "\xC5\xBF") return 3;
    const auto letter = [&](std::size_t at) {
      const char c = at < text_.size() ? text_[at] : '\0';
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    const char first = letter(pos + 1), second = letter(pos + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l')) return 3;
    return 0;
  }

  // A run of white space that begins at `pos`: [\s*[\r\n]+|] \s+(?!\S)|\s+
  std::size_t white_space(std::size_t pos, bool to_last_newline) const {
    std::size_t end = pos, last = pos, after_newline = pos;
    for (Char c = at(pos); c.is(CharClass::space); c = at(end)) {
      last = end;
      end += c.n_bytes;
      if (c.is_newline()) after_newline = end;
    }
    if (to_last_newline && after_newline > pos) return after_newline;
    if (end == text_.size() || last == pos) return end;
    return last;  // the last space goes with the word after it
  }

  std::size_t gpt2_piece(std::size_t pos) const {
    if (const std::size_t n = contraction(pos, false)) return pos + n;
    const std::size_t start = pos + (text_[pos] == ' ' ? 1 : 0);
    const Char c = at(start);
    if (c.at_end() || c.kind == CharClass::space) return white_space(pos, false);
    return run(start, c.kind);
  }

  std::size_t qwen2_piece(std::size_t pos, std::size_t max_numbers) const {
    if (const std::size_t n = contraction(pos, true)) return pos + n;
    const Char c = at(pos);
    if (c.kind == CharClass::letter) return run(pos, CharClass::letter);
    if (c.kind == CharClass::number) return run(pos, CharClass::number, max_numbers);
    const Char next = at(pos + c.n_bytes);
    if (!c.is_newline() && next.is(CharClass::letter)) return run(pos + c.n_bytes, CharClass::letter);
    const bool space_before = c.code == ' ' && next.is(CharClass::other);
    if (c.kind == CharClass::space && !space_before) return white_space(pos, true);
    std::size_t end = run(pos + (space_before ? 1 : 0), CharClass::other);
    while (end < text_.size() && (text_[end] == '\r' || text_[end] == '\n')) ++end;
    return end;
  }

 private:
  std::string_view text_;
};

template <class F>
void cut(std::string_view text, const std::function<void(std::string_view)>& piece, F end_of_piece) {
  const Scanner scanner(text);
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t end = end_of_piece(scanner, pos);
    piece(text.substr(pos, end - pos));
    pos = end;
  }
}

void cut_gpt2(std::string_view text, const std::function<void(std::string_view)>& piece) {
  cut(text, piece, [](const Scanner& s, std::size_t pos) { return s.gpt2_piece(pos); });
}

}  // namespace

std::optional<SplitRule> split_rule_of_pattern(std::string_view pattern) {
  if (pattern == kQwen2Pattern) return SplitRule::qwen2;
  if (pattern == kLlama3Pattern) return SplitRule::llama3;
  if (pattern == kGpt2Pattern) return SplitRule::gpt2;
  // The same as OpenAI first wrote it.
  if (pattern == R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") return SplitRule::gpt2;
  return std::nullopt;
}

std::optional<SplitRule> split_rule_of_gguf(std::string_view pre) {
  if (pre == "qwen2") return SplitRule::qwen2;
  if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3" || pre == "glm4" || pre == "chatglm-bpe") return SplitRule::llama3;
  if (pre == "smollm") return SplitRule::smollm;
  if (pre == "gpt-2") return SplitRule::gpt2;
  return std::nullopt;
}

void split(SplitRule rule, std::string_view text, const std::function<void(std::string_view)>& piece) {
  switch (rule) {
    case SplitRule::gpt2: return cut_gpt2(text, piece);
    case SplitRule::qwen2: return cut(text, piece, [](const Scanner& s, std::size_t pos) { return s.qwen2_piece(pos, 1); });
    case SplitRule::llama3: return cut(text, piece, [](const Scanner& s, std::size_t pos) { return s.qwen2_piece(pos, 3); });
    case SplitRule::smollm: break;
  }
  std::size_t start = 0;
  for (std::size_t pos = 0; pos < text.size();) {
    const Utf8Step step = utf8_step(text.substr(pos));
    const std::size_t end = pos + step.n_bytes;
    if (is_digit(step.code)) {
      cut_gpt2(text.substr(start, pos - start), piece);
      piece(text.substr(pos, end - pos));
      start = end;
    }
    pos = end;
  }
  cut_gpt2(text.substr(start), piece);
}

}  // namespace pio
