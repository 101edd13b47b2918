#include "app/history/history_db.h"

#include <QDateTime>
#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QSet>
#include <QSqlError>
#include <QThread>
#include <QUuid>
#include <cmath>

#include "app/history/migrations.h"
#include "app/text/grapheme.h"

namespace pio {
namespace {

// Primary result codes (sqlite.org/rescode.html); Qt hands them on as text.
constexpr int kBusy = 5, kReadOnly = 8, kCorrupt = 11, kFull = 13, kConstraint = 19, kNotADatabase = 26;

constexpr QChar kMatchBegin(0x0002), kMatchEnd(0x0003);  // snippet marks that no text of ours holds

const QString kChatColumns = QStringLiteral("id, title, created, updated, pinned, system_prompt, draft, active_root, is_image");
const QString kMessageColumns = QStringLiteral(
    "id, chat_id, parent, role, text, state, created, model, tokens, tokens_per_second, first_token_seconds, context_used, context_length, "
    "dropped, error, active_child, pictures, reasoning, thinking_seconds, thinking_tokens, tool_calls");

Error sqlError(ErrorCode code, const QString& message, const QString& path) {
  Error error = make_error(code, message.toStdString());
  error.path = path.toStdString();
  return error;
}

QJsonObject jsonOf(const UserError& error) {
  QJsonArray actions;
  for (const int action : error.actions) actions.append(action);
  return {{"title", error.title}, {"explanation", error.explanation}, {"details", error.details}, {"actions", actions}};
}

UserError userErrorFrom(const QJsonObject& json) {
  UserError error;
  error.title = json.value("title").toString();
  error.explanation = json.value("explanation").toString();
  error.details = json.value("details").toString();
  for (const QJsonValue& action : json.value("actions").toArray()) {
    if (action.toInt(-1) >= UserError::Retry && action.toInt() <= UserError::Dismiss) error.actions.append(action.toInt());
  }
  return error;
}

QString errorText(const UserError& error) {
  return error.isSet() ? QString::fromUtf8(QJsonDocument(jsonOf(error)).toJson(QJsonDocument::Compact)) : QString();
}

QStringList picturesFrom(const QJsonArray& json) {
  QStringList pictures;
  for (const QJsonValue& path : json) {
    if (!path.toString().isEmpty()) pictures.append(path.toString());
  }
  return pictures;
}

QString picturesText(const QStringList& pictures) {
  return pictures.isEmpty() ? QString()
                            : QString::fromUtf8(QJsonDocument(QJsonArray::fromStringList(pictures)).toJson(QJsonDocument::Compact));
}

QJsonArray jsonOf(const QList<ToolUse>& calls) {
  QJsonArray json;
  for (const ToolUse& call : calls) json.append(QJsonObject{{"name", call.name}, {"arguments", call.arguments}});
  return json;
}

void addToolCalls(Message& message, const QJsonArray& json) {
  for (const QJsonValue& call : json) message.addToolCall(call["name"].toString(), call["arguments"].toString());
}

QString toolCallsText(const QList<ToolUse>& calls) {
  return calls.isEmpty() ? QString() : QString::fromUtf8(QJsonDocument(jsonOf(calls)).toJson(QJsonDocument::Compact));
}

MessageRecord recordFrom(const QSqlQuery& row) {
  MessageRecord record;
  Message& message = record.message;
  message.id = row.value(0).toString();
  record.chatId = row.value(1).toString();
  message.parent = row.value(2).toString();
  roleFromName(row.value(3).toString(), message.role);
  message.setText(row.value(4).toString());
  stateFromName(row.value(5).toString(), message.state);
  record.created = row.value(6).toLongLong();
  message.modelName = row.value(7).toString();
  message.generatedTokens = row.value(8).toLongLong();
  message.tokensPerSecond = row.value(9).toDouble();
  message.firstTokenSeconds = row.value(10).toDouble();
  message.contextUsed = row.value(11).toLongLong();
  message.contextLength = row.value(12).toLongLong();
  message.droppedMessages = row.value(13).toLongLong();
  const QByteArray error = row.value(14).toByteArray();
  if (!error.isEmpty()) message.error = userErrorFrom(QJsonDocument::fromJson(error).object());
  record.activeChild = row.value(15).toString();
  for (const QString& path : picturesFrom(QJsonDocument::fromJson(row.value(16).toByteArray()).array())) message.addPicture(path);
  message.setReasoning(row.value(17).toString());
  message.thinkingSeconds = row.value(18).toDouble();
  message.thinkingTokens = row.value(19).toLongLong();
  addToolCalls(message, QJsonDocument::fromJson(row.value(20).toByteArray()).array());
  return record;
}

QVariantList valuesOf(const ChatRecord& chat) {
  return {chat.id, chat.title, chat.created, chat.updated, chat.pinned ? 1 : 0, chat.systemPrompt, chat.draft, chat.activeRoot,
          chat.kind == ChatRecord::Kind::Image ? 1 : 0};
}

ChatRecord chatFrom(const QSqlQuery& row) {
  return {row.value(0).toString(), row.value(1).toString(), row.value(2).toLongLong(), row.value(3).toLongLong(), row.value(4).toBool(),
          row.value(5).toString(), row.value(6).toString(), row.value(7).toString(), row.value(8).toBool() ? ChatRecord::Kind::Image : ChatRecord::Kind::Chat};
}

double finite(double value) { return std::isfinite(value) ? value : 0; }  // SQLite keeps NaN as NULL, which the columns refuse

// Scripts written without spaces: the index knows a whole run of them as one word.
bool needsSubstringSearch(const QString& query) {
  for (const uint c : query.toUcs4()) {
    switch (QChar::script(c)) {
      case QChar::Script_Han:
      case QChar::Script_Hiragana:
      case QChar::Script_Katakana:
      case QChar::Script_Thai:
      case QChar::Script_Lao:
      case QChar::Script_Khmer:
      case QChar::Script_Myanmar: return true;
      default: break;
    }
  }
  return false;
}

QString snippetHtml(const QString& marked) {
  QString html = marked.simplified().toHtmlEscaped();
  html.replace(kMatchBegin, QStringLiteral("<b>"));
  html.replace(kMatchEnd, QStringLiteral("</b>"));
  return html;
}

// The surroundings of the first match, marked as snippet() does.
QString snippetAround(const QString& text, const QString& term) {
  const qsizetype at = text.indexOf(term, 0, Qt::CaseInsensitive);
  if (at < 0) return beginningOf(text, 80);
  const qsizetype begin = boundaryBefore(text, at - 30);
  const qsizetype end = boundaryBefore(text, at + term.size() + 50);
  return (begin > 0 ? QStringLiteral("…") : QString()) + text.mid(begin, at - begin) + kMatchBegin + text.mid(at, term.size()) + kMatchEnd +
         text.mid(at + term.size(), end - at - term.size()) + (end < text.size() ? QStringLiteral("…") : QString());
}

// An empty file that its owner alone can read; false when there is one already or none can be made.
bool makePrivate(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner);
}

QString asText(const QJsonValue& value) { return beginningOf(QString::fromUtf8(QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact)), 60); }

}  // namespace

