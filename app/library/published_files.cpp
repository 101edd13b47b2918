#include "app/library/published_files.h"

#include <QDesktopServices>
#include <QFile>
#include <QFileInfo>
#include <algorithm>
#include <utility>

#include "app/engine_queue.h"
#include "app/library/catalogue.h"
#include "app/library/model_library.h"
#include "app/library/published_files_p.h"
#include "app/network/orders.h"
#include "app/settings/settings.h"
#include "app/system/background_files.h"
#include "engine/plan/published_layout.h"

namespace pio {
namespace {

using Phase = DownloadState::Phase;

// As far as the shape is known: the tensors alone.
std::uint64_t computedBytes(const std::string& name, const std::string& quantization) {
  const auto layout = published_layout(name, quantization);
  std::uint64_t bytes = 0;
  if (layout) {
    for (const TensorInfo& tensor : (*layout)->tensors()) bytes += tensor.n_bytes;
  }
  return bytes;
}

constexpr std::int64_t kUsefulContext = 4096;  // tokens; with fewer there is little to say about a picture

QString qt(const std::string& text) { return QString::fromStdString(text); }

int taskOf(const PublishedModel& model) {
  const auto found = std::find_if(catalogue().begin(), catalogue().end(), [&](const CatalogueModel& one) {
    return qt(model.name).remove(u'-').contains(QString(one.name).remove(u'-'), Qt::CaseInsensitive);
  });
  return found == catalogue().end() ? -1 : static_cast<int>(found->task);
}

}  // namespace

std::uint64_t PublishedFiles::Private::Row::needs() const {
  if (!file.mmproj) return plan.needed_bytes;
  std::uint64_t spare = 0;
  if (plan.fits && !isContextChosen && plan.context_length > kUsefulContext)
    spare = plan.state_bytes / static_cast<std::uint64_t>(plan.context_length) * static_cast<std::uint64_t>(plan.context_length - kUsefulContext);
  return plan.needed_bytes - std::min(spare, plan.needed_bytes) + file.mmproj->bytes.value_or(0);
}

bool PublishedFiles::Private::Row::fits() const {
  if (!isPlanned || !plan.fits) return false;
  return !file.mmproj || plan.devices.empty() || needs() <= plan.devices.front().free_bytes;
}

PublishedFiles::Private::Private(const Wiring& wiring, const std::vector<PublishedModel>& published) : w(wiring), catalogue(published) {
  for (const PublishedModel& model : published) {
    for (const PublishedFile& file : model.files) {
      const std::uint64_t own = file.bytes ? *file.bytes : computedBytes(model.name, file.quantization);
      const std::uint64_t vision = file.mmproj ? file.mmproj->bytes.value_or(0) : 0;
      rows.append({model, file, qt(model.name + ":" + file.quantization), static_cast<qint64>(own + vision)});
    }
  }
}

PublishedFiles::Private::Row* PublishedFiles::Private::find(const QString& id) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.id == id; });
  return found == rows.end() ? nullptr : &*found;
}

void PublishedFiles::Private::changed(const Row& row) {
  const int at = static_cast<int>(&row - rows.constData());
  Q_EMIT q->dataChanged(q->index(at), q->index(at));
}

DownloadOrder PublishedFiles::Private::orderOf(const Row& row) const {
  return row.isHalfMissing() ? halfOrderOf(row.model, row.file, q->base(), q->folder()) : wholeOrder(row);
}

DownloadOrder PublishedFiles::Private::wholeOrder(const Row& row) const { return pio::orderOf(row.model, row.file, q->base(), q->folder()); }

QStringList PublishedFiles::Private::places() const {
  QStringList folders = w.models->places() + QStringList{q->folder()};
  folders.removeDuplicates();
  return folders;
}

void PublishedFiles::Private::askHalves() {
  std::vector<std::filesystem::path> folders;
  for (const QString& folder : places()) folders.emplace_back(QFile::encodeName(folder).toStdString());
  QList<HalfQuestion> questions;
  for (const Row& row : std::as_const(rows)) {
    if (!row.file.mmproj || !row.isThere) continue;
    HalfQuestion question{row.path, row.halfName(), {}};
    for (const std::string& path : halves_elsewhere(QFile::encodeName(row.path).toStdString(), catalogue, folders))
      question.elsewhere.append(QFile::decodeName(QByteArray::fromStdString(path)));
    questions.append(question);
  }
  if (!questions.isEmpty()) QMetaObject::invokeMethod(w.files, [files = w.files, questions] { files->findHalves(questions); });
}

