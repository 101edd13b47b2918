#pragma once

#include <QObject>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

#include "app/error_text.h"

// The end of the window: what would be lost with it is asked about first. Changes of the code pane ask by themselves (CodeController::leaving),
// then what the history does not take. A program that is told to end (SIGTERM) asks nothing.

namespace pio {

class ChatController;
class CodeController;
class HistoryWriter;
struct UnsavedHistory;

class Closing : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(bool asking READ asking NOTIFY changed)              // something is not saved, and the window waits for it or for a decision
  Q_PROPERTY(pio::UserError unsaved READ unsaved NOTIFY changed)  // what, and why

 public:
  Closing(HistoryWriter* writer, CodeController* code, ChatController* chat, QObject* parent = nullptr);

  bool asking() const { return m_unsaved.isSet(); }
  UserError unsaved() const { return m_unsaved; }

 public slots:
  // The window is to close. True: now. False: it is looked what is not saved, then comes `allowed`, or a question.
  bool request();
  // The answers to that; without one the window closes as soon as everything is saved.
  void closeAnyway();
  void stay();

 signals:
  void changed();
  void allowed();  // request() is true now

 private:
  void begin();
  void look();
  void allow();
  void take(const UnsavedHistory& unsaved);
  void setUnsaved(const UserError& words);

  HistoryWriter* m_writer;  // on its own thread
  CodeController* m_code;
  ChatController* m_chat;
  QTimer m_late;   // the history has not answered yet
  QTimer m_again;  // until it is asked again
  UserError m_unsaved;
  bool m_isClosing = false;
  bool m_isAllowed = false;
};

}  // namespace pio
