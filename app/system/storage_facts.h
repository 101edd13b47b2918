#pragma once

#include <QList>
#include <QMetaType>
#include <QString>

#include "app/system/places.h"

// What of the program takes how much room on the disk, and what of it can go. Walks folders: for a thread that may wait.

namespace pio {

struct StoredThing {
  enum Kind {
    Models,       // files of models where the program puts them: the data folder's, and the one that was chosen
    OtherModels,  // those that are used where they lie: other folders that were chosen, files that were opened
    Downloads,    // what came of files that are not whole yet
    History,      // conversations, their pictures and files
    Copies,       // the history before it was brought up to date, or as it was found damaged
    Snapshots,    // what models have read of the conversations
    Cache,        // what makes the next start quicker
    Logs,
  };
  Kind kind = Models;
  qint64 bytes = 0;
  int nFiles = 0;
  qint64 elsewhereBytes = 0;  // of them, on other disks
  QString folder;             // to show
};

struct StorageFacts {
  QList<StoredThing> things;             // one of each kind, in their order
  qint64 freeBytes = 0, totalBytes = 0;  // of the disk with the data folder
  QString fileSystem;                    // "ext4"
  bool isWritable = false;
};

StorageFacts storageFacts(const Places& places);
// What can be removed without a loss that counts: all but models and the history. A download that is under way stays.
bool canRemove(StoredThing::Kind kind);
// Removes the files of that kind; what cannot be removed stays. Nothing where canRemove says no.
void removeStored(const Places& places, StoredThing::Kind kind);

}  // namespace pio

Q_DECLARE_METATYPE(pio::StorageFacts)
