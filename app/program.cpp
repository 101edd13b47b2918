#include "app/program.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QImageReader>

#include "app/chat/chat_controller_p.h"
#include "app/code/code_controller_p.h"
#include "app/engine_queue.h"
#include "app/history/history_model_p.h"
#include "app/history/history_writer.h"
#include "app/library/model_library_p.h"
#include "app/library/published_files_p.h"
#include "app/model_session.h"
#include "app/network/downloader.h"
#include "app/notices.h"
#include "app/settings/settings_p.h"
#include "app/system/background_files.h"
#include "app/system/log_file.h"
#include "app/system/session_lock.h"
#include "app/system/shared_json.h"

namespace pio {

bool makeDataFolder(const QString& path) {
  if (!QDir().mkpath(path)) return false;
  QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
  return true;
}

Program::Program(std::unique_ptr<Engine> engine, const ProgramOptions& options) {
  makeDataFolder(options.dataFolder);
  // A picture that claims more is refused by every reader of Qt; BackgroundFiles::kMostPixels take 400 MB.
  QImageReader::setAllocationLimit(512);
  m_session = std::make_unique<SessionLock>(options.dataFolder);

  m_writer = new HistoryWriter;  // no parents: they move to their threads
  m_files = new BackgroundFiles;
  m_code = new CodeWorker;
  const auto start = [](QThread& thread, QObject* object, const QString& name) {
    thread.setObjectName(name);
    object->moveToThread(&thread);
    QObject::connect(&thread, &QThread::finished, object, &QObject::deleteLater);
    thread.start();
  };
  start(m_historyThread, m_writer, QStringLiteral("history"));
  start(m_filesThread, m_files, QStringLiteral("files"));
  m_downloader = new Downloader(options.dataFolder);
  start(m_networkThread, m_downloader, QStringLiteral("network"));
  m_shared = new SharedJsonFiles;
  for (QObject* worker : {static_cast<QObject*>(m_code), static_cast<QObject*>(m_shared)}) {
    worker->moveToThread(&m_filesThread);
    QObject::connect(&m_filesThread, &QThread::finished, worker, &QObject::deleteLater);
  }

  m_application = std::make_unique<Application>();
  Application* app = m_application.get();
  app->notices = new Notices(app);
  QObject::connect(m_shared, &SharedJsonFiles::savingFailed, app, [app](const QString& path, const QString& details) {
    app->notices->show(Notices::Settings, fileNotice(FileNotice::settings_not_saved, path, details));
  });
  QObject::connect(m_shared, &SharedJsonFiles::savingRecovered, app, [app] { app->notices->clear(Notices::Settings); });
  QObject::connect(m_shared, &SharedJsonFiles::copyKept, app, [app](const QString& path, const QString& copy) {
    app->notices->show(Notices::Settings, fileNotice(FileNotice::settings_unreadable, path, copy));
  });
  app->settings = new Settings(std::make_unique<Settings::Private>(options.dataFolder + QStringLiteral("/settings.json"), m_shared), app);
  followLanguage(options.language);
  app->models = new ModelLibrary(
      std::make_unique<ModelLibrary::Private>(options.dataFolder + QStringLiteral("/models.json"), options.starterFolders, m_files, m_shared), app);
  app->history = new HistoryModel(std::make_unique<HistoryModel::Private>(m_writer), app);
  app->memory = new MemoryMeter(m_files, app);
  app->engine = new EngineQueue(std::move(engine), app);
  app->engine->setCacheFolder(Places::of(options.dataFolder).cache);
  app->model = new ModelSession({app->engine, app->models, app->settings, app->notices, m_session->loadNotePath()}, app);
  app->seeingCost = new SwitchCost(app->engine, app->settings, app);
  app->models->setFolders(app->settings->modelFolders());
  QObject::connect(app->settings, &Settings::changed, app->models, [app] { app->models->setFolders(app->settings->modelFolders()); });
  app->library = new PublishedFiles(
      std::make_unique<PublishedFiles::Private>(
          PublishedFiles::Private::Wiring{app->engine, app->models, app->settings, m_files, m_downloader, options.dataFolder, options.isOffline},
          options.catalogue),
      app);
  QObject::connect(app->library, &PublishedFiles::failed, app, [app](const UserError& words) { app->notices->show(Notices::Model, words); });
  QObject::connect(app->language, &Language::changed, app->library, &PublishedFiles::tellAgain);
  app->requests = new RequestLog(m_downloader, app);
  app->devices = new Devices(options.listDevices, app);
  QObject::connect(app->language, &Language::changed, app->devices, &Devices::changed);  // its words
  QObject::connect(app->language, &Language::changed, app->model, &ModelSession::changed);
  app->load = new LoadSettings({app->engine, app->model, app->models, app->settings, app->devices}, app);
  auto* store = new ChatStore(m_writer, app->history, app);
  auto* turns = new Turns({app->engine, store, app->model, app->history}, app);
  auto* tray = new PictureTray(m_files, options.dataFolder, m_session->id(), app);
  QObject::connect(app->history, &HistoryModel::purged, tray, &PictureTray::forget);
  QObject::connect(app->history, &HistoryModel::purged, app->engine, &EngineQueue::forget);
  QObject::connect(m_writer, &HistoryWriter::purged, app->engine, [queue = app->engine](const QStringList& chatIds) {
    for (const QString& id : chatIds) queue->forget(id);
  });
  app->chat = new ChatController(std::make_unique<ChatController::Private>(ChatController::Private::Wiring{
                                     app->engine, app->model, store, turns, app->history, app->settings, app->notices, tray}),
                                 app);
  app->code = new CodeController(std::make_unique<CodeController::Private>(
                                     CodeController::Private::Wiring{m_code, app->model, store, turns, app->history, app->settings, app->notices}),
                                 app);
  app->image = new ImageSession(app->chat, m_files, app);
  app->closing = new Closing(m_writer, app->code, app->chat, app);
  app->place = new WindowPlace(Places::of(options.dataFolder).window(), m_files, app);
  app->desktop = new Desktop(app);
  QObject::connect(app->engine, &EngineQueue::currentChanged, app->desktop, [app] { app->desktop->setComputing(app->engine->busy()); });
  QObject::connect(app->model, &ModelSession::answered, app->desktop, [app](const GenerationStats& stats) {
    app->desktop->answerEnded(stats.first_token_seconds + stats.decode_seconds, stats.generated_tokens, app->model->name());
  });
  app->desktop->start(options.buses);
  app->doctor = new Doctor(Places::of(options.dataFolder), app->engine, app->model, app);
  app->storage = new Storage(Places::of(options.dataFolder), app);
  app->about = new About(app);
  app->wire(m_writer, m_files);
  writeLog();

  const QStringList interrupted = SessionLock::takeInterruptedLoads(options.dataFolder);
  if (!interrupted.isEmpty()) app->model->interruptedLoad(interrupted.first());

  QObject::connect(m_writer, &HistoryWriter::opened, app, [app](const QList<ChatRecord>&, const QString& lastChat, const QString& newDraft) {
    app->chat->openLastChat(lastChat, newDraft);
  });
  QObject::connect(app->models, &ModelLibrary::wrongFile, app, [app](const QString& wanted, const QString& path, const QString& architecture) {
    app->notices->show(Notices::Model, wrongModelNotice(wanted, path, architecture));
  });
  QObject::connect(store, &ChatStore::troubleChanged, app, [app, store](const HistoryProblem& problem) {
    app->notices->show(Notices::History, userErrorOf(problem), [store](UserError::Action action) {
      if (action == UserError::Retry) store->tryAgain();
    });
  });
  QObject::connect(store, &ChatStore::readingChanged, app,
                   [app](const HistoryProblem& problem) { app->notices->show(Notices::Reading, userErrorOf(problem)); });
  QObject::connect(app->notices, &Notices::newChatRequested, app->chat, &ChatController::newChat);
  // The engine's words go to the history by the shortest way.
  QObject::connect(app->engine, &EngineQueue::textReady, m_writer, &HistoryWriter::appendText);
  QObject::connect(app->engine, &EngineQueue::thoughtReady, m_writer, &HistoryWriter::appendThought);
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, folder = options.dataFolder, id = m_session->id()] { writer->open(folder, id); });

  loadFirstModel(options, !interrupted.isEmpty());
  const bool isAsked = !options.prompt.trimmed().isEmpty();
  if (isAsked || options.isNewChat) {
    app->place->setPane(Application::ChatPane);
    app->chat->newChat();
  }
  if (isAsked) app->chat->send(options.prompt);
}

