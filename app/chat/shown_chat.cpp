#include "app/chat/shown_chat.h"

#include "app/answer_run.h"
#include "app/chat/chat_store.h"
#include "app/chat/turns.h"

namespace pio {

ShownChat::ShownChat(ChatStore* store, Turns* turns, QObject* parent)
    : QObject(parent), m_store(store), m_turns(turns), m_messages(new ConversationModel(this)) {
  connect(store, &ChatStore::pathChanged, this, [this](const QString& chatId) {
    if (chatId == m_chatId) follow();
  });
  connect(store, &ChatStore::messageChanged, this, [this](const QString& chatId, const QString& messageId) {
    if (chatId == m_chatId && m_path.contains(messageId)) m_messages->update(chat()->shown(messageId));
  });
  connect(turns, &Turns::runChanged, this, [this](const QString& chatId) {
    if (chatId == m_chatId) sayAwaited();
  });
  connect(turns, &Turns::textWritten, this, [this](const QString& chatId, const QString& messageId, const QString& delta) {
    if (chatId == m_chatId && m_path.contains(messageId)) m_messages->appendText(messageId, delta);
  });
  connect(turns, &Turns::thoughtWritten, this,
          [this](const QString& chatId, const QString& messageId, const QString& delta, double seconds, qint64 nTokens) {
            if (chatId == m_chatId && m_path.contains(messageId)) m_messages->appendThought(messageId, delta, seconds, nTokens);
          });
}

const Conversation* ShownChat::chat() const { return m_store->find(m_chatId); }

void ShownChat::show(const QString& chatId) {
  m_chatId = chatId;
  m_path = chat() == nullptr ? QStringList() : chat()->path();
  m_messages->reset(list());
  sayAwaited();
}

void ShownChat::sayAwaited() { m_messages->setAwaited(m_turns->runOf(m_chatId) != nullptr); }

void ShownChat::follow() {
  const QStringList wanted = chat() == nullptr ? QStringList() : chat()->path();
  qsizetype same = 0;
  while (same < m_path.size() && same < wanted.size() && m_path[same] == wanted[same]) ++same;
  if (same < m_path.size()) m_messages->removeFrom(m_path[same]);
  for (qsizetype i = same; i < wanted.size(); ++i) m_messages->append(chat()->shown(wanted[i]));
  m_path = wanted;
  // Of a question that was added just now its turn comes next.
  QMetaObject::invokeMethod(this, &ShownChat::sayAwaited, Qt::QueuedConnection);
}

QList<Message> ShownChat::list() const {
  QList<Message> out;
  for (const QString& id : m_path) out.append(chat()->shown(id));
  return out;
}

void ShownChat::forEach(const std::function<void(const Message&)>& visit) const {
  for (const QString& id : m_path) visit(chat()->find(id)->message);
}

QString ShownChat::lastOf(Message::Role role) const {
  for (qsizetype i = m_path.size() - 1; i >= 0; --i) {
    const MessageRecord* record = chat()->find(m_path[i]);
    if (record != nullptr && record->message.role == role) return m_path[i];
  }
  return {};
}

qint64 ShownChat::contextUsed() const {
  const AnswerRun* run = m_turns->runOf(m_chatId);
  if (run != nullptr && run->contextUsed() > 0) return run->contextUsed();
  for (qsizetype i = m_path.size() - 1; i >= 0; --i) {
    if (const MessageRecord* record = chat()->find(m_path[i]); record != nullptr && record->message.contextUsed > 0)
      return record->message.contextUsed;
  }
  return 0;
}

double ShownChat::tokensPerSecond() const {
  const AnswerRun* run = m_turns->runOf(m_chatId);
  if (run != nullptr && !run->isWaiting()) return run->tokensPerSecond();
  for (qsizetype i = m_path.size() - 1; i >= 0; --i) {
    if (const MessageRecord* record = chat()->find(m_path[i]); record != nullptr && record->message.contextUsed > 0)
      return record->message.tokensPerSecond;
  }
  return 0;
}

}  // namespace pio
