#include "app/chat/conversation_model.h"

#include <gtest/gtest.h>

#include <QAbstractItemModelTester>
#include <QColor>
#include <QSignalSpy>
#include <QTest>
#include <QTextDocument>
#include <random>

#include "app/chat/code_in_sight.h"
#include "app/chat/code_pieces.h"
#include "app/text/highlight.h"
#include "tests/app/text/processor_time.h"

using namespace pio;
using Kind = ConversationModel::Kind;

namespace {

Message user(const QString& id, const QString& text) {
  Message message;
  message.id = id;
  message.role = Message::Role::User;
  message.setText(text);
  return message;
}

Message answer(const QString& id, const QString& text, Message::State state = Message::State::Complete) {
  Message message;
  message.id = id;
  message.role = Message::Role::Assistant;
  message.state = state;
  message.setText(text);
  message.modelName = "Qwen3 4B";
  return message;
}

QVariant at(const ConversationModel& model, int row, int role) { return model.data(model.index(row), role); }

std::vector<int> kinds(const ConversationModel& model) {
  std::vector<int> out;
  for (int row = 0; row < model.count(); ++row) out.push_back(at(model, row, ConversationModel::KindRole).toInt());
  return out;
}

// Everything a view could see, to compare two models.
QString picture(const ConversationModel& model) {
  QString out;
  for (int row = 0; row < model.count(); ++row) {
    for (const int role : model.roleNames().keys()) {
      const QVariant value = at(model, row, role);
      out += value.canConvert<QString>() ? value.toString() : QString::number(value.toList().size());
      out += '|';
    }
    out += '\n';
  }
  return out;
}

// A view that believes what the signals say: rows inserted and removed, and what changed.
struct Mirror {
  explicit Mirror(const ConversationModel& source) : model(source) {
    QObject::connect(&model, &QAbstractItemModel::rowsInserted, &context, [this](const QModelIndex&, int first, int last) {
      for (int row = first; row <= last; ++row) rows.insert(rows.begin() + row, read(row));
    });
    QObject::connect(&model, &QAbstractItemModel::rowsRemoved, &context,
                     [this](const QModelIndex&, int first, int last) { rows.erase(rows.begin() + first, rows.begin() + last + 1); });
    QObject::connect(&model, &QAbstractItemModel::dataChanged, &context, [this](const QModelIndex& first, const QModelIndex& last) {
      for (int row = first.row(); row <= last.row(); ++row) {
        rows[size_t(row)].second = read(row).second;
        ++updates;
      }
    });
    QObject::connect(&model, &QAbstractItemModel::modelReset, &context, [this] { readAll(); });
    readAll();
  }
  void readAll() {
    rows.clear();
    for (int row = 0; row < model.count(); ++row) rows.push_back(read(row));
  }
  // The kind is read when a row comes and never again: a delegate is chosen once.
  std::pair<int, QString> read(int row) const {
    QString text;
    for (const int role : {int(ConversationModel::TextRole), int(ConversationModel::HtmlRole), int(ConversationModel::MarkerRole),
                           int(ConversationModel::StateRole), int(ConversationModel::LevelRole), int(ConversationModel::LastRole)})
      text += at(model, row, role).toString() + '|';
    const int kind = at(model, row, ConversationModel::KindRole).toInt();
    // The footer's text is the whole message; while that is being written a view is not told of it 30 times a second.
    if (kind == Kind::Footer && at(model, row, ConversationModel::StreamingRole).toBool()) text.clear();
    return {kind, text};
  }
  const ConversationModel& model;
  QObject context;
  std::vector<std::pair<int, QString>> rows;
  int updates = 0;
};

void expectTrue(const Mirror& mirror) {
  ASSERT_EQ(int(mirror.rows.size()), mirror.model.count());
  for (int row = 0; row < mirror.model.count(); ++row) ASSERT_EQ(mirror.rows[size_t(row)], mirror.read(row)) << "row " << row;
}

QString plain(const CodePieces& code, int row) {
  QTextDocument document;
  document.setHtml(code.index(row).data(CodePieces::HtmlRole).toString());
  return document.toPlainText();
}

QString textOf(const CodePieces& code) {
  QStringList pieces;
  for (int row = 0; row < code.rowCount(); ++row) pieces.append(plain(code, row));
  return pieces.join(u'\n');
}

RichStyle inColours() {
  RichStyle style;
  style.synKey = "#111111", style.synStr = "#222222", style.synNum = "#333333", style.synFn = "#444444", style.synCom = "#555555";
  return style;
}

QStringList colours(const CodePieces& code) {
  QStringList html;
  for (int row = 0; row < code.rowCount(); ++row) html.append(code.index(row).data(CodePieces::HtmlRole).toString());
  return html;
}

const char* kAnswer =
    "Intro with **bold**.\n\n# Title\n\n- one\n- two\n\n```python\nprint(1)\n```\n| a | b |\n|---|---|\n| x | 2 |\n\nEnd.\nSecond line.";

}  // namespace

