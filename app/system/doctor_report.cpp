#include "app/system/doctor_report.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QJsonArray>
#include <QLocale>
#include <QRegularExpression>
#include <QSet>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QSysInfo>
#include <algorithm>

#include "app/error_text.h"
#include "app/settings/model_places.h"
#include "app/system/background_files.h"
#include "app/system/log_file.h"
#include "app/text/highlight.h"
#include "engine/catalogue/catalogue.h"
#include "engine/plan/probe.h"
#include "kernels/preferred_device.h"

namespace pio {
namespace {

struct Words {
  Q_DECLARE_TR_FUNCTIONS(Doctor)
};

constexpr qint64 kLittleDisk = 10'000'000'000, kNoDisk = 1'000'000'000;
constexpr quint64 kLittleMemory = 2'000'000'000;
constexpr double kGoodShare = 0.5;  // of what memory gives: below, something takes the rest

QString text(const std::string& words) { return QString::fromStdString(words); }
QString rate(double bytesPerSecond) { return Words::tr("%1 GB/s").arg(QLocale().toString(bytesPerSecond / 1e9, 'f', 1)).replace(u' ', QChar::Nbsp); }
QString speed(double tokensPerSecond) {
  return Words::tr("%1 tok/s").arg(QLocale().toString(tokensPerSecond, 'f', tokensPerSecond < 100 ? 1 : 0)).replace(u' ', QChar::Nbsp);
}

const DeviceInfo* processorOf(const DeviceList& list) {
  for (const DeviceInfo& device : list.devices) {
    if (device.kind == DeviceKind::cpu) return &device;
  }
  return nullptr;
}

QString sqliteVersion() {
  const QString name = QStringLiteral("doctor");
  QString version;
  {
    QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), name);
    db.setDatabaseName(QStringLiteral(":memory:"));
    if (db.open()) {
      QSqlQuery query(db);
      if (query.exec(QStringLiteral("SELECT sqlite_version()")) && query.next()) version = query.value(0).toString();
    }
  }
  QSqlDatabase::removeDatabase(name);
  return version;
}

// Where models are looked for: the data folder's, the starter model's, and those that were chosen.
std::vector<std::filesystem::path> modelFolders(const Places& places) {
  std::vector<std::filesystem::path> folders{QFile::encodeName(places.models()).toStdString()};
  for (std::filesystem::path& folder : model_folders()) folders.push_back(std::move(folder));
  for (std::filesystem::path& folder : chosen_model_folders(QFile::encodeName(places.data).toStdString()).all()) folders.push_back(std::move(folder));
  return folders;
}

// Models below the folders, each once, the smaller ones first: those that are sure to run.
QStringList modelsBelow(const std::vector<std::filesystem::path>& folders) {
  QList<FileFact> found;
  QSet<QString> known;
  for (const std::filesystem::path& folder : folders) {
    for (const std::filesystem::path& below : models_below(folder)) {
      const QString path = QFile::decodeName(QByteArray::fromStdString(below.string()));
      const QString real = QFileInfo(path).canonicalFilePath();
      if (known.contains(real)) continue;
      known.insert(real);
      found.append(factOf(path));
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const FileFact& a, const FileFact& b) { return a.bytes < b.bytes; });
  QStringList paths;
  for (const FileFact& fact : std::as_const(found)) paths.append(fact.path);
  return paths;
}

DoctorFacts::Model modelFactsOf(Engine& engine, const QString& path) {
  DoctorFacts::Model model;
  model.file = QFileInfo(path).fileName();
  LoadRequest request;
  request.path = QFile::encodeName(path).toStdString();
  try {
    const Result<LoadPlan> plan = engine.plan(request);
    if (!plan) {
      model.whyNot = text(plan.error().message);
      model.words = userErrorOf(plan.error()).explanation;
      return model;
    }
    model.fits = plan->fits && plan->fallbacks.empty();
    model.whyNot = text(plan->fallbacks.empty() ? plan->why_not : plan->fallbacks.front().text());
    if (!model.fits) model.words = planNotice(*plan).explanation;
    model.tokensPerSecond = plan->decode_tokens_per_second;
    model.neededBytes = plan->weight_bytes + plan->state_bytes + plan->scratch_bytes;
  } catch (const std::exception& error) {
    model.whyNot = QString::fromLocal8Bit(error.what());
    model.words = userErrorOf(make_error(ErrorCode::internal, error.what())).explanation;
  }
  return model;
}

