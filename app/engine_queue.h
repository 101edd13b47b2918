#pragma once

#include <QObject>
#include <QThread>
#include <QtQml/qqmlregistration.h>
#include <functional>
#include <memory>
#include <vector>

#include "app/answer_run.h"

// The engine, for all who want something of it: it owns the engine's thread and decides who goes next, before every unit of work. On the
// GUI thread; nothing here waits but join().
//
// A run waits until a model is ready, no run of a higher priority is under way, and of its own fewer than the model can answer at once. Those that
// are under way together share the engine's steps, and the cache of keys and values, which holds one full context: who finds no room there waits
// until another one has ended (Queued); where nobody can go on, the one that began last gives some of its room up and reads it again later. A run of
// a higher priority pauses the lower ones between two units: Paused, nothing is lost, and they go on by themselves. What a pause costs: a paused run
// keeps its blocks of the cache. The higher run has what is left, and fails with context_full where that is too little.
// A load or an unload ends the runs of the old model as stopped; those that still wait go to the next model. Plans and counts run between
// two units.

namespace pio {

class EngineLoop;

class EngineQueue : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(pio::AnswerRun* current READ current NOTIFY currentChanged)  // the run that the engine works on; null none
  Q_PROPERTY(bool busy READ busy NOTIFY currentChanged)                   // it works for somebody, or loads

 public:
  explicit EngineQueue(std::unique_ptr<Engine> engine, QObject* parent = nullptr);
  ~EngineQueue() override;

  // `prepare` is called when its turn has come (not before this returns) and calls run.start(…) then or later, when the words are on the disk.
  AnswerRun* submit(std::function<void(AnswerRun& run)> prepare, Priority priority = Priority::answer, OnHigher onHigher = OnHigher::pause);

  bool isReady() const { return m_isReady; }
  bool isLoading() const { return m_isLoading; }
  bool isStoppingLoad() const { return m_isLoading && m_loadStop.stop_requested(); }
  bool isShutDown() const { return m_isShutDown; }
  AnswerRun* current() const;
  bool busy() const { return m_isLoading || current() != nullptr; }

  // Where it is kept from one run to the next which experts were wanted, of all models that are loaded from now on; "" nowhere.
  void setCacheFolder(const QString& folder) { m_cacheFolder = folder; }
  // The places where a model's vision half may lie beside those that the engine knows: for every load and plan from now on.
  using Halves = std::function<std::vector<std::string>(const std::string& path)>;
  void setHalves(Halves halves) { m_halves = std::move(halves); }
  // Loads it instead of the loaded one. Of several loads asked for the last one counts; the others are stopped.
  void load(const LoadRequest& request, const QString& notePath);
  void stopLoading();
  void unload();
  void forget(const QString& conversation);  // a chat that is removed: nothing of it stays in memory or in a file
  // Each answers with a signal that carries the number it returns.
  quint64 countTokens(const QString& text);  // what it costs as a person's message
  quint64 plan(const LoadRequest& request);  // what such a load would take, from the file's header alone
  void costPictures();                       // what pictures cost with the loaded model: picturesCosted

  void shutDown();  // stops everything
  void join();      // waits for the thread and delivers what it said last; every run has ended then

 signals:
  void currentChanged();
  void modelChanged();  // isReady or isLoading
  void loadProgress(qint64 doneBytes, qint64 totalBytes);
  void loaded(const pio::LoadedInfo& info);
  void loadFailed(const pio::Error& error);                         // none is loaded now
  void kept(const pio::Error& error, const pio::LoadedInfo& info);  // the load failed, this one is (again) loaded
  void waiting(const QStringList& paths);                           // of models that wait in memory beside the loaded one
  void givenBack(const pio::GivenBack& since);                      // what went because memory got short, since this was told last
  void tokensCounted(quint64 serial, qint64 nTokens);
  void planned(quint64 serial, const pio::LoadPlan& plan);
  void planFailed(quint64 serial, const pio::Error& error);
  void picturesCosted(const pio::PictureCosts& costs);
  // Straight from the engine's thread, for the history: words of the answer that has this id.
  void textReady(const QString& messageId, const QString& delta, qint64 nTokens);
  void thoughtReady(const QString& messageId, const QString& delta, qint64 nTokens);

 private:
  friend class AnswerRun;
  void launch(AnswerRun& run);
  void takeBack(AnswerRun& run);   // the engine's thread does not know it yet
  void endPaused(AnswerRun& run);  // all its words are here; the unit of another run is not waited for
  void lookForStops();
  bool mayBegin(Priority priority) const;
  void pump();     // begins what may begin
  void endRuns();  // of the model that goes
  void setModel(bool isReady, bool isLoading);
  AnswerRun* find(RunId id) const;
  AnswerRun* hear(RunId id);  // the run that the engine says something of: what it said before comes first
  // Words that wait together in the event queue are handed over as one piece: a window that was kept away catches up in one go.
  void gather(RunId id, bool isThought, const QString& delta, qint64 nTokens);
  void handOver();
  void drop(AnswerRun& run, AnswerRun::State state);
  void finish(AnswerRun& run, FinishReason reason, const GenerationStats& stats);
  void fail(AnswerRun& run, const Error& error);

  struct Words {
    RunId run{};
    bool isThought = false;
    QString delta;  // "" none
    qint64 nTokens = 0;
  };

  QThread m_thread;
  EngineLoop* m_loop;              // on it; deleted with its end
  std::vector<AnswerRun*> m_runs;  // that have not ended, in the order they came; children of this
  Words m_words;                   // that are gathered
  QString m_cacheFolder;
  Halves m_halves;
  quint64 m_number = 0;  // of the last run, load, plan or count
  quint64 m_loadSerial = 0;
  std::stop_source m_loadStop;
  qsizetype m_mostAtOnce = 1;  // answers, of the loaded model
  bool m_isReady = false, m_isLoading = false, m_isShutDown = false, m_isPumping = false;
};

}  // namespace pio
