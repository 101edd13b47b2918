#include <QQmlContext>
#include <QQmlEngine>
#include <QQmlError>
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
    connect(m_stage->program().application()->language, &pio::Language::changed, engine, &QQmlEngine::retranslate);
    // From the engine: QtTest has the message handler for itself while tests run.
    connect(engine, &QQmlEngine::warnings, this, [this](const QList<QQmlError>& warnings) {
      for (const QQmlError& warning : warnings) m_nWarnings += warning.url().scheme() == QLatin1String("qrc") ? 1 : 0;
    });
  }
  void cleanupTestCase() { m_stage.reset(); }

 public:
  int nWarnings() const { return m_nWarnings; }

 private:
  std::unique_ptr<pio::Stage> m_stage;
  int m_nWarnings = 0;  // of the window's own QML
};

// A warning of the window's QML is a failed test.
int main(int argc, char** argv) {
  QTEST_SET_MAIN_SOURCE_PATH
  Setup setup;
  const int nFailed = quick_test_main_with_setup(argc, argv, "ui_test", QUICK_TEST_SOURCE_DIR, &setup);
  if (setup.nWarnings() > 0) std::fprintf(stderr, "ui_test: no warning of qrc:/ files expected, %d found\n", setup.nWarnings());
  return nFailed > 0 || setup.nWarnings() > 0 ? 1 : 0;
}

#include "tests.moc"
