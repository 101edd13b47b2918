#include "app/network/network_ledger.h"

#include <QFile>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLockFile>
#include <QSaveFile>
#include <QUuid>

#include "app/program.h"

namespace pio {
namespace {

QJsonObject objectOf(const LedgerEntry& entry) {
  QJsonObject object{{"at", entry.at.toUTC().toString(Qt::ISODateWithMs)},
                     {"host", entry.host},
                     {"path", entry.path},
                     {"why", entry.why},
                     {"what", entry.what},
                     {"status", entry.status},
                     {"bytes", entry.bytes}};
  if (!entry.proxy.isEmpty()) object.insert("proxy", entry.proxy);
  return object;
}

QByteArray lineOf(const QJsonObject& object) { return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n'; }

}  // namespace

NetworkLedger::NetworkLedger(QString dataFolder)
    : m_path(std::move(dataFolder) + QStringLiteral("/network.jsonl")), m_session(QUuid::createUuid().toString(QUuid::Id128).left(12)) {}

bool NetworkLedger::append(const QByteArray& line) {
  QFile file(m_path);
  const bool isNew = !file.exists();
  // One write at the end of the file: lines of several programs do not mix.
  if (!file.open(QIODevice::WriteOnly | QIODevice::Append | QIODevice::Unbuffered)) return false;
  if (isNew) file.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
  return file.write(line) == line.size();
}

bool NetworkLedger::begin(LedgerEntry& entry) {
  makeDataFolder(m_path.chopped(static_cast<int>(qstrlen("/network.jsonl"))));
  if (QFile(m_path).size() > kMostBytes) shorten();
  entry.id = QStringLiteral("%1-%2").arg(m_session).arg(++m_count);
  entry.at = QDateTime::currentDateTimeUtc();
  QJsonObject object = objectOf(entry);
  object.insert("id", entry.id);
  return append(lineOf(object));
}

void NetworkLedger::update(const LedgerEntry& entry) { append(lineOf({{"id", entry.id}, {"status", entry.status}, {"bytes", entry.bytes}})); }

QList<LedgerEntry> NetworkLedger::entries() const {
  QList<LedgerEntry> entries;
  QHash<QString, qsizetype> places;
  QFile file(m_path);
  if (!file.open(QIODevice::ReadOnly)) return entries;
  for (const QByteArray& line : file.readAll().split('\n')) {
    const QJsonObject object = QJsonDocument::fromJson(line).object();
    const QString id = object.value("id").toString();
    if (id.isEmpty()) continue;
    if (object.contains("host")) {
      places.insert(id, entries.size());
      entries.append({id, QDateTime::fromString(object.value("at").toString(), Qt::ISODateWithMs), object.value("host").toString(),
                      object.value("path").toString(), object.value("proxy").toString(), object.value("why").toString(),
                      object.value("what").toString()});
    }
    if (!places.contains(id)) continue;
    LedgerEntry& entry = entries[places.value(id)];
    entry.status = object.value("status").toInt();
    entry.bytes = object.value("bytes").toInteger();
  }
  return entries;
}

QByteArray NetworkLedger::json() const {
  QJsonArray requests;
  for (const LedgerEntry& entry : entries()) requests.append(objectOf(entry));
  return QJsonDocument(QJsonObject{{"requests", requests}}).toJson();
}

// Each entry becomes one line, of the newer half. Whoever appends meanwhile waits for nothing and may lose a line, so only one program does it.
void NetworkLedger::shorten() {
  QLockFile lock(m_path + QStringLiteral(".lock"));
  if (!lock.tryLock(0)) return;
  const QList<LedgerEntry> all = entries();
  QSaveFile file(m_path);
  if (!file.open(QIODevice::WriteOnly)) return;
  file.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
  for (qsizetype i = all.size() / 2; i < all.size(); ++i) {
    QJsonObject object = objectOf(all[i]);
    object.insert("id", all[i].id);
    file.write(lineOf(object));
  }
  file.commit();
}

}  // namespace pio
