#include "app/library/switch_cost.h"

#include "app/engine_queue.h"
#include "app/settings/settings.h"

namespace pio {

SwitchCost::SwitchCost(EngineQueue* queue, Settings* settings, QObject* parent) : QObject(parent), m_queue(queue), m_settings(settings) {
  connect(queue, &EngineQueue::planned, this, [this](quint64 serial, const LoadPlan& plan) {
    if (serial == m_serial) set(plan.load_seconds, plan.fits);
  });
  connect(queue, &EngineQueue::planFailed, this, [this](quint64 serial) {
    if (serial == m_serial) set(0, true);  // the load will say what is wrong with it
  });
  connect(queue, &EngineQueue::modelChanged, this, &SwitchCost::ask);  // what is free has changed
}

void SwitchCost::setPath(const QString& path) {
  if (path == m_path) return;
  m_path = path;
  Q_EMIT pathChanged();
  set(0, true);
  ask();
}

void SwitchCost::ask() {
  m_serial = m_path.isEmpty() || m_queue->isLoading() || m_queue->isShutDown() ? 0 : m_queue->plan(m_settings->loadChoice(m_path).request(m_path));
}

void SwitchCost::set(double seconds, bool fits) {
  m_seconds = seconds;
  m_fits = fits;
  Q_EMIT changed();
}

}  // namespace pio
