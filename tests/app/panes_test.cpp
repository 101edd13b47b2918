#include <QAbstractItemModelTester>
#include <QFile>
#include <QMetaEnum>

#include "tests/app/program_fixture.h"
#include "tests/app/sql_file.h"

// What the panes owe each other: every chat and every file has its own state, every notice is seen, every button acts on what it stands under.

using namespace pio;

namespace {

const char* const kFile =
    "def one():\n"
    "    return 1\n"
    "\n"
    "\n"
    "def two():\n"
    "    return 2\n";
const QByteArray kBetter = QByteArray(kFile).replace("return 1", "return 11").replace("return 2", "return 22");

class Fixture : public ProgramFixture {
 public:
  Fixture() {
    write(a(), kFile);
    write(b(), "other = True\n");
    loadModel();
  }
  CodeController* code() const { return program->code(); }
  QString a() const { return m_source.filePath("a.py"); }
  QString b() const { return m_source.filePath("b.py"); }
  static void write(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(bytes);
  }
  static QByteArray read(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
  }
  bool isIdle(const QString& path) {
    return QTest::qWaitFor([&] { return code()->state() == CodeController::Idle && code()->path() == path; });
  }
  bool open(const QString& path) {
    code()->open(QUrl::fromLocalFile(path));
    return isIdle(path);
  }
  void answerWithChanges(int delayMs = 0) {
    setScript(ScriptedEngine::speak("Here it is:\n\n```python\n" + kBetter.toStdString() + "```\n", delayMs));
  }
  bool propose() {
    answerWithChanges();
    code()->fix();
    return QTest::qWaitFor([&] { return code()->state() == CodeController::Idle && code()->hunks()->count() == 2; });
  }
  // The answer ends while the other file is open; its changes are compared a moment later.
  bool proposeWhileTheOtherIsOpen() {
    if (!open(a())) return false;
    answerWithChanges(10);
    code()->fix();
    const bool isAnswered = QTest::qWaitFor([&] { return code()->state() == CodeController::Writing; }) && open(b()) &&
                            QTest::qWaitFor([&] { return !program->application()->engine->busy(); });
    QTest::qWait(50);
    return isAnswered;
  }
  void fail(ErrorCode code) {
    ScriptedEngine::Script script = ScriptedEngine::speak("Half", 0);
    script.error = make_error(code, "thing: this, that");
    setScript(script);
  }
  QString lastAnswer() const { return chat()->messages()->messages().last().id; }
  std::size_t nRequests() const { return engine->generate_requests().size(); }

 private:
  QTemporaryDir m_source;
};

QList<int> actionsOfEngineErrors() {
  QList<int> actions;
  for (int code = 0; code <= int(ErrorCode::internal); ++code) actions += userErrorOf(make_error(ErrorCode(code), "thing: this, that")).actions;
  Error picture = make_error(ErrorCode::not_found, "cat.png: a file, none");
  picture.path = "cat.png";
  return actions + userErrorOf(picture).actions;
}

// One row for every action that there is.
void addActions() {
  QTest::addColumn<int>("action");
  const QMetaEnum actions = QMetaEnum::fromType<UserError::Action>();
  for (int i = 0; i < actions.keyCount(); ++i) QTest::addRow("%s", actions.key(i)) << actions.value(i);
}

}  // namespace

class PanesTest : public QObject {
  Q_OBJECT

 private slots:
  // ---- chats -------------------------------------------------------------------------------------------------------------------------

