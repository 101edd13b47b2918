#include "models/chat_pieces.h"

#include <algorithm>
#include <utility>

namespace pio {

namespace {

const char* kind_in_words(const JsonValue* value) {
  if (!value) return "nothing";
  switch (value->kind()) {
    case JsonValue::Kind::null: return "null";
    case JsonValue::Kind::boolean: return "true or false";
    case JsonValue::Kind::number: return "a number";
    case JsonValue::Kind::string: return "a string";
    case JsonValue::Kind::array: return "a list";
    case JsonValue::Kind::object: return "an object";
  }
  return "nothing";
}

bool is_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '$';
  });
}

}  // namespace

void PieceWriter::append(Piece::Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (pieces_.empty() || pieces_.back().kind != kind) pieces_.push_back({kind, {}});
  pieces_.back().text += text;
}

void PieceWriter::word(std::string_view text) { append(is_word(text) ? Piece::Kind::control : Piece::Kind::text, text); }

void PieceWriter::print(const JsonValue* value) {
  if (!value) return;
  const bool is_given = value->is_string() || value->is_array() || value->is_object();
  append(is_given ? Piece::Kind::text : Piece::Kind::control, value->python_str());
}

void PieceWriter::arguments(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::string:
      own("\"");
      given(json_escaped(value.text()));
      own("\"");
      return;
    case JsonValue::Kind::array: {
      own("[");
      const char* separator = "";
      for (const JsonValue& item : value.items()) {
        own(std::exchange(separator, ", "));
        arguments(item);
      }
      own("]");
      return;
    }
    case JsonValue::Kind::object: {
      own("{");
      const char* separator = "\"";
      for (const auto& [key, item] : value.members()) {
        own(std::exchange(separator, ", \""));
        given(json_escaped(key));
        own("\": ");
        arguments(item);
      }
      own("}");
      return;
    }
    case JsonValue::Kind::null:
    case JsonValue::Kind::boolean:
    case JsonValue::Kind::number: own(value.dump()); return;
  }
}

void PieceWriter::open_assistant_turn(const RenderRequest& request) {
  if (!request.add_generation_prompt) return;
  own("<|im_start|>assistant\n");
  if (request.begun) given(request.begun->content);
}

void PieceWriter::schema(const JsonValue& value, bool keys_are_names) {
  if (value.is_array()) {
    own("[");
    const char* separator = "";
    for (const JsonValue& item : value.items()) {
      own(std::exchange(separator, ", "));
      schema(item, false);
    }
    own("]");
    return;
  }
  if (!value.is_object()) return arguments(value);
  own("{");
  const char* separator = "\"";
  for (const auto& [key, item] : value.members()) {
    own(std::exchange(separator, ", \""));
    if (keys_are_names) given(json_escaped(key));
    else word(json_escaped(key));
    own("\": ");
    if (key == "type" && !keys_are_names && is_list_of_words(item)) {
      own(item.dump());
    } else {
      schema(item, key == "properties" && !keys_are_names);
    }
  }
  own("}");
}

Error refused(std::string_view what, std::string_view expected, const JsonValue* found) {
  return make_error(ErrorCode::template_refused, std::string(what) + ": expected " + std::string(expected) + ", found " + kind_in_words(found));
}

Result<std::vector<JsonValue>> template_messages(const JsonValue& messages) {
  if (!messages.is_array()) return refused("messages", "a list", &messages);
  std::vector<JsonValue> prepared;
  for (std::size_t i = 0; i < messages.items().size(); ++i) {
    const JsonValue& message = messages.items()[i];
    if (!message.is_object()) return refused("messages[" + std::to_string(i) + "]", "an object", &message);
    std::vector<JsonValue::Member> members;
    for (const JsonValue::Member& entry : message.members()) {
      if (!entry.second.is_null()) members.push_back(entry);
    }
    JsonValue kept = JsonValue::object(std::move(members));
    for (const char* other_name : {"thinking", "reasoning"}) {
      if (const JsonValue* reasoning = kept.find(other_name); reasoning && !kept.find("reasoning_content")) {
        kept.set("reasoning_content", JsonValue(*reasoning));
      }
    }
    prepared.push_back(std::move(kept));
  }
  return prepared;
}

Result<std::vector<JsonValue>> template_tools(const JsonValue& tools) {
  if (tools.is_null()) return std::vector<JsonValue>();
  ASSIGN_OR_RETURN(std::vector<JsonValue> items, iterated(tools, "tools"));
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_object()) return refused("tools[" + std::to_string(i) + "]", "an object", &items[i]);
  }
  return items;
}

