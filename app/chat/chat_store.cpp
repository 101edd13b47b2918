#include "app/chat/chat_store.h"

#include <QDateTime>
#include <utility>

#include "app/history/history_model.h"

namespace pio {
namespace {

qint64 now() { return QDateTime::currentMSecsSinceEpoch(); }

}  // namespace

ChatStore::ChatStore(HistoryWriter* writer, HistoryModel* list, QObject* parent) : QObject(parent), m_writer(writer), m_list(list) {
  connect(writer, &HistoryWriter::stored, this, &ChatStore::stored);
  connect(writer, &HistoryWriter::problem, this, [this](const HistoryProblem& problem) {
    m_isInTrouble = problem.keptAs.isEmpty();  // else a new file was begun
    Q_EMIT troubleChanged(problem);
  });
  connect(writer, &HistoryWriter::recovered, this, [this] {
    m_isInTrouble = false;
    Q_EMIT troubleChanged({});
  });
  connect(writer, &HistoryWriter::readFailed, this, &ChatStore::readingChanged);
  connect(writer, &HistoryWriter::readRecovered, this, [this] { Q_EMIT readingChanged({}); });
  connect(writer, &HistoryWriter::chatLoaded, this, [this](quint64 serial, const ChatRecord& chat, const QList<MessageRecord>& messages) {
    const auto opening = m_openings.find(serial);
    if (opening == m_openings.end()) return;
    const Opened* known = of(chat.id);
    // What changed since it was asked for is newer here than in the file, and so is everything while the disk refuses.
    const bool isNewer = known != nullptr && (m_isInTrouble || known->revision != opening->second.revision);
    m_openings.erase(opening);
    if (!isNewer) m_chats.insert_or_assign(chat.id, Opened{Conversation(chat, messages), known == nullptr ? 0 : known->revision});
    if (m_reloads.remove(serial)) Q_EMIT pathChanged(chat.id);
    else Q_EMIT opened(serial, chat.id);
  });
  connect(writer, &HistoryWriter::imported, this, [this](const ImportReport& report) {
    if (report.messagesAdded == 0) return;
    for (const auto& [chatId, chat] : m_chats) {
      const MessageRecord* last = chat.conversation.find(chat.conversation.leaf());
      const bool isWritten = last != nullptr && last->message.state == Message::State::Streaming;  // what it says may be on its way to here
      if (!isWritten) m_reloads.insert(open(chatId));
    }
  });
  connect(writer, &HistoryWriter::chatMissing, this, [this](quint64 serial) {
    const auto opening = m_openings.find(serial);
    if (opening == m_openings.end()) return;
    const QString chatId = opening->second.chatId;
    m_openings.erase(opening);
    if (m_reloads.remove(serial)) return;
    if (m_chats.contains(chatId)) Q_EMIT opened(serial, chatId);
    else Q_EMIT missing(serial, chatId);
  });
  connect(m_list, &HistoryModel::renamed, this, [this](const QString& chatId, const QString& title) {
    if (Opened* chat = of(chatId)) {
      chat->conversation.chat.title = title;
      ++chat->revision;
    }
    Q_EMIT chatChanged(chatId);
  });
}

template <class Call>
void ChatStore::tell(const QString& chatId, Call call) {
  if (Opened* chat = of(chatId)) ++chat->revision;
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, call = std::move(call)] { call(*writer); });
}

ChatStore::Opened* ChatStore::of(const QString& chatId) {
  const auto found = m_chats.find(chatId);
  return found == m_chats.end() ? nullptr : &found->second;
}

const Conversation* ChatStore::find(const QString& chatId) const {
  const auto found = m_chats.find(chatId);
  return found == m_chats.end() ? nullptr : &found->second.conversation;
}

const MessageRecord* ChatStore::message(const QString& chatId, const QString& messageId) const {
  const Conversation* chat = find(chatId);
  return chat == nullptr ? nullptr : chat->find(messageId);
}

quint64 ChatStore::open(const QString& chatId) {
  const Opened* known = of(chatId);
  m_openings[++m_serial] = {chatId, known == nullptr ? 0 : known->revision};
  tell({}, [serial = m_serial, chatId](HistoryWriter& writer) { writer.loadChat(serial, chatId); });
  return m_serial;
}

void ChatStore::addChat(const ChatRecord& record) {
  m_chats.insert_or_assign(record.id, Opened{Conversation(record, {})});
  tell(record.id, [record](HistoryWriter& writer) { writer.putChat(record); });
  m_list->put(record);
}

