#include "app/desktop/desktop_bus.h"

#include <QDBusArgument>
#include <QDBusMessage>
#include <QDBusObjectPath>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QFileInfo>

namespace pio {
namespace {

const QString kPortal = QStringLiteral("org.freedesktop.portal.Desktop");
const QString kPortalPath = QStringLiteral("/org/freedesktop/portal/desktop");
const QString kPortalSettings = QStringLiteral("org.freedesktop.portal.Settings");
const QString kPortalNotification = QStringLiteral("org.freedesktop.portal.Notification");
const QString kPortalInhibit = QStringLiteral("org.freedesktop.portal.Inhibit");
const QString kAppearance = QStringLiteral("org.freedesktop.appearance");
const QString kNotifications = QStringLiteral("org.freedesktop.Notifications");
const QString kNotificationsPath = QStringLiteral("/org/freedesktop/Notifications");
const QString kLogin = QStringLiteral("org.freedesktop.login1");
const QString kId = QStringLiteral("io.github.inference_pio.InferencePio");
const QString kNotificationId = QStringLiteral("answer");
const QString kConnections[] = {QStringLiteral("inference-pio-session"), QStringLiteral("inference-pio-system")};

constexpr uint kSuspend = 4;  // of the portal's flags

QDBusMessage portalCall(const QString& interface, const QString& method) {
  return QDBusMessage::createMethodCall(kPortal, kPortalPath, interface, method);
}

// `then` with the watcher when the answer is there, on this thread.
template <class Then>
void call(QObject* owner, const QDBusConnection& bus, const QDBusMessage& message, Then then) {
  auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(message, DesktopBus::kPatienceMs), owner);
  QObject::connect(watcher, &QDBusPendingCallWatcher::finished, owner, [then](QDBusPendingCallWatcher* ended) {
    then(ended);
    ended->deleteLater();
  });
}

}  // namespace

BusAddresses BusAddresses::ofEnvironment() {
  BusAddresses addresses{qEnvironmentVariable("DBUS_SESSION_BUS_ADDRESS"), qEnvironmentVariable("DBUS_SYSTEM_BUS_ADDRESS")};
  if (addresses.session.isEmpty()) {
    const QString socket = qEnvironmentVariable("XDG_RUNTIME_DIR") + QStringLiteral("/bus");
    if (QFileInfo(socket).isAbsolute() && QFileInfo::exists(socket)) addresses.session = QStringLiteral("unix:path=") + socket;
  }
  const QString socket = QStringLiteral("/run/dbus/system_bus_socket");
  if (addresses.system.isEmpty() && QFileInfo::exists(socket)) addresses.system = QStringLiteral("unix:path=") + socket;
  return addresses;
}

DesktopBus::~DesktopBus() {
  for (const QString& name : kConnections) QDBusConnection::disconnectFromBus(name);
}

void DesktopBus::start(const BusAddresses& addresses) {
  if (!addresses.system.isEmpty()) m_system = QDBusConnection::connectToBus(addresses.system, kConnections[1]);
  if (addresses.session.isEmpty()) return;
  m_session = QDBusConnection::connectToBus(addresses.session, kConnections[0]);
  if (!m_session.isConnected()) return;
  m_session.connect(kPortal, kPortalPath, kPortalSettings, QStringLiteral("SettingChanged"), this,
                    SLOT(onSettingChanged(QString, QString, QDBusVariant)));
  m_session.connect(kPortal, kPortalPath, kPortalNotification, QStringLiteral("ActionInvoked"), this,
                    SLOT(onPortalAction(QString, QString, QVariantList)));
  m_session.connect(kNotifications, kNotificationsPath, kNotifications, QStringLiteral("ActionInvoked"), this, SLOT(onAction(uint, QString)));
  readLook();
}

// ---- the look ----------------------------------------------------------------------------------------------------------------------

void DesktopBus::readLook() {
  QDBusMessage message = portalCall(kPortalSettings, QStringLiteral("ReadAll"));
  message << QStringList{kAppearance};
  call(this, m_session, message, [this](QDBusPendingCallWatcher* ended) {
    const QDBusMessage reply = ended->reply();
    if (ended->isError() || reply.signature() != QLatin1String("a{sa{sv}}")) return;  // reading an answer of another form is undefined
    const auto spaces = qdbus_cast<QMap<QString, QVariantMap>>(reply.arguments().first());
    const QVariantMap settings = spaces.value(kAppearance);
    for (auto setting = settings.begin(); setting != settings.end(); ++setting) take(setting.key(), *setting);
    Q_EMIT lookRead(m_look);
  });
}

void DesktopBus::onSettingChanged(const QString& space, const QString& key, const QDBusVariant& value) {
  if (space != kAppearance) return;
  const DesktopLook before = m_look;
  take(key, value.variant());
  if (m_look != before) Q_EMIT lookRead(m_look);
}