// Numbers, names of model files and errors about them: never a word of a conversation.
void Program::writeLog() {
  Application* app = m_application.get();
  const auto tellLoaded = [](const char* what, const LoadedInfo& info) {
    qCInfo(modelLog).noquote().nospace() << what << ' ' << QFileInfo(QString::fromStdString(info.path)).fileName() << ' '
                                         << QString::fromStdString(info.quantization) << ", " << info.weight_bytes << " bytes of weights, "
                                         << info.state_bytes << " of state, context " << info.context_length << ", "
                                         << QString::fromStdString(info.device) << ", " << info.n_threads << " threads, " << info.load_seconds
                                         << " s";
  };
  QObject::connect(app->engine, &EngineQueue::loaded, app, [tellLoaded](const LoadedInfo& info) { tellLoaded("loaded", info); });
  QObject::connect(app->engine, &EngineQueue::kept, app, [tellLoaded](const Error& error, const LoadedInfo& info) {
    qCWarning(modelLog).noquote() << "not switched:" << name_of(error.code) << QString::fromStdString(error.message);
    tellLoaded("kept", info);
  });
  QObject::connect(app->engine, &EngineQueue::loadFailed, app, [](const Error& error) {
    qCWarning(modelLog).noquote() << "not loaded:" << name_of(error.code) << QString::fromStdString(error.message);
  });
  QObject::connect(app->model, &ModelSession::answered, app, [](const GenerationStats& stats) {
    qCInfo(answerLog).nospace() << stats.generated_tokens << " tokens at " << stats.tokens_per_second << " a second, behind " << stats.prompt_tokens
                                << " of which " << stats.reused_tokens << " were known, first after " << stats.first_token_seconds << " s";
  });
}

