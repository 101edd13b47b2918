#pragma once

#include <QLocale>
#include <QObject>
#include <QStringList>
#include <QTranslator>
#include <QtQml/qqmlregistration.h>
#include <memory>
#include <optional>
#include <vector>

// The language of the window. The translations are resources/i18n/pio_CODE.ts; the words of Qt's own dialogs come from Qt's files, where they are installed.

namespace pio {

class Language : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(QStringList codes READ codes CONSTANT)
  Q_PROPERTY(QStringList names READ names CONSTANT)  // each in its own language

 public:
  using QObject::QObject;
  ~Language() override;

  static QStringList codes();
  static QStringList names();
  // Which of ours is meant by a code as systems write them ("de_AT.UTF-8", "zh-Hans"); nothing: none.
  static std::optional<QString> known(const QString& code);
  // The first of ours that the person asked the system for; English where there is none.
  static QString ofSystem();

  // From now on every text, number and date is in that language; "": the system's.
  void speak(const QString& code);
  const QString& spoken() const { return m_spoken; }

 signals:
  void changed();

 private:
  void load(const QString& file, const QString& folder);

  QString m_asked = QStringLiteral("?");  // nothing was asked for yet
  QString m_spoken;
  std::vector<std::unique_ptr<QTranslator>> m_translators;
};

}  // namespace pio
