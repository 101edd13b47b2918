#include <QCoreApplication>
#include <QDir>
#include <QFont>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQmlProperty>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTest>
#include <QtQml/qqmlextensionplugin.h>
#include <cstdio>

#include "tests/ui/stage.h"

Q_IMPORT_QML_PLUGIN(Pio_AppPlugin)
Q_IMPORT_QML_PLUGIN(Pio_UiPlugin)

// Draws every state of the window into a folder: screenshots FOLDER [scale].  "scale" draws the few that are looked at with
// QT_SCALE_FACTOR=2, which only a new process can have.

namespace {

using namespace pio;

constexpr const char* kAnswer = R"(A heat pump works in this house, but **lower the flow temperature first**. At 65 °C its seasonal factor is near 2.4; at 50 °C it reaches about 3.4, and that difference decides the running cost.

## What a year costs

| | Gas boiler | Pump at 65 °C | Pump at 50 °C |
| --- | ---: | ---: | ---: |
| Energy bought | 21,000 kWh | 7,900 kWh | 5,600 kWh |
| Price per kWh | € 0.11 | € 0.28 | € 0.28 |
| Energy per year | € 2,310 | € 2,212 | € 1,568 |

## In this order

1. Set the boiler to 50 °C for two cold weeks and note the cool rooms.
2. Exchange the radiators in those rooms only; usually two or three.
3. Ask for offers with the heat load by room, `EN 12831`, not by floor area.
)";

constexpr const char* kCode = R"(Lies die Datei Zeile für Zeile. `csv.reader` hält immer nur eine Zeile im Speicher, und `Decimal` vermeidet die Rundungsfehler, die sich bei 40 Millionen Beträgen sonst aufsummieren:

```python
import csv
from decimal import Decimal


def column_sum(path: str, column: str) -> Decimal:
    """Summiert eine Spalte, ohne die Datei zu laden."""
    total = Decimal(0)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row[column]:            # leere Felder überspringen
                total += Decimal(row[column])
    return total
```

Der Speicherbedarf bleibt unter 20 MB, gleich wie groß die Datei ist.

> Auf einer SSD dauert es etwa **drei Minuten**, begrenzt durch Python.
)";

class Photographer {
 public:
  Photographer(Stage& stage, QQuickWindow& window, QString folder) : m_stage(stage), m_window(window), m_folder(std::move(folder)) {}

  ChatController* chat() const { return m_stage.program().chat(); }
  Settings* settings() const { return m_stage.program().settings(); }
  HistoryModel* history() const { return m_stage.program().history(); }

  void size(int width, int height) { m_window.resize(width, height); }
  void theme(Settings::Appearance appearance) { settings()->setAppearance(appearance); }
  void call(const char* verb) { QMetaObject::invokeMethod(&m_window, verb); }
  void call(const char* verb, int number) { QMetaObject::invokeMethod(&m_window, verb, Q_ARG(int, number)); }
  void page(int number) { QMetaObject::invokeMethod(&m_window, "openSettings", Q_ARG(int, number)); }
  void say(const char* text, int delayMs = 4) { m_stage.engine().set_script(ScriptedEngine::speak(text, delayMs)); }
  bool waitFor(ChatController::State state) { return QTest::qWaitFor([&] { return chat()->state() == state; }, 10000); }

  void ask(const QString& question) {
    chat()->newChat();
    chat()->send(question);
    waitForTheAnswer();
  }
  void waitForTheAnswer() {
    QTest::qWaitFor([&] { return chat()->busy(); }, 1000);  // the words are on the disk before the engine begins
    waitFor(ChatController::Ready);
  }
  void take(const char* name) {
    QTest::qWait(350);  // the last frame, and the quarter of a second that figures are held back
    const bool saved = m_window.grabWindow().save(m_folder + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".png"));
    std::printf("%s %s\n", saved ? "drew" : "could not write", name);
  }

 private:
  Stage& m_stage;
  QQuickWindow& m_window;
  QString m_folder;
};

void drawAtScale(Photographer& p) {
  p.size(720, 440);
  p.say("Half of it is gone after about **five hours**. Of the `95 mg` in a cup at 16:00, roughly 34 mg are still there at 23:30.");
  p.ask(QStringLiteral("How long does a coffee at four keep me awake?"));
  p.chat()->setDraft(QStringLiteral("Does the offer match what the meter says?"));
  p.take("25-scale-200");
}

