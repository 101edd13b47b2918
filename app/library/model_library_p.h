#pragma once

#include <QHash>

#include "app/library/model_library.h"
#include "app/system/background_files.h"
#include "app/system/shared_json.h"

// What ModelLibrary is made of; for the program, not for QML.

namespace pio {

struct ModelLibrary::Private {
  struct Entry {
    QString path;
    QString name;
    qint64 bytes = 0;
    qint64 lastUsed = 0;         // milliseconds since 1970
    double tokensPerSecond = 0;  // of the last longer answer
    bool isThere = true;
    int known = -1;  // which of the catalogue
    QString quantization = {};
    bool isKept = false;                                      // in a folder that somebody chose: it stays on the list while the drive is gone
    bool isAway = false;                                      // its folder is gone with it
    bool isListed() const { return lastUsed > 0 || isKept; }  // else it was found and never opened
  };
  struct Row {
    int known = -1;  // of the catalogue, with or without a file; -1: any other file
    QString path;    // "" no file yet
    bool operator==(const Row&) const = default;
  };

  Private(QString listPath, QStringList starterFolders, BackgroundFiles* files, SharedJsonFiles* shared);
  void read(const QJsonObject& object);
  QJsonObject json() const;
  Entry* find(const QString& path);
  QString fileOf(int known) const;  // the file that stands for one of the four; "" none
  QList<Row> wantedRows() const;
  void arrange();  // the rows, after anything changed

  SharedJson list;  // DATA/models.json
  QStringList starterFolders;
  QStringList chosenFolders;
  QHash<QString, FileFact> folderFacts;  // of them
  BackgroundFiles* files;                // on its own thread
  ModelLibrary* q = nullptr;
  QList<Entry> entries;            // the starter first while it was never opened, then newest first, then what was found
  QStringList chosen;              // for each of the four, the file that was opened for it last; ""
  QHash<QString, QString> checks;  // of fetched files
  QList<Row> rows;
  quint64 inspection = 0;  // serial of the file picked by hand for `inspected`
  int inspected = -1;
  QString starterPath;
  QString current;
  QStringList waiting;    // paths
  QString last;           // what to load at the next start; "" nothing
  bool isChosen = false;  // somebody opened or closed a model before
};

}  // namespace pio
