// kill_child DATA: writes one long answer into DATA/history.db by the threads of the real program, and on standard output, a line each, what the
// engine emits: "u MICROSECONDS" when the words of the person are on the disk, then "MICROSECONDS BYTES TOKENS". It runs until it is killed.
#include <QCoreApplication>
#include <QThread>
#include <chrono>
#include <cstdio>
#include <unistd.h>

#include "app/engine_worker.h"
#include "app/history/history_writer.h"
#include "app/system/session_lock.h"
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
  QCoreApplication application(argc, argv);
  if (argc < 2) return 2;
  const QString folder = QString::fromLocal8Bit(argv[1]);

  auto engine = std::make_unique<ScriptedEngine>();
  // 5 ms a token: 200 a second, more than the starter model reaches here.
  engine->set_script(ScriptedEngine::speak("the sea rose and the lamp of the tower went round ", 5, 20'000));
  qint64 nTokens = 0;
  engine->set_observer([&nTokens](std::uint64_t nBytes) {
    char line[80];
    const int length = std::snprintf(line, sizeof line, "%lld %llu %lld\n", microseconds(), static_cast<unsigned long long>(nBytes), static_cast<long long>(++nTokens));
    say(line, length);
  });

  const SessionLock session(folder);
  QThread engineThread, historyThread;
  auto* worker = new EngineWorker(std::move(engine));
  auto* writer = new HistoryWriter;
  worker->moveToThread(&engineThread);
  writer->moveToThread(&historyThread);
  QObject::connect(worker, &EngineWorker::textReady, writer, &HistoryWriter::appendText);
  engineThread.start();
  historyThread.start();

  const QString chatId = newId(), questionId = newId(), answerId = newId();
  QObject::connect(writer, &HistoryWriter::stored, &application, [&](const QString& id) {
    char line[80];
    if (id == questionId) say(line, std::snprintf(line, sizeof line, "u %lld\n", microseconds()));
    if (id != answerId) return;
    GenerateJob job{1, answerId, {}};
    QMetaObject::invokeMethod(worker, [worker, job] { worker->generate(job, std::stop_token()); });
  });
  QMetaObject::invokeMethod(worker, [worker] { worker->load(LoadJob{}, std::stop_token()); });
  QMetaObject::invokeMethod(writer, [=, id = session.id()] {
    writer->open(folder, id);
    ChatRecord chat{chatId, QStringLiteral("Killed"), 1, 1};
    writer->putChat(chat);
    MessageRecord record;
    record.chatId = chatId;
    record.created = 1;
    record.message.id = questionId;
    record.message.setText(QStringLiteral("Tell me about the sea."));
    writer->addMessage(record);
    record.created = 2;
    record.message.id = answerId;
    record.message.parent = questionId;
    record.message.role = Message::Role::Assistant;
    record.message.state = Message::State::Streaming;
    record.message.setText({});
    writer->addMessage(record);
  });
  return QCoreApplication::exec();
}