TEST(ConversationModel, AnAnswerIsItsHeaderItsBlocksAndItsFooter) {
  ConversationModel model;
  QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.reset({user("u", "**plain**"), answer("a", kAnswer)});
  EXPECT_EQ(kinds(model), (std::vector<int>{Kind::UserMessage, Kind::AnswerHeader, Kind::Paragraph, Kind::Heading, Kind::ListItem, Kind::ListItem,
                                            Kind::Code, Kind::Table, Kind::Paragraph, Kind::Footer}));
  EXPECT_EQ(at(model, 0, ConversationModel::TextRole), "**plain**");
  EXPECT_EQ(at(model, 0, ConversationModel::HtmlRole), "");
  EXPECT_EQ(at(model, 1, ConversationModel::ModelNameRole), "Qwen3 4B");
  EXPECT_EQ(at(model, 2, ConversationModel::TextRole), "Intro with bold.");
  EXPECT_TRUE(at(model, 2, ConversationModel::HtmlRole).toString().contains("<b>bold</b>"));
  EXPECT_EQ(at(model, 3, ConversationModel::LevelRole), 1);
  EXPECT_EQ(at(model, 4, ConversationModel::MarkerRole), QString::fromUtf8("•"));
  EXPECT_EQ(at(model, 4, ConversationModel::IndentRole), 1);
  EXPECT_EQ(at(model, 6, ConversationModel::LanguageRole), "python");
  EXPECT_EQ(at(model, 6, ConversationModel::TextRole), "print(1)");
  EXPECT_EQ(at(model, 7, ConversationModel::CellsRole).toList().size(), 2);
  EXPECT_EQ(at(model, 7, ConversationModel::CellsRole).toList()[1].toList().size(), 2);
  EXPECT_EQ(at(model, 7, ConversationModel::AlignmentsRole).toList(), (QVariantList{int(Qt::AlignLeft), int(Qt::AlignRight)}));
  EXPECT_EQ(at(model, 7, ConversationModel::TextRole), "a\tb\nx\t2");
  EXPECT_EQ(at(model, 9, ConversationModel::TextRole), kAnswer);
  EXPECT_EQ(at(model, 9, ConversationModel::StateRole), "complete");
  EXPECT_EQ(at(model, 9, ConversationModel::LastRole), true);
  EXPECT_EQ(at(model, 0, ConversationModel::LastRole), false);
  EXPECT_FALSE(model.data(model.index(10), ConversationModel::TextRole).isValid());
}

TEST(ConversationModel, ARowKnowsWhatStandsAboveIt) {
  ConversationModel model;
  model.reset({user("u", "x"), answer("a", kAnswer), user("v", "y")});
  std::vector<int> expected = kinds(model);
  expected.insert(expected.begin(), -1);
  for (int row = 0; row < model.count(); ++row) {
    EXPECT_EQ(at(model, row, ConversationModel::AboveRole), expected[size_t(row)]) << "row " << row;
    EXPECT_EQ(at(model, row, ConversationModel::LevelAboveRole), row == 4 ? 1 : 0) << "row " << row;
  }
}

