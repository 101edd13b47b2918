#include <QQmlContext>
#include <QQmlEngine>
#include <QQuickStyle>
#include <QtQml/qqmlextensionplugin.h>
#include <QtQuickTest/quicktest.h>

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

QUICK_TEST_MAIN_WITH_SETUP(ui_test, Setup)

#include "tests.moc"
