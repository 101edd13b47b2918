#include "app/desktop/desktop.h"

#include <QLocale>
#include <QThread>
#include <cmath>

namespace pio {

Desktop::Desktop(QObject* parent) : QObject(parent) {
  m_awakeTimer.setSingleShot(true);
  m_awakeTimer.setInterval(kAwakeAfterMs);
  connect(&m_awakeTimer, &QTimer::timeout, this, [this] { onBus([why = tr("A model is answering")](DesktopBus* bus) { bus->keepAwake(why); }); });
}

Desktop::~Desktop() {
  if (m_thread == nullptr) return;
  m_thread->quit();
  // A bus that hangs keeps its thread; the end of the program ends it, and with it what the desktop was told.
  constexpr int kPatienceMs = 1000;
  if (m_thread->wait(kPatienceMs)) delete m_thread;
}

void Desktop::start(const BusAddresses& addresses) {
  if (m_thread != nullptr || (addresses.session.isEmpty() && addresses.system.isEmpty())) return;
  m_thread = new QThread;
  m_thread->setObjectName(QStringLiteral("desktop"));
  m_bus = new DesktopBus;
  m_bus->moveToThread(m_thread);
  connect(m_thread, &QThread::finished, m_bus, &QObject::deleteLater);
  connect(m_bus, &DesktopBus::lookRead, this, [this](const DesktopLook& look) {
    if (look == m_look) return;
    m_look = look;
    Q_EMIT lookChanged();
  });
  connect(m_bus, &DesktopBus::notificationPressed, this, &Desktop::notificationPressed);
  m_thread->start();
  onBus([addresses](DesktopBus* bus) { bus->start(addresses); });
}

template <class Call>
void Desktop::onBus(Call call) {
  if (m_bus != nullptr) QMetaObject::invokeMethod(m_bus, [bus = m_bus, call] { call(bus); });
}

void Desktop::setWindowSeen(bool value) {
  if (value == m_isWindowSeen) return;
  m_isWindowSeen = value;
  if (value && std::exchange(m_hasNotified, false)) onBus([](DesktopBus* bus) { bus->withdraw(); });
  Q_EMIT windowSeenChanged();
}

void Desktop::setComputing(bool value) {
  if (value == m_isComputing) return;
  m_isComputing = value;
  if (value) {
    m_awakeTimer.start();
  } else {
    m_awakeTimer.stop();
    onBus([](DesktopBus* bus) { bus->letSleep(); });
  }
}

// No word of the conversation: notifications are kept by the desktop, and shown to whoever passes.
void Desktop::answerEnded(double seconds, qint64 nTokens, const QString& model) {
  if (m_isWindowSeen || seconds < kLongSeconds) return;
  m_hasNotified = true;
  const QString words = tr("%1 wrote %2 tokens in %3 s.").arg(model, QLocale().toString(nTokens), QLocale().toString(std::lround(seconds)));
  onBus([title = tr("The answer is there"), words](DesktopBus* bus) { bus->notify(title, words); });
}

}  // namespace pio