void drawAll(Stage& stage, Photographer& p) {
  p.theme(Settings::Dark);
  p.take("01-first-run-dark");
  p.theme(Settings::Light);
  p.take("02-first-run-light");

  ScriptedEngine::Loading slowLoading;
  slowLoading.milliseconds = 4000;
  slowLoading.bytes = 9'800'000'000;
  stage.engine().set_loading(slowLoading);
  stage.loadModel();
  QTest::qWait(1500);
  p.take("03-loading");
  p.chat()->send(QStringLiteral("Sent before the model is ready"));
  p.take("04-queued");
  p.waitFor(ChatController::Ready);
  stage.engine().set_loading({});

  for (const char* title : {"Bicycle light that survives rain", "Explain amortised cost with a worked example", "Half-life of caffeine",
                            "Offer for a heat pump", "Residents’ meeting, minutes", "周末去杭州的两日行程", "Tax return 2026: open questions and answers"}) {
    p.say("A short answer about heat and other things.");
    p.ask(QString::fromUtf8(title));
  }
  p.history()->setPinned(p.chat()->chatId(), true);
  p.chat()->newChat();
  p.take("05-empty-chat");

  p.say(kCode);
  p.ask(QStringLiteral("Wie lese ich in Python eine CSV-Datei mit 40 Millionen Zeilen und summiere eine Spalte, ohne den Speicher zu füllen?"));
  p.chat()->rename(QStringLiteral("Große CSV-Datei zeilenweise lesen"));
  p.take("06-code-light");
  p.theme(Settings::Dark);
  p.take("07-code-dark");
  p.theme(Settings::Light);

  p.say(kAnswer);
  p.ask(QStringLiteral("We have a 1930s brick house, 140 m², radiators at 65 °C, and a boiler of 19 years that burns 21,000 kWh a year. Replace it, or go for a heat pump?"));
  p.chat()->rename(QStringLiteral("Heat pump or gas boiler for a 1930s house"));
  p.chat()->regenerateLast();
  p.waitForTheAnswer();
  p.take("08-chat-light");
  p.theme(Settings::Dark);
  p.take("09-chat-dark");
  p.theme(Settings::HighContrast);
  p.take("10-high-contrast");
  p.theme(Settings::Light);
  p.call("openPicker");
  p.take("11-picker");
  p.call("closePopups");
  p.call("openSource", 2);
  p.take("11b-get-a-model");
  p.call("closePopups");

  p.history()->setQuery(QStringLiteral("heat"));
  p.take("12-search");
  p.history()->setQuery(QStringLiteral("foo"));
  p.take("13-search-empty");
  p.history()->setQuery({});

  for (int page = 0; page < 4; ++page) {
    static constexpr const char* kNames[] = {"14-settings-appearance", "15-settings-prompt", "16-settings-model", "17-settings-sampling"};
    p.page(page);
    p.take(kNames[page]);
  }
  p.theme(Settings::Dark);
  p.take("18-settings-dark");
  p.theme(Settings::Light);
  p.call("closePopups");

  p.size(720, 900);
  p.take("19-narrow-720");
  p.size(560, 900);
  p.take("20-narrow-560");
  p.call("toggleSidebar");
  p.take("21-narrow-560-sidebar");
  p.call("toggleSidebar");
  p.size(1280, 800);

  auto slow = ScriptedEngine::speak(kAnswer, 25);
  slow.prefill_ms = 3000;
  slow.prompt_tokens = 8040;
  slow.context_length = 16384;
  stage.engine().set_script(slow);
  p.chat()->send(QStringLiteral("And compare the noise of both outdoor units"));
  QTest::qWait(1500);
  p.take("22-reading");
  p.waitFor(ChatController::Writing);
  QTest::qWait(2500);
  p.take("23-writing");
  p.chat()->stop();
  p.waitFor(ChatController::Ready);
  p.take("24-stopped");

  auto broken = ScriptedEngine::speak("", 0);
  broken.error.emplace();
  broken.error->code = ErrorCode::out_of_memory;
  broken.error->message = "cpu: needed 9,700,000,000 bytes, free 7,900,000,000 bytes";
  broken.error->needed_bytes = 9'700'000'000;
  broken.error->free_bytes = 7'900'000'000;
  stage.engine().set_script(broken);
  p.theme(Settings::Dark);
  p.chat()->newChat();
  p.chat()->send(QStringLiteral("Think it through: does the reserve cover the roof as well?"));
  QTest::qWait(600);
  p.take("26-error-dark");
  p.theme(Settings::Light);
  p.history()->remove(p.chat()->chatId());
  p.take("27-deleted-undo");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "screenshots: a folder, none given\n");
    return 2;
  }
  QGuiApplication application(argc, argv);
  QQuickStyle::setStyle(QStringLiteral("Basic"));
  QQuickWindow::setTextRenderType(QQuickWindow::NativeTextRendering);
  QFont::insertSubstitutions(QStringLiteral("Inter"), {QStringLiteral("Noto Sans"), QStringLiteral("Noto Sans CJK SC"), QStringLiteral("DejaVu Sans")});
  const QString folder = QString::fromLocal8Bit(argv[1]);
  QDir().mkpath(folder);

  Stage stage;
  stage.program().settings()->setReducedMotion(true);
  stage.program().settings()->setAppearance(Settings::Light);
  QQmlApplicationEngine engine;
  engine.addImportPath(QStringLiteral("qrc:/qt/qml"));
  engine.setInitialProperties({{QStringLiteral("app"), QVariant::fromValue(stage.program().application())}});
  engine.load(QUrl(QStringLiteral("qrc:/qt/qml/Pio/Ui/Main.qml")));
  auto* window = engine.rootObjects().isEmpty() ? nullptr : qobject_cast<QQuickWindow*>(engine.rootObjects().constFirst());
  if (window == nullptr) return 1;

  Photographer photographer(stage, *window, folder);
  if (argc > 2) {
    stage.loadModel();
    photographer.waitFor(ChatController::Ready);
    drawAtScale(photographer);
  } else {
    drawAll(stage, photographer);
  }
  return 0;
}
