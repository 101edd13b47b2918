#include "app/history/message_codec.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QMetaEnum>

#include "app/system/value_names.h"
#include "app/text/grapheme.h"

namespace pio {
namespace {

using Kind = MessagePart::Kind;

constexpr ValueName<Kind> kKinds[] = {{Kind::Text, "text"}, {Kind::Thought, "thought"},    {Kind::Picture, "picture"},
                                      {Kind::File, "file"}, {Kind::ToolCall, "tool_call"}, {Kind::ToolResult, "tool_result"}};

bool isOfFile(Kind kind) { return kind == Kind::Picture || kind == Kind::File; }

QString textOf(const QJsonValue& value) { return wellFormed(value.toString()); }

// What a part has beside its kind and its text.
QJsonObject dataOf(const MessagePart& part) {
  QJsonObject data;
  if (!part.name.isEmpty()) data.insert("name", part.name);
  if (isOfFile(part.kind)) {
    data.insert("path", part.path);
    if (!part.sha256.isEmpty()) {
      data.insert("sha256", part.sha256);
      data.insert("size", part.size);
    }
  }
  if (!part.detail.isEmpty()) data.insert("detail", part.detail);
  if (!part.id.isEmpty()) data.insert("id", part.id);
  return data;
}

MessagePart partFrom(Kind kind, const QString& text, const QJsonObject& data) {
  MessagePart part;
  part.kind = kind;
  part.text = text;
  part.name = textOf(data.value("name"));
  part.path = textOf(data.value("path"));
  part.sha256 = textOf(data.value("sha256"));
  part.size = data.value("size").toInteger();
  part.detail = textOf(data.value("detail"));
  part.id = textOf(data.value("id"));
  return part;
}

QString compact(const QJsonObject& object) { return QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact)); }

QJsonObject jsonOf(const UserError& error) {
  QJsonArray actions;
  for (const int action : error.actions) actions.append(action);
  return {{"title", error.title}, {"explanation", error.explanation}, {"details", error.details}, {"actions", actions}};
}

UserError userErrorFrom(const QJsonObject& json) {
  UserError error;
  error.title = textOf(json.value("title"));
  error.explanation = textOf(json.value("explanation"));
  error.details = textOf(json.value("details"));
  for (const QJsonValue& action : json.value("actions").toArray()) {
    if (QMetaEnum::fromType<UserError::Action>().valueToKey(action.toInt(-1)) != nullptr) error.actions.append(action.toInt());
  }
  return error;
}

QJsonObject jsonOf(const MessagePart& part) {
  QJsonObject json = dataOf(part);
  json.insert("kind", nameIn(kKinds, part.kind));
  if (!isOfFile(part.kind)) json.insert(part.kind == Kind::ToolCall ? "arguments" : "text", part.text);
  return json;
}

Error bad(const QString& words) { return make_error(ErrorCode::bad_file, words.toStdString()); }

// A pipe or a device would be opened to be shown, and waited for.
bool isNoFile(const QString& path) { return QFileInfo::exists(path) && !QFileInfo(path).isFile(); }

void addPart(Message& message, const MessagePart& part, int* nLeftOut) {
  const bool isWords = part.kind == Kind::Text || part.kind == Kind::Thought;
  if (isWords && part.text.isEmpty()) return;
  if (isOfFile(part.kind) && isNoFile(part.path)) ++*nLeftOut;
  else message.parts.append(part);
}

Result<void> readParts(Message& message, const QJsonValue& json, const QString& where, int* nLeftOut) {
  if (!json.isArray()) return bad(where + QStringLiteral(".parts: an array, ") + asText(json));
  const QJsonArray array = json.toArray();
  for (qsizetype i = 0; i < array.size(); ++i) {
    const QString at = where + QStringLiteral(".parts[%1]").arg(i);
    const QJsonObject object = array[i].toObject();
    const auto kind = valueIn(kKinds, object.value("kind").toString());
    if (!kind) return bad(at + QStringLiteral(".kind: text, thought, picture, file, tool_call or tool_result, ") + asText(object.value("kind")));
    const QString key = isOfFile(*kind) ? QStringLiteral("path") : *kind == Kind::ToolCall ? QStringLiteral("arguments") : QStringLiteral("text");
    if (!object.value(key).isString()) return bad(at + QStringLiteral(".%1: a text, ").arg(key) + asText(object.value(key)));
    addPart(message, partFrom(*kind, isOfFile(*kind) ? QString() : textOf(object.value(key)), object), nLeftOut);
  }
  return {};
}

