#pragma once

#include <QList>
#include <QString>

#include "app/chat/message.h"

// Chats and messages as values, as they lie in the database and travel between threads.

namespace pio {

struct ChatRecord {
  enum class Kind { Chat, Image, Code };  // which pane opens it
  QString id;
  QString title;
  qint64 created = 0;  // milliseconds since 1970, UTC
  qint64 updated = 0;
  bool pinned = false;
  QString systemPrompt = {};
  QString draft = {};
  QString activeRoot = {};  // the first message of the path shown; "" the newest
  Kind kind = Kind::Chat;
  QString file = {};  // of a code chat: the path of the file that it is about
};

struct MessageRecord {
  QString chatId;
  Message message;      // its version and versionCount are not kept: the tree gives them
  qint64 created = 0;   // milliseconds since 1970, UTC
  QString activeChild;  // the answer or follow-up shown below it; "" the newest
};

struct SearchHit {
  QString chatId;
  QString messageId;  // "" when the title matched
  QString title;
  QString snippet;  // HTML, matches in <b>
};

// What is wrong with the history file. Words for it: error_text.h.
struct HistoryProblem {
  enum class Kind {
    none,
    disk_full,
    read_only,
    damaged,
    newer,
    no_room,     // to bring an older file up to date
    unreadable,  // a chat or a search, now
    gone,        // removed or replaced while it is open
    busy,        // another program holds it
    other
  };
  Kind kind = Kind::none;
  QString path;
  QString keptAs;          // of damaged: where the old file lies now
  QString details;         // the database's own message
  qint64 neededBytes = 0;  // of no_room
  int rescuedChats = 0;    // of damaged: read from the old file into the new one
  int rescuedMessages = 0;
};

// What would be lost if the window closed now, and why it is not in the file. Words for it: error_text.h.
struct UnsavedHistory {
  int nMessages = 0;
  bool isMore = false;      // titles, drafts, system prompts, removals
  bool mayBeSaved = true;   // when one waits
  HistoryProblem why = {};  // none: it is being written
  bool isSet() const { return nMessages > 0 || isMore; }
};

// What an import did, or why nothing. Words for it: error_text.h.
struct ImportReport {
  enum class Problem { none, unreadable, not_json, foreign, newer, malformed, not_saved };
  Problem problem = Problem::none;  // of any other nothing was changed
  QString path;
  QString program;  // of foreign: whose file it is; "" not known
  QString details;
  int chatsAdded = 0;
  int chatsKnown = 0;       // they were here already
  int messagesAdded = 0;    // to those
  int messagesLeftOut = 0;  // removed here, and what follows them
  int picturesLeftOut = 0;  // what they name is no file
  bool isDone() const { return problem == Problem::none; }
};

// Names in the file and in exports.
QString nameOf(ChatRecord::Kind kind);  // "chat", "image", "code"
QString nameOf(Message::Role role);     // "system", "user", "assistant", "tool"
QString nameOf(Message::State state);   // "complete", "stopped", "unfinished", "failed", "streaming"
bool kindFromName(const QString& name, ChatRecord::Kind& kind);
bool roleFromName(const QString& name, Message::Role& role);
bool stateFromName(const QString& name, Message::State& state);

// A new id: 48 bits of time, a counter and random bits in the form of a version 7 UUID (RFC 9562), so that ids sort as they were made.
QString newId();

}  // namespace pio