HistoryDb::HistoryDb() : m_connection(QUuid::createUuid().toString()) {}

HistoryDb::~HistoryDb() { close(); }

void HistoryDb::close() {
  if (m_db.isValid()) {
    m_db.close();
    m_db = QSqlDatabase();
    QSqlDatabase::removeDatabase(m_connection);
  }
}

HistoryProblem HistoryDb::problem() const {
  HistoryProblem problem;
  problem.path = m_path;
  problem.details = m_details;
  switch (m_code) {
    case kFull: problem.kind = HistoryProblem::Kind::disk_full; break;
    case kReadOnly: problem.kind = HistoryProblem::Kind::read_only; break;
    case kCorrupt:
    case kNotADatabase: problem.kind = HistoryProblem::Kind::damaged; break;
    default: problem.kind = HistoryProblem::Kind::other; break;
  }
  return problem;
}

bool HistoryDb::isHopeless() const { return m_code == kConstraint; }

Result<void> HistoryDb::fail(const QString& what, const QSqlError& error) {
  m_code = error.nativeErrorCode().toInt() & 0xff;  // extended codes carry the primary one in their low byte
  m_details = QStringLiteral("%1: %2: %3 (%4)").arg(m_path, what, error.databaseText(), error.nativeErrorCode());
  const bool isDamaged = m_code == kCorrupt || m_code == kNotADatabase;
  return sqlError(isDamaged ? ErrorCode::bad_file : ErrorCode::io, m_details, m_path);
}

