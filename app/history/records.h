#pragma once

#include <QList>
#include <QString>

#include "app/chat/conversation_model.h"

// Chats and messages as values, as they lie in the database and travel between threads.

namespace pio {

struct ChatRecord {
  QString id;
  QString title;
  qint64 created = 0;  // milliseconds since 1970, UTC
  qint64 updated = 0;
  bool pinned = false;
  QString systemPrompt = {};
  QString draft = {};
  QString activeRoot = {};  // the first message of the path shown; "" the newest
  bool isImage = false;     // a conversation about pictures, which the image pane shows
};

struct MessageRecord {
  QString chatId;
  Message message;     // its version and versionCount are not kept: the tree gives them
  qint64 created = 0;  // milliseconds since 1970, UTC
  QString activeChild; // the answer or follow-up shown below it; "" the newest
};

struct SearchHit {
  QString chatId;
  QString messageId;  // "" when the title matched
  QString title;
  QString snippet;    // HTML, matches in <b>
};

// What is wrong with the history file. Words for it: error_text.h.
struct HistoryProblem {
  enum class Kind { none, disk_full, read_only, damaged, newer, other };
  Kind kind = Kind::none;
  QString path;
  QString keptAs;   // of damaged: where the old file lies now
  QString details;  // the database's own message
};

// Names in the file and in exports.
QString nameOf(Message::Role role);    // "system", "user", "assistant"
QString nameOf(Message::State state);  // "complete", "stopped", "unfinished", "failed", "streaming"
bool roleFromName(const QString& name, Message::Role& role);
bool stateFromName(const QString& name, Message::State& state);

// A new id: 48 bits of time, a counter and random bits in the form of a version 7 UUID (RFC 9562), so that ids sort as they were made.
QString newId();

}  // namespace pio
