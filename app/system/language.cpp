#include "app/system/language.h"

#include <QCoreApplication>
#include <QLibraryInfo>

namespace pio {
namespace {

struct Known {
  const char* code;
  QStringView name;
};
constexpr Known kKnown[] = {{"en", u"English"}, {"de", u"Deutsch"}, {"zh_CN", u"简体中文"}};

// Regions differ in numbers and dates: of the system's region, where it speaks that language.
QLocale localeOf(const QString& code) {
  const QLocale system = QLocale::system(), own(code);
  return system.language() == own.language() && system.script() == own.script() ? system : own;
}

}  // namespace

QStringList Language::codes() {
  QStringList codes;
  for (const Known& known : kKnown) codes.append(QLatin1String(known.code));
  return codes;
}

QStringList Language::names() {
  QStringList names;
  for (const Known& known : kKnown) names.append(known.name.toString());
  return names;
}

std::optional<QString> Language::known(const QString& code) {
  const QLocale wanted(code.section(u'.', 0, 0).section(u'@', 0, 0));
  for (const Known& known : kKnown) {
    const QLocale own(QLatin1String(known.code));
    if (wanted.language() == own.language() && wanted.script() == own.script()) return QString(QLatin1String(known.code));
  }
  return std::nullopt;
}

QString Language::ofSystem() {
  for (const QString& wanted : QLocale::system().uiLanguages()) {
    if (const std::optional<QString> code = known(wanted)) return *code;
  }
  return QStringLiteral("en");
}

Language::~Language() {
  for (const auto& translator : m_translators) QCoreApplication::removeTranslator(translator.get());
}

void Language::load(const QString& file, const QString& folder) {
  auto translator = std::make_unique<QTranslator>();
  if (!translator->load(file, folder)) return;
  QCoreApplication::installTranslator(translator.get());
  m_translators.push_back(std::move(translator));
}

void Language::speak(const QString& code) {
  if (m_asked == code) return;
  m_asked = code;
  m_spoken = code.isEmpty() ? ofSystem() : known(code).value_or(QStringLiteral("en"));
  for (const auto& translator : m_translators) QCoreApplication::removeTranslator(translator.get());
  m_translators.clear();
  QLocale::setDefault(localeOf(m_spoken));
  for (const char* part : {"qtbase_", "qtdeclarative_"}) load(QLatin1String(part) + m_spoken, QLibraryInfo::path(QLibraryInfo::TranslationsPath));
  load(QStringLiteral("pio_") + m_spoken, QStringLiteral(":/i18n"));
  Q_EMIT changed();
}

}  // namespace pio
