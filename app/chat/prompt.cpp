#include "app/chat/prompt.h"

#include "app/history/message_codec.h"

namespace pio {

PromptMessages promptOf(const Conversation& chat, const QString& lastId, bool modelSees) {
  PromptMessages out;
  if (!chat.chat.systemPrompt.trimmed().isEmpty()) out.messages.push_back({"system", chat.chat.systemPrompt.toStdString()});
  const QStringList ids = chat.pathTo(lastId);
  for (const QString& id : ids) {
    const Message& message = chat.find(id)->message;
    const bool isCarriedOn = id == lastId && message.has(MessagePart::Kind::Thought);
    // An answer that was stopped before its first word is nothing that was said, unless it is carried on.
    if (message.role == Message::Role::Assistant && !message.has(MessagePart::Kind::Text) && !message.has(MessagePart::Kind::ToolCall) &&
        !isCarriedOn)
      continue;
    out.messages.push_back(promptOf(message, modelSees));
    out.isBlind = out.isBlind || (!modelSees && message.has(MessagePart::Kind::Picture));
  }
  return out;
}

}  // namespace pio
