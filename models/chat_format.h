#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"
#include "models/json_value.h"

// How a family's conversation looks as text. A format never makes one string: it makes pieces, and only what the template itself wrote
// may become a control token. What a person, a file or a model wrote stays text, whatever it spells.

namespace pio {

struct Piece {
  enum class Kind {
    control,  // written by the template: control tokens spelled here are recognised
    text,     // came from the conversation: never a control token
  };
  Kind kind = Kind::text;
  std::string text;
};

// An answer that was begun and is to be carried on. With any `content` its reasoning has ended.
struct BegunAnswer {
  std::string reasoning, content;
};

struct RenderRequest {
  JsonValue messages;  // array of {"role", "content", …}, as the published template takes them
  JsonValue tools;     // array, or null
  bool add_generation_prompt = true;
  JsonValue variables = JsonValue::object({});  // enable_thinking, clear_thinking, add_vision_id
  std::optional<BegunAnswer> begun = {};        // follows the generation prompt; no part of the published templates
};

// Recommended sampling of a family's publisher; unset where it says nothing.
struct RecommendedSampling {
  std::optional<double> temperature = {}, top_p = {}, min_p = {}, repeat_penalty = {}, presence_penalty = {};
  std::optional<int> top_k = {};
};

// A function that the model asks for.
struct ToolCall {
  std::string id;  // ours: "call_0", "call_1" … within a conversation's answer; templates do not print it
  std::string name;
  JsonValue arguments;  // an object
};

// What a model's output says, in the order in which it says it.
struct ChatEvent {
  enum class Kind { text, reasoning, tool_call };
  Kind kind = Kind::text;
  std::string text;  // of text and reasoning: more of it
  ToolCall call;     // of tool_call: a whole one
};

// How an answer ended: by the model, or by a limit or a stop within it.
enum class AnswerEnd { complete, cut_off };

// Takes a model's output apart as it comes, wherever it is cut: a tag that may still be one is held back. Output that is not as the format
// says is text, never an error. One answer each; one thread.
class ChatParser {
 public:
  virtual ~ChatParser() = default;
  // `text` is whole characters, added tokens that are not control tokens spelled out.
  virtual std::vector<ChatEvent> push(std::string_view text) = 0;
  // The end of the answer: what was held back comes out. A call that lacks only closing tags is one where the model ended the answer; a call
  // that breaks off, or was cut off before it was closed, becomes text.
  virtual std::vector<ChatEvent> finish(AnswerEnd end = AnswerEnd::complete) = 0;
};

// How a family is asked for what stands between two texts of a file.
struct FimForm {
  std::vector<Piece> prompt;                    // the two texts are pieces of kind text
  std::vector<std::string_view> needed_tokens;  // added tokens that a model must have for it
  std::vector<std::string_view> stop_tokens;    // beside those that end a turn
  bool answers_as_chat = false;                 // the code may stand in a fence
};

class ChatFormat {
 public:
  virtual ~ChatFormat() = default;
  virtual std::string_view name() const = 0;  // "smollm2-instruct"
  // The pieces whose joined texts are the published template's output, byte for byte; or template_refused where it raises.
  virtual Result<std::vector<Piece>> render(const RenderRequest& request) const = 0;
  // Spellings of the added tokens that end a turn: {"<|im_end|>", "<|endoftext|>"}.
  virtual std::vector<std::string_view> stop_tokens() const = 0;
  virtual RecommendedSampling recommended_sampling() const = 0;
  // A parser for the answer to `request`, which tells whether reasoning comes first and what types a tool's arguments have. Calls are
  // looked for only where tools are offered: an answer about the tags themselves stays text.
  virtual std::unique_ptr<ChatParser> parser(const RenderRequest& request) const;
  // The text before the gap, then the one after it, then the model writes the middle. By default as Qwen2.5-Coder was trained: the bare
  // tokens, no chat.
  virtual FimForm fill_in_the_middle(std::string_view prefix, std::string_view suffix) const;
  // Whether the model can reason before it answers, so that a person may switch it.
  virtual bool can_think() const { return false; }
};

// By name ("qwen3-4b-instruct-2507"); null when unknown.
const ChatFormat* find_chat_format(std::string_view name);
// The format of an architecture's family ("llama" → smollm2-instruct, "qwen3_moe" and "qwen3moe" → qwen3-coder-30b, …); null when none.
const ChatFormat* chat_format_of(std::string_view architecture);
// The format that renders a Jinja template just as Jinja would, by the SHA-256 of the template (lower-case hexadecimal); null for any other,
// other revisions of the same family among them.
const ChatFormat* chat_format_of_template(std::string_view sha256);
// All names, for messages.
std::vector<std::string_view> chat_format_names();

}  // namespace pio