// Files from before there were parts.
Result<void> readFields(Message& message, const QJsonObject& json, const QString& where, int* nLeftOut) {
  if (!json.value("text").isString()) return bad(where + QStringLiteral(".text: a text, ") + asText(json.value("text")));
  for (const QJsonValue& path : json.value("pictures").toArray()) {
    if (!path.toString().isEmpty()) addPart(message, {.kind = Kind::Picture, .path = textOf(path)}, nLeftOut);
  }
  message.setReasoning(textOf(json.value("reasoning")));
  message.setText(textOf(json.value("text")));
  for (const QJsonValue& call : json.value("tool_calls").toArray()) message.addToolCall(textOf(call["name"]), textOf(call["arguments"]));
  return {};
}

}  // namespace

QString wellFormed(const QString& text) {
  if (text.isValidUtf16()) return text;
  QString formed = text;
  for (qsizetype i = 0; i < formed.size(); ++i) {
    if (!formed.at(i).isSurrogate()) continue;
    if (formed.at(i).isHighSurrogate() && i + 1 < formed.size() && formed.at(i + 1).isLowSurrogate()) ++i;
    else formed[i] = QChar::ReplacementCharacter;
  }
  return formed;
}

QString asText(const QJsonValue& value) {
  return beginningOf(QString::fromUtf8(QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact)), 60);
}

PartRow rowOf(const MessagePart& part) {
  const QJsonObject data = dataOf(part);
  return {nameIn(kKinds, part.kind), part.text, data.isEmpty() ? QString() : compact(data)};
}

std::optional<MessagePart> partFrom(const PartRow& row) {
  const auto kind = valueIn(kKinds, row.kind);
  if (!kind) return std::nullopt;
  return partFrom(*kind, row.text, row.data.isEmpty() ? QJsonObject() : QJsonDocument::fromJson(row.data.toUtf8()).object());
}

QString rowOf(const UserError& error) { return error.isSet() ? compact(jsonOf(error)) : QString(); }

UserError userErrorFrom(const QByteArray& row) { return row.isEmpty() ? UserError() : userErrorFrom(QJsonDocument::fromJson(row).object()); }

QJsonObject jsonOf(const ChatRecord& chat) {
  QJsonObject json{{"id", chat.id},           {"title", chat.title},
                   {"created", chat.created}, {"updated", chat.updated},
                   {"pinned", chat.pinned},   {"system_prompt", chat.systemPrompt},
                   {"draft", chat.draft},     {"active_root", chat.activeRoot.isEmpty() ? QJsonValue() : QJsonValue(chat.activeRoot)}};
  if (chat.kind != ChatRecord::Kind::Chat) json.insert("kind", nameOf(chat.kind));
  if (!chat.file.isEmpty()) json.insert("file", chat.file);
  return json;
}

Result<ChatRecord> chatFromJson(const QJsonObject& json, const QString& where) {
  ChatRecord chat;
  chat.id = textOf(json.value("id"));
  if (chat.id.isEmpty()) return bad(where + QStringLiteral(".id: a text, ") + asText(json.value("id")));
  if (!json.value("title").isString()) return bad(where + QStringLiteral(".title: a text, ") + asText(json.value("title")));
  if (!json.value("created").isDouble()) return bad(where + QStringLiteral(".created: milliseconds since 1970, ") + asText(json.value("created")));
  if (!json.value("messages").isArray()) return bad(where + QStringLiteral(".messages: an array, ") + asText(json.value("messages")));
  chat.title = textOf(json.value("title"));
  chat.created = json.value("created").toInteger();
  chat.updated = json.value("updated").toInteger(chat.created);
  chat.pinned = json.value("pinned").toBool();
  chat.systemPrompt = textOf(json.value("system_prompt"));
  chat.draft = textOf(json.value("draft"));
  chat.activeRoot = textOf(json.value("active_root"));
  const QJsonValue kind = json.value("kind");
  if (!kind.isUndefined() && !kindFromName(kind.toString(), chat.kind))
    return bad(where + QStringLiteral(".kind: chat, image or code, ") + asText(kind));
  if (kind.isUndefined() && json.value("is_image").toVariant().toBool()) chat.kind = ChatRecord::Kind::Image;
  chat.file = textOf(json.value("file"));
  return chat;
}

