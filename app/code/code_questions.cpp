#include <QRandomGenerator>
#include <QDateTime>
#include <algorithm>

#include "app/answer_run.h"
#include "app/code/code_controller_p.h"

// What is asked about the file, and what becomes of the answers.

namespace pio {
namespace {

constexpr qsizetype kEarlierTurns = 3;     // that a question is asked after
constexpr qsizetype kEarlierSigns = 4000;  // of them; older ones are left out
constexpr qint64 kUnknownContext = 4096;   // tokens, while the model has not said

struct Said {
  QString question, answer;
};

// The last turns before this question that have an answer, the oldest first.
std::vector<Said> saidBefore(const Conversation& chat, const QString& questionId) {
  std::vector<Said> said;
  QString question;
  for (const QString& id : chat.pathTo(questionId)) {
    const Message& message = chat.find(id)->message;
    if (message.role == Message::Role::User) question = message.text();
    else if (const QString text = message.text(); !text.isEmpty()) said.push_back({question, text});
  }
  if (std::ssize(said) > kEarlierTurns) said.erase(said.begin(), said.end() - kEarlierTurns);
  return said;
}

}  // namespace

void CodeController::Private::connectTurns() {
  connect(w.turns, &Turns::runChanged, q, [this](const QString& chatId) {
    if (chatId == shown->chatId()) Q_EMIT q->stateChanged();
  });
  connect(w.turns, &Turns::progressChanged, q, [this](const QString& chatId) {
    if (chatId == shown->chatId()) Q_EMIT q->progressChanged();
  });
  connect(w.turns, &Turns::ended, q, [this](const QString& chatId, const QString& questionId, const QString& answerId) {
    const auto known = asked.constFind(questionId);
    const MessageRecord* answer = w.store->message(chatId, answerId);
    if (known == asked.constEnd() || answer == nullptr || !known->changes()) return;
    const Message& message = answer->message;
    const bool isHere = chatId == shown->chatId() && opening.path.isEmpty();
    if (message.state == Message::State::Complete) {
      if (isHere) propose(questionId, message.text());
      else unseen.insert(chatId, questionId);
    } else if (isHere && message.state == Message::State::Stopped && !message.text().isEmpty()) {
      sayOfAnswer(noProposalNotice(NoProposal::cut_off));
    }
  });
  connect(w.turns, &Turns::contextFull, q, [this](const QString& chatId, qint64 contextLength) {
    if (chatId == shown->chatId()) sayOfAnswer(contextFullNotice(contextLength));
  });
  connect(w.model, &ModelSession::changed, q, &CodeController::stateChanged);
}

CodeController::Private::Asked CodeController::Private::asking(CodeTask task, const QString& words, int first, int last) const {
  CodeQuestion question;
  question.task = task;
  question.words = words.trimmed();
  question.fileName = q->fileName();
  question.language = source.language.name;
  question.fence = source.language.fence;
  question.lines = source.text.lines;
  question.first = first;
  question.last = last;
  return {question, source.text, source.outline};
}

void CodeController::Private::start(CodeTask task, const QString& words) {
  if (!q->canAsk()) return;
  if (!w.model->hasModel()) {
    w.model->askForModel();
    return;
  }
  const bool isAboutLines = selectionFirst > 0;
  const auto starts = [this, task, words, isAboutLines] {
    if (isAboutLines == (selectionFirst > 0)) start(task, words);  // else its lines are gone
  };
  if (changesFile(task) && asks(Replacing, starts)) return;
  const Asked next = asking(task, words, selectionFirst > 0 ? selectionFirst - 1 : 0, selectionFirst > 0 ? selectionLast - 1 : -1);
  const QString where = !next.question.hasSelection()     ? QString()
                        : selectionFirst == selectionLast ? tr("line %1").arg(selectionFirst)
                                                          : tr("lines %1 to %2").arg(selectionFirst).arg(selectionLast);
  QString shownWords;
  switch (task) {
    case CodeTask::explain: shownWords = where.isEmpty() ? tr("Explain the file") : tr("Explain %1").arg(where); break;
    case CodeTask::fix: shownWords = where.isEmpty() ? tr("Fix the file") : tr("Fix %1").arg(where); break;
    case CodeTask::ask:
    case CodeTask::generate:
      shownWords = where.isEmpty() ? next.question.words : tr("%1 (%2)", "a question, the lines it is about").arg(next.question.words, where);
      break;
  }
  if (shown->chat() == nullptr) {
    ChatRecord record;
    record.id = newId();
    record.title = q->fileName();
    record.created = record.updated = QDateTime::currentMSecsSinceEpoch();
    record.kind = ChatRecord::Kind::Code;
    record.file = source.file.path;
    w.store->addChat(record);
    isLookedFor = true;
    showChat(record.id);
  }
  Message message;
  message.setText(shownWords);
  send(w.store->addQuestion(shown->chatId(), shown->last(), message), next);
  Q_EMIT q->asked(words);
}

void CodeController::Private::send(const QString& questionId, const Asked& next) {
  w.notices->clear(Notices::CodeAnswer);
  if (next.changes()) dropProposal();
  asked.insert(questionId, next);
  w.turns->answer(shown->chatId(), questionId, [this, questionId, next](const Conversation& chat) { return requestFor(chat, questionId, next); });
  Q_EMIT q->stateChanged();
}

std::optional<GenerateRequest> CodeController::Private::requestFor(const Conversation& chat, const QString& questionId, const Asked& next) {
  const CodeQuestion& question = next.question;
  const qint64 context = w.model->contextLength() > 0 ? w.model->contextLength() : kUnknownContext;
  GenerateRequest request;
  request.messages = {{"system", systemWords().toStdString()}};
  qsizetype earlier = 0;
  if (!next.changes()) {
    for (const Said& said : saidBefore(chat, questionId)) {
      if (earlier + said.question.size() + said.answer.size() > kEarlierSigns) continue;
      earlier += said.question.size() + said.answer.size();
      request.messages.push_back({"user", said.question.toStdString()});
      request.messages.push_back({"assistant", said.answer.toStdString()});
    }
  }
  const CodeExcerpt excerpt = excerptOf(question, std::max<qsizetype>(0, budgetOf(question, context).signs - earlier));
  const bool isShown = chat.chat.id == shown->chatId();
  if (!excerpt.fits) {
    if (isShown) sayOfAnswer(selectionTooLongNotice(question.hasSelection(), context));
    return {};
  }
  if (isShown) {
    shownFirst = excerpt.isCut ? excerpt.first + 1 : 0;
    shownLast = excerpt.isCut ? excerpt.last + 1 : 0;
    Q_EMIT q->questionChanged();
  }
  request.conversation = chat.chat.id.toStdString();
  request.messages.push_back({"user", promptOf(question, excerpt).toStdString()});
  for (const QString& text : outlineTexts(next.text.text(), next.outline, excerpt.first, excerpt.last))
    request.protected_texts.push_back(text.toStdString());
  request.sampling = w.settings->samplingParams();
  request.sampling.seed = w.settings->seed() >= 0 ? static_cast<std::uint64_t>(w.settings->seed()) : QRandomGenerator::global()->generate64();
  request.max_tokens = w.settings->maxTokens();
  if (next.changes()) request.sampling.temperature = 0;  // the same request is the same proposal
  if (w.model->thinks()) request.thinking = w.settings->thinking();
  return request;
}

void CodeController::Private::sayOfAnswer(const UserError& words) {
  w.notices->show(Notices::CodeAnswer, words, [this](UserError::Action action) {
    w.notices->clear(Notices::CodeAnswer);
    if (action == UserError::NewChat) q->newConversation();
  });
}

void CodeController::ask(const QString& words) {
  if (!words.trimmed().isEmpty()) d->start(CodeTask::ask, words);
}
void CodeController::explain() { d->start(CodeTask::explain, {}); }
void CodeController::fix() { d->start(CodeTask::fix, {}); }
void CodeController::generate(const QString& words) {
  if (!words.trimmed().isEmpty()) d->start(CodeTask::generate, words);
}

// About the file as it is now. Of a question of an earlier start only its words are known.
void CodeController::answerAgain(const QString& messageId) {
  const MessageRecord* message = d->w.store->message(chatId(), messageId);
  const bool isQuestion = message != nullptr && message->message.role == Message::Role::User;
  const MessageRecord* question = message == nullptr || isQuestion ? message : d->w.store->message(chatId(), message->message.parent);
  if (question == nullptr || !canAsk()) return;
  const QString id = question->message.id;
  const auto again = [this, id] { d->sendAgain(id); };
  if (!d->asked.value(id).changes() || !d->asks(Replacing, again)) again();
}

void CodeController::Private::sendAgain(const QString& questionId) {
  const MessageRecord* question = w.store->message(shown->chatId(), questionId);
  if (question == nullptr || !q->canAsk()) return;
  const auto known = asked.constFind(questionId);
  if (known == asked.constEnd()) {
    send(questionId, asking(CodeTask::ask, question->message.text(), 0, -1));
    return;
  }
  const CodeQuestion before = known->question;
  const bool isThere = before.hasSelection() && before.last < source.text.lines.size();
  send(questionId, asking(before.task, before.words, isThere ? before.first : 0, isThere ? before.last : -1));
}

void CodeController::stop() {
  d->w.turns->stop(chatId());
  Q_EMIT stateChanged();
}

void CodeController::runAction(const QString& messageId, int userErrorAction) {
  const auto action = static_cast<UserError::Action>(userErrorAction);
  if (d->w.store->message(chatId(), messageId) == nullptr || d->w.notices->perform(action)) return;
  switch (action) {
    case UserError::Retry: answerAgain(messageId); break;
    case UserError::ShorterContext:
      d->w.model->shorterContext();
      answerAgain(messageId);  // when it is loaded
      break;
    case UserError::NewChat: newConversation(); break;
    case UserError::ReadAgain: reopen(); break;
    case UserError::Dismiss:
      if (MessageRecord* failed = d->w.store->edit(chatId(), messageId)) {
        failed->message.error = {};
        failed->message.state = Message::State::Stopped;
        d->w.store->put(chatId(), messageId);
      }
      break;
    default: break;  // of notices about the file
  }
}

}  // namespace pio
