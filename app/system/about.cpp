#include "app/system/about.h"

#include <QCoreApplication>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace pio {
namespace {

QByteArray resource(const QString& name) {
  QFile file(QStringLiteral(":/licences/") + name);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

QString About::version() const { return QCoreApplication::applicationVersion(); }

QVariantList About::parts() const {
  return QJsonDocument::fromJson(resource(QStringLiteral("parts.json"))).object().value(QLatin1String("parts")).toArray().toVariantList();
}

QString About::licenceText(const QString& licence) const { return QString::fromUtf8(resource(licence + QStringLiteral(".txt"))); }

}  // namespace pio
