#include "app/engine_worker.h"

#include <QFile>
#include <QJsonDocument>
#include <chrono>
#include <new>

#include "app/delta_batcher.h"

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

EngineWorker::EngineWorker(std::unique_ptr<Engine> engine) : m_engine(std::move(engine)) {}

EngineWorker::~EngineWorker() = default;

void EngineWorker::load(const LoadJob& job, std::stop_token stop) {
  if (!job.notePath.isEmpty()) {
    QFile note(job.notePath);
    if (note.open(QIODevice::WriteOnly)) note.write(QByteArray::fromStdString(job.request.path));
  }
  Pace pace;
  const auto progress = [&](std::uint64_t doneBytes, std::uint64_t totalBytes) {
    if (pace.isDue(doneBytes == totalBytes)) Q_EMIT loadProgress(job.number, static_cast<qint64>(doneBytes), static_cast<qint64>(totalBytes));
  };
  const Result<void> done = guarded([&] {
    return m_engine->loaded() != nullptr ? m_engine->switch_to(job.request, progress, stop) : m_engine->load(job.request, progress, stop);
  });
  if (!job.notePath.isEmpty()) QFile::remove(job.notePath);
  const LoadedInfo* info = m_engine->loaded();
  if (!done && info != nullptr) Q_EMIT kept(job.number, done.error(), *info);
  else if (!done) Q_EMIT loadFailed(job.number, done.error());
  else if (info != nullptr) Q_EMIT loaded(job.number, *info);
  else Q_EMIT loadFailed(job.number, make_error(ErrorCode::internal, "load: a loaded model, none"));
}

void EngineWorker::unload() {
  (void)guarded([&]() -> Result<void> {
    m_engine->unload();
    return {};
  }).has_value();
}

void EngineWorker::generate(const GenerateJob& job, std::stop_token stop) {
  DeltaBatcher batcher([&](const QString& delta, qint64 nTokens) { Q_EMIT textReady(job.turn, job.messageId, delta, nTokens); });
  DeltaBatcher thoughts([&](const QString& delta, qint64 nTokens) { Q_EMIT thoughtReady(job.turn, job.messageId, delta, nTokens); });
  Pace pace;
  GenerateSink sink;
  sink.dropped = [&](std::int64_t n) { Q_EMIT dropped(job.turn, n); };
  sink.image = [&](std::int64_t done, std::int64_t total) { Q_EMIT looking(job.turn, done, total); };
  sink.prefill = [&](std::int64_t done, std::int64_t total) {
    if (pace.isDue(done == total)) Q_EMIT prefill(job.turn, done, total);
  };
  sink.reasoning = [&](std::string_view text, std::int64_t nTokens) { thoughts.add(text, nTokens); };
  sink.text = [&](std::string_view text, std::int64_t nTokens) {
    thoughts.flush();  // what was thought before a word comes before it
    batcher.add(text, nTokens);
  };
  sink.tool_call = [&](const ToolCall& call) {
    thoughts.flush();
    batcher.flush();
    Q_EMIT toolCalled(job.turn, QString::fromStdString(call.name), indented(call.arguments));
  };
  const Result<GenerateResult> result = guarded([&] { return m_engine->generate(job.request, sink, stop); });
  thoughts.flush();
  batcher.flush();
  if (result) Q_EMIT finished(job.turn, result->finish_reason, result->stats);
  else Q_EMIT failed(job.turn, result.error());
}

void EngineWorker::countTokens(quint64 serial, const QString& text) {
  const Result<std::int64_t> n = guarded([&]() -> Result<std::int64_t> {
    if (m_engine->loaded() == nullptr) return std::int64_t{0};
    // The frame of the chat format (a default system prompt, the turn's marks) is not the draft's cost.
    ASSIGN_OR_RETURN(const std::int64_t framed, m_engine->count_tokens({{"user", text.toStdString()}}));
    ASSIGN_OR_RETURN(const std::int64_t frame, m_engine->count_tokens({{"user", ""}}));
    return framed - frame;
  });
  Q_EMIT tokensCounted(serial, n ? *n : 0);
}

void EngineWorker::plan(quint64 serial, const LoadRequest& request) {
  const Result<LoadPlan> result = guarded([&] { return m_engine->plan(request); });
  if (result) Q_EMIT planned(serial, *result);
  else Q_EMIT planFailed(serial, result.error());
}

}  // namespace pio