TEST(ConversationModel, NotesStandWhereTheyBelong) {
  ConversationModel model;
  Message stopped = answer("a", "Half", Message::State::Stopped);
  stopped.droppedMessages = 4;
  Message failed = answer("b", "", Message::State::Failed);
  failed.error.title = "Not enough memory";
  failed.error.explanation = "This needs 9.7 GB.";
  Message system;
  system.id = "s";
  system.role = Message::Role::System;
  model.reset({system, stopped, failed, answer("c", "", Message::State::Unfinished)});
  EXPECT_EQ(kinds(model), (std::vector<int>{Kind::AnswerHeader, Kind::DroppedNote, Kind::Paragraph, Kind::StoppedNote, Kind::Footer,
                                            Kind::AnswerHeader, Kind::ErrorNote, Kind::Footer, Kind::AnswerHeader, Kind::StoppedNote, Kind::Footer}));
  EXPECT_EQ(at(model, 1, ConversationModel::DroppedRole), 4);
  EXPECT_EQ(at(model, 6, ConversationModel::TextRole), "Not enough memory\nThis needs 9.7 GB.");
  EXPECT_EQ(at(model, 6, ConversationModel::ErrorRole).value<UserError>().title, "Not enough memory");
  EXPECT_EQ(model.messageCount(), 4);
  EXPECT_EQ(model.rowOf("s"), -1);
  EXPECT_EQ(model.rowOf("b"), 5);
  EXPECT_EQ(model.rowOf("?"), -1);
}

TEST(ConversationModel, AQuestionThatWaitsForNothingSaysSoWhileItIsTheLastMessage) {
  ConversationModel model;
  QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  Mirror mirror(model);
  const std::vector<int> question = {Kind::UserMessage}, unanswered = {Kind::UserMessage, Kind::UnansweredNote};
  const auto shows = [&](const std::vector<int>& wanted) { return kinds(model) == wanted && mirror.rows.size() == wanted.size(); };
  model.reset({user("u", "x")});
  EXPECT_TRUE(shows(question));
  model.setAwaited(false);
  EXPECT_TRUE(shows(unanswered));
  EXPECT_EQ(at(model, 1, ConversationModel::MessageIdRole), "u");
  EXPECT_EQ(model.find("x", 0, 1), 0);
  model.setAwaited(true);
  EXPECT_TRUE(shows(question));
  model.setAwaited(false);
  model.append(answer("a", "", Message::State::Streaming));
  EXPECT_TRUE(shows({Kind::UserMessage, Kind::AnswerHeader, Kind::Footer}));
  model.setAwaited(false);
  EXPECT_TRUE(shows({Kind::UserMessage, Kind::AnswerHeader, Kind::Footer})) << "an answer is there";
  model.removeFrom("a");
  EXPECT_TRUE(shows(unanswered));
  model.append(user("v", "y"));
  EXPECT_TRUE(shows({Kind::UserMessage, Kind::UserMessage})) << "what was just asked has its turn to come";
  model.setAwaited(false);
  EXPECT_TRUE(shows({Kind::UserMessage, Kind::UserMessage, Kind::UnansweredNote}));
  expectTrue(mirror);
}

TEST(ConversationModel, AGrowingAnswerTellsAViewExactlyWhatChanges) {
  std::mt19937 random(5);
  const QString text = QString::fromUtf8(kAnswer).repeated(3) + "\n\n```cpp\nint main() {\n\n  return 0;\n}\n```\n1. a\n   - b\n\n     c\n> q\n";
  for (int round = 0; round < 40; ++round) {
    ConversationModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    Mirror mirror(model);
    model.append(user("u", "Question"));
    model.append(answer("a", "", Message::State::Streaming));
    EXPECT_EQ(kinds(model), (std::vector<int>{Kind::UserMessage, Kind::AnswerHeader, Kind::Footer}));
    for (qsizetype i = 0; i < text.size();) {
      const qsizetype n = 1 + int(random() % 20);
      model.appendText("a", text.mid(i, n));
      i += n;
      ASSERT_NO_FATAL_FAILURE(expectTrue(mirror));
    }
    model.update(answer("a", text));
    expectTrue(mirror);
    ConversationModel whole;
    whole.reset({user("u", "Question"), answer("a", text)});
    ASSERT_EQ(picture(model), picture(whole));
  }
}

