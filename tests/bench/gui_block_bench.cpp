// gui_block_bench SCENE…: how long the GUI thread is away from its event loop in the real window. A 1 ms timer on the GUI thread measures the gap
// between two of its calls; on a machine that is shared the thread also waits for a processor, so its own work in a gap is told beside it. Not part of ctest: run it alone, without scenes for all of them.
//   stream   an answer of 200 tokens a second for 10 s into a chat of 2,000 messages
//   code     an answer of one code block of 20,000 lines, 1,000 lines a second
//   open     a chat of 5,000 messages is opened
//   accept   500 changes of a file of 10,000 lines are accepted at once
//   QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software gui_block_bench code open accept
#include <QElapsedTimer>
#include <QFile>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <QtQml/qqmlextensionplugin.h>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "app/history/history_db.h"
#include "app/program.h"
#include "tests/support/scripted_engine.h"

Q_IMPORT_QML_PLUGIN(Pio_AppPlugin)
Q_IMPORT_QML_PLUGIN(Pio_UiPlugin)

using namespace pio;

namespace {

const char* const kAnswer =
    "The lamp turns once in **twelve seconds**, and `rotate()` is what turns it:\n\n```cpp\nvoid rotate(double seconds) {\n  angle += 30 * "
    "seconds;\n}\n```\n\n"
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
  return true;
}

// The program and its window.
struct Stage {
  explicit Stage(int nMessages = 0) {
    if (nMessages > 0 && !fill(folder.filePath("history.db"), nMessages)) std::exit(1);
    auto scripted = std::make_unique<ScriptedEngine>();
    engine = scripted.get();
    ProgramOptions options;
    options.dataFolder = folder.path();
    options.model = "/models/scripted.gguf";
    program = std::make_unique<Program>(std::move(scripted), options);
    window.addImportPath("qrc:/qt/qml");
    window.setInitialProperties({{"app", QVariant::fromValue(program->application())}});
    window.load(QUrl("qrc:/qt/qml/Pio/Ui/Main.qml"));
    if (window.rootObjects().isEmpty()) std::exit(1);
    expect(QTest::qWaitFor([this] { return program->chat()->state() == ChatController::Ready && program->history()->ready(); }),
           "the window is ready");
    QTest::qWait(1000);  // it is drawn
  }
  ChatController* chat() const { return program->chat(); }
  ConversationModel* messages() const { return chat()->messages(); }

  static void expect(bool isTrue, const char* what) {
    if (isTrue) return;
    std::fprintf(stderr, "gui_block_bench: %s: expected, did not come\n", what);
    std::exit(1);
  }

  QTemporaryDir folder;
  ScriptedEngine* engine = nullptr;
  std::unique_ptr<Program> program;
  QQmlApplicationEngine window;
};

// What this thread has used so far.
struct Usage {
  double work = 0;             // processor time, ms
  double waited = 0;           // for a processor while it could run, ms
  long faults = 0, taken = 0;  // pages touched for the first time; times that the processor was taken from it

  static Usage now() {
    Usage out;
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    out.work = static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
    rusage used{};
    getrusage(RUSAGE_THREAD, &used);
    out.faults = used.ru_minflt;
    out.taken = used.ru_nivcsw;
    static const int schedule = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);  // of the thread that opens it
    char words[96] = {};
    unsigned long long waited = 0;
    if (::pread(schedule, words, sizeof words - 1, 0) > 0 && std::sscanf(words, "%*u %llu", &waited) == 1) {
      out.waited = static_cast<double>(waited) / 1e6;
    }
    return out;
  }
};

struct Gap {
  double wall = 0;
  Usage used;
};

// The gaps between the calls of a timer of 1 ms, from now on.
class Gaps {
 public:
  Gaps() {
    m_tick.setTimerType(Qt::PreciseTimer);
    QObject::connect(&m_tick, &QTimer::timeout, [this] {
      const Usage now = Usage::now();
      m_gaps.push_back({.wall = static_cast<double>(m_sinceLast.nsecsElapsed()) / 1e6,
                        .used = {.work = now.work - m_before.work,
                                 .waited = now.waited - m_before.waited,
                                 .faults = now.faults - m_before.faults,
                                 .taken = now.taken - m_before.taken}});
      m_sinceLast.restart();
      m_before = now;
    });
    m_sinceLast.start();
    m_tick.start(1);
  }
  // A long gap whose work is short is the machine's, not the program's: what the thread waited for is told with it.
  void print(const char* scene) {
    QTest::qWait(50);
    m_tick.stop();
    print(scene, "gap", [](const Gap& gap) { return gap.wall; });
    print("", "work", [](const Gap& gap) { return gap.used.work; });
    std::sort(m_gaps.begin(), m_gaps.end(), [](const Gap& a, const Gap& b) { return a.wall > b.wall; });
    for (std::size_t i = 0; i < std::min<std::size_t>(m_gaps.size(), 5); ++i) {
      const Gap& gap = m_gaps[i];
      std::printf("         longest %zu: %5.1f ms, work %5.1f ms, waited for a processor %5.1f ms, which was taken %ld times; %ld new pages\n", i + 1,
                  gap.wall, gap.used.work, gap.used.waited, gap.used.taken, gap.used.faults);
    }
    std::fflush(stdout);
  }