Result<QSqlQuery> HistoryDb::select(const QString& sql, const QVariantList& values) {
  QSqlQuery query(m_db);
  query.setForwardOnly(true);
  if (!query.prepare(sql)) return fail(sql.section(' ', 0, 2), query.lastError()).error();
  for (const QVariant& value : values) {
    // A null QString would be bound as NULL; in this file no text is "".
    if (value.typeId() == QMetaType::QString && value.toString().isNull()) query.addBindValue(QStringLiteral(""));
    else query.addBindValue(value);
  }
  if (!query.exec()) return fail(sql.section(' ', 0, 2), query.lastError()).error();
  return query;
}

Result<void> HistoryDb::run(const QString& sql, const QVariantList& values) {
  ASSIGN_OR_RETURN([[maybe_unused]] const QSqlQuery query, select(sql, values));
  return {};
}

Result<void> HistoryDb::inTransaction(const std::function<Result<void>()>& body) {
  // IMMEDIATE: a transaction that reads first and then wants to write is refused without waiting when another window wrote in between.
  RETURN_IF_ERROR(run(QStringLiteral("BEGIN IMMEDIATE")));
  Result<void> done = body();
  if (done) done = run(QStringLiteral("COMMIT"));
  if (!done) {
    const int code = m_code;
    const QString details = m_details;
    (void)run(QStringLiteral("ROLLBACK")).has_value();  // SQLite may have rolled back by itself
    m_code = code;
    m_details = details;
  }
  return done;
}

Result<void> HistoryDb::open(const QString& path) {
  close();
  m_path = path;
  m_code = 0;
  if (path != QLatin1String(":memory:")) makePrivate(path);  // where there is none
  m_db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), m_connection);
  m_db.setDatabaseName(path);
  m_db.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=5000"));
  const auto giveUp = [this](const Error& error) -> Result<void> {
    close();
    return error;
  };
  if (!m_db.open()) return giveUp(fail(QStringLiteral("open"), m_db.lastError()).error());

  int version = 0;
  {
    auto row = select(QStringLiteral("PRAGMA user_version"));
    if (!row) return giveUp(row.error());
    if (row->next()) version = row->value(0).toInt();
  }
  if (version > kVersion || version < 0) {
    m_details = QStringLiteral("%1: a history of version %2 or older, %3").arg(path).arg(kVersion).arg(version);
    return giveUp(sqlError(ErrorCode::not_available, m_details, path));
  }
  {
    auto row = select(QStringLiteral("PRAGMA quick_check(1)"));
    if (!row) return giveUp(row.error());
    if (!row->next() || row->value(0).toString() != QLatin1String("ok")) {
      m_code = kCorrupt;
      m_details = QStringLiteral("%1: a sound history, %2").arg(path, row->value(0).toString());
      return giveUp(sqlError(ErrorCode::bad_file, m_details, path));
    }
  }
  for (const char* pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA foreign_keys = ON"}) {
    Result<void> done = run(QLatin1String(pragma));
    // Two windows that make the file at the same moment: the change to WAL is refused at once, whatever the busy timeout says.
    for (int i = 0; i < 40 && !done && m_code == kBusy; ++i) {
      QThread::msleep(50);
      done = run(QLatin1String(pragma));
    }
    if (!done) return giveUp(done.error());
  }
  if (version < kVersion) {
    if (version > 0) {
      QString copy = QFileInfo(path).path() + QStringLiteral("/history.v%1.db").arg(version);
      if (QFileInfo::exists(copy)) copy.insert(copy.size() - 3, QDateTime::currentDateTimeUtc().toString(QStringLiteral("-yyyyMMdd-HHmmss")));
      makePrivate(copy);  // SQLite writes into an empty file
      if (auto done = run(QStringLiteral("VACUUM INTO ?"), {copy}); !done) {
        QFile::remove(copy);
        return giveUp(done.error());
      }
    }
    if (auto done = migrate(); !done) return giveUp(done.error());
  }
  return {};
}

Result<void> HistoryDb::migrate() {
  return inTransaction([this]() -> Result<void> {
    int version = 0;  // read again: another window may have been faster
    {
      ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("PRAGMA user_version")));
      if (row.next()) version = row.value(0).toInt();
    }
    for (; version < kVersion; ++version) {
      for (const QString& statement : migrationFrom(version)) RETURN_IF_ERROR(run(statement));
    }
    return run(QStringLiteral("PRAGMA user_version = %1").arg(kVersion));
  });
}

