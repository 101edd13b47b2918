#pragma once

#include <QString>
#include <QStringList>
#include <QThread>
#include <memory>
#include <vector>

#include "app/application.h"
#include "app/system/places.h"
#include "engine/catalogue/catalogue.h"
#include "engine/engine.h"

// Everything behind the window, built in order and taken down in order: three threads (the
// engine's, in its queue; history, files), their workers, the view models.
// main() makes one; tests and screenshots make theirs with a scripted engine and a folder of their own.

namespace pio {

class HistoryWriter;
class BackgroundFiles;
class CodeWorker;
class Downloader;
class SessionLock;
class SharedJsonFiles;

// Makes it when it is not there; its owner alone may look into it, whoever made it.
bool makeDataFolder(const QString& path);

struct ProgramOptions {
  QString dataFolder;          // made when it is not there
  QStringList starterFolders;  // where the starter model is looked for
  QString model;               // loaded at the start; "" the last one used, or the starter when nothing was ever chosen
  QString prompt;              // sent in a new chat at the start
  bool isNewChat = false;      // the start shows a new chat, not the one that was shown last
  QString language;            // of this start, whatever the settings say, until another is chosen there; "": theirs
  bool loadsModel = true;      // false: no model is loaded by itself
  BusAddresses buses;          // of the desktop; without them it is left alone
  bool isOffline = false;      // every request is refused, whatever the settings say
  Devices::Lister listDevices = list_devices;
  std::vector<PublishedModel> catalogue = built_in_catalogue();  // what the library shows
};

class Program {
 public:
  Program(std::unique_ptr<Engine> engine, const ProgramOptions& options);
  // Stops what runs, saves, and waits for the threads.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  Application* application() const { return m_application.get(); }
  ChatController* chat() const { return m_application->chat; }
  ModelSession* model() const { return m_application->model; }
  Notices* notices() const { return m_application->notices; }
  CodeController* code() const { return m_application->code; }
  Closing* closing() const { return m_application->closing; }
  HistoryModel* history() const { return m_application->history; }
  ModelLibrary* models() const { return m_application->models; }
  Settings* settings() const { return m_application->settings; }

 private:
  void writeLog();
  void followLanguage(const QString& ofThisStart);
  void loadFirstModel(const ProgramOptions& options, bool wasInterrupted);

  std::unique_ptr<SessionLock> m_session;
  QThread m_historyThread, m_filesThread, m_networkThread;
  HistoryWriter* m_writer = nullptr;  // each is deleted by the end of its thread
  BackgroundFiles* m_files = nullptr;
  CodeWorker* m_code = nullptr;  // on the files thread, as the next
  SharedJsonFiles* m_shared = nullptr;
  Downloader* m_downloader = nullptr;
  std::unique_ptr<Application> m_application;  // parent of the view models
};

}  // namespace pio
