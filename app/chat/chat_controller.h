#pragma once

#include <QObject>
#include <QUrl>
#include <QtQml/qqmlregistration.h>
#include <memory>

#include "app/chat/conversation_model.h"
#include "app/error_text.h"
#include "app/settings/load_choice.h"

// What the chat screen is: a state, a list, and the verbs.

namespace pio {

class PictureTray;

class ChatController : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(State state READ state NOTIFY stateChanged)
  Q_PROPERTY(bool busy READ busy NOTIFY stateChanged)                    // something runs that Stop ends
  Q_PROPERTY(bool queued READ queued NOTIFY stateChanged)                // a prompt waits for the model to be ready, or for another pane's answer
  Q_PROPERTY(pio::ConversationModel* messages READ messages CONSTANT)
  Q_PROPERTY(QString chatId READ chatId NOTIFY chatChanged)              // "" for a new one that has no message yet
  Q_PROPERTY(QString title READ title NOTIFY chatChanged)                // "" for a new one
  Q_PROPERTY(bool isImage READ isImage NOTIFY chatChanged)               // the chat on screen is about pictures
  Q_PROPERTY(pio::PictureTray* tray READ tray CONSTANT)                  // pictures that go with the next question
  Q_PROPERTY(QString systemPrompt READ systemPrompt WRITE setSystemPrompt NOTIFY chatChanged)
  Q_PROPERTY(QString draft READ draft WRITE setDraft NOTIFY draftChanged)  // text of the composer, kept for each chat
  Q_PROPERTY(qint64 draftTokens READ draftTokens NOTIFY draftTokensChanged) // what it would cost; 0 unknown
  Q_PROPERTY(bool hasModel READ hasModel NOTIFY modelChanged)            // a model is loaded or being loaded
  Q_PROPERTY(QString modelName READ modelName NOTIFY modelChanged)
  Q_PROPERTY(QString modelDetail READ modelDetail NOTIFY modelChanged)   // "Q4_1"
  Q_PROPERTY(QString modelPath READ modelPath NOTIFY modelChanged)
  Q_PROPERTY(QStringList modelNotes READ modelNotes NOTIFY modelChanged) // what a person should know of it: "no vision tower beside it: text only"
  Q_PROPERTY(bool modelSees READ modelSees NOTIFY modelChanged)          // the loaded one takes pictures
  Q_PROPERTY(bool modelThinks READ modelThinks NOTIFY modelChanged)      // the loaded one can reason before it answers
  Q_PROPERTY(bool thinking READ thinking WRITE setThinking NOTIFY thinkingChanged)  // whether such a model does
  Q_PROPERTY(qint64 progressDone READ progressDone NOTIFY progressChanged)   // Loading: bytes; Looking: pictures; Reading: prompt tokens; Thinking: seconds; Writing: tokens
  Q_PROPERTY(qint64 progressTotal READ progressTotal NOTIFY progressChanged) // 0 unknown
  Q_PROPERTY(double tokensPerSecond READ tokensPerSecond NOTIFY statsChanged)
  Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY statsChanged)
  Q_PROPERTY(qint64 contextLength READ contextLength NOTIFY statsChanged)
  Q_PROPERTY(pio::UserError notice READ notice NOTIFY noticeChanged)     // about the program, shown above the composer: disk full, model not loaded

 public:
  enum State { NoModel, Loading, Ready, Reading, Writing, Stopping, Looking, Thinking };  // Looking: at the pictures of a question
  Q_ENUM(State)

  struct Private;
  explicit ChatController(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~ChatController() override;

  State state() const;
  bool busy() const;
  bool queued() const;
  ConversationModel* messages() const;
  QString chatId() const;
  QString title() const;
  bool isImage() const;
  PictureTray* tray() const;
  QList<Message> shownMessages() const;  // the path on screen
  QString systemPrompt() const;
  void setSystemPrompt(const QString& text);
  QString draft() const;
  void setDraft(const QString& text);
  qint64 draftTokens() const;
  bool hasModel() const;
  QString modelName() const;
  QString modelDetail() const;
  QString modelPath() const;
  QStringList modelNotes() const;
  bool modelSees() const;
  bool modelThinks() const;
  bool thinking() const;
  void setThinking(bool value);
  qint64 progressDone() const;
  qint64 progressTotal() const;
  double tokensPerSecond() const;
  qint64 contextUsed() const;
  qint64 contextLength() const;
  UserError notice() const;

  // What the loaded model was loaded with; unset when none is.
  std::optional<LoadChoice> loadedWith() const;

  // For the program.
  void showNotice(const UserError& notice);
  void openLastChat(const QString& chatId, const QString& newDraft);  // unless something was begun already
  void interruptedLoad(const QString& modelPath);                     // the last start died loading it
  void setEngineTaken(bool taken);                                    // another pane is being answered: turns wait
  void shutDown();                                                    // stops everything and saves the draft
  void endShutDown();                                                 // when the engine's thread has ended: no turn is left open

 public slots:
  void newChat();
  void newImageChat();
  // To the chat about pictures that was shown last, or a new one; or back to the last without.
  void showImageChat(bool isImage);
  void openChat(const QString& chatId);
  void rename(const QString& title);
  // Sends; while a model is being loaded it waits for it. Empty text does nothing.
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
  QString lastUserMessageId() const;
  QString textOf(const QString& messageId) const;
  void copyText(const QString& text);
  void copyLastAnswer();
  void copyWithThought(const QString& messageId);  // what was thought, then the answer
  void loadModel(const QString& path);
  void unloadModel();
  void runAction(int userErrorAction);
  void dismissNotice();

 signals:
  void stateChanged();
  void chatChanged();
  void draftChanged();
  void draftTokensChanged();
  void modelChanged();
  void thinkingChanged();
  void progressChanged();
  void statsChanged();
  void noticeChanged();
  void openModelRequested();  // an error's button asks for the file dialog
  void exportRequested();     // an error's button asks where to put the chats
  // The view goes to this message: a search hit was opened, or a question was sent.
  void messageFocusRequested(const QString& messageId);
  // Whole sentences, for screen readers.
  void announcement(const QString& text);

 private:
  friend struct Private;
  std::unique_ptr<Private> d;
};

}  // namespace pio
