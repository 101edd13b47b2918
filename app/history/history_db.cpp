#include "app/history/history_db.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlError>
#include <QStorageInfo>
#include <QThread>
#include <QUuid>
#include <algorithm>
#ifdef Q_OS_UNIX
#include <sys/stat.h>
#endif

#include "app/history/message_codec.h"
#include "app/history/migrations.h"

// The connection: opening and bringing up to date, statements, transactions, errors.

namespace pio {
namespace {

// Primary result codes (sqlite.org/rescode.html); Qt hands them on as text.
constexpr int kError = 1, kBusy = 5, kLocked = 6, kReadOnly = 8, kCorrupt = 11, kFull = 13, kConstraint = 19, kNotADatabase = 26;
constexpr qint64 kPageBytes = 4096;
constexpr int kMostTries = 40, kTryMs = 50;  // of the change to WAL
constexpr int kGoodStarts = 2;               // until the copies of older schemas go

const QString kGoodStartsKey = QStringLiteral("good_starts");

Error sqlError(ErrorCode code, const QString& message, const QString& path) {
  Error error = make_error(code, message.toStdString());
  error.path = path.toStdString();
  return error;
}

// An empty file that its owner alone can read; false when there is one already or none can be made.
bool makePrivate(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner);
}

// What a migration takes beside the file: its copy, the log with every row written anew and every page that it leaves wiped (Debian's SQLite
// does so), and the file's growth. Measured: 4.5 times the file.
qint64 bytesToMigrate(const QString& path) {
  const qint64 bytes = QFileInfo(path).size() + QFileInfo(path + QStringLiteral("-wal")).size();
  return 5 * bytes + 64 * kPageBytes;
}

// Device and number of a file; zeros where there is none, or where files have no numbers.
std::pair<quint64, quint64> fileNumber(const QString& path) {
#ifdef Q_OS_UNIX
  struct stat status {};
  if (::stat(QFile::encodeName(path).constData(), &status) == 0) return {status.st_dev, status.st_ino};
#endif
  return {};
}

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
  problem.neededBytes = m_neededBytes;
  switch (m_code) {
    case kFull: problem.kind = m_neededBytes > 0 ? HistoryProblem::Kind::no_room : HistoryProblem::Kind::disk_full; break;
    case kReadOnly: problem.kind = HistoryProblem::Kind::read_only; break;
    case kCorrupt:
    case kNotADatabase: problem.kind = HistoryProblem::Kind::damaged; break;
    case kBusy:
    case kLocked: problem.kind = HistoryProblem::Kind::busy; break;
    default: problem.kind = HistoryProblem::Kind::other; break;
  }
  return problem;
}

bool HistoryDb::isDamaged() const { return m_code == kCorrupt || m_code == kNotADatabase; }

bool HistoryDb::isIndexDamaged() const { return isDamaged() || m_code == kError; }

bool HistoryDb::isBusy() const { return m_code == kBusy || m_code == kLocked; }

bool HistoryDb::isHopeless() const { return m_code == kConstraint; }

Result<void> HistoryDb::fail(const QString& what, const QSqlError& error) {
  m_code = error.nativeErrorCode().toInt() & 0xff;  // extended codes carry the primary one in their low byte
  m_details = QStringLiteral("%1: %2: %3 (%4)").arg(m_path, what, error.databaseText(), error.nativeErrorCode());
  return sqlError(isDamaged() ? ErrorCode::bad_file : ErrorCode::io, m_details, m_path);
}

Result<QSqlQuery> HistoryDb::select(const QString& sql, const QVariantList& values) {
  QSqlQuery query(m_db);
  query.setForwardOnly(true);
  if (!query.prepare(sql)) return fail(sql.section(' ', 0, 2), query.lastError()).error();
  for (const QVariant& value : values) {
    // A null QString would be bound as NULL; in this file no text is "". A lone surrogate would take the character behind it along.
    if (value.typeId() != QMetaType::QString) query.addBindValue(value);
    else query.addBindValue(value.toString().isNull() ? QStringLiteral("") : wellFormed(value.toString()));
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

Result<void> HistoryDb::begin(const QString& path, int patienceMs) {
  close();
  m_path = path;
  m_code = 0;
  m_neededBytes = 0;
  m_isMigrated = false;
  m_isIndexed = true;
  if (path != QLatin1String(":memory:")) makePrivate(path);  // where there is none
  m_db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), m_connection);
  m_db.setDatabaseName(path);
  m_db.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=%1").arg(patienceMs));
  if (!m_db.open()) return fail(QStringLiteral("open"), m_db.lastError());
  return {};
}

Result<void> HistoryDb::open(const QString& path, int patienceMs) {
  const auto giveUp = [this](const Error& error) -> Result<void> {
    close();
    return error;
  };
  if (auto done = begin(path, patienceMs); !done) return giveUp(done.error());
  // A file is looked at as what a stranger may have written.
  for (const char* pragma : {"PRAGMA cell_size_check = ON", "PRAGMA trusted_schema = OFF"}) {
    if (auto done = run(QLatin1String(pragma)); !done) return giveUp(done.error());
  }
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
    for (int i = 0; i < std::min(kMostTries, patienceMs / kTryMs) && !done && m_code == kBusy; ++i) {
      QThread::msleep(kTryMs);
      done = run(QLatin1String(pragma));
    }
    if (!done) return giveUp(done.error());
  }
  m_file = fileNumber(path);
  applyLimits();
  if (version < kVersion) {
    if (auto done = bringUpToDate(version); !done) return giveUp(done.error());
  }
  if (auto done = checkTables(); !done) return giveUp(done.error());
  if (auto done = checkOwners(); !done) return giveUp(done.error());
  return {};
}

