#include "app/settings/load_settings.h"

#include <algorithm>

#include "app/engine_queue.h"
#include "app/library/model_library.h"
#include "app/model_session.h"
#include "app/settings/number_limits.h"
#include "app/settings/settings.h"
#include "app/system/devices.h"

namespace pio {

constexpr qint64 kShorterContext = 8192;  // tokens, where what fits is too little

constexpr int kAskMs = 120;  // a slider that is drawn asks once, when it rests

LoadSettings::LoadSettings(const Wiring& wiring, QObject* parent) : QObject(parent), w(wiring) {
  m_askTimer.setSingleShot(true);
  m_askTimer.setInterval(kAskMs);
  connect(&m_askTimer, &QTimer::timeout, this, &LoadSettings::ask);
  connect(w.queue, &EngineQueue::planned, this, [this](quint64 serial, const LoadPlan& plan) {
    if (m_fit && serial == m_fitSerial) takeFit(&plan);
    if (serial != m_serial) return;
    m_isPlanning = false;
    m_hasPlan = true;
    m_plan = plan;
    m_problem = plan.fits ? UserError() : planNotice(plan);
    Q_EMIT planChanged();
  });
  connect(w.queue, &EngineQueue::planFailed, this, [this](quint64 serial, const Error& error) {
    if (m_fit && serial == m_fitSerial) takeFit(nullptr);
    if (serial != m_serial) return;
    m_isPlanning = m_hasPlan = false;
    m_plan = {};
    m_problem = userErrorOf(error);
    Q_EMIT planChanged();
  });
  connect(this, &LoadSettings::planChanged, this, &LoadSettings::deviceRowsChanged);
  connect(this, &LoadSettings::changed, this, &LoadSettings::deviceRowsChanged);
  connect(w.devices, &Devices::changed, this, &LoadSettings::deviceRowsChanged);
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
  m_fit.reset();
  Q_EMIT fittingChanged();
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

void LoadSettings::look() {
  if (!m_isPlanning) ask();
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

void LoadSettings::setDevice(const QString& name) {
  LoadChoice choice = m_choice;
  choice.device = name;
  put(choice);
}

void LoadSettings::setVramBytes(double bytes) {
  LoadChoice choice = m_choice;
  choice.vramBytes = static_cast<quint64>(within("vramBytes", bytes));
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

double LoadSettings::firstWordSeconds() const {
  if (prefillSpeed() <= 0 || decodeSpeed() <= 0) return 0;
  return kQuestionTokens / prefillSpeed() + 1 / decodeSpeed();
}

QVariantList LoadSettings::deviceRows() const {
  QVariantList rows = w.devices->usable();
  const auto rowOf = [&](const QString& id) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const QVariant& row) { return row.toMap().value("id").toString() == id; });
    return static_cast<qsizetype>(found - rows.begin());
  };
  // Without a listing yet, or one without it, a device of the plan is known by what the plan says.
  for (const LoadPlan::Device& device : m_plan.devices) {
    const QString id = QString::fromStdString(device.name);
    if (rowOf(id) == rows.size()) rows.append(QVariantMap{{"id", id}, {"name", w.devices->cardName(id)}, {"isCard", w.devices->isCard(id)}});
  }
  for (QVariant& value : rows) {
    QVariantMap row = value.toMap();
    LoadPlan::Device planned;
    for (const LoadPlan::Device& device : m_plan.devices)
      if (QString::fromStdString(device.name) == row.value("id").toString()) planned = device;
    if (planned.total_bytes > 0) {
      row.insert("totalBytes", static_cast<double>(planned.total_bytes));
      // What a budget leaves is not what other programs leave.
      if (m_choice.ramBytes == 0 && m_choice.vramBytes == 0) row.insert("freeBytes", static_cast<double>(planned.free_bytes));
    }
    // Where experts have slots, these alone are there of them.
    const quint64 inSlots = planned.weight_bytes - std::min<quint64>(planned.weight_bytes, m_plan.dense_bytes);
    const quint64 experts = planned.expert_bytes <= planned.weight_bytes ? planned.expert_bytes : inSlots;
    row.insert("denseBytes", static_cast<double>(planned.weight_bytes - experts));
    row.insert("expertBytes", static_cast<double>(experts));
    row.insert("stateBytes", static_cast<double>(planned.state_bytes));
    row.insert("scratchBytes", static_cast<double>(planned.scratch_bytes));
    row.insert("experts", static_cast<double>(planned.expert_bytes <= planned.weight_bytes ? planned.n_experts : m_plan.n_slots));
    row.insert("layers", static_cast<double>(planned.n_layers));
    value = row;
  }
  return rows;
}

double LoadSettings::cardBytes() const {
  double most = 0;
  const QVariantList devices = w.devices->usable();
  for (const QVariant& value : devices) {
    const QVariantMap device = value.toMap();
    const QString id = device.value("id").toString();
    const bool isMeant = m_choice.device == QLatin1String("auto") ? !device.value("isIntegrated").toBool() : m_choice.device.split(u',').contains(id);
    if (device.value("isCard").toBool() && isMeant) most = std::max(most, device.value("totalBytes").toDouble());
  }
  return most;
}

void LoadSettings::fit() {
  if (m_path.isEmpty() || m_fit) return;
  LoadChoice choice = m_choice;
  choice.contextLength = 0;
  choice.threads = 0;
  choice.ramBytes = choice.vramBytes = 0;
  Fit fit;
  QStringList devices{QStringLiteral("auto")};
  for (const DeviceInfo& device : w.devices->list().devices) devices.append(QString::fromStdString(device.name));
  for (const bool isSmaller : {false, true}) {
    for (const QString& device : std::as_const(devices)) {
      choice.device = device;
      if (isSmaller) {
        choice.contextLength = kShorterContext;
        choice.kv = DType::q8_0;
      } else {
        choice.kv = DType::f16;
      }
      fit.untried.append(choice);
    }
  }
  m_fit = fit;
  Q_EMIT fittingChanged();
  tryNext();
}

void LoadSettings::tryNext() {
  // What is smaller counts only where nothing fits as it is.
  const bool isFound = m_fit->best && !m_fit->untried.isEmpty() && m_fit->untried.first().kv != m_fit->best->kv;
  if (!m_fit->untried.isEmpty() && !isFound) {
    m_trying = m_fit->untried.takeFirst();
    m_fitSerial = w.queue->plan(m_trying.request(m_path));
    return;
  }
  const std::optional<LoadChoice> best = m_fit->best;
  m_fit.reset();
  Q_EMIT fittingChanged();
  if (best) put(*best);
}

void LoadSettings::takeFit(const LoadPlan* plan) {
  // What fits on "auto" as fast as on a device named keeps "auto", which goes with the computer.
  if (plan != nullptr && plan->fits && (!m_fit->best || plan->decode_tokens_per_second > 1.02 * m_fit->bestSpeed)) {
    m_fit->best = m_trying;
    m_fit->bestSpeed = plan->decode_tokens_per_second;
  }
  tryNext();
}

void LoadSettings::load() {
  if (!m_path.isEmpty()) w.models->choose(m_path);
}

void LoadSettings::undo() {
  if (isLoaded()) put(*w.model->loadedWith());
}

}  // namespace pio
