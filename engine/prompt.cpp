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

JsonValue as_json(const ContentPart& part) {
  const auto* text = std::get_if<std::string>(&part);
  if (!text) return JsonValue::object({{"type", JsonValue::string("image")}});
  return JsonValue::object({{"type", JsonValue::string("text")}, {"text", JsonValue::string(*text)}});
}

// Text alone is a string, which every template takes.
JsonValue as_json(const MessageContent& content) {
  if (!content.has_pictures()) return JsonValue::string(content.text());
  std::vector<JsonValue> parts;
  for (const ContentPart& part : content.parts()) parts.push_back(as_json(part));
  return JsonValue::array(std::move(parts));
}

// As the templates read messages.
JsonValue as_json(const ChatMessage& message) {
  JsonValue json = JsonValue::object({{"role", JsonValue::string(message.role)}, {"content", as_json(message.content)}});
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
  if (request.continue_last) render.begun = BegunAnswer{request.messages.back().reasoning, request.messages.back().content.text()};
  return render;
}

// The prompts of one request, of all its messages or of some.
class PromptMaker {
 public:
  PromptMaker(const ChatFormat& format, const Tokenizer& tokenizer, const GenerateRequest& request, const PromptAids& aids)
      : format_(format), tokenizer_(tokenizer), aids_(aids), render_(render_request(request)) {}

  Result<Prompt> make(std::span<const ChatMessage> messages) {
    ASSIGN_OR_RETURN(PicturedIds ids, encode(messages, render_));
    Prompt prompt;
    prompt.ids = std::move(ids.ids);
    prompt.pictures = std::move(ids.pictures);
    return prompt;
  }
  // Tokens of these messages by themselves: no tools, nothing that asks for an answer.
  Result<std::int64_t> count(std::span<const ChatMessage> messages) {
    RenderRequest plain;
    plain.add_generation_prompt = false;
    plain.variables = render_.variables;
    ASSIGN_OR_RETURN(const PicturedIds ids, encode(messages, plain));
    return std::ssize(ids.ids);
  }
  // Of the request whose messages came last.
  std::unique_ptr<ChatParser> parser() const { return format_.parser(render_); }

 private:
  Result<PicturedIds> encode(std::span<const ChatMessage> messages, RenderRequest& render) {
    std::vector<JsonValue> rendered;
    const std::size_t n = messages.size() - (render.begun ? 1 : 0);
    for (std::size_t i = 0; i < n; ++i) rendered.push_back(as_json(messages[i]));
    render.messages = JsonValue::array(std::move(rendered));
    ASSIGN_OR_RETURN(const std::vector<Piece> pieces, format_.render(render));
    ASSIGN_OR_RETURN(std::vector<int> ids, tokenizer_.encode_pieces(pieces, aids_.memory, aids_.stop));
    if (const std::optional<int> begin = tokenizer_.begin_id(); begin && (ids.empty() || ids[0] != *begin)) ids.insert(ids.begin(), *begin);
    if (!aids_.place_pictures) return PicturedIds{.ids = std::move(ids), .pictures = {}};
    return aids_.place_pictures(ids, messages);
  }

  const ChatFormat& format_;
  const Tokenizer& tokenizer_;
  const PromptAids& aids_;
  RenderRequest render_;
};

bool is_system(const ChatMessage& message) { return message.role == "system"; }

// A user's message and what follows up to the next one.
struct Turn {
  std::size_t first = 0, end = 0;  // messages
  std::int64_t start = 0;          // tokens from the first turn
};

std::vector<Turn> turns_of(std::span<const ChatMessage> messages, std::size_t n_system) {
  std::vector<Turn> turns;
  for (std::size_t i = n_system; i < messages.size(); ++i) {
    if (turns.empty() || messages[i].role == "user") turns.push_back({.first = i, .end = i});
    turns.back().end = i + 1;
  }
  return turns;
}

std::vector<ChatMessage> messages_from(std::span<const ChatMessage> messages, const Turn& first) {
  std::vector<ChatMessage> kept;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i >= first.first || is_system(messages[i])) kept.push_back(messages[i]);
  }
  return kept;
}

