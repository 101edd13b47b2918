#include <QRandomGenerator>
#include <QTemporaryDir>

#include "app/system/language.h"
#include "tests/app/history_fixture.h"

using namespace pio;

namespace {

// An export with one chat, "x", of these messages.
QByteArray exportOf(const QByteArray& messages) {
  return QByteArray(R"({"version":1,"chats":[{"id":"x","title":"t","created":1,"messages":[%1]}]})").replace("%1", messages);
}

}  // namespace

class TransferTest : public QObject {
  Q_OBJECT

 private slots:
  void exportImportExportIsTheSameFile() {
    QTemporaryDir folder;
    HistoryDb first, second;
    QVERIFY(first.open(folder.filePath("one.db")));
    QVERIFY(second.open(folder.filePath("two.db")));
    fill(first);
    const QByteArray out = *first.exportJson();
    const ImportReport done = second.importJson(out, "export.json");
    QVERIFY(done.isDone());
    QCOMPARE(done.chatsAdded, 4);
    QCOMPARE(*second.exportJson(), out);
    const ImportReport again = second.importJson(out, "export.json");
    QCOMPARE(again.chatsAdded, 0);
    QCOMPARE(again.messagesAdded, 0);
    QCOMPARE(again.messagesLeftOut, 0);
    QCOMPARE(again.chatsKnown, 4);
    QCOMPARE(*second.exportJson(), out);
    QCOMPARE(second.search("leuchtturm")->size(), 1);  // what came in is found
  }

