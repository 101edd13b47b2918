#include <QDateTime>
#include <QHash>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QSet>
#include <QSqlError>
#include <QSqlQuery>
#include <cmath>

#include "app/history/history_db.h"
#include "app/history/message_codec.h"

// Chats, messages with their parts, and removals.

namespace pio {
namespace {

const QString kChatColumns = QStringLiteral("id, title, created, updated, pinned, system_prompt, draft, active_root, kind, file");
const QString kMessageColumns = QStringLiteral(
    "id, chat_id, parent, role, state, created, model, tokens, tokens_per_second, first_token_seconds, context_used, context_length, "
    "dropped, error, active_child, thinking_seconds, thinking_tokens, writer");
constexpr int kPartColumn = 17;  // of the rows that messages() reads: behind the message's own

QVariantList valuesOf(const ChatRecord& chat) {
  return {chat.id,           chat.title, chat.created,    chat.updated,      chat.pinned ? 1 : 0,
          chat.systemPrompt, chat.draft, chat.activeRoot, nameOf(chat.kind), chat.file};
}

ChatRecord chatFrom(const QSqlQuery& row) {
  ChatRecord chat{row.value(0).toString(), row.value(1).toString(), row.value(2).toLongLong(), row.value(3).toLongLong(),
                  row.value(4).toBool(),   row.value(5).toString(), row.value(6).toString(),   row.value(7).toString()};
  kindFromName(row.value(8).toString(), chat.kind);
  chat.file = row.value(9).toString();
  return chat;
}

double finite(double value) { return std::isfinite(value) ? value : 0; }  // SQLite keeps NaN as NULL, which the columns refuse

// In the order of kMessageColumns.
QVariantList valuesOf(const MessageRecord& record, const QString& writer) {
  const Message& m = record.message;
  return {m.id,
          record.chatId,
          m.parent,
          nameOf(m.role),
          nameOf(m.state),
          record.created,
          m.modelName,
          m.generatedTokens,
          finite(m.tokensPerSecond),
          finite(m.firstTokenSeconds),
          m.contextUsed,
          m.contextLength,
          m.droppedMessages,
          rowOf(m.error),
          record.activeChild,
          finite(m.thinkingSeconds),
          m.thinkingTokens,
          writer};
}

MessageRecord recordFrom(const QSqlQuery& row) {
  MessageRecord record;
  Message& message = record.message;
  message.id = row.value(0).toString();
  record.chatId = row.value(1).toString();
  message.parent = row.value(2).toString();
  roleFromName(row.value(3).toString(), message.role);
  stateFromName(row.value(4).toString(), message.state);
  record.created = row.value(5).toLongLong();
  message.modelName = row.value(6).toString();
  message.generatedTokens = row.value(7).toLongLong();
  message.tokensPerSecond = row.value(8).toDouble();
  message.firstTokenSeconds = row.value(9).toDouble();
  message.contextUsed = row.value(10).toLongLong();
  message.contextLength = row.value(11).toLongLong();
  message.droppedMessages = row.value(12).toLongLong();
  message.error = userErrorFrom(row.value(13).toByteArray());
  record.activeChild = row.value(14).toString();
  message.thinkingSeconds = row.value(15).toDouble();
  message.thinkingTokens = row.value(16).toLongLong();
  return record;
}

QString marks(qsizetype n) { return QStringList(n, QStringLiteral("?")).join(QStringLiteral(", ")); }

}  // namespace

// ---- chats ---------------------------------------------------------------------------------------------------------------------------

Result<QList<ChatRecord>> HistoryDb::chats() {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT %1 FROM chats WHERE removal = 0 ORDER BY updated DESC, id DESC").arg(kChatColumns)));
  QList<ChatRecord> chats;
  while (row.next()) chats.append(chatFrom(row));
  if (row.lastError().isValid()) return fail(QStringLiteral("chats"), row.lastError()).error();
  return chats;
}

Result<ChatRecord> HistoryDb::chat(const QString& chatId) {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT %1 FROM chats WHERE id = ? AND removal = 0").arg(kChatColumns), {chatId}));
  if (!row.next()) return make_error(ErrorCode::not_found, "history: chat " + chatId.toStdString() + ", none");
  return chatFrom(row);
}

Result<void> HistoryDb::putChat(const ChatRecord& chat) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO chats (%1) VALUES (%2) ON CONFLICT (id) DO UPDATE SET "
                                       "title = excluded.title, updated = excluded.updated, pinned = excluded.pinned, "
                                       "system_prompt = excluded.system_prompt, draft = excluded.draft, active_root = excluded.active_root, "
                                       "kind = excluded.kind, file = excluded.file")
                            .arg(kChatColumns, marks(valuesOf(chat).size())),
                        valuesOf(chat)));
    return indexChat(chat.id);
  });
}

