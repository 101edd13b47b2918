#include <QCoreApplication>
#include <QDir>
#include <QFont>
#include <QGuiApplication>
#include <QLocale>
#include <QPainter>
#include <QQmlApplicationEngine>
#include <QQmlProperty>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QTest>
#include <QTranslator>
#include <QtQml/qqmlextensionplugin.h>
#include <cstdio>

#include "tests/app/sql_file.h"
#include "tests/ui/stage.h"

Q_IMPORT_QML_PLUGIN(Pio_AppPlugin)
Q_IMPORT_QML_PLUGIN(Pio_UiPlugin)

// Draws every state of the window into a folder: screenshots FOLDER [scale | code | thinking | image | history | computer | devices | library].  "scale" draws the few that are looked at with
// QT_SCALE_FACTOR=2, which only a new process can have; the others draw those alone.
// PIO_LANGUAGE in the environment: the code of a language, or a .qm file of one that nobody speaks, from right to left (pseudo_language.py).

namespace {

using namespace pio;

constexpr const char* kAnswer =
    R"(A heat pump works in this house, but **lower the flow temperature first**. At 65 °C its seasonal factor is near 2.4; at 50 °C it reaches about 3.4, and that difference decides the running cost.

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

constexpr const char* kCode =
    R"(Lies die Datei Zeile für Zeile. `csv.reader` hält immer nur eine Zeile im Speicher, und `Decimal` vermeidet die Rundungsfehler, die sich bei 40 Millionen Beträgen sonst aufsummieren:

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

  Stage& stage() const { return m_stage; }
  ChatController* chat() const { return m_stage.program().chat(); }
  Settings* settings() const { return m_stage.program().settings(); }
  HistoryModel* history() const { return m_stage.program().history(); }

  void size(int width, int height) { m_window.resize(width, height); }
  void close() { m_window.close(); }
  void theme(Settings::Appearance appearance) { settings()->setAppearance(appearance); }
  void call(const char* verb) { QMetaObject::invokeMethod(&m_window, verb); }
  void call(const char* verb, int number) { QMetaObject::invokeMethod(&m_window, verb, Q_ARG(int, number)); }
  void pane(int number) { call("showPane", number); }
  void page(int number) { call("openSettings", number); }
  void say(const char* text, int delayMs = 4) { m_stage.engine().set_script(ScriptedEngine::speak(text, delayMs)); }
  bool waitFor(ChatController::State state) {
    return QTest::qWaitFor([&] { return chat()->state() == state; }, 10000);
  }

  void ask(const QString& question) {
    chat()->newChat();
    chat()->send(question);
    waitForTheAnswer();
  }
  void waitForTheAnswer() {
    (void)QTest::qWaitFor([&] { return chat()->busy(); }, 1000);  // the words are on the disk before the engine begins
    waitFor(ChatController::Ready);
  }
  // The item that has this method; null: none.
  QObject* itemWith(const char* method) const {
    for (QObject* item : m_window.findChildren<QObject*>()) {
      if (item->metaObject()->indexOfMethod(method) >= 0) return item;
    }
    return nullptr;
  }
  // The one of that QML type that has this index; null: none is in view.
  QQuickItem* itemOf(const char* type, int index) const {
    QList<QQuickItem*> items{m_window.contentItem()};
    for (qsizetype at = 0; at < items.size(); ++at) {
      QQuickItem* item = items[at];
      if (QByteArray(item->metaObject()->className()).startsWith(QByteArray(type) + '_') && item->property("index").toInt() == index) return item;
      items += item->childItems();
    }
    return nullptr;
  }
  // Every fold of the conversation.
  void openFolds(bool open = true) {
    QVariantMap folds;
    const ConversationModel* rows = chat()->messages();
    for (int row = 0; open && row < rows->rowCount(); ++row) {
      const QModelIndex at = rows->index(row);
      const QString id = at.data(ConversationModel::MessageIdRole).toString();
      folds.insert(id, true);
      folds.insert(id + at.data(ConversationModel::ToolNameRole).toString() + at.data(ConversationModel::TextRole).toString(), true);
    }
    if (QObject* list = itemWith("setOpen(QString,bool)")) list->setProperty("openFolds", folds);
  }
  void closeFolds() { openFolds(false); }
  void take(const char* base, const char* suffix = "") {
    const QByteArray name = QByteArray(base) + suffix;
    QTest::qWait(350);  // the last frame, and the quarter of a second that figures are held back
    const bool saved = m_window.grabWindow().save(m_folder + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".png"));
    std::printf("%s %s\n", saved ? "drew" : "could not write", name.constData());
  }
  // draw(suffix of its names) in light, dark and with contrast.
  template <class Draw>
  void inEveryTheme(const Draw& draw) {
    draw("");
    theme(Settings::Dark);
    draw("-dark");
    theme(Settings::HighContrast);
    draw("-contrast");
    theme(Settings::Light);
  }

 private:
  Stage& m_stage;
  QQuickWindow& m_window;
  QString m_folder;
};

constexpr const char* kThought =
    "The offer sizes the unit at 14 kW. 21,000 kWh of gas at 92 % gives about 19,300 kWh of heat. With 2,100 full-load hours that is 9.2 kW, so 14 "
    "kW is half "
    "again too large.\n\nCheck what is left out: hydraulic balancing, the buffer tank, the electrician and the foundation for the outdoor unit. The "
    "price per kW "
    "is ordinary.\n\nA smaller unit runs longer at part load, where its factor is better, and it starts less often. So say that first, then what is "
    "missing, "
    "then what to ask the seller.";

