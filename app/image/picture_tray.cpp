#include "app/image/picture_tray.h"

#include <QClipboard>
#include <QDir>
#include <QFileInfo>
#include <QGuiApplication>
#include <QImage>
#include <QMimeData>
#include <algorithm>

#include "app/history/kept_files.h"
#include "app/history/records.h"

namespace pio {

constexpr const char* kPartEnding = ".part.png";
constexpr ImageDetail kDetails[] = {ImageDetail::low, ImageDetail::normal, ImageDetail::full};  // of PictureTray::Detail

PictureTray::PictureTray(BackgroundFiles* files, const QString& dataFolder, const QString& session, QObject* parent)
    : QAbstractListModel(parent),
      m_files(files),
      m_ownFolder(KeptFiles::pastedFolder(dataFolder, session)),
      m_oldFolder(dataFolder + QStringLiteral("/pictures")) {
  connect(this, &PictureTray::countChanged, this, &PictureTray::costsChanged);
  connect(m_files, &BackgroundFiles::pictureLooked, this, [this](quint64 serial, const PictureFact& fact) {
    const auto found = std::find_if(m_pictures.begin(), m_pictures.end(), [&](const Picture& picture) { return picture.serial == serial; });
    if (found == m_pictures.end()) return;  // removed, or of a chat that is not shown: it is looked at again with that
    const int row = static_cast<int>(found - m_pictures.begin());
    if (fact.problem != PictureProblem::none) {
      beginRemoveRows({}, row, row);
      m_pictures.removeAt(row);
      endRemoveRows();
      Q_EMIT refused(pictureNotice(fact));
    } else {
      found->isReady = true;
      found->width = fact.width;
      found->height = fact.height;
      Q_EMIT dataChanged(index(row), index(row));
    }
    Q_EMIT countChanged();
  });
}

int PictureTray::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_pictures.size()); }

QVariant PictureTray::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Picture& picture = m_pictures[index.row()];
  switch (role) {
    case PathRole: return picture.path;
    case Qt::DisplayRole:
    case NameRole: return nameOf(picture.path);
    case SourceRole: return picture.isReady ? QUrl::fromLocalFile(picture.path) : QUrl();
    case WidthRole: return picture.width;
    case HeightRole: return picture.height;
    default: return {};
  }
}

QHash<int, QByteArray> PictureTray::roleNames() const {
  return {{PathRole, "path"}, {NameRole, "name"}, {SourceRole, "source"}, {WidthRole, "pixelWidth"}, {HeightRole, "pixelHeight"}};
}

bool PictureTray::ready() const {
  return std::all_of(m_pictures.begin(), m_pictures.end(), [](const Picture& picture) { return picture.isReady; });
}

void PictureTray::setDetail(Detail detail) {
  if (detail == m_detail || detail < Low || detail > Full) return;
  m_detail = detail;
  Q_EMIT detailChanged();
}

void PictureTray::setCosts(const PictureCosts& costs) {
  m_costs = costs;
  Q_EMIT costsChanged();
}

QVariantList PictureTray::costs() const {
  if (m_costs.empty() || m_pictures.isEmpty() || !ready()) return {};
  QVariantList all;
  for (const ImageDetail detail : kDetails) {
    qint64 tokens = 0;
    double seconds = 0;
    for (const Picture& picture : m_pictures) {
      const Result<PictureCost> cost = m_costs.of(picture.width, picture.height, detail);
      if (!cost) return {};  // its answer will say why
      tokens += cost->n_tokens;
      seconds += cost->seconds;
    }
    all.append(QVariantMap{{QStringLiteral("tokens"), tokens}, {QStringLiteral("seconds"), seconds}});
  }
  return all;
}

QStringList PictureTray::paths() const {
  QStringList paths;
  for (const Picture& picture : m_pictures) {
    if (picture.isReady) paths.append(picture.path);
  }
  return paths;
}

void PictureTray::show(const QString& chatId) {
  if (chatId == m_chat) return;
  beginResetModel();
  m_others.insert(m_chat, m_pictures);
  m_chat = chatId;
  m_pictures = m_others.take(chatId);
  endResetModel();
  for (Picture& picture : m_pictures) {
    if (picture.isReady) continue;
    picture.serial = ++m_serial;
    QMetaObject::invokeMethod(m_files, [files = m_files, serial = picture.serial, path = picture.path] { files->lookAtPicture(serial, path); });
  }
  Q_EMIT countChanged();
}

