#include "app/library/model_library.h"

#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonObject>
#include <QRegularExpression>
#include <algorithm>
#include <limits>
#include <tuple>

#include "app/library/model_library_p.h"
#include "kernels/base/check.h"

namespace pio {

namespace {

int indexOfTask(CatalogueModel::Task task) {
  const auto model = std::find_if(catalogue().begin(), catalogue().end(), [task](const CatalogueModel& one) { return one.task == task; });
  CHECK(model != catalogue().end(), "a task without a model");
  return static_cast<int>(model - catalogue().begin());
}

}  // namespace

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

ModelLibrary::Private::Private(QString listPath, QStringList folders, BackgroundFiles* backgroundFiles, SharedJsonFiles* shared)
    : list(
          std::move(listPath), shared, [this] { return json(); }, [this](const QJsonObject& object) { read(object); }),
      starterFolders(std::move(folders)),
      files(backgroundFiles) {
  for (qsizetype i = 0; i < catalogue().size(); ++i) chosen.append(QString());
}

void ModelLibrary::Private::read(const QJsonObject& object) {
  last = object.value("last").toString();
  isChosen = object.value("chosen").toBool();
  const QJsonValue kept = object.value("models");
  QJsonObject models = kept.toObject();
  for (const QJsonValue& value : kept.toArray()) models.insert(value.toObject().value("path").toString(), value);  // of the first version
  const auto isForgotten = [&](const Entry& entry) { return entry.isListed() && !models.contains(entry.path); };
  entries.removeIf(isForgotten);
  for (auto model = models.begin(); model != models.end(); ++model) {
    if (model.key().isEmpty()) continue;
    Entry* entry = find(model.key());
    if (entry == nullptr) {
      entries.append({model.key(), modelNameOf(model.key())});
      entry = &entries.last();
      entry->known = catalogueIndexOf({model.key()});  // by its name, until its header has been read
    }
    const QJsonObject facts = model->toObject();
    entry->bytes = facts.value("bytes").toInteger();
    entry->lastUsed = facts.value("last_used").toInteger();
    entry->tokensPerSecond = facts.value("tokens_per_second").toDouble();
    entry->isKept = facts.value("kept").toBool();
  }
  const auto place = [&](const Entry& entry) {
    return !entry.isListed() && entry.path == starterPath ? std::numeric_limits<qint64>::max() : entry.lastUsed;
  };
  std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return place(a) > place(b); });
  checks.clear();
  const QJsonObject held = object.value("checks").toObject();
  for (auto check = held.begin(); check != held.end(); ++check) checks.insert(check.key(), check->toString());
  const QJsonObject known = object.value("known").toObject();
  for (int i = 0; i < catalogue().size(); ++i) {
    chosen[i] = known.value(catalogue()[i].id).toString();
    if (Entry* entry = find(chosen[i])) entry->known = i;
  }
}

QJsonObject ModelLibrary::Private::json() const {
  QJsonObject models;
  for (const Entry& entry : entries) {
    if (!entry.isListed()) continue;
    QJsonObject facts{{"bytes", entry.bytes}, {"last_used", entry.lastUsed}, {"tokens_per_second", entry.tokensPerSecond}};
    if (entry.isKept) facts.insert("kept", true);
    models.insert(entry.path, facts);
  }
  QJsonObject known;
  for (int i = 0; i < catalogue().size(); ++i) {
    if (!chosen[i].isEmpty()) known.insert(catalogue()[i].id, chosen[i]);
  }
  QJsonObject held;
  for (auto check = checks.begin(); check != checks.end(); ++check) held.insert(check.key(), *check);
  return {{"last", last}, {"chosen", isChosen}, {"models", models}, {"known", known}, {"checks", held}};
}

ModelLibrary::Private::Entry* ModelLibrary::Private::find(const QString& wanted) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.path == wanted; });
  return found == entries.end() ? nullptr : &*found;
}

QString ModelLibrary::Private::fileOf(int known) const {
  const Entry* best = nullptr;
  // What was opened last, then Q4_K_M, which most people have; files that are gone come last.
  const auto rank = [&](const Entry& entry) {
    return std::tuple(entry.isThere, entry.path == chosen[known], entry.lastUsed, entry.path.contains(QLatin1String("Q4_K_M")));
  };
  for (const Entry& entry : entries) {
    if (entry.known == known && (best == nullptr || rank(entry) > rank(*best))) best = &entry;
  }
  return best == nullptr ? QString() : best->path;
}

