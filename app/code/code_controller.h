#pragma once

#include <QObject>
#include <QUrl>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>
#include <memory>

#include "app/chat/conversation_model.h"
#include "app/code/diff_model.h"
#include "app/model_session.h"
#include "app/notices.h"

// What the code pane is: one file, a conversation about it that is kept as every chat is, and a proposal whose changes are taken or left one by
// one, then written to the disk.

namespace pio {

class CodeController : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(State state READ state NOTIFY stateChanged)
  Q_PROPERTY(bool busy READ busy NOTIFY stateChanged)                         // a question waits or is answered; Stop ends it
  Q_PROPERTY(bool canAsk READ canAsk NOTIFY stateChanged)                     // a file is open and nothing is under way
  Q_PROPERTY(Leaving leaving READ leaving NOTIFY leavingChanged)              // what waits for a decision about the proposal
  Q_PROPERTY(QStringList unseenFiles READ unseenFiles NOTIFY leavingChanged)  // names of files with changes that came while another one was open
  Q_PROPERTY(pio::ModelSession* model READ model CONSTANT)
  Q_PROPERTY(pio::Notices* notices READ notices CONSTANT)
  Q_PROPERTY(QString chatId READ chatId NOTIFY chatChanged)  // of the conversation; "" nothing was asked yet
  Q_PROPERTY(QString path READ path NOTIFY fileChanged)      // "" no file
  Q_PROPERTY(QString fileName READ fileName NOTIFY fileChanged)
  Q_PROPERTY(QString folder READ folder NOTIFY fileChanged)      // the last two folders of the path: "household / src"
  Q_PROPERTY(QString language READ language NOTIFY fileChanged)  // "Python"; "" unknown
  Q_PROPERTY(int lineCount READ lineCount NOTIFY fileChanged)
  Q_PROPERTY(pio::DiffModel* lines READ lines CONSTANT)
  Q_PROPERTY(pio::HunkModel* hunks READ hunks CONSTANT)
  Q_PROPERTY(pio::ConversationModel* messages READ messages CONSTANT)
  Q_PROPERTY(int selectionFirst READ selectionFirst NOTIFY selectionChanged)  // lines from 1, both included; 0 nothing is selected
  Q_PROPERTY(int selectionLast READ selectionLast NOTIFY selectionChanged)
  Q_PROPERTY(int shownFirst READ shownFirst NOTIFY questionChanged)  // lines that the model was shown for the last question; 0 all of the file
  Q_PROPERTY(int shownLast READ shownLast NOTIFY questionChanged)
  Q_PROPERTY(int pendingCount READ pendingCount NOTIFY proposalChanged)
  Q_PROPERTY(int acceptedCount READ acceptedCount NOTIFY proposalChanged)
  Q_PROPERTY(int currentHunk READ currentHunk WRITE setCurrentHunk NOTIFY currentHunkChanged)  // from 0; -1 none
  Q_PROPERTY(Syntax syntax READ syntax NOTIFY syntaxChanged)                                   // of the file with all changes that were not rejected
  Q_PROPERTY(QVariantList syntaxErrors READ syntaxErrors NOTIFY syntaxChanged)                 // new ones: {line, found, isMissing}
  Q_PROPERTY(bool canApply READ canApply NOTIFY stateChanged)                                  // accepted changes can be written now
  Q_PROPERTY(bool canUndo READ canUndo NOTIFY writtenChanged)
  Q_PROPERTY(int written READ written NOTIFY writtenChanged)                      // changes written by the last apply; 0 after an undo
  Q_PROPERTY(qint64 progressDone READ progressDone NOTIFY progressChanged)        // Reading: prompt tokens; Thinking: seconds; Writing: tokens
  Q_PROPERTY(qint64 progressTotal READ progressTotal NOTIFY progressChanged)      // 0 unknown
  Q_PROPERTY(double tokensPerSecond READ tokensPerSecond NOTIFY progressChanged)  // of the answer that is written, or the last one; 0 none yet
  Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY progressChanged)          // tokens, of the same

 public:
  // Queued: for the model, or for another answer. Paused: a more urgent run has the engine.
  enum State { NoFile, Opening, Idle, Queued, Reading, Thinking, Writing, Paused, Stopping, Comparing, Saving };
  Q_ENUM(State)
  // What would take the proposal away. Replacing: a question whose answer proposes anew. Applying: of a part, while other changes are undecided.
  // ClosingUnseen: the window, and changes that came while another file was open; it follows Closing.
  enum Leaving { Nothing, OpeningOther, Closing, ClosingUnseen, Replacing, ReadingAgain, Undoing, Applying };
  Q_ENUM(Leaving)
  enum Syntax { NotChecked, NoGrammar, TooLong, Clean, NewErrors };
  Q_ENUM(Syntax)

  struct Private;
  explicit CodeController(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~CodeController() override;

  State state() const;
  bool busy() const;
  bool canAsk() const;
  Leaving leaving() const;
  QStringList unseenFiles() const;
  ModelSession* model() const;
  Notices* notices() const;
  QString chatId() const;
  QString path() const;
  QString fileName() const;
  QString folder() const;
  QString language() const;
  int lineCount() const;
  DiffModel* lines() const;
  HunkModel* hunks() const;
  ConversationModel* messages() const;
  int selectionFirst() const;
  int selectionLast() const;
  int shownFirst() const;
  int shownLast() const;
  int pendingCount() const;
  int acceptedCount() const;
  int currentHunk() const;
  void setCurrentHunk(int hunk);
  Syntax syntax() const;
  QVariantList syntaxErrors() const;
  bool canApply() const;
  bool canUndo() const;
  int written() const;
  qint64 progressDone() const;
  qint64 progressTotal() const;
  double tokensPerSecond() const;
  qint64 contextUsed() const;

 public slots:
  // Where changes are proposed that are neither written nor rejected, whatever would take them away asks first (leaving): these, reopen(), undo(),
  // a question whose answer proposes anew, and apply() while some are undecided.
  void open(const QUrl& file);
  void openChat(const QString& chatId, const QString& file);  // a conversation of the history, with its file
  bool mayClose();                                            // the window; false: it is asked
  // The answers to that. Applying writes what was accepted, or all changes where nothing was; what fails keeps the proposal.
  void applyAndLeave();
  void showChanges();  // that wait behind a notice or in another conversation, and stays
  void discardAndLeave();
  void stay();
  void reopen();                             // what is on the disk now
  void newConversation();                    // about the same file
  void select(int firstLine, int lastLine);  // from 1; 0, 0 clears
  // Each asks about the selection, or the whole file. An answer of fix and generate becomes a proposal.
  void ask(const QString& words);
  void explain();
  void fix();
  void generate(const QString& words);
  void stop();
  void answerAgain(const QString& messageId);  // to this question, or to the one of this answer
  void accept(int hunk);
  void reject(int hunk);
  void reconsider(int hunk);  // neither taken nor left
  void acceptAll();           // that are open
  void stepHunk(int by);
  void discard();    // the whole proposal
  void apply();      // writes what is accepted; the rest of the proposal goes
  void undo();       // the last apply
  void copyLines();  // the selection
  void copyText(const QString& text);
  // A button of the error that stands in this answer's place.
  void runAction(const QString& messageId, int userErrorAction);

 signals:
  void stateChanged();
  void fileChanged();
  void selectionChanged();
  void questionChanged();
  void proposalChanged();  // stateChanged() follows
  void currentHunkChanged();
  void syntaxChanged();
  void writtenChanged();
  void progressChanged();
  void chatChanged();
  void leavingChanged();
  void asked(const QString& words);  // of ask and generate; their words were taken
  void closeAllowed();               // after mayClose() said no
  // The file of a conversation that was to be opened cannot be; `words` say why.
  void fileMissing(const QString& chatId, const pio::UserError& words);
  void announcement(const QString& text);  // whole sentences, for screen readers

 private:
  std::unique_ptr<Private> d;
};

}  // namespace pio
