#include "app/history/history_writer.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QSet>
#include <QThread>
#include <algorithm>
#include <utility>

#include "app/system/session_lock.h"

namespace pio {

static constexpr int kMostLooksBetween = 16;   // two tries to read what failed
static constexpr int kPatienceMs = 50;         // with what another program holds: a commit of another window is over by then
static constexpr int kSettlePatienceMs = 300;  // before the window asks what becomes of what is not written
static constexpr int kLastPatienceMs = 5'000;  // when the window closes
static constexpr int kOpenShare = 20;          // of the time between two tries to open the file, one part is a try
static constexpr int kMostImportTries = 50;    // of a file that is to come in meanwhile

HistoryWriter::HistoryWriter(Pace pace)
    : m_pace(pace),
      m_db(std::make_unique<HistoryDb>()),
      m_retry(new QTimer(this)),
      m_open(new QTimer(this)),
      m_commit(new QTimer(this)),
      m_others(new QTimer(this)) {
  connect(m_retry, &QTimer::timeout, this, &HistoryWriter::writeBacklog);
  m_open->setSingleShot(true);
  connect(m_open, &QTimer::timeout, this, &HistoryWriter::openAgain);
  m_commit->setSingleShot(true);
  m_commit->setTimerType(Qt::PreciseTimer);
  m_commit->setInterval(kGroupMs);
  connect(m_commit, &QTimer::timeout, this, &HistoryWriter::commitStreams);
  m_others->setInterval(m_pace.lookMs);
  connect(m_others, &QTimer::timeout, this, &HistoryWriter::lookForOthers);
}

HistoryWriter::~HistoryWriter() = default;

// False where it failed. A chat that was asked for is told of each time, what goes on by itself once until the same works again.
template <class T>
bool HistoryWriter::isRead(Reading what, const Result<T>& result, std::function<void()> again) {
  if (!result && result.error().code != ErrorCode::not_found) {
    HistoryProblem problem = m_db->problem();
    problem.kind = HistoryProblem::Kind::unreadable;
    m_db->forgetPages();
    const bool isAsked = (what == Reading::chat || what == Reading::messages) && !m_isTryingAgain;
    if (m_failing.empty() || isAsked) Q_EMIT readFailed(problem);
    m_failing.insert_or_assign(what, std::move(again));
  } else if (m_failing.erase(what) > 0 && m_failing.empty()) {
    Q_EMIT readRecovered();
  }
  return result.has_value();
}

void HistoryWriter::readList() {
  if (const auto chats = m_db->chats(); isRead(Reading::list, chats, [this] { readList(); })) Q_EMIT chatsRead(*chats);
}

// ---- opening -------------------------------------------------------------------------------------------------------------------------

// A file that may be had later: what is damaged or newer stays so.
static bool mayOpenLater(const HistoryProblem& problem) {
  switch (problem.kind) {
    case HistoryProblem::Kind::disk_full:
    case HistoryProblem::Kind::no_room:
    case HistoryProblem::Kind::read_only:
    case HistoryProblem::Kind::busy:
    case HistoryProblem::Kind::other: return true;
    default: return false;
  }
}

void HistoryWriter::open(const QString& dataFolder, const QString& session) {
  m_dataFolder = dataFolder;
  m_session = session;
  m_kept = std::make_unique<KeptFiles>(dataFolder);
  HistoryProblem trouble;
  openOrRecover(*m_db, dataFolder + QStringLiteral("/history.db"), trouble);
  m_isAside = m_db->path() == QLatin1String(":memory:");
  m_openProblem = trouble;
  m_mayOpenLater = m_isAside && mayOpenLater(trouble);
  if (m_mayOpenLater) m_open->start(m_pace.openAgainMs);
  if (trouble.kind != HistoryProblem::Kind::none) Q_EMIT problem(trouble);
  greet();

  const auto chats = m_db->chats();
  m_isGoodStart = isRead(Reading::list, chats, [this] { readList(); }) && !m_isAside;
  const auto lastChat = m_db->meta(QStringLiteral("last_chat"));
  const auto newDraft = m_db->meta(QStringLiteral("new_draft"));
  m_others->start();
  Q_EMIT opened(chats ? *chats : QList<ChatRecord>(), lastChat ? *lastChat : QString(), newDraft ? *newDraft : QString());
}

// A file just opened: what windows that died left in it is put in order.
void HistoryWriter::greet() {
  m_db->setPatience(kPatienceMs);
  m_isGreeted = true;
  if (!m_db->checkIndex()) {
    if (m_db->isIndexDamaged()) m_db->giveUpIndex();
    m_isGreeted = !m_db->isBusy();
  }
  const auto isAlive = [this](const QString& session) { return SessionLock::isAlive(m_dataFolder, session); };
  m_kept->removeLeftovers(isAlive);
  if (!m_db->adoptUnfinished(isAlive) && m_db->isBusy()) m_isGreeted = false;
  // What a window that died had removed; one that lives may still undo its own. Older versions did not say whose a removal is.
  const bool othersLive = SessionLock::othersLive(m_dataFolder, m_session);
  QStringList chats;
  const auto gone = m_db->purgeDead([&](const QString& session) { return session.isEmpty() ? othersLive : isAlive(session); }, &chats);
  if (!chats.isEmpty()) Q_EMIT purged(chats);
  if (!gone && m_db->isBusy()) m_isGreeted = false;
  if (gone && !m_isAside) m_kept->remove(*gone);
  if (const auto named = m_db->namedFiles(); named && !m_isAside && !othersLive && m_db->isMigrated()) m_kept->removeUnnamed(*named);
  if (const auto version = m_db->dataVersion()) m_dataVersion = *version;
}

void HistoryWriter::openAgain() {
  QElapsedTimer timer;
  timer.start();
  tryAgain();
  if (m_isAside) m_open->start(static_cast<int>(std::max<qint64>(m_pace.openAgainMs, kOpenShare * timer.elapsed())));
}

void HistoryWriter::tryAgain() {
  if (m_isAside) openFile(kPatienceMs);
  else writeBacklog();
}

void HistoryWriter::openFile(int patienceMs) {
  auto file = std::make_unique<HistoryDb>();
  file->limitPages(m_db->pageLimit());
  if (!file->open(m_dataFolder + QStringLiteral("/history.db"), patienceMs)) {
    if (m_mayOpenLater) m_openProblem = file->problem();
    return;
  }
  m_open->stop();
  m_db = std::move(file);
  m_isAside = false;
  greet();
  // What waited comes after what was written to memory.
  m_backlog.insert(m_backlog.begin(), std::make_move_iterator(m_aside.begin()), std::make_move_iterator(m_aside.end()));
  m_aside.clear();
  m_inTrouble = m_isTold = true;  // until all of it is in the file
  writeBacklog();
  readList();
}

// ---- writing -------------------------------------------------------------------------------------------------------------------------

void HistoryWriter::write(Change change) {
  m_backlog.push_back(std::move(change));
  if (!m_inTrouble) writeBacklog();
}

bool HistoryWriter::writeBacklog() {
  while (!m_backlog.empty()) {
    Result<void> done = m_backlog.front().write(*m_db);
    if (!done && mendIndex()) done = m_backlog.front().write(*m_db);
    if (!done) {
      if (!m_db->isHopeless()) {
        const bool isBusy = m_db->isBusy();
        if (!isBusy) m_busySince.invalidate();
        else if (!m_busySince.isValid()) m_busySince.start();
        m_inTrouble = true;
        if (!isBusy || m_busySince.hasExpired(m_pace.busyToldMs)) {
          if (!std::exchange(m_isTold, true) || !m_retry->isActive()) Q_EMIT problem(m_db->problem());
        }
        m_retry->start(isBusy ? m_pace.busyAgainMs : m_pace.writeAgainMs);
        return false;
      }
      Q_EMIT problem(m_db->problem());  // a contradiction in the file: it would stand in the way of everything after it for ever
    }
    if (m_isAside) m_aside.push_back(std::move(m_backlog.front()));
    m_backlog.pop_front();
  }
  m_retry->stop();
  m_busySince.invalidate();
  m_inTrouble = false;
  if (std::exchange(m_isTold, false)) Q_EMIT recovered();
  return true;
}

// After an error: true where the index may have been its reason and is no more. The messages are what counts: where it cannot be made anew
// they are written without it.
bool HistoryWriter::mendIndex() {
  if (!m_db->isIndexDamaged() || !m_db->isIndexed()) return false;
  if (m_db->rebuildIndex()) return true;
  if (!m_db->isIndexDamaged()) return false;  // the disk is full, or another program is writing
  m_db->giveUpIndex();
  return true;
}

void HistoryWriter::putChat(const ChatRecord& chat) {
  write({[chat](HistoryDb& db) { return db.putChat(chat); }});
}

void HistoryWriter::setTitle(const QString& chatId, const QString& title) {
  write({[=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::title, title); }});
}

