#include "app/network/qml_files_only.h"

#include <QQmlAbstractUrlInterceptor>
#include <QQmlEngine>

namespace pio {
namespace {

// An address elsewhere becomes one that leads nowhere.
class LocalAddresses : public QQmlAbstractUrlInterceptor {
 public:
  QUrl intercept(const QUrl& path, DataType) override { return isLocalAddress(path) ? path : QUrl(QStringLiteral("qrc:/not-fetched")); }
};

}  // namespace

bool isLocalAddress(const QUrl& url) {
  const QString scheme = url.scheme();
  if (scheme.isEmpty() || scheme == QLatin1String("file")) return url.host().isEmpty() || url.host() == QLatin1String("localhost");
  return scheme == QLatin1String("qrc") || scheme == QLatin1String("data") || scheme == QLatin1String("image");
}

void interceptAddresses(QQmlEngine& engine) {
  static LocalAddresses only;  // without state, and it outlives every engine
  engine.addUrlInterceptor(&only);
}

}  // namespace pio
