#include "app/system/doctor.h"

#include <algorithm>

#include "app/engine_queue.h"
#include "app/library/model_library.h"
#include "app/model_session.h"
#include "app/system/elsewhere.h"

namespace pio {

Doctor::Doctor(Places places, EngineQueue* queue, ModelSession* model, QObject* parent)
    : QAbstractListModel(parent), m_places(std::move(places)), m_queue(queue) {
  const auto take = [this](const LoadedInfo& info) {
    m_running = {modelNameOf(QString::fromStdString(info.path)),
                 QString::fromStdString(info.quantization),
                 info.device,
                 info.n_threads,
                 info.layout.form,
                 info.weight_bytes,
                 info.state_bytes};
  };
  connect(queue, &EngineQueue::loaded, this, take);
  connect(queue, &EngineQueue::kept, this, [take](const Error&, const LoadedInfo& info) { take(info); });
  connect(queue, &EngineQueue::modelChanged, this, [this, queue] {
    if (!queue->isReady()) m_running = {};
  });
  connect(model, &ModelSession::answered, this, [this](const GenerationStats& stats) {
    constexpr qint64 kLeastTokens = 8;
    if (stats.generated_tokens < kLeastTokens || !m_running.isSet()) return;
    m_running.tokensPerSecond = stats.tokens_per_second;
    m_running.bytesPerToken = static_cast<double>(stats.weight_bytes_read) / static_cast<double>(stats.generated_tokens - 1);
  });
}

Doctor::~Doctor() = default;

int Doctor::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_findings.size()); }

QVariant Doctor::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= m_findings.size()) return {};
  const Finding& finding = m_findings[index.row()];
  switch (role) {
    case LevelRole: return static_cast<int>(finding.level);
    case TitleRole: return finding.title;
    case TextRole: return finding.text;
    case ActionRole: return finding.action;
    case ButtonRole: return static_cast<int>(finding.button);
    default: return {};
  }
}

QHash<int, QByteArray> Doctor::roleNames() const {
  return {{LevelRole, "level"}, {TitleRole, "title"}, {TextRole, "text"}, {ActionRole, "action"}, {ButtonRole, "button"}};
}

int Doctor::warnings() const {
  return static_cast<int>(
      std::count_if(m_findings.begin(), m_findings.end(), [](const Finding& finding) { return finding.level >= Finding::Warning; }));
}

void Doctor::look() {
  if (m_isBusy) return;
  m_isBusy = true;
  Q_EMIT changed();
  const DoctorQuestions questions{m_places, m_running, m_queue->busy()};
  runElsewhere(
      this, [questions] { return doctorFacts(questions); }, [this](const DoctorFacts& facts) { take(facts); });
}

void Doctor::take(const DoctorFacts& found) {
  DoctorFacts facts = found;
  addWindowFacts(facts, m_isDrawnByCard);
  beginResetModel();
  m_findings = findingsOf(facts);
  m_report = reportText(facts, m_findings);
  m_isBusy = false;
  endResetModel();
  Q_EMIT changed();
}

}  // namespace pio
