#include "app/history/history_writer.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QThread>

#include "app/system/session_lock.h"

namespace pio {

HistoryWriter::HistoryWriter() : m_retry(new QTimer(this)), m_commit(new QTimer(this)), m_others(new QTimer(this)) {
  m_retry->setInterval(3000);
  connect(m_retry, &QTimer::timeout, this, &HistoryWriter::writeBacklog);
  m_commit->setSingleShot(true);
  m_commit->setTimerType(Qt::PreciseTimer);
  m_commit->setInterval(kGroupMs);
  connect(m_commit, &QTimer::timeout, this, &HistoryWriter::commitStream);
  m_others->setInterval(2000);
  connect(m_others, &QTimer::timeout, this, &HistoryWriter::lookForOthers);
}

HistoryWriter::~HistoryWriter() = default;

static void removePictures(const QString& folder, const QStringList& pictures) {
  for (const QString& path : pictures) {
    if (QFileInfo(path).path() == folder) QFile::remove(path);
  }
}

void HistoryWriter::open(const QString& dataFolder, const QString& session) {
  m_session = session;
  m_ownPictures = dataFolder + QStringLiteral("/pictures");
  HistoryProblem trouble;
  openOrRecover(m_db, dataFolder + QStringLiteral("/history.db"), trouble);
  if (trouble.kind != HistoryProblem::Kind::none) Q_EMIT problem(trouble);

  (void)m_db.adoptUnfinished([&](const QString& writer) { return SessionLock::isAlive(dataFolder, writer); }).has_value();
  // What windows that died had removed; one that lives may still undo its own.
  if (!SessionLock::othersLive(dataFolder, session)) {
    if (const auto gone = m_db.purgeAll()) removePictures(m_ownPictures, *gone);
  }

  const auto chats = m_db.chats();
  if (!chats) Q_EMIT problem(m_db.problem());
  const auto lastChat = m_db.meta(QStringLiteral("last_chat"));
  const auto newDraft = m_db.meta(QStringLiteral("new_draft"));
  if (const auto version = m_db.dataVersion()) m_dataVersion = *version;
  m_others->start();
  Q_EMIT opened(chats ? *chats : QList<ChatRecord>(), lastChat ? *lastChat : QString(), newDraft ? *newDraft : QString());
}

void HistoryWriter::write(Operation operation) {
  m_backlog.push_back(std::move(operation));
  if (!m_inTrouble) writeBacklog();
}

bool HistoryWriter::writeBacklog() {
  while (!m_backlog.empty()) {
    if (const Result<void> done = m_backlog.front()(m_db); !done) {
      if (!m_db.isHopeless()) {
        if (!m_inTrouble) Q_EMIT problem(m_db.problem());
        m_inTrouble = true;
        m_retry->start();
        return false;
      }
      Q_EMIT problem(m_db.problem());  // a contradiction in the file: it would stand in the way of everything after it for ever
    }
    m_backlog.pop_front();
  }
  m_retry->stop();
  if (m_inTrouble) {
    m_inTrouble = false;
    Q_EMIT recovered();
  }
  return true;
}

void HistoryWriter::putChat(const ChatRecord& chat) {
  write([chat](HistoryDb& db) { return db.putChat(chat); });
}

void HistoryWriter::setTitle(const QString& chatId, const QString& title) {
  write([=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::title, title); });
}

void HistoryWriter::setPinned(const QString& chatId, bool pinned) {
  write([=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::pinned, pinned); });
}

void HistoryWriter::setSystemPrompt(const QString& chatId, const QString& text) {
  write([=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::system_prompt, text); });
}

void HistoryWriter::setDraft(const QString& chatId, const QString& text) {
  write([=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::draft, text); });
}

void HistoryWriter::addMessage(const MessageRecord& record) {
  write([record, session = m_session](HistoryDb& db) {
    return db.addMessage(record, record.message.state == Message::State::Streaming ? session : QString());
  });
  Q_EMIT stored(record.message.id);
}

void HistoryWriter::appendText(quint64, const QString& messageId, const QString& delta, qint64 nTokens) {
  append(messageId, &HistoryWriter::m_streamText, delta, nTokens);
}

void HistoryWriter::appendThought(quint64, const QString& messageId, const QString& delta, qint64 nTokens) {
  append(messageId, &HistoryWriter::m_streamThought, delta, nTokens);
}

