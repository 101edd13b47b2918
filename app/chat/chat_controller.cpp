#include "app/chat/chat_controller.h"

#include <QClipboard>
#include <QDateTime>
#include <QGuiApplication>
#include <QRandomGenerator>
#include <algorithm>

#include "app/chat/chat_controller_p.h"
#include "app/history/message_codec.h"
#include "app/text/grapheme.h"

namespace pio {
namespace {

constexpr int kDraftSaveMs = 500;
constexpr int kDraftCountMs = 300;
constexpr int kStatsMs = 250;            // figures run at 4 Hz (look.md 4)
constexpr qint64 kSpeedTokens = 32;      // answers shorter than this say little about a model's speed
constexpr qsizetype kTitleWords = 6, kTitleLength = 60;

QString titleFrom(const QString& text) {
  const QStringList words = text.simplified().split(' ');
  QString title = words.mid(0, kTitleWords).join(' ');
  if (title.size() > kTitleLength) title = beginningOf(title, kTitleLength - 1);  // scripts without spaces: one long word
  return title.size() < text.simplified().size() ? title + QStringLiteral("…") : title;
}

qint64 now() { return QDateTime::currentMSecsSinceEpoch(); }

}  // namespace

// ---- turns -------------------------------------------------------------------------------------------------------------------------

bool ChatController::Private::waitsIn(const QString& chat) const {
  return std::any_of(queue.begin(), queue.end(), [&](const Turn& turn) { return turn.chatId == chat; });
}

void ChatController::Private::enqueue(const Turn& turn) {
  queue.append(turn);
  if (!isReady && !isLoading) setNotice(noModelNotice(), NoticeKind::model);
  pump();
  Q_EMIT q->stateChanged();
}

void ChatController::Private::pump() {
  while (!active && isReady && !isLoading && !isEngineTaken && !queue.isEmpty()) {
    const Turn turn = queue.takeFirst();
    const auto chat = chats.find(turn.chatId);
    const QString needed = turn.continues ? turn.answerId : turn.answerTo;
    if (chat != chats.end() && chat->second.contains(needed)) begin(turn);
  }
}

void ChatController::Private::begin(Turn turn) {
  Conversation& chat = chats[turn.chatId];
  turn.number = ++turnNumber;
  stop = std::stop_source();
  isStopping = false;
  hasWords = isThinking = isLooking = false;
  progressDone = progressTotal = promptTokens = 0;
  if (turn.continues) {
    MessageRecord* record = chat.find(turn.answerId);
    record->message.state = Message::State::Streaming;
    record->message.error = {};
    turn.earlierTokens = record->message.generatedTokens;
    turn.earlierThinking = record->message.thinkingSeconds;
    turn.earlierThoughts = record->message.thinkingTokens;
    tellWriter([record = *record](HistoryWriter& writer) { writer.putMessage(record); });
  } else {
    MessageRecord record;
    record.chatId = turn.chatId;
    record.created = now();
    record.message.id = newId();
    record.message.parent = turn.answerTo;
    record.message.role = Message::Role::Assistant;
    record.message.state = Message::State::Streaming;
    record.message.modelName = modelName;
    turn.answerId = record.message.id;
    chat.add(record);
    tellWriter([record](HistoryWriter& writer) { writer.addMessage(record); });
  }
  waitsForStorage = turn.answerId;
  active = turn;
  w.history->setWriting(turn.chatId);
  if (turn.chatId == chatId) {
    syncPath();
    showMessage(turn.answerId);
  }
  Q_EMIT q->stateChanged();
  Q_EMIT q->progressChanged();
}

std::vector<ChatMessage> ChatController::Private::promptOf(const Conversation& chat, const QString& lastId) const {
  std::vector<ChatMessage> prompt;
  if (!chat.chat.systemPrompt.trimmed().isEmpty()) prompt.push_back({"system", chat.chat.systemPrompt.toStdString()});
  const QStringList ids = chat.pathTo(lastId);
  for (const QString& id : ids) {
    const Message& message = chat.find(id)->message;
    const bool isCarriedOn = id == lastId && message.has(MessagePart::Kind::Thought);
    // An answer that was stopped before its first word is nothing that was said, unless it is carried on.
    if (message.role == Message::Role::Assistant && !message.has(MessagePart::Kind::Text) && !message.has(MessagePart::Kind::ToolCall) &&
        !isCarriedOn)
      continue;
    prompt.push_back(pio::promptOf(message, modelSees));
  }
  return prompt;
}

void ChatController::Private::launch() {
  waitsForStorage.clear();
  if (isShutDown) return;
  const Conversation& chat = chats[active->chatId];
  const MessageRecord* record = chat.find(active->answerId);
  GenerateJob job;
  job.turn = active->number;
  job.messageId = active->answerId;
  job.request.conversation = active->chatId.toStdString();
  job.request.sampling = w.settings->samplingParams();
  job.request.sampling.seed = w.settings->seed() >= 0 ? static_cast<std::uint64_t>(w.settings->seed()) : QRandomGenerator::global()->generate64();
  job.request.max_tokens = w.settings->maxTokens();
  if (modelThinks) job.request.thinking = w.settings->thinking();
  if (record == nullptr) {
    stop.request_stop();  // removed in the meantime: the engine ends the turn at once
  } else {
    job.request.continue_last = active->continues && (record->message.has(MessagePart::Kind::Text) || record->message.has(MessagePart::Kind::Thought));
    job.request.messages = promptOf(chat, job.request.continue_last ? active->answerId : record->message.parent);
    const QStringList read = chat.pathTo(active->answerTo);
    const auto shows = [&](const QString& id) { return chat.find(id)->message.has(MessagePart::Kind::Picture); };
    if (!modelSees && std::any_of(read.begin(), read.end(), shows)) setNotice(blindModelNotice(modelName), NoticeKind::other);
  }
  QMetaObject::invokeMethod(w.worker, [worker = w.worker, job, token = stop.get_token()] { worker->generate(job, token); });
}

MessageRecord* ChatController::Private::activeRecord() {
  if (!active) return nullptr;
  const auto chat = chats.find(active->chatId);
  return chat == chats.end() ? nullptr : chat->second.find(active->answerId);
}

void ChatController::Private::onWords(quint64 turn, Words kind, const QString& delta, qint64 nTokens) {
  if (!active || active->number != turn) return;
  MessageRecord* record = activeRecord();
  if (record == nullptr) return;
  Message& message = record->message;
  const State before = q->state();
  if (!hasWords) {
    hasWords = true;
    progressTotal = 0;
    firstWordTokens = nTokens;
    tokensPerSecond = 0;
    sinceFirstWord.start();
    sinceStats.start();
  }
  message.generatedTokens = active->earlierTokens + nTokens;
  const bool isThought = kind == Words::thought;
  const bool endsThought = isThinking && !isThought;
  if (!message.has(MessagePart::Kind::Text) && (isThinking || isThought)) {
    message.thinkingSeconds = active->earlierThinking + static_cast<double>(sinceFirstWord.elapsed()) / 1000;
    if (isThought) message.thinkingTokens = active->earlierThoughts + nTokens;
    isThinking = isThought;
  }
  if (isThought) message.appendThought(delta);
  else message.appendText(delta);
  if (path.contains(active->answerId)) {
    if (isThought || endsThought)
      messages->appendThought(active->answerId, isThought ? delta : QString(), message.thinkingSeconds, message.thinkingTokens);
    if (!isThought) messages->appendText(active->answerId, delta);
  }
  progressDone = isThinking ? static_cast<qint64>(message.thinkingSeconds) : message.generatedTokens;
  if (q->state() != before) Q_EMIT q->stateChanged();
  Q_EMIT q->progressChanged();
  if (sinceStats.elapsed() >= kStatsMs) {
    sinceStats.restart();
    tokensPerSecond = static_cast<double>(nTokens - firstWordTokens) * 1000 / static_cast<double>(std::max<qint64>(1, sinceFirstWord.elapsed()));
    if (active->chatId == chatId) contextUsed = promptTokens + nTokens;
    Q_EMIT q->statsChanged();
  }
}

void ChatController::Private::onFinished(quint64 turn, FinishReason reason, const GenerationStats& stats) {
  if (!active || active->number != turn) return;
  MessageRecord* record = activeRecord();
  if (record != nullptr) {
    Message& message = record->message;
    switch (reason) {
      case FinishReason::stop: message.state = Message::State::Complete; break;
      case FinishReason::length:
      case FinishReason::context_full:
      case FinishReason::cancelled: message.state = Message::State::Stopped; break;
    }
    message.generatedTokens = active->earlierTokens + stats.generated_tokens;
    message.tokensPerSecond = stats.tokens_per_second;
    message.firstTokenSeconds = stats.first_token_seconds;
    message.contextUsed = stats.context_used;
    message.contextLength = stats.context_length;
  }
  tokensPerSecond = stats.tokens_per_second;
  if (active->chatId == chatId) contextUsed = stats.context_used;
  if (stats.generated_tokens >= kSpeedTokens) w.models->noteSpeed(modelPath, stats.tokens_per_second);
  if (reason == FinishReason::context_full) setNotice(contextFullNotice(stats.context_length), NoticeKind::other);
  endTurn(record);
}

void ChatController::Private::onFailed(quint64 turn, const Error& error) {
  if (!active || active->number != turn) return;
  MessageRecord* record = activeRecord();
  if (record != nullptr) {
    record->message.error = userErrorOf(error);
    record->message.state = record->message.error.isSet() ? Message::State::Failed : Message::State::Stopped;
  }
  endTurn(record);
}

void ChatController::Private::endTurn(MessageRecord* record) {
  const Turn ended = *active;
  if (record != nullptr) {
    tellWriter([record = *record](HistoryWriter& writer) { writer.putMessage(record); });
    chats[ended.chatId].chat.updated = now();
    w.history->touch(ended.chatId, chats[ended.chatId].chat.updated);
    if (ended.chatId == chatId) showMessage(ended.answerId);
  }
  w.history->setWriting({});
  active.reset();
  isStopping = false;
  pump();
  Q_EMIT q->stateChanged();
  Q_EMIT q->progressChanged();
  Q_EMIT q->statsChanged();
  if (!active) countTimer.start();
}

void ChatController::Private::stopTurn() {
  if (!active) return;
  isStopping = true;
  stop.request_stop();  // direct: a queued slot would wait behind generate() itself
}

// ---- the chat on screen --------------------------------------------------------------------------------------------------------------

Conversation* ChatController::Private::shown() {
  const auto chat = chats.find(chatId);
  return chat == chats.end() ? nullptr : &chat->second;
}

void ChatController::Private::show(const QString& id) {
  saveDraft();
  chatId = id;
  opening.clear();
  Conversation* chat = shown();
  path = chat == nullptr ? QStringList() : chat->path();
  QList<Message> list;
  contextUsed = 0;
  tokensPerSecond = 0;
  for (const QString& message : std::as_const(path)) {
    list.append(chat->shown(message));
    if (list.last().contextUsed > 0) {
      contextUsed = list.last().contextUsed;
      tokensPerSecond = list.last().tokensPerSecond;
    }
  }
  messages->reset(list);
  w.history->setCurrent(chatId);
  w.tray->show(chatId.isEmpty() && newIsImage ? QStringLiteral("new") : chatId);
  lastShown[q->isImage()] = chatId;
  tellWriter([id](HistoryWriter& writer) { writer.putMeta(QStringLiteral("last_chat"), id); });
  draftTokens = 0;
  countTimer.start();
  Q_EMIT q->chatChanged();
  Q_EMIT q->draftChanged();
  Q_EMIT q->draftTokensChanged();
  Q_EMIT q->statsChanged();
  Q_EMIT q->stateChanged();
}

void ChatController::Private::syncPath() {
  const Conversation* chat = shown();
  const QStringList wanted = chat == nullptr ? QStringList() : chat->path();
  qsizetype same = 0;
  while (same < path.size() && same < wanted.size() && path[same] == wanted[same]) ++same;
  if (same < path.size()) messages->removeFrom(path[same]);
  for (qsizetype i = same; i < wanted.size(); ++i) messages->append(chat->shown(wanted[i]));
  path = wanted;
}

void ChatController::Private::showMessage(const QString& id) {
  if (path.contains(id)) messages->update(shown()->shown(id));
}

void ChatController::Private::focus(const QString& messageId) {
  Conversation* chat = shown();
  if (messageId.isEmpty() || chat == nullptr || !chat->contains(messageId)) return;
  const QStringList ids = chat->pathTo(messageId);
  for (const QString& id : ids) {
    if (!chat->activate(id)) continue;
    tellWriter([chat = chatId, parent = chat->find(id)->message.parent, id](HistoryWriter& writer) { writer.setActiveChild(chat, parent, id); });
  }
  syncPath();
  Q_EMIT q->messageFocusRequested(messageId);
}

void ChatController::Private::saveDraft() {
  if (!draftTimer.isActive()) return;
  draftTimer.stop();
  if (const Conversation* chat = shown()) {
    tellWriter([id = chatId, text = chat->chat.draft](HistoryWriter& writer) { writer.setDraft(id, text); });
  } else {
    tellWriter([text = newDraft](HistoryWriter& writer) { writer.putMeta(QStringLiteral("new_draft"), text); });
  }
}

void ChatController::Private::countDraft() {
  const QString text = q->draft();
  ++draftSerial;
  if (text.trimmed().isEmpty()) {
    if (draftTokens != 0) {
      draftTokens = 0;
      Q_EMIT q->draftTokensChanged();
    }
    return;
  }
  // Only when the engine's thread is idle: behind an answer the figure would come too late to be of use. It is asked again then.
  if (q->state() != Ready || isEngineTaken) return;
  QMetaObject::invokeMethod(w.worker, [worker = w.worker, serial = draftSerial, text] { worker->countTokens(serial, text); });
}

MessageRecord ChatController::Private::addUserMessage(Conversation& chat, const QString& parent, const QString& text, const QList<MessagePart>& pictures) {
  MessageRecord record;
  record.chatId = chat.chat.id;
  record.created = now();
  record.message.id = newId();
  record.message.parent = parent;
  record.message.role = Message::Role::User;
  for (const MessagePart& picture : pictures) record.message.add(picture);
  record.message.setText(text);
  chat.add(record);
  chat.chat.updated = record.created;
  tellWriter([record](HistoryWriter& writer) { writer.addMessage(record); });
  w.history->touch(chat.chat.id, record.created);
  syncPath();
  return record;
}

void ChatController::Private::setNotice(const UserError& value, NoticeKind kind) {
  if (notice == value) return;
  notice = value;
  noticeKind = value.isSet() ? kind : NoticeKind::none;
  Q_EMIT q->noticeChanged();
}

void ChatController::Private::endLoading() {
  isLoading = false;
  isStopping = active.has_value();
  progressDone = progressTotal = 0;
}

void ChatController::Private::forgetModel() {
  isReady = false;
  modelPath.clear();
  modelName.clear();
  modelDetail.clear();
  modelNotes.clear();
  modelSees = modelThinks = false;
  modelContext = 0;
  loadedWith.reset();
  w.models->setCurrent({});
}

void ChatController::Private::takeModel(const LoadedInfo& info) {
  endLoading();
  isReady = true;
  modelPath = QString::fromStdString(info.path);
  modelName = modelNameOf(modelPath);
  modelDetail = QString::fromStdString(info.quantization);
  modelContext = info.context_length;
  modelSees = info.can_see;
  modelThinks = info.can_think;
  modelNotes.clear();
  for (const std::string& note : info.notes) modelNotes.append(QString::fromStdString(note));
  w.settings->setRecommended(info.recommended);
  w.models->setCurrent(modelPath);
}

// ---- the controller ------------------------------------------------------------------------------------------------------------------

ChatController::ChatController(std::unique_ptr<Private> p, QObject* parent) : QObject(parent), d(std::move(p)) {
  d->q = this;
  d->messages = new ConversationModel(this);
  d->draftTimer.setSingleShot(true);
  d->draftTimer.setInterval(kDraftSaveMs);
  d->countTimer.setSingleShot(true);
  d->countTimer.setInterval(kDraftCountMs);
  connect(&d->draftTimer, &QTimer::timeout, this, [this] {
    d->draftTimer.start();  // saveDraft() saves what is pending
    d->saveDraft();
  });
  connect(&d->countTimer, &QTimer::timeout, this, [this] { d->countDraft(); });
  connect(d->messages, &ConversationModel::sentenceWritten, this, &ChatController::announcement);

  connect(d->w.settings, &Settings::changed, this, &ChatController::thinkingChanged);

  const EngineWorker* worker = d->w.worker;
  connect(worker, &EngineWorker::loadProgress, this, [this](quint64 number, qint64 done, qint64 total) {
    if (number != d->loadNumber || !d->isLoading) return;
    d->progressDone = done;
    d->progressTotal = total;
    Q_EMIT progressChanged();
  });
  connect(worker, &EngineWorker::loaded, this, [this](quint64 number, const LoadedInfo& info) {
    if (number != d->loadNumber) return;
    d->takeModel(info);
    d->loadedWith = d->loadingWith;
    d->w.models->noteLoaded(d->modelPath);
    if (d->noticeKind == Private::NoticeKind::model) d->setNotice({}, Private::NoticeKind::none);
    d->pump();
    Q_EMIT modelChanged();
    Q_EMIT stateChanged();
    Q_EMIT statsChanged();
    d->countTimer.start();
  });
  connect(worker, &EngineWorker::loadFailed, this, [this](quint64 number, const Error& error) {
    if (number != d->loadNumber) return;
    d->endLoading();
    d->forgetModel();
    UserError notice = userErrorOf(error);
    // What waited is kept for the next model, unless the person stopped it.
    if (!notice.isSet()) d->queue.clear();
    else if (!notice.actions.contains(UserError::Retry) && notice.actions.size() < 3) notice.actions.append(UserError::Retry);
    d->setNotice(notice, Private::NoticeKind::model);
    Q_EMIT modelChanged();
    Q_EMIT stateChanged();
    Q_EMIT statsChanged();
  });
  connect(worker, &EngineWorker::kept, this, [this](quint64 number, const Error& error, const LoadedInfo& info) {
    if (number != d->loadNumber) return;
    d->takeModel(info);
    const UserError notice = keptModelNotice(error, d->modelName);
    if (!notice.isSet()) d->lastPath = d->modelPath;  // the person stopped it
    d->setNotice(notice, Private::NoticeKind::model);
    d->pump();
    Q_EMIT modelChanged();
    Q_EMIT stateChanged();
    Q_EMIT statsChanged();
  });
  connect(worker, &EngineWorker::dropped, this, [this](quint64 turn, qint64 nMessages) {
    if (!d->active || d->active->number != turn) return;
    if (MessageRecord* record = d->activeRecord()) {
      record->message.droppedMessages = nMessages;
      d->showMessage(d->active->answerId);
    }
  });
  connect(worker, &EngineWorker::looking, this, [this](quint64 turn, qint64 done, qint64 total) {
    if (!d->active || d->active->number != turn || d->hasWords) return;
    d->isLooking = done < total;
    d->progressDone = d->isLooking ? done : 0;  // what is read is another figure, not known yet
    d->progressTotal = d->isLooking ? total : 0;
    Q_EMIT stateChanged();
    Q_EMIT progressChanged();
  });
  connect(worker, &EngineWorker::prefill, this, [this](quint64 turn, qint64 done, qint64 total) {
    if (!d->active || d->active->number != turn || d->hasWords) return;
    if (std::exchange(d->isLooking, false)) Q_EMIT stateChanged();
    d->progressDone = done;
    d->progressTotal = total;
    d->promptTokens = total;
    Q_EMIT progressChanged();
  });
  connect(worker, &EngineWorker::textReady, this,
          [this](quint64 turn, const QString&, const QString& delta, qint64 nTokens) { d->onWords(turn, Private::Words::answer, delta, nTokens); });
  connect(worker, &EngineWorker::thoughtReady, this,
          [this](quint64 turn, const QString&, const QString& delta, qint64 nTokens) { d->onWords(turn, Private::Words::thought, delta, nTokens); });
  connect(worker, &EngineWorker::toolCalled, this, [this](quint64 turn, const QString& name, const QString& arguments) {
    if (!d->active || d->active->number != turn) return;
    if (MessageRecord* record = d->activeRecord()) {
      record->message.addToolCall(name, arguments);
      d->hasWords = true;
      d->isThinking = false;
      d->showMessage(d->active->answerId);
      Q_EMIT stateChanged();
    }
  });
  connect(worker, &EngineWorker::finished, this,
          [this](quint64 turn, FinishReason reason, const GenerationStats& stats) { d->onFinished(turn, reason, stats); });
  connect(worker, &EngineWorker::failed, this, [this](quint64 turn, const Error& error) { d->onFailed(turn, error); });
  connect(worker, &EngineWorker::tokensCounted, this, [this](quint64 serial, qint64 nTokens) {
    if (serial != d->draftSerial || nTokens == d->draftTokens) return;
    d->draftTokens = nTokens;
    Q_EMIT draftTokensChanged();
  });

  const HistoryWriter* writer = d->w.writer;
  // The engine's words go to the history by the shortest way.
  connect(worker, &EngineWorker::textReady, writer, &HistoryWriter::appendText);
  connect(worker, &EngineWorker::thoughtReady, writer, &HistoryWriter::appendThought);
  connect(writer, &HistoryWriter::stored, this, [this](const QString& messageId) {
    if (d->active && d->waitsForStorage == messageId) d->launch();
  });
  connect(writer, &HistoryWriter::problem, this, [this](const HistoryProblem& problem) {
    d->inTrouble = true;
    d->setNotice(userErrorOf(problem), Private::NoticeKind::history);
  });
  connect(writer, &HistoryWriter::recovered, this, [this] {
    d->inTrouble = false;
    if (d->noticeKind == Private::NoticeKind::history) d->setNotice({}, Private::NoticeKind::none);
  });
  connect(writer, &HistoryWriter::readFailed, this,
          [this](const HistoryProblem& problem) { d->setNotice(userErrorOf(problem), Private::NoticeKind::reading); });
  connect(writer, &HistoryWriter::readRecovered, this, [this] {
    if (d->noticeKind == Private::NoticeKind::reading) d->setNotice({}, Private::NoticeKind::none);
  });
  connect(writer, &HistoryWriter::chatLoaded, this, [this](quint64 serial, const ChatRecord& chat, const QList<MessageRecord>& messages) {
    if (serial != d->openSerial || d->opening != chat.id) return;
    if (!d->runsIn(chat.id) && !d->waitsIn(chat.id)) d->chats.insert_or_assign(chat.id, Conversation(chat, messages));
    d->show(chat.id);
    d->focus(std::exchange(d->focusAfterOpening, {}));
  });
  connect(writer, &HistoryWriter::chatMissing, this, [this](quint64 serial) {
    if (serial != d->openSerial || d->opening.isEmpty()) return;
    if (d->chats.contains(d->opening)) {
      d->show(QString(d->opening));
      d->focus(std::exchange(d->focusAfterOpening, {}));
    }
    d->opening.clear();
  });

  connect(d->w.history, &HistoryModel::openRequested, this, [this](const QString& chat, const QString& message) {
    if (chat == d->chatId) {
      d->focus(message);
      return;
    }
    openChat(chat);
    if (d->opening.isEmpty()) d->focus(message);
    else d->focusAfterOpening = message;
  });
  connect(d->w.history, &HistoryModel::renamed, this, [this](const QString& chat, const QString& title) {
    if (const auto known = d->chats.find(chat); known != d->chats.end()) known->second.chat.title = title;
    if (chat == d->chatId) Q_EMIT chatChanged();
  });
  connect(d->w.history, &HistoryModel::removed, this, [this](const QString& chat) {
    d->queue.removeIf([&](const Private::Turn& turn) { return turn.chatId == chat; });
    if (d->runsIn(chat)) stop();
    for (QString& last : d->lastShown) {
      if (last == chat) last.clear();
    }
    if (chat == d->chatId) d->beginNew(isImage());
    Q_EMIT stateChanged();
  });
  connect(d->w.tray, &PictureTray::refused, this, [this](const UserError& why) { d->setNotice(why, Private::NoticeKind::other); });
  connect(d->w.models, &ModelLibrary::loadRequested, this, &ChatController::loadModel);
}

ChatController::~ChatController() = default;

ChatController::State ChatController::state() const {
  if (d->isStopping) return Stopping;
  if (d->active) return d->isThinking ? Thinking : d->hasWords ? Writing : d->isLooking ? Looking : Reading;
  if (d->isLoading) return Loading;
  return d->isReady ? Ready : NoModel;
}

bool ChatController::busy() const { return (state() != NoModel && state() != Ready) || (d->isEngineTaken && queued()); }
bool ChatController::queued() const { return d->waitsIn(d->chatId); }
ConversationModel* ChatController::messages() const { return d->messages; }
QString ChatController::chatId() const { return d->chatId; }

QString ChatController::title() const {
  const Conversation* chat = d->shown();
  return chat == nullptr ? QString() : chat->chat.title;
}

bool ChatController::isImage() const {
  const Conversation* chat = d->shown();
  return chat == nullptr ? d->newIsImage : chat->chat.kind == ChatRecord::Kind::Image;
}

PictureTray* ChatController::tray() const { return d->w.tray; }

QList<Message> ChatController::shownMessages() const {
  QList<Message> list;
  if (const Conversation* chat = d->shown()) {
    for (const QString& id : std::as_const(d->path)) list.append(chat->shown(id));
  }
  return list;
}

QString ChatController::systemPrompt() const {
  const Conversation* chat = d->shown();
  return chat == nullptr ? d->newSystemPrompt.value_or(d->w.settings->systemPrompt()) : chat->chat.systemPrompt;
}

void ChatController::setSystemPrompt(const QString& text) {
  if (text == systemPrompt()) return;
  if (Conversation* chat = d->shown()) {
    chat->chat.systemPrompt = text;
    d->tellWriter([id = d->chatId, text](HistoryWriter& writer) { writer.setSystemPrompt(id, text); });
  } else {
    d->newSystemPrompt = text;
  }
  Q_EMIT chatChanged();
}

QString ChatController::draft() const {
  const Conversation* chat = d->shown();
  return chat == nullptr ? d->newDraft : chat->chat.draft;
}

void ChatController::setDraft(const QString& text) {
  if (text == draft()) return;
  if (Conversation* chat = d->shown()) chat->chat.draft = text;
  else d->newDraft = text;
  d->draftTimer.start();
  d->countTimer.start();
  Q_EMIT draftChanged();
}

qint64 ChatController::draftTokens() const { return d->draftTokens; }
bool ChatController::hasModel() const { return d->isReady || d->isLoading; }
QString ChatController::modelName() const { return d->modelName; }
QString ChatController::modelDetail() const { return d->modelDetail; }
QString ChatController::modelPath() const { return d->modelPath; }
QStringList ChatController::modelNotes() const { return d->modelNotes; }
bool ChatController::modelSees() const { return d->modelSees; }
bool ChatController::modelThinks() const { return d->modelThinks; }
bool ChatController::thinking() const { return d->w.settings->thinking(); }

void ChatController::setThinking(bool value) { d->w.settings->setThinking(value); }

std::optional<LoadChoice> ChatController::loadedWith() const { return d->loadedWith; }
qint64 ChatController::progressDone() const { return d->progressDone; }
qint64 ChatController::progressTotal() const { return d->progressTotal; }
double ChatController::tokensPerSecond() const { return d->tokensPerSecond; }
qint64 ChatController::contextUsed() const { return d->contextUsed; }
qint64 ChatController::contextLength() const { return d->modelContext; }
UserError ChatController::notice() const { return d->notice; }

void ChatController::showNotice(const UserError& notice) { d->setNotice(notice, Private::NoticeKind::other); }

void ChatController::interruptedLoad(const QString& modelPath) {
  d->lastPath = modelPath;
  d->setNotice(interruptedLoadNotice(modelPath), Private::NoticeKind::model);
}

void ChatController::openLastChat(const QString& chatId, const QString& newDraft) {
  if (d->newDraft.isEmpty() && !newDraft.isEmpty()) {
    d->newDraft = newDraft;
    if (d->chatId.isEmpty()) Q_EMIT draftChanged();
  }
  if (!d->isBegun && d->chatId.isEmpty() && !chatId.isEmpty()) openChat(chatId);
}

void ChatController::setEngineTaken(bool taken) {
  if (taken == d->isEngineTaken) return;
  d->isEngineTaken = taken;
  d->pump();
  Q_EMIT stateChanged();
  if (!taken) d->countTimer.start();
}

void ChatController::shutDown() {
  d->isShutDown = true;
  d->queue.clear();
  d->loadStop.request_stop();
  if (d->active) d->stop.request_stop();
  d->saveDraft();
}

void ChatController::endShutDown() {
  if (d->active) d->onFinished(d->active->number, FinishReason::cancelled, {});  // it never reached the engine
}

void ChatController::Private::beginNew(bool isImage) {
  isBegun = true;
  ++openSerial;
  newSystemPrompt.reset();
  newIsImage = isImage;
  show({});
}

void ChatController::newChat() { d->beginNew(false); }
void ChatController::newImageChat() { d->beginNew(true); }

void ChatController::showImageChat(bool isImage) {
  if (isImage == this->isImage()) return;
  const QString last = d->lastShown[isImage];
  if (last.isEmpty()) d->beginNew(isImage);
  else openChat(last);
}

void ChatController::openChat(const QString& chatId) {
  if (chatId.isEmpty() || chatId == d->chatId) return;
  d->isBegun = true;
  ++d->openSerial;
  d->focusAfterOpening.clear();
  // What is being written, or could not be saved, is newer here than in the file.
  if (d->chats.contains(chatId) && (d->runsIn(chatId) || d->waitsIn(chatId) || d->inTrouble)) {
    d->show(chatId);
    return;
  }
  d->opening = chatId;
  d->tellWriter([serial = d->openSerial, chatId](HistoryWriter& writer) { writer.loadChat(serial, chatId); });
}

void ChatController::rename(const QString& title) { d->w.history->rename(d->chatId, title); }

void ChatController::send(const QString& text) {
  const QString words = text.trimmed();
  if (words.isEmpty() || !d->w.tray->ready()) return;
  d->isBegun = true;
  if (d->runsIn(d->chatId) || d->waitsIn(d->chatId)) {
    // One question at a time in a chat; the words stay in the composer.
    if (state() == NoModel) d->setNotice(noModelNotice(), Private::NoticeKind::model);
    return;
  }
  const QList<MessagePart> pictures = isImage() ? d->w.tray->take() : QList<MessagePart>();
  if (d->chatId.isEmpty()) {
    ++d->openSerial;  // a chat that is being opened does not come in between
    d->opening.clear();
    ChatRecord record;
    record.id = newId();
    record.title = titleFrom(words);
    record.created = record.updated = now();
    record.systemPrompt = systemPrompt();
    if (d->newIsImage) record.kind = ChatRecord::Kind::Image;
    d->newSystemPrompt.reset();
    d->newDraft.clear();
    d->draftTimer.stop();
    d->tellWriter([record](HistoryWriter& writer) {
      writer.putChat(record);
      writer.putMeta(QStringLiteral("new_draft"), {});
      writer.putMeta(QStringLiteral("last_chat"), record.id);
    });
    d->chats.insert_or_assign(record.id, Conversation(record, {}));
    d->chatId = record.id;
    d->lastShown[d->newIsImage] = record.id;
    d->w.tray->show(record.id);
    d->w.history->put(record);
    d->w.history->setCurrent(record.id);
    Q_EMIT chatChanged();
  } else if (!draft().isEmpty()) {
    d->shown()->chat.draft.clear();
    d->draftTimer.start();
    d->saveDraft();
  }
  Q_EMIT draftChanged();
  const MessageRecord record = d->addUserMessage(*d->shown(), d->shown()->leaf(), words, pictures);
  Q_EMIT messageFocusRequested(record.message.id);
  d->enqueue({.number = 0, .chatId = d->chatId, .answerTo = record.message.id, .answerId = {}});
  d->countTimer.start();
}

void ChatController::stop() {
  if (d->active) {
    d->stopTurn();
  } else if (d->isLoading) {
    d->isStopping = true;
    d->queue.clear();
    d->loadStop.request_stop();
  } else if (d->isEngineTaken) {
    d->queue.removeIf([this](const Private::Turn& turn) { return turn.chatId == d->chatId; });
  }
  Q_EMIT stateChanged();
}

void ChatController::regenerate(const QString& messageId) {
  const Conversation* chat = d->shown();
  const MessageRecord* record = chat == nullptr ? nullptr : chat->find(messageId);
  if (record == nullptr) return;
  const QString question = record->message.role == Message::Role::Assistant ? record->message.parent : messageId;
  if (question.isEmpty() || d->waitsIn(d->chatId)) return;
  if (d->runsIn(d->chatId)) d->stopTurn();  // the new one begins when that has ended
  d->enqueue({.number = 0, .chatId = d->chatId, .answerTo = question, .answerId = {}});
}

void ChatController::regenerateLast() {
  if (const Conversation* chat = d->shown()) regenerate(chat->leaf());
}

void ChatController::editAndResend(const QString& messageId, const QString& text) {
  Conversation* chat = d->shown();
  const MessageRecord* record = chat == nullptr ? nullptr : chat->find(messageId);
  const QString words = text.trimmed();
  if (record == nullptr || record->message.role != Message::Role::User || words.isEmpty()) return;
  d->queue.removeIf([&](const Private::Turn& turn) { return turn.chatId == d->chatId; });
  if (d->runsIn(d->chatId)) d->stopTurn();
  QList<MessagePart> attached;  // the parts that are no words go with the new ones
  for (const MessagePart& part : record->message.parts) {
    if (part.kind == MessagePart::Kind::Picture || part.kind == MessagePart::Kind::File) attached.append(part);
  }
  const MessageRecord edited = d->addUserMessage(*chat, record->message.parent, words, attached);
  Q_EMIT messageFocusRequested(edited.message.id);
  d->enqueue({.number = 0, .chatId = d->chatId, .answerTo = edited.message.id, .answerId = {}});
}

void ChatController::selectVersion(const QString& messageId, int version) {
  Conversation* chat = d->shown();
  if (chat == nullptr) return;
  const QStringList versions = chat->siblings(messageId);
  if (version < 1 || version > versions.size()) return;
  const QString chosen = versions[version - 1];
  if (!chat->activate(chosen)) return;
  d->tellWriter([id = d->chatId, parent = chat->find(chosen)->message.parent, chosen](HistoryWriter& writer) { writer.setActiveChild(id, parent, chosen); });
  d->syncPath();
}

void ChatController::continueAnswer(const QString& messageId) {
  const Conversation* chat = d->shown();
  const MessageRecord* record = chat == nullptr ? nullptr : chat->find(messageId);
  if (record == nullptr || record->message.role != Message::Role::Assistant || chat->hasChildren(messageId)) return;
  if (record->message.state == Message::State::Streaming || d->runsIn(d->chatId) || d->waitsIn(d->chatId)) return;
  d->enqueue({.number = 0, .chatId = d->chatId, .answerTo = record->message.parent, .answerId = messageId, .continues = true});
}

void ChatController::continueLast() {
  if (const Conversation* chat = d->shown()) continueAnswer(chat->leaf());
}

void ChatController::removeMessage(const QString& messageId) {
  Conversation* chat = d->shown();
  const MessageRecord* record = chat == nullptr ? nullptr : chat->find(messageId);
  if (record == nullptr) return;
  const QString title = record->message.has(MessagePart::Kind::Text) ? titleFrom(record->message.text()) : tr("Empty answer");
  QList<MessageRecord> gone = chat->remove(messageId);
  QStringList ids;
  for (MessageRecord& removed : gone) {
    ids.append(removed.message.id);
    if (d->active && d->active->answerId == removed.message.id) {
      d->stopTurn();  // its end finds no message any more: what there is of it is kept here, for the undo
      removed.message.state = Message::State::Stopped;
      d->tellWriter([removed](HistoryWriter& writer) { writer.putMessage(removed); });
    }
  }
  d->queue.removeIf([&](const Private::Turn& turn) { return ids.contains(turn.answerTo) || ids.contains(turn.answerId); });
  const qint64 removal = HistoryDb::newRemoval();
  d->tellWriter([ids, removal](HistoryWriter& writer) { writer.removeMessages(ids, removal); });
  d->syncPath();
  d->w.history->offerUndo(
      title,
      [this, gone, removal, id = d->chatId] {
        d->tellWriter([removal](HistoryWriter& writer) { writer.restore(removal); });
        if (const auto known = d->chats.find(id); known != d->chats.end()) known->second.restore(gone);
        if (id == d->chatId) d->syncPath();
      },
      [this, removal] { d->tellWriter([removal](HistoryWriter& writer) { writer.purge(removal); }); });
  Q_EMIT stateChanged();
}

QString ChatController::lastUserMessageId() const {
  const Conversation* chat = d->shown();
  for (qsizetype i = d->path.size() - 1; chat != nullptr && i >= 0; --i) {
    if (chat->find(d->path[i])->message.role == Message::Role::User) return d->path[i];
  }
  return {};
}

QString ChatController::textOf(const QString& messageId) const {
  const Conversation* chat = d->shown();
  const MessageRecord* record = chat == nullptr ? nullptr : chat->find(messageId);
  return record == nullptr ? QString() : record->message.text();
}

void ChatController::copyText(const QString& text) { QGuiApplication::clipboard()->setText(text); }

void ChatController::copyLastAnswer() {
  const Conversation* chat = d->shown();
  for (qsizetype i = d->path.size() - 1; chat != nullptr && i >= 0; --i) {
    const Message& message = chat->find(d->path[i])->message;
    if (message.role != Message::Role::Assistant) continue;
    copyText(message.text());
    return;
  }
}

void ChatController::copyWithThought(const QString& messageId) {
  const Conversation* chat = d->shown();
  const MessageRecord* record = chat == nullptr ? nullptr : chat->find(messageId);
  if (record != nullptr) copyText(record->message.reasoning().trimmed() + QStringLiteral("\n\n") + record->message.text());
}

void ChatController::loadModel(const QString& path) {
  if (path.isEmpty()) return;
  d->stopTurn();
  d->loadStop.request_stop();  // of a load that is under way: this one comes next on the engine's thread
  d->loadStop = std::stop_source();
  d->isLoading = true;
  d->isReady = false;
  d->isStopping = d->active.has_value();
  d->modelPath = d->lastPath = path;
  d->modelName = modelNameOf(path);
  d->modelDetail.clear();
  d->modelNotes.clear();
  d->modelSees = d->modelThinks = false;
  d->modelContext = 0;
  d->progressDone = d->progressTotal = 0;
  d->w.models->setCurrent(path);
  if (d->noticeKind == Private::NoticeKind::model) d->setNotice({}, Private::NoticeKind::none);
  d->loadingWith = d->w.settings->loadChoice(path);
  LoadJob job{++d->loadNumber, d->loadingWith.request(path), d->w.loadNotePath};
  QMetaObject::invokeMethod(d->w.worker, [worker = d->w.worker, job, token = d->loadStop.get_token()] { worker->load(job, token); });
  Q_EMIT modelChanged();
  Q_EMIT progressChanged();
  Q_EMIT statsChanged();
  Q_EMIT stateChanged();
}

void ChatController::unloadModel() {
  if (!hasModel()) return;
  d->stopTurn();
  d->loadStop.request_stop();
  ++d->loadNumber;  // what is still said about a load is old news
  d->endLoading();
  d->forgetModel();
  d->w.models->noteUnloaded();
  QMetaObject::invokeMethod(d->w.worker, &EngineWorker::unload);
  Q_EMIT modelChanged();
  Q_EMIT statsChanged();
  Q_EMIT stateChanged();
}

void ChatController::runAction(int userErrorAction) {
  switch (static_cast<UserError::Action>(userErrorAction)) {
    case UserError::Retry:
      if (d->noticeKind == Private::NoticeKind::history) d->tellWriter([](HistoryWriter& writer) { writer.tryAgain(); });
      else if (d->noticeKind == Private::NoticeKind::model && !d->lastPath.isEmpty()) loadModel(QString(d->lastPath));
      else if (d->isReady) regenerateLast();
      else if (!d->lastPath.isEmpty()) loadModel(QString(d->lastPath));
      break;
    case UserError::OpenModel: Q_EMIT openModelRequested(); break;
    case UserError::ShorterContext: {
      if (d->lastPath.isEmpty()) break;
      LoadChoice choice = d->w.settings->loadChoice(d->lastPath);
      const qint64 present = choice.contextLength > 0 ? choice.contextLength : d->modelContext > 0 ? d->modelContext : 8192;
      choice.contextLength = std::max(LoadChoice::kLeastContext, present / 2);
      d->w.settings->setLoadChoice(d->lastPath, choice);
      loadModel(QString(d->lastPath));
      break;
    }
    case UserError::NewChat:
      dismissNotice();
      d->beginNew(isImage());
      break;
    case UserError::ExportChat: Q_EMIT exportRequested(); break;
    case UserError::ReadAgain:  // the code pane's
    case UserError::Overwrite:
    case UserError::ShowChanges:
    case UserError::Dismiss: dismissNotice(); break;
  }
}

void ChatController::dismissNotice() { d->setNotice({}, Private::NoticeKind::none); }

}  // namespace pio
