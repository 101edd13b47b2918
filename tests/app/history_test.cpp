#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QRandomGenerator>
#include <QTemporaryDir>

#include "app/chat/conversation.h"
#include "app/history/history_writer.h"
#include "app/history/message_codec.h"
#include "app/history/snippet.h"
#include "app/system/session_lock.h"
#include "tests/app/history_fixture.h"

using namespace pio;

class HistoryTest : public QObject {
  Q_OBJECT

 private slots:
  void whatIsWrittenIsReadBack() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QVERIFY(makeFilled(path));
    HistoryDb db;
    QVERIFY(db.open(path));
    const auto chats = db.chats();
    QCOMPARE(chats->size(), 4);
    QCOMPARE(chats->at(2).id, "c2");  // newest first
    QCOMPARE(chats->at(0).kind, ChatRecord::Kind::Code);
    QCOMPARE(chats->at(0).file, "/somewhere/main.cpp");
    const auto c1 = db.chat("c1");
    QCOMPARE(c1->title, "Räume & Häuser");
    QVERIFY(c1->pinned);
    QCOMPARE(c1->draft, "half a thought");
    QCOMPARE(c1->activeRoot, "u1");
    const auto messages = db.messages("c1");
    QCOMPARE(messages->size(), 4);
    QCOMPARE(messages->at(0).activeChild, "a1");
    QCOMPARE(messages->at(1).message.tokensPerSecond, 31.400000000000002);
    QCOMPARE(messages->at(1).message.parts.size(), 3);
    QCOMPARE(messages->at(1).message.parts[0].kind, MessagePart::Kind::Thought);
    QCOMPARE(messages->at(1).message.toolCalls(), (QList<ToolUse>{{"look_up", "{\"what\": \"Höhe\"}", "call_0"}}));
    QCOMPARE(messages->at(3).message.role, Message::Role::Tool);
    QCOMPARE(messages->at(3).message.parts.first(),
             (MessagePart{.kind = MessagePart::Kind::ToolResult, .text = "{\"metres\": 40}", .name = "look_up", .id = "call_0"}));
    QCOMPARE(messages->at(2).message.error.actions, (QList<int>{UserError::ShorterContext, UserError::OpenModel}));
    QVERIFY(messages->at(2).message.text().endsWith("end"));
    QCOMPARE(QFile::permissions(path) & (QFile::ReadGroup | QFile::ReadOther), QFile::Permissions());
  }

  void aPurgeTellsWhichFilesNobodyNamesAnyMore() {
    QTemporaryDir folder;
    HistoryDb db;
    QVERIFY(db.open(folder.filePath("one.db")));
    fill(db);
    MessageRecord again = message("c2", "u4", "s2", Message::Role::User, "And this?", 2003);
    again.message.addPicture("/somewhere/b.jpg");
    QVERIFY(db.addMessage(again, {}));
    QVERIFY(db.removeChat("c3", 111));
    QCOMPARE(*db.purge(112), QStringList());
    QCOMPARE(*db.purge(111), (QStringList{"/somewhere/a \"ü\".png", "/somewhere/notes.txt"}));
    QVERIFY(db.removeMessages({"u4"}, 222));
    QCOMPARE(*db.purge(222), QStringList{"/somewhere/b.jpg"});
  }

  void aFileOfANewerVersionIsRefusedAndNotTouched() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QVERIFY(makeFilled(path));
    QVERIFY(SqlFile(path).exec(QStringLiteral("PRAGMA user_version = %1").arg(HistoryDb::kVersion + 1)));
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray before = file.readAll();
    HistoryDb db;
    QCOMPARE(db.open(path).error().code, ErrorCode::not_available);
    HistoryProblem problem;
    openOrRecover(db, path, problem);
    QCOMPARE(problem.kind, HistoryProblem::Kind::newer);
    QVERIFY(db.putChat({"m", "in memory", 1, 1}));
    file.seek(0);
    QCOMPARE(file.readAll(), before);
  }

  void aDamagedFileIsKeptAsideAndANewOneBegun_data() {
    QTest::addColumn<int>("kind");
    QTest::newRow("not a database") << 0;
    QTest::newRow("overwritten in the middle") << 1;
    QTest::newRow("cut off") << 2;
  }
  void aDamagedFileIsKeptAsideAndANewOneBegun() {
    QFETCH(int, kind);
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    {
      HistoryDb db;
      QVERIFY(db.open(path));
      fill(db);
      for (int i = 0; i < 200; ++i) {
        QVERIFY(db.addMessage(
            message("c3", QString::number(i), i == 0 ? QString() : QString::number(i - 1), Message::Role::User, QString(500, 'x'), 4000 + i), {}));
      }
    }
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadWrite));
    if (kind == 0) {
      file.resize(0);
      file.write("This was a shopping list once, and it goes on for more than a hundred bytes, because SQLite looks at the first hundred of a file.");
    } else if (kind == 1) {
      file.seek(8192);
      file.write(QByteArray(20'000, '\xee'));
    } else {
      file.resize(file.size() / 2);
    }
    file.close();
    HistoryDb db;
    HistoryProblem problem;
    openOrRecover(db, path, problem);
    QCOMPARE(problem.kind, HistoryProblem::Kind::damaged);
    QVERIFY(QFile::exists(problem.keptAs));
    QVERIFY(problem.keptAs.startsWith(path + ".damaged-20"));
    const int nChats = static_cast<int>(db.chats()->size());
    QCOMPARE(problem.rescuedChats, nChats);
    QCOMPARE(nChats > 0, kind == 1);  // of a file that is none, or whose list is cut off, nothing can be read
    if (kind == 1) QVERIFY(problem.rescuedMessages > 100);
    QVERIFY(db.putChat({"n", "new", 1, 1}));
    db.close();
    QVERIFY(db.open(path));
    QCOMPARE(db.chats()->size(), nChats + 1);
  }

  // The index is a tenth of what a page can be damaged in: all chats and messages are there all the same, and are found.
  void aDamagedSearchIndexCostsNoMessage_data() {
    QTest::addColumn<QString>("statement");
    QTest::newRow("no data") << "DELETE FROM search_data";
    QTest::newRow("other data") << "UPDATE search_data SET block = randomblob(length(block)) WHERE id > 10";
    QTest::newRow("no words") << "DELETE FROM search_content WHERE id % 3 = 0";
    QTest::newRow("other words") << "UPDATE search_content SET c0 = 'something else'";
    QTest::newRow("no version") << "DELETE FROM search_config";
    QTest::newRow("other version") << "UPDATE search_config SET v = 99";
    QTest::newRow("no sizes") << "DELETE FROM search_docsize";
    QTest::newRow("no pages") << "DELETE FROM search_idx";
  }
  void aDamagedSearchIndexCostsNoMessage() {
    QFETCH(QString, statement);
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QVERIFY(makeFilled(path));
    QVERIFY(SqlFile(path).exec(statement));
    HistoryWriter writer;
    writer.open(folder.path(), "me");
    QVERIFY(writer.db().isIndexed());
    QCOMPARE(writer.db().chats()->size(), 4);
    QCOMPARE(writer.db().search("leuchtturm")->size(), 1);
    QCOMPARE(writer.db().search("100")->size(), 1);
    QVERIFY(writer.db().addMessage(message("c2", "after", "s2", Message::Role::User, "heron", 9000), {}));
    QCOMPARE(writer.db().search("heron")->size(), 1);
    QVERIFY(QDir(folder.path()).entryList({"*damaged*"}).isEmpty());
    writer.close();
  }

  void aDamagedPageOfTheIndexCostsNoMessage() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QVERIFY(makeFilled(path));
    qint64 page = 0;
    {
      const SqlFile file(path);
      page = file.value("SELECT rootpage FROM sqlite_schema WHERE name = 'search_data'").toLongLong();
    }
    QVERIFY(page > 1);
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadWrite) && file.seek((page - 1) * 4096) && file.write(QByteArray(4096, '\xee')) == 4096);
    file.close();
    const QByteArray damaged = [&] { return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray(); }();
    file.close();
    HistoryDb db;
    HistoryProblem problem;
    openOrRecover(db, path, problem);
    QCOMPARE(problem.kind, HistoryProblem::Kind::damaged);
    QCOMPARE(problem.rescuedChats, 4);
    QCOMPARE(problem.rescuedMessages, 7);
    QFile kept(problem.keptAs);
    QVERIFY(kept.open(QIODevice::ReadOnly));
    QVERIFY(kept.readAll() == damaged);
    HistoryDb sound;
    QVERIFY(sound.open(":memory:"));
    fill(sound);
    QCOMPARE(*db.exportJson(), *sound.exportJson());
    QCOMPARE(db.search("leuchtturm")->size(), 1);
    QVERIFY(!QFile::exists(path + ".rescued"));
  }

  void whatALostRowLeftIsStillShown() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QVERIFY(makeFilled(path));
    {
      const SqlFile file(path);
      QVERIFY(file.exec("PRAGMA foreign_keys = OFF"));
      QVERIFY(file.exec("DELETE FROM chats WHERE id = 'c1'"));
      QVERIFY(file.exec("DELETE FROM messages WHERE id = 'u2'"));
      QVERIFY(file.exec("DROP TABLE meta"));  // a damage that is seen
    }
    HistoryDb db;
    HistoryProblem problem;
    openOrRecover(db, path, problem);
    QCOMPARE(problem.rescuedChats, 4);
    QCOMPARE(db.chat("c1")->title, "Wie hoch ist ein Leuchtturm?");
    // The text of u2 is there, without its place: it stands behind what was made before it.
    const Conversation conversation(*db.chat("c2"), *db.messages("c2"));
    QCOMPARE(conversation.path(), QStringList{"s2"});
    QCOMPARE(db.search("second")->size(), 1);
    const auto messages = *db.messages("c1");
    QCOMPARE(messages.last().message.text(), "Second");
    QCOMPARE(messages.last().message.parent, "r1");
  }

  // Pages that are sound say nothing of an id in which a byte is another one.
  void messagesWhoseChatIsNoneAreRescued() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QVERIFY(makeFilled(path));
    {
      const SqlFile file(path);
      QVERIFY(file.exec("UPDATE messages SET chat_id = 'cX' WHERE chat_id = 'c1'"));
    }
    HistoryDb db;
    HistoryProblem problem;
    openOrRecover(db, path, problem);
    QCOMPARE(problem.kind, HistoryProblem::Kind::damaged);
    QVERIFY(QFile::exists(problem.keptAs));
    QCOMPARE(db.messages("cX")->size(), 4);
    QCOMPARE(db.chat("cX")->title, "Wie hoch ist ein Leuchtturm?");
    QCOMPARE(db.chats()->size(), 5);
    QCOMPARE(db.search("leuchtturm")->first().chatId, "cX");
    db.close();
    openOrRecover(db, path, problem);  // is sound now
    QCOMPARE(problem.kind, HistoryProblem::Kind::none);
  }

  void aFolderThatIsNotThereLeavesTheHistoryInMemory() {
    HistoryDb db;
    HistoryProblem problem;
    openOrRecover(db, "/proc/no/such/folder/history.db", problem);
    QCOMPARE(problem.kind, HistoryProblem::Kind::other);
    QVERIFY(db.putChat({"m", "in memory", 1, 1}));
    QCOMPARE(db.chats()->size(), 1);
  }

  void aFullDiskIsToldAsSuch() {
    QTemporaryDir folder;
    HistoryDb db;
    QVERIFY(db.open(folder.filePath("history.db")));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    db.limitPages(40);  // SQLite says "full" as it does for a disk
    Result<void> last;
    for (int i = 0; i < 100 && last; ++i) last = db.addMessage(message("c", QString::number(i), {}, Message::Role::User, QString(5000, 'x'), i), {});
    QVERIFY(!last);
    QCOMPARE(db.problem().kind, HistoryProblem::Kind::disk_full);
    QVERIFY(!db.isHopeless());
    db.limitPages(100'000);
    QVERIFY(db.addMessage(message("c", "after", {}, Message::Role::User, "room again", 1000), {}));
  }

  void searchFindsBeginningsOfWordsAndMarksThem() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    fill(db);
    const auto hits = db.search("leucht hoch");
    QCOMPARE(hits->size(), 1);
    QCOMPARE(hits->first().chatId, "c1");
    QCOMPARE(hits->first().messageId, "u1");
    QVERIFY(hits->first().snippet.contains("<b>Leuchtturm</b>"));
    QCOMPARE(db.search("hauser")->size(), 1);  // without its diacritics; the title
    QVERIFY(db.search("hauser")->first().messageId.isEmpty());
    QCOMPARE(db.search("很高")->size(), 1);  // inside a run without spaces
    QVERIFY(db.search("很高")->first().snippet.contains("<b>很高</b>"));
    QCOMPARE(db.search("nowhere")->size(), 0);
    QVERIFY(db.search("int")->first().snippet.contains("<b>int</b>"));
  }

  void aSnippetOfAnAnswerSaysWhatTheAnswerShows() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    const auto add = [&](const char* id, Message::Role role, const char* text) { return db.addMessage(message("c", id, {}, role, text, 1), {}); };
    QVERIFY(add("bold", Message::Role::Assistant, "It runs, but **lower the flow first**. See `heatload` and [the page](https://example.org/x)."));
    QVERIFY(add("cut", Message::Role::Assistant,
                "**One two three four five six seven eight nine ten eleven beacon twelve thirteen fourteen fifteen sixteen seventeen** end"));
    QVERIFY(add("list", Message::Role::Assistant, "# Title\n\n- *first* thing\n- second sparrow\n\n| a | b |\n|---|---|\n| x | ostrich |"));
    QVERIFY(add("address", Message::Role::Assistant, "[here](https://example.org/pelican)"));
    QVERIFY(add("asked", Message::Role::User, "Why is **kestrel** not bold?"));
    QVERIFY(add("signs", Message::Role::Assistant, "Take `a * b` or gull_wing_size."));
    const auto snippet = [&](const char* words) { return db.search(words)->first().snippet; };
    QCOMPARE(snippet("flow"), "It runs, but lower the <b>flow</b> first. See heatload and the page…");
    QVERIFY2(!snippet("beacon").contains("*"), qPrintable(snippet("beacon")));
    QVERIFY(snippet("beacon").contains("eleven <b>beacon</b> twelve"));
    QCOMPARE(snippet("sparrow"), "Title first thing second <b>sparrow</b> a b x ostrich");
    QCOMPARE(snippet("pelican"), "[here](https://example.org/<b>pelican</b>)");  // what was found is shown
    QCOMPARE(snippet("kestrel"), "Why is **<b>kestrel</b>** not bold?");         // a question is shown as it was typed
    QCOMPARE(snippet("gull"), "Take a * b or <b>gull</b>_wing_size.");
  }

  void aSnippetIsCutBetweenCharacters() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    const QString family = QStringLiteral("👨‍👩‍👧‍👦");  // one character of 11 UTF-16 units
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    QVERIFY(db.addMessage(message("c", "m", {}, Message::Role::User, family.repeated(6) + "漢字" + family.repeated(8), 1), {}));
    const auto hits = db.search("漢字");
    QCOMPARE(hits->size(), 1);
    QCOMPARE(hits->first().snippet, "…" + family.repeated(3) + "<b>漢字</b>" + family.repeated(4) + "…");
  }

  void aTextThatRepeatsAWordIsFoundAtOnce() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    for (int i = 0; i < 60; ++i) {
      QVERIFY(db.addMessage(message("c", QString::number(i), {}, Message::Role::User, QStringLiteral("word ").repeated(20'000), i), {}));
    }
    for (const char* words : {"word", "w", "wo or", "word word"}) {
      QElapsedTimer timer;
      timer.start();
      const auto hits = db.search(words);
      QVERIFY(hits);
      QVERIFY2(timer.elapsed() < 4'000, qPrintable(QString("%1: %2 ms").arg(words).arg(timer.elapsed())));
    }
    QVERIFY(db.search("word")->first().snippet.startsWith("<b>word</b> <b>word</b>"));
  }

  void aSnippetShowsTheWordsAsTheIndexComparesThem() {
    const auto snippet = [](const QString& text, const QStringList& terms) {
      QString marked = snippetOfWords(text, terms);
      return marked.replace(kMatchBegin, '[').replace(kMatchEnd, ']');
    };
    QCOMPARE(snippet("Räume & HÄUSER", {"haus"}), "Räume & [HÄUSER]");
    QCOMPARE(snippet("re\u0301sume\u0301 and more", {"resume"}), "[re\u0301sume\u0301] and more");
    QCOMPARE(snippet("a key-value store, value of a key", {"key-val"}), "a [key-value] store, value of a key");
    QCOMPARE(snippet("x " + QString("y ").repeated(40) + "one and two " + QString("z ").repeated(40), {"two", "one"}),
             "…y y y y y y [one] and [two] z z z z z…");
    QCOMPARE(snippet("one " + QString("y ").repeated(40) + "one two", {"two", "one"}), "…y y y y y y [one] [two]");
    QCOMPARE(snippet(QString(), {"x"}), QString());
    QCOMPARE(snippet(QString(5000, 'q') + " here", {"here"}).size(), 1 + 199 + 1 + 6);
    // A pair of surrogates at each edge.
    QCOMPARE(snippet(QString::fromUtf8("\U0001F5FC lighthouse \U0001F5FC"), {"light"}), QString::fromUtf8("\U0001F5FC [lighthouse] \U0001F5FC"));
  }

  void noSearchTextIsSyntax() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    fill(db);
    for (const char* text : {"\"",
                             "\"\"",
                             "'",
                             "*",
                             "a*b",
                             "NEAR(a b)",
                             "a AND",
                             "OR",
                             "NOT x",
                             "text:abc",
                             "{text}: x",
                             "^a",
                             "a + b",
                             "(",
                             ")",
                             "((((",
                             "-",
                             "--",
                             "\\",
                             "%",
                             "_",
                             ";",
                             "'; DROP TABLE messages; --",
                             "\xF0\x9F\x97\xBC",
                             "很'\"%_\\",
                             "\x01",
                             "a\"*",
                             "….",
                             "<b>",
                             "a b c d e f g h i j k l m n o p q r s t"}) {
      const auto hits = db.search(QString::fromUtf8(text));
      QVERIFY2(hits, text);
    }
    QCOMPARE(db.search(QString(QChar(0)) + "leuchtturm")->size(), 1);
    // Whatever is typed, seeded: no error.
    QRandomGenerator random(42);
    for (int i = 0; i < 500; ++i) {
      QString text;
      for (int j = random.bounded(12); j >= 0; --j) text += QChar(random.bounded(4) == 0 ? random.bounded(1, 0xd800) : random.bounded(32, 127));
      QVERIFY2(db.search(text), qPrintable(text));
    }
    QCOMPARE(db.chats()->size(), 4);
  }

  void htmlInATextIsNotHtmlInTheSnippet() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    QVERIFY(db.addMessage(message("c", "m", {}, Message::Role::User, "<img src=x> & lighthouse", 1), {}));
    QCOMPARE(db.search("lighthouse")->first().snippet, "&lt;img src=x&gt; &amp; <b>lighthouse</b>");
  }

  void whatIsRemovedIsHiddenThenRestoredOrGone() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    fill(db);
    QVERIFY(db.removeChat("c1", 111));
    QCOMPARE(db.chats()->size(), 3);
    QCOMPARE(db.search("leuchtturm")->size(), 0);
    QVERIFY(!db.exportJson()->contains("Leuchtturm"));
    QVERIFY(db.restore(111));
    QCOMPARE(db.search("leuchtturm")->size(), 1);
    QVERIFY(db.removeMessages({"a1", "a2", "r1"}, 222));
    QCOMPARE(db.messages("c1")->size(), 1);
    QVERIFY(db.removeChat("c2", 333));
    QVERIFY(db.purge(222));
    QVERIFY(db.restore(222));
    QCOMPARE(db.messages("c1")->size(), 1);
    QVERIFY(db.restore(333));
    QCOMPARE(db.chats()->size(), 4);
    QVERIFY(db.purge(0));  // names nothing
    QCOMPARE(db.chats()->size(), 4);
  }

  void aPurgeTakesItsOwnRemovalAndNoOther() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    fill(db);
    QVERIFY(db.removeChat("c1", 500));
    QVERIFY(db.removeChat("c2", 100));  // by another window
    QVERIFY(db.removeMessages({"u3"}, 300));
    QVERIFY(db.purge(500));
    QVERIFY(db.restore(100));
    QVERIFY(db.restore(300));
    QVERIFY(db.restore(500));
    QCOMPARE(db.chats()->size(), 3);
    QCOMPARE(db.messages("c2")->size(), 2);
    QCOMPARE(db.messages("c3")->size(), 1);
    QCOMPARE(db.search("leuchtturm")->size(), 0);
  }

  void removalsHaveNamesOfTheirOwn() {
    QSet<qint64> names;
    for (int i = 0; i < 1000; ++i) names.insert(HistoryDb::newRemoval());
    QCOMPARE(names.size(), 1000);
    QVERIFY(*std::min_element(names.cbegin(), names.cend()) > 0);
  }

  void whatALivingWindowRemovedIsKeptAndWhatADeadOneRemovedGoes() {
    QTemporaryDir folder;
    {
      HistoryDb db;
      QVERIFY(db.open(folder.filePath("history.db")));
      fill(db);
      QVERIFY(db.removeChat("c1", 1));  // older than any clock
    }
    const SessionLock own(folder.path());
    const auto start = [&] {
      HistoryWriter writer;
      writer.open(folder.path(), own.id());
      writer.close();
    };
    const auto isThere = [&] {
      HistoryDb db;
      return db.open(folder.filePath("history.db")) && db.restore(1) && db.chat("c1") && db.removeChat("c1", 1);
    };
    {
      const SessionLock other(folder.path());
      start();
      QVERIFY(isThere());
    }
    start();
    QVERIFY(!isThere());
  }

  void anAnswerIsFoundWhenItIsDone() {
    HistoryDb db;
    QVERIFY(db.open(":memory:"));
    QVERIFY(db.putChat({"c", "t", 1, 1}));
    MessageRecord answer = message("c", "a", {}, Message::Role::Assistant, {}, 1);
    answer.message.state = Message::State::Streaming;
    QVERIFY(db.addMessage(answer, "me"));
    QVERIFY(db.appendText("a", "A light"));
    QVERIFY(db.appendText("a", "house."));
    QCOMPARE(db.messages("c")->first().message.text(), "A lighthouse.");
    QCOMPARE(db.search("lighthouse")->size(), 0);
    QCOMPARE(*db.adoptUnfinished([](const QString& writer) { return writer == "me"; }), 0);
    QCOMPARE(*db.adoptUnfinished([](const QString&) { return false; }), 1);
    QCOMPARE(db.messages("c")->first().message.state, Message::State::Unfinished);
    QCOMPARE(db.search("lighthouse")->size(), 1);
  }

  void twoConnectionsShareTheFile() {
    QTemporaryDir folder;
    HistoryDb one, two;
    QVERIFY(one.open(folder.filePath("history.db")));
    QVERIFY(two.open(folder.filePath("history.db")));
    const qint64 before = *two.dataVersion();
    fill(one);
    QVERIFY(*two.dataVersion() != before);
    QCOMPARE(two.chats()->size(), 4);
    QVERIFY(two.appendText("u1", " Zwei"));
    QVERIFY(one.appendText("u1", " Drei"));
    QVERIFY(two.messages("c1")->first().message.text().endsWith(" Zwei Drei"));
  }

  void idsSortAsTheyWereMade() {
    QString last;
    QSet<QString> all;
    for (int i = 0; i < 10'000; ++i) {
      const QString id = newId();
      QVERIFY(id > last);
      QCOMPARE(id.size(), 36);
      QCOMPARE(id[14], '7');
      all.insert(id);
      last = id;
    }
    QCOMPARE(all.size(), 10'000);
  }

  void thePartsOfAMessageStandInTheOrderOfTheirKinds() {
    Message message;
    message.appendText("Word");
    message.addToolCall("f", "{}");
    message.appendText("s");
    message.appendThought("Thou");
    message.addToolCall("g", "{}");
    message.appendThought("ght");
    message.addPicture("/a.png");
    message.add({.kind = MessagePart::Kind::File, .path = "/b.txt"});
    message.appendText({});
    using Kind = MessagePart::Kind;
    QCOMPARE(message.parts, (QList<MessagePart>{{.kind = Kind::Picture, .path = "/a.png"},
                                                {.kind = Kind::File, .path = "/b.txt"},
                                                {.kind = Kind::Thought, .text = "Thought"},
                                                {.kind = Kind::Text, .text = "Words"},
                                                {.kind = Kind::ToolCall, .text = "{}", .name = "f", .id = "call_0"},
                                                {.kind = Kind::ToolCall, .text = "{}", .name = "g", .id = "call_1"}}));
    message.setText({});  // no empty part
    QVERIFY(!message.has(Kind::Text));
    message.setText("Other");
    QCOMPARE(message.parts[3].text, "Other");
    QCOMPARE(message.pictures(), QStringList{"/a.png"});
  }

  void aPromptHasWhatTheModelCanReadAndNamesTheRest() {
    Message question = message("c", "q", {}, Message::Role::User, "What is it?", 1).message;
    question.addPicture("/a/one.png");
    question.add({.kind = MessagePart::Kind::Picture, .name = "Pasted picture", .path = "/files/0123"});
    question.add({.kind = MessagePart::Kind::File, .path = "/b/notes.txt"});
    const ChatMessage seen = promptOf(question, true);
    QCOMPARE(seen.content.pictures().size(), 2U);
    QCOMPARE(seen.content.text(), std::string("[file: notes.txt]\nWhat is it?"));
    const ChatMessage blind = promptOf(question, false);
    QVERIFY(!blind.content.has_pictures());
    QCOMPARE(blind.content.text(), std::string("[picture: one.png]\n[picture: Pasted picture]\n[file: notes.txt]\nWhat is it?"));
    Message result;
    result.role = Message::Role::Tool;
    result.add({.kind = MessagePart::Kind::ToolResult, .text = "40", .id = "call_0"});
    QCOMPARE(promptOf(result, false).role, std::string("tool"));
    QCOMPARE(promptOf(result, false).content.text(), std::string("40"));
    Message edited;  // arguments that are no object ask for nothing
    edited.addToolCall("f", "[1");
    QCOMPARE(promptOf(edited, false).tool_calls.front().arguments.dump(), std::string("{}"));
  }

  void thePathFollowsTheActiveChildren() {
    Conversation chat;
    chat.chat.id = "c";
    chat.add(message("c", "u1", {}, Message::Role::User, "one", 1));
    chat.add(message("c", "a1", "u1", Message::Role::Assistant, "1", 2));
    chat.add(message("c", "u2", "a1", Message::Role::User, "two", 3));
    chat.add(message("c", "a2", "u1", Message::Role::Assistant, "1'", 4));
    QCOMPARE(chat.path(), (QStringList{"u1", "a2"}));
    QCOMPARE(chat.shown("a2").version, 2);
    QCOMPARE(chat.shown("a1").versionCount, 2);
    QVERIFY(chat.activate("a1"));
    QVERIFY(!chat.activate("a1"));
    QCOMPARE(chat.path(), (QStringList{"u1", "a1", "u2"}));
    const QList<MessageRecord> removed = chat.remove("a1");
    QCOMPARE(removed.size(), 2);
    QCOMPARE(chat.path(), (QStringList{"u1", "a2"}));
    QCOMPARE(chat.shown("a2").versionCount, 1);
    chat.restore(removed);
    QCOMPARE(chat.path(), (QStringList{"u1", "a1", "u2"}));
    QCOMPARE(chat.pathTo("u2"), (QStringList{"u1", "a1", "u2"}));
    QVERIFY(chat.remove("u1").size() == 4 && chat.isEmpty() && chat.path().isEmpty());
  }
};

QTEST_GUILESS_MAIN(HistoryTest)
#include "history_test.moc"