void HistoryWriter::setPinned(const QString& chatId, bool pinned) {
  write({[=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::pinned, pinned); }});
}

void HistoryWriter::setSystemPrompt(const QString& chatId, const QString& text) {
  write({[=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::system_prompt, text); }});
}

void HistoryWriter::setDraft(const QString& chatId, const QString& text) {
  write({[=](HistoryDb& db) { return db.setChat(chatId, HistoryDb::ChatField::draft, text); }});
}

void HistoryWriter::addMessage(const MessageRecord& record) {
  const auto writes = [this, record = MessageRecord(record)](HistoryDb& db) mutable {
    if (!m_isAside) m_kept->keep(record.message);
    return db.addMessage(record, record.message.state == Message::State::Streaming ? m_session : QString());
  };
  write({writes, record.message.id});
  Q_EMIT stored(record.message.id);
}

void HistoryWriter::appendText(const QString& messageId, const QString& delta, qint64 nTokens) { append(messageId, &Stream::text, delta, nTokens); }

void HistoryWriter::appendThought(const QString& messageId, const QString& delta, qint64 nTokens) {
  append(messageId, &Stream::thought, delta, nTokens);
}

void HistoryWriter::append(const QString& messageId, QString Stream::*words, const QString& delta, qint64 nTokens) {
  Stream& stream = m_streams[messageId];
  stream.*words += delta;
  stream.nTokens = nTokens;
  if (nTokens - stream.nCommitted >= kGroupTokens) commitStreams();
  else if (!m_commit->isActive()) m_commit->start();
}

