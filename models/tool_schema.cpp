#include "models/tool_schema.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pio {

namespace {

// A schema may refer to itself, even twice on each level. No useful parameter is deeper or takes more steps to resolve.
constexpr int kMaxDepth = 32;
constexpr int kMaxSteps = 4096;

// A set of kinds of JSON values. A number without a fraction is an integer, so that `number` allows both.
using Kinds = std::uint8_t;
constexpr Kinds kNull = 1, kBoolean = 2, kInteger = 4, kFraction = 8, kString = 16, kArray = 32, kObject = 64, kNumber = kInteger | kFraction,
                kAny = 127;

bool is_whole(std::string_view number) {
  const std::size_t point = number.find('.');
  if (number.find_first_of("eE") != std::string_view::npos) return false;
  return point == std::string_view::npos || number.find_first_not_of('0', point + 1) == std::string_view::npos;
}

Kinds kind_of(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::null: return kNull;
    case JsonValue::Kind::boolean: return kBoolean;
    case JsonValue::Kind::number: return is_whole(value.text()) ? kInteger : kFraction;
    case JsonValue::Kind::string: return kString;
    case JsonValue::Kind::array: return kArray;
    case JsonValue::Kind::object: return kObject;
  }
  return kAny;
}

// JSON's names, and those of Python.
Kinds kinds_named(std::string_view type) {
  static constexpr std::pair<std::string_view, Kinds> kNames[] = {
      {"string", kString}, {"str", kString},      {"integer", kInteger}, {"int", kInteger}, {"number", kNumber}, {"float", kNumber},
      {"double", kNumber}, {"boolean", kBoolean}, {"bool", kBoolean},    {"array", kArray}, {"list", kArray},    {"tuple", kArray},
      {"object", kObject}, {"dict", kObject},     {"null", kNull},       {"None", kNull}};
  const auto* const found = std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& name) { return name.first == type; });
  return found == std::end(kNames) ? kAny : found->second;
}

// What schemas may say that makes sense for one kind alone. Strictly it binds only values of that kind; whoever writes it means the kind.
Kinds kinds_hinted(const JsonValue& schema) {
  static constexpr std::pair<std::string_view, Kinds> kHints[] = {{"properties", kObject}, {"items", kArray},      {"prefixItems", kArray},
                                                                  {"pattern", kString},    {"minLength", kString}, {"maxLength", kString},
                                                                  {"minimum", kNumber},    {"maximum", kNumber},   {"multipleOf", kNumber}};
  Kinds kinds = 0;
  for (const auto& [key, kind] : kHints) {
    if (schema.find(key)) kinds |= kind;
  }
  return kinds ? kinds : kAny;
}

std::optional<JsonValue> json_of(std::string_view text) {
  Result<JsonValue> value = JsonValue::parse(text);
  return value ? std::optional<JsonValue>(std::move(*value)) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool equal_but_for_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y; });
}

// "+5", "007" and ".5" are numbers that JSON has no spelling for.
std::optional<JsonValue> loose_number(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), [&](char c) { return is_digit(c) || c == '.'; }) ||
      std::count(text.begin(), text.end(), '.') > 1 || !std::any_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  while (text.size() > 1 && text[0] == '0' && is_digit(text[1])) text.remove_prefix(1);
  std::string json = is_negative ? "-" : "";
  if (text.starts_with('.')) json += '0';
  json += text;
  if (text.ends_with('.')) json += '0';
  return json_of(json);
}

// JSON, or what a model may write in its place where a string is not wanted.
std::optional<JsonValue> literal_of(std::string_view text) {
  text = trimmed(text);
  if (std::optional<JsonValue> value = json_of(text)) return value;
  if (equal_but_for_case(text, "true")) return JsonValue::boolean(true);
  if (equal_but_for_case(text, "false")) return JsonValue::boolean(false);
  if (equal_but_for_case(text, "none") || equal_but_for_case(text, "null")) return JsonValue();
  return loose_number(text);
}

// Without a schema only what Qwen3-Coder's own template prints is taken for a value: JSON, and Python's words.
std::optional<JsonValue> exact_literal_of(std::string_view text) {
  if (text == "True") return JsonValue::boolean(true);
  if (text == "False") return JsonValue::boolean(false);
  if (text == "None") return JsonValue();
  return json_of(text);
}

// One tool's parameters, where references are looked up.
class Reading {
 public:
  explicit Reading(const JsonValue* root) : root_(root) {}

  JsonValue value_of(const JsonValue* schema, std::string_view text) {
    for (const JsonValue* choice : listed(schema)) {
      if (choice->is_string() && choice->text() == text) return *choice;
    }
    const Kinds allowed = kinds(schema);
    if (allowed == kAny) {
      std::optional<JsonValue> value = exact_literal_of(text);
      return value ? std::move(*value) : JsonValue::string(std::string(text));
    }
    if (std::optional<JsonValue> value = literal(allowed, text)) return conformed(schema, std::move(*value), 0);
    if (allowed & kString) return JsonValue::string(std::string(text));
    // The schema allows neither what this is nor a string.
    std::optional<JsonValue> other = exact_literal_of(text);
    return other && !other->is_string() ? std::move(*other) : JsonValue::string(std::string(text));
  }

