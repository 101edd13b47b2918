#pragma once

#include <QAbstractListModel>
#include <QHash>
#include <QRectF>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include "app/chat/message.h"
#include "app/system/background_files.h"
#include "engine/image/picture_costs.h"

// The pictures that go with the next question. Each is looked at in the background before it counts: its kind, its size, never its pixels here.

namespace pio {

class PictureTray : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to the chat controller")
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(bool ready READ ready NOTIFY countChanged)  // all of them have been looked at
  Q_PROPERTY(QStringList paths READ paths NOTIFY countChanged)
  Q_PROPERTY(Detail detail READ detail WRITE setDetail NOTIFY detailChanged)  // how closely they will be looked at
  Q_PROPERTY(QVariantList costs READ costs NOTIFY costsChanged)  // of all of them at each detail, {tokens, seconds}; empty while not known

 public:
  enum Roles {
    PathRole = Qt::UserRole + 1,  // path
    NameRole,                     // name: as nameOf
    SourceRole,                   // source: URL for an Image; empty until it has been looked at
    WidthRole,                    // pixelWidth
    HeightRole,                   // pixelHeight
  };
  static constexpr int kMost = 16;
  enum Detail { Low, Normal, Full };
  Q_ENUM(Detail)

  // What has no file, pasted pictures and parts, lies in DATA/pasted/SESSION until it is sent.
  PictureTray(BackgroundFiles* files, const QString& dataFolder, const QString& session, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  bool ready() const;
  QStringList paths() const;
  Detail detail() const { return m_detail; }
  void setDetail(Detail detail);
  QVariantList costs() const;
  void setCosts(const PictureCosts& costs);  // of the model that is loaded
  // What a picture is called: its file's name; of one that has no file of its own what it is.
  QString nameOf(const QString& path) const;

  // For the chat controller: those of the chat that is shown.
  void show(const QString& chatId);
  QList<MessagePart> take();           // all of them; the tray is empty then
  void forget(const QString& chatId);  // the chat is gone

 public slots:
  void add(const QList<QUrl>& files);
  // Whether pasting would give a picture.
  bool canPaste() const;
  void paste();
  // A part of a picture, as a picture of its own; `part` in parts of its width and height, 0 … 1.
  void addPart(const QUrl& picture, const QRectF& part);
  void remove(int row);

 signals:
  void countChanged();
  void detailChanged();
  void costsChanged();
  void refused(const pio::UserError& why);

 private:
  struct Picture {
    QString path;
    bool isReady = false;
    int width = 0, height = 0;
    quint64 serial = 0;
  };
  void append(const QString& path);
  QString newFile(const char* ending) const;
  bool hasRoom();
  bool isPasted(const QString& path) const;
  void removePasted(const QString& path);

  BackgroundFiles* m_files;  // on its own thread
  QString m_ownFolder;
  QString m_oldFolder;  // of versions before
  QList<Picture> m_pictures;
  QHash<QString, QList<Picture>> m_others;  // of chats that are not shown
  QString m_chat;
  quint64 m_serial = 0;
  Detail m_detail = Full;
  PictureCosts m_costs;
};

}  // namespace pio
