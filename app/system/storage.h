#pragma once

#include <QAbstractListModel>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include "app/system/storage_facts.h"

// The room on the disk that the program takes, kind by kind, for the settings page. Measured on a thread of its own whenever it is asked for.

namespace pio {

class Storage : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(bool measured READ measured NOTIFY changed)
  Q_PROPERTY(bool busy READ busy NOTIFY changed)
  Q_PROPERTY(qint64 takenBytes READ takenBytes NOTIFY changed)  // on this disk, of all kinds but OtherModels
  Q_PROPERTY(qint64 modelBytes READ modelBytes NOTIFY changed)  // on this disk
  Q_PROPERTY(qint64 historyBytes READ historyBytes NOTIFY changed)
  Q_PROPERTY(qint64 freeBytes READ freeBytes NOTIFY changed)  // of the disk
  Q_PROPERTY(qint64 totalBytes READ totalBytes NOTIFY changed)

 public:
  enum Kind {
    Models = StoredThing::Models,
    OtherModels = StoredThing::OtherModels,
    Downloads = StoredThing::Downloads,
    History = StoredThing::History,
    Copies = StoredThing::Copies,
    Snapshots = StoredThing::Snapshots,
    Cache = StoredThing::Cache,
    Logs = StoredThing::Logs
  };
  Q_ENUM(Kind)
  enum Roles {
    KindRole = Qt::UserRole + 1,  // kind
    BytesRole,                    // bytes
    FilesRole,                    // files: how many
    FolderRole,                   // folder, as an address
    RemovableRole,                // removable
    ElsewhereRole,                // elsewhere: bytes of them on other disks
  };
  explicit Storage(Places places, QObject* parent = nullptr);
  ~Storage() override;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  bool measured() const { return !m_facts.things.isEmpty(); }
  bool busy() const { return m_isBusy; }
  qint64 takenBytes() const;
  qint64 modelBytes() const { return bytesOf(StoredThing::Models); }
  qint64 historyBytes() const { return bytesOf(StoredThing::History); }
  qint64 freeBytes() const { return m_facts.freeBytes; }
  qint64 totalBytes() const { return m_facts.totalBytes; }

 public slots:
  void refresh();
  void remove(pio::Storage::Kind kind);  // what of that kind can go, then measures again
  void showFolder(pio::Storage::Kind kind);

 signals:
  void changed();

 private:
  qint64 bytesOf(StoredThing::Kind kind) const;  // on this disk
  void work(int removed);                        // a StoredThing::Kind, or -1
  void take(const StorageFacts& facts);

  Places m_places;
  StorageFacts m_facts;
  bool m_isBusy = false;
};

}  // namespace pio
