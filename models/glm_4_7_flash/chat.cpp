#include "models/glm_4_7_flash/chat.h"

#include "models/chat_pieces.h"
#include "models/glm_4_7_flash/chat_parser.h"

namespace pio {

namespace {

bool is_on(const RenderRequest& request, std::string_view variable, bool unset) {
  const JsonValue* value = member_of(&request.variables, variable);
  return value ? value->truthy() : unset;
}

// What comes after the last `separator`; what comes before the first one; the text itself where there is none.
std::string_view after_last(std::string_view text, std::string_view separator) {
  const std::size_t at = text.rfind(separator);
  return at == std::string_view::npos ? text : text.substr(at + separator.size());
}
std::string_view before_first(std::string_view text, std::string_view separator) { return text.substr(0, text.find(separator)); }

std::string_view without_newlines_before(std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  return text;
}
std::string_view without_newlines_after(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// A content's words: a string, the texts among a list's parts, or what Python prints of anything else.
void write_visible(PieceWriter& out, const JsonValue* content) {
  if (!content || !content->is_array()) return out.print(content);
  for (const JsonValue& part : content->items()) {
    if (is_string(member_of(&part, "type"), "text")) out.print(member_of(&part, "text"));
    else if (part.is_string()) out.given(part.text());
  }
}

std::string visible_text(const JsonValue* content) {
  PieceWriter out;
  write_visible(out, content);
  std::string text;
  for (const Piece& piece : out.take()) text += piece.text;
  return text;
}

class GlmChat final : public ChatFormat {
 public:
  std::string_view name() const override { return "glm-4.7-flash"; }
  std::vector<std::string_view> stop_tokens() const override { return {"<|endoftext|>", "<|user|>", "<|observation|>"}; }
  // The model card's values for most tasks.
  RecommendedSampling recommended_sampling() const override { return {.temperature = 1.0, .top_p = 0.95}; }
  bool can_think() const override { return true; }
  std::unique_ptr<ChatParser> parser(const RenderRequest& request) const override { return glm_parser(request); }

  // Not published: the order of the tokens' names in other models of the house (README.md).
  FimForm fill_in_the_middle(std::string_view prefix, std::string_view suffix) const override {
    static const std::vector<std::string_view> kTokens = {"<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"};
    PieceWriter out;
    out.own("[gMASK]<sop><|code_prefix|>");
    out.given(prefix);
    out.own("<|code_suffix|>");
    out.given(suffix);
    out.own("<|code_middle|>");
    return {.prompt = out.take(), .needed_tokens = kTokens, .stop_tokens = kTokens, .answers_as_chat = false};
  }

  Result<std::vector<Piece>> render(const RenderRequest& request) const override {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> messages, template_messages(request.messages));
    ASSIGN_OR_RETURN(const std::vector<JsonValue> tools, template_tools(request.tools));
    if (messages.empty()) return refused("messages[0]", "an object", nullptr);
    PieceWriter out;
    out.own("[gMASK]<sop>");
    if (!tools.empty()) write_tools(out, tools);

    std::size_t n_kept = 0;  // reasoning of the messages from here on is kept: those after the last user's
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (is_string(messages[i].find("role"), "user")) n_kept = i + 1;
    }
    if (!is_on(request, "clear_thinking", true)) n_kept = 0;

    for (std::size_t i = 0; i < messages.size(); ++i) {
      const JsonValue* role = messages[i].find("role");
      const std::string place = "messages[" + std::to_string(i) + "]";
      if (is_string(role, "user") || is_string(role, "system")) {
        out.own("<|" + role->text() + "|>");
        write_visible(out, messages[i].find("content"));
      } else if (is_string(role, "assistant")) {
        RETURN_IF_ERROR(write_assistant(out, messages[i], i >= n_kept, place));
      } else if (is_string(role, "tool")) {
        RETURN_IF_ERROR(write_result(out, messages[i].find("content"), i == 0 || !is_tool_result(&messages[i - 1]), place));
      }
    }
    if (request.add_generation_prompt) open_turn(out, request);
    return out.take();
  }

