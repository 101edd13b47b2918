#include "app/system/background_files.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QImageReader>
#include <QSaveFile>
#include <QStorageInfo>
#include <QThread>
#include <QThreadPool>
#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include "app/system/log_file.h"
#include "engine/catalogue/catalogue.h"
#include "engine/engine.h"
#include "engine/files/replace_file.h"

namespace pio {
namespace {

// By what lies in it, and its name: LM Studio keeps PUBLISHER/REPOSITORY/FILE.gguf, Hugging Face hub/models--OWNER--NAME/snapshots/REVISION/FILE.
FileFact::Kind kindOf(const QString& path) {
  const QDir folder(path);
  const auto hasHub = [](const QDir& hub) { return !hub.entryList({QStringLiteral("models--*")}, QDir::Dirs).isEmpty(); };
  if (hasHub(folder) || hasHub(QDir(folder.filePath(QStringLiteral("hub"))))) return FileFact::Kind::hugging_face;
  const QString lower = path.toLower();
  return lower.contains(QLatin1String(".lmstudio")) || lower.contains(QLatin1String("lm-studio")) ? FileFact::Kind::lm_studio : FileFact::Kind::any;
}

// Nothing that the file holds gets out of here but as words.
ModelHeader headerOf(const QString& path) {
  ModelHeader header;
  header.path = path;
  header.bytes = factOf(path).bytes;
  try {
    const Result<InspectResult> result = inspect(path.toStdString());
    if (result) {
      header.architecture = QString::fromStdString(result->file->architecture());
      header.name = QString::fromStdString(result->name);
      header.quantization = QString::fromStdString(result->quantization);
    } else {
      header.problem = QString::fromStdString(result.error().message);
    }
  } catch (const std::exception& e) {
    header.problem = QString::fromLocal8Bit(e.what());
  }
  return header;
}

// Of a name in Hugging Face's cache, a link below snapshots, the file below blobs that it leads to; "" of every other file.
QString blobOf(const QString& path) {
  const QFileInfo info(path);
  const QString real = info.isSymLink() ? info.canonicalFilePath() : QString();
  const QDir blobs = QFileInfo(real).dir();
  if (real.isEmpty() || blobs.dirName() != QLatin1String("blobs")) return {};
  return info.dir().canonicalPath().startsWith(QDir::cleanPath(blobs.filePath(QStringLiteral("../snapshots"))) + u'/') ? real : QString();
}

// These give "" when it worked.

QString removed(const QString& path) {
  QFile file(path), blob(blobOf(path));
  if (!file.remove()) return file.errorString();
  return blob.fileName().isEmpty() || blob.remove() ? QString() : blob.errorString();
}

// The copy has its name when it is whole.
QString copied(const QString& from, const QString& to, const std::atomic<bool>& stop) {
  QFile file(from), copy(to + QStringLiteral(".moving"));
  if (!file.open(QIODevice::ReadOnly)) return file.errorString();
  if (!copy.open(QIODevice::WriteOnly)) return copy.errorString();
  QString problem;
  while (problem.isEmpty() && !file.atEnd()) {
    const QByteArray bytes = file.read(4 << 20);
    if (stop || bytes.isEmpty()) problem = file.errorString();
    else if (copy.write(bytes) != bytes.size()) problem = copy.errorString();
  }
  if (problem.isEmpty() && (!copy.flush() || ::fsync(copy.handle()) != 0)) problem = copy.errorString();
  copy.close();
  if (problem.isEmpty() && !copy.rename(to)) problem = copy.errorString();
  if (!problem.isEmpty()) copy.remove();
  return problem;
}

QString moved(const QString& from, const QString& to, const std::atomic<bool>& stop) {
  if (to.isEmpty()) return removed(from);
  if (QFileInfo::exists(to)) return QStringLiteral("%1: a name that is free, taken").arg(to);
  // A link leads nowhere from another folder: what it leads to is copied.
  if (!QFileInfo(from).isSymLink() && std::rename(QFile::encodeName(from).constData(), QFile::encodeName(to).constData()) == 0) return {};
  const QString problem = copied(from, to, stop);
  if (problem.isEmpty()) (void)removed(from);
  return problem;
}

// A header that cannot be read says nothing, so its file counts as one that sees.
bool maySee(const QString& path) {
  const QString architecture = headerOf(path).architecture;
  const auto sees = [&](const CatalogueModel& model) { return model.task == CatalogueModel::Images && model.architectures.contains(architecture); };
  return architecture.isEmpty() || std::any_of(catalogue().begin(), catalogue().end(), sees);
}

// By a model in its folder, or by one that is being fetched there; `except` does not count.
bool isHalfNeeded(const QString& half, const QString& except) {
  const QDir folder = QFileInfo(half).dir();
  if (!folder.entryList({QStringLiteral("*.gguf.part")}, QDir::Files).isEmpty()) return true;
  for (const std::filesystem::path& model : models_below(folder.path().toStdString())) {
    const QString path = QString::fromStdString(model.string());
    if (path != except && QFileInfo(path).dir() == folder && maySee(path)) return true;
  }
  return false;
}

// As the engine does with a model that it can read; else by names.
QString halfOf(const HalfQuestion& question) {
  std::vector<std::string> elsewhere;
  for (const QString& path : question.elsewhere) elsewhere.push_back(QFile::encodeName(path).toStdString());
  try {
    const Result<std::string> half = find_vision_half(QFile::encodeName(question.model).toStdString(), elsewhere);
    if (half) return QFile::decodeName(QByteArray::fromStdString(*half));
  } catch (const std::exception& e) {
    qCInfo(programLog).noquote() << "no vision half looked for:" << e.what();
  }
  const QStringList places = QStringList{QFileInfo(question.model).path() + u'/' + question.name} + question.elsewhere;
  const auto found = std::find_if(places.begin(), places.end(), [](const QString& path) { return QFileInfo(path).isFile(); });
  return found == places.end() ? QString() : *found;
}

// The half comes first and goes last: a model that is seen anywhere has it.
QString movedWithHalf(const QString& from, const QString& to, const QString& half, bool isHalfShared, const std::atomic<bool>& stop) {
  if (half.isEmpty() || !QFileInfo(half).isFile()) return moved(from, to, stop);
  const QString there = QFileInfo(to).path() + u'/' + QFileInfo(half).fileName();
  const bool isToCome = !to.isEmpty() && !QFileInfo::exists(there);
  if (isToCome) {
    const bool isLinked = !QFileInfo(half).isSymLink() && ::link(QFile::encodeName(half).constData(), QFile::encodeName(there).constData()) == 0;
    if (const QString problem = isLinked ? QString() : copied(half, there, stop); !problem.isEmpty()) return problem;
  }
  const QString problem = moved(from, to, stop);
  if (problem.isEmpty() && !isHalfShared && !isHalfNeeded(half, from)) (void)removed(half);
  if (!problem.isEmpty() && isToCome) QFile::remove(there);
  return problem;
}

// What the engine decodes.
const QByteArrayList kPictureKinds = {"png", "jpeg", "jpg", "webp", "bmp", "tiff", "tif"};

}  // namespace

Result<void> replaceFile(const QString& path, const QByteArray& bytes) {
  ASSIGN_OR_RETURN(ReplaceFile file, ReplaceFile::open(QFile::encodeName(path).toStdString()));
  RETURN_IF_ERROR(file.write(std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size()))));
  ASSIGN_OR_RETURN([[maybe_unused]] const std::uint64_t n_bytes, file.commit());
  return {};
}

