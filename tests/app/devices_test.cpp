#include "app/system/devices.h"

#include <QSemaphore>

#include "tests/app/program_fixture.h"

// The devices of the settings: which there are, what of a model would lie where, which is the best.

using namespace pio;

namespace {

DeviceInfo device(const char* name, DeviceKind kind, const char* detail, std::uint64_t total, std::uint64_t free) {
  DeviceInfo info;
  info.name = name;
  info.kind = kind;
  info.detail = detail;
  info.total_bytes = total;
  info.free_bytes = free;
  return info;
}

DeviceList oneCard() {
  DeviceList list;
  list.devices = {device("cpu", DeviceKind::cpu, "A processor, avx2, 8 threads", 32'000'000'000, 20'000'000'000),
                  device("vulkan", DeviceKind::vulkan, "NVIDIA GeForce RTX 3060, Vulkan 1.3.242, NVIDIA 535.183.1", 12'000'000'000, 11'000'000'000),
                  device("reference", DeviceKind::reference, "scalar", 32'000'000'000, 20'000'000'000)};
  list.rejected = {{"cuda", "no libpio_cuda.so", Rejection::no_module}};
  return list;
}

ProgramOptions optionsWith(Devices::Lister lister) {
  static QList<std::shared_ptr<QTemporaryDir>> folders;
  folders.append(std::make_shared<QTemporaryDir>());
  ProgramOptions options;
  options.dataFolder = folders.last()->path();
  options.loadsModel = false;
  options.listDevices = std::move(lister);
  return options;
}

LoadPlan planOn(const std::string& name, double speed, bool fits = true) {
  LoadPlan plan;
  plan.fits = fits;
  if (!fits) plan.why_not = "memory: too little";
  plan.decode_tokens_per_second = speed;
  plan.prefill_tokens_per_second = 512;
  plan.weight_bytes = 9'000'000'000;
  plan.state_bytes = 500'000'000;
  plan.dense_bytes = 2'000'000'000;
  plan.expert_bytes = 7'000'000'000;
  LoadPlan::Device one;
  one.name = name;
  one.weight_bytes = 9'000'000'000;
  one.expert_bytes = 7'000'000'000;
  one.n_experts = 1000;
  one.n_layers = 48;
  one.state_bytes = 500'000'000;
  one.free_bytes = 10'000'000'000;
  one.total_bytes = 12'000'000'000;
  plan.devices.push_back(one);
  return plan;
}

}  // namespace

class DevicesTest : public QObject {
  Q_OBJECT

 private slots:
  void driversAreAskedOnAnotherThread() {
    QSemaphore asked;
    QThread* thread = nullptr;
    Devices devices([&] {
      thread = QThread::currentThread();
      asked.acquire();
      return oneCard();
    });
    devices.look();
    QVERIFY(devices.looking() && !devices.hasLooked() && devices.usable().isEmpty());
    devices.look();  // one look at a time
    asked.release();
    QTRY_VERIFY(devices.hasLooked() && !devices.looking());
    QVERIFY(thread != QThread::currentThread());
    QCOMPARE(devices.usable().size(), 2);  // the reference is nothing to choose
    QCOMPARE(devices.usable()[1].toMap()["name"].toString(), "NVIDIA GeForce RTX 3060");
    QCOMPARE(devices.cardName("vulkan"), "NVIDIA GeForce RTX 3060");
    QCOMPARE(devices.cardName("cpu"), QString());
    QCOMPARE(devices.cardName("vulkan:7"), "vulkan:7");
    QCOMPARE(devices.rejected().size(), 1);
    QCOMPARE(devices.rejected()[0].toMap()["code"].toString(), "no_module");
  }