TEST(ConversationModel, AnAppendTouchesOnlyTheOpenBlock) {
  ConversationModel model;
  model.append(answer("a", "", Message::State::Streaming));
  for (int i = 0; i < 200; ++i) model.appendText("a", "A paragraph of the answer.\n\n");
  model.appendText("a", "The last");
  QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
  QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
  model.appendText("a", " one grows");
  ASSERT_EQ(changed.count(), 1);
  EXPECT_EQ(changed[0][0].toModelIndex().row(), 201);
  EXPECT_EQ(changed[0][1].toModelIndex().row(), 201);
  EXPECT_EQ(inserted.count(), 0);
}

TEST(ConversationModel, RowsOfClosedBlocksNeverChange) {
  ConversationModel model;
  model.append(answer("a", "", Message::State::Streaming));
  QStringList closed;
  const QString text = QString::fromUtf8(kAnswer).repeated(4);
  for (qsizetype i = 0; i < text.size(); i += 5) {
    model.appendText("a", text.mid(i, 5));
    // the last two blocks may be open: a list of two rows is the longest open thing in this text
    for (int row = 1; row < model.count() - 4; ++row) {
      const QString html = at(model, row, ConversationModel::TextRole).toString();
      if (row - 1 < closed.size()) ASSERT_EQ(closed[row - 1], html);
      else closed.push_back(html);
    }
  }
  EXPECT_GT(closed.size(), 20);
}

TEST(ConversationModel, UpdatesRemovalAndVersionsKeepTheRowsRight) {
  ConversationModel model;
  QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  Mirror mirror(model);
  model.reset({user("u", "q"), answer("a", "one\n\ntwo")});
  Message second = answer("a", "other\n\n# text", Message::State::Stopped);
  second.version = 2;
  second.versionCount = 2;
  model.update(second);
  expectTrue(mirror);
  EXPECT_EQ(kinds(model).back(), Kind::Footer);
  EXPECT_EQ(at(model, 0 + model.rowOf("a"), ConversationModel::VersionRole), 2);
  // going on with a stopped answer
  second.state = Message::State::Streaming;
  second.setText({});
  model.update(second);
  expectTrue(mirror);
  EXPECT_EQ(model.textOf("a"), "other\n\n# text");
  model.appendText("a", " goes on\n");
  expectTrue(mirror);
  EXPECT_EQ(at(model, model.count() - 2, ConversationModel::TextRole), "text goes on");
  model.append(user("w", "next"));
  expectTrue(mirror);
  model.removeFrom("a");
  expectTrue(mirror);
  EXPECT_EQ(model.count(), 1);
  EXPECT_EQ(model.rowOf("a"), -1);
  model.appendText("a", "late");  // of a turn that is gone
  model.update(second);
  model.removeFrom("nothing");
  EXPECT_EQ(model.count(), 1);
  model.removeFrom("u");
  EXPECT_EQ(model.count(), 0);
  EXPECT_EQ(model.messageCount(), 0);
}

TEST(ConversationModel, TheStyleIsInEveryRowAfterItChanges) {
  ConversationModel model;
  model.reset({answer("a", "See [x](https://a.b)")});
  EXPECT_FALSE(at(model, 1, ConversationModel::HtmlRole).toString().contains("#0b6a88"));
  QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
  model.setStyle({{"accent", QColor("#0b6a88")}, {"prose", QVariantList{18, 29, 400}}});
  EXPECT_EQ(changed.count(), 1);
  const QString html = at(model, 1, ConversationModel::HtmlRole).toString();
  EXPECT_TRUE(html.contains("#0b6a88") && html.contains("font-size:18px")) << html.toStdString();
}

