// download_test: what a server can do wrong, and what a kill can. PIO_DOWNLOAD_KILLS=200 for the full run of kills.
#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDir>
#include <QEventLoop>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>
#include <QStorageInfo>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <csignal>
#include <functional>
#include <optional>
#include <sys/mount.h>
#include <unistd.h>

#include "app/error_text.h"
#include "app/network/downloader.h"
#include "app/network/file_transfer.h"
#include "app/network/network_ledger.h"
#include "app/network/orders.h"
#include "app/network/part_file.h"
#include "app/network/request_maker.h"
#include "tests/app/fault_server.h"

using namespace pio;
using Phase = DownloadState::Phase;
using Kind = TransferProblem::Kind;

namespace {

constexpr TransferPace kQuick{.retryMs = 10, .stallMs = 200, .silenceMs = 600};
constexpr qint64 kPart = PartFile::kPartBytes;

QByteArray randomBytes(qint64 n, quint32 seed = 1) {
  QByteArray bytes(n, Qt::Uninitialized);
  QRandomGenerator random(seed);
  random.fillRange(reinterpret_cast<quint32*>(bytes.data()), n / 4);
  return bytes;
}

// The server and what asks it live in this thread: QTest::qWaitFor sleeps 10 ms between two looks, in which neither goes on.
bool runUntil(const std::function<bool()>& isSo, int ms) {
  QEventLoop loop;
  QTimer look, end;
  QObject::connect(&look, &QTimer::timeout, &loop, [&] {
    if (isSo()) loop.quit();
  });
  QObject::connect(&end, &QTimer::timeout, &loop, &QEventLoop::quit);
  look.start(1);
  end.start(ms);
  loop.exec();
  return isSo();
}

// Each body is hashed once.
QString sha(const QByteArray& bytes) {
  static QHash<size_t, QString> known;
  QString& hash = known[qHash(bytes)];
  if (hash.isEmpty()) hash = QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex());
  return hash;
}

