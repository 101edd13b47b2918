#pragma once

#include <QList>
#include <QLockFile>
#include <QString>
#include <memory>

// Which windows share a data folder: each holds a lock file DATA/sessions/ID.lock while it lives. What a window leaves behind when it dies
// (half-written answers, the note of a load) is known by its id.

namespace pio {

class SessionLock {
 public:
  // Makes DATA/sessions; a folder that cannot be written leaves the session without a lock, which others take for a dead one.
  explicit SessionLock(const QString& dataFolder);
  ~SessionLock();
  const QString& id() const { return m_id; }

  static bool isAlive(const QString& dataFolder, const QString& id);
  // A session besides that one is alive.
  static bool othersLive(const QString& dataFolder, const QString& id);

  // Where this session notes the model it is loading; written before, removed after.
  QString loadNotePath() const;
  // Models that dead sessions were loading when they died. Each is told once.
  static QStringList takeInterruptedLoads(const QString& dataFolder);

 private:
  QString m_folder;
  QString m_id;
  std::unique_ptr<QLockFile> m_lock;
};

}  // namespace pio
