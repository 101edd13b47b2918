#include "app/chat/chat_controller.h"

#include <QDateTime>
#include <algorithm>
#include <utility>

#include "app/chat/chat_controller_p.h"

// The chat on screen: which it is, its draft, its state. What is done with its messages: chat_messages.cpp.

namespace pio {
namespace {

constexpr int kDraftSaveMs = 500;
constexpr int kDraftCountMs = 300;

ChatController::State stateOf(AnswerRun::State run) {
  switch (run) {
    case AnswerRun::NoModel: return ChatController::NoModel;
    case AnswerRun::Loading: return ChatController::Loading;
    case AnswerRun::Queued: return ChatController::Queued;
    case AnswerRun::Looking: return ChatController::Looking;
    case AnswerRun::Reading: return ChatController::Reading;
    case AnswerRun::Thinking: return ChatController::Thinking;
    case AnswerRun::Writing: return ChatController::Writing;
    case AnswerRun::Paused: return ChatController::Paused;
    case AnswerRun::Stopping: return ChatController::Stopping;
    case AnswerRun::Finished:
    case AnswerRun::Stopped:
    case AnswerRun::Superseded:
    case AnswerRun::Failed: break;
  }
  return ChatController::Ready;
}

}  // namespace

ChatController::ChatController(std::unique_ptr<Private> p, QObject* parent) : QObject(parent), d(std::move(p)) {
  d->q = this;
  d->shown = new ShownChat(d->w.store, d->w.turns, this);
  d->draftTimer.setSingleShot(true);
  d->draftTimer.setInterval(kDraftSaveMs);
  d->countTimer.setSingleShot(true);
  d->countTimer.setInterval(kDraftCountMs);
  connect(&d->draftTimer, &QTimer::timeout, this, [this] {
    d->draftTimer.start();  // saveDraft() saves what is pending
    d->saveDraft();
  });
  connect(&d->countTimer, &QTimer::timeout, this, [this] { d->countDraft(); });
  connect(d->shown->messages(), &ConversationModel::sentenceWritten, this, &ChatController::announcement);

  connect(d->w.model, &ModelSession::changed, this, [this] {
    if (d->w.model->state() == ModelSession::Ready) d->countTimer.start();
    Q_EMIT stateChanged();
    Q_EMIT progressChanged();
  });
  connect(d->w.model, &ModelSession::progressChanged, this, &ChatController::progressChanged);
  connect(d->w.queue, &EngineQueue::tokensCounted, this, [this](quint64 serial, qint64 nTokens) {
    if (serial != d->draftSerial || nTokens == d->draftTokens) return;
    d->draftTokens = nTokens;
    Q_EMIT draftTokensChanged();
  });
  connect(d->w.turns, &Turns::runChanged, this, [this](const QString& chatId) {
    if (chatId != d->id) return;
    Q_EMIT stateChanged();
    Q_EMIT statsChanged();
  });
  connect(d->w.turns, &Turns::progressChanged, this, [this](const QString& chatId) {
    if (chatId != d->id) return;
    Q_EMIT progressChanged();
    Q_EMIT statsChanged();
  });
  connect(d->w.turns, &Turns::contextFull, this, [this](const QString& chatId, qint64 contextLength) {
    d->full.insert(chatId, contextLength);
    if (chatId == d->id) d->sayFull();
  });

  connect(d->w.store, &ChatStore::opened, this, [this](quint64 serial, const QString& chatId) {
    if (serial != d->opening) return;
    d->show(chatId);
    d->focus(std::exchange(d->focusAfterOpening, {}));
  });
  connect(d->w.store, &ChatStore::missing, this, [this](quint64 serial) {
    if (serial == d->opening) d->opening = 0;
  });
  connect(d->w.store, &ChatStore::chatChanged, this, [this](const QString& chatId) {
    if (chatId == d->id) Q_EMIT chatChanged();
  });
  connect(d->w.history, &HistoryModel::removed, this, [this](const QString& chatId) {
    if (chatId == d->id) d->beginNew(isImage());
  });
  const auto askCosts = [this] {
    if (d->w.tray->count() > 0) d->w.model->askPictureCosts();
  };
  connect(d->w.tray, &PictureTray::countChanged, this, askCosts);
  connect(d->w.model, &ModelSession::changed, this, askCosts);
  connect(d->w.model, &ModelSession::pictureCostsChanged, d->w.tray, [this] { d->w.tray->setCosts(d->w.model->pictureCosts()); });
  connect(d->w.tray, &PictureTray::refused, this, [this](const UserError& why) { d->w.notices->show(Notices::Picture, why); });
}

ChatController::~ChatController() = default;

// ---- which chat --------------------------------------------------------------------------------------------------------------------

void ChatController::Private::show(const QString& chatId) {
  saveDraft();
  id = chatId;
  opening = 0;
  shown->show(id);
  w.tray->show(id.isEmpty() && newIsImage ? QStringLiteral("new") : id);
  w.store->putMeta(QStringLiteral("last_chat"), id);
  sayFull();
  draftTokens = 0;
  countTimer.start();
  Q_EMIT q->chatChanged();
  Q_EMIT q->draftChanged();
  Q_EMIT q->draftTokensChanged();
  Q_EMIT q->statsChanged();
  Q_EMIT q->progressChanged();
  Q_EMIT q->stateChanged();
}

void ChatController::Private::focus(const QString& messageId) {
  if (message(messageId) == nullptr) return;
  w.store->activate(id, messageId);
  Q_EMIT q->messageFocusRequested(messageId);
}

void ChatController::Private::beginNew(bool isImage) {
  isBegun = true;
  newSystemPrompt.reset();
  newIsImage = isImage;
  show({});
}

void ChatController::Private::beginChat(const QString& title) {
  ChatRecord record;
  record.id = newId();
  record.title = title;
  record.created = record.updated = QDateTime::currentMSecsSinceEpoch();
  record.systemPrompt = q->systemPrompt();
  record.kind = newIsImage ? ChatRecord::Kind::Image : ChatRecord::Kind::Chat;
  newSystemPrompt.reset();
  newDraft.clear();
  draftTimer.stop();
  w.store->addChat(record);
  w.store->putMeta(QStringLiteral("new_draft"), {});
  w.store->putMeta(QStringLiteral("last_chat"), record.id);
  id = record.id;
  opening = 0;  // a chat that is being opened does not come in between
  shown->show(id);
  w.tray->show(id);
  Q_EMIT q->chatChanged();
}

void ChatController::Private::sayFull() {
  if (!full.contains(id)) {
    w.notices->clear(Notices::Chat);
    return;
  }
  w.notices->show(Notices::Chat, contextFullNotice(full.value(id)), [this, chatId = id](UserError::Action action) {
    full.remove(chatId);
    w.notices->clear(Notices::Chat);
    if (action == UserError::NewChat) beginNew(q->isImage());
  });
}

void ChatController::openLastChat(const QString& chatId, const QString& newDraft) {
  if (d->newDraft.isEmpty() && !newDraft.isEmpty()) {
    d->newDraft = newDraft;
    if (d->id.isEmpty()) Q_EMIT draftChanged();
  }
  if (!d->isBegun && d->id.isEmpty() && !chatId.isEmpty()) openChat(chatId);
}

void ChatController::newChat() { d->beginNew(false); }
void ChatController::newImageChat() { d->beginNew(true); }

void ChatController::openChat(const QString& chatId, const QString& messageId) {
  if (chatId.isEmpty()) return;
  d->isBegun = true;
  d->opening = 0;  // what was clicked last counts
  if (chatId == d->id) {
    d->focus(messageId);
    return;
  }
  // What is being written, or could not be saved, is newer here than in the file.
  if (d->w.store->find(chatId) != nullptr && (d->w.turns->runOf(chatId) != nullptr || d->w.store->isInTrouble())) {
    d->show(chatId);
    d->focus(messageId);
    return;
  }
  d->focusAfterOpening = messageId;
  d->opening = d->w.store->open(chatId);
}

void ChatController::rename(const QString& chatId, const QString& title) { d->w.history->rename(chatId, title); }

QString ChatController::chatId() const { return d->id; }

QString ChatController::title() const {
  const Conversation* chat = d->chat();
  return chat == nullptr ? QString() : chat->chat.title;
}

bool ChatController::isImage() const {
  const Conversation* chat = d->chat();
  return chat == nullptr ? d->newIsImage : chat->chat.kind == ChatRecord::Kind::Image;
}

QString ChatController::systemPrompt() const {
  const Conversation* chat = d->chat();
  return chat == nullptr ? d->newSystemPrompt.value_or(d->w.settings->systemPrompt()) : chat->chat.systemPrompt;
}

void ChatController::setSystemPrompt(const QString& text) {
  if (text == systemPrompt()) return;
  if (d->chat() != nullptr) {
    d->w.store->setSystemPrompt(d->id, text);
  } else {
    d->newSystemPrompt = text;
    Q_EMIT chatChanged();
  }
}

// ---- the draft ---------------------------------------------------------------------------------------------------------------------

QString ChatController::draft() const {
  const Conversation* chat = d->chat();
  return chat == nullptr ? d->newDraft : chat->chat.draft;
}

void ChatController::setDraft(const QString& text) {
  if (text == draft()) return;
  if (d->chat() != nullptr) d->w.store->setDraft(d->id, text);
  else d->newDraft = text;
  d->draftTimer.start();
  d->countTimer.start();
  Q_EMIT draftChanged();
}

void ChatController::Private::saveDraft() {
  if (!draftTimer.isActive()) return;
  draftTimer.stop();
  if (chat() != nullptr) w.store->saveDraft(id);
  else w.store->putMeta(QStringLiteral("new_draft"), newDraft);
}

void ChatController::saveDraft() { d->saveDraft(); }

void ChatController::Private::countDraft() {
  const QString text = q->draft();
  draftSerial = 0;
  if (text.trimmed().isEmpty()) {
    if (std::exchange(draftTokens, 0) != 0) Q_EMIT q->draftTokensChanged();
    return;
  }
  if (w.model->state() == ModelSession::Ready && !w.queue->isShutDown()) draftSerial = w.queue->countTokens(text);
}

qint64 ChatController::draftTokens() const { return d->draftTokens; }

// ---- its state ---------------------------------------------------------------------------------------------------------------------

ChatController::State ChatController::state() const {
  const AnswerRun* run = d->run();
  if (run != nullptr && !run->isWaiting()) return stateOf(run->state());
  switch (d->w.model->state()) {
    case ModelSession::None: return NoModel;
    case ModelSession::Loading: return Loading;
    case ModelSession::Stopping: return Stopping;
    case ModelSession::Ready: break;
  }
  return run != nullptr ? Queued : Ready;
}

bool ChatController::busy() const { return state() != NoModel && state() != Ready; }
bool ChatController::queued() const { return d->w.turns->isWaiting(d->id); }

qint64 ChatController::progressDone() const {
  const AnswerRun* run = d->run();
  return run != nullptr && !run->isWaiting() ? run->progressDone() : state() == Loading ? d->w.model->loadedBytes() : 0;
}

qint64 ChatController::progressTotal() const {
  const AnswerRun* run = d->run();
  return run != nullptr && !run->isWaiting() ? run->progressTotal() : state() == Loading ? d->w.model->totalBytes() : 0;
}

double ChatController::tokensPerSecond() const { return d->shown->tokensPerSecond(); }
qint64 ChatController::contextUsed() const { return d->shown->contextUsed(); }
ModelSession* ChatController::model() const { return d->w.model; }
Notices* ChatController::notices() const { return d->w.notices; }
ConversationModel* ChatController::messages() const { return d->shown->messages(); }
PictureTray* ChatController::tray() const { return d->w.tray; }
void ChatController::forEachShown(const std::function<void(const Message&)>& visit) const { d->shown->forEach(visit); }

void ChatController::stop() {
  const State before = state();
  d->w.turns->stop(d->id);
  if (before == Loading) d->w.model->stop();
  Q_EMIT stateChanged();
}

}  // namespace pio
