#include <algorithm>
#include <utility>

#include "app/chat/conversation_model_p.h"

// The rows of ConversationModel: in slices, renumbered, made what the messages say now.

namespace pio {
namespace {

constexpr qsizetype kSlice = 60'000;  // signs that get their rows in one go; 10 ms of parsing

}  // namespace

std::vector<ConversationEntry::Part> ConversationModel::Private::wantedParts(const Entry& entry) const {
  return entry.wantedParts(!isAwaited && &entry == &entries.back());
}

int ConversationModel::Private::fillSlice() {
  qsizetype nSigns = 0;
  int nRows = 0;
  while (nPending > 0 && nSigns < kSlice) {
    Entry& entry = entries[--nPending];
    nSigns += entry.message.text().size();
    entry.fill();
    entry.parts = wantedParts(entry);
    nRows += int(entry.parts.size());
  }
  return nRows;
}

void ConversationModel::Private::addSlice() {
  const int before = int(entryOfRow.size());
  const int nRows = fillSlice();
  if (nRows > 0) {
    // The rows are announced before they are counted.
    q->beginInsertRows({}, 0, nRows - 1);
    renumber(nPending);
    q->endInsertRows();
    if (before > 0) changed(nRows, nRows, {AboveRole, LevelAboveRole});
    Q_EMIT q->countChanged();
  }
  if (nPending == 0) slices.stop();
}

void ConversationModel::Private::renumber(size_t fromEntry) {
  int row = 0;
  if (fromEntry > 0) row = entries[fromEntry - 1].firstRow + int(entries[fromEntry - 1].parts.size());
  for (size_t i = fromEntry; i < entries.size(); ++i) {
    entries[i].firstRow = row;
    row += int(entries[i].parts.size());
  }
  const size_t keep = fromEntry < entries.size() ? size_t(entries[fromEntry].firstRow) : size_t(row);
  entryOfRow.resize(std::min(entryOfRow.size(), keep));
  for (size_t i = fromEntry; i < entries.size(); ++i) entryOfRow.insert(entryOfRow.end(), entries[i].parts.size(), int(i));
}

void ConversationModel::Private::syncRows(size_t e) {
  Entry& entry = entries[e];
  std::vector<Part> now = wantedParts(entry);
  std::vector<Part>& was = entry.parts;
  const auto sameKind = [](const Part& a, const Part& b) { return a.kind == b.kind && (a.block < 0) == (b.block < 0); };
  size_t head = 0;
  while (head < was.size() && head < now.size() && sameKind(was[head], now[head])) ++head;
  size_t tail = 0;
  // blocks are matched from the front: only rows without one may stay at the end
  while (tail < was.size() - head && tail < now.size() - head && was[was.size() - 1 - tail].block < 0 &&
         sameKind(was[was.size() - 1 - tail], now[now.size() - 1 - tail]))
    ++tail;
  const int first = entry.firstRow + int(head);
  const int nOld = int(was.size() - head - tail);
  const int nNew = int(now.size() - head - tail);
  if (nOld > 0) {
    q->beginRemoveRows({}, first, first + nOld - 1);
    was.erase(was.begin() + long(head), was.begin() + long(head) + nOld);
    renumber(e);
    q->endRemoveRows();
  }
  if (nNew > 0) {
    q->beginInsertRows({}, first, first + nNew - 1);
    was = std::move(now);
    renumber(e);
    q->endInsertRows();
  } else {
    was = std::move(now);
  }
  if (nOld != nNew) Q_EMIT q->countChanged();
}

void ConversationModel::Private::changed(int firstRow, int lastRow, const QList<int>& roles) {
  if (firstRow <= lastRow) Q_EMIT q->dataChanged(q->index(firstRow), q->index(lastRow), roles);
}

void ConversationModel::Private::changedAll(size_t e, const QList<int>& roles) {
  changed(entries[e].firstRow, entries[e].firstRow + int(entries[e].parts.size()) - 1, roles);
}

void ConversationModel::Private::syncBlocks(size_t e, qsizetype firstBlock) {
  Entry& entry = entries[e];
  const int before = int(entry.html.size());
  entry.updateHtml(firstBlock);
  syncRows(e);
  const int end = std::min(before, int(entry.text.blocks().size()));
  changed(entry.blockRow() + int(firstBlock), entry.blockRow() + end - 1);
  entry.updateCode(firstBlock);
}

void ConversationModel::Private::tellSentences(Entry& entry, bool isComplete) {
  for (const QString& sentence : entry.sentences.next(entry.text.blocks(), isComplete)) Q_EMIT q->sentenceWritten(sentence);
}

ConversationModel::Private::Entry* ConversationModel::Private::find(const QString& messageId) {
  const auto found = byId.constFind(messageId);
  return found == byId.constEnd() ? nullptr : &entries[size_t(found.value())];
}

}  // namespace pio
