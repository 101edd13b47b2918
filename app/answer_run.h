#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QtQml/qqmlregistration.h>
#include <functional>
#include <stop_token>

#include "engine/engine.h"

// One answer of the engine, from the moment it is asked for to its end. Made by EngineQueue, on the GUI thread.

namespace pio {

class EngineQueue;

enum class RunId : quint64 {};

// Who goes first. A higher one pauses a lower one between two units of its work.
enum class Priority { background, answer, interactive };

// What becomes of a run when a higher one comes: it goes on afterwards, or it ends (a completion whose moment has passed).
enum class OnHigher { pause, supersede };

// What a run starts with.
struct RunStart {
  GenerateRequest request;
  QString messageId = {};      // of the answer in the history, which gets the words straight from the engine's thread; "" none
  qint64 earlierTokens = 0;    // of an answer that is carried on
  double earlierThinking = 0;  // seconds
  qint64 earlierThoughts = 0;  // tokens
};

class AnswerRun : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the engine's queue")
  Q_PROPERTY(State state READ state NOTIFY stateChanged)
  Q_PROPERTY(
      qint64 progressDone READ progressDone NOTIFY progressChanged)  // Looking: pictures; Reading: prompt tokens; Thinking: seconds; Writing: tokens
  Q_PROPERTY(qint64 progressTotal READ progressTotal NOTIFY progressChanged)  // 0 unknown
  Q_PROPERTY(double tokensPerSecond READ tokensPerSecond NOTIFY progressChanged)
  Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY progressChanged)  // tokens

 public:
  // NoModel, Loading, Queued: it waits, for a model, for the one that is being loaded, for another run: to begin, or for room in the cache. The last four
  // are ends.
  enum State { NoModel, Loading, Queued, Looking, Reading, Thinking, Writing, Paused, Stopping, Finished, Stopped, Superseded, Failed };
  Q_ENUM(State)

  RunId id() const { return m_id; }
  State state() const;
  bool isWaiting() const { return m_phase == Phase::waiting; }
  bool isEnded() const { return m_phase == Phase::ended; }
  qint64 progressDone() const { return m_progressDone; }
  qint64 progressTotal() const { return m_progressTotal; }
  double tokensPerSecond() const { return m_tokensPerSecond; }
  qint64 contextUsed() const { return m_contextUsed; }
  qint64 generatedTokens() const { return m_start.earlierTokens + m_nTokens; }
  double thinkingSeconds() const { return m_thinkingSeconds; }
  qint64 thinkingTokens() const { return m_thinkingTokens; }

  // After its turn has come; once. Nothing happens when it has ended meanwhile.
  void start(RunStart start);

 public slots:
  // Ends it within 200 ms in every phase; what was written so far stays. Waiting, it ends at once.
  void stop();

 signals:
  void stateChanged();
  void progressChanged();
  void textWritten(const QString& delta);
  void thoughtWritten(const QString& delta);
  void toolCalled(const QString& name, const QString& arguments);  // a JSON object, indented
  void dropped(qint64 nMessages);                                  // the oldest, left out to fit the context
  // One of these is the last of its signals; the queue deletes it then.
  void finished(pio::FinishReason reason, const pio::GenerationStats& stats);
  void failed(const pio::Error& error);

 private:
  friend class EngineQueue;
  enum class Phase { waiting, begun, ended };

  AnswerRun(EngineQueue* queue, RunId id, Priority priority, OnHigher onHigher, std::function<void(AnswerRun&)> prepare);
  void onLooking(qint64 done, qint64 total);
  void onPrefill(qint64 done, qint64 total);
  void onWords(bool isThought, const QString& delta, qint64 nTokens);
  void onPaused(bool isPaused);
  void onWaitsForRoom(bool waits);
  void end(State state);
  void pullStop(bool isSuperseded = false);

  EngineQueue* m_queue;
  const RunId m_id;
  const Priority m_priority;
  const OnHigher m_onHigher;
  std::function<void(AnswerRun&)> m_prepare;
  RunStart m_start;
  std::stop_source m_stop;
  Phase m_phase = Phase::waiting;
  State m_end = Finished;
  bool m_isStarted = false, m_isStopping = false, m_isSuperseded = false, m_isPaused = false, m_waitsForRoom = false;
  bool m_isLooking = false, m_isThinking = false, m_hasWords = false, m_hasText = false;
  qint64 m_progressDone = 0, m_progressTotal = 0;
  qint64 m_promptTokens = 0, m_nTokens = 0, m_firstWordTokens = 0, m_contextUsed = 0;
  double m_tokensPerSecond = 0;
  double m_thinkingSeconds = 0;
  qint64 m_thinkingTokens = 0;
  QElapsedTimer m_sinceFirstWord, m_sinceFigures;
};

}  // namespace pio
