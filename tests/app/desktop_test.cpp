#include <QDBusConnection>
#include <QDBusInterface>
#include <QDBusReply>
#include <QElapsedTimer>
#include <QFile>
#include <QProcess>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/desktop/desktop.h"
#include "tests/app/program_fixture.h"

// The desktop played by python3-dbusmock on a bus of its own: portal, notifications, logind, each there or not.

using namespace pio;

namespace {

constexpr const char* kMock = "org.freedesktop.DBus.Mock";

// A bus without anybody on it.
class Bus {
 public:
  bool start() {
    QFile config(m_folder.filePath("bus.conf"));
    if (!config.open(QIODevice::WriteOnly)) return false;
    const QString open =
        "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>";
    config.write(("<busconfig><type>session</type><listen>" + address() + "</listen>" + open + "</busconfig>").toUtf8());
    config.close();
    m_daemon.start("dbus-daemon", {"--nofork", "--nopidfile", "--config-file=" + config.fileName()});
    return m_daemon.waitForStarted() && QTest::qWaitFor([this] { return QFile::exists(m_folder.filePath("bus")); });
  }
  ~Bus() {
    for (const auto& mock : m_mocks) {
      mock->terminate();
      mock->waitForFinished(2000);
    }
    m_daemon.terminate();
    m_daemon.waitForFinished(2000);
    QDBusConnection::disconnectFromBus("test");
  }
  QString address() const { return "unix:path=" + m_folder.filePath("bus"); }
  QDBusConnection connection() const {
    static const QString name = "test";
    return QDBusConnection::connectToBus(address(), name);
  }
  bool play(const QString& python, const QStringList& arguments, const QString& name) {
    auto mock = std::make_unique<QProcess>();
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("DBUS_SESSION_BUS_ADDRESS", address());
    environment.insert("DBUS_SYSTEM_BUS_ADDRESS", address());
    mock->setProcessEnvironment(environment);
    mock->setStandardOutputFile(QProcess::nullDevice());
    mock->start(python, QStringList{"-m", "dbusmock", "--session"} + arguments);
    m_mocks.push_back(std::move(mock));
    QDBusInterface bus("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", connection());
    return QTest::qWaitFor([&] { return QDBusReply<bool>(bus.call("NameHasOwner", name)).value(); }, 10000);
  }

 private:
  QTemporaryDir m_folder;
  QProcess m_daemon;
  std::vector<std::unique_ptr<QProcess>> m_mocks;
};

}  // namespace

class DesktopTest : public QObject {
  Q_OBJECT

  std::unique_ptr<Bus> m_bus;
  QString m_python;

  static constexpr const char* kPortal = "org.freedesktop.portal.Desktop";
  static constexpr const char* kPortalPath = "/org/freedesktop/portal/desktop";

  void addMethod(const QString& service, const QString& path, const QString& interface, const QString& name, const QString& in, const QString& out,
                 const QString& code) {
    QDBusInterface mock(service, path, kMock, m_bus->connection());
    const QDBusMessage reply = mock.call("AddMethod", interface, name, in, out, code);
    QVERIFY2(reply.type() == QDBusMessage::ReplyMessage, qPrintable(reply.errorMessage()));
  }
  void playPortal(const QString& look, bool notifies = true, bool inhibits = true) {
    QVERIFY(m_bus->play(m_python, {kPortal, kPortalPath, "org.freedesktop.portal.Settings"}, kPortal));
    addMethod(kPortal, kPortalPath, "org.freedesktop.portal.Settings", "ReadAll", "as", "a{sa{sv}}",
              "ret = {'org.freedesktop.appearance': " + look + "}");
    if (notifies) addMethod(kPortal, kPortalPath, "org.freedesktop.portal.Notification", "AddNotification", "sa{sv}", "", "");
    if (notifies) addMethod(kPortal, kPortalPath, "org.freedesktop.portal.Notification", "RemoveNotification", "s", "", "");
    if (!inhibits) return;
    addMethod(kPortal, kPortalPath, "org.freedesktop.portal.Inhibit", "Inhibit", "sua{sv}", "o",
              "ret = dbus.ObjectPath('/org/freedesktop/portal/desktop/request/1')");
    QDBusInterface mock(kPortal, kPortalPath, kMock, m_bus->connection());
    mock.call("AddObject", "/org/freedesktop/portal/desktop/request/1", "org.freedesktop.portal.Request", QVariantMap(),
              QVariant::fromValue(QVariantList()));
    addMethod(kPortal, "/org/freedesktop/portal/desktop/request/1", "org.freedesktop.portal.Request", "Close", "", "", "");
  }
  int nCalls(const QString& service, const QString& path, const QString& method) {
    QDBusInterface mock(service, path, kMock, m_bus->connection());
    const QDBusMessage reply = mock.call("GetMethodCalls", method);
    if (reply.type() != QDBusMessage::ReplyMessage || reply.arguments().isEmpty()) return 0;
    const auto list = reply.arguments().first().value<QDBusArgument>();
    int n = 0;
    list.beginArray();
    while (!list.atEnd()) {
      list.beginStructure();
      qulonglong time;
      QVariantList arguments;
      list >> time >> arguments;
      list.endStructure();
      ++n;
    }
    list.endArray();
    return n;
  }

