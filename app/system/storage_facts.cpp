#include "app/system/storage_facts.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>
#include <QRegularExpression>
#include <QStorageInfo>

#include "app/system/log_file.h"

namespace pio {
namespace {

constexpr StoredThing::Kind kKinds[] = {StoredThing::Models,    StoredThing::History, StoredThing::Copies,
                                        StoredThing::Snapshots, StoredThing::Cache,   StoredThing::Logs};

// Files, and folders with all that is in them.
struct Where {
  QString folder;  // to show
  QStringList files, folders;
};

Where whereIs(StoredThing::Kind kind, const Places& places) {
  const QDir data(places.data);
  Where where{places.data, {}, {}};
  const auto below = [](const QString& folder, const QStringList& names) {
    QStringList paths;
    for (const QString& name : names) paths.append(folder + u'/' + name);
    return paths;
  };
  switch (kind) {
    case StoredThing::Models:
      where.folder = places.models();
      where.folders = {places.models()};
      break;
    case StoredThing::History:
      where.files = below(places.data, {QStringLiteral("history.db"), QStringLiteral("history.db-wal"), QStringLiteral("history.db-shm")});
      where.folders = below(places.data, {QStringLiteral("files"), QStringLiteral("pasted"), QStringLiteral("pictures")});
      break;
    case StoredThing::Copies:
      where.files = below(places.data, data.entryList({QStringLiteral("history.v*.db"), QStringLiteral("history.db.damaged-*")}, QDir::Files));
      break;
    case StoredThing::Snapshots:
      where.folder = places.snapshots();
      where.folders = {places.snapshots()};
      break;
    case StoredThing::Cache:
      where.folder = places.cache;
      where.folders = below(places.cache, {QStringLiteral("qmlcache"), QStringLiteral("experts")});
      break;
    case StoredThing::Logs:
      where.folder = places.logs();
      where.files = {LogFile::pathIn(places.logs()), LogFile::pathBefore(places.logs())};
      break;
  }
  return where;
}

QStringList filesOf(const Where& where) {
  QStringList files;
  for (const QString& file : where.files) {
    if (QFileInfo(file).isFile()) files.append(file);
  }
  for (const QString& folder : where.folders) {
    QDirIterator found(folder, QDir::Files | QDir::Hidden | QDir::NoSymLinks, QDirIterator::Subdirectories);
    while (found.hasNext()) files.append(found.next());
  }
  return files;
}

}  // namespace

StorageFacts storageFacts(const Places& places) {
  StorageFacts facts;
  for (const StoredThing::Kind kind : kKinds) {
    const Where where = whereIs(kind, places);
    StoredThing thing;
    thing.kind = kind;
    thing.folder = where.folder;
    for (const QString& file : filesOf(where)) {
      thing.bytes += QFileInfo(file).size();
      ++thing.nFiles;
    }
    facts.things.append(thing);
  }
  // Of a folder that is not there yet, the nearest one that is.
  QString nearest = places.data;
  while (!QFileInfo::exists(nearest) && nearest.size() > 1) nearest = QFileInfo(nearest).path();
  const QStorageInfo disk(nearest);
  facts.freeBytes = disk.bytesAvailable();
  facts.totalBytes = disk.bytesTotal();
  facts.fileSystem = QString::fromLatin1(disk.fileSystemType());
  facts.isWritable = QFileInfo(nearest).isWritable();
  return facts;
}

bool canRemove(StoredThing::Kind kind) { return kind != StoredThing::Models && kind != StoredThing::History; }

void removeStored(const Places& places, StoredThing::Kind kind) {
  if (!canRemove(kind)) return;
  for (const QString& file : filesOf(whereIs(kind, places))) QFile::remove(file);
}

}  // namespace pio