Result<void> HistoryDb::setChat(const QString& chatId, ChatField field, const QVariant& value) {
  switch (field) {
    case ChatField::title:
      return inTransaction([&]() -> Result<void> {
        RETURN_IF_ERROR(run(QStringLiteral("UPDATE chats SET title = ? WHERE id = ?"), {value, chatId}));
        return indexChat(chatId);
      });
    case ChatField::pinned: return run(QStringLiteral("UPDATE chats SET pinned = ? WHERE id = ?"), {value.toBool() ? 1 : 0, chatId});
    case ChatField::system_prompt: return run(QStringLiteral("UPDATE chats SET system_prompt = ? WHERE id = ?"), {value, chatId});
    case ChatField::draft: return run(QStringLiteral("UPDATE chats SET draft = ? WHERE id = ?"), {value, chatId});
  }
  return {};
}

// ---- messages ------------------------------------------------------------------------------------------------------------------------

Result<QList<MessageRecord>> HistoryDb::messages(const QString& chatId) {
  // One statement, so that a window that writes meanwhile shows no message without its parts.
  ASSIGN_OR_RETURN(
      QSqlQuery row,
      select(QStringLiteral("SELECT m.%1, p.kind, p.text, p.data FROM messages m LEFT JOIN parts p ON p.message = m.seq "
                            "WHERE m.chat_id = ? AND m.removal = 0 ORDER BY m.created, m.id, p.position")
                 .arg(kMessageColumns.section(QStringLiteral(", "), 0, kPartColumn - 1).replace(QStringLiteral(", "), QStringLiteral(", m."))),
             {chatId}));
  QList<MessageRecord> messages;
  while (row.next()) {
    if (messages.isEmpty() || messages.last().message.id != row.value(0).toString()) messages.append(recordFrom(row));
    if (row.value(kPartColumn).isNull()) continue;
    if (const auto part =
            partFrom({row.value(kPartColumn).toString(), row.value(kPartColumn + 1).toString(), row.value(kPartColumn + 2).toString()})) {
      messages.last().message.parts.append(*part);
    }
  }
  if (row.lastError().isValid()) return fail(QStringLiteral("messages"), row.lastError()).error();
  return messages;
}

Result<void> HistoryDb::insertChat(const ChatRecord& chat) {
  RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO chats (%1) VALUES (%2)").arg(kChatColumns, marks(valuesOf(chat).size())), valuesOf(chat)));
  return indexChat(chat.id);
}

Result<void> HistoryDb::insertMessage(const MessageRecord& record, const QString& writer) {
  const QVariantList values = valuesOf(record, writer);
  RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO messages (%1) VALUES (%2)").arg(kMessageColumns, marks(values.size())), values));
  return putParts(record.message);
}

Result<void> HistoryDb::putParts(const Message& message) {
  for (qsizetype i = 0; i < message.parts.size(); ++i) {
    const PartRow row = rowOf(message.parts[i]);
    RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO parts (message, position, kind, text, data) SELECT seq, ?, ?, ?, ? FROM messages WHERE id = ?"),
                        {i, row.kind, row.text, row.data, message.id}));
  }
  return indexMessage(message.id);
}