 private slots:
  void initTestCase() {
    qRegisterMetaType<DesktopLook>();
    if (QStandardPaths::findExecutable("dbus-daemon").isEmpty()) QSKIP("dbus-daemon is not installed");
    for (const QString& python : {QStringLiteral("python3"), QStringLiteral("/usr/bin/python3")}) {
      QProcess process;
      process.start(python, {"-c", "import dbusmock"});
      if (process.waitForFinished(10000) && process.exitCode() == 0) m_python = python;
    }
    if (m_python.isEmpty()) QSKIP("python3-dbusmock is not installed");
  }
  void init() {
    m_bus = std::make_unique<Bus>();
    QVERIFY(m_bus->start());
  }
  void cleanup() { m_bus.reset(); }

  void themeAndContrastAreTheDesktops() {
    playPortal(
        "{'color-scheme': dbus.UInt32(1, variant_level=1), 'contrast': dbus.UInt32(1, variant_level=1), 'accent-color': dbus.String('x', "
        "variant_level=1)}");
    Desktop desktop;
    QSignalSpy changes(&desktop, &Desktop::lookChanged);
    desktop.start({m_bus->address(), {}});
    QTRY_COMPARE(desktop.scheme(), Desktop::Dark);
    QVERIFY(desktop.highContrast() && !desktop.reducedMotion());
    QCOMPARE(changes.count(), 1);
    QDBusInterface mock(kPortal, kPortalPath, kMock, m_bus->connection());
    mock.call("EmitSignal", "org.freedesktop.portal.Settings", "SettingChanged", "ssv",
              QVariantList{QStringLiteral("org.freedesktop.appearance"), QStringLiteral("color-scheme"), QVariant::fromValue(QDBusVariant(2u))});
    QTRY_COMPARE(desktop.scheme(), Desktop::Light);
    QVERIFY(desktop.highContrast());
    mock.call("EmitSignal", "org.freedesktop.portal.Settings", "SettingChanged", "ssv",
              QVariantList{QStringLiteral("org.freedesktop.other"), QStringLiteral("color-scheme"), QVariant::fromValue(QDBusVariant(1u))});
    QTest::qWait(100);
    QCOMPARE(desktop.scheme(), Desktop::Light);
  }

  void aLongAnswerThatNobodySeesIsTold() {
    playPortal("{}");
    Desktop desktop;
    desktop.start({m_bus->address(), {}});
    desktop.answerEnded(60, 900, "Model");  // the window is seen
    desktop.setWindowSeen(false);
    desktop.answerEnded(2, 20, "Model");  // short
    desktop.answerEnded(60, 900, "Model <b>");
    QTRY_COMPARE(nCalls(kPortal, kPortalPath, "AddNotification"), 1);
    QSignalSpy pressed(&desktop, &Desktop::notificationPressed);
    QDBusInterface mock(kPortal, kPortalPath, kMock, m_bus->connection());
    mock.call("EmitSignal", "org.freedesktop.portal.Notification", "ActionInvoked", "ssav",
              QVariantList{QStringLiteral("answer"), QStringLiteral("open"), QVariant::fromValue(QVariantList{QVariant(1)})});
    QTRY_COMPARE(pressed.count(), 1);
    desktop.setWindowSeen(true);
    QTRY_COMPARE(nCalls(kPortal, kPortalPath, "RemoveNotification"), 1);
  }

