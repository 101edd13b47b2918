#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>
#include <QSqlQuery>
#include <algorithm>

#include "app/history/foreign_export.h"
#include "app/history/history_db.h"
#include "app/history/message_codec.h"

// The whole history out and in.

namespace pio {
namespace {

Error bad(const QString& words) { return make_error(ErrorCode::bad_file, words.toStdString()); }

// A chat of the file with its messages, read but not yet held against the history.
struct ReadChat {
  ChatRecord chat;
  QList<MessageRecord> messages;
  QString where;  // "chats[0]"
};

Result<void> checkTree(const ReadChat& read) {
  QHash<QString, QString> parents;
  for (const MessageRecord& record : read.messages) parents.insert(record.message.id, record.message.parent);
  for (const MessageRecord& record : read.messages) {
    // To the root in at most as many steps as there are messages, else the parents run in a circle.
    QString id = record.message.parent;
    for (qsizetype step = 0; !id.isEmpty(); ++step) {
      if (!parents.contains(id)) return bad(read.where + QStringLiteral(": messages whose parents are there, ") + id);
      if (step > read.messages.size()) return bad(read.where + QStringLiteral(": messages that form a tree, a circle through ") + id);
      id = parents.value(id);
    }
  }
  return {};
}

Result<QList<ReadChat>> readChats(const QJsonArray& chats, int* nLeftOut) {
  QList<ReadChat> all;
  QSet<QString> seenChats, seenMessages;
  for (qsizetype i = 0; i < chats.size(); ++i) {
    ReadChat read;
    read.where = QStringLiteral("chats[%1]").arg(i);
    const QJsonObject object = chats[i].toObject();
    ASSIGN_OR_RETURN(read.chat, chatFromJson(object, read.where));
    if (seenChats.contains(read.chat.id)) return bad(read.where + QStringLiteral(".id: one of its own, again ") + read.chat.id);
    seenChats.insert(read.chat.id);
    const QJsonArray messages = object.value("messages").toArray();
    for (qsizetype j = 0; j < messages.size(); ++j) {
      const QString at = read.where + QStringLiteral(".messages[%1]").arg(j);
      ASSIGN_OR_RETURN(const MessageRecord record, messageFromJson(messages[j].toObject(), at, read.chat, read.chat.created + j, nLeftOut));
      if (seenMessages.contains(record.message.id)) return bad(at + QStringLiteral(".id: one of its own, again ") + record.message.id);
      seenMessages.insert(record.message.id);
      read.messages.append(record);
    }
    RETURN_IF_ERROR(checkTree(read));
    all.append(read);
  }
  return all;
}

// Parents before what answers them, whatever the order in the file.
QList<MessageRecord> parentsFirst(const QList<MessageRecord>& messages) {
  QHash<QString, QList<MessageRecord>> children;
  for (const MessageRecord& record : messages) children[record.message.parent].append(record);
  QList<MessageRecord> ordered = children.value({});
  for (qsizetype i = 0; i < ordered.size(); ++i) ordered.append(children.value(ordered[i].message.id));
  return ordered;
}

}  // namespace

Result<QByteArray> HistoryDb::exportJson() {
  QJsonArray chatArray;
  const Result<void> done = [&]() -> Result<void> {
    // One read transaction: a window that goes on writing does not show half of a change.
    RETURN_IF_ERROR(run(QStringLiteral("BEGIN")));
    ASSIGN_OR_RETURN(QList<ChatRecord> all, chats());
    std::sort(all.begin(), all.end(), [](const ChatRecord& a, const ChatRecord& b) { return std::tie(a.created, a.id) < std::tie(b.created, b.id); });
    for (const ChatRecord& chat : std::as_const(all)) {
      QJsonArray messageArray;
      ASSIGN_OR_RETURN(const QList<MessageRecord> records, messages(chat.id));
      for (const MessageRecord& record : records) messageArray.append(jsonOf(record));
      QJsonObject chatObject = jsonOf(chat);
      chatObject.insert("messages", messageArray);
      chatArray.append(chatObject);
    }
    return {};
  }();
  (void)run(QStringLiteral("COMMIT")).has_value();
  if (!done) return done.error();
  return QJsonDocument(QJsonObject{{"version", 1}, {"chats", chatArray}}).toJson(QJsonDocument::Indented);
}

Result<void> HistoryDb::importChat(const ChatRecord& chat, const QList<MessageRecord>& messages, ImportReport& report) {
  bool isKnown = false;
  QHash<QString, bool> known;  // messages of the chat, and whether they are removed
  {
    ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT removal FROM chats WHERE id = ?"), {chat.id}));
    isKnown = row.next();
    if (isKnown && row.value(0).toLongLong() != 0) {  // its id is taken until the purge
      report.messagesLeftOut += static_cast<int>(messages.size());
      return {};
    }
  }
  if (isKnown) {
    ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT id, removal FROM messages WHERE chat_id = ?"), {chat.id}));
    while (row.next()) known.insert(row.value(0).toString(), row.value(1).toLongLong() != 0);
    ++report.chatsKnown;
  } else {
    RETURN_IF_ERROR(insertChat(chat));
    ++report.chatsAdded;
  }
  bool hasNew = false;
  for (const MessageRecord& record : parentsFirst(messages)) {
    const Message& message = record.message;
    if (known.value(message.id) || known.value(message.parent)) {
      known.insert(message.id, true);
      ++report.messagesLeftOut;
      continue;
    }
    if (known.contains(message.id)) continue;
    known.insert(message.id, false);
    if (auto added = insertMessage(record, {}); !added) {
      if (isHopeless()) return bad(QStringLiteral("messages of this chat alone, one of another chat: ") + message.id);
      return added;
    }
    if (isKnown) ++report.messagesAdded;
    hasNew = true;
  }
  if (!isKnown || !hasNew) return {};
  return run(QStringLiteral("UPDATE chats SET updated = max(updated, ?) WHERE id = ?"), {chat.updated, chat.id});
}

ImportReport HistoryDb::importJson(const QByteArray& json, const QString& label) {
  using Problem = ImportReport::Problem;
  ImportReport report;
  report.path = label;
  const auto refuse = [&](Problem problem, const QString& words, const QString& program = {}) {
    ImportReport refused;
    refused.problem = problem;
    refused.path = label;
    refused.program = program;
    refused.details = label + QStringLiteral(": ") + words;
    return refused;
  };
  const auto refuseForeign = [&](const QString& program) {
    return refuse(Problem::foreign,
                  QStringLiteral("an export of Inference-PIO, ") +
                      (program.isEmpty() ? QStringLiteral("JSON of another program") : QStringLiteral("one of ") + program),
                  program);
  };
  QJsonParseError parseError;
  const QJsonDocument document = QJsonDocument::fromJson(json, &parseError);
  if (parseError.error != QJsonParseError::NoError) {
    if (const auto program = foreignProgramOfLines(json)) return refuseForeign(*program);
    return refuse(Problem::not_json, QStringLiteral("JSON, %1 at byte %2").arg(parseError.errorString()).arg(parseError.offset));
  }
  if (const auto program = foreignProgram(document)) return refuseForeign(*program);
  const QJsonValue version = document.object().value("version"), chatArray = document.object().value("chats");
  if (version.toDouble() > 1) return refuse(Problem::newer, QStringLiteral("version: 1, ") + asText(version));
  if (version.toInt() != 1) return refuse(Problem::malformed, QStringLiteral("version: 1, ") + asText(version));
  if (!chatArray.isArray()) return refuse(Problem::malformed, QStringLiteral("chats: an array, ") + asText(chatArray));
  const Result<QList<ReadChat>> read = readChats(chatArray.toArray(), &report.picturesLeftOut);
  if (!read) return refuse(Problem::malformed, QString::fromStdString(read.error().message));

  QString where;
  const Result<void> done = inTransaction([&]() -> Result<void> {
    for (const ReadChat& one : *read) {
      where = one.where;
      RETURN_IF_ERROR(importChat(one.chat, one.messages, report));
    }
    return {};
  });
  if (done) return report;
  const QString words = QString::fromStdString(done.error().message);
  return done.error().code == ErrorCode::bad_file ? refuse(Problem::malformed, where + QStringLiteral(": ") + words)
                                                  : refuse(Problem::not_saved, words);
}

}  // namespace pio
