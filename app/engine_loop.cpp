#include "app/engine_loop.h"

#include <QFile>
#include <QJsonDocument>
#include <QThread>
#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace pio {
namespace {

// The one place where exceptions of the standard library become errors.
template <class Work>
auto guarded(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::out_of_memory, "std::bad_alloc");
  } catch (const std::exception& e) {
    return make_error(ErrorCode::internal, e.what());
  } catch (...) {
    return make_error(ErrorCode::internal, "an exception of unknown type");
  }
}

constexpr int kMemoryMs = 1000;  // from one look at the machine's memory to the next

// Progress is for eyes: at most 30 a second, but always the last.
class Pace {
 public:
  bool isDue(bool isLast) {
    const auto now = std::chrono::steady_clock::now();
    if (!isLast && now < m_due) return false;
    m_due = now + std::chrono::milliseconds(33);
    return true;
  }

 private:
  std::chrono::steady_clock::time_point m_due{};
};

QString indented(const JsonValue& object) {
  return QString::fromUtf8(QJsonDocument::fromJson(QByteArray::fromStdString(object.dump())).toJson(QJsonDocument::Indented)).trimmed();
}

}  // namespace

struct EngineLoop::Live {
  Live(EngineLoop& loop, RunJob asked, std::stop_token token)
      : job(std::move(asked)),
        stop(std::move(token)),
        text([&loop, this](const QString& delta, qint64 nTokens) { Q_EMIT loop.textReady(job.id, job.messageId, delta, nTokens); }),
        thoughts([&loop, this](const QString& delta, qint64 nTokens) { Q_EMIT loop.thoughtReady(job.id, job.messageId, delta, nTokens); }) {}

  // What was thought before a word comes before it.
  void flush() {
    thoughts.flush();
    text.flush();
  }

  const RunJob job;
  const std::stop_token stop;
  std::unique_ptr<Generation> generation;  // null before its first unit
  DeltaBatcher text, thoughts;
  Pace pace;
  bool isPaused = false, waitsForRoom = false;
};

EngineLoop::EngineLoop(std::unique_ptr<Engine> engine) : m_engine(std::move(engine)) {}

EngineLoop::~EngineLoop() = default;

// ---- runs --------------------------------------------------------------------------------------------------------------------------

void EngineLoop::add(const RunJob& job, std::stop_token stop) {
  m_runs.push_back(std::make_unique<Live>(*this, job, std::move(stop)));
  wake();
}

void EngineLoop::lookForStops() { wake(); }

void EngineLoop::wake() {
  if (m_runs.empty() || std::exchange(m_isAwake, true)) return;
  QMetaObject::invokeMethod(this, &EngineLoop::step, Qt::QueuedConnection);  // behind what was asked meanwhile
}

std::vector<EngineLoop::Live*> EngineLoop::next() const {
  std::vector<Live*> equals;
  for (const auto& run : m_runs) {
    if (run->stop.stop_requested()) return {run.get()};
    if (!equals.empty() && run->job.priority > equals.front()->job.priority) equals.clear();
    if (equals.empty() || run->job.priority == equals.front()->job.priority) equals.push_back(run.get());
  }
  return equals;
}

void EngineLoop::step() {
  m_isAwake = false;
  Priority highest = Priority::background;
  for (const auto& run : m_runs) highest = std::max(highest, run->job.priority);
  for (const auto& run : m_runs) {
    const bool isBelow = run->job.priority < highest;
    if (run->generation == nullptr || run->stop.stop_requested() || run->isPaused == isBelow) continue;
    run->flush();
    run->isPaused = isBelow;
    Q_EMIT paused(run->job.id, isBelow);
  }
  advance(next());
  wake();
}

bool EngineLoop::beginRun(Live& run) {
  if (run.generation != nullptr) return true;
  const RunId id = run.job.id;
  if (run.stop.stop_requested()) {
    remove(run);
    Q_EMIT finished(id, FinishReason::cancelled, {});
    return false;
  }
  auto begun = guarded([&] { return m_engine->begin(run.job.request, run.stop); });
  if (!begun) {
    remove(run);
    Q_EMIT failed(id, begun.error());
    return false;
  }
  run.generation = std::move(*begun);
  return true;
}

void EngineLoop::advance(const std::vector<Live*>& runs) {
  std::vector<Live*> begun;
  std::vector<Generation*> generations;
  for (Live* run : runs) {
    if (!beginRun(*run)) continue;
    begun.push_back(run);
    generations.push_back(run->generation.get());
  }
  if (begun.empty()) return;
  using Events = Result<std::vector<GenerationEvent>>;
  std::vector<Events> events;
  // An exception that comes out of a step of several is everybody's.
  const Result<void> done = guarded([&]() -> Result<void> {
    events = m_engine->advance(generations);
    return {};
  });
  if (!done) events.assign(begun.size(), Events(done.error()));
  for (std::size_t i = 0; i < begun.size(); ++i) {
    Live& run = *begun[i];
    const RunId id = run.job.id;
    if (!events[i]) {
      remove(run);
      Q_EMIT failed(id, events[i].error());
      continue;
    }
    if (events[i]->empty()) run.flush();  // it waits for others
    tell(run, *events[i]);
    if (const bool waits = run.generation->waits_for_room(); waits != std::exchange(run.waitsForRoom, waits)) Q_EMIT waitsForRoom(id, waits);
    if (!run.generation->is_finished()) continue;
    const FinishReason reason = run.generation->result().finish_reason;
    const GenerationStats stats = run.generation->result().stats;
    remove(run);
    tellWaiting();  // some may have given way to it
    Q_EMIT finished(id, reason, stats);
  }
  tellGivenBack();
}

