#pragma once

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/program.h"
#include "tests/app/history_fixture.h"
#include "tests/support/scripted_engine.h"

namespace pio {

// The whole program without a window, in a folder of its own.
class ProgramFixture {
 public:
  explicit ProgramFixture(ProgramOptions options = {}) : m_options(std::move(options)) {
    if (m_options.dataFolder.isEmpty()) m_options.dataFolder = m_folder.path();
    start();
  }

  // In a folder that is there already, or that another window has.
  explicit ProgramFixture(const QString& folder, bool loadsModel = true) : ProgramFixture(optionsOf(folder, loadsModel)) {}

  void start() {
    auto scripted = std::make_unique<ScriptedEngine>();
    scripted->set_script(m_script);
    scripted->set_loading(m_loading);
    engine = scripted.get();
    program = std::make_unique<Program>(std::move(scripted), m_options);
  }
  void restart() {
    program.reset();
    start();
  }
  void setScript(const ScriptedEngine::Script& script) {
    m_script = script;
    engine->set_script(script);
  }
  void setLoading(const ScriptedEngine::Loading& loading) {
    m_loading = loading;
    engine->set_loading(loading);
  }
  bool loadModel() {
    program->model()->load(QStringLiteral("/models/scripted.gguf"));
    return QTest::qWaitFor([this] { return program->chat()->state() == ChatController::Ready; });
  }
  bool waitFor(ChatController::State state, int ms = 5000) {
    return QTest::qWaitFor([&] { return program->chat()->state() == state; }, ms);
  }
  // Sends and waits for the end of the answer.
  bool ask(const QString& text) {
    program->chat()->send(text);
    return waitFor(ChatController::Ready);
  }
  QString folder() const { return m_options.dataFolder; }
  ChatController* chat() const { return program->chat(); }
  ModelSession* model() const { return program->model(); }
  Notices* notices() const { return program->notices(); }
  UserError notice() const { return notices()->latest(); }
  // Presses a button of the newest notice.
  void act(UserError::Action action) { notices()->runAction(notices()->index(0).data(Notices::SubjectRole).toInt(), action); }
  HistoryModel* history() const { return program->history(); }

  // What another process would read from the file now.
  QList<MessageRecord> onDisk(const QString& chatId) const { return messagesOnDisk(folder(), chatId); }

 private:
  static ProgramOptions optionsOf(const QString& folder, bool loadsModel) {
    ProgramOptions options;
    options.dataFolder = folder;
    options.loadsModel = loadsModel;
    return options;
  }

  QTemporaryDir m_folder;  // outlives the program
 public:
  ScriptedEngine* engine = nullptr;  // owned by the program
  std::unique_ptr<Program> program;

 private:
  ProgramOptions m_options;
  ScriptedEngine::Script m_script = ScriptedEngine::speak("The lighthouse stood at the end of the pier.", 2);
  ScriptedEngine::Loading m_loading;
};

}  // namespace pio
