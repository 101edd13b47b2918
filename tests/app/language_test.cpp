#include <QLocale>
#include <QProcess>
#include <QRegularExpression>
#include <QSet>

#include "app/code/code_answer.h"
#include "app/code/source_file.h"
#include "app/error_text.h"
#include "app/history/records.h"
#include "app/image/picture_tray.h"
#include "app/network/transfer_problem.h"
#include "app/system/background_files.h"
#include "app/system/language.h"
#include "tests/app/program_fixture.h"

namespace pio {
namespace {

// All that error_text.cpp can say of its enums, in the language that is spoken.
QList<UserError> everyNotice() {
  QList<UserError> all;
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    for (const char* path : {"", "/models/a.gguf", "/pictures/a.png"}) {
      Error error = make_error(static_cast<ErrorCode>(code), "words of the engine");
      error.path = path;
      all.append(userErrorOf(error));
    }
  }
  for (int kind = 0; kind <= static_cast<int>(HistoryProblem::Kind::other); ++kind) {
    HistoryProblem problem;
    problem.kind = static_cast<HistoryProblem::Kind>(kind);
    problem.path = QStringLiteral("/data/history.db");
    all.append(userErrorOf(problem));
    UnsavedHistory unsaved;
    unsaved.why = problem;
    for (unsaved.nMessages = 0; unsaved.nMessages < 3; ++unsaved.nMessages) all.append(unsavedNotice(unsaved));
  }
  for (int problem = 0; problem <= static_cast<int>(SourceProblem::changed_outside); ++problem) {
    SourceFile file;
    file.problem = static_cast<SourceProblem>(problem);
    file.path = QStringLiteral("/a.py");
    all.append(sourceNotice(file));
  }
  for (int why = 0; why <= static_cast<int>(NoProposal::file_changed); ++why) all.append(noProposalNotice(static_cast<NoProposal>(why)));
  all.append({noModelNotice(), askAgainNotice(), tooManyPicturesNotice(8), contextFullNotice(0), contextFullNotice(4096), shrinkingNotice(900, 1),
              selectionTooLongNotice(true, 4096), selectionTooLongNotice(false, 4096)});
  for (int kind = 0; kind <= static_cast<int>(TransferProblem::Kind::wrong_hash); ++kind) {
    for (const bool isBrokenOff : {false, true}) {
      TransferProblem problem;
      problem.kind = static_cast<TransferProblem::Kind>(kind);
      problem.isBrokenOff = isBrokenOff;
      problem.host = QStringLiteral("a.example");
      all.append(userErrorOf(problem));
    }
  }
  return all;
}

// And of what devices tell by a kind.
QStringList everySentence() {
  QStringList all;
  for (int code = 0; code <= static_cast<int>(Rejection::failed); ++code)
    all.append(rejectionText({"vulkan", "words of the system", static_cast<Rejection>(code)}));
  const PartOnCards layers{.cards = {{.device = "vulkan:0", .n_layers = 12, .expert_bytes = 0}}, .n_layers = 48, .expert_bytes = 0};
  const PartOnCards experts{
      .cards = {{.device = "vulkan:0", .n_layers = 48, .expert_bytes = 1 << 30}, {.device = "vulkan:1", .n_layers = 0, .expert_bytes = 0}},
      .n_layers = 48,
      .expert_bytes = std::uint64_t{9} << 30};
  const std::vector<ModelNote> notes{ExpertsOnDisk{1536, 6144},
                                     WeightsOnDisk{std::uint64_t{3} << 30},
                                     AboveTrainedContext{65536, 32768},
                                     KeysInFourBits{false},
                                     KeysInFourBits{true},
                                     layers,
                                     experts,
                                     NothingOnCard{"vulkan:0"},
                                     LessOnCard{"vulkan:0", std::uint64_t{3} << 30},
                                     DeviceLost{"vulkan:0", "cpu"},
                                     VisionDoesNotFit{"words of the engine"},
                                     NoVision{},
                                     RoundedWeights{LoadQuantization::int4, 0.0712},
                                     TokensWithoutRow{1, 151936},
                                     TokensWithoutRow{22, 151936}};
  for (const ModelNote& note : notes) all.append(noteText(note));
  return all;
}

}  // namespace

