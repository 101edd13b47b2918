#pragma once

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>
#include <functional>

#include "app/error_text.h"

// What the program has to say, the newest first; the pane that is open shows it. Whoever says something says what becomes of its actions, so that
// a button acts on what it stands under wherever it is pressed.

namespace pio {

class Notices : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(int count READ count NOTIFY changed)
  Q_PROPERTY(int countOutsideCode READ countOutsideCode NOTIFY changed)  // of those that every pane shows

 public:
  // What a notice is about. There is one of each; a new one takes the place of the old.
  enum Subject { Model, History, Reading, Settings, Chats, Chat, ChatFile, Picture, Code, CodeAnswer, CodeChanges, Memory };
  Q_ENUM(Subject)
  enum Roles {
    SubjectRole = Qt::UserRole + 1,  // subject
    ErrorRole,                       // error: UserError
    InCodeRole,                      // inCode: it is about the file of the code pane and shown there alone
  };
  using Handler = std::function<void(UserError::Action action)>;
  using QAbstractListModel::QAbstractListModel;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  int countOutsideCode() const;

  // Nothing to say (not set) clears the subject. `handler` gets every action but those that are the same everywhere: see perform().
  void show(Subject subject, const UserError& words, Handler handler = {});
  void clear(Subject subject) { show(subject, {}); }
  UserError about(Subject subject) const;  // not set where there is none
  UserError latest() const;                // not set where there is none
  // OpenModel and ExportChat mean the same wherever they stand. False for the others.
  bool perform(UserError::Action action);

 public slots:
  void runAction(int subject, int userErrorAction);
  void dismiss(int subject);

 signals:
  void changed();
  void openModelRequested();  // asks for the file dialog
  void exportRequested();     // asks where to put the chats
  void newChatRequested();    // of a notice that is about no chat

 private:
  struct Notice {
    Subject subject;
    UserError words;
    Handler handler;
  };
  int rowOf(int subject) const;  // -1 none
  QList<Notice> m_notices;
};

}  // namespace pio
