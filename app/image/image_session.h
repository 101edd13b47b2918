#pragma once

#include <QObject>
#include <QSize>
#include <QStringList>
#include <QTimer>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include "app/image/place_model.h"

// What the image pane shows of the chat on screen: its pictures, one of them large, and the places that the last answer names in it.

namespace pio {

class BackgroundFiles;
class ChatController;

class ImageSession : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(QStringList pictures READ pictures NOTIFY changed)         // of the questions and the tray, in their order, each once
  Q_PROPERTY(int current READ current WRITE setCurrent NOTIFY changed)  // the large one; -1 none
  Q_PROPERTY(QUrl source READ source NOTIFY changed)                    // its file
  Q_PROPERTY(QString name READ name NOTIFY changed)                     // its file's name
  Q_PROPERTY(QSize pixels READ pixels NOTIFY pixelsChanged)             // its size; empty until it has been looked at
  Q_PROPERTY(pio::PlaceModel* places READ places CONSTANT)              // of the last answer
  Q_PROPERTY(bool placesBelong READ placesBelong NOTIFY changed)        // the large picture is one of those that the answer was about
  Q_PROPERTY(int asked READ asked NOTIFY changed)                       // how many pictures that question had

 public:
  ImageSession(ChatController* chat, BackgroundFiles* files, QObject* parent = nullptr);

  QStringList pictures() const { return m_pictures; }
  int current() const { return m_current; }
  void setCurrent(int index);
  QUrl source() const;
  QString name() const;
  QSize pixels() const { return m_pixels; }
  PlaceModel* places() const { return m_places; }
  bool placesBelong() const;
  int asked() const { return static_cast<int>(m_asked.size()); }

 signals:
  void changed();
  void pixelsChanged();

 private:
  void follow();
  void look();  // when another picture is the large one

  ChatController* m_chat;
  BackgroundFiles* m_files;  // on its own thread
  PlaceModel* m_places;
  QStringList m_pictures;
  QHash<QString, QString> m_names;  // of those that have one of their own
  QStringList m_asked;              // of the last question that had some
  int m_current = -1;
  QString m_lookedAt;
  QSize m_pixels;
  QTimer m_timer;  // an answer that is being written is read four times a second
};

}  // namespace pio
