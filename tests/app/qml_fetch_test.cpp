// What QML fetches by itself: nothing but what lies in the program or on this computer.
#include <QImage>
#include <QQmlComponent>
#include <QQmlEngine>
#include <QQuickItem>
#include <QTemporaryDir>
#include <QTest>

#include "app/network/qml_files_only.h"
#include "tests/app/fault_server.h"

using namespace pio;

class QmlFetchTest : public QObject {
  Q_OBJECT

 private:
  // Every way that QML has to fetch something; gives what an XMLHttpRequest got.
  static QString fetchAll(QQmlEngine& engine, const QString& base) {
    QQmlComponent component(&engine);
    component.setData(QByteArrayLiteral(R"(
import QtQuick
Item {
    id: root
    property string got: ""
    property string base
    property int ended: 0
    Image { source: root.base + "/a.png" }
    Image { source: root.base + "/b.png"; asynchronous: true; cache: false }
    AnimatedImage { source: root.base + "/c.gif" }
    BorderImage { source: root.base + "/d.sci" }
    FontLoader { source: root.base + "/e.ttf" }
    Loader { source: root.base + "/F.qml" }
    Text { textFormat: Text.RichText; text: "<img src='" + root.base + "/g.png'>" }
    Text { textFormat: Text.StyledText; text: "<img src='" + root.base + "/h.png'>" }
    TextEdit { textFormat: TextEdit.RichText; text: "<img src='" + root.base + "/i.png'>" }
    Component.onCompleted: {
        for (const [method, address] of [["GET", root.base + "/j"], ["POST", root.base + "/k"], ["HEAD", root.base + "/l"]]) {
            const request = new XMLHttpRequest()
            request.onreadystatechange = () => {
                if (request.readyState === XMLHttpRequest.DONE) {
                    root.got += request.responseText
                    ++root.ended
                }
            }
            request.open(method, address)
            request.send()
        }
    }
})"),
                      QUrl(QStringLiteral("qrc:/test.qml")));
    std::unique_ptr<QObject> root(component.createWithInitialProperties({{QStringLiteral("base"), base}}));
    if (root == nullptr) return component.errorString();
    (void)QTest::qWaitFor([&] { return root->property("ended").toInt() == 3; }, 5000);
    QTest::qWait(300);
    return root->property("got").toString();
  }

 private slots:
  void nothingElsewhereIsFetched() {
    FaultServer server;
    server.body = "something";
    {
      QQmlEngine free;  // what it would be otherwise: the test can see it
      QVERIFY(fetchAll(free, server.base()).contains("something"));
      QVERIFY2(server.log.size() >= 8, QByteArray::number(server.log.size()));
    }
    server.log.clear();
    QQmlEngine engine;
    fetchFilesOnly(engine);
    QCOMPARE(fetchAll(engine, server.base()), QString());
    QCOMPARE(server.log.size(), 0);
  }

  void filesOfThisComputerAre() {
    QTemporaryDir folder;
    QImage image(4, 3, QImage::Format_RGB32);
    image.fill(Qt::red);
    QVERIFY(image.save(folder.filePath("a.png")));
    QQmlEngine engine;
    fetchFilesOnly(engine);
    QQmlComponent component(&engine);
    component.setData("import QtQuick\nImage { source: 'file://" + folder.filePath("a.png").toUtf8() + "' }", QUrl(QStringLiteral("qrc:/test.qml")));
    std::unique_ptr<QObject> item(component.create());
    QVERIFY(item != nullptr);
    QTRY_COMPARE(item->property("implicitWidth").toInt(), 4);
  }

  void addressesAreJudgedByTheirScheme() {
    for (const char* url : {"qrc:/icons/a.svg", "file:///tmp/a.png", "data:image/png;base64,AA", "image://provider/x", "a.png", ":/x"})
      QVERIFY2(isLocalAddress(QUrl(url)), url);
    for (const char* url : {"http://a/b", "https://a/b", "ftp://a/b", "file://server/share/a.png", "HTTP://a/b", "//a/b"})
      QVERIFY2(!isLocalAddress(QUrl(url)), url);
  }
};

QTEST_MAIN(QmlFetchTest)
#include "qml_fetch_test.moc"
