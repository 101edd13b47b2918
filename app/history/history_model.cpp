#include "app/history/history_model.h"

#include <QDateTime>
#include <algorithm>

#include "app/history/history_model_p.h"

namespace pio {
namespace {

constexpr int kUndoMs = 8000;        // look.md 7, Toast
constexpr int kSearchPauseMs = 120;  // between two keys of a fast typist

}  // namespace

QString HistoryModel::Private::sectionOf(const ChatRecord& chat) const {
  if (chat.pinned) return QStringLiteral("pinned");
  const qint64 days = QDateTime::fromMSecsSinceEpoch(chat.updated).date().daysTo(today);
  if (days <= 0) return QStringLiteral("today");
  if (days == 1) return QStringLiteral("yesterday");
  if (days <= 7) return QStringLiteral("week");
  return QStringLiteral("older");
}

bool HistoryModel::Private::isBefore(const ChatRecord& a, const ChatRecord& b) {
  if (a.pinned != b.pinned) return a.pinned;
  return std::tie(a.updated, a.id) > std::tie(b.updated, b.id);
}

int HistoryModel::Private::rowOf(const QString& chatId) const {
  for (qsizetype i = 0; i < chats.size(); ++i) {
    if (chats[i].id == chatId) return static_cast<int>(i);
  }
  return -1;
}

void HistoryModel::Private::changed(HistoryModel* q, const QString& chatId, int role) {
  if (chatId.isEmpty()) return;
  if (!isSearching()) {
    if (const int row = rowOf(chatId); row >= 0) Q_EMIT q->dataChanged(q->index(row), q->index(row), {role});
    return;
  }
  for (qsizetype i = 0; i < hits.size(); ++i) {
    if (hits[i].chatId == chatId) Q_EMIT q->dataChanged(q->index(static_cast<int>(i)), q->index(static_cast<int>(i)), {role});
  }
}

HistoryModel::HistoryModel(std::unique_ptr<Private> p, QObject* parent) : QAbstractListModel(parent), d(std::move(p)) {
  d->searchTimer.setSingleShot(true);
  d->searchTimer.setInterval(kSearchPauseMs);
  connect(&d->searchTimer, &QTimer::timeout, this, [this] {
    QMetaObject::invokeMethod(d->writer, [writer = d->writer, serial = ++d->searchSerial, query = d->query] { writer->search(serial, query); });
  });
  d->undoTimer.setSingleShot(true);
  d->undoTimer.setInterval(kUndoMs);
  connect(&d->undoTimer, &QTimer::timeout, this, &HistoryModel::endUndo);
  d->dayTimer.setInterval(60'000);
  connect(&d->dayTimer, &QTimer::timeout, this, [this] {
    if (d->today == QDate::currentDate()) return;
    d->today = QDate::currentDate();
    if (rowCount() > 0) Q_EMIT dataChanged(index(0), index(rowCount() - 1), {SectionRole});
  });
  d->dayTimer.start();

  connect(d->writer, &HistoryWriter::opened, this, [this](const QList<ChatRecord>& chats) {
    // What was begun before the file was read stays.
    beginResetModel();
    for (const ChatRecord& chat : chats) {
      if (d->rowOf(chat.id) < 0) d->chats.append(chat);
    }
    std::sort(d->chats.begin(), d->chats.end(), &Private::isBefore);
    d->isReady = true;
    endResetModel();
    Q_EMIT countChanged();
  });
  connect(d->writer, &HistoryWriter::chatsRead, this, [this](const QList<ChatRecord>& chats) {
    QSet<QString> there;
    for (const ChatRecord& chat : chats) {
      there.insert(chat.id);
      const int row = d->rowOf(chat.id);
      // Ours may be newer than the file.
      if (row < 0 || (d->chats[row].updated <= chat.updated &&
                      (d->chats[row].title != chat.title || d->chats[row].pinned != chat.pinned || d->chats[row].updated != chat.updated))) {
        put(chat);
        d->made.remove(chat.id);
      }
    }
    const QList<ChatRecord> shown = d->chats;
    for (const ChatRecord& chat : shown) {
      if (!there.contains(chat.id) && !d->made.contains(chat.id)) hide(chat.id);
    }
  });
  const auto show = [this](quint64 serial, const QList<SearchHit>& hits, bool hasFailed) {
    if (serial != d->searchSerial || d->query.trimmed().isEmpty()) return;
    beginResetModel();
    d->hits = hits;
    d->hasHits = true;
    d->searchFailed = hasFailed;
    endResetModel();
    Q_EMIT countChanged();
  };
  connect(d->writer, &HistoryWriter::found, this, [show](quint64 serial, const QList<SearchHit>& hits) { show(serial, hits, false); });
  connect(d->writer, &HistoryWriter::searchFailed, this, [show](quint64 serial) { show(serial, {}, true); });
}

HistoryModel::~HistoryModel() = default;

int HistoryModel::rowCount(const QModelIndex& parent) const {
  if (parent.isValid()) return 0;
  return static_cast<int>(d->isSearching() ? d->hits.size() : d->chats.size());
}

QVariant HistoryModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const bool isHit = d->isSearching();
  const SearchHit hit = isHit ? d->hits[index.row()] : SearchHit{};
  const int row = isHit ? d->rowOf(hit.chatId) : index.row();
  const ChatRecord chat = row >= 0 ? d->chats[row] : ChatRecord{hit.chatId, hit.title};
  switch (role) {
    case ChatIdRole: return chat.id;
    case Qt::DisplayRole:
    case TitleRole: return chat.title;
    case SectionRole: return isHit ? QStringLiteral("found") : d->sectionOf(chat);
    case WritingRole: return d->writing.contains(chat.id);
    case PinnedRole: return chat.pinned;
    case KindRole: return nameOf(chat.kind);
    case SnippetRole: return hit.snippet;
    case MessageIdRole: return hit.messageId;
    default: return {};
  }
}

QHash<int, QByteArray> HistoryModel::roleNames() const {
  return {{ChatIdRole, "chatId"}, {TitleRole, "title"},     {SectionRole, "section"}, {WritingRole, "writing"},
          {PinnedRole, "pinned"}, {SnippetRole, "snippet"}, {KindRole, "kind"},       {MessageIdRole, "messageId"}};
}

bool HistoryModel::searchFailed() const { return d->isSearching() && d->searchFailed; }
bool HistoryModel::ready() const { return d->isReady; }
QString HistoryModel::query() const { return d->query; }
QString HistoryModel::removedTitle() const { return d->removedTitle; }
QString HistoryModel::mostRecent() const {
  const auto newest =
      std::max_element(d->chats.cbegin(), d->chats.cend(), [](const ChatRecord& a, const ChatRecord& b) { return a.updated < b.updated; });
  return newest == d->chats.cend() ? QString() : newest->id;
}

ChatRecord HistoryModel::record(const QString& chatId) const {
  const int row = d->rowOf(chatId);
  return row < 0 ? ChatRecord{} : d->chats[row];
}

QString HistoryModel::chatOfFile(const QString& path) const {
  const ChatRecord* newest = nullptr;
  for (const ChatRecord& chat : d->chats) {
    if (chat.kind == ChatRecord::Kind::Code && chat.file == path && (newest == nullptr || newest->updated < chat.updated)) newest = &chat;
  }
  return newest == nullptr ? QString() : newest->id;
}

void HistoryModel::setQuery(const QString& query) {
  if (query == d->query) return;
  if (query.trimmed().isEmpty()) {
    d->searchTimer.stop();
    beginResetModel();
    d->query = query;
    d->hits.clear();
    d->hasHits = false;
    endResetModel();
    Q_EMIT countChanged();
  } else {
    d->query = query;  // the rows stay until the hits come
    d->searchTimer.start();
  }
  Q_EMIT queryChanged();
}

void HistoryModel::put(const ChatRecord& chat) {
  const bool isShown = !d->isSearching();
  int row = d->rowOf(chat.id);
  if (row < 0) {
    const int to = static_cast<int>(std::lower_bound(d->chats.begin(), d->chats.end(), chat, &Private::isBefore) - d->chats.begin());
    if (isShown) beginInsertRows({}, to, to);
    d->chats.insert(to, chat);
    d->made.insert(chat.id);
    if (isShown) endInsertRows();
    Q_EMIT countChanged();
    return;
  }
  QList<ChatRecord> others = d->chats;
  others.removeAt(row);
  const int to = static_cast<int>(std::lower_bound(others.begin(), others.end(), chat, &Private::isBefore) - others.begin());
  if (to != row) {
    // The destination counts the moved row as still there.
    if (isShown) beginMoveRows({}, row, row, {}, to > row ? to + 1 : to);
    d->chats.move(row, to);
    if (isShown) endMoveRows();
  }
  d->chats[to] = chat;
  if (isShown) Q_EMIT dataChanged(index(to), index(to));
  else d->changed(this, chat.id, TitleRole);
}

void HistoryModel::touch(const QString& chatId, qint64 updated) {
  const int row = d->rowOf(chatId);
  if (row < 0) return;
  ChatRecord chat = d->chats[row];
  chat.updated = updated;
  put(chat);
}

void HistoryModel::hide(const QString& chatId) {
  const int row = d->rowOf(chatId);
  if (row < 0) return;
  if (d->isSearching()) {
    beginResetModel();
    d->chats.removeAt(row);
    d->hits.removeIf([&](const SearchHit& hit) { return hit.chatId == chatId; });
    endResetModel();
  } else {
    beginRemoveRows({}, row, row);
    d->chats.removeAt(row);
    endRemoveRows();
  }
  Q_EMIT countChanged();
}

void HistoryModel::setWriting(const QString& chatId, bool isWriting) {
  if (isWriting == d->writing.contains(chatId)) return;
  if (isWriting) d->writing.insert(chatId);
  else d->writing.remove(chatId);
  d->changed(this, chatId, WritingRole);
}

void HistoryModel::open(const QString& chatId, const QString& messageId) { Q_EMIT openRequested(chatId, messageId); }

void HistoryModel::rename(const QString& chatId, const QString& title) {
  const int row = d->rowOf(chatId);
  const QString cleaned = title.simplified();
  if (row < 0 || cleaned.isEmpty() || d->chats[row].title == cleaned) return;
  ChatRecord chat = d->chats[row];
  chat.title = cleaned;
  put(chat);
  QMetaObject::invokeMethod(d->writer, [writer = d->writer, chatId, cleaned] { writer->setTitle(chatId, cleaned); });
  Q_EMIT renamed(chatId, cleaned);
}

void HistoryModel::setPinned(const QString& chatId, bool pinned) {
  const int row = d->rowOf(chatId);
  if (row < 0 || d->chats[row].pinned == pinned) return;
  ChatRecord chat = d->chats[row];
  chat.pinned = pinned;
  put(chat);
  QMetaObject::invokeMethod(d->writer, [writer = d->writer, chatId, pinned] { writer->setPinned(chatId, pinned); });
}

void HistoryModel::remove(const QString& chatId) {
  const int row = d->rowOf(chatId);
  if (row < 0) return;
  const ChatRecord chat = d->chats[row];
  const qint64 removal = HistoryDb::newRemoval();
  hide(chatId);
  QMetaObject::invokeMethod(d->writer, [writer = d->writer, chatId, removal] { writer->removeChat(chatId, removal); });
  offerUndo(
      chat.title,
      [this, chat, removal] {
        QMetaObject::invokeMethod(d->writer, [writer = d->writer, removal] { writer->restore(removal); });
        put(chat);
      },
      [this, chatId, removal] {
        QMetaObject::invokeMethod(d->writer, [writer = d->writer, removal] { writer->purge(removal); });
        Q_EMIT purged(chatId);
      });
  Q_EMIT removed(chatId);
}

void HistoryModel::offerUndo(const QString& title, std::function<void()> undo, std::function<void()> purge) {
  endUndo();  // one at a time: the older one passes
  d->removedTitle = title;
  d->undo = std::move(undo);
  d->purge = std::move(purge);
  d->undoTimer.start();
  Q_EMIT removedChanged();
}

void HistoryModel::undoRemove() {
  if (!d->undo) return;
  d->undoTimer.stop();
  const auto undo = std::exchange(d->undo, nullptr);
  d->purge = nullptr;
  d->removedTitle.clear();
  undo();
  Q_EMIT removedChanged();
}

void HistoryModel::endUndo() {
  if (!d->purge) return;
  d->undoTimer.stop();
  const auto purge = std::exchange(d->purge, nullptr);
  d->undo = nullptr;
  d->removedTitle.clear();
  purge();
  Q_EMIT removedChanged();
}

}  // namespace pio