TEST(ConversationModel, AnAnswerKnowsItsQuestionAndTheLastMessageItsVersions) {
  ConversationModel model;
  EXPECT_EQ(model.lastId(), "");
  EXPECT_EQ(model.lastVersion(1), 0);
  Message last = answer("b", "two");
  last.version = 2;
  last.versionCount = 3;
  model.reset({answer("z", "first"), user("u", "one?"), answer("a", "one"), user("v", "two?"), last});
  EXPECT_EQ(model.questionOf("b"), "v");
  EXPECT_EQ(model.questionOf("a"), "u");
  EXPECT_EQ(model.questionOf("z"), "");
  EXPECT_EQ(model.questionOf("unknown"), "");
  EXPECT_EQ(model.lastId(), "b");
  EXPECT_EQ(model.lastVersion(1), 3);
  EXPECT_EQ(model.lastVersion(-1), 1);
  EXPECT_EQ(model.lastVersion(2), 0);
}

TEST(ConversationModel, FindGoesRoundInBothDirections) {
  ConversationModel model;
  model.reset({user("u", "Where is the Needle?"), answer("a", "no\n\nthe needle\n\nno"), user("v", "thanks")});
  EXPECT_EQ(model.find("needle", -1, 1), 0);
  EXPECT_EQ(model.find("NEEDLE", 0, 1), 3);
  EXPECT_EQ(model.find("needle", 3, 1), 0);
  EXPECT_EQ(model.find("needle", 0, -1), 3);
  EXPECT_EQ(model.find("needle", -1, -1), 3);
  EXPECT_EQ(model.find("absent", 0, 1), -1);
  EXPECT_EQ(model.find("", 0, 1), -1);
}

TEST(ConversationModel, WholeSentencesAreTold) {
  ConversationModel model;
  QStringList told;
  QObject::connect(&model, &ConversationModel::sentenceWritten, [&told](const QString& sentence) { told.push_back(sentence); });
  model.append(answer("a", "", Message::State::Streaming));
  const QString text = QString::fromUtf8("First **one**. Second costs 3.5 euro! Rest\n\n```c\nint x; y.\n```\n\n第一句。第二句。\n\nThe end");
  for (const QChar c : text) model.appendText("a", QString(c));
  model.update(answer("a", text));
  EXPECT_EQ(told,
            (QStringList{"First one.", "Second costs 3.5 euro!", "Rest", QString::fromUtf8("第一句。"), QString::fromUtf8("第二句。"), "The end"}));
}

