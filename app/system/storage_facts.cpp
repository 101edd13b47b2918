#include "app/system/storage_facts.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>
#include <QStorageInfo>
#include <sys/file.h>
#include <sys/stat.h>

#include "app/settings/model_places.h"
#include "app/system/log_file.h"

namespace pio {
namespace {

constexpr StoredThing::Kind kKinds[] = {StoredThing::Models, StoredThing::OtherModels, StoredThing::Downloads, StoredThing::History,
                                        StoredThing::Copies, StoredThing::Snapshots,   StoredThing::Cache,     StoredThing::Logs};
// Folders in folders: links may lead in circles, and a folder that somebody chose may be a whole disk.
constexpr int kMostDepth = 8, kMostEntries = 200'000;
const QString kPart = QStringLiteral(".part"), kNotes = QStringLiteral(".part.notes");

bool isModelFile(const QString& name) {
  return name.endsWith(QLatin1String(".gguf"), Qt::CaseInsensitive) || name.endsWith(QLatin1String(".safetensors"), Qt::CaseInsensitive);
}
bool isPart(const QString& name) { return name.endsWith(kPart) || name.endsWith(kNotes); }

// Files below folders, each once, whatever links lead to it.
class Files {
 public:
  using Wanted = bool (*)(const QString& name);
  void add(const QString& path) {
    const QString file = QFileInfo(path).canonicalFilePath();
    if (file.isEmpty() || m_known.contains(file)) return;
    m_known.insert(file);
    m_paths.append(path);
  }
  void addBelow(const QString& folder, Wanted isWanted = nullptr, int depth = 0) {
    const QDir dir(folder);
    for (const QFileInfo& entry : dir.entryInfoList(QDir::Files | QDir::Dirs | QDir::Hidden | QDir::NoDotAndDotDot)) {
      if (++m_nEntries > kMostEntries) return;
      if (entry.isFile()) {
        if (isWanted == nullptr ? !entry.isSymLink() : isWanted(entry.fileName())) add(entry.filePath());
      } else if (!entry.isSymLink() && depth < kMostDepth) {
        addBelow(entry.filePath(), isWanted, depth + 1);
      }
    }
  }
  void leaveOut(const Files& others) {
    m_paths.removeIf([&](const QString& path) { return others.m_known.contains(QFileInfo(path).canonicalFilePath()); });
  }
  const QStringList& paths() const { return m_paths; }

