#include "app/application.h"

#include <QDir>
#include <QFileInfo>

#include "app/history/history_writer.h"

namespace pio {

void Application::wire(HistoryWriter* writer) {
  m_writer = writer;
  connect(writer, &HistoryWriter::exported, this, [this](const QString& path) { Q_EMIT exported(QUrl::fromLocalFile(path)); });
  connect(writer, &HistoryWriter::exportFailed, this, [this](const QString& path, const QString& details) {
    chat->showNotice(fileNotice(FileNotice::export_failed, path, details));
  });
  connect(writer, &HistoryWriter::imported, this, &Application::imported);
  connect(writer, &HistoryWriter::importFailed, this, [this](const QString& path, const QString& details) {
    chat->showNotice(fileNotice(FileNotice::import_failed, path, details));
  });
}

void Application::openFiles(const QList<QUrl>& files) {
  for (const QUrl& file : files) {
    const QString path = QDir::cleanPath(file.toLocalFile());
    const QFileInfo info(path);
    const QString suffix = info.suffix().toLower();
    const bool isModelFolder = file.isLocalFile() && info.isDir() && QFileInfo::exists(path + QStringLiteral("/config.json"));
    if (file.isLocalFile() && (suffix == QLatin1String("gguf") || isModelFolder)) models->choose(path);
    else if (file.isLocalFile() && suffix == QLatin1String("json")) Q_EMIT importOffered(file);
    else Q_EMIT unsupportedFile(file);
  }
}

void Application::importFile(const QUrl& file) {
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, path = file.toLocalFile()] { writer->importFrom(path); });
}

void Application::exportTo(const QUrl& file) {
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, path = file.toLocalFile()] { writer->exportTo(path); });
}

}  // namespace pio
