#pragma once

#include <QJsonObject>
#include <QString>
#include <optional>

#include "app/history/records.h"

// The one place where a message takes another form: the rows of the history file, the JSON of an export, what the engine is asked.

namespace pio {

// A row of the table parts, without the message and the position. `data`: a JSON object, "" an empty one.
struct PartRow {
  QString kind, text, data;
};
PartRow rowOf(const MessagePart& part);
std::optional<MessagePart> partFrom(const PartRow& row);

// Of an export. What is being written counts as unfinished.
QJsonObject jsonOf(const ChatRecord& chat);
QJsonObject jsonOf(const MessageRecord& record);
// Back again. Errors: bad_file, "chats[0].messages[2].role: one of …, …" with what was found; `where` begins them.
// A lone surrogate of a text becomes U+FFFD.
Result<ChatRecord> chatFromJson(const QJsonObject& json, const QString& where);
// `created` where the file has none. Pictures and files that are there and no regular files are left out and counted.
Result<MessageRecord> messageFromJson(const QJsonObject& json, const QString& where, const ChatRecord& chat, qint64 created, int* nLeftOut);

// An error's words as they lie in the file: JSON, "" for none.
QString rowOf(const UserError& error);
UserError userErrorFrom(const QByteArray& row);

// A text without lone surrogates, which no encoding of Unicode has; each becomes U+FFFD.
QString wellFormed(const QString& text);
// The beginning of a JSON value, for an error.
QString asText(const QJsonValue& value);

// As the engine reads it, part by part. Where the model does not see, a marker with its name stands for a picture; a file is named so too.
ChatMessage promptOf(const Message& message, bool modelSees);

}  // namespace pio
