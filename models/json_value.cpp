#include "models/json_value.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

namespace pio {

namespace {

// Python gives up near 1,000 levels; conversations have ten. The tree is walked and destroyed recursively, so there has to be a limit.
constexpr std::size_t kMaxDepth = 400;

// repr() of a float: the shortest digits that read back as the same, with an exponent below 1e-4 and from 1e16 on.
std::string python_float(double value) {
  char buffer[32];
  char* const end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string scientific(buffer, end);  // "-1.5e-07"
  const std::size_t e = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return scientific;
  const bool is_negative = scientific[0] == '-';
  std::string digits;
  for (const char c : scientific.substr(is_negative ? 1 : 0, e - (is_negative ? 1 : 0))) {
    if (c != '.') digits += c;
  }
  if (exponent < 0) {
    digits.insert(0, static_cast<std::size_t>(-exponent), '0');
    digits.insert(1, ".");
  } else {
    const auto n_whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= n_whole) digits.append(n_whole + 1 - digits.size(), '0');  // "4" → "4.0"
    digits.insert(n_whole, ".");
  }
  return (is_negative ? "-" : "") + digits;
}

class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonValue root;
  std::string error;

  bool null() override { return place(JsonValue()); }
  bool boolean(bool value) override { return place(JsonValue::boolean(value)); }
  bool number_integer(number_integer_t value) override { return place(JsonValue::number(std::to_string(value))); }
  bool number_unsigned(number_unsigned_t value) override { return place(JsonValue::number(std::to_string(value))); }
  bool number_float(number_float_t value, const string_t& raw) override {
    // An integer beyond 64 bits comes here too; Python keeps all of its digits.
    if (raw.find_first_of(".eE") == std::string::npos) return place(JsonValue::number(raw));
    return place(JsonValue::number(python_float(value)));
  }
  bool string(string_t& value) override { return place(JsonValue::string(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& value) override {
    open_.back().key = std::move(value);
    return true;
  }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override {
    JsonValue object = JsonValue::object(std::move(open_.back().members));
    open_.pop_back();
    return place(std::move(object));
  }
  bool end_array() override {
    JsonValue array = JsonValue::array(std::move(open_.back().items));
    open_.pop_back();
    return place(std::move(array));
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& found) override {
    std::string_view words = found.what();  // "[json.exception.parse_error.101] parse error at …"
    words.remove_prefix(std::min(words.size(), words.find(' ') + 1));
    error = "JSON: expected a value, found at byte " + std::to_string(at) + ": " + std::string(words);
    return false;
  }

 private:
  struct Level {
    std::vector<JsonValue> items;
    std::vector<JsonValue::Member> members;
    std::optional<std::string> key;  // of the member that comes next
  };

  bool open() {
    if (open_.size() == kMaxDepth) {
      error = "JSON: expected at most " + std::to_string(kMaxDepth) + " levels, found more";
      return false;
    }
    open_.emplace_back();
    return true;
  }
  bool place(JsonValue value) {
    if (open_.empty()) {
      root = std::move(value);
    } else if (Level& level = open_.back(); level.key) {
      level.members.emplace_back(std::move(*level.key), std::move(value));
      level.key.reset();
    } else {
      level.items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Level> open_;
};

void append_hex(std::string& out, std::uint32_t code, int n_digits) {
  for (int shift = 4 * (n_digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[code >> shift & 15];
}

void append_dumped(std::string& out, const std::string& text) {
  out += '"';
  out += json_escaped(text);
  out += '"';
}

// Bytes of the character that `text` begins with; 0 where it begins with none. Unicode 15, table 3-7.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(0), second = byte(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool is_allowed = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F);
    return is_allowed && follows(1) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool is_allowed = !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
    return is_allowed && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// The UTF-16 unit of an escape \uXXXX that `text` begins with; below zero where it begins with none.
int escaped_unit(std::string_view text) {
  if (text.size() < 6 || !text.starts_with("\\u")) return -1;
  int code = 0;
  for (const char c : text.substr(2, 4)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    code = code << 4 | digit;
  }
  return code;
}

struct CodeRange {
  std::uint32_t first, last;
};
constexpr CodeRange kUnprintable[] = {
#include "models/unprintable.inc"
};

bool is_printable(std::uint32_t code) {
  if (code < 0x80) return code >= 0x20 && code != 0x7F;
  const auto* after = std::upper_bound(std::begin(kUnprintable), std::end(kUnprintable), code,
                                       [](std::uint32_t c, const CodeRange& range) { return c < range.first; });
  return after == std::begin(kUnprintable) || code > std::prev(after)->last;
}

// repr() of a string. `text` is UTF-8.
void append_repr(std::string& out, const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos, has_double = text.find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out += quote;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t n_bytes = std::min<std::size_t>(lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4, text.size() - i);
    std::uint32_t code = n_bytes == 1 ? lead : lead & (0x7Fu >> n_bytes);
    for (std::size_t k = 1; k < n_bytes; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    if (code == '\\' || code == static_cast<unsigned char>(quote)) (out += '\\') += static_cast<char>(code);
    else if (code == '\n') out += "\\n";
    else if (code == '\r') out += "\\r";
    else if (code == '\t') out += "\\t";
    else if (is_printable(code)) out.append(text, i, n_bytes);
    else if (code < 0x100) append_hex(out += "\\x", code, 2);
    else if (code < 0x10000) append_hex(out += "\\u", code, 4);
    else append_hex(out += "\\U", code, 8);
    i += n_bytes;
  }
  out += quote;
}

// How Python spells what json.dumps and repr spell apart.
struct Spelling {
  const char* null;
  const char* yes;
  const char* no;
  void (*append_string)(std::string& out, const std::string& text);
};
constexpr Spelling kJson = {"null", "true", "false", append_dumped};
constexpr Spelling kPython = {"None", "True", "False", append_repr};

void append(std::string& out, const JsonValue& value, const Spelling& spelling) {
  switch (value.kind()) {
    case JsonValue::Kind::null: out += spelling.null; return;
    case JsonValue::Kind::boolean: out += value.as_bool() ? spelling.yes : spelling.no; return;
    case JsonValue::Kind::number: out += value.text(); return;
    case JsonValue::Kind::string: spelling.append_string(out, value.text()); return;
    case JsonValue::Kind::array: {
      out += '[';
      const char* separator = "";
      for (const JsonValue& item : value.items()) append(out += std::exchange(separator, ", "), item, spelling);
      out += ']';
      return;
    }
    case JsonValue::Kind::object: {
      out += '{';
      const char* separator = "";
      for (const auto& [key, member] : value.members()) {
        spelling.append_string(out += std::exchange(separator, ", "), key);
        append(out += ": ", member, spelling);
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string json_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\f': out += "\\f"; break;
      case '\b': out += "\\b"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) append_hex(out += "\\u", static_cast<unsigned char>(c), 4);
        else out += c;
    }
  }
  return out;
}

std::string readable_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      const std::size_t n = utf8_length(text.substr(i));
      if (n > 0) out.append(text, i, n);
      else out += "\xEF\xBF\xBD";
      i += std::max<std::size_t>(n, 1);
      continue;
    }
    const int code = escaped_unit(text.substr(i));
    if (code < 0) {  // the escaped character is looked at with its backslash: it may be one itself
      const std::size_t n = i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0x80 ? 2 : 1;
      out.append(text, i, n);
      i += n;
      continue;
    }
    const bool is_high = code >= 0xD800 && code < 0xDC00, is_low = code >= 0xDC00 && code < 0xE000;
    const int next = is_high ? escaped_unit(text.substr(i + 6)) : -1;
    const bool is_pair = next >= 0xDC00 && next < 0xE000;
    const std::size_t n = is_pair ? 12 : 6;
    if ((is_high && !is_pair) || is_low) out += "\\uFFFD";
    else out.append(text, i, n);
    i += n;
  }
  return out;
}

JsonValue JsonValue::boolean(bool value) {
  JsonValue made;
  made.kind_ = Kind::boolean;
  made.boolean_ = value;
  return made;
}

JsonValue JsonValue::integer(long long value) { return number(std::to_string(value)); }

JsonValue JsonValue::number(std::string spelling) {
  JsonValue made;
  made.kind_ = Kind::number;
  made.text_ = std::move(spelling);
  return made;
}

JsonValue JsonValue::string(std::string value) {
  JsonValue made;
  made.kind_ = Kind::string;
  made.text_ = std::move(value);
  return made;
}

JsonValue JsonValue::array(std::vector<JsonValue> items) {
  JsonValue made;
  made.kind_ = Kind::array;
  made.items_ = std::move(items);
  return made;
}

JsonValue JsonValue::object(std::vector<Member> members) {
  JsonValue made;
  made.kind_ = Kind::object;
  std::unordered_map<std::string_view, std::size_t> first;
  std::vector<std::pair<std::size_t, std::size_t>> repeated;  // where the last value is, where it belongs
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto [at, is_new] = first.emplace(members[i].first, i);
    if (!is_new) repeated.emplace_back(i, at->second);
  }
  for (const auto& [from, to] : repeated) members[to].second = std::move(members[from].second);
  std::size_t next = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (next < repeated.size() && repeated[next].first == i) {
      ++next;
      continue;
    }
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.resize(kept);
  made.members_ = std::move(members);
  return made;
}

Result<JsonValue> JsonValue::parse(std::string_view text) {
  Reader reader;
  if (nlohmann::json::sax_parse(text, &reader)) return std::move(reader.root);
  if (const std::string readable = readable_json(text); readable != text) {
    Reader again;
    if (nlohmann::json::sax_parse(readable, &again)) return std::move(again.root);
  }
  return make_error(ErrorCode::bad_argument, reader.error);
}

const JsonValue* JsonValue::find(std::string_view key) const {
  for (const auto& [name, value] : members_) {
    if (name == key) return &value;
  }
  return nullptr;
}

void JsonValue::set(std::string key, JsonValue value) {
  CHECK(kind_ == Kind::object, "set() of what is no object");
  for (auto& [name, old] : members_) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  members_.emplace_back(std::move(key), std::move(value));
}

std::string JsonValue::dump() const {
  std::string out;
  append(out, *this, kJson);
  return out;
}

std::string JsonValue::python_str() const {
  if (kind_ == Kind::string) return text_;
  std::string out;
  append(out, *this, kPython);
  return out;
}

bool JsonValue::truthy() const {
  switch (kind_) {
    case Kind::null: return false;
    case Kind::boolean: return boolean_;
    case Kind::number: return text_ != "0" && text_ != "0.0" && text_ != "-0.0";
    case Kind::string: return !text_.empty();
    case Kind::array: return !items_.empty();
    case Kind::object: return !members_.empty();
  }
  return false;
}

}  // namespace pio