  JsonValue conformed(const JsonValue* schema, JsonValue value, int depth) {
    if (!schema || depth > kMaxDepth) return value;
    const Kinds allowed = kinds(schema);
    if (!(kind_of(value) & allowed)) {
      if (value.is_string()) {
        if (std::optional<JsonValue> other = literal(allowed, value.text())) value = std::move(*other);
      } else if (allowed & kString && (value.kind() == JsonValue::Kind::number || value.kind() == JsonValue::Kind::boolean)) {
        return JsonValue::string(value.dump());
      }
    }
    if (value.kind() == JsonValue::Kind::number && (allowed & kNumber) == kInteger) return whole(std::move(value));
    if (value.is_array()) {
      std::vector<JsonValue> items = value.items();
      for (std::size_t i = 0; i < items.size(); ++i) items[i] = conformed(inner(schema, nullptr, i), std::move(items[i]), depth + 1);
      return JsonValue::array(std::move(items));
    }
    if (value.is_object()) {
      std::vector<JsonValue::Member> members = value.members();
      for (auto& [key, member] : members) {
        const std::string_view name = key;
        member = conformed(inner(schema, &name, 0), std::move(member), depth + 1);
      }
      return JsonValue::object(std::move(members));
    }
    return value;
  }

  // The schema of a member of an object, or (`key` null) of a list's item number `index`; null where there is none, or more than one.
  const JsonValue* inner(const JsonValue* schema, const std::string_view* key, std::size_t index) {
    n_steps_ = 0;
    return inner(schema, key, index, 0);
  }

 private:
  // The kinds that a schema allows; all of them where it allows none, which is a mistake of the schema's.
  Kinds kinds(const JsonValue* schema) {
    n_steps_ = 0;
    return kinds(schema, 0);
  }
  // The values that the schema lists, where it lists them.
  std::vector<const JsonValue*> listed(const JsonValue* schema) {
    n_steps_ = 0;
    std::vector<const JsonValue*> out;
    add_listed(schema, out, 0);
    return out;
  }

  bool may_read(const JsonValue* schema, int depth) { return schema && schema->is_object() && depth <= kMaxDepth && ++n_steps_ <= kMaxSteps; }

  Kinds kinds(const JsonValue* schema, int depth) {
    if (!may_read(schema, depth)) return kAny;
    Kinds allowed = kAny;
    if (const JsonValue* type = schema->find("type")) {
      Kinds named = type->is_string() ? kinds_named(type->text()) : Kinds{0};
      for (const JsonValue& one : type->items()) named |= one.is_string() ? kinds_named(one.text()) : kinds(&one, depth + 1);
      if (named) allowed &= named;
    }
    if (const JsonValue* values = schema->find("enum"); values && !values->items().empty()) {
      Kinds listed = 0;
      for (const JsonValue& value : values->items()) listed |= kind_of(value);
      allowed &= listed;
    }
    if (const JsonValue* value = schema->find("const")) allowed &= kind_of(*value);
    for (const char* key : {"anyOf", "oneOf"}) {
      const JsonValue* choices = schema->find(key);
      if (!choices || choices->items().empty()) continue;
      Kinds offered = 0;
      for (const JsonValue& choice : choices->items()) offered |= kinds(&choice, depth + 1);
      allowed &= offered;
    }
    if (const JsonValue* parts = schema->find("allOf")) {
      for (const JsonValue& part : parts->items()) allowed &= kinds(&part, depth + 1);
    }
    if (const JsonValue* target = referred(*schema)) allowed &= kinds(target, depth + 1);
    if (allowed == kAny) allowed = kinds_hinted(*schema);
    if (const JsonValue* nullable = schema->find("nullable"); nullable && nullable->as_bool()) allowed |= kNull;
    return allowed ? allowed : kAny;
  }

  void add_listed(const JsonValue* schema, std::vector<const JsonValue*>& out, int depth) {
    if (!may_read(schema, depth)) return;
    if (const JsonValue* values = schema->find("enum")) {
      for (const JsonValue& value : values->items()) out.push_back(&value);
    }
    if (const JsonValue* value = schema->find("const")) out.push_back(value);
    for (const char* key : {"anyOf", "oneOf", "allOf"}) {
      const JsonValue* parts = schema->find(key);
      for (std::size_t i = 0; parts && i < parts->items().size(); ++i) add_listed(&parts->items()[i], out, depth + 1);
    }
    if (const JsonValue* target = referred(*schema)) add_listed(target, out, depth + 1);
  }

