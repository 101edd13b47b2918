#include "app/system/places.h"

#include <QDir>
#include <QStandardPaths>

namespace pio {
namespace {

// QStandardPaths knows it from Qt 6.7 on. The specification wants a relative path to be ignored.
QString stateHome() {
  const QString named = qEnvironmentVariable("XDG_STATE_HOME");
  return QDir::isAbsolutePath(named) ? QDir::cleanPath(named) : QDir::homePath() + QStringLiteral("/.local/state");
}

}  // namespace

QString defaultDataFolder() { return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + QStringLiteral("/inference-pio"); }

Places Places::of(const QString& dataFolder) {
  if (dataFolder != defaultDataFolder()) return {dataFolder, dataFolder, dataFolder};
  const QString name = QStringLiteral("/inference-pio");
  return {dataFolder, QStandardPaths::writableLocation(QStandardPaths::GenericCacheLocation) + name, stateHome() + name};
}

}  // namespace pio