void HistoryWriter::commitStreams() {
  m_commit->stop();
  for (auto& [id, stream] : m_streams) {
    stream.nCommitted = stream.nTokens;
    if (stream.text.isEmpty() && stream.thought.isEmpty()) continue;
    const QString text = std::exchange(stream.text, {}), thought = std::exchange(stream.thought, {});
    // While the disk refuses, pieces would pile up: the whole text comes with putMessage.
    if (m_inTrouble) m_cutIds.insert(id);
    else write({[id = id, text, thought](HistoryDb& db) { return db.appendText(id, text, thought); }, id});
  }
}

void HistoryWriter::putMessage(const MessageRecord& record) {
  m_cutIds.remove(record.message.id);
  m_streams.erase(record.message.id);  // its text is whole in the record
  const auto writes = [this, record = MessageRecord(record)](HistoryDb& db) mutable {
    if (!m_isAside) m_kept->keep(record.message);
    return db.putMessage(record, record.message.state == Message::State::Streaming ? m_session : QString());
  };
  write({writes, record.message.id});
  Q_EMIT stored(record.message.id);
}

void HistoryWriter::setActiveChild(const QString& chatId, const QString& parentId, const QString& childId) {
  write({[=](HistoryDb& db) { return db.setActiveChild(chatId, parentId, childId); }, {}, false});
}

