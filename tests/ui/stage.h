#pragma once

#include <QClipboard>
#include <QCoreApplication>
#include <QDesktopServices>
#include <QDir>
#include <QDragEnterEvent>
#include <QFile>
#include <QGuiApplication>
#include <QImage>
#include <QKeySequence>
#include <QMimeData>
#include <QObject>
#include <QQuickItem>
#include <QQuickWindow>
#include <QSemaphore>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QThreadPool>
#include <QUrl>
#include <QWindow>
#include <memory>

#include "app/network/transfer_order.h"
#include "app/program.h"
#ifdef QT_NETWORK_LIB
#include "tests/app/fault_server.h"
#endif
#include "tests/app/sql_file.h"
#include "tests/support/scripted_engine.h"
#include "tests/ui/accessible_tree.h"

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

  ~Stage() override {
    letListing();
    QThreadPool::globalInstance()->waitForDone();  // nobody asks drivers behind this
    for (const char* kind : {"https", "file"}) QDesktopServices::unsetUrlHandler(QLatin1String(kind));
  }

  // Links and folders that are opened come here instead of to a browser or a file manager.
  Q_INVOKABLE void catchLinks() {
    for (const char* kind : {"https", "file"}) QDesktopServices::setUrlHandler(QLatin1String(kind), this, "linkOpened");
  }
  Q_INVOKABLE QString lastLink() const { return m_link; }
  Q_INVOKABLE void linkOpened(const QUrl& url) { m_link = url.toString(); }

  QObject* app() const { return m_program->application(); }
  Program& program() const { return *m_program; }
  ScriptedEngine& engine() const { return *m_engine; }

  // What the next answers say, a word every `delayMs`.
  Q_INVOKABLE void speak(const QString& text, int delayMs) { m_engine->set_script(ScriptedEngine::speak(text.toStdString(), delayMs)); }
  Q_INVOKABLE void loadModel() { m_program->model()->load(QStringLiteral("/models/SmolLM2-135M-Instruct.Q4_1.gguf")); }
  // What the next answers think first, then say.
  Q_INVOKABLE void think(const QString& thought, const QString& answer, int delayMs) {
    m_engine->set_script(ScriptedEngine::think(thought.toStdString(), answer.toStdString(), delayMs));
  }
  // The next answers have every row that can stand beside words; the last of them is an error when `fails`.
  Q_INVOKABLE void answerInAllRows(bool fails) {
    ScriptedEngine::Script script =
        ScriptedEngine::think("A pier ends in water.", "# Where\n\nAt the end:\n\n- of it\n\n---\n\n| a |\n|---|\n| b |\n", 0);
    script.dropped_messages = 2;
    script.tool_calls = {{"call_0", "look_up", *JsonValue::parse(R"({"what": "pier"})")}};
    if (fails) script.error = make_error(ErrorCode::device_lost, "cuda:0: an answer, none");
    else script.finish_reason = FinishReason::length;
    m_engine->set_script(script);
  }
  // A model that can reason before it answers.
  Q_INVOKABLE void loadThinkingModel() {
    ScriptedEngine::Loading loading;
    loading.can_think = true;
    loading.quantization = "Q4_K_M";
    m_engine->set_loading(loading);
    m_program->model()->load(QStringLiteral("/models/GLM-4.7-Flash-Q4_K_M.gguf"));
    (void)QTest::qWaitFor([this] { return m_program->model()->thinks(); });
    m_engine->set_loading({});
  }
  // One that is no model: the loaded one stays, and a notice says what to do.
  Q_INVOKABLE void loadBrokenModel() {
    ScriptedEngine::Loading broken;
    broken.error = make_error(ErrorCode::bad_file, "broken.gguf: a model, none");
    m_engine->set_loading(broken);
    m_program->model()->load(QStringLiteral("/models/broken.gguf"));
    (void)QTest::qWaitFor([this] { return m_program->notices()->count() > 0; });
    m_engine->set_loading({});
  }
  Q_INVOKABLE void loadSeeingModel() {
    ScriptedEngine::Loading seeing;
    seeing.can_see = true;
    m_engine->set_loading(seeing);
    m_program->model()->load(QStringLiteral("/models/Qwen3VL-2B-Instruct-Q8_0.gguf"));
    (void)QTest::qWaitFor([this] { return m_program->model()->sees(); });
    m_engine->set_loading({});
  }