void Program::followLanguage(const QString& ofThisStart) {
  Settings* settings = m_application->settings;
  Language* language = m_application->language = new Language(m_application.get());
  language->speak(ofThisStart.isEmpty() ? settings->language() : ofThisStart);
  QObject::connect(settings, &Settings::changed, language, [settings, language, chosen = settings->language()]() mutable {
    if (std::exchange(chosen, settings->language()) != settings->language()) language->speak(settings->language());
  });
}

void Program::loadFirstModel(const ProgramOptions& options, bool wasInterrupted) {
  ModelSession* model = m_application->model;
  if (!options.model.isEmpty()) {
    model->load(options.model);
    return;
  }
  // A model that took the program down with it is not loaded again unasked: that could go on for ever.
  if (!options.loadsModel || wasInterrupted) return;
  ModelLibrary* models = m_application->models;
  if (models->everChosen()) {
    if (!models->lastUsed().isEmpty()) model->load(models->lastUsed());
    return;
  }
  QObject::connect(models, &ModelLibrary::searched, model, [model, models, isFirst = true]() mutable {
    if (!std::exchange(isFirst, false)) return;
    if (!model->hasModel() && !models->everChosen() && models->hasStarter()) model->load(models->starterPath());
  });
}

Program::~Program() {
  m_application->history->endUndo();  // what it removes for good the engine forgets before it ends
  m_application->engine->shutDown();
  m_application->chat->saveDraft();
  m_application->settings->saveNow();
  m_application->place->saveNow();
  m_application->engine->join();  // with the last words and the ends of turns, which go to the history

  QMetaObject::invokeMethod(m_writer, &HistoryWriter::close);  // after everything that was posted before; they end their threads themselves
  QMetaObject::invokeMethod(m_files, &BackgroundFiles::close);
  QMetaObject::invokeMethod(m_downloader, &Downloader::close);
  m_historyThread.wait();
  m_filesThread.wait();
  m_networkThread.wait();
}

}  // namespace pio
