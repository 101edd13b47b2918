#include "app/chat/message.h"

#include <algorithm>

namespace pio {
namespace {

using Kind = MessagePart::Kind;

int placeOf(Kind kind) {
  switch (kind) {
    case Kind::Picture:
    case Kind::File: return 0;
    case Kind::Thought: return 1;
    case Kind::Text: return 2;
    case Kind::ToolCall:
    case Kind::ToolResult: break;
  }
  return 3;
}

QString wordsOf(const QList<MessagePart>& parts, Kind kind) {
  QString words;
  for (const MessagePart& part : parts) {
    if (part.kind == kind) words = words.isEmpty() ? part.text : words + part.text;  // one part is the rule: nothing is copied
  }
  return words;
}

void setWords(Message& message, Kind kind, const QString& words) {
  message.parts.removeIf([&](const MessagePart& part) { return part.kind == kind; });
  if (!words.isEmpty()) message.add({.kind = kind, .text = words});
}

void appendWords(Message& message, Kind kind, const QString& delta) {
  if (delta.isEmpty()) return;
  for (qsizetype i = message.parts.size() - 1; i >= 0; --i) {
    if (message.parts.at(i).kind != kind) continue;
    message.parts[i].text += delta;
    return;
  }
  message.add({.kind = kind, .text = delta});
}

}  // namespace

bool Message::has(Kind kind) const {
  return std::any_of(parts.begin(), parts.end(), [kind](const MessagePart& part) { return part.kind == kind; });
}

QString Message::text() const { return wordsOf(parts, Kind::Text); }
QString Message::reasoning() const { return wordsOf(parts, Kind::Thought); }

QStringList Message::pictures() const {
  QStringList paths;
  for (const MessagePart& part : parts) {
    if (part.kind == Kind::Picture) paths.append(part.path);
  }
  return paths;
}

QList<ToolUse> Message::toolCalls() const {
  QList<ToolUse> calls;
  for (const MessagePart& part : parts) {
    if (part.kind == Kind::ToolCall) calls.append({part.name, part.text, part.id});
  }
  return calls;
}

void Message::add(const MessagePart& part) {
  const auto after = std::find_if(parts.begin(), parts.end(), [&](const MessagePart& other) { return placeOf(other.kind) > placeOf(part.kind); });
  parts.insert(after, part);
}

void Message::addPicture(const QString& path) { add({.kind = Kind::Picture, .path = path}); }

void Message::addToolCall(const QString& name, const QString& arguments) {
  const auto nCalls = std::count_if(parts.begin(), parts.end(), [](const MessagePart& part) { return part.kind == Kind::ToolCall; });
  add({.kind = Kind::ToolCall, .text = arguments, .name = name, .id = QStringLiteral("call_%1").arg(nCalls)});
}

void Message::setText(const QString& text) { setWords(*this, Kind::Text, text); }
void Message::setReasoning(const QString& thought) { setWords(*this, Kind::Thought, thought); }
void Message::appendText(const QString& delta) { appendWords(*this, Kind::Text, delta); }
void Message::appendThought(const QString& delta) { appendWords(*this, Kind::Thought, delta); }

}  // namespace pio