// Sound pages say nothing of what stands in the schema.
Result<void> HistoryDb::checkTables() {
  for (const char* columns : {"seq, id, title, created, updated, pinned, system_prompt, draft, active_root, kind, file, removal FROM chats",
                              "seq, id, chat_id, parent, role, state, created, active_child, writer, removal FROM messages",
                              "seq, message, position, kind, text, data FROM parts", "id, made, session FROM removals", "key, value FROM meta"}) {
    Result<void> done = run(QStringLiteral("SELECT %1 LIMIT 0").arg(QLatin1String(columns)));
    if (!done && m_code == kError) {  // no such table, no such column
      m_code = kCorrupt;
      return sqlError(ErrorCode::bad_file, m_details, m_path);
    }
    if (!done) return done;
  }
  return {};
}

// Every message has its chat and every part its message: in sound pages too a byte of an id can be another one, and nothing would show them.
Result<void> HistoryDb::checkOwners() {
  ASSIGN_OR_RETURN(QSqlQuery row, select(QStringLiteral("PRAGMA foreign_key_check")));
  if (!row.next()) return {};
  m_code = kCorrupt;
  m_details = QStringLiteral("%1: %2 %3: a row of %4, none").arg(m_path, row.value(0).toString(), row.value(1).toString(), row.value(2).toString());
  return sqlError(ErrorCode::bad_file, m_details, m_path);
}

bool HistoryDb::isInPlace() const { return fileNumber(m_path) == m_file; }

Result<void> HistoryDb::bringUpToDate(int version) {
  if (version == 0) return migrate();
  m_neededBytes = bytesToMigrate(m_path);
  qint64 room = QStorageInfo(QFileInfo(m_path).path()).bytesAvailable();
  if (m_pageLimit > 0) room = std::min(room, m_pageLimit * kPageBytes - QFileInfo(m_path).size());
  if (room >= 0 && room < m_neededBytes) {
    m_code = kFull;
    m_details = QStringLiteral("%1: room for %2 bytes, %3").arg(m_path).arg(m_neededBytes).arg(room);
    return sqlError(ErrorCode::io, m_details, m_path);
  }
  QString copy = copyName(QString::number(version));
  if (QFileInfo::exists(copy)) copy.insert(copy.size() - 3, QDateTime::currentDateTimeUtc().toString(QStringLiteral("-yyyyMMdd-HHmmss")));
  makePrivate(copy);  // SQLite writes into an empty file
  Result<void> done = run(QStringLiteral("VACUUM INTO ?"), {copy});
  if (done) done = migrate();
  if (!done) {
    QFile::remove(copy);
    if (m_code != kError) return done;
    m_code = kCorrupt;  // a schema that is not that version's
    return sqlError(ErrorCode::bad_file, m_details, m_path);
  }
  m_neededBytes = 0;
  m_isMigrated = true;
  return {};
}

QString HistoryDb::copyName(const QString& version) const {
  const QFileInfo file(m_path);
  return QStringLiteral("%1/%2.v%3.db").arg(file.path(), file.completeBaseName(), version);
}

Result<void> HistoryDb::noteGoodStart() {
  QDir folder = QFileInfo(m_path).dir();
  const QStringList copies = folder.entryList({QFileInfo(copyName(QStringLiteral("[0-9]*"))).fileName()}, QDir::Files);
  if (copies.isEmpty()) return {};
  ASSIGN_OR_RETURN(const QString before, meta(kGoodStartsKey));
  RETURN_IF_ERROR(putMeta(kGoodStartsKey, QString::number(before.toInt() + 1)));
  if (before.toInt() + 1 < kGoodStarts) return {};
  for (const QString& copy : copies) folder.remove(copy);
  return {};
}

void HistoryDb::limitPages(int nPages) {
  m_pageLimit = nPages;
  if (isOpen()) applyLimits();
}

void HistoryDb::protect(bool isProtected) { (void)run(QStringLiteral("PRAGMA query_only = %1").arg(isProtected ? 1 : 0)).has_value(); }

void HistoryDb::applyLimits() {
  if (m_pageLimit > 0 && m_path != QLatin1String(":memory:")) (void)run(QStringLiteral("PRAGMA max_page_count = %1").arg(m_pageLimit)).has_value();
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
    RETURN_IF_ERROR(putMeta(kGoodStartsKey, QStringLiteral("0")));
    return run(QStringLiteral("PRAGMA user_version = %1").arg(kVersion));
  });
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

void openOrRecover(HistoryDb& db, const QString& path, HistoryProblem& problem) {
  problem = {};
  Result<void> opened = db.open(path);
  if (opened) return;
  problem = db.problem();
  if (opened.error().code == ErrorCode::not_available) problem.kind = HistoryProblem::Kind::newer;
  if (opened.error().code == ErrorCode::bad_file) {
    problem.kind = HistoryProblem::Kind::damaged;
    const QString kept = path + QStringLiteral(".damaged-") + QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss"));
    const QString rescued = path + QStringLiteral(".rescued");
    const auto come = rescue(path, rescued);
    if (QFile::rename(path, kept)) {
      problem.keptAs = kept;
      for (const char* suffix : {"-wal", "-shm"}) QFile::rename(path + QLatin1String(suffix), kept + QLatin1String(suffix));
      if (come && QFile::rename(rescued, path)) {
        problem.rescuedChats = come->nChats;
        problem.rescuedMessages = come->nMessages;
      }
      if (db.open(path)) return;
    }
    QFile::remove(rescued);
  }
  // Nothing on disk: the window works on, and the notice says that nothing is kept.
  const Result<void> inMemory = db.open(QStringLiteral(":memory:"));
  CHECK(inMemory.has_value(), "SQLite has no database in memory");
}

}  // namespace pio