  void aPictureThatIsNoFileIsNotImported() {
    QTemporaryDir folder;
    HistoryDb db;
    QVERIFY(db.open(folder.filePath("one.db")));
    const QByteArray json = R"({"version": 1, "chats": [{"id": "c", "title": "", "created": 1, "updated": 1, "pinned": false, "system_prompt": "",
      "draft": "", "active_root": null, "kind": "image", "messages": [{"id": "u", "parent": null, "role": "user", "text": "What is it?",
      "state": "complete", "created": 1, "active_child": null, "pictures": ["/dev/zero", "/not/there.png", 7, ""]}]}]})";
    const ImportReport done = db.importJson(json, "pictures.json");
    QVERIFY2(done.isDone(), qPrintable(done.details));
    QCOMPARE(db.messages("c")->first().message.pictures(), QStringList{"/not/there.png"});
    QCOMPARE(done.picturesLeftOut, 1);
    QVERIFY(db.chat("c")->kind == ChatRecord::Kind::Image);
  }

  void anAnswerBeingWrittenIsExportedAsUnfinished() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    MessageRecord half = message("c", "a", {}, Message::Role::Assistant, "Half", 2);
    half.message.state = Message::State::Streaming;
    QVERIFY(db.addMessage(half, "live"));
    QVERIFY(db.exportJson()->contains("\"unfinished\""));
    QVERIFY(!db.exportJson()->contains("streaming"));
  }

  void aMalformedExportChangesNothingAndIsExplained_data() {
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("words");
    QTest::newRow("nothing") << QByteArray() << "JSON";
    QTest::newRow("not json") << QByteArray("{\"version\":1,") << "at byte";
    QTest::newRow("array") << QByteArray("[]") << "an export of Inference-PIO";
    QTest::newRow("version 2") << QByteArray(R"({"version":2,"chats":[]})") << "version: 1, [2]";
    QTest::newRow("no chats") << QByteArray(R"({"version":1})") << "chats: an array";
    QTest::newRow("chat without id") << QByteArray(R"({"version":1,"chats":[{"title":"t"}]})") << "chats[0].id";
    QTest::newRow("chat twice")
        << QByteArray(R"({"version":1,"chats":[{"id":"x","title":"t","created":1,"messages":[]},{"id":"x","title":"t","created":1,"messages":[]}]})")
        << "chats[1].id: one of its own";
    QTest::newRow("role") << exportOf(R"({"id":"m","parent":null,"role":"boss","text":"","state":"complete"})") << "messages[0].role";
    QTest::newRow("state") << exportOf(R"({"id":"m","parent":null,"role":"user","text":"","state":"streaming"})") << "messages[0].state";
    QTest::newRow("text") << exportOf(R"({"id":"m","parent":null,"role":"user","text":7,"state":"complete"})") << "messages[0].text";
    QTest::newRow("kind of a chat") << QByteArray(R"({"version":1,"chats":[{"id":"x","title":"t","created":1,"kind":"film","messages":[]}]})")
                                    << "chats[0].kind";
    QTest::newRow("parts") << exportOf(R"({"id":"m","parent":null,"role":"user","parts":{},"state":"complete"})") << "messages[0].parts: an array";
    QTest::newRow("kind of a part") << exportOf(R"({"id":"m","parent":null,"role":"user","parts":[{"kind":"smell"}],"state":"complete"})")
                                    << "parts[0].kind";
    QTest::newRow("text of a part") << exportOf(R"({"id":"m","parent":null,"role":"user","parts":[{"kind":"text","text":1}],"state":"complete"})")
                                    << "parts[0].text";
    QTest::newRow("orphan") << exportOf(R"({"id":"m","parent":"gone","role":"user","text":"","state":"complete"})") << "parents are there";
    QTest::newRow("circle")
        << exportOf(
               R"({"id":"m","parent":"n","role":"user","text":"","state":"complete"},{"id":"n","parent":"m","role":"user","text":"","state":"complete"})")
        << "a circle";
    QTest::newRow("own parent") << exportOf(R"({"id":"m","parent":"m","role":"user","text":"","state":"complete"})") << "a circle";
    QTest::newRow("id of another chat") << exportOf(R"({"id":"u1","parent":null,"role":"user","text":"","state":"complete"})")
                                        << "one of another chat";
  }
  void aMalformedExportChangesNothingAndIsExplained() {
    QFETCH(QByteArray, json);
    QFETCH(QString, words);
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    fill(db);
    const QByteArray before = *db.exportJson();
    const ImportReport done = db.importJson(json, "bad.json");
    QVERIFY(!done.isDone());
    const QString said = done.details;
    QVERIFY2(said.startsWith("bad.json: ") && said.contains(words), qPrintable(said));
    QCOMPARE(*db.exportJson(), before);
  }

  void thePartsWinOverTheFieldsOfBefore() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    const QByteArray json =
        exportOf(R"({"id":"m","parent":null,"role":"assistant","state":"complete","text":"old","reasoning":"old","pictures":["/old.png"],
      "tool_calls":[{"name":"old","arguments":"{}"}],"parts":[{"kind":"text","text":"new"},{"kind":"tool_call","name":"f","arguments":"{}","id":"call_7"},
      {"kind":"file","name":"n","path":"/p","sha256":"ab","size":3},{"kind":"text","text":""}]})");
    QVERIFY(db.importJson(json, "x").isDone());
    const Message message = db.messages("x")->first().message;
    QCOMPARE(message.parts, (QList<MessagePart>{{.kind = MessagePart::Kind::Text, .text = "new"},
                                                {.kind = MessagePart::Kind::ToolCall, .text = "{}", .name = "f", .id = "call_7"},
                                                {.kind = MessagePart::Kind::File, .name = "n", .path = "/p", .sha256 = "ab", .size = 3}}));
  }

  void aChatAboutPicturesIsReadInBothSpellings() {
    for (const char* spelling : {"\"kind\":\"image\"", "\"is_image\":true", "\"is_image\":1"}) {
      HistoryDb db;
      QVERIFY(db.open(":memory:"));
      QVERIFY(db.importJson(QByteArray(R"({"version":1,"chats":[{"id":"x","title":"t","created":1,"messages":[],%1}]})").replace("%1", spelling), "x")
                  .isDone());
      QCOMPARE(db.chat("x")->kind, ChatRecord::Kind::Image);
      QVERIFY(db.exportJson()->contains("\"kind\": \"image\""));
    }
  }

  void newMessagesOfAKnownChatComeIn() {
    HistoryDb home, away;
    QVERIFY(home.open(":memory:") && away.open(":memory:"));
    fill(home);
    QVERIFY(away.importJson(*home.exportJson(), "x").isDone());
    QVERIFY(away.addMessage(message("c2", "u9", "s2", Message::Role::User, "Written elsewhere", 2500), {}));
    QVERIFY(away.addMessage(message("c2", "a9", "u9", Message::Role::Assistant, "And answered", 2501), {}));
    QVERIFY(away.putChat({"c9", "New", 9000, 9000}));
    QVERIFY(away.addMessage(message("c3", "u8", "u3", Message::Role::User, "Below what is removed at home", 3500), {}));
    QVERIFY(home.removeMessages({"u3"}, 7));
    QVERIFY(home.removeChat("c4", 8));
    const ImportReport done = home.importJson(*away.exportJson(), "x");
    QVERIFY2(done.isDone(), qPrintable(done.details));
    QCOMPARE(done.chatsAdded, 1);
    QCOMPARE(done.chatsKnown, 3);
    QCOMPARE(done.messagesAdded, 2);
    QCOMPARE(done.messagesLeftOut, 2);  // u3 and what follows it
    QCOMPARE(home.messages("c2")->size(), 4);
    QCOMPARE(home.chat("c2")->updated, 2501);
    QCOMPARE(home.search("written elsewhere")->size(), 1);
    QVERIFY(!home.chat("c4"));
    Language english;
    english.speak("en");
    QCOMPARE(importText(done),
             "1 chat was added. 2 new messages were added to chats that were already here. "
             "2 messages that had been deleted here were left out.");
    QVERIFY(home.restore(7));
    QCOMPARE(home.messages("c3")->size(), 1);
  }

  void aFileOfAnotherProgramIsNamedAsOne_data() {
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("program");
    QTest::newRow("ChatGPT")
        << QByteArray(R"([{"title":"T","create_time":1.5,"mapping":{"a":{"id":"a","message":null,"parent":null,"children":[]}},"current_node":"a"}])")
        << "ChatGPT";
    QTest::newRow("Claude") << QByteArray(R"([{"uuid":"u","name":"n","created_at":"2024","chat_messages":[{"sender":"human","text":"t"}]}])")
                            << "Claude";
    QTest::newRow("LM Studio")
        << QByteArray(R"({"name":"n","pinned":false,"createdAt":1,"messages":[{"versions":[{"role":"user"}],"currentlySelected":0}]})")
        << "LM Studio";
    QTest::newRow("Jan") << QByteArray(R"({"id":"t","object":"thread","title":"T","assistants":[]})") << "Jan";
    QTest::newRow("Jan, messages") << QByteArray("{\"object\":\"thread.message\",\"id\":\"1\"}\n{\"object\":\"thread.message\",\"id\":\"2\"}\n")
                                   << "Jan";
    QTest::newRow("Open WebUI") << QByteArray(R"([{"id":"i","user_id":"u","title":"T","chat":{"history":{"messages":{}}}}])") << "Open WebUI";
    QTest::newRow("other") << QByteArray(R"({"name":"package","version-of":"x"})") << "";
    QTest::newRow("a number") << QByteArray("[1, 2]") << "";
  }
  void aFileOfAnotherProgramIsNamedAsOne() {
    QFETCH(QByteArray, json);
    QFETCH(QString, program);
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    const ImportReport done = db.importJson(json, "/home/me/their.json");
    QCOMPARE(done.problem, ImportReport::Problem::foreign);
    QCOMPARE(done.program, program);
    const UserError words = importNotice(done);
    QVERIFY(words.explanation.contains("their.json") && !words.explanation.contains("damaged"));
    if (!program.isEmpty()) QVERIFY(words.explanation.contains(program));
  }

  void aLoneSurrogateBecomesAReplacementCharacterAndNothingElseChanges() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    const QByteArray json =
        exportOf(R"({"id":"m","parent":null,"role":"assistant","state":"complete","created":9007199254740993,"generated_tokens":9007199254740993,
      "tokens_per_second":31.400000000000002,"text":"a~ud800b~udc00c~ud83d~ude00~u0001d~ud83d","reasoning":"~udfff",
      "tool_calls":[{"name":"n~ud800","arguments":"{~"z~":1e400,~"a~":0.10,~"a~":12345678901234567890}"}]})")
            .replace('~', '\\');  // moc reads no escapes in a raw string
    QVERIFY(db.importJson(json, "x").isDone());
    const MessageRecord record = db.messages("x")->first();
    const QString u = QString(QChar::ReplacementCharacter);
    QCOMPARE(record.message.text(), "a" + u + "b" + u + "c" + QString::fromUcs4(U"\U0001F600") + QChar(1) + "d" + u);
    QCOMPARE(record.message.reasoning(), u);
    QCOMPARE(record.message.toolCalls().first().name, "n" + u);
    QCOMPARE(record.message.toolCalls().first().arguments, R"({"z":1e400,"a":0.10,"a":12345678901234567890})");
    QCOMPARE(record.created, 9007199254740993);
    QCOMPARE(record.message.generatedTokens, 9007199254740993);
    QCOMPARE(record.message.tokensPerSecond, 31.400000000000002);
    // Again: it is known.
    const ImportReport again = db.importJson(json, "x");
    QVERIFY(again.isDone());
    QCOMPARE(again.messagesAdded, 0);
  }

  // Seeded: an export with random damage comes in whole or not at all, and what came in goes out and in again as it is.
  void whateverIsDamagedNothingIsHalfDone() {
    HistoryDb source;
    QVERIFY(source.open(":memory:"));
    fill(source);
    const QByteArray whole = *source.exportJson();
    const QByteArrayList pieces = {"0",  "-1",  "1e300", "9223372036854775807", "0.5",    "\"\"",   "null", "true",
                                   "[]", "{}",  "\"x\"", "\"\\ud800\"",         "\"u1\"", "\"c1\"", ",",    "}",
                                   "]",  "\xff"};
    QRandomGenerator random(20'261'129);
    int done = 0;
    for (int i = 0; i < 120; ++i) {
      QByteArray json = whole;
      for (int j = random.bounded(1, 3); j > 0; --j) {
        // Mostly a value behind its name, else anywhere.
        const qsizetype colon = json.indexOf(": ", random.bounded(json.size()));
        const qsizetype end = colon < 0 ? -1 : json.indexOf('\n', colon);
        const QByteArray piece = pieces[random.bounded(pieces.size())];
        if (colon >= 0 && random.bounded(5) > 0) json.replace(colon + 2, end - colon - 2, piece + (json[end - 1] == ',' ? "," : ""));
        else json.replace(random.bounded(json.size()), random.bounded(1, 20), piece);
      }
      HistoryDb db;
      QVERIFY(db.open(":memory:"));
      const QByteArray before = *db.exportJson();
      const ImportReport report = db.importJson(json, "x");
      const QByteArray after = *db.exportJson();
      if (!report.isDone()) {
        QCOMPARE(after, before);
        QVERIFY(!report.details.isEmpty());
        continue;
      }
      ++done;
      HistoryDb again;
      QVERIFY(again.open(":memory:"));
      const ImportReport second = again.importJson(after, "x");
      QVERIFY2(second.isDone(), qPrintable(second.details));
      if (*again.exportJson() != after) QFAIL(json);
    }
    QVERIFY(done > 12);
  }

  void aLoneSurrogateThatWasTypedIsKeptAsOneCharacterToo() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    QVERIFY(db.addMessage(message("c", "m", {}, Message::Role::User, QString("a") + QChar(0xd800) + "bcd", 1), {}));
    QCOMPARE(db.messages("c")->first().message.text(), QString("a") + QChar::ReplacementCharacter + "bcd");
  }
};

QTEST_GUILESS_MAIN(TransferTest)
#include "transfer_test.moc"
