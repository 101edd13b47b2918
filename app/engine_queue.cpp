#include "app/engine_queue.h"

#include <QFile>
#include <QCoreApplication>
#include <algorithm>
#include <utility>

#include "app/engine_loop.h"

namespace pio {

EngineQueue::EngineQueue(std::unique_ptr<Engine> engine, QObject* parent) : QObject(parent), m_loop(new EngineLoop(std::move(engine))) {
  connect(m_loop, &EngineLoop::loadProgress, this, [this](quint64 serial, qint64 done, qint64 total) {
    if (serial == m_loadSerial) Q_EMIT loadProgress(done, total);
  });
  connect(m_loop, &EngineLoop::loaded, this, [this](quint64 serial, const LoadedInfo& info) {
    if (serial != m_loadSerial) return;
    m_mostAtOnce = info.n_sequences;
    setModel(true, false);
    Q_EMIT loaded(info);
    pump();
  });
  connect(m_loop, &EngineLoop::loadFailed, this, [this](quint64 serial, const Error& error) {
    if (serial != m_loadSerial) return;
    setModel(false, false);
    Q_EMIT loadFailed(error);
  });
  connect(m_loop, &EngineLoop::kept, this, [this](quint64 serial, const Error& error, const LoadedInfo& info) {
    if (serial != m_loadSerial) return;
    m_mostAtOnce = info.n_sequences;
    setModel(true, false);
    Q_EMIT kept(error, info);
    pump();
  });
  connect(m_loop, &EngineLoop::paused, this, [this](RunId id, bool isPaused) {
    if (AnswerRun* run = hear(id)) run->onPaused(isPaused);
    Q_EMIT currentChanged();
  });
  connect(m_loop, &EngineLoop::dropped, this, [this](RunId id, qint64 nMessages) {
    if (AnswerRun* run = hear(id)) Q_EMIT run->dropped(nMessages);
  });
  connect(m_loop, &EngineLoop::looking, this, [this](RunId id, qint64 done, qint64 total) {
    if (AnswerRun* run = hear(id)) run->onLooking(done, total);
  });
  connect(m_loop, &EngineLoop::prefill, this, [this](RunId id, qint64 done, qint64 total) {
    if (AnswerRun* run = hear(id)) run->onPrefill(done, total);
  });
  connect(m_loop, &EngineLoop::textReady, this,
          [this](RunId id, const QString&, const QString& delta, qint64 nTokens) { gather(id, false, delta, nTokens); });
  connect(m_loop, &EngineLoop::thoughtReady, this,
          [this](RunId id, const QString&, const QString& delta, qint64 nTokens) { gather(id, true, delta, nTokens); });
  connect(m_loop, &EngineLoop::toolCalled, this, [this](RunId id, const QString& name, const QString& arguments) {
    if (AnswerRun* run = hear(id)) Q_EMIT run->toolCalled(name, arguments);
  });
  connect(m_loop, &EngineLoop::finished, this, [this](RunId id, FinishReason reason, const GenerationStats& stats) {
    if (AnswerRun* run = hear(id)) finish(*run, reason, stats);
  });
  connect(m_loop, &EngineLoop::failed, this, [this](RunId id, const Error& error) {
    if (AnswerRun* run = hear(id)) fail(*run, error);
  });
  connect(m_loop, &EngineLoop::waitsForRoom, this, [this](RunId id, bool waits) {
    if (AnswerRun* run = hear(id)) run->onWaitsForRoom(waits);
  });
  connect(m_loop, &EngineLoop::waiting, this, &EngineQueue::waiting);
  connect(m_loop, &EngineLoop::givenBack, this, &EngineQueue::givenBack);
  connect(m_loop, &EngineLoop::tokensCounted, this, &EngineQueue::tokensCounted);
  connect(m_loop, &EngineLoop::planned, this, &EngineQueue::planned);
  connect(m_loop, &EngineLoop::picturesCosted, this, [this](quint64 loadSerial, const PictureCosts& costs) {
    if (loadSerial == m_loadSerial) Q_EMIT picturesCosted(costs);  // else of a model that has gone
  });
  connect(m_loop, &EngineLoop::planFailed, this, &EngineQueue::planFailed);
  // Told on the engine's thread itself: a busy window does not delay the history.
  connect(
      m_loop, &EngineLoop::textReady, this,
      [this](RunId, const QString& messageId, const QString& delta, qint64 nTokens) {
        if (!messageId.isEmpty()) Q_EMIT textReady(messageId, delta, nTokens);
      },
      Qt::DirectConnection);
  connect(
      m_loop, &EngineLoop::thoughtReady, this,
      [this](RunId, const QString& messageId, const QString& delta, qint64 nTokens) {
        if (!messageId.isEmpty()) Q_EMIT thoughtReady(messageId, delta, nTokens);
      },
      Qt::DirectConnection);

  m_thread.setObjectName(QStringLiteral("engine"));
  m_loop->moveToThread(&m_thread);
  connect(&m_thread, &QThread::started, m_loop, &EngineLoop::startLooking);
  connect(&m_thread, &QThread::finished, m_loop, &QObject::deleteLater);
  m_thread.start();
}

EngineQueue::~EngineQueue() {
  shutDown();
  m_thread.wait();
}

// ---- runs --------------------------------------------------------------------------------------------------------------------------

AnswerRun* EngineQueue::submit(std::function<void(AnswerRun&)> prepare, Priority priority, OnHigher onHigher) {
  auto* run = new AnswerRun(this, RunId{++m_number}, priority, onHigher, std::move(prepare));
  m_runs.push_back(run);
  QMetaObject::invokeMethod(
      this, [this] { pump(); }, Qt::QueuedConnection);
  return run;
}

AnswerRun* EngineQueue::find(RunId id) const {
  const auto found = std::find_if(m_runs.begin(), m_runs.end(), [id](const AnswerRun* run) { return run->m_id == id; });
  return found == m_runs.end() ? nullptr : *found;
}

AnswerRun* EngineQueue::hear(RunId id) {
  handOver();
  return find(id);
}

void EngineQueue::gather(RunId id, bool isThought, const QString& delta, qint64 nTokens) {
  if (m_words.run != id || m_words.isThought != isThought) handOver();
  if (m_words.delta.isEmpty()) QMetaObject::invokeMethod(this, &EngineQueue::handOver, Qt::QueuedConnection);  // behind those that are here already
  m_words.run = id;
  m_words.isThought = isThought;
  m_words.delta += delta;
  m_words.nTokens = nTokens;
}

void EngineQueue::handOver() {
  if (m_words.delta.isEmpty()) return;
  const Words words = std::exchange(m_words, {});
  if (AnswerRun* run = find(words.run)) run->onWords(words.isThought, words.delta, words.nTokens);
}

AnswerRun* EngineQueue::current() const {
  AnswerRun* best = nullptr;
  for (AnswerRun* run : m_runs) {
    if (!run->isWaiting() && (best == nullptr || run->m_priority > best->m_priority)) best = run;
  }
  return best;
}

bool EngineQueue::mayBegin(Priority priority) const {
  qsizetype nEquals = 0;
  for (const AnswerRun* run : m_runs) {
    if (run->isWaiting()) continue;
    if (run->m_priority > priority) return false;
    nEquals += run->m_priority == priority;
  }
  return nEquals < (priority == Priority::answer ? m_mostAtOnce : 1);
}

void EngineQueue::pump() {
  if (std::exchange(m_isPumping, true)) return;
  while (m_isReady && !m_isShutDown) {
    AnswerRun* next = nullptr;
    for (AnswerRun* run : m_runs) {
      if (run->isWaiting() && (next == nullptr || run->m_priority > next->m_priority)) next = run;
    }
    if (next == nullptr || !mayBegin(next->m_priority)) break;
    for (AnswerRun* run : m_runs) {
      if (!run->isWaiting() && run->m_priority < next->m_priority && run->m_onHigher == OnHigher::supersede) run->pullStop(true);
    }
    next->m_phase = AnswerRun::Phase::begun;
    const RunId id = next->m_id;
    const auto prepare = std::exchange(next->m_prepare, nullptr);
    Q_EMIT currentChanged();
    prepare(*next);
    if (AnswerRun* begun = find(id)) Q_EMIT begun->stateChanged();
  }
  m_isPumping = false;
}

void EngineQueue::launch(AnswerRun& run) {
  RunJob job{run.m_id, run.m_priority, run.m_start.messageId, std::exchange(run.m_start.request, {})};
  QMetaObject::invokeMethod(m_loop, [loop = m_loop, job = std::move(job), token = run.m_stop.get_token()] { loop->add(job, token); });
}

void EngineQueue::lookForStops() { QMetaObject::invokeMethod(m_loop, &EngineLoop::lookForStops); }

void EngineQueue::takeBack(AnswerRun& run) { finish(run, FinishReason::cancelled, {}); }

void EngineQueue::endPaused(AnswerRun& run) {
  handOver();
  GenerationStats stats;
  stats.generated_tokens = run.m_nTokens;
  stats.tokens_per_second = run.m_tokensPerSecond;
  stats.context_used = run.m_promptTokens + run.m_nTokens;
  finish(run, FinishReason::cancelled, stats);
}

void EngineQueue::drop(AnswerRun& run, AnswerRun::State state) {
  run.end(state);
  std::erase(m_runs, &run);
  run.deleteLater();
}

void EngineQueue::finish(AnswerRun& run, FinishReason reason, const GenerationStats& stats) {
  const bool isStopped = reason == FinishReason::cancelled;
  if (stats.generated_tokens > 0) {
    run.m_tokensPerSecond = stats.tokens_per_second;
    run.m_contextUsed = stats.context_used;
  }
  drop(run, !isStopped ? AnswerRun::Finished : run.m_isSuperseded ? AnswerRun::Superseded : AnswerRun::Stopped);
  Q_EMIT run.finished(reason, stats);
  Q_EMIT run.stateChanged();
  Q_EMIT currentChanged();
  pump();
}

void EngineQueue::fail(AnswerRun& run, const Error& error) {
  drop(run, error.code == ErrorCode::cancelled ? AnswerRun::Stopped : AnswerRun::Failed);
  Q_EMIT run.failed(error);
  Q_EMIT run.stateChanged();
  Q_EMIT currentChanged();
  pump();
}

// ---- the model ---------------------------------------------------------------------------------------------------------------------

void EngineQueue::endRuns() {
  const std::vector<AnswerRun*> runs = m_runs;
  for (AnswerRun* run : runs) run->pullStop();
}

void EngineQueue::setModel(bool isReady, bool isLoading) {
  m_isReady = isReady;
  m_isLoading = isLoading;
  const std::vector<AnswerRun*> runs = m_runs;
  for (AnswerRun* run : runs) {
    if (run->isWaiting()) Q_EMIT run->stateChanged();
  }
  Q_EMIT modelChanged();
  Q_EMIT currentChanged();
}

void EngineQueue::load(const LoadRequest& request, const QString& notePath) {
  endRuns();
  m_loadStop.request_stop();  // of a load that is under way: this one comes next on the engine's thread
  m_loadStop = std::stop_source();
  m_loadSerial = ++m_number;
  LoadJob job{m_loadSerial, request, notePath};
  job.request.cache_folder = QFile::encodeName(m_cacheFolder).toStdString();
  if (m_halves) job.request.spare_mmprojs = m_halves(request.path);
  QMetaObject::invokeMethod(m_loop, [loop = m_loop, job, token = m_loadStop.get_token()] { loop->load(job, token); });
  setModel(false, true);
}

void EngineQueue::stopLoading() {
  if (!m_isLoading) return;
  m_loadStop.request_stop();
  Q_EMIT modelChanged();
}

void EngineQueue::unload() {
  endRuns();
  m_loadStop.request_stop();
  m_loadSerial = ++m_number;  // what is still said about a load is old news
  QMetaObject::invokeMethod(m_loop, &EngineLoop::unload);
  setModel(false, false);
}

void EngineQueue::forget(const QString& conversation) {
  QMetaObject::invokeMethod(m_loop, [loop = m_loop, conversation] { loop->forget(conversation); });
}

quint64 EngineQueue::countTokens(const QString& text) {
  const quint64 serial = ++m_number;
  QMetaObject::invokeMethod(m_loop, [loop = m_loop, serial, text] { loop->countTokens(serial, text); });
  return serial;
}

quint64 EngineQueue::plan(const LoadRequest& asked) {
  const quint64 serial = ++m_number;
  LoadRequest request = asked;
  if (m_halves) request.spare_mmprojs = m_halves(request.path);
  QMetaObject::invokeMethod(m_loop, [loop = m_loop, serial, request] { loop->plan(serial, request); });
  return serial;
}

void EngineQueue::costPictures() {
  if (m_isShutDown) return;
  QMetaObject::invokeMethod(m_loop, [loop = m_loop, serial = m_loadSerial] { loop->costPictures(serial); });
}

// ---- the end -----------------------------------------------------------------------------------------------------------------------

void EngineQueue::shutDown() {
  if (std::exchange(m_isShutDown, true)) return;
  m_loadStop.request_stop();
  endRuns();
  QMetaObject::invokeMethod(m_loop, &EngineLoop::close);
}

void EngineQueue::join() {
  m_thread.wait();
  QCoreApplication::sendPostedEvents(this);  // the last words and the ends of runs
  handOver();
  while (!m_runs.empty()) finish(*m_runs.front(), FinishReason::cancelled, {});  // what still waited
}

}  // namespace pio
