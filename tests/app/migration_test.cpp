#include <QDir>
#include <QProcess>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/history/history_writer.h"
#include "app/history/message_codec.h"
#include "app/system/session_lock.h"
#include "tests/app/history_fixture.h"

using namespace pio;

namespace {

constexpr QFile::Permissions kOthers = QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther;

QStringList copiesIn(const QTemporaryDir& folder) { return QDir(folder.path()).entryList({"history.v*"}); }

void start(const QString& folder) {
  HistoryWriter writer;
  writer.open(folder, "me");
  writer.close();
}

QByteArray read(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// The window's program on an errand, without a display. Its exit status; -1 when it did not run.
int run(const QStringList& arguments) {
  QProcess program;
  QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}) environment.remove(QLatin1String(name));
  program.setProcessEnvironment(environment);
  program.setProcessChannelMode(QProcess::ForwardedErrorChannel);
  program.start(QStringLiteral(PIO_PROGRAM), arguments);
  return program.waitForFinished() && program.exitStatus() == QProcess::NormalExit ? program.exitCode() : -1;
}

}  // namespace

// Files of every schema so far, brought up to date.
class MigrationTest : public QObject {
  Q_OBJECT

 private slots:
  void everyOlderFileHoldsTheSameAfterwards_data() {
    QTest::addColumn<int>("version");
    for (int version = 2; version < HistoryDb::kVersion; ++version) QTest::addRow("v%d", version) << version;
  }
  void everyOlderFileHoldsTheSameAfterwards() {
    QFETCH(int, version);
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    makeOldHistory(path, version);
    HistoryDb db, second;
    QVERIFY(db.open(path));
    QVERIFY(second.open(":memory:"));
    const QByteArray out = *db.exportJson();

    // Every field of an export of that version, as it was.
    const QJsonArray wanted =
        QJsonDocument::fromJson(read(QStringLiteral(PIO_TEST_DATA "/app/history_v%1.json").arg(version))).object().value("chats").toArray();
    const QJsonArray got = QJsonDocument::fromJson(out).object().value("chats").toArray();
    QVERIFY(!wanted.isEmpty());
    QCOMPARE(got.size(), wanted.size());
    for (qsizetype i = 0; i < wanted.size(); ++i) {
      const QJsonArray messages = wanted[i]["messages"].toArray();
      QCOMPARE(got[i]["messages"].toArray().size(), messages.size());
      for (qsizetype j = 0; j < messages.size(); ++j) {
        QJsonObject message = got[i]["messages"][j].toObject();
        QVERIFY(message.contains("parts"));
        message.remove("parts");
        QCOMPARE(message, messages[j].toObject());
      }
      QJsonObject chat = got[i].toObject(), wantedChat = wanted[i].toObject();
      chat.remove("messages");
      wantedChat.remove("messages");
      QCOMPARE(chat, wantedChat);
    }

    // Out, in and out again; and the export of that version comes in.
    QVERIFY(second.importJson(out, "out.json").isDone());
    QCOMPARE(*second.exportJson(), out);
    HistoryDb third;
    QVERIFY(third.open(":memory:"));
    QVERIFY(third.importJson(read(QStringLiteral(PIO_TEST_DATA "/app/history_v%1.json").arg(version)), "old.json").isDone());
    QCOMPARE(*third.exportJson(), out);

    // The search index points at what it did.
    QCOMPARE(db.search("leuchtturm")->size(), 1);
    QCOMPARE(db.search("leuchtturm")->first().messageId, "u1");
    QCOMPARE(db.search("hauser")->first().chatId, "c-lamp");
    QCOMPARE(db.search("灯塔")->first().messageId, "a2");
    QCOMPARE(db.search("deleted version")->size(), 0);
    QCOMPARE(db.search("farewell")->size(), 0);
    QCOMPARE(db.search("Türme")->size(), 0);  // a thought
    QCOMPARE(db.search("Half an")->size(), 0);
    QCOMPARE(*db.adoptUnfinished([](const QString&) { return false; }), 1);
    QCOMPARE(db.search("Half an")->first().messageId, "s2");
    // Removed things can be had back.
    QVERIFY(db.restore(3003) && db.restore(4000));
    QCOMPARE(db.search("farewell")->first().chatId, "c-gone");
    QCOMPARE(db.search("deleted version")->first().messageId, "a3");
    QCOMPARE(*db.meta("last_chat"), "c-lamp");
    QCOMPARE(*db.meta("new_draft"), "begun");
    // Writing goes on.
    QVERIFY(db.appendText("s2", "wer.", " not far"));
    QCOMPARE(db.messages("c-half")->at(1).message.text(), "Half an answer.");
    QVERIFY(db.messages("c-half")->at(1).message.reasoning().endsWith(" not far"));
    QVERIFY(db.messages("c-half")->at(1).message.parts.first().kind == MessagePart::Kind::Thought);
  }

