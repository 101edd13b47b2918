#pragma once

#include <QQuickItem>
#include <QtQml/qqmlregistration.h>

// What lists of Qt 6.4 do not do themselves.

namespace pio {

class ListRows : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_SINGLETON

 public:
  using QObject::QObject;
  // Tab and screen readers take the rows of a list in the order in which they were made; a row above that is made later comes last.
  // Puts them in the order of their places, from the top down. `content`: the list's contentItem.
  Q_INVOKABLE void fromTheTopDown(QQuickItem* content) const;
  // A list gives the keys to the item in it that had them last: Tab would skip all before that one. After this it keeps them.
  Q_INVOKABLE void forgetFocus(QQuickItem* list) const;
};

}  // namespace pio
