#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/image/pictures.h"

// A conversation as the ids that a model reads. Pure: no model, no device.

namespace pio {

struct Prompt {
  std::vector<int> ids;                 // those below zero stand for pictures
  std::vector<PlacedPicture> pictures;
  std::int64_t n_dropped_messages = 0;  // the oldest turns, left out whole
  std::unique_ptr<ChatParser> parser;   // of the answer; null where the ids are no conversation
};

// Puts the messages' pictures in the places of their tokens.
using PlacePictures = std::function<Result<PicturedIds>(std::span<const int> ids, std::span<const ChatMessage> messages)>;

// Renders the request's messages with its tools and, while the prompt is longer than `limit` tokens, leaves out the oldest turn: a user's
// message and everything up to the next one. System messages at the beginning stay; so does the last turn. With `continue_last` the last
// message, an assistant's, is open: its reasoning and text follow the generation prompt. Fails with context_full{limit, asked} when the
// last turn alone is too long, and with template_refused where the chat format does not take the conversation.
// Without `place_pictures` the ids are as the chat format wrote them.
Result<Prompt> make_prompt(const ChatFormat& format, const Tokenizer& tokenizer, const GenerateRequest& request, std::int64_t limit,
                           const PlacePictures& place_pictures = {});

// A text's ids to be carried on as it is: no format, no control tokens, only the begin token where the file asks for one. Fails where no
// model is loaded, or one without a tokenizer.
Result<std::vector<int>> raw_prompt(const Engine& engine, std::string_view text);

}  // namespace pio