void HistoryWriter::append(const QString& messageId, QString HistoryWriter::*words, const QString& delta, qint64 nTokens) {
  if (messageId.isEmpty()) return;  // the code pane's answers are not kept
  if (messageId != m_streamId) {
    commitStream();
    m_streamId = messageId;
    m_committedTokens = 0;
  }
  this->*words += delta;
  m_streamTokens = nTokens;
  if (m_streamTokens - m_committedTokens >= kGroupTokens) commitStream();
  else if (!m_commit->isActive()) m_commit->start();
}

void HistoryWriter::commitStream() {
  m_commit->stop();
  m_committedTokens = m_streamTokens;
  if (m_streamText.isEmpty() && m_streamThought.isEmpty()) return;
  // While the disk refuses, pieces would pile up: the whole text comes with putMessage.
  if (!m_inTrouble) write([id = m_streamId, text = m_streamText, thought = m_streamThought](HistoryDb& db) { return db.appendText(id, text, thought); });
  m_streamText.clear();
  m_streamThought.clear();
}

void HistoryWriter::putMessage(const MessageRecord& record) {
  if (record.message.id == m_streamId) {  // its text is whole in the record
    m_commit->stop();
    m_streamText.clear();
    m_streamThought.clear();
    m_streamId.clear();
  }
  write([record, session = m_session](HistoryDb& db) {
    return db.putMessage(record, record.message.state == Message::State::Streaming ? session : QString());
  });
  Q_EMIT stored(record.message.id);
}

void HistoryWriter::setActiveChild(const QString& chatId, const QString& parentId, const QString& childId) {
  write([=](HistoryDb& db) { return db.setActiveChild(chatId, parentId, childId); });
}

void HistoryWriter::removeChat(const QString& chatId, qint64 removal) {
  write([=](HistoryDb& db) { return db.removeChat(chatId, removal); });
}

void HistoryWriter::removeMessages(const QStringList& ids, qint64 removal) {
  write([=](HistoryDb& db) { return db.removeMessages(ids, removal); });
}

void HistoryWriter::restore(qint64 removal) {
  write([=](HistoryDb& db) { return db.restore(removal); });
}

void HistoryWriter::purge(qint64 removal) {
  write([=, own = m_ownPictures](HistoryDb& db) -> Result<void> {
    ASSIGN_OR_RETURN(const QStringList gone, db.purge(removal));
    removePictures(own, gone);
    return {};
  });
}

void HistoryWriter::putMeta(const QString& key, const QString& value) {
  write([=](HistoryDb& db) { return db.putMeta(key, value); });
}

void HistoryWriter::loadChat(quint64 serial, const QString& chatId) {
  commitStream();
  const auto chat = m_db.chat(chatId);
  if (!chat) {
    Q_EMIT chatMissing(serial);
    return;
  }
  const auto messages = m_db.messages(chatId);
  if (!messages) {
    Q_EMIT problem(m_db.problem());
    Q_EMIT chatMissing(serial);
    return;
  }
  Q_EMIT chatLoaded(serial, *chat, *messages);
}

void HistoryWriter::search(quint64 serial, const QString& query) {
  const auto hits = m_db.search(query);
  if (!hits) Q_EMIT problem(m_db.problem());
  Q_EMIT found(serial, hits ? *hits : QList<SearchHit>());
}

void HistoryWriter::exportTo(const QString& path) {
  commitStream();
  const auto json = m_db.exportJson();
  if (!json) {
    Q_EMIT exportFailed(path, QString::fromStdString(json.error().message));
    return;
  }
  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || file.write(*json) != json->size() || !file.commit()) {
    Q_EMIT exportFailed(path, file.errorString());
    return;
  }
  Q_EMIT exported(path);
}

void HistoryWriter::importFrom(const QString& path) {
  ImportReport report;
  QFile file(path);
  if (QFileInfo(path).isFile() && file.open(QIODevice::ReadOnly)) {
    report = m_db.importJson(file.readAll(), path);
  } else {
    report.problem = ImportReport::Problem::unreadable;
    report.path = path;
    report.details = file.errorString();
  }
  if (report.isDone()) {
    if (const auto chats = m_db.chats()) Q_EMIT chatsRead(*chats);
  }
  Q_EMIT imported(report);
}

void HistoryWriter::lookForOthers() {
  const auto version = m_db.dataVersion();
  if (!version || *version == m_dataVersion) return;
  m_dataVersion = *version;
  if (const auto chats = m_db.chats()) Q_EMIT chatsRead(*chats);
}

void HistoryWriter::close() {
  commitStream();
  m_retry->stop();
  m_others->stop();
  writeBacklog();
  m_db.close();
  QThread::currentThread()->quit();
}

}  // namespace pio
