#include "models/qwen3_vl_2b/chat.h"

#include <algorithm>

#include "models/chat_pieces.h"
#include "models/hermes_parser.h"

namespace pio {

namespace {

// 'word' in part, as Python reads it: a key, a part of a string, an item.
Result<bool> holds(const JsonValue& part, std::string_view word, const std::string& place) {
  if (part.is_object()) return part.find(word) != nullptr;
  if (part.is_string()) return part.text().find(word) != std::string::npos;
  if (part.is_array()) {
    return std::any_of(part.items().begin(), part.items().end(), [&](const JsonValue& item) { return is_string(&item, word); });
  }
  return refused(place, "an object", &part);
}

// Writes contents; counts pictures and films over the conversation.
class Contents {
 public:
  Contents(PieceWriter& out, bool numbered) : out_(out), numbered_(numbered) {}

  Result<void> write(const JsonValue* content, bool with_pictures, const std::string& place) {
    if (!content) return {};
    if (content->is_string()) {
      out_.given(content->text());
      return {};
    }
    ASSIGN_OR_RETURN(const std::vector<JsonValue> parts, iterated(*content, place));
    for (const JsonValue& part : parts) {
      if (with_pictures) {
        ASSIGN_OR_RETURN(const bool is_picture, is_one_of(part, "image", "image_url", place));
        if (is_picture) {
          placeholder("Picture ", ++n_pictures_, "<|vision_start|><|image_pad|><|vision_end|>");
          continue;
        }
        ASSIGN_OR_RETURN(const bool is_film, is_one_of(part, "video", "video", place));
        if (is_film) {
          placeholder("Video ", ++n_films_, "<|vision_start|><|video_pad|><|vision_end|>");
          continue;
        }
      }
      ASSIGN_OR_RETURN(const bool is_text, holds(part, "text", place));
      if (is_text) out_.print(member_of(&part, "text"));
    }
    return {};
  }

 private:
  static Result<bool> is_one_of(const JsonValue& part, std::string_view kind, std::string_view other_key, const std::string& place) {
    if (is_string(member_of(&part, "type"), kind)) return true;
    ASSIGN_OR_RETURN(const bool has_key, holds(part, kind, place));
    if (has_key) return true;
    return holds(part, other_key, place);
  }
  void placeholder(std::string_view label, int number, std::string_view tokens) {
    if (numbered_) out_.own(std::string(label) + std::to_string(number) + ": ");
    out_.own(tokens);
  }

  PieceWriter& out_;
  bool numbered_;
  int n_pictures_ = 0, n_films_ = 0;
};

class Qwen3VlChat final : public ChatFormat {
 public:
  std::string_view name() const override { return "qwen3-vl-2b-instruct"; }
  std::vector<std::string_view> stop_tokens() const override { return {"<|im_end|>", "<|endoftext|>"}; }
  // The model card, generation hyperparameters of the Instruct models for pictures.
  RecommendedSampling recommended_sampling() const override {
    return {.temperature = 0.7, .top_p = 0.8, .repeat_penalty = 1.0, .presence_penalty = 1.5, .top_k = 20};
  }
  std::unique_ptr<ChatParser> parser(const RenderRequest& request) const override { return hermes_parser(request); }

  Result<std::vector<Piece>> render(const RenderRequest& request) const override {
    ASSIGN_OR_RETURN(const std::vector<JsonValue> messages, template_messages(request.messages));
    ASSIGN_OR_RETURN(const std::vector<JsonValue> tools, template_tools(request.tools));
    if (messages.empty()) return refused("messages[0]", "an object", nullptr);
    PieceWriter out;
    const JsonValue* numbered = member_of(&request.variables, "add_vision_id");
    Contents contents(out, numbered && numbered->truthy());
    RETURN_IF_ERROR(write_system(out, contents, messages[0], tools));
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const JsonValue *role = messages[i].find("role"), *content = messages[i].find("content");
      const std::string place = "messages[" + std::to_string(i) + "]";
      if (is_string(role, "user")) {
        out.own("<|im_start|>user\n");
        RETURN_IF_ERROR(contents.write(content, true, place + ".content"));
        out.own("<|im_end|>\n");
      } else if (is_string(role, "assistant")) {
        out.own("<|im_start|>assistant\n");
        RETURN_IF_ERROR(contents.write(content, false, place + ".content"));
        if (const JsonValue* calls = messages[i].find("tool_calls"); calls && calls->truthy()) {
          RETURN_IF_ERROR(write_hermes_calls(out, *calls, content && content->truthy(), place + ".tool_calls"));
        }
        out.own("<|im_end|>\n");
      } else if (is_string(role, "tool")) {
        open_hermes_result(out, messages, i);
        RETURN_IF_ERROR(contents.write(content, true, place + ".content"));
        close_hermes_result(out, messages, i);
      }
    }
    out.open_assistant_turn(request);
    return out.take();
  }

 private:
  static Result<void> write_system(PieceWriter& out, Contents& contents, const JsonValue& first, const std::vector<JsonValue>& tools) {
    const bool has_system = is_string(first.find("role"), "system");
    if (!has_system && tools.empty()) return {};
    out.own("<|im_start|>system\n");
    if (has_system) {
      RETURN_IF_ERROR(contents.write(first.find("content"), false, "messages[0].content"));
      out.own(tools.empty() ? "<|im_end|>\n" : "\n\n");
    }
    if (!tools.empty()) write_hermes_tools(out, tools);
    return {};
  }
};

}  // namespace

const ChatFormat& qwen3_vl_2b_chat_format() {
  static const Qwen3VlChat format;
  return format;
}

}  // namespace pio
