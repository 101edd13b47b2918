#include <QCryptographicHash>
#include <QDir>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/library/published_files_p.h"
#include "app/library/request_log.h"
#include "app/network/part_file.h"
#include "tests/app/fault_server.h"
#include "tests/app/program_fixture.h"

using namespace pio;

namespace {

QString write(const QString& path, const QByteArray& bytes = "GGUF") {
  QDir().mkpath(QFileInfo(path).path());
  QFile file(path);
  if (file.open(QIODevice::WriteOnly)) file.write(bytes);
  return path;
}

// The row of the list of models with that file; -1 none.
int rowOf(const ModelLibrary* models, const QString& file) {
  for (int row = 0; row < models->rowCount(); ++row) {
    if (models->index(row).data(ModelLibrary::FileRole).toString() == file) return row;
  }
  return -1;
}

QVariant factOf(const ModelLibrary* models, const QString& file, int role) { return models->index(rowOf(models, file)).data(role); }

// A catalogue of one file that `server` has.
ProgramOptions optionsFor(const FaultServer& server) {
  ProgramOptions options;
  options.loadsModel = false;
  PublishedModel model{.name = "Thing", .family = "small_dense", .role = "chat", .licence_name = "MIT", .licence_url = "https://example.org"};
  PublishedFile file;
  file.quantization = "Q4_K_M";
  file.repository = "someone/thing";
  file.path = "thing-Q4_K_M.gguf";
  file.bytes = static_cast<std::uint64_t>(server.body.size());
  file.sha256 = QCryptographicHash::hash(server.body, QCryptographicHash::Sha256).toHex().toStdString();
  model.files = {file};
  options.catalogue = {model};
  return options;
}

// A catalogue of one model that sees in two formats, which share their vision half.
ProgramOptions seeingOptionsFor(const FaultServer& server, const QString& dataFolder) {
  ProgramOptions options = optionsFor(server);
  PublishedFile& first = options.catalogue.front().files.front();
  first.mmproj = PublishedPart{};
  first.mmproj->repository = first.repository;
  first.mmproj->path = "mmproj-thing.gguf";
  first.mmproj->bytes = first.bytes;
  PublishedFile second = first;
  second.quantization = "Q8_0";
  second.path = "thing-Q8_0.gguf";
  options.catalogue.front().files.push_back(second);
  options.dataFolder = dataFolder;
  options.starterFolders = {dataFolder + "/models"};
  return options;
}

QByteArray contentOf(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

class LibraryTest : public QObject {
  Q_OBJECT

 private slots:
  void aChosenFolderIsSearchedAndItsLayoutKnown() {
    ProgramFixture f;
    QTemporaryDir places;
    const QString studio = places.filePath(".lmstudio"), hub = places.filePath("huggingface");
    write(studio + "/models/publisher/repository/Some-Model-Q8_0.gguf");
    write(studio + "/models/publisher/repository/mmproj-Some-Model.gguf");
    write(hub + "/hub/models--owner--name/blobs/0123");
    for (const char* revision : {"aaa", "bbb"}) {
      const QString snapshot = hub + "/hub/models--owner--name/snapshots/" + revision;
      QVERIFY(QDir().mkpath(snapshot));
      QVERIFY(QFile::link("../../blobs/0123", snapshot + "/Other-Model-Q4_K_M.gguf"));
    }
    f.program->settings()->addModelFolder(studio);
    f.program->settings()->addModelFolder(hub);
    ModelLibrary* models = f.program->models();
    QTRY_VERIFY(rowOf(models, "Some-Model-Q8_0.gguf") >= 0 && rowOf(models, "Other-Model-Q4_K_M.gguf") >= 0);
    QCOMPARE(rowOf(models, "mmproj-Some-Model.gguf"), -1);
    int n = 0;
    for (int row = 0; row < models->rowCount(); ++row) n += models->index(row).data(ModelLibrary::FileRole).toString() == "Other-Model-Q4_K_M.gguf";
    QCOMPARE(n, 1);  // one file under two names
    QTRY_COMPARE(models->folders().value(0).toMap().value("kind").toInt(), static_cast<int>(ModelLibrary::LmStudio));
    QTRY_COMPARE(models->folders().value(1).toMap().value("kind").toInt(), static_cast<int>(ModelLibrary::HuggingFace));
    f.program->settings()->removeModelFolder(hub);
    QTRY_COMPARE(rowOf(models, "Other-Model-Q4_K_M.gguf"), -1);
    QVERIFY(QFile::exists(hub + "/hub/models--owner--name/blobs/0123"));
  }

  void aDriveThatIsGoneIsAStateAndNoLoss() {
    ProgramFixture f;
    QTemporaryDir places;
    const QString drive = places.filePath("drive");
    write(drive + "/models/Some-Model-Q8_0.gguf");
    f.program->settings()->addModelFolder(drive);
    QTRY_VERIFY(rowOf(f.program->models(), "Some-Model-Q8_0.gguf") >= 0);
    QTest::qWait(100);  // saved
    QVERIFY(QDir().rename(drive, places.filePath("elsewhere")));
    f.program->models()->refresh();
    QTRY_VERIFY(factOf(f.program->models(), "Some-Model-Q8_0.gguf", ModelLibrary::AwayRole).toBool());
    QTRY_VERIFY(!f.program->models()->folders().value(0).toMap().value("isThere").toBool());
    f.restart();
    QTRY_VERIFY(factOf(f.program->models(), "Some-Model-Q8_0.gguf", ModelLibrary::AwayRole).toBool());
    QVERIFY(QDir().rename(places.filePath("elsewhere"), drive));
    f.program->models()->refresh();
    QTRY_VERIFY(factOf(f.program->models(), "Some-Model-Q8_0.gguf", ModelLibrary::AvailableRole).toBool());
    QVERIFY(!factOf(f.program->models(), "Some-Model-Q8_0.gguf", ModelLibrary::AwayRole).toBool());
  }

  void whatIsFetchedIsAModelThatCanBeUsedMovedAndDeleted() {
    FaultServer server;
    server.body = QByteArray(3 << 20, 'm');
    QTemporaryDir data, other;
    ProgramOptions options = optionsFor(server);
    options.dataFolder = data.path();
    options.starterFolders = {data.filePath("models")};
    ProgramFixture f(options);
    f.program->settings()->setDownloadBase(server.base());
    PublishedFiles* library = f.program->application()->library;
    QTest::qWait(200);
    QCOMPARE(server.log.size(), 0);  // nothing before a click
    QSignalSpy fetched(library, &PublishedFiles::fetched);
    library->fetchAndLoad(0);
    QTRY_COMPARE(fetched.size(), 1);
    const QString path = data.filePath("models/thing-Q4_K_M.gguf");
    QTRY_COMPARE(f.model()->path(), path);
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Here));
    QTRY_VERIFY(library->row(0).value("current").toBool());
    library->remove(0);  // not while it is loaded
    QTest::qWait(50);
    QVERIFY(QFile::exists(path));
    f.model()->unload();
    QTRY_VERIFY(!library->row(0).value("current").toBool());
    library->moveTo(0, QUrl::fromLocalFile(other.path()));
    QTRY_COMPARE(library->row(0).value("path").toString(), other.filePath("thing-Q4_K_M.gguf"));
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Here));
    QVERIFY(!QFile::exists(path));
    // To another disk, and to a name that is taken.
    const QTemporaryDir disk("/dev/shm/library-test-XXXXXX");
    library->moveTo(0, QUrl::fromLocalFile(disk.path()));
    QTRY_COMPARE(library->row(0).value("path").toString(), disk.filePath("thing-Q4_K_M.gguf"));
    QFile moved(disk.filePath("thing-Q4_K_M.gguf"));
    QVERIFY(moved.open(QIODevice::ReadOnly));
    QCOMPARE(moved.readAll(), server.body);
    write(other.filePath("thing-Q4_K_M.gguf"), "taken");
    QSignalSpy failed(library, &PublishedFiles::failed);
    library->moveTo(0, QUrl::fromLocalFile(other.path()));
    QTRY_COMPARE(failed.size(), 1);
    library->remove(0);
    QTRY_VERIFY(!moved.exists());
    RequestLog* requests = f.program->application()->requests;
    requests->watch(true);
    QTRY_COMPARE(requests->count(), server.log.size());
    QCOMPARE(requests->bytes(), static_cast<double>(server.body.size()));
  }

  // Without a pinned hash the server's own counts, and the row says so for as long as the file is here, wherever it goes.
  void aFetchedFileSaysWhoseHashItWasHeldTo_data() {
    QTest::addColumn<bool>("isPinned");
    QTest::addColumn<bool>("isStated");
    QTest::addColumn<QString>("words");
    QTest::newRow("the catalogue's") << true << true << "SHA-256 as in the catalogue";
    QTest::newRow("the server's") << false << true << "SHA-256 stated by the server";
    QTest::newRow("nobody's") << false << false << "no SHA-256 known, only its length was checked";
  }
  void aFetchedFileSaysWhoseHashItWasHeldTo() {
    QFETCH(const bool, isPinned);
    QFETCH(const bool, isStated);
    QFETCH(const QString, words);
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    const QByteArray hash = QCryptographicHash::hash(server.body, QCryptographicHash::Sha256).toHex();
    server.answer = [&](FaultServer& from, const FaultServer::Asked& asked) {
      if (asked.path.startsWith("/cdn/")) return from.plain(asked);
      FaultServer::Answer answer = FaultServer::redirect("/cdn" + asked.path);
      if (isStated) answer.set("X-Linked-ETag", '"' + hash + '"');
      return answer;
    };
    QTemporaryDir data, other;
    ProgramOptions options = optionsFor(server);
    if (!isPinned) options.catalogue.front().files.front().sha256.clear();
    options.dataFolder = data.path();
    options.starterFolders = {data.filePath("models")};
    ProgramFixture f(options);
    f.program->settings()->setDownloadBase(server.base());
    const auto check = [&] { return f.program->application()->library->row(0).value("check").toString(); };
    QCOMPARE(check(), QString());
    f.program->application()->library->fetch(0);
    QTRY_COMPARE(check(), words);
    f.restart();
    f.program->application()->library->look();
    QTRY_COMPARE(check(), words);
    f.program->application()->library->moveTo(0, QUrl::fromLocalFile(other.path()));
    QTRY_COMPARE(f.program->application()->library->row(0).value("path").toString(), other.filePath("thing-Q4_K_M.gguf"));
    QCOMPARE(check(), words);
    QSignalSpy changes(f.program->application()->library, &PublishedFiles::dataChanged);
    f.program->settings()->setLanguage("de");
    QVERIFY(!changes.isEmpty());
    QVERIFY(check().contains("SHA-256") && check() != words);
    f.program->settings()->setLanguage("en");
    f.program->application()->library->remove(0);
    QTRY_COMPARE(f.program->application()->library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::NotHere));
    QCOMPARE(check(), QString());
    // Another file of that name came from elsewhere.
    write(other.filePath("thing-Q4_K_M.gguf"), server.body);
    f.program->application()->library->look();
    QTRY_COMPARE(f.program->application()->library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Here));
    QCOMPARE(check(), QString());
  }

  // A vision half that came with the model counts, too: what says less of the two is said.
  void aModelOfTwoFilesSaysWhatSaysLess() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    QTemporaryDir data;
    ProgramFixture f(seeingOptionsFor(server, data.path()));  // the model's hash is pinned, that of its half is not
    f.program->settings()->setDownloadBase(server.base());
    PublishedFiles* library = f.program->application()->library;
    library->fetch(0);
    QTRY_COMPARE(library->row(0).value("check").toString(), "no SHA-256 known, only its length was checked");
  }

  // A model that sees is blind without the file of its vision half, which nothing in the window shows.
  void theVisionHalfGoesWithItsModel() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    QTemporaryDir data, other, third;
    ProgramFixture f(seeingOptionsFor(server, data.path()));
    f.program->settings()->setDownloadBase(server.base());
    PublishedFiles* library = f.program->application()->library;
    const auto isHere = [&](int row, const QString& path) {
      return QTest::qWaitFor([&] {
        const QVariantMap facts = library->row(row);
        return facts.value("state").toInt() == PublishedFiles::Here && facts.value("path").toString() == path;
      });
    };
    const QString own = data.filePath("models/");
    const double mega = 1 << 20;
    library->fetch(0);
    library->fetch(1);
    QVERIFY(isHere(0, own + "thing-Q4_K_M.gguf") && isHere(1, own + "thing-Q8_0.gguf"));
    QVERIFY(QFile::exists(own + "mmproj-thing.gguf"));
    // The other one needs it where it is.
    QCOMPARE(library->freedBy(0), mega);
    library->moveTo(0, QUrl::fromLocalFile(other.path()));
    QVERIFY(isHere(0, other.filePath("thing-Q4_K_M.gguf")));
    QCOMPARE(contentOf(other.filePath("mmproj-thing.gguf")), server.body);
    QVERIFY(QFile::exists(own + "mmproj-thing.gguf"));
    // Nobody does.
    QCOMPARE(library->freedBy(1), 2 * mega);
    library->moveTo(1, QUrl::fromLocalFile(third.path()));
    QVERIFY(isHere(1, third.filePath("thing-Q8_0.gguf")));
    QCOMPARE(contentOf(third.filePath("mmproj-thing.gguf")), server.body);
    QTRY_VERIFY(!QFile::exists(own + "mmproj-thing.gguf"));
    // Where it stands already, and where the model's name is taken.
    library->moveTo(1, QUrl::fromLocalFile(other.path()));
    QVERIFY(isHere(1, other.filePath("thing-Q8_0.gguf")));
    QTRY_VERIFY(QDir(third.path()).isEmpty());
    write(third.filePath("thing-Q8_0.gguf"), "taken");
    QSignalSpy failed(library, &PublishedFiles::failed);
    library->moveTo(1, QUrl::fromLocalFile(third.path()));
    QTRY_COMPARE(failed.size(), 1);
    QCOMPARE(QDir(third.path()).entryList(QDir::Files), QStringList{"thing-Q8_0.gguf"});
    QVERIFY(QFile::exists(other.filePath("mmproj-thing.gguf")) && QFile::exists(other.filePath("thing-Q8_0.gguf")));
    library->remove(0);
    QTRY_VERIFY(!QFile::exists(other.filePath("thing-Q4_K_M.gguf")));
    QVERIFY(QFile::exists(other.filePath("mmproj-thing.gguf")));
    QTRY_COMPARE(library->row(1).value("path").toString(), other.filePath("thing-Q8_0.gguf"));
    library->remove(1);
    QTRY_VERIFY(QDir(other.path()).isEmpty());
  }

  // "Cancel; what came is removed": the half that came whole, too, unless another model needs it.
  void aCancelledDownloadLeavesNoVisionHalf() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    server.answer = [](FaultServer& from, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = from.plain(asked);
      if (!asked.path.contains("mmproj")) answer.perTick = 1 << 10;
      return answer;
    };
    QTemporaryDir data;
    ProgramFixture f(seeingOptionsFor(server, data.path()));
    f.program->settings()->setDownloadBase(server.base());
    PublishedFiles* library = f.program->application()->library;
    const QDir models(data.filePath("models"));
    const auto fetchSome = [&](int row, const QString& file) {
      library->fetch(row);
      return QTest::qWaitFor([&] { return QFileInfo(models.filePath(file + ".part")).size() > 0 && models.exists("mmproj-thing.gguf"); });
    };
    QVERIFY(fetchSome(0, "thing-Q4_K_M.gguf"));
    library->pause(0);
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Paused));
    QVERIFY(models.exists("thing-Q4_K_M.gguf.part"));
    QVERIFY(fetchSome(1, "thing-Q8_0.gguf"));
    library->cancel(1);
    QTRY_COMPARE(library->row(1).value("state").toInt(), static_cast<int>(PublishedFiles::NotHere));
    QTest::qWait(100);
    QVERIFY(models.exists("mmproj-thing.gguf"));  // the other one goes on with it
    library->cancel(0);
    QTRY_VERIFY(models.isEmpty());
  }

  // Where the model lies nothing is written: the folder is somebody else's, or may not be written to.
  void aModelThatIsHereWithoutItsVisionHalfFetchesThatAlone() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    QTemporaryDir data, foreign, other;
    const QString first = write(foreign.filePath("deep/thing-Q4_K_M.gguf"), server.body), half = data.filePath("models/mmproj-thing.gguf");
    const QString second = write(foreign.filePath("deep/thing-Q8_0.gguf"), server.body);
    const auto filesOf = [](const QString& path) { return QDir(path).entryList(QDir::Files, QDir::Name); };
    const QStringList before = filesOf(foreign.filePath("deep"));
    QVERIFY(QFile::setPermissions(foreign.filePath("deep"), QFile::ReadOwner | QFile::ExeOwner));
    ProgramFixture f(seeingOptionsFor(server, data.path()));
    f.program->settings()->setDownloadBase(server.base());
    f.program->settings()->addModelFolder(foreign.path());
    PublishedFiles* library = f.program->application()->library;
    const auto isMissing = [&](int row, bool expected) {
      return QTest::qWaitFor([&] {
        const QVariantMap facts = library->row(row);
        return facts.value("state").toInt() == PublishedFiles::Here && facts.value("halfMissing").toBool() == expected;
      });
    };
    const double mega = 1 << 20;
    QVERIFY(!library->row(0).value("halfMissing").toBool());  // no file is here yet: it is no half that is missing
    QCOMPARE(library->row(0).value("toFetch").toDouble(), 2 * mega);
    QVERIFY(isMissing(0, true) && isMissing(1, true));
    QCOMPARE(library->row(0).value("toFetch").toDouble(), mega);
    QCOMPARE(library->row(0).value("halfFile").toString(), "mmproj-thing.gguf");
    QVERIFY(!library->currentHasHalf());
    library->load(0);
    QTRY_COMPARE(f.model()->path(), first);
    QTRY_COMPARE(f.model()->state(), ModelSession::Ready);
    QCOMPARE(server.log.size(), 0);

    library->fetch(0);
    QVERIFY(isMissing(0, false) && isMissing(1, false));  // one file for both
    QCOMPARE(contentOf(half), server.body);
    QVERIFY(server.log.size() > 0);
    for (const FaultServer::Asked& asked : server.log) QVERIFY2(asked.path.endsWith("/mmproj-thing.gguf"), asked.path);
    QCOMPARE(filesOf(data.filePath("models")), QStringList{"mmproj-thing.gguf"});
    QCOMPARE(filesOf(foreign.filePath("deep")), before);
    QVERIFY(library->currentHasHalf());
    QCOMPARE(f.model()->path(), first);  // it is loaded again when somebody asks for that
    QCOMPARE(f.engine->load_requests().size(), std::size_t{1});
    library->load(0);
    QTRY_COMPARE(f.engine->load_requests().size(), std::size_t{2});
    const auto hasHalf = [&](const LoadRequest& request) {
      return std::find(request.spare_mmprojs.begin(), request.spare_mmprojs.end(), half.toStdString()) != request.spare_mmprojs.end();
    };
    QVERIFY(f.engine->load_requests().back().path == first.toStdString() && hasHalf(f.engine->load_requests().back()));
    f.model()->unload();
    f.restart();
    library = f.program->application()->library;
    QVERIFY(isMissing(0, false) && isMissing(1, false));
    f.program->application()->load->setPath(first);
    QTRY_VERIFY(!f.engine->plan_requests().empty());
    QVERIFY(hasHalf(f.engine->plan_requests().back()));
    // Where files go from now on is another matter.
    library->chooseFolder(QUrl::fromLocalFile(other.path()));
    QVERIFY(isMissing(0, false));

    // It goes with the last model that needs it.
    QVERIFY(QFile::setPermissions(foreign.filePath("deep"), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner));
    QCOMPARE(library->freedBy(0), mega);
    library->moveTo(0, QUrl::fromLocalFile(other.path()));
    QTRY_COMPARE(filesOf(other.path()), (QStringList{"mmproj-thing.gguf", "thing-Q4_K_M.gguf"}));
    QTRY_COMPARE(library->row(0).value("path").toString(), other.filePath("thing-Q4_K_M.gguf"));
    QVERIFY(isMissing(0, false) && isMissing(1, false));
    QVERIFY(QFile::exists(half));
    QTRY_COMPARE(library->freedBy(1), 2 * mega);
    library->remove(1);
    QTRY_VERIFY(!QFile::exists(second) && !QFile::exists(half));
    QVERIFY(QFile::exists(other.filePath("mmproj-thing.gguf")));
    // Somebody takes it away.
    QVERIFY(QFile::remove(other.filePath("mmproj-thing.gguf")));
    library->look();
    QVERIFY(isMissing(0, true));
    QCOMPARE(library->freedBy(0), mega);
  }

  // A window that has just begun knows its files before it knows what lies in the folders.
  void aFileThatIsMovedAtOnceTakesItsVisionHalfAlong() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    QTemporaryDir data, foreign, other;
    const QString half = write(data.filePath("models/mmproj-thing.gguf"), server.body);
    write(foreign.filePath("thing-Q4_K_M.gguf"), server.body);
    write(foreign.filePath("thing-Q8_0.gguf"), server.body);
    ProgramFixture f(seeingOptionsFor(server, data.path()));
    f.program->settings()->setDownloadBase(server.base());
    PublishedFiles* library = f.program->application()->library;
    const auto isHere = [&](int row) { return library->row(row).value("state").toInt() == PublishedFiles::Here; };
    const auto filesOf = [](const QString& path) { return QDir(path).entryList(QDir::Files, QDir::Name); };
    bool moves = true;
    connect(library, &PublishedFiles::halvesChanged, this, [&] {
      if (!moves || !isHere(0) || !isHere(1)) return;
      moves = false;
      library->moveTo(0, QUrl::fromLocalFile(other.path()));
    });
    f.program->settings()->addModelFolder(foreign.path());
    QTRY_COMPARE(filesOf(other.path()), (QStringList{"mmproj-thing.gguf", "thing-Q4_K_M.gguf"}));
    QVERIFY(QFile::exists(half));  // the other file is used with it
    QTRY_COMPARE(library->row(0).value("path").toString(), other.filePath("thing-Q4_K_M.gguf"));
    f.restart();
    library = f.program->application()->library;
    moves = true;
    connect(library, &PublishedFiles::halvesChanged, this, [&] {
      if (!moves || !isHere(1)) return;
      moves = false;
      library->remove(1);
    });
    QTRY_COMPARE(filesOf(foreign.path()), QStringList());
    QTRY_VERIFY(!QFile::exists(half));
    QCOMPARE(filesOf(other.path()), (QStringList{"mmproj-thing.gguf", "thing-Q4_K_M.gguf"}));
  }

  void theDownloadOfAVisionHalfIsPausedAndCancelledByItself() {
    FaultServer server;
    server.body = QByteArray(8 << 20, 'm');
    QTemporaryDir data, foreign;
    write(foreign.filePath("thing-Q4_K_M.gguf"), server.body);
    ProgramOptions options = seeingOptionsFor(server, data.path());
    ProgramFixture f(options);
    f.program->settings()->setDownloadBase(server.base());
    f.program->settings()->addModelFolder(foreign.path());
    PublishedFiles* library = f.program->application()->library;
    const QDir models(data.filePath("models"));
    const auto isState = [&](int row, PublishedFiles::State state) {
      return QTest::qWaitFor([&] { return library->row(row).value("state").toInt() == state; });
    };
    QTRY_VERIFY(library->row(0).value("halfMissing").toBool());
    server.pace(1 << 16);
    library->fetch(0);
    QTRY_VERIFY(server.sent() > (3 << 20));
    library->pause(0);
    QVERIFY(isState(0, PublishedFiles::Paused));
    f.restart();
    library = f.program->application()->library;
    QTRY_VERIFY(library->row(0).value("halfMissing").toBool());
    QVERIFY(isState(0, PublishedFiles::Paused));
    QCOMPARE(library->row(0).value("total").toDouble(), static_cast<double>(server.body.size()));
    QVERIFY(library->row(0).value("done").toDouble() >= (1 << 20));
    library->cancel(0);
    QVERIFY(isState(0, PublishedFiles::Here));
    QVERIFY(library->row(0).value("halfMissing").toBool());
    QTRY_VERIFY(models.isEmpty());
    QVERIFY(QFile::exists(foreign.filePath("thing-Q4_K_M.gguf")));

    // The other format's download brings the same half; when that is cancelled, the half stays for the model that is here.
    server.pace(1 << 22);
    library->fetch(0);
    QTRY_VERIFY(!library->row(0).value("halfMissing").toBool() && library->row(0).value("state").toInt() == PublishedFiles::Here);
    server.pace(1 << 16);
    library->fetch(1);
    QTRY_VERIFY(QFileInfo(models.filePath("thing-Q8_0.gguf.part")).size() > 0);
    library->cancel(1);
    QVERIFY(isState(1, PublishedFiles::NotHere));
    QTest::qWait(100);
    QCOMPARE(models.entryList(QDir::Files), QStringList{"mmproj-thing.gguf"});
    QVERIFY(!library->row(0).value("halfMissing").toBool());
  }

  // A file of the person's own that fits is a half under any name; one that is another model's is none.
  void onlyAVisionHalfThatFitsCounts() {
    const QString shared = qEnvironmentVariable("PIO_SHARED");
    const QString tiny = shared + "/fixtures/qwen3-vl-tiny", other = shared + "/fixtures/qwen3-vl-tiny-hd32";
    if (shared.isEmpty() || !QFile::exists(tiny + "/model-f32.gguf"))
      QSKIP("no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/");
    FaultServer server;
    QTemporaryDir data, foreign;
    QVERIFY(QFile::copy(tiny + "/model-f32.gguf", foreign.filePath("thing-Q4_K_M.gguf")));
    QVERIFY(QFile::copy(other + "/mmproj-f32.gguf", foreign.filePath("mmproj-other.gguf")));
    ProgramFixture f(seeingOptionsFor(server, data.path()));
    f.program->settings()->addModelFolder(foreign.path());
    PublishedFiles* library = f.program->application()->library;
    QTRY_VERIFY(library->row(0).value("halfMissing").toBool());
    QVERIFY(QFile::copy(tiny + "/mmproj-f16.gguf", foreign.filePath("mmproj-mine.gguf")));
    library->look();
    QTRY_VERIFY(!library->row(0).value("halfMissing").toBool());
    library->remove(0);
    QTRY_VERIFY(!QFile::exists(foreign.filePath("thing-Q4_K_M.gguf")));
    QVERIFY(QFile::exists(foreign.filePath("mmproj-mine.gguf")));
  }

  // Hugging Face's cache has the bytes under blobs, and links that lead there.
  void aFileOfACacheIsMovedAndDeletedWithItsBytes() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    ProgramFixture f(optionsFor(server));
    QTemporaryDir places, other;
    const QString hub = places.filePath("hub"), snapshot = hub + "/models--someone--thing/snapshots/main", link = snapshot + "/thing-Q4_K_M.gguf";
    const QString blob = write(hub + "/models--someone--thing/blobs/0123", server.body);
    QVERIFY(QDir().mkpath(snapshot) && QFile::link("../../blobs/0123", link));
    f.program->settings()->addModelFolder(hub);
    PublishedFiles* library = f.program->application()->library;
    QTRY_COMPARE(library->row(0).value("path").toString(), link);
    const QString moved = other.filePath("thing-Q4_K_M.gguf");
    library->moveTo(0, QUrl::fromLocalFile(other.path()));
    QTRY_COMPARE(library->row(0).value("path").toString(), moved);
    QVERIFY(!QFileInfo(moved).isSymLink());
    QCOMPARE(contentOf(moved), server.body);
    QTRY_VERIFY(!QFileInfo(link).isSymLink() && !QFile::exists(blob));
    // Back in the cache, and deleted there.
    QVERIFY(QFile::rename(moved, blob) && QFile::link("../../blobs/0123", link));
    f.program->models()->refresh();
    library->look();
    QTRY_COMPARE(library->row(0).value("path").toString(), link);
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Here));
    library->remove(0);
    QTRY_VERIFY(!QFileInfo(link).isSymLink() && !QFile::exists(blob));
    // A link of somebody's own: what it leads to is theirs.
    const QString kept = write(places.filePath("kept.gguf"), server.body), named = other.filePath("thing-Q4_K_M.gguf");
    QVERIFY(QFile::link(kept, named));
    f.program->models()->refresh();
    QTRY_COMPARE(library->row(0).value("path").toString(), named);
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Here));
    library->remove(0);
    QTRY_VERIFY(!QFileInfo(named).isSymLink());
    QCOMPARE(contentOf(kept), server.body);
  }

  void whatAnEarlierWindowBeganIsPausedAndGoesOn() {
    FaultServer server;
    server.body = QByteArray(20 << 20, 'm');
    QTemporaryDir data;
    ProgramOptions options = optionsFor(server);
    options.dataFolder = data.path();
    ProgramFixture f(options);
    f.program->settings()->setDownloadBase(server.base());
    server.pace(1 << 18);
    f.program->application()->library->fetch(0);
    QTRY_VERIFY(server.sent() > (17 << 20));
    f.restart();
    const qsizetype asked = server.log.size();
    PublishedFiles* library = f.program->application()->library;
    library->look();
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Paused));
    QVERIFY(library->row(0).value("done").toDouble() > (1 << 20));
    QTest::qWait(200);
    QCOMPARE(server.log.size(), asked);  // not by itself
    library->fetch(0);
    QTRY_COMPARE_WITH_TIMEOUT(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Here), 20'000);
    QVERIFY(server.log.last().range() != "bytes=0-");
  }

  void offlineNothingIsFetched() {
    FaultServer server;
    server.body = QByteArray(1 << 20, 'm');
    ProgramOptions options = optionsFor(server);
    options.isOffline = true;
    ProgramFixture f(options);
    f.program->settings()->setDownloadBase(server.base());
    PublishedFiles* library = f.program->application()->library;
    QVERIFY(library->isOffline() && library->isOfflineForced());
    library->fetch(0);
    QTRY_COMPARE(library->row(0).value("state").toInt(), static_cast<int>(PublishedFiles::Failed));
    QVERIFY(library->row(0).value("problem").value<UserError>().isSet());
    QCOMPARE(server.log.size(), 0);
  }

  // A context that nobody chose fills what is free: it gives way to the vision half.
  void aModelThatSeesFitsWithAShorterContext() {
    PublishedFiles::Private::Row row;
    row.file.mmproj = PublishedPart{};
    row.file.mmproj->bytes = 445'000'000;
    row.isPlanned = true;
    row.plan.fits = true;
    row.plan.context_length = 180'000;
    row.plan.state_bytes = 20'700'000'000;
    row.plan.needed_bytes = 22'000'000'000;
    row.plan.devices.push_back({.name = "cpu", .free_bytes = 22'000'000'000});
    QVERIFY(row.fits());
    QVERIFY(row.needs() < 3'000'000'000);
    row.isContextChosen = true;
    QVERIFY(!row.fits());
    row.isContextChosen = false;
    row.plan.devices.front().free_bytes = 1'500'000'000;
    QVERIFY(!row.fits());
  }

  void everyFileOfTheCatalogueIsPlannedWhenSomebodyLooks() {
    ProgramFixture f;
    PublishedFiles* library = f.program->application()->library;
    QTest::qWait(100);
    QVERIFY(f.engine->plan_requests().empty());
    int nTold = 0;  // that it looks: rows say so meanwhile
    connect(library, &PublishedFiles::plansChanged, this, [&] { nTold += library->planning() ? 1 : 0; });
    library->look();
    QTRY_COMPARE(static_cast<int>(f.engine->plan_requests().size()), library->count());
    QTRY_VERIFY(!library->planning());
    QCOMPARE(nTold, library->count());
    for (int row = 0; row < library->count(); ++row) {
      const QVariantMap facts = library->row(row);
      QVERIFY(facts.value("isPlanned").toBool());
      QVERIFY(facts.value("bytes").toDouble() > 1e8);
      QVERIFY(!facts.value("licence").toString().isEmpty());
      QVERIFY(facts.value("problem").value<UserError>() == UserError());
    }
    QVERIFY(library->smallest() >= 0);
    QCOMPARE(library->row(library->smallest()).value("name").toString(), "SmolLM2-135M-Instruct");
    QVERIFY(library->row(library->smallest()).value("isComputed").toBool());
    QVERIFY(library->row(-1).isEmpty() && library->row(99).isEmpty());
    library->fetch(-1);
    library->pause(99);
    library->cancel(-5);
  }
};

QTEST_MAIN(LibraryTest)
#include "library_test.moc"
