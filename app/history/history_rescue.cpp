#include <QDateTime>
#include <QElapsedTimer>
#include <QFile>
#include <QSet>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QSqlRecord>
#include <QUuid>
#include <functional>

#include "app/history/history_db.h"
#include "app/history/migrations.h"

// What can still be read of a damaged file, into a new one. The file's own indexes and its search index are not asked: rows are read by
// their numbers, from both ends, and one by one between.

namespace pio {
namespace {

constexpr qint64 kMostMissing = 5'000;  // rows in a row, asked for one by one
constexpr int kPatienceMs = 20'000;     // for one table: a damaged number can be anything

constexpr int kConstraint = 19, kMismatch = 20;  // SQLite's

using Row = QVariantList;

// Every row of the table that can be read, once, in no order. No number of a row is relied on: one that is damaged can be anything.
void eachRow(const QSqlDatabase& damaged, const QString& table, const QString& columns, const std::function<void(const Row&)>& take) {
  QElapsedTimer timer;
  timer.start();
  QSet<qint64> taken;
  QSqlQuery query(damaged);
  query.setForwardOnly(true);
  const auto takeFrom = [&](const QString& rest) {
    if (!query.exec(QStringLiteral("SELECT rowid, %1 FROM %2 NOT INDEXED %3").arg(columns, table, rest))) return false;
    while (timer.elapsed() < kPatienceMs && query.next()) {
      const qint64 rowid = query.value(0).toLongLong();
      if (taken.contains(rowid)) continue;
      taken.insert(rowid);
      Row row;
      for (int i = 1; i < query.record().count(); ++i) row.append(query.value(i));
      take(row);
    }
    return !query.lastError().isValid();
  };
  if (takeFrom(QStringLiteral("ORDER BY rowid"))) return;
  takeFrom(QStringLiteral("ORDER BY rowid DESC"));
  // Pages in the middle: each row asks for its own way down.
  qint64 nMissing = 0;
  for (qint64 row = 1; nMissing < kMostMissing && timer.elapsed() < kPatienceMs; ++row) {
    if (!taken.contains(row)) takeFrom(QStringLiteral("WHERE rowid = %1").arg(row));
    nMissing = taken.contains(row) ? 0 : nMissing + 1;
  }
}

QStringList columnsOf(const QSqlDatabase& db, const QString& table) {
  QStringList columns;
  QSqlQuery query(db);
  if (query.exec(QStringLiteral("PRAGMA table_info(%1)").arg(table)))
    while (query.next()) columns.append(query.value(1).toString());
  return columns;
}

}  // namespace

Result<void> HistoryDb::takeOver(const QSqlDatabase& damaged, int version) {
  for (int i = 0; i < version; ++i) {
    for (const QString& statement : migrationFrom(i)) RETURN_IF_ERROR(run(statement));
  }
  for (const QString& table :
       {QStringLiteral("chats"), QStringLiteral("messages"), QStringLiteral("parts"), QStringLiteral("meta"), QStringLiteral("removals")}) {
    const QStringList theirs = columnsOf(damaged, table);
    QStringList columns = columnsOf(m_db, table);
    columns.removeIf([&](const QString& column) { return !theirs.contains(column); });
    if (columns.isEmpty()) continue;
    const QString names = columns.join(QStringLiteral(", "));
    // What contradicts what came before is left out: two rows of one id, a NULL.
    const QString insert = QStringLiteral("INSERT OR IGNORE INTO %1 (%2) VALUES (%3)")
                               .arg(table, names, QStringList(columns.size(), QStringLiteral("?")).join(QStringLiteral(", ")));
    Result<void> done;
    eachRow(damaged, table, names, [&](const Row& row) {
      if (done) done = run(insert, row);
      if (!done && (m_code == kConstraint || m_code == kMismatch)) done = {};  // a value that its column cannot hold
    });
    RETURN_IF_ERROR(done);
  }
  for (int i = version; i < kVersion; ++i) {
    for (const QString& statement : migrationFrom(i)) RETURN_IF_ERROR(run(statement));
  }
  const QStringList statements{
      // Words whose message is lost stand behind the message that was made before it, asked and answered in turn.
      QStringLiteral("CREATE TEMP TABLE homeless AS SELECT p.message AS seq, (SELECT max(seq) FROM messages WHERE seq < p.message) AS before "
                     "FROM parts p WHERE typeof(p.message) = 'integer' AND p.message NOT IN (SELECT seq FROM messages) GROUP BY p.message"),
      QStringLiteral("INSERT OR IGNORE INTO messages (seq, id, chat_id, parent, role, state, created) SELECT h.seq, b.id || '-' || (h.seq - b.seq), "
                     "b.chat_id, CASE WHEN h.seq - 1 IN (SELECT seq FROM homeless) THEN b.id || '-' || (h.seq - 1 - b.seq) ELSE b.id END, "
                     "CASE WHEN (b.role = 'user') = ((h.seq - b.seq) % 2 = 1) THEN 'assistant' ELSE 'user' END, 'complete', b.created "
                     "FROM homeless h JOIN messages b ON b.seq = h.before"),
      // None was made before it: a chat of its own.
      QStringLiteral("INSERT OR IGNORE INTO messages (seq, id, chat_id, parent, role, state, created) SELECT seq, '%1-' || seq, '%1', "
                     "coalesce((SELECT '%1-' || max(g.seq) FROM homeless g WHERE g.before IS NULL AND g.seq < h.seq), ''), "
                     "CASE WHEN seq % 2 = 1 THEN 'user' ELSE 'assistant' END, 'complete', %2 FROM homeless h WHERE before IS NULL")
          .arg(newId(), QString::number(QDateTime::currentMSecsSinceEpoch())),
      QStringLiteral("DROP TABLE homeless"),
      // Messages whose chat is lost have one again, named by what was said first.
      QStringLiteral(
          "INSERT INTO chats (id, title, created, updated) SELECT chat_id, coalesce((SELECT substr(p.text, 1, 60) FROM parts p JOIN messages f "
          "ON f.seq = p.message WHERE f.chat_id = m.chat_id AND p.kind = 'text' ORDER BY f.created, f.id LIMIT 1), '…'), min(created), "
          "max(created) FROM messages m WHERE chat_id NOT IN (SELECT id FROM chats) GROUP BY chat_id"),
      // What followed a message that is lost follows the one before it.
      QStringLiteral("UPDATE messages SET parent = coalesce((SELECT b.id FROM messages b WHERE b.chat_id = messages.chat_id AND "
                     "(b.created, b.id) < (messages.created, messages.id) ORDER BY b.created DESC, b.id DESC LIMIT 1), '') "
                     "WHERE parent <> '' AND parent NOT IN (SELECT id FROM messages)"),
      QStringLiteral("DELETE FROM parts WHERE message NOT IN (SELECT seq FROM messages)"),
      QStringLiteral("DROP TABLE search"),
      makeIndex(),
  };
  for (const QString& statement : statements + fillIndex()) RETURN_IF_ERROR(run(statement));
  return run(QStringLiteral("PRAGMA user_version = %1").arg(kVersion));
}

Result<Rescued> rescue(const QString& damaged, const QString& to) {
  for (const char* suffix : {"", "-wal", "-shm"}) QFile::remove(to + QLatin1String(suffix));
  const QString connection = QUuid::createUuid().toString();
  const auto done = [&]() -> Result<Rescued> {
    QSqlDatabase old = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connection);
    old.setDatabaseName(damaged);
    old.setConnectOptions(QStringLiteral("QSQLITE_OPEN_READONLY"));
    if (!old.open()) return make_error(ErrorCode::io, old.lastError().text().toStdString());
    int version = 0;
    {
      QSqlQuery query(old);
      (void)query.exec(QStringLiteral("PRAGMA cell_size_check = ON"));
      (void)query.exec(QStringLiteral("PRAGMA trusted_schema = OFF"));
      if (query.exec(QStringLiteral("PRAGMA user_version")) && query.next()) version = query.value(0).toInt();
    }
    // A number that was damaged too: what has parts is of the newest.
    if (version < 1 || version > HistoryDb::kVersion || columnsOf(old, QStringLiteral("parts")).contains(QStringLiteral("data")))
      version = HistoryDb::kVersion;
    HistoryDb made;
    RETURN_IF_ERROR(made.begin(to));
    RETURN_IF_ERROR(made.inTransaction([&] { return made.takeOver(old, version); }));
    Rescued rescued;
    for (const auto& [table, n] : {std::pair{"chats", &rescued.nChats}, std::pair{"messages", &rescued.nMessages}}) {
      ASSIGN_OR_RETURN(QSqlQuery row, made.select(QStringLiteral("SELECT count(*) FROM %1 WHERE removal = 0").arg(QLatin1String(table))));
      if (row.next()) *n = row.value(0).toInt();
    }
    return rescued;
  }();
  QSqlDatabase::removeDatabase(connection);
  if (!done) {
    for (const char* suffix : {"", "-wal", "-shm"}) QFile::remove(to + QLatin1String(suffix));
  }
  return done;
}

}  // namespace pio