// A computer with everything that can be said of one.
DoctorFacts troubledFacts() {
  DoctorFacts facts;
  DeviceInfo cpu;
  cpu.name = "cpu";
  cpu.detail = "AMD Ryzen 7 7840U, avx512, 8 threads";
  cpu.total_bytes = 33'400'000'000;
  cpu.free_bytes = 12'300'000'000;
  facts.devices.devices = {cpu};
  facts.devices.rejected = {{"cuda", "no libpio_cuda.so beside the program", Rejection::no_module}};
  facts.memoryBytesPerSecond = 51.2e9;
  facts.running.name = QStringLiteral("Qwen3-4B-Instruct-2507");
  facts.running.device = "cpu";
  facts.running.nThreads = 8;
  facts.running.weightBytes = 2'500'000'000;
  facts.running.stateBytes = 1'200'000'000;
  facts.running.tokensPerSecond = 9.1;
  facts.running.bytesPerToken = 2.4e9;
  facts.storage.freeBytes = 6'400'000'000;
  facts.storage.totalBytes = 512'000'000'000;
  facts.storage.fileSystem = QStringLiteral("ext4");
  facts.storage.isWritable = true;
  facts.dataFolder = QStringLiteral("/home/someone/.local/share/inference-pio");
  LoadPlan tooLarge;
  tooLarge.needed_bytes = 34'900'000'000;
  tooLarge.devices.push_back({.name = "cpu", .free_bytes = cpu.free_bytes, .total_bytes = cpu.total_bytes});
  facts.models = {{QStringLiteral("Qwen3-4B-Instruct-2507-Q4_K_M.gguf"), true, {}, 18.4, 4'100'000'000},
                  {QStringLiteral("Qwen3-Coder-30B-A3B-Instruct-Q8_0.gguf"), false,
                   QStringLiteral("memory: at most 12.3 GB free, found 34.9 GB needed"), 0, tooLarge.needed_bytes, planNotice(tooLarge).explanation}};
  facts.nModels = 2;
  facts.colours = true;
  return facts;
}

// The pages about this computer, its disk and the program.
void drawComputerPages(Photographer& p, const char* suffix) {
  Application* app = p.stage().program().application();
  p.page(6);
  p.take("70-doctor-looking", suffix);
  (void)QTest::qWaitFor([app] { return app->doctor->ready() && !app->doctor->busy(); }, 20000);
  app->doctor->take(troubledFacts());
  p.take("71-doctor", suffix);
  p.page(7);
  (void)QTest::qWaitFor([app] { return app->storage->measured() && !app->storage->busy(); }, 20000);
  p.take("72-storage", suffix);
  p.page(8);
  p.take("73-about", suffix);
  if (QObject* page = p.itemWith("useOf(QString)")) page->setProperty("shownPart", QStringLiteral("Inference-PIO"));
  p.take("74-about-licence", suffix);
  p.call("closePopups");
}

// The page Model with a graphics card: while drivers are asked, on the processor, on the card, and when an answer was measured.
void drawDevices(Photographer& p, const char* suffix) {
  Application* app = p.stage().program().application();
  p.stage().planOnCard();
  p.stage().holdListing();
  p.stage().loadOnCard();
  p.page(2);
  p.take("80-devices-looking", suffix);
  p.stage().letListing();
  (void)QTest::qWaitFor([app] { return app->devices->hasLooked() && !app->devices->looking(); }, 5000);
  p.take("81-devices-cpu", suffix);
  app->load->setDevice(QStringLiteral("vulkan"));
  app->load->setVramBytes(10e9);
  p.stage().engine().set_script(ScriptedEngine::speak("an answer of some words that takes a while", 8, 40));
  p.ask(QStringLiteral("How fast is it?"));
  p.take("82-devices-card", suffix);
  app->load->undo();
  p.call("closePopups");
  p.take("83-status-device", suffix);
  p.stage().planAsEver();
}

void drawAllDevices(Photographer& p) {
  p.size(1280, 860);
  p.inEveryTheme([&](const char* suffix) { drawDevices(p, suffix); });
  p.size(560, 860);
  drawDevices(p, "-narrow");
  p.size(1280, 800);
}

void fillDisk(Photographer& p) {
  QDir(p.stage().folder()).mkpath(QStringLiteral("models"));
  p.stage().writeFile(QStringLiteral("models/Qwen3-4B-Instruct-2507-Q4_K_M.gguf"), QString(30'000'000, QLatin1Char('x')));
  p.stage().writeFile(QStringLiteral("history.v3.db"), QString(4'000'000, QLatin1Char('x')));
}

void drawComputer(Photographer& p) {
  fillDisk(p);
  p.inEveryTheme([&](const char* suffix) { drawComputerPages(p, suffix); });
  p.size(560, 720);
  drawComputerPages(p, "-narrow");
  p.size(1280, 800);
}

void drawThinking(Stage& stage, Photographer& p) {
  stage.loadThinkingModel();
  p.chat()->newChat();
  p.take("60-think-switch");
  stage.engine().set_script(ScriptedEngine::think(kThought,
                                                  "The price is ordinary, but **the unit is too large**. The offer assumes a heat load of 14 kW, "
                                                  "taken from the floor area. Your gas use says closer to 9 kW.",
                                                  40));
  p.chat()->send(QStringLiteral("Is this offer fair for our house? Look at the heat load they assumed and at what is missing."));
  p.waitFor(ChatController::Thinking);
  QTest::qWait(1200);
  p.take("61-thinking-closed");
  p.openFolds();
  QTest::qWait(1500);
  p.take("62-thinking-open");
  p.waitFor(ChatController::Ready);
  p.take("63-thought-grown");
  p.closeFolds();
  p.take("64-thought-closed");
  p.openFolds();
  p.take("65-thought-open");
  p.theme(Settings::Dark);
  p.take("66-thought-dark");
  p.theme(Settings::HighContrast);
  p.take("67-thought-contrast");
  p.theme(Settings::Light);
  auto asks = ScriptedEngine::think("The weather of tomorrow is not in what was said. There is a function for it.", "I look that up.", 2);
  asks.tool_calls = {{"call_0", "get_weather", *JsonValue::parse(R"({"city": "Oslo", "days": 2, "units": {"temperature": "C", "wind": "m/s"}})")}};
  stage.engine().set_script(asks);
  p.ask(QStringLiteral("Do I need an umbrella in Oslo tomorrow?"));
  p.openFolds();
  p.take("68-tool-call");
  p.stage().program().model()->setThinking(false);
  p.size(720, 900);
  p.take("69-thought-narrow-720");
  p.size(480, 800);
  p.take("70-thought-narrow-480");
  p.stage().program().model()->setThinking(true);
  p.size(1280, 800);
}

// A room with a window and a lamp, as a picture.
QString drawPicture(const QString& folder, const QString& name, const QColor& wall) {
  QImage image(1200, 900, QImage::Format_RGB32);
  image.fill(wall);
  QPainter painter(&image);
  painter.fillRect(0, 640, 1200, 260, QColor(120, 90, 60));
  painter.fillRect(700, 120, 320, 300, QColor(200, 225, 240));
  painter.setBrush(QColor(240, 200, 90));
  painter.drawEllipse(220, 180, 180, 180);
  painter.fillRect(300, 360, 20, 280, QColor(60, 60, 60));
  painter.end();
  const QString path = folder + QLatin1Char('/') + name;
  image.save(path);
  return path;
}

void askAboutPictures(Photographer& p, const QStringList& pictures, int lookMs = 0) {
  auto looking = ScriptedEngine::speak(
      "Both are easy to see.\n\n```json\n[{\"bbox_2d\": [180, 195, 337, 715], \"label\": \"lamp\"}, "
      "{\"bbox_2d\": [580, 130, 852, 470], \"label\": \"window\"}, {\"point_2d\": [500, 850], \"label\": \"floor\"}]\n```",
      5);
  looking.picture_ms = lookMs;
  p.stage().engine().set_script(looking);
  for (const QString& picture : pictures) p.chat()->tray()->add({QUrl::fromLocalFile(picture)});
  (void)QTest::qWaitFor([&] { return p.chat()->tray()->ready(); }, 2000);
  p.chat()->send(QStringLiteral("Where are the lamp and the window?"));
  if (lookMs == 0) p.waitForTheAnswer();
}

// How closely the pictures will be looked at.
void drawDetail(Photographer& p) {
  PictureTray* tray = p.chat()->tray();
  const PictureTray::Detail before = tray->detail();
  p.theme(Settings::Dark);
  p.take("32b-image-detail-dark");
  p.theme(Settings::HighContrast);
  tray->setDetail(PictureTray::Low);
  p.take("32c-image-detail-low-contrast");
  p.theme(Settings::Light);
  if (auto* picker = qobject_cast<QQuickItem*>(p.itemWith("spokenCost(int)"))) picker->forceActiveFocus(Qt::TabFocusReason);
  p.take("32d-image-detail-low-focus");
  p.size(480, 800);
  p.take("32e-image-detail-narrow-480");
  p.size(1280, 800);
  tray->setDetail(before);
  p.call("takeFocus");
}

// A mixture whose experts do not all have room: as planned, and as an answer found it.
void drawExperts(Photographer& p) {
  p.call("closePopups");
  LoadPlan plan;
  plan.fits = true;
  plan.context_length = 4096;
  plan.weight_bytes = 6'200'000'000;
  plan.state_bytes = 402'000'000;
  plan.scratch_bytes = 380'000'000;
  plan.n_slots = 1800;
  plan.n_experts = 6144;
  plan.hit_rate = 0.86;
  plan.disk_bytes_per_token = 128'000'000;
  plan.load_seconds = 9;
  plan.prefill_tokens_per_second = 71;
  plan.decode_tokens_per_second = 6.4;
  plan.devices.push_back({"cpu", plan.weight_bytes, plan.state_bytes, plan.scratch_bytes, std::uint64_t{12} << 30, std::uint64_t{16} << 30});
  p.stage().engine().set_plan(Result<LoadPlan>(plan));
  ScriptedEngine::Script script = ScriptedEngine::speak("Each layer chose eight of its experts.", 4);
  script.stats.expert_hits = 83;
  script.stats.expert_misses = 17;
  for (int layer = 0; layer < 48; ++layer) script.stats.layer_hit_rates.push_back(0.72 + 0.26 * ((layer * 7) % 11) / 11);
  script.stats.disk_bytes_read = 10'400'000'000;
  script.stats.disk_seconds = 11;
  script.stats.more_hit_rate = 0.91;
  script.stats.more_tokens_per_second = 7.9;
  p.stage().engine().set_script(script);
  p.pane(Application::ChatPane);
  p.ask(QStringLiteral("How are experts chosen?"));
  p.waitForTheAnswer();
  p.page(2);
  p.stage().program().application()->load->setRamBytes(7e9);
  QTest::qWait(400);
  p.take("16b-settings-experts");
  p.theme(Settings::Dark);
  p.take("16c-settings-experts-dark");
  p.theme(Settings::Light);
  p.stage().program().application()->load->setRamBytes(0);
  p.stage().engine().set_plan({});
  p.say("This answer comes from a script.");
}

void drawPictures(Stage& stage, Photographer& p) {
  const QTemporaryDir folder;
  const QString one = drawPicture(folder.path(), QStringLiteral("living-room.png"), QColor(190, 180, 165));
  const QString two = drawPicture(folder.path(), QStringLiteral("bedroom.jpg"), QColor(150, 170, 190));
  p.pane(Application::ImagePane);
  p.take("30-image-empty-cannot-see");
  stage.loadSeeingModel();
  p.waitFor(ChatController::Ready);
  p.take("31-image-empty");
  p.chat()->tray()->add({QUrl::fromLocalFile(one), QUrl::fromLocalFile(two)});
  p.chat()->setDraft(QStringLiteral("Where are the lamp and the window?"));
  p.take("32-image-chosen");
  drawDetail(p);
  askAboutPictures(p, {}, 2500);
  QTest::qWait(1200);
  p.take("33-image-looking");
  p.waitForTheAnswer();
  p.take("34-image-boxes");
  if (QObject* well = p.itemWith("zoomStep(double)")) {
    QMetaObject::invokeMethod(well, "choosePart");
    p.take("34b-image-part");
    well->setProperty("choosing", false);
    QMetaObject::invokeMethod(well, "zoomStep", Q_ARG(double, 2.5));
    p.take("34c-image-larger");
    well->setProperty("zoom", 0);
  }
  p.theme(Settings::Dark);
  p.take("35-image-boxes-dark");
  p.theme(Settings::HighContrast);
  p.take("36-image-boxes-contrast");
  p.theme(Settings::Light);
  p.size(720, 900);
  p.take("37-image-narrow");
  p.size(480, 480);
  p.take("37b-image-least");
  p.size(1280, 800);
  p.chat()->tray()->add({QUrl::fromLocalFile(QStringLiteral("/etc/hostname"))});
  p.take("38-image-refused");
  p.stage().program().notices()->dismiss(Notices::Picture);
  p.chat()->newImageChat();
  p.chat()->tray()->add({QUrl::fromLocalFile(folder.filePath(QStringLiteral("living-room.png")))});
  (void)QTest::qWaitFor([&] { return p.chat()->tray()->ready(); }, 2000);
  ScriptedEngine::Script failing;
  failing.error = make_error(ErrorCode::bad_file, "living-room.png: a PNG picture, its data end after 12 of 900 rows");
  failing.error->path = "living-room.png";
  stage.engine().set_script(failing);
  p.chat()->send(QStringLiteral("What is it?"));
  p.waitForTheAnswer();
  p.take("38b-image-error");
  p.pane(Application::ChatPane);
}

void drawAtScale(Photographer& p) {
  p.size(720, 440);
  p.say("Half of it is gone after about **five hours**. Of the `95 mg` in a cup at 16:00, roughly 34 mg are still there at 23:30.");
  p.ask(QStringLiteral("How long does a coffee at four keep me awake?"));
  p.chat()->setDraft(QStringLiteral("Does the offer match what the meter says?"));
  p.take("25-scale-200");
  Q_EMIT p.stage().program().application()->paneRequested(Application::CodePane);
  CodeController* code = p.stage().program().code();
  code->open(
      QUrl::fromLocalFile(p.stage().writeFile(QStringLiteral("half.py"), QStringLiteral("def half(dose, hours):\n    return dose * hours\n"))));
  (void)QTest::qWaitFor([code] { return code->state() == CodeController::Idle; }, 2000);
  p.say("```python\ndef half(dose, hours):\n    return dose * 0.5 ** (hours / 5)\n```");
  code->fix();
  (void)QTest::qWaitFor([code] { return code->hunks()->count() > 0; }, 2000);
  p.size(720, 560);
  p.take("54-code-scale-200");
  const QTemporaryDir folder;
  p.stage().loadSeeingModel();
  p.pane(Application::ImagePane);
  askAboutPictures(p, {drawPicture(folder.path(), QStringLiteral("living-room.png"), QColor(190, 180, 165))});
  p.take("39-image-scale-200");
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

  for (const char* title :
       {"Bicycle light that survives rain", "Explain amortised cost with a worked example", "Half-life of caffeine", "Offer for a heat pump",
        "Residents’ meeting, minutes", "周末去杭州的两日行程", "Tax return 2026: open questions and answers"}) {
    p.say("A short answer about heat and other things.");
    p.ask(QString::fromUtf8(title));
  }
  p.history()->setPinned(p.chat()->chatId(), true);
  p.chat()->newChat();
  p.take("05-empty-chat");

  p.say(kCode);
  p.ask(QStringLiteral("Wie lese ich in Python eine CSV-Datei mit 40 Millionen Zeilen und summiere eine Spalte, ohne den Speicher zu füllen?"));
  p.chat()->rename(p.chat()->chatId(), QStringLiteral("Große CSV-Datei zeilenweise lesen"));
  p.take("06-code-light");
  p.theme(Settings::Dark);
  p.take("07-code-dark");
  p.theme(Settings::Light);

  p.say(kAnswer);
  p.ask(
      QStringLiteral("We have a 1930s brick house, 140 m², radiators at 65 °C, and a boiler of 19 years that burns 21,000 kWh a year. Replace it, or "
                     "go for a heat pump?"));
  p.chat()->rename(p.chat()->chatId(), QStringLiteral("Heat pump or gas boiler for a 1930s house"));
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

  drawPictures(stage, p);
  for (int page = 0; page < 4; ++page) {
    static constexpr const char* kNames[] = {"14-settings-appearance", "15-settings-prompt", "16-settings-model", "17-settings-sampling"};
    p.page(page);
    p.take(kNames[page]);
  }
  drawExperts(p);
  p.page(3);
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

// Questions that wait for their turn, and one that was taken back before it came.
void drawWaiting(Stage& stage, Photographer& p) {
  stage.engine().set_script(ScriptedEngine::speak(kAnswer, 100));
  p.chat()->newChat();
  p.chat()->send(QStringLiteral("What does a heat pump cost a year?"));
  p.waitFor(ChatController::Writing);
  const QString writing = p.chat()->chatId();
  p.chat()->newChat();
  p.chat()->send(QStringLiteral("How loud may it be at the fence?"));
  p.waitFor(ChatController::Queued);
  p.chat()->newChat();
  p.chat()->send(QStringLiteral("Which permit does it need?"));
  p.waitFor(ChatController::Queued);
  p.take("28-two-queued");
  p.chat()->stop();
  p.take("28b-not-answered-busy");
  const QString takenBack = p.chat()->chatId();
  p.history()->open(writing, {});
  QTest::qWait(100);
  p.chat()->stop();
  p.waitFor(ChatController::Ready);
  p.history()->open(takenBack, {});
  p.take("28c-not-answered");
  p.theme(Settings::HighContrast);
  p.take("28d-not-answered-contrast");
  p.theme(Settings::Light);
  p.history()->open(writing, {});
  QTest::qWait(300);
  if (QObject* pane = p.itemWith("endFinding()")) QMetaObject::invokeMethod(pane, "find");
  if (QObject* bar = p.itemWith("look(int)")) {
    for (QObject* child : bar->findChildren<QObject*>()) {
      if (child->inherits("QQuickTextInput")) child->setProperty("text", QStringLiteral("heat pump"));
    }
  }
  p.take("29-find");
}

constexpr const char* kLedger = R"(from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Iterable

CENT = Decimal("0.01")


class Entry:
    """One line of the household's book."""

    def __init__(self, day, amount, refunded=False):
        self.day = day
        self.amount = Decimal(amount)
        self.refunded = refunded


def totals_by_month(entries: Iterable[Entry]) -> dict[str, Decimal]:
    """Sum the amounts of each month, keyed like 2026-09."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        month = entry.day.strftime("%Y-%m")
        totals[month] += entry.amount
    return totals


def rounded(value: Decimal) -> Decimal:
    return value.quantize(CENT)


def report(entries: list[Entry]) -> str:
    lines = [f"{month}  {total}" for month, total in totals_by_month(entries).items()]
    return "\n".join(lines)
)";

// The file with three things changed.
QByteArray betterLedger() {
  return QByteArray(kLedger)
      .replace("        month = entry.day.strftime(\"%Y-%m\")\n        totals[month] += entry.amount\n",
               "        if not entry.refunded:\n            month = f\"{entry.day:%Y-%m}\"\n            totals[month] += entry.amount\n")
      .replace("quantize(CENT)", "quantize(CENT, rounding=ROUND_HALF_EVEN)")
      .replace("    lines = [f\"{month}  {total}\" for month, total in totals_by_month(entries).items()]",
               "    totals = sorted(totals_by_month(entries).items(), reverse=True)\n    lines = [f\"{month}  {total}\" for month, total in totals]");
}

void drawCode(Stage& stage, Photographer& p) {
  CodeController* code = stage.program().code();
  const auto idle = [code] { return QTest::qWaitFor([code] { return code->state() == CodeController::Idle; }, 10000); };
  const auto propose = [&](const QByteArray& text, const QByteArray& language = "python") {
    stage.engine().set_script(
        ScriptedEngine::speak(("Refunds are skipped in `totals_by_month`, and `report` sorts by month. I also made the rounding explicit, because "
                               "your bank rounds half to even.\n\n```" +
                               language + "\n" + text + "```\n")
                                  .toStdString(),
                              2));
    code->generate(QStringLiteral("Leave refunded entries out of the monthly totals, and show the newest month first."));
    idle();
    (void)QTest::qWaitFor([code] { return code->syntax() != CodeController::NotChecked; }, 2000);
  };
  Application* app = stage.program().application();
  Q_EMIT app->paneRequested(Application::CodePane);
  p.take("40-code-empty");
  const QString path = stage.writeFile(QStringLiteral("ledger.py"), QString::fromUtf8(kLedger));
  code->open(QUrl::fromLocalFile(path));
  idle();
  p.take("41-code-open");
  p.call("openPicker");
  p.take("55-code-models");
  p.call("closePopups");
  code->select(21, 22);
  p.say(
      "The two lines find out which **month** an entry belongs to and add its amount to that month's total.\n\n- `strftime` writes the day as "
      "`2026-09`\n- `defaultdict` begins every month at nothing",
      120);
  code->explain();
  (void)QTest::qWaitFor([code] { return code->state() == CodeController::Writing; }, 2000);
  QTest::qWait(1500);
  p.take("42-code-writing");
  idle();
  p.take("43-code-answer-selection");
  code->select(0, 0);
  propose(betterLedger());
  p.take("44-code-diff-light");
  p.theme(Settings::Dark);
  p.take("45-code-diff-dark");
  p.theme(Settings::HighContrast);
  p.take("46-code-diff-contrast");
  p.theme(Settings::Light);
  code->fix();
  p.take("46b-code-ask-before-replacing");
  p.theme(Settings::Dark);
  p.take("46c-code-ask-before-replacing-dark");
  p.theme(Settings::Light);
  code->stay();
  code->accept(1);
  code->reject(0);
  code->setCurrentHunk(2);
  p.take("47-code-decided");
  p.size(720, 900);
  p.take("48-code-narrow-720");
  p.size(480, 800);
  p.take("49-code-narrow-480");
  p.size(1280, 800);
  code->apply();
  p.take("49b-code-ask-before-applying");
  code->stay();
  code->acceptAll();
  code->apply();
  idle();
  p.take("50-code-applied");
  propose(QByteArray(kLedger).replace("def rounded(value: Decimal) -> Decimal:", "def rounded(value: Decimal -> Decimal:"));
  p.take("51-code-syntax-warning");
  stage.writeFile(QStringLiteral("ledger.py"), QStringLiteral("# written by another program\n"));
  code->acceptAll();
  code->apply();
  idle();
  p.take("52-code-changed-outside");
  code->reopen();
  p.take("52b-code-read-again");
  code->discardAndLeave();
  idle();
  p.theme(Settings::Dark);
  code->open(QUrl::fromLocalFile(stage.writeFile(QStringLiteral("logo.bin"), QString(QChar(0)))));
  idle();
  p.take("53-code-binary-dark");
  p.theme(Settings::Light);
  p.stage().program().notices()->dismiss(Notices::Code);
  code->open(QUrl::fromLocalFile(stage.writeFile(QStringLiteral("shop.ini"), QStringLiteral("[shop]\nopen = 8\n"))));
  idle();
  propose("[shop]\nopen = 9\n", "ini");
  p.take("56-code-no-grammar");
  p.stage().program().model()->unload();
  p.waitFor(ChatController::NoModel);
  code->explain();
  p.take("57-code-no-model");
  code->discard();
  p.stage().program().notices()->dismiss(Notices::Model);
  p.stage().program().notices()->dismiss(Notices::Code);
  const QString chat = code->chatId();
  Q_EMIT app->paneRequested(Application::ChatPane);
  p.chat()->newChat();
  p.take("58-code-chat-in-the-list");
  code->open(QUrl::fromLocalFile(path));
  idle();
  stage.removeFile(stage.writeFile(QStringLiteral("shop.ini"), {}));
  p.history()->open(chat, {});
  p.take("59-code-file-gone");
}

#ifdef QT_NETWORK_LIB
// The library in every state, the network's page, and a first start.
void drawLibrary(Stage& stage, Photographer& p) {
  PublishedFiles* const library = stage.program().application()->library;
  enum { Glm, GlmLarge, Coder, CoderLarge, Eyes, EyesLarge, Chat, Small };
  const auto scroll = [&](double to) {
    if (QObject* page = p.itemWith("linkRequested(QString)"))
      page->setProperty("contentY", std::min(to, page->property("contentHeight").toDouble() - page->property("height").toDouble()));
  };
  const auto isIn = [&](int row, PublishedFiles::State state) {
    return QTest::qWaitFor([&] { return library->row(row).value("state").toInt() == state; }, 15'000);
  };
  // With that row at the top of the page, whose length is another in each width; -1: where it stands.
  const auto everywhere = [&](const char* name, int row = -1) {
    const auto draw = [&](const char* suffix) {
      QTest::qWait(100);  // the layout of this width
      if (const QQuickItem* shown = row < 0 ? nullptr : p.itemOf("LibraryRow", row)) scroll(std::max(0.0, shown->y() - 40));
      p.take(name, suffix);
    };
    p.inEveryTheme(draw);
    p.size(720, 900);
    draw("-narrow-720");
    p.size(480, 800);
    draw("-narrow-480");
    p.size(1280, 800);
  };
  stage.planFor(118, true);
  QTest::qWait(50);
  stage.serveModels(1 << 16, 200);
  p.chat()->newChat();
  (void)QTest::qWaitFor([&] { return library->smallest() >= 0; }, 10'000);
  everywhere("80-first-model");
  library->fetchAndLoad(library->smallest());
  QTest::qWait(1500);
  everywhere("81-first-model-coming");
  library->cancel(library->smallest());
  p.call("openLibrary");
  (void)QTest::qWaitFor([&] { return library->row(7).value("isPlanned").toBool(); }, 10'000);
  everywhere("82-library");
  library->fetch(Chat);
  library->fetch(Eyes);
  (void)isIn(Chat, PublishedFiles::Running);
  stage.putModel(GlmLarge);
  library->look();
  (void)isIn(GlmLarge, PublishedFiles::Here);
  stage.noteStated(GlmLarge);
  QTest::qWait(2000);
  everywhere("83-library-running");
  everywhere("83b-library-running-below", Eyes);
  library->pause(Chat);
  (void)isIn(Eyes, PublishedFiles::Running);
  library->cancel(Eyes);
  stage.serveModels(0, 200);
  library->fetch(EyesLarge);
  (void)QTest::qWaitFor([&] { return library->row(EyesLarge).value("stalled").toBool(); }, 15'000);
  everywhere("84-library-stalled-and-paused", EyesLarge);
  library->cancel(EyesLarge);
  library->cancel(Chat);
  stage.serveModels(0, 503);
  library->fetch(EyesLarge);
  (void)QTest::qWaitFor([&] { return library->row(EyesLarge).value("secondsToTry").toInt() > 4; }, 25'000);
  everywhere("84b-library-next-try", EyesLarge);
  library->cancel(EyesLarge);
  stage.serveModels(0, 404);
  library->fetch(Coder);
  (void)isIn(Coder, PublishedFiles::Failed);
  everywhere("85-library-failed", Coder);
  library->cancel(Coder);
  stage.serveModels(0, 200, 9e12);
  library->fetch(Small);
  (void)isIn(Small, PublishedFiles::Failed);
  everywhere("85b-library-no-room", Chat);
  p.call("closePopups");
  everywhere("85c-first-model-no-room");
  library->cancel(Small);
  p.call("openLibrary");
  const QString away = stage.folder() + QStringLiteral("/drive");
  QDir().mkpath(away + QStringLiteral("/.lmstudio/models"));
  p.settings()->addModelFolder(away + QStringLiteral("/.lmstudio"));
  p.settings()->addModelFolder(stage.folder() + QStringLiteral("/not-connected"));
  QTest::qWait(500);
  scroll(2000);
  everywhere("86-library-folders");
  // One whose drive is gone, and one that is read before anything is asked for.
  const QString drive = stage.folder() + QStringLiteral("/usb-drive");
  QDir().mkpath(drive + QStringLiteral("/models"));
  QFile far(drive + QStringLiteral("/models/") + library->row(Coder).value("file").toString());
  if (far.open(QIODevice::WriteOnly)) far.write("GGUF");
  far.close();
  p.settings()->addModelFolder(drive);
  library->look();
  (void)isIn(Coder, PublishedFiles::Here);
  QTest::qWait(500);
  (void)QDir().rename(drive, drive + QStringLiteral("-gone"));
  library->look();
  (void)isIn(Coder, PublishedFiles::Away);
  QFile whole(library->folder() + u'/' + library->row(Glm).value("file").toString());
  if (whole.open(QIODevice::WriteOnly))
    whole.resize(static_cast<qint64>(library->row(Glm).value("bytes").toDouble()));  // long enough for all pictures
  whole.close();
  library->fetch(Glm);
  (void)isIn(Glm, PublishedFiles::Checking);
  everywhere("86b-library-checking", Glm);
  library->cancel(Glm);
  whole.remove();
  library->look();
  everywhere("86c-library-drive-gone", Coder);
  p.settings()->removeModelFolder(drive);
  if (QObject* page = p.itemWith("linkRequested(QString)")) QMetaObject::invokeMethod(page, "removeRequested", Q_ARG(int, GlmLarge));
  everywhere("87-library-delete");
  p.call("closePopups");
  p.call("openSource", 2);
  everywhere("88-get-a-model");
  p.call("closePopups");
  // A model that is here without the file that it sees with; that file on its way; and here, but not loaded with it.
  const QString eyes = stage.putModel(Eyes);
  library->look();
  (void)QTest::qWaitFor([&] { return library->row(Eyes).value("halfMissing").toBool(); }, 10'000);
  p.call("openLibrary");
  everywhere("88b-library-vision-file-missing", Eyes);
  p.call("closePopups");
  p.call("openSource", 2);
  everywhere("88c-get-a-vision-file");
  p.call("closePopups");
  p.call("openLibrary");
  stage.serveModels(1 << 16, 200);
  library->fetch(Eyes);
  (void)isIn(Eyes, PublishedFiles::Running);
  QTest::qWait(1500);
  everywhere("88d-library-vision-file-coming", Eyes);
  library->cancel(Eyes);
  (void)isIn(Eyes, PublishedFiles::Here);
  library->load(Eyes);
  (void)QTest::qWaitFor([&] { return library->row(Eyes).value("current").toBool() && stage.program().model()->state() == ModelSession::Ready; },
                        10'000);
  everywhere("88e-library-loaded-without-its-vision-file", Eyes);
  const QString half = stage.putHalf(Eyes);
  library->look();
  (void)QTest::qWaitFor([&] { return library->currentHasHalf(); }, 10'000);
  everywhere("88f-library-to-be-loaded-again", Eyes);
  p.call("closePopups");
  p.pane(Application::ImagePane);
  everywhere("88g-image-to-be-loaded-again");
  p.pane(Application::ChatPane);
  stage.program().model()->unload();
  stage.removeFile(half);
  stage.removeFile(eyes);
  p.call("openNetwork");
  everywhere("89-network");
  p.settings()->setOffline(true);
  everywhere("89b-network-offline");
  p.call("openLibrary");
  everywhere("89c-library-offline");
  p.settings()->setOffline(false);
  p.call("closePopups");
  stage.planAsEver();
}
#endif

// The file of the chats cannot be searched, takes nothing, then is not there any more.
void drawHistoryTroubles(Stage& stage, Photographer& p) {
  const QString path = stage.folder() + QStringLiteral("/history.db"), aside = stage.folder() + QStringLiteral("/elsewhere.db");
  const auto twice = [&](const char* light, const char* dark) {
    p.take(light);
    p.theme(Settings::Dark);
    p.take(dark);
    p.theme(Settings::Light);
  };
  const auto isTold = [&](Notices::Subject subject) {
    return QTest::qWaitFor([&] { return stage.program().notices()->about(subject).isSet(); }, 10'000);
  };
  p.say("A heat pump of 9 kW is enough for this house.");
  p.ask(QStringLiteral("How large a heat pump does our house need?"));
  {
    const SqlFile file(path);
    (void)file.exec(QStringLiteral("ALTER TABLE parts RENAME TO elsewhere"));
    p.history()->setQuery(QStringLiteral("heat"));
    (void)isTold(Notices::Reading);
    twice("71-search-failed", "71b-search-failed-dark");
    (void)file.exec(QStringLiteral("ALTER TABLE elsewhere RENAME TO parts"));
    p.history()->setQuery({});
    (void)QTest::qWaitFor([&] { return !stage.program().notices()->about(Notices::Reading).isSet(); }, 10'000);
    // another program holds the file, a title is not written, and the window is closed
    (void)file.exec(QStringLiteral("BEGIN EXCLUSIVE"));
    p.chat()->rename(p.chat()->chatId(), QStringLiteral("Heat pump, 9 kW"));
    Closing* const closing = stage.program().application()->closing;
    p.close();
    (void)QTest::qWaitFor([&] { return closing->asking(); }, 5'000);
    twice("73-unsaved", "73b-unsaved-dark");
    closing->stay();
    (void)file.exec(QStringLiteral("ROLLBACK"));
    (void)QTest::qWaitFor([&] { return !stage.program().notices()->about(Notices::History).isSet(); }, 10'000);
  }
  (void)QTest::qWaitFor([&] { return !stage.program().notices()->about(Notices::Reading).isSet(); }, 10'000);
  (void)QFile::rename(path, aside);
  (void)isTold(Notices::History);
  twice("72-history-gone", "72b-history-gone-dark");
  p.size(480, 800);
  p.take("72c-history-gone-narrow-480");
  p.size(1280, 800);
  (void)QFile::rename(aside, path);
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
  QFont::insertSubstitutions(QStringLiteral("Inter"),
                             {QStringLiteral("Noto Sans"), QStringLiteral("Noto Sans CJK SC"), QStringLiteral("DejaVu Sans")});
  const QString folder = QString::fromLocal8Bit(argv[1]);
  QDir().mkpath(folder);

  Stage stage;
  QTranslator translator;
  const QString language = qEnvironmentVariable("PIO_LANGUAGE");
  if (translator.load(language)) {
    QCoreApplication::installTranslator(&translator);
    QLocale::setDefault(QLocale(QLocale::Hebrew));  // whose digits are ours
  } else {
    stage.program().settings()->setLanguage(language);
  }
  stage.program().settings()->setReducedMotion(true);
  stage.program().settings()->setAppearance(Settings::Light);
  QQmlApplicationEngine engine;
  engine.addImportPath(QStringLiteral("qrc:/qt/qml"));
  engine.setInitialProperties({{QStringLiteral("app"), QVariant::fromValue(stage.program().application())}});
  engine.load(QUrl(QStringLiteral("qrc:/qt/qml/Pio/Ui/Main.qml")));
  auto* window = engine.rootObjects().isEmpty() ? nullptr : qobject_cast<QQuickWindow*>(engine.rootObjects().constFirst());
  if (window == nullptr) return 1;

  Photographer photographer(stage, *window, folder);
  if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("code")) {
    stage.loadModel();
    photographer.waitFor(ChatController::Ready);
    drawCode(stage, photographer);
  } else if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("thinking")) {
    drawThinking(stage, photographer);
  } else if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("image")) {
    drawPictures(stage, photographer);
  } else if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("history")) {
    stage.loadModel();
    photographer.waitFor(ChatController::Ready);
    drawHistoryTroubles(stage, photographer);
  } else if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("computer")) {
    drawComputer(photographer);
  } else if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("devices")) {
    drawAllDevices(photographer);
#ifdef QT_NETWORK_LIB
  } else if (argc > 2 && QLatin1String(argv[2]) == QLatin1String("library")) {
    drawLibrary(stage, photographer);
#endif
  } else if (argc > 2) {
    stage.loadModel();
    photographer.waitFor(ChatController::Ready);
    drawAtScale(photographer);
    fillDisk(photographer);
    drawComputerPages(photographer, "-scale");
  } else {
    drawAll(stage, photographer);
    drawWaiting(stage, photographer);
    drawThinking(stage, photographer);
    drawCode(stage, photographer);
    drawHistoryTroubles(stage, photographer);
    drawComputer(photographer);
    drawAllDevices(photographer);
  }
  return 0;
}
