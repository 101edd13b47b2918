#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QFile>
#include <QGuiApplication>
#include <QImage>
#include <QtEndian>
#include <sys/stat.h>

#include "tests/app/program_fixture.h"

using namespace pio;

namespace {

QString picture(const QTemporaryDir& folder, const QString& name, int width = 32, int height = 24) {
  QImage image(width, height, QImage::Format_RGB32);
  image.fill(Qt::darkCyan);
  const QString path = folder.filePath(name);
  image.save(path);
  return path;
}

QString file(const QTemporaryDir& folder, const QString& name, const QByteArray& bytes) {
  QFile out(folder.filePath(name));
  if (out.open(QIODevice::WriteOnly)) out.write(bytes);
  return out.fileName();
}

// The header of a BMP that claims so many pixels, and nothing else.
QByteArray bmpHeader(qint32 width, qint32 height) {
  QByteArray bytes("BM");
  const auto number = [&](auto value) {
    value = qToLittleEndian(value);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const quint32 value : {54U, 0U, 54U, 40U}) number(value);
  number(width);
  number(height);
  number(quint16{1});
  number(quint16{24});
  for (int i = 0; i < 6; ++i) number(quint32{0});
  return bytes;
}

constexpr const char* kPlaces =
    "Here:\n```json\n[{\"bbox_2d\": [100, 200, 300, 400], \"label\": \"lamp\"}, {\"point_2d\": [500, 850], \"label\": \"floor\"}]\n```";

// A program whose model sees.
class SeeingFixture : public ProgramFixture {
 public:
  SeeingFixture() {
    ScriptedEngine::Loading loading;
    loading.can_see = true;
    setLoading(loading);
    setScript(ScriptedEngine::speak(kPlaces, 1));
  }
  PictureTray* tray() const { return chat()->tray(); }
  ImageSession* session() const { return program->application()->image; }
};

}  // namespace

class ImageTest : public QObject {
  Q_OBJECT

 private slots:
  void picturesGoWithTheQuestionAndAreThereAfterARestart() {
    const QTemporaryDir folder;
    const QString one = picture(folder, "one.png"), two = picture(folder, "two ü#.jpg");
    SeeingFixture f;
    const QAbstractItemModelTester tester(f.tray());
    const QAbstractItemModelTester placesTester(f.session()->places());
    QVERIFY(f.loadModel());
    QVERIFY(f.model()->sees());
    f.chat()->newImageChat();
    f.tray()->add({QUrl::fromLocalFile(one), QUrl::fromLocalFile(two), QUrl::fromLocalFile(one)});
    f.chat()->send("Too early");  // not looked at yet: nothing is sent, nothing is lost
    QCOMPARE(f.chat()->messages()->messageCount(), 0);
    QTRY_VERIFY(f.tray()->ready());
    QCOMPARE(f.tray()->paths(), (QStringList{one, two}));
    QCOMPARE(f.tray()->index(0).data(PictureTray::WidthRole).toInt(), 32);
    QCOMPARE(f.session()->pictures(), (QStringList{one, two}));
    QVERIFY(f.ask("Where is the lamp?"));
    QCOMPARE(f.tray()->count(), 0);
    QTRY_COMPARE(f.session()->places()->count(), 2);
    QVERIFY(f.session()->placesBelong());
    QCOMPARE(f.session()->places()->index(0).data(PlaceModel::LabelRole).toString(), "lamp");
    QCOMPARE(f.session()->places()->index(0).data(PlaceModel::RightRole).toDouble(), 0.3);
    QVERIFY(f.session()->places()->index(1).data(PlaceModel::PointRole).toBool());
    const GenerateRequest first = f.engine->generate_requests().back();
    QCOMPARE(first.messages.back().content.pictures().size(), 2U);
    QCOMPARE(QString::fromStdString(first.messages.back().content.pictures()[1]->path), two);
    // A question that follows is about the same pictures.
    QVERIFY(f.ask("And the floor?"));
    const GenerateRequest second = f.engine->generate_requests().back();
    QCOMPARE(second.messages.front().content.pictures().size(), 2U);
    QVERIFY(!second.messages.back().content.has_pictures());
    const QString id = f.chat()->chatId();
    QCOMPARE(f.onDisk(id).first().message.pictures(), (QStringList{one, two}));
    const QString three = picture(folder, "three.png");
    f.tray()->add({QUrl::fromLocalFile(three)});
    QTRY_COMPARE(f.session()->name(), "three.png");  // what is new is looked at
    QVERIFY(f.ask("And here?"));
    f.restart();
    QTRY_COMPARE(f.chat()->chatId(), id);
    QVERIFY(f.chat()->isImage());
    QCOMPARE(f.session()->pictures(), (QStringList{one, two, three}));
    QCOMPARE(f.session()->name(), "three.png");  // what was asked about last
    QTRY_COMPARE(f.session()->places()->count(), 2);
    QCOMPARE(f.history()->index(0).data(HistoryModel::KindRole).toString(), "image");
  }

