#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

#include "app/desktop/desktop_bus.h"

class QThread;

// The desktop as the window sees it: what it prefers, and what it is told while nobody looks. Nothing here waits for it.

namespace pio {

class Desktop : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(Scheme scheme READ scheme NOTIFY lookChanged)
  Q_PROPERTY(bool highContrast READ highContrast NOTIFY lookChanged)
  Q_PROPERTY(bool reducedMotion READ reducedMotion NOTIFY lookChanged)
  Q_PROPERTY(bool windowSeen READ windowSeen WRITE setWindowSeen NOTIFY windowSeenChanged)  // the window is in front of a person

 public:
  enum Scheme { NoPreference = DesktopLook::NoPreference, Dark = DesktopLook::Dark, Light = DesktopLook::Light };
  Q_ENUM(Scheme)
  static constexpr double kLongSeconds = 10;  // of an answer that one turned away from
  static constexpr int kAwakeAfterMs = 3000;  // of computing: short work does not trouble the desktop

  explicit Desktop(QObject* parent = nullptr);
  // Lets the computer sleep again.
  ~Desktop() override;
  // Once; without it there is no desktop.
  void start(const BusAddresses& addresses);

  Scheme scheme() const { return static_cast<Scheme>(m_look.scheme); }
  bool highContrast() const { return m_look.highContrast; }
  bool reducedMotion() const { return m_look.reducedMotion; }
  bool windowSeen() const { return m_isWindowSeen; }
  void setWindowSeen(bool value);

 public slots:
  void setComputing(bool value);
  void answerEnded(double seconds, qint64 nTokens, const QString& model);

 signals:
  void lookChanged();
  void windowSeenChanged();
  void notificationPressed();

 private:
  template <class Call>
  void onBus(Call call);

  QThread* m_thread = nullptr;
  DesktopBus* m_bus = nullptr;  // on it; deleted with its end
  DesktopLook m_look;
  QTimer m_awakeTimer;
  bool m_isComputing = false, m_isWindowSeen = true, m_hasNotified = false;
};

}  // namespace pio
