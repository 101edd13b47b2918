#include "app/system/session_lock.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <algorithm>

#include "app/history/records.h"

namespace pio {
namespace {

QString sessionsFolder(const QString& dataFolder) { return dataFolder + QStringLiteral("/sessions"); }

}  // namespace

SessionLock::SessionLock(const QString& dataFolder) : m_folder(sessionsFolder(dataFolder)), m_id(newId()) {
  QDir().mkpath(m_folder);
  m_lock = std::make_unique<QLockFile>(m_folder + '/' + m_id + QStringLiteral(".lock"));
  m_lock->setStaleLockTime(0);  // only a dead process makes it stale, not its age
  m_lock->tryLock(0);
}

SessionLock::~SessionLock() { QFile::remove(loadNotePath()); }

bool SessionLock::isAlive(const QString& dataFolder, const QString& id) {
  const QString path = sessionsFolder(dataFolder) + '/' + id + QStringLiteral(".lock");
  if (id.isEmpty() || !QFileInfo::exists(path)) return false;
  QLockFile lock(path);
  lock.setStaleLockTime(0);
  return !lock.tryLock(0);  // a dead one's file goes when `lock` does
}

bool SessionLock::othersLive(const QString& dataFolder, const QString& id) {
  const QFileInfoList locks = QDir(sessionsFolder(dataFolder)).entryInfoList({QStringLiteral("*.lock")}, QDir::Files);
  return std::any_of(locks.begin(), locks.end(),
                     [&](const QFileInfo& lock) { return lock.completeBaseName() != id && isAlive(dataFolder, lock.completeBaseName()); });
}

QString SessionLock::loadNotePath() const { return m_folder + '/' + m_id + QStringLiteral(".loading"); }

QStringList SessionLock::takeInterruptedLoads(const QString& dataFolder) {
  QStringList models;
  QDir folder(sessionsFolder(dataFolder));
  for (const QFileInfo& note : folder.entryInfoList({QStringLiteral("*.loading")}, QDir::Files, QDir::Time)) {
    if (isAlive(dataFolder, note.completeBaseName())) continue;
    QFile file(note.filePath());
    if (file.open(QIODevice::ReadOnly)) models.append(QString::fromUtf8(file.readAll()));
    file.close();
    file.remove();
  }
  // Locks of windows that died idle.
  for (const QFileInfo& lock : folder.entryInfoList({QStringLiteral("*.lock")}, QDir::Files)) isAlive(dataFolder, lock.completeBaseName());
  return models;
}

}  // namespace pio
