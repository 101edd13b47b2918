#include "app/engine_loop.h"

#include <QFile>
#include <QJsonDocument>
#include <QThread>
#include <algorithm>
#include <chrono>
#include <new>
#include <tuple>

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
  bool isPaused = false;
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

EngineLoop::Runs::iterator EngineLoop::next() {
  return std::max_element(m_runs.begin(), m_runs.end(), [](const auto& a, const auto& b) {  // of equals the first
    return std::tuple(a->stop.stop_requested(), a->job.priority) < std::tuple(b->stop.stop_requested(), b->job.priority);
  });
}

void EngineLoop::step() {
  m_isAwake = false;
  const auto run = next();
  if (run == m_runs.end()) return;
  Live* chosen = run->get();
  if (m_current != nullptr && m_current != chosen && !m_current->isPaused) {
    m_current->flush();
    m_current->isPaused = true;
    Q_EMIT paused(m_current->job.id, true);
  }
  if (std::exchange(chosen->isPaused, false)) Q_EMIT paused(chosen->job.id, false);
  m_current = chosen;
  advance(run);
  wake();
}

void EngineLoop::advance(Runs::iterator place) {
  Live& run = **place;
  const RunId id = run.job.id;
  const auto gone = [&] {
    run.flush();
    if (m_current == &run) m_current = nullptr;
    const auto kept = std::move(*place);  // its generation gives its blocks back before anybody hears of the end
    m_runs.erase(place);
    kept->generation.reset();
  };
  if (run.generation == nullptr) {
    if (run.stop.stop_requested()) {
      gone();
      Q_EMIT finished(id, FinishReason::cancelled, {});
      return;
    }
    auto begun = guarded([&] { return m_engine->begin(run.job.request, run.stop); });
    if (!begun) {
      gone();
      Q_EMIT failed(id, begun.error());
      return;
    }
    run.generation = std::move(*begun);
  }
  const auto events = guarded([&] { return run.generation->advance(); });
  if (!events) {
    gone();
    Q_EMIT failed(id, events.error());
    return;
  }
  using Kind = GenerationEvent::Kind;
  for (const GenerationEvent& event : *events) {
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
  if (!run.generation->is_finished()) return;
  const FinishReason reason = run.generation->result().finish_reason;
  const GenerationStats stats = run.generation->result().stats;
  gone();
  Q_EMIT finished(id, reason, stats);
}

// The queue has pulled the stops of all of them: each ends with its next unit.
void EngineLoop::endAll() {
  while (!m_runs.empty()) advance(m_runs.begin());
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

void EngineLoop::close() {
  endAll();
  QThread::currentThread()->quit();
}

}  // namespace pio
