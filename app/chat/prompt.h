#pragma once

#include <vector>

#include "app/chat/conversation.h"
#include "engine/engine.h"

// A conversation as the engine reads it.

namespace pio {

struct PromptMessages {
  std::vector<ChatMessage> messages;
  bool isBlind = false;  // words stand in the place of pictures
};
// From the first message to this one, after the chat's system prompt.
PromptMessages promptOf(const Conversation& chat, const QString& lastId, bool modelSees);

}  // namespace pio
