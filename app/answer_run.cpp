#include "app/answer_run.h"

#include <algorithm>
#include <utility>

#include "app/engine_queue.h"

namespace pio {

constexpr qint64 kFiguresMs = 250;  // figures run at 4 Hz (look.md 4)

AnswerRun::AnswerRun(EngineQueue* queue, RunId id, Priority priority, OnHigher onHigher, std::function<void(AnswerRun&)> prepare)
    : QObject(queue), m_queue(queue), m_id(id), m_priority(priority), m_onHigher(onHigher), m_prepare(std::move(prepare)) {}

AnswerRun::State AnswerRun::state() const {
  switch (m_phase) {
    case Phase::waiting: return m_queue->isLoading() ? Loading : m_queue->isReady() ? Queued : NoModel;
    case Phase::ended: return m_end;
    case Phase::begun: break;
  }
  if (m_isStopping) return Stopping;
  if (m_isPaused) return Paused;
  if (m_waitsForRoom) return Queued;
  if (m_isThinking) return Thinking;
  if (m_hasWords) return Writing;
  return m_isLooking ? Looking : Reading;
}

void AnswerRun::start(RunStart start) {
  if (m_phase != Phase::begun || std::exchange(m_isStarted, true)) return;
  m_start = std::move(start);
  m_thinkingSeconds = m_start.earlierThinking;
  m_thinkingTokens = m_start.earlierThoughts;
  m_queue->launch(*this);
}

void AnswerRun::stop() {
  if (isWaiting()) m_queue->takeBack(*this);
  else pullStop();
}

void AnswerRun::pullStop(bool isSuperseded) {
  if (m_phase != Phase::begun || m_isStopping) return;
  m_isSuperseded = isSuperseded;
  if (!m_isStarted) {
    m_queue->takeBack(*this);
    return;
  }
  m_isStopping = true;
  m_stop.request_stop();  // direct: a queued slot would wait behind the unit of work that it is to end
  m_queue->lookForStops();
  if (m_isPaused) m_queue->endPaused(*this);
  else Q_EMIT stateChanged();
}

void AnswerRun::onLooking(qint64 done, qint64 total) {
  if (m_hasWords) return;
  m_isLooking = done < total;
  m_progressDone = m_isLooking ? done : 0;  // what is read is another figure, not known yet
  m_progressTotal = m_isLooking ? total : 0;
  Q_EMIT stateChanged();
  Q_EMIT progressChanged();
}

void AnswerRun::onPrefill(qint64 done, qint64 total) {
  if (m_hasWords) return;
  const bool wasLooking = std::exchange(m_isLooking, false);
  m_progressDone = m_contextUsed = done;
  m_progressTotal = m_promptTokens = total;
  if (wasLooking) Q_EMIT stateChanged();
  Q_EMIT progressChanged();
}

void AnswerRun::onWords(bool isThought, const QString& delta, qint64 nTokens) {
  const State before = state();
  m_nTokens = nTokens;
  if (!std::exchange(m_hasWords, true)) {
    m_progressTotal = 0;
    m_firstWordTokens = nTokens;
    m_sinceFirstWord.start();
    m_sinceFigures.start();
  }
  if (!m_hasText && (isThought || m_isThinking)) {
    m_thinkingSeconds = m_start.earlierThinking + static_cast<double>(m_sinceFirstWord.elapsed()) / 1000;
    if (isThought) m_thinkingTokens = m_start.earlierThoughts + nTokens;
    m_isThinking = isThought;
  }
  if (!isThought) m_hasText = true;
  m_progressDone = m_isThinking ? static_cast<qint64>(m_thinkingSeconds) : generatedTokens();
  if (m_sinceFigures.elapsed() >= kFiguresMs) {
    m_sinceFigures.restart();
    m_tokensPerSecond =
        static_cast<double>(nTokens - m_firstWordTokens) * 1000 / static_cast<double>(std::max<qint64>(1, m_sinceFirstWord.elapsed()));
    m_contextUsed = m_promptTokens + nTokens;
  }
  if (isThought) Q_EMIT thoughtWritten(delta);
  else Q_EMIT textWritten(delta);
  if (state() != before) Q_EMIT stateChanged();
  Q_EMIT progressChanged();
}

void AnswerRun::onPaused(bool isPaused) {
  if (m_isPaused == isPaused) return;
  m_isPaused = isPaused;
  Q_EMIT stateChanged();
}

void AnswerRun::onWaitsForRoom(bool waits) {
  if (m_waitsForRoom == waits) return;
  m_waitsForRoom = waits;
  Q_EMIT stateChanged();
}

void AnswerRun::end(State state) {
  m_end = state;
  m_phase = Phase::ended;
  m_prepare = nullptr;
}

}  // namespace pio