Result<void> HistoryDb::addMessage(const MessageRecord& record, const QString& writer) {
  const Message& message = record.message;
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(insertMessage(record, writer));
    if (message.parent.isEmpty()) {
      RETURN_IF_ERROR(run(QStringLiteral("UPDATE chats SET active_root = ? WHERE id = ?"), {message.id, record.chatId}));
    } else {
      RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET active_child = ? WHERE id = ?"), {message.id, message.parent}));
    }
    return run(QStringLiteral("UPDATE chats SET updated = ? WHERE id = ?"), {record.created, record.chatId});
  });
}

Result<void> HistoryDb::appendWords(const QString& messageId, const QString& kind, const QString& delta) {
  if (delta.isEmpty()) return {};
  ASSIGN_OR_RETURN(
      const QSqlQuery appended,
      select(QStringLiteral("UPDATE parts SET text = text || ? WHERE seq = (SELECT p.seq FROM parts p JOIN messages m ON m.seq = p.message "
                            "WHERE m.id = ? AND p.kind = ? ORDER BY p.position DESC LIMIT 1)"),
             {delta, messageId, kind}));
  if (appended.numRowsAffected() > 0) return {};
  // The first words: a thought goes before what is there, the text behind it.
  const QString place = kind == QLatin1String("thought") ? QStringLiteral("min(p.position) - 1") : QStringLiteral("max(p.position) + 1");
  return run(QStringLiteral("INSERT INTO parts (message, position, kind, text) "
                            "SELECT m.seq, coalesce((SELECT %1 FROM parts p WHERE p.message = m.seq), 0), ?, ? FROM messages m WHERE m.id = ?")
                 .arg(place),
             {kind, delta, messageId});
}

Result<void> HistoryDb::appendText(const QString& messageId, const QString& delta, const QString& thought) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(appendWords(messageId, QStringLiteral("thought"), thought));
    return appendWords(messageId, QStringLiteral("text"), delta);
  });
}

Result<void> HistoryDb::putMessage(const MessageRecord& record, const QString& writer) {
  const Message& m = record.message;
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET state = ?, model = ?, tokens = ?, tokens_per_second = ?, first_token_seconds = ?, "
                                       "context_used = ?, context_length = ?, dropped = ?, error = ?, thinking_seconds = ?, thinking_tokens = ?, "
                                       "writer = ? WHERE id = ?"),
                        {nameOf(m.state), m.modelName, m.generatedTokens, finite(m.tokensPerSecond), finite(m.firstTokenSeconds), m.contextUsed,
                         m.contextLength, m.droppedMessages, rowOf(m.error), finite(m.thinkingSeconds), m.thinkingTokens, writer, m.id}));
    RETURN_IF_ERROR(forgetMessage(m.id));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM parts WHERE message = (SELECT seq FROM messages WHERE id = ?)"), {m.id}));
    return putParts(m);
  });
}

Result<void> HistoryDb::setActiveChild(const QString& chatId, const QString& parentId, const QString& childId) {
  if (parentId.isEmpty()) return run(QStringLiteral("UPDATE chats SET active_root = ? WHERE id = ?"), {childId, chatId});
  return run(QStringLiteral("UPDATE messages SET active_child = ? WHERE id = ?"), {childId, parentId});
}

Result<int> HistoryDb::adoptUnfinished(const std::function<bool(const QString& writer)>& isAlive) {
  int n = 0;
  const Result<void> done = inTransaction([&]() -> Result<void> {
    QStringList ids;
    {
      ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT id, writer FROM messages WHERE state = 'streaming'")));
      QHash<QString, bool> alive;
      while (row.next()) {
        const QString writer = row.value(1).toString();
        if (!alive.contains(writer)) alive.insert(writer, isAlive(writer));
        if (!alive.value(writer)) ids.append(row.value(0).toString());
      }
    }
    for (const QString& id : ids) {
      RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET state = 'unfinished', writer = '' WHERE id = ?"), {id}));
      RETURN_IF_ERROR(forgetMessage(id));  // a file that was of the first version has it in the index
      RETURN_IF_ERROR(indexMessage(id));
    }
    n = static_cast<int>(ids.size());
    return {};
  });
  if (!done) return done.error();
  return n;
}

// ---- removals ------------------------------------------------------------------------------------------------------------------------