double measuredMemory() {
  try {
    Result<std::unique_ptr<Backend>> backend = create_backend("cpu", {});
    if (!backend) return 0;
    const Result<SpeedProbe> probe = measure_products(**backend, DType::q8_0, true);
    return probe ? probe->bytes_per_second : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

QString formText(WeightLayout::Form form) {
  switch (form) {
    case WeightLayout::Form::placed: return Words::tr("all of it in memory");
    case WeightLayout::Form::streamed: return Words::tr("part of it read from the disk for every step");
    case WeightLayout::Form::in_slots: return Words::tr("some of its experts in memory, the others on the disk");
  }
  return {};
}

// "AMD EPYC, avx512, 2 threads": the name and the vectors are the same in every language.
QString processorText(const QString& detail) {
  static const QRegularExpression threads(QStringLiteral("^(.*), (\\d+) threads?$"));
  const QRegularExpressionMatch found = threads.match(detail);
  if (!found.hasMatch()) return detail + u'.';
  return Words::tr("%1, %Ln threads.", nullptr, found.captured(2).toInt()).arg(found.captured(1));
}

Finding processor(const DoctorFacts& facts) {
  Finding finding{QStringLiteral("processor"), Finding::Good, Words::tr("The processor computes"), {}, {}, Finding::NoButton};
  const DeviceInfo* cpu = processorOf(facts.devices);
  if (cpu == nullptr)
    return {QStringLiteral("processor"),
            Finding::Problem,
            Words::tr("No device can compute"),
            {},
            Words::tr("Install the program again."),
            Finding::NoButton};
  finding.text = processorText(text(cpu->detail));
  if (cpu->detail.find(", scalar,") != std::string::npos) {
    finding.level = Finding::Warning;
    finding.action = Words::tr("Use a computer whose processor has AVX2: this one is computed for without its vectors.");
  }
  return finding;
}

Finding card(const DeviceInfo& device, const RunningModel& running) {
  Finding finding{
      QStringLiteral("device:") + text(device.name), Finding::Good, Words::tr("GPU, %1").arg(text(device.detail)), {}, {}, Finding::NoButton};
  finding.text =
      Words::tr("%1: %2 free of %3.", "a device, bytes, bytes").arg(text(device.name), bytesText(device.free_bytes), bytesText(device.total_bytes));
  if (device.is_software) {
    finding.level = Finding::Fact;
    finding.text += u' ' + Words::tr("It is no card, but a program on the CPU, for tests.");
  } else if (running.isSet() && running.device == "cpu") {
    finding.level = Finding::Fact;
    finding.action = Words::tr("Choose it on the page Model, to offload layers and experts to it.");
    finding.button = Finding::OpenModelPage;
  }
  return finding;
}

QString withoutCuda() { return Words::tr("Nothing to do: cards of NVIDIA run through Vulkan too."); }

// The one thing to do about it.
QString remedy(const RejectedDevice& device, bool hasCard) {
  switch (device.code) {
    case Rejection::no_module:
      return device.name == "cuda" ? withoutCuda() : Words::tr("Install the program again: its part for graphics cards is missing.");
    case Rejection::other_build: return Words::tr("Install the program again, so that all its parts are of one version.");
    case Rejection::no_loader: return Words::tr("Install the package libvulkan1.");
    case Rejection::no_driver:
      if (device.name == "cuda") return withoutCuda();
      return hasCard ? Words::tr("Install the Vulkan driver of the graphics card (mesa-vulkan-drivers, or NVIDIA's).")
                     : Words::tr("Nothing to do: no graphics card was found that it could drive.");
    case Rejection::driver_too_old: return Words::tr("Update the driver of the graphics card.");
    case Rejection::device_too_old: return Words::tr("Nothing to do: the CPU computes instead of it.");
    case Rejection::software: return Words::tr("Nothing to do: it is no card, but a program on the CPU.");
    case Rejection::same_card: return Words::tr("Nothing to do: the card is used under its other name.");
    case Rejection::failed: break;
  }
  return Words::tr("Update the driver of the graphics card, and restart the computer.");
}

Finding rejected(const RejectedDevice& device, bool hasCard) {
  const bool canBeMended = device.code == Rejection::other_build || device.code == Rejection::driver_too_old || device.code == Rejection::failed ||
                           (hasCard && device.name != "cuda" &&
                            (device.code == Rejection::no_loader || device.code == Rejection::no_driver || device.code == Rejection::no_module));
  return {QStringLiteral("device:") + text(device.name),
          canBeMended ? Finding::Warning : Finding::Fact,
          Words::tr("%1 is not used (%2)", "a device, a code").arg(text(device.name), QLatin1String(name_of(device.code))),
          rejectionText(device),
          remedy(device, hasCard),
          Finding::NoButton};
}

Finding memory(const DoctorFacts& facts) {
  const DeviceInfo* cpu = processorOf(facts.devices);
  const quint64 free = cpu != nullptr ? cpu->free_bytes : 0, total = cpu != nullptr ? cpu->total_bytes : 0;
  Finding finding{
      QStringLiteral("memory"), Finding::Good, Words::tr("Memory"), Words::tr("%1 free of %2.").arg(bytesText(free), bytesText(total)), {},
      Finding::NoButton};
  if (facts.memoryBytesPerSecond > 0) finding.text += u' ' + Words::tr("Weights are read from it at %1.").arg(rate(facts.memoryBytesPerSecond));
  else if (facts.isBusy) finding.text += u' ' + Words::tr("Its speed was not measured, because a model is computing.");
  if (free < kLittleMemory && !facts.running.isSet()) {
    finding.level = Finding::Warning;
    finding.title = Words::tr("Little memory is free");
    finding.action = Words::tr("Close other programs, or choose a smaller model.");
  }
  return finding;
}

Finding running(const DoctorFacts& facts) {
  const RunningModel& model = facts.running;
  Finding finding{QStringLiteral("speed"), Finding::Fact, Words::tr("%1 is loaded").arg(model.name), {}, {}, Finding::NoButton};
  finding.text = Words::tr("It runs on %1 with %Ln threads, %2.", nullptr, model.nThreads).arg(text(model.device), formText(model.form));
  finding.text += u' ' + Words::tr("Weights %1, conversations %2.").arg(bytesText(model.weightBytes), bytesText(model.stateBytes));
  if (model.form == WeightLayout::Form::streamed) {
    finding.level = Finding::Warning;
    finding.action = Words::tr("Choose a smaller model or quantization: every step waits for the disk.");
    finding.button = Finding::OpenModelPage;
    return finding;
  }
  if (model.tokensPerSecond <= 0 || model.bytesPerToken <= 0) {
    finding.action = Words::tr("Ask it something, then look again: its speed is measured with an answer.");
    return finding;
  }
  finding.text += u' ' + Words::tr("The last answer came at %1.").arg(speed(model.tokensPerSecond));
  // Experts from the disk have a measure of their own; memory is not what they wait for. Nor is it where a card computes.
  if (facts.memoryBytesPerSecond <= 0 || model.form == WeightLayout::Form::in_slots || model.device != "cpu") return finding;
  const double most = facts.memoryBytesPerSecond / model.bytesPerToken, share = model.tokensPerSecond / most;
  finding.text += u' ' + Words::tr("Memory could give %1, so %2 % of it was reached.").arg(speed(most), QLocale().toString(qRound(100 * share)));
  finding.level = share >= kGoodShare ? Finding::Good : Finding::Warning;
  if (share < kGoodShare) finding.action = Words::tr("Close programs that compute, and plug the computer in: something takes the rest.");
  return finding;
}

QList<Finding> modelFindings(const DoctorFacts& facts) {
  QList<Finding> findings;
  for (const DoctorFacts::Model& model : facts.models) {
    Finding finding{QStringLiteral("model:") + model.file, Finding::Good, Words::tr("%1 fits").arg(model.file), {}, {}, Finding::NoButton};
    if (model.fits) {
      finding.text = Words::tr("It takes %1 and is expected to write %2.").arg(bytesText(model.neededBytes), speed(model.tokensPerSecond));
    } else {
      finding.level = Finding::Warning;
      finding.title = Words::tr("%1 cannot be loaded").arg(model.file);
      finding.text = model.words;
      finding.action = model.neededBytes > 0 ? Words::tr("Choose a shorter context or a smaller quantization.")
                                             : Words::tr("Get the file again: it may be damaged.");
      finding.button = model.neededBytes > 0 ? Finding::OpenModelPage : Finding::NoButton;
    }
    findings.append(finding);
  }
  if (facts.nModels == 0 && !facts.running.isSet()) {
    findings.append({QStringLiteral("models"), Finding::Problem, Words::tr("There is no model yet"), Words::tr("Without one nothing is answered."),
                     Words::tr("Open a model file, or get one."), Finding::OpenModel});
  }
  return findings;
}

Finding disk(const DoctorFacts& facts) {
  const StorageFacts& storage = facts.storage;
  Finding finding{QStringLiteral("disk"),
                  Finding::Good,
                  Words::tr("Disk"),
                  Words::tr("%1 free of %2 (%3), for %4.")
                      .arg(bytesText(static_cast<quint64>(storage.freeBytes)), bytesText(static_cast<quint64>(storage.totalBytes)),
                           storage.fileSystem, QDir::toNativeSeparators(facts.dataFolder)),
                  {},
                  Finding::NoButton};
  static const QStringList remote = {QStringLiteral("nfs"), QStringLiteral("nfs4"), QStringLiteral("cifs"), QStringLiteral("smb3"),
                                     QStringLiteral("fuse.sshfs")};
  if (!storage.isWritable) {
    finding.level = Finding::Problem;
    finding.title = Words::tr("Nothing can be written");
    finding.action = Words::tr("Make the folder yours, or start the program with another one (--data).");
  } else if (remote.contains(storage.fileSystem)) {
    finding.level = Finding::Warning;
    finding.title = Words::tr("The conversations lie on a network drive");
    finding.action = Words::tr("Start the program with a folder on this computer (--data): a network drive can damage the history.");
  } else if (storage.freeBytes < kLittleDisk) {
    finding.level = storage.freeBytes < kNoDisk ? Finding::Problem : Finding::Warning;
    finding.title = Words::tr("The disk is nearly full");
    finding.action = Words::tr("Make room: Storage says what can go.");
    finding.button = Finding::OpenStorage;
  }
  return finding;
}

QJsonObject jsonOf(const Finding& finding) {
  constexpr const char* kLevels[] = {"good", "fact", "warning", "problem"};
  return {{"id", finding.id}, {"level", kLevels[finding.level]}, {"title", finding.title}, {"text", finding.text}, {"action", finding.action}};
}

}  // namespace

DoctorFacts doctorFacts(const DoctorQuestions& questions) {
  DoctorFacts facts;
  facts.running = questions.running;
  facts.isBusy = questions.isBusy;
  facts.dataFolder = questions.places.data;
  facts.logFile = LogFile::pathIn(questions.places.logs());
  facts.devices = list_devices();
  std::erase_if(facts.devices.devices, [](const DeviceInfo& device) { return device.kind == DeviceKind::reference; });
  facts.storage = storageFacts(questions.places);
  facts.hasCard = QFileInfo::exists(QStringLiteral("/dev/nvidia0")) ||
                  !QDir(QStringLiteral("/dev/dri")).entryList({QStringLiteral("renderD*")}, QDir::System).isEmpty();
  facts.colours = !CodeColourer::languages().isEmpty();
  const QStringList models = modelsBelow(modelFolders(questions.places));
  facts.nModels = static_cast<int>(models.size());
  for (const StoredThing& thing : std::as_const(facts.storage.things)) {
    if (thing.kind == StoredThing::OtherModels && facts.nModels == 0) facts.nModels = thing.nFiles;
  }
  if (!questions.isBusy) {
    facts.memoryBytesPerSecond = measuredMemory();
    const std::unique_ptr<Engine> engine = create_engine();
    for (const QString& path : models.first(std::min<qsizetype>(models.size(), DoctorFacts::kMostModels)))
      facts.models.append(modelFactsOf(*engine, path));
  }
  facts.versions = {{QStringLiteral("Inference-PIO"), QCoreApplication::applicationVersion()},
                    {QStringLiteral("Qt"), QString::fromLatin1(qVersion())},
                    {QStringLiteral("SQLite"), sqliteVersion()},
                    {Words::tr("System"), QSysInfo::prettyProductName()},
                    {Words::tr("Kernel"), QSysInfo::kernelType() + u' ' + QSysInfo::kernelVersion()}};
  return facts;
}

void addWindowFacts(DoctorFacts& facts, bool isDrawnByCard) {
  facts.platform = QGuiApplication::platformName();
  facts.isDrawnByCard = isDrawnByCard;
  for (const QString& family : {QStringLiteral("Inter"), QStringLiteral("JetBrains Mono")}) {
    if (!QFontDatabase::hasFamily(family)) facts.missingFonts.append(family);
  }
}

QList<Finding> findingsOf(const DoctorFacts& facts) {
  QList<Finding> findings{processor(facts)};
  if (facts.running.isSet()) findings.append(running(facts));
  findings.append(memory(facts));
  findings.append(disk(facts));
  findings.append(modelFindings(facts));
  for (const DeviceInfo& device : facts.devices.devices) {
    if (is_card(device)) findings.append(card(device, facts.running));
  }
  for (const RejectedDevice& device : facts.devices.rejected) findings.append(rejected(device, facts.hasCard));
  if (!facts.platform.isEmpty()) {
    findings.append({QStringLiteral("window"),
                     Finding::Good,
                     Words::tr("The window"),
                     facts.isDrawnByCard
                         ? Words::tr("It is drawn by the graphics card (%1).").arg(facts.platform)
                         : Words::tr("It is drawn by the processor (%1), which costs little while nothing moves.").arg(facts.platform),
                     {},
                     Finding::NoButton});
  }
  if (!facts.missingFonts.isEmpty()) {
    findings.append({QStringLiteral("fonts"), Finding::Warning, Words::tr("A font is missing"),
                     Words::tr("Not found: %1.").arg(QLocale().createSeparatedList(facts.missingFonts)),
                     Words::tr("Install the packages fonts-inter and fonts-jetbrains-mono."), Finding::NoButton});
  }
  if (!facts.colours) {
    findings.append({QStringLiteral("colours"), Finding::Fact, Words::tr("Code is shown without colours"), Words::tr("This build has no grammars."),
                     Words::tr("Use a package that was built with them (installer/fetch_grammars.sh)."), Finding::NoButton});
  }
  return findings;
}

QString reportText(const DoctorFacts& facts, const QList<Finding>& findings) {
  QString report;
  for (const auto& [what, which] : facts.versions) report += what + u' ' + which + u'\n';
  report += Words::tr("Log file") + u' ' + QDir::toNativeSeparators(facts.logFile) + QStringLiteral("\n\n");
  constexpr const char* kSigns[] = {"ok", "--", "!", "!!"};
  for (const Finding& finding : findings) {
    report += QStringLiteral("[%1] %2\n").arg(QLatin1String(kSigns[finding.level]), 2).arg(finding.title);
    if (!finding.text.isEmpty()) report += QStringLiteral("     ") + finding.text + u'\n';
    if (!finding.action.isEmpty()) report += QStringLiteral("     → ") + finding.action + u'\n';
  }
  return report;
}

QJsonObject reportJson(const DoctorFacts& facts, const QList<Finding>& findings) {
  QJsonArray list, devices, rejected, models;
  for (const Finding& finding : findings) list.append(jsonOf(finding));
  for (const DeviceInfo& device : facts.devices.devices) {
    devices.append(QJsonObject{{"name", text(device.name)},
                               {"detail", text(device.detail)},
                               {"total_bytes", static_cast<qint64>(device.total_bytes)},
                               {"free_bytes", static_cast<qint64>(device.free_bytes)}});
  }
  for (const RejectedDevice& device : facts.devices.rejected) {
    rejected.append(QJsonObject{{"name", text(device.name)}, {"code", QLatin1String(name_of(device.code))}, {"reason", text(device.reason)}});
  }
  for (const DoctorFacts::Model& model : facts.models) {
    models.append(QJsonObject{{"file", model.file},
                              {"fits", model.fits},
                              {"why_not", model.whyNot},
                              {"bytes", static_cast<qint64>(model.neededBytes)},
                              {"predicted_tokens_per_second", model.tokensPerSecond}});
  }
  QJsonObject versions, storage;
  for (const auto& [what, which] : facts.versions) versions.insert(what, which);
  constexpr const char* kKinds[] = {"models", "other_models", "downloads", "history", "copies", "snapshots", "cache", "logs"};
  for (const StoredThing& thing : facts.storage.things) storage.insert(QLatin1String(kKinds[thing.kind]), thing.bytes);
  return {
      {"versions", versions},
      {"devices", devices},
      {"rejected", rejected},
      {"memory_bytes_per_second", facts.memoryBytesPerSecond},
      {"disk",
       QJsonObject{{"free_bytes", facts.storage.freeBytes}, {"total_bytes", facts.storage.totalBytes}, {"file_system", facts.storage.fileSystem}}},
      {"storage", storage},
      {"models", models},
      {"log", facts.logFile},
      {"findings", list}};
}

}  // namespace pio