QString ChatStore::addQuestion(const QString& chatId, const QString& parent, Message message) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return {};
  MessageRecord record;
  record.chatId = chatId;
  record.created = now();
  record.message = std::move(message);
  record.message.id = newId();
  record.message.parent = parent;
  record.message.role = Message::Role::User;
  chat->conversation.add(record);
  tell(chatId, [record](HistoryWriter& writer) { writer.addMessage(record); });
  touch(chatId);
  Q_EMIT pathChanged(chatId);
  return record.message.id;
}

QString ChatStore::addAnswer(const QString& chatId, const QString& parent, const QString& modelName) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return {};
  MessageRecord record;
  record.chatId = chatId;
  record.created = now();
  record.message.id = newId();
  record.message.parent = parent;
  record.message.role = Message::Role::Assistant;
  record.message.state = Message::State::Streaming;
  record.message.modelName = modelName;
  chat->conversation.add(record);
  tell(chatId, [record](HistoryWriter& writer) { writer.addMessage(record); });
  Q_EMIT pathChanged(chatId);
  return record.message.id;
}

MessageRecord* ChatStore::edit(const QString& chatId, const QString& messageId) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return nullptr;
  ++chat->revision;
  return chat->conversation.find(messageId);
}

void ChatStore::put(const QString& chatId, const QString& messageId) {
  const MessageRecord* found = message(chatId, messageId);
  if (found == nullptr) return;
  tell(chatId, [record = *found](HistoryWriter& writer) { writer.putMessage(record); });
  Q_EMIT messageChanged(chatId, messageId);
}

void ChatStore::setSystemPrompt(const QString& chatId, const QString& text) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return;
  chat->conversation.chat.systemPrompt = text;
  tell(chatId, [chatId, text](HistoryWriter& writer) { writer.setSystemPrompt(chatId, text); });
  Q_EMIT chatChanged(chatId);
}

void ChatStore::setDraft(const QString& chatId, const QString& text) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return;
  chat->conversation.chat.draft = text;
  ++chat->revision;
}

void ChatStore::saveDraft(const QString& chatId) {
  const Opened* chat = of(chatId);
  if (chat == nullptr) return;
  tell(chatId, [chatId, text = chat->conversation.chat.draft](HistoryWriter& writer) { writer.setDraft(chatId, text); });
}

void ChatStore::activate(const QString& chatId, const QString& messageId) {
  Opened* chat = of(chatId);
  if (chat == nullptr || !chat->conversation.contains(messageId)) return;
  bool isOther = false;
  const QStringList ids = chat->conversation.pathTo(messageId);
  for (const QString& id : ids) {
    if (!chat->conversation.activate(id)) continue;
    isOther = true;
    tell(chatId,
         [chatId, parent = chat->conversation.find(id)->message.parent, id](HistoryWriter& writer) { writer.setActiveChild(chatId, parent, id); });
  }
  if (isOther) Q_EMIT pathChanged(chatId);
}

QList<MessageRecord> ChatStore::remove(const QString& chatId, const QString& messageId, qint64 removal) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return {};
  QList<MessageRecord> gone = chat->conversation.remove(messageId);
  QStringList ids;
  for (MessageRecord& record : gone) {
    ids.append(record.message.id);
    if (record.message.state != Message::State::Streaming) continue;
    record.message.state = Message::State::Stopped;  // its end finds no message any more
    tell(chatId, [record](HistoryWriter& writer) { writer.putMessage(record); });
  }
  tell(chatId, [ids, removal](HistoryWriter& writer) { writer.removeMessages(ids, removal); });
  Q_EMIT pathChanged(chatId);
  return gone;
}

void ChatStore::restore(const QString& chatId, const QList<MessageRecord>& messages, qint64 removal) {
  tell(chatId, [removal](HistoryWriter& writer) { writer.restore(removal); });
  if (Opened* chat = of(chatId)) chat->conversation.restore(messages);
  Q_EMIT pathChanged(chatId);
}

void ChatStore::purge(qint64 removal) {
  tell({}, [removal](HistoryWriter& writer) { writer.purge(removal); });
}

void ChatStore::tryAgain() {
  tell({}, [](HistoryWriter& writer) { writer.tryAgain(); });
}

void ChatStore::putMeta(const QString& key, const QString& value) {
  tell({}, [key, value](HistoryWriter& writer) { writer.putMeta(key, value); });
}

void ChatStore::touch(const QString& chatId) {
  Opened* chat = of(chatId);
  if (chat == nullptr) return;
  chat->conversation.chat.updated = now();
  m_list->touch(chatId, chat->conversation.chat.updated);
}

}  // namespace pio
