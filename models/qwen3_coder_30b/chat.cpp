#include "models/qwen3_coder_30b/chat.h"

#include <algorithm>
#include <initializer_list>

#include "models/chat_pieces.h"
#include "models/qwen3_coder_30b/chat_parser.h"

namespace pio {

namespace {

constexpr std::string_view kDefaultSystem = "You are Qwen, a helpful AI assistant that can interact with a computer to solve tasks.";

constexpr std::string_view kHowToCall =
    "\n</tools>\n\nIf you choose to call a function ONLY reply in the following format with NO suffix:\n\n"
    "<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>\nvalue_1\n</parameter>\n"
    "<parameter=example_parameter_2>\nThis is the value for the second parameter\nthat can span\nmultiple lines\n</parameter>\n"
    "</function>\n</tool_call>\n\n<IMPORTANT>\nReminder:\n"
    "- Function calls MUST follow the specified format: an inner <function=...></function> block must be nested within "
    "<tool_call></tool_call> XML tags\n"
    "- Required parameters MUST be specified\n"
    "- You may provide optional reasoning for your function call in natural language BEFORE the function call, but NOT after\n"
    "- If there is no function call available, answer the question like normal with your current knowledge and do not tell the user "
    "about function calls\n</IMPORTANT>";

// "\n<key>value</key>" of every member that has no place of its own; objects and lists as JSON, the rest as Python prints it.
void write_extra_keys(PieceWriter& out, const JsonValue* value, std::initializer_list<std::string_view> handled) {
  if (!value || !value->is_object()) return;
  for (const auto& [key, item] : value->members()) {
    if (std::find(handled.begin(), handled.end(), key) != handled.end()) continue;
    out.own("\n<");
    out.word(key);
    out.own(">");
    if (is_structured(item)) out.schema(item, key == "properties");
    else out.print(&item);
    out.own("</");
    out.word(key);
    out.own(">");
  }
}

void write_description(PieceWriter& out, const JsonValue* description) {
  if (!description) return;
  out.own("\n<description>");
  if (description->is_string()) out.given(stripped(description->text()));
  else out.print(description);
  out.own("</description>");
}

void write_parameter(PieceWriter& out, std::string_view name, const JsonValue& fields) {
  out.own("\n<parameter>\n<name>");
  out.given(name);
  out.own("</name>");
  if (const JsonValue* type = member_of(&fields, "type")) {
    out.own("\n<type>");
    if (is_list_of_words(*type)) out.own(type->python_str());
    else out.print(type);
    out.own("</type>");
  }
  write_description(out, member_of(&fields, "description"));
  write_extra_keys(out, &fields, {"name", "type", "description"});
  out.own("\n</parameter>");
}

void write_tool(PieceWriter& out, const JsonValue& wrapped) {
  const JsonValue* function = wrapped.find("function");
  const JsonValue* tool = function ? function : &wrapped;
  out.own("\n<function>\n<name>");
  out.print(member_of(tool, "name"));
  out.own("</name>");
  write_description(out, member_of(tool, "description"));
  out.own("\n<parameters>");
  const JsonValue* parameters = member_of(tool, "parameters");
  if (const JsonValue* properties = member_of(parameters, "properties"); properties && properties->is_object()) {
    for (const auto& [name, fields] : properties->members()) write_parameter(out, name, fields);
  }
  write_extra_keys(out, parameters, {"type", "properties"});
  out.own("\n</parameters>");
  write_extra_keys(out, tool, {"type", "name", "description", "parameters"});
  out.own("\n</function>");
}

class Qwen3CoderChat final : public ChatFormat {
 public:
  std::string_view name() const override { return "qwen3-coder-30b"; }
  std::vector<std::string_view> stop_tokens() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  // The model card, section Best Practices.
  RecommendedSampling recommended_sampling() const override { return {.temperature = 0.7, .top_p = 0.8, .repeat_penalty = 1.05, .top_k = 20}; }
  std::unique_ptr<ChatParser> parser(const RenderRequest& request) const override { return qwen3_coder_parser(request); }

