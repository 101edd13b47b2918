#include "app/library/model_library.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

#include "app/library/model_library_p.h"

namespace pio {

QString modelNameOf(const QString& path) {
  const QString file = QFileInfo(path).fileName();
  if (!file.endsWith(QLatin1String(".gguf"), Qt::CaseInsensitive)) return file;
  // "SmolLM2-135M-Instruct.Q4_1.gguf": how the weights are stored is said elsewhere.
  static const QRegularExpression format(QStringLiteral("[.-](I?Q\\d\\w*|B?F16|F32|MXFP4)(-\\d{5}-of-\\d{5})?$"),
                                         QRegularExpression::CaseInsensitiveOption);
  QString name = file.chopped(5);
  name.remove(format);
  return name.isEmpty() ? file : name;
}

ModelLibrary::Private::Private(QString listPath, QStringList folders, BackgroundFiles* backgroundFiles)
    : path(std::move(listPath)), starterFolders(std::move(folders)), files(backgroundFiles) {}

void ModelLibrary::Private::read() {
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return;
  const QJsonObject object = QJsonDocument::fromJson(file.readAll()).object();
  last = object.value("last").toString();
  isChosen = object.value("chosen").toBool();
  for (const QJsonValue& value : object.value("models").toArray()) {
    const QJsonObject model = value.toObject();
    const QString modelPath = model.value("path").toString();
    Entry entry{modelPath, modelNameOf(modelPath), model.value("bytes").toInteger(), model.value("last_used").toInteger(),
                model.value("tokens_per_second").toDouble()};
    if (modelPath.isEmpty() || rowOf(modelPath) >= 0) continue;
    entries.append(entry);
  }
}

void ModelLibrary::Private::save() const {
  QJsonArray models;
  for (const Entry& entry : entries) {
    if (entry.lastUsed == 0) continue;  // the starter that was found, never opened
    models.append(QJsonObject{{"path", entry.path}, {"bytes", entry.bytes}, {"last_used", entry.lastUsed},
                              {"tokens_per_second", entry.tokensPerSecond}});
  }
  const QByteArray bytes = QJsonDocument(QJsonObject{{"last", last}, {"chosen", isChosen}, {"models", models}}).toJson();
  QMetaObject::invokeMethod(files, [files = files, path = path, bytes] { files->write(path, bytes); });
}

int ModelLibrary::Private::rowOf(const QString& wanted) const {
  for (qsizetype i = 0; i < entries.size(); ++i) {
    if (entries[i].path == wanted) return static_cast<int>(i);
  }
  return -1;
}

ModelLibrary::ModelLibrary(std::unique_ptr<Private> p, QObject* parent) : QAbstractListModel(parent), d(std::move(p)) {
  d->read();
  connect(d->files, &BackgroundFiles::looked, this, [this](const QList<FileFact>& facts) {
    for (const FileFact& fact : facts) {
      const int row = d->rowOf(fact.path);
      if (row < 0) continue;
      Private::Entry& entry = d->entries[row];
      if (entry.isThere == fact.isThere && (entry.bytes == fact.bytes || !fact.isThere)) continue;
      entry.isThere = fact.isThere;
      if (fact.isThere) entry.bytes = fact.bytes;
      Q_EMIT dataChanged(index(row), index(row), {AvailableRole, BytesRole});
    }
  });
  connect(d->files, &BackgroundFiles::starterSearched, this, [this](const QString& path, qint64 bytes) {
    d->starterPath = path;
    if (!path.isEmpty() && d->rowOf(path) < 0) {
      beginInsertRows({}, 0, 0);
      d->entries.prepend({path, modelNameOf(path), bytes});
      endInsertRows();
    }
    Q_EMIT countChanged();
    Q_EMIT searched();
  });
  refresh();
}

ModelLibrary::~ModelLibrary() = default;

void ModelLibrary::refresh() {
  QStringList paths;
  for (const Private::Entry& entry : std::as_const(d->entries)) paths.append(entry.path);
  QMetaObject::invokeMethod(d->files, [files = d->files, folders = d->starterFolders, paths] {
    files->look(paths);
    files->findStarter(folders);
  });
}

int ModelLibrary::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(d->entries.size()); }

