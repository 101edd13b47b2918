#pragma once

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>
#include <functional>
#include <memory>

#include "app/history/records.h"

// The chats of the sidebar, newest first under Pinned, Today, Yesterday, Last week, Older; or the hits of a search.

namespace pio {

class HistoryModel : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(QString query READ query WRITE setQuery NOTIFY queryChanged)  // full text over titles and messages (FTS5)
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(bool ready READ ready NOTIFY countChanged)                     // the database has been read
  Q_PROPERTY(bool searchFailed READ searchFailed NOTIFY countChanged)       // there are no hits because the history cannot be read
  Q_PROPERTY(QString removedTitle READ removedTitle NOTIFY removedChanged)  // of the last deletion that can be undone; "" none

 public:
  enum Roles {
    ChatIdRole = Qt::UserRole + 1,  // chatId
    TitleRole,                      // title: plain
    SectionRole,                    // section: "pinned", "today", "yesterday", "week", "older"; "found" in a search
    WritingRole,                    // writing: an answer is being written in it
    PinnedRole,                     // pinned
    SnippetRole,                    // snippet: of a search hit, HTML with the matches in <b>, everything else escaped; ""
    KindRole,                       // kind: "chat", "image" (about pictures), "code" (about a file)
    MessageIdRole,                  // messageId: of a search hit in a message
  };
  struct Private;
  explicit HistoryModel(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~HistoryModel() override;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  bool ready() const;
  bool searchFailed() const;
  QString query() const;
  void setQuery(const QString& query);
  QString removedTitle() const;

  // For the chat controller.
  void put(const ChatRecord& chat);                   // a new one, or one that changed
  void touch(const QString& chatId, qint64 updated);  // something was said in it
  void setWriting(const QString& chatId, bool isWriting);
  // Something titled `title` was hidden: undoRemove() calls `undo`; when that has passed, `purge` is called.
  void offerUndo(const QString& title, std::function<void()> undo, std::function<void()> purge);
  void endUndo();                                  // the undo passes now; at the program's end
  ChatRecord record(const QString& chatId) const;  // its id is empty where there is none
  QString chatOfFile(const QString& path) const;   // the newest conversation of the code pane about that file; "" none
  QString mostRecent() const;                      // "" when there is none

 public slots:
  void open(const QString& chatId, const QString& messageId = {});
  void rename(const QString& chatId, const QString& title);
  void setPinned(const QString& chatId, bool pinned);
  // Gone from the list at once, from the disk when the undo has passed (8 s, or the program ends).
  void remove(const QString& chatId);
  void undoRemove();

 signals:
  void queryChanged();
  void countChanged();
  void removedChanged();
  void openRequested(const QString& chatId, const QString& messageId);
  void renamed(const QString& chatId, const QString& title);
  void removed(const QString& chatId);
  void purged(const QString& chatId);  // its undo has passed

 private:
  void hide(const QString& chatId);
  std::unique_ptr<Private> d;
};

}  // namespace pio