  void anOlderHistoryGoesOutOfTheProgramAndInAgain_data() {
    QTest::addColumn<int>("version");
    for (int version = 1; version < HistoryDb::kVersion; ++version) QTest::addRow("v%d", version) << version;
  }
  void anOlderHistoryGoesOutOfTheProgramAndInAgain() {
    QFETCH(int, version);
    QTemporaryDir old, fresh, older, exports;
    makeOldHistory(old.filePath("history.db"), version);
    const QString out = exports.filePath("out.json"), back = exports.filePath("back.json");
    QCOMPARE(run({"--data", old.path(), "--export", out}), 0);
    QVERIFY(QJsonDocument::fromJson(read(out))["chats"].toArray().size() > 0);
    for (int time = 0; time < 2; ++time) {  // the second time all of it is there already
      QCOMPARE(run({"--data", fresh.path(), "--import", out, "--export", back}), 0);
      QCOMPARE(read(back), read(out));
    }
    QCOMPARE(run({"--data", old.path(), "--export", back}), 0);
    QCOMPARE(read(back), read(out));
    // What the program of that version exported says the same.
    const QString theirs = QStringLiteral(PIO_TEST_DATA "/app/history_v%1.json").arg(version);
    if (!QFile::exists(theirs)) return;
    QCOMPARE(run({"--data", older.path(), "--import", theirs, "--export", back}), 0);
    QCOMPARE(read(back), read(out));
  }

