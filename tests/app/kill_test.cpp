// kill_test [TIMES]: 30 under ctest, 200 for the full run.
#include <QCoreApplication>
#include <QDir>
#include <QProcess>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <csignal>

#include "app/history/history_writer.h"
#include "app/system/session_lock.h"
#include "tests/app/history_fixture.h"
#include "tests/app/kill_script.h"
#include "tests/support/scripted_engine.h"

using namespace pio;

namespace {

int times = 30;
constexpr int kImportedChats = 40, kImportedMessages = 6;

struct Emission {
  long long turn, microseconds, bytes, tokens;
};

// Starts the program, kills it so long after something came true and gives what its engine had emitted.
QList<Emission> killedAfter(int milliseconds, const std::function<bool(const QProcess& child)>& isTrue, const QStringList& arguments) {
  QProcess child;
  child.start(QStringLiteral(PIO_KILL_CHILD), arguments);
  if (!child.waitForStarted() || !QTest::qWaitFor([&] { return isTrue(child); }, 30'000)) return {};
  QTest::qWait(milliseconds);
  ::kill(static_cast<pid_t>(child.processId()), SIGKILL);
  child.waitForFinished();
  QList<Emission> emitted;
  const QList<QByteArray> lines = child.readAllStandardOutput().split('\n');
  for (const QByteArray& line : lines) {
    const QList<QByteArray> words = line.split(' ');
    if (words.size() == 4) emitted.append({words[0].toLongLong(), words[1].toLongLong(), words[2].toLongLong(), words[3].toLongLong()});
  }
  return emitted;
}

void isSound(const QString& path) {
  const SqlFile check(path);
  QCOMPARE(check.value("PRAGMA integrity_check").toString(), "ok");
  QVERIFY(!check.value("PRAGMA foreign_key_check").isValid());
}

// An export of chats of this round.
QString exportOfRound(const QTemporaryDir& folder, int round) {
  QJsonArray chats;
  for (int i = 0; i < kImportedChats; ++i) {
    QJsonArray messages;
    const QString chat = QStringLiteral("round %1, chat %2").arg(round).arg(i);
    for (int j = 0; j < kImportedMessages; ++j) {
      messages.append(QJsonObject{{"id", chat + QStringLiteral(", %1").arg(j)},
                                  {"parent", j == 0 ? QJsonValue() : QJsonValue(chat + QStringLiteral(", %1").arg(j - 1))},
                                  {"role", j % 2 == 0 ? "user" : "assistant"},
                                  {"text", QString(500, QChar('a' + j))},
                                  {"state", "complete"},
                                  {"created", j}});
    }
    chats.append(QJsonObject{{"id", chat}, {"title", chat}, {"created", i}, {"messages", messages}});
  }
  QFile file(folder.filePath(QStringLiteral("%1.json").arg(round)));
  if (file.open(QIODevice::WriteOnly)) file.write(QJsonDocument(QJsonObject{{"version", 1}, {"chats", chats}}).toJson());
  return file.fileName();
}

QString wordsOf(const Message& message) { return message.reasoning() + message.text(); }

}  // namespace

class KillTest : public QObject {
  Q_OBJECT

 private slots:
  void aKilledWindowLosesAtMostOneCommitGroup() {
    QTemporaryDir folder, exports;
    const QString path = folder.filePath("history.db");
    QRandomGenerator random(20'261'121);
    const QString thought = QString::fromStdString([] {
      std::string text;
      for (const ScriptStep& step : ScriptedEngine::think(kKillThought, kKillAnswer, 5, kKillThoughts).steps)
        text += step.is_thought ? step.text : "";
      return text;
    }());
    const QString answer = QString::fromStdString(kKillAnswer);
    QHash<QString, QString> known;  // messages of earlier rounds: none may change or vanish
    int underWay = 0, whole = 0, imports = 0;
    long long worstTokens = 0;
    for (int round = 0; round < times; ++round) {
      QStringList arguments{folder.path()};
      if (round % 3 == 1) arguments.append(exportOfRound(exports, round));
      // From before the file is open to well into the third answer.
      const bool isEarly = round % 4 == 0;
      const auto speaks = [isEarly](const QProcess& child) { return isEarly || child.bytesAvailable() > 0; };
      const QList<Emission> emitted = killedAfter(random.bounded(20, 1500), speaks, arguments);

      HistoryDb db;
      QVERIFY2(db.open(path), "the history does not open");  // runs quick_check
      isSound(path);
      QVERIFY(db.adoptUnfinished([&](const QString& writer) { return SessionLock::isAlive(folder.path(), writer); }));
      QHash<QString, QString> now;
      QList<MessageRecord> answers;  // of this round
      int importedChats = 0, importedMessages = 0;
      const auto chats = db.chats();
      QVERIFY(chats);
      for (const ChatRecord& chat : *chats) {
        const auto messages = db.messages(chat.id);
        const bool isImported = chat.id.startsWith("round ");
        const bool isOfRound = chat.id.startsWith(QStringLiteral("round %1,").arg(round));
        importedChats += isOfRound;
        for (const MessageRecord& record : *messages) {
          now.insert(record.message.id, wordsOf(record.message));
          QVERIFY(record.message.state != Message::State::Streaming);
          importedMessages += isOfRound;
          if (!isImported && !known.contains(record.message.id) && record.message.role == Message::Role::Assistant) answers.append(record);
        }
      }
      for (auto old = known.cbegin(); old != known.cend(); ++old) QCOMPARE(now.value(old.key(), "gone"), old.value());
      known = now;
      QVERIFY(importedChats == 0 || (importedChats == kImportedChats && importedMessages == kImportedChats * kImportedMessages));
      imports += importedChats > 0;
      if (emitted.isEmpty()) continue;

      // An answer that another one followed is whole; its end is in the file.
      const Emission last = emitted.last();
      QVERIFY2(answers.size() >= last.turn, "an answer that was begun is gone");
      for (long long i = 0; i + 1 < last.turn; ++i) {
        QCOMPARE(answers[i].message.state, Message::State::Complete);
        QCOMPARE(answers[i].message.reasoning(), thought);
        QCOMPARE(answers[i].message.text(), answer);
        QCOMPARE(answers[i].message.parts.size(), 2);
        ++whole;
      }
      const Message& half = answers[last.turn - 1].message;
      const qsizetype kept = wordsOf(half).toUtf8().size();
      QVERIFY2((thought + answer).startsWith(wordsOf(half)) && thought.startsWith(half.reasoning()),
               "the history holds something that was never emitted");
      if (half.state == Message::State::Complete) {
        QCOMPARE(wordsOf(half), thought + answer);
        continue;
      }
      ++underWay;
      // Short by one commit group: 32 tokens, or what came within 250 ms.
      long long keptTokens = 0, keptAt = 0;
      for (const Emission& emission : emitted) {
        if (emission.turn != last.turn) continue;
        if (keptAt == 0) keptAt = emission.microseconds;
        if (emission.bytes > kept) break;
        keptTokens = emission.tokens;
        keptAt = emission.microseconds;
      }
      worstTokens = std::max(worstTokens, last.tokens - keptTokens);
      const QByteArray figures =
          QByteArray::number(last.tokens - keptTokens) + " tokens, " + QByteArray::number(last.microseconds - keptAt) + " us are missing";
      QVERIFY2(last.tokens - keptTokens <= HistoryWriter::kGroupTokens || last.microseconds - keptAt <= 250'000, figures);
    }
    qInfo("%d kills, %d with an answer under way, %d whole answers, %d whole imports, at most %lld tokens missing, %lld messages", times, underWay,
          whole, imports, worstTokens, static_cast<long long>(known.size()));
    QVERIFY(underWay > times / 3);
    QVERIFY(whole > 0);
    QVERIFY(imports > 0);
  }

  void aKilledMigrationLeavesTheFileOldOrNew() {
    QRandomGenerator random(20'261'129);
    int old = 0;
    for (int round = 0; round < std::max(5, times / 4); ++round) {
      QTemporaryDir folder;
      const QString path = folder.filePath("history.db");
      makeOldHistory(path, 4);
      lengthenOldHistory(path, 2000, 2000, 1000);
      // The copy is there right before the migration begins.
      const auto isCopied = [&folder](const QProcess&) { return QFileInfo::exists(folder.filePath("history.v4.db")); };
      killedAfter(random.bounded(0, 400), isCopied, {folder.path()});
      const int version = SqlFile(path).value("PRAGMA user_version").toInt();
      QVERIFY(version == 4 || version == HistoryDb::kVersion);
      old += version == 4;
      isSound(path);
      HistoryDb db;
      QVERIFY(db.open(path));
      QCOMPARE(db.messages("c-lamp")->size(), 3);
      QCOMPARE(db.messages("c-lamp")->at(1).message.parts.size(), 4);
      const auto look = db.messages("c-look");
      QCOMPARE(look->size(), 2002);
      QCOMPARE(look->last().message.text().size(), 2000);
      QCOMPARE(look->last().message.reasoning().size(), 1000);
    }
    qInfo("%d of %d died before the migration was done", old, std::max(5, times / 4));
  }
};

int main(int argc, char** argv) {
  QCoreApplication application(argc, argv);
  QStringList arguments = QCoreApplication::arguments();
  if (arguments.size() > 1 && arguments[1].toInt() > 0) times = arguments.takeAt(1).toInt();
  KillTest test;
  return QTest::qExec(&test, arguments);
}

#include "kill_test.moc"
