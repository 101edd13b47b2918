#pragma once

#include <QQuickItem>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

// What text items of Qt 6.4 do not do themselves.

namespace pio {

class TextItems : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_SINGLETON

 public:
  using QObject::QObject;
  // An item whose text is set to over 10,000 signs draws only what is in view, and can stay blank when that changes: lets it draw all.
  // To be called after the text was set.
  Q_INVOKABLE void drawWhole(QQuickItem* item) const;
  // The links of rich text in their order: {start, end (positions in its plain text), text, href}.
  Q_INVOKABLE QVariantList linksOf(const QString& html) const;
};

}  // namespace pio
