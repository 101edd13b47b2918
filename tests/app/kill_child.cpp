// kill_child DATA [EXPORT.json]: the program without a window on DATA, with an engine that thinks and answers; one question after the other in one
// chat, and the import of a file beside it. On standard output, a line each: what the engine emits, "TURN MICROSECONDS BYTES TOKENS", thoughts and
// answer counted together. An answer is only begun when the question is on the disk. It runs until it is killed.
#include <QGuiApplication>
#include <chrono>
#include <cstdio>
#include <unistd.h>

#include "app/program.h"
#include "tests/app/kill_script.h"
#include "tests/support/scripted_engine.h"

using namespace pio;

namespace {

long long microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void say(const char* line, int length) {
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, line, static_cast<std::size_t>(length));  // no buffer that dies with us
}

}  // namespace

int main(int argc, char** argv) {
  QGuiApplication application(argc, argv);
  if (argc < 2) return 2;

  auto scripted = std::make_unique<ScriptedEngine>();
  ScriptedEngine* engine = scripted.get();
  ScriptedEngine::Loading loading;
  loading.can_think = true;
  engine->set_loading(loading);
  // 5 ms a token: 200 a second, more than the starter model reaches here.
  engine->set_script(ScriptedEngine::think(kKillThought, kKillAnswer, 5, kKillThoughts));
  std::size_t turn = 0;
  long long nTokens = 0;
  engine->set_observer([&, engine](std::uint64_t nBytes) {
    if (const std::size_t now = engine->generate_requests().size(); now != turn) {
      turn = now;
      nTokens = 0;
    }
    char line[100];
    say(line, std::snprintf(line, sizeof line, "%zu %lld %llu %lld\n", turn, microseconds(), static_cast<unsigned long long>(nBytes), ++nTokens));
  });

  ProgramOptions options;
  options.dataFolder = QString::fromLocal8Bit(argv[1]);
  options.model = QStringLiteral("/models/scripted.gguf");
  options.prompt = QStringLiteral("Tell me about the sea.");
  Program program(std::move(scripted), options);
  if (argc > 2) program.application()->importFile(QUrl::fromLocalFile(QString::fromLocal8Bit(argv[2])));
  ChatController* chat = program.chat();
  QObject::connect(
      chat, &ChatController::stateChanged, chat,
      [chat] {
        if (chat->state() == ChatController::Ready && chat->messages()->messageCount() > 0 && !chat->queued())
          chat->send(QStringLiteral("And then?"));
      },
      Qt::QueuedConnection);
  return QGuiApplication::exec();
}
