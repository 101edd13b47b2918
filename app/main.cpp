#include <QCommandLineParser>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QFont>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QIcon>
#include <QJsonDocument>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QSaveFile>
#include <QSocketNotifier>
#include <QSysInfo>
#include <QtQml/qqmlextensionplugin.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/socket.h>
#include <unistd.h>

#include "app/error_text.h"
#include "app/history/history_db.h"
#include "app/network/download_command.h"
#include "app/network/qml_files_only.h"
#include "app/program.h"
#include "app/settings/model_places.h"
#include "app/system/doctor_report.h"
#include "app/system/language.h"
#include "app/system/log_file.h"
#include "engine/catalogue/catalogue.h"
#include "engine/files/local_path.h"

Q_IMPORT_QML_PLUGIN(Pio_AppPlugin)
Q_IMPORT_QML_PLUGIN(Pio_UiPlugin)

// Builds the objects, loads the window, or does one errand without a window (export, import).

namespace {

using namespace pio;

int complain(const QString& words) {
  std::fprintf(stderr, "inference-pio: %s\n", words.toUtf8().replace('\n', ' ').constData());
  return 1;
}

// Opens the history for an errand; an older one is brought up to date, a damaged or newer one is left alone.
Result<void> openHistory(HistoryDb& db, const QString& dataFolder) {
  if (!makeDataFolder(dataFolder)) return make_error(ErrorCode::io, (dataFolder + ": a folder, cannot be made").toStdString());
  return db.open(dataFolder + QStringLiteral("/history.db"));
}

int exportHistory(const QString& dataFolder, const QString& path) {
  HistoryDb db;
  if (const auto opened = openHistory(db, dataFolder); !opened) return complain(QString::fromStdString(opened.error().message));
  const auto json = db.exportJson();
  if (!json) return complain(QString::fromStdString(json.error().message));
  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || file.write(*json) != json->size() || !file.commit()) {
    return complain(path + QStringLiteral(": a file that can be written, ") + file.errorString());
  }
  return 0;
}

int importHistory(const QString& dataFolder, const QString& path) {
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return complain(path + QStringLiteral(": an export, ") + file.errorString());
  HistoryDb db;
  if (const auto opened = openHistory(db, dataFolder); !opened) return complain(QString::fromStdString(opened.error().message));
  const ImportReport report = db.importJson(file.readAll(), path);
  if (!report.isDone()) return complain(report.details);
  std::printf("%s\n", importText(report).toUtf8().constData());
  return 0;
}

// What runs where, how fast, and what could be better.
int tellDoctor(const QString& dataFolder, bool asJson) {
  const DoctorQuestions questions{Places::of(dataFolder), {}, false};
  const DoctorFacts facts = doctorFacts(questions);
  const QList<Finding> findings = findingsOf(facts);
  const QByteArray words = asJson ? QJsonDocument(reportJson(facts, findings)).toJson() : reportText(facts, findings).toUtf8();
  return std::fwrite(words.constData(), 1, static_cast<std::size_t>(words.size()), stdout) == static_cast<std::size_t>(words.size()) &&
                 std::fflush(stdout) == 0
             ? 0
             : complain(QStringLiteral("standard output: writing failed"));
}

// Without a graphics card OpenGL is computed by the processor, which then has less time for the model: Qt's own software renderer costs a
// tenth of it (12 s of streaming: 1.1 s of processor time instead of 15.5 s). QT_QUICK_BACKEND and QSG_RHI_BACKEND in the environment decide before this.
void chooseRenderer() {
  if (qEnvironmentVariableIsSet("QT_QUICK_BACKEND") || qEnvironmentVariableIsSet("QSG_RHI_BACKEND")) return;
#ifdef Q_OS_LINUX
  const QStringList nodes = QDir(QStringLiteral("/dev/dri")).entryList({QStringLiteral("renderD*")}, QDir::System);
  for (const QString& node : nodes) {
    if (::access(("/dev/dri/" + node).toUtf8().constData(), R_OK | W_OK) == 0) return;
  }
  if (::access("/dev/nvidia0", R_OK | W_OK) == 0) return;
  qputenv("QT_QUICK_BACKEND", "software");
#endif
}

