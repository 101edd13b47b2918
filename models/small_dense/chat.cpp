#include "models/small_dense/chat.h"

#include "models/chat_pieces.h"
#include "models/hermes_parser.h"

namespace pio {

namespace {

class SmolLm2Chat final : public ChatFormat {
 public:
  std::string_view name() const override { return "smollm2-instruct"; }
  std::vector<std::string_view> stop_tokens() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  // The model card: temperature 0.2, top_p 0.9.
  RecommendedSampling recommended_sampling() const override { return {.temperature = 0.2, .top_p = 0.9}; }

  // Knows no tools: they are left out, as the template leaves them out.
  Result<std::vector<Piece>> render(const RenderRequest& request) const override {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> messages, template_messages(request.messages));
    RETURN_IF_ERROR(template_tools(request.tools));
    PieceWriter out;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const JsonValue *role = member_of(&messages[i], "role"), *content = member_of(&messages[i], "content");
      if (i == 0 && !is_string(role, "system")) {
        out.own("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n");
      }
      const std::string place = "messages[" + std::to_string(i) + "]";
      ASSIGN_OR_RETURN(const std::string role_text, concatenated(role, place + ".role"));
      ASSIGN_OR_RETURN(const std::string content_text, concatenated(content, place + ".content"));
      out.own("<|im_start|>");
      out.word(role_text);
      out.own("\n");
      out.given(content_text);
      out.own("<|im_end|>\n");
    }
    out.open_assistant_turn(request);
    return out.take();
  }
};

class Qwen25CoderChat final : public ChatFormat {
 public:
  std::string_view name() const override { return "qwen2.5-coder"; }
  std::vector<std::string_view> stop_tokens() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  // generation_config.json of the 0.5B and 1.5B models.
  RecommendedSampling recommended_sampling() const override { return {.temperature = 0.7, .top_p = 0.8, .repeat_penalty = 1.1, .top_k = 20}; }
  std::unique_ptr<ChatParser> parser(const RenderRequest& request) const override { return hermes_parser(request); }

  Result<std::vector<Piece>> render(const RenderRequest& request) const override {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> messages, template_messages(request.messages));
    ASSIGN_OR_RETURN(const std::vector<JsonValue> tools, template_tools(request.tools));
    if (messages.empty()) return refused("messages[0]", "an object", nullptr);
    PieceWriter out;
    RETURN_IF_ERROR(write_system(out, messages[0], tools));
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const JsonValue& message = messages[i];
      const JsonValue *role = message.find("role"), *content = message.find("content"), *calls = message.find("tool_calls");
      const std::string place = "messages[" + std::to_string(i) + "]";
      const bool has_calls = calls && calls->truthy();
      if (is_string(role, "user") || (is_string(role, "system") && i > 0) || (is_string(role, "assistant") && !has_calls)) {
        ASSIGN_OR_RETURN(const std::string text, concatenated(content, place + ".content"));
        out.own("<|im_start|>" + role->text() + "\n");
        out.given(text);
        out.own("<|im_end|>\n");
      } else if (is_string(role, "assistant")) {
        out.own("<|im_start|>assistant");
        if (content && content->truthy()) {
          ASSIGN_OR_RETURN(const std::string text, concatenated(content, place + ".content"));
          out.own("\n");
          out.given(text);
        }
        RETURN_IF_ERROR(write_calls(out, *calls, place + ".tool_calls"));
        out.own("<|im_end|>\n");
      } else if (is_string(role, "tool")) {
        open_hermes_result(out, messages, i);
        out.print(content);
        close_hermes_result(out, messages, i);
      }
    }
    out.open_assistant_turn(request);
    return out.take();
  }

 private:
  static Result<void> write_system(PieceWriter& out, const JsonValue& first, const std::vector<JsonValue>& tools) {
    out.own("<|im_start|>system\n");
    if (!is_string(first.find("role"), "system")) {
      out.own("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.");
    } else if (tools.empty()) {
      ASSIGN_OR_RETURN(const std::string text, concatenated(first.find("content"), "messages[0].content"));
      out.given(text);
    } else {
      out.print(first.find("content"));
    }
    if (tools.empty()) {
      out.own("<|im_end|>\n");
    } else {
      out.own("\n\n");
      write_hermes_tools(out, tools);
    }
    return {};
  }

  // Arguments that are a JSON string are printed quoted once more, as the template does.
  static Result<void> write_calls(PieceWriter& out, const JsonValue& calls, const std::string& place) {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> items, iterated(calls, place));
    for (const JsonValue& item : items) {
      const JsonValue& call = function_of(item);
      const JsonValue* arguments = member_of(&call, "arguments");
      if (!arguments) return refused(place + ".arguments", "a value", nullptr);
      out.own("\n<tool_call>\n{\"name\": \"");
      out.print(member_of(&call, "name"));
      out.own("\", \"arguments\": ");
      out.arguments(*arguments);
      out.own("}\n</tool_call>");
    }
    return {};
  }
};

}  // namespace

const ChatFormat& smollm2_chat_format() {
  static const SmolLm2Chat format;
  return format;
}

const ChatFormat& qwen2_5_coder_chat_format() {
  static const Qwen25CoderChat format;
  return format;
}

}  // namespace pio