  const JsonValue* inner(const JsonValue* schema, const std::string_view* key, std::size_t index, int depth) {
    if (!may_read(schema, depth)) return nullptr;
    if (const JsonValue* found = key ? own_member(*schema, *key) : own_item(*schema, index)) return found;
    if (const JsonValue* target = referred(*schema)) {
      if (const JsonValue* found = inner(target, key, index, depth + 1)) return found;
    }
    if (const JsonValue* parts = schema->find("allOf")) {
      for (const JsonValue& part : parts->items()) {
        if (const JsonValue* found = inner(&part, key, index, depth + 1)) return found;
      }
    }
    for (const char* word : {"anyOf", "oneOf"}) {
      const JsonValue *choices = schema->find(word), *only = nullptr;
      for (std::size_t i = 0; choices && i < choices->items().size(); ++i) {
        const JsonValue* choice = &choices->items()[i];
        if (!(kinds(choice, depth + 1) & (key ? kObject : kArray))) continue;
        if (only) return nullptr;
        only = choice;
      }
      if (const JsonValue* found = inner(only, key, index, depth + 1)) return found;
    }
    return nullptr;
  }

  // Text as one of the allowed kinds that are no strings.
  static std::optional<JsonValue> literal(Kinds allowed, std::string_view text) {
    std::optional<JsonValue> value = allowed & kString ? exact_literal_of(text) : literal_of(text);
    if (value && value->is_string() && !(allowed & kString)) value = literal_of(value->text());  // "2" in quotes
    if (!value || value->is_string()) return std::nullopt;
    if (kind_of(*value) & allowed) return value;
    return std::nullopt;
  }

  // "2.0" of an integer is 2.
  static JsonValue whole(JsonValue number) {
    const std::size_t point = number.text().find('.');
    return point == std::string::npos || !is_whole(number.text()) ? std::move(number) : JsonValue::number(number.text().substr(0, point));
  }

  static const JsonValue* own_member(const JsonValue& schema, std::string_view key) {
    if (const JsonValue* found = member_of(schema.find("properties"), key)) return found;
    const JsonValue* others = schema.find("additionalProperties");
    return others && others->is_object() ? others : nullptr;
  }

  static const JsonValue* own_item(const JsonValue& schema, std::size_t index) {
    if (const JsonValue* first = schema.find("prefixItems"); first && index < first->items().size()) return &first->items()[index];
    const JsonValue* items = schema.find("items");
    if (!items) return nullptr;
    if (items->is_object()) return items;
    return index < items->items().size() ? &items->items()[index] : nullptr;
  }

  // What "$ref": "#/$defs/Name" points to: RFC 6901, from the parameters' schema.
  const JsonValue* referred(const JsonValue& schema) const {
    const JsonValue* reference = schema.find("$ref");
    if (!reference || !reference->is_string() || !reference->text().starts_with('#')) return nullptr;
    std::string_view path = std::string_view(reference->text()).substr(1);
    const JsonValue* at = root_;
    while (at && path.starts_with('/')) {
      path.remove_prefix(1);
      const std::string_view raw = path.substr(0, path.find('/'));
      path.remove_prefix(raw.size());
      std::string key;
      for (std::size_t i = 0; i < raw.size(); ++i) {
        const bool is_escape = raw[i] == '~' && i + 1 < raw.size() && (raw[i + 1] == '0' || raw[i + 1] == '1');
        key += is_escape ? (raw[++i] == '0' ? '~' : '/') : raw[i];
      }
      at = step(at, key);
    }
    return path.empty() ? at : nullptr;
  }

  static const JsonValue* step(const JsonValue* at, const std::string& key) {
    if (at->is_object()) return at->find(key);
    if (key.empty() || key.size() > 6 || key.find_first_not_of("0123456789") != std::string::npos) return nullptr;
    const std::size_t index = std::stoul(key);
    return index < at->items().size() ? &at->items()[index] : nullptr;
  }

  const JsonValue* root_;
  int n_steps_ = 0;  // since the last question from outside
};

}  // namespace

ToolSchema::ToolSchema(const JsonValue& tools, std::string_view name) {
  for (const JsonValue& offered : tools.items()) {
    const JsonValue* function = member_of(&offered, "function");
    if (!function) function = &offered;
    const JsonValue* own_name = member_of(function, "name");
    if (!own_name || !own_name->is_string() || own_name->text() != name) continue;
    is_offered_ = true;
    parameters_ = member_of(function, "parameters");
    if (!parameters_) parameters_ = member_of(function, "input_schema");
    return;
  }
}

bool ToolSchema::has_parameters() const {
  const JsonValue* properties = member_of(parameters_, "properties");
  return properties && !properties->members().empty();
}

bool ToolSchema::has_parameter(std::string_view key) const { return member_of(member_of(parameters_, "properties"), key) != nullptr; }

const JsonValue* ToolSchema::parameter(std::string_view key) const { return Reading(parameters_).inner(parameters_, &key, 0); }

JsonValue ToolSchema::value_of(std::string_view key, std::string_view text) const { return Reading(parameters_).value_of(parameter(key), text); }

JsonValue ToolSchema::conformed(std::string_view key, JsonValue value) const {
  return Reading(parameters_).conformed(parameter(key), std::move(value), 0);
}

}  // namespace pio
