#pragma once

#include <QDate>
#include <QSet>
#include <QTimer>

#include "app/history/history_model.h"
#include "app/history/history_writer.h"

// What HistoryModel is made of; for the program, not for QML.

namespace pio {

struct HistoryModel::Private {
  explicit Private(HistoryWriter* historyWriter) : writer(historyWriter) {}

  bool isSearching() const { return !query.trimmed().isEmpty() && hasHits; }
  QString sectionOf(const ChatRecord& chat) const;
  static bool isBefore(const ChatRecord& a, const ChatRecord& b);
  int rowOf(const QString& chatId) const;  // among the chats
  void changed(HistoryModel* q, const QString& chatId, int role);

  HistoryWriter* writer;    // on its own thread
  QList<ChatRecord> chats;  // as shown: pinned first, then the newest
  QSet<QString> made;       // in this window: the file may not have them yet
  QList<SearchHit> hits;
  bool hasHits = false;  // of the present query or the one before it
  bool searchFailed = false;
  bool isReady = false;
  QString query;
  quint64 searchSerial = 0;
  QTimer searchTimer;  // typing pauses
  QTimer undoTimer;
  QTimer dayTimer;
  QDate today = QDate::currentDate();
  QSet<QString> writing;  // ids of chats
  QString removedTitle;
  std::function<void()> undo, purge;
};

}  // namespace pio