  void eachDeviceSaysWhatWouldLieThere() {
    ProgramFixture f(optionsWith(oneCard));
    f.engine->set_planner([](const LoadRequest& request) { return Result<LoadPlan>(planOn(request.device == "auto" ? "cpu" : request.device, 30)); });
    LoadSettings* load = f.program->application()->load;
    load->setPath("/models/scripted.gguf");
    QTRY_VERIFY(load->hasPlan());
    QCOMPARE(load->deviceRows().size(), 1);  // what the plan says, before there is a listing
    f.program->application()->devices->look();
    QTRY_COMPARE(load->deviceRows().size(), 2);
    QCOMPARE(load->deviceRows()[0].toMap()["expertBytes"].toDouble(), 7e9);
    QCOMPARE(load->deviceRows()[0].toMap()["denseBytes"].toDouble(), 2e9);
    QCOMPARE(load->deviceRows()[1].toMap()["stateBytes"].toDouble(), 0.);
    QCOMPARE(load->cardBytes(), 12e9);
    QCOMPARE(load->firstWordSeconds(), 1 + 1 / 30.);
    load->setDevice("vulkan");
    QTRY_COMPARE(load->deviceRows()[1].toMap()["stateBytes"].toDouble(), 5e8);
    QCOMPARE(load->deviceRows()[0].toMap()["stateBytes"].toDouble(), 0.);
    load->setVramBytes(4e9);
    QTRY_COMPARE(f.engine->plan_requests().back().vram_bytes, 4'000'000'000U);
    QCOMPARE(f.engine->plan_requests().back().device, std::string("vulkan"));
    load->setDevice("cpu");
    QCOMPARE(load->cardBytes(), 0.);
  }

  void theDeviceIsKeptForTheModel() {
    ProgramFixture f(optionsWith(oneCard));
    LoadChoice choice;
    choice.device = "vulkan";
    choice.vramBytes = 6'000'000'000;
    f.program->settings()->setLoadChoice("/models/scripted.gguf", choice);
    f.restart();
    QVERIFY(f.program->settings()->loadChoice("/models/scripted.gguf") == choice);
    QVERIFY(f.loadModel());
    QCOMPARE(f.engine->load_requests().back().device, std::string("vulkan"));
    QCOMPARE(f.engine->load_requests().back().vram_bytes, 6'000'000'000U);
    // What is no name is not asked for.
    for (const char* name : {"", "vulkan:x", "abacus", "cpu;rm", "auto,cpu"}) QCOMPARE(LoadChoice::from({{"device", name}}, {}).device, "auto");
    for (const char* name : {"cpu", "cuda:1", "vulkan,cpu", "vulkan,vulkan:1"}) QCOMPARE(LoadChoice::from({{"device", name}}, {}).device, name);
  }

  void theFastestPlanThatFitsIsChosen() {
    ProgramFixture f(optionsWith(oneCard));
    f.program->application()->devices->look();
    QTRY_VERIFY(f.program->application()->devices->hasLooked());
    LoadSettings* load = f.program->application()->load;
    f.engine->set_planner([](const LoadRequest& request) {
      if (request.device == "vulkan") return Result<LoadPlan>(planOn("vulkan", 60));
      return Result<LoadPlan>(planOn("cpu", 20));
    });
    load->setPath("/models/scripted.gguf");
    load->setRamBytes(3e9);
    load->fit();
    QVERIFY(load->fitting());
    QTRY_VERIFY(!load->fitting());
    QCOMPARE(load->device(), "vulkan");
    QCOMPARE(load->ramBytes(), 0.);
    QCOMPARE(load->kvType(), "f16");
    // A card that is no faster leaves the choice to the program.
    f.engine->set_planner([](const LoadRequest&) { return Result<LoadPlan>(planOn("cpu", 20)); });
    load->fit();
    QTRY_VERIFY(!load->fitting());
    QCOMPARE(load->device(), "auto");
    // Nothing fits as it is: a shorter context and smaller keys and values do.
    f.engine->set_planner([](const LoadRequest& request) {
      if (request.device == "vulkan" && request.kv == DType::q8_0) return Result<LoadPlan>(planOn("vulkan", 40));
      return Result<LoadPlan>(planOn("cpu", 20, false));
    });
    load->fit();
    QTRY_VERIFY(!load->fitting());
    QCOMPARE(load->device(), "vulkan");
    QCOMPARE(load->kvType(), "q8_0");
    QVERIFY(load->contextLength() > 0);
    // Nothing fits at all: what was chosen stays. Nor does a failure, or another model, leave it looking.
    f.engine->set_planner([](const LoadRequest&) { return Result<LoadPlan>(make_error(ErrorCode::bad_file, "scripted.gguf: a model, none")); });
    load->fit();
    QTRY_VERIFY(!load->fitting());
    QCOMPARE(load->device(), "vulkan");
    load->fit();
    load->setPath("/models/other.gguf");
    QVERIFY(!load->fitting());
  }

  void whatWasMeasuredStandsBesideWhatWasPredicted() {
    ProgramFixture f(optionsWith(oneCard));
    ScriptedEngine::Loading loading;
    loading.device = "vulkan";
    f.setLoading(loading);
    QVERIFY(f.loadModel());
    QCOMPARE(f.model()->device(), "vulkan");
    QCOMPARE(f.model()->measuredDecode(), 0.);
    f.setScript(ScriptedEngine::speak("a few words", 2, 40));
    QVERIFY(f.ask("Hello"));
    QTRY_VERIFY(f.model()->measuredDecode() > 0);
    const double before = f.model()->measuredDecode();
    f.setScript(ScriptedEngine::speak("short", 2));
    QVERIFY(f.ask("And?"));
    QCOMPARE(f.model()->measuredDecode(), before);  // too short to say anything
    f.model()->unload();
    QTRY_COMPARE(f.model()->measuredDecode(), 0.);
    QCOMPARE(f.model()->device(), QString());
  }
};

QTEST_MAIN(DevicesTest)
#include "devices_test.moc"