 private:
  static void write_tools(PieceWriter& out, const std::vector<JsonValue>& tools) {
    out.own(
        "<|system|>\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n");
    for (const JsonValue& tool : tools) {
      out.tool(tool);
      out.own("\n");
    }
    out.own(
        "</tools>\n\nFor each function call, output the function name and arguments within the following XML format:\n"
        "<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key><arg_value>{arg-value-1}</arg_value>"
        "<arg_key>{arg-key-2}</arg_key><arg_value>{arg-value-2}</arg_value>...</tool_call>");
  }

  static Result<void> write_assistant(PieceWriter& out, const JsonValue& message, bool keeps_reasoning, const std::string& place) {
    const std::string text = visible_text(message.find("content"));
    std::string_view reasoning, content = text;
    if (const JsonValue* given = message.find("reasoning_content"); given && given->is_string()) {
      reasoning = given->text();
    } else if (text.find("</think>") != std::string::npos) {
      reasoning = without_newlines_before(after_last(without_newlines_after(before_first(text, "</think>")), "<think>"));
      content = without_newlines_before(after_last(text, "</think>"));
    }
    out.own("<|assistant|>");
    if (keeps_reasoning && !reasoning.empty()) {
      out.own("<think>");
      out.given(stripped(reasoning));
    }
    out.own("</think>");
    out.given(stripped(content));
    if (const JsonValue* calls = message.find("tool_calls"); calls && calls->truthy()) {
      RETURN_IF_ERROR(write_calls(out, *calls, place + ".tool_calls"));
    }
    return {};
  }

  static Result<void> write_calls(PieceWriter& out, const JsonValue& calls, const std::string& place) {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> items, iterated(calls, place));
    for (const JsonValue& item : items) {
      const JsonValue* function = member_of(&item, "function");
      const JsonValue* call = function && function->truthy() ? function : &item;
      ASSIGN_OR_RETURN(const std::string name, concatenated(member_of(call, "name"), place + ".name"));
      const JsonValue* arguments = member_of(call, "arguments");
      if (!arguments || !arguments->is_object()) return refused(place + ".arguments", "an object", arguments);
      out.own("<tool_call>");
      out.given(name);
      for (const auto& [key, value] : arguments->members()) {
        out.own("<arg_key>");
        out.given(key);
        out.own("</arg_key><arg_value>");
        if (value.is_string()) out.given(value.text());
        else out.arguments(value);
        out.own("</arg_value>");
      }
      out.own("</tool_call>");
    }
    return {};
  }

  static Result<void> write_result(PieceWriter& out, const JsonValue* content, bool is_first, const std::string& place) {
    if (content && content->is_string()) {
      out.own(is_first ? "<|observation|><tool_response>" : "<tool_response>");
      out.given(content->text());
      out.own("</tool_response>");
      return {};
    }
    out.own("<|observation|>");
    if (!content) return {};
    ASSIGN_OR_RETURN(const std::vector<JsonValue> results, iterated(*content, place + ".content"));
    for (const JsonValue& result : results) {
      const JsonValue* output = member_of(&result, "output");
      out.own("<tool_response>");
      out.print(output ? output : &result);
      out.own("</tool_response>");
    }
    return {};
  }

  static void open_turn(PieceWriter& out, const RenderRequest& request) {
    const bool reasons = glm_answer_starts_in_reasoning(request);
    const std::string_view reasoning = request.begun ? std::string_view(request.begun->reasoning) : std::string_view();
    out.own("<|assistant|>");
    if (reasons || !reasoning.empty()) out.own("<think>");
    out.given(reasons ? reasoning : stripped(reasoning));
    if (!reasons) out.own("</think>");
    if (request.begun) out.given(request.begun->content);
  }
};

}  // namespace

const ChatFormat& glm_4_7_flash_chat_format() {
  static const GlmChat format;
  return format;
}

}  // namespace pio
