#include <QAbstractItemModelTester>
#include <QElapsedTimer>
#include <QFile>

#include "tests/app/program_fixture.h"

using namespace pio;

namespace {

constexpr const char* kLedger =
    "def totals(entries):\n"
    "    out = {}\n"
    "    for entry in entries:\n"
    "        out[entry.month] += entry.amount\n"
    "    return out\n"
    "\n"
    "\n"
    "def report(entries):\n"
    "    lines = []\n"
    "    for month, total in totals(entries).items():\n"
    "        lines.append(f\"{month} {total}\")\n"
    "    return lines\n";

// Two changes: line 2 and line 12.
QByteArray betterLedger() {
  return QByteArray(kLedger).replace("out = {}", "out = defaultdict(int)").replace("return lines", "return \"\\n\".join(lines)");
}

// The program with a model and an opened file.
class Fixture : public ProgramFixture {
 public:
  Fixture() {
    write(kLedger);
    loadModel();
    open();
  }
  CodeController* code() const { return program->code(); }
  QString path() const { return m_source.filePath("ledger.py"); }
  void write(const QByteArray& bytes) const {
    QFile file(path());
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(bytes);
  }
  QByteArray read() const {
    QFile file(path());
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
  }
  void open() {
    code()->open(QUrl::fromLocalFile(path()));
    QTRY_COMPARE(code()->state(), CodeController::Idle);
  }
  bool waitUntilIdle() {
    return QTest::qWaitFor([this] { return code()->state() == CodeController::Idle; });
  }
  void answer(const QByteArray& text, int delayMs = 0) { setScript(ScriptedEngine::speak(text.toStdString(), delayMs)); }
  // Asks for a fix of the whole file that is answered with this text.
  void propose(const QByteArray& text) {
    answer("Here it is:\n\n```python\n" + text + "```\n\nDone.");
    code()->fix();
    QVERIFY(waitUntilIdle());
  }
  // Changes are applied to a file that another program wrote meanwhile.
  void applyOverTheirs() {
    propose(betterLedger());
    write("theirs\n");
    code()->acceptAll();
    code()->apply();
    QVERIFY(waitUntilIdle());
  }

 private:
  QTemporaryDir m_source;
};

}  // namespace

class CodeTest : public QObject {
  Q_OBJECT

 private slots:
  void aFileIsShownLineByLine() {
    Fixture f;
    QCOMPARE(f.code()->fileName(), "ledger.py");
    QCOMPARE(f.code()->language(), "Python");
    QCOMPARE(f.code()->lineCount(), 12);
    QCOMPARE(f.code()->lines()->count(), 12);
    const QModelIndex first = f.code()->lines()->index(0);
    QCOMPARE(first.data(DiffModel::TextRole).toString(), "def totals(entries):");
    QCOMPARE(first.data(DiffModel::BeforeRole).toInt(), 1);
    QVERIFY(first.data(DiffModel::HtmlRole).toString().contains("totals"));
  }

  void whatIsNoTextIsSaidInWordsAndTheOpenFileStays() {
    Fixture f;
    f.code()->open(QUrl::fromLocalFile("/nowhere/at/all.py"));
    QTRY_VERIFY(f.notice().isSet());
    QCOMPARE(f.code()->state(), CodeController::Idle);
    QCOMPARE(f.code()->fileName(), "ledger.py");
  }

  void explainingAsksAboutTheSelectionAndProposesNothing() {
    Fixture f;
    f.answer("It adds up the amounts.");
    f.code()->select(2, 4);
    f.code()->explain();
    QVERIFY(f.code()->busy());
    QVERIFY(f.waitUntilIdle());
    const auto request = f.engine->generate_requests().back();
    QVERIFY(request.messages.back().content.text().find("Selected lines 2 to 4") != std::string::npos);
    QVERIFY(request.messages.back().content.text().find("out[entry.month]") != std::string::npos);
    if (CodeColourer::knows("python")) QCOMPARE(request.protected_texts, (std::vector<std::string>{"def totals(entries):", "def report(entries):"}));
    QCOMPARE(f.code()->hunks()->count(), 0);
    QVERIFY(f.code()->messages()->count() > 2);
    QVERIFY(f.code()->tokensPerSecond() > 0);
    QVERIFY(f.code()->contextUsed() > 0);
    // A second question knows of the first.
    f.code()->ask("Why?");
    QVERIFY(f.waitUntilIdle());
    QVERIFY(f.engine->generate_requests().back().messages.size() > request.messages.size());
  }