void PublishedFiles::Private::takeHalves(const QList<HalfFact>& facts) {
  QList<DownloadOrder> begun;
  for (const HalfFact& fact : facts) {
    for (Row& row : rows) {
      if (!row.file.mmproj || row.path != fact.model || (row.isHalfKnown && row.half == fact.half)) continue;
      row.isHalfKnown = true;
      row.half = fact.half;
      if (row.isHalfMissing()) {  // what was found of both files says nothing of the one
        if (row.download.phase == Phase::paused) row.isDownloadKnown = false;
        begun.append(orderOf(row));
      }
      changed(row);
    }
  }
  if (!begun.isEmpty()) QMetaObject::invokeMethod(w.downloader, [to = w.downloader, begun] { to->lookForParts(begun); });
  Q_EMIT q->halvesChanged();
  if (!areHalvesKnown()) return;
  for (const std::function<void()>& step : std::exchange(steps, {})) step();
}

bool PublishedFiles::Private::areHalvesKnown() const {
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return !row.file.mmproj || !row.isThere || row.isHalfKnown; });
}

void PublishedFiles::Private::whenHalvesAreKnown(std::function<void()> step) {
  if (areHalvesKnown()) return step();
  steps.append(std::move(step));
  askHalves();
}

QString PublishedFiles::Private::halfOf(const Row& row) const {
  return row.isHalfKnown || !row.file.mmproj ? row.half : QFileInfo(row.path).path() + u'/' + row.halfName();
}

bool PublishedFiles::Private::isHalfShared(const Row& row) const {
  const QString half = halfOf(row);
  const auto has = [&](const Row& other) { return &other != &row && other.isThere && halfOf(other) == half; };
  return !half.isEmpty() && std::any_of(rows.begin(), rows.end(), has);
}

QString PublishedFiles::Private::halfToRemove(const Row& row) const {
  const QString half = halfOf(row);
  return QFileInfo(half).fileName() == row.halfName() ? half : QString();
}

void PublishedFiles::Private::move(const Row& row, const QString& target, const QString& half) {
  QMetaObject::invokeMethod(
      w.files, [files = w.files, path = row.path, target, half, isShared = isHalfShared(row)] { files->moveFile(path, target, half, isShared); });
}

PublishedFiles::State PublishedFiles::Private::stateOf(const Row& row) const {
  if (row.isDownloadKnown) {
    switch (row.download.phase) {
      case Phase::waiting: return Waiting;
      case Phase::running: return Running;
      case Phase::checking: return Checking;
      case Phase::paused: return row.isThere && !row.isHalfMissing() ? Here : Paused;
      case Phase::failed: return Failed;
      case Phase::done:
      case Phase::cancelled: break;
    }
  }
  return row.isThere ? Here : row.isAway ? Away : NotHere;
}

void PublishedFiles::Private::match() {
  bool isNew = false;
  for (Row& row : rows) {
    ModelLibrary::KnownFile known = w.models->fileNamed(qt(row.file.path).section(u'/', -1));
    if (known.isThere) row.fetchedPath.clear();
    else if (!row.fetchedPath.isEmpty()) known = {row.fetchedPath, true, false};
    if (known.path == row.path && known.isThere == row.isThere && known.isAway == row.isAway) continue;
    row.path = known.path;
    row.isThere = known.isThere;
    row.isAway = known.isAway;
    row.isHalfKnown = false;
    row.half.clear();
    isNew |= row.file.mmproj && row.isThere;
    changed(row);
  }
  if (isNew) askHalves();
  Q_EMIT q->halvesChanged();  // another file may be the loaded one
}

// One at a time: what the person asks of the engine meanwhile comes between two.
void PublishedFiles::Private::planNext() {
  if (w.queue->isShutDown()) return;
  for (Row& row : rows) {
    if (row.isPlanned || row.isRefused || row.serial != 0) continue;
    LoadRequest request = w.settings->loadChoice({}).request({});
    request.path.clear();
    request.published = row.id.toStdString();
    row.isContextChosen = request.context_length > 0;
    row.serial = w.queue->plan(request);
    break;
  }
  Q_EMIT q->plansChanged();
}

void PublishedFiles::Private::tellChoice() {
  QMetaObject::invokeMethod(w.downloader, [to = w.downloader, offline = q->isOffline(), proxy = w.settings->proxy()] { to->choose(offline, proxy); });
  std::vector<std::filesystem::path> folders;
  for (const QString& folder : places()) folders.emplace_back(QFile::encodeName(folder).toStdString());
  w.queue->setHalves([this, folders](const std::string& path) { return halves_elsewhere(path, catalogue, folders); });
}

