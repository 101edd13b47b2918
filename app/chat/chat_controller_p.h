#pragma once

#include <QHash>
#include <QTimer>
#include <optional>

#include "app/chat/chat_controller.h"
#include "app/chat/chat_store.h"
#include "app/chat/shown_chat.h"
#include "app/chat/turns.h"
#include "app/engine_queue.h"
#include "app/history/history_model.h"
#include "app/image/picture_tray.h"
#include "app/settings/settings.h"

// What ChatController is made of; for the program, not for QML.

namespace pio {

struct ChatController::Private {
  struct Wiring {
    EngineQueue* queue = nullptr;
    ModelSession* model = nullptr;
    ChatStore* store = nullptr;
    Turns* turns = nullptr;
    HistoryModel* history = nullptr;
    Settings* settings = nullptr;
    Notices* notices = nullptr;
    PictureTray* tray = nullptr;
  };

  explicit Private(Wiring wiring) : w(wiring) {}

  const QString& chatId() const { return id; }
  const Conversation* chat() const { return w.store->find(id); }
  const MessageRecord* message(const QString& messageId) const { return w.store->message(id, messageId); }
  AnswerRun* run() const { return w.turns->runOf(id); }
  void show(const QString& chatId);
  void focus(const QString& messageId);
  void beginNew(bool isImage);
  void beginChat(const QString& title);  // of the new one's first message
  void saveDraft();
  void countDraft();
  void sayFull();
  Turns::MakeRequest requestFor(const QString& lastId, bool continues) const;

  ChatController* q = nullptr;
  Wiring w;
  ShownChat* shown = nullptr;
  QString id;  // "" the new one
  QString newDraft;
  std::optional<QString> newSystemPrompt;
  bool newIsImage = false;  // of the new one
  quint64 opening = 0;      // of the store's; 0 none
  QString focusAfterOpening;
  bool isBegun = false;         // the person did something: the last chat is not to be opened over it
  QHash<QString, qint64> full;  // chats whose last answer ended with the context: its length
  qint64 draftTokens = 0;
  quint64 draftSerial = 0;
  QTimer draftTimer, countTimer;
};

}  // namespace pio