  // Each picture keeps the detail with which it was sent: looked at otherwise it would be read anew with every turn.
  void picturesAreLookedAtAsCloselyAsChosen() {
    const QTemporaryDir folder;
    const QString one = picture(folder, "one.png", 640, 640), two = picture(folder, "two.png", 2048, 2048);
    SeeingFixture f;
    QVERIFY(f.loadModel());
    f.chat()->newImageChat();
    QVERIFY(f.tray()->costs().isEmpty());
    QCOMPARE(f.tray()->detail(), PictureTray::Full);
    f.tray()->add({QUrl::fromLocalFile(one), QUrl::fromLocalFile(two)});
    QTRY_COMPARE(f.tray()->costs().size(), 3);
    const auto tokens = [&](int detail) { return f.tray()->costs()[detail].toMap().value("tokens").toInt(); };
    QCOMPARE(tokens(PictureTray::Low), 256 + 256);
    QCOMPARE(tokens(PictureTray::Normal), 400 + 1024);
    QCOMPARE(tokens(PictureTray::Full), 400 + 4096);
    QCOMPARE(f.tray()->costs()[PictureTray::Full].toMap().value("seconds").toDouble(), 44.96);
    f.tray()->setDetail(PictureTray::Low);
    QVERIFY(f.ask("Where is the lamp?"));
    QVERIFY(f.tray()->costs().isEmpty());
    f.tray()->setDetail(PictureTray::Normal);
    f.tray()->add({QUrl::fromLocalFile(one)});
    QTRY_VERIFY(f.tray()->ready());
    QVERIFY(f.ask("And here?"));
    f.restart();
    QVERIFY(f.loadModel());
    QTRY_COMPARE(f.session()->pictures().size(), 2);
    QVERIFY(f.ask("And now?"));
    std::vector<ImageDetail> details;
    const GenerateRequest last = f.engine->generate_requests().back();
    for (const ChatMessage& message : last.messages) {
      for (const ImageInput* image : message.content.pictures()) details.push_back(image->detail);
    }
    QVERIFY((details == std::vector{ImageDetail::low, ImageDetail::low, ImageDetail::normal}));
    // A model for text has nothing to tell.
    ScriptedEngine::Loading blind;
    f.setLoading(blind);
    QVERIFY(f.loadModel());
    f.tray()->add({QUrl::fromLocalFile(one)});
    QTRY_VERIFY(f.tray()->ready());
    QVERIFY(f.tray()->costs().isEmpty());
  }

