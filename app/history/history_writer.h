#pragma once

#include <QHash>
#include <QObject>
#include <QString>
#include <QTimer>
#include <deque>
#include <functional>
#include <memory>

#include "app/history/history_db.h"
#include "app/history/records.h"

// The one owner of the history file while the window runs, on a thread of its own; nobody waits for it. Slots in, signals out, values only.
// What cannot be written (a full disk) is kept in order and tried again every three seconds.

namespace pio {

class HistoryWriter : public QObject {
  Q_OBJECT

 public:
  // A commit at the latest after so many tokens or so long. With the 33 ms of the engine's batches and the commit itself this keeps
  // what a crash can take below 250 ms of an answer.
  static constexpr int kGroupTokens = 32;
  static constexpr int kGroupMs = 200;

  HistoryWriter();
  ~HistoryWriter() override;

 public slots:
  // First of all. `session` marks the messages that this window streams; those of windows that are gone become unfinished.
  void open(const QString& dataFolder, const QString& session);
  void putChat(const pio::ChatRecord& chat);
  void setTitle(const QString& chatId, const QString& title);
  void setPinned(const QString& chatId, bool pinned);
  void setSystemPrompt(const QString& chatId, const QString& text);
  void setDraft(const QString& chatId, const QString& text);
  void addMessage(const pio::MessageRecord& record);
  // More of a message that is being streamed; connected to the engine's thread directly, so that a busy window does not delay it.
  void appendText(quint64 turn, const QString& messageId, const QString& delta, qint64 nTokens);
  void appendThought(quint64 turn, const QString& messageId, const QString& delta, qint64 nTokens);
  void putMessage(const pio::MessageRecord& record);
  void setActiveChild(const QString& chatId, const QString& parentId, const QString& childId);
  void removeChat(const QString& chatId, qint64 removal);
  void removeMessages(const QStringList& ids, qint64 removal);
  void restore(qint64 removal);
  void purge(qint64 removal);
  void putMeta(const QString& key, const QString& value);
  void loadChat(quint64 serial, const QString& chatId);
  void search(quint64 serial, const QString& query);
  void exportTo(const QString& path);
  void importFrom(const QString& path);
  // Last of all: writes what waits, closes the file and ends this thread's event loop.
  void close();

 signals:
  void opened(const QList<pio::ChatRecord>& chats, const QString& lastChat, const QString& newDraft);
  // The list of chats after another window or an import changed it.
  void chatsRead(const QList<pio::ChatRecord>& chats);
  void stored(const QString& messageId);  // it is on the disk, or known not to get there
  void problem(const pio::HistoryProblem& problem);
  void recovered();                       // everything that waited is written
  void chatLoaded(quint64 serial, const pio::ChatRecord& chat, const QList<pio::MessageRecord>& messages);
  void chatMissing(quint64 serial);
  void found(quint64 serial, const QList<pio::SearchHit>& hits);
  void exported(const QString& path);
  void exportFailed(const QString& path, const QString& details);
  void imported(const pio::ImportReport& report);

 private:
  using Operation = std::function<Result<void>(HistoryDb&)>;
  void write(Operation operation);
  bool writeBacklog();
  void append(const QString& messageId, QString HistoryWriter::*words, const QString& delta, qint64 nTokens);
  void commitStream();
  void lookForOthers();

  HistoryDb m_db;
  QString m_session;
  QString m_ownPictures;           // the folder of those that go with the chats that name them
  std::deque<Operation> m_backlog;
  bool m_inTrouble = false;
  QTimer* m_retry = nullptr;       // children of this, so that they move to its thread
  QTimer* m_commit = nullptr;
  QTimer* m_others = nullptr;
  QString m_streamId;              // the message whose text waits
  QString m_streamText, m_streamThought;
  qint64 m_streamTokens = 0;       // generated, at its last piece
  qint64 m_committedTokens = 0;    // of them, written
  qint64 m_dataVersion = 0;
};

}  // namespace pio
