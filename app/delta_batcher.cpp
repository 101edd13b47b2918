#include "app/delta_batcher.h"

namespace pio {

DeltaBatcher::DeltaBatcher(Sink sink, std::chrono::milliseconds interval) : m_sink(std::move(sink)), m_interval(interval) {}

void DeltaBatcher::add(std::string_view text, qint64 nTokens) {
  m_pending += text;
  m_nTokens = nTokens;
  if (Clock::now() >= m_due) flush();
}

void DeltaBatcher::flush() {
  if (m_pending.empty()) return;
  m_due = Clock::now() + m_interval;
  m_sink(QString::fromUtf8(m_pending.data(), static_cast<qsizetype>(m_pending.size())), m_nTokens);
  m_pending.clear();
}

}  // namespace pio
