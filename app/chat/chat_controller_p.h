#pragma once

#include <QElapsedTimer>
#include <QTimer>
#include <map>
#include <optional>
#include <stop_token>

#include "app/chat/chat_controller.h"
#include "app/chat/conversation.h"
#include "app/engine_worker.h"
#include "app/history/history_model.h"
#include "app/history/history_writer.h"
#include "app/image/picture_tray.h"
#include "app/library/model_library.h"
#include "app/settings/settings.h"

// What ChatController is made of; for the program, not for QML.
//
// A turn goes: words appended and given to the history → queued until a model is ready and no other turn runs → an answer row in the
// state Streaming, given to the history → the history has it → the engine generates → finished or failed. A turn belongs to its chat, shown or not.

namespace pio {

struct ChatController::Private {
  struct Wiring {
    EngineWorker* worker = nullptr;   // on the engine thread
    HistoryWriter* writer = nullptr;  // on the history thread
    HistoryModel* history = nullptr;
    ModelLibrary* models = nullptr;
    Settings* settings = nullptr;
    QString loadNotePath;
    PictureTray* tray = nullptr;
  };
  struct Turn {
    quint64 number = 0;
    QString chatId;
    QString answerTo;       // the person's message
    QString answerId;       // "" until it begins, unless it continues one
    bool continues = false;
    qint64 earlierTokens = 0;  // of the answer that is continued
    double earlierThinking = 0;  // seconds
    qint64 earlierThoughts = 0;  // tokens
  };
  enum class NoticeKind { none, model, history, reading, other };

  explicit Private(Wiring wiring) : w(std::move(wiring)) {}

  // Turns
  void enqueue(const Turn& turn);
  void pump();
  void begin(Turn turn);
  void launch();
  enum class Words { answer, thought };
  void onWords(quint64 turn, Words kind, const QString& delta, qint64 nTokens);
  void onFinished(quint64 turn, FinishReason reason, const GenerationStats& stats);
  void onFailed(quint64 turn, const Error& error);
  void endTurn(MessageRecord* record);
  bool runsIn(const QString& chat) const { return active && active->chatId == chat; }
  bool waitsIn(const QString& chat) const;
  void stopTurn();
  MessageRecord* activeRecord();
  void takeModel(const LoadedInfo& info);   // it is loaded now
  void endLoading();
  void forgetModel();                       // none is
  std::vector<ChatMessage> promptOf(const Conversation& chat, const QString& lastId) const;

  // The chat on screen
  Conversation* shown();
  void show(const QString& id);
  void syncPath();
  void showMessage(const QString& id);
  void focus(const QString& messageId);
  void saveDraft();
  void countDraft();
  MessageRecord addUserMessage(Conversation& chat, const QString& parent, const QString& text, const QList<MessagePart>& pictures);
  void beginNew(bool isImage);
  void setNotice(const UserError& notice, NoticeKind kind);
  template <class Call>
  void tellWriter(Call call) {
    QMetaObject::invokeMethod(w.writer, [writer = w.writer, call = std::move(call)] { call(*writer); });
  }

  ChatController* q = nullptr;
  Wiring w;
  ConversationModel* messages = nullptr;
  std::map<QString, Conversation> chats;  // opened since the start: small, and the only copy while the disk refuses
  QString chatId;                         // "" the new one
  QString newDraft;
  std::optional<QString> newSystemPrompt;
  bool newIsImage = false;                // of the new one
  QString lastShown[2];                   // the chat that was shown last, without pictures and with
  QStringList path;                       // shown
  quint64 openSerial = 0;
  QString opening, focusAfterOpening;
  bool isBegun = false;                   // the person did something: the last chat is not to be opened over it
  bool isShutDown = false;                // the engine's thread ends: nothing is to be asked of it any more
  bool inTrouble = false;                 // the history cannot be written

  quint64 turnNumber = 0;
  std::optional<Turn> active;
  QString waitsForStorage;                // id of the answer that the history has not confirmed
  bool isStopping = false;
  bool hasWords = false;                  // of the active turn
  bool isThinking = false;                // they are thoughts so far
  bool isLooking = false;                 // at its pictures
  std::stop_source stop;
  QList<Turn> queue;
  qint64 promptTokens = 0;
  QElapsedTimer sinceFirstWord, sinceStats;
  qint64 firstWordTokens = 0;

  quint64 loadNumber = 0;
  bool isLoading = false;
  bool isReady = false;                   // a model is loaded
  bool isEngineTaken = false;             // by another pane
  std::stop_source loadStop;
  QString modelPath, modelName, modelDetail;
  QStringList modelNotes;
  bool modelSees = false, modelThinks = false;
  LoadChoice loadingWith;                 // of the load under way
  std::optional<LoadChoice> loadedWith;   // of the loaded model
  QString lastPath;                       // what Retry loads
  qint64 modelContext = 0;

  qint64 progressDone = 0, progressTotal = 0;
  double tokensPerSecond = 0;
  qint64 contextUsed = 0;
  qint64 draftTokens = 0;
  quint64 draftSerial = 0;
  QTimer draftTimer, countTimer;
  UserError notice;
  NoticeKind noticeKind = NoticeKind::none;
};

}  // namespace pio