// An installed program has its fonts beside it, for a system that has none of them.
void addOwnFonts() {
  if (QFontDatabase::hasFamily(QStringLiteral("Inter")) && QFontDatabase::hasFamily(QStringLiteral("JetBrains Mono"))) return;
  const QDir folder(QCoreApplication::applicationDirPath() + QStringLiteral("/../share/inference-pio/fonts"));
  for (const QFileInfo& font : folder.entryInfoList({QStringLiteral("*.otf"), QStringLiteral("*.ttf")}, QDir::Files)) {
    QFontDatabase::addApplicationFont(font.filePath());
  }
}

void chooseFonts() {
  QFont::insertSubstitutions(QStringLiteral("Inter"),
                             {QStringLiteral("Noto Sans"), QStringLiteral("Noto Sans CJK SC"), QStringLiteral("DejaVu Sans")});
  QFont::insertSubstitutions(QStringLiteral("JetBrains Mono"),
                             {QStringLiteral("Noto Sans Mono"), QStringLiteral("Noto Sans CJK SC"), QStringLiteral("DejaVu Sans Mono")});
}

#ifdef Q_OS_UNIX
int quitPipe[2] = {-1, -1};

void onQuitSignal(int) {
  const char byte = 1;
  [[maybe_unused]] const ssize_t written = ::write(quitPipe[0], &byte, 1);  // the only thing a signal handler may do here
}

// A logout or Ctrl+C in the terminal ends the program in order, and unasked: quit() would close the window first, which may ask.
void quitOnSignals(QGuiApplication& application) {
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, quitPipe) != 0) return;
  auto* notifier = new QSocketNotifier(quitPipe[1], QSocketNotifier::Read, &application);
  QObject::connect(notifier, &QSocketNotifier::activated, &application, [] { QCoreApplication::exit(0); });
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, onQuitSignal);
}
#endif

QStringList earlyWords;  // of Qt, before there is an application

// Without a display Qt says much and aborts; here it is one line.
void onEarlyMessage(QtMsgType type, const QMessageLogContext&, const QString& message) {
  if (type == QtFatalMsg) std::_Exit(complain(QStringLiteral("a display (DISPLAY or WAYLAND_DISPLAY): expected, none can be opened")));
  earlyWords.append(message);
}

QString localPath(const QString& argument) { return QDir::cleanPath(QDir::current().absoluteFilePath(argument)); }

// Beside their models, in memory and in files that any start can do without.
void keepConversations(Engine& engine, const QString& dataFolder) {
  const Result<void> kept = engine.keep_conversations({.folder = QFile::encodeName(Places::of(dataFolder).snapshots()).toStdString()});
  if (kept) return;
  qWarning("conversations are kept in memory alone: %s", kept.error().message.c_str());
  if (const Result<void> inMemory = engine.keep_conversations({}); !inMemory) qWarning("%s", inMemory.error().message.c_str());
}

// What was typed for a model, as for pio: a file, a folder, a file: address, or a name of the catalogue that is downloaded.
Result<QString> modelPath(const QString& typed, const QString& dataFolder) {
  ASSIGN_OR_RETURN(const std::string local, local_path(QFile::encodeName(typed).toStdString()));
  const std::filesystem::path data = QFile::encodeName(dataFolder).toStdString();
  std::vector<std::filesystem::path> places = model_folders();
  const auto add = [&](std::filesystem::path place) {
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(std::move(place));
  };
  add(data / "models");
  for (std::filesystem::path& folder : chosen_model_folders(data).all()) add(std::move(folder));
  ASSIGN_OR_RETURN(const std::string path, find_model(local, built_in_catalogue(), places));
  return localPath(QFile::decodeName(QByteArray::fromStdString(path)));
}

}  // namespace