QList<ModelLibrary::Private::Row> ModelLibrary::Private::wantedRows() const {
  QList<Row> wanted;
  for (int known = 0; known < catalogue().size(); ++known) wanted.append({known, fileOf(known)});
  const QList<Row> four = wanted;
  for (const Entry& entry : entries) {
    const auto stands = [&](const Row& row) { return row.path == entry.path; };
    if (std::none_of(four.begin(), four.end(), stands)) wanted.append({-1, entry.path});
  }
  return wanted;
}

void ModelLibrary::Private::arrange() {
  const QList<Row> wanted = wantedRows();
  if (wanted == rows) {
    Q_EMIT q->dataChanged(q->index(0), q->index(static_cast<int>(rows.size()) - 1));
    return;
  }
  q->beginResetModel();
  rows = wanted;
  q->endResetModel();
  Q_EMIT q->countChanged();
}

ModelLibrary::ModelLibrary(std::unique_ptr<Private> p, QObject* parent) : QAbstractListModel(parent), d(std::move(p)) {
  d->q = this;
  const QJsonObject kept = d->list.start();
  if (kept.value("models").isArray()) d->list.saveAll();
  d->rows = d->wantedRows();
  connect(&d->list, &SharedJson::changedOutside, this, [this] {
    d->arrange();
    refresh();
  });
  connect(d->files, &BackgroundFiles::looked, this, [this](const QList<FileFact>& facts) {
    for (const FileFact& fact : facts) {
      if (d->chosenFolders.contains(fact.path)) {
        d->folderFacts.insert(fact.path, fact);
        Q_EMIT foldersChanged();
      }
      Private::Entry* entry = d->find(fact.path);
      if (entry == nullptr) continue;
      entry->isThere = fact.isThere;
      entry->isAway = !fact.isThere && fact.isFolderGone;
      if (fact.isThere) entry->bytes = fact.bytes;
    }
    d->arrange();
  });
  connect(d->files, &BackgroundFiles::starterSearched, this, [this](const QString& path, qint64 bytes) {
    d->starterPath = path;
    if (!path.isEmpty() && d->find(path) == nullptr) d->entries.prepend({path, modelNameOf(path), bytes});
    d->arrange();
    Q_EMIT countChanged();
    Q_EMIT searched();
  });
  connect(d->files, &BackgroundFiles::modelsFound, this, [this](const QList<ModelHeader>& found) {
    const auto isGone = [&](const Private::Entry& entry) {
      return !entry.isListed() && entry.path != d->starterPath &&
             std::none_of(found.begin(), found.end(), [&](const ModelHeader& header) { return header.path == entry.path; });
    };
    d->entries.removeIf(isGone);
    bool isNew = false;
    for (const ModelHeader& header : found) {
      if (d->find(header.path) == nullptr) d->entries.append({header.path, modelNameOf(header.path)});
      Private::Entry* entry = d->find(header.path);
      entry->bytes = header.bytes;
      entry->isThere = true;
      entry->quantization = header.quantization;
      entry->isAway = false;
      const auto holds = [&](const QString& folder) { return header.path.startsWith(folder + u'/'); };
      const bool isKept = std::any_of(d->chosenFolders.begin(), d->chosenFolders.end(), holds);
      isNew |= isKept != std::exchange(entry->isKept, isKept);
      // A file that was picked by hand for one of the four is it, whatever its name.
      const qsizetype picked = d->chosen.indexOf(header.path);
      entry->known = picked >= 0 ? static_cast<int>(picked) : catalogueIndexOf(header);
    }
    d->arrange();
    if (isNew) d->list.save();
  });
  connect(d->files, &BackgroundFiles::modelInspected, this, [this](quint64 serial, const ModelHeader& header) {
    if (serial != d->inspection || d->inspected < 0) return;
    const int known = std::exchange(d->inspected, -1);
    if (!header.problem.isEmpty()) {  // the engine says in its words what is wrong with it
      choose(header.path);
    } else if (!fitsCatalogue(known, header)) {
      Q_EMIT wrongFile(catalogue()[known].name, header.path, header.architecture);
    } else {
      d->chosen[known] = header.path;
      if (d->find(header.path) == nullptr) d->entries.append({header.path, modelNameOf(header.path), header.bytes});
      Private::Entry* entry = d->find(header.path);
      entry->known = known;
      entry->quantization = header.quantization;
      d->arrange();
      d->list.save();
      choose(header.path);
    }
  });
  refresh();
}