PublishedFiles::PublishedFiles(std::unique_ptr<Private> p, QObject* parent) : QAbstractListModel(parent), d(std::move(p)) {
  d->q = this;
  connect(d->w.downloader, &Downloader::changed, this, [this](const DownloadState& state) {
    Private::Row* row = d->find(state.id);
    if (row == nullptr) return;
    const bool isNews = !row->isDownloadKnown || row->download.phase != state.phase;
    row->download = state;
    row->isDownloadKnown = state.phase != Phase::done && state.phase != Phase::cancelled;
    d->changed(*row);
    if (state.phase == Phase::cancelled && row->file.mmproj) {
      const QString half = folder() + u'/' + row->halfName();
      d->whenHalvesAreKnown([this, half] {
        const auto isUsed = [&](const Private::Row& other) { return other.isThere && other.half == half; };
        if (std::none_of(d->rows.begin(), d->rows.end(), isUsed))
          QMetaObject::invokeMethod(d->w.files, [files = d->w.files, half] { files->removeHalf(half); });
      });
    }
    if (isNews && state.phase == Phase::done) {
      d->w.models->refresh();
      d->askHalves();
      const bool isWanted = state.id == d->wanted;
      if (isWanted) d->wanted.clear();
      if (isWanted && d->w.models->currentPath().isEmpty()) d->w.models->choose(row->path);
      Q_EMIT fetched(row->path);
    }
  });
  connect(d->w.downloader, &Downloader::fileDone, this, [this](const QString& id, const FileDone& file) {
    Private::Row* row = d->find(id);
    if (row == nullptr) return;
    if (QFileInfo(file.path).fileName() != qt(row->file.path).section(u'/', -1)) {
      row->halfCheck = file.verified;
    } else {
      // Of both files what says less.
      const FileDone::Verified check = std::max(file.verified, std::exchange(row->halfCheck, FileDone::Verified::pinned));
      d->w.models->noteCheck(file.path, nameIn(kVerifiedNames, check));
      row->path = row->fetchedPath = file.path;
      row->isThere = true;
      row->isHalfKnown = false;
      row->half.clear();
      d->askHalves();
    }
  });
  connect(d->w.queue, &EngineQueue::planned, this, [this](quint64 serial, const LoadPlan& plan) {
    for (Private::Row& row : d->rows) {
      if (row.serial != serial || serial == 0) continue;
      row.serial = 0;
      row.isPlanned = true;
      row.plan = plan;
      d->changed(row);
      d->planNext();
      return;
    }
  });
  connect(d->w.queue, &EngineQueue::planFailed, this, [this](quint64 serial, const Error&) {
    for (Private::Row& row : d->rows) {
      if (row.serial != serial || serial == 0) continue;
      row.serial = 0;
      row.isRefused = true;
      d->planNext();
      return;
    }
  });
  connect(d->w.models, &ModelLibrary::modelReset, this, [this] { d->match(); });
  connect(d->w.models, &ModelLibrary::dataChanged, this, [this] { d->match(); });
  connect(d->w.settings, &Settings::changed, this, [this] {
    d->tellChoice();
    Q_EMIT choiceChanged();
  });
  connect(d->w.files, &BackgroundFiles::roomRead, this, [this](const QString& folder, double bytes) {
    if (folder != this->folder()) return;
    d->freeBytes = bytes;
    Q_EMIT diskChanged();
  });
  connect(d->w.files, &BackgroundFiles::halvesFound, this, [this](const QList<HalfFact>& facts) { d->takeHalves(facts); });
  connect(d->w.files, &BackgroundFiles::fileMoved, this, [this](const QString& from, const QString& to, const QString& problem) {
    if (!problem.isEmpty()) Q_EMIT failed(fileNotice(to.isEmpty() ? FileNotice::not_removed : FileNotice::not_moved, from, problem));
    if (problem.isEmpty()) {
      for (Private::Row& row : d->rows) {
        if (row.path == from) row.fetchedPath = to;
      }
      d->w.models->moved(from, to);
      if (!to.isEmpty()) d->w.settings->addModelFolder(QFileInfo(to).path());  // else nobody would find it there
    }
    look();
  });
  d->tellChoice();
}

PublishedFiles::~PublishedFiles() = default;

int PublishedFiles::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(d->rows.size()); }