TEST(ConversationModel, ALongChatGetsItsRowsInSlicesTheLastFirst) {
  QList<Message> messages;
  const QString text =
      QString("Some **prose** with `code` in it, long enough to wrap over lines.\n\n- item one\n- item two\n\nAnd more. ").repeated(5);
  for (int i = 0; i < 2000; ++i) messages.push_back(i % 2 ? answer(QString::number(i), text.left(500)) : user(QString::number(i), text.left(500)));
  ConversationModel model;
  Mirror mirror(model);
  ProcessorTime timer;
  model.reset(messages);
  const double elapsed = timer.milliseconds();
  std::printf("the first slice took %.0f ms, %d rows\n", elapsed, model.count());
  EXPECT_LT(elapsed, 150);  // 50 ms is what the window may be away; 3 times that on a machine shared with other builds
  EXPECT_GE(model.rowOf("1990"), 0);
  EXPECT_EQ(model.rowOf("1"), -1);
  EXPECT_EQ(model.messageCount(), 2000);
  EXPECT_EQ(model.textOf("1"), text.left(500));
  // What happens meanwhile counts.
  model.update(answer("1", "Changed meanwhile"));
  model.append(user("new", "And now?"));
  model.removeFrom("1998");
  int largest = 0;
  QObject context;
  QObject::connect(&model, &QAbstractItemModel::rowsInserted, &context, [&](const QModelIndex&, int first, int last) {
    EXPECT_EQ(first, 0);
    largest = std::max(largest, last + 1);
  });
  ASSERT_TRUE(QTest::qWaitFor([&] { return model.rowOf("0") == 0; }, 60'000));
  EXPECT_LT(largest, 1500);
  expectTrue(mirror);
  // The same rows as if all had been there at once.
  messages.resize(1998);
  messages[1] = answer("1", "Changed meanwhile");
  ConversationModel other;
  for (const Message& message : messages) other.append(message);
  EXPECT_EQ(picture(model), picture(other));
}

TEST(ConversationModel, CodeThatGrowsInAnyStepsIsTheSameCode) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    QString code;
    const int nLines = int(random() % 200);
    for (int i = 0; i < nLines; ++i) {
      const int kind = int(random() % 20);
      code += kind == 0 ? QString() : kind == 1 ? QString(int(random() % 9000), u'x') : QStringLiteral("int f%1() { return \"%1\"; }").arg(i);
      code += u'\n';
    }
    CodePieces grown("cpp"), whole("cpp");
    for (CodePieces* pieces : {&grown, &whole}) pieces->setStyle(inColours());
    QAbstractItemModelTester tester(&grown, QAbstractItemModelTester::FailureReportingMode::Fatal);
    for (qsizetype at = 0; at < code.size();) {
      at = std::min(code.size(), at + 1 + qsizetype(random() % 1500));
      grown.set(code.left(at), true);
    }
    grown.set(code, false);
    whole.set(code, false);
    ASSERT_TRUE(QTest::qWaitFor([&] { return colours(grown) == colours(whole); }, 10'000));
    ASSERT_EQ(textOf(grown), textOf(whole));
    QString lines = textOf(grown);
    EXPECT_EQ(lines.remove(u'\n'), QString(code).remove(u'\n'));
    EXPECT_EQ(textOf(grown).count(u'\n') + 1, grown.lineCount());
    for (int row = 0; row < grown.rowCount(); ++row) EXPECT_LE(plain(grown, row).size(), CodePieces::kMostSigns);
  }
}

// What the colours of a language need takes many milliseconds to make, once: the thread that draws does not wait for it.
TEST(ConversationModel, TheFirstCodeOfALanguageIsPlainUntilItsColoursAreMade) {
  const QString text = "fun main() {\n  println(\"once\")\n}\n";
  if (!CodeColourer::knows("kotlin")) GTEST_SKIP() << "no grammar of kotlin in this build: installer/fetch_grammars.sh could not fetch it";
  CodePieces plainCode("text"), grown("kotlin"), whole("kotlin");
  for (CodePieces* pieces : {&plainCode, &grown, &whole}) pieces->setStyle(inColours());
  plainCode.set(text, true);
  grown.set(text, true);
  whole.set(text, false);
  EXPECT_EQ(colours(grown), colours(plainCode));
  EXPECT_EQ(colours(whole), colours(plainCode));
  const QStringList before = colours(whole);
  EXPECT_TRUE(QTest::qWaitFor([&] { return colours(whole) != before; }, 10'000));
  grown.set(text + "\n", true);
  whole.set(text + "\n", false);
  EXPECT_EQ(colours(grown), colours(whole));
  EXPECT_NE(colours(grown), before);
}

TEST(ConversationModel, ALineMoreChangesTheLastPieceOfCode) {
  CodePieces code("cpp");
  QString text = QString("int one = 1;\n").repeated(20'000);
  code.set(text, true);
  int first = code.rowCount(), nSignals = 0;
  QObject::connect(&code, &QAbstractItemModel::dataChanged, &code, [&](const QModelIndex& from) {
    first = std::min(first, from.row());
    ++nSignals;
  });
  for (int i = 0; i < 100; ++i) code.set(text += "int two = 2;\n", true);
  EXPECT_GE(first, code.rowCount() - 4);
  EXPECT_EQ(nSignals, 100);
  EXPECT_EQ(code.lineCount(), 20'101);
}

TEST(ConversationModel, OnlyThePiecesInSightAreShown) {
  CodePieces code("text");
  CodeInSight inSight;
  QAbstractItemModelTester tester(&inSight, QAbstractItemModelTester::FailureReportingMode::Fatal);
  const auto first = [&](int row) { return inSight.index(row, 0).data(CodePieces::FirstRole).toInt(); };
  QString text;
  for (int i = 0; i < 20'000; ++i) text += QStringLiteral("line %1\n").arg(i);
  text.chop(1);
  inSight.setCode(&code);
  code.set(text, true);
  EXPECT_EQ(inSight.rowCount(), 0);

  // Joined, what is shown one screen after the other is the code.
  QStringList pieces;
  for (int line = 0; line < 20'000; line += 64) {
    inSight.show(line, line + 64);
    ASSERT_EQ(inSight.rowCount(), std::min(2, code.rowCount() - line / 32));
    ASSERT_EQ(first(0), line);
    for (int row = 0; row < inSight.rowCount(); ++row) {
      QTextDocument document;
      document.setHtml(inSight.index(row, 0).data(CodePieces::HtmlRole).toString());
      pieces.append(document.toPlainText());
    }
  }
  EXPECT_EQ(pieces.join(u'\n'), text);

  // A line of a piece is enough; what is not in the code is not there.
  inSight.show(31, 33);
  EXPECT_EQ(inSight.rowCount(), 2);
  inSight.show(-100, 1);
  EXPECT_EQ(inSight.rowCount(), 1);
  inSight.show(20'000, 30'000);
  EXPECT_EQ(inSight.rowCount(), 0);

  // What grows beyond the end of the view stays away, what grows in it is told.
  inSight.show(19'990, 20'010);
  QSignalSpy inserted(&inSight, &QAbstractItemModel::rowsInserted), changed(&inSight, &QAbstractItemModel::dataChanged);
  code.set(text + QString("\nmore").repeated(100), true);
  EXPECT_EQ(inserted.count(), 1);
  EXPECT_EQ(inSight.rowCount(), 2);
  EXPECT_EQ(first(1), 20'000);
  EXPECT_EQ(code.lineCount(), 20'100);
  inSight.show(0, 10);
  changed.clear();
  code.set(text + QString("\nmore").repeated(101), true);
  EXPECT_EQ(changed.count(), 0);
}

TEST(ConversationModel, CodeKnowsTheLineOfEverySign) {
  CodePieces code("text");
  QString text = "first\n" + QString(9000, u'x') + "\n" + QString("\n").repeated(50) + "last";
  code.set(text, false);
  EXPECT_EQ(code.lineAt(0), 0);
  EXPECT_EQ(code.lineAt(4), 0);
  EXPECT_EQ(code.lineAt(6), 1);
  EXPECT_EQ(code.lineAt(int(text.size()) - 1), code.lineCount() - 1);
  int before = 0;
  for (int sign = 0; sign < text.size(); ++sign) {
    const int line = code.lineAt(sign);
    ASSERT_TRUE(line == before || line == before + 1) << sign;
    before = line;
  }
}

TEST(ConversationModel, FindComesToEveryMatchInCode) {
  ConversationModel model;
  model.reset({answer("a", "lamp\n\n```c\nlamp = 1;\nint Lamp;\n```\n")});
  const int row = 2;
  ASSERT_EQ(at(model, row, ConversationModel::KindRole), Kind::Code);
  EXPECT_EQ(model.find("lamp", 1, 1), row);
  EXPECT_EQ(model.findInCode("lamp", row, -1, 1), 0);
  EXPECT_EQ(model.findInCode("lamp", row, 0, 1), 14);
  EXPECT_EQ(model.findInCode("lamp", row, 14, 1), -1);
  EXPECT_EQ(model.findInCode("lamp", row, -1, -1), 14);
  EXPECT_EQ(model.findInCode("lamp", row, 14, -1), 0);
  EXPECT_EQ(model.findInCode("lamp", row, 0, -1), -1);
  EXPECT_EQ(model.findInCode("lamp", 1, -1, 1), -1);
  EXPECT_EQ(model.findInCode("absent", row, -1, 1), -1);
  EXPECT_EQ(model.findInCode("", row, -1, 1), -1);
  EXPECT_EQ(model.findInCode("lamp", 99, -1, 1), -1);
}