QVariant ModelLibrary::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Private::Entry& entry = d->entries[index.row()];
  switch (role) {
    case Qt::DisplayRole:
    case NameRole: return entry.name;
    case FileRole: return QFileInfo(entry.path).fileName();
    case FolderRole: return QFileInfo(entry.path).path();
    case PathRole: return entry.path;
    case BytesRole: return entry.bytes;
    case AvailableRole: return entry.isThere;
    case CurrentRole: return entry.path == d->current;
    case SpeedRole: return entry.tokensPerSecond;
    default: return {};
  }
}

QHash<int, QByteArray> ModelLibrary::roleNames() const {
  return {{NameRole, "name"},   {FileRole, "file"},           {FolderRole, "folder"},   {PathRole, "path"},
          {BytesRole, "bytes"}, {AvailableRole, "available"}, {CurrentRole, "current"}, {SpeedRole, "tokensPerSecond"}};
}

bool ModelLibrary::hasStarter() const { return !d->starterPath.isEmpty(); }
QString ModelLibrary::starterPath() const { return d->starterPath; }
QString ModelLibrary::starterCommand() const { return QStringLiteral("bash installer/fetch_starter.sh"); }
QString ModelLibrary::lastUsed() const { return d->last; }
bool ModelLibrary::everChosen() const { return d->isChosen; }

void ModelLibrary::choose(const QString& path) {
  if (!path.isEmpty()) Q_EMIT loadRequested(path);
}

void ModelLibrary::openFile(const QUrl& file) {
  if (file.isLocalFile()) choose(QDir::cleanPath(file.toLocalFile()));
}

void ModelLibrary::forget(const QString& path) {
  const int row = d->rowOf(path);
  if (row < 0) return;
  beginRemoveRows({}, row, row);
  d->entries.removeAt(row);
  endRemoveRows();
  if (d->last == path) d->last.clear();
  Q_EMIT countChanged();
  d->save();
}

void ModelLibrary::setCurrent(const QString& path) {
  if (path == d->current) return;
  const QString before = std::exchange(d->current, path);
  for (const QString& changed : {before, path}) {
    if (const int row = d->rowOf(changed); row >= 0) Q_EMIT dataChanged(index(row), index(row), {CurrentRole});
  }
}

void ModelLibrary::noteLoaded(const QString& path) {
  const int row = d->rowOf(path);
  Private::Entry entry{path, modelNameOf(path)};
  if (row >= 0) entry = d->entries[row];
  entry.lastUsed = QDateTime::currentMSecsSinceEpoch();
  entry.isThere = true;
  if (row < 0) {
    beginInsertRows({}, 0, 0);
    d->entries.prepend(entry);
    endInsertRows();
    Q_EMIT countChanged();
  } else {
    if (row > 0) {
      beginMoveRows({}, row, row, {}, 0);
      d->entries.move(row, 0);
      endMoveRows();
    }
    d->entries[0] = entry;
    Q_EMIT dataChanged(index(0), index(0));
  }
  d->last = path;
  d->isChosen = true;
  QMetaObject::invokeMethod(d->files, [files = d->files, path] { files->look({path}); });
  d->save();
}

void ModelLibrary::noteUnloaded() {
  d->last.clear();
  d->isChosen = true;
  d->save();
}

void ModelLibrary::noteSpeed(const QString& path, double tokensPerSecond) {
  const int row = d->rowOf(path);
  if (row < 0 || tokensPerSecond <= 0) return;
  d->entries[row].tokensPerSecond = tokensPerSecond;
  Q_EMIT dataChanged(index(row), index(row), {SpeedRole});
  d->save();
}

}  // namespace pio
