#pragma once

#include <string_view>

#include "models/json_value.h"

// What the JSON schemas of offered tools say about the arguments of a call: JSON Schema 2020-12 (type, enum, const, anyOf, oneOf, allOf, $ref
// within the parameters), `nullable` of OpenAPI 3.0, and Python's names of types, which many tools use.

namespace pio {

class ToolSchema {
 public:
  // `tools` is OpenAI's list, {"type": "function", "function": {"name", "parameters"}}, or one of the functions themselves; it has to outlive
  // this. A tool that is not in it is not offered, and its arguments may be anything.
  ToolSchema(const JsonValue& tools, std::string_view name);

  bool is_offered() const { return is_offered_; }
  // Whether the tool names its parameters at all, and whether this is one of them.
  bool has_parameters() const;
  bool has_parameter(std::string_view key) const;

  // The text of an argument as a value that the schema allows: a string verbatim; else as JSON, or as Python prints it (True, None). Text
  // that is no allowed value stays a string. Without a schema it is JSON where it is JSON, else a string.
  JsonValue value_of(std::string_view key, std::string_view text) const;
  // An argument that came as JSON: strings that spell what the schema wants in place of a string become that, numbers and truths where only
  // a string is allowed become one; inside lists and objects too. Everything else stays as it is.
  JsonValue conformed(std::string_view key, JsonValue value) const;

 private:
  const JsonValue* parameter(std::string_view key) const;

  bool is_offered_ = false;
  const JsonValue* parameters_ = nullptr;  // null: the tool has no schema
};

}  // namespace pio