QJsonObject jsonOf(const MessageRecord& record) {
  const Message& m = record.message;
  const bool isStreaming = m.state == Message::State::Streaming;
  QJsonArray parts, calls;
  for (const MessagePart& part : m.parts) parts.append(jsonOf(part));
  for (const ToolUse& call : m.toolCalls()) calls.append(QJsonObject{{"name", call.name}, {"arguments", call.arguments}});
  QJsonObject json{{"id", m.id},
                   {"parent", m.parent.isEmpty() ? QJsonValue() : QJsonValue(m.parent)},
                   {"role", nameOf(m.role)},
                   {"text", m.text()},
                   {"parts", parts},
                   {"state", nameOf(isStreaming ? Message::State::Unfinished : m.state)},
                   {"created", record.created},
                   {"active_child", record.activeChild.isEmpty() ? QJsonValue() : QJsonValue(record.activeChild)}};
  if (m.role == Message::Role::Assistant) {
    json.insert("model", m.modelName);
    json.insert("generated_tokens", m.generatedTokens);
    json.insert("tokens_per_second", m.tokensPerSecond);
    json.insert("first_token_seconds", m.firstTokenSeconds);
    json.insert("context_used", m.contextUsed);
    json.insert("context_length", m.contextLength);
    json.insert("dropped_messages", m.droppedMessages);
  }
  if (m.error.isSet()) json.insert("error", jsonOf(m.error));
  if (m.has(Kind::Thought)) {
    json.insert("reasoning", m.reasoning());
    json.insert("thinking_seconds", m.thinkingSeconds);
    json.insert("thinking_tokens", m.thinkingTokens);
  }
  if (!calls.isEmpty()) json.insert("tool_calls", calls);
  if (m.has(Kind::Picture)) json.insert("pictures", QJsonArray::fromStringList(m.pictures()));
  return json;
}

Result<MessageRecord> messageFromJson(const QJsonObject& json, const QString& where, const ChatRecord& chat, qint64 created, int* nLeftOut) {
  MessageRecord record;
  Message& message = record.message;
  record.chatId = chat.id;
  message.id = textOf(json.value("id"));
  if (message.id.isEmpty()) return bad(where + QStringLiteral(".id: a text, ") + asText(json.value("id")));
  const QJsonValue parent = json.value("parent");
  message.parent = textOf(parent);
  if (!parent.isNull() && message.parent.isEmpty()) return bad(where + QStringLiteral(".parent: an id or null, ") + asText(parent));
  if (!roleFromName(json.value("role").toString(), message.role)) {
    return bad(where + QStringLiteral(".role: system, user, assistant or tool, ") + asText(json.value("role")));
  }
  if (!stateFromName(json.value("state").toString(), message.state) || message.state == Message::State::Streaming) {
    return bad(where + QStringLiteral(".state: complete, stopped, unfinished or failed, ") + asText(json.value("state")));
  }
  const QJsonValue parts = json.value("parts");
  RETURN_IF_ERROR(parts.isUndefined() ? readFields(message, json, where, nLeftOut) : readParts(message, parts, where, nLeftOut));
  record.created = json.value("created").toInteger(created);
  record.activeChild = textOf(json.value("active_child"));
  message.modelName = textOf(json.value("model"));
  message.generatedTokens = json.value("generated_tokens").toInteger();
  message.tokensPerSecond = json.value("tokens_per_second").toDouble();
  message.firstTokenSeconds = json.value("first_token_seconds").toDouble();
  message.contextUsed = json.value("context_used").toInteger();
  message.contextLength = json.value("context_length").toInteger();
  message.droppedMessages = json.value("dropped_messages").toInteger();
  message.error = userErrorFrom(json.value("error").toObject());
  message.thinkingSeconds = json.value("thinking_seconds").toDouble();
  message.thinkingTokens = json.value("thinking_tokens").toInteger();
  return record;
}

ChatMessage promptOf(const Message& message, bool modelSees) {
  ChatMessage prompt;
  prompt.role = nameOf(message.role).toStdString();
  for (const MessagePart& part : message.parts) {
    const QString name = part.name.isEmpty() ? QFileInfo(part.path).fileName() : part.name;
    switch (part.kind) {
      case Kind::Text:
      case Kind::ToolResult: prompt.content.add(part.text.toStdString()); break;
      case Kind::Thought: prompt.reasoning += part.text.toStdString(); break;
      case Kind::Picture:
        if (modelSees) {
          // A name from a later version is taken for the closest look.
          const ImageDetail detail = image_detail_of(part.detail.toStdString()).value_or(ImageDetail::full);
          prompt.content.add(ImageInput{.path = part.path.toStdString(), .bytes = nullptr, .detail = detail});
        } else prompt.content.add(QStringLiteral("[picture: %1]\n").arg(name).toStdString());
        break;
      case Kind::File: prompt.content.add(QStringLiteral("[file: %1]\n").arg(name).toStdString()); break;
      case Kind::ToolCall: {
        // What is no object (an edited import) asks for nothing.
        auto arguments = JsonValue::parse(part.text.toStdString());
        if (!arguments || !arguments->is_object()) arguments = JsonValue::object({});
        prompt.tool_calls.push_back({part.id.toStdString(), part.name.toStdString(), std::move(*arguments)});
        break;
      }
    }
  }
  return prompt;
}

}  // namespace pio