Result<std::vector<JsonValue>> iterated(const JsonValue& value, std::string_view what) {
  std::vector<JsonValue> items;
  if (value.is_array()) {
    items = value.items();
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.members()) items.push_back(JsonValue::string(key));
  } else if (value.is_string()) {
    for (const char c : value.text()) {
      const bool begins_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      if (begins_character || items.empty()) items.push_back(JsonValue::string(std::string(1, c)));
      else items.back() = JsonValue::string(items.back().text() + c);
    }
  } else {
    return refused(what, "a list", &value);
  }
  return items;
}

Result<std::string> concatenated(const JsonValue* value, std::string_view what) {
  if (!value || !value->is_string()) return refused(what, "a string", value);
  return value->text();
}

bool is_string(const JsonValue* value, std::string_view wanted) { return value && value->is_string() && value->text() == wanted; }

bool is_structured(const JsonValue& value) { return value.is_array() || value.is_object(); }

bool is_list_of_words(const JsonValue& value) {
  return value.is_array() &&
         std::all_of(value.items().begin(), value.items().end(), [](const JsonValue& item) { return item.is_string() && is_word(item.text()); });
}

std::string_view stripped(std::string_view text) {
  // All that str.isspace() calls space, in UTF-8 (CPython 3.13, Unicode 15.1).
  static constexpr std::string_view kSpaces[] = {"\t",     "\n",     "\x0B",   "\f",     "\r",     "\x1C",   "\x1D",   "\x1E",   "\x1F",   " ",
                                                 "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                                                 "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  const auto* const end = std::end(kSpaces);
  for (const auto* it = kSpaces; it != end;) {
    it = std::find_if(kSpaces, end, [&](std::string_view space) { return text.starts_with(space); });
    if (it != end) text.remove_prefix(it->size());
  }
  for (const auto* it = kSpaces; it != end;) {
    it = std::find_if(kSpaces, end, [&](std::string_view space) { return text.ends_with(space); });
    if (it != end) text.remove_suffix(it->size());
  }
  return text;
}

void write_hermes_tools(PieceWriter& writer, const std::vector<JsonValue>& tools) {
  writer.own(
      "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
      "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
  for (const JsonValue& tool : tools) {
    writer.own("\n");
    writer.tool(tool);
  }
  writer.own(
      "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
      "<tool_call></tool_call> XML tags:\n"
      "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n");
}

Result<void> write_hermes_calls(PieceWriter& out, const JsonValue& calls, bool follows_text, const std::string& place) {
  ASSIGN_OR_RETURN(const std::vector<JsonValue> items, iterated(calls, place));
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0 || follows_text) out.own("\n");
    const JsonValue* function = member_of(&items[i], "function");
    const JsonValue* call = function && function->truthy() ? function : &items[i];
    const JsonValue* arguments = member_of(call, "arguments");
    if (!arguments) return refused(place + ".arguments", "a value", nullptr);
    out.own("<tool_call>\n{\"name\": \"");
    out.print(member_of(call, "name"));
    out.own("\", \"arguments\": ");
    if (arguments->is_string()) out.given(arguments->text());
    else out.arguments(*arguments);
    out.own("}\n</tool_call>");
  }
  return {};
}

const std::vector<std::string_view> kQwenFimTokens = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};
const std::vector<std::string_view> kQwenFimStopTokens = {"<|endoftext|>",  "<|im_end|>",  "<|fim_prefix|>", "<|fim_middle|>",
                                                          "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",  "<|file_sep|>"};

void write_qwen_fim(PieceWriter& out, std::string_view prefix, std::string_view suffix) {
  out.own("<|fim_prefix|>");
  out.given(prefix);
  out.own("<|fim_suffix|>");
  out.given(suffix);
  out.own("<|fim_middle|>");
}

bool is_tool_result(const JsonValue* message) { return is_string(member_of(message, "role"), "tool"); }

void open_hermes_result(PieceWriter& out, const std::vector<JsonValue>& messages, std::size_t i) {
  if (i == 0 || !is_tool_result(&messages[i - 1])) out.own("<|im_start|>user");
  out.own("\n<tool_response>\n");
}

void close_hermes_result(PieceWriter& out, const std::vector<JsonValue>& messages, std::size_t i) {
  out.own("\n</tool_response>");
  if (i + 1 == messages.size() || !is_tool_result(&messages[i + 1])) out.own("<|im_end|>\n");
}

const JsonValue& function_of(const JsonValue& item) {
  const JsonValue* function = member_of(&item, "function");
  return function ? *function : item;
}

}  // namespace pio
