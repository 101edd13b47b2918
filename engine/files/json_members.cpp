#include "engine/files/json_members.h"

#include <charconv>
#include <utility>

#include "engine/files/words.h"

namespace pio {
namespace {

Error wrong(const std::string& label, const std::string& words) {
  Error error = bad_file(label, words);
  error.path = label;
  return error;
}

template <class Number>
std::optional<Number> number_in(const JsonValue& value) {
  if (value.kind() != JsonValue::Kind::number) return std::nullopt;
  const std::string& digits = value.text();
  Number number{};
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (status != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<JsonValue> parse_json_file(std::string_view text, const std::string& label) {
  Result<JsonValue> root = JsonValue::parse(text);
  if (!root) return wrong(label, root.error().message);
  return root;
}

JsonMembers::JsonMembers(const JsonValue& object, std::string label, std::string place)
    : object_(object), label_(std::move(label)), place_(std::move(place)) {
  if (!object.is_object()) problem_ = place_ + ": expected an object, found something else";
}

std::string JsonMembers::text(const char* key) {
  if (!find(key)) fail(key, "a text");
  return optional_text(key);
}

std::string JsonMembers::optional_text(const char* key, std::string otherwise) {
  const JsonValue* const value = find(key);
  if (!value) return otherwise;
  if (!value->is_string()) {
    fail(key, "a text");
    return otherwise;
  }
  return value->text();
}

std::optional<std::uint64_t> JsonMembers::optional_count(const char* key) {
  const JsonValue* const value = find(key);
  if (!value) return std::nullopt;
  const std::optional<std::uint64_t> count = number_in<std::uint64_t>(*value);
  if (!count) fail(key, "a whole number from 0 on");
  return count;
}

std::optional<double> JsonMembers::optional_number(const char* key, double most) {
  const JsonValue* const value = find(key);
  if (!value) return std::nullopt;
  const std::optional<double> number = number_in<double>(*value);
  if (number && *number >= 0 && *number <= most) return number;
  fail(key, "a number from 0 to " + JsonValue::integer(static_cast<long long>(most)).dump());
  return std::nullopt;
}

double JsonMembers::positive_number(const char* key, double most, std::optional<double> otherwise) {
  const double number = optional_number(key, most).value_or(otherwise.value_or(0));
  if (number <= 0) fail(key, "a number above 0");
  return number;
}

void JsonMembers::fail(const char* key, const std::string& wanted) {
  if (problem_.empty()) problem_ = place_ + "." + key + ": expected " + wanted + ", found " + (find(key) ? "something else" : "none");
}

Result<void> JsonMembers::status() const {
  if (!problem_.empty()) return wrong(label_, problem_);
  return {};
}

}  // namespace pio
