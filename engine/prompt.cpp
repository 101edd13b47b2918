#include "engine/prompt.h"

#include <algorithm>
#include <span>
#include <string>

namespace pio {
namespace {

JsonValue as_json(const ToolCall& call) {
  return JsonValue::object({{"id", JsonValue::string(call.id)},
                            {"type", JsonValue::string("function")},
                            {"function", JsonValue::object({{"name", JsonValue::string(call.name)}, {"arguments", call.arguments}})}});
}

// As the templates read messages. Text alone stays a string, which all of them take; pictures stand before it.
JsonValue as_json(const ChatMessage& message) {
  JsonValue content = JsonValue::string(message.content);
  if (!message.images.empty()) {
    std::vector<JsonValue> parts(message.images.size(), JsonValue::object({{"type", JsonValue::string("image")}}));
    parts.push_back(JsonValue::object({{"type", JsonValue::string("text")}, {"text", std::move(content)}}));
    content = JsonValue::array(std::move(parts));
  }
  JsonValue json = JsonValue::object({{"role", JsonValue::string(message.role)}, {"content", std::move(content)}});
  if (!message.reasoning.empty()) json.set("reasoning_content", JsonValue::string(message.reasoning));
  if (!message.tool_calls.empty()) {
    std::vector<JsonValue> calls;
    for (const ToolCall& call : message.tool_calls) calls.push_back(as_json(call));
    json.set("tool_calls", JsonValue::array(std::move(calls)));
  }
  return json;
}

// All but the messages, which may become fewer.
RenderRequest render_request(const GenerateRequest& request) {
  RenderRequest render;
  render.tools = request.tools;
  if (request.thinking) render.variables.set("enable_thinking", JsonValue::boolean(*request.thinking));
  if (request.clear_thinking) render.variables.set("clear_thinking", JsonValue::boolean(*request.clear_thinking));
  if (request.continue_last) render.begun = BegunAnswer{request.messages.back().reasoning, request.messages.back().content};
  return render;
}

Result<std::vector<int>> encode(const ChatFormat& format, const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                                RenderRequest& request) {
  std::vector<JsonValue> rendered;
  const std::size_t n = messages.size() - (request.begun ? 1 : 0);
  for (std::size_t i = 0; i < n; ++i) rendered.push_back(as_json(messages[i]));
  request.messages = JsonValue::array(std::move(rendered));
  ASSIGN_OR_RETURN(const std::vector<Piece> pieces, format.render(request));
  std::vector<int> ids = tokenizer.encode_pieces(pieces);
  if (const std::optional<int> begin = tokenizer.begin_id(); begin && (ids.empty() || ids[0] != *begin)) ids.insert(ids.begin(), *begin);
  return ids;
}

}  // namespace

Result<Prompt> make_prompt(const ChatFormat& format, const Tokenizer& tokenizer, const GenerateRequest& request, std::int64_t limit,
                           const PlacePictures& place_pictures) {
  const std::vector<ChatMessage>& messages = request.messages;
  if (messages.empty()) return make_error(ErrorCode::bad_argument, "conversation: at least one message, found none");
  if (request.continue_last && messages.back().role != "assistant")
    return make_error(ErrorCode::bad_argument, "message to continue: role assistant, found " + messages.back().role);

  const auto is_user = [](const ChatMessage& m) { return m.role == "user"; };
  std::size_t n_system = 0;
  while (n_system < messages.size() && messages[n_system].role == "system") ++n_system;

  std::vector<ChatMessage> kept = messages;
  RenderRequest render = render_request(request);
  Prompt prompt;
  for (;;) {
    ASSIGN_OR_RETURN(prompt.ids, encode(format, tokenizer, kept, render));
    if (place_pictures) {
      ASSIGN_OR_RETURN(PicturedIds placed, place_pictures(prompt.ids, kept));
      prompt.ids = std::move(placed.ids);
      prompt.pictures = std::move(placed.pictures);
    }
    if (static_cast<std::int64_t>(prompt.ids.size()) <= limit) break;

    const auto first = kept.begin() + n_system;
    const auto next_turn = first == kept.end() ? first : std::find_if(first + 1, kept.end(), is_user);
    if (next_turn == kept.end()) {
      Error error = make_error(ErrorCode::context_full, "prompt: at most " + std::to_string(limit) + " tokens, found " +
                                                            std::to_string(prompt.ids.size()));
      error.limit = static_cast<std::uint64_t>(limit);
      error.asked = prompt.ids.size();
      return error;
    }
    prompt.n_dropped_messages += next_turn - first;
    kept.erase(first, next_turn);
  }
  prompt.parser = format.parser(render);
  return prompt;
}

Result<std::vector<int>> raw_prompt(const Engine& engine, std::string_view text) {
  if (!engine.loaded()) return make_error(ErrorCode::bad_argument, "engine: a loaded model, found none");
  const Tokenizer* tokenizer = engine.tokenizer();
  if (!tokenizer) return make_error(ErrorCode::unsupported_model, engine.loaded()->path + ": a tokenizer, found none");
  std::vector<int> ids = tokenizer->encode(text, SpecialTokens::none);
  if (const std::optional<int> begin = tokenizer->begin_id()) ids.insert(ids.begin(), *begin);
  return ids;
}

}  // namespace pio
