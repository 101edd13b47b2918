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

struct Rescued {  // how much of a damaged file
  int nChats = 0, nMessages = 0;
};

class HistoryDb {
 public:
  static constexpr int kVersion = 5;  // of the schema: PRAGMA user_version
  static constexpr int kOpenPatienceMs = 5'000;

  HistoryDb();
  ~HistoryDb();
  HistoryDb(const HistoryDb&) = delete;
  HistoryDb& operator=(const HistoryDb&) = delete;

  // Opens or makes the file, bringing an older schema up to date after a copy of the file was put beside it
  // ("history.v1.db"). Errors: bad_file (damaged), not_available (written by a newer version; nothing is touched), io (among them:
  // no room to bring it up to date; nothing is touched).
  // ":memory:" lives as long as this object. `patienceMs`: for what another program holds.
  Result<void> open(const QString& path, int patienceMs = kOpenPatienceMs);
  void close();
  bool isOpen() const { return m_db.isOpen(); }
  QString path() const { return m_path; }
  // Of the last error that a method returned.
  HistoryProblem problem() const;
  // The last error was that of the statement itself (a constraint): trying again gives the same.
  bool isHopeless() const;
  // Another program holds the file; it may let go at any moment. How long a statement waits for that.
  bool isBusy() const;
  void setPatience(int ms) { (void)run(QStringLiteral("PRAGMA busy_timeout = %1").arg(ms)).has_value(); }
  bool isMigrated() const { return m_isMigrated; }  // by the last open()
  // The program opened the file, read its list and ended in order. After the second time the copies of older schemas are removed.
  Result<void> noteGoodStart();

  Result<QList<ChatRecord>> chats();  // newest first; no removed ones
  Result<ChatRecord> chat(const QString& chatId);
  Result<QList<MessageRecord>> messages(const QString& chatId);  // as they were made
  Result<void> putChat(const ChatRecord& chat);                  // inserts, or updates all but created
  enum class ChatField { title, pinned, system_prompt, draft };
  Result<void> setChat(const QString& chatId, ChatField field, const QVariant& value);
  // Inserts and makes it the active child of its parent. `writer`: the session that streams it.
  Result<void> addMessage(const MessageRecord& record, const QString& writer);
  Result<void> appendText(const QString& messageId, const QString& delta, const QString& thought = {});
  Result<void> putMessage(const MessageRecord& record, const QString& writer);  // everything but parent, role, created
  Result<void> setActiveChild(const QString& chatId, const QString& parentId, const QString& childId);
  // Removed things are hidden until they are purged. A removal is named by a random number above 0, which no other one has, in no window;
  // `session` may undo it.
  static qint64 newRemoval();
  Result<void> removeChat(const QString& chatId, qint64 removal, const QString& session = {});
  Result<void> removeMessages(const QStringList& ids, qint64 removal, const QString& session = {});
  Result<void> restore(qint64 removal);
  // These give the pictures and files that no message names any more.
  Result<QStringList> purge(qint64 removal);
  // Removals of other sessions; `chats`: where what they removed was.
  Result<QStringList> purgeDead(const std::function<bool(const QString& session)>& isAlive, QStringList* chats = nullptr);
  Result<QStringList> namedFiles();  // pictures and files that messages name, removed ones too
  // Messages whose writer is gone become unfinished. How many.
  Result<int> adoptUnfinished(const std::function<bool(const QString& writer)>& isAlive);
  Result<QString> meta(const QString& key);  // "" when never put
  Result<void> putMeta(const QString& key, const QString& value);
  // Words of `query`, all of them, each as the beginning of a word; no syntax.
  Result<QList<SearchHit>> search(const QString& query, int limit = 200);
  // A number that changes when another connection has written.
  Result<qint64> dataVersion();
  // False where the file was removed or another one lies in its place since it was opened.
  bool isInPlace() const;
  // The search index says what the messages say, or is made anew from them; without it everything else works, and nothing is found.
  Result<void> checkIndex();
  Result<void> rebuildIndex();
  // The last error was of a file that is damaged. Where it came from a search or a write, the index alone may be: SQLite calls an index
  // that it cannot make sense of a plain error too.
  bool isDamaged() const;
  bool isIndexDamaged() const;
  // From now on chats and messages are written without it; the next start makes it anew.
  void giveUpIndex();
  bool isIndexed() const { return m_isIndexed; }
  // What was read is read again: a page that came damaged would stay so.
  void forgetPages() { (void)run(QStringLiteral("PRAGMA shrink_memory")).has_value(); }

  // As if the disk ended at so many pages of 4 KiB, also for files opened later. As if the file were protected against writing.
  void limitPages(int nPages);
  int pageLimit() const { return m_pageLimit; }
  void protect(bool isProtected);

  // The whole history as the export's bytes; what is being streamed counts as unfinished.
  Result<QByteArray> exportJson();
  // Chats and messages that are not there yet; all or nothing. `label` names the bytes in the report.
  ImportReport importJson(const QByteArray& json, const QString& label);

 private:
  // history_db.cpp
  Result<void> fail(const QString& what, const QSqlError& error);
  Result<void> run(const QString& sql, const QVariantList& values = {});
  Result<QSqlQuery> select(const QString& sql, const QVariantList& values = {});
  Result<void> inTransaction(const std::function<Result<void>()>& body);
  Result<void> bringUpToDate(int version);
  Result<void> migrate();
  Result<void> checkTables();
  Result<void> checkOwners();
  QString copyName(const QString& version) const;
  void applyLimits();
  // history_rows.cpp, within a transaction
  Result<void> insertChat(const ChatRecord& chat);
  Result<void> insertMessage(const MessageRecord& record, const QString& writer);
  Result<void> putParts(const Message& message);
  Result<void> appendWords(const QString& messageId, const QString& kind, const QString& delta);
  Result<void> insertRemoval(qint64 removal, const QString& session);
  Result<QStringList> filesWhere(const QString& condition);
  // history_search.cpp
  Result<void> indexMessage(const QString& messageId);
  Result<void> forgetMessage(const QString& messageId);
  Result<void> indexChat(const QString& chatId);
  // history_rescue.cpp
  Result<void> begin(const QString& path, int patienceMs = kOpenPatienceMs);  // an empty file without a schema
  Result<void> takeOver(const QSqlDatabase& damaged, int version);
  friend Result<Rescued> rescue(const QString& damaged, const QString& to);
  // history_transfer.cpp
  Result<void> importChat(const ChatRecord& chat, const QList<MessageRecord>& messages, ImportReport& report);

  QString m_path;
  std::pair<quint64, quint64> m_file;  // device and number of the file that was opened
  QString m_connection;
  QSqlDatabase m_db;
  bool m_isMigrated = false;
  bool m_isIndexed = true;
  int m_pageLimit = 0;       // 0: none
  int m_code = 0;            // SQLite's primary result code of the last error
  qint64 m_neededBytes = 0;  // of a migration that has no room
  QString m_details;
};

// Reads of a damaged file what can be read, row by row, and makes a sound one of it. Nothing is changed in the damaged one.
Result<Rescued> rescue(const QString& damaged, const QString& to);

// Opens DATA/history.db; a damaged file is moved aside and what can be read of it begins a new one, and when no file can be had the history lives in memory.
// `problem` says which of these happened (Kind::none: none).
void openOrRecover(HistoryDb& db, const QString& path, HistoryProblem& problem);

}  // namespace pio