class LanguageTest : public QObject {
  Q_OBJECT

 private slots:
  void codesOfSystemsFindTheirs_data() {
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("ours");
    QTest::newRow("de") << "de"
                        << "de";
    QTest::newRow("Austria") << "de_AT.UTF-8"
                             << "de";
    QTest::newRow("with a dash") << "zh-CN"
                                 << "zh_CN";
    QTest::newRow("zh") << "zh"
                        << "zh_CN";
    QTest::newRow("by its script") << "zh-Hans"
                                   << "zh_CN";
    QTest::newRow("traditional letters") << "zh_TW"
                                         << "";
    QTest::newRow("English") << "en_GB"
                             << "en";
    QTest::newRow("none of ours") << "fr"
                                  << "";
    QTest::newRow("no language") << "x"
                                 << "";
    QTest::newRow("nothing") << ""
                             << "";
    QTest::newRow("C") << "C"
                       << "";
  }
  void codesOfSystemsFindTheirs() {
    QFETCH(QString, code);
    QFETCH(QString, ours);
    QCOMPARE(Language::known(code).value_or(QString()), ours);
  }

  void everyNoticeIsTranslated_data() {
    QTest::addColumn<QString>("code");
    QTest::newRow("German") << "de";
    QTest::newRow("Chinese") << "zh_CN";
  }
  void everyNoticeIsTranslated() {
    QFETCH(QString, code);
    Language language;
    language.speak(QStringLiteral("en"));
    const QList<UserError> english = everyNotice();
    language.speak(code);
    const QList<UserError> other = everyNotice();
    QCOMPARE(other.size(), english.size());
    int nSet = 0;
    for (qsizetype i = 0; i < english.size(); ++i) {
      if (!english[i].isSet()) continue;
      ++nSet;
      QVERIFY2(other[i].title != english[i].title, qPrintable(english[i].title));
      QVERIFY2(english[i].explanation.isEmpty() || other[i].explanation != english[i].explanation, qPrintable(english[i].explanation));
      QVERIFY2(!(other[i].title + other[i].explanation).contains(u'%'), qPrintable(other[i].explanation));
    }
    QVERIFY(nSet > 50);
  }

  void everySentenceIsTranslated_data() { everyNoticeIsTranslated_data(); }
  void everySentenceIsTranslated() {
    QFETCH(QString, code);
    Language language;
    language.speak(QStringLiteral("en"));
    const QStringList english = everySentence();
    language.speak(code);
    const QStringList other = everySentence();
    static const QRegularExpression placeholder(QStringLiteral("%[1-9Ln]"));
    for (qsizetype i = 0; i < english.size(); ++i) {
      QVERIFY2(!english[i].isEmpty() && other[i] != english[i], qPrintable(english[i]));
      QVERIFY2(!other[i].contains(placeholder) && !english[i].contains(placeholder), qPrintable(other[i]));
    }
  }

