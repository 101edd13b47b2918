#include "app/program.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QImageReader>
#include <QStandardPaths>

#include "app/chat/chat_controller_p.h"
#include "app/code/code_controller_p.h"
#include "app/engine_worker.h"
#include "app/history/history_model_p.h"
#include "app/history/history_writer.h"
#include "app/library/model_library_p.h"
#include "app/settings/settings_p.h"
#include "app/system/background_files.h"
#include "app/system/session_lock.h"

namespace pio {

QString defaultDataFolder() { return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + QStringLiteral("/inference-pio"); }

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

  m_worker = new EngineWorker(std::move(engine));  // no parents: they move to their threads
  m_writer = new HistoryWriter;
  m_files = new BackgroundFiles;
  m_code = new CodeWorker;
  const auto start = [](QThread& thread, QObject* object, const QString& name) {
    thread.setObjectName(name);
    object->moveToThread(&thread);
    QObject::connect(&thread, &QThread::finished, object, &QObject::deleteLater);
    thread.start();
  };
  start(m_engineThread, m_worker, QStringLiteral("engine"));
  start(m_historyThread, m_writer, QStringLiteral("history"));
  start(m_filesThread, m_files, QStringLiteral("files"));
  m_code->moveToThread(&m_filesThread);
  QObject::connect(&m_filesThread, &QThread::finished, m_code, &QObject::deleteLater);

  m_application = std::make_unique<Application>();
  Application* app = m_application.get();
  app->settings = new Settings(std::make_unique<Settings::Private>(options.dataFolder + QStringLiteral("/settings.json"), m_files), app);
  app->models = new ModelLibrary(
      std::make_unique<ModelLibrary::Private>(options.dataFolder + QStringLiteral("/models.json"), options.starterFolders, m_files), app);
  app->history = new HistoryModel(std::make_unique<HistoryModel::Private>(m_writer), app);
  app->memory = new MemoryMeter(m_files, app);
  auto* tray = new PictureTray(m_files, options.dataFolder, m_session->id(), app);
  QObject::connect(app->history, &HistoryModel::purged, tray, &PictureTray::forget);
  app->chat = new ChatController(
      std::make_unique<ChatController::Private>(ChatController::Private::Wiring{
          m_worker, m_writer, app->history, app->models, app->settings, m_session->loadNotePath(), tray}),
      app);
  app->load = new LoadSettings({m_worker, app->chat, app->models, app->settings}, app);
  app->code = new CodeController(std::make_unique<CodeController::Private>(CodeController::Private::Wiring{m_worker, m_code, app->chat, app->settings}), app);
  QObject::connect(app->code, &CodeController::engineNeeded, app->chat, [app] { app->chat->setEngineTaken(app->code->isOnEngine()); });
  app->image = new ImageSession(app->chat, m_files, app);
  app->wire(m_writer);

  const QStringList interrupted = SessionLock::takeInterruptedLoads(options.dataFolder);
  if (!interrupted.isEmpty()) app->chat->interruptedLoad(interrupted.first());

  QObject::connect(m_writer, &HistoryWriter::opened, app, [app](const QList<ChatRecord>&, const QString& lastChat, const QString& newDraft) {
    app->chat->openLastChat(lastChat, newDraft);
  });
  QObject::connect(m_files, &BackgroundFiles::writeFailed, app, [app](const QString& path, const QString& details) {
    app->chat->showNotice(fileNotice(FileNotice::settings_not_saved, path, details));
  });
  QObject::connect(app->models, &ModelLibrary::wrongFile, app, [app](const QString& wanted, const QString& path, const QString& architecture) {
    app->chat->showNotice(wrongModelNotice(wanted, path, architecture));
  });
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, folder = options.dataFolder, id = m_session->id()] { writer->open(folder, id); });

  loadFirstModel(options, !interrupted.isEmpty());
  if (!options.prompt.trimmed().isEmpty()) {
    app->chat->newChat();
    app->chat->send(options.prompt);
  }
}

void Program::loadFirstModel(const ProgramOptions& options, bool wasInterrupted) {
  ChatController* chat = m_application->chat;
  if (!options.model.isEmpty()) {
    chat->loadModel(options.model);
    return;
  }
  // A model that took the program down with it is not loaded again unasked: that could go on for ever.
  if (!options.loadsModel || wasInterrupted) return;
  ModelLibrary* models = m_application->models;
  if (models->everChosen()) {
    if (!models->lastUsed().isEmpty()) chat->loadModel(models->lastUsed());
    return;
  }
  QObject::connect(models, &ModelLibrary::searched, chat, [chat, models, isFirst = true]() mutable {
    if (!std::exchange(isFirst, false)) return;
    if (!chat->hasModel() && !models->everChosen() && models->hasStarter()) chat->loadModel(models->starterPath());
  });
}

Program::~Program() {
  m_application->chat->shutDown();
  m_application->code->shutDown();
  m_application->history->endUndo();
  m_application->settings->saveNow();

  m_engineThread.quit();  // takes effect when the stopped turn has returned
  m_engineThread.wait();
  // The last words and the end of the turn, still on their way to the controller, which hands them to the history.
  QCoreApplication::sendPostedEvents(m_application->chat);
  m_application->chat->endShutDown();

  QMetaObject::invokeMethod(m_writer, &HistoryWriter::close);  // after everything that was posted before; they end their threads themselves
  QMetaObject::invokeMethod(m_files, &BackgroundFiles::close);
  m_historyThread.wait();
  m_filesThread.wait();
}

}  // namespace pio
