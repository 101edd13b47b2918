#include "app/system/storage.h"

#include <QDesktopServices>

#include "app/system/elsewhere.h"

namespace pio {

Storage::Storage(Places places, QObject* parent) : QAbstractListModel(parent), m_places(std::move(places)) {}
Storage::~Storage() = default;

int Storage::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_facts.things.size()); }

QVariant Storage::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= m_facts.things.size()) return {};
  const StoredThing& thing = m_facts.things[index.row()];
  switch (role) {
    case KindRole: return static_cast<int>(thing.kind);
    case BytesRole: return thing.bytes;
    case FilesRole: return thing.nFiles;
    case FolderRole: return QUrl::fromLocalFile(thing.folder);
    case ElsewhereRole: return thing.elsewhereBytes;
    case RemovableRole: return canRemove(thing.kind) && thing.nFiles > 0;
    default: return {};
  }
}

QHash<int, QByteArray> Storage::roleNames() const {
  return {{KindRole, "kind"},     {BytesRole, "bytes"},         {FilesRole, "files"},
          {FolderRole, "folder"}, {RemovableRole, "removable"}, {ElsewhereRole, "elsewhere"}};
}

qint64 Storage::takenBytes() const {
  qint64 bytes = 0;
  for (const StoredThing& thing : m_facts.things) {
    if (thing.kind != StoredThing::OtherModels) bytes += thing.bytes - thing.elsewhereBytes;
  }
  return bytes;
}

qint64 Storage::bytesOf(StoredThing::Kind kind) const {
  for (const StoredThing& thing : m_facts.things) {
    if (thing.kind == kind) return thing.bytes - thing.elsewhereBytes;
  }
  return 0;
}

void Storage::refresh() { work(-1); }
void Storage::remove(Kind kind) { work(kind); }

void Storage::showFolder(Kind kind) {
  for (const StoredThing& thing : m_facts.things) {
    if (static_cast<int>(thing.kind) == kind) QDesktopServices::openUrl(QUrl::fromLocalFile(thing.folder));
  }
}

void Storage::work(int removed) {
  if (m_isBusy) return;
  m_isBusy = true;
  Q_EMIT changed();
  const auto job = [places = m_places, removed] {
    if (removed >= 0) removeStored(places, static_cast<StoredThing::Kind>(removed));
    return storageFacts(places);
  };
  runElsewhere(this, job, [this](const StorageFacts& facts) { take(facts); });
}

void Storage::take(const StorageFacts& facts) {
  beginResetModel();
  m_facts = facts;
  m_isBusy = false;
  endResetModel();
  Q_EMIT changed();
}

}  // namespace pio
