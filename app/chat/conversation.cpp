#include "app/chat/conversation.h"

#include <algorithm>

namespace pio {

Conversation::Conversation(ChatRecord record, const QList<MessageRecord>& messages) : chat(std::move(record)) {
  m_messages.reserve(messages.size());
  for (const MessageRecord& message : messages) {
    m_messages.insert(message.message.id, message);
    m_children[message.message.parent].append(message.message.id);
  }
}

MessageRecord* Conversation::find(const QString& id) {
  const auto found = m_messages.find(id);
  return found == m_messages.end() ? nullptr : &*found;
}

const MessageRecord* Conversation::find(const QString& id) const {
  const auto found = m_messages.constFind(id);
  return found == m_messages.constEnd() ? nullptr : &*found;
}

Message Conversation::shown(const QString& id) const {
  const MessageRecord* record = find(id);
  if (record == nullptr) return {};
  Message message = record->message;
  const QStringList all = siblings(id);
  message.version = static_cast<int>(all.indexOf(id)) + 1;
  message.versionCount = static_cast<int>(all.size());
  return message;
}

QString Conversation::activeChildOf(const QString& parent) const {
  const QStringList children = m_children.value(parent);
  const MessageRecord* record = find(parent);
  const QString active = parent.isEmpty() ? chat.activeRoot : record == nullptr ? QString() : record->activeChild;
  return children.contains(active) ? active : children.isEmpty() ? QString() : children.last();
}

QStringList Conversation::path() const {
  QStringList ids;
  // The count guards against parents that run in a circle in a file that somebody else wrote.
  for (QString id = activeChildOf({}); !id.isEmpty() && ids.size() <= m_messages.size(); id = activeChildOf(id)) ids.append(id);
  return ids;
}

QString Conversation::leaf() const {
  const QStringList ids = path();
  return ids.isEmpty() ? QString() : ids.last();
}

QStringList Conversation::pathTo(const QString& id) const {
  QStringList ids;
  for (const MessageRecord* at = find(id); at != nullptr && ids.size() <= m_messages.size(); at = find(at->message.parent))
    ids.prepend(at->message.id);
  return ids;
}

QStringList Conversation::siblings(const QString& id) const {
  const MessageRecord* record = find(id);
  return record == nullptr ? QStringList() : m_children.value(record->message.parent);
}

void Conversation::add(const MessageRecord& record) {
  m_messages.insert(record.message.id, record);
  m_children[record.message.parent].append(record.message.id);
  activate(record.message.id);
}

bool Conversation::activate(const QString& id) {
  const MessageRecord* record = find(id);
  if (record == nullptr) return false;
  const QString parent = record->message.parent;
  QString& active = parent.isEmpty() || !m_messages.contains(parent) ? chat.activeRoot : m_messages[parent].activeChild;
  if (active == id) return false;
  active = id;
  return true;
}

QList<MessageRecord> Conversation::remove(const QString& id) {
  const MessageRecord* first = find(id);
  if (first == nullptr) return {};
  const QString parent = first->message.parent;
  QStringList ids{id};
  for (qsizetype i = 0; i < ids.size(); ++i) ids.append(m_children.value(ids[i]));
  QList<MessageRecord> removed;
  for (const QString& gone : std::as_const(ids)) {
    removed.append(m_messages.take(gone));
    m_children.remove(gone);
  }
  m_children[parent].removeAll(id);
  std::sort(removed.begin(), removed.end(),
            [](const MessageRecord& a, const MessageRecord& b) { return std::tie(a.created, a.message.id) < std::tie(b.created, b.message.id); });
  return removed;
}

void Conversation::restore(const QList<MessageRecord>& records) {
  for (const MessageRecord& record : records) {
    if (m_messages.contains(record.message.id)) continue;
    m_messages.insert(record.message.id, record);
    QStringList& children = m_children[record.message.parent];
    children.append(record.message.id);
    std::sort(children.begin(), children.end(),
              [this](const QString& a, const QString& b) { return std::tie(m_messages[a].created, a) < std::tie(m_messages[b].created, b); });
  }
}

}  // namespace pio