FileFact factOf(const QString& path) {
  FileFact fact{path};
  const QFileInfo info(path);
  fact.isThere = info.exists();
  fact.isFolderGone = !fact.isThere && !QFileInfo::exists(info.path());
  if (!info.isDir()) {
    fact.bytes = info.size();
    return fact;
  }
  for (const QFileInfo& file : QDir(path).entryInfoList(QDir::Files)) fact.bytes += file.size();
  fact.kind = kindOf(path);
  return fact;
}

bool isPictureName(const QString& fileName) { return kPictureKinds.contains(QFileInfo(fileName).suffix().toLower().toLatin1()); }

void BackgroundFiles::look(const QStringList& paths) {
  QList<FileFact> facts;
  for (const QString& path : paths) facts.append(factOf(path));
  Q_EMIT looked(facts);
}

void BackgroundFiles::findStarter(const QStringList& folders) {
  QStringList found;
  for (const QString& folder : folders) {
    QDirIterator files(folder, {QStringLiteral("SmolLM2-135M-Instruct*.gguf")}, QDir::Files, QDirIterator::Subdirectories);
    while (files.hasNext()) found.append(files.next());
  }
  found.sort();
  QString best = found.value(0);
  for (const QString& path : std::as_const(found)) {
    if (path.endsWith(QLatin1String("Q4_1.gguf"))) {
      best = path;
      break;
    }
  }
  Q_EMIT starterSearched(best, best.isEmpty() ? 0 : QFileInfo(best).size());
}

