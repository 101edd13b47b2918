#pragma once

#include <QHash>
#include <functional>
#include <optional>

#include "app/chat/chat_store.h"
#include "app/chat/shown_chat.h"
#include "app/chat/turns.h"
#include "app/code/code_controller.h"
#include "app/code/code_prompts.h"
#include "app/code/code_worker.h"
#include "app/history/history_model.h"
#include "app/settings/settings.h"

// What CodeController is made of; for the program, not for QML. Its stories: code_file.cpp (what is open, what is written), code_questions.cpp
// (the conversation), code_proposal.cpp (changes).

namespace pio {

struct CodeController::Private {
  struct Wiring {
    CodeWorker* code = nullptr;  // on the files thread
    ModelSession* model = nullptr;
    ChatStore* store = nullptr;
    Turns* turns = nullptr;
    HistoryModel* history = nullptr;
    Settings* settings = nullptr;
    Notices* notices = nullptr;
  };
  static bool changesFile(CodeTask task) { return task == CodeTask::fix || task == CodeTask::generate; }
  // A question that was asked since the start, with the file as it was then.
  struct Asked {
    CodeQuestion question;
    SourceText text;
    std::vector<OutlineEntry> outline;
    bool changes() const { return changesFile(question.task); }
  };
  struct Target {
    QString path, chatId;  // chatId "": the last conversation about it
  };

  explicit Private(Wiring wiring) : w(wiring) {}

  // code_file.cpp
  void connectFile();
  void request(const Target& target);
  void open(const Target& target);
  void show(const OpenedSource& opened);
  void showChat(const QString& chatId);
  const Message* unseenAnswer(const QString& chatId) const;  // null: none, or not shown in its conversation any more
  void proposeUnseen();                                      // changes of this conversation that came while another file was open
  void lookForChat();
  void write(const QByteArray& content, int nChanges, bool overOthers = false);
  void onWritten(const OpenedSource& opened);
  bool stands(Leaving why) const;                      // a proposal that this would take away
  bool asks(Leaving why, std::function<void()> then);  // true: the person decides first, `then` comes after that
  void setLeaving(Leaving value);
  void leave();
  QStringList unseenChats() const;  // that are there, with an answer that can be shown
  void sayOfFile(const UserError& words);
  // code_questions.cpp
  void connectTurns();
  void start(CodeTask task, const QString& words);
  Asked asking(CodeTask task, const QString& words, int first, int last) const;
  void send(const QString& questionId, const Asked& asked);
  std::optional<GenerateRequest> requestFor(const Conversation& chat, const QString& questionId, const Asked& asked);
  AnswerRun* run() const { return w.turns->runOf(shown->chatId()); }
  void sendAgain(const QString& questionId);
  void sayOfAnswer(const UserError& words);
  // code_proposal.cpp
  void connectProposals();
  void propose(const QString& questionId, const QString& answer);
  void showProposal(const Proposal& made);
  void holdProposal(const Proposal& made);
  void showHeld();
  void dropProposal();
  void dropComparing();
  void decide(int hunk, HunkModel::State state);
  void checkSyntax();
  void setSyntax(Syntax value, const QVariantList& errors);
  bool hasHunk(int hunk) const { return hunk >= 0 && hunk < hunks->count(); }
  SourceText result(HunkModel::State one, HunkModel::State other) const;
  std::pair<int, int> selectionAfterApplying() const;  // from 1; 0, 0: none of its lines is left

  CodeController* q = nullptr;
  Wiring w;
  DiffModel* lines = nullptr;
  HunkModel* hunks = nullptr;
  ShownChat* shown = nullptr;

  OpenedSource source;       // its file's path is empty: none
  Target opening;            // its path is empty: nothing is being opened
  quint64 openSerial = 0;    // of the file
  quint64 chatSerial = 0;    // of its conversation; 0: none is being read
  bool isLookedFor = false;  // whether there is a conversation
  int selectionFirst = 0, selectionLast = 0;
  Leaving leaving = Nothing;
  std::function<void()> whenLeft;

  QHash<QString, Asked> asked;     // by question
  QHash<QString, QString> unseen;  // by chat: the question whose changes came while another file was open
  int shownFirst = 0, shownLast = 0;

  quint64 proposeSerial = 0, checkSerial = 0;
  bool isComparing = false;
  QString proposedFor, proposedIn;  // the question and its chat
  Proposal proposal;
  std::optional<Proposal> held;  // is shown when the person asks for it: it takes away most of what was there
  int currentHunk = -1;
  Syntax syntax = NotChecked;
  QVariantList syntaxErrors;

  quint64 writeSerial = 0;
  bool isSaving = false;
  std::vector<QByteArray> versions;  // what undo brings back, the last one first
  QByteArray writing;
  int writingChanges = 0;  // -1: an undo
  int written = 0;
};

}  // namespace pio
