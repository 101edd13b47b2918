#pragma once

#include <QObject>
#include <QString>
#include <memory>
#include <stop_token>

#include "engine/engine.h"

// The only caller of Engine, on the engine thread. Slots in, signals out, values only; each carries the number of its load or turn, so that
// what is late can be told from what is meant. A stop token is pulled by the GUI thread directly: a queued slot would wait behind the work.

namespace pio {

struct LoadJob {
  quint64 number = 0;
  LoadRequest request;
  QString notePath;  // holds the model's path while it is loaded, so that the next start can tell what a crash was about; "" none
};

struct GenerateJob {
  quint64 turn = 0;
  QString messageId;  // the answer's
  GenerateRequest request;
};

class EngineWorker : public QObject {
  Q_OBJECT

 public:
  // No parent: it moves to the engine thread.
  explicit EngineWorker(std::unique_ptr<Engine> engine);
  ~EngineWorker() override;

 public slots:
  // Beside a loaded model this is a switch: where the new one will not do, the loaded one stays and `kept` tells of both.
  void load(const pio::LoadJob& job, std::stop_token stop);
  void unload();
  void generate(const pio::GenerateJob& job, std::stop_token stop);
  // What `text` costs as a person's message.
  void countTokens(quint64 serial, const QString& text);
  // What such a load would take, from the file's header alone.
  void plan(quint64 serial, const pio::LoadRequest& request);

 signals:
  void loadProgress(quint64 number, qint64 doneBytes, qint64 totalBytes);
  void loaded(quint64 number, const pio::LoadedInfo& info);
  void loadFailed(quint64 number, const pio::Error& error);                             // none is loaded now
  void kept(quint64 number, const pio::Error& error, const pio::LoadedInfo& info);      // the load failed, this one is (again) loaded
  void dropped(quint64 turn, qint64 nMessages);
  void looking(quint64 turn, qint64 donePictures, qint64 totalPictures);
  void prefill(quint64 turn, qint64 doneTokens, qint64 totalTokens);
  void textReady(quint64 turn, const QString& messageId, const QString& delta, qint64 nTokens);
  // The same of what the model thinks before it answers.
  void thoughtReady(quint64 turn, const QString& messageId, const QString& delta, qint64 nTokens);
  void toolCalled(quint64 turn, const QString& name, const QString& arguments);  // a JSON object, indented
  void finished(quint64 turn, pio::FinishReason reason, const pio::GenerationStats& stats);
  void failed(quint64 turn, const pio::Error& error);
  void tokensCounted(quint64 serial, qint64 nTokens);
  void planned(quint64 serial, const pio::LoadPlan& plan);
  void planFailed(quint64 serial, const pio::Error& error);

 private:
  std::unique_ptr<Engine> m_engine;
};

}  // namespace pio