ModelLibrary::~ModelLibrary() = default;

void ModelLibrary::refresh() {
  QStringList paths;
  for (const Private::Entry& entry : std::as_const(d->entries)) {
    if (entry.isListed()) paths.append(entry.path);
  }
  QMetaObject::invokeMethod(d->files, [files = d->files, folders = d->chosenFolders] { files->look(folders); });
  QMetaObject::invokeMethod(d->files, [files = d->files, own = d->starterFolders, folders = d->starterFolders + d->chosenFolders, paths] {
    files->look(paths);
    files->findStarter(own);
    files->findModels(folders, paths);
  });
}

int ModelLibrary::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(d->rows.size()); }

QVariant ModelLibrary::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Private::Row& row = d->rows[index.row()];
  const Private::Entry* found = d->find(row.path);
  const Private::Entry entry = found == nullptr ? Private::Entry{{}, {}, 0, 0, 0, false} : *found;
  const CatalogueModel* known = row.known < 0 ? nullptr : &catalogue()[row.known];
  switch (role) {
    case Qt::DisplayRole:
    case NameRole: return known != nullptr ? known->name : entry.name;
    case FileRole: return QFileInfo(entry.path).fileName();
    case FolderRole: return entry.path.isEmpty() ? QString() : QFileInfo(entry.path).path();
    case PathRole: return entry.path;
    case BytesRole: return entry.bytes;
    case AvailableRole: return entry.isThere;
    case AwayRole: return entry.isAway;
    case WaitingRole: return d->waiting.contains(entry.path);
    case CurrentRole: return !entry.path.isEmpty() && entry.path == d->current;
    case KnownRole: return row.known;
    case TaskRole: return known != nullptr ? static_cast<int>(known->task) : -1;
    case QuantizationRole: return entry.quantization;
    case SpeedRole: return entry.tokensPerSecond;
    default: return {};
  }
}

QHash<int, QByteArray> ModelLibrary::roleNames() const {
  return {
      {NameRole, "name"},       {FileRole, "file"},       {FolderRole, "folder"},
      {PathRole, "path"},       {BytesRole, "bytes"},     {AvailableRole, "available"},
      {CurrentRole, "current"}, {WaitingRole, "waiting"}, {SpeedRole, "tokensPerSecond"},
      {KnownRole, "known"},     {TaskRole, "task"},       {QuantizationRole, "quantization"},
      {AwayRole, "away"},
  };
}

bool ModelLibrary::hasStarter() const { return !d->starterPath.isEmpty(); }
QString ModelLibrary::starterPath() const { return d->starterPath; }
QString ModelLibrary::starterCommand() const { return QStringLiteral("bash installer/fetch_starter.sh"); }
QString ModelLibrary::lastUsed() const { return d->last; }
QStringList ModelLibrary::places() const { return d->starterFolders + d->chosenFolders; }
QString ModelLibrary::modelsFolder() const { return d->starterFolders.value(0); }

QString ModelLibrary::starterName() const { return QStringLiteral("SmolLM2-135M-Instruct"); }

QString ModelLibrary::seeingName() const { return catalogue()[indexOfTask(CatalogueModel::Images)].name; }
QString ModelLibrary::seeingPath() const { return d->fileOf(indexOfTask(CatalogueModel::Images)); }

QString ModelLibrary::quantizationOf(const QString& path) const {
  const Private::Entry* entry = d->find(path);
  return entry == nullptr ? QString() : entry->quantization;
}

ModelLibrary::KnownFile ModelLibrary::fileNamed(const QString& fileName) const {
  KnownFile best;
  for (const Private::Entry& entry : std::as_const(d->entries)) {
    if (QFileInfo(entry.path).fileName() != fileName) continue;
    if (best.path.isEmpty() || (entry.isThere && !best.isThere)) best = {entry.path, entry.isThere, entry.isAway};
  }
  return best;
}

QVariantList ModelLibrary::folders() const {
  QVariantList folders;
  for (const QString& path : std::as_const(d->chosenFolders)) {
    const FileFact fact = d->folderFacts.value(path, FileFact{path, true});
    folders.append(QVariantMap{{"path", path}, {"isThere", fact.isThere}, {"kind", static_cast<int>(fact.kind)}});
  }
  return folders;
}