 private:
  template <class Part>
  void print(const char* scene, const char* what, const Part& part) const {
    std::vector<double> times;
    for (const Gap& gap : m_gaps) times.push_back(part(gap));
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) { return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]; };
    const auto over = std::count_if(times.begin(), times.end(), [](double time) { return time > 50; });
    std::printf("%-8s %-4s p50 %5.1f ms, p99 %5.1f ms, p99.9 %5.1f ms, max %5.1f ms; %td of %zu over 50 ms\n", scene, what, at(0.5), at(0.99),
                at(0.999), times.back(), over, times.size());
  }

  std::vector<Gap> m_gaps;
  QElapsedTimer m_sinceLast;
  Usage m_before = Usage::now();
  QTimer m_tick;
};

void answerInto(Stage& stage, const char* scene) {
  Gaps gaps;
  stage.chat()->send("Go on");
  Stage::expect(QTest::qWaitFor([&] { return stage.chat()->state() != ChatController::Ready; }), "an answer begins");
  Stage::expect(QTest::qWaitFor([&] { return stage.chat()->state() == ChatController::Ready; }, 600'000), "the answer ends");
  QTest::qWait(1000);
  gaps.print(scene);
}

void stream() {
  Stage stage(2000);
  stage.chat()->openChat("long");
  Stage::expect(QTest::qWaitFor([&] { return stage.messages()->rowOf("0") == 0; }, 60'000), "the chat");
  stage.engine->set_script(ScriptedEngine::speak(kAnswer, 5, 2000));
  answerInto(stage, "stream");
}

void code() {
  Stage stage;
  ScriptedEngine::Script script;
  script.steps.push_back({0, "Here it is:\n\n```cpp\n"});
  for (int i = 0; i < 20'000; ++i) {
    script.steps.push_back({1, "  if (angle > " + std::to_string(i) + ") return rotate(angle, \"once\");  // in twelve seconds\n"});
  }
  script.steps.push_back({1, "```\n"});
  stage.engine->set_script(script);
  answerInto(stage, "code");
}

void open() {
  Stage stage(5000);
  stage.chat()->newChat();
  QTest::qWait(500);
  Gaps gaps;
  stage.chat()->openChat("long");
  Stage::expect(QTest::qWaitFor([&] { return stage.messages()->rowOf("0") == 0; }, 60'000), "the chat");
  QTest::qWait(1000);
  gaps.print("open");
}

void accept() {
  Stage stage;
  QByteArray before, after;
  for (int i = 0; i < 10'000; ++i) {
    const QByteArray line = "value_" + QByteArray::number(i) + " = " + QByteArray::number(i * 7) + "\n";
    before += line;
    after += i % 20 == 10 ? "changed_" + line : line;
  }
  QFile file(stage.folder.filePath("values.py"));
  if (!file.open(QIODevice::WriteOnly) || file.write(before) != before.size()) std::exit(1);
  file.close();
  stage.program->settings()->setContextLength(1'000'000);
  stage.program->model()->load("/models/long.gguf");
  CodeController* code = stage.program->code();
  stage.program->application()->openFiles({QUrl::fromLocalFile(file.fileName())});
  Stage::expect(QTest::qWaitFor([&] { return code->state() == CodeController::Idle && stage.chat()->state() == ChatController::Ready; }),
                "the file is open");
  ScriptedEngine::Script script;
  script.steps.push_back({0, ("```python\n" + after + "```\n").toStdString()});
  script.context_length = 1'000'000;
  stage.engine->set_script(script);
  code->fix();
  Stage::expect(QTest::qWaitFor([&] { return code->hunks()->count() == 500; }, 60'000), "a proposal of 500 changes");
  QTest::qWait(2000);
  Gaps gaps;
  code->acceptAll();
  Stage::expect(code->acceptedCount() == 500, "500 changes are accepted");
  QTest::qWait(3000);
  gaps.print("accept");
}

}  // namespace

int main(int argc, char** argv) {
  QGuiApplication application(argc, argv);
  QQuickStyle::setStyle("Basic");
  const std::pair<const char*, void (*)()> scenes[] = {{"stream", stream}, {"code", code}, {"open", open}, {"accept", accept}};
  for (const auto& [name, run] : scenes) {
    const bool isAsked =
        argc == 1 || std::any_of(argv + 1, argv + argc, [name = name](const char* asked) { return std::string_view(asked) == name; });
    if (isAsked) run();
  }
  return 0;
}