void BackgroundFiles::findModels(const QStringList& folders, const QStringList& paths) {
  QStringList found = paths, seen;
  for (const QString& path : paths) seen.append(QFileInfo(path).canonicalFilePath());
  for (const QString& folder : folders) {
    for (const std::filesystem::path& below : models_below(QFile::encodeName(folder).toStdString())) {
      if (found.size() >= kMostModels) break;
      const QString path = QFile::decodeName(QByteArray::fromStdString(below.string()));
      const QFileInfo model(path);
      if (model.isDir() && QDir(path).entryList({QStringLiteral("*.safetensors")}, QDir::Files).isEmpty()) continue;
      // Hugging Face's cache names one file from several places.
      const QString real = model.canonicalFilePath();
      if (found.contains(path) || (real != path && seen.contains(real))) continue;
      seen.append(real);
      found.append(path);
    }
  }
  QList<ModelHeader> models;
  for (const QString& path : std::as_const(found)) {
    if (!QFileInfo::exists(path)) continue;
    ModelHeader header = headerOf(path);
    if (header.architecture != QLatin1String("clip")) models.append(header);
  }
  Q_EMIT modelsFound(models);
}

void BackgroundFiles::readRoom(const QString& folder) {
  QString there = folder;
  while (!QFileInfo::exists(there) && there.size() > 1) there = QFileInfo(there).path();
  const QStorageInfo disk(there);
  Q_EMIT roomRead(folder, disk.isValid() ? static_cast<double>(disk.bytesAvailable()) : 0);
}

// On another thread of Qt's pool: another disk takes minutes, and settings are saved here.
void BackgroundFiles::moveFile(const QString& from, const QString& to, const QString& half, bool isHalfShared) {
  QThreadPool::globalInstance()->start([this, from, to, half, isHalfShared, stop = m_stop] {
    const QString problem = movedWithHalf(from, to, half, isHalfShared, *stop);
    if (!*stop) Q_EMIT fileMoved(from, to, problem);
  });
}

void BackgroundFiles::removeHalf(const QString& path) {
  if (QFileInfo(path).isFile() && !isHalfNeeded(path, {})) (void)removed(path);
}

void BackgroundFiles::findHalves(const QList<HalfQuestion>& questions) {
  QList<HalfFact> facts;
  for (const HalfQuestion& question : questions) facts.append({question.model, halfOf(question)});
  Q_EMIT halvesFound(facts);
}

void BackgroundFiles::inspectModel(quint64 serial, const QString& path) { Q_EMIT modelInspected(serial, headerOf(path)); }

void BackgroundFiles::removeFile(const QString& path) { QFile::remove(path); }

