#pragma once

#include <QHash>
#include <QList>
#include <QStringList>
#include <optional>

#include "app/history/records.h"

// One chat as a tree of messages: versions are siblings, and one child of each is the active one. The path shown runs along them. Values only.

namespace pio {

class Conversation {
 public:
  Conversation() = default;
  Conversation(ChatRecord chat, const QList<MessageRecord>& messages);  // in the order they were made

  ChatRecord chat;

  bool isEmpty() const { return m_messages.isEmpty(); }
  bool contains(const QString& id) const { return m_messages.contains(id); }
  // Null when there is none. Valid until the next add or remove.
  MessageRecord* find(const QString& id);
  const MessageRecord* find(const QString& id) const;
  // The message as it is shown: with its place among its siblings.
  Message shown(const QString& id) const;
  QStringList path() const;                       // ids along the active children, from the first message
  QStringList pathTo(const QString& id) const;    // ids from the first message to this one
  QStringList siblings(const QString& id) const;  // itself among them, in the order they were made
  QString leaf() const;                           // the last of path(); "" none
  QStringList childrenOf(const QString& id) const { return m_children.value(id); }
  bool hasChildren(const QString& id) const { return !m_children.value(id).isEmpty(); }

  void add(const MessageRecord& record);  // becomes the active child of its parent
  // Makes `id` the active child of its parent. False when it was.
  bool activate(const QString& id);
  // The message and everything below it, in the order they were made; the newest sibling left becomes the active one.
  QList<MessageRecord> remove(const QString& id);
  void restore(const QList<MessageRecord>& records);  // what remove() gave

 private:
  QString activeChildOf(const QString& parent) const;

  QHash<QString, MessageRecord> m_messages;
  QHash<QString, QStringList> m_children;  // "" has the first messages
};

}  // namespace pio
