#include "app/chat/code_in_sight.h"

namespace pio {

CodeInSight::CodeInSight(QObject* parent) : QSortFilterProxyModel(parent) {}

void CodeInSight::setCode(CodePieces* code) {
  if (code == this->code()) return;
  setSourceModel(code);
  Q_EMIT codeChanged();
}

void CodeInSight::show(int first, int end) {
  if (first == m_first && end == m_end) return;
  m_first = first;
  m_end = end;
  invalidateRowsFilter();
}

bool CodeInSight::filterAcceptsRow(int row, const QModelIndex&) const {
  const CodePieces::Lines lines = code()->linesOf(row);
  return lines.first < m_end && lines.first + lines.count > m_first;
}

}  // namespace pio
