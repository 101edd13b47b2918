#include "models/qwen3_vl_2b/grounding.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "models/json_value.h"

namespace pio {
namespace {

constexpr double kScale = 1000;  // the model's coordinates on each axis
constexpr std::size_t kMaxGroundings = 1000;
constexpr int kMaxDepth = 16;  // of objects in objects; also how often a character may be read again
constexpr std::size_t kMaxNumbers = 4;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::optional<double> read_number(std::string_view text, std::size_t& at) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  // A number at the very end may still grow.
  if (error != std::errc() || !std::isfinite(value) || end == text.data() + text.size()) return std::nullopt;
  at = end - text.data();
  return value;
}

std::optional<Grounding> placed(std::span<const double> numbers) {
  Grounding place;
  const auto part = [](double x) { return std::clamp(x, 0.0, kScale) / kScale; };
  if (numbers.size() == 2) {
    place.kind = Grounding::Kind::point;
    place.left = place.right = part(numbers[0]);
    place.top = place.bottom = part(numbers[1]);
  } else if (numbers.size() == 4) {
    std::tie(place.left, place.right) = std::minmax({part(numbers[0]), part(numbers[2])});
    std::tie(place.top, place.bottom) = std::minmax({part(numbers[1]), part(numbers[3])});
  } else {
    return std::nullopt;
  }
  return place;
}

// Reads one JSON object and those within it. Tolerates that the text ends in the middle.
class ObjectReader {
 public:
  explicit ObjectReader(std::string_view text) : text_(text) {}

  // `at` is behind a '{'. Whether what follows is an object, as far as the text goes; then `at` is behind it and its places are in found.
  bool read_object(std::size_t& at, std::vector<Grounding>& found, int depth) {
    if (depth > kMaxDepth) return false;
    std::vector<double> numbers;
    std::string label, words;
    std::vector<Grounding> inner;
    const bool is_sound = read_members(at, numbers, label, words, inner, depth);
    if (!is_sound) return false;
    if (std::optional<Grounding> place = placed(numbers)) {
      place->label = std::move(label);
      place->text = std::move(words);
      found.push_back(std::move(*place));
    }
    found.insert(found.end(), std::make_move_iterator(inner.begin()), std::make_move_iterator(inner.end()));
    return true;
  }

 private:
  bool at_end(std::size_t& at) {
    while (at < text_.size() && is_space(text_[at])) ++at;
    return at == text_.size();
  }

  bool read_members(std::size_t& at, std::vector<double>& numbers, std::string& label, std::string& words, std::vector<Grounding>& inner, int depth) {
    for (;;) {
      if (at_end(at)) return true;
      if (text_[at] == '}') return ++at, true;
      std::string key, value;
      if (!read_string(at, key)) return false;
      if (at_end(at)) return true;
      if (text_[at++] != ':') return false;
      if (at_end(at)) return true;
      if (key == "bbox_2d" || key == "point_2d") {
        numbers.clear();
        const std::size_t n_wanted = key == "bbox_2d" ? 4 : 2;
        if (!read_numbers(at, numbers)) return false;
        if (numbers.size() != n_wanted) numbers.clear();
      } else if (text_[at] == '"') {
        if (!read_string(at, value)) return false;
        if (key == "label") label = std::move(value);
        if (key == "text_content") words = std::move(value);
      } else if (!read_value(at, inner, depth)) {
        return false;
      }
      if (at_end(at)) return true;
      if (text_[at] == ',') ++at;
      else if (text_[at] != '}') return false;
    }
  }

  // An object, a list, a word or a number: read past.
  bool read_value(std::size_t& at, std::vector<Grounding>& inner, int depth) {
    if (text_[at] == '{') return read_object(++at, inner, depth + 1);
    if (text_[at] == '[') {
      if (depth >= kMaxDepth) return false;
      for (++at; !at_end(at);) {
        if (text_[at] == ']') return ++at, true;
        if (text_[at] == ',') ++at;
        else if (std::string skipped; text_[at] == '"' ? !read_string(at, skipped) : !read_value(at, inner, depth + 1)) return false;
      }
      return true;
    }
    const std::size_t end = std::min(text_.find_first_not_of("+-.0123456789abcdefghijklmnopqrstuvwxyzE", at), text_.size());
    return end > std::exchange(at, end);
  }

  // "[1, 2, 3, 4]"; a list that breaks off leaves none.
  bool read_numbers(std::size_t& at, std::vector<double>& numbers) {
    if (text_[at] != '[') return false;
    for (++at; !at_end(at);) {
      if (text_[at] == ']') return ++at, true;
      if (text_[at] == ',') ++at;
      if (at_end(at)) break;
      const std::optional<double> number = read_number(text_, at);
      if (!number && at + 32 < text_.size()) return false;  // no number is longer
      if (!number || numbers.size() == kMaxNumbers) break;
      numbers.push_back(*number);
    }
    numbers.clear();
    at = text_.size();
    return true;
  }

  // A string whose end is not there reads as nothing.
  bool read_string(std::size_t& at, std::string& value) {
    if (text_[at] != '"') return false;
    const std::size_t first = at++;
    while (at < text_.size() && text_[at] != '"') at += text_[at] == '\\' ? 2 : 1;
    if (at >= text_.size()) return at = text_.size(), true;
    ++at;
    const Result<JsonValue> parsed = JsonValue::parse(text_.substr(first, at - first));
    if (parsed && parsed->is_string()) value = parsed->text();
    return parsed.has_value();
  }

  std::string_view text_;
};

// <p data-bbox="1 2 3 4">words</p>: `at` is behind "data-bbox=".
std::optional<Grounding> read_tag(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return std::nullopt;
  const std::size_t opened = at++;
  std::vector<double> numbers;
  while (at < text.size() && text[at] != text[opened]) {
    if (is_space(text[at]) || text[at] == ',') {
      ++at;
      continue;
    }
    const std::optional<double> number = read_number(text, at);
    if (!number || numbers.size() == kMaxNumbers) return std::nullopt;
    numbers.push_back(*number);
  }
  if (at >= text.size() || numbers.size() != 4) return std::nullopt;
  std::optional<Grounding> place = placed(numbers);

  constexpr std::size_t kMaxTag = 1000;  // characters between a tag's '<' and the attribute that are looked through
  const std::size_t from = opened > kMaxTag ? opened - kMaxTag : 0;
  const std::size_t tag = text.substr(from, opened - from).rfind('<');
  if (tag != std::string_view::npos) {
    const std::string_view name = text.substr(from + tag + 1);
    place->label = name.substr(0, std::min(name.find_first_of(" \t\r\n/>"), name.size()));
  }
  const std::size_t end = text.find_first_of("<>", at);
  if (end != std::string_view::npos && text[end] == '>') place->text = text.substr(end + 1, text.find('<', end + 1) - end - 1);
  return place;
}

}  // namespace

std::vector<Grounding> parse_grounding(std::string_view answer) {
  constexpr std::string_view kAttribute = "data-bbox=";
  std::vector<Grounding> found;
  ObjectReader reader(answer);
  for (std::size_t at = 0; at < answer.size() && found.size() < kMaxGroundings;) {
    if (answer[at] == '{') {
      std::size_t end = at + 1;
      at = reader.read_object(end, found, 0) ? end : at + 1;
    } else if (answer.substr(at).starts_with(kAttribute)) {
      at += kAttribute.size();
      if (std::optional<Grounding> place = read_tag(answer, at)) found.push_back(std::move(*place));
    } else {
      ++at;
    }
  }
  if (found.size() > kMaxGroundings) found.resize(kMaxGroundings);
  return found;
}

}  // namespace pio