// Where each turn starts, by what it takes alone behind the system messages.
Result<void> measure_turns(PromptMaker& maker, std::span<const ChatMessage> messages, std::size_t n_system, std::vector<Turn>& turns) {
  const auto with_system = [&](std::initializer_list<const Turn*> parts) {
    std::vector<ChatMessage> some(messages.begin(), messages.begin() + n_system);
    for (const Turn* turn : parts) some.insert(some.end(), messages.begin() + turn->first, messages.begin() + turn->end);
    return some;
  };
  // Of the first turn, once and twice: no format takes system messages alone.
  ASSIGN_OR_RETURN(const std::int64_t once, maker.count(with_system({&turns[0]})));
  ASSIGN_OR_RETURN(const std::int64_t twice, maker.count(with_system({&turns[0], &turns[0]})));
  const std::int64_t n_before = 2 * once - twice;
  std::int64_t n_tokens = once - n_before;
  for (std::size_t k = 1; k < turns.size(); ++k) {
    turns[k].start = n_tokens;
    if (k + 1 == turns.size()) break;  // where the last one ends is not needed
    ASSIGN_OR_RETURN(const std::int64_t alone, maker.count(with_system({&turns[k]})));
    n_tokens += alone - n_before;
  }
  return {};
}

}  // namespace

Result<Prompt> make_prompt(const ChatFormat& format, const Tokenizer& tokenizer, const GenerateRequest& request, std::int64_t limit,
                           const PromptAids& aids) {
  const std::vector<ChatMessage>& messages = request.messages;
  if (messages.empty()) return make_error(ErrorCode::bad_argument, "conversation: at least one message, found none");
  if (request.continue_last && messages.back().role != "assistant")
    return make_error(ErrorCode::bad_argument, "message to continue: role assistant, found " + messages.back().role);

  PromptMaker maker(format, tokenizer, request, aids);
  const auto fits = [&](const Prompt& prompt) { return std::ssize(prompt.ids) <= limit; };
  ASSIGN_OR_RETURN(Prompt prompt, maker.make(messages));
  if (!fits(prompt)) {
    const auto n_system = static_cast<std::size_t>(std::find_if_not(messages.begin(), messages.end(), is_system) - messages.begin());
    std::vector<Turn> turns = turns_of(messages, n_system);
    if (turns.size() > 1) RETURN_IF_ERROR(measure_turns(maker, messages, n_system, turns));
    const std::int64_t stride = std::max<std::int64_t>(1, limit / 4);
    const auto after_cut = [&](std::int64_t n_strides) {
      const auto kept = std::find_if(turns.begin(), turns.end(), [&](const Turn& turn) { return turn.start >= n_strides * stride; });
      return kept == turns.end() ? turns.size() - 1 : static_cast<std::size_t>(kept - turns.begin());
    };
    // The rest becomes shorter with each stride: the first that fits is found by halving.
    const auto cut_at = [&](std::int64_t n_strides) -> Result<Prompt> {
      const std::vector<ChatMessage> kept = messages_from(messages, turns[after_cut(n_strides)]);
      ASSIGN_OR_RETURN(Prompt cut, maker.make(kept));
      cut.n_dropped_messages = std::ssize(messages) - std::ssize(kept);
      return cut;
    };
    std::int64_t too_few = 0, enough = turns.empty() ? 0 : turns.back().start / stride + 1;
    if (enough > 0) {
      ASSIGN_OR_RETURN(prompt, cut_at(enough));
    }
    while (fits(prompt) && enough - too_few > 1) {
      const std::int64_t middle = too_few + (enough - too_few) / 2;
      ASSIGN_OR_RETURN(Prompt tried, cut_at(middle));
      if (fits(tried)) {
        enough = middle;
        prompt = std::move(tried);
      } else {
        too_few = middle;
      }
    }
    if (!fits(prompt)) {
      Error error =
          make_error(ErrorCode::context_full, "prompt: at most " + std::to_string(limit) + " tokens, found " + std::to_string(prompt.ids.size()));
      error.limit = static_cast<std::uint64_t>(limit);
      error.asked = prompt.ids.size();
      return error;
    }
  }
  prompt.parser = maker.parser();
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
