#include "engine/fim.h"

namespace pio {

Result<FimPrompt> fim_prompt(const Engine& engine, std::string_view prefix, std::string_view suffix) {
  const LoadedInfo* info = engine.loaded();
  if (!info) return make_error(ErrorCode::bad_argument, "engine: a loaded model, found none");
  const Tokenizer* tokenizer = engine.tokenizer();
  const ChatFormat* format = engine.chat_format();
  const auto lacks = [&](std::string_view what) {
    return make_error(ErrorCode::not_available,
                      "fim: a model with tokens to fill in the middle, found " + info->name + " without " + std::string(what));
  };
  if (!tokenizer || !format) return lacks("a tokenizer of such a family");
  const FimForm form = format->fill_in_the_middle(prefix, suffix);
  FimPrompt prompt;
  for (const std::string_view token : form.needed_tokens) {
    if (!tokenizer->added_token(token)) return lacks(token);
  }
  for (const std::string_view token : form.stop_tokens) {
    if (const std::optional<int> id = tokenizer->added_token(token)) prompt.request.stop_ids.push_back(*id);
  }
  prompt.request.ids = tokenizer->encode_pieces(form.prompt);
  std::vector<int>& ids = prompt.request.ids;
  if (const std::optional<int> begin = tokenizer->begin_id(); begin && ids.front() != *begin) ids.insert(ids.begin(), *begin);
  prompt.request.sampling.temperature = 0;
  prompt.request.max_tokens = 512;
  prompt.request.is_kept = false;  // the next one has other text before the gap
  prompt.may_be_fenced = form.answers_as_chat;
  return prompt;
}

std::string fim_answer(const FimPrompt& prompt, const std::string& text) {
  if (!prompt.may_be_fenced) return text;
  return first_fenced(text).value_or(text);
}

std::optional<std::string> first_fenced(std::string_view text) {
  constexpr std::string_view kFence = "```";
  std::optional<std::size_t> begin;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at, end - at).starts_with(kFence)) {
      if (begin) return std::string(text.substr(*begin, at > *begin ? at - 1 - *begin : 0));
      begin = std::min(end + 1, text.size());
    }
    at = end + 1;
  }
  return begin ? std::optional<std::string>(text.substr(*begin)) : std::nullopt;
}

}  // namespace pio
