#include "app/system/text_items.h"

#include <QTextBlock>
#include <QTextDocument>
#include <QVariantMap>

namespace pio {

void TextItems::drawWhole(QQuickItem* item) const {
  if (item != nullptr) item->setFlag(QQuickItem::ItemObservesViewport, false);
}

QVariantList TextItems::linksOf(const QString& html) const {
  if (!html.contains(QLatin1String("<a "))) return {};
  QTextDocument document;
  document.setHtml(html);
  QVariantList links;
  QVariantMap last;  // bold and code words cut a link into fragments
  for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
    for (auto at = block.begin(); !at.atEnd(); ++at) {
      const QTextFragment fragment = at.fragment();
      const QString href = fragment.charFormat().anchorHref();
      if (href.isEmpty()) continue;
      const int end = fragment.position() + fragment.length();
      if (!links.isEmpty() && last.value("href") == href && last.value("end") == fragment.position()) {
        last.insert("text", last.value("text").toString() + fragment.text());
        last.insert("end", end);
        links.back() = last;
      } else {
        last = {{"start", fragment.position()}, {"end", end}, {"text", fragment.text()}, {"href", href}};
        links.append(last);
      }
    }
  }
  return links;
}

}  // namespace pio