  void numbersAndCountsAreOfTheLanguage() {
    Language language;
    UnsavedHistory unsaved;
    const auto title = [&](int n) {
      unsaved.nMessages = n;
      unsaved.mayBeSaved = false;
      return unsavedNotice(unsaved).title;
    };
    language.speak(QStringLiteral("en"));
    QCOMPARE(title(1), QStringLiteral("1 message is not saved"));
    QCOMPARE(title(2), QStringLiteral("2 messages are not saved"));
    language.speak(QStringLiteral("de"));
    QCOMPARE(title(1), QStringLiteral("1 Nachricht ist nicht gespeichert"));
    QCOMPARE(title(1234), QStringLiteral("1.234 Nachrichten sind nicht gespeichert"));
    QCOMPARE(bytesText(9'700'000'000), QStringLiteral("9,7\u00a0GB"));
    language.speak(QStringLiteral("zh_CN"));
    QCOMPARE(title(1234), QStringLiteral("有 1,234 条消息未保存"));
  }

  void notesOfTheModelAreToldInTheLanguageThatIsSpoken() {
    Language language;
    language.speak(QStringLiteral("de"));
    QCOMPARE(noteText(ExpertsOnDisk{1536, 6144}),
             QStringLiteral("1.536 von 6.144 Experten haben Platz im Speicher. Die übrigen werden von der Platte gelesen, wenn sie gewählt werden."));
    QVERIFY(noteText(RoundedWeights{LoadQuantization::int4, 0.0712}).contains(QStringLiteral("7,12\u00a0%")));
  }

  void notesOfTheModelFollowTheLanguage() {
    ProgramFixture fixture;
    ModelSession* model = fixture.program->application()->model;
    ScriptedEngine::Loading loading;
    loading.notes = {NoVision{}};
    fixture.engine->set_loading(loading);
    model->load(QStringLiteral("/models/blind.gguf"));
    QTRY_COMPARE(model->notes().size(), 1);
    QSignalSpy changes(model, &ModelSession::changed);
    fixture.program->settings()->setLanguage(QStringLiteral("zh_CN"));
    QVERIFY(changes.count() > 0);
    const QString chinese = model->notes().first();
    fixture.program->settings()->setLanguage(QStringLiteral("en"));
    QCOMPARE(model->notes().first(), QStringLiteral("No vision file (mmproj) lies beside the model: it reads text only."));
    QVERIFY(chinese != model->notes().first());
  }

  void whatIsLeftBehindIsEnglish() {
    {
      Language language;
      language.speak(QStringLiteral("de"));
    }
    QCOMPARE(noModelNotice().title, QStringLiteral("There is no model to answer yet"));
  }

  void theChoiceIsKeptAndTakesEffectAtOnce() {
    ProgramFixture fixture;
    QSignalSpy changes(fixture.program->application()->language, &Language::changed);
    QCOMPARE(fixture.program->application()->language->spoken(), Language::ofSystem());
    fixture.program->settings()->setLanguage(QStringLiteral("de_AT"));
    QCOMPARE(fixture.program->settings()->language(), QStringLiteral("de"));
    QCOMPARE(changes.count(), 1);
    QCOMPARE(noModelNotice().title, QStringLiteral("Noch ist kein Modell da, das antwortet"));
    fixture.restart();
    QCOMPARE(fixture.program->application()->language->spoken(), QStringLiteral("de"));
    fixture.program->settings()->setLanguage(QStringLiteral("klingon"));
    QCOMPARE(fixture.program->settings()->language(), QString());
    QCOMPARE(fixture.program->application()->language->spoken(), Language::ofSystem());
  }

  void theOptionCountsForOneStart() {
    ProgramOptions options;
    options.language = QStringLiteral("zh_CN");
    options.loadsModel = false;
    ProgramFixture fixture(options);
    QCOMPARE(fixture.program->application()->language->spoken(), QStringLiteral("zh_CN"));
    fixture.program->settings()->setZoom(1.2);
    QCOMPARE(fixture.program->application()->language->spoken(), QStringLiteral("zh_CN"));
    QCOMPARE(fixture.program->settings()->language(), QString());
    fixture.program->settings()->setLanguage(QStringLiteral("de"));
    QCOMPARE(fixture.program->application()->language->spoken(), QStringLiteral("de"));
  }

  void anUnknownLanguageIsRefusedInOneLine() {
    QProcess window;
    window.start(QStringLiteral(PIO_PROGRAM), {QStringLiteral("--language"), QStringLiteral("klingon")});
    QVERIFY(window.waitForFinished());
    QCOMPARE(window.exitCode(), 1);
    QCOMPARE(QString::fromUtf8(window.readAllStandardError()),
             QStringLiteral("inference-pio: --language: en, de, zh_CN expected, 'klingon' given\n"));
  }
};

}  // namespace pio

QTEST_MAIN(pio::LanguageTest)
#include "language_test.moc"