  // The repository's README puts the bare prompt into a user's turn.
  FimForm fill_in_the_middle(std::string_view prefix, std::string_view suffix) const override {
    PieceWriter out;
    out.own("<|im_start|>system\nYou are a code completion assistant.<|im_end|>\n<|im_start|>user\n");
    write_qwen_fim(out, prefix, suffix);
    out.own("<|im_end|>\n<|im_start|>assistant\n");
    return {.prompt = out.take(), .needed_tokens = kQwenFimTokens, .stop_tokens = kQwenFimStopTokens, .answers_as_chat = true};
  }

  Result<std::vector<Piece>> render(const RenderRequest& request) const override {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> messages, template_messages(request.messages));
    ASSIGN_OR_RETURN(const std::vector<JsonValue> tools, template_tools(request.tools));
    if (messages.empty()) return refused("messages[0]", "an object", nullptr);
    PieceWriter out;
    const bool has_system = is_string(messages[0].find("role"), "system");
    RETURN_IF_ERROR(write_system(out, has_system ? messages[0].find("content") : nullptr, tools));
    const std::size_t first = has_system ? 1 : 0;
    for (std::size_t i = first; i < messages.size(); ++i) {
      const JsonValue *role = messages[i].find("role"), *content = messages[i].find("content"), *calls = messages[i].find("tool_calls");
      const std::string place = "messages[" + std::to_string(i) + "]";
      if (is_string(role, "assistant") && calls && (is_structured(*calls) || calls->is_string()) && calls->truthy()) {
        out.own("<|im_start|>assistant");
        if (const std::string_view text = content && content->is_string() ? stripped(content->text()) : std::string_view(); !text.empty()) {
          out.own("\n");
          out.given(text);
          out.own("\n");
        }
        RETURN_IF_ERROR(write_calls(out, *calls, place + ".tool_calls"));
        out.own("<|im_end|>\n");
      } else if (is_string(role, "tool")) {
        if (i > first && messages[i - 1].truthy() && !is_tool_result(&messages[i - 1])) out.own("<|im_start|>user\n");
        out.own("<tool_response>\n");
        out.print(content);
        out.own("\n</tool_response>\n");
        if (i + 1 == messages.size() || !is_tool_result(&messages[i + 1])) out.own("<|im_end|>\n");
      } else {
        ASSIGN_OR_RETURN(const std::string role_text, concatenated(role, place + ".role"));
        ASSIGN_OR_RETURN(const std::string text, concatenated(content, place + ".content"));
        out.own("<|im_start|>");
        out.word(role_text);
        out.own("\n");
        out.given(text);
        out.own("<|im_end|>\n");
      }
    }
    out.open_assistant_turn(request);
    return out.take();
  }

 private:
  static Result<void> write_system(PieceWriter& out, const JsonValue* system, const std::vector<JsonValue>& tools) {
    if (!system && tools.empty()) return {};
    out.own("<|im_start|>system\n");
    if (system) {
      ASSIGN_OR_RETURN(const std::string text, concatenated(system, "messages[0].content"));
      out.given(text);
    } else {
      out.own(kDefaultSystem);
    }
    if (!tools.empty()) {
      out.own("\n\n# Tools\n\nYou have access to the following functions:\n\n<tools>");
      for (const JsonValue& tool : tools) write_tool(out, tool);
      out.own(kHowToCall);
    }
    out.own("<|im_end|>\n");
    return {};
  }

  static Result<void> write_calls(PieceWriter& out, const JsonValue& calls, const std::string& place) {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> items, iterated(calls, place));
    for (const JsonValue& item : items) {
      const JsonValue& call = function_of(item);
      ASSIGN_OR_RETURN(const std::string name, concatenated(member_of(&call, "name"), place + ".name"));
      out.own("\n<tool_call>\n<function=");
      out.given(name);
      out.own(">\n");
      if (const JsonValue* arguments = member_of(&call, "arguments")) {
        if (!arguments->is_object()) return refused(place + ".arguments", "an object", arguments);
        for (const auto& [key, value] : arguments->members()) {
          out.own("<parameter=");
          out.given(key);
          out.own(">\n");
          if (is_structured(value)) out.arguments(value);
          else out.print(&value);
          out.own("\n</parameter>\n");
        }
      }
      out.own("</function>\n</tool_call>");
    }
    return {};
  }
};

}  // namespace

const ChatFormat& qwen3_coder_30b_chat_format() {
  static const Qwen3CoderChat format;
  return format;
}

}  // namespace pio
