#include "engine/tokenizer/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace pio {

namespace {

constexpr CharClass L = CharClass::letter, N = CharClass::number, S = CharClass::space;

struct Range {
  char32_t first, last;
};
struct ClassRange {
  char32_t first, last;
  CharClass kind;
};
struct CombiningRange {
  char32_t first, last;
  std::uint8_t combining_class;
};
struct Decomposition {
  char32_t code;
  std::uint16_t at;  // in kDecomposed
  std::uint8_t n_codes;
};
struct Composition {
  char32_t first, second, result;
};

#include "engine/tokenizer/unicode/tables.inc"

// The range that holds `code`, or null.
template <class R, std::size_t n>
const R* find_range(const R (&ranges)[n], char32_t code) {
  const R* found = std::upper_bound(std::begin(ranges), std::end(ranges), code, [](char32_t c, const R& r) { return c < r.first; });
  if (found == std::begin(ranges) || code > (--found)->last) return nullptr;
  return found;
}

constexpr std::array<CharClass, 128> make_ascii_classes() {
  std::array<CharClass, 128> classes{};
  for (const ClassRange& range : kClasses) {
    for (char32_t code = range.first; code <= range.last && code < 128; ++code) classes[code] = range.kind;
  }
  return classes;
}
constexpr std::array<CharClass, 128> kAsciiClasses = make_ascii_classes();

int combining_class(char32_t code) {
  if (code < 0x300) return 0;
  const CombiningRange* range = find_range(kCombining, code);
  return range ? range->combining_class : 0;
}

// Hangul syllables: Unicode 15, section 3.12.
constexpr char32_t kHangulS = 0xAC00, kHangulL = 0x1100, kHangulV = 0x1161, kHangulT = 0x11A7;
constexpr char32_t kHangulNL = 19, kHangulNV = 21, kHangulNT = 28, kHangulNS = kHangulNL * kHangulNV * kHangulNT;

void append_decomposed(std::vector<char32_t>& codes, char32_t code) {
  if (code < 0xC0) {
    codes.push_back(code);
  } else if (code - kHangulS < kHangulNS) {  // unsigned: also false below the first syllable
    const char32_t s = code - kHangulS;
    codes.push_back(kHangulL + s / (kHangulNV * kHangulNT));
    codes.push_back(kHangulV + s % (kHangulNV * kHangulNT) / kHangulNT);
    if (s % kHangulNT != 0) codes.push_back(kHangulT + s % kHangulNT);
  } else {
    const auto* found =
        std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), code, [](const Decomposition& d, char32_t c) { return d.code < c; });
    if (found != std::end(kDecompositions) && found->code == code) {
      codes.insert(codes.end(), kDecomposed + found->at, kDecomposed + found->at + found->n_codes);
    } else {
      codes.push_back(code);
    }
  }
}

// The primary composite of the two, or 0.
char32_t composed(char32_t first, char32_t second) {
  if (first - kHangulL < kHangulNL && second - kHangulV < kHangulNV) {
    return kHangulS + ((first - kHangulL) * kHangulNV + (second - kHangulV)) * kHangulNT;
  }
  if (first - kHangulS < kHangulNS && (first - kHangulS) % kHangulNT == 0 && second > kHangulT && second - kHangulT < kHangulNT) {
    return first + (second - kHangulT);
  }
  const auto before = [](const Composition& a, const Composition& b) { return a.first != b.first ? a.first < b.first : a.second < b.second; };
  const auto* found = std::lower_bound(std::begin(kCompositions), std::end(kCompositions), Composition{first, second, 0}, before);
  return found != std::end(kCompositions) && found->first == first && found->second == second ? found->result : 0;
}

// Stable, by combining class, each run of characters whose class is not 0.
void order_canonically(std::vector<char32_t>& codes) {
  std::vector<std::pair<int, char32_t>> run;
  for (std::size_t i = 0; i < codes.size();) {
    run.clear();
    std::size_t end = i;
    for (; end < codes.size(); ++end) {
      const int combining = combining_class(codes[end]);
      if (combining == 0) break;
      run.emplace_back(combining, codes[end]);
    }
    if (run.size() > 1) {
      std::stable_sort(run.begin(), run.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (std::size_t k = 0; k < run.size(); ++k) codes[i + k] = run[k].second;
    }
    i = end + (run.empty() ? 1 : 0);
  }
}

// Unicode 15, D117: each character joins the last starter unless one of the same or a higher class, or a starter, stands between.
void compose(std::vector<char32_t>& codes) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t starter = kNone, out = 0;
  int last_class = 0;  // of the last character kept after the starter; 0 when there is none
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const char32_t code = codes[i];
    const int combining = combining_class(code);
    const bool next_to_starter = starter != kNone && out == starter + 1;
    if (starter != kNone && (next_to_starter || (last_class < combining && last_class != 0))) {
      if (const char32_t joined = composed(codes[starter], code)) {
        codes[starter] = joined;
        continue;
      }
    }
    if (combining == 0) starter = out;
    last_class = combining;
    codes[out++] = code;
  }
  codes.resize(out);
}

}  // namespace

CharClass class_of(char32_t code) {
  if (code < 128) return kAsciiClasses[code];
  const ClassRange* range = find_range(kClasses, code);
  return range ? range->kind : CharClass::other;
}

bool is_digit(char32_t code) {
  if (code < 128) return code >= '0' && code <= '9';
  return find_range(kDigits, code) != nullptr;
}

Utf8Step utf8_step(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {Utf8Step::Kind::character, 1, lead};
  if (lead < 0xC2 || lead > 0xF4) return {Utf8Step::Kind::ill, 1, 0};
  const int n_bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte is bounded more closely where the lead alone would allow overlong forms, surrogates or more than U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code = lead & (0x7Fu >> n_bytes);
  for (int i = 1; i < n_bytes; ++i) {
    if (static_cast<std::size_t>(i) == bytes.size()) return {Utf8Step::Kind::unfinished, i, 0};
    const unsigned next = byte(i);
    if (next < (i == 1 ? low : 0x80u) || next > (i == 1 ? high : 0xBFu)) return {Utf8Step::Kind::ill, i, 0};
    code = code << 6 | (next & 0x3F);
  }
  return {Utf8Step::Kind::character, n_bytes, code};
}

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::string nfc(std::string_view text) {
  // Nothing below U+0300 combines, and all of it is composed already; its lead bytes are below 0xCC.
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0xCC; })) return std::string(text);
  std::vector<char32_t> codes;
  codes.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    append_decomposed(codes, step.code);
    text.remove_prefix(step.n_bytes);
  }
  order_canonically(codes);
  compose(codes);
  std::string normal;
  normal.reserve(codes.size());
  for (const char32_t code : codes) append_utf8(normal, code);
  return normal;
}

}  // namespace pio
