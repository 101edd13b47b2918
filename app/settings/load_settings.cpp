#include "app/settings/load_settings.h"

#include <algorithm>

#include "app/engine_queue.h"
#include "app/library/model_library.h"
#include "app/model_session.h"
#include "app/settings/number_limits.h"
#include "app/settings/settings.h"

namespace pio {

constexpr int kAskMs = 120;  // a slider that is drawn asks once, when it rests

LoadSettings::LoadSettings(const Wiring& wiring, QObject* parent) : QObject(parent), w(wiring) {
  m_askTimer.setSingleShot(true);
  m_askTimer.setInterval(kAskMs);
  connect(&m_askTimer, &QTimer::timeout, this, &LoadSettings::ask);
  connect(w.queue, &EngineQueue::planned, this, [this](quint64 serial, const LoadPlan& plan) {
    if (serial != m_serial) return;
    m_isPlanning = false;
    m_hasPlan = true;
    m_plan = plan;
    m_problem = plan.fits ? UserError() : planNotice(plan);
    Q_EMIT planChanged();
  });
  connect(w.queue, &EngineQueue::planFailed, this, [this](quint64 serial, const Error& error) {
    if (serial != m_serial) return;
    m_isPlanning = m_hasPlan = false;
    m_plan = {};
    m_problem = userErrorOf(error);
    Q_EMIT planChanged();
  });
  connect(w.model, &ModelSession::changed, this, &LoadSettings::changed);
  connect(w.models, &ModelLibrary::modelReset, this, &LoadSettings::changed);
  // "Use a shorter context" chooses for a model too.
  connect(w.settings, &Settings::changed, this, [this] {
    if (!m_path.isEmpty()) put(w.settings->loadChoice(m_path));
  });
}

void LoadSettings::setPath(const QString& path) {
  if (path == m_path) return;
  m_path = path;
  m_choice = w.settings->loadChoice(path);
  m_plan = {};
  m_hasPlan = false;
  m_problem = {};
  m_serial = 0;
  Q_EMIT pathChanged();
  Q_EMIT changed();
  ask();
}

void LoadSettings::put(const LoadChoice& choice) {
  if (choice == m_choice || m_path.isEmpty()) return;
  m_choice = choice;
  w.settings->setLoadChoice(m_path, choice);
  m_serial = 0;
  m_isPlanning = true;
  m_askTimer.start();
  Q_EMIT changed();
  Q_EMIT planChanged();
}

void LoadSettings::ask() {
  m_isPlanning = !m_path.isEmpty();
  Q_EMIT planChanged();
  if (m_path.isEmpty()) return;
  m_serial = w.queue->plan(m_choice.request(m_path));
}

bool LoadSettings::canQuantize() const {
  // Weights that are stored in few bits already would only lose by being rounded again.
  const QString stored = w.models->quantizationOf(m_path);
  return stored.isEmpty() || stored == QLatin1String("F32") || stored == QLatin1String("F16") || stored == QLatin1String("BF16") ||
         m_choice.quantization != LoadQuantization::keep;
}

void LoadSettings::setQuantization(int value) {
  LoadChoice choice = m_choice;
  choice.quantization = static_cast<LoadQuantization>(std::clamp<int>(value, Keep, Nf4));
  put(choice);
}

QList<int> LoadSettings::contexts() const {
  QList<int> lengths{0};
  for (int tokens = 2048; tokens <= 262'144; tokens *= 2) lengths.append(tokens);
  return lengths;
}

QVariantMap LoadSettings::limits() const { return numberLimits(); }

void LoadSettings::setKvType(const QString& name) {
  LoadChoice choice = m_choice;
  choice.kv = kvFromName(name).value_or(choice.kv);
  put(choice);
}

void LoadSettings::setContextLength(int tokens) {
  LoadChoice choice = m_choice;
  choice.contextLength = within("contextLength", tokens);
  put(choice);
}

void LoadSettings::setThreads(int threads) {
  LoadChoice choice = m_choice;
  choice.threads = within("threads", threads);
  put(choice);
}

void LoadSettings::setRamBytes(double bytes) {
  LoadChoice choice = m_choice;
  choice.ramBytes = static_cast<quint64>(within("ramBytes", bytes));
  put(choice);
}

void LoadSettings::setAttention(int kind) {
  LoadChoice choice = m_choice;
  choice.attention.kind = static_cast<KvSelection::Kind>(std::clamp<int>(kind, Full, Pages));
  put(choice);
}

void LoadSettings::setAttentionWindow(int tokens) {
  LoadChoice choice = m_choice;
  choice.attention.window = within("attentionWindow", tokens);
  put(choice);
}

void LoadSettings::setAttentionPages(int pages) {
  LoadChoice choice = m_choice;
  choice.attention.n_pages = within("attentionPages", pages);
  put(choice);
}

bool LoadSettings::isLoaded() const { return !m_path.isEmpty() && w.model->loadedWith() && w.model->path() == m_path; }
bool LoadSettings::differs() const { return isLoaded() && !(*w.model->loadedWith() == m_choice); }

double LoadSettings::freeBytes() const { return m_plan.devices.empty() ? 0 : static_cast<double>(m_plan.devices.front().free_bytes); }
double LoadSettings::totalBytes() const { return m_plan.devices.empty() ? 0 : static_cast<double>(m_plan.devices.front().total_bytes); }

double LoadSettings::expertShare() const {
  return m_plan.n_experts == 0 ? 1 : static_cast<double>(m_plan.n_slots) / static_cast<double>(m_plan.n_experts);
}

void LoadSettings::load() {
  if (!m_path.isEmpty()) w.models->choose(m_path);
}

void LoadSettings::undo() {
  if (isLoaded()) put(*w.model->loadedWith());
}

}  // namespace pio