QVariant PublishedFiles::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Private::Row& row = d->rows[index.row()];
  const DownloadState& load = row.download;
  switch (role) {
    case Qt::DisplayRole:
    case NameRole: return qt(row.model.name);
    case QuantizationRole: return qt(row.file.quantization);
    case TaskRole: return taskOf(row.model);
    case FileRole: return qt(row.file.path);
    case RepositoryRole: return qt(row.file.repository);
    case LicenceRole: return qt(row.model.licence_name);
    case LicenceUrlRole: return qt(row.model.licence_url);
    case SeesRole: return row.file.mmproj.has_value();
    case HalfMissingRole: return row.isHalfMissing();
    case HalfFileRole: return row.halfName();
    case HalfRepositoryRole: return row.file.mmproj ? qt(row.file.mmproj->repository) : QString();
    case ToFetchRole: return static_cast<double>(row.toFetch());
    case BytesRole: return static_cast<double>(row.bytes);
    case IsComputedRole: return row.isComputed();
    case HasHashRole: return !row.file.sha256.empty();
    case CheckRole: {
      const auto check = valueIn(kVerifiedNames, row.isThere ? d->w.models->checkOf(row.path) : QString());
      return check ? checkText({row.path, {}, *check}) : QString();
    }
    case IsPlannedRole: return row.isPlanned;
    case FitsRole: return row.fits();
    case NeedsRole: return static_cast<double>(row.needs());
    case ShareRole: return row.plan.n_experts > 0 ? static_cast<double>(row.plan.n_slots) / static_cast<double>(row.plan.n_experts) : 1.0;
    case SpeedRole: return row.fits() ? row.plan.decode_tokens_per_second : 0.0;
    case StateRole: return d->stateOf(row);
    case DoneRole: return static_cast<double>(load.bytes);
    case TotalRole: return static_cast<double>(load.total > 0 ? load.total : row.toFetch());
    case RateRole: return load.bytesPerSecond;
    case SecondsLeftRole:
      return load.bytesPerSecond > 0 && load.total > load.bytes ? static_cast<double>(load.total - load.bytes) / load.bytesPerSecond : 0.0;
    case StalledRole: return load.isStalled;
    case SecondsToTryRole: return load.secondsToTry;
    case ProblemRole: return QVariant::fromValue(load.phase == Phase::failed ? userErrorOf(load.problem) : UserError());
    case PathRole: return row.path;
    case CurrentRole: return row.isThere && d->w.models->currentPath() == row.path;
    default: return {};
  }
}

QHash<int, QByteArray> PublishedFiles::roleNames() const {
  return {{NameRole, "name"},
          {QuantizationRole, "quantization"},
          {TaskRole, "task"},
          {FileRole, "file"},
          {RepositoryRole, "repository"},
          {LicenceRole, "licence"},
          {LicenceUrlRole, "licenceUrl"},
          {SeesRole, "sees"},
          {HalfMissingRole, "halfMissing"},
          {HalfFileRole, "halfFile"},
          {HalfRepositoryRole, "halfRepository"},
          {ToFetchRole, "toFetch"},
          {BytesRole, "bytes"},
          {IsComputedRole, "isComputed"},
          {HasHashRole, "hasHash"},
          {CheckRole, "check"},
          {IsPlannedRole, "isPlanned"},
          {FitsRole, "fits"},
          {NeedsRole, "needs"},
          {ShareRole, "share"},
          {SpeedRole, "tokensPerSecond"},
          {StateRole, "state"},
          {DoneRole, "done"},
          {TotalRole, "total"},
          {RateRole, "rate"},
          {SecondsLeftRole, "secondsLeft"},
          {StalledRole, "stalled"},
          {SecondsToTryRole, "secondsToTry"},
          {ProblemRole, "problem"},
          {PathRole, "path"},
          {CurrentRole, "current"}};
}

QVariantMap PublishedFiles::row(int index) const {
  QVariantMap values;
  if (index < 0 || index >= rowCount()) return values;
  const QHash<int, QByteArray> names = roleNames();
  for (auto name = names.begin(); name != names.end(); ++name) values.insert(QString::fromLatin1(*name), data(this->index(index), name.key()));
  return values;
}

int PublishedFiles::rowOfTask(int task) const {
  int first = -1;
  for (int row = rowCount() - 1; row >= 0; --row) {
    if (task >= 0 && taskOf(d->rows[row].model) == task) first = row;
  }
  for (int row = 0; row < rowCount(); ++row) {
    if (first >= 0 && taskOf(d->rows[row].model) == task && d->rows[row].isHalfMissing()) return row;
  }
  return first;
}

bool PublishedFiles::currentHasHalf() const {
  return std::any_of(d->rows.begin(), d->rows.end(),
                     [&](const Private::Row& row) { return row.isThere && !row.half.isEmpty() && row.path == d->w.models->currentPath(); });
}

