#pragma once

#include <QObject>
#include <QUrl>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>
#include <memory>

#include "app/chat/conversation_model.h"
#include "app/code/diff_model.h"
#include "app/error_text.h"

// What the code pane is: one file, questions about it, and a proposal whose changes are taken or left one by one, then written to the disk.

namespace pio {

class CodeController : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(State state READ state NOTIFY stateChanged)
  Q_PROPERTY(bool busy READ busy NOTIFY stateChanged)            // a question waits or is answered; Stop ends it
  Q_PROPERTY(bool canAsk READ canAsk NOTIFY stateChanged)        // a file is open and nothing is under way
  Q_PROPERTY(Waiting waitsFor READ waitsFor NOTIFY stateChanged) // of state Queued
  Q_PROPERTY(QString path READ path NOTIFY fileChanged)          // "" no file
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
  Q_PROPERTY(Syntax syntax READ syntax NOTIFY syntaxChanged)     // of the file with all changes that were not rejected
  Q_PROPERTY(QVariantList syntaxErrors READ syntaxErrors NOTIFY syntaxChanged)  // new ones: {line, found, isMissing}
  Q_PROPERTY(bool canApply READ canApply NOTIFY stateChanged)    // accepted changes can be written now
  Q_PROPERTY(bool canUndo READ canUndo NOTIFY writtenChanged)
  Q_PROPERTY(int written READ written NOTIFY writtenChanged)     // changes written by the last apply; 0 after an undo
  Q_PROPERTY(qint64 progressDone READ progressDone NOTIFY progressChanged)    // Reading: prompt tokens; Writing: tokens
  Q_PROPERTY(qint64 progressTotal READ progressTotal NOTIFY progressChanged)  // 0 unknown
  Q_PROPERTY(double tokensPerSecond READ tokensPerSecond NOTIFY progressChanged)  // of the answer that is written, or the last one; 0 none yet
  Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY progressChanged)          // tokens, of the same
  Q_PROPERTY(pio::UserError notice READ notice NOTIFY noticeChanged)

 public:
  enum State { NoFile, Opening, Idle, Queued, Reading, Writing, Stopping, Comparing, Saving };
  Q_ENUM(State)
  enum Waiting { Nothing, Model, Chat };  // the model is being loaded; another pane is being answered
  Q_ENUM(Waiting)
  enum Syntax { NotChecked, NoGrammar, TooLong, Clean, NewErrors };
  Q_ENUM(Syntax)

  struct Private;
  explicit CodeController(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~CodeController() override;

  State state() const;
  bool busy() const;
  bool canAsk() const;
  Waiting waitsFor() const;
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
  UserError notice() const;

  // For the program.
  bool isOnEngine() const;  // the engine works, or is about to, for this pane
  void shutDown();

 public slots:
  void open(const QUrl& file);
  void reopen();  // what is on the disk now; the proposal goes
  void select(int firstLine, int lastLine);  // from 1; 0, 0 clears
  // Each asks about the selection, or the whole file. An answer of fix and generate becomes a proposal.
  void ask(const QString& words);
  void explain();
  void fix();
  void generate(const QString& words);
  void stop();
  void accept(int hunk);
  void reject(int hunk);
  void reconsider(int hunk);  // neither taken nor left
  void acceptAll();           // that are open
  void stepHunk(int by);
  void discard();             // the whole proposal
  void apply();               // writes what is accepted; the rest of the proposal goes
  void undo();                // the last apply
  void copyLines();           // the selection
  void copyText(const QString& text);
  void runAction(int userErrorAction);
  void dismissNotice();

 signals:
  void stateChanged();
  void fileChanged();
  void selectionChanged();
  void questionChanged();
  void proposalChanged();      // stateChanged() follows
  void currentHunkChanged();
  void syntaxChanged();
  void writtenChanged();
  void progressChanged();
  void noticeChanged();
  void engineNeeded();         // isOnEngine() may have changed
  void openModelRequested();
  void announcement(const QString& text);  // whole sentences, for screen readers

 private:
  std::unique_ptr<Private> d;
};

}  // namespace pio
