#include "app/network/orders.h"

#include <QDir>
#include <QFileInfo>
#include <QStorageInfo>

namespace pio {
namespace {

constexpr qint64 kHistoryReserve = 256 << 20;

FileOrder fileOrder(const PublishedPart& part, const QString& name, const QString& base, const QString& folder) {
  FileOrder order;
  order.base = base;
  order.repository = QString::fromStdString(part.repository);
  order.revision = QString::fromStdString(part.revision);
  order.path = QString::fromStdString(part.path);
  order.target = folder + QLatin1Char('/') + order.path.section(QLatin1Char('/'), -1);
  order.name = name;
  order.bytes = part.bytes ? static_cast<qint64>(*part.bytes) : -1;
  order.sha256 = QString::fromStdString(part.sha256);
  return order;
}

// The folder itself, or what of its path is there.
QStorageInfo diskOf(QString folder) {
  while (!QFileInfo::exists(folder) && folder.contains(QLatin1Char('/')) && folder != QLatin1String("/")) folder = QFileInfo(folder).path();
  return QStorageInfo(folder);
}

}  // namespace

QString usualBase() { return QStringLiteral("https://huggingface.co"); }

qint64 historyReserve(const QString& dataFolder, const QString& folder) {
  return diskOf(dataFolder).device() == diskOf(folder).device() ? kHistoryReserve : 0;
}

DownloadOrder orderOf(const PublishedModel& model, const PublishedFile& file, const QString& base, const QString& folder) {
  const QString name = QString::fromStdString(model.name + ":" + file.quantization);
  DownloadOrder order{name, {}};
  if (file.mmproj) order.files.append(fileOrder(*file.mmproj, name, base, folder));
  order.files.append(fileOrder(file, name, base, folder));
  return order;
}

DownloadOrder halfOrderOf(const PublishedModel& model, const PublishedFile& file, const QString& base, const QString& folder) {
  DownloadOrder order = orderOf(model, file, base, folder);
  order.files.resize(1);
  return order;
}

}  // namespace pio
