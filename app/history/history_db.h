#pragma once

#include <QList>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QString>
#include <QVariantList>
#include <functional>

#include "app/history/records.h"
#include "kernels/base/result.h"

// The history file: SQLite in WAL mode with synchronous=NORMAL, which a killed process cannot damage and two windows may share.
// Every method blocks and belongs to the thread that called open(). Each is one transaction.

namespace pio {

class HistoryDb {
 public:
  static constexpr int kVersion = 4;  // of the schema: PRAGMA user_version

  HistoryDb();
  ~HistoryDb();
  HistoryDb(const HistoryDb&) = delete;
  HistoryDb& operator=(const HistoryDb&) = delete;

  // Opens or makes the file, bringing an older schema up to date after a copy of the file was put beside it
  // ("history.v1.db"). Errors: bad_file (damaged), not_available (written by a newer version; nothing is touched), io.
  // ":memory:" lives as long as this object.
  Result<void> open(const QString& path);
  void close();
  bool isOpen() const { return m_db.isOpen(); }
  QString path() const { return m_path; }
  // Of the last error that a method returned.
  HistoryProblem problem() const;
  // The last error was that of the statement itself (a constraint): trying again gives the same.
  bool isHopeless() const;

  Result<QList<ChatRecord>> chats();  // newest first; no removed ones
  Result<ChatRecord> chat(const QString& chatId);
  Result<QList<MessageRecord>> messages(const QString& chatId);  // as they were made
  Result<void> putChat(const ChatRecord& chat);                   // inserts, or updates all but created
  enum class ChatField { title, pinned, system_prompt, draft };
  Result<void> setChat(const QString& chatId, ChatField field, const QVariant& value);
  // Inserts and makes it the active child of its parent. `writer`: the session that streams it.
  Result<void> addMessage(const MessageRecord& record, const QString& writer);
  Result<void> appendText(const QString& messageId, const QString& delta, const QString& thought = {});
  Result<void> putMessage(const MessageRecord& record, const QString& writer);  // everything but parent, role, created
  Result<void> setActiveChild(const QString& chatId, const QString& parentId, const QString& childId);
  // Removed things are hidden until they are purged. A removal is named by a random number above 0, which no other one has, in no window.
  static qint64 newRemoval();
  Result<void> removeChat(const QString& chatId, qint64 removal);
  Result<void> removeMessages(const QStringList& ids, qint64 removal);
  Result<void> restore(qint64 removal);
  // These give the pictures that no message names any more.
  Result<QStringList> purge(qint64 removal);
  Result<QStringList> purgeAll();
  // Messages whose writer is gone become unfinished. How many.
  Result<int> adoptUnfinished(const std::function<bool(const QString& writer)>& isAlive);
  Result<QString> meta(const QString& key);  // "" when never put
  Result<void> putMeta(const QString& key, const QString& value);
  // Words of `query`, all of them, each as the beginning of a word; no syntax.
  Result<QList<SearchHit>> search(const QString& query, int limit = 200);
  // A number that changes when another connection has written.
  Result<qint64> dataVersion();

  // The file may grow to so many pages of 4 KiB, as if the disk ended there.
  void limitPages(int nPages);

  // The whole history as the export's bytes; what is being streamed counts as unfinished.
  Result<QByteArray> exportJson();
  // All or nothing. `label` names the bytes in the report.
  ImportReport importJson(const QByteArray& json, const QString& label);

 private:
  Result<void> fail(const QString& what, const QSqlError& error);
  Result<void> run(const QString& sql, const QVariantList& values = {});
  Result<QStringList> purgeWhere(const QString& condition);
  Result<QStringList> picturesWhere(const QString& condition, const QVariantList& values);
  Result<QSqlQuery> select(const QString& sql, const QVariantList& values = {});
  Result<void> inTransaction(const std::function<Result<void>()>& body);
  Result<void> migrate();
  Result<void> indexMessage(const QString& messageId);
  Result<void> indexChat(const QString& chatId);

  QString m_path;
  QString m_connection;
  QSqlDatabase m_db;
  int m_code = 0;  // SQLite's primary result code of the last error
  QString m_details;
};

// Opens DATA/history.db; a damaged file is moved aside and a new one begun, and when no file can be had the history lives in memory.
// `problem` says which of these happened (Kind::none: none).
void openOrRecover(HistoryDb& db, const QString& path, HistoryProblem& problem);

}  // namespace pio
