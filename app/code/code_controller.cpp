#include "app/code/code_controller.h"

#include <QClipboard>
#include <QDir>
#include <QFileInfo>
#include <QGuiApplication>
#include <QRandomGenerator>
#include <algorithm>

#include "app/code/code_controller_p.h"

namespace pio {
namespace {

constexpr std::size_t kMostVersions = 50;      // of at most 2 MB each
constexpr std::size_t kEarlierTurns = 3;       // that a question is asked after
constexpr qsizetype kEarlierSigns = 4000;      // of them; older ones are left out
constexpr qint64 kUnknownContext = 4096;       // tokens, while the model has not said

}  // namespace

// ---- the file ----------------------------------------------------------------------------------------------------------------------------

void CodeController::Private::openPath(const QString& path) {
  if (turn) q->stop();
  ++serial;
  isOpening = true;
  isComparing = isSaving = false;
  openingPath = path;
  setNotice({});
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = serial, path] { code->open(serial, path); });
  Q_EMIT q->stateChanged();
}

void CodeController::Private::show(const OpenedSource& opened) {
  dropProposal();
  const bool isOther = opened.file.path != source.file.path;
  const bool isLonger = opened.text.lines.size() != source.text.lines.size();
  source = opened;
  if (isOther) {
    messages->reset({});
    said.clear();
    shownFirst = shownLast = 0;
    tokensPerSecond = 0;
    contextUsed = 0;
    Q_EMIT q->questionChanged();
    Q_EMIT q->progressChanged();
  }
  lines->reset(source.text.lines, source.colours);
  if (isOther || isLonger) q->select(0, 0);  // the numbers mean other lines now
  Q_EMIT q->fileChanged();
}

// ---- questions ---------------------------------------------------------------------------------------------------------------------------

void CodeController::Private::start(CodeTask task, const QString& words) {
  if (!q->canAsk()) return;
  if (!w.chat->hasModel()) {
    setNotice(askAgainNotice());
    return;
  }
  setNotice({});
  Turn next;
  CodeQuestion& question = next.question;
  question.task = task;
  question.words = words.trimmed();
  question.fileName = q->fileName();
  question.language = source.language.name;
  question.fence = source.language.fence;
  question.lines = source.text.lines;
  question.first = selectionFirst > 0 ? selectionFirst - 1 : 0;
  question.last = selectionFirst > 0 ? selectionLast - 1 : -1;
  if (next.changes()) dropProposal();

  const QString where = !question.hasSelection() ? QString()
                        : question.first == question.last ? tr("line %1").arg(selectionFirst)
                                                          : tr("lines %1 to %2").arg(selectionFirst).arg(selectionLast);
  Message asked;
  asked.id = next.questionId = QString::number(++nMessages);
  asked.role = Message::Role::User;
  switch (task) {
    case CodeTask::explain: asked.setText(where.isEmpty() ? tr("Explain the file") : tr("Explain %1").arg(where)); break;
    case CodeTask::fix: asked.setText(where.isEmpty() ? tr("Fix the file") : tr("Fix %1").arg(where)); break;
    case CodeTask::ask:
    case CodeTask::generate: asked.setText(where.isEmpty() ? question.words : tr("%1 (%2)", "a question, the lines it is about").arg(question.words, where)); break;
  }
  messages->append(asked);
  turn = next;
  isStopping = hasText = false;
  progressDone = progressTotal = 0;
  pump();
  Q_EMIT q->stateChanged();
}

void CodeController::Private::pump() {
  if (turn && turn->number == 0 && engineIsFree() && !isShutDown) launch();
}

void CodeController::Private::refuse(const UserError& error) {
  setNotice(error);
  turn.reset();
  Q_EMIT q->stateChanged();
}

