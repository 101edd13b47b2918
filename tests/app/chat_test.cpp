#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QGuiApplication>

#include "tests/app/program_fixture.h"

using namespace pio;

namespace {
const QString kAnswer = QStringLiteral("The lighthouse stood at the end of the pier.");
ScriptedEngine::Script thinkingScript(int nThoughts = 3) { return ScriptedEngine::think("It is a", "A lighthouse.", 10, nThoughts); }

QList<int> kindsOf(const ConversationModel* rows) {
  QList<int> kinds;
  for (int row = 0; row < rows->rowCount(); ++row) kinds.append(rows->index(row).data(ConversationModel::KindRole).toInt());
  return kinds;
}

ScriptedEngine::Script slowScript(int tokens = 400, int ms = 5) { return ScriptedEngine::speak("word after word", ms, tokens); }
}  // namespace

class ChatTest : public QObject {
  Q_OBJECT

 private slots:
  void aTitleIsCutBetweenCharacters() {
    ProgramFixture f;
    const QString family = QStringLiteral("👨‍👩‍👧‍👦");  // one character of 11 UTF-16 units
    f.chat()->send(family.repeated(9));
    QCOMPARE(f.chat()->title(), family.repeated(5) + "…");
    f.chat()->newChat();
    const QString accented = QStringLiteral("e\u0301");
    f.chat()->send(accented.repeated(40));
    QCOMPARE(f.chat()->title(), accented.repeated(29) + "…");
  }