  void whatRunsInOneChatIsNeitherSeenNorStoppedInAnother() {
    Fixture f;
    f.setScript(ScriptedEngine::speak("word after word", 5, 150));
    f.chat()->send("In the first");
    QVERIFY(f.waitFor(ChatController::Writing));
    const QString first = f.chat()->chatId();
    f.chat()->newChat();
    QCOMPARE(f.chat()->state(), ChatController::Ready);
    QCOMPARE(f.chat()->progressDone(), 0);
    QCOMPARE(f.chat()->tokensPerSecond(), 0);
    f.chat()->stop();  // nothing of its own
    f.chat()->send("In the second");
    QCOMPARE(f.chat()->state(), ChatController::Queued);
    f.chat()->stop();  // takes its own back
    QCOMPARE(f.chat()->state(), ChatController::Ready);
    f.chat()->regenerateLast();
    QCOMPARE(f.chat()->state(), ChatController::Queued);
    QTRY_COMPARE(f.onDisk(first).last().message.state, Message::State::Complete);
    QCOMPARE(f.onDisk(first).last().message.generatedTokens, 150);
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Complete);
  }

  void aTitleGoesToTheChatThatItWasTypedFor() {
    Fixture f;
    QVERIFY(f.ask("First"));
    const QString first = f.chat()->chatId();
    f.chat()->newChat();
    QVERIFY(f.ask("Second"));
    f.chat()->rename(first, "Another name");
    QCOMPARE(f.chat()->title(), "Second");
    QCOMPARE(f.history()->record(first).title, "Another name");
  }

  void theLastClickCountsAlsoOnTheChatThatIsShown() {
    Fixture f;
    QVERIFY(f.ask("First"));
    const QString first = f.chat()->chatId();
    f.chat()->newChat();
    QVERIFY(f.ask("Second"));
    const QString second = f.chat()->chatId();
    f.history()->open(first);
    f.history()->open(second);
    QTest::qWait(100);
    QCOMPARE(f.chat()->chatId(), second);
  }

  void whatIsNewerHereIsNotReadOverFromTheFile() {
    Fixture f;
    QVERIFY(f.ask("First"));
    const QString first = f.chat()->chatId();
    f.chat()->newChat();
    f.history()->open(first);
    f.history()->rename(first, "Newer");  // while it is being read
    QTRY_COMPARE(f.chat()->chatId(), first);
    QCOMPARE(f.chat()->title(), "Newer");
  }

  void aReloadWhileTheDiskRefusesKeepsTheWords() {
    Fixture f;
    QVERIFY(f.ask("First"));
    const QString first = f.chat()->chatId();
    QTRY_COMPARE(f.onDisk(first).last().message.state, Message::State::Complete);
    {
      const SqlFile other(f.folder() + "/history.db");
      QVERIFY(other.exec("BEGIN IMMEDIATE"));
      f.chat()->send("Never reached the disk");
      f.chat()->newChat();
      QTRY_VERIFY_WITH_TIMEOUT(f.notices()->about(Notices::History).isSet(), 15'000);
      f.history()->open(first);
      QTRY_COMPARE(f.chat()->chatId(), first);
      QCOMPARE(f.chat()->textOf(f.chat()->lastUserMessageId()), "Never reached the disk");
      f.chat()->newChat();
      f.history()->open(first);
      QTRY_COMPARE(f.chat()->chatId(), first);
      QCOMPARE(f.chat()->textOf(f.chat()->lastUserMessageId()), "Never reached the disk");
      QVERIFY(other.exec("ROLLBACK"));
    }
    QTRY_VERIFY_WITH_TIMEOUT(!f.notices()->about(Notices::History).isSet(), 15'000);
    QTRY_COMPARE(f.onDisk(first).size(), 4);
  }

  // ---- the end of the window ---------------------------------------------------------------------------------------------------------

  void aWindowWithNothingToLoseCloses() {
    Fixture f;
    QVERIFY(f.ask("First"));
    Closing* closing = f.program->closing();
    QSignalSpy allowed(closing, &Closing::allowed), changed(closing, &Closing::changed);
    QVERIFY(!closing->request());
    QTRY_COMPARE(allowed.size(), 1);
    QCOMPARE(changed.size(), 0);
    QVERIFY(closing->request());
  }

  void aWindowWaitsForMessagesThatTheHistoryDoesNotTake() {
    Fixture f;
    QVERIFY(f.ask("First"));
    const QString chat = f.chat()->chatId();
    QTRY_COMPARE(f.onDisk(chat).last().message.state, Message::State::Complete);
    Closing* closing = f.program->closing();
    QSignalSpy allowed(closing, &Closing::allowed);
    {
      const SqlFile other(f.folder() + "/history.db");
      QVERIFY(other.exec("BEGIN EXCLUSIVE"));
      QVERIFY(f.ask("Second"));
      QVERIFY(!closing->request());
      QTRY_VERIFY(closing->asking());
      QCOMPARE(closing->unsaved().title, "2 messages are not saved yet");
      QVERIFY(closing->unsaved().explanation.startsWith("Another program holds the history"));
      closing->stay();
      QVERIFY(!closing->asking());
      QTest::qWait(700);
      QVERIFY(!closing->asking());
      QVERIFY(!closing->request());
      QTRY_VERIFY(closing->asking());
      QTest::qWait(700);
      QCOMPARE(allowed.size(), 0);
      QVERIFY(other.exec("COMMIT"));
    }
    QTRY_COMPARE(allowed.size(), 1);
    QVERIFY(!closing->asking());
    QVERIFY(closing->request());
    QCOMPARE(f.onDisk(chat).size(), 4);
  }

  void aWindowThatIsToCloseAnywayCloses() {
    Fixture f;
    Closing* closing = f.program->closing();
    QSignalSpy allowed(closing, &Closing::allowed);
    const SqlFile other(f.folder() + "/history.db");
    QTRY_VERIFY(f.history()->ready());
    QVERIFY(other.exec("BEGIN EXCLUSIVE"));
    QVERIFY(f.ask("First"));
    QVERIFY(!closing->request());
    QTRY_VERIFY(closing->asking());
    closing->closeAnyway();
    QCOMPARE(allowed.size(), 1);
    QVERIFY(closing->request());
    QVERIFY(other.exec("COMMIT"));
  }

  // ---- files -------------------------------------------------------------------------------------------------------------------------

  void anAnswerEndsInTheConversationOfItsFile() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.setScript(ScriptedEngine::speak("It returns one of two numbers.", 20));
    f.code()->explain();
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    const QString chat = f.code()->chatId();
    QVERIFY(f.open(f.b()));
    QVERIFY(!f.code()->busy());
    QCOMPARE(f.code()->messages()->count(), 0);
    QTRY_COMPARE(f.onDisk(chat).last().message.state, Message::State::Complete);
    QCOMPARE(f.onDisk(chat).last().message.text(), "It returns one of two numbers.");
    QCOMPARE(f.code()->messages()->count(), 0);
    QVERIFY(f.code()->chatId().isEmpty());
    f.code()->explain();
    QTRY_VERIFY(!f.code()->busy());
    const GenerateRequest request = f.engine->generate_requests().back();
    for (const ChatMessage& message : request.messages) QVERIFY(message.content.text().find("def one") == std::string::npos);
  }

  void changesThatComeWhileAnotherFileIsOpenAreProposedWhenOneComesBack() {
    Fixture f;
    QVERIFY(f.proposeWhileTheOtherIsOpen());
    QCOMPARE(f.code()->hunks()->count(), 0);
    QCOMPARE(f.code()->state(), CodeController::Idle);
    QCOMPARE(f.code()->lines()->count(), 1);
    QVERIFY(f.open(f.a()));
    QTRY_COMPARE(f.code()->hunks()->count(), 2);
  }

  // They would go with the window, and nobody has seen them.
  void changesThatCameWhileAnotherFileWasOpenAskBeforeTheWindowCloses() {
    Fixture f;
    QVERIFY(f.proposeWhileTheOtherIsOpen());
    QSignalSpy allowed(f.code(), &CodeController::closeAllowed);
    QVERIFY(!f.code()->mayClose());
    QCOMPARE(f.code()->leaving(), CodeController::ClosingUnseen);
    QCOMPARE(f.code()->unseenFiles(), QStringList{"a.py"});
    f.code()->showChanges();
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QVERIFY(f.isIdle(f.a()));
    QTRY_COMPARE(f.code()->hunks()->count(), 2);
    QVERIFY(!f.code()->mayClose());
    QCOMPARE(f.code()->leaving(), CodeController::Closing);
    f.code()->discardAndLeave();
    QCOMPARE(allowed.size(), 1);
    QCOMPARE(f.read(f.a()), QByteArray(kFile));
    QVERIFY(f.code()->mayClose());
  }

  // First what becomes of the changes on screen, then of those that nobody has seen.
  void closingAsksAboutChangesOfBothKinds() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.answerWithChanges(10);
    f.code()->fix();
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    const QString chat = f.code()->chatId();
    f.write(f.b(), kFile);
    QVERIFY(f.open(f.b()));
    QTRY_VERIFY(!f.program->application()->engine->busy());
    QVERIFY(f.propose());
    QSignalSpy allowed(f.code(), &CodeController::closeAllowed);
    QVERIFY(!f.code()->mayClose());
    QCOMPARE(f.code()->leaving(), CodeController::Closing);
    f.code()->applyAndLeave();
    QTRY_COMPARE(f.code()->leaving(), CodeController::ClosingUnseen);
    QCOMPARE(f.read(f.b()), kBetter);
    QCOMPARE(allowed.size(), 0);
    f.code()->stay();
    QVERIFY(!f.code()->mayClose());
    f.code()->discardAndLeave();
    QCOMPARE(allowed.size(), 1);
    QVERIFY(f.code()->mayClose());
    QTRY_COMPARE(f.onDisk(chat).size(), 2);  // the words stay
  }

  void aConversationThatWasRemovedHasNoChangesToAskAbout() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.answerWithChanges(10);
    f.code()->fix();
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    const QString chat = f.code()->chatId();
    QVERIFY(f.open(f.b()));
    QTRY_VERIFY(!f.program->application()->engine->busy());
    f.history()->remove(chat);
    QVERIFY(f.code()->mayClose());
    f.history()->undoRemove();
    QVERIFY(!f.code()->mayClose());
  }

  void anAnswerThatIsBeingComparedAsksBeforeTheWindowCloses() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.answerWithChanges();
    bool isAsked = false;
    QObject::connect(f.code(), &CodeController::stateChanged, f.code(), [&] {
      if (f.code()->state() == CodeController::Comparing && !isAsked) isAsked = !f.code()->mayClose();
    });
    f.code()->fix();
    QTRY_COMPARE(f.code()->hunks()->count(), 2);
    QVERIFY(isAsked);
    QCOMPARE(f.code()->leaving(), CodeController::Closing);
  }

  void anAnswerThatProposesNothingHoldsNothingUp() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.setScript(ScriptedEngine::speak("There is nothing to mend.", 0));
    QSignalSpy allowed(f.code(), &CodeController::closeAllowed);
    bool isAsked = false;
    QObject::connect(f.code(), &CodeController::stateChanged, f.code(), [&] {
      if (f.code()->state() == CodeController::Comparing && !isAsked) isAsked = !f.code()->mayClose();
    });
    f.code()->fix();
    QTRY_COMPARE(allowed.size(), 1);
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
  }

  void openingAtTheMomentOfTheAnswerEndsInTheOtherFile() {
    Fixture f;
    f.answerWithChanges();
    for (int i = 0; i < 20; ++i) {
      QVERIFY(f.open(f.a()));
      f.code()->discard();
      f.code()->fix();
      QTest::qWait(i);
      f.code()->open(QUrl::fromLocalFile(f.b()));
      if (f.code()->leaving() != CodeController::Nothing) f.code()->discardAndLeave();
      QVERIFY2(f.isIdle(f.b()), qPrintable(QString::number(i)));
      QTest::qWait(10);
      QCOMPARE(f.code()->hunks()->count(), 0);
      QCOMPARE(f.code()->lines()->count(), 1);
      QTRY_VERIFY(!f.program->application()->engine->busy());
      QVERIFY(f.open(f.a()));
      QTRY_COMPARE(f.code()->state(), CodeController::Idle);
      f.code()->discard();
    }
  }

  void changesThatAreNotWrittenAskBeforeTheFileIsLeft() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    QVERIFY(f.propose());
    QSignalSpy allowed(f.code(), &CodeController::closeAllowed);
    f.program->application()->openFiles({QUrl::fromLocalFile(f.b())}, Application::CodePane);
    QCOMPARE(f.code()->leaving(), CodeController::OpeningOther);
    QTest::qWait(50);
    QCOMPARE(f.code()->path(), f.a());
    QCOMPARE(f.code()->hunks()->count(), 2);
    f.code()->stay();
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QVERIFY(!f.code()->mayClose());
    QCOMPARE(f.code()->leaving(), CodeController::Closing);
    f.code()->stay();
    QCOMPARE(f.code()->hunks()->count(), 2);

    f.code()->reject(1);
    f.code()->accept(0);
    f.code()->open(QUrl::fromLocalFile(f.b()));
    f.code()->applyAndLeave();  // what is accepted
    QVERIFY(f.isIdle(f.b()));
    QCOMPARE(f.read(f.a()), QByteArray(kFile).replace("return 1", "return 11"));

    f.write(f.a(), kFile);
    QVERIFY(f.open(f.a()));
    QVERIFY(f.propose());
    QVERIFY(!f.code()->mayClose());
    f.write(f.a(), "theirs\n");
    f.code()->applyAndLeave();  // cannot be written: nothing is lost
    QTRY_VERIFY(f.notices()->about(Notices::Code).actions.contains(UserError::Overwrite));
    QCOMPARE(allowed.size(), 0);
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QCOMPARE(f.code()->hunks()->count(), 2);
    f.write(f.a(), kFile);
    QVERIFY(!f.code()->mayClose());
    f.code()->applyAndLeave();
    QTRY_COMPARE(allowed.size(), 1);
    QCOMPARE(f.read(f.a()), kBetter);
    QVERIFY(f.code()->mayClose());

    f.write(f.a(), kFile);
    f.code()->reopen();
    QVERIFY(f.isIdle(f.a()));
    QVERIFY(f.propose());
    QVERIFY(!f.code()->mayClose());
    f.code()->discardAndLeave();
    QCOMPARE(allowed.size(), 2);
    QCOMPARE(f.read(f.a()), QByteArray(kFile));
  }

  void aConversationAboutAFileIsKeptAndOpensWithIt() {
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.setScript(ScriptedEngine::speak("It returns numbers.", 0));
    f.code()->explain();
    QTRY_COMPARE(f.code()->state(), CodeController::Idle);
    const QString chat = f.code()->chatId();
    QTRY_COMPARE(f.onDisk(chat).size(), 2);
    QCOMPARE(f.history()->record(chat).title, "a.py");
    f.restart();
    QTRY_VERIFY(f.history()->ready());
    QVERIFY(f.chat()->chatId().isEmpty());
    QSignalSpy pane(f.program->application(), &Application::paneRequested);
    f.history()->open(chat);
    QCOMPARE(pane.last().first().toInt(), int(Application::CodePane));
    QVERIFY(f.isIdle(f.a()));
    QCOMPARE(f.code()->chatId(), chat);
    QVERIFY(f.code()->messages()->count() > 2);
    QVERIFY(!f.notices()->about(Notices::CodeAnswer).isSet());  // no answer of it waits to be proposed
    QVERIFY(f.open(f.b()));
    QCOMPARE(f.code()->messages()->count(), 0);
    QVERIFY(f.open(f.a()));  // the file brings its conversation
    QCOMPARE(f.code()->chatId(), chat);
    f.code()->newConversation();
    QCOMPARE(f.code()->messages()->count(), 0);
    QVERIFY(f.open(f.b()));
    QVERIFY(QFile::remove(f.a()));
    f.history()->open(chat);  // the words are there all the same
    QTRY_COMPARE(f.chat()->chatId(), chat);
    QCOMPARE(pane.last().first().toInt(), int(Application::ChatPane));
    const UserError words = f.notices()->about(Notices::ChatFile);
    QCOMPARE(words.title, "The file is not there");
    QVERIFY(words.explanation.contains(f.a()));
    QVERIFY(!f.notices()->index(0).data(Notices::InCodeRole).toBool());  // it is said where the words are
    QCOMPARE(f.code()->path(), f.b());
    QCOMPARE(f.code()->state(), CodeController::Idle);
    f.chat()->newChat();  // that one is about no file
    QVERIFY(!f.notices()->about(Notices::ChatFile).isSet());
    Fixture::write(f.a(), kFile);
    f.history()->open(chat);
    QVERIFY(f.isIdle(f.a()));
    QCOMPARE(pane.last().first().toInt(), int(Application::CodePane));
    QVERIFY(!f.notices()->about(Notices::ChatFile).isSet());
  }

  void aConversationThatNamesNoFileShowsItsWords() {
    Fixture f;
    {
      HistoryDb db;
      QVERIFY(db.open(f.folder() + "/history.db"));
      ChatRecord code{"code", "About a file", 1, 1};
      code.kind = ChatRecord::Kind::Code;
      QVERIFY(db.putChat(code));
    }
    f.restart();
    QTRY_VERIFY(f.history()->ready());
    f.history()->open("code");
    QTRY_COMPARE(f.chat()->chatId(), "code");
    QCOMPARE(f.notices()->about(Notices::ChatFile).title, "This conversation names no file");
  }

  void thinkingIsSwitchableAndShownInTheCodePane() {
    Fixture f;
    f.setLoading({.error = {}, .can_think = true});
    QVERIFY(f.loadModel());
    QVERIFY(f.open(f.a()));
    f.setScript(ScriptedEngine::think("It is a function", "It returns one.", 20, 20));
    f.code()->explain();
    QTRY_COMPARE(f.code()->state(), CodeController::Thinking);
    QTRY_COMPARE(f.code()->state(), CodeController::Idle);
    QCOMPARE(f.engine->generate_requests().back().thinking, std::optional(true));
    QCOMPARE(f.code()->messages()->index(2).data(ConversationModel::KindRole).toInt(), int(ConversationModel::Thinking));
    f.code()->model()->setThinking(false);
    f.code()->explain();
    QTRY_COMPARE(f.code()->state(), CodeController::Idle);
    QCOMPARE(f.engine->generate_requests().back().thinking, std::optional(false));
  }

  // ---- notices and buttons -----------------------------------------------------------------------------------------------------------

  void thereIsOneNoticeOfASubjectAndTheNewestComesFirst() {
    Notices notices;
    const QAbstractItemModelTester tester(&notices);
    QList<int> acted;
    notices.show(Notices::Model, noModelNotice());
    notices.show(Notices::Code, selectionTooLongNotice(true, 100), [&](UserError::Action action) { acted.append(action); });
    notices.show(Notices::Model, askAgainNotice());
    QCOMPARE(notices.count(), 2);
    QCOMPARE(notices.latest(), askAgainNotice());
    QVERIFY(!notices.index(0).data(Notices::InCodeRole).toBool());
    QVERIFY(notices.index(1).data(Notices::InCodeRole).toBool());
    for (const int role : notices.roleNames().keys()) QVERIFY(notices.index(0).data(role).isValid());
    notices.runAction(Notices::Code, UserError::Retry);  // it does not offer that
    QVERIFY(acted.isEmpty());
    notices.dismiss(Notices::Code);
    QCOMPARE(acted, QList<int>{UserError::Dismiss});
    notices.clear(Notices::Model);
    QCOMPARE(notices.count(), 0);
    notices.dismiss(Notices::Model);
    notices.runAction(Notices::Model, UserError::OpenModel);
  }

  void everyActionActsOnTheMessageOfTheChatThatItStandsUnder_data() { addActions(); }
  void everyActionActsOnTheMessageOfTheChatThatItStandsUnder() {
    QFETCH(int, action);
    Fixture f;
    f.fail(ErrorCode::internal);
    QVERIFY(f.ask("The first"));
    const QString failed = f.lastAnswer();
    f.setScript(ScriptedEngine::speak("Fine.", 0));
    QVERIFY(f.ask("The second"));
    const std::size_t before = f.nRequests();
    QSignalSpy open(f.notices(), &Notices::openModelRequested), exported(f.notices(), &Notices::exportRequested);
    f.chat()->runAction(failed, action);
    switch (action) {
      case UserError::Retry:
      case UserError::ShorterContext:
        QTRY_COMPARE(f.nRequests(), before + 1);
        QCOMPARE(f.engine->generate_requests().back().messages.back().content.text(), "The first");
        QVERIFY(f.waitFor(ChatController::Ready));
        if (action == UserError::ShorterContext) QCOMPARE(f.engine->load_requests().back().context_length, 4096);
        break;
      case UserError::OpenModel: QCOMPARE(open.size(), 1); break;
      case UserError::ExportChat: QCOMPARE(exported.size(), 1); break;
      case UserError::NewChat: QVERIFY(f.chat()->chatId().isEmpty()); break;
      case UserError::Dismiss: QVERIFY(!f.chat()->messages()->messages().at(1).error.isSet()); break;
      case UserError::ReadAgain:
      case UserError::Overwrite:
      case UserError::ShowChanges:
      case UserError::OpenStorage: QVERIFY(!actionsOfEngineErrors().contains(action)); break;
      default: QFAIL("an action without a meaning here");
    }
  }

  void everyActionActsOnTheAnswerOfTheCodePaneThatItStandsUnder_data() { addActions(); }
  void everyActionActsOnTheAnswerOfTheCodePaneThatItStandsUnder() {
    QFETCH(int, action);
    Fixture f;
    QVERIFY(f.open(f.a()));
    f.fail(ErrorCode::internal);
    f.code()->ask("The first");
    QTRY_COMPARE(f.code()->state(), CodeController::Idle);
    const QString chat = f.code()->chatId();
    QTRY_COMPARE(f.onDisk(chat).size(), 2);
    const QString failed = f.onDisk(chat).last().message.id;
    f.setScript(ScriptedEngine::speak("Fine.", 0));
    f.code()->explain();
    QTRY_COMPARE(f.code()->state(), CodeController::Idle);
    const std::size_t before = f.nRequests();
    QSignalSpy open(f.notices(), &Notices::openModelRequested), exported(f.notices(), &Notices::exportRequested);
    f.code()->runAction(failed, action);
    switch (action) {
      case UserError::Retry:
      case UserError::ShorterContext:
        QTRY_COMPARE(f.nRequests(), before + 1);
        QVERIFY(f.engine->generate_requests().back().messages.back().content.text().find("The first") != std::string::npos);
        if (action == UserError::ShorterContext) QCOMPARE(f.engine->load_requests().back().context_length, 4096);
        QTRY_COMPARE(f.code()->state(), CodeController::Idle);
        break;
      case UserError::OpenModel: QCOMPARE(open.size(), 1); break;
      case UserError::ExportChat: QCOMPARE(exported.size(), 1); break;
      case UserError::NewChat: QVERIFY(f.code()->chatId().isEmpty()); break;
      case UserError::Dismiss: QTRY_VERIFY(!f.onDisk(chat).at(1).message.error.isSet()); break;
      case UserError::ReadAgain:
      case UserError::Overwrite:
      case UserError::ShowChanges:
      case UserError::OpenStorage: QVERIFY(!actionsOfEngineErrors().contains(action)); break;
      default: QFAIL("an action without a meaning here");
    }
  }

  void everyActionOfANoticeAboutTheModelActs_data() { addActions(); }
  void everyActionOfANoticeAboutTheModelActs() {
    QFETCH(int, action);
    Fixture f;
    QVERIFY(f.ask("A chat"));
    f.model()->unload();
    bool isOffered = false;
    for (int code = 0; code <= int(ErrorCode::internal); ++code) {
      f.setLoading({.error = make_error(ErrorCode(code), "thing: this, that")});
      f.model()->load("/models/broken.gguf");
      QTRY_COMPARE(f.model()->state(), ModelSession::None);
      if (!f.notices()->about(Notices::Model).actions.contains(action)) continue;
      isOffered = true;
      const std::size_t before = f.engine->load_requests().size();
      QSignalSpy open(f.notices(), &Notices::openModelRequested);
      f.notices()->runAction(Notices::Model, action);
      switch (action) {
        case UserError::Retry:
        case UserError::ShorterContext:
          QTRY_COMPARE(f.engine->load_requests().size(), before + 1);
          QCOMPARE(f.engine->load_requests().back().path, "/models/broken.gguf");
          QTRY_COMPARE(f.model()->state(), ModelSession::None);
          break;
        case UserError::OpenModel: QCOMPARE(open.size(), 1); break;
        case UserError::NewChat: QVERIFY(f.chat()->chatId().isEmpty()); break;
        default: QFAIL("an action without a meaning here");
      }
    }
    QCOMPARE(isOffered,
             action == UserError::Retry || action == UserError::ShorterContext || action == UserError::OpenModel || action == UserError::NewChat);
  }

  void theNoticeOfAFullContextBelongsToItsChat() {
    Fixture f;
    ScriptedEngine::Script script = ScriptedEngine::speak("as far as it goes", 0);
    script.finish_reason = FinishReason::context_full;
    f.setScript(script);
    QVERIFY(f.ask("Go on"));
    const QString full = f.chat()->chatId();
    QVERIFY(f.notices()->about(Notices::Chat).isSet());
    f.chat()->newChat();
    QVERIFY(!f.notices()->about(Notices::Chat).isSet());
    f.history()->open(full);
    QTRY_VERIFY(f.notices()->about(Notices::Chat).isSet());
    f.notices()->runAction(Notices::Chat, UserError::NewChat);
    QVERIFY(f.chat()->chatId().isEmpty());
    f.history()->open(full);
    QTRY_COMPARE(f.chat()->chatId(), full);
    QVERIFY(!f.notices()->about(Notices::Chat).isSet());  // it was answered
  }
};

QTEST_MAIN(PanesTest)
#include "panes_test.moc"