void CodeController::Private::launch() {
  const CodeQuestion& question = turn->question;
  const qint64 context = w.chat->contextLength() > 0 ? w.chat->contextLength() : kUnknownContext;
  std::vector<ChatMessage> messagesOfTurn = {{"system", systemWords().toStdString()}};
  qsizetype earlier = 0;
  if (!turn->changes()) {
    const std::size_t from = said.size() > kEarlierTurns ? said.size() - kEarlierTurns : 0;
    for (std::size_t i = from; i < said.size(); ++i) {
      if (earlier + said[i].question.size() + said[i].answer.size() > kEarlierSigns) continue;
      earlier += said[i].question.size() + said[i].answer.size();
      messagesOfTurn.push_back({"user", said[i].question.toStdString()});
      messagesOfTurn.push_back({"assistant", said[i].answer.toStdString()});
    }
  }
  const CodeBudget budget = budgetOf(question, context);
  turn->excerpt = excerptOf(question, std::max<qsizetype>(0, budget.signs - earlier));
  if (!turn->excerpt.fits) {
    refuse(selectionTooLongNotice(question.hasSelection(), context));
    return;
  }
  shownFirst = turn->excerpt.isCut ? turn->excerpt.first + 1 : 0;
  shownLast = turn->excerpt.isCut ? turn->excerpt.last + 1 : 0;
  Q_EMIT q->questionChanged();

  turn->number = ++turnNumber;
  stop = std::stop_source();
  GenerateJob job;
  job.turn = turn->number;
  job.request.conversation = "code pane";
  messagesOfTurn.push_back({"user", promptOf(question, turn->excerpt).toStdString()});
  job.request.messages = std::move(messagesOfTurn);
  for (const QString& text : outlineTexts(source.text.text(), source.outline, turn->excerpt.first, turn->excerpt.last))
    job.request.protected_texts.push_back(text.toStdString());
  job.request.sampling = w.settings->samplingParams();
  job.request.max_tokens = w.settings->maxTokens();
  if (turn->changes()) {
    job.request.sampling.temperature = 0;  // the same request is the same proposal
    job.request.thinking = false;
  }
  job.request.sampling.seed = w.settings->seed() >= 0 ? static_cast<std::uint64_t>(w.settings->seed()) : QRandomGenerator::global()->generate64();

  Message answer;
  answer.id = turn->answerId = QString::number(++nMessages);
  answer.parent = turn->questionId;
  answer.role = Message::Role::Assistant;
  answer.state = Message::State::Streaming;
  answer.modelName = w.chat->modelName();
  messages->append(answer);
  QMetaObject::invokeMethod(w.worker, [worker = w.worker, job, token = stop.get_token()] { worker->generate(job, token); });
  Q_EMIT q->engineNeeded();
}

void CodeController::Private::endTurn(Message::State state, const GenerationStats& stats, const UserError& error) {
  const Turn ended = *turn;
  turn.reset();
  isStopping = false;
  Message answer;
  answer.id = ended.answerId;
  answer.parent = ended.questionId;
  answer.role = Message::Role::Assistant;
  answer.state = state;
  answer.setText(ended.answer);
  answer.modelName = w.chat->modelName();
  answer.generatedTokens = stats.generated_tokens;
  answer.tokensPerSecond = stats.tokens_per_second;
  answer.firstTokenSeconds = stats.first_token_seconds;
  answer.contextUsed = stats.context_used;
  answer.contextLength = stats.context_length;
  answer.error = error;
  messages->update(answer);
  tokensPerSecond = stats.tokens_per_second;
  if (stats.context_used > 0) contextUsed = stats.context_used;
  if (!ended.answer.isEmpty()) said.push_back({messages->textOf(ended.questionId), ended.answer});
  if (ended.changes() && state == Message::State::Complete) propose(ended);
  else if (ended.changes() && state == Message::State::Stopped && !ended.answer.isEmpty()) setNotice(noProposalNotice(NoProposal::cut_off));
  Q_EMIT q->engineNeeded();
  Q_EMIT q->stateChanged();
  Q_EMIT q->progressChanged();
}

// ---- proposals ---------------------------------------------------------------------------------------------------------------------------

void CodeController::Private::propose(const Turn& ended) {
  ++serial;
  isComparing = true;
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = serial, question = ended.question, answer = ended.answer, language = source.language] {
    code->propose(serial, question, answer, language);
  });
}

void CodeController::Private::showProposal(const Proposal& made) {
  proposal = made;
  hunks->reset(proposal);
  lines->setProposal(proposal);
  q->setCurrentHunk(0);
  checkSyntax();
  Q_EMIT q->proposalChanged();
  Q_EMIT q->stateChanged();
  Q_EMIT q->announcement(hunks->count() == 1 ? tr("1 change proposed.") : tr("%1 changes proposed.").arg(hunks->count()));
}

void CodeController::Private::dropProposal() {
  held.reset();
  if (proposal.hunks.empty()) return;
  proposal = {};
  hunks->reset({});
  lines->clearProposal();
  q->setCurrentHunk(-1);
  ++checkSerial;
  setSyntax(NotChecked, {});
  Q_EMIT q->proposalChanged();
  Q_EMIT q->stateChanged();
}

void CodeController::Private::decide(int hunk, HunkModel::State state) {
  if (!hasHunk(hunk) || isSaving || hunks->stateOf(hunk) == state) return;
  hunks->setState(hunk, state);
  lines->updateHunk(hunk);
  checkSyntax();
  Q_EMIT q->proposalChanged();
  Q_EMIT q->stateChanged();
}

