#pragma once

#include <QObject>
#include <QStringList>
#include <functional>

#include "app/chat/conversation_model.h"

// One chat as rows on a screen, kept up with what is said in it.

namespace pio {

class ChatStore;
class Conversation;
class Turns;

class ShownChat : public QObject {
  Q_OBJECT

 public:
  ShownChat(ChatStore* store, Turns* turns, QObject* parent = nullptr);

  void show(const QString& chatId);  // one that is opened; "" none
  QString chatId() const { return m_chatId; }
  const Conversation* chat() const;  // null: none
  ConversationModel* messages() const { return m_messages; }
  QStringList path() const { return m_path; }  // ids, from the first message to the last
  QString last() const { return m_path.isEmpty() ? QString() : m_path.last(); }
  QList<Message> list() const;
  void forEach(const std::function<void(const Message&)>& visit) const;
  QString lastOf(Message::Role role) const;  // "" none
  // Of the last answer, or the one that is being written.
  qint64 contextUsed() const;
  double tokensPerSecond() const;

 private:
  void follow();
  void sayAwaited();  // whether an answer is under way

  ChatStore* m_store;
  Turns* m_turns;
  ConversationModel* m_messages;
  QString m_chatId;
  QStringList m_path;
};

}  // namespace pio