#ifdef QT_NETWORK_LIB
  // A server of this computer that has every file of the catalogue, so many bytes every 5 ms; `status` other than 200 refuses them. A file whose
  // length the catalogue does not know has `unknownBytes`.
  Q_INVOKABLE void serveModels(int bytesPerTick, int status, double unknownBytes = 144'811'000) {
    m_server = std::make_unique<FaultServer>();
    m_server->body = QByteArray(1 << 20, 'm');
    m_server->answer = [bytesPerTick, status, unknownBytes](FaultServer& server, const FaultServer::Asked& asked) {
      if (status != 200) return FaultServer::refusal(status);
      qint64 total = 0;
      const QString file = QString::fromLatin1(asked.path).section(QLatin1Char('/'), -1);
      for (const PublishedModel& model : built_in_catalogue()) {
        for (const PublishedFile& one : model.files) {
          if (QString::fromStdString(one.path) == file) total = one.bytes ? static_cast<qint64>(*one.bytes) : static_cast<qint64>(unknownBytes);
          if (one.mmproj && QString::fromStdString(one.mmproj->path) == file) total = static_cast<qint64>(one.mmproj->bytes.value_or(0));
        }
      }
      const qint64 first = asked.range().mid(6).split('-').value(0).toLongLong();
      FaultServer::Answer answer;
      answer.status = 206;
      answer.set("ETag", "\"m\"");
      answer.set("Content-Range", "bytes " + QByteArray::number(first) + '-' + QByteArray::number(total - 1) + '/' + QByteArray::number(total));
      answer.set("Content-Length", QByteArray::number(total - first));
      answer.body = server.body;
      answer.perTick = bytesPerTick;
      answer.isEndless = bytesPerTick > 0;
      answer.isSilent = bytesPerTick == 0;
      answer.cutAfter = bytesPerTick == 0 ? 3000 : -1;
      return answer;
    };
    m_program->settings()->setDownloadBase(m_server->base());
  }
  Q_INVOKABLE int requestsServed() const { return m_server == nullptr ? 0 : static_cast<int>(m_server->log.size()); }
