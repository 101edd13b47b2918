#include <QMetaEnum>
#include <QSignalSpy>
#include <QTest>
#include <atomic>

#include "app/engine_queue.h"
#include "tests/support/scripted_engine.h"

using namespace pio;

namespace {

class Queue {
 public:
  explicit Queue(bool loads = true) {
    auto scripted = std::make_unique<ScriptedEngine>();
    engine = scripted.get();
    queue = std::make_unique<EngineQueue>(std::move(scripted));
    if (loads) load();
  }
  void load() {
    queue->load({.path = "/models/one.gguf"}, {});
    QTRY_VERIFY(queue->isReady());
  }
  // What the script was at the time of its beginning is what it says.
  AnswerRun* submit(Priority priority = Priority::answer, OnHigher onHigher = OnHigher::pause, const QString& messageId = {}) {
    return queue->submit([messageId](AnswerRun& run) { run.start({.request = {}, .messageId = messageId}); }, priority, onHigher);
  }
  AnswerRun* submitPictures() {
    return queue->submit([](AnswerRun& run) {
      GenerateRequest request;
      request.messages.push_back({"user", pictures_then_text({{"cat.png", nullptr}}, "What is it?")});
      run.start({.request = std::move(request)});
    });
  }
  void speak(const char* text, int delayMs, int nTokens = 0) { engine->set_script(ScriptedEngine::speak(text, delayMs, nTokens)); }

  ScriptedEngine* engine = nullptr;
  std::unique_ptr<EngineQueue> queue;
};

// What became of a run, also after the queue deleted it.
struct Told {
  explicit Told(AnswerRun* run) {
    QObject::connect(run, &AnswerRun::textWritten, &guard, [this](const QString& delta) { text += delta; });
    QObject::connect(run, &AnswerRun::stateChanged, &guard, [this, run] {
      if (states.isEmpty() || states.last() != run->state()) states.append(run->state());
    });
    QObject::connect(run, &AnswerRun::finished, &guard, [this](FinishReason why, const GenerationStats& figures) {
      reason = why;
      stats = figures;
      ++nEnds;
    });
    QObject::connect(run, &AnswerRun::failed, &guard, [this](const Error& why) {
      error = why;
      ++nEnds;
    });
  }
  bool has(AnswerRun::State state) const { return states.contains(state); }
  QString text;
  QList<AnswerRun::State> states;
  FinishReason reason{};
  GenerationStats stats;
  std::optional<Error> error;
  int nEnds = 0;
  QObject guard;  // nothing is told any more when it goes
};

}  // namespace

class EngineQueueTest : public QObject {
  Q_OBJECT

