#include "app/model_session.h"

#include <algorithm>

#include "app/engine_queue.h"
#include "app/library/model_library.h"
#include "app/notices.h"
#include "app/settings/settings.h"

namespace pio {

constexpr qint64 kSpeedTokens = 32;       // answers shorter than this say little about a model's speed
constexpr qint64 kUnknownContext = 8192;  // tokens, of a model that was not loaded

ModelSession::ModelSession(const Wiring& wiring, QObject* parent) : QObject(parent), w(wiring) {
  connect(w.queue, &EngineQueue::loadProgress, this, [this](qint64 done, qint64 total) {
    m_loadedBytes = done;
    m_totalBytes = total;
    Q_EMIT progressChanged();
  });
  connect(w.queue, &EngineQueue::picturesCosted, this, [this](const PictureCosts& costs) {
    m_pictureCosts = costs;
    Q_EMIT pictureCostsChanged();
  });
  connect(w.queue, &EngineQueue::loaded, this, [this](const LoadedInfo& info) {
    take(info);
    m_loadedWith = m_loadingWith;
    w.models->noteLoaded(m_path);
    say({});
    Q_EMIT changed();
  });
  connect(w.queue, &EngineQueue::loadFailed, this, [this](const Error& error) {
    forget();
    UserError notice = userErrorOf(error);
    m_hasFailed = notice.isSet();  // not set: the person stopped it
    if (m_hasFailed && !notice.actions.contains(UserError::Retry) && notice.actions.size() < 3) notice.actions.append(UserError::Retry);
    say(notice);
    Q_EMIT changed();
  });
  connect(w.queue, &EngineQueue::waiting, w.models, &ModelLibrary::setWaiting);
  connect(w.queue, &EngineQueue::givenBack, this, &ModelSession::noteGivenBack);
  connect(w.queue, &EngineQueue::kept, this, [this](const Error& error, const LoadedInfo& info) {
    take(info);
    const UserError notice = keptModelNotice(error, m_name);
    if (!notice.isSet()) m_lastPath = m_path;  // the person stopped it
    say(notice);
    Q_EMIT changed();
  });
  connect(w.queue, &EngineQueue::modelChanged, this, &ModelSession::changed);
  connect(w.settings, &Settings::changed, this, &ModelSession::thinkingChanged);
  connect(w.models, &ModelLibrary::loadRequested, this, &ModelSession::load);
}

QStringList ModelSession::notes() const {
  QStringList texts;
  for (const ModelNote& note : m_notes) texts.append(noteText(note));
  return texts;
}

ModelSession::State ModelSession::state() const {
  if (w.queue->isLoading()) return w.queue->isStoppingLoad() ? Stopping : Loading;
  return w.queue->isReady() ? Ready : None;
}

bool ModelSession::thinking() const { return w.settings->thinking(); }
void ModelSession::setThinking(bool value) { w.settings->setThinking(value); }

void ModelSession::say(const UserError& notice) {
  w.notices->show(Notices::Model, notice, [this](UserError::Action action) {
    if (action == UserError::Retry) retry();
    if (action == UserError::ShorterContext) shorterContext();
    if (action == UserError::NewChat) Q_EMIT w.notices->newChatRequested();
  });
}

void ModelSession::interruptedLoad(const QString& path) {
  m_lastPath = path;
  say(interruptedLoadNotice(path));
}

void ModelSession::waitForModel() { say(noModelNotice()); }
void ModelSession::askForModel() { say(askAgainNotice()); }

void ModelSession::noteAnswer(const GenerationStats& stats) {
  if (state() != Ready) return;
  if (stats.generated_tokens >= kSpeedTokens) setMeasured(stats);
  if (stats.generated_tokens >= kSpeedTokens) w.models->noteSpeed(m_path, stats.tokens_per_second);
  setExperts(expertFiguresOf(stats));
  Q_EMIT answered(stats);
}

// One notice tells of all that went since it was dismissed.
void ModelSession::noteGivenBack(const GivenBack& since) {
  m_givenBack.n_slots += since.n_slots;
  m_givenBack.slot_bytes += since.slot_bytes;
  m_givenBack.n_models += since.n_models;
  m_givenBack.snapshot_bytes += since.snapshot_bytes;
  w.notices->show(Notices::Memory, memoryNotice(m_givenBack), [this](UserError::Action action) {
    if (action == UserError::Dismiss) m_givenBack = {};
  });
}

void ModelSession::setExperts(const ExpertFigures& figures) {
  m_experts = figures;
  Q_EMIT expertsChanged();
}

void ModelSession::setMeasured(const GenerationStats& stats) {
  m_measured = stats;
  Q_EMIT measuredChanged();
}

ExpertFigures expertFiguresOf(const GenerationStats& stats) {
  const std::int64_t nChosen = stats.expert_hits + stats.expert_misses, nTokens = stats.prompt_tokens - stats.reused_tokens + stats.generated_tokens;
  ExpertFigures figures;
  if (nChosen == 0 || nTokens <= 0) return figures;
  figures.isSet = true;
  figures.hitRate = static_cast<double>(stats.expert_hits) / static_cast<double>(nChosen);
  figures.layers = QList<double>(stats.layer_hit_rates.begin(), stats.layer_hit_rates.end());
  figures.bytesPerToken = static_cast<double>(stats.disk_bytes_read) / static_cast<double>(nTokens);
  if (stats.disk_seconds > 0) figures.bytesPerSecond = static_cast<double>(stats.disk_bytes_read) / stats.disk_seconds;
  const double seconds = stats.prefill_seconds + stats.decode_seconds;
  if (seconds > 0) figures.waitingShare = std::min(1.0, stats.disk_waiting_seconds / seconds);
  figures.tokensPerSecond = stats.tokens_per_second;
  figures.moreHitRate = stats.more_hit_rate;
  figures.moreTokensPerSecond = stats.more_tokens_per_second;
  return figures;
}

void ModelSession::askPictureCosts() {
  if (!m_sees || state() != Ready || std::exchange(m_hasAskedCosts, true)) return;
  w.queue->costPictures();
}

void ModelSession::forgetPictureCosts() {
  m_hasAskedCosts = false;
  m_pictureCosts = {};
  Q_EMIT pictureCostsChanged();
}

void ModelSession::take(const LoadedInfo& info) {
  forgetPictureCosts();
  setExperts({});
  setMeasured({});
  m_device = QString::fromStdString(info.device);
  m_path = QString::fromStdString(info.path);
  m_name = modelNameOf(m_path);
  m_detail = QString::fromStdString(info.quantization);
  m_contextLength = info.context_length;
  m_sees = info.can_see;
  m_thinks = info.can_think;
  m_notes = info.notes;
  w.settings->setRecommended(info.recommended);
  w.models->setCurrent(m_path);
}

void ModelSession::forget() {
  forgetPictureCosts();
  setExperts({});
  setMeasured({});
  m_device.clear();
  m_path.clear();
  m_name.clear();
  m_detail.clear();
  m_notes.clear();
  m_sees = m_thinks = m_hasFailed = false;
  m_contextLength = 0;
  m_loadedWith.reset();
  w.models->setCurrent({});
}

void ModelSession::load(const QString& path) {
  if (path.isEmpty()) return;
  m_lastPath = path;
  m_detail.clear();
  m_device.clear();
  m_notes.clear();
  m_path = path;
  m_name = modelNameOf(path);
  m_sees = m_thinks = m_hasFailed = false;
  m_contextLength = m_loadedBytes = m_totalBytes = 0;
  w.models->setCurrent(path);
  say({});
  m_loadingWith = w.settings->loadChoice(path);
  Q_EMIT progressChanged();
  w.queue->load(m_loadingWith.request(path), w.loadNotePath);
}

void ModelSession::unload() {
  if (!hasModel()) return;
  forget();
  w.models->noteUnloaded();
  w.queue->unload();
}

void ModelSession::stop() { w.queue->stopLoading(); }

void ModelSession::retry() { load(QString(m_lastPath)); }

void ModelSession::shorterContext() {
  const QString path = m_lastPath;
  if (path.isEmpty()) return;
  LoadChoice choice = w.settings->loadChoice(path);
  const qint64 present = choice.contextLength > 0 ? choice.contextLength : m_contextLength > 0 ? m_contextLength : kUnknownContext;
  choice.contextLength = std::max(LoadChoice::kLeastContext, present / 2);
  w.settings->setLoadChoice(path, choice);
  load(path);
}

}  // namespace pio