  void whatIsNoPictureIsRefusedInWords() {
    const QTemporaryDir folder;
    SeeingFixture f;
    f.chat()->newImageChat();
    const QString pipe = folder.filePath("pipe.png");  // opening it would wait for ever
    QCOMPARE(mkfifo(QFile::encodeName(pipe).constData(), 0600), 0);
    const QStringList bad{pipe,
                          file(folder, "text.png", "no picture"),
                          file(folder, "empty.png", {}),
                          folder.filePath("missing.png"),
                          folder.path(),
                          file(folder, "huge.bmp", bmpHeader(65000, 65000)),
                          file(folder, "none.bmp", bmpHeader(0, 0)),
                          file(folder, "strip.bmp", bmpHeader(3, 900)),
                          file(folder, "drawing.png", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")};
    for (const QString& path : bad) {
      f.notices()->dismiss(Notices::Picture);
      f.tray()->add({QUrl::fromLocalFile(path)});
      QTRY_VERIFY2(f.notice().isSet(), qPrintable(path));
      QCOMPARE(f.tray()->count(), 0);
    }
    QVERIFY(f.notice().explanation.contains("drawing.png"));
    // A wrong ending alone is no fault.
    const QString wrong = picture(folder, "right.bmp");
    QVERIFY(QFile::rename(wrong, folder.filePath("wrong.jpg")));
    f.tray()->add({QUrl::fromLocalFile(folder.filePath("wrong.jpg"))});
    QTRY_COMPARE(f.tray()->paths().size(), 1);
    f.tray()->remove(0);
    for (int i = 0; i <= PictureTray::kMost; ++i) f.tray()->add({QUrl::fromLocalFile(picture(folder, QString::number(i) + ".png"))});
    QCOMPARE(f.tray()->count(), PictureTray::kMost);
  }

  void aPastedPictureIsKeptBesideTheHistory() {
    SeeingFixture f;
    f.chat()->newImageChat();
    QImage image(20, 10, QImage::Format_RGB32);
    image.fill(Qt::red);
    QGuiApplication::clipboard()->setImage(image);
    QVERIFY(f.tray()->canPaste());
    f.tray()->paste();
    QTRY_COMPARE(f.tray()->paths().size(), 1);
    const QString path = f.tray()->paths().first();
    QVERIFY(path.startsWith(f.folder() + "/pasted/"));
    QCOMPARE(QImage(path).size(), QSize(20, 10));
    f.tray()->remove(0);  // taken out before it was sent: nobody names it
    QTRY_VERIFY(!QFile::exists(path));
    f.tray()->paste();
    QTRY_COMPARE(f.tray()->paths().size(), 1);
    const QString sent = f.tray()->paths().first();
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("What is it?"));
    const QString kept = f.onDisk(f.chat()->chatId()).first().message.pictures().first();
    QCOMPARE(QFileInfo(kept).path(), f.folder() + "/files");
    QCOMPARE(QImage(kept).size(), QSize(20, 10));
    f.tray()->paste();  // never sent
    QTRY_COMPARE(f.tray()->paths().size(), 1);
    const QString unsent = f.tray()->paths().first();
    QGuiApplication::clipboard()->setText("words");
    QVERIFY(!f.tray()->canPaste());
    const QString chat = f.chat()->chatId();
    f.restart();
    QVERIFY(!QFile::exists(unsent) && !QFile::exists(sent));
    QTRY_COMPARE(f.chat()->chatId(), chat);
    QTRY_COMPARE(f.session()->name(), "Pasted picture");
    f.history()->remove(chat);
    QVERIFY(QFile::exists(kept));  // it can still be undone
    QTest::qWait(20);
    f.restart();  // the undo ends with the program
    QTRY_VERIFY(!QFile::exists(kept));
  }

  void whatWasPastedIntoAChatGoesWithTheChat() {
    SeeingFixture f;
    QVERIFY(f.loadModel());
    f.chat()->newImageChat();
    QImage image(20, 10, QImage::Format_RGB32);
    image.fill(Qt::blue);
    QGuiApplication::clipboard()->setImage(image);
    f.tray()->paste();
    QTRY_COMPARE(f.tray()->paths().size(), 1);
    QVERIFY(f.ask("What is it?"));
    f.tray()->paste();
    QTRY_COMPARE(f.tray()->paths().size(), 1);
    const QString unsent = f.tray()->paths().first();
    f.history()->remove(f.chat()->chatId());
    QVERIFY(QFile::exists(unsent));
    f.history()->endUndo();
    QTRY_VERIFY(!QFile::exists(unsent));
  }

  void aPartOfAPictureIsAPictureOfItsOwn() {
    const QTemporaryDir folder;
    SeeingFixture f;
    f.chat()->newImageChat();
    const QUrl whole = QUrl::fromLocalFile(picture(folder, "one.png", 200, 100));
    f.tray()->add({whole});
    QTRY_COMPARE(f.session()->pixels(), QSize(200, 100));
    f.tray()->addPart(whole, QRectF(0.25, 0.5, 0.5, 0.75));  // beyond the edge: what there is
    QTRY_COMPARE(f.tray()->paths().size(), 2);
    const QString part = f.tray()->paths().last();
    QVERIFY(part.startsWith(f.folder() + "/pasted/"));
    QCOMPARE(QImage(part).size(), QSize(100, 50));
    QCOMPARE(f.tray()->index(1).data(PictureTray::NameRole).toString(), "Part of a picture");
    QCOMPARE(f.session()->name(), "one.png");
    f.session()->setCurrent(1);
    QCOMPARE(f.session()->name(), "Part of a picture");
    QTRY_COMPARE(f.session()->pixels(), QSize(100, 50));
    f.tray()->addPart(QUrl::fromLocalFile(folder.filePath("gone.png")), QRectF(0, 0, 1, 1));
    QTRY_VERIFY(f.notice().isSet());
    QVERIFY(f.notice().explanation.contains("gone.png"));
    QCOMPARE(f.tray()->count(), 2);
  }

  void aModelThatCannotSeeReadsANameAndThePersonIsTold() {
    const QTemporaryDir folder;
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(!f.model()->sees());
    f.chat()->newImageChat();
    f.chat()->tray()->add({QUrl::fromLocalFile(picture(folder, "one.png"))});
    QTRY_VERIFY(f.chat()->tray()->ready());
    QVERIFY(f.ask("What is it?"));
    QCOMPARE(f.chat()->messages()->messages().last().state, Message::State::Complete);
    QVERIFY(f.notices()->about(Notices::Picture).title.contains("cannot see"));
    const MessageContent content = f.engine->generate_requests().back().messages.back().content;
    QVERIFY(!content.has_pictures());
    QCOMPARE(content.text(), std::string("[picture: one.png]\nWhat is it?"));
  }

  void aPictureThatCannotBeDecodedIsToldAsAPicture() {
    const QTemporaryDir folder;
    SeeingFixture f;
    QVERIFY(f.loadModel());
    f.chat()->newImageChat();
    f.tray()->add({QUrl::fromLocalFile(picture(folder, "one.png"))});
    QTRY_VERIFY(f.tray()->ready());
    ScriptedEngine::Script failing;
    failing.error = make_error(ErrorCode::not_found, "one.png: expected a file, found none");
    failing.error->path = folder.filePath("one.png").toStdString();
    f.setScript(failing);
    QVERIFY(f.ask("What is it?"));
    const UserError error = f.chat()->messages()->messages().last().error;
    QVERIFY(error.title.contains("picture"));
    QCOMPARE(error.actions, (QList<int>{UserError::Retry, UserError::NewChat}));
    failing.error->path = (f.folder() + "/files/" + QString(64, 'a')).toStdString();  // kept by its content
    QVERIFY(userErrorOf(*failing.error).explanation.startsWith("A pasted picture"));
    failing.error->path = "/models/" + std::string(59, 'a') + ".gguf";  // as long, and a model
    QVERIFY(!userErrorOf(*failing.error).title.contains("picture"));
    f.chat()->runAction(f.chat()->messages()->messages().last().id, UserError::NewChat);
    QVERIFY(f.chat()->isImage());
    QVERIFY(f.chat()->chatId().isEmpty());
  }

  void lookingAtPicturesIsAStateThatStopEnds() {
    const QTemporaryDir folder;
    SeeingFixture f;
    ScriptedEngine::Script slow = ScriptedEngine::speak("It is a lamp.", 1);
    slow.picture_ms = 20'000;
    f.setScript(slow);
    QVERIFY(f.loadModel());
    f.chat()->newImageChat();
    f.tray()->add({QUrl::fromLocalFile(picture(folder, "one.png"))});
    QTRY_VERIFY(f.tray()->ready());
    f.chat()->send("What is it?");
    QVERIFY(f.waitFor(ChatController::Looking));
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready, 500));
    QCOMPARE(f.chat()->messages()->messages().last().state, Message::State::Stopped);
  }

  void picturesArePartsOfAnyChat() {
    const QTemporaryDir folder;
    SeeingFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("A chat"));
    const QString chat = f.chat()->chatId();
    QSignalSpy pane(f.program->application(), &Application::paneRequested);
    const QString one = picture(folder, "one.png");
    f.program->application()->openFiles({QUrl::fromLocalFile(one)});
    QCOMPARE(pane.size(), 1);
    QCOMPARE(pane.first().first().toInt(), int(Application::ImagePane));
    QCOMPARE(f.chat()->chatId(), chat);  // the image pane shows the pictures of the chat
    QTRY_VERIFY(f.tray()->ready());
    QCOMPARE(f.session()->pictures(), QStringList{one});
    QVERIFY(f.ask("And this?"));
    QCOMPARE(f.engine->generate_requests().back().messages.back().content.pictures().size(), 1U);
    QVERIFY(!f.chat()->isImage());
    QCOMPARE(f.session()->pictures(), QStringList{one});
    f.chat()->newChat();
    QVERIFY(f.session()->pictures().isEmpty());
    f.program->application()->openFiles({QUrl::fromLocalFile(one)});
    QVERIFY(f.chat()->isImage());  // what begins with a picture opens there again
  }
};

QTEST_MAIN(ImageTest)
#include "image_test.moc"