Result<QList<ChatRecord>> HistoryDb::chats() {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT %1 FROM chats WHERE deleted = 0 ORDER BY updated DESC, id DESC").arg(kChatColumns)));
  QList<ChatRecord> chats;
  while (row.next()) chats.append(chatFrom(row));
  if (row.lastError().isValid()) return fail(QStringLiteral("chats"), row.lastError()).error();
  return chats;
}

Result<ChatRecord> HistoryDb::chat(const QString& chatId) {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT %1 FROM chats WHERE id = ? AND deleted = 0").arg(kChatColumns), {chatId}));
  if (!row.next()) return make_error(ErrorCode::not_found, "history: chat " + chatId.toStdString() + ", none");
  return chatFrom(row);
}

Result<QList<MessageRecord>> HistoryDb::messages(const QString& chatId) {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT %1 FROM messages WHERE chat_id = ? AND deleted = 0 ORDER BY created, id").arg(kMessageColumns),
                                         {chatId}));
  QList<MessageRecord> messages;
  while (row.next()) messages.append(recordFrom(row));
  if (row.lastError().isValid()) return fail(QStringLiteral("messages"), row.lastError()).error();
  return messages;
}

Result<void> HistoryDb::indexMessage(const QString& messageId) {
  RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM search WHERE rowid = (SELECT 2 * seq FROM messages WHERE id = ?)"), {messageId}));
  return run(QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * seq, text FROM messages WHERE id = ? AND state <> 'streaming'"), {messageId});
}

Result<void> HistoryDb::indexChat(const QString& chatId) {
  RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM search WHERE rowid = (SELECT 2 * seq + 1 FROM chats WHERE id = ?)"), {chatId}));
  return run(QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * seq + 1, title FROM chats WHERE id = ?"), {chatId});
}

Result<void> HistoryDb::putChat(const ChatRecord& chat) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO chats (%1) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                                       "title = excluded.title, updated = excluded.updated, pinned = excluded.pinned, "
                                       "system_prompt = excluded.system_prompt, draft = excluded.draft, active_root = excluded.active_root, "
                                       "is_image = excluded.is_image").arg(kChatColumns),
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

Result<void> HistoryDb::addMessage(const MessageRecord& record, const QString& writer) {
  const Message& message = record.message;
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO messages (%1, writer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").arg(kMessageColumns),
                        {message.id, record.chatId, message.parent, nameOf(message.role), message.text(), nameOf(message.state), record.created,
                         message.modelName, message.generatedTokens, finite(message.tokensPerSecond), finite(message.firstTokenSeconds),
                         message.contextUsed, message.contextLength, message.droppedMessages, errorText(message.error), record.activeChild,
                         picturesText(message.pictures()), message.reasoning(), finite(message.thinkingSeconds), message.thinkingTokens,
                         toolCallsText(message.toolCalls()), writer}));
    if (message.parent.isEmpty()) {
      RETURN_IF_ERROR(run(QStringLiteral("UPDATE chats SET active_root = ? WHERE id = ?"), {message.id, record.chatId}));
    } else {
      RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET active_child = ? WHERE id = ?"), {message.id, message.parent}));
    }
    RETURN_IF_ERROR(run(QStringLiteral("UPDATE chats SET updated = ? WHERE id = ?"), {record.created, record.chatId}));
    return indexMessage(message.id);
  });
}

Result<void> HistoryDb::appendText(const QString& messageId, const QString& delta, const QString& thought) {
  return run(QStringLiteral("UPDATE messages SET text = text || ?, reasoning = reasoning || ? WHERE id = ?"), {delta, thought, messageId});
}

Result<void> HistoryDb::putMessage(const MessageRecord& record, const QString& writer) {
  const Message& message = record.message;
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET text = ?, state = ?, model = ?, tokens = ?, tokens_per_second = ?, first_token_seconds = ?, "
                                       "context_used = ?, context_length = ?, dropped = ?, error = ?, reasoning = ?, thinking_seconds = ?, thinking_tokens = ?, "
                                       "tool_calls = ?, writer = ? WHERE id = ?"),
                        {message.text(), nameOf(message.state), message.modelName, message.generatedTokens, finite(message.tokensPerSecond),
                         finite(message.firstTokenSeconds), message.contextUsed, message.contextLength, message.droppedMessages,
                         errorText(message.error), message.reasoning(), finite(message.thinkingSeconds), message.thinkingTokens,
                         toolCallsText(message.toolCalls()), writer, message.id}));
    return indexMessage(message.id);
  });
}