 private slots:
  void aHigherPriorityPausesTheLowerWhichLosesNothing() {
    Queue q;
    q.speak("word after word", 4, 600);
    AnswerRun* low = q.submit();
    Told lower(low);
    QTRY_COMPARE(low->state(), AnswerRun::Writing);
    q.speak("at the cursor", 150);
    AnswerRun* high = q.submit(Priority::interactive);
    Told higher(high);
    QTRY_COMPARE(low->state(), AnswerRun::Paused);
    QCOMPARE(q.queue->current(), high);
    QTRY_COMPARE(higher.nEnds, 1);
    QCOMPARE(higher.text, "at the cursor");
    QCOMPARE(lower.nEnds, 0);
    QTRY_COMPARE(low->state(), AnswerRun::Writing);  // by itself
    QTRY_COMPARE_WITH_TIMEOUT(lower.nEnds, 1, 20'000);
    QCOMPARE(lower.states.last(), AnswerRun::Finished);
    QCOMPARE(lower.stats.generated_tokens, 600);
    QCOMPARE(lower.text, QStringLiteral("word after word ").repeated(200).trimmed());
    QVERIFY(!q.queue->busy());
  }

  void aRunThatSaidSoEndsWhenAHigherOneComes() {
    Queue q;
    q.speak("word after word", 2, 1000);
    Told lower(q.submit(Priority::background, OnHigher::supersede));
    QTRY_VERIFY(lower.has(AnswerRun::Writing));
    q.speak("An answer.", 1);
    Told higher(q.submit());
    QTRY_COMPARE(higher.nEnds, 1);
    QCOMPARE(lower.nEnds, 1);
    QCOMPARE(lower.states.last(), AnswerRun::Superseded);
    QVERIFY(lower.text.startsWith("word after"));
    QCOMPARE(higher.states.last(), AnswerRun::Finished);
  }

  void equalsComeInTheirOrderAndWaitVisibly() {
    Queue q;
    q.speak("one two three", 5, 30);
    AnswerRun *first = q.submit(), *second = q.submit(), *third = q.submit();
    Told a(first), b(second), c(third);
    QTRY_COMPARE(first->state(), AnswerRun::Writing);
    QCOMPARE(second->state(), AnswerRun::Queued);
    QVERIFY(third->isWaiting());
    third->stop();  // taken back: it never begins
    QCOMPARE(c.nEnds, 1);
    QCOMPARE(c.reason, FinishReason::cancelled);
    QTRY_COMPARE(b.nEnds, 1);
    QCOMPARE(a.nEnds, 1);
    QCOMPARE(q.engine->generate_requests().size(), std::size_t{2});
  }

  void asManyAnswerAtOnceAsTheModelHolds() {
    Queue q(false);
    q.engine->set_loading({.error = {}, .n_sequences = 2});
    q.load();
    q.speak("one two three", 5, 60);
    AnswerRun *first = q.submit(), *second = q.submit(), *third = q.submit();
    Told a(first), b(second), c(third);
    QTRY_COMPARE(second->state(), AnswerRun::Writing);
    QCOMPARE(first->state(), AnswerRun::Writing);
    QCOMPARE(third->state(), AnswerRun::Queued);
    const QString before = b.text;
    first->stop();
    QTRY_COMPARE(a.nEnds, 1);
    QCOMPARE(a.reason, FinishReason::cancelled);
    QTRY_COMPARE(third->state(), AnswerRun::Writing);
    QCOMPARE(second->state(), AnswerRun::Writing);
    QVERIFY(b.text.size() > before.size());
    QVERIFY(!b.has(AnswerRun::Paused));

    q.speak("Quick.", 1);
    Told higher(q.submit(Priority::interactive));
    QTRY_COMPARE(higher.nEnds, 1);
    QVERIFY(b.has(AnswerRun::Paused));
    QVERIFY(c.has(AnswerRun::Paused));
    QTRY_COMPARE(b.nEnds + c.nEnds, 2);
    QCOMPARE(b.text, c.text);
    QCOMPARE(b.stats.generated_tokens, 60);
  }

  void whoWaitsForRoomInTheCacheSaysSoAndGoesOn() {
    Queue q(false);
    q.engine->set_loading({.error = {}, .n_sequences = 4});
    q.load();
    q.speak("one two three", 3, 40);
    AnswerRun* const first = q.submit();
    Told a(first);
    QTRY_COMPARE(first->state(), AnswerRun::Writing);
    ScriptedEngine::Script script = ScriptedEngine::speak("one two three", 3, 40);
    script.room_ms = 80;
    q.engine->set_script(script);
    AnswerRun *second = q.submit(), *third = q.submit();
    Told b(second), c(third);
    QTRY_COMPARE(second->state(), AnswerRun::Queued);
    QTRY_VERIFY(!second->isWaiting());  // it has begun
    QTRY_COMPARE(third->state(), AnswerRun::Queued);
    third->stop();
    QTRY_COMPARE(c.nEnds, 1);
    QCOMPARE(c.reason, FinishReason::cancelled);
    QTRY_COMPARE(second->state(), AnswerRun::Writing);
    QTRY_COMPARE(a.nEnds + b.nEnds, 2);
    QCOMPARE(b.text, a.text);
    QVERIFY(!b.error && !b.has(AnswerRun::Paused));
    QVERIFY(!a.has(AnswerRun::Queued) || a.states.indexOf(AnswerRun::Queued) == 0);
  }

  void aStopIsSeenInEveryPhase_data() {
    QTest::addColumn<int>("phase");
    for (const int phase : {AnswerRun::NoModel, AnswerRun::Loading, AnswerRun::Queued, AnswerRun::Looking, AnswerRun::Reading, AnswerRun::Thinking,
                            AnswerRun::Writing, AnswerRun::Paused})
      QTest::addRow("%s", QMetaEnum::fromType<AnswerRun::State>().valueToKey(phase)) << phase;
  }
  void aStopIsSeenInEveryPhase() {
    QFETCH(int, phase);
    Queue q(false);
    q.engine->set_loading({.milliseconds = phase == AnswerRun::Loading ? 20'000 : 0, .error = {}, .can_see = true, .can_think = true});
    if (phase == AnswerRun::Loading) q.queue->load({.path = "/models/slow.gguf"}, {});
    else if (phase != AnswerRun::NoModel) q.load();
    ScriptedEngine::Script script =
        phase == AnswerRun::Thinking ? ScriptedEngine::think("so", "what", 5'000, 3) : ScriptedEngine::speak("so", 5'000, 3);
    script.steps.front().delay_ms = 0;  // then five seconds without a word
    script.picture_ms = phase == AnswerRun::Looking ? 20'000 : 0;
    script.prefill_ms = phase == AnswerRun::Reading ? 20'000 : 0;
    q.engine->set_script(script);
    if (phase == AnswerRun::Queued) q.submit();
    AnswerRun* run = phase == AnswerRun::Looking ? q.submitPictures() : q.submit();
    Told told(run);
    if (phase == AnswerRun::Paused) {
      QTRY_COMPARE(run->state(), AnswerRun::Writing);
      q.submit(Priority::interactive);
    }
    // A unit that is under way when a higher run comes is let finish.
    QTRY_COMPARE_WITH_TIMEOUT(int(run->state()), phase, 8000);
    QTest::qWait(20);
    QElapsedTimer timer;
    timer.start();
    run->stop();
    while (told.nEnds == 0 && timer.elapsed() < 3000) QTest::qWait(1);
    QVERIFY2(timer.elapsed() < 200, qPrintable(QString::number(timer.elapsed())));
    QCOMPARE(told.nEnds, 1);
    QCOMPARE(told.reason, FinishReason::cancelled);
    QCOMPARE(told.states.isEmpty() ? AnswerRun::Stopped : told.states.last(), AnswerRun::Stopped);
  }

  void plansAndCountsComeBetweenTwoUnits() {
    Queue q;
    q.speak("word after word", 5, 400);
    AnswerRun* run = q.submit();
    Told told(run);
    QTRY_COMPARE(run->state(), AnswerRun::Writing);
    QSignalSpy planned(q.queue.get(), &EngineQueue::planned), counted(q.queue.get(), &EngineQueue::tokensCounted);
    const quint64 plan = q.queue->plan({.path = "/models/two.gguf"}), count = q.queue->countTokens("four words of text");
    QVERIFY(plan != count);
    QTRY_COMPARE(planned.size(), 1);
    QTRY_COMPARE(counted.size(), 1);
    QCOMPARE(planned[0][0].toULongLong(), plan);
    QCOMPARE(counted[0][0].toULongLong(), count);
    QCOMPARE(counted[0][1].toLongLong(), 4);
    QCOMPARE(run->state(), AnswerRun::Writing);
    run->stop();
    QTRY_COMPARE(told.nEnds, 1);
  }

  void aLoadEndsTheRunsOfTheOldModelAndWhatWaitsGoesToTheNew() {
    Queue q;
    q.speak("word after word", 5, 400);
    AnswerRun* run = q.submit();
    Told told(run);
    AnswerRun* waiting = q.submit();
    Told later(waiting);
    QTRY_COMPARE(run->state(), AnswerRun::Writing);
    q.speak("Of the new one.", 1);
    q.engine->set_loading({.milliseconds = 50, .error = {}});
    q.queue->load({.path = "/models/two.gguf"}, {});
    QCOMPARE(run->state(), AnswerRun::Stopping);
    QCOMPARE(waiting->state(), AnswerRun::Loading);
    QTRY_COMPARE(later.nEnds, 1);
    QCOMPARE(told.states.last(), AnswerRun::Stopped);
    QVERIFY(told.stats.generated_tokens > 0);
    QCOMPARE(later.text, "Of the new one.");
    QCOMPARE(q.engine->load_requests().back().path, "/models/two.gguf");
    Told last(q.submit());
    q.queue->unload();
    QVERIFY(!q.queue->isReady());
    q.load();
    QTRY_COMPARE(last.nEnds, 1);
    QCOMPARE(last.reason, FinishReason::stop);
  }

  void aRunWhoseWordsAreNotOnTheDiskYetStopsAtOnce() {
    Queue q;
    bool isBegun = false;
    AnswerRun* run = q.queue->submit([&](AnswerRun&) { isBegun = true; });  // the disk never answers
    Told told(run);
    QTRY_VERIFY(isBegun);
    QCOMPARE(run->state(), AnswerRun::Reading);
    q.queue->load({.path = "/models/two.gguf"}, {});  // as a stop
    QCOMPARE(told.nEnds, 1);
    QTRY_VERIFY(q.queue->isReady());
    QCOMPARE(q.engine->generate_requests().size(), std::size_t{0});
  }

  void anErrorEndsItsRunAndNothingElse() {
    Queue q;
    ScriptedEngine::Script script = ScriptedEngine::speak("x", 1);
    script.thrown = ScriptedEngine::Script::Throw::runtime_error;
    q.engine->set_script(script);
    Told thrown(q.submit());
    QTRY_COMPARE(thrown.nEnds, 1);
    QCOMPARE(thrown.error->code, ErrorCode::internal);
    script.thrown = {};
    script.error = make_error(ErrorCode::device_lost, "cuda:0: an answer, none");
    q.engine->set_script(script);
    Told failed(q.submit());
    QTRY_COMPARE(failed.nEnds, 1);
    QCOMPARE(failed.states.last(), AnswerRun::Failed);
    q.speak("Fine.", 1);
    Told fine(q.submit());
    QTRY_COMPARE(fine.nEnds, 1);
    QCOMPARE(fine.text, "Fine.");
  }

  void wordsGoToTheHistoryWhileTheWindowIsBusy() {
    std::atomic<int> nWords = 0;
    std::atomic<bool> isMainThread = false;
    Queue q;
    q.speak("word after word", 1, 5000);
    QObject::connect(
        q.queue.get(), &EngineQueue::textReady, q.queue.get(),
        [&](const QString& messageId, const QString&, qint64) {
          if (messageId == "the answer") ++nWords;
          if (QThread::currentThread() == QCoreApplication::instance()->thread()) isMainThread = true;
        },
        Qt::DirectConnection);
    AnswerRun* run = q.submit(Priority::answer, OnHigher::pause, "the answer");
    Told told(run);
    QTRY_VERIFY(nWords > 0);
    const int before = nWords;
    QThread::msleep(300);  // nobody turns the event loop
    QVERIFY(nWords > before);
    QVERIFY(!isMainThread);
    run->stop();
    QTRY_COMPARE(told.nEnds, 1);
  }

  // Each piece on its own would cost the window a frame's work, and keep it busy longer still.
  void wordsThatCameMeanwhileComeInOnePiece() {
    Queue q;
    q.speak("word after word ", 1, 5000);
    QString history;
    QObject::connect(q.queue.get(), &EngineQueue::textReady, q.queue.get(), [&](const QString&, const QString& delta) { history += delta; });
    AnswerRun* run = q.submit(Priority::answer, OnHigher::pause, "the answer");
    Told told(run);
    QTRY_VERIFY(told.text.size() > 0);
    QSignalSpy pieces(run, &AnswerRun::textWritten);
    const qsizetype before = told.text.size();
    QThread::msleep(400);  // twelve pieces come
    for (int i = 0; i < 2; ++i) QCoreApplication::sendPostedEvents(q.queue.get());
    QVERIFY(told.text.size() - before > 400);
    QVERIFY2(pieces.count() <= 2, QByteArray::number(pieces.count()));  // what was just here, and what came meanwhile
    run->stop();
    QTRY_COMPARE(told.nEnds, 1);
    QCOMPARE(told.text, history);
  }

  void atTheEndEveryRunHasEnded() {
    Queue q;
    q.speak("word after word", 5, 4000);
    Told running(q.submit());
    Told waiting(q.submit());
    QTRY_VERIFY(running.has(AnswerRun::Writing));
    q.queue->shutDown();
    q.queue->join();
    QCOMPARE(running.nEnds, 1);
    QCOMPARE(waiting.nEnds, 1);
    QVERIFY(running.text.startsWith("word"));
  }
};

QTEST_MAIN(EngineQueueTest)
#include "engine_queue_test.moc"
