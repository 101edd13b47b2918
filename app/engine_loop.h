#pragma once

#include <QObject>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <list>
#include <memory>
#include <stop_token>
#include <vector>

#include "app/answer_run.h"
#include "app/delta_batcher.h"
#include "engine/engine.h"

// What EngineQueue does on the engine's thread: the only caller of Engine. Slots in, signals out, values only. Exceptions become errors here.
//
// Runs go on a unit at a time; whatever else was asked meanwhile (a load, a plan, a count) comes between two units. A run whose stop was
// pulled comes first, then all of the highest priority together, in shared steps of the engine.

namespace pio {

struct LoadJob {
  quint64 serial = 0;
  LoadRequest request;
  QString notePath;  // holds the model's path while it is loaded, so that the next start can tell what a crash was about; "" none
};

struct RunJob {
  RunId id{};
  Priority priority = Priority::answer;
  QString messageId;
  GenerateRequest request;
};

class EngineLoop : public QObject {
  Q_OBJECT

 public:
  explicit EngineLoop(std::unique_ptr<Engine> engine);
  ~EngineLoop() override;

 public slots:
  // Beside a loaded model this is a switch: where the new one will not do, the loaded one stays and `kept` tells of both. Ends all runs.
  void load(const pio::LoadJob& job, std::stop_token stop);
  void unload();
  void forget(const QString& conversation);  // it is removed
  void add(const pio::RunJob& job, std::stop_token stop);
  void lookForStops();
  void countTokens(quint64 serial, const QString& text);
  void plan(quint64 serial, const pio::LoadRequest& request);
  void costPictures(quint64 loadSerial);  // of the model that came with this load
  void startLooking();                    // at the machine's memory; first of all, on its thread
  // Last of all: ends the runs and this thread's event loop.
  void close();

 signals:
  void loadProgress(quint64 serial, qint64 doneBytes, qint64 totalBytes);
  void loaded(quint64 serial, const pio::LoadedInfo& info);
  void loadFailed(quint64 serial, const pio::Error& error);                         // none is loaded now
  void waiting(const QStringList& paths);                                           // of models that wait in memory
  void givenBack(const pio::GivenBack& since);                                      // memory got short: what went since this was told last
  void kept(quint64 serial, const pio::Error& error, const pio::LoadedInfo& info);  // the load failed, this one is (again) loaded
  void paused(pio::RunId run, bool isPaused);
  void waitsForRoom(pio::RunId run, bool waits);  // in the cache, which others hold
  void dropped(pio::RunId run, qint64 nMessages);
  void looking(pio::RunId run, qint64 donePictures, qint64 totalPictures);
  void prefill(pio::RunId run, qint64 doneTokens, qint64 totalTokens);
  void textReady(pio::RunId run, const QString& messageId, const QString& delta, qint64 nTokens);
  void thoughtReady(pio::RunId run, const QString& messageId, const QString& delta, qint64 nTokens);
  void toolCalled(pio::RunId run, const QString& name, const QString& arguments);
  void finished(pio::RunId run, pio::FinishReason reason, const pio::GenerationStats& stats);
  void failed(pio::RunId run, const pio::Error& error);
  void tokensCounted(quint64 serial, qint64 nTokens);
  void planned(quint64 serial, const pio::LoadPlan& plan);
  void picturesCosted(quint64 loadSerial, const pio::PictureCosts& costs);
  void planFailed(quint64 serial, const pio::Error& error);

 private:
  struct Live;
  using Runs = std::list<std::unique_ptr<Live>>;
  void wake();
  void step();
  std::vector<Live*> next() const;               // whose unit comes next: one that is to stop, or the equals of the highest priority
  void advance(const std::vector<Live*>& runs);  // a unit of each; a run that has ended is gone
  bool beginRun(Live& run);                      // false: it has ended
  void tell(Live& run, const std::vector<GenerationEvent>& events);
  void remove(Live& run);
  void endAll();
  void tellWaiting();
  void lookAfterMemory();
  void tellGivenBack();

  std::unique_ptr<Engine> m_engine;
  Runs m_runs;
  QStringList m_waiting;            // as it was told last
  GivenBack m_givenBack;            // likewise
  QTimer* m_memoryTimer = nullptr;  // while nobody is answered
  bool m_isAwake = false;           // a step is on its way
};

}  // namespace pio
