#include <QCryptographicHash>
#include <QDir>
#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <thread>

#include "app/history/history_writer.h"
#include "app/system/session_lock.h"
#include "tests/app/history_fixture.h"

using namespace pio;

namespace {

constexpr HistoryWriter::Pace kQuick{.writeAgainMs = 30, .openAgainMs = 50, .lookMs = 30, .busyAgainMs = 30, .busyToldMs = 500};

// A writer on this thread, and what it told.
struct Watched {
  explicit Watched(const QString& folder, const QString& session = "me") : writer(kQuick) { writer.open(folder, session); }
  HistoryWriter writer;
  QSignalSpy problems{&writer, &HistoryWriter::problem}, recovered{&writer, &HistoryWriter::recovered};
  QSignalSpy readFailed{&writer, &HistoryWriter::readFailed}, readRecovered{&writer, &HistoryWriter::readRecovered};
  QSignalSpy stored{&writer, &HistoryWriter::stored}, lists{&writer, &HistoryWriter::chatsRead};
  QSignalSpy loaded{&writer, &HistoryWriter::chatLoaded}, missing{&writer, &HistoryWriter::chatMissing};
  QSignalSpy found{&writer, &HistoryWriter::found}, searchFailed{&writer, &HistoryWriter::searchFailed};
  QSignalSpy purged{&writer, &HistoryWriter::purged};

  HistoryProblem problem() const { return problems.first().first().value<HistoryProblem>(); }
  // A question and an answer that comes in pieces.
  void talk(const QString& chat, const QString& question, const QString& answer) {
    writer.addMessage(message(chat, question, {}, Message::Role::User, "Question " + question, 1));
    MessageRecord record = message(chat, answer, question, Message::Role::Assistant, {}, 2);
    record.message.state = Message::State::Streaming;
    writer.addMessage(record);
    for (int i = 0; i < 40; ++i) writer.appendText(answer, "word ", i + 1);
    record.message.setText(QString("word ").repeated(40));
    record.message.state = Message::State::Complete;
    writer.putMessage(record);
  }
};

QString write(const QString& path, const QByteArray& bytes) {
  QDir().mkpath(QFileInfo(path).path());
  QFile file(path);
  if (file.open(QIODevice::WriteOnly)) file.write(bytes);
  return path;
}

QString sha(const QByteArray& bytes) { return QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex()); }

}  // namespace

class WriterTest : public QObject {
  Q_OBJECT

