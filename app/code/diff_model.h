#pragma once

#include <QAbstractListModel>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>
#include <vector>

#include "app/code/code_worker.h"

// The opened file as rows, a line each, with what is proposed in between; and the list of the proposed changes.

namespace pio {

// The changes of a proposal, each open until it is taken or left.
class HunkModel : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to the code controller")
  Q_PROPERTY(int count READ count NOTIFY countChanged)

 public:
  enum State { Pending, Accepted, Rejected };
  Q_ENUM(State)
  enum Roles {
    TitleRole = Qt::UserRole + 1,  // title: the definition that it lies in, "" outside of all
    LineRole,                      // line: the first that changes, from 1
    AddedRole,                     // added: lines
    RemovedRole,                   // removed: lines
    StateRole,                     // hunkState
  };
  Q_ENUM(Roles)

  using QAbstractListModel::QAbstractListModel;
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return int(m_hunks.size()); }

  void reset(const Proposal& proposal);
  void setState(int hunk, State state);
  void acceptPending();
  State stateOf(int hunk) const { return m_hunks[std::size_t(hunk)].state; }
  int countOf(State state) const;
  std::vector<bool> taken(State one, State other) const;  // of each hunk: it is in one of these states

 signals:
  void countChanged();

 private:
  struct Row {
    QString title;
    int line = 0, added = 0, removed = 0;
    State state = Pending;
  };
  std::vector<Row> m_hunks;
};

class DiffModel : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to the code controller")
  // Colours from ui/Theme.qml, as ConversationModel's, with addStrong and delStrong.
  Q_PROPERTY(QVariantMap style READ style WRITE setStyle NOTIFY styleChanged)
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(int columns READ columns NOTIFY countChanged)  // of the longest line shown

 public:
  enum Kind { Line, RemovedLine, AddedLine, HunkHeader };
  Q_ENUM(Kind)
  enum Roles {
    KindRole = Qt::UserRole + 1,  // kind
    BeforeRole,                   // before: line of the file as it is on the disk, from 1; 0 none
    AfterRole,                    // after: line of the file with what is proposed; 0 none
    TextRole,                     // text: of the line, tabs kept
    HtmlRole,                     // html: with colours, tabs as spaces, at most 2,000 signs
    HunkRole,                     // hunk: the change it belongs to, from 0; -1 none
  };
  Q_ENUM(Roles)

  explicit DiffModel(HunkModel* hunks, QObject* parent = nullptr);
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return int(m_rows.size()); }
  int columns() const { return m_columns; }
  QVariantMap style() const { return m_style; }
  void setStyle(const QVariantMap& style);

  void reset(const QStringList& lines, const LineColours& colours);
  // The proposal's hunks are those of the HunkModel, reset with it before.
  void setProposal(const Proposal& proposal);
  void clearProposal();
  // After the HunkModel was told.
  void updateHunk(int hunk);
  void updateHunks();  // all at once

  // Row of a hunk's header, of a line on the disk (from 1); -1 when there is none.
  Q_INVOKABLE int rowOfHunk(int hunk) const;
  Q_INVOKABLE int rowOfLine(int line) const;
  // The lines on the disk from `first` to `last`, from 1, for the clipboard.
  Q_INVOKABLE QString textOf(int first, int last) const;

 signals:
  void styleChanged();
  void countChanged();

 private:
  struct Row {
    Kind kind = Line;
    int before = -1, after = -1;  // lines of m_before, m_after
    int number = 0;               // with what is proposed, from 1
    int hunk = -1;
    int partner = -1;  // the line of the other side whose words it is compared with
  };
  std::vector<Row> rowsOf(int hunk) const;
  void replaceRows(int hunk, int header);
  void rebuild();
  void number();
  void measure();
  QString htmlOf(const Row& row) const;

  HunkModel* m_hunks;
  QStringList m_before, m_after;
  LineColours m_beforeColours, m_afterColours;
  std::vector<Hunk> m_changes;
  std::vector<Row> m_rows;
  QVariantMap m_style;
  int m_columns = 0;
};

}  // namespace pio
