#include "app/system/background_files.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QThread>

namespace pio {
namespace {

FileFact factOf(const QString& path) {
  FileFact fact{path};
  const QFileInfo info(path);
  fact.isThere = info.exists();
  if (!info.isDir()) {
    fact.bytes = info.size();
    return fact;
  }
  for (const QFileInfo& file : QDir(path).entryInfoList(QDir::Files)) fact.bytes += file.size();
  return fact;
}

}  // namespace

void BackgroundFiles::write(const QString& path, const QByteArray& bytes) {
  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.commit()) {
    Q_EMIT writeFailed(path, file.errorString());
  }
}

void BackgroundFiles::look(const QStringList& paths) {
  QList<FileFact> facts;
  for (const QString& path : paths) facts.append(factOf(path));
  Q_EMIT looked(facts);
}

void BackgroundFiles::findStarter(const QStringList& folders) {
  QStringList found;
  for (const QString& folder : folders) {
    QDirIterator files(folder, {QStringLiteral("SmolLM2-135M-Instruct*.gguf")}, QDir::Files, QDirIterator::Subdirectories);
    while (files.hasNext()) found.append(files.next());
  }
  found.sort();
  QString best = found.value(0);
  for (const QString& path : std::as_const(found)) {
    if (path.endsWith(QLatin1String("Q4_1.gguf"))) {
      best = path;
      break;
    }
  }
  Q_EMIT starterSearched(best, best.isEmpty() ? 0 : QFileInfo(best).size());
}

void BackgroundFiles::readMemory() {
  QFile file(QStringLiteral("/proc/meminfo"));
  if (!file.open(QIODevice::ReadOnly)) return;
  qint64 total = 0, available = 0;
  const QList<QByteArray> lines = file.readAll().split('\n');
  for (const QByteArray& line : lines) {
    const QList<QByteArray> words = line.simplified().split(' ');  // "MemAvailable: 12345 kB", the kernel's kB being 1,024 bytes
    if (words.size() < 2) continue;
    if (words[0] == "MemTotal:") total = words[1].toLongLong() * 1024;
    if (words[0] == "MemAvailable:") available = words[1].toLongLong() * 1024;
  }
  Q_EMIT memoryRead(total - available, total);
}

void BackgroundFiles::close() { QThread::currentThread()->quit(); }

}  // namespace pio