 private slots:
  void aFullDiskKeepsEverythingInOrderUntilThereIsRoom() {
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    w.writer.db().limitPages(1);  // it ends where the file ends
    for (int i = 0; i < 50; ++i) {
      w.writer.addMessage(message("c", QString::number(i), i == 0 ? QString() : QString::number(i - 1), Message::Role::User, QString(5000, 'x'), i));
    }
    w.talk("c", "q", "a");
    QCOMPARE(w.problems.size(), 1);  // told once
    QCOMPARE(w.problem().kind, HistoryProblem::Kind::disk_full);
    QCOMPARE(w.stored.size(), 53);  // the engine does not wait for a disk
    QVERIFY(messagesOnDisk(folder.path(), "c").size() < 50);
    QTest::qWait(100);
    QCOMPARE(w.recovered.size(), 0);
    w.writer.db().limitPages(100'000);
    QTRY_COMPARE(w.recovered.size(), 1);
    QCOMPARE(messagesOnDisk(folder.path(), "c").size(), 52);
    QCOMPARE(w.problems.size(), 1);
    w.writer.loadChat(1, "c");
    const auto records = w.loaded.first().at(2).value<QList<MessageRecord>>();
    const auto answer = std::find_if(records.begin(), records.end(), [](const MessageRecord& record) { return record.message.id == "a"; });
    QCOMPARE(answer->message.text(), QString("word ").repeated(40));
  }

  // Their pieces come in turn, and neither is written at each change from one to the other.
  void twoAnswersAreWrittenAtOnceInGroupsOfTheirOwn() {
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    for (const char* id : {"a", "b"}) {
      MessageRecord record = message("c", id, {}, Message::Role::Assistant, {}, 1);
      record.message.state = Message::State::Streaming;
      w.writer.addMessage(record);
    }
    for (int i = 1; i < HistoryWriter::kGroupTokens; ++i) {
      w.writer.appendText("a", "one ", i);
      w.writer.appendText("b", "two ", i);
    }
    for (const MessageRecord& record : messagesOnDisk(folder.path(), "c")) QCOMPARE(record.message.text(), QString());
    w.writer.appendText("b", "two ", HistoryWriter::kGroupTokens);
    const QList<MessageRecord> records = messagesOnDisk(folder.path(), "c");
    QCOMPARE(records.size(), 2);
    for (const MessageRecord& record : records) {
      const bool isFirst = record.message.id == "a";
      QCOMPARE(record.message.text(), QString(isFirst ? "one " : "two ").repeated(HistoryWriter::kGroupTokens - isFirst));
    }
  }

  void aProtectedFileIsToldAndWrittenWhenItIsOpenAgain() {
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    w.writer.db().protect(true);
    w.talk("c", "q", "a");
    QCOMPARE(w.problem().kind, HistoryProblem::Kind::read_only);
    w.writer.loadChat(1, "c");  // reading goes on
    QCOMPARE(w.loaded.size(), 1);
    w.writer.db().protect(false);
    QTRY_COMPARE(w.recovered.size(), 1);
    QCOMPARE(messagesOnDisk(folder.path(), "c").last().message.text(), QString("word ").repeated(40));
  }

  void aFileThatAnotherProgramLocksIsReadMeanwhileAndWrittenAfterwards_data() {
    QTest::addColumn<QString>("lock");
    QTest::newRow("immediate") << "BEGIN IMMEDIATE";
    QTest::newRow("exclusive") << "BEGIN EXCLUSIVE";
  }
  void aFileThatAnotherProgramLocksIsReadMeanwhileAndWrittenAfterwards() {
    QFETCH(QString, lock);
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "lighthouse", 1, 1});
    const SqlFile other(folder.filePath("history.db"));
    QVERIFY(other.exec(lock));
    QElapsedTimer timer;
    timer.start();
    w.talk("c", "q", "a");
    w.writer.loadChat(1, "c");
    w.writer.search(2, "light");
    QCOMPARE(w.loaded.size(), 1);
    QCOMPARE(w.found.last().at(1).value<QList<SearchHit>>().size(), 1);
    QVERIFY2(timer.elapsed() < 1'000, qPrintable(QString::number(timer.elapsed())));
    QCOMPARE(w.problems.size(), 0);  // another window's commit is nothing to tell of
    QTRY_COMPARE(w.problems.size(), 1);
    QCOMPARE(w.problem().kind, HistoryProblem::Kind::busy);
    w.writer.setTitle("c", "another title");
    QTest::qWait(300);
    QCOMPARE(w.problems.size(), 1);
    QCOMPARE(w.recovered.size(), 0);
    QVERIFY(other.exec("COMMIT"));
    QTRY_COMPARE(w.recovered.size(), 1);
    QCOMPARE(messagesOnDisk(folder.path(), "c").size(), 2);
    QCOMPARE(messagesOnDisk(folder.path(), "c").last().message.text(), QString("word ").repeated(40));
    QCOMPARE(w.writer.db().chat("c")->title, "another title");
  }

