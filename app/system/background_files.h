#pragma once

#include <QByteArray>
#include <QList>
#include <QObject>
#include <QString>
#include <QStringList>

#include "app/library/catalogue.h"

// Files that the window needs now and then, read and written on a thread of their own: settings, the list of models, the starter model,
// this computer's memory.

namespace pio {

struct FileFact {
  QString path;
  bool isThere = false;
  qint64 bytes = 0;  // of a folder: of the files right in it
};

class BackgroundFiles : public QObject {
  Q_OBJECT

 public:
  static constexpr int kMostModels = 200;

 public slots:
  void write(const QString& path, const QByteArray& bytes);  // atomically
  void look(const QStringList& paths);
  // The first SmolLM2-135M-Instruct*.gguf below one of the folders; Q4_1 before others.
  void findStarter(const QStringList& folders);
  // The headers of `paths` and of the models below the folders: .gguf files (of a split one the first part) and Hugging Face folders, at most
  // kMostModels; vision towers are none.
  void findModels(const QStringList& folders, const QStringList& paths);
  // The header of one file, for whoever asks with `serial`.
  void inspectModel(quint64 serial, const QString& path);
  void readMemory();
  // Last of all: ends this thread's event loop when what was asked before is done.
  void close();

 signals:
  void writeFailed(const QString& path, const QString& details);
  void looked(const QList<pio::FileFact>& facts);
  void starterSearched(const QString& path, qint64 bytes);  // "" when there is none
  void modelsFound(const QList<pio::ModelHeader>& models);
  void modelInspected(quint64 serial, const pio::ModelHeader& header);
  void memoryRead(qint64 usedBytes, qint64 totalBytes);
};

}  // namespace pio
