#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/chat_format.h"
#include "models/json_value.h"

// What the chat formats share: pieces under construction, and the conversation as a published template sees it. The words follow Jinja:
// a value that is absent is undefined, and prints as nothing.

namespace pio {

class PieceWriter {
 public:
  // The template's own words.
  void own(std::string_view text) { append(Piece::Kind::control, text); }
  // Words of the conversation.
  void given(std::string_view text) { append(Piece::Kind::text, text); }
  // A role, or a word of JSON schema. Templates print them as they come, and they count as the template's; but only what is spelled like
  // a word (letters, digits, _ - . $) can be trusted so far, anything else is text.
  void word(std::string_view text);
  // {{ value }}: strings are given, and so is what Python prints of a list or an object; numbers, True, False and None are not.
  void print(const JsonValue* value);
  // {{ value | tojson }} of a call's arguments: all strings and all keys are given.
  void arguments(const JsonValue& value);
  // {{ value | tojson }} of a tool: strings are given (but not a list of types), and of the keys the names of parameters.
  void tool(const JsonValue& value) { schema(value, false); }
  // The same of a part of one; `keys_are_names` where the part is an object of parameters.
  void schema(const JsonValue& value, bool keys_are_names);

  // The end of a ChatML prompt: the assistant's turn, opened where it is asked for, with what was begun of it.
  void open_assistant_turn(const RenderRequest& request);

  std::vector<Piece> take() { return std::move(pieces_); }

 private:
  void append(Piece::Kind kind, std::string_view text);
  std::vector<Piece> pieces_;  // neighbours differ in kind; none is empty
};

// Error{template_refused}: "<what>: expected <expected>, found a list".
Error refused(std::string_view what, std::string_view expected, const JsonValue* found);

// The messages as transformers hands them to a template: an array of objects, keys whose value is null left out, `thinking` and
// `reasoning` as other names of reasoning_content.
Result<std::vector<JsonValue>> template_messages(const JsonValue& messages);
// The tools; none when null or empty. Each is an object.
Result<std::vector<JsonValue>> template_tools(const JsonValue& tools);

// What `for` goes through: items, an object's keys, a string's characters.
Result<std::vector<JsonValue>> iterated(const JsonValue& value, std::string_view what);
// The characters of `value`, for '…' + value: anything but a string is refused.
Result<std::string> concatenated(const JsonValue* value, std::string_view what);
bool is_string(const JsonValue* value, std::string_view wanted);
// Whether Jinja calls it a list that is no string and no mapping, or a mapping: what templates print as JSON.
bool is_structured(const JsonValue& value);
// str.strip() of Python: white space of Unicode, U+001C to U+001F with it.
std::string_view stripped(std::string_view text);
// Whether a list of types holds nothing but words, which count as the template's.
bool is_list_of_words(const JsonValue& value);

// The Hermes form that Qwen2.5 and Qwen3 share: from "# Tools" to the end of the system turn.
void write_hermes_tools(PieceWriter& writer, const std::vector<JsonValue>& tools);
// What Qwen's fill-in-the-middle models read: <|fim_prefix|>…<|fim_suffix|>…<|fim_middle|>; the tokens that takes, and those that end the
// middle beside the end of a turn.
void write_qwen_fim(PieceWriter& out, std::string_view prefix, std::string_view suffix);
extern const std::vector<std::string_view> kQwenFimTokens, kQwenFimStopTokens;

// The calls of Qwen3 and Qwen3-VL, a newline between two and after text: `follows_text`. Arguments that are a string are printed as they
// are. `place` names them in errors.
Result<void> write_hermes_calls(PieceWriter& out, const JsonValue& calls, bool follows_text, const std::string& place);
// Whether a message's neighbour (may be null) is a tool's result too: they share one user turn.
bool is_tool_result(const JsonValue* message);
// What stands before and behind the content of messages[i], a tool's result, in the Hermes form.
void open_hermes_result(PieceWriter& out, const std::vector<JsonValue>& messages, std::size_t i);
void close_hermes_result(PieceWriter& out, const std::vector<JsonValue>& messages, std::size_t i);
// item.function where there is one, as OpenAI's form has it, else the item itself.
const JsonValue& function_of(const JsonValue& item);

}  // namespace pio
