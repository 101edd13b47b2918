#include "app/system/list_rows.h"

#include <algorithm>

namespace pio {

void ListRows::fromTheTopDown(QQuickItem* content) const {
  if (content == nullptr) return;
  const QList<QQuickItem*> made = content->childItems();
  QList<QQuickItem*> rows = made;
  std::stable_sort(rows.begin(), rows.end(), [](const QQuickItem* a, const QQuickItem* b) { return a->y() < b->y(); });
  if (rows == made) return;
  for (qsizetype i = 1; i < rows.size(); ++i) rows[i]->stackAfter(rows[i - 1]);
}

void ListRows::forgetFocus(QQuickItem* list) const {
  if (list == nullptr) return;
  if (QQuickItem* const last = list->scopedFocusItem(); last != nullptr) last->setFocus(false);
}

}  // namespace pio
