#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/image/pictures.h"

// A conversation as the ids that a model reads. Pure: no model, no device.

namespace pio {

struct Prompt {
  std::vector<int> ids;  // those below zero stand for pictures
  std::vector<PlacedPicture> pictures;
  std::int64_t n_dropped_messages = 0;  // the oldest turns, left out whole
  std::unique_ptr<ChatParser> parser;   // of the answer; null where the ids are no conversation
};

// Puts the messages' pictures in the places of their tokens.
using PlacePictures = std::function<Result<PicturedIds>(std::span<const int> ids, std::span<const ChatMessage> messages)>;

// What encoding uses, and the stop that it polls.
struct PromptAids {
  PlacePictures place_pictures = {};   // without it the ids are as the chat format wrote them
  EncodedStretches* memory = nullptr;  // of this tokenizer; may be null
  std::stop_token stop = {};
};

// Renders the request's messages with its tools. Where the prompt is longer than `limit` tokens, the oldest turns are left out whole: a user's
// message and everything up to the next one, but for system messages, which stay. They are left out in strides, so that the prompts of the
// turns that follow begin alike and what is cached of them serves: the cut, counted in tokens from the first turn, is the smallest multiple
// of a quarter of `limit` after which the rest fits, and a turn that begins before it goes. The last turn stays. With `continue_last` the last
// message, an assistant's, is open: its reasoning and text follow the generation prompt. Pure. Fails with context_full{limit, asked} when the
// last turn alone is too long, with template_refused where the chat format does not take the conversation, and with cancelled.
Result<Prompt> make_prompt(const ChatFormat& format, const Tokenizer& tokenizer, const GenerateRequest& request, std::int64_t limit,
                           const PromptAids& aids = {});

// A text's ids to be carried on as it is: no format, no control tokens, only the begin token where the file asks for one. Fails where no
// model is loaded, or one without a tokenizer.
Result<std::vector<int>> raw_prompt(const Engine& engine, std::string_view text);

}  // namespace pio