Result<void> HistoryDb::setActiveChild(const QString& chatId, const QString& parentId, const QString& childId) {
  if (parentId.isEmpty()) return run(QStringLiteral("UPDATE chats SET active_root = ? WHERE id = ?"), {childId, chatId});
  return run(QStringLiteral("UPDATE messages SET active_child = ? WHERE id = ?"), {childId, parentId});
}

qint64 HistoryDb::newRemoval() { return static_cast<qint64>(QRandomGenerator::system()->generate64() >> 2) + 1; }

Result<void> HistoryDb::removeChat(const QString& chatId, qint64 removal) {
  return run(QStringLiteral("UPDATE chats SET deleted = ? WHERE id = ?"), {removal, chatId});
}

Result<void> HistoryDb::removeMessages(const QStringList& ids, qint64 removal) {
  return inTransaction([&]() -> Result<void> {
    for (const QString& id : ids) RETURN_IF_ERROR(run(QStringLiteral("UPDATE messages SET deleted = ? WHERE id = ?"), {removal, id}));
    return {};
  });
}

Result<void> HistoryDb::restore(qint64 removal) {
  return inTransaction([&]() -> Result<void> {
    RETURN_IF_ERROR(run(QStringLiteral("UPDATE chats SET deleted = 0 WHERE deleted = ?"), {removal}));
    return run(QStringLiteral("UPDATE messages SET deleted = 0 WHERE deleted = ?"), {removal});
  });
}

Result<QStringList> HistoryDb::purge(qint64 removal) { return purgeWhere(QStringLiteral("deleted = %1").arg(std::max<qint64>(removal, 1))); }

Result<QStringList> HistoryDb::purgeAll() { return purgeWhere(QStringLiteral("deleted > 0")); }

Result<QStringList> HistoryDb::purgeWhere(const QString& condition) {
  QStringList gone;
  const Result<void> done = inTransaction([&]() -> Result<void> {
    const QString messages = QStringLiteral("%1 OR chat_id IN (SELECT id FROM chats WHERE %1)").arg(condition);
    ASSIGN_OR_RETURN(gone, picturesWhere(messages, {}));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT 2 * seq FROM messages WHERE %1)").arg(messages)));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT 2 * seq + 1 FROM chats WHERE %1)").arg(condition)));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM messages WHERE %1").arg(condition)));
    RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM chats WHERE %1").arg(condition)));
    if (gone.isEmpty()) return {};
    ASSIGN_OR_RETURN(const QStringList kept, picturesWhere(QStringLiteral("TRUE"), {}));
    const QSet<QString> named(kept.begin(), kept.end());
    gone.removeIf([&](const QString& path) { return named.contains(path); });
    return {};
  });
  if (!done) return done.error();
  return gone;
}

Result<QStringList> HistoryDb::picturesWhere(const QString& condition, const QVariantList& values) {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT pictures FROM messages WHERE pictures <> '' AND (%1)").arg(condition), values));
  QStringList pictures;
  while (row.next()) pictures.append(picturesFrom(QJsonDocument::fromJson(row.value(0).toByteArray()).array()));
  if (row.lastError().isValid()) return fail(QStringLiteral("pictures"), row.lastError()).error();
  return pictures;
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
      RETURN_IF_ERROR(indexMessage(id));
    }
    n = static_cast<int>(ids.size());
    return {};
  });
  if (!done) return done.error();
  return n;
}

Result<QString> HistoryDb::meta(const QString& key) {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT value FROM meta WHERE key = ?"), {key}));
  return row.next() ? row.value(0).toString() : QString();
}

Result<void> HistoryDb::putMeta(const QString& key, const QString& value) {
  return run(QStringLiteral("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"), {key, value});
}

Result<qint64> HistoryDb::dataVersion() {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("PRAGMA data_version")));
  return row.next() ? row.value(0).toLongLong() : qint64(0);
}

void HistoryDb::limitPages(int nPages) { (void)run(QStringLiteral("PRAGMA max_page_count = %1").arg(nPages)).has_value(); }