SourceText CodeController::Private::result(HunkModel::State one, HunkModel::State other) const {
  return merged(source.text, proposal.answer.after, proposal.hunks, hunks->taken(one, other));
}

void CodeController::Private::checkSyntax() {
  ++checkSerial;
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = checkSerial, before = source.text.text(),
                                     after = result(HunkModel::Accepted, HunkModel::Pending).text(),
                                     grammar = source.language.grammar] { code->check(serial, before, after, grammar); });
}

void CodeController::Private::setSyntax(Syntax value, const QVariantList& errors) {
  syntax = value;
  syntaxErrors = errors;
  Q_EMIT q->syntaxChanged();
}

void CodeController::Private::write(const QByteArray& content, int nChanges) {
  writing = content;
  writingChanges = nChanges;
  isSaving = true;
  ++serial;
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = serial, path = source.file.path, content, expected = source.file.content] {
    code->write(serial, path, content, expected, false);
  });
  Q_EMIT q->stateChanged();
}

void CodeController::Private::setNotice(const UserError& value) {
  if (notice == value) return;
  notice = value;
  Q_EMIT q->noticeChanged();
}

// ---- the controller ----------------------------------------------------------------------------------------------------------------------

CodeController::CodeController(std::unique_ptr<Private> p, QObject* parent) : QObject(parent), d(std::move(p)) {
  d->q = this;
  d->hunks = new HunkModel(this);
  d->lines = new DiffModel(d->hunks, this);
  d->messages = new ConversationModel(this);
  connect(d->messages, &ConversationModel::sentenceWritten, this, &CodeController::announcement);

  connect(d->w.code, &CodeWorker::opened, this, [this](quint64 serial, const OpenedSource& source) {
    if (serial != d->serial) return;
    d->isOpening = false;
    if (source.file.problem == SourceProblem::none) {
      const bool isOther = source.file.path != d->source.file.path;
      if (isOther) d->versions.clear();
      d->written = 0;
      d->show(source);
      Q_EMIT writtenChanged();
    } else {
      d->setNotice(sourceNotice(source.file));
    }
    Q_EMIT stateChanged();
  });
  connect(d->w.code, &CodeWorker::written, this, [this](quint64 serial, const OpenedSource& source) {
    if (serial != d->serial) return;
    d->isSaving = false;
    if (source.file.problem != SourceProblem::none) {
      d->setNotice(sourceNotice(source.file));
    } else {
      d->setNotice({});
      const bool isUndo = d->writingChanges < 0;
      if (isUndo) {
        if (!d->versions.empty()) d->versions.pop_back();
      } else if (source.file.canGoBack) {
        d->versions.push_back(source.file.replaced);
        if (d->versions.size() > kMostVersions) d->versions.erase(d->versions.begin());
      } else {
        d->versions.clear();  // what was there could not be read: nothing to bring back
      }
      d->written = isUndo ? 0 : d->writingChanges;
      d->show(source);
      Q_EMIT writtenChanged();
      Q_EMIT announcement(isUndo ? tr("The file is as it was before.") : tr("The changes were written to the file."));
    }
    Q_EMIT stateChanged();
  });
  connect(d->w.code, &CodeWorker::proposed, this, [this](quint64 serial, const Proposal& proposal) {
    if (serial != d->serial) return;
    d->isComparing = false;
    if (proposal.answer.why != NoProposal::none) {
      d->setNotice(noProposalNotice(proposal.answer.why));
    } else if (proposal.hunks.empty()) {
      d->setNotice(noProposalNotice(NoProposal::no_change));
    } else if (proposal.answer.shrinks()) {
      d->held = proposal;
      d->setNotice(shrinkingNotice(proposal.answer.nBefore, proposal.answer.nAfter));
    } else {
      d->showProposal(proposal);
    }
    Q_EMIT stateChanged();
  });
  connect(d->w.code, &CodeWorker::checked, this, [this](quint64 serial, const SyntaxReport& report) {
    if (serial != d->checkSerial) return;
    QVariantList errors;
    for (const SyntaxError& error : report.added) {
      errors.append(QVariantMap{{QStringLiteral("line"), error.line + 1}, {QStringLiteral("found"), error.found}, {QStringLiteral("isMissing"), error.isMissing}});
    }
    switch (report.outcome) {
      case SyntaxReport::Outcome::no_grammar: d->setSyntax(NoGrammar, {}); break;
      case SyntaxReport::Outcome::too_long: d->setSyntax(TooLong, {}); break;
      case SyntaxReport::Outcome::checked: d->setSyntax(errors.isEmpty() ? Clean : NewErrors, errors); break;
    }
  });

  const EngineWorker* worker = d->w.worker;
  const auto isMine = [this](quint64 turn) { return d->turn && d->turn->number == turn; };
  connect(worker, &EngineWorker::prefill, this, [this, isMine](quint64 turn, qint64 done, qint64 total) {
    if (!isMine(turn) || d->hasText) return;
    d->progressDone = done;
    d->progressTotal = d->promptTokens = total;
    d->contextUsed = done;
    d->tokensPerSecond = 0;
    Q_EMIT progressChanged();
  });
  connect(worker, &EngineWorker::textReady, this, [this, isMine](quint64 turn, const QString&, const QString& delta, qint64 nTokens) {
    if (!isMine(turn)) return;
    d->turn->answer += delta;
    d->messages->appendText(d->turn->answerId, delta);
    d->progressDone = nTokens;
    d->progressTotal = 0;
    d->contextUsed = d->promptTokens + nTokens;
    if (!std::exchange(d->hasText, true)) {
      d->sinceFirstText.start();
      d->firstTextTokens = nTokens;
      Q_EMIT stateChanged();
    }
    d->tokensPerSecond = double(nTokens - d->firstTextTokens) * 1000 / double(std::max<qint64>(1, d->sinceFirstText.elapsed()));
    Q_EMIT progressChanged();
  });
  connect(worker, &EngineWorker::finished, this, [this, isMine](quint64 turn, FinishReason reason, const GenerationStats& stats) {
    if (!isMine(turn)) return;
    d->endTurn(reason == FinishReason::stop ? Message::State::Complete : Message::State::Stopped, stats, {});
  });
  connect(worker, &EngineWorker::failed, this, [this, isMine](quint64 turn, const Error& error) {
    if (!isMine(turn)) return;
    const UserError words = userErrorOf(error);
    d->endTurn(words.isSet() ? Message::State::Failed : Message::State::Stopped, {}, words);
  });
  connect(d->w.chat, &ChatController::stateChanged, this, [this] {
    const ChatController::State chat = d->w.chat->state();
    // A model that goes takes its answer with it.
    if (isOnEngine() && (chat == ChatController::Loading || chat == ChatController::NoModel)) stop();
    if (d->turn && d->turn->number == 0 && chat == ChatController::NoModel) d->refuse(askAgainNotice());
    if (chat == ChatController::Ready && d->notice == askAgainNotice()) d->setNotice({});
    d->pump();
    Q_EMIT stateChanged();
  });
}

