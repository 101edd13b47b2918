#pragma once

#include <QHash>
#include <QTimer>
#include <vector>

#include "app/chat/conversation_entry.h"

// How ConversationModel keeps its rows; its verbs are in conversation_model.cpp.

namespace pio {

struct ConversationModel::Private {
  using Entry = ConversationEntry;
  using Part = ConversationEntry::Part;

  ConversationModel* q;
  std::vector<Entry> entries;
  std::vector<int> entryOfRow;  // which entry a row belongs to
  QHash<QString, int> byId;
  QVariantMap styleMap;
  RichStyle style;
  bool isAwaited = true;  // an answer to the last message
  size_t nPending = 0;    // entries at the beginning that have no rows yet
  QTimer slices;

  std::vector<Part> wantedParts(const Entry& entry) const;
  // Gives the last of the pending entries their rows; returns how many it took.
  int fillSlice();
  void addSlice();
  void renumber(size_t fromEntry);
  // Makes the rows of entry `e` what its message says now; rows of the same kind at both ends stay, those between are taken out and put in
  // anew (a view makes its delegate by the kind, once).
  void syncRows(size_t e);
  // Rows for blocks from `firstBlock` on; they are new or their text has changed.
  void syncBlocks(size_t e, qsizetype firstBlock);
  void changed(int firstRow, int lastRow, const QList<int>& roles = {});
  void changedAll(size_t e, const QList<int>& roles);
  void tellSentences(Entry& entry, bool isComplete);

  Entry* find(const QString& messageId);
  const Entry& entryAt(int row) const { return entries[size_t(entryOfRow[size_t(row)])]; }
  const Part& partAt(int row) const { return entryAt(row).parts[size_t(row - entryAt(row).firstRow)]; }
};

}  // namespace pio