void HistoryWriter::removeChat(const QString& chatId, qint64 removal) {
  write({[=, this](HistoryDb& db) { return db.removeChat(chatId, removal, m_session); }});
}

void HistoryWriter::removeMessages(const QStringList& ids, qint64 removal) {
  write({[=, this](HistoryDb& db) { return db.removeMessages(ids, removal, m_session); }});
}

void HistoryWriter::restore(qint64 removal) {
  write({[=](HistoryDb& db) { return db.restore(removal); }});
}

void HistoryWriter::purge(qint64 removal) {
  const auto purges = [=, this](HistoryDb& db) -> Result<void> {
    ASSIGN_OR_RETURN(const QStringList gone, db.purge(removal));
    if (!m_isAside && !m_isCopying) m_kept->remove(gone);  // else the file may name them
    return {};
  };
  write({purges, {}, false});  // the next start purges too
}

void HistoryWriter::putMeta(const QString& key, const QString& value) {
  write({[=](HistoryDb& db) { return db.putMeta(key, value); }, {}, key == QLatin1String("new_draft")});
}

// ---- reading -------------------------------------------------------------------------------------------------------------------------

void HistoryWriter::loadChat(quint64 serial, const QString& chatId) {
  commitStreams();
  const auto again = [=, this] { loadChat(serial, chatId); };
  const auto chat = m_db->chat(chatId);
  if (!isRead(Reading::chat, chat, again)) {
    Q_EMIT chatMissing(serial);
    return;
  }
  const auto messages = m_db->messages(chatId);
  if (!isRead(Reading::messages, messages, again)) {
    Q_EMIT chatMissing(serial);
    return;
  }
  Q_EMIT chatLoaded(serial, *chat, *messages);
}

void HistoryWriter::search(quint64 serial, const QString& query) {
  if (!m_db->isIndexed() && m_isTryingAgain) (void)m_db->rebuildIndex().has_value();
  auto hits = m_db->search(query);
  if (!hits && mendIndex() && m_db->isIndexed()) hits = m_db->search(query);
  if (isRead(Reading::search, hits, [=, this] { search(serial, query); })) Q_EMIT found(serial, *hits);
  else Q_EMIT searchFailed(serial);
}

// With what the file does not take at the moment.
Result<QByteArray> HistoryWriter::wholeExport() {
  ASSIGN_OR_RETURN(const QByteArray json, m_db->exportJson());
  if (m_backlog.empty()) return json;
  HistoryDb copy;
  RETURN_IF_ERROR(copy.open(QStringLiteral(":memory:")));
  if (const ImportReport report = copy.importJson(json, m_db->path()); !report.isDone())
    return make_error(ErrorCode::io, report.details.toStdString());
  m_isCopying = true;
  for (const Change& change : m_backlog) (void)change.write(copy).has_value();  // what contradicts the file would be left out of it too
  m_isCopying = false;
  return copy.exportJson();
}

