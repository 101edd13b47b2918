#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QScreen>
#include <QWindow>
#include <sys/file.h>
#include <thread>

#include "app/system/about.h"
#include "app/system/doctor.h"
#include "app/system/log_file.h"
#include "app/system/storage.h"
#include "tests/app/program_fixture.h"

using namespace pio;

namespace {

QByteArray contentOf(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void write(const QString& path, qsizetype bytes) {
  QDir().mkpath(QFileInfo(path).path());
  QFile file(path);
  QVERIFY(file.open(QIODevice::WriteOnly));
  QCOMPARE(file.write(QByteArray(bytes, 'x')), bytes);
}

const Finding* find(const QList<Finding>& findings, const QString& id) {
  for (const Finding& finding : findings) {
    if (finding.id == id) return &finding;
  }
  return nullptr;
}

// A computer in order.
DoctorFacts soundFacts() {
  DoctorFacts facts;
  DeviceInfo cpu;
  cpu.name = "cpu";
  cpu.detail = "A processor, avx2, 8 threads";
  cpu.total_bytes = 32'000'000'000;
  cpu.free_bytes = 20'000'000'000;
  facts.devices.devices = {cpu};
  facts.devices.rejected = {{"cuda", "this build has no CUDA backend", Rejection::no_module}};
  facts.memoryBytesPerSecond = 20e9;
  facts.storage.freeBytes = 100'000'000'000;
  facts.storage.totalBytes = 500'000'000'000;
  facts.storage.fileSystem = "ext4";
  facts.storage.isWritable = true;
  facts.models = {{"small.gguf", true, {}, 100, 1'000'000'000}};
  facts.nModels = 1;
  facts.colours = true;
  facts.dataFolder = "/home/someone/.local/share/inference-pio";
  return facts;
}

RunningModel runningAt(double tokensPerSecond) {
  RunningModel model;
  model.name = "Qwen3-4B";
  model.device = "cpu";
  model.nThreads = 8;
  model.weightBytes = 2'500'000'000;
  model.tokensPerSecond = tokensPerSecond;
  model.bytesPerToken = 2e9;  // 10 tokens a second are what 20 GB/s can give
  return model;
}

}  // namespace

class SystemTest : public QObject {
  Q_OBJECT

 private slots:
  void placesAreTheXdgFoldersOrAllBelowOne() {
    qputenv("XDG_STATE_HOME", "/somewhere/state");
    const Places usual = Places::of(defaultDataFolder());
    QCOMPARE(usual.logs(), "/somewhere/state/inference-pio/logs");
    QVERIFY(usual.snapshots().endsWith("/inference-pio/snapshots"));
    QVERIFY(usual.snapshots() != usual.data + "/snapshots");
    qputenv("XDG_STATE_HOME", "relative");
    QCOMPARE(Places::of(defaultDataFolder()).state, QDir::homePath() + "/.local/state/inference-pio");
    qunsetenv("XDG_STATE_HOME");
    const Places own = Places::of("/data");
    QCOMPARE(own.logs(), "/data/logs");
    QCOMPARE(own.snapshots(), "/data/snapshots");
    QCOMPARE(own.models(), "/data/models");
  }

  void whichExpertsWereWantedIsKeptWithTheRest() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QCOMPARE(f.engine->load_requests().back().cache_folder, f.folder().toStdString());
  }

  void theLogIsSmallAndPrivate() {
    QTemporaryDir folder;
    const QString logs = folder.filePath("logs");
    {
      const LogFile log(logs);
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([t] {
          for (int i = 0; i < 400; ++i) {
            qCInfo(modelLog) << t << QString(2000, 'y');
            if (i % 50 == 0) QTest::qSleep(5);  // the disk keeps up
          }
        });
      }
    }
    for (const QString& path : {LogFile::pathIn(logs), LogFile::pathBefore(logs)}) {
      const QByteArray content = contentOf(path);
      QVERIFY2(!content.isEmpty() && content.size() <= LogFile::kMostBytes + 4 * 600, qPrintable(path));
      QVERIFY(content.endsWith('\n'));
      for (const QByteArray& line : content.trimmed().split('\n')) QVERIFY2(line.contains(" info pio.model: ") && line.size() < 600, line);
      QCOMPARE(QFile::permissions(path) & (QFile::ReadGroup | QFile::ReadOther | QFile::WriteGroup | QFile::WriteOther), QFile::Permissions());
    }
    QCOMPARE(QDir(logs).entryList(QDir::Files).size(), 2);
  }

  void aLogThatCannotBeWrittenTroublesNobody() {
    QTemporaryDir folder;
    write(folder.filePath("file"), 1);
    const LogFile log(folder.filePath("file/logs"));
    for (int i = 0; i < 5000; ++i) qCInfo(modelLog) << i;
  }

  void whatQtQuotesIsLeftOut() {
    const QByteArray line = LogFile::line(QtWarningMsg, "default", "Cannot show \"my secret\nquestion\" nor 'that' nor \"an open one");
    QVERIFY2(!line.contains("secret") && !line.contains("that") && !line.contains("open one"), line);
    QVERIFY2(line.contains(" warning default: Cannot show") && line.count('\n') == 1, line);
    QVERIFY(LogFile::line(QtInfoMsg, "pio.model", "expected \"gguf\"").contains("\"gguf\""));
  }

  // Everything that a person or a model wrote, by every way that words can go wrong.
  void noWordOfAConversationIsInTheLog() {
    QTemporaryDir logs;
    {
      const LogFile log(logs.path());
      ProgramFixture f;
      QVERIFY(f.loadModel());
      f.setScript(ScriptedEngine::think("quokkathought deep", "quokkaanswer wide", 0));
      QVERIFY(f.ask("quokkaquestion high"));
      f.chat()->setDraft("quokkadraft low");
      ScriptedEngine::Script failing;
      failing.error = make_error(ErrorCode::bad_argument, "messages: expected a role, found \"quokkaerror\"");
      f.setScript(failing);
      f.chat()->send("quokkaagain");
      QTRY_VERIFY(!f.chat()->busy());
      ScriptedEngine::Loading broken;
      broken.error = make_error(ErrorCode::bad_file, "broken.gguf: a model, none");
      f.setLoading(broken);
      f.model()->load("/models/broken.gguf");
      QTRY_VERIFY(f.notice().isSet());
    }
    const QByteArray content = contentOf(LogFile::pathIn(logs.path()));
    QVERIFY2(!content.contains("quokka"), content);
    QVERIFY2(content.contains("loaded scripted.gguf"), content);
    QVERIFY2(content.contains("tokens at"), content);
    QVERIFY2(content.contains("failed: bad_argument"), content);
    QVERIFY2(content.contains("broken.gguf: a model, none"), content);
  }

  void storageIsMeasuredAndCleanedUp() {
    QTemporaryDir folder;
    const QString data = folder.path();
    write(data + "/models/deep/a.gguf", 5000);
    write(data + "/models/b.gguf.part", 300);
    write(data + "/models/b.gguf.part.notes", 7);
    write(data + "/models/c.gguf.part", 40);
    const QTemporaryDir chosen, others;
    write(chosen.filePath("d.gguf"), 600);
    write(chosen.filePath("e.gguf.part"), 50);
    write(chosen.filePath("holiday.jpg"), 9000);
    write(others.filePath("hub/blobs/0123"), 70);
    QVERIFY(QDir(others.path()).mkpath("hub/snapshots/main") &&
            QFile::link(others.filePath("hub/blobs/0123"), others.filePath("hub/snapshots/main/f.gguf")));
    write(others.filePath("opened.gguf"), 8);
    write(others.filePath("letter.txt"), 9000);
    const auto writeJson = [&](const char* name, const QJsonObject& object) {
      QFile file(data + name);
      QVERIFY(file.open(QIODevice::WriteOnly));
      file.write(QJsonDocument(object).toJson());
    };
    writeJson("/settings.json", {{"models_folder", chosen.path()}, {"model_folders", QJsonArray{others.filePath("hub"), chosen.path()}}});
    writeJson("/models.json",
              {{"models", QJsonObject{{others.filePath("opened.gguf"), QJsonObject()}, {data + "/models/deep/a.gguf", QJsonObject()}}}});
    QFile busy(data + "/models/c.gguf.part");
    QVERIFY(busy.open(QIODevice::ReadWrite) && ::flock(busy.handle(), LOCK_EX | LOCK_NB) == 0);
    write(data + "/history.db", 700);
    write(data + "/files/abc", 30);
    write(data + "/history.v3.db", 600);
    write(data + "/snapshots/one/x.bin", 4000);
    write(data + "/logs/inference-pio.log", 20);
    write(data + "/experts/x.routing", 11);
    write(data + "/vulkan/0123.pipelines", 13);
    write(data + "/grammars/kept", 12);
    Storage storage(Places::of(data));
    storage.refresh();
    QVERIFY(storage.busy());
    QTRY_VERIFY(storage.measured() && !storage.busy());
    const auto bytes = [&](Storage::Kind kind) { return storage.index(kind).data(Storage::BytesRole).toLongLong(); };
    QCOMPARE(bytes(Storage::Models), 5600);
    QCOMPARE(bytes(Storage::OtherModels), 78);
    QCOMPARE(bytes(Storage::Downloads), 300 + 7 + 40 + 50);
    QCOMPARE(bytes(Storage::History), 730);
    QCOMPARE(bytes(Storage::Copies), 600);
    QCOMPARE(bytes(Storage::Snapshots), 4000);
    QCOMPARE(bytes(Storage::Cache), 11 + 13);
    QCOMPARE(bytes(Storage::Logs), 20);
    QCOMPARE(storage.takenBytes(), 5600 + 397 + 730 + 600 + 4000 + 24 + 20);
    QVERIFY(storage.freeBytes() > 0 && storage.totalBytes() >= storage.freeBytes());
    for (const Storage::Kind kind : {Storage::Models, Storage::OtherModels, Storage::Downloads, Storage::History, Storage::Copies, Storage::Snapshots,
                                     Storage::Cache, Storage::Logs}) {
      storage.remove(kind);
      QTRY_VERIFY(!storage.busy());
    }
    QCOMPARE(storage.takenBytes(), 6330 + 40);  // models, the history and a download that is under way never go by this way
    QVERIFY(QFile::exists(data + "/models/c.gguf.part") && !QFile::exists(data + "/models/b.gguf.part.notes"));
    QVERIFY(QFile::exists(others.filePath("opened.gguf")) && QFile::exists(others.filePath("hub/blobs/0123")) &&
            QFile::exists(chosen.filePath("d.gguf")));
    QVERIFY(QFile::exists(data + "/models/deep/a.gguf") && QFile::exists(data + "/history.db") && QFile::exists(data + "/files/abc"));
    QVERIFY(QFile::exists(data + "/grammars/kept"));
  }

  void aComputerInOrderHasNoWarning() {
    const QList<Finding> findings = findingsOf(soundFacts());
    for (const Finding& finding : findings) {
      QVERIFY2(finding.level < Finding::Warning, qPrintable(finding.title));
      QVERIFY(!finding.title.isEmpty() && !finding.text.isEmpty());
    }
    QVERIFY(find(findings, "device:cuda")->title.contains("no_module"));
    QVERIFY(find(findings, "model:small.gguf")->text.contains("100"));
  }

  void everyWarningHasOneAction_data() {
    QTest::addColumn<DoctorFacts>("facts");
    QTest::addColumn<QString>("id");
    QTest::addColumn<int>("level");
    const auto row = [](const char* name, const char* id, Finding::Level level, auto change) {
      DoctorFacts facts = soundFacts();
      change(facts);
      QTest::newRow(name) << facts << QString::fromLatin1(id) << static_cast<int>(level);
    };
    row("little memory", "memory", Finding::Warning, [](DoctorFacts& f) { f.devices.devices[0].free_bytes = 1'000'000'000; });
    row("little disk", "disk", Finding::Warning, [](DoctorFacts& f) { f.storage.freeBytes = 5'000'000'000; });
    row("no disk", "disk", Finding::Problem, [](DoctorFacts& f) { f.storage.freeBytes = 5'000'000; });
    row("read-only", "disk", Finding::Problem, [](DoctorFacts& f) { f.storage.isWritable = false; });
    row("network drive", "disk", Finding::Warning, [](DoctorFacts& f) { f.storage.fileSystem = "nfs4"; });
    row("no model", "models", Finding::Problem, [](DoctorFacts& f) {
      f.models.clear();
      f.nModels = 0;
    });
    row("too large", "model:big.gguf", Finding::Warning, [](DoctorFacts& f) {
      f.models.append({"big.gguf", false, "memory: too little", 0, 90'000'000'000, "It needs more."});
    });
    row("damaged", "model:bad.gguf", Finding::Warning, [](DoctorFacts& f) {
      f.models.append({"bad.gguf", false, "bad.gguf: a header, none", 0, 0, "It is damaged."});
    });
    row("slow", "speed", Finding::Warning, [](DoctorFacts& f) { f.running = runningAt(2); });
    row("streamed", "speed", Finding::Warning, [](DoctorFacts& f) {
      f.running = runningAt(2);
      f.running.form = WeightLayout::Form::streamed;
    });
    const auto rejects = [](const char* name, Rejection code) {
      return [name, code](DoctorFacts& f) {
        f.hasCard = true;
        f.devices.rejected.push_back({name, "expected more, found less", code});
      };
    };
    row("a card without a driver", "device:vulkan", Finding::Warning, rejects("vulkan", Rejection::no_driver));
    row("no driver of NVIDIA's", "device:cuda", Finding::Fact, [](DoctorFacts& f) {
      f.hasCard = true;
      f.devices.rejected = {{"cuda", "no libcuda.so.1", Rejection::no_driver}};
    });
    row("without a loader", "device:vulkan", Finding::Warning, rejects("vulkan", Rejection::no_loader));
    row("without a module", "device:vulkan", Finding::Warning, rejects("vulkan", Rejection::no_module));
    row("of another build", "device:vulkan", Finding::Warning, rejects("vulkan", Rejection::other_build));
    row("an old driver", "device:vulkan:1", Finding::Warning, rejects("vulkan:1", Rejection::driver_too_old));
    row("a driver that failed", "device:vulkan:1", Finding::Warning, rejects("vulkan:1", Rejection::failed));
    row("an old card", "device:vulkan:1", Finding::Fact, rejects("vulkan:1", Rejection::device_too_old));
    row("no card", "device:vulkan", Finding::Fact, rejects("vulkan", Rejection::software));
    row("the same card", "device:vulkan", Finding::Fact, rejects("vulkan", Rejection::same_card));
    row("a card that is not used", "device:vulkan", Finding::Fact, [](DoctorFacts& f) {
      DeviceInfo card;
      card.name = "vulkan";
      card.kind = DeviceKind::vulkan;
      card.detail = "A card, Vulkan 1.3, a driver";
      f.devices.devices.push_back(card);
      f.running = runningAt(9);
    });
    row("no vectors", "processor", Finding::Warning, [](DoctorFacts& f) { f.devices.devices[0].detail = "A processor, scalar, 2 threads"; });
    row("no device", "processor", Finding::Problem, [](DoctorFacts& f) { f.devices.devices.clear(); });
    row("fonts", "fonts", Finding::Warning, [](DoctorFacts& f) { f.missingFonts = {"Inter"}; });
  }
  void everyWarningHasOneAction() {
    QFETCH(DoctorFacts, facts);
    QFETCH(QString, id);
    QFETCH(int, level);
    const QList<Finding> findings = findingsOf(facts);
    const Finding* finding = find(findings, id);
    QVERIFY(finding != nullptr);
    QCOMPARE(static_cast<int>(finding->level), level);
    if (id.startsWith("device:")) QVERIFY(!finding->action.isEmpty());
    for (const Finding& each : findings) QVERIFY2(each.level < Finding::Warning || !each.action.isEmpty(), qPrintable(each.title));
    const QString report = reportText(facts, findings);
    QVERIFY(report.contains(finding->title) && report.contains(finding->action));
    const QJsonObject json = reportJson(facts, findings);
    QCOMPARE(json["findings"].toArray().size(), findings.size());
    // A device that is rejected is known by its code, for people and for scripts.
    for (const QJsonValue& device : json["rejected"].toArray()) QVERIFY(report.contains(device["code"].toString()));
  }

  void speedIsComparedWithWhatMemoryGives() {
    DoctorFacts facts = soundFacts();
    facts.running = runningAt(8);
    const QString words = find(findingsOf(facts), "speed")->text;
    QVERIFY2(words.contains("80"), qPrintable(words));  // per cent of 10 tokens a second
    // The processor's memory says nothing of a card's.
    facts.running.device = "vulkan";
    facts.running.tokensPerSecond = 30;
    const Finding onCard = *find(findingsOf(facts), "speed");
    QVERIFY2(onCard.text.contains("30") && !onCard.text.contains('%'), qPrintable(onCard.text));
    QCOMPARE(static_cast<int>(onCard.level), static_cast<int>(Finding::Fact));
    facts.running.tokensPerSecond = 0;
    QVERIFY(!find(findingsOf(facts), "speed")->action.isEmpty());
  }

  void theDoctorLooksElsewhere() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    f.setScript(ScriptedEngine::speak("One two three four five six seven eight nine ten eleven.", 1));
    QVERIFY(f.ask("Count"));
    Doctor* doctor = f.program->application()->doctor;
    QElapsedTimer timer;
    timer.start();
    doctor->look();
    QVERIFY(timer.elapsed() < 50);
    QVERIFY(doctor->busy());
    QTRY_VERIFY_WITH_TIMEOUT(doctor->ready() && !doctor->busy(), 20000);
    QVERIFY(doctor->rowCount() >= 4);
    QVERIFY(doctor->report().contains("Qt "));
    bool isTold = false;
    for (int row = 0; row < doctor->rowCount(); ++row) isTold |= doctor->index(row).data(Doctor::TitleRole).toString().contains("scripted");
    QVERIFY(isTold);
  }

  // A model in several files is one, and one that lies deeper counts too.
  void theDoctorCountsEachModelOnce() {
    QTemporaryDir folder;
    write(folder.filePath("models/large-00001-of-00003.gguf"), 5);
    write(folder.filePath("models/large-00002-of-00003.gguf"), 4);
    write(folder.filePath("models/large-00003-of-00003.gguf"), 3);
    write(folder.filePath("models/publisher/small.gguf"), 2);
    write(folder.filePath("models/publisher/mmproj-small.gguf"), 1);
    const QByteArray before = qgetenv("XDG_DATA_HOME"), starter = qgetenv("PIO_STARTER_MODEL");
    qputenv("XDG_DATA_HOME", QFile::encodeName(folder.filePath("empty")));
    qunsetenv("PIO_STARTER_MODEL");
    const DoctorFacts facts = doctorFacts({.places = Places::of(folder.path()), .running = {}, .isBusy = true});
    if (!before.isEmpty()) qputenv("XDG_DATA_HOME", before);
    else qunsetenv("XDG_DATA_HOME");
    if (!starter.isEmpty()) qputenv("PIO_STARTER_MODEL", starter);
    QCOMPARE(facts.nModels, 2);
  }

  void theWindowComesBackWhereItWas() {
    QTemporaryDir folder;
    const QRect screen = QGuiApplication::primaryScreen()->availableGeometry();
    const QRect rect(screen.x() + 60, screen.y() + 40, 620, 540);
    {
      ProgramFixture f(folder.path());
      WindowPlace* place = f.program->application()->place;
      QVERIFY(place->initialProperties().isEmpty());
      QWindow window;
      window.setGeometry(screen.x(), screen.y(), 600, 500);
      window.show();
      place->watch(&window);
      window.setGeometry(rect);
      place->setPane(Application::CodePane);
      place->setCodeWidth(500);
      QTRY_VERIFY(QFile::exists(folder.filePath("window.json")));
      window.setGeometry(rect.translated(4, 0));  // not saved yet when the program ends
      QTest::qWait(50);
    }
    {
      ProgramFixture f(folder.path());
      const WindowPlace* place = f.program->application()->place;
      const QVariantMap properties = place->initialProperties();
      QCOMPARE(QRect(properties["x"].toInt(), properties["y"].toInt(), properties["width"].toInt(), properties["height"].toInt()),
               rect.translated(4, 0));
      QVERIFY(!properties.contains("visibility"));
      QCOMPARE(place->pane(), int{Application::CodePane});
      QCOMPARE(place->codeWidth(), 500);
    }
    // A screen that is not there any more, a window larger than the one that is, and nonsense.
    const auto propertiesOf = [&](const QByteArray& json) {
      QFile file(folder.filePath("window.json"));
      if (!file.open(QIODevice::WriteOnly)) return QVariantMap();
      file.write(json);
      file.close();
      return WindowPlace(file.fileName(), nullptr).initialProperties();
    };
    QVariantMap properties = propertiesOf(R"({"x": 90000, "y": 10, "width": 700, "height": 600, "maximized": true})");
    QVERIFY(!properties.contains("x") && properties["width"] == 700 && properties["visibility"].toInt() == QWindow::Maximized);
    properties = propertiesOf(R"({"x": 0, "y": 0, "width": 15000, "height": 15000})");
    QVERIFY(properties["width"].toInt() <= screen.width() && properties["height"].toInt() <= screen.height());
    QVERIFY(propertiesOf(R"({"x": "a", "width": -4, "height": 1e30, "pane": 99})").isEmpty());
    QVERIFY(propertiesOf("not JSON").isEmpty());
  }

  void everyPartHasItsLicence() {
    const About about;
    QVERIFY(about.parts().size() > 10);
    for (const QVariant& part : about.parts()) {
      const QString licence = part.toMap()["licence"].toString();
      QVERIFY2(licence == "public domain" || about.licenceText(licence).size() > 500, qPrintable(licence));
    }
  }
};

QTEST_MAIN(SystemTest)
#include "system_test.moc"
