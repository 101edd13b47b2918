#include "app/code/code_controller.h"

#include <QClipboard>
#include <QFileInfo>
#include <QGuiApplication>
#include <algorithm>

#include "app/answer_run.h"
#include "app/code/code_controller_p.h"

namespace pio {

CodeController::CodeController(std::unique_ptr<Private> p, QObject* parent) : QObject(parent), d(std::move(p)) {
  d->q = this;
  d->hunks = new HunkModel(this);
  d->lines = new DiffModel(d->hunks, this);
  d->shown = new ShownChat(d->w.store, d->w.turns, this);
  connect(d->shown->messages(), &ConversationModel::sentenceWritten, this, &CodeController::announcement);
  d->connectFile();
  d->connectTurns();
  d->connectProposals();
}

CodeController::~CodeController() = default;

CodeController::State CodeController::state() const {
  if (!d->opening.path.isEmpty() || d->chatSerial != 0) return Opening;
  if (d->source.file.path.isEmpty()) return NoFile;
  if (const AnswerRun* run = d->run()) {
    if (run->isWaiting()) return Queued;
    switch (run->state()) {
      case AnswerRun::Queued: return Queued;
      case AnswerRun::Thinking: return Thinking;
      case AnswerRun::Writing: return Writing;
      case AnswerRun::Paused: return Paused;
      case AnswerRun::Stopping: return Stopping;
      default: return Reading;
    }
  }
  return d->isComparing ? Comparing : d->isSaving ? Saving : Idle;
}

bool CodeController::busy() const { return d->run() != nullptr; }
bool CodeController::canAsk() const { return state() == Idle; }
QString CodeController::path() const { return d->source.file.path; }
QString CodeController::fileName() const { return QFileInfo(d->source.file.path).fileName(); }

QString CodeController::folder() const {
  const QStringList parts = QFileInfo(d->source.file.path).path().split('/', Qt::SkipEmptyParts);
  return parts.mid(std::max<qsizetype>(0, parts.size() - 2)).join(QStringLiteral(" / "));
}

ModelSession* CodeController::model() const { return d->w.model; }
Notices* CodeController::notices() const { return d->w.notices; }
QString CodeController::chatId() const { return d->shown->chatId(); }
QString CodeController::language() const { return d->source.language.name; }
int CodeController::lineCount() const { return int(d->source.text.lines.size()); }
DiffModel* CodeController::lines() const { return d->lines; }
HunkModel* CodeController::hunks() const { return d->hunks; }
ConversationModel* CodeController::messages() const { return d->shown->messages(); }
int CodeController::selectionFirst() const { return d->selectionFirst; }
int CodeController::selectionLast() const { return d->selectionLast; }
int CodeController::shownFirst() const { return d->shownFirst; }
int CodeController::shownLast() const { return d->shownLast; }
int CodeController::pendingCount() const { return d->hunks->countOf(HunkModel::Pending); }
int CodeController::acceptedCount() const { return d->hunks->countOf(HunkModel::Accepted); }
int CodeController::currentHunk() const { return d->currentHunk; }
CodeController::Syntax CodeController::syntax() const { return d->syntax; }
QVariantList CodeController::syntaxErrors() const { return d->syntaxErrors; }
bool CodeController::canApply() const { return acceptedCount() > 0 && canAsk(); }
bool CodeController::canUndo() const { return !d->versions.empty(); }
int CodeController::written() const { return d->written; }
qint64 CodeController::progressDone() const { return busy() ? d->run()->progressDone() : 0; }
qint64 CodeController::progressTotal() const { return busy() ? d->run()->progressTotal() : 0; }
double CodeController::tokensPerSecond() const { return d->shown->tokensPerSecond(); }
qint64 CodeController::contextUsed() const { return d->shown->contextUsed(); }

void CodeController::select(int firstLine, int lastLine) {
  const int first = std::clamp(std::min(firstLine, lastLine), 0, lineCount());
  const int last = first == 0 ? 0 : std::clamp(std::max(firstLine, lastLine), first, lineCount());
  if (first == d->selectionFirst && last == d->selectionLast) return;
  d->selectionFirst = first;
  d->selectionLast = last;
  Q_EMIT selectionChanged();
}

void CodeController::copyLines() {
  if (d->selectionFirst > 0) copyText(d->lines->textOf(d->selectionFirst, d->selectionLast));
}

void CodeController::copyText(const QString& text) { QGuiApplication::clipboard()->setText(text); }

}  // namespace pio