  void notificationsGoTheSecondWayWhereThePortalHasNone() {
    playPortal("{}", false);
    QVERIFY(m_bus->play(m_python, {"--template", "notification_daemon"}, "org.freedesktop.Notifications"));
    Desktop desktop;
    desktop.start({m_bus->address(), {}});
    desktop.setWindowSeen(false);
    desktop.answerEnded(60, 900, "Model <b>");
    const QString service = "org.freedesktop.Notifications", path = "/org/freedesktop/Notifications";
    QTRY_COMPARE(nCalls(service, path, "Notify"), 1);
    QSignalSpy pressed(&desktop, &Desktop::notificationPressed);
    QDBusInterface mock(service, path, kMock, m_bus->connection());
    QTRY_VERIFY([&] {
      mock.call("EmitSignal", service, "ActionInvoked", "us", QVariantList{1u, QStringLiteral("default")});
      QTest::qWait(100);
      return pressed.count() > 0;
    }());
    desktop.setWindowSeen(true);
    QTRY_COMPARE(nCalls(service, path, "CloseNotification"), 1);
  }

  void theComputerStaysAwakeWhileItComputes() {
    playPortal("{}");
    Desktop desktop;
    desktop.start({m_bus->address(), {}});
    desktop.setComputing(true);
    desktop.setComputing(false);  // too short to trouble anybody
    QTest::qWait(300);
    QCOMPARE(nCalls(kPortal, kPortalPath, "Inhibit"), 0);
    desktop.setComputing(true);
    QTRY_COMPARE_WITH_TIMEOUT(nCalls(kPortal, kPortalPath, "Inhibit"), 1, 10000);
    QCOMPARE(nCalls(kPortal, "/org/freedesktop/portal/desktop/request/1", "Close"), 0);
    desktop.setComputing(false);
    QTRY_COMPARE(nCalls(kPortal, "/org/freedesktop/portal/desktop/request/1", "Close"), 1);
  }

  void logindKeepsItAwakeWhereThePortalDoesNot() {
    playPortal("{}", true, false);
    QVERIFY(m_bus->play(m_python, {"org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"}, "org.freedesktop.login1"));
    // The write end of a pipe: when the program lets it go, the other end reads its end.
    addMethod("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "Inhibit", "ssss", "h",
              "import os\nself.ends = os.pipe()\nret = dbus.types.UnixFd(self.ends[1])\nos.close(self.ends[1])");
    addMethod("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "IsHeld", "", "b",
              "import os, select\nret = not select.select([self.ends[0]], [], [], 0)[0]");
    Desktop desktop;
    desktop.start({m_bus->address(), m_bus->address()});
    desktop.setComputing(true);
    QTRY_COMPARE_WITH_TIMEOUT(nCalls("org.freedesktop.login1", "/org/freedesktop/login1", "Inhibit"), 1, 15000);
    QDBusInterface manager("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", m_bus->connection());
    QVERIFY(QDBusReply<bool>(manager.call("IsHeld")).value());
    desktop.setComputing(false);
    QTRY_VERIFY(!QDBusReply<bool>(manager.call("IsHeld")).value());
  }

  void whereNobodyIsNothingHappens() {
    for (const BusAddresses& addresses :
         {BusAddresses{m_bus->address(), m_bus->address()}, BusAddresses{"unix:path=/nowhere/at/all", {}}, BusAddresses{}}) {
      Desktop desktop;
      QSignalSpy changes(&desktop, &Desktop::lookChanged);
      desktop.start(addresses);
      desktop.setWindowSeen(false);
      desktop.answerEnded(60, 900, "Model");
      desktop.setComputing(true);
      QTest::qWait(200);
      desktop.setComputing(false);
      QCOMPARE(desktop.scheme(), Desktop::NoPreference);
      QCOMPARE(changes.count(), 0);
    }
  }

  // A bus that takes the connection and never says a word.
  void aBusThatHangsHoldsNobodyUp() {
    QTemporaryDir folder;
    const QByteArray path = folder.filePath("mute").toLocal8Bit();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    qstrncpy(address.sun_path, path.constData(), sizeof address.sun_path);
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto end = qScopeGuard([server] { ::close(server); });
    QVERIFY(::bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(server, 5) == 0);
    QElapsedTimer timer;
    timer.start();
    {
      Desktop desktop;
      desktop.start({"unix:path=" + QString::fromLocal8Bit(path), {}});
      desktop.setWindowSeen(false);
      desktop.answerEnded(60, 900, "Model");
      desktop.setComputing(true);
      desktop.setComputing(false);
      QVERIFY2(timer.elapsed() < 500, qPrintable(QString::number(timer.elapsed())));
    }
    QVERIFY2(timer.elapsed() < 6000, qPrintable(QString::number(timer.elapsed())));
  }
};

QTEST_MAIN(DesktopTest)
#include "desktop_test.moc"
