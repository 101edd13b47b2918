#include "app/system/shared_json.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QFileSystemWatcher>
#include <QJsonDocument>
#include <QLockFile>

#include "app/system/background_files.h"

namespace pio {
namespace {

constexpr int kAgainMs = 3000;
constexpr int kLockMs = 5000;  // a merge takes milliseconds; a window that died holds no lock

QByteArray contentOf(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

bool isDamaged(const QByteArray& bytes) { return !bytes.trimmed().isEmpty() && !QJsonDocument::fromJson(bytes).isObject(); }

QJsonObject objectOf(const QByteArray& bytes) { return QJsonDocument::fromJson(bytes).object(); }

}  // namespace

QJsonObject mergePatch(const QJsonObject& before, const QJsonObject& after) {
  QJsonObject patch;
  for (auto value = after.begin(); value != after.end(); ++value) {
    const QJsonValue old = before.value(value.key());
    if (old == *value) continue;
    if (old.isObject() && value->isObject()) patch.insert(value.key(), mergePatch(old.toObject(), value->toObject()));
    else patch.insert(value.key(), *value);
  }
  for (auto value = before.begin(); value != before.end(); ++value) {
    if (!after.contains(value.key())) patch.insert(value.key(), QJsonValue::Null);
  }
  return patch;
}

QJsonObject merged(QJsonObject content, const QJsonObject& patch) {
  for (auto value = patch.begin(); value != patch.end(); ++value) {
    if (value->isNull()) content.remove(value.key());
    else if (value->isObject()) content.insert(value.key(), merged(content.value(value.key()).toObject(), value->toObject()));
    else content.insert(value.key(), *value);
  }
  return content;
}

void SharedJsonFiles::watch(const QString& path) {
  if (m_watcher == nullptr) {
    m_watcher = new QFileSystemWatcher(this);
    connect(m_watcher, &QFileSystemWatcher::fileChanged, this, &SharedJsonFiles::lookAgain);
    connect(m_watcher, &QFileSystemWatcher::directoryChanged, this, &SharedJsonFiles::lookAgain);
  }
  m_known.insert(path, {});
  if (const QByteArray bytes = contentOf(path); isDamaged(bytes)) keepCopy(path, bytes);
  m_watcher->addPath(QFileInfo(path).path());  // a file that is replaced is another one for the watcher
  lookAgain();
}

void SharedJsonFiles::lookAgain() {
  for (auto known = m_known.begin(); known != m_known.end(); ++known) {
    if (QFileInfo::exists(known.key()) && !m_watcher->files().contains(known.key())) m_watcher->addPath(known.key());
    const QByteArray bytes = contentOf(known.key());
    if (bytes == *known || !QJsonDocument::fromJson(bytes).isObject()) continue;
    *known = bytes;
    Q_EMIT changedOutside(known.key(), objectOf(bytes));
  }
}

// False where none can be written. A start that changes nothing finds the copy of the one before.
bool SharedJsonFiles::keepCopy(const QString& path, const QByteArray& bytes) {
  const QString stem = path + QStringLiteral(".unreadable-");
  const QFileInfo file(stem);
  QString copy;
  for (const QFileInfo& old : file.dir().entryInfoList({file.fileName() + QLatin1Char('*')}, QDir::Files)) {
    if (contentOf(old.filePath()) == bytes) copy = old.filePath();
  }
  if (copy.isEmpty()) {
    copy = stem + QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"));
    if (!QFile::copy(path, copy)) return false;
  }
  if (m_copies.contains(copy)) return true;
  m_copies.append(copy);
  Q_EMIT copyKept(path, copy);
  return true;
}

void SharedJsonFiles::merge(const QString& path, const QJsonObject& patch) {
  const auto fail = [&](const QString& details) {
    if (!m_failing.contains(path)) {
      m_failing.append(path);
      Q_EMIT savingFailed(path, details);
    }
    Q_EMIT mergeFailed(path, details);
  };
  QLockFile lock(path + QStringLiteral(".lock"));
  if (!lock.tryLock(kLockMs)) return fail(QStringLiteral("%1.lock: a lock, cannot be taken").arg(path));
  QFile file(path);
  QByteArray before;
  if (file.exists()) {
    if (!file.open(QIODevice::ReadOnly)) return fail(file.errorString());
    before = file.readAll();
    file.close();
    if (isDamaged(before) && !keepCopy(path, before)) return fail(QStringLiteral("%1: a copy of what cannot be read, cannot be written").arg(path));
  }
  const QJsonObject content = merged(objectOf(before), patch);
  const QByteArray after = QJsonDocument(content).toJson();
  if (const auto done = replaceFile(path, after); !done) return fail(QString::fromStdString(done.error().message));
  if (m_known.contains(path)) m_known[path] = after;
  if (m_failing.removeAll(path) > 0 && m_failing.isEmpty()) Q_EMIT savingRecovered();
  Q_EMIT mergeDone(path, content);
}

SharedJson::SharedJson(QString path, SharedJsonFiles* files, std::function<QJsonObject()> write, std::function<void(const QJsonObject&)> read)
    : m_path(std::move(path)), m_files(files), m_write(std::move(write)), m_read(std::move(read)) {
  m_again.setSingleShot(true);
  m_again.setInterval(kAgainMs);
  connect(&m_again, &QTimer::timeout, this, &SharedJson::save);
  const auto end = [this](const QString& ended, const QJsonObject* content) {
    if (ended != m_path) return;
    --m_underWay;
    m_hasFailed |= content == nullptr;
    if (m_underWay > 0) return;  // what this one read is not the whole of what was sent
    if (std::exchange(m_hasFailed, false)) {
      m_sent = m_onDisk;
      m_again.start();
    } else {
      adopt(*content);
    }
  };
  connect(files, &SharedJsonFiles::mergeDone, this, [end](const QString& ended, const QJsonObject& content) { end(ended, &content); });
  connect(files, &SharedJsonFiles::mergeFailed, this, [end](const QString& ended) { end(ended, nullptr); });
  connect(files, &SharedJsonFiles::changedOutside, this, [this](const QString& changed, const QJsonObject& content) {
    if (changed == m_path && m_underWay == 0) adopt(content);
  });
}

QJsonObject SharedJson::start() {
  const QJsonObject content = objectOf(contentOf(m_path));
  m_read(content);
  m_onDisk = m_sent = m_write();
  QMetaObject::invokeMethod(m_files, [files = m_files, path = m_path] { files->watch(path); });
  return content;
}

void SharedJson::save() {
  const QJsonObject now = m_write();
  const QJsonObject patch = mergePatch(m_sent, now);
  if (patch.isEmpty()) return;
  m_sent = now;
  ++m_underWay;
  QMetaObject::invokeMethod(m_files, [files = m_files, path = m_path, patch] { files->merge(path, patch); });
}

void SharedJson::saveAll() {
  m_sent = {};
  save();
}

void SharedJson::adopt(const QJsonObject& content) {
  const QJsonObject before = m_write();
  const QJsonObject unsaved = mergePatch(m_sent, before);
  m_read(content);
  m_onDisk = m_sent = m_write();
  if (!unsaved.isEmpty()) m_read(merged(m_sent, unsaved));
  if (m_write() != before) Q_EMIT changedOutside();
}

}  // namespace pio
