#include <QClipboard>
#include <QGuiApplication>
#include <QRandomGenerator>

#include "app/chat/chat_controller_p.h"
#include "app/chat/prompt.h"
#include "app/text/grapheme.h"

// What ChatController does with the messages of its chat.

namespace pio {
namespace {

constexpr qsizetype kTitleWords = 6, kTitleLength = 60;

QString titleFrom(const QString& text) {
  const QStringList words = text.simplified().split(' ');
  QString title = words.mid(0, kTitleWords).join(' ');
  if (title.size() > kTitleLength) title = beginningOf(title, kTitleLength - 1);  // scripts without spaces: one long word
  return title.size() < text.simplified().size() ? title + QStringLiteral("…") : title;
}

}  // namespace

Turns::MakeRequest ChatController::Private::requestFor(const QString& lastId, bool continues) const {
  return [wiring = w, lastId, continues](const Conversation& chat) -> std::optional<GenerateRequest> {
    const Message& last = chat.find(lastId)->message;
    GenerateRequest request;
    request.conversation = chat.chat.id.toStdString();
    request.sampling = wiring.settings->samplingParams();
    request.sampling.seed =
        wiring.settings->seed() >= 0 ? static_cast<std::uint64_t>(wiring.settings->seed()) : QRandomGenerator::global()->generate64();
    request.max_tokens = wiring.settings->maxTokens();
    if (wiring.model->thinks()) request.thinking = wiring.settings->thinking();
    request.continue_last = continues && (last.has(MessagePart::Kind::Text) || last.has(MessagePart::Kind::Thought));
    PromptMessages prompt = promptOf(chat, continues && !request.continue_last ? last.parent : lastId, wiring.model->sees());
    wiring.notices->show(Notices::Picture, prompt.isBlind ? blindModelNotice(wiring.model->name()) : UserError());
    request.messages = std::move(prompt.messages);
    return request;
  };
}

void ChatController::send(const QString& text) {
  const QString words = text.trimmed();
  if (words.isEmpty() || !d->w.tray->ready()) return;
  d->isBegun = true;
  if (d->run() != nullptr) {
    // One question at a time in a chat; the words stay in the composer.
    if (state() == NoModel) d->w.model->waitForModel();
    return;
  }
  d->full.remove(d->id);
  d->sayFull();
  Message question;
  for (const MessagePart& picture : d->w.tray->take()) question.add(picture);
  question.setText(words);
  if (d->id.isEmpty()) {
    d->beginChat(titleFrom(words));
  } else if (!draft().isEmpty()) {
    d->w.store->setDraft(d->id, {});
    d->draftTimer.start();
    d->saveDraft();
  }
  Q_EMIT draftChanged();
  const QString id = d->w.store->addQuestion(d->id, d->chat()->leaf(), question);
  Q_EMIT messageFocusRequested(id);
  d->w.turns->answer(d->id, id, d->requestFor(id, false));
  d->countTimer.start();
}

void ChatController::regenerate(const QString& messageId) {
  const MessageRecord* record = d->message(messageId);
  if (record == nullptr) return;
  const QString question = record->message.role == Message::Role::Assistant ? record->message.parent : messageId;
  if (question.isEmpty() || d->w.turns->isWaiting(d->id)) return;
  d->w.turns->answer(d->id, question, d->requestFor(question, false));
}

void ChatController::regenerateLast() { regenerate(d->shown->last()); }

void ChatController::editAndResend(const QString& messageId, const QString& text) {
  const MessageRecord* record = d->message(messageId);
  const QString words = text.trimmed();
  if (record == nullptr || record->message.role != Message::Role::User || words.isEmpty()) return;
  Message edited = record->message;
  edited.setText(words);
  const QString id = d->w.store->addQuestion(d->id, record->message.parent, edited);
  Q_EMIT messageFocusRequested(id);
  d->w.turns->answer(d->id, id, d->requestFor(id, false));
}

void ChatController::selectVersion(const QString& messageId, int version) {
  const Conversation* chat = d->chat();
  if (chat == nullptr) return;
  const QStringList versions = chat->siblings(messageId);
  if (version >= 1 && version <= versions.size()) d->w.store->activate(d->id, versions[version - 1]);
}

void ChatController::continueAnswer(const QString& messageId) {
  const Conversation* chat = d->chat();
  const MessageRecord* record = d->message(messageId);
  if (record == nullptr || record->message.role != Message::Role::Assistant || chat->hasChildren(messageId)) return;
  if (record->message.state == Message::State::Streaming || d->run() != nullptr) return;
  d->w.turns->carryOn(d->id, messageId, d->requestFor(messageId, true));
}

void ChatController::continueLast() { continueAnswer(d->shown->last()); }

void ChatController::removeMessage(const QString& messageId) {
  const MessageRecord* record = d->message(messageId);
  if (record == nullptr) return;
  const QString text = record->message.text();
  const QString title = text.isEmpty() ? tr("Empty answer") : titleFrom(text);
  QStringList ids{messageId};
  for (qsizetype i = 0; i < ids.size(); ++i) ids.append(d->chat()->childrenOf(ids[i]));
  if (d->w.turns->concerns(d->id, ids)) d->w.turns->stop(d->id);
  const qint64 removal = HistoryDb::newRemoval();
  const QList<MessageRecord> gone = d->w.store->remove(d->id, messageId, removal);
  d->w.history->offerUndo(
      title, [this, gone, removal, chatId = d->id] { d->w.store->restore(chatId, gone, removal); },
      [this, removal, chatId = d->id] {
        d->w.store->purge(removal);
        d->w.queue->forget(chatId);
      });
  Q_EMIT stateChanged();
}

void ChatController::runAction(const QString& messageId, int userErrorAction) {
  const auto action = static_cast<UserError::Action>(userErrorAction);
  const MessageRecord* record = d->message(messageId);
  if (record == nullptr || d->w.notices->perform(action)) return;
  switch (action) {
    case UserError::Retry: regenerate(messageId); break;
    case UserError::ShorterContext:
      d->w.model->shorterContext();
      regenerate(messageId);  // when it is loaded
      break;
    case UserError::NewChat: d->beginNew(isImage()); break;
    case UserError::Dismiss:
      if (MessageRecord* failed = d->w.store->edit(d->id, messageId)) {
        failed->message.error = {};
        failed->message.state = Message::State::Stopped;
        d->w.store->put(d->id, messageId);
      }
      break;
    default: break;  // of the code pane's file
  }
}

QString ChatController::lastUserMessageId() const { return d->shown->lastOf(Message::Role::User); }

QString ChatController::textOf(const QString& messageId) const {
  const MessageRecord* record = d->message(messageId);
  return record == nullptr ? QString() : record->message.text();
}

void ChatController::copyText(const QString& text) { QGuiApplication::clipboard()->setText(text); }

void ChatController::copyLastAnswer() {
  if (const QString id = d->shown->lastOf(Message::Role::Assistant); !id.isEmpty()) copyText(textOf(id));
}

void ChatController::copyWithThought(const QString& messageId) {
  const MessageRecord* record = d->message(messageId);
  if (record != nullptr) copyText(record->message.reasoning().trimmed() + QStringLiteral("\n\n") + record->message.text());
}

}  // namespace pio
