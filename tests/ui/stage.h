#pragma once

#include <QObject>
#include <QTemporaryDir>
#include <memory>

#include "app/program.h"
#include "tests/support/scripted_engine.h"

// The real program with an engine that plays a script, in a folder of its own: what the window's tests and pictures stand on.

namespace pio {

class Stage : public QObject {
  Q_OBJECT
  Q_PROPERTY(QObject* app READ app CONSTANT)

 public:
  explicit Stage(QObject* parent = nullptr) : QObject(parent) {
    auto engine = std::make_unique<ScriptedEngine>();
    m_engine = engine.get();
    m_program = std::make_unique<Program>(std::move(engine), options());
  }

  QObject* app() const { return m_program->application(); }
  Program& program() const { return *m_program; }
  ScriptedEngine& engine() const { return *m_engine; }

  // What the next answers say, a word every `delayMs`.
  Q_INVOKABLE void speak(const QString& text, int delayMs) { m_engine->set_script(ScriptedEngine::speak(text.toStdString(), delayMs)); }
  Q_INVOKABLE void loadModel() { m_program->chat()->loadModel(QStringLiteral("/models/SmolLM2-135M-Instruct.Q4_1.gguf")); }

 private:
  ProgramOptions options() const {
    ProgramOptions options;
    options.dataFolder = m_folder.path();
    options.loadsModel = false;
    return options;
  }

  QTemporaryDir m_folder;
  ScriptedEngine* m_engine = nullptr;  // owned by the program
  std::unique_ptr<Program> m_program;
};

}  // namespace pio
