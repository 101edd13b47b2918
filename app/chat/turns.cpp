#include "app/chat/turns.h"

#include <algorithm>
#include <utility>

#include "app/chat/chat_store.h"
#include "app/engine_queue.h"
#include "app/error_text.h"
#include "app/history/history_model.h"
#include "app/model_session.h"
#include "app/system/log_file.h"

namespace pio {

Turns::Turns(const Wiring& wiring, QObject* parent) : QObject(parent), w(wiring) {
  connect(w.store, &ChatStore::stored, this, [this](const QString& messageId) {
    for (auto& [chatId, turn] : m_turns) {
      if (turn.answerId != messageId || !std::exchange(turn.waitsForStorage, false)) continue;
      if (turn.run) turn.run->start(turn.start);
      return;
    }
  });
  connect(w.list, &HistoryModel::removed, this, &Turns::stop);
}

Turns::Turn* Turns::of(const QString& chatId) {
  const auto found = m_turns.find(chatId);
  return found == m_turns.end() ? nullptr : &found->second;
}

AnswerRun* Turns::runOf(const QString& chatId) const {
  const auto found = m_turns.find(chatId);
  return found == m_turns.end() ? nullptr : found->second.run.data();
}

bool Turns::isWaiting(const QString& chatId) const {
  const AnswerRun* run = runOf(chatId);
  return run != nullptr && run->isWaiting();
}

bool Turns::concerns(const QString& chatId, const QStringList& messages) const {
  const auto found = m_turns.find(chatId);
  return found != m_turns.end() && (messages.contains(found->second.questionId) || messages.contains(found->second.answerId));
}

void Turns::answer(const QString& chatId, const QString& questionId, MakeRequest make) {
  Turn turn;
  turn.questionId = questionId;
  turn.make = std::move(make);
  submit(chatId, std::move(turn));
}

void Turns::carryOn(const QString& chatId, const QString& answerId, MakeRequest make) {
  const MessageRecord* record = w.store->message(chatId, answerId);
  if (record == nullptr) return;
  Turn turn;
  turn.questionId = record->message.parent;
  turn.answerId = answerId;
  turn.continues = true;
  turn.make = std::move(make);
  submit(chatId, std::move(turn));
}

void Turns::stop(const QString& chatId) {
  m_next.erase(chatId);
  if (AnswerRun* run = runOf(chatId)) run->stop();
}

void Turns::submit(const QString& chatId, Turn turn) {
  if (AnswerRun* before = runOf(chatId)) {
    m_next.insert_or_assign(chatId, std::move(turn));
    before->stop();
    return;
  }
  AnswerRun* run = w.queue->submit([this, chatId](AnswerRun& begun) { begin(chatId, begun); });
  turn.run = run;
  m_turns.insert_or_assign(chatId, std::move(turn));
  connect(run, &AnswerRun::stateChanged, this, [this, chatId, run] {
    if (runOf(chatId) == run) Q_EMIT runChanged(chatId);
  });
  connect(run, &AnswerRun::progressChanged, this, [this, chatId] { Q_EMIT progressChanged(chatId); });
  connect(run, &AnswerRun::textWritten, this, [this, chatId](const QString& delta) { onText(chatId, delta); });
  connect(run, &AnswerRun::thoughtWritten, this, [this, chatId](const QString& delta) { onThought(chatId, delta); });
  connect(run, &AnswerRun::toolCalled, this, [this, chatId](const QString& name, const QString& arguments) {
    const QString answerId = of(chatId)->answerId;
    if (MessageRecord* record = w.store->edit(chatId, answerId)) {
      record->message.addToolCall(name, arguments);
      Q_EMIT w.store->messageChanged(chatId, answerId);
    }
  });
  connect(run, &AnswerRun::dropped, this, [this, chatId](qint64 nMessages) {
    const QString answerId = of(chatId)->answerId;
    if (MessageRecord* record = w.store->edit(chatId, answerId)) {
      record->message.droppedMessages = nMessages;
      Q_EMIT w.store->messageChanged(chatId, answerId);
    }
  });
  connect(run, &AnswerRun::finished, this, [this, chatId](FinishReason reason, const GenerationStats& stats) { onFinished(chatId, reason, stats); });
  connect(run, &AnswerRun::failed, this, [this, chatId](const Error& error) { onFailed(chatId, error); });
  if (!w.model->hasModel()) w.model->waitForModel();
  Q_EMIT runChanged(chatId);
}

void Turns::begin(const QString& chatId, AnswerRun& run) {
  Turn& turn = *of(chatId);
  const Conversation* chat = w.store->find(chatId);
  const QString needed = turn.continues ? turn.answerId : turn.questionId;
  std::optional<GenerateRequest> request;
  if (chat != nullptr && chat->contains(needed)) request = turn.make(*chat);
  if (!request) {
    run.stop();
    return;
  }
  turn.start.request = std::move(*request);
  turn.waitsForStorage = turn.hasBegun = true;
  w.list->setWriting(chatId, true);
  if (turn.continues) {
    MessageRecord* record = w.store->edit(chatId, turn.answerId);
    turn.start.earlierTokens = record->message.generatedTokens;
    turn.start.earlierThinking = record->message.thinkingSeconds;
    turn.start.earlierThoughts = record->message.thinkingTokens;
    turn.start.messageId = turn.answerId;
    record->message.state = Message::State::Streaming;
    record->message.error = {};
    w.store->put(chatId, turn.answerId);
  } else {
    turn.start.messageId = turn.answerId = w.store->addAnswer(chatId, turn.questionId, w.model->name());
  }
}

void Turns::onThought(const QString& chatId, const QString& delta) {
  const Turn& turn = *of(chatId);
  MessageRecord* record = w.store->edit(chatId, turn.answerId);
  if (record == nullptr) return;
  Message& message = record->message;
  message.appendThought(delta);
  message.generatedTokens = turn.run->generatedTokens();
  message.thinkingSeconds = turn.run->thinkingSeconds();
  message.thinkingTokens = turn.run->thinkingTokens();
  Q_EMIT thoughtWritten(chatId, turn.answerId, delta, message.thinkingSeconds, message.thinkingTokens);
}

void Turns::onText(const QString& chatId, const QString& delta) {
  const Turn& turn = *of(chatId);
  MessageRecord* record = w.store->edit(chatId, turn.answerId);
  if (record == nullptr) return;
  Message& message = record->message;
  message.generatedTokens = turn.run->generatedTokens();
  if (!message.has(MessagePart::Kind::Text) && message.has(MessagePart::Kind::Thought)) {
    message.thinkingSeconds = turn.run->thinkingSeconds();
    Q_EMIT thoughtWritten(chatId, turn.answerId, {}, message.thinkingSeconds, message.thinkingTokens);
  }
  message.appendText(delta);
  Q_EMIT textWritten(chatId, turn.answerId, delta);
}

void Turns::onFinished(const QString& chatId, FinishReason reason, const GenerationStats& stats) {
  const Turn& turn = *of(chatId);
  if (MessageRecord* record = turn.hasBegun ? w.store->edit(chatId, turn.answerId) : nullptr) {
    Message& message = record->message;
    message.state = reason == FinishReason::stop ? Message::State::Complete : Message::State::Stopped;
    message.generatedTokens = turn.start.earlierTokens + stats.generated_tokens;
    if (stats.context_used > 0) {  // else it never reached the engine
      message.tokensPerSecond = stats.tokens_per_second;
      message.firstTokenSeconds = stats.first_token_seconds;
      message.contextUsed = stats.context_used;
      message.contextLength = stats.context_length;
    }
  }
  w.model->noteAnswer(stats);
  if (reason == FinishReason::context_full) Q_EMIT contextFull(chatId, stats.context_length);
  end(chatId);
}

void Turns::onFailed(const QString& chatId, const Error& error) {
  qCWarning(answerLog) << "failed:" << name_of(error.code);  // its message may quote the conversation
  const Turn& turn = *of(chatId);
  if (MessageRecord* record = turn.hasBegun ? w.store->edit(chatId, turn.answerId) : nullptr) {
    record->message.error = userErrorOf(error);
    record->message.state = record->message.error.isSet() ? Message::State::Failed : Message::State::Stopped;
  }
  end(chatId);
}

void Turns::end(const QString& chatId) {
  const Turn ended = std::move(m_turns[chatId]);
  m_turns.erase(chatId);
  if (ended.hasBegun) {
    w.list->setWriting(chatId, false);
    if (w.store->message(chatId, ended.answerId) != nullptr) w.store->touch(chatId);
    w.store->put(chatId, ended.answerId);
  }
  Q_EMIT this->ended(chatId, ended.questionId, ended.hasBegun ? ended.answerId : QString());
  if (auto next = m_next.extract(chatId)) submit(chatId, std::move(next.mapped()));
  Q_EMIT runChanged(chatId);
  Q_EMIT progressChanged(chatId);
}

}  // namespace pio
