#pragma once

#include <QSortFilterProxyModel>
#include <QtQml/qqmlregistration.h>

#include "app/chat/code_pieces.h"

// The pieces of one code block that a view shows: as many as fit, however long the block is.

namespace pio {

class CodeInSight : public QSortFilterProxyModel {
  Q_OBJECT
  QML_ELEMENT
  Q_PROPERTY(pio::CodePieces* code READ code WRITE setCode NOTIFY codeChanged)

 public:
  explicit CodeInSight(QObject* parent = nullptr);

  CodePieces* code() const { return qobject_cast<CodePieces*>(sourceModel()); }  // null none
  void setCode(CodePieces* code);
  // Pieces with a line from `first` on and before `end`, lines from 0; nothing is in sight at first.
  Q_INVOKABLE void show(int first, int end);

 signals:
  void codeChanged();

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

 private:
  int m_first = 0, m_end = 0;
};

}  // namespace pio
