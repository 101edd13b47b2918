#include "app/text/grapheme.h"

#include <QTextBoundaryFinder>
#include <algorithm>

namespace pio {

qsizetype boundaryBefore(const QString& text, qsizetype at) {
  if (at <= 0) return 0;
  if (at >= text.size()) return text.size();
  QTextBoundaryFinder finder(QTextBoundaryFinder::Grapheme, text);
  finder.setPosition(at);
  return finder.isAtBoundary() ? at : std::max<qsizetype>(0, finder.toPreviousBoundary());
}

QString beginningOf(const QString& text, qsizetype most) { return text.left(boundaryBefore(text, most)); }

}  // namespace pio