void BackgroundFiles::saveText(const QString& path, const QByteArray& bytes) {
  if (const auto written = replaceFile(path, bytes)) Q_EMIT textSaved(path);
  else Q_EMIT textNotSaved(path, QString::fromStdString(written.error().message));
}

void BackgroundFiles::saveQuietly(const QString& path, const QByteArray& bytes) {
  QDir().mkpath(QFileInfo(path).path());
  if (const Result<void> written = replaceFile(path, bytes); !written)
    qCInfo(programLog).noquote() << "not saved:" << QString::fromStdString(written.error().message);
}

void BackgroundFiles::lookAtPicture(quint64 serial, const QString& path) {
  PictureFact fact{path};
  if (!QFileInfo(path).isFile()) {  // before anything opens it: a pipe would wait for ever
    fact.problem = PictureProblem::missing;
    Q_EMIT pictureLooked(serial, fact);
    return;
  }
  QImageReader reader(path);
  reader.setDecideFormatFromContent(true);  // endings lie
  const QSize size = reader.size();
  if (!kPictureKinds.contains(reader.format())) fact.problem = PictureProblem::unknown_kind;
  else if (size.width() <= 0 || size.height() <= 0) fact.problem = PictureProblem::empty;
  else if (qint64{size.width()} * size.height() > kMostPixels) fact.problem = PictureProblem::too_large;
  else if (std::max(size.width(), size.height()) / std::min(size.width(), size.height()) > kMostLength) fact.problem = PictureProblem::too_long;
  const bool isTurned = reader.transformation().testFlag(QImageIOHandler::TransformationRotate90);
  fact.width = isTurned ? size.height() : size.width();
  fact.height = isTurned ? size.width() : size.height();
  Q_EMIT pictureLooked(serial, fact);
}

void BackgroundFiles::savePicture(quint64 serial, const QString& path, const QImage& image) {
  QDir().mkpath(QFileInfo(path).path());
  QSaveFile file(path);
  if (file.open(QIODevice::WriteOnly) && image.save(&file, "PNG") && file.commit()) {
    QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner);
    lookAtPicture(serial, path);
  } else {
    Q_EMIT pictureLooked(serial, {path, PictureProblem::not_saved});
  }
}

void BackgroundFiles::savePart(quint64 serial, const QString& path, const QString& source, const QRectF& part) {
  const auto fail = [&](PictureProblem problem) { Q_EMIT pictureLooked(serial, {source, problem}); };
  if (!QFileInfo(source).isFile()) return fail(PictureProblem::missing);
  QImageReader reader(source);
  reader.setDecideFormatFromContent(true);
  reader.setAutoTransform(true);
  const QImage image = reader.read();
  const QRectF pixels(part.x() * image.width(), part.y() * image.height(), part.width() * image.width(), part.height() * image.height());
  const QImage cut = image.copy(pixels.toAlignedRect() & image.rect());
  if (image.isNull() || cut.isNull()) return fail(PictureProblem::empty);
  savePicture(serial, path, cut);
}

void BackgroundFiles::readMemory() {
  QFile file(QStringLiteral("/proc/meminfo"));
  if (!file.open(QIODevice::ReadOnly)) return;
  qint64 total = 0, available = 0;
  const QList<QByteArray> lines = file.readAll().split('\n');
  for (const QByteArray& line : lines) {
    const QList<QByteArray> words = line.simplified().split(' ');  // "MemAvailable: 12345 kB", the kernel's kB being 1,024 bytes
    if (words.size() < 2) continue;
    if (words[0] == "MemTotal:") total = words[1].toLongLong() * 1024;
    if (words[0] == "MemAvailable:") available = words[1].toLongLong() * 1024;
  }
  Q_EMIT memoryRead(total - available, total);
}

void BackgroundFiles::close() {
  *m_stop = true;
  QThreadPool::globalInstance()->waitForDone(2000);
  QThread::currentThread()->quit();
}

}  // namespace pio