int main(int argc, char** argv) {
  QCoreApplication::setApplicationName(QStringLiteral("inference-pio"));
  QCoreApplication::setApplicationVersion(QStringLiteral(PIO_VERSION));

  QCommandLineParser parser;
  const QCommandLineOption dataOption(QStringLiteral("data"), QStringLiteral("Everything the program writes lies under DIR."), QStringLiteral("DIR"),
                                      defaultDataFolder());
  const QCommandLineOption modelOption(
      QStringLiteral("model"),
      QStringLiteral("The model of the first chat: a .gguf file, a Hugging Face folder, or a known name that is downloaded."),
      QStringLiteral("MODEL"));
  const QCommandLineOption promptOption(QStringLiteral("prompt"), QStringLiteral("Opens a new chat and sends TEXT at once."), QStringLiteral("TEXT"));
  const QCommandLineOption newChatOption(QStringLiteral("new-chat"), QStringLiteral("Opens a window with a new chat."));
  const QCommandLineOption exportOption(QStringLiteral("export"), QStringLiteral("Writes the whole history and ends."), QStringLiteral("FILE.json"));
  const QCommandLineOption importOption(QStringLiteral("import"), QStringLiteral("Adds the chats of an export that are not there yet, and ends."),
                                        QStringLiteral("FILE.json"));
  const QCommandLineOption languageOption(
      QStringLiteral("language"), QStringLiteral("The language of this start: en, de or zh_CN. Without it the one of the settings, or the system's."),
      QStringLiteral("CODE"));
  const QCommandLineOption doctorOption(QStringLiteral("doctor"),
                                        QStringLiteral("Says what runs where and how fast, what could be better, and ends."));
  const QCommandLineOption jsonOption(QStringLiteral("json"), QStringLiteral("Prints what is asked for as JSON."));
  const QCommandLineOption downloadOption(QStringLiteral("download"), QStringLiteral("Fetches a model of the catalogue, and ends."),
                                          QStringLiteral("NAME[:QUANTIZATION]"));
  const QCommandLineOption catalogueOption(QStringLiteral("catalogue"), QStringLiteral("A catalogue instead of the program's own."),
                                           QStringLiteral("FILE.json"));
  const QCommandLineOption baseOption(QStringLiteral("base-url"), QStringLiteral("Where files come from: https://huggingface.co, or a mirror."),
                                      QStringLiteral("URL"));
  const QCommandLineOption proxyOption(QStringLiteral("proxy"), QStringLiteral("What carries requests: http://HOST:PORT or socks5://HOST:PORT."),
                                       QStringLiteral("URL"));
  const QCommandLineOption toOption(QStringLiteral("to"), QStringLiteral("The folder of what is fetched."), QStringLiteral("DIR"));
  const QCommandLineOption ledgerOption(QStringLiteral("network-ledger"), QStringLiteral("Prints every request that was made, as JSON, and ends."));
  const QCommandLineOption offlineOption(QStringLiteral("offline"), QStringLiteral("Refuses every request."));
  parser.addOptions({dataOption, modelOption, promptOption, newChatOption, exportOption, importOption, languageOption, doctorOption, jsonOption});
  parser.addOptions({downloadOption, catalogueOption, baseOption, proxyOption, toOption, ledgerOption, offlineOption});
  const QCommandLineOption helpOption = parser.addHelpOption();
  const QString allHelp = QStringLiteral("help-all");  // which Qt adds
  const QCommandLineOption versionOption = parser.addVersionOption();
  parser.addPositionalArgument(QStringLiteral("FILE"), QStringLiteral("A model, source, a picture, or an export to import."),
                               QStringLiteral("[FILE…]"));
  QStringList arguments;
  for (int i = 0; i < argc; ++i) arguments.append(QString::fromLocal8Bit(argv[i]));
  if (!parser.parse(arguments)) return complain(parser.errorText());

  const QString dataFolder = localPath(parser.value(dataOption));
  const QString language = parser.value(languageOption);
  if (parser.isSet(languageOption) && !Language::known(language)) {
    return complain(QStringLiteral("--language: %1 expected, '%2' given").arg(Language::codes().join(QStringLiteral(", ")), language));
  }
  // Errands need no display and no GUI object.
  if (parser.isSet(exportOption) || parser.isSet(importOption) || parser.isSet(doctorOption) || parser.isSet(helpOption) || parser.isSet(allHelp) ||
      parser.isSet(versionOption) || parser.isSet(downloadOption) || parser.isSet(ledgerOption)) {
    const QCoreApplication application(argc, argv);
    if (parser.isSet(helpOption) || parser.isSet(allHelp)) parser.showHelp();
    if (parser.isSet(versionOption)) parser.showVersion();
    Language spoken;
    spoken.speak(language);
    if (parser.isSet(doctorOption)) return tellDoctor(dataFolder, parser.isSet(jsonOption));
    if (parser.isSet(ledgerOption)) return printLedger(dataFolder);
    if (parser.isSet(downloadOption)) {
      const auto path = [&](const QCommandLineOption& option) { return parser.isSet(option) ? localPath(parser.value(option)) : QString(); };
      return runDownload({parser.value(downloadOption), dataFolder, path(catalogueOption), parser.value(baseOption), parser.value(proxyOption),
                          path(toOption), parser.isSet(jsonOption), parser.isSet(offlineOption)});
    }
    if (parser.isSet(importOption)) {
      if (const int status = importHistory(dataFolder, localPath(parser.value(importOption))); status != 0) return status;
    }
    return parser.isSet(exportOption) ? exportHistory(dataFolder, localPath(parser.value(exportOption))) : 0;
  }

  chooseRenderer();
  qInstallMessageHandler(onEarlyMessage);
  QGuiApplication application(argc, argv);
  qInstallMessageHandler(nullptr);
  const LogFile log(Places::of(dataFolder).logs());
  qCInfo(programLog).noquote() << "started" << QCoreApplication::applicationVersion() << "Qt" << qVersion() << QGuiApplication::platformName()
                               << QSysInfo::prettyProductName();
  for (const QString& words : std::as_const(earlyWords)) qWarning("%s", qUtf8Printable(words));
  QGuiApplication::setApplicationDisplayName(QStringLiteral("Inference-PIO"));
  QGuiApplication::setDesktopFileName(QStringLiteral("io.github.inference_pio.InferencePio"));
  QQuickStyle::setStyle(QStringLiteral("Basic"));
  QQuickWindow::setTextRenderType(QQuickWindow::NativeTextRendering);
  addOwnFonts();
  chooseFonts();
#ifdef Q_OS_UNIX
  quitOnSignals(application);
#endif

  ProgramOptions options;
  options.dataFolder = dataFolder;
  options.starterFolders = {defaultDataFolder() + QStringLiteral("/models")};
  if (dataFolder != defaultDataFolder()) options.starterFolders.prepend(dataFolder + QStringLiteral("/models"));
  if (parser.isSet(modelOption)) {
    const Result<QString> model = modelPath(parser.value(modelOption), dataFolder);
    if (!model) return complain(QString::fromStdString(model.error().message));
    options.model = *model;
  }
  options.isOffline = parser.isSet(offlineOption);
  if (parser.isSet(catalogueOption)) {
    Result<std::vector<PublishedModel>> catalogue = read_catalogue(QFile::encodeName(localPath(parser.value(catalogueOption))).toStdString());
    if (!catalogue) return complain(QString::fromStdString(catalogue.error().message));
    options.catalogue = std::move(*catalogue);
  }
  options.prompt = parser.value(promptOption);
  options.isNewChat = parser.isSet(newChatOption);
  options.buses = BusAddresses::ofEnvironment();
  options.language = language;
  std::unique_ptr<Engine> windowEngine = create_engine();
  keepConversations(*windowEngine, dataFolder);
  Program program(std::move(windowEngine), options);

  // Qt's own place for it is the default one of the program, whatever --data says.
  if (dataFolder != defaultDataFolder() && !qEnvironmentVariableIsSet("QML_DISK_CACHE_PATH"))
    qputenv("QML_DISK_CACHE_PATH", QFile::encodeName(Places::of(dataFolder).cache + QStringLiteral("/qmlcache")));
  QQmlApplicationEngine engine;
  QObject::connect(
      &engine, &QQmlApplicationEngine::objectCreated, &application,
      [](const QObject* window) {
        if (window == nullptr) QCoreApplication::exit(1);
      },
      Qt::QueuedConnection);
  fetchFilesOnly(engine);
  QObject::connect(program.application()->language, &Language::changed, &engine, &QQmlEngine::retranslate);
  engine.addImportPath(QStringLiteral("qrc:/qt/qml"));
  QVariantMap properties = program.application()->place->initialProperties();
  properties.insert(QStringLiteral("app"), QVariant::fromValue(program.application()));
  engine.setInitialProperties(properties);
  engine.load(QUrl(QStringLiteral("qrc:/qt/qml/Pio/Ui/Main.qml")));
  // Drivers are asked behind the first frame.
  if (auto* window = engine.rootObjects().isEmpty() ? nullptr : qobject_cast<QQuickWindow*>(engine.rootObjects().first())) {
    QObject::connect(window, &QQuickWindow::frameSwapped, program.application()->devices, &Devices::look,
                     static_cast<Qt::ConnectionType>(Qt::QueuedConnection | Qt::SingleShotConnection));
  }
  program.application()->doctor->setDrawnByCard(QQuickWindow::sceneGraphBackend() != QLatin1String("software"));

  QList<QUrl> files;
  for (const QString& argument : parser.positionalArguments()) files.append(QUrl::fromLocalFile(localPath(argument)));
  if (!files.isEmpty()) program.application()->openFiles(files);
  const int status = QGuiApplication::exec();
  qCInfo(programLog) << "ended with" << status;
  return status;
}
