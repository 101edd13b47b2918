#pragma once

#include "app/library/model_library.h"
#include "app/system/background_files.h"

// What ModelLibrary is made of; for the program, not for QML.

namespace pio {

struct ModelLibrary::Private {
  struct Entry {
    QString path;
    QString name;
    qint64 bytes = 0;
    qint64 lastUsed = 0;          // milliseconds since 1970
    double tokensPerSecond = 0;   // of the last longer answer
    bool isThere = true;
  };

  Private(QString listPath, QStringList starterFolders, BackgroundFiles* files);
  void read();
  void save() const;
  int rowOf(const QString& path) const;

  QString path;                  // DATA/models.json
  QStringList starterFolders;
  BackgroundFiles* files;        // on its own thread
  QList<Entry> entries;          // the starter first while it was never opened, then newest first
  QString starterPath;
  QString current;
  QString last;                  // what to load at the next start; "" nothing
  bool isChosen = false;         // somebody opened or closed a model before
};

}  // namespace pio
