#pragma once

#include <QObject>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

// Which version this is, and whose work it stands on: resources/licences, which is inside the program.

namespace pio {

class About : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(QString version READ version CONSTANT)
  Q_PROPERTY(QVariantList parts READ parts CONSTANT)  // {name, licence, copyright, use}

 public:
  using QObject::QObject;
  QString version() const;
  QVariantList parts() const;
  // Of a licence by its name in parts: "MIT"; "" where it has no text (the public domain).
  Q_INVOKABLE QString licenceText(const QString& licence) const;
};

}  // namespace pio
