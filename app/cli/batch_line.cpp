#include "app/cli/batch_line.h"

#include <climits>
#include <utility>

#include "engine/files/local_path.h"

namespace pio::cli {
namespace {

using Kind = JsonValue::Kind;

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::null: return "null";
    case Kind::boolean: return "a boolean";
    case Kind::number: return "a number";
    case Kind::string: return "a text";
    case Kind::array: return "a list";
    case Kind::object: return "an object";
  }
  return "";
}

Error mistyped(const std::string& name, const std::string& expected, const JsonValue& value) {
  return make_error(ErrorCode::bad_argument, name + ": " + expected + ", found " + name_of(value.kind()));
}

// A switch: true or false, or as on the command line "on" or "off".
Result<bool> switch_of(const std::string& name, const JsonValue& value) {
  if (value.kind() == Kind::boolean) return value.as_bool();
  if (value.is_string() && (value.text() == "on" || value.text() == "off")) return value.text() == "on";
  return mistyped(name, "true or false", value);
}

Result<std::string> text_of(const std::string& name, const JsonValue& value) {
  if (!value.is_string()) return mistyped(name, "a text", value);
  return value.text();
}

// One text or a list of them, none of them empty.
Result<std::vector<std::string>> stops_of(const JsonValue& value) {
  std::vector<std::string> stops;
  const std::vector<JsonValue> one{value};
  if (!value.is_array() && !value.is_string()) return mistyped("stop", "a text or a list of texts", value);
  for (const JsonValue& stop : value.is_array() ? value.items() : one) {
    ASSIGN_OR_RETURN(std::string text, text_of("stop", stop));
    if (text.empty()) return make_error(ErrorCode::bad_argument, "stop: texts that are not empty, found an empty one");
    stops.push_back(std::move(text));
  }
  return stops;
}

bool is_known(std::string_view name) {
  for (const char* known :
       {"prompt", "ids", "messages", "tools", "thinking", "clear_thinking", "ignore_eos", "stop", "logits_out", "max_tokens", "at", "stop_at"}) {
    if (name == known) return true;
  }
  return SamplingChoice::has(name);
}

Result<void> read_member(BatchLine& line, const std::string& name, const JsonValue& value) {
  if (!is_known(name)) return make_error(ErrorCode::bad_argument, "line: members of a batch's line, found \"" + name.substr(0, 40) + "\"");
  if (name == "tools") {
    if (!value.is_array() && !value.is_null()) return mistyped(name, "a list", value);
    line.tools = value;
    return {};
  }
  if (value.is_null()) return {};  // as absent, which is how many clients write it
  if (name == "prompt") {
    ASSIGN_OR_RETURN(line.prompt, text_of(name, value));
  } else if (name == "ids") {
    ASSIGN_OR_RETURN(line.ids, ids_of(value));
  } else if (name == "messages") {
    if (!value.is_array()) return mistyped(name, "a list", value);
    line.messages = value;
  } else if (name == "thinking") {
    ASSIGN_OR_RETURN(line.thinking, switch_of(name, value));
  } else if (name == "clear_thinking") {
    ASSIGN_OR_RETURN(line.clear_thinking, switch_of(name, value));
  } else if (name == "ignore_eos") {
    ASSIGN_OR_RETURN(line.ignore_eos, switch_of(name, value));
  } else if (name == "stop") {
    ASSIGN_OR_RETURN(line.stop, stops_of(value));
  } else if (name == "logits_out") {
    ASSIGN_OR_RETURN(const std::string typed, text_of(name, value));
    ASSIGN_OR_RETURN(line.logits_out, local_path(typed));
    if (line.logits_out.empty()) return make_error(ErrorCode::bad_argument, "logits_out: a file, found an empty text");
  } else if (name == "at" || name == "stop_at") {
    if (value.kind() != Kind::number) return mistyped(name, "a number", value);
    ASSIGN_OR_RETURN(const std::int64_t step, parse_whole(name, value.text()));
    if (name == "at") line.at = step;
    else line.stop_at = step;
  } else if (name == "max_tokens") {
    if (value.kind() != Kind::number) return mistyped(name, "a number", value);
    ASSIGN_OR_RETURN(line.max_tokens, parse_whole(name, value.text()));
  } else {
    if (value.kind() != Kind::number) return mistyped(name, "a number", value);
    return line.sampling.set(name, name, value.text());
  }
  return {};
}

}  // namespace

Result<std::vector<int>> ids_of(const JsonValue& list) {
  if (!list.is_array()) return mistyped("ids", "a list", list);
  std::vector<int> ids;
  for (const JsonValue& id : list.items()) {
    if (id.kind() != Kind::number) return mistyped("ids", "numbers", id);
    ASSIGN_OR_RETURN(const std::int64_t value, parse_whole("ids", id.text(), {.most = INT_MAX}));
    ids.push_back(static_cast<int>(value));
  }
  return ids;
}

Result<BatchLine> parse_batch_line(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonValue given, JsonValue::parse(text));
  if (!given.is_object()) return mistyped("line", "a JSON object", given);
  BatchLine line;
  for (const auto& [name, value] : given.members()) {
    RETURN_IF_ERROR(read_member(line, name, value));
  }
  const int n_inputs = line.prompt.has_value() + line.ids.has_value() + line.messages.has_value();
  if (n_inputs != 1)
    return make_error(ErrorCode::bad_argument, std::string("line: one of prompt, messages and ids, found ") + (n_inputs == 0 ? "none" : "several"));
  if (line.ids && line.ids->empty()) return make_error(ErrorCode::bad_argument, "ids: at least one, found none");
  if (line.messages) return line;
  for (const auto& [name, is_set] : {std::pair("tools", line.tools && line.tools->is_array()), std::pair("thinking", line.thinking.has_value()),
                                     std::pair("clear_thinking", line.clear_thinking.has_value())}) {
    if (is_set) return make_error(ErrorCode::bad_argument, std::string(name) + ": messages beside it, found a text that is carried on");
  }
  return line;
}

}  // namespace pio::cli