QList<MessagePart> PictureTray::take() {
  QList<MessagePart> taken;
  for (const QString& path : paths()) {
    taken.append({.kind = MessagePart::Kind::Picture,
                  .name = isPasted(path) ? nameOf(path) : QString(),
                  .path = path,
                  .detail = m_detail == Full ? QString() : QString::fromLatin1(name_of(kDetails[m_detail]))});
  }
  beginResetModel();
  m_pictures.clear();
  endResetModel();
  Q_EMIT countChanged();
  return taken;
}

void PictureTray::forget(const QString& chatId) {
  for (const Picture& picture : m_others.take(chatId)) removePasted(picture.path);
}

bool PictureTray::isPasted(const QString& path) const { return QFileInfo(path).path() == m_ownFolder; }

void PictureTray::removePasted(const QString& path) {
  if (isPasted(path)) QMetaObject::invokeMethod(m_files, [files = m_files, path] { files->removeFile(path); });
}

bool PictureTray::hasRoom() {
  if (m_pictures.size() < kMost) return true;
  Q_EMIT refused(tooManyPicturesNotice(kMost));
  return false;
}

void PictureTray::append(const QString& path) {
  Picture picture{path};
  picture.serial = ++m_serial;
  beginInsertRows({}, rowCount(), rowCount());
  m_pictures.append(picture);
  endInsertRows();
  Q_EMIT countChanged();
}

void PictureTray::add(const QList<QUrl>& files) {
  for (const QUrl& file : files) {
    const QString path = QDir::cleanPath(file.toLocalFile());
    const bool isKnown = std::any_of(m_pictures.begin(), m_pictures.end(), [&](const Picture& picture) { return picture.path == path; });
    if (!file.isLocalFile() || isKnown) continue;
    if (!hasRoom()) return;
    append(path);
    QMetaObject::invokeMethod(m_files, [background = m_files, serial = m_serial, path] { background->lookAtPicture(serial, path); });
  }
}

bool PictureTray::canPaste() const {
  const QMimeData* data = QGuiApplication::clipboard()->mimeData();
  if (data == nullptr) return false;
  if (data->hasImage()) return true;
  const QList<QUrl> urls = data->urls();
  return std::any_of(urls.begin(), urls.end(), [](const QUrl& url) { return isPictureName(url.fileName()); });
}

void PictureTray::paste() {
  const QMimeData* data = QGuiApplication::clipboard()->mimeData();
  if (data == nullptr) return;
  if (data->hasUrls()) {
    add(data->urls());
    return;
  }
  const QImage image = qvariant_cast<QImage>(data->imageData());
  if (image.isNull() || !hasRoom()) return;
  const QString path = newFile(".png");
  append(path);
  QMetaObject::invokeMethod(m_files, [files = m_files, serial = m_serial, path, image] { files->savePicture(serial, path, image); });
}

void PictureTray::addPart(const QUrl& picture, const QRectF& part) {
  if (!picture.isLocalFile() || part.isEmpty() || !hasRoom()) return;
  const QString path = newFile(kPartEnding), source = picture.toLocalFile();
  append(path);
  QMetaObject::invokeMethod(m_files, [files = m_files, serial = m_serial, path, source, part] { files->savePart(serial, path, source, part); });
}

QString PictureTray::newFile(const char* ending) const { return m_ownFolder + QLatin1Char('/') + newId() + QLatin1String(ending); }

QString PictureTray::nameOf(const QString& path) const {
  const QFileInfo file(path);
  if (!isPasted(path) && file.path() != m_oldFolder) return file.fileName();
  return file.fileName().endsWith(QLatin1String(kPartEnding)) ? tr("Part of a picture") : tr("Pasted picture");
}

void PictureTray::remove(int row) {
  if (row < 0 || row >= m_pictures.size()) return;
  const QString path = m_pictures[row].path;
  removePasted(path);
  beginRemoveRows({}, row, row);
  m_pictures.removeAt(row);
  endRemoveRows();
  Q_EMIT countChanged();
}

}  // namespace pio