  void aQuestionIsAnsweredAndBothAreOnTheDisk() {
    ProgramFixture f;
    const QAbstractItemModelTester tester(f.chat()->messages());
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("  Tell me about one, two, three and more lighthouses.  "));
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
    QCOMPARE(f.chat()->title(), "Tell me about one, two, three…");  // six words
    const QList<MessageRecord> records = f.onDisk(f.chat()->chatId());
    QCOMPARE(records.size(), 2);
    QCOMPARE(records[0].message.text(), "Tell me about one, two, three and more lighthouses.");
    QCOMPARE(records[1].message.parent, records[0].message.id);
    QTRY_COMPARE(f.onDisk(f.chat()->chatId())[1].message.text(), kAnswer);
    const Message answer = f.onDisk(f.chat()->chatId())[1].message;
    QCOMPARE(answer.state, Message::State::Complete);
    QCOMPARE(answer.generatedTokens, 9);
    QCOMPARE(answer.modelName, "scripted");
    QCOMPARE(f.chat()->textOf(answer.id), kAnswer);
    QCOMPARE(f.chat()->contextUsed(), 64 + 9);
    f.chat()->copyLastAnswer();
    QCOMPARE(QGuiApplication::clipboard()->text(), kAnswer);
  }

  void whatTheModelThinksStandsAboveItsAnswerAndIsReadAgainInTheNextTurn() {
    ProgramFixture f;
    const QAbstractItemModelTester tester(f.chat()->messages());
    QVERIFY(f.loadModel());
    f.setScript(thinkingScript());
    QVERIFY(f.ask("What is it?"));
    const ConversationModel* rows = f.chat()->messages();
    QCOMPARE(kindsOf(rows), (QList<int>{ConversationModel::UserMessage, ConversationModel::AnswerHeader, ConversationModel::Thinking,
                                        ConversationModel::Paragraph, ConversationModel::Footer}));
    const QModelIndex thought = rows->index(2);
    QCOMPARE(thought.data(ConversationModel::TextRole).toString(), "It is a");
    QCOMPARE(thought.data(ConversationModel::StreamingRole).toBool(), false);
    QCOMPARE(thought.data(ConversationModel::ThinkingTokensRole).toLongLong(), 3);
    QVERIFY(rows->index(4).data(ConversationModel::HasThoughtRole).toBool());
    QTRY_COMPARE(f.onDisk(f.chat()->chatId())[1].message.state, Message::State::Complete);
    const Message answer = f.onDisk(f.chat()->chatId())[1].message;
    QCOMPARE(answer.text(), "A lighthouse.");
    QCOMPARE(answer.reasoning(), "It is a");
    QVERIFY(answer.thinkingSeconds > 0);
    f.chat()->copyLastAnswer();
    QCOMPARE(QGuiApplication::clipboard()->text(), "A lighthouse.");
    f.chat()->copyWithThought(answer.id);
    QCOMPARE(QGuiApplication::clipboard()->text(), "It is a\n\nA lighthouse.");
    QVERIFY(f.ask("Sure?"));
    const std::vector<ChatMessage> messages = f.engine->generate_requests().back().messages;
    QCOMPARE(messages.size(), std::size_t{3});
    QCOMPARE(messages[1].reasoning, std::string("It is a"));  // the chat format decides what becomes of it

    const QString chat = f.chat()->chatId();
    f.restart();
    QTRY_COMPARE(f.chat()->chatId(), chat);
    QCOMPARE(f.chat()->messages()->index(2).data(ConversationModel::TextRole).toString(), "It is a");
  }

  void whileItThinksTheStateSaysSoAndAStopInItCanBeCarriedOn() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    f.setScript(thinkingScript(400));
    f.chat()->send("What is it?");
    QVERIFY(f.waitFor(ChatController::Thinking));
    QTRY_VERIFY(f.chat()->messages()->rowCount() == 4);
    QVERIFY(f.chat()->messages()->index(2).data(ConversationModel::StreamingRole).toBool());
    const QString chat = f.chat()->chatId();
    QTRY_VERIFY(f.onDisk(chat).last().message.reasoning().startsWith("It is"));  // a crash would not take it
    QCOMPARE(f.onDisk(chat).last().message.state, Message::State::Streaming);
    QTRY_VERIFY_WITH_TIMEOUT(f.chat()->progressDone() == 1, 2000);  // second
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(chat).last().message.state, Message::State::Stopped);
    const Message half = f.onDisk(chat).last().message;
    QVERIFY(half.text().isEmpty());
    f.setScript(thinkingScript());
    f.chat()->continueLast();
    QTRY_COMPARE(f.engine->generate_requests().size(), 2U);
    QVERIFY(f.waitFor(ChatController::Ready));
    const GenerateRequest request = f.engine->generate_requests().back();
    QVERIFY(request.continue_last);
    QCOMPARE(request.messages.back().reasoning, half.reasoning().toStdString());
    QCOMPARE(request.messages.back().content.text(), std::string());
    QTRY_COMPARE(f.onDisk(chat).last().message.text(), "A lighthouse.");
    const Message whole = f.onDisk(chat).last().message;
    QCOMPARE(whole.reasoning(), half.reasoning() + "It is a");
    QVERIFY(whole.thinkingSeconds > half.thinkingSeconds);
    QCOMPARE(whole.thinkingTokens, half.thinkingTokens + 3);
  }

  // As a desktop starts it, beside a window that is open or without one.
  void aStartWithANewChatShowsNoOlderOne() {
    ProgramFixture before;
    QVERIFY(before.loadModel());
    QVERIFY(before.ask("What is it?"));
    const QString chat = before.chat()->chatId();
    before.program->application()->place->setPane(Application::CodePane);
    ProgramOptions options;
    options.dataFolder = before.folder();
    options.loadsModel = false;
    {
      const ProgramFixture last(options);
      QTRY_COMPARE(last.chat()->chatId(), chat);
    }
    options.isNewChat = true;
    const ProgramFixture f(options);
    QTRY_COMPARE(f.history()->rowCount(), 1);
    QTest::qWait(100);
    QVERIFY(f.chat()->chatId().isEmpty());
    QCOMPARE(f.chat()->messages()->rowCount(), 0);
    QCOMPARE(f.program->application()->place->pane(), static_cast<int>(Application::ChatPane));
    QCOMPARE(before.chat()->chatId(), chat);
  }

  void onlyAModelThatCanThinkIsToldWhetherTo() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(!f.model()->thinks());
    QVERIFY(f.ask("One"));
    QVERIFY(!f.engine->generate_requests().back().thinking);
    f.setLoading({.error = {}, .can_think = true});
    QVERIFY(f.loadModel());
    QVERIFY(f.model()->thinks());
    QVERIFY(f.ask("Two"));
    QCOMPARE(f.engine->generate_requests().back().thinking, std::optional(true));
    QSignalSpy changed(f.model(), &ModelSession::thinkingChanged);
    f.model()->setThinking(false);
    QCOMPARE(changed.size(), 1);
    QVERIFY(f.ask("Three"));
    QCOMPARE(f.engine->generate_requests().back().thinking, std::optional(false));
    f.restart();
    QVERIFY(!f.model()->thinking());
  }

  void aToolThatTheModelAsksForIsARowOfItsAnswerAndStaysInTheConversation() {
    ProgramFixture f;
    const QAbstractItemModelTester tester(f.chat()->messages());
    QVERIFY(f.loadModel());
    ScriptedEngine::Script script = ScriptedEngine::speak("", 0);
    script.tool_calls = {{"call_0", "get_weather", *JsonValue::parse(R"({"city": "Oslo", "days": 2})")}};
    f.setScript(script);
    QVERIFY(f.ask("How is the weather?"));
    const ConversationModel* rows = f.chat()->messages();
    QCOMPARE(kindsOf(rows),
             (QList<int>{ConversationModel::UserMessage, ConversationModel::AnswerHeader, ConversationModel::ToolCall, ConversationModel::Footer}));
    QCOMPARE(rows->index(2).data(ConversationModel::ToolNameRole).toString(), "get_weather");
    QVERIFY(rows->index(2).data(ConversationModel::TextRole).toString().contains("\"city\": \"Oslo\""));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId())[1].message.toolCalls().size(), 1);
    QVERIFY(f.ask("And?"));
    const std::vector<ChatMessage> messages = f.engine->generate_requests().back().messages;
    QCOMPARE(messages.size(), std::size_t{3});
    QCOMPARE(messages[1].tool_calls.size(), std::size_t{1});
    QCOMPARE(messages[1].tool_calls[0].arguments.dump(), std::string(R"({"city": "Oslo", "days": 2})"));
  }

  void theWordsAreCommittedBeforeTheEngineIsAsked() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QString found;
    f.engine->set_observer([&](std::uint64_t) {
      HistoryDb db;
      if (!found.isEmpty() || !db.open(f.folder() + "/history.db")) return;
      const auto chats = db.chats();
      const auto messages = db.messages(chats->first().id);
      found = messages->first().message.text();
    });
    QVERIFY(f.ask("Written first"));
    QCOMPARE(found, "Written first");
  }

  void aSwitchThatFailsKeepsTheOldModelWhichAnswers() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    ScriptedEngine::Loading broken;
    broken.error = make_error(ErrorCode::bad_file, "other.gguf: tensor blk.0.attn_q.weight, found none");
    f.setLoading(broken);
    f.model()->load(QStringLiteral("/models/other.gguf"));
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(f.model()->path(), "/models/scripted.gguf");
    QCOMPARE(f.model()->detail(), "Q4_1");
    QCOMPARE(f.model()->contextLength(), 8192);
    QVERIFY(f.notice().explanation.contains("scripted answers as before"));
    f.setLoading({});
    QVERIFY(f.ask("Still there?"));
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
    f.model()->retry();  // the other one again
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(f.model()->path(), "/models/other.gguf");
    QVERIFY(!f.notice().isSet());
  }

  void aSwitchThatIsStoppedKeepsTheOldModelWithoutAWord() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    ScriptedEngine::Loading slow;
    slow.milliseconds = 5000;
    f.setLoading(slow);
    f.model()->load(QStringLiteral("/models/other.gguf"));
    QTRY_VERIFY(f.chat()->progressTotal() > 0);
    QCOMPARE(f.model()->path(), "/models/other.gguf");
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready, 500));
    QCOMPARE(f.model()->path(), "/models/scripted.gguf");
    QVERIFY(!f.notice().isSet());
    QVERIFY(f.ask("Still there?"));
  }

  void emptyWordsDoNothing() {
    ProgramFixture f;
    f.chat()->send("  \n ");
    QCOMPARE(f.chat()->messages()->messageCount(), 0);
    QCOMPARE(f.chat()->chatId(), "");
  }

  void stopEndsTheTurnSoonAndKeepsWhatWasWritten() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    QTest::qWait(120);
    QElapsedTimer timer;
    timer.start();
    f.chat()->stop();
    QCOMPARE(f.chat()->state(), ChatController::Stopping);
    QVERIFY(f.waitFor(ChatController::Ready));
    QVERIFY2(timer.elapsed() < 200, "the limit that the window promises");
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Stopped);
    const QString text = f.onDisk(f.chat()->chatId()).last().message.text();
    QVERIFY(text.startsWith("word after"));
    QCOMPARE(f.chat()->textOf(f.onDisk(f.chat()->chatId()).last().message.id), text);
  }

  void stopEndsTheReadingOfThePrompt() {
    ProgramFixture f;
    ScriptedEngine::Script script = slowScript();
    script.prefill_ms = 10'000;
    f.setScript(script);
    QVERIFY(f.loadModel());
    f.chat()->send("Read this");
    QVERIFY(f.waitFor(ChatController::Reading));
    QTRY_VERIFY(f.chat()->progressTotal() == 64);
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready, 500));
  }

  void aPromptSentWhileLoadingWaitsForTheModel() {
    ProgramFixture f;
    f.setLoading({.milliseconds = 300, .error = {}});
    f.model()->load("/models/slow.gguf");
    QCOMPARE(f.chat()->state(), ChatController::Loading);
    f.chat()->send("Early");
    QVERIFY(f.chat()->queued());
    QCOMPARE(f.chat()->state(), ChatController::Loading);
    QTRY_VERIFY(f.chat()->progressTotal() == 92'000'000);
    QVERIFY(f.waitFor(ChatController::Ready));
    QVERIFY(!f.chat()->queued());
    QTRY_COMPARE(f.chat()->messages()->messageCount(), 2);
    QCOMPARE(f.engine->generate_requests().size(), 1U);
  }

  void stopEndsLoadingAndKeepsTheWords() {
    ProgramFixture f;
    f.setLoading({.milliseconds = 10'000, .error = {}});
    f.model()->load("/models/slow.gguf");
    f.chat()->send("Early");
    QTest::qWait(30);
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::NoModel, 500));
    QVERIFY(!f.chat()->queued());
    QVERIFY(!f.notice().isSet());  // nothing to explain
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 1);
  }

  void aQuestionThatWasTakenBackSaysSoAndCanBeAnsweredAlsoAfterARestart() {
    const QList<int> unanswered{ConversationModel::UserMessage, ConversationModel::UnansweredNote};
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("First");
    QVERIFY(f.waitFor(ChatController::Writing));
    const QString first = f.chat()->chatId();
    f.chat()->newChat();
    f.chat()->send("Second");
    QCOMPARE(f.chat()->state(), ChatController::Queued);
    QCOMPARE(kindsOf(f.chat()->messages()), QList<int>{ConversationModel::UserMessage});
    QTest::qWait(20);
    QCOMPARE(kindsOf(f.chat()->messages()), QList<int>{ConversationModel::UserMessage});  // it waits
    f.chat()->stop();
    QCOMPARE(kindsOf(f.chat()->messages()), unanswered);
    const QString second = f.chat()->chatId();
    f.chat()->openChat(first);
    QTRY_COMPARE(f.chat()->chatId(), first);
    QVERIFY(!kindsOf(f.chat()->messages()).contains(ConversationModel::UnansweredNote));
    f.chat()->openChat(second);
    QTRY_COMPARE(kindsOf(f.chat()->messages()), unanswered);

    f.setScript(ScriptedEngine::speak("Now.", 1));
    f.restart();
    QTRY_COMPARE(f.chat()->chatId(), second);
    QCOMPARE(kindsOf(f.chat()->messages()), unanswered);
    QVERIFY(f.loadModel());
    f.chat()->regenerate(f.chat()->lastUserMessageId());
    QCOMPARE(kindsOf(f.chat()->messages()), QList<int>{ConversationModel::UserMessage});
    QTRY_COMPARE(f.chat()->messages()->messageCount(), 2);
    QVERIFY(f.waitFor(ChatController::Ready));
    QVERIFY(!kindsOf(f.chat()->messages()).contains(ConversationModel::UnansweredNote));
    f.chat()->removeMessage(f.chat()->messages()->messages().last().id);
    QTRY_COMPARE(kindsOf(f.chat()->messages()), unanswered);  // its answer is gone
    f.chat()->send("Third");
    QTRY_COMPARE(f.chat()->messages()->messageCount(), 3);
    QVERIFY(!kindsOf(f.chat()->messages()).contains(ConversationModel::UnansweredNote));
  }

  void aModelThatDoesNotLoadIsExplainedAndTheWordsWaitForAnother() {
    ProgramFixture f;
    Error error = make_error(ErrorCode::out_of_memory, "weights: 9.7 GB, 7.9 GB");
    error.needed_bytes = 9'700'000'000;
    error.free_bytes = 7'900'000'000;
    f.setLoading({.milliseconds = 50, .error = error});
    f.model()->load("/models/big.gguf");
    f.chat()->send("Still here");
    QTRY_COMPARE(f.chat()->state(), ChatController::NoModel);
    QVERIFY(!f.model()->hasModel());
    QVERIFY(f.notice().explanation.contains(QStringLiteral("9.7\u00a0GB")));
    QCOMPARE(f.notice().actions.first(), int(UserError::ShorterContext));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 1);
    f.setLoading({});
    QVERIFY(f.loadModel());
    QTRY_COMPARE(f.chat()->messages()->messageCount(), 2);
    QVERIFY(!f.notice().isSet());
  }

  void withoutAModelTheWordsAreKeptAndTheNoticeOffersToOpenOne() {
    ProgramFixture f;
    QSignalSpy open(f.notices(), &Notices::openModelRequested);
    f.chat()->send("Anybody there?");
    QCOMPARE(f.chat()->state(), ChatController::NoModel);
    QCOMPARE(f.notice().actions, QList<int>{UserError::OpenModel});
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 1);
    f.act(UserError::OpenModel);
    QCOMPARE(open.size(), 1);
  }

  void anErrorOfTheEngineStandsInTheAnswersPlaceAndRetryAsksAgain() {
    ProgramFixture f;
    ScriptedEngine::Script script = ScriptedEngine::speak("Half of", 1);
    script.error = make_error(ErrorCode::device_lost, "cuda:0: an answer, none");
    f.setScript(script);
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("Try"));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Failed);
    const Message failed = f.onDisk(f.chat()->chatId()).last().message;
    QCOMPARE(failed.text(), "Half of");
    QVERIFY(failed.error.isSet());
    f.setScript(ScriptedEngine::speak("Whole.", 1));
    f.chat()->runAction(failed.id, UserError::Retry);
    QTRY_COMPARE(f.engine->generate_requests().size(), 2U);
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Complete);
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
  }

  void exceptionsOfTheEngineAreErrors() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    for (const auto thrown : {ScriptedEngine::Script::Throw::bad_alloc, ScriptedEngine::Script::Throw::runtime_error}) {
      ScriptedEngine::Script script = ScriptedEngine::speak("x", 1);
      script.thrown = thrown;
      f.setScript(script);
      QVERIFY(f.ask("Throw"));
      QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Failed);
    }
    f.setScript(ScriptedEngine::speak("Fine again.", 1));
    QVERIFY(f.ask("And now?"));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.text(), "Fine again.");
  }

  void regenerateMakesAnotherVersionAndTheChosenOneComesBackAfterARestart() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("Once"));
    f.setScript(ScriptedEngine::speak("A second version.", 1));
    f.chat()->regenerateLast();
    QVERIFY(f.chat()->busy());
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 3);
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Complete);
    // The model was asked the same question, and told nothing of its first answer.
    QCOMPARE(f.engine->generate_requests().back().messages.size(), f.engine->generate_requests().front().messages.size());
    const QList<MessageRecord> records = f.onDisk(f.chat()->chatId());
    QCOMPARE(records[1].message.text(), "The lighthouse stood at the end of the pier.");
    QCOMPARE(records[2].message.text(), "A second version.");
    QCOMPARE(records[1].message.parent, records[2].message.parent);
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
    QVERIFY(f.chat()->messages()->rowOf(records[2].message.id) >= 0);
    QCOMPARE(f.chat()->messages()->rowOf(records[1].message.id), -1);

    f.chat()->selectVersion(records[2].message.id, 1);
    QVERIFY(f.chat()->messages()->rowOf(records[1].message.id) >= 0);
    f.chat()->selectVersion(records[1].message.id, 7);  // there is none
    const QString chat = f.chat()->chatId();
    f.restart();
    QTRY_COMPARE(f.chat()->chatId(), chat);
    QVERIFY(f.chat()->messages()->rowOf(records[1].message.id) >= 0);
    QCOMPARE(f.chat()->messages()->rowOf(records[2].message.id), -1);
  }

  void anEditedQuestionIsABranchWithItsOwnAnswer() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("First"));
    QVERIFY(f.ask("Second"));
    const QString first = f.onDisk(f.chat()->chatId()).first().message.id;
    f.chat()->editAndResend(first, "Better");
    QTRY_COMPARE(f.engine->generate_requests().size(), 3U);
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
    QCOMPARE(f.chat()->textOf(f.chat()->lastUserMessageId()), "Better");
    const auto messages = f.engine->generate_requests().back().messages;
    QCOMPARE(messages.size(), 1U);  // nothing of the other branch
    QCOMPARE(messages[0].content.text(), "Better");
    f.chat()->selectVersion(f.chat()->lastUserMessageId(), 1);
    QCOMPARE(f.chat()->messages()->messageCount(), 4);
  }

  void aStoppedAnswerGoesOnWhereItEnded() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Stopped);
    const QString half = f.onDisk(f.chat()->chatId()).last().message.text();
    f.setScript(ScriptedEngine::speak(" the end.", 1));
    f.chat()->continueLast();
    QTRY_COMPARE(f.engine->generate_requests().size(), 2U);
    QVERIFY(f.waitFor(ChatController::Ready));
    QVERIFY(f.engine->generate_requests().back().continue_last);
    QCOMPARE(f.engine->generate_requests().back().messages.back().content.text(), half.toStdString());
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.text(), half + " the end.");
    QCOMPARE(f.onDisk(f.chat()->chatId()).size(), 2);
  }

  void anAnswerGoesOnInItsOwnChatWhileAnotherIsShown() {
    ProgramFixture f;
    f.setScript(slowScript(100, 3));
    QVERIFY(f.loadModel());
    f.chat()->send("In the first chat");
    QVERIFY(f.waitFor(ChatController::Writing));
    const QString first = f.chat()->chatId();
    f.chat()->newChat();
    QCOMPARE(f.chat()->messages()->messageCount(), 0);
    QCOMPARE(f.chat()->state(), ChatController::Ready);  // another chat's answer is not this one's
    QVERIFY(!f.chat()->busy());
    QCOMPARE(f.chat()->progressDone(), 0);
    f.chat()->send("In the second");  // waits for its turn
    const QString second = f.chat()->chatId();
    QCOMPARE(f.chat()->state(), ChatController::Queued);
    QVERIFY(f.chat()->queued() && f.chat()->busy());
    f.chat()->openChat(first);
    QCOMPARE(f.chat()->chatId(), first);
    const QString shown = f.chat()->textOf(
        f.chat()->messages()->data(f.chat()->messages()->index(f.chat()->messages()->rowCount() - 1), ConversationModel::MessageIdRole).toString());
    QVERIFY(!shown.isEmpty());
    QTRY_COMPARE(f.engine->generate_requests().size(), 2U);
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(first).last().message.state, Message::State::Complete);
    QTRY_COMPARE(f.onDisk(second).last().message.generatedTokens, 100);
    QCOMPARE(f.onDisk(first).size(), 2);
    QCOMPARE(f.onDisk(second).size(), 2);
  }

  void whatIsRemovedDuringTheAnswerStopsItAndCanComeBack() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    QTest::qWait(50);
    f.chat()->removeMessage(f.chat()->lastUserMessageId());
    QCOMPARE(f.chat()->messages()->messageCount(), 0);
    QVERIFY(f.waitFor(ChatController::Ready, 500));
    QCOMPARE(f.history()->removedTitle(), "Speak");
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 0);
    f.history()->undoRemove();
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 2);
    QCOMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Stopped);
  }

  void whatIsRemovedForGoodTheEngineForgets() {
    ProgramFixture f;
    f.setScript(ScriptedEngine::speak("Yes.", 1));
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("One"));
    const std::string id = f.chat()->chatId().toStdString();
    f.chat()->removeMessage(f.chat()->lastUserMessageId());
    f.history()->undoRemove();
    QVERIFY(f.ask("Two"));
    QVERIFY(f.engine->forgotten_conversations().empty());
    f.chat()->removeMessage(f.chat()->lastUserMessageId());
    f.history()->endUndo();
    QTRY_COMPARE(f.engine->forgotten_conversations(), std::vector{id});
    f.history()->remove(QString::fromStdString(id));
    f.history()->endUndo();
    QTRY_COMPARE(f.engine->forgotten_conversations(), (std::vector{id, id}));
  }

  void regenerateDuringTheAnswerStopsItFirst() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    f.setScript(ScriptedEngine::speak("Instead.", 1));
    f.chat()->regenerateLast();
    QTRY_COMPARE(f.engine->generate_requests().size(), 2U);
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).size(), 3);
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.text(), "Instead.");
    QCOMPARE(f.onDisk(f.chat()->chatId())[1].message.state, Message::State::Stopped);
  }

  void anotherModelDuringTheAnswerStopsItAndIsLoaded() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    f.setLoading({.milliseconds = 20, .error = {}});
    f.model()->load("/models/another.gguf");
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(f.model()->name(), "another");
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Stopped);
    f.model()->unload();
    QCOMPARE(f.chat()->state(), ChatController::NoModel);
    QTRY_COMPARE(f.engine->n_unloads(), 1);
  }

  void aFullContextIsSaid() {
    ProgramFixture f;
    ScriptedEngine::Script script = ScriptedEngine::speak("as far as it goes", 1);
    script.finish_reason = FinishReason::context_full;
    script.dropped_messages = 3;
    f.setScript(script);
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("Go on"));
    QVERIFY(f.notice().explanation.contains("4,096"));
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.droppedMessages, 3);
  }

  void theSystemPromptComesFirstAndEmptyAnswersAreLeftOut() {
    ProgramFixture f;
    f.chat()->setSystemPrompt("Be brief.");
    ScriptedEngine::Script script;
    script.prefill_ms = 5000;
    f.setScript(script);
    QVERIFY(f.loadModel());
    f.chat()->send("One");
    QVERIFY(f.waitFor(ChatController::Reading));
    QTRY_COMPARE(f.engine->generate_requests().size(), 1U);
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready));
    f.setScript(ScriptedEngine::speak("Yes.", 1));
    QVERIFY(f.ask("Two"));
    const auto messages = f.engine->generate_requests().back().messages;
    QCOMPARE(messages.size(), 3U);
    QCOMPARE(messages[0].role, "system");
    QCOMPARE(messages[0].content.text(), "Be brief.");
    QCOMPARE(messages[1].content.text(), "One");
    QCOMPARE(messages[2].content.text(), "Two");
  }

  void aDraftIsKeptForEachChatAndAcrossARestart() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("First"));
    const QString chat = f.chat()->chatId();
    QCOMPARE(f.chat()->draft(), "");
    f.chat()->setDraft("half a thought");
    f.chat()->newChat();
    QCOMPARE(f.chat()->draft(), "");
    f.chat()->setDraft("a new one");
    f.chat()->openChat(chat);
    QTRY_COMPARE(f.chat()->draft(), "half a thought");
    f.chat()->setDraft("half a thought more");
    f.restart();
    QTRY_COMPARE(f.chat()->chatId(), chat);
    QCOMPARE(f.chat()->draft(), "half a thought more");
    f.chat()->newChat();
    QCOMPARE(f.chat()->draft(), "a new one");
  }

  void theDraftIsCountedWhenTheEngineIsIdle() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    f.chat()->setDraft("four words of text");
    QTRY_COMPARE(f.chat()->draftTokens(), 4);  // the frame of the message is not counted
    f.chat()->setDraft("");
    QTRY_COMPARE(f.chat()->draftTokens(), 0);
  }

  void quittingDuringAnAnswerKeepsWhatWasWritten() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    QTest::qWait(100);
    const QString chat = f.chat()->chatId();
    QElapsedTimer timer;
    timer.start();
    f.program.reset();
    QVERIFY(timer.elapsed() < 1000);  // a stop is seen within 200 ms; the rest is the last commit
    const Message answer = f.onDisk(chat).last().message;
    QCOMPARE(answer.state, Message::State::Stopped);
    QVERIFY(answer.text().startsWith("word after"));
    f.start();
  }

  void whatAKilledWindowLeftIsUnfinishedAndCanBeContinued() {
    QTemporaryDir folder;
    {
      HistoryDb db;
      QVERIFY(db.open(folder.filePath("history.db")));
      QVERIFY(db.putChat({"c", "A chat", 1, 1}));
      MessageRecord user;
      user.chatId = "c";
      user.created = 1;
      user.message.id = "u";
      user.message.setText("Speak");
      QVERIFY(db.addMessage(user, {}));
      MessageRecord half = user;
      half.created = 2;
      half.message.id = "a";
      half.message.parent = "u";
      half.message.role = Message::Role::Assistant;
      half.message.state = Message::State::Streaming;
      half.message.setText("Half");
      QVERIFY(db.addMessage(half, "a-session-that-is-gone"));
      QVERIFY(db.putMeta("last_chat", "c"));
    }
    ProgramFixture f(folder.path());
    QTRY_COMPARE(f.chat()->chatId(), "c");
    QCOMPARE(f.onDisk("c").last().message.state, Message::State::Unfinished);
    f.setScript(ScriptedEngine::speak(" and whole.", 1));
    QVERIFY(f.loadModel());
    f.chat()->continueAnswer("a");
    QTRY_COMPARE(f.onDisk("c").last().message.text(), "Half and whole.");
  }

  void anAnswerThatALiveWindowWritesIsLeftAlone() {
    ProgramFixture f;
    f.setScript(slowScript());
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    QTest::qWait(300);
    const QString chat = f.chat()->chatId();
    ProgramOptions options;
    options.dataFolder = f.folder();
    {
      ProgramFixture other(options);
      QTRY_VERIFY(other.history()->ready());
      QCOMPARE(other.history()->count(), 1);
      QCOMPARE(f.onDisk(chat).last().message.state, Message::State::Streaming);
    }
    f.chat()->stop();
    QVERIFY(f.waitFor(ChatController::Ready));
    QTRY_COMPARE(f.onDisk(chat).last().message.state, Message::State::Stopped);
  }

  void theLastModelIsLoadedAgainUnlessItTookTheProgramDown() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QTRY_VERIFY(QFile::exists(f.folder() + "/models.json"));
    f.restart();
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(f.engine->load_requests().at(0).path, "/models/scripted.gguf");

    f.program.reset();
    QFile note(f.folder() + "/sessions/gone.loading");
    QVERIFY(note.open(QIODevice::WriteOnly));
    note.write("/models/scripted.gguf");
    note.close();
    f.start();
    QVERIFY(f.notice().title.contains("scripted"));
    QTest::qWait(50);
    QCOMPARE(f.chat()->state(), ChatController::NoModel);
    f.act(UserError::Retry);
    QVERIFY(f.waitFor(ChatController::Ready));
    QVERIFY(!f.notice().isSet());
  }

  void everyErrorHasWordsAndCancelledHasNone() {
    for (int code = 0; code <= int(ErrorCode::internal); ++code) {
      const UserError words = userErrorOf(make_error(ErrorCode(code), "thing: this, that"));
      QCOMPARE(words.isSet(), ErrorCode(code) != ErrorCode::cancelled);
      if (!words.isSet()) continue;
      QVERIFY(!words.explanation.isEmpty());
      QVERIFY(words.details.contains("thing: this, that"));
      QVERIFY(!words.actions.isEmpty() && words.actions.size() <= 3);
      QVERIFY(!words.title.contains('!') && !words.explanation.contains('!'));
    }
  }
};

QTEST_MAIN(ChatTest)
#include "chat_test.moc"
