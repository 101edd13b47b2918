#pragma once

#include <QElapsedTimer>
#include <optional>
#include <stop_token>

#include "app/chat/chat_controller.h"
#include "app/code/code_controller.h"
#include "app/code/code_prompts.h"
#include "app/engine_worker.h"
#include "app/settings/settings.h"

// What CodeController is made of; for the program, not for QML.
//
// One engine serves all panes, one turn at a time: a question waits (Queued) until the chat is neither loading nor being answered, and while
// it is answered ChatController keeps its own turns in its queue (setEngineTaken).

namespace pio {

struct CodeController::Private {
  struct Wiring {
    EngineWorker* worker = nullptr;  // on the engine thread
    CodeWorker* code = nullptr;      // on the files thread
    ChatController* chat = nullptr;  // which knows the model
    Settings* settings = nullptr;
  };
  struct Turn {
    quint64 number = 0;      // 0: waits
    CodeQuestion question;
    CodeExcerpt excerpt;
    QString questionId, answerId;
    QString answer;
    bool changes() const { return question.task == CodeTask::fix || question.task == CodeTask::generate; }
  };
  struct Said {
    QString question, answer;
  };

  explicit Private(Wiring wiring) : w(wiring) {}

  void openPath(const QString& path);
  void show(const OpenedSource& opened);
  void start(CodeTask task, const QString& words);
  void pump();
  void launch();
  void refuse(const UserError& error);  // the turn cannot be asked
  void endTurn(Message::State state, const GenerationStats& stats, const UserError& error);
  void propose(const Turn& turn);
  void showProposal(const Proposal& proposal);
  void dropProposal();
  void decide(int hunk, HunkModel::State state);
  void checkSyntax();
  void write(const QByteArray& content, int nChanges);
  void setNotice(const UserError& value);
  void setSyntax(Syntax value, const QVariantList& errors);
  bool hasHunk(int hunk) const { return hunk >= 0 && hunk < hunks->count(); }
  SourceText result(HunkModel::State one, HunkModel::State other) const;
  bool engineIsFree() const { return w.chat->state() == ChatController::Ready; }

  CodeController* q = nullptr;
  Wiring w;
  DiffModel* lines = nullptr;
  HunkModel* hunks = nullptr;
  ConversationModel* messages = nullptr;

  OpenedSource source;               // its file's path is empty: none
  QString openingPath;
  quint64 serial = 0;                // of what was asked of the code worker last
  bool isOpening = false, isComparing = false, isSaving = false;
  quint64 checkSerial = 0;
  int selectionFirst = 0, selectionLast = 0;

  // Counts from where the chat's numbers never come: the engine's signals reach both controllers.
  quint64 turnNumber = quint64(1) << 63;
  std::optional<Turn> turn;
  bool isStopping = false, hasText = false, isShutDown = false;
  std::stop_source stop;
  std::vector<Said> said;            // about this file
  int shownFirst = 0, shownLast = 0;
  qint64 progressDone = 0, progressTotal = 0;
  qint64 promptTokens = 0, firstTextTokens = 0, contextUsed = 0;
  double tokensPerSecond = 0;
  QElapsedTimer sinceFirstText;
  int nMessages = 0;

  Proposal proposal;
  std::optional<Proposal> held;      // is shown when the person asks for it: it takes away most of what was there
  int currentHunk = -1;
  Syntax syntax = NotChecked;
  QVariantList syntaxErrors;

  std::vector<QByteArray> versions;  // what undo brings back, the last one first
  QByteArray writing;
  int writingChanges = 0;            // -1: an undo
  int written = 0;
  UserError notice;
};

}  // namespace pio
