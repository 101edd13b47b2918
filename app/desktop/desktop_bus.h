#pragma once

#include <QDBusConnection>
#include <QDBusUnixFileDescriptor>
#include <QDBusVariant>
#include <QObject>
#include <QString>
#include <QVariantMap>

// What the desktop is asked and told, by D-Bus: its theme, notifications, no sleep meanwhile. Each has a first way, the desktop's portal, and where
// that is not there a second one; where neither is, nothing happens and nobody is told. Lives on a thread of its own, since a bus may hang.

namespace pio {

// What the desktop prefers; what it does not say is false.
struct DesktopLook {
  enum Scheme { NoPreference, Dark, Light };  // as the portal numbers them
  Scheme scheme = NoPreference;
  bool highContrast = false;
  bool reducedMotion = false;
  bool operator==(const DesktopLook&) const = default;
};

// Of the two buses; "" none. From the environment only: a bus is never started for this.
struct BusAddresses {
  QString session, system;
  static BusAddresses ofEnvironment();
};

class DesktopBus : public QObject {
  Q_OBJECT

 public:
  static constexpr int kPatienceMs = 5000;  // for an answer of the first way
  ~DesktopBus() override;

 public slots:
  void start(const pio::BusAddresses& addresses);
  // The computer is not to go to sleep by itself; `why` is what the desktop shows.
  void keepAwake(const QString& why);
  void letSleep();
  // One notification: a new one takes the place of the old.
  void notify(const QString& title, const QString& words);
  void withdraw();  // what it said has been seen

 signals:
  void lookRead(const pio::DesktopLook& look);
  void notificationPressed();

 private slots:
  void onSettingChanged(const QString& space, const QString& key, const QDBusVariant& value);
  void onPortalAction(const QString& id, const QString& action, const QVariantList& parameters);
  void onAction(uint id, const QString& action);

 private:
  enum class Hold { none, asked, portal, logind };
  void readLook();
  void take(const QString& key, const QVariant& value);
  void askLogind();
  void notifyDirectly(const QString& title, const QString& words);
  void release();

  QDBusConnection m_session{QString()}, m_system{QString()};
  DesktopLook m_look;
  Hold m_hold = Hold::none;
  bool m_isToStayAwake = false;
  QString m_why;
  QString m_request;                    // of the portal, to be closed
  QDBusUnixFileDescriptor m_inhibitor;  // of logind: closed, it ends
  bool m_isShownByPortal = false;
  uint m_notification = 0;  // of the second way
};

}  // namespace pio

Q_DECLARE_METATYPE(pio::DesktopLook)
Q_DECLARE_METATYPE(pio::BusAddresses)