Result<QList<SearchHit>> HistoryDb::search(const QString& text, int limit) {
  QString cleaned = text;
  cleaned.remove(QChar(0));
  QStringList terms = cleaned.simplified().split(' ', Qt::SkipEmptyParts);
  if (terms.isEmpty()) return QList<SearchHit>();
  if (terms.size() > 16) terms = terms.first(16);  // nobody types more; SQLite's expressions have a limited depth

  const bool isSubstring = needsSubstringSearch(cleaned);
  QString sql;
  QVariantList values;
  if (isSubstring) {
    QStringList conditions;
    for (QString term : terms) {
      conditions.append(QStringLiteral("text LIKE ? ESCAPE '\\'"));
      values.append('%' + term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_") + '%');
    }
    sql = QStringLiteral("SELECT rowid, text FROM search WHERE %1 ORDER BY rowid DESC LIMIT %2").arg(conditions.join(" AND ")).arg(limit);
  } else {
    QStringList phrases;
    // Quoted, so that no word is an operator of FTS5; the star outside the quotes makes it a prefix.
    for (QString term : terms) phrases.append('"' + term.replace('"', "\"\"") + "\"*");
    sql = QStringLiteral("SELECT rowid, snippet(search, 0, char(2), char(3), '…', 14) FROM search WHERE search MATCH ? ORDER BY rank LIMIT %1").arg(limit);
    values.append(phrases.join(' '));
  }
  QList<std::pair<qint64, QString>> found;
  {
    ASSIGN_OR_RETURN(QSqlQuery row, select(sql, values));
    while (row.next()) found.append({row.value(0).toLongLong(), row.value(1).toString()});
    if (row.lastError().isValid()) return fail(QStringLiteral("search"), row.lastError()).error();
  }
  QList<SearchHit> hits;
  for (const auto& [rowid, marked] : found) {
    const bool isTitle = rowid % 2 == 1;
    ASSIGN_OR_RETURN(QSqlQuery row, select(isTitle ? QStringLiteral("SELECT id, '', title FROM chats WHERE seq = ? AND deleted = 0")
                                                   : QStringLiteral("SELECT c.id, m.id, c.title FROM messages m JOIN chats c ON c.id = m.chat_id "
                                                                    "WHERE m.seq = ? AND m.deleted = 0 AND c.deleted = 0"),
                                           {rowid / 2}));
    if (!row.next()) continue;
    hits.append({row.value(0).toString(), row.value(1).toString(), row.value(2).toString(),
                 snippetHtml(isSubstring ? snippetAround(marked, terms.first()) : marked)});
  }
  return hits;
}

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
      for (const MessageRecord& record : records) {
        const Message& m = record.message;
        const bool isStreaming = m.state == Message::State::Streaming;
        QJsonObject object{{"id", m.id},
                           {"parent", m.parent.isEmpty() ? QJsonValue() : QJsonValue(m.parent)},
                           {"role", nameOf(m.role)},
                           {"text", m.text()},
                           {"state", nameOf(isStreaming ? Message::State::Unfinished : m.state)},
                           {"created", record.created},
                           {"active_child", record.activeChild.isEmpty() ? QJsonValue() : QJsonValue(record.activeChild)}};
        if (m.role == Message::Role::Assistant) {
          object.insert("model", m.modelName);
          object.insert("generated_tokens", m.generatedTokens);
          object.insert("tokens_per_second", m.tokensPerSecond);
          object.insert("first_token_seconds", m.firstTokenSeconds);
          object.insert("context_used", m.contextUsed);
          object.insert("context_length", m.contextLength);
          object.insert("dropped_messages", m.droppedMessages);
        }
        if (m.error.isSet()) object.insert("error", jsonOf(m.error));
        if (m.has(MessagePart::Kind::Thought)) {
          object.insert("reasoning", m.reasoning());
          object.insert("thinking_seconds", m.thinkingSeconds);
          object.insert("thinking_tokens", m.thinkingTokens);
        }
        if (m.has(MessagePart::Kind::ToolCall)) object.insert("tool_calls", jsonOf(m.toolCalls()));
        if (m.has(MessagePart::Kind::Picture)) object.insert("pictures", QJsonArray::fromStringList(m.pictures()));
        messageArray.append(object);
      }
      QJsonObject chatObject{{"id", chat.id},
                             {"title", chat.title},
                             {"created", chat.created},
                             {"updated", chat.updated},
                             {"pinned", chat.pinned},
                             {"system_prompt", chat.systemPrompt},
                             {"draft", chat.draft},
                             {"active_root", chat.activeRoot.isEmpty() ? QJsonValue() : QJsonValue(chat.activeRoot)},
                             {"messages", messageArray}};
      if (chat.kind == ChatRecord::Kind::Image) chatObject.insert("kind", QStringLiteral("image"));
      chatArray.append(chatObject);
    }
    return {};
  }();
  (void)run(QStringLiteral("COMMIT")).has_value();
  if (!done) return done.error();
  return QJsonDocument(QJsonObject{{"version", 1}, {"chats", chatArray}}).toJson(QJsonDocument::Indented);
}

