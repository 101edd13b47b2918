#pragma once

#include <QObject>
#include <QUrl>
#include <QtQml/qqmlregistration.h>
#include <functional>
#include <memory>

#include "app/chat/conversation_model.h"
#include "app/model_session.h"
#include "app/notices.h"

// What the chat screen is: one chat, with its own state, and the verbs. What runs in other chats does not show here.

namespace pio {

class PictureTray;

class ChatController : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(State state READ state NOTIFY stateChanged)
  Q_PROPERTY(bool busy READ busy NOTIFY stateChanged)      // something runs or waits that Stop ends
  Q_PROPERTY(bool queued READ queued NOTIFY stateChanged)  // a question waits: for a model, or for another answer
  Q_PROPERTY(pio::ModelSession* model READ model CONSTANT)
  Q_PROPERTY(pio::Notices* notices READ notices CONSTANT)
  Q_PROPERTY(pio::ConversationModel* messages READ messages CONSTANT)
  Q_PROPERTY(QString chatId READ chatId NOTIFY chatChanged)  // "" for a new one that has no message yet
  Q_PROPERTY(QString title READ title NOTIFY chatChanged)    // "" for a new one
  Q_PROPERTY(bool isImage READ isImage NOTIFY chatChanged)   // the chat on screen opens in the image pane
  Q_PROPERTY(pio::PictureTray* tray READ tray CONSTANT)      // pictures that go with the next question
  Q_PROPERTY(QString systemPrompt READ systemPrompt WRITE setSystemPrompt NOTIFY chatChanged)
  Q_PROPERTY(QString draft READ draft WRITE setDraft NOTIFY draftChanged)    // text of the composer, kept for each chat
  Q_PROPERTY(qint64 draftTokens READ draftTokens NOTIFY draftTokensChanged)  // what it would cost; 0 unknown
  Q_PROPERTY(qint64 progressDone READ progressDone NOTIFY
                 progressChanged)  // Loading: bytes; Looking: pictures; Reading: prompt tokens; Thinking: seconds; Writing: tokens
  Q_PROPERTY(qint64 progressTotal READ progressTotal NOTIFY progressChanged)  // 0 unknown
  Q_PROPERTY(double tokensPerSecond READ tokensPerSecond NOTIFY statsChanged)
  Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY statsChanged)

 public:
  // Queued: another answer comes first. Looking: at the pictures of a question. Paused: a more urgent run has the engine.
  enum State { NoModel, Loading, Ready, Queued, Looking, Reading, Thinking, Writing, Paused, Stopping };
  Q_ENUM(State)

  struct Private;
  explicit ChatController(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~ChatController() override;

  State state() const;
  bool busy() const;
  bool queued() const;
  ModelSession* model() const;
  Notices* notices() const;
  ConversationModel* messages() const;
  QString chatId() const;
  QString title() const;
  bool isImage() const;
  PictureTray* tray() const;
  void forEachShown(const std::function<void(const Message&)>& visit) const;  // the path on screen; without the versions
  QString systemPrompt() const;
  void setSystemPrompt(const QString& text);
  QString draft() const;
  void setDraft(const QString& text);
  qint64 draftTokens() const;
  qint64 progressDone() const;
  qint64 progressTotal() const;
  double tokensPerSecond() const;
  qint64 contextUsed() const;

  // For the program.
  void openLastChat(const QString& chatId, const QString& newDraft);  // unless something was begun already
  void saveDraft();

 public slots:
  void newChat();
  void newImageChat();
  void openChat(const QString& chatId, const QString& messageId = {});  // and goes to that message
  // A chat that may not be the one on screen any more when its new title is typed.
  void rename(const QString& chatId, const QString& title);
  // Sends; while a model is being loaded or another chat is answered it waits, visibly. Empty text does nothing.
  void send(const QString& text);
  void stop();
  // Another version of this answer, beside the ones there are.
  void regenerate(const QString& messageId);
  void regenerateLast();
  // The person's message in other words: a new branch with its own answer.
  void editAndResend(const QString& messageId, const QString& text);
  void selectVersion(const QString& messageId, int version);
  void continueAnswer(const QString& messageId);
  void continueLast();
  // Deletes this message and what follows it on every branch below; undoable like a chat's deletion.
  void removeMessage(const QString& messageId);
  // A button of the error that stands in this answer's place.
  void runAction(const QString& messageId, int userErrorAction);
  QString lastUserMessageId() const;
  QString textOf(const QString& messageId) const;
  void copyText(const QString& text);
  void copyLastAnswer();
  void copyWithThought(const QString& messageId);  // what was thought, then the answer

 signals:
  void stateChanged();
  void chatChanged();
  void draftChanged();
  void draftTokensChanged();
  void progressChanged();
  void statsChanged();
  // The view goes to this message: a search hit was opened, or a question was sent.
  void messageFocusRequested(const QString& messageId);
  // Whole sentences, for screen readers.
  void announcement(const QString& text);

 private:
  friend struct Private;
  std::unique_ptr<Private> d;
};

}  // namespace pio