double PublishedFiles::freedBy(int row) const {
  if (row < 0 || row >= rowCount()) return 0;
  const Private::Row& freed = d->rows[row];
  const double half = freed.file.mmproj ? static_cast<double>(freed.file.mmproj->bytes.value_or(0)) : 0;
  const bool goes = !d->halfToRemove(freed).isEmpty() && !d->isHalfShared(freed);
  return static_cast<double>(freed.bytes) - (goes ? 0 : half);
}

bool PublishedFiles::canFetch() const { return Downloader::isBuiltIn(); }
bool PublishedFiles::isOffline() const { return d->w.isOffline || d->w.settings->offline(); }
bool PublishedFiles::isOfflineForced() const { return d->w.isOffline; }
QString PublishedFiles::base() const { return d->w.settings->downloadBase().isEmpty() ? usualBase() : d->w.settings->downloadBase(); }
QString PublishedFiles::host() const { return QUrl(base()).host(); }
QString PublishedFiles::folder() const {
  return d->w.settings->modelsFolder().isEmpty() ? d->w.dataFolder + QStringLiteral("/models") : d->w.settings->modelsFolder();
}
double PublishedFiles::freeBytes() const { return d->freeBytes; }

bool PublishedFiles::planning() const {
  return std::any_of(d->rows.begin(), d->rows.end(), [](const Private::Row& row) { return row.serial != 0; });
}

int PublishedFiles::smallest() const {
  int best = -1;
  for (int i = 0; i < rowCount(); ++i) {
    const Private::Row& row = d->rows[i];
    if (row.fits() && (best < 0 || row.bytes < d->rows[best].bytes)) best = i;
  }
  return best;
}

void PublishedFiles::look() {
  d->match();
  d->w.models->refresh();
  QMetaObject::invokeMethod(d->w.files, [files = d->w.files, folder = folder()] { files->readRoom(folder); });
  d->askHalves();
  QList<DownloadOrder> orders;
  for (const Private::Row& row : std::as_const(d->rows)) orders.append(d->orderOf(row));
  QMetaObject::invokeMethod(d->w.downloader, [to = d->w.downloader, orders] { to->lookForParts(orders); });
  if (!planning()) d->planNext();
}

void PublishedFiles::fetch(int row) {
  if (row < 0 || row >= rowCount()) return;
  QMetaObject::invokeMethod(d->w.downloader, [to = d->w.downloader, order = d->orderOf(d->rows[row])] { to->fetch(order); });
}

void PublishedFiles::fetchAndLoad(int row) {
  if (row < 0 || row >= rowCount()) return;
  d->wanted = d->rows[row].id;
  fetch(row);
}

void PublishedFiles::pause(int row) {
  if (row < 0 || row >= rowCount()) return;
  QMetaObject::invokeMethod(d->w.downloader, [to = d->w.downloader, id = d->rows[row].id] { to->pause(id); });
}

void PublishedFiles::cancel(int row) {
  if (row < 0 || row >= rowCount()) return;
  QMetaObject::invokeMethod(d->w.downloader, [to = d->w.downloader, order = d->wholeOrder(d->rows[row])] { to->cancel(order); });
}

void PublishedFiles::load(int row) {
  if (row >= 0 && row < rowCount()) d->w.models->choose(d->rows[row].path);
}

void PublishedFiles::remove(int row) {
  if (row < 0 || row >= rowCount() || !d->rows[row].isThere || data(index(row), CurrentRole).toBool()) return;
  d->whenHalvesAreKnown([this, row, path = d->rows[row].path] {
    const Private::Row& gone = d->rows[row];
    if (gone.isThere && gone.path == path) d->move(gone, {}, d->halfToRemove(gone));
  });
}

void PublishedFiles::moveTo(int row, const QUrl& folder) {
  if (row < 0 || row >= rowCount() || !d->rows[row].isThere || !folder.isLocalFile()) return;
  d->whenHalvesAreKnown([this, row, path = d->rows[row].path, folder = folder.toLocalFile()] {
    const Private::Row& moved = d->rows[row];
    if (moved.isThere && moved.path == path) d->move(moved, folder + u'/' + QFileInfo(path).fileName(), moved.half);
  });
}

void PublishedFiles::showInFolder(int row) {
  if (row >= 0 && row < rowCount()) QDesktopServices::openUrl(QUrl::fromLocalFile(QFileInfo(d->rows[row].path).path()));
}

void PublishedFiles::tellAgain() { Q_EMIT dataChanged(index(0), index(rowCount() - 1), {CheckRole, ProblemRole}); }

void PublishedFiles::chooseFolder(const QUrl& folder) {
  if (!folder.isLocalFile()) return;
  d->w.settings->setModelsFolder(folder.toLocalFile());
  d->w.settings->addModelFolder(folder.toLocalFile());
  look();
}

}  // namespace pio
