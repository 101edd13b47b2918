#include "engine/prompt.h"

#include <algorithm>
#include <span>
#include <string>

namespace pio {
namespace {

JsonValue as_json(const ChatMessage& message) {
  return JsonValue::object({{"role", JsonValue::string(message.role)}, {"content", JsonValue::string(message.content)}});
}

Result<std::vector<int>> encode(const ChatFormat& format, const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                                bool continue_last) {
  std::vector<JsonValue> rendered;
  const std::size_t n = messages.size() - (continue_last ? 1 : 0);
  for (std::size_t i = 0; i < n; ++i) rendered.push_back(as_json(messages[i]));
  RenderRequest request;
  request.messages = JsonValue::array(std::move(rendered));
  ASSIGN_OR_RETURN(std::vector<Piece> pieces, format.render(request));
  if (continue_last) pieces.push_back({Piece::Kind::text, messages.back().content});
  std::vector<int> ids = tokenizer.encode_pieces(pieces);
  if (const std::optional<int> begin = tokenizer.begin_id(); begin && (ids.empty() || ids[0] != *begin)) ids.insert(ids.begin(), *begin);
  return ids;
}

}  // namespace

Result<Prompt> make_prompt(const ChatFormat& format, const Tokenizer& tokenizer, const std::vector<ChatMessage>& messages,
                           bool continue_last, std::int64_t limit) {
  if (messages.empty()) return make_error(ErrorCode::bad_argument, "conversation: at least one message, found none");
  if (continue_last && messages.back().role != "assistant")
    return make_error(ErrorCode::bad_argument, "message to continue: role assistant, found " + messages.back().role);

  const auto is_user = [](const ChatMessage& m) { return m.role == "user"; };
  std::size_t n_system = 0;
  while (n_system < messages.size() && messages[n_system].role == "system") ++n_system;

  std::vector<ChatMessage> kept = messages;
  Prompt prompt;
  for (;;) {
    ASSIGN_OR_RETURN(prompt.ids, encode(format, tokenizer, kept, continue_last));
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
  return prompt;
}

}  // namespace pio