#endif
  // An empty file with the name of that row of the library, in the data folder.
  Q_INVOKABLE QString putModel(int row) {
    const QString folder = m_program->application()->library->folder();
    QDir().mkpath(folder);
    QFile file(folder + QLatin1Char('/') + m_program->application()->library->row(row).value(QStringLiteral("file")).toString());
    if (file.open(QIODevice::WriteOnly)) file.write("GGUF");
    return file.fileName();
  }
  // The same with its vision half's.
  Q_INVOKABLE QString putHalf(int row) {
    QFile file(m_program->application()->library->folder() + QLatin1Char('/') +
               m_program->application()->library->row(row).value(QStringLiteral("halfFile")).toString());
    if (file.open(QIODevice::WriteOnly)) file.write("GGUF");
    return file.fileName();
  }
  // The file of that row was fetched, and held to the hash that the server stated.
  Q_INVOKABLE void noteStated(int row) {
    PublishedFiles* library = m_program->application()->library;
    m_program->models()->noteCheck(library->row(row).value(QStringLiteral("path")).toString(), nameIn(kVerifiedNames, FileDone::Verified::stated));
    library->tellAgain();
  }
  // Whether models that are loaded from now on see.
  Q_INVOKABLE void setSeeing(bool sees) {
    ScriptedEngine::Loading loading;
    loading.can_see = sees;
    m_engine->set_loading(loading);
  }
  // What the library's plans say from now on.
  Q_INVOKABLE void planFor(double tokensPerSecond, bool fits) {
    LoadPlan plan;
    plan.fits = fits;
    plan.needed_bytes = fits ? 4'200'000'000 : 26'400'000'000;
    plan.decode_tokens_per_second = tokensPerSecond;
    plan.devices.push_back({.name = "cpu", .free_bytes = 12'000'000'000, .total_bytes = 16'000'000'000});
    m_engine->set_plan(Result<LoadPlan>(plan));
  }
  // Drivers do not answer until they are let.
  Q_INVOKABLE void holdListing() { m_listing.acquire(m_listing.available()); }
  Q_INVOKABLE void letListing() { m_listing.release(1000); }
  // A mixture that fits a card, or the processor more slowly.
  Q_INVOKABLE void planOnCard() {
    m_engine->set_planner([](const LoadRequest& request) -> Result<LoadPlan> {
      const bool isOnCard = request.device == "vulkan";
      LoadPlan plan;
      plan.fits = true;
      plan.context_length = 16384;
      plan.weight_bytes = isOnCard ? 9'200'000'000 : 6'400'000'000;
      plan.dense_bytes = 1'300'000'000;
      plan.expert_bytes = 17'200'000'000;
      plan.state_bytes = 805'000'000;
      plan.scratch_bytes = 240'000'000;
      plan.load_seconds = 6.1;
      plan.prefill_tokens_per_second = isOnCard ? 480 : 95;
      plan.decode_tokens_per_second = isOnCard ? 52.4 : 14.2;
      LoadPlan::Device device;
      device.name = isOnCard ? "vulkan" : "cpu";
      device.weight_bytes = plan.weight_bytes;
      device.expert_bytes = plan.weight_bytes - plan.dense_bytes;
      device.n_layers = 48;
      device.n_experts = isOnCard ? 2820 : 1820;
      device.state_bytes = plan.state_bytes;
      device.scratch_bytes = plan.scratch_bytes;
      device.free_bytes = isOnCard ? std::uint64_t{11} << 30 : std::uint64_t{8} << 30;
      device.total_bytes = isOnCard ? std::uint64_t{12} << 30 : std::uint64_t{16} << 30;
      plan.devices.push_back(device);
      return plan;
    });
  }
  Q_INVOKABLE void loadOnCard() {
    ScriptedEngine::Loading loading;
    loading.device = "vulkan";
    loading.quantization = "Q4_K_M";
    m_engine->set_loading(loading);
    m_program->model()->load(QStringLiteral("/models/GLM-4.7-Flash-Q4_K_M.gguf"));
    (void)QTest::qWaitFor([this] { return m_program->model()->device() == QStringLiteral("vulkan"); });
    m_engine->set_loading({});
  }
  Q_INVOKABLE void planAsEver() {
    m_engine->set_planner({});
    m_engine->set_plan(std::nullopt);
  }
  // The next answers are of a mixture whose experts do not all lie in memory, and plans are of it.
  Q_INVOKABLE void answerFromSlots() {
    m_engine->set_planner({});
    LoadPlan plan;
    plan.fits = true;
    plan.context_length = 4096;
    plan.n_slots = 1536;
    plan.n_experts = 6144;
    plan.hit_rate = 0.86;
    plan.disk_bytes_per_token = 128'000'000;
    plan.load_seconds = 9;
    plan.devices.push_back({.name = "cpu", .free_bytes = 12'000'000'000, .total_bytes = 16'000'000'000});
    m_engine->set_plan(Result<LoadPlan>(plan));
    ScriptedEngine::Script script = ScriptedEngine::speak("Each layer chose eight.", 1);
    script.stats.expert_hits = 75;
    script.stats.expert_misses = 25;
    script.stats.layer_hit_rates = {0.5, 1};
    script.stats.disk_bytes_read = 10'400'000'000;
    script.stats.disk_seconds = 11;
    script.stats.more_hit_rate = 0.91;
    script.stats.more_tokens_per_second = 7.9;
    m_engine->set_script(script);
  }
  Q_INVOKABLE QString copied() const { return QGuiApplication::clipboard()->text(); }
  Q_INVOKABLE void copyPicture() { QGuiApplication::clipboard()->setImage(drawn()); }
  Q_INVOKABLE QString pictureFile() {
    const QString path = m_folder.filePath(QStringLiteral("dropped.png"));
    drawn().save(path);
    return path;
  }
  // Files in the stage's own folder.
  Q_INVOKABLE QString writeFile(const QString& name, const QString& text) {
    QFile file(m_folder.filePath(name));
    if (file.open(QIODevice::WriteOnly)) file.write(text.toUtf8());
    return file.fileName();
  }
  QString folder() const { return m_folder.path(); }
  // Another program takes the history for itself, and lets it go.
  Q_INVOKABLE bool holdHistory() {
    m_other = std::make_unique<SqlFile>(m_folder.filePath(QStringLiteral("history.db")));
    return m_other->exec(QStringLiteral("BEGIN EXCLUSIVE"));
  }
  Q_INVOKABLE void letHistoryGo() { m_other.reset(); }
  Q_INVOKABLE void removeFile(const QString& path) { QFile::remove(path); }
  Q_INVOKABLE QString readFile(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
  }
  Q_INVOKABLE QUrl urlOf(const QString& path) { return QUrl::fromLocalFile(path); }
  // Drops a file on the middle of that window.
  Q_INVOKABLE void drop(QWindow* window, const QString& path) {
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(path)});
    const QPoint at(window->width() / 2, window->height() / 2);
    QDragEnterEvent enter(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(window, &enter);
    QDragMoveEvent move(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(window, &move);
    QDropEvent dropped(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(window, &dropped);
  }
  // Two frames: rows that are made with one are laid out with the next.
  Q_INVOKABLE void draw(QQuickWindow* window) {
    for (int frame = 0; frame < 2; ++frame) {
      QSignalSpy drawn(window, &QQuickWindow::frameSwapped);
      window->update();
      drawn.wait(1000);
    }
  }
  // A key to that window, wherever its focus is: QML's keyClick() reaches the test case's own window only.
  Q_INVOKABLE void key(QWindow* window, int key, int modifiers = 0) { QTest::keyClick(window, Qt::Key(key), Qt::KeyboardModifiers(modifiers)); }
  // The keys of a `sequences` of a Shortcut as [key, modifiers, name].
  Q_INVOKABLE QVariantList keysOf(const QVariantList& sequences) const {
    QVariantList keys;
    for (const QVariant& sequence : sequences) {
      const bool isText = sequence.typeId() == QMetaType::QString;
      const QList<QKeySequence> all =
          isText ? QList<QKeySequence>{QKeySequence(sequence.toString())} : QKeySequence::keyBindings(QKeySequence::StandardKey(sequence.toInt()));
      for (const QKeySequence& one : all) {
        const QKeyCombination key = one[0];
        keys.append(QVariant(QVariantList{int(key.key()), int(key.keyboardModifiers().toInt()), one.toString()}));
      }
    }
    return keys;
  }
  // The item with the focus claims that key before the window's shortcuts are asked.
  Q_INVOKABLE bool claims(QQuickWindow* window, int key, int modifiers) const {
    return window->activeFocusItem() != nullptr && isAccepted(window->activeFocusItem(), QEvent::ShortcutOverride, key, modifiers);
  }
  // The item with the focus does something with that key when no shortcut takes it first.
  Q_INVOKABLE bool uses(QQuickWindow* window, int key, int modifiers) const {
    return window->activeFocusItem() != nullptr && isAccepted(window->activeFocusItem(), QEvent::KeyPress, key, modifiers);
  }
  // As if a screen reader ran: controls that are made from now on say what they are.
  Q_INVOKABLE void beginReading(bool reads) const { QAccessible::setActive(reads); }
  // What a screen reader finds: of one item, of everything that can be used now.
  Q_INVOKABLE QVariantMap accessible(QQuickItem* item) const { return accessibleOf(item); }
  Q_INVOKABLE QVariantList accessibles(QQuickWindow* window) const { return accessiblesOf(window); }
  Q_INVOKABLE void type(QWindow* window, const QString& text) {
    for (const QChar c : text) QTest::keyClick(window, c.toLatin1());
  }

 private:
  static bool isAccepted(QObject* item, QEvent::Type type, int key, int modifiers) {
    QKeyEvent event(type, key, Qt::KeyboardModifiers(modifiers));
    event.ignore();
    QCoreApplication::sendEvent(item, &event);
    return event.isAccepted();
  }
  static QImage drawn() {
    QImage image(40, 30, QImage::Format_RGB32);
    image.fill(Qt::darkCyan);
    return image;
  }
  ProgramOptions options() const {
    ProgramOptions options;
    options.dataFolder = m_folder.path();
    options.loadsModel = false;
    options.starterFolders = {m_folder.filePath(QStringLiteral("models"))};
    options.listDevices = [this] {
      m_listing.acquire();
      return devices();
    };
    return options;
  }

  static DeviceList devices() {
    DeviceInfo cpu, card;
    cpu.name = "cpu";
    cpu.detail = "AMD Ryzen 7 7840U, avx512, 8 threads";
    cpu.total_bytes = std::uint64_t{16} << 30;
    cpu.free_bytes = std::uint64_t{8} << 30;
    card.name = "vulkan";
    card.kind = DeviceKind::vulkan;
    card.detail = "NVIDIA GeForce RTX 3060, Vulkan 1.3.242, NVIDIA 535.183.1";
    card.total_bytes = std::uint64_t{12} << 30;
    card.free_bytes = std::uint64_t{11} << 30;
    DeviceList list;
    list.devices = {cpu, card};
    list.rejected = {{"cuda", "no libpio_cuda.so in /usr/lib/inference-pio", Rejection::no_module},
                     {"vulkan:1", "expected Vulkan 1.2, found 1.1", Rejection::device_too_old}};
    return list;
  }

  mutable QSemaphore m_listing{1000};  // as many listings as are let through
  QTemporaryDir m_folder;
  QString m_link;
  ScriptedEngine* m_engine = nullptr;  // owned by the program
  std::unique_ptr<Program> m_program;
  std::unique_ptr<SqlFile> m_other;
#ifdef QT_NETWORK_LIB
  std::unique_ptr<FaultServer> m_server;
#endif
};

}  // namespace pio