void DesktopBus::take(const QString& key, const QVariant& value) {
  const uint number = value.canConvert<QDBusVariant>() ? value.value<QDBusVariant>().variant().toUInt() : value.toUInt();
  if (key == QLatin1String("color-scheme")) {
    m_look.scheme = number == 1 ? DesktopLook::Dark : number == 2 ? DesktopLook::Light : DesktopLook::NoPreference;
  } else if (key == QLatin1String("contrast")) {
    m_look.highContrast = number == 1;
  } else if (key == QLatin1String("reduced-motion")) {
    m_look.reducedMotion = number == 1;
  }
}

// ---- no sleep ----------------------------------------------------------------------------------------------------------------------

void DesktopBus::keepAwake(const QString& why) {
  m_isToStayAwake = true;
  m_why = why;
  if (m_hold != Hold::none) return;
  if (!m_session.isConnected()) return askLogind();
  m_hold = Hold::asked;
  QDBusMessage message = portalCall(kPortalInhibit, QStringLiteral("Inhibit"));
  message << QString() << kSuspend << QVariantMap{{QStringLiteral("reason"), why}};
  call(this, m_session, message, [this](QDBusPendingCallWatcher* ended) {
    const QDBusPendingReply<QDBusObjectPath> reply = *ended;
    if (reply.isError()) {
      m_hold = Hold::none;
      if (m_isToStayAwake) askLogind();
      return;
    }
    m_hold = Hold::portal;
    m_request = reply.value().path();
    if (!m_isToStayAwake) release();
  });
}

void DesktopBus::askLogind() {
  if (!m_system.isConnected()) return;
  m_hold = Hold::asked;
  QDBusMessage message = QDBusMessage::createMethodCall(kLogin, QStringLiteral("/org/freedesktop/login1"),
                                                        QStringLiteral("org.freedesktop.login1.Manager"), QStringLiteral("Inhibit"));
  message << QStringLiteral("sleep") << QStringLiteral("Inference-PIO") << m_why << QStringLiteral("block");
  call(this, m_system, message, [this](QDBusPendingCallWatcher* ended) {
    const QDBusPendingReply<QDBusUnixFileDescriptor> reply = *ended;
    m_hold = reply.isError() ? Hold::none : Hold::logind;
    if (!reply.isError()) m_inhibitor = reply.value();
    if (!m_isToStayAwake) release();
  });
}

void DesktopBus::letSleep() {
  m_isToStayAwake = false;
  release();
}

// What was asked for and is not there yet is let go when it comes.
void DesktopBus::release() {
  if (m_hold == Hold::portal) {
    m_session.asyncCall(
        QDBusMessage::createMethodCall(kPortal, m_request, QStringLiteral("org.freedesktop.portal.Request"), QStringLiteral("Close")));
  }
  if (m_hold == Hold::asked) return;
  m_inhibitor = {};
  m_hold = Hold::none;
}

// ---- notifications -----------------------------------------------------------------------------------------------------------------

void DesktopBus::notify(const QString& title, const QString& words) {
  if (!m_session.isConnected()) return;
  QDBusMessage message = portalCall(kPortalNotification, QStringLiteral("AddNotification"));
  message << kNotificationId
          << QVariantMap{
                 {QStringLiteral("title"), title}, {QStringLiteral("body"), words}, {QStringLiteral("default-action"), QStringLiteral("open")}};
  call(this, m_session, message, [this, title, words](QDBusPendingCallWatcher* ended) {
    m_isShownByPortal = !ended->isError();
    if (ended->isError()) notifyDirectly(title, words);
  });
}

void DesktopBus::notifyDirectly(const QString& title, const QString& words) {
  QDBusMessage message = QDBusMessage::createMethodCall(kNotifications, kNotificationsPath, kNotifications, QStringLiteral("Notify"));
  // The words are plain: servers that read markup would take a < for it.
  message << QStringLiteral("Inference-PIO") << m_notification << kId << title << words.toHtmlEscaped()
          << QStringList{QStringLiteral("default"), QString()} << QVariantMap{{QStringLiteral("desktop-entry"), kId}} << -1;
  call(this, m_session, message, [this](QDBusPendingCallWatcher* ended) {
    const QDBusPendingReply<uint> reply = *ended;
    if (!reply.isError()) m_notification = reply.value();
  });
}

void DesktopBus::withdraw() {
  if (std::exchange(m_isShownByPortal, false)) {
    QDBusMessage message = portalCall(kPortalNotification, QStringLiteral("RemoveNotification"));
    m_session.asyncCall(message << kNotificationId);
  }
  if (const uint id = std::exchange(m_notification, 0); id != 0) {
    QDBusMessage message = QDBusMessage::createMethodCall(kNotifications, kNotificationsPath, kNotifications, QStringLiteral("CloseNotification"));
    m_session.asyncCall(message << id);
  }
}

void DesktopBus::onPortalAction(const QString& id, const QString&, const QVariantList&) {
  if (id == kNotificationId) Q_EMIT notificationPressed();
}

void DesktopBus::onAction(uint id, const QString& action) {
  if (id != 0 && id == m_notification && action == QLatin1String("default")) Q_EMIT notificationPressed();
}

}  // namespace pio
