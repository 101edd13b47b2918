#pragma once

#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QTest>
#include <QUuid>

namespace pio {

// A history file as another program opens it, for as long as this lives.
class SqlFile {
 public:
  explicit SqlFile(const QString& path) {
    m_db.setDatabaseName(path);
    if (!m_db.open()) qWarning("%s: %s", qPrintable(path), qPrintable(m_db.lastError().text()));
  }
  ~SqlFile() {
    const QString name = m_db.connectionName();
    m_db.close();
    m_db = QSqlDatabase();
    QSqlDatabase::removeDatabase(name);
  }
  Q_DISABLE_COPY_MOVE(SqlFile)

  // False, with a warning, when it fails.
  bool exec(const QString& statement) const {
    QSqlQuery query(m_db);
    if (query.exec(statement)) return true;
    qWarning("%s: %s", qPrintable(statement), qPrintable(query.lastError().text()));
    return false;
  }
  // What stands first in the answer; invalid where it is empty or the statement fails.
  QVariant value(const QString& statement) const {
    QSqlQuery query(m_db);
    return query.exec(statement) && query.next() ? query.value(0) : QVariant();
  }
  QSqlDatabase& db() { return m_db; }

 private:
  QSqlDatabase m_db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QUuid::createUuid().toString());
};

}  // namespace pio
