#pragma once

#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QSet>
#include <QString>
#include <QTimer>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "app/history/history_db.h"
#include "app/history/kept_files.h"
#include "app/history/records.h"

// The one owner of the history file while the window runs, on a thread of its own; nobody waits for it. Slots in, signals out, values only.
// What cannot be written (a full disk) is kept in order and tried again every three seconds, and what another program stands in the way of
// ten times a second: nothing waits in here, so that chats and searches are read meanwhile. Where the file cannot be opened the history
// lives in memory; every three seconds the file is tried again, and what was written meanwhile goes into it.

namespace pio {

class HistoryWriter : public QObject {
  Q_OBJECT

 public:
  // A commit at the latest after so many tokens or so long. With the 33 ms of the engine's batches and the commit itself this keeps
  // what a crash can take below 250 ms of an answer.
  static constexpr int kGroupTokens = 32;
  static constexpr int kGroupMs = 200;

  struct Pace {
    int writeAgainMs = 3'000;
    int openAgainMs = 3'000;  // or twenty times as long as that takes: a long file is looked through
    int lookMs = 2'000;       // for what other windows wrote
    int busyAgainMs = 100;    // while another program holds the file
    int busyToldMs = 5'000;   // so long nothing is said of it
  };
  explicit HistoryWriter(Pace pace);
  HistoryWriter() : HistoryWriter(Pace()) {}
  ~HistoryWriter() override;

  // For tests, on the writer's thread: the disk can be filled and protected there.
  HistoryDb& db() { return *m_db; }

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
  void appendText(const QString& messageId, const QString& delta, qint64 nTokens);
  void appendThought(const QString& messageId, const QString& delta, qint64 nTokens);
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
  // What could not be opened or written, now instead of in a while.
  void tryAgain();
  // The same before the window closes, with a little patience; `settled` says what is still not in the file.
  void settle();
  // Last of all: writes what waits, closes the file and ends this thread's event loop.
  void close();

 signals:
  void opened(const QList<pio::ChatRecord>& chats, const QString& lastChat, const QString& newDraft);
  // The list of chats after another window or an import changed it.
  void chatsRead(const QList<pio::ChatRecord>& chats);
  void purged(const QStringList& chatIds);           // what windows that died had removed of these is gone for good
  void stored(const QString& messageId);             // it is on the disk, or known not to get there
  void problem(const pio::HistoryProblem& problem);  // of opening and writing
  void settled(const pio::UnsavedHistory& unsaved);
  void recovered();                                     // the file is open and everything that waited is written
  void readFailed(const pio::HistoryProblem& problem);  // of a chat, the list or a search; it is tried again by itself
  void readRecovered();                                 // what failed works again
  void chatLoaded(quint64 serial, const pio::ChatRecord& chat, const QList<pio::MessageRecord>& messages);
  void chatMissing(quint64 serial);
  void found(quint64 serial, const QList<pio::SearchHit>& hits);
  void searchFailed(quint64 serial);
  void exported(const QString& path);
  void exportFailed(const QString& path, const QString& details);
  void imported(const pio::ImportReport& report);

 private:
  // One change of the file. Of `messageId`, or of something that a person would miss, or of none of both.
  struct Change {
    std::function<Result<void>(HistoryDb&)> write;
    QString messageId = {};
    bool isMissed = true;
  };
  void write(Change change);
  void openAgain();
  void openFile(int patienceMs);
  UnsavedHistory unsaved() const;
  Result<QByteArray> wholeExport();
  bool writeBacklog();
  bool mendIndex();
  struct Stream {  // what waits of a message that is being written
    QString text, thought;
    qint64 nTokens = 0;     // generated, at its last piece
    qint64 nCommitted = 0;  // of them, written
  };
  void append(const QString& messageId, QString Stream::*words, const QString& delta, qint64 nTokens);
  void commitStreams();
  void lookForOthers();
  void lookForFile();
  void readList();
  void greet();
  void importNow(const QString& path, int nTries);
  enum class Reading { list, chat, messages, search };
  template <class T>
  bool isRead(Reading what, const Result<T>& result, std::function<void()> again);

  const Pace m_pace;
  std::unique_ptr<HistoryDb> m_db;
  QString m_dataFolder, m_session;
  std::unique_ptr<KeptFiles> m_kept;
  std::deque<Change> m_backlog;
  std::deque<Change> m_aside;    // what is in memory only, for the file
  bool m_isAside = false;        // the history lives in memory
  HistoryProblem m_openProblem;  // why
  bool m_mayOpenLater = false;   // the file is tried again
  bool m_isCopying = false;      // changes are made in a copy: no file that they free goes
  bool m_inTrouble = false;
  bool m_isTold = false;      // of the trouble
  QElapsedTimer m_busySince;  // valid while another program stands in the way
  bool m_isGreeted = false;
  bool m_isGone = false;                               // the open file has no name any more
  std::map<Reading, std::function<void()>> m_failing;  // reads that did not work the last time, and how each is tried again
  bool m_isTryingAgain = false;                        // to read
  int m_looksWaited = 0, m_looksBetween = 1;           // since the last try to read what failed, and until the next
  bool m_isGoodStart = false;
  QTimer* m_retry = nullptr;  // children of this, so that they move to its thread
  QTimer* m_open = nullptr;
  QTimer* m_commit = nullptr;
  QTimer* m_others = nullptr;
  std::map<QString, Stream> m_streams;  // by its id
  QSet<QString> m_cutIds;               // the messages whose pieces were left out, until they come whole
  qint64 m_dataVersion = 0;
};

}  // namespace pio