CodeController::~CodeController() = default;

CodeController::State CodeController::state() const {
  if (d->isOpening) return Opening;
  if (d->source.file.path.isEmpty()) return NoFile;
  if (d->turn) {
    if (d->isStopping) return Stopping;
    if (d->turn->number == 0) return Queued;
    return d->hasText ? Writing : Reading;
  }
  return d->isComparing ? Comparing : d->isSaving ? Saving : Idle;
}

bool CodeController::busy() const { return d->turn.has_value(); }
bool CodeController::canAsk() const { return state() == Idle; }

CodeController::Waiting CodeController::waitsFor() const {
  if (state() != Queued) return Nothing;
  return d->w.chat->state() == ChatController::Loading ? Model : Chat;
}

QString CodeController::path() const { return d->source.file.path; }
QString CodeController::fileName() const { return QFileInfo(d->source.file.path).fileName(); }

QString CodeController::folder() const {
  const QStringList parts = QFileInfo(d->source.file.path).path().split('/', Qt::SkipEmptyParts);
  return parts.mid(std::max<qsizetype>(0, parts.size() - 2)).join(QStringLiteral(" / "));
}

QString CodeController::language() const { return d->source.language.name; }
int CodeController::lineCount() const { return int(d->source.text.lines.size()); }
DiffModel* CodeController::lines() const { return d->lines; }
HunkModel* CodeController::hunks() const { return d->hunks; }
ConversationModel* CodeController::messages() const { return d->messages; }
int CodeController::selectionFirst() const { return d->selectionFirst; }
int CodeController::selectionLast() const { return d->selectionLast; }
int CodeController::shownFirst() const { return d->shownFirst; }
int CodeController::shownLast() const { return d->shownLast; }
int CodeController::pendingCount() const { return d->hunks->countOf(HunkModel::Pending); }
int CodeController::acceptedCount() const { return d->hunks->countOf(HunkModel::Accepted); }
int CodeController::currentHunk() const { return d->currentHunk; }

void CodeController::setCurrentHunk(int hunk) {
  if (hunk == d->currentHunk || (hunk >= 0 && !d->hasHunk(hunk))) return;
  d->currentHunk = hunk;
  Q_EMIT currentHunkChanged();
}

