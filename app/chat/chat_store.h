#pragma once

#include <QObject>
#include <QSet>
#include <map>

#include "app/chat/conversation.h"
#include "app/history/history_writer.h"

// The chats that were opened since the start, and the way to the history: every change of a chat goes through here, so that what is in memory and
// what is on its way to the disk are the same. On the GUI thread.

namespace pio {

class HistoryModel;

class ChatStore : public QObject {
  Q_OBJECT

 public:
  ChatStore(HistoryWriter* writer, HistoryModel* list, QObject* parent = nullptr);

  // Null where it was not opened. Valid until another chat is added.
  const Conversation* find(const QString& chatId) const;
  const MessageRecord* message(const QString& chatId, const QString& messageId) const;
  bool isInTrouble() const { return m_isInTrouble; }  // the history cannot be written

  // Reads it; `opened` or `missing` follows, with the number that is returned. What is newer here than in the file stays.
  quint64 open(const QString& chatId);

  void addChat(const ChatRecord& record);
  // Under `parent` ("": the first); becomes the one that is shown there. Returns its id.
  QString addQuestion(const QString& chatId, const QString& parent, Message message);
  // An answer that is going to be written.
  QString addAnswer(const QString& chatId, const QString& parent, const QString& modelName);
  // Changes a message in memory; `put` writes it as it is then.
  MessageRecord* edit(const QString& chatId, const QString& messageId);
  void put(const QString& chatId, const QString& messageId);
  void setSystemPrompt(const QString& chatId, const QString& text);
  void setDraft(const QString& chatId, const QString& text);  // in memory
  void saveDraft(const QString& chatId);
  void activate(const QString& chatId, const QString& messageId);  // it and what leads to it are shown
  // The message and all below it; what is being written of them counts as stopped.
  QList<MessageRecord> remove(const QString& chatId, const QString& messageId, qint64 removal);
  void restore(const QString& chatId, const QList<MessageRecord>& messages, qint64 removal);
  void purge(qint64 removal);
  void tryAgain();  // what could not be written
  void putMeta(const QString& key, const QString& value);
  void touch(const QString& chatId);  // something was said in it now

 signals:
  void opened(quint64 serial, const QString& chatId);
  void missing(quint64 serial, const QString& chatId);
  void stored(const QString& messageId);                                 // it is on the disk, or known not to get there
  void pathChanged(const QString& chatId);                               // messages came, went, or others are shown
  void messageChanged(const QString& chatId, const QString& messageId);  // all but its words, which have signals of their own (Turns)
  void chatChanged(const QString& chatId);                               // its title or its system prompt
  void troubleChanged(const pio::HistoryProblem& problem);               // of writing; kind none: there is none any more
  void readingChanged(const pio::HistoryProblem& problem);               // the same of reading a chat, the list or a search

 private:
  template <class Call>
  void tell(const QString& chatId, Call call);

  struct Opened {
    Conversation conversation;
    quint64 revision = 0;  // rises with every change
  };
  struct Opening {
    QString chatId;
    quint64 revision = 0;  // of what was in memory
  };
  Opened* of(const QString& chatId);

  HistoryWriter* m_writer;  // on its own thread
  HistoryModel* m_list;
  std::map<QString, Opened> m_chats;  // small, and the only copy while the disk refuses
  std::map<quint64, Opening> m_openings;
  QSet<quint64> m_reloads;  // of them, after an import
  quint64 m_serial = 0;
  bool m_isInTrouble = false;
};

}  // namespace pio