void HistoryWriter::exportTo(const QString& path) {
  commitStreams();
  const auto json = wholeExport();
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

void HistoryWriter::importFrom(const QString& path) { importNow(path, 1); }

void HistoryWriter::importNow(const QString& path, int nTries) {
  ImportReport report;
  QFile file(path);
  if (QFileInfo(path).isFile() && file.open(QIODevice::ReadOnly)) {
    const QByteArray bytes = file.readAll();
    report = m_db->importJson(bytes, path);
    if (report.problem == ImportReport::Problem::not_saved && m_db->isBusy() && nTries < kMostImportTries) {
      QTimer::singleShot(m_pace.busyAgainMs, this, [=, this] { importNow(path, nTries + 1); });
      return;
    }
    if (report.isDone() && m_isAside) {
      const auto imports = [bytes, path](HistoryDb& db) -> Result<void> {
        const ImportReport again = db.importJson(bytes, path);
        if (again.problem == ImportReport::Problem::not_saved) return make_error(ErrorCode::io, again.details.toStdString());
        return {};
      };
      m_aside.push_back({imports});
    }
  } else {
    report.problem = ImportReport::Problem::unreadable;
    report.path = path;
    report.details = file.errorString();
  }
  if (report.isDone()) readList();
  Q_EMIT imported(report);
}

void HistoryWriter::lookForOthers() {
  lookForFile();
  if (!m_isGreeted) {
    greet();
    if (m_isGreeted) readList();
  }
  // What fails again is tried at twice the distance: it may take long to fail.
  m_looksWaited = m_failing.empty() ? 0 : m_looksWaited + 1;
  if (m_failing.empty()) m_looksBetween = 1;
  if (m_looksWaited >= m_looksBetween) {
    m_looksWaited = 0;
    m_looksBetween = std::min(2 * m_looksBetween, kMostLooksBetween);
    m_isTryingAgain = true;
    const auto failing = m_failing;  // each removes or renews itself
    for (const auto& [what, again] : failing) again();
    m_isTryingAgain = false;
  }
  const auto version = m_db->dataVersion();
  if (!version || *version == m_dataVersion) return;
  m_dataVersion = *version;
  readList();
}

// A file that was removed or replaced takes what is written all the same, and goes with this window.
void HistoryWriter::lookForFile() {
  const bool isGone = !m_db->isInPlace();
  if (isGone == std::exchange(m_isGone, isGone)) return;
  if (isGone) {
    HistoryProblem problem;
    problem.kind = HistoryProblem::Kind::gone;
    problem.path = m_db->path();
    Q_EMIT this->problem(problem);
  } else if (!m_inTrouble) {
    Q_EMIT recovered();
  }
}

// ---- the end -------------------------------------------------------------------------------------------------------------------------

UnsavedHistory HistoryWriter::unsaved() const {
  UnsavedHistory unsaved;
  QSet<QString> messages;
  for (const std::deque<Change>* waiting : {&m_aside, &m_backlog}) {
    for (const Change& change : *waiting) {
      if (!change.messageId.isEmpty()) messages.insert(change.messageId);
      else if (change.isMissed) unsaved.isMore = true;
    }
  }
  if (m_inTrouble) messages.unite(m_cutIds);
  unsaved.nMessages = static_cast<int>(messages.size());
  if (m_isAside) {
    unsaved.why = m_openProblem;
    unsaved.mayBeSaved = m_mayOpenLater;
  } else if (m_inTrouble) {
    unsaved.why = m_db->problem();
  } else if (m_isGone) {
    unsaved.isMore = true;
    unsaved.mayBeSaved = false;
    unsaved.why.kind = HistoryProblem::Kind::gone;
    unsaved.why.path = m_db->path();
  }
  return unsaved;
}

void HistoryWriter::settle() {
  commitStreams();
  m_db->setPatience(kSettlePatienceMs);
  if (!m_isAside) writeBacklog();
  else if (m_mayOpenLater) openFile(kSettlePatienceMs);
  m_db->setPatience(kPatienceMs);
  lookForFile();
  Q_EMIT settled(unsaved());
}

void HistoryWriter::close() {
  for (QTimer* timer : {m_retry, m_open, m_others}) timer->stop();
  if (m_isAside) openFile(kLastPatienceMs);
  if (m_db->isOpen()) m_db->setPatience(kLastPatienceMs);
  commitStreams();
  if (writeBacklog() && m_isGoodStart && !m_isAside) (void)m_db->noteGoodStart().has_value();
  m_db->close();
  m_kept->removeLeftovers([this](const QString& session) { return session != m_session; });
  QThread::currentThread()->quit();
}

}  // namespace pio
