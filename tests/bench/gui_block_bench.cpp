// gui_block_bench [TOKENS PER SECOND] [SECONDS] [MESSAGES]: how long the GUI thread is away from its event loop while an answer streams into a long
// chat in the real window. A 1 ms timer on the GUI thread measures the gap between two of its calls. Not part of ctest: run it alone.
//   QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software gui_block_bench 200 10 2000
#include <QElapsedTimer>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QTemporaryDir>
#include <QTimer>
#include <QtQml/qqmlextensionplugin.h>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "app/history/history_db.h"
#include "app/program.h"
#include "tests/support/scripted_engine.h"

Q_IMPORT_QML_PLUGIN(Pio_AppPlugin)
Q_IMPORT_QML_PLUGIN(Pio_UiPlugin)

using namespace pio;

namespace {

const char* const kAnswer =
    "The lamp turns once in **twelve seconds**, and `rotate()` is what turns it:\n\n```cpp\nvoid rotate(double seconds) {\n  angle += 30 * seconds;\n}\n```\n\n"
    "- the first keeper lit it by hand\n- the second had a clock\n- nobody knows the third\n\n";

bool fill(const QString& path, int nMessages) {
  HistoryDb db;
  if (!db.open(path) || !db.putChat({"long", "A long chat", 1, 1})) return false;
  QString parent;
  for (int i = 0; i < nMessages; ++i) {
    MessageRecord record;
    record.chatId = "long";
    record.created = i + 1;
    record.message.id = QString::number(i);
    record.message.parent = parent;
    record.message.role = i % 2 == 0 ? Message::Role::User : Message::Role::Assistant;
    record.message.setText(i % 2 == 0 ? QStringLiteral("What about number %1?").arg(i) : QString::fromUtf8(kAnswer));
    if (!db.addMessage(record, {})) return false;
    parent = record.message.id;
  }
  return db.putMeta("last_chat", "long").has_value();
}

}  // namespace

int main(int argc, char** argv) {
  QGuiApplication application(argc, argv);
  QQuickStyle::setStyle("Basic");
  const int rate = argc > 1 ? std::max(1, std::atoi(argv[1])) : 200;
  const int seconds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 10;
  const int nMessages = argc > 3 ? std::max(0, std::atoi(argv[3])) : 2000;

  QTemporaryDir folder;
  if (!fill(folder.filePath("history.db"), nMessages)) {
    std::fprintf(stderr, "gui_block_bench: the history could not be filled\n");
    return 1;
  }
  auto scripted = std::make_unique<ScriptedEngine>();
  scripted->set_script(ScriptedEngine::speak(kAnswer, std::max(1, 1000 / rate), rate * seconds));
  ProgramOptions options;
  options.dataFolder = folder.path();
  options.model = "/models/scripted.gguf";
  Program program(std::move(scripted), options);
  QQmlApplicationEngine window;
  window.addImportPath("qrc:/qt/qml");
  window.setInitialProperties({{"app", QVariant::fromValue(program.application())}});
  window.load(QUrl("qrc:/qt/qml/Pio/Ui/Main.qml"));
  if (window.rootObjects().isEmpty()) {
    std::fprintf(stderr, "gui_block_bench: the window did not load\n");
    return 1;
  }

  std::vector<double> gaps;
  QElapsedTimer sinceLast;
  QTimer tick;
  bool isAsked = false;
  tick.setTimerType(Qt::PreciseTimer);
  QObject::connect(&tick, &QTimer::timeout, [&] {
    gaps.push_back(static_cast<double>(sinceLast.nsecsElapsed()) / 1e6);
    sinceLast.restart();
  });
  QTimer::singleShot(3000, &application, [&] {  // the window is drawn, the chat is open
    if (!gaps.empty()) std::printf("opening the chat: the GUI thread was away for %.1f ms at most\n", *std::max_element(gaps.begin(), gaps.end()));
    gaps.clear();
    isAsked = true;
    program.chat()->send("Go on");
  });
  sinceLast.start();
  tick.start(1);
  QObject::connect(program.chat(), &ChatController::stateChanged, &application, [&] {
    if (program.chat()->state() == ChatController::Ready && isAsked && gaps.size() > 100) QCoreApplication::quit();
  });
  QGuiApplication::exec();

  std::sort(gaps.begin(), gaps.end());
  const auto at = [&](double share) { return gaps[static_cast<std::size_t>(share * static_cast<double>(gaps.size() - 1))]; };
  const auto over = std::count_if(gaps.begin(), gaps.end(), [](double gap) { return gap > 50; });
  std::printf("%d messages + %d tokens at %d/s: gap of a 1 ms timer p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, max %.1f ms; %td of %zu over 50 ms\n",
              nMessages, rate * seconds, rate, at(0.5), at(0.99), at(0.999), gaps.back(), over, gaps.size());
  return 0;
}
