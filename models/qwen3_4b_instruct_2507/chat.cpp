#include "models/qwen3_4b_instruct_2507/chat.h"

#include "models/chat_pieces.h"
#include "models/hermes_parser.h"

namespace pio {

namespace {

class Qwen3Chat final : public ChatFormat {
 public:
  std::string_view name() const override { return "qwen3-4b-instruct-2507"; }
  std::vector<std::string_view> stop_tokens() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  // The model card, section Best Practices.
  RecommendedSampling recommended_sampling() const override { return {.temperature = 0.7, .top_p = 0.8, .min_p = 0.0, .top_k = 20}; }
  std::unique_ptr<ChatParser> parser(const RenderRequest& request) const override { return hermes_parser(request); }

  Result<std::vector<Piece>> render(const RenderRequest& request) const override {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> messages, template_messages(request.messages));
    ASSIGN_OR_RETURN(const std::vector<JsonValue> tools, template_tools(request.tools));
    if (messages.empty()) return refused("messages[0]", "an object", nullptr);
    PieceWriter out;
    RETURN_IF_ERROR(write_system(out, messages[0], tools));
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const JsonValue* role = messages[i].find("role");
      const JsonValue* content = messages[i].find("content");
      const std::string_view text = content && content->is_string() ? std::string_view(content->text()) : std::string_view();
      if (is_string(role, "user") || (is_string(role, "system") && i > 0)) {
        out.own("<|im_start|>" + role->text() + "\n");
        out.given(text);
        out.own("<|im_end|>\n");
      } else if (is_string(role, "assistant")) {
        out.own("<|im_start|>assistant\n");
        out.given(text);
        const JsonValue* calls = messages[i].find("tool_calls");
        if (calls && calls->truthy()) {
          RETURN_IF_ERROR(write_hermes_calls(out, *calls, !text.empty(), "messages[" + std::to_string(i) + "].tool_calls"));
        }
        out.own("<|im_end|>\n");
      } else if (is_string(role, "tool")) {
        open_hermes_result(out, messages, i);
        out.given(text);
        close_hermes_result(out, messages, i);
      }
    }
    out.open_assistant_turn(request);
    return out.take();
  }

 private:
  static Result<void> write_system(PieceWriter& out, const JsonValue& first, const std::vector<JsonValue>& tools) {
    const bool has_system = is_string(first.find("role"), "system");
    if (!has_system && tools.empty()) return {};
    out.own("<|im_start|>system\n");
    if (has_system) {
      ASSIGN_OR_RETURN(const std::string text, concatenated(first.find("content"), "messages[0].content"));
      out.given(text);
      out.own(tools.empty() ? "<|im_end|>\n" : "\n\n");
    }
    if (!tools.empty()) write_hermes_tools(out, tools);
    return {};
  }
};

}  // namespace

const ChatFormat& qwen3_4b_instruct_2507_chat_format() {
  static const Qwen3Chat format;
  return format;
}

}  // namespace pio
