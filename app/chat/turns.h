#pragma once

#include <QObject>
#include <QPointer>
#include <functional>
#include <map>
#include <optional>

#include "app/answer_run.h"
#include "app/chat/message.h"

// Turns: the answers to messages of chats, shown or not. A turn goes: its run waits in the engine's queue → its turn comes: an answer in the
// state Streaming is given to the history → the history has it → the engine generates, words go into the chat here and into the history by the
// engine's thread → the answer is written whole. One turn at a time in a chat.

namespace pio {

class ChatStore;
class Conversation;
class EngineQueue;
class HistoryModel;
class ModelSession;

class Turns : public QObject {
  Q_OBJECT

 public:
  struct Wiring {
    EngineQueue* queue = nullptr;
    ChatStore* store = nullptr;
    ModelSession* model = nullptr;
    HistoryModel* list = nullptr;
  };
  // What the engine is asked, made when the turn has come: by then the model is known. Nothing: the turn is not to be.
  using MakeRequest = std::function<std::optional<GenerateRequest>(const Conversation& chat)>;

  explicit Turns(const Wiring& wiring, QObject* parent = nullptr);

  // An answer to this message, beside those there are. A turn of the chat that waits or runs is stopped first.
  void answer(const QString& chatId, const QString& questionId, MakeRequest make);
  // More of this answer; the same.
  void carryOn(const QString& chatId, const QString& answerId, MakeRequest make);
  void stop(const QString& chatId);
  // Null: no turn of the chat waits or runs.
  AnswerRun* runOf(const QString& chatId) const;
  bool isWaiting(const QString& chatId) const;                              // its turn has not come
  bool concerns(const QString& chatId, const QStringList& messages) const;  // its turn is about one of these

 signals:
  void runChanged(const QString& chatId);  // another run, or its state
  void progressChanged(const QString& chatId);
  void textWritten(const QString& chatId, const QString& messageId, const QString& delta);
  // `delta` is empty when the thought has ended; `seconds` and `nTokens` so far.
  void thoughtWritten(const QString& chatId, const QString& messageId, const QString& delta, double seconds, qint64 nTokens);
  // The answer is written; "" when there was none, because the turn was taken back. It has no run any more.
  void ended(const QString& chatId, const QString& questionId, const QString& answerId);
  void contextFull(const QString& chatId, qint64 contextLength);  // the answer ended because of it

 private:
  struct Turn {
    QPointer<AnswerRun> run;
    QString questionId, answerId;  // "" until it begins, unless it is carried on
    bool continues = false, hasBegun = false;
    MakeRequest make;
    RunStart start;
    bool waitsForStorage = false;
  };
  void submit(const QString& chatId, Turn turn);
  void begin(const QString& chatId, AnswerRun& run);
  void onThought(const QString& chatId, const QString& delta);
  void onText(const QString& chatId, const QString& delta);
  void onFinished(const QString& chatId, FinishReason reason, const GenerationStats& stats);
  void onFailed(const QString& chatId, const Error& error);
  void end(const QString& chatId);
  Turn* of(const QString& chatId);

  Wiring w;
  std::map<QString, Turn> m_turns;  // by chat
  std::map<QString, Turn> m_next;   // what comes when that has ended
};

}  // namespace pio