CodeController::Syntax CodeController::syntax() const { return d->syntax; }
QVariantList CodeController::syntaxErrors() const { return d->syntaxErrors; }
bool CodeController::canApply() const { return acceptedCount() > 0 && canAsk(); }
bool CodeController::canUndo() const { return !d->versions.empty(); }
int CodeController::written() const { return d->written; }
qint64 CodeController::progressDone() const { return d->progressDone; }
qint64 CodeController::progressTotal() const { return d->progressTotal; }
double CodeController::tokensPerSecond() const { return d->tokensPerSecond; }
qint64 CodeController::contextUsed() const { return d->contextUsed; }
UserError CodeController::notice() const { return d->notice; }
bool CodeController::isOnEngine() const { return d->turn && d->turn->number != 0; }

void CodeController::shutDown() {
  d->isShutDown = true;
  if (d->turn) d->stop.request_stop();
}

void CodeController::open(const QUrl& file) {
  if (file.isLocalFile()) d->openPath(QDir::cleanPath(file.toLocalFile()));
}

void CodeController::reopen() {
  if (!d->source.file.path.isEmpty()) d->openPath(d->source.file.path);
}

void CodeController::select(int firstLine, int lastLine) {
  const int first = std::clamp(std::min(firstLine, lastLine), 0, lineCount());
  const int last = first == 0 ? 0 : std::clamp(std::max(firstLine, lastLine), first, lineCount());
  if (first == d->selectionFirst && last == d->selectionLast) return;
  d->selectionFirst = first;
  d->selectionLast = last;
  Q_EMIT selectionChanged();
}

void CodeController::ask(const QString& words) {
  if (!words.trimmed().isEmpty()) d->start(CodeTask::ask, words);
}
void CodeController::explain() { d->start(CodeTask::explain, {}); }
void CodeController::fix() { d->start(CodeTask::fix, {}); }
void CodeController::generate(const QString& words) {
  if (!words.trimmed().isEmpty()) d->start(CodeTask::generate, words);
}

void CodeController::stop() {
  if (!d->turn) return;
  if (d->turn->number == 0) {
    d->turn.reset();
  } else {
    d->isStopping = true;
    d->stop.request_stop();  // direct: a queued slot would wait behind generate() itself
  }
  Q_EMIT stateChanged();
}

void CodeController::accept(int hunk) { d->decide(hunk, HunkModel::Accepted); }
void CodeController::reject(int hunk) { d->decide(hunk, HunkModel::Rejected); }
void CodeController::reconsider(int hunk) { d->decide(hunk, HunkModel::Pending); }

void CodeController::acceptAll() {
  for (int i = 0; i < d->hunks->count(); ++i) {
    if (d->hunks->stateOf(i) == HunkModel::Pending) d->decide(i, HunkModel::Accepted);
  }
}

void CodeController::stepHunk(int by) {
  if (d->hunks->count() > 0) setCurrentHunk(std::clamp(d->currentHunk + by, 0, d->hunks->count() - 1));
}

void CodeController::discard() {
  if (!d->isSaving) d->dropProposal();
}

void CodeController::apply() {
  if (canApply()) d->write(d->result(HunkModel::Accepted, HunkModel::Accepted).bytes(), acceptedCount());
}

void CodeController::undo() {
  if (canUndo() && canAsk()) d->write(d->versions.back(), -1);
}

void CodeController::copyLines() {
  if (d->selectionFirst > 0) copyText(d->lines->textOf(d->selectionFirst, d->selectionLast));
}

void CodeController::copyText(const QString& text) { QGuiApplication::clipboard()->setText(text); }

void CodeController::runAction(int userErrorAction) {
  switch (static_cast<UserError::Action>(userErrorAction)) {
    case UserError::OpenModel: Q_EMIT openModelRequested(); break;
    case UserError::ReadAgain: reopen(); break;
    case UserError::ShowChanges:
      if (const auto held = std::exchange(d->held, std::nullopt)) d->showProposal(*held);
      d->setNotice({});
      break;
    case UserError::Overwrite:
      d->isSaving = true;
      ++d->serial;
      d->setNotice({});
      QMetaObject::invokeMethod(d->w.code, [code = d->w.code, serial = d->serial, path = d->source.file.path, content = d->writing] {
        code->write(serial, path, content, {}, true);
      });
      Q_EMIT stateChanged();
      break;
    default: dismissNotice(); break;
  }
}

void CodeController::dismissNotice() {
  d->held.reset();
  d->setNotice({});
}

}  // namespace pio
