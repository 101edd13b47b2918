// kill_test [TIMES]: 30 under ctest, 200 for the full run.
#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QProcess>
#include <QRandomGenerator>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>
#include <chrono>
#include <csignal>

#include "app/history/history_db.h"
#include "app/history/history_writer.h"
#include "app/system/session_lock.h"

using namespace pio;

namespace {

int times = 30;

struct Emission {
  long long microseconds, bytes, tokens;
};

}  // namespace

class KillTest : public QObject {
  Q_OBJECT

 private slots:
  void aKilledWindowLosesAtMostOneCommitGroup() {
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QRandomGenerator random(20'261'121);
    QHash<QString, QString> known;  // messages of earlier rounds: none may change or vanish
    int withText = 0;
    long long worstTokens = 0;
    for (int round = 0; round < times; ++round) {
      QProcess child;
      child.start(QStringLiteral(PIO_KILL_CHILD), {folder.path()});
      QVERIFY(child.waitForStarted());
      // From before the file is open to well into the answer.
      QTest::qWait(random.bounded(20, 900));
      ::kill(static_cast<pid_t>(child.processId()), SIGKILL);
      child.waitForFinished();

      bool isAsked = false;
      QList<Emission> emitted;
      QByteArray text;
      const QList<QByteArray> lines = child.readAllStandardOutput().split('\n');
      for (const QByteArray& line : lines) {
        const QList<QByteArray> words = line.split(' ');
        if (words.size() == 2 && words[0] == "u") isAsked = true;
        if (words.size() == 3) emitted.append({words[0].toLongLong(), words[1].toLongLong(), words[2].toLongLong()});
      }

      HistoryDb db;
      QVERIFY2(db.open(path), "the history does not open");  // runs quick_check
      {
        QSqlDatabase check = QSqlDatabase::addDatabase("QSQLITE", "check");
        check.setDatabaseName(path);
        QVERIFY(check.open());
        QSqlQuery integrity(check);
        QVERIFY(integrity.exec("PRAGMA integrity_check") && integrity.next());
        QCOMPARE(integrity.value(0).toString(), "ok");
      }
      QSqlDatabase::removeDatabase("check");
      QVERIFY(db.adoptUnfinished([&](const QString& writer) { return SessionLock::isAlive(folder.path(), writer); }));
      QHash<QString, QString> now;
      QList<MessageRecord> fresh;
      const auto chats = db.chats();
      for (const ChatRecord& chat : *chats) {
        const auto messages = db.messages(chat.id);
        for (const MessageRecord& record : *messages) {
          now.insert(record.message.id, record.message.text());
          QVERIFY(record.message.state != Message::State::Streaming);
          if (!known.contains(record.message.id)) fresh.append(record);
        }
      }
      for (auto old = known.cbegin(); old != known.cend(); ++old) QCOMPARE(now.value(old.key(), "gone"), old.value());
      known = now;
      if (isAsked) QVERIFY2(!fresh.isEmpty() && fresh.first().message.text() == "Tell me about the sea.", "confirmed words are gone");
      if (emitted.isEmpty()) continue;

      QCOMPARE(fresh.size(), 2);
      const QByteArray kept = fresh.last().message.text().toUtf8();
      ++withText;
      const Emission last = emitted.last();
      // What was emitted, rebuilt: the same words over and over.
      QByteArray whole;
      const QList<QByteArray> words = {"the", " sea", " rose", " and", " the", " lamp", " of", " the", " tower", " went", " round", " "};
      for (long long i = 0; i < last.tokens; ++i) whole += (i > 0 && i % words.size() == 0 ? QByteArray(" ") : QByteArray()) + words[i % words.size()];
      QCOMPARE(whole.size(), last.bytes);
      QVERIFY2(whole.startsWith(kept), "the history holds something that was never emitted");
      // Short by one commit group: 32 tokens, or what came within 250 ms.
      long long keptTokens = 0, keptAt = emitted.first().microseconds;
      for (const Emission& emission : emitted) {
        if (emission.bytes > kept.size()) break;
        keptTokens = emission.tokens;
        keptAt = emission.microseconds;
      }
      worstTokens = std::max(worstTokens, last.tokens - keptTokens);
      const QByteArray figures = QByteArray::number(last.tokens - keptTokens) + " tokens, " + QByteArray::number(last.microseconds - keptAt) + " us are missing";
      QVERIFY2(last.tokens - keptTokens <= HistoryWriter::kGroupTokens || last.microseconds - keptAt <= 250'000, figures);
    }
    qInfo("%d kills, %d with an answer under way, at most %lld tokens missing, %lld messages", times, withText, worstTokens, static_cast<long long>(known.size()));
    QVERIFY(withText > times / 4);
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