 private:
  QStringList m_paths;
  QSet<QString> m_known;
  int m_nEntries = 0;
};

// Where the program puts models, and the other folders in which it looks for them.
struct ModelPlaces {
  QStringList own, others;
};

ModelPlaces modelPlaces(const Places& places) {
  const ChosenModelFolders chosen = chosen_model_folders(QFile::encodeName(places.data).toStdString());
  const auto pathOf = [](const std::filesystem::path& path) { return QFile::decodeName(QByteArray::fromStdString(path.string())); };
  ModelPlaces found{{places.models()}, {}};
  if (!chosen.fetched.empty() && pathOf(chosen.fetched) != places.models()) found.own.append(pathOf(chosen.fetched));
  for (const std::filesystem::path& folder : chosen.others) {
    if (!found.own.contains(pathOf(folder))) found.others.append(pathOf(folder));
  }
  return found;
}

Files ownModels(const ModelPlaces& places) {
  Files files;
  files.addBelow(places.own.first(), [](const QString& name) { return !isPart(name); });
  for (const QString& folder : places.own.mid(1)) files.addBelow(folder, isModelFile);
  return files;
}

Files otherModels(const Places& places, const ModelPlaces& folders) {
  Files files;
  for (const QString& folder : folders.others) files.addBelow(folder, isModelFile);
  QFile list(places.data + QStringLiteral("/models.json"));
  const QJsonObject known =
      list.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(list.readAll()).object().value("models").toObject() : QJsonObject();
  for (const QString& path : known.keys()) {
    if (QFileInfo(path).isDir()) files.addBelow(path, isModelFile);
    else files.add(path);
  }
  files.leaveOut(ownModels(folders));
  return files;
}

// What is kept, and the folder to show of it.
struct Kept {
  QString folder;
  Files files;
};

Kept keptOf(StoredThing::Kind kind, const Places& places) {
  const QDir data(places.data);
  Kept kept{places.data, {}};
  const auto addFiles = [&](const QStringList& names) {
    for (const QString& name : names) {
      if (data.exists(name)) kept.files.add(data.filePath(name));
    }
  };
  switch (kind) {
    case StoredThing::Models: {
      const ModelPlaces folders = modelPlaces(places);
      kept.folder = folders.own.last();
      kept.files = ownModels(folders);
      break;
    }
    case StoredThing::OtherModels: {
      kept.files = otherModels(places, modelPlaces(places));
      if (!kept.files.paths().isEmpty()) kept.folder = QFileInfo(kept.files.paths().first()).path();
      break;
    }
    case StoredThing::Downloads: {
      const ModelPlaces folders = modelPlaces(places);
      kept.folder = folders.own.last();
      for (const QString& folder : folders.own) {
        for (const QFileInfo& file : QDir(folder).entryInfoList({u'*' + kPart, u'*' + kNotes}, QDir::Files)) kept.files.add(file.filePath());
      }
      break;
    }
    case StoredThing::History:
      addFiles({QStringLiteral("history.db"), QStringLiteral("history.db-wal"), QStringLiteral("history.db-shm")});
      for (const char* folder : {"files", "pasted", "pictures"}) kept.files.addBelow(data.filePath(QLatin1String(folder)));
      break;
    case StoredThing::Copies: addFiles(data.entryList({QStringLiteral("history.v*.db"), QStringLiteral("history.db.damaged-*")}, QDir::Files)); break;
    case StoredThing::Snapshots:
      kept.folder = places.snapshots();
      kept.files.addBelow(places.snapshots());
      break;
    case StoredThing::Cache:
      kept.folder = places.cache;
      for (const char* folder : {"qmlcache", "experts", "vulkan"}) kept.files.addBelow(places.cache + u'/' + QLatin1String(folder));
      break;
    case StoredThing::Logs:
      kept.folder = places.logs();
      for (const QString& path : {LogFile::pathIn(places.logs()), LogFile::pathBefore(places.logs())}) {
        if (QFileInfo(path).isFile()) kept.files.add(path);
      }
      break;
  }
  return kept;
}

// Files of one disk have one number.
dev_t deviceOf(const QString& path) {
  struct stat status {};
  return ::stat(QFile::encodeName(path).constData(), &status) == 0 ? status.st_dev : 0;
}

// Nobody is fetching it: whoever does holds a lock on the part.
void removePart(const QString& part) {
  QFile file(part);
  if (!file.open(QIODevice::ReadWrite) || ::flock(file.handle(), LOCK_EX | LOCK_NB) != 0) return;
  QFile::remove(part + QStringLiteral(".notes"));
  file.remove();
}

}  // namespace

StorageFacts storageFacts(const Places& places) {
  StorageFacts facts;
  // Of a folder that is not there yet, the nearest one that is.
  QString nearest = places.data;
  while (!QFileInfo::exists(nearest) && nearest.size() > 1) nearest = QFileInfo(nearest).path();
  const dev_t device = deviceOf(nearest);
  for (const StoredThing::Kind kind : kKinds) {
    const Kept kept = keptOf(kind, places);
    StoredThing thing;
    thing.kind = kind;
    thing.folder = kept.folder;
    for (const QString& file : kept.files.paths()) {
      const qint64 bytes = QFileInfo(file).size();
      thing.bytes += bytes;
      if (deviceOf(file) != device) thing.elsewhereBytes += bytes;
      ++thing.nFiles;
    }
    facts.things.append(thing);
  }
  const QStorageInfo disk(nearest);
  facts.freeBytes = disk.bytesAvailable();
  facts.totalBytes = disk.bytesTotal();
  facts.fileSystem = QString::fromLatin1(disk.fileSystemType());
  facts.isWritable = QFileInfo(nearest).isWritable();
  return facts;
}

bool canRemove(StoredThing::Kind kind) { return kind != StoredThing::Models && kind != StoredThing::OtherModels && kind != StoredThing::History; }

void removeStored(const Places& places, StoredThing::Kind kind) {
  if (!canRemove(kind)) return;
  const Kept kept = keptOf(kind, places);
  for (const QString& file : kept.files.paths()) {
    if (kind != StoredThing::Downloads) QFile::remove(file);
    else if (file.endsWith(kPart)) removePart(file);
    else if (!QFileInfo::exists(file.chopped(kNotes.size() - kPart.size()))) QFile::remove(file);  // of a part that is gone
  }
}

}  // namespace pio