// Its generation gives its blocks back before anybody hears of the end.
void EngineLoop::remove(Live& run) {
  run.flush();
  m_runs.remove_if([&run](const auto& other) { return other.get() == &run; });
}

void EngineLoop::tell(Live& run, const std::vector<GenerationEvent>& events) {
  using Kind = GenerationEvent::Kind;
  const RunId id = run.job.id;
  for (const GenerationEvent& event : events) {
    switch (event.kind) {
      case Kind::dropped: Q_EMIT dropped(id, event.done); break;
      case Kind::image: Q_EMIT looking(id, event.done, event.total); break;
      case Kind::prefill:
        if (run.pace.isDue(event.done == event.total)) Q_EMIT prefill(id, event.done, event.total);
        break;
      case Kind::logits:
      case Kind::routing: break;
      case Kind::reasoning: run.thoughts.add(event.text, event.done); break;
      case Kind::text:
        run.thoughts.flush();
        run.text.add(event.text, event.done);
        break;
      case Kind::tool_call:
        run.flush();
        Q_EMIT toolCalled(id, QString::fromStdString(event.call.name), indented(event.call.arguments));
        break;
    }
  }
}

// The queue has pulled the stops of all of them: each ends with its next unit.
void EngineLoop::endAll() {
  while (!m_runs.empty()) advance({m_runs.front().get()});
}

// ---- the model ---------------------------------------------------------------------------------------------------------------------

void EngineLoop::load(const LoadJob& job, std::stop_token stop) {
  endAll();
  if (!job.notePath.isEmpty()) {
    QFile note(job.notePath);
    if (note.open(QIODevice::WriteOnly)) note.write(QByteArray::fromStdString(job.request.path));
  }
  Pace pace;
  const auto progress = [&](std::uint64_t doneBytes, std::uint64_t totalBytes) {
    if (pace.isDue(doneBytes == totalBytes)) Q_EMIT loadProgress(job.serial, static_cast<qint64>(doneBytes), static_cast<qint64>(totalBytes));
  };
  const Result<void> done = guarded(
      [&] { return m_engine->loaded() != nullptr ? m_engine->switch_to(job.request, progress, stop) : m_engine->load(job.request, progress, stop); });
  if (!job.notePath.isEmpty()) QFile::remove(job.notePath);
  tellWaiting();
  const LoadedInfo* info = m_engine->loaded();
  if (!done && info != nullptr) Q_EMIT kept(job.serial, done.error(), *info);
  else if (!done) Q_EMIT loadFailed(job.serial, done.error());
  else if (info != nullptr) Q_EMIT loaded(job.serial, *info);
  else Q_EMIT loadFailed(job.serial, make_error(ErrorCode::internal, "load: a loaded model, none"));
}

void EngineLoop::unload() {
  endAll();
  (void)guarded([&]() -> Result<void> {
    m_engine->unload();
    return {};
  }).has_value();
  tellWaiting();
}

void EngineLoop::tellWaiting() {
  QStringList paths;
  for (const std::string& path : m_engine->waiting()) paths.append(QString::fromStdString(path));
  if (paths == m_waiting) return;
  m_waiting = paths;
  Q_EMIT waiting(paths);
}

// While an answer is made the engine looks by itself.
void EngineLoop::lookAfterMemory() {
  if (!m_runs.empty()) return;
  (void)guarded([&]() -> Result<void> {
    m_engine->look_after_memory();
    return {};
  }).has_value();
  tellWaiting();
  tellGivenBack();
}

void EngineLoop::tellGivenBack() {
  const GivenBack now = m_engine->given_back(), since = now - m_givenBack;
  m_givenBack = now;
  if (since.is_anything()) Q_EMIT givenBack(since);
}

void EngineLoop::forget(const QString& conversation) {
  (void)guarded([&]() -> Result<void> {
    m_engine->forget_conversation(conversation.toStdString());
    return {};
  }).has_value();
}

void EngineLoop::countTokens(quint64 serial, const QString& text) {
  const Result<std::int64_t> n = guarded([&]() -> Result<std::int64_t> {
    if (m_engine->loaded() == nullptr) return std::int64_t{0};
    // The frame of the chat format (a default system prompt, the turn's marks) is not the draft's cost.
    ASSIGN_OR_RETURN(const std::int64_t framed, m_engine->count_tokens({{"user", text.toStdString()}}));
    ASSIGN_OR_RETURN(const std::int64_t frame, m_engine->count_tokens({{"user", ""}}));
    return framed - frame;
  });
  Q_EMIT tokensCounted(serial, n ? *n : 0);
}

void EngineLoop::plan(quint64 serial, const LoadRequest& request) {
  const Result<LoadPlan> result = guarded([&] { return m_engine->plan(request); });
  if (result) Q_EMIT planned(serial, *result);
  else Q_EMIT planFailed(serial, result.error());
}

void EngineLoop::costPictures(quint64 loadSerial) {
  const Result<PictureCosts> costs = guarded([&] { return m_engine->picture_costs(); });
  if (costs) Q_EMIT picturesCosted(loadSerial, *costs);  // without them the window shows none
}

void EngineLoop::startLooking() {
  m_memoryTimer = new QTimer(this);
  connect(m_memoryTimer, &QTimer::timeout, this, &EngineLoop::lookAfterMemory);
  m_memoryTimer->start(kMemoryMs);
}

void EngineLoop::close() {
  endAll();
  m_memoryTimer->stop();
  QThread::currentThread()->quit();
}

}  // namespace pio
