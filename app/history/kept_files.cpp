#include "app/history/kept_files.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSet>
#include <filesystem>

#include "app/history/records.h"

namespace pio {
namespace {

using Kind = MessagePart::Kind;

const QFile::Permissions kPrivate = QFile::ReadOwner | QFile::WriteOwner;

// Of a regular file, hexadecimal; "" where it cannot be read.
QString hashOf(const QString& path) {
  QFile file(path);
  QCryptographicHash hash(QCryptographicHash::Sha256);
  if (!QFileInfo(path).isFile() || !file.open(QIODevice::ReadOnly) || !hash.addData(&file)) return {};
  return QString::fromLatin1(hash.result().toHex());
}

std::filesystem::path native(const QString& path) { return QFile::encodeName(path).toStdString(); }

// The same file under another name where the file system has that, else a copy.
bool putUnder(const QString& path, const QString& name) {
  if (QFileInfo::exists(name)) return true;
  std::error_code error;
  std::filesystem::create_hard_link(native(path), native(name), error);
  return !error || QFile::copy(path, name);
}

}  // namespace

KeptFiles::KeptFiles(const QString& dataFolder)
    : m_files(dataFolder + QStringLiteral("/files")),
      m_pasted(dataFolder + QStringLiteral("/pasted")),
      m_pictures(dataFolder + QStringLiteral("/pictures")) {}

QString KeptFiles::pastedFolder(const QString& dataFolder, const QString& session) { return dataFolder + QStringLiteral("/pasted/") + session; }

void KeptFiles::keep(Message& message) const {
  for (MessagePart& part : message.parts) {
    const bool isPasted = part.kind == Kind::Picture && QFileInfo(QFileInfo(part.path).path()).path() == m_pasted;
    const bool isKept = QFileInfo(part.path).path() == m_files;
    if ((part.kind != Kind::Picture && part.kind != Kind::File) || isKept) continue;
    QString source = part.path;
    if (part.kind == Kind::File) {  // a copy: what becomes of the file later is another story
      QDir().mkpath(m_files);
      source = m_files + QStringLiteral("/.new-") + newId();
      if (!QFileInfo(part.path).isFile() || !QFile::copy(part.path, source)) continue;
      if (part.name.isEmpty()) part.name = QFileInfo(part.path).fileName();
    }
    const QString hash = hashOf(source);
    if (!hash.isEmpty()) {
      part.sha256 = hash;
      part.size = QFileInfo(source).size();
    }
    if (!hash.isEmpty() && (isPasted || part.kind == Kind::File)) {
      const QString kept = m_files + QLatin1Char('/') + hash;
      QDir().mkpath(m_files);
      if (putUnder(source, kept)) {
        QFile::setPermissions(kept, kPrivate);
        part.path = kept;
      }
    }
    if (part.kind == Kind::File) QFile::remove(source);
  }
}

void KeptFiles::remove(const QStringList& paths) const {
  for (const QString& path : paths) {
    const QString folder = QFileInfo(path).path();
    if (folder == m_files || folder == m_pictures) QFile::remove(path);
  }
}

void KeptFiles::removeLeftovers(const std::function<bool(const QString& session)>& isAlive) const {
  const QStringList sessions = QDir(m_pasted).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
  for (const QString& session : sessions) {
    if (!isAlive(session)) QDir(m_pasted + QLatin1Char('/') + session).removeRecursively();
  }
}

void KeptFiles::removeUnnamed(const QStringList& named) const {
  const QSet<QString> kept(named.begin(), named.end());
  QDir folder(m_pictures);
  const QStringList files = folder.entryList(QDir::Files);
  for (const QString& file : files) {
    if (!kept.contains(folder.filePath(file))) folder.remove(file);
  }
}

}  // namespace pio
