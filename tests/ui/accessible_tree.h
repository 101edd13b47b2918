#pragma once

#include <QAccessible>
#include <QMetaEnum>
#include <QQuickItem>
#include <QQuickWindow>
#include <QVariantList>

// What a screen reader finds in the window.

namespace pio {

inline bool isControl(QAccessible::Role role) {
  switch (role) {
    case QAccessible::Button:
    case QAccessible::ButtonMenu:
    case QAccessible::CheckBox:
    case QAccessible::ComboBox:
    case QAccessible::EditableText:
    case QAccessible::Link:
    case QAccessible::ListItem:
    case QAccessible::List:
    case QAccessible::MenuItem:
    case QAccessible::PageTab:
    case QAccessible::RadioButton:
    case QAccessible::ScrollBar:
    case QAccessible::Slider:
    case QAccessible::SpinBox:
    case QAccessible::Dialog: return true;
    default: return false;
  }
}

// {item, role, roleName, name, isControl} of an item; an empty role: it is not in the tree.
inline QVariantMap accessibleOf(QQuickItem* item) {
  QAccessibleInterface* found = item == nullptr ? nullptr : QAccessible::queryAccessibleInterface(item);
  if (found == nullptr || found->role() == QAccessible::NoRole)
    return {{QStringLiteral("item"), QVariant::fromValue(item)}, {QStringLiteral("roleName"), QString()}};
  const int role = static_cast<int>(found->role());
  return {{QStringLiteral("item"), QVariant::fromValue(item)},
          {QStringLiteral("role"), role},
          {QStringLiteral("roleName"), QString::fromLatin1(QMetaEnum::fromType<QAccessible::Role>().valueToKey(role))},
          {QStringLiteral("name"), found->text(QAccessible::Name)},
          {QStringLiteral("isReadOnly"), static_cast<bool>(found->state().readOnly)},
          {QStringLiteral("isControl"), isControl(found->role())}};
}

// Every item of the tree below an interface that can be seen and used now.
inline void addAccessibles(QAccessibleInterface* from, QVariantList& found) {
  if (from == nullptr) return;
  for (int i = 0; i < from->childCount(); ++i) {
    QAccessibleInterface* child = from->child(i);
    if (child == nullptr || !child->isValid()) continue;
    auto* item = qobject_cast<QQuickItem*>(child->object());
    if (item != nullptr && item->isVisible() && item->isEnabled() && item->opacity() > 0 && item->width() > 0 && item->height() > 0)
      found.append(accessibleOf(item));
    addAccessibles(child, found);
  }
}

inline QVariantList accessiblesOf(QQuickWindow* window) {
  QVariantList found;
  addAccessibles(QAccessible::queryAccessibleInterface(window), found);
  return found;
}

}  // namespace pio
