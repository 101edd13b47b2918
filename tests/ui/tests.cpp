#include <QQmlContext>
#include <QQmlEngine>
#include <QQuickStyle>
#include <QtQml/qqmlextensionplugin.h>
#include <QtQuickTest/quicktest.h>
#include <cstdio>

#include "tests/ui/stage.h"

Q_IMPORT_QML_PLUGIN(Pio_AppPlugin)
Q_IMPORT_QML_PLUGIN(Pio_UiPlugin)

// Runs tst_*.qml against the real window and the real program.

class Setup : public QObject {
  Q_OBJECT

 public slots:
  void qmlEngineAvailable(QQmlEngine* engine) {
    engine->addImportPath(QStringLiteral("qrc:/qt/qml"));
    m_stage = std::make_unique<pio::Stage>();  // one a test file: each gets an engine of its own
    engine->rootContext()->setContextProperty(QStringLiteral("stage"), m_stage.get());
  }
  void cleanupTestCase() { m_stage.reset(); }

 private:
  std::unique_ptr<pio::Stage> m_stage;
};

namespace {

QtMessageHandler others = nullptr;
int nWarnings = 0;  // of the window's own QML

void onMessage(QtMsgType type, const QMessageLogContext& context, const QString& message) {
  if (type >= QtWarningMsg && type != QtInfoMsg && message.contains(QLatin1String("qrc:/"))) ++nWarnings;
  if (others != nullptr) others(type, context, message);
}

}  // namespace

// A warning of the window's QML is a failed test.
int main(int argc, char** argv) {
  QTEST_SET_MAIN_SOURCE_PATH
  others = qInstallMessageHandler(onMessage);
  Setup setup;
  const int nFailed = quick_test_main_with_setup(argc, argv, "ui_test", QUICK_TEST_SOURCE_DIR, &setup);
  if (nWarnings > 0) std::fprintf(stderr, "ui_test: no warning of qrc:/ files expected, %d found\n", nWarnings);
  return nFailed > 0 || nWarnings > 0 ? 1 : 0;
}

#include "tests.moc"