  void aFileOfTheFirstVersionIsBroughtUpToDateAfterACopyWasMade() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    makeOldHistory(path, 1);
    HistoryDb db;
    QVERIFY(db.open(path));
    const auto messages = db.messages("old-chat");
    QCOMPARE(messages->size(), 2);
    QCOMPARE(messages->at(1).message.text(), "It stands on the cliff.");
    QCOMPARE(messages->at(1).message.tokensPerSecond, 12.5);
    QCOMPARE(db.search("cliff")->size(), 1);
    QCOMPARE(db.search("old light")->size(), 1);  // the title
    HistoryDb second;
    QVERIFY(second.open(":memory:"));
    QVERIFY(second.importJson(*db.exportJson(), "v1.json").isDone());
    QCOMPARE(*second.exportJson(), *db.exportJson());
    QVERIFY(QFile::exists(folder.filePath("history.v1.db")));
    QCOMPARE(QFile::permissions(folder.filePath("history.v1.db")) & kOthers, QFile::Permissions());
    {
      QTemporaryDir elsewhere;  // it is the file of before
      QVERIFY(QFile::copy(folder.filePath("history.v1.db"), elsewhere.filePath("history.db")));
      HistoryDb copy;
      QVERIFY(copy.open(elsewhere.filePath("history.db")));
      QCOMPARE(copy.messages("old-chat")->size(), 2);
    }
    QVERIFY(db.appendText("old-answer", " Still."));
    db.close();
    QVERIFY(db.open(path));
    QCOMPARE(db.messages("old-chat")->at(1).message.text(), "It stands on the cliff. Still.");
    QCOMPARE(copiesIn(folder).size(), 1);  // one copy, not one a start
  }

  // The ids that a model reads depend on the order of a message's parts.
  void thePromptOfAnOldMessageIsWhatItWas() {
    QTemporaryDir folder;
    makeOldHistory(folder.filePath("history.db"), 4);
    HistoryDb db;
    QVERIFY(db.open(folder.filePath("history.db")));
    const ChatMessage question = promptOf(db.messages("c-look")->first().message, true);
    QCOMPARE(question.role, std::string("user"));
    QCOMPARE(question.content.pictures().size(), 2U);
    QCOMPARE(question.content.pictures()[1]->path, std::string("/somewhere/b.jpg"));
    QCOMPARE(question.content.text(), std::string("Which is larger?"));
    QVERIFY(std::holds_alternative<std::string>(question.content.parts().back()));  // the pictures come first
    const ChatMessage answer = promptOf(db.messages("c-lamp")->at(1).message, true);
    QCOMPARE(answer.reasoning, std::string("Türme: 20 – 60 m\n"));
    QCOMPARE(answer.tool_calls.size(), 2U);
    QCOMPARE(answer.tool_calls[0].id, std::string("call_0"));
    QCOMPARE(answer.tool_calls[1].name, std::string("now"));
    QCOMPARE(answer.tool_calls[0].arguments.dump(), JsonValue::parse("{\"what\":\"Höhe\"}")->dump());
  }

  void theCopyGoesAfterTwoGoodStarts() {
    QTemporaryDir folder;
    makeOldHistory(folder.filePath("history.db"), 4);
    {
      HistoryWriter writer;
      writer.open(folder.path(), "me");
      QCOMPARE(copiesIn(folder), QStringList{"history.v4.db"});
      QCOMPARE(QFile::permissions(folder.filePath("history.v4.db")) & kOthers, QFile::Permissions());
    }  // it did not end in order
    start(folder.path());
    QCOMPARE(copiesIn(folder).size(), 1);
    start(folder.path());
    QCOMPARE(copiesIn(folder).size(), 0);
  }

  void withoutRoomTheOldFileIsNotTouchedAndWhatIsWrittenIsMergedLater() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    makeOldHistory(path, 4);
    const QByteArray before = read(path);
    HistoryWriter writer({.openAgainMs = 50});
    QSignalSpy problems(&writer, &HistoryWriter::problem), recovered(&writer, &HistoryWriter::recovered), lists(&writer, &HistoryWriter::chatsRead);
    writer.db().limitPages(static_cast<int>(before.size() / 4096) + 2);
    writer.open(folder.path(), "me");
    QCOMPARE(problems.size(), 1);
    const auto problem = problems.first().first().value<HistoryProblem>();
    QCOMPARE(problem.kind, HistoryProblem::Kind::no_room);
    QVERIFY2(problem.neededBytes >= 2 * before.size() && problem.neededBytes < 5 * before.size() + 1'000'000,
             qPrintable(QString::number(problem.neededBytes)));
    const UserError words = userErrorOf(problem);
    QVERIFY(words.explanation.contains(bytesText(static_cast<quint64>(problem.neededBytes))));
    QCOMPARE(words.actions.first(), int(UserError::Retry));

    writer.putChat({"new", "While there is no room", 9000, 9000});
    writer.addMessage(message("new", "n1", {}, Message::Role::User, "Kept all the same", 9001));
    MessageRecord answer = message("new", "n2", "n1", Message::Role::Assistant, {}, 9002);
    answer.message.state = Message::State::Streaming;
    writer.addMessage(answer);
    writer.appendText("n2", "Yes.", 1);
    answer.message.setText("Yes.");
    answer.message.state = Message::State::Complete;
    writer.putMessage(answer);
    writer.removeMessages({"u2"}, 77);
    QTest::qWait(200);  // it was tried again, more than once
    QCOMPARE(read(path), before);
    QCOMPARE(copiesIn(folder).size(), 0);
    QCOMPARE(recovered.size(), 0);
    QCOMPARE(writer.db().messages("new")->size(), 2);

    writer.db().limitPages(100'000);
    QTRY_COMPARE(recovered.size(), 1);
    QCOMPARE(writer.db().path(), path);
    QCOMPARE(lists.last().first().value<QList<ChatRecord>>().size(), 4);
    QCOMPARE(writer.db().messages("new")->last().message.text(), "Yes.");
    QCOMPARE(writer.db().messages("c-lamp")->size(), 3);
    QCOMPARE(writer.db().messages("c-half")->first().message.id, "s2");
    writer.close();
    HistoryDb db;
    QVERIFY(db.open(path));
    QCOMPARE(db.search("kept all")->size(), 1);
  }

  // The figure of the notice is enough, and not far too much.
  void aMigrationTakesNoMoreThanItSays() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    makeOldHistory(path, 4);
    lengthenOldHistory(path, 400, 3000, 3000);
    const qint64 before = QFileInfo(path).size() + QFileInfo(path + "-wal").size();
    HistoryDb asked;
    asked.limitPages(static_cast<int>(before / 4096) + 2);
    QVERIFY(!asked.open(path));
    const qint64 needed = asked.problem().neededBytes;
    HistoryDb db;
    QVERIFY(db.open(path));
    qint64 after = 0;
    for (const QFileInfo& file : QDir(folder.path()).entryInfoList(QDir::Files)) after += file.size();
    QVERIFY2(after - before <= needed, qPrintable(QStringLiteral("%1 of %2").arg(after - before).arg(needed)));
    QVERIFY2(after - before >= needed / 3, qPrintable(QStringLiteral("%1 of %2").arg(after - before).arg(needed)));
  }
};

QTEST_GUILESS_MAIN(MigrationTest)
#include "migration_test.moc"