QString ModelLibrary::currentPath() const { return d->current; }

void ModelLibrary::setFolders(const QStringList& folders) {
  if (folders == d->chosenFolders) return;
  const QStringList gone = d->chosenFolders;
  d->chosenFolders = folders;
  // Files of a folder that is taken off the list go with it, unless they were opened.
  for (Private::Entry& entry : d->entries) {
    const auto holds = [&](const QString& folder) { return entry.path.startsWith(folder + u'/'); };
    entry.isKept = entry.isKept && std::any_of(folders.begin(), folders.end(), holds);
  }
  if (!gone.isEmpty()) d->list.save();
  Q_EMIT foldersChanged();
  refresh();
}

void ModelLibrary::moved(const QString& from, const QString& to) {
  if (from == to) return;
  if (const QString check = d->checks.take(from); !check.isEmpty()) {
    if (!to.isEmpty()) d->checks.insert(to, check);
    d->list.save();
  }
  if (to.isEmpty()) return forget(from);
  Private::Entry* entry = d->find(from);
  if (entry == nullptr) return;
  entry->path = to;
  if (d->last == from) d->last = to;
  for (QString& file : d->chosen) {
    if (file == from) file = to;
  }
  d->arrange();
  d->list.save();
}

bool ModelLibrary::everChosen() const { return d->isChosen; }

void ModelLibrary::choose(const QString& path) {
  if (!path.isEmpty()) Q_EMIT loadRequested(path);
}

void ModelLibrary::openFile(const QUrl& file) {
  if (file.isLocalFile()) choose(QDir::cleanPath(file.toLocalFile()));
}

void ModelLibrary::chooseFor(int known, const QUrl& file) {
  if (known < 0 || known >= catalogue().size() || !file.isLocalFile()) return;
  d->inspected = known;
  const QString path = QDir::cleanPath(file.toLocalFile());
  QMetaObject::invokeMethod(d->files, [files = d->files, serial = ++d->inspection, path] { files->inspectModel(serial, path); });
}

void ModelLibrary::forget(const QString& path) {
  if (path.isEmpty() || d->entries.removeIf([&](const Private::Entry& entry) { return entry.path == path; }) == 0) return;
  if (d->last == path) d->last.clear();
  for (QString& file : d->chosen) {
    if (file == path) file.clear();
  }
  d->arrange();
  d->list.save();
}

void ModelLibrary::setCurrent(const QString& path) {
  if (path == d->current) return;
  d->current = path;
  d->arrange();
}

void ModelLibrary::setWaiting(const QStringList& paths) {
  d->waiting = paths;
  if (rowCount() > 0) Q_EMIT dataChanged(index(0), index(rowCount() - 1), {WaitingRole});
}

void ModelLibrary::noteLoaded(const QString& path) {
  Private::Entry entry{path, modelNameOf(path)};
  if (const Private::Entry* before = d->find(path)) entry = *before;
  else entry.known = catalogueIndexOf({path});
  entry.lastUsed = QDateTime::currentMSecsSinceEpoch();
  entry.isThere = true;
  if (entry.known >= 0) d->chosen[entry.known] = path;
  d->entries.removeIf([&](const Private::Entry& other) { return other.path == path; });
  d->entries.prepend(entry);
  d->arrange();
  d->last = path;
  d->isChosen = true;
  QMetaObject::invokeMethod(d->files, [files = d->files, path] { files->look({path}); });
  d->list.save();
}

void ModelLibrary::noteUnloaded() {
  d->last.clear();
  d->isChosen = true;
  d->list.save();
}

void ModelLibrary::noteSpeed(const QString& path, double tokensPerSecond) {
  Private::Entry* entry = d->find(path);
  if (entry == nullptr || tokensPerSecond <= 0) return;
  entry->tokensPerSecond = tokensPerSecond;
  d->arrange();
  d->list.save();
}

void ModelLibrary::noteCheck(const QString& path, const QString& how) {
  d->checks.insert(path, how);
  d->list.save();
}

QString ModelLibrary::checkOf(const QString& path) const { return d->checks.value(path); }

QVariantMap ModelLibrary::source(int known) const {
  if (known < 0 || known >= catalogue().size()) return {};
  const CatalogueModel& model = catalogue()[known];
  return {
      {"name", model.name}, {"task", static_cast<int>(model.task)}, {"repository", model.repository}, {"files", model.files}, {"bytes", model.bytes}};
}

}  // namespace pio