  void changesAreTakenOneByOneAndWritten() {
    Fixture f;
    const QAbstractItemModelTester lines(f.code()->lines()), hunks(f.code()->hunks());
    QSignalSpy announced(f.code(), &CodeController::announcement);
    f.propose(betterLedger());
    QCOMPARE(f.code()->hunks()->count(), 2);
    QCOMPARE(f.code()->pendingCount(), 2);
    QCOMPARE(f.code()->currentHunk(), 0);
    QCOMPARE(f.code()->hunks()->index(0).data(HunkModel::LineRole).toInt(), 2);
    QCOMPARE(f.read(), QByteArray(kLedger));  // nothing is written before apply
    QVERIFY(!f.code()->canApply());

    f.code()->accept(1);
    f.code()->reject(0);
    QCOMPARE(f.code()->pendingCount(), 0);
    QVERIFY(f.code()->canApply());
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), QByteArray(kLedger).replace("return lines", "return \"\\n\".join(lines)"));
    QCOMPARE(f.code()->written(), 1);
    QCOMPARE(f.code()->hunks()->count(), 0);
    QCOMPARE(f.code()->lines()->count(), 12);

    QVERIFY(f.code()->canUndo());
    f.code()->undo();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), QByteArray(kLedger));
    QVERIFY(!f.code()->canUndo());
  }

  void rowsFollowTheDecisions() {
    Fixture f;
    f.propose(betterLedger());
    const auto kinds = [&] {
      QString out;
      for (int row = 0; row < f.code()->lines()->count(); ++row) out += " -+h"[f.code()->lines()->index(row).data(DiffModel::KindRole).toInt()];
      return out;
    };
    QCOMPARE(kinds(), " h-+         h-+");
    f.code()->accept(0);
    QCOMPARE(kinds(), " h          h-+");
    f.code()->reconsider(0);
    QCOMPARE(kinds(), " h-+         h-+");
    f.code()->reject(0);
    f.code()->acceptAll();
    QCOMPARE(kinds(), " h          h ");
    QCOMPARE(f.code()->acceptedCount(), 1);
    f.code()->discard();
    QCOMPARE(kinds(), QString(12, ' '));
    QCOMPARE(f.code()->currentHunk(), -1);
  }

  void acceptingAllAtOnceIsAcceptingEach() {
    const auto rows = [](const Fixture& f) {
      QStringList rows;
      for (int row = 0; row < f.code()->lines()->count(); ++row) {
        const QModelIndex at = f.code()->lines()->index(row);
        rows.append(QStringLiteral("%1 %2 %3 %4")
                        .arg(at.data(DiffModel::KindRole).toInt())
                        .arg(at.data(DiffModel::BeforeRole).toInt())
                        .arg(at.data(DiffModel::AfterRole).toInt())
                        .arg(at.data(DiffModel::TextRole).toString()));
      }
      return rows;
    };
    const QByteArray after = betterLedger().replace("    lines = []\n", "").replace("import", "") + "\nreport([])\n";
    Fixture each, all;
    const QAbstractItemModelTester tester(all.code()->lines());
    each.propose(after);
    all.propose(after);
    QVERIFY(each.code()->hunks()->count() >= 3);
    each.code()->reject(1);
    all.code()->reject(1);
    for (int hunk = 0; hunk < each.code()->hunks()->count(); ++hunk) {
      if (hunk != 1) each.code()->accept(hunk);
    }
    QSignalSpy proposals(all.code(), &CodeController::proposalChanged);
    all.code()->acceptAll();
    QCOMPARE(proposals.size(), 1);
    QCOMPARE(rows(all), rows(each));
    QCOMPARE(all.code()->acceptedCount(), each.code()->acceptedCount());
    all.code()->apply();
    each.code()->apply();
    QVERIFY(all.waitUntilIdle() && each.waitUntilIdle());
    QCOMPARE(all.read(), each.read());
  }

  void everyRoleHasANameAndBadIndexesGiveNothing() {
    Fixture f;
    f.propose(betterLedger());
    for (auto role = DiffModel::KindRole; role <= DiffModel::HunkRole; role = DiffModel::Roles(role + 1)) {
      QVERIFY(f.code()->lines()->roleNames().contains(role));
      QVERIFY(f.code()->lines()->index(2).data(role).isValid());
    }
    for (auto role = HunkModel::TitleRole; role <= HunkModel::StateRole; role = HunkModel::Roles(role + 1)) {
      QVERIFY(f.code()->hunks()->roleNames().contains(role));
      QVERIFY(f.code()->hunks()->index(0).data(role).isValid());
    }
    QVERIFY(!f.code()->lines()->data(QModelIndex(), DiffModel::KindRole).isValid());
    QVERIFY(!f.code()->hunks()->data(QModelIndex(), HunkModel::LineRole).isValid());
    f.code()->accept(7);
    f.code()->reject(-1);
    f.code()->setCurrentHunk(9);
    QCOMPARE(f.code()->pendingCount(), 2);
  }

  void anErrorThatAChangeWouldAddIsShownBeforeItIsApplied() {
    Fixture f;
    if (!CodeColourer::knows("python")) QSKIP("no grammar of python in this build: installer/fetch_grammars.sh could not fetch it");
    f.propose(QByteArray(kLedger).replace("totals(entries):", "totals(entries:"));
    QTRY_COMPARE(f.code()->syntax(), CodeController::NewErrors);
    const int line = f.code()->syntaxErrors().first().toMap().value("line").toInt();
    QVERIFY(line >= 1 && line <= 4);  // where the parser gives up, at the open bracket or behind it
    QCOMPARE(f.read(), QByteArray(kLedger));
    f.code()->reject(0);
    QTRY_COMPARE(f.code()->syntax(), CodeController::Clean);
  }

  void aFileThatChangedOutsideIsNotOverwrittenUnasked() {
    Fixture f;
    f.applyOverTheirs();
    QCOMPARE(f.read(), "theirs\n");
    QVERIFY(f.notice().actions.contains(UserError::ReadAgain));
    f.act(UserError::Overwrite);
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), betterLedger());
    f.code()->undo();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), "theirs\n");
    f.act(UserError::ReadAgain);
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.code()->lineCount(), 1);
  }

  void overAFileThatIsNoTextAnyMoreThereIsNoUndo() {
    Fixture f;
    f.propose(betterLedger());
    f.write(QByteArray("\0\1", 2));
    f.code()->acceptAll();
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    f.act(UserError::Overwrite);
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), betterLedger());
    QVERIFY(!f.code()->canUndo());
  }

  void answersWithoutCodeOrChangeProposeNothingAndSaySo() {
    Fixture f;
    f.answer("It is fine as it stands.");
    f.code()->fix();
    QVERIFY(f.waitUntilIdle());
    QVERIFY(f.notice().isSet());
    QCOMPARE(f.code()->hunks()->count(), 0);
    f.propose(kLedger);
    QVERIFY(f.notice().isSet());
    QCOMPARE(f.code()->hunks()->count(), 0);
    auto cut = ScriptedEngine::speak("```python\ndef totals(", 0);
    cut.finish_reason = FinishReason::length;
    f.setScript(cut);
    f.code()->fix();
    QVERIFY(f.waitUntilIdle());
    QVERIFY(f.notice().isSet());
    QCOMPARE(f.code()->hunks()->count(), 0);
  }

  void whatIsNotCertainlyTheFileIsNoProposalAndWhyIsSaid() {
    Fixture f;
    QStringList titles;
    for (const char* answer :
         {"```sh\npip install x\n```", "```python\nx = 1\n```\nor\n```python\nx = 2\n```",
          "```python\ndef totals(entries):\n    # ... existing code ...\n```", "```python\ndef other(entries):\n    return 1\n```",
          "```diff\n@@ -1 +1 @@\n-nowhere\n+x\n```", "```python\nopen to the end"}) {
      f.answer(answer);
      f.code()->fix();
      QVERIFY(f.waitUntilIdle());
      QCOMPARE(f.code()->hunks()->count(), 0);
      QVERIFY2(f.notice().isSet() && !f.notice().explanation.isEmpty(), answer);
      QVERIFY(!titles.contains(f.notice().title));
      titles.append(f.notice().title);
    }
    f.code()->select(10, 11);
    f.answer("```python\ndef nothing_there():\n    pass\n```");
    f.code()->fix();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.code()->hunks()->count(), 1);  // the selection is what was asked for
  }

  void aDiffIsAppliedWhereItFits() {
    Fixture f;
    f.answer("```diff\n--- a/ledger.py\n+++ b/ledger.py\n@@ -1,2 +1,2 @@\n-    out = {}\n+    out = defaultdict(int)\n```");
    f.code()->fix();
    QVERIFY(f.waitUntilIdle());
    f.code()->acceptAll();
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), QByteArray(kLedger).replace("out = {}", "out = defaultdict(int)"));
  }

  void whatTakesAwayMoreThanHalfAsksFirst() {
    Fixture f;
    const QByteArray shrunk = "def totals(entries):\n    lines = []\n    return lines\n";
    f.propose(shrunk);
    QCOMPARE(f.code()->hunks()->count(), 0);
    QVERIFY(f.notice().explanation.contains("10"));  // lines with words in them
    QCOMPARE(f.notice().actions.first(), int(UserError::ShowChanges));
    f.act(UserError::Dismiss);
    QVERIFY(!f.notice().isSet());
    f.act(UserError::ShowChanges);  // gone
    QCOMPARE(f.code()->hunks()->count(), 0);
    f.propose(shrunk);
    f.act(UserError::ShowChanges);
    QVERIFY(!f.notice().isSet());
    QVERIFY(f.code()->hunks()->count() > 0);
    f.code()->acceptAll();
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), shrunk);
  }

  // Each way on which a proposal would go that is neither written nor discarded.
  void aStandingProposalNeverGoesUnasked_data() {
    QTest::addColumn<QString>("way");
    for (const char* way : {"write", "fix", "again", "read again", "undo", "apply", "another chat"}) QTest::newRow(way) << way;
  }
  void aStandingProposalNeverGoesUnasked() {
    QFETCH(QString, way);
    Fixture f;
    if (way == "undo") {
      f.propose(betterLedger());
      f.code()->acceptAll();
      f.code()->apply();
      QVERIFY(f.waitUntilIdle());
      f.propose(QByteArray(betterLedger()).replace("amount", "sum").replace("totals", "sums"));
    } else {
      f.propose(betterLedger());
    }
    if (way == "apply") f.code()->accept(0);
    const QByteArray onDisk = f.read();
    const int nHunks = f.code()->hunks()->count();
    const auto nAsked = f.engine->generate_requests().size();
    const auto go = [&] {
      if (way == "write") f.code()->generate("Sort it");
      if (way == "fix") f.code()->fix();
      if (way == "again") f.code()->answerAgain(f.code()->messages()->index(0).data(ConversationModel::MessageIdRole).toString());
      if (way == "read again") f.code()->reopen();
      if (way == "undo") f.code()->undo();
      if (way == "apply") f.code()->apply();
      if (way == "another chat") f.code()->openChat("another", f.path());
    };
    const auto isKept = [&] {
      QTest::qWait(50);
      return f.code()->hunks()->count() == nHunks && f.engine->generate_requests().size() == nAsked && f.read() == onDisk;
    };
    QVERIFY(nHunks >= 2);
    go();
    QVERIFY(f.code()->leaving() != CodeController::Nothing);
    QVERIFY(isKept());
    f.code()->stay();
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QVERIFY(isKept());
    go();
    if (way == "apply") f.code()->applyAndLeave();
    else f.code()->discardAndLeave();
    QCOMPARE(f.code()->leaving(), way == "apply" ? CodeController::Applying : CodeController::Nothing);
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    const bool asks = way == "write" || way == "fix" || way == "again";
    QCOMPARE(f.engine->generate_requests().size(), nAsked + (asks ? 1 : 0));
    QCOMPARE(f.code()->hunks()->count(), asks ? 2 : 0);  // the script answers as before
    if (way == "undo") QCOMPARE(f.read(), QByteArray(kLedger));
    if (way == "apply") QCOMPARE(f.read(), QByteArray(kLedger).replace("out = {}", "out = defaultdict(int)"));
  }

  // It is about the file: neither its conversation nor the model that made it has to stay.
  void aStandingProposalOutlivesItsConversationAndItsModel() {
    Fixture f;
    f.propose(betterLedger());
    const QString chat = f.code()->chatId();
    f.code()->openChat(chat, f.path());  // is open: nothing would be taken away
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    f.code()->newConversation();
    f.history()->remove(chat);
    QVERIFY(f.loadModel());
    f.program->model()->unload();
    QVERIFY(f.waitFor(ChatController::NoModel));
    f.answer("Because.");
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QCOMPARE(f.code()->pendingCount(), 2);
    f.code()->acceptAll();
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), betterLedger());
  }

  void whatIsRejectedIsNoStandingProposal() {
    Fixture f;
    f.propose(betterLedger());
    f.code()->reject(0);
    f.code()->reject(1);
    QVERIFY(f.code()->mayClose());
    f.code()->fix();
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.code()->pendingCount(), 2);
  }

  // The numbers of the selected lines are others when the proposal is written first.
  void aQuestionThatWaitedForTheProposalIsAboutTheSameLines() {
    Fixture f;
    f.propose(QByteArray(kLedger).replace("    out = {}\n", "    # the sums\n    out = {}\n").replace("return lines", "return []"));
    f.code()->select(8, 12);
    QSignalSpy asked(f.code(), &CodeController::asked);
    f.code()->generate("Sort it");
    QCOMPARE(asked.size(), 0);
    f.code()->applyAndLeave();
    QTRY_COMPARE(asked.size(), 1);
    QCOMPARE(asked.first().first().toString(), "Sort it");
    QCOMPARE(f.code()->selectionFirst(), 9);
    QCOMPARE(f.code()->selectionLast(), 13);
    QVERIFY(f.waitUntilIdle());
    QVERIFY(f.engine->generate_requests().back().messages.back().content.text().find("lines 9 to 13") != std::string::npos);
  }

  // What would take away more than half waits behind a notice; it stands all the same.
  void aProposalThatIsNotShownYetNeverGoesUnasked() {
    Fixture f;
    const QByteArray shrunk = "def totals(entries):\n    lines = []\n    return lines\n";
    f.propose(shrunk);
    const QString title = f.notice().title;
    f.answer("Because.");
    f.code()->ask("Why?");
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.notice().title, title);  // a question takes nothing away
    QVERIFY(!f.code()->mayClose());
    f.code()->stay();
    f.code()->newConversation();
    QCOMPARE(f.notice().title, title);
    const auto nAsked = f.engine->generate_requests().size();
    f.code()->fix();
    QVERIFY(f.code()->leaving() != CodeController::Nothing);
    f.code()->applyAndLeave();  // nobody has seen it
    QVERIFY(f.code()->leaving() != CodeController::Nothing);
    f.code()->showChanges();
    QCOMPARE(f.code()->leaving(), CodeController::Nothing);
    QVERIFY(f.code()->hunks()->count() > 0);
    QVERIFY(!f.notice().isSet());
    QCOMPARE(f.engine->generate_requests().size(), nAsked);
    QCOMPARE(f.read(), QByteArray(kLedger));
  }

  // The button of a notice about writing the last proposal.
  void overwritingIsOfferedOnlyWhileWhatItWouldWriteStands() {
    Fixture f;
    f.applyOverTheirs();
    QVERIFY(f.notice().actions.contains(UserError::Overwrite));
    f.code()->reject(0);
    QVERIFY(!f.notice().isSet());  // it would write that one too
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    QVERIFY(f.notice().actions.contains(UserError::Overwrite));
    f.code()->discard();
    QVERIFY(!f.notice().isSet());
    QCOMPARE(f.read(), "theirs\n");
  }

  void anEmptyFileIsFilled() {
    Fixture f;
    f.write("");
    f.open();
    QCOMPARE(f.code()->lineCount(), 0);
    f.answer("```python\nx = 1\n```");
    f.code()->generate("One variable");
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.code()->hunks()->count(), 1);
    f.code()->acceptAll();
    f.code()->apply();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), "x = 1\n");
    f.code()->undo();
    QVERIFY(f.waitUntilIdle());
    QCOMPARE(f.read(), "");
  }

  void stopEndsTheTurnSoonAndKeepsWhatWasWritten() {
    Fixture f;
    f.setScript(ScriptedEngine::speak("one two three ", 20, 500));
    f.code()->ask("Count");
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    f.code()->stop();
    QCOMPARE(f.code()->state(), CodeController::Stopping);
    QVERIFY(QTest::qWaitFor([&] { return f.code()->state() == CodeController::Idle; }, 500));
    QVERIFY(f.code()->messages()->count() > 2);
  }

  void aQuestionWaitsWhileTheChatIsAnsweredAndTheOtherWayRound() {
    Fixture f;
    f.setScript(ScriptedEngine::speak("a slow answer ", 10, 30));
    f.chat()->send("Hello");
    QTRY_COMPARE(f.chat()->state(), ChatController::Writing);
    f.code()->ask("What is this?");
    QCOMPARE(f.code()->state(), CodeController::Queued);
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    QCOMPARE(f.chat()->state(), ChatController::Ready);
    f.chat()->send("And another");
    QVERIFY(f.chat()->queued());
    QVERIFY(f.chat()->busy());  // Stop takes it back
    QTest::qWait(50);
    QCOMPARE(f.engine->generate_requests().size(), std::size_t(2));
    QVERIFY(f.waitUntilIdle());
    QTRY_COMPARE(f.engine->generate_requests().size(), std::size_t(3));
    QTRY_VERIFY(!f.chat()->busy());
  }

  void aQueuedQuestionCanBeTakenBack() {
    Fixture f;
    f.setScript(ScriptedEngine::speak("a slow answer ", 10, 30));
    f.chat()->send("Hello");
    QTRY_COMPARE(f.chat()->state(), ChatController::Writing);
    f.code()->fix();
    QCOMPARE(f.code()->state(), CodeController::Queued);
    f.code()->stop();
    QCOMPARE(f.code()->state(), CodeController::Idle);
    QTRY_VERIFY(!f.chat()->busy());
    QCOMPARE(f.engine->generate_requests().size(), std::size_t(1));
    // It says so, and is answered as what it was.
    const ConversationModel* rows = f.code()->messages();
    QCOMPARE(rows->count(), 2);
    QCOMPARE(rows->index(1).data(ConversationModel::KindRole).toInt(), int(ConversationModel::UnansweredNote));
    f.answer("```python\n" + betterLedger() + "```\n");
    f.code()->answerAgain(rows->index(1).data(ConversationModel::MessageIdRole).toString());
    QTRY_COMPARE(f.code()->hunks()->count(), 2);
    QCOMPARE(f.engine->generate_requests().size(), std::size_t(2));
    QVERIFY(rows->index(1).data(ConversationModel::KindRole).toInt() != ConversationModel::UnansweredNote);
  }

  void withoutAModelTheNoticeSaysSo() {
    ProgramFixture f;
    QTemporaryDir folder;
    QFile file(folder.filePath("a.c"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("int x;\n");
    file.close();
    f.program->application()->openFiles({QUrl::fromLocalFile(file.fileName())});
    QTRY_COMPARE(f.program->code()->state(), CodeController::Idle);
    f.program->code()->explain();
    QVERIFY(f.notice().actions.contains(UserError::OpenModel));
    QVERIFY(!f.program->code()->busy());
    QVERIFY(f.loadModel());
    QTRY_VERIFY(!f.notice().isSet());  // there is one now
  }

  void anotherModelEndsTheAnswer() {
    Fixture f;
    f.setScript(ScriptedEngine::speak("one two three ", 20, 500));
    f.code()->ask("Count");
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    f.model()->load("/models/other.gguf");
    QTRY_COMPARE(f.code()->state(), CodeController::Idle);
    QTRY_COMPARE(f.chat()->state(), ChatController::Ready);
  }

  void theProgramEndsInTheMiddleOfAnAnswer() {
    Fixture f;
    f.setScript(ScriptedEngine::speak("one two three ", 20, 500));
    f.code()->ask("Count");
    QTRY_COMPARE(f.code()->state(), CodeController::Writing);
    QElapsedTimer timer;
    timer.start();
    f.program.reset();
    QVERIFY(timer.elapsed() < 3000);  // the answer would take 10 s: it was stopped, not waited for
  }

  void longFilesAreCutAndThatIsSaid() {
    Fixture f;
    QByteArray many;
    for (int i = 0; i < 3000; ++i) many += "value_" + QByteArray::number(i) + " = " + QByteArray::number(i) + "\n";
    f.write(many);
    f.open();
    f.code()->select(1500, 1502);
    f.answer("They are numbers.");
    f.code()->explain();
    QVERIFY(f.waitUntilIdle());
    QVERIFY(f.code()->shownFirst() > 1 && f.code()->shownFirst() < 1500);
    QVERIFY(f.code()->shownLast() > 1502 && f.code()->shownLast() < 3000);
    f.code()->select(0, 0);
    f.code()->fix();  // the whole file does not fit
    QTRY_VERIFY(f.notice().isSet());
    QVERIFY(!f.code()->busy());
  }
};

QTEST_MAIN(CodeTest)
#include "code_test.moc"