  void aWindowThatClosesWaitsForALockThatGoes() {
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    std::atomic<bool> isLocked = false;
    std::thread other([&] {
      const SqlFile file(folder.filePath("history.db"));
      isLocked = file.exec("BEGIN EXCLUSIVE");
      QThread::msleep(1'500);
      (void)file.exec("COMMIT");
    });
    while (!isLocked) QThread::msleep(5);
    w.talk("c", "q", "a");
    w.writer.close();
    other.join();
    QCOMPARE(messagesOnDisk(folder.path(), "c").size(), 2);
  }

  // The one way out for what a locked or full file does not take.
  void anExportHasWhatTheFileDoesNotTake() {
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    w.talk("c", "q", "a");
    const SqlFile other(folder.filePath("history.db"));
    QVERIFY(other.exec("BEGIN EXCLUSIVE"));
    w.talk("c", "q2", "a2");
    w.writer.setTitle("c", "another title");
    QSignalSpy exported(&w.writer, &HistoryWriter::exported);
    w.writer.exportTo(folder.filePath("chats.json"));
    QCOMPARE(exported.size(), 1);
    HistoryDb read;
    QVERIFY(read.open(":memory:"));
    QFile file(folder.filePath("chats.json"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QVERIFY(read.importJson(file.readAll(), "chats.json").isDone());
    QCOMPARE(read.messages("c")->size(), 4);
    QCOMPARE(read.messages("c")->last().message.text(), QString("word ").repeated(40));
    QCOMPARE(read.chat("c")->title, "another title");
    QVERIFY(other.exec("COMMIT"));
    QTRY_COMPARE(messagesOnDisk(folder.path(), "c").size(), 4);
  }

  void whatIsNotInTheFileIsCountedBeforeTheWindowCloses_data() {
    QTest::addColumn<HistoryProblem::Kind>("kind");
    QTest::newRow("locked") << HistoryProblem::Kind::busy;
    QTest::newRow("full") << HistoryProblem::Kind::disk_full;
    QTest::newRow("protected") << HistoryProblem::Kind::read_only;
  }
  void whatIsNotInTheFileIsCountedBeforeTheWindowCloses() {
    QFETCH(HistoryProblem::Kind, kind);
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    QSignalSpy settled(&w.writer, &HistoryWriter::settled);
    const auto unsaved = [&] {
      w.writer.settle();
      return settled.last().first().value<UnsavedHistory>();
    };
    QVERIFY(!unsaved().isSet());
    const SqlFile other(folder.filePath("history.db"));
    if (kind == HistoryProblem::Kind::busy) QVERIFY(other.exec("BEGIN EXCLUSIVE"));
    if (kind == HistoryProblem::Kind::disk_full) w.writer.db().limitPages(1);
    if (kind == HistoryProblem::Kind::read_only) w.writer.db().protect(true);
    w.writer.putMeta("last_chat", "c");  // nobody misses it
    if (kind != HistoryProblem::Kind::disk_full) QVERIFY(!unsaved().isSet());
    w.writer.addMessage(message("c", "q", {}, Message::Role::User, QString(50'000, 'x'), 1));
    MessageRecord answer = message("c", "a", "q", Message::Role::Assistant, {}, 2);
    answer.message.state = Message::State::Streaming;
    w.writer.addMessage(answer);
    for (int i = 0; i < 40; ++i) w.writer.appendText("a", "word ", i + 1);
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(unsaved().nMessages, 2);
    QVERIFY2(timer.elapsed() < 1'000, qPrintable(QString::number(timer.elapsed())));
    QVERIFY(!unsaved().isMore);
    QVERIFY(unsaved().mayBeSaved);
    QCOMPARE(unsaved().why.kind, kind);
    w.writer.setTitle("c", "another title");
    QVERIFY(unsaved().isMore);
    if (kind == HistoryProblem::Kind::busy) QVERIFY(other.exec("COMMIT"));
    w.writer.db().limitPages(100'000);
    w.writer.db().protect(false);
    QVERIFY(!unsaved().isSet());
    QCOMPARE(messagesOnDisk(folder.path(), "c").size(), 2);
  }

  // A notice says "every few seconds".
  void aFileThatCannotBeOpenedIsTriedAgainEveryFewSeconds() {
    QTemporaryDir folder;
    QVERIFY(QDir(folder.path()).mkdir("history.db"));
    HistoryWriter writer;
    QSignalSpy recovered(&writer, &HistoryWriter::recovered), settled(&writer, &HistoryWriter::settled);
    writer.open(folder.path(), "me");
    writer.putChat({"c", "t", 1, 1});
    writer.addMessage(message("c", "q", {}, Message::Role::User, "Question", 1));
    writer.settle();
    const auto unsaved = settled.last().first().value<UnsavedHistory>();
    QCOMPARE(unsaved.nMessages, 1);
    QVERIFY(unsaved.mayBeSaved);
    QVERIFY(QDir(folder.path()).rmdir("history.db"));
    QTRY_COMPARE_WITH_TIMEOUT(recovered.size(), 1, 5'000);
    QCOMPARE(messagesOnDisk(folder.path(), "c").size(), 1);
  }

  void aWindowThatStartsUnderALockReadsAndPutsInOrderLater() {
    QTemporaryDir folder;
    {
      Watched dead(folder.path(), "a-session-that-is-gone");
      dead.writer.putChat({"c", "t", 1, 1});
      MessageRecord half = message("c", "h", {}, Message::Role::Assistant, "Half", 1);
      half.message.state = Message::State::Streaming;
      dead.writer.addMessage(half);
    }
    const SqlFile other(folder.filePath("history.db"));
    QVERIFY(other.exec("BEGIN EXCLUSIVE"));
    QElapsedTimer timer;
    timer.start();
    Watched w(folder.path());
    QVERIFY2(timer.elapsed() < 2'000, qPrintable(QString::number(timer.elapsed())));
    w.writer.loadChat(1, "c");
    QCOMPARE(w.loaded.size(), 1);
    QVERIFY(other.exec("COMMIT"));
    QTRY_COMPARE(messagesOnDisk(folder.path(), "c").first().message.state, Message::State::Unfinished);
  }

  void whatCannotBeReadIsNoWritingTroubleAndRecovers_data() {
    QTest::addColumn<bool>("isSearch");
    QTest::newRow("a chat") << false;
    QTest::newRow("a search") << true;
  }
  void whatCannotBeReadIsNoWritingTroubleAndRecovers() {
    QFETCH(bool, isSearch);
    const QString table = "parts";  // that an index can be made of
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    w.writer.addMessage(message("c", "q", {}, Message::Role::User, "lighthouse", 1));
    auto read = [&, serial = quint64{0}]() mutable {
      if (isSearch) w.writer.search(++serial, "light");
      else w.writer.loadChat(++serial, "c");
    };
    const SqlFile raw(folder.filePath("history.db"));
    QVERIFY(raw.exec(QStringLiteral("ALTER TABLE %1 RENAME TO elsewhere").arg(table)));
    read();
    read();
    QCOMPARE(w.searchFailed.size() + w.missing.size(), 2);  // each question is answered
    QCOMPARE(w.found.size(), 0);                            // not as if there were nothing to find
    QCOMPARE(w.readFailed.size(), isSearch ? 1 : 2);        // typing goes on, a click wants an answer
    const auto nTold = w.readFailed.size();
    QCOMPARE(w.readFailed.first().first().value<HistoryProblem>().kind, HistoryProblem::Kind::unreadable);
    QCOMPARE(w.problems.size(), 0);
    QTest::qWait(80);
    QCOMPARE(w.readRecovered.size(), 0);  // the list can be read: that says nothing of the rest
    QCOMPARE(w.readFailed.size(), nTold);
    QVERIFY(raw.exec(QStringLiteral("ALTER TABLE elsewhere RENAME TO %1").arg(table)));
    QTRY_COMPARE(w.readRecovered.size(), 1);  // by itself
    if (isSearch) QCOMPARE(w.found.last().at(1).value<QList<SearchHit>>().size(), 1);
    else QCOMPARE(w.loaded.size(), 1);
  }

  void aFileThatWasDamagedAndMendedIsReadAgain() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    {
      Watched w(folder.path());
      for (int i = 0; i < 60; ++i) {
        const QString chat = QStringLiteral("c%1").arg(i);
        w.writer.putChat({chat, chat, 1, 1});
        w.writer.addMessage(message(chat, QStringLiteral("q%1").arg(i), {}, Message::Role::User,
                                    QStringLiteral("lighthouse ") + QString("\u00e9").repeated(100'000), 1));
      }
      w.writer.db().close();
    }
    Watched w(folder.path());
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadWrite));
    constexpr qint64 kFrom = 500'000;
    const qint64 nBytes = file.size() - 2 * kFrom;
    QVERIFY(nBytes > 4'000'000);  // more than is kept of it in memory
    QVERIFY(file.seek(kFrom));
    const QByteArray good = file.read(nBytes);
    const auto put = [&](const QByteArray& bytes) { return file.seek(kFrom) && file.write(bytes) == nBytes && file.flush(); };
    QVERIFY(put(QByteArray(nBytes, '\xA5')));
    w.writer.loadChat(1, "c30");
    w.writer.search(2, "lighthouse");
    QCOMPARE(w.missing.size(), 1);
    QCOMPARE(w.searchFailed.size(), 1);
    QVERIFY(w.readFailed.size() > 0);
    QVERIFY(put(good));
    QTRY_COMPARE(w.readRecovered.size(), 1);
    w.writer.loadChat(3, "c30");
    QCOMPARE(w.loaded.last().at(0).toULongLong(), 3);
    QCOMPARE(w.found.last().at(0).toULongLong(), 2);
    QVERIFY(w.found.last().at(1).value<QList<SearchHit>>().size() > 0);
  }

  // While the window is open: one search makes it anew, and what is written meanwhile needs none.
  void anIndexThatIsDamagedMeanwhileIsMadeAnew_data() {
    QTest::addColumn<QString>("statement");
    QTest::addColumn<bool>("isWrittenFirst");
    for (const bool isWrittenFirst : {false, true}) {
      const char* when = isWrittenFirst ? "written" : "searched";
      QTest::addRow("no data, %s", when) << "DELETE FROM search_data" << isWrittenFirst;
      QTest::addRow("gone, %s", when) << "DROP TABLE search" << isWrittenFirst;
      QTest::addRow("no tables, %s", when) << "DROP TABLE search_data" << isWrittenFirst;
    }
  }
  void anIndexThatIsDamagedMeanwhileIsMadeAnew() {
    QFETCH(QString, statement);
    QFETCH(bool, isWrittenFirst);
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.putChat({"c", "lighthouse", 1, 1});
    w.talk("c", "q", "a");
    QVERIFY(SqlFile(folder.filePath("history.db")).exec(statement));
    if (isWrittenFirst) w.talk("c", "q2", "a2");
    w.writer.search(1, "light");
    w.writer.search(2, "word");
    QCOMPARE(w.found.size(), 2);
    QCOMPARE(w.found.first().at(1).value<QList<SearchHit>>().size(), 1);
    QCOMPARE(w.found.last().at(1).value<QList<SearchHit>>().size(), isWrittenFirst ? 2 : 1);
    QCOMPARE(w.searchFailed.size() + w.problems.size() + w.readFailed.size(), 0);
    QCOMPARE(messagesOnDisk(folder.path(), "c").size(), isWrittenFirst ? 4 : 2);
  }

  void aFileThatIsRemovedOrReplacedIsToldOf() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db"), aside = folder.filePath("elsewhere.db");
    Watched w(folder.path());
    w.writer.putChat({"c", "t", 1, 1});
    QVERIFY(QFile::rename(path, aside));
    QTRY_COMPARE(w.problems.size(), 1);
    QCOMPARE(w.problem().kind, HistoryProblem::Kind::gone);
    QVERIFY(QFile::copy(aside, path));  // another file
    QTest::qWait(100);
    QCOMPARE(w.problems.size(), 1);
    QCOMPARE(w.recovered.size(), 0);
    QVERIFY(QFile::remove(path) && QFile::rename(aside, path));
    QTRY_COMPARE(w.recovered.size(), 1);
  }

  void aChatThatWasNeverThereIsNoFailure() {
    QTemporaryDir folder;
    Watched w(folder.path());
    w.writer.loadChat(3, "never there");
    QCOMPARE(w.missing.size(), 1);
    QCOMPARE(w.readFailed.size(), 0);
  }

  void twoWindowsShareOneFolder() {
    QTemporaryDir folder;
    const SessionLock one(folder.path()), two(folder.path());
    Watched first(folder.path(), one.id()), second(folder.path(), two.id());
    first.writer.putChat({"c1", "Of the first", 1, 1});
    second.writer.putChat({"c2", "Of the second", 2, 2});
    first.talk("c1", "q1", "a1");
    second.talk("c2", "q2", "a2");
    QTRY_VERIFY(!first.lists.isEmpty() && first.lists.last().first().value<QList<ChatRecord>>().size() == 2);
    QTRY_VERIFY(!second.lists.isEmpty() && second.lists.last().first().value<QList<ChatRecord>>().size() == 2);
    // Each removes a chat of its own; the end of one purges nothing of the other.
    first.writer.removeChat("c1", 11);
    second.writer.removeChat("c2", 22);
    first.writer.purge(11);
    second.writer.restore(22);
    first.writer.close();
    second.writer.loadChat(1, "c2");
    QCOMPARE(second.loaded.size(), 1);
    QCOMPARE(messagesOnDisk(folder.path(), "c1").size(), 0);
    QCOMPARE(messagesOnDisk(folder.path(), "c2").size(), 2);
    QCOMPARE(first.problems.size() + second.problems.size(), 0);
  }

  void whatADeadWindowRemovedGoesWhileOthersLive() {
    QTemporaryDir folder;
    const SessionLock alive(folder.path());
    Watched living(folder.path(), alive.id());
    living.writer.putChat({"c1", "Of the living", 1, 1});
    living.writer.putChat({"c2", "Of the dead", 2, 2});
    {
      Watched dead(folder.path(), "a-session-that-is-gone");
      dead.writer.removeChat("c2", 22);
    }
    living.writer.removeChat("c1", 11);
    const SessionLock newSession(folder.path());
    Watched starting(folder.path(), newSession.id());
    living.writer.restore(11);
    living.writer.restore(22);
    QCOMPARE(starting.writer.db().chats()->size(), 1);
    QCOMPARE(starting.writer.db().chats()->first().id, "c1");
    QCOMPARE(living.purged.size(), 0);
    QCOMPARE(starting.purged.size(), 1);
    QCOMPARE(starting.purged.first().first().toStringList(), QStringList{"c2"});
  }

  void pastedPicturesAndFilesAreKeptByTheirContent() {
    QTemporaryDir folder, elsewhere;
    Watched w(folder.path());
    const QString pasted = write(KeptFiles::pastedFolder(folder.path(), "me") + "/x.png", "pasted pixels");
    const QString given = write(elsewhere.filePath("given.png"), "given pixels");
    const QString file = write(elsewhere.filePath("notes.txt"), "some notes");
    w.writer.putChat({"c", "t", 1, 1});
    MessageRecord question = message("c", "q", {}, Message::Role::User, "What is it?", 1);
    question.message.add({.kind = MessagePart::Kind::Picture, .name = "Pasted picture", .path = pasted});
    question.message.addPicture(given);
    question.message.addPicture("/not/there.png");
    question.message.add({.kind = MessagePart::Kind::File, .path = file});
    w.writer.addMessage(question);
    write(file, "changed since");
    const QList<MessagePart> parts = messagesOnDisk(folder.path(), "c").first().message.parts;
    QCOMPARE(parts.size(), 5);
    QCOMPARE(parts[0].path, folder.filePath("files/") + sha("pasted pixels"));
    QCOMPARE(parts[0].sha256, sha("pasted pixels"));
    QCOMPARE(parts[0].size, 13);
    QCOMPARE(parts[0].name, "Pasted picture");
    QCOMPARE(parts[1].path, given);  // stays where it is
    QCOMPARE(parts[1].sha256, sha("given pixels"));
    QCOMPARE(parts[2].path, "/not/there.png");
    QCOMPARE(parts[2].sha256, QString());
    QCOMPARE(parts[3].path, folder.filePath("files/") + sha("some notes"));
    QCOMPARE(parts[3].name, "notes.txt");
    QFile kept(parts[3].path);
    QVERIFY(kept.open(QIODevice::ReadOnly));
    QCOMPARE(kept.readAll(), QByteArray("some notes"));
    QCOMPARE(QFile::permissions(parts[0].path) & (QFile::ReadGroup | QFile::ReadOther), QFile::Permissions());
    QCOMPARE(QDir(folder.filePath("files")).entryList(QDir::Files | QDir::Hidden).size(), 2);

    // They go with the last message that names them, and no file of other people does.
    MessageRecord again = message("c", "q2", {}, Message::Role::User, "And now?", 2);
    again.message.add({.kind = MessagePart::Kind::Picture, .path = pasted});
    w.writer.addMessage(again);
    w.writer.removeMessages({"q"}, 5);
    w.writer.purge(5);
    QVERIFY(QFile::exists(parts[0].path));
    QVERIFY(!QFile::exists(parts[3].path));
    QVERIFY(QFile::exists(given) && QFile::exists(file));
    w.writer.removeChat("c", 6);
    w.writer.purge(6);
    QVERIFY(!QFile::exists(parts[0].path));
  }

  void picturesThatWereNeverSentGoWithTheirSession() {
    QTemporaryDir folder;
    const SessionLock own(folder.path()), other(folder.path());
    const QString mine = write(KeptFiles::pastedFolder(folder.path(), own.id()) + "/1.png", "1");
    const QString living = write(KeptFiles::pastedFolder(folder.path(), other.id()) + "/2.png", "2");
    const QString dead = write(KeptFiles::pastedFolder(folder.path(), "gone") + "/3.png", "3");
    Watched w(folder.path(), own.id());
    QVERIFY(!QFile::exists(dead));
    QVERIFY(QFile::exists(living) && QFile::exists(mine));
    w.writer.close();
    QVERIFY(!QFile::exists(mine) && QFile::exists(living));
  }

  void leftoversOfOlderVersionsGoWhenTheFileIsBroughtUpToDate() {
    QTemporaryDir folder;
    makeOldHistory(folder.filePath("history.db"), 4);
    const QString named = write(folder.filePath("pictures/named.png"), "1"), unnamed = write(folder.filePath("pictures/unnamed.png"), "2");
    QVERIFY(SqlFile(folder.filePath("history.db")).exec(QStringLiteral("UPDATE messages SET pictures = '[\"%1\"]' WHERE id = 'u6'").arg(named)));
    Watched w(folder.path());
    QVERIFY(QFile::exists(named) && !QFile::exists(unnamed));
    w.writer.removeMessages({"u6"}, 9);
    w.writer.purge(9);
    QVERIFY(!QFile::exists(named));
  }
};

QTEST_GUILESS_MAIN(WriterTest)
#include "writer_test.moc"
