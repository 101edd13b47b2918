#pragma once

#include <QAbstractListModel>
#include <QHash>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include "app/error_text.h"
#include "app/system/background_files.h"

// The pictures that go with the next question. Each is looked at in the background before it counts: its kind, its size, never its pixels here.

namespace pio {

class PictureTray : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to the chat controller")
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(bool ready READ ready NOTIFY countChanged)     // all of them have been looked at
  Q_PROPERTY(QStringList paths READ paths NOTIFY countChanged)

 public:
  enum Roles {
    PathRole = Qt::UserRole + 1,  // path
    NameRole,     // name: of the file, or "Pasted picture"
    SourceRole,   // source: URL for an Image; empty until it has been looked at
    WidthRole,    // pixelWidth
    HeightRole,   // pixelHeight
  };
  static constexpr int kMost = 16;

  // `pastedFolder` is made when the first picture is pasted.
  PictureTray(BackgroundFiles* files, QString pastedFolder, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  bool ready() const;
  QStringList paths() const;

  // For the chat controller: those of the chat that is shown.
  void show(const QString& chatId);
  QStringList take();       // all of them; the tray is empty then

 public slots:
  void add(const QList<QUrl>& files);
  // Whether pasting would give a picture.
  bool canPaste() const;
  void paste();
  void remove(int row);

 signals:
  void countChanged();
  void refused(const pio::UserError& why);

 private:
  struct Picture {
    QString path;
    bool isPasted = false;
    bool isReady = false;
    int width = 0, height = 0;
    quint64 serial = 0;
  };
  void append(Picture picture);
  bool hasRoom();

  BackgroundFiles* m_files;   // on its own thread
  QString m_pastedFolder;
  QList<Picture> m_pictures;
  QHash<QString, QList<Picture>> m_others;  // of chats that are not shown
  QString m_chat;
  quint64 m_serial = 0;
};

}  // namespace pio