qint64 HistoryDb::newRemoval() { return static_cast<qint64>(QRandomGenerator::system()->generate64() >> 2) + 1; }

Result<void> HistoryDb::insertRemoval(qint64 removal, const QString& session) {
  return run(QStringLiteral("INSERT INTO removals (id, made, session) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"),
             {removal, QDateTime::currentMSecsSinceEpoch(), session});
}

Result<void> HistoryDb::removeChat(const QString& chatId, qint64 removal, const QString& session) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(insertRemoval(removal, session));
    return run(QStringLiteral("UPDATE chats SET removal = ? WHERE id = ?"), {removal, chatId});
  });
}

Result<void> HistoryDb::removeMessages(const QStringList& ids, qint64 removal, const QString& session) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(insertRemoval(removal, session));
    for (const QString& id : ids) RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET removal = ? WHERE id = ?"), {removal, id}));
    return {};
  });
}

Result<void> HistoryDb::restore(qint64 removal) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("UPDATE chats SET removal = 0 WHERE removal = ?"), {removal}));
    RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET removal = 0 WHERE removal = ?"), {removal}));
    return run(QStringLiteral("DELETE FROM removals WHERE id = ?"), {removal});
  });
}

Result<QStringList> HistoryDb::purge(qint64 removal) {
  QStringList gone;
  const Result<void> done = inTransaction([&]() -> Result<void> {
    const QString messages = QStringLiteral("SELECT seq FROM messages WHERE removal = %1 OR chat_id IN (SELECT id FROM chats WHERE removal = %1)")
                                 .arg(std::max<qint64>(removal, 1));
    ASSIGN_OR_RETURN(gone, filesWhere(QStringLiteral("message IN (%1)").arg(messages)));
    if (m_isIndexed) {
      RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT 2 * seq FROM parts WHERE message IN (%1))").arg(messages)));
      RETURN_IF_ERROR(
          run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT 2 * seq + 1 FROM chats WHERE removal = ?)"), {std::max<qint64>(removal, 1)}));
    }
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM messages WHERE removal = ?"), {std::max<qint64>(removal, 1)}));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM chats WHERE removal = ?"), {std::max<qint64>(removal, 1)}));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM removals WHERE id = ?"), {removal}));
    if (gone.isEmpty()) return {};
    ASSIGN_OR_RETURN(const QStringList kept, filesWhere(QStringLiteral("TRUE")));
    const QSet<QString> named(kept.begin(), kept.end());
    gone.removeIf([&](const QString& path) { return named.contains(path); });
    return {};
  });
  if (!done) return done.error();
  return gone;
}

Result<QStringList> HistoryDb::purgeDead(const std::function<bool(const QString& session)>& isAlive, QStringList* chats) {
  QList<qint64> dead;
  {
    ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT id, session FROM removals")));
    while (row.next()) {
      if (!isAlive(row.value(1).toString())) dead.append(row.value(0).toLongLong());
    }
  }
  QStringList gone;
  for (const qint64 removal : dead) {
    if (chats != nullptr) {
      ASSIGN_OR_RETURN(QSqlQuery row,
                       select(QStringLiteral("SELECT chat_id FROM messages WHERE removal = ? UNION SELECT id FROM chats WHERE removal = ?"),
                              {std::max<qint64>(removal, 1), std::max<qint64>(removal, 1)}));
      while (row.next()) chats->append(row.value(0).toString());
    }
    ASSIGN_OR_RETURN(const QStringList files, purge(removal));
    gone.append(files);
  }
  return gone;
}

Result<QStringList> HistoryDb::namedFiles() { return filesWhere(QStringLiteral("TRUE")); }

Result<QStringList> HistoryDb::filesWhere(const QString& condition) {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT kind, data FROM parts WHERE kind IN ('picture', 'file') AND (%1)").arg(condition)));
  QStringList files;
  while (row.next()) {
    if (const auto part = partFrom({row.value(0).toString(), {}, row.value(1).toString()})) files.append(part->path);
  }
  if (row.lastError().isValid()) return fail(QStringLiteral("files"), row.lastError()).error();
  return files;
}

}  // namespace pio