ImportReport HistoryDb::importJson(const QByteArray& json, const QString& label) {
  ImportReport report;
  report.path = label;
  const auto bad = [&](const QString& words) { return sqlError(ErrorCode::bad_file, label + ": " + words, label); };
  const auto refuse = [&](ImportReport::Problem problem, const Error& error) {
    report = {};
    report.problem = problem;
    report.path = label;
    report.details = QString::fromStdString(error.message);
    return report;
  };
  using Problem = ImportReport::Problem;
  QJsonParseError parseError;
  const QJsonDocument document = QJsonDocument::fromJson(json, &parseError);
  if (parseError.error != QJsonParseError::NoError) {
    return refuse(Problem::not_json, bad(QStringLiteral("JSON, %1 at byte %2").arg(parseError.errorString()).arg(parseError.offset)));
  }
  if (document.object().value("version").toInt() != 1) {
    return refuse(Problem::malformed, bad(QStringLiteral("version: 1, %1").arg(asText(document.object().value("version")))));
  }
  if (!document.object().value("chats").isArray()) {
    return refuse(Problem::malformed, bad(QStringLiteral("chats: an array, %1").arg(asText(document.object().value("chats")))));
  }

  QSet<QString> known;
  QSet<QString> seenChats, seenMessages;
  const Result<void> done = inTransaction([&]() -> Result<void> {
    {
      ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("SELECT id FROM chats")));  // removed ones too: their ids are taken until the purge
      while (row.next()) known.insert(row.value(0).toString());
    }
    const QJsonArray chatArray = document.object().value("chats").toArray();
    for (qsizetype i = 0; i < chatArray.size(); ++i) {
      const QString where = QStringLiteral("chats[%1]").arg(i);
      const QJsonObject object = chatArray[i].toObject();
      ChatRecord chat;
      chat.id = object.value("id").toString();
      if (chat.id.isEmpty()) return bad(where + QStringLiteral(".id: a text, ") + asText(object.value("id")));
      if (seenChats.contains(chat.id)) return bad(where + QStringLiteral(".id: one of its own, again ") + chat.id);
      seenChats.insert(chat.id);
      if (!object.value("title").isString()) return bad(where + QStringLiteral(".title: a text, ") + asText(object.value("title")));
      if (!object.value("created").isDouble()) return bad(where + QStringLiteral(".created: milliseconds since 1970, ") + asText(object.value("created")));
      if (!object.value("messages").isArray()) return bad(where + QStringLiteral(".messages: an array, ") + asText(object.value("messages")));
      chat.title = object.value("title").toString();
      chat.created = object.value("created").toInteger();
      chat.updated = object.value("updated").toInteger(chat.created);
      chat.pinned = object.value("pinned").toBool();
      chat.systemPrompt = object.value("system_prompt").toString();
      chat.draft = object.value("draft").toString();
      chat.activeRoot = object.value("active_root").toString();
      if (object.value("kind").toString() == QLatin1String("image")) chat.kind = ChatRecord::Kind::Image;

      QList<MessageRecord> records;
      QHash<QString, QString> parents;
      const QJsonArray messageArray = object.value("messages").toArray();
      for (qsizetype j = 0; j < messageArray.size(); ++j) {
        const QString at = where + QStringLiteral(".messages[%1]").arg(j);
        const QJsonObject m = messageArray[j].toObject();
        MessageRecord record;
        Message& message = record.message;
        record.chatId = chat.id;
        message.id = m.value("id").toString();
        if (message.id.isEmpty()) return bad(at + QStringLiteral(".id: a text, ") + asText(m.value("id")));
        if (seenMessages.contains(message.id)) return bad(at + QStringLiteral(".id: one of its own, again ") + message.id);
        seenMessages.insert(message.id);
        const QJsonValue parent = m.value("parent");
        if (!parent.isNull() && parent.toString().isEmpty()) return bad(at + QStringLiteral(".parent: an id or null, ") + asText(parent));
        message.parent = parent.toString();
        if (!roleFromName(m.value("role").toString(), message.role)) return bad(at + QStringLiteral(".role: system, user or assistant, ") + asText(m.value("role")));
        if (!m.value("text").isString()) return bad(at + QStringLiteral(".text: a text, ") + asText(m.value("text")));
        message.setText(m.value("text").toString());
        if (!stateFromName(m.value("state").toString(), message.state) || message.state == Message::State::Streaming) {
          return bad(at + QStringLiteral(".state: complete, stopped, unfinished or failed, ") + asText(m.value("state")));
        }
        record.created = m.value("created").toInteger(chat.created + j);
        record.activeChild = m.value("active_child").toString();
        message.modelName = m.value("model").toString();
        message.generatedTokens = m.value("generated_tokens").toInteger();
        message.tokensPerSecond = m.value("tokens_per_second").toDouble();
        message.firstTokenSeconds = m.value("first_token_seconds").toDouble();
        message.contextUsed = m.value("context_used").toInteger();
        message.contextLength = m.value("context_length").toInteger();
        message.droppedMessages = m.value("dropped_messages").toInteger();
        message.error = userErrorFrom(m.value("error").toObject());
        message.setReasoning(m.value("reasoning").toString());
        message.thinkingSeconds = m.value("thinking_seconds").toDouble();
        message.thinkingTokens = m.value("thinking_tokens").toInteger();
        addToolCalls(message, m.value("tool_calls").toArray());
        for (const QString& path : picturesFrom(m.value("pictures").toArray())) {
          // A pipe or a device would be opened to be shown, and waited for.
          if (!QFileInfo::exists(path) || QFileInfo(path).isFile()) message.addPicture(path);
        }
        parents.insert(message.id, message.parent);
        records.append(record);
      }
      for (const MessageRecord& record : std::as_const(records)) {
        // To the root in at most as many steps as there are messages, else the parents run in a circle.
        QString id = record.message.parent;
        for (qsizetype step = 0; !id.isEmpty(); ++step) {
          if (!parents.contains(id)) return bad(where + QStringLiteral(": messages whose parents are there, ") + id);
          if (step > records.size()) return bad(where + QStringLiteral(": messages that form a tree, a circle through ") + id);
          id = parents.value(id);
        }
      }
      if (known.contains(chat.id)) {
        ++report.chatsKnown;
        continue;
      }
      RETURN_IF_ERROR(run(QStringLiteral("INSERT INTO chats (%1) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").arg(kChatColumns), valuesOf(chat)));
      RETURN_IF_ERROR(indexChat(chat.id));
      for (const MessageRecord& record : std::as_const(records)) {
        const Message& m = record.message;
        if (auto added = run(QStringLiteral("INSERT INTO messages (%1) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").arg(kMessageColumns),
                             {m.id, record.chatId, m.parent, nameOf(m.role), m.text(), nameOf(m.state), record.created, m.modelName, m.generatedTokens,
                              m.tokensPerSecond, m.firstTokenSeconds, m.contextUsed, m.contextLength, m.droppedMessages, errorText(m.error),
                              record.activeChild, picturesText(m.pictures()), m.reasoning(), m.thinkingSeconds, m.thinkingTokens,
                              toolCallsText(m.toolCalls())});
            !added) {
          if (isHopeless()) return bad(where + QStringLiteral(": messages of this chat alone, one of another chat: ") + m.id);
          return added.error();
        }
        RETURN_IF_ERROR(indexMessage(m.id));
      }
      ++report.chatsAdded;
    }
    return {};
  });
  if (!done) return refuse(done.error().code == ErrorCode::bad_file ? Problem::malformed : Problem::not_saved, done.error());
  return report;
}

void openOrRecover(HistoryDb& db, const QString& path, HistoryProblem& problem) {
  problem = {};
  Result<void> opened = db.open(path);
  if (opened) return;
  problem = db.problem();
  if (opened.error().code == ErrorCode::not_available) problem.kind = HistoryProblem::Kind::newer;
  if (opened.error().code == ErrorCode::bad_file) {
    problem.kind = HistoryProblem::Kind::damaged;
    const QString kept = path + QStringLiteral(".damaged-") + QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss"));
    if (QFile::rename(path, kept)) {
      problem.keptAs = kept;
      for (const char* suffix : {"-wal", "-shm"}) QFile::rename(path + QLatin1String(suffix), kept + QLatin1String(suffix));
      if (db.open(path)) return;
    }
  }
  // Nothing on disk: the window works on, and the notice says that nothing is kept.
  const Result<void> inMemory = db.open(QStringLiteral(":memory:"));
  CHECK(inMemory.has_value(), "SQLite has no database in memory");
}

}  // namespace pio
