// damage_fuzz FIRST COUNT [MODE]: history files with damage, each opened, read, searched and written in a child of its own by the classes of the
// window. Seeds FIRST … FIRST + COUNT - 1; each gives the same damage every time. A line for every file that ends in a crash, takes longer than
// 5 s, or from which a message is gone that could be read before; then the counts. Status 1 when there was any.
// MODE: "closed" damages the file before it is opened, "open" while it is; without it every third seed is "open".
#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QMap>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "app/history/history_writer.h"
#include "tests/app/history_fixture.h"

using namespace pio;

namespace {

constexpr int kHangSeconds = 60;  // a child that is not done by then is killed
constexpr qint64 kSlowMs = 5'000;
constexpr qint64 kPage = 4096;

using Texts = QMap<QString, QString>;  // of messages, by id

int inChild(const std::function<int()>& body) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kHangSeconds);
    static int argc = 1;
    static char name[] = "damage_fuzz";
    static char* argv[] = {name, nullptr};
    int status = 0;
    {
      QCoreApplication application(argc, argv);
      status = body();
    }
    std::_Exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

// Three kinds of history: many short texts, long texts of equal words, a few of both.
void make(const QString& path, int kind) {
  HistoryDb db;
  if (!db.open(path)) return;
  fill(db);
  std::mt19937 random(static_cast<unsigned>(kind) + 1);
  const QStringList words{"lighthouse", "water", "wind", "sea", "stone", "house", "wood", "light", "lamp", "tower", "灯塔很高", "wörter"};
  const int nChats = kind == 1 ? 60 : 40;
  for (int c = 0; c < nChats; ++c) {
    const QString chat = QStringLiteral("f%1").arg(c);
    if (!db.putChat({chat, words[c % words.size()] + QString::number(c), 10 + c, 10 + c})) return;
    const int nMessages = kind == 1 ? 1 : 6;
    QString parent;
    for (int m = 0; m < nMessages; ++m) {
      const QString id = QStringLiteral("f%1m%2").arg(c).arg(m);
      QString text;
      if (kind == 1) text = QStringLiteral("word ").repeated(20'000);
      else
        for (int w = 0, n = kind == 0 ? 20 : 200 * (m % 3 + 1); w < n; ++w) {
          text += words[static_cast<int>(random() % static_cast<unsigned>(words.size()))];
          if (random() % 2 == 0) text += QString::number(random() % 3000);
          text += ' ';
        }
      if (!db.addMessage(message(chat, id, parent, m % 2 == 0 ? Message::Role::User : Message::Role::Assistant, text, 100 + m), {})) return;
      parent = id;
    }
  }
  if (!db.removeMessages({"f3m0"}, 77, "a-window-that-died")) return;
}

// Pages that belong to the search index, by asking SQLite. Numbers from 0.
QList<qint64> indexPages(const QString& path) {
  QList<qint64> pages;
  SqlFile file(path);
  QSqlQuery query(file.db());
  if (query.exec(QStringLiteral("SELECT pageno FROM dbstat WHERE name LIKE 'search%'")))
    while (query.next()) pages.append(query.value(0).toLongLong() - 1);
  return pages;
}

void damage(const QString& path, unsigned seed, const QList<qint64>& index) {
  std::mt19937 random(seed);
  const auto below = [&](qint64 n) { return static_cast<qint64>(random() % static_cast<unsigned long>(std::max<qint64>(n, 1))); };
  QFile file(path);
  if (!file.open(QIODevice::ReadWrite | QIODevice::Unbuffered)) return;
  const qint64 nPages = std::max<qint64>(file.size() / kPage, 1);
  const bool isIndex = random() % 4 != 0 && !index.isEmpty();
  const auto somePage = [&] { return isIndex ? index[below(index.size())] : below(nPages); };
  const auto put = [&](qint64 at, const QByteArray& bytes) { file.seek(at) && file.write(bytes); };
  const auto get = [&](qint64 at, qint64 n) { return file.seek(at) ? file.read(n) : QByteArray(); };
  const int n = 1 + static_cast<int>(below(random() % 3 == 0 ? 40 : 3));
  const int kind = static_cast<int>(random() % 8);
  for (int i = 0; i < n; ++i) {
    const qint64 at = somePage() * kPage;
    QByteArray page = get(at, kPage);
    switch (kind) {
      case 0:  // random bytes, a whole page
        for (char& c : page) c = static_cast<char>(random());
        put(at, page);
        break;
      case 1: put(at, QByteArray(kPage, '\0')); break;
      case 2: {  // pages that changed places
        const qint64 other = somePage() * kPage;
        put(at, get(other, kPage));
        put(other, page);
        break;
      }
      case 3:  // cut off
        if (i == 0) file.resize(random() % 2 == 0 ? below(file.size()) : below(nPages) * kPage);
        break;
      case 4: {  // a single bit
        const qint64 byte = at + below(kPage);
        QByteArray one = get(byte, 1);
        if (!one.isEmpty()) one[0] = static_cast<char>(one[0] ^ (1 << below(8)));
        put(byte, one);
        break;
      }
      case 5: {  // a few bytes in one place
        QByteArray few(1 + below(64), '\0');
        for (char& c : few) c = static_cast<char>(random());
        put(at + below(kPage - few.size()), few);
        break;
      }
      case 6: {  // the same byte in one place
        put(at + below(kPage - 300), QByteArray(1 + below(300), static_cast<char>(random() % 3 == 0 ? 0xff : random())));
        break;
      }
      default: {  // bytes here and there in a page's contents
        for (int k = 0; k < 20 && page.size() == kPage; ++k) page[static_cast<int>(below(kPage))] = static_cast<char>(random());
        put(at, page);
        break;
      }
    }
  }
}

// What the messages say, each asked for by itself; those that cannot be read are left out.
Texts readable(const QString& path) {
  Texts texts;
  if (!QFile::exists(path)) return texts;
  SqlFile file(path);
  QSqlQuery query(file.db());
  (void)query.exec("PRAGMA cell_size_check = ON");
  const int kMost[] = {60, 6};
  for (int c = 0; c < kMost[0]; ++c) {
    for (int m = 0; m < kMost[1]; ++m) {
      const QString id = QStringLiteral("f%1m%2").arg(c).arg(m);
      if (query.exec(
              QStringLiteral("SELECT p.text FROM messages m JOIN parts p ON p.message = m.seq WHERE m.id = '%1' AND p.kind = 'text'").arg(id)) &&
          query.next())
        texts.insert(id, query.value(0).toString());
    }
  }
  return texts;
}

// Every text there is, by itself: words whose message is lost have a new one.
Texts allTexts(const QString& path) {
  Texts texts;
  SqlFile file(path);
  QSqlQuery query(file.db());
  if (query.exec("SELECT p.text FROM parts p JOIN messages m ON m.seq = p.message"))
    while (query.next()) texts.insert(query.value(0).toString(), {});
  return texts;
}

void save(const Texts& texts, const QString& path) {
  QFile file(path);
  QDataStream stream(&file);
  if (file.open(QIODevice::WriteOnly)) stream << texts;
}

Texts restored(const QString& path) {
  QFile file(path);
  QDataStream stream(&file);
  Texts texts;
  if (file.open(QIODevice::ReadOnly)) stream >> texts;
  return texts;
}

// Of the processor's time: a busy machine is no fault of a file.
struct Slowest {
  std::clock_t since = std::clock();
  qint64 ms = 0;
  const char* what = "";
  void step(const char* now) {
    const std::clock_t before = std::exchange(since, std::clock());
    const qint64 took = (since - before) * 1000 / CLOCKS_PER_SEC;
    if (took > ms) {
      ms = took;
      what = now;
    }
  }
};

// What a window does with a file. 0: done; 3: a step took too long.
int use(const QString& folder, unsigned seed, bool isDamagedWhileOpen, const QList<qint64>& index) {
  HistoryWriter::Pace pace{.writeAgainMs = 20, .openAgainMs = 50, .lookMs = 20};
  Slowest slowest;
  HistoryWriter writer(pace);
  QSignalSpy problems(&writer, &HistoryWriter::problem), readFailed(&writer, &HistoryWriter::readFailed);
  QSignalSpy searchFailed(&writer, &HistoryWriter::searchFailed), found(&writer, &HistoryWriter::found);
  writer.open(folder, "me");
  slowest.step("open");
  if (isDamagedWhileOpen) damage(folder + "/history.db", seed, index);
  quint64 serial = 0;
  const auto look = [&] {
    for (const char* words : {"lighthouse", "wo", "w", "water1", "灯", "wörter stone", "word", "l"})
      writer.search(++serial, QString::fromUtf8(words));
    slowest.step("search");
  };
  look();
  for (int c = 0; c < 60; c += 3) writer.loadChat(++serial, QStringLiteral("f%1").arg(c));
  slowest.step("load");
  writer.putChat({"new", "a new chat about a lighthouse", 90'000, 90'000});
  writer.addMessage(message("new", "new1", {}, Message::Role::User, "words and more words", 90'001));
  MessageRecord answer = message("new", "new2", "new1", Message::Role::Assistant, {}, 90'002);
  answer.message.state = Message::State::Streaming;
  writer.addMessage(answer);
  for (int i = 0; i < 70; ++i) writer.appendText("new2", "word ", i + 1);
  answer.message.setText(QStringLiteral("word ").repeated(70));
  answer.message.state = Message::State::Complete;
  writer.putMessage(answer);
  slowest.step("write");
  writer.setTitle("f5", "a title that was changed");
  writer.removeChat("f7", 5);
  writer.purge(5);
  slowest.step("remove");
  for (int i = 0; i < 8; ++i) {
    QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
    QThread::msleep(10);
  }
  slowest.step("wait");
  look();
  writer.exportTo(folder + "/export.json");
  slowest.step("export");
  writer.importFrom(folder + "/export.json");
  slowest.step("import");
  writer.close();
  slowest.step("close");
  QFile note(folder + "/note");
  if (note.open(QIODevice::WriteOnly)) {
    const bool isMoved = !QDir(folder).entryList({"history.db.damaged-*"}).isEmpty();
    note.write(isMoved ? "moved " : "");
    if (!problems.isEmpty()) note.write("problem ");
    if (!readFailed.isEmpty()) note.write("readFailed ");
    if (!found.isEmpty() && !searchFailed.isEmpty() && found.last().at(0).toULongLong() < searchFailed.last().at(0).toULongLong())
      note.write("searchStaysFailed ");
    note.write(slowest.what);
  }
  return slowest.ms > kSlowMs ? 3 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  ::setenv("QT_LOGGING_RULES", "*=false", 1);
  const unsigned first = static_cast<unsigned>(std::atoi(argv[1])), count = static_cast<unsigned>(std::atoi(argv[2]));
  const std::string mode = argc > 3 ? argv[3] : "";
  QTemporaryDir bases;
  QList<QList<qint64>> indexes;
  for (int kind = 0; kind < 3; ++kind) {
    const QString path = bases.filePath(QStringLiteral("base%1.db").arg(kind));
    const QString pages = path + ".pages";
    inChild([&] {
      make(path, kind);
      QFile file(pages);
      QDataStream stream(&file);
      if (file.open(QIODevice::WriteOnly)) stream << indexPages(path);
      save(readable(path), path + ".texts");
      return 0;
    });
    QFile file(pages);
    QDataStream stream(&file);
    QList<qint64> index;
    if (file.open(QIODevice::ReadOnly)) stream >> index;
    indexes.append(index);
  }
  QMap<QString, int> counts;
  bool isBad = false;
  for (unsigned seed = first; seed < first + count; ++seed) {
    const int kind = seed % 11 == 0 ? 1 : seed % 2 == 0 ? 0 : 2;
    const bool isOpen = mode == "open" || (mode.empty() && seed % 3 == 0);
    QTemporaryDir folder;
    const QString path = folder.filePath("history.db");
    QFile::copy(bases.filePath(QStringLiteral("base%1.db").arg(kind)), path);
    if (!isOpen) {
      damage(path, seed, indexes[kind]);
      QFile::copy(path, folder.filePath("before.db"));
      inChild([&] {
        save(readable(folder.filePath("before.db")), folder.filePath("before"));
        return 0;
      });
    }
    const int status = inChild([&] { return use(folder.path(), seed, isOpen, indexes[kind]); });
    QString outcome = "well";
    if (WIFSIGNALED(status)) outcome = WTERMSIG(status) == SIGALRM ? QString("HANG") : QString("CRASH by signal %1").arg(WTERMSIG(status));
    else if (WEXITSTATUS(status) == 3) outcome = "SLOW";
    else if (WEXITSTATUS(status) != 0) outcome = QString("CRASH with status %1").arg(WEXITSTATUS(status));
    QString note;
    if (QFile file(folder.filePath("note")); file.open(QIODevice::ReadOnly)) note = QString::fromUtf8(file.readAll());
    if (!isOpen) {
      inChild([&] {
        save(allTexts(path), folder.filePath("after"));
        return 0;
      });
      const Texts before = restored(folder.filePath("before")), after = restored(folder.filePath("after"));
      const Texts original = restored(bases.filePath(QStringLiteral("base%1.db.texts").arg(kind)));
      int nLost = 0;
      for (auto it = before.begin(); it != before.end(); ++it) {
        if (it.key().startsWith("f7m") || it.key() == "f3m0") continue;  // removed by the use
        if (original.value(it.key()) != it.value() || after.contains(it.value())) continue;
        if (++nLost <= 3) note += ' ' + it.key();
      }
      if (nLost > 0) outcome += QString(" LOST");
      if (nLost > 0) note += QString(" lost %1 of %2").arg(nLost).arg(before.size());
    }
    if (outcome != "well") {
      isBad = true;
      std::printf("%u %s: %s (%s)\n", seed, isOpen ? "open" : "closed", qPrintable(outcome), qPrintable(note));
    }
    ++counts[(isOpen ? "open " : "closed ") + outcome + (note.contains("moved") ? " moved" : "") + (note.contains("StaysFailed") ? " noSearch" : "")];
  }
  for (auto it = counts.begin(); it != counts.end(); ++it) std::printf("%6d %s\n", it.value(), qPrintable(it.key()));
  return isBad ? 1 : 0;
}