QByteArray contentOf(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

const QByteArray& largeBody() {  // a little over three parts
  static const QByteArray body = randomBytes(3 * kPart + (5 << 20) + 12);
  return body;
}

// A certificate that openssl makes for a name: "IP:127.0.0.1", "DNS:a.example". Nobody trusts it.
struct Certificate {
  explicit Certificate(const QString& name) {
    const QTemporaryDir folder;
    const QString key = folder.filePath("key"), certificate = folder.filePath("certificate");
    QProcess openssl;
    openssl.start("openssl", {"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=" + name,
                              "-keyout", key, "-out", certificate});
    if (!openssl.waitForFinished(-1)) return;
    own = QSslCertificate(contentOf(certificate));
    secret = QSslKey(contentOf(key), QSsl::Rsa);
  }
  bool isMade() const { return !own.isNull() && !secret.isNull(); }
  QSslCertificate own;
  QSslKey secret;
};

// As long as it lives this process, and nothing else, trusts the certificate.
class Trust {
 public:
  explicit Trust(const Certificate& certificate) {
    QSslConfiguration more = m_before;
    more.addCaCertificate(certificate.own);
    QSslConfiguration::setDefaultConfiguration(more);
  }
  ~Trust() { QSslConfiguration::setDefaultConfiguration(m_before); }
  Q_DISABLE_COPY_MOVE(Trust)

 private:
  const QSslConfiguration m_before = QSslConfiguration::defaultConfiguration();
};

// A downloader, a server and two folders.
struct Lab {
  explicit Lab(const QByteArray& body = largeBody()) : downloader(data.path(), kQuick) { server.body = body; }

  FileOrder file() const {
    FileOrder file;
    file.base = server.base();
    file.repository = "someone/thing-GGUF";
    file.revision = "0123abc";
    file.path = "thing-Q4_K_M.gguf";
    file.target = to.filePath("thing-Q4_K_M.gguf");
    file.name = "Thing:Q4_K_M";
    file.bytes = server.body.size();
    file.sha256 = sha(server.body);
    return file;
  }
  // Waits for the end of it.
  DownloadState fetch(const FileOrder& file, int ms = 60'000) {
    QSignalSpy states(&downloader, &Downloader::changed);
    downloader.fetch({file.name, {file}});
    const auto last = [&] { return states.isEmpty() ? DownloadState{} : states.last().first().value<DownloadState>(); };
    const auto isOver = [&] { return last().phase == Phase::done || last().phase == Phase::failed || last().phase == Phase::paused; };
    if (!runUntil(isOver, ms)) qWarning("the download does not end");
    return last();
  }
  // Until so many bytes, whole MiB, are on the disk, then it is stopped as a pause stops it.
  void fetchSome(const FileOrder& file, qint64 bytes) {
    downloader.fetch({file.name, {file}});
    if (!runUntil([&] { return QFileInfo(PartFile::partPath(file.target)).size() >= bytes; }, 30'000)) qWarning("too little came");
    downloader.pause(file.name);
  }
  bool isRight() const { return contentOf(to.filePath("thing-Q4_K_M.gguf")) == server.body; }
  bool isClean() const { return QDir(to.path()).entryList(QDir::Files).size() == 1; }
  QList<LedgerEntry> ledger() const { return NetworkLedger(data.path()).entries(); }

  QTemporaryDir data, to;
  FaultServer server;
  Downloader downloader;
};

#define ENDS_WELL(lab, file)                                                                                    \
  do {                                                                                                          \
    const DownloadState state = (lab).fetch(file);                                                              \
    QVERIFY2(state.phase == Phase::done, qPrintable(userErrorOf(state.problem).title + state.problem.details)); \
    QVERIFY((lab).isRight());                                                                                   \
    QVERIFY((lab).isClean());                                                                                   \
  } while (false)

#define IS_REFUSED(lab, file, what)                                         \
  do {                                                                      \
    const DownloadState state = (lab).fetch(file);                          \
    QCOMPARE(state.phase, Phase::failed);                                   \
    QCOMPARE(static_cast<int>(state.problem.kind), static_cast<int>(what)); \
    QVERIFY(!QFile::exists((file).target));                                 \
    QVERIFY(userErrorOf(state.problem).isSet());                            \
    QVERIFY(!userErrorOf(state.problem).explanation.contains('%'));         \
  } while (false)

}  // namespace

class DownloadTest : public QObject {
  Q_OBJECT

 public:
  // Qt ends a test that takes 5 minutes.
  static void initMain() {
    if (!qEnvironmentVariableIsSet("QTEST_FUNCTION_TIMEOUT")) qputenv("QTEST_FUNCTION_TIMEOUT", "86400000");
  }

 private slots:
  void aFileComesWhole() {
    Lab lab;
    QSignalSpy done(&lab.downloader, &Downloader::fileDone);
    ENDS_WELL(lab, lab.file());
    const auto file = done.first().last().value<FileDone>();
    QCOMPARE(file.sha256, sha(lab.server.body));
    QCOMPARE(file.verified, FileDone::Verified::pinned);
    QCOMPARE(lab.server.log.size(), 1);
    QCOMPARE(lab.server.log[0].path, "/someone/thing-GGUF/resolve/0123abc/thing-Q4_K_M.gguf");
    QVERIFY(!lab.server.log[0].headers.contains("cookie"));
    QCOMPARE(lab.server.log[0].headers.value("accept-encoding"), "identity");
    ENDS_WELL(lab, lab.file());  // what is there is not asked for
    QCOMPARE(lab.server.log.size(), 1);
  }

  void aBrokenConnectionIsTakenUpAgainAtTheByteFromTheFirstAddressOn() {
    Lab lab;
    QRandomGenerator random(7);
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      if (!asked.path.startsWith("/cdn/")) return FaultServer::redirect("/cdn" + asked.path);
      FaultServer::Answer answer = server.plain(asked);
      answer.cutAfter = random.bounded(1, 9 << 20);
      return answer;
    };
    ENDS_WELL(lab, lab.file());
    qint64 at = 0;
    for (qsizetype i = 0; i < lab.server.log.size(); ++i) {
      const FaultServer::Asked& asked = lab.server.log[i];
      QCOMPARE(asked.path.startsWith("/cdn/"), i % 2 == 1);
      QCOMPARE(asked.range(), "bytes=" + QByteArray::number(at) + '-');
      QCOMPARE(asked.headers.value("if-range"), at == 0 ? QByteArray() : lab.server.etag);
      at += asked.sent;
    }
    QCOMPARE(lab.server.sent(), lab.server.body.size());  // nothing twice
  }

  void aRestartGoesOnAtTheByteThatWasWritten() {
    Lab lab;
    lab.server.pace(1 << 19);
    lab.fetchSome(lab.file(), kPart + (3 << 20));
    const qint64 noted = [&] {
      qint64 bytes = 0;
      PartFile::originOf(PartFile::notesPath(lab.file().target), &bytes);
      return bytes;
    }();
    QVERIFY(noted > kPart);
    lab.server.log.clear();
    lab.server.pace(0);
    Downloader later(lab.data.path(), kQuick);  // of the next start
    QSignalSpy done(&later, &Downloader::fileDone);
    later.fetch({"x", {lab.file()}});
    QTRY_COMPARE_WITH_TIMEOUT(done.size(), 1, 20'000);
    QVERIFY(lab.isRight());
    QCOMPARE(lab.server.log.size(), 1);
    QCOMPARE(lab.server.log[0].range(), "bytes=" + QByteArray::number(noted) + '-');
  }

  void aPartThatWasChangedOnTheDiskIsFetchedAlone_data() {
    QTest::addColumn<int>("damage");
    QTest::newRow("one byte of the first part") << 0;
    QTest::newRow("one byte of the second part") << 1;
    QTest::newRow("the file was cut off in the third") << 2;
    QTest::newRow("notes that are torn") << 3;
    QTest::newRow("notes of another version") << 4;
  }
  void aPartThatWasChangedOnTheDiskIsFetchedAlone() {
    QFETCH(const int, damage);
    Lab lab;
    lab.server.answer = [](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      if (asked.range() == "bytes=0-") answer.cutAfter = 3 * kPart + (2 << 20);
      answer.isSilent = true;
      return answer;
    };
    lab.fetchSome(lab.file(), 3 * kPart + (2 << 20));
    QFile part(PartFile::partPath(lab.file().target)), notes(PartFile::notesPath(lab.file().target));
    QVERIFY(part.open(QIODevice::ReadWrite) && notes.open(QIODevice::ReadWrite));
    QVERIFY(part.size() >= 3 * kPart);
    if (damage < 2) {
      part.seek(damage * kPart + 77);
      part.write("x");
    } else if (damage == 2) {
      part.resize(2 * kPart + 1000);
    } else if (damage == 3) {
      notes.resize(notes.size() - 5);
    } else {
      QByteArray text = notes.readAll();
      notes.seek(0);
      notes.write(text.replace("\"version\":1", "\"version\":9"));
    }
    part.close();
    notes.close();
    lab.server.log.clear();
    lab.server.pace(0);
    ENDS_WELL(lab, lab.file());
    const QByteArrayList firsts{"bytes=0-16777215", "bytes=16777216-33554431", "bytes=33554432-", "bytes=5", "bytes=0-"};
    QVERIFY2(lab.server.log[0].range().startsWith(firsts[damage]), lab.server.log[0].range().constData());
    const qint64 tail = lab.server.body.size() - 3 * kPart;
    if (damage < 2) QVERIFY(lab.server.sent() <= kPart + tail);
    if (damage == 2) QVERIFY(lab.server.sent() <= kPart + tail);
    if (damage == 3) QVERIFY(lab.server.sent() <= tail);
  }

  void withoutAPinnedHashTheServersIsUsedAndCalledSo() {
    Lab lab(randomBytes(1 << 20));
    QByteArray stated = sha(lab.server.body).toLatin1();
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      if (asked.path.startsWith("/cdn/")) return server.plain(asked);
      FaultServer::Answer answer = FaultServer::redirect("/cdn" + asked.path);
      answer.set("X-Linked-ETag", '"' + stated + '"');
      answer.set("X-Linked-Size", QByteArray::number(server.body.size()));
      return answer;
    };
    FileOrder file = lab.file();
    file.sha256.clear();
    file.bytes = -1;
    QSignalSpy done(&lab.downloader, &Downloader::fileDone);
    ENDS_WELL(lab, file);
    QCOMPARE(done.first().last().value<FileDone>().verified, FileDone::Verified::stated);
    QFile::remove(file.target);
    stated = sha("something else").toLatin1();
    const DownloadState state = lab.fetch(file);
    QCOMPARE(state.problem.kind, Kind::wrong_hash);
    QVERIFY(state.problem.isStated);
    const QString words = userErrorOf(state.problem).explanation;
    QVERIFY(words.contains(sha(lab.server.body)) && words.contains(stated));
    QVERIFY(!QFile::exists(file.target) && QDir(lab.to.path()).isEmpty());
  }

  void withoutAnyHashTheLengthDecides() {
    Lab lab(randomBytes(1 << 20));
    FileOrder file = lab.file();
    file.sha256.clear();
    QSignalSpy done(&lab.downloader, &Downloader::fileDone);
    ENDS_WELL(lab, file);
    QCOMPARE(done.first().last().value<FileDone>().verified, FileDone::Verified::size);
    QCOMPARE(done.first().last().value<FileDone>().sha256, sha(lab.server.body));
  }

  void anotherLengthThanTheCataloguesIsRefusedBeforeAnythingIsWritten_data() {
    QTest::addColumn<QString>("how");
    for (const char* how : {"range", "whole", "redirect"}) QTest::newRow(how) << how;
  }
  void anotherLengthThanTheCataloguesIsRefusedBeforeAnythingIsWritten() {
    QFETCH(const QString, how);
    Lab lab(randomBytes(1 << 20));
    lab.server.answer = [&](FaultServer& server, FaultServer::Asked asked) {
      if (how == "redirect") {
        FaultServer::Answer answer = FaultServer::redirect("/cdn" + asked.path);
        answer.set("X-Linked-ETag", sha("x").toLatin1());
        answer.set("X-Linked-Size", QByteArray::number(server.body.size()));
        return answer;
      }
      if (how == "whole") asked.headers.remove("range");
      return server.plain(asked);
    };
    FileOrder file = lab.file();
    file.bytes += 7;
    const DownloadState state = lab.fetch(file);
    QCOMPARE(state.problem.kind, Kind::wrong_length);
    QCOMPARE(state.problem.wantedBytes, file.bytes);
    QCOMPARE(state.problem.foundBytes, lab.server.body.size());
    QCOMPARE(lab.server.log.size(), 1);
    QVERIFY(QDir(lab.to.path()).isEmpty());
  }

  void aFileThatChangesMeanwhileIsFetchedAnew() {
    Lab lab;
    lab.server.answer = [](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      answer.cutAfter = 20 << 20;
      return answer;
    };
    const FileOrder before = lab.file();
    lab.fetchSome(before, 20 << 20);
    std::reverse(lab.server.body.begin(), lab.server.body.end());
    lab.server.etag = "\"two\"";
    ENDS_WELL(lab, lab.file());
  }

  // Where nothing tells the two apart but their hash, the whole comes once more.
  void halvesOfTwoFilesAreNeverPutTogether() {
    Lab lab;
    lab.server.answer = [](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      answer.remove("ETag");
      answer.cutAfter = 20 << 20;
      return answer;
    };
    lab.fetchSome(lab.file(), 20 << 20);
    std::reverse(lab.server.body.begin(), lab.server.body.end());
    FileOrder file = lab.file();
    lab.server.answer = [](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      answer.remove("ETag");
      return answer;
    };
    ENDS_WELL(lab, file);
    QFile::remove(file.target);
    file.sha256.clear();
    lab.server.log.clear();
    lab.fetchSome(file, 20 << 20);
    std::reverse(lab.server.body.begin(), lab.server.body.end());
    ENDS_WELL(lab, file);
  }

  void aFileThatChangesAtEveryLookIsRefused() {
    Lab lab;
    int count = 0;
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      server.etag = '"' + QByteArray::number(++count) + '"';
      FaultServer::Answer answer = server.plain(asked);
      answer.cutAfter = 2 << 20;
      return answer;
    };
    IS_REFUSED(lab, lab.file(), Kind::keeps_changing);
  }

  void damagedBytesAreFetchedOnceMoreAndThenRefused() {
    Lab lab;
    int count = 0;
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      if (++count == 1) answer.body[kPart + 3] = static_cast<char>(~answer.body[kPart + 3]);
      return answer;
    };
    ENDS_WELL(lab, lab.file());
    QCOMPARE(count, 2);
    QFile::remove(lab.file().target);
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      answer.body[5] = static_cast<char>(~answer.body[5]);
      ++count;
      return answer;
    };
    const DownloadState state = lab.fetch(lab.file());
    QCOMPARE(state.problem.kind, Kind::wrong_hash);
    QCOMPARE(count, 4);
    QCOMPARE(state.problem.wanted, sha(lab.server.body));
    QVERIFY(userErrorOf(state.problem).explanation.contains(state.problem.found) &&
            userErrorOf(state.problem).explanation.contains(state.problem.wanted));
    QVERIFY(QDir(lab.to.path()).isEmpty());
  }

  void serversThatLieEndWellOrInWords_data() {
    QTest::addColumn<QString>("how");
    QTest::addColumn<int>("kind");  // 0: the file is right
    const auto row = [](const char* how, Kind kind) { QTest::newRow(how) << how << static_cast<int>(kind); };
    row("no ranges", Kind::none);
    row("no ranges, cut", Kind::unreachable);
    row("a length too long", Kind::none);
    row("a length too short", Kind::none);
    row("ranges of another place", Kind::unreachable);
    row("ranges of another place, whole else", Kind::none);
    row("short ranges", Kind::none);
    row("ranges without their header", Kind::none);
    row("416 for ever", Kind::status);
    row("416 for ranges", Kind::none);
    row("404", Kind::status);
    row("503", Kind::status);
    row("503 twice", Kind::none);
    row("endless", Kind::none);
    row("endless, no hash", Kind::too_long);
    row("endless refusal", Kind::status);
    row("endless redirect", Kind::none);
    row("no length anywhere", Kind::no_length);
    row("chunked", Kind::none);
    row("chunked and silent at its end", Kind::none);
    row("chunked and silent at its end, no hash", Kind::too_long);
    row("silent", Kind::unreachable);
    row("nothing at all", Kind::unreachable);
    row("no HTTP", Kind::unreachable);
    row("redirect to itself", Kind::redirects);
    row("redirect to nowhere", Kind::redirects);
    row("redirect to a file", Kind::redirects);
    row("redirect to ftp", Kind::insecure);
    row("gzip", Kind::wrong_hash);
    row("an empty file", Kind::wrong_length);
    row("204", Kind::status);
  }
  void serversThatLieEndWellOrInWords() {
    QFETCH(const QString, how);
    QFETCH(const int, kind);
    Lab lab(randomBytes(5 << 20));
    FileOrder file = lab.file();
    int count = 0;
    if (how.contains("no hash")) file.sha256.clear();
    if (how == "no length anywhere") file.bytes = -1;
    lab.server.answer = [&](FaultServer& server, FaultServer::Asked asked) -> FaultServer::Answer {
      ++count;
      const FaultServer::Answer plain = server.plain(asked);
      FaultServer::Answer answer = plain;
      FaultServer::Asked noRange = asked;
      noRange.headers.remove("range");
      const FaultServer::Answer whole = server.plain(noRange);
      if (how.startsWith("no ranges")) {
        answer = whole;
        if (how.endsWith("cut")) answer.cutAfter = 1 << 20;
      } else if (how == "a length too long") {
        answer.set("Content-Length", QByteArray::number(answer.body.size() + 1000));
      } else if (how == "a length too short") {
        answer.set("Content-Length", QByteArray::number(std::max<qint64>(1, answer.body.size() / 2)));
        answer.body.truncate(std::max<qint64>(1, answer.body.size() / 2));
      } else if (how.startsWith("ranges of another place")) {
        answer.set("Content-Range", "bytes 17-" + QByteArray::number(server.body.size() - 1) + '/' + QByteArray::number(server.body.size()));
        if (how.endsWith("else") && asked.range().isEmpty()) answer = whole;
        else answer.status = 206;
      } else if (how == "short ranges") {
        const qint64 first = asked.range().mid(6).split('-').value(0).toLongLong(), n = std::min<qint64>(700'001, server.body.size() - first);
        answer.body = server.body.mid(first, n);
        answer.set("Content-Length", QByteArray::number(n));
        answer.set("Content-Range",
                   "bytes " + QByteArray::number(first) + '-' + QByteArray::number(first + n - 1) + '/' + QByteArray::number(server.body.size()));
      } else if (how == "ranges without their header") {
        if (!asked.range().isEmpty()) answer.remove("Content-Range");
      } else if (how == "416 for ever" || (how == "416 for ranges" && !asked.range().isEmpty())) {
        answer = FaultServer::refusal(416);
      } else if (how == "404" || how == "204" || how == "503" || (how == "503 twice" && count < 3)) {
        answer = FaultServer::refusal(how.left(3).toInt());
      } else if (how.startsWith("endless") && how != "endless refusal" && how != "endless redirect") {
        answer = whole;
        answer.remove("Content-Length");
        answer.isChunked = answer.isEndless = true;
      } else if (how == "endless refusal") {
        answer.status = 404;
        answer.remove("Content-Length");
        answer.isEndless = true;
      } else if (how == "endless redirect" && !asked.path.startsWith("/cdn/")) {
        answer = FaultServer::redirect("/cdn" + asked.path);
        answer.remove("Content-Length");
        answer.body = QByteArray(1000, 'x');
        answer.isEndless = true;
      } else if (how == "no length anywhere" || how.startsWith("chunked")) {
        answer = whole;
        answer.remove("Content-Length");
        answer.isChunked = true;
        answer.isSilent = how.contains("silent");
      } else if (how == "silent") {
        answer.cutAfter = 0;
        answer.isSilent = true;
      } else if (how == "nothing at all") {
        answer.cutAfter = 0;
      } else if (how == "redirect to itself") {
        answer = FaultServer::redirect(asked.path);
      } else if (how == "redirect to nowhere") {
        answer = FaultServer::redirect("");
      } else if (how == "redirect to a file") {
        answer = FaultServer::redirect("file:///etc/hostname");
      } else if (how == "redirect to ftp") {
        answer = FaultServer::redirect("ftp://127.0.0.1/x");
      } else if (how == "gzip") {
        answer = whole;
        answer.set("Content-Encoding", "gzip");
        answer.body = answer.body.toBase64().left(server.body.size());
      } else if (how == "an empty file") {
        answer = whole;
        answer.body.clear();
        answer.set("Content-Length", "0");
      }
      return answer;
    };
    QTcpServer noHttp;
    if (how == "no HTTP") {
      noHttp.listen(QHostAddress::LocalHost);
      connect(&noHttp, &QTcpServer::newConnection, this, [&] {
        QTcpSocket* socket = noHttp.nextPendingConnection();
        socket->write("220 hello, this is another protocol\r\n");
        socket->disconnectFromHost();
      });
      file.base = QStringLiteral("http://127.0.0.1:%1").arg(noHttp.serverPort());
    }
    if (kind == 0) ENDS_WELL(lab, file);
    else IS_REFUSED(lab, file, static_cast<Kind>(kind));
  }

  void givesUpAfterFourWaitsWithoutProgress() {
    Lab lab(randomBytes(1 << 20));
    QList<int> waits;
    connect(&lab.downloader, &Downloader::changed, this, [&](const DownloadState& state) {
      if (state.secondsToTry > 0 && state.phase == Phase::running) waits.append(state.secondsToTry);
    });
    lab.server.answer = [](FaultServer&, const FaultServer::Asked&) { return FaultServer::refusal(500); };
    IS_REFUSED(lab, lab.file(), Kind::status);
    QCOMPARE(lab.server.log.size(), 5);
    waits.erase(std::unique(waits.begin(), waits.end()), waits.end());
    QCOMPARE(waits, (QList<int>{1, 2, 4, 8}));
  }

  void aRedirectNeverLeadsToLess() {
    const QUrl https("https://a.example/x"), http("http://a.example/x");
    QVERIFY(mayFollow(https, QUrl("https://b.example")));
    QVERIFY(mayFollow(http, QUrl("https://b.example")));
    QVERIFY(mayFollow(http, QUrl("http://b.example")));
    for (const char* to : {"http://a.example/x", "ftp://a.example", "file:///x", "data:,x", "qrc:/x", "HTTP://a.example"})
      QVERIFY2(!mayFollow(https, QUrl(to)), to);
    QVERIFY(!mayFollow(http, QUrl("ftp://a.example")));
    QVERIFY(isBaseAddress("https://huggingface.co") && isBaseAddress("http://127.0.0.1:80/mirror"));
    for (const char* base : {"", "huggingface.co", "ftp://x", "file:///x", "https://", "https://u:p@x", "https://x?q", "https://x#f"})
      QVERIFY2(!isBaseAddress(base), base);
  }

  void httpsIsFollowedToHttpsAlone() {
    const Certificate certificate("IP:127.0.0.1");
    QVERIFY(certificate.isMade());
    const Trust trust(certificate);
    Lab lab(randomBytes(5 << 20));
    FaultServer cdn, plain;
    lab.server.encrypt(certificate.own, certificate.secret);
    cdn.encrypt(certificate.own, certificate.secret);
    cdn.body = plain.body = lab.server.body;
    int nCuts = 2;
    cdn.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      if (nCuts-- > 0) answer.cutAfter = 1 << 20;
      return answer;
    };
    FaultServer* to = &cdn;
    lab.server.answer = [&](FaultServer&, const FaultServer::Asked& asked) { return FaultServer::redirect(to->base().toLatin1() + asked.path); };
    ENDS_WELL(lab, lab.file());
    QCOMPARE(cdn.log.size(), 3);
    QCOMPARE(lab.server.log.size(), 3);
    QCOMPARE(lab.ledger().size(), 6);
    QFile::remove(lab.file().target);

    to = &plain;
    IS_REFUSED(lab, lab.file(), Kind::insecure);
    const DownloadState refused = lab.fetch(lab.file());
    QCOMPARE(lab.server.log.size(), 5);  // once each: asking again would change nothing
    QVERIFY(plain.log.isEmpty());
    QVERIFY(refused.problem.details.startsWith(plain.base()));
    QVERIFY(userErrorOf(refused.problem).explanation.contains("encryption"));

    // To more than what one comes from is a way.
    plain.answer = [&](FaultServer&, const FaultServer::Asked& asked) { return FaultServer::redirect(cdn.base().toLatin1() + asked.path); };
    FileOrder file = lab.file();
    file.base = plain.base();
    ENDS_WELL(lab, file);
    QCOMPARE(plain.log.size(), 1);
  }

  void aCertificateThatDoesNotHoldIsRefused_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<bool>("isTrusted");
    QTest::addColumn<bool>("isRedirect");
    QTest::newRow("of nobody known") << "IP:127.0.0.1" << false << false;
    QTest::newRow("of another name") << "DNS:elsewhere.example" << true << false;
    QTest::newRow("of nobody known, by a redirect") << "IP:127.0.0.1" << false << true;
  }
  void aCertificateThatDoesNotHoldIsRefused() {
    QFETCH(const QString, name);
    QFETCH(const bool, isTrusted);
    QFETCH(const bool, isRedirect);
    const Certificate certificate(name);
    QVERIFY(certificate.isMade());
    std::optional<Trust> trust;
    if (isTrusted) trust.emplace(certificate);
    Lab lab(randomBytes(1 << 20));
    lab.server.encrypt(certificate.own, certificate.secret);
    FaultServer first;
    first.answer = [&](FaultServer&, const FaultServer::Asked& asked) { return FaultServer::redirect(lab.server.base().toLatin1() + asked.path); };
    FileOrder file = lab.file();
    if (isRedirect) file.base = first.base();
    IS_REFUSED(lab, file, Kind::certificate);
    QVERIFY(lab.server.log.isEmpty());
    QVERIFY(QDir(lab.to.path()).isEmpty());
    QCOMPARE(first.log.size(), isRedirect ? 1 : 0);
    QCOMPARE(lab.ledger().size(), isRedirect ? 2 : 1);
    const UserError words = userErrorOf(lab.fetch(file).problem);
    QVERIFY(words.explanation.startsWith("127.0.0.1") && words.explanation.contains("certificate") && !words.details.isEmpty());
  }

  void namesThatLeadElsewhereAreRefused() {
    Lab lab(randomBytes(1 << 20));
    for (const char* path : {"../x.gguf", "a/../../x.gguf", "", "/x.gguf", "a//x.gguf", "..\\x.gguf"}) {
      FileOrder file = lab.file();
      file.path = path;
      IS_REFUSED(lab, file, Kind::bad_name);
    }
    QVERIFY(lab.server.log.isEmpty());
  }

  void offlineNobodyIsAsked() {
    Lab lab;
    lab.downloader.choose(true, {});
    IS_REFUSED(lab, lab.file(), Kind::offline);
    QVERIFY(lab.server.log.isEmpty());
    QVERIFY(lab.ledger().isEmpty());
    lab.downloader.choose(false, {});
    lab.server.pace(1 << 18);
    QSignalSpy states(&lab.downloader, &Downloader::changed);
    lab.downloader.fetch({"x", {lab.file()}});
    QTRY_VERIFY(lab.server.sent() > (2 << 20));
    lab.downloader.choose(true, {});
    const auto last = states.last().first().value<DownloadState>();
    QCOMPARE(last.problem.kind, Kind::offline);
    QVERIFY(!userErrorOf(last.problem).explanation.startsWith("Nothing was asked"));  // it was
    const qsizetype n = lab.server.log.size();
    QTest::qWait(300);
    QCOMPARE(lab.server.log.size(), n);
    lab.downloader.choose(false, {});
    ENDS_WELL(lab, lab.file());
  }

  void theLedgerIsTheServersLog() {
    Lab lab(randomBytes(9 << 20));
    int count = 0;
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      if (++count == 1) return FaultServer::refusal(503);
      if (!asked.path.startsWith("/cdn/")) return FaultServer::redirect("/cdn" + asked.path + "?key=secret");
      FaultServer::Answer answer = server.plain(asked);
      answer.cutAfter = 2 << 20;
      return answer;
    };
    ENDS_WELL(lab, lab.file());
    const QList<LedgerEntry> ledger = lab.ledger();
    QCOMPARE(ledger.size(), lab.server.log.size());
    for (qsizetype i = 0; i < ledger.size(); ++i) {
      const QByteArray path = lab.server.log[i].path;
      QCOMPARE(ledger[i].path.toLatin1(), path.left(path.indexOf('?') < 0 ? path.size() : path.indexOf('?')));
      QCOMPARE(ledger[i].host, QStringLiteral("127.0.0.1:%1").arg(lab.server.serverPort()));
      QCOMPARE(ledger[i].why, "download");
      QCOMPARE(ledger[i].what, "Thing:Q4_K_M");
      QCOMPARE(ledger[i].bytes, lab.server.log[i].sent);
      QVERIFY(ledger[i].status > 0 && ledger[i].at.isValid());
    }
    QVERIFY(!contentOf(NetworkLedger(lab.data.path()).path()).contains("secret"));
  }

  // Qt asks again by itself when a connection ends without an answer; the ledger has each.
  void theLedgerCountsWhatQtSendsAgain() {
    Lab lab(randomBytes(1 << 20));
    QTcpServer mute;
    mute.listen(QHostAddress::LocalHost);
    int n = 0;
    connect(&mute, &QTcpServer::newConnection, this, [&] {
      QTcpSocket* socket = mute.nextPendingConnection();
      connect(socket, &QTcpSocket::readyRead, socket, [&n, socket] {
        ++n;
        socket->readAll();
        socket->abort();
      });
    });
    FileOrder file = lab.file();
    file.base = QStringLiteral("http://127.0.0.1:%1").arg(mute.serverPort());
    IS_REFUSED(lab, file, Kind::unreachable);
    QCOMPARE(lab.ledger().size(), n);
  }

  void withoutALedgerNothingIsAsked() {
    Lab lab(randomBytes(1 << 20));
    QVERIFY(QDir(lab.data.path()).mkpath("network.jsonl"));  // a folder: root writes to all else
    IS_REFUSED(lab, lab.file(), Kind::unrecorded);
    QVERIFY(lab.server.log.isEmpty());
  }

  void theLedgerStaysShortAndReadable() {
    QTemporaryDir folder;
    NetworkLedger ledger(folder.path());
    QFile file(ledger.path());
    QVERIFY(file.open(QIODevice::WriteOnly));
    const QByteArray filler(300, 'p');
    for (int i = 0; file.size() <= NetworkLedger::kMostBytes; ++i) {
      file.write("{\"id\":\"a-" + QByteArray::number(i) + "\",\"at\":\"2026-01-01T00:00:00.000Z\",\"host\":\"h\",\"path\":\"" + filler +
                 "\",\"why\":\"download\",\"what\":\"w\",\"status\":200,\"bytes\":5}\n{torn");
      file.write("\n");
      file.flush();
    }
    file.close();
    LedgerEntry entry;
    entry.host = "new";
    QVERIFY(ledger.begin(entry));
    QVERIFY(QFile(ledger.path()).size() < NetworkLedger::kMostBytes * 2 / 3);
    QCOMPARE(ledger.entries().last().host, "new");
    QCOMPARE(ledger.entries().first().bytes, 5);
    const QJsonArray requests = QJsonDocument::fromJson(ledger.json()).object().value("requests").toArray();
    QCOMPARE(requests.size(), ledger.entries().size());
  }

  void thereIsRoomFirst() {
    QTemporaryDir place;
    if (::geteuid() != 0 || ::mount("tmpfs", place.path().toUtf8().constData(), "tmpfs", 0, "size=8m") != 0)
      QSKIP("a small file system can be made by root alone");
    {
      Lab lab(randomBytes(6 << 20));
      FileOrder file = lab.file();
      file.target = place.filePath("thing.gguf");
      file.reserve = 4 << 20;
      const DownloadState state = lab.fetch(file);
      QCOMPARE(state.problem.kind, Kind::no_space);
      QCOMPARE(userErrorOf(state.problem).actions, (QList<int>{UserError::OpenStorage, UserError::Retry}));
      QCOMPARE(state.problem.wantedBytes, (6 << 20) + (4 << 20));
      QVERIFY(state.problem.foundBytes > 0 && state.problem.foundBytes <= (8 << 20));
      QVERIFY(lab.server.log.isEmpty());  // before anybody is asked
      QVERIFY(QDir(place.path()).isEmpty());
      // The length that only the server knows.
      file.bytes = -1;
      QCOMPARE(lab.fetch(file).problem.kind, Kind::no_space);
      QVERIFY(QDir(place.path()).isEmpty());
      // The disk is filled by others meanwhile: what came is kept.
      file.bytes = lab.server.body.size();
      file.reserve = 0;
      QFile other(place.filePath("other"));
      lab.server.pace(1 << 16);
      const auto fill = connect(&lab.downloader, &Downloader::changed, this, [&](const DownloadState& state) {
        if (state.bytes == 0 || other.isOpen() || !other.open(QIODevice::WriteOnly | QIODevice::Unbuffered)) return;
        other.write(QByteArray(5 << 20, 'x'));
      });
      QCOMPARE(lab.fetch(file).problem.kind, Kind::no_space);
      QVERIFY(QFile::exists(PartFile::partPath(file.target)) && !QFile::exists(file.target));
      disconnect(fill);
      other.remove();
      lab.server.pace(0);
      QCOMPARE(lab.fetch(file).phase, Phase::done);
      QCOMPARE(sha(contentOf(file.target)), sha(lab.server.body));
    }
    ::umount(place.path().toUtf8().constData());
  }

  void theHistorysDiskKeepsAReserve() {
    QTemporaryDir folder;
    QVERIFY(historyReserve(folder.path(), folder.filePath("a/b/models")) >= (64 << 20));
    QCOMPARE(historyReserve(folder.path(), "/proc"), 0);
    // Whoever orders a file need not know of it.
    Lab lab(randomBytes(1 << 20));
    FileOrder file = lab.file();
    file.bytes = QStorageInfo(lab.to.path()).bytesAvailable() - historyReserve(lab.data.path(), lab.to.path()) / 2;
    QCOMPARE(lab.fetch(file).problem.kind, Kind::no_space);
    QVERIFY(lab.server.log.isEmpty());
  }

  void oneFileIsFetchedByOneProgram() {
    Lab lab;
    PartFile other(lab.file().target);
    QCOMPARE(other.open(), PartFile::Opened::yes);
    IS_REFUSED(lab, lab.file(), Kind::busy);
    QVERIFY(lab.server.log.isEmpty());
    QVERIFY(QFile::exists(PartFile::partPath(lab.file().target)));
  }

  void aFailureBeforeItBeginsLeavesWhatCame() {
    Lab lab;
    lab.server.pace(1 << 19);
    lab.fetchSome(lab.file(), kPart + (10 << 20));
    const QByteArray before = contentOf(PartFile::notesPath(lab.file().target));
    QVERIFY(!before.isEmpty());
    lab.downloader.choose(false, "gopher://x");
    IS_REFUSED(lab, lab.file(), Kind::bad_address);
    FileOrder file = lab.file();
    file.base = "no address";
    lab.downloader.choose(true, {});
    IS_REFUSED(lab, file, Kind::bad_address);
    IS_REFUSED(lab, lab.file(), Kind::offline);
    QVERIFY(QFile(PartFile::partPath(lab.file().target)).size() > kPart);
    lab.downloader.choose(false, {});
    lab.server.log.clear();
    ENDS_WELL(lab, lab.file());
    QVERIFY(lab.server.log[0].range() != "bytes=0-");
  }

  void theQueueKeepsItsOrderAndForgetsWhatIsCancelled() {
    Lab lab(randomBytes(3 << 20));
    lab.server.pace(1 << 16);
    const auto order = [&](const QString& name) {
      FileOrder file = lab.file();
      file.target = lab.to.filePath(name);
      return DownloadOrder{name, {file}};
    };
    QStringList ended;
    QHash<QString, Phase> phases;
    connect(&lab.downloader, &Downloader::changed, this, [&](const DownloadState& state) {
      phases.insert(state.id, state.phase);
      if (state.phase == Phase::done) ended.append(state.id);
    });
    for (const char* name : {"a", "b", "c", "d"}) lab.downloader.fetch(order(name));
    QTRY_VERIFY(lab.server.sent() > (1 << 20));
    QCOMPARE(phases.value("b"), Phase::waiting);
    lab.downloader.pause("a");
    QCOMPARE(phases.value("a"), Phase::paused);
    lab.downloader.cancel(order("c"));
    QTRY_VERIFY(lab.server.log.size() > 1);
    lab.downloader.fetch(order("a"));
    QTRY_COMPARE_WITH_TIMEOUT(ended, (QStringList{"b", "d", "a"}), 20'000);
    QCOMPARE(phases.value("c"), Phase::cancelled);
    QCOMPARE(QDir(lab.to.path()).entryList(QDir::Files), (QStringList{"a", "b", "d"}));
    lab.downloader.fetch(order("e"));
    QTRY_VERIFY(QFile::exists(lab.to.filePath("e.part")));
    QTest::qWait(50);
    lab.downloader.cancel(order("e"));
    QVERIFY(!QFile::exists(lab.to.filePath("e.part")) && !QFile::exists(lab.to.filePath("e.part.notes")));
  }

  void aStallIsNamedAndARateIsTold() {
    Lab lab(randomBytes(8 << 20));
    bool isSecond = false;
    lab.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      FaultServer::Answer answer = server.plain(asked);
      answer.perTick = 1 << 15;
      if (!std::exchange(isSecond, true)) {
        answer.cutAfter = 1 << 20;
        answer.isSilent = true;
      }
      return answer;
    };
    bool wasStalled = false, hadRate = false;
    connect(&lab.downloader, &Downloader::changed, this, [&](const DownloadState& state) {
      wasStalled |= state.isStalled;
      hadRate |= state.bytesPerSecond > 0;
    });
    ENDS_WELL(lab, lab.file());
    QVERIFY(wasStalled && hadRate);
  }

  void theProxyOfTheEnvironmentCounts() {
    qputenv("https_proxy", "http://proxy.example:3128");
    qputenv("no_proxy", "inside.example, .local");
    QCOMPARE(proxyOfEnvironment(QUrl("https://huggingface.co/x")), "http://proxy.example:3128");
    for (const char* url : {"https://inside.example", "https://a.inside.example", "https://x.local", "https://127.0.0.1:1", "https://localhost"})
      QCOMPARE(proxyOfEnvironment(QUrl(url)), QString());
    QCOMPARE(proxyOfEnvironment(QUrl("https://outinside.example")), "http://proxy.example:3128");
    qunsetenv("https_proxy");
    qunsetenv("no_proxy");
    // One that is chosen is asked, and stands in the ledger.
    Lab lab(randomBytes(1 << 20));
    FaultServer proxy;
    proxy.body = lab.server.body;
    lab.downloader.choose(false, QStringLiteral("http://127.0.0.1:%1").arg(proxy.serverPort()));
    FileOrder file = lab.file();
    file.base = "http://nowhere.example";
    ENDS_WELL(lab, file);
    QVERIFY(proxy.log.first().path.startsWith("http://nowhere.example/"));
    QCOMPARE(lab.ledger().first().proxy, QStringLiteral("127.0.0.1:%1").arg(proxy.serverPort()));
    QFile::remove(file.target);
    lab.downloader.choose(false, "gopher://x");
    IS_REFUSED(lab, file, Kind::bad_address);
  }

  // ---- the command ---------------------------------------------------------------------------------------------------------------

  void theCommandFetchesAModelWithItsEyes() {
    Command command;
    command.writeCatalogue(true);
    QProcess process;
    command.start(process, {"--json"});
    QVERIFY(waitFor(process));
    QCOMPARE(process.exitCode(), 0);
    QList<QJsonObject> files;
    for (const QByteArray& line : process.readAllStandardOutput().split('\n')) {
      const QJsonObject object = QJsonDocument::fromJson(line).object();
      if (object.contains("path")) files.append(object);
      else if (!line.isEmpty())
        QVERIFY2(object.contains("bytes") && object.contains("total") && object.contains("bytes_per_second"), line.constData());
    }
    QCOMPARE(files.size(), 2);
    QVERIFY(files[0].value("path").toString().endsWith("/mmproj-thing.gguf"));
    QVERIFY(files[1].value("path").toString().endsWith("/thing-Q4_K_M.gguf"));
    for (const QJsonObject& file : files) QCOMPARE(file.value("sha256").toString(), sha(command.server.body));
    QCOMPARE(files[1].value("verified").toString(), "pinned");
  }

  void theCommandSaysWhoseHashAFileHas() {
    Command command(randomBytes(1 << 20));
    const QByteArray stated = sha(command.server.body).toLatin1();
    command.server.answer = [&](FaultServer& server, const FaultServer::Asked& asked) {
      if (asked.path.startsWith("/cdn/")) return server.plain(asked);
      FaultServer::Answer answer = FaultServer::redirect("/cdn" + asked.path);
      answer.set("X-Linked-ETag", '"' + stated + '"');
      return answer;
    };
    const auto says = [&](const QStringList& more, const QByteArray& words) {
      QFile::remove(command.folder.filePath("to/thing-Q4_K_M.gguf"));
      QProcess process;
      command.start(process, more);
      QVERIFY(waitFor(process));
      QCOMPARE(process.exitCode(), 0);
      QCOMPARE(process.readAllStandardError(), "inference-pio: thing-Q4_K_M.gguf: " + words + '\n');
      QCOMPARE(process.readAllStandardOutput(), QFile::encodeName(command.folder.filePath("to/thing-Q4_K_M.gguf")) + '\n');
    };
    command.writeCatalogue();
    says({}, "SHA-256 as in the catalogue");
    command.isPinned = false;
    command.writeCatalogue();
    says({}, "SHA-256 stated by the server");
    says({"--language", "de"}, "SHA-256 vom Server angegeben");
    QFile::remove(command.folder.filePath("to/thing-Q4_K_M.gguf"));
    QProcess process;
    command.start(process, {"--json"});
    QVERIFY(waitFor(process));
    const QByteArrayList lines = process.readAllStandardOutput().trimmed().split('\n');
    QCOMPARE(QJsonDocument::fromJson(lines.last()).object().value("verified").toString(), "stated");
  }

  void theCommandSaysWhatIsWrongInOneLine() {
    Command command;
    command.writeCatalogue();
    const auto fails = [&](const QStringList& more, const QByteArray& words, const QString& name = QStringLiteral("thing:q4_k_m")) {
      QProcess process;
      command.start(process, more, name);
      QVERIFY(waitFor(process));
      const QByteArray said = process.readAllStandardError();
      QVERIFY2(process.exitCode() == 1 && said.startsWith("inference-pio: ") && said.count('\n') == 1 && said.contains(words), said.constData());
    };
    fails({"--offline"}, "offline");
    QVERIFY(command.server.log.isEmpty());
    const Certificate certificate("IP:127.0.0.1");
    QVERIFY(certificate.isMade());
    command.server.encrypt(certificate.own, certificate.secret);
    fails({}, "certificate");
    fails({}, "Q4_K_M", "Thing:Q9");
    fails({}, "Thing", "nobody");
    fails({"--base-url", "ftp://x"}, "https://");
    fails({"--proxy", "gopher://x"}, "socks5");
    QVERIFY(command.server.log.isEmpty());
  }

  void aCommandThatIsToldToEndKeepsWhatCame() {
    Command command;
    command.writeCatalogue();
    command.server.pace(1 << 18);
    QProcess process;
    command.start(process, {});
    QTRY_VERIFY_WITH_TIMEOUT(command.server.sent() > kPart + (5 << 20), 30'000);
    process.terminate();
    QVERIFY(waitFor(process));
    QCOMPARE(process.exitCode(), 130);
    command.server.log.clear();
    command.server.pace(0);
    command.start(process, {});
    QVERIFY(waitFor(process));
    QCOMPARE(process.exitCode(), 0);
    QVERIFY(command.isRight());
    const qint64 first = command.server.log[0].range().mid(6).split('-')[0].toLongLong();
    QVERIFY2(first > kPart + (1 << 20), command.server.log[0].range().constData());
    QProcess ledger;
    ledger.start(QStringLiteral(PIO_PROGRAM), {"--data", command.folder.filePath("data"), "--network-ledger"});
    QVERIFY(waitFor(ledger));
    const QJsonArray requests = QJsonDocument::fromJson(ledger.readAllStandardOutput()).object().value("requests").toArray();
    QCOMPARE(requests.size(), command.server.log.size() + 1);
    QCOMPARE(requests[0].toObject().value("host").toString(), QStringLiteral("127.0.0.1:%1").arg(command.server.serverPort()));
  }

  // Killed at random byte counts, however long each takes: nothing is damaged, and at most a part is fetched twice for each kill.
  void killsDamageNothing() {
    const int kills = qEnvironmentVariableIntValue("PIO_DOWNLOAD_KILLS") > 0 ? qEnvironmentVariableIntValue("PIO_DOWNLOAD_KILLS") : 6;
    Command command(randomBytes((64 << 20) + 4321 * 4, 3));
    QRandomGenerator random(20'261'130);
    int done = 0, whole = 0;
    qint64 worst = 0;
    while (done < kills) {
      command.writeCatalogue();
      command.server.pace(1 << 18);
      command.server.log.clear();
      int killedHere = 0;
      while (done < kills) {
        QProcess process;
        const qint64 before = command.server.sent();
        const qint64 target = before + random.bounded(1, 24 << 20);
        command.start(process, {});
        while (command.server.sent() < target && process.state() != QProcess::NotRunning) QTest::qWait(1);
        if (process.state() == QProcess::NotRunning) {
          QCOMPARE(process.exitCode(), 0);
          break;
        }
        ::kill(static_cast<pid_t>(process.processId()), SIGKILL);
        process.waitForFinished();
        ++done;
        ++killedHere;
      }
      command.server.pace(0);
      QProcess process;
      command.start(process, {});
      QVERIFY(waitFor(process));
      QCOMPARE(process.exitCode(), 0);
      QVERIFY(command.isRight());
      ++whole;
      const qint64 twice = command.server.sent() - command.server.body.size();
      if (killedHere > 0) worst = std::max(worst, twice / killedHere);
      QVERIFY2(twice <= killedHere * kPart, qPrintable(QString::number(twice)));
      QVERIFY(QDir(command.folder.filePath("to")).removeRecursively());
    }
    qInfo("%d kills, %d whole files, at most %.1f MB a kill fetched twice", done, whole, static_cast<double>(worst) / 1e6);
  }

 private:
  struct Command {
    explicit Command(const QByteArray& body = largeBody()) { server.body = body; }
    void writeCatalogue(bool hasEyes = false) {
      QJsonObject file{{"quantization", "Q4_K_M"}, {"repository", "someone/thing"}, {"path", "thing-Q4_K_M.gguf"}, {"bytes", server.body.size()}};
      if (isPinned) file.insert("sha256", sha(server.body));
      if (hasEyes) file.insert("mmproj", QJsonObject{{"path", "mmproj-thing.gguf"}});
      const QJsonObject model{{"name", "Thing"}, {"family", "small_dense"}, {"role", "chat"}, {"files", QJsonArray{file}}};
      QFile out(folder.filePath("catalogue.json"));
      if (out.open(QIODevice::WriteOnly)) out.write(QJsonDocument(QJsonObject{{"version", 1}, {"models", QJsonArray{model}}}).toJson());
    }
    void start(QProcess& process, const QStringList& more, const QString& name = QStringLiteral("Thing:Q4_K_M")) {
      QStringList arguments{"--data",      folder.filePath("data"),           "--download", name,
                            "--catalogue", folder.filePath("catalogue.json"), "--to",       folder.filePath("to")};
      if (!more.contains("--base-url")) arguments << "--base-url" << server.base();
      process.start(QStringLiteral(PIO_PROGRAM), arguments + more);
    }
    bool isRight() const { return contentOf(folder.filePath("to/thing-Q4_K_M.gguf")) == server.body; }
    QTemporaryDir folder;
    FaultServer server;
    bool isPinned = true;  // the catalogue knows the SHA-256
  };
  // The server lives in this thread's event loop. A computer that is busy, or that stops everything for a while, is no fault: who waits for
  // ever is ended by ctest.
  static bool waitFor(QProcess& process) {
    while (process.state() != QProcess::NotRunning) QTest::qWait(1);
    return true;
  }
};

QTEST_GUILESS_MAIN(DownloadTest)
#include "download_test.moc"
