#include <algorithm>
#include <utility>

#include "app/code/code_controller_p.h"

// The changes that an answer proposes, taken or left one by one.

namespace pio {

void CodeController::Private::connectProposals() {
  connect(w.code, &CodeWorker::proposed, q, [this](quint64 serial, const Proposal& made) {
    if (serial != proposeSerial) return;
    isComparing = false;
    if (made.answer.why != NoProposal::none) {
      sayOfAnswer(noProposalNotice(made.answer.why));
    } else if (made.hunks.empty()) {
      sayOfAnswer(noProposalNotice(NoProposal::no_change));
    } else if (made.answer.shrinks()) {
      holdProposal(made);
    } else {
      showProposal(made);
    }
    Q_EMIT q->stateChanged();
    if (leaving == Closing && !stands(Closing)) leave();  // it was asked because of an answer that proposes nothing
  });
  connect(w.code, &CodeWorker::checked, q, [this](quint64 serial, const SyntaxReport& report) {
    if (serial != checkSerial) return;
    QVariantList errors;
    for (const SyntaxError& error : report.added) {
      errors.append(QVariantMap{
          {QStringLiteral("line"), error.line + 1}, {QStringLiteral("found"), error.found}, {QStringLiteral("isMissing"), error.isMissing}});
    }
    switch (report.outcome) {
      case SyntaxReport::Outcome::no_grammar: setSyntax(NoGrammar, {}); break;
      case SyntaxReport::Outcome::too_long: setSyntax(TooLong, {}); break;
      case SyntaxReport::Outcome::checked: setSyntax(errors.isEmpty() ? Clean : NewErrors, errors); break;
    }
  });
}

void CodeController::Private::propose(const QString& questionId, const QString& answer) {
  const CodeQuestion question = asked.value(questionId).question;
  if (question.lines != source.text.lines) {
    sayOfAnswer(noProposalNotice(NoProposal::file_changed));
    return;
  }
  proposedFor = questionId;
  proposedIn = shown->chatId();
  isComparing = true;
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = ++proposeSerial, question, answer, language = source.language] {
    code->propose(serial, question, answer, language);
  });
  Q_EMIT q->stateChanged();
}

void CodeController::Private::holdProposal(const Proposal& made) {
  held = made;
  w.notices->show(Notices::CodeChanges, shrinkingNotice(made.answer.nBefore, made.answer.nAfter), [this](UserError::Action action) {
    if (action == UserError::ShowChanges) {
      showHeld();
    } else {
      held.reset();
      w.notices->clear(Notices::CodeChanges);
    }
  });
}

void CodeController::Private::showHeld() {
  const auto made = std::exchange(held, std::nullopt);
  w.notices->clear(Notices::CodeChanges);
  if (made) showProposal(*made);
}

void CodeController::Private::showProposal(const Proposal& made) {
  w.notices->clear(Notices::Code);  // its Overwrite would write what was proposed before
  proposal = made;
  hunks->reset(proposal);
  lines->setProposal(proposal);
  q->setCurrentHunk(0);
  checkSyntax();
  Q_EMIT q->proposalChanged();
  Q_EMIT q->stateChanged();
  Q_EMIT q->announcement(tr("%Ln changes proposed.", "", hunks->count()));
}

void CodeController::Private::dropProposal() {
  held.reset();
  w.notices->clear(Notices::CodeChanges);
  if (proposal.hunks.empty()) return;
  w.notices->clear(Notices::Code);  // its Overwrite would write what goes here
  proposal = {};
  hunks->reset({});
  lines->clearProposal();
  q->setCurrentHunk(-1);
  ++checkSerial;
  setSyntax(NotChecked, {});
  Q_EMIT q->proposalChanged();
  Q_EMIT q->stateChanged();
}

void CodeController::Private::dropComparing() {
  if (!std::exchange(isComparing, false)) return;
  ++proposeSerial;
  Q_EMIT q->stateChanged();
}

void CodeController::Private::decide(int hunk, HunkModel::State state) {
  if (!hasHunk(hunk) || isSaving || hunks->stateOf(hunk) == state) return;
  w.notices->clear(Notices::Code);  // its Overwrite would write what was decided before
  hunks->setState(hunk, state);
  lines->updateHunk(hunk);
  checkSyntax();
  Q_EMIT q->proposalChanged();
  Q_EMIT q->stateChanged();
}

SourceText CodeController::Private::result(HunkModel::State one, HunkModel::State other) const {
  return merged(source.text, proposal.answer.after, proposal.hunks, hunks->taken(one, other));
}

std::pair<int, int> CodeController::Private::selectionAfterApplying() const {
  if (selectionFirst == 0) return {0, 0};
  const std::vector<bool> taken = hunks->taken(HunkModel::Accepted, HunkModel::Accepted);
  int first = selectionFirst - 1, end = selectionLast, nBefore = 0, nWithin = 0;
  for (std::size_t i = 0; i < proposal.hunks.size(); ++i) {
    const Hunk& hunk = proposal.hunks[i];
    if (!taken[i] || hunk.beforeStart >= end) continue;
    // Of a hunk that lies across the edge of the selection all new lines are selected.
    const int hunkEnd = hunk.beforeStart + hunk.beforeCount, nMore = hunk.afterCount - hunk.beforeCount;
    if (hunkEnd <= selectionFirst - 1) {
      nBefore += nMore;
    } else {
      first = std::min(first, hunk.beforeStart);
      end = std::max(end, hunkEnd);
      nWithin += nMore;
    }
  }
  first += nBefore;
  end += nBefore + nWithin;
  return first < end ? std::pair(first + 1, end) : std::pair(0, 0);
}

void CodeController::Private::checkSyntax() {
  ++checkSerial;
  QMetaObject::invokeMethod(
      w.code, [code = w.code, serial = checkSerial, before = source.text.text(), after = result(HunkModel::Accepted, HunkModel::Pending).text(),
               grammar = source.language.grammar] { code->check(serial, before, after, grammar); });
}

void CodeController::Private::setSyntax(Syntax value, const QVariantList& errors) {
  syntax = value;
  syntaxErrors = errors;
  Q_EMIT q->syntaxChanged();
}

void CodeController::accept(int hunk) { d->decide(hunk, HunkModel::Accepted); }
void CodeController::reject(int hunk) { d->decide(hunk, HunkModel::Rejected); }
void CodeController::reconsider(int hunk) { d->decide(hunk, HunkModel::Pending); }

void CodeController::acceptAll() {
  if (d->isSaving || d->hunks->countOf(HunkModel::Pending) == 0) return;
  d->w.notices->clear(Notices::Code);
  d->hunks->acceptPending();
  d->lines->updateHunks();
  d->checkSyntax();
  Q_EMIT proposalChanged();
  Q_EMIT stateChanged();
}

void CodeController::stepHunk(int by) {
  if (d->hunks->count() > 0) setCurrentHunk(std::clamp(d->currentHunk + by, 0, d->hunks->count() - 1));
}

void CodeController::setCurrentHunk(int hunk) {
  if (hunk == d->currentHunk || (hunk >= 0 && !d->hasHunk(hunk))) return;
  d->currentHunk = hunk;
  Q_EMIT currentHunkChanged();
}

void CodeController::discard() {
  if (!d->isSaving) d->dropProposal();
}

}  // namespace pio
