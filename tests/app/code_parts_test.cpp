#include <gtest/gtest.h>

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

#include "app/code/code_answer.h"
#include "app/code/code_prompts.h"
#include "app/code/diff.h"
#include "app/text/language.h"
#include "app/code/source_file.h"
#include "app/code/source_outline.h"
#include "app/code/syntax_check.h"
#include "app/text/highlight.h"

namespace pio {
namespace {

void put(const QString& path, const QByteArray& bytes) {
  QFile file(path);
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write(bytes);
}

QByteArray get(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

SourceText textOf(const QByteArray& bytes) { return SourceText::of(bytes); }

std::vector<bool> all(const std::vector<Hunk>& hunks, bool value) { return std::vector<bool>(hunks.size(), value); }

constexpr const char* kNoGrammars = "no grammar of python in this build: installer/fetch_grammars.sh could not fetch it";

bool hasGrammars() { return CodeColourer::knows(QStringLiteral("python")); }

// ---- source_file ----

TEST(SourceText, WritesBackEveryByteItRead) {
  for (const QByteArray& bytes :
       {QByteArray(""), QByteArray("\n"), QByteArray("a"), QByteArray("a\nb"), QByteArray("a\nb\n"), QByteArray("a\r\nb\r\n"),
        QByteArray("a\r\nb\nc\r\n\n"), QByteArray("\xEF\xBB\xBFint x;\r\n"), QByteArray("lone\rreturn\n"), QByteArray("ü—漢\n")}) {
    EXPECT_EQ(textOf(bytes).bytes(), bytes) << bytes.toPercentEncoding().constData();
  }
}

TEST(SourceText, TakesTheCommonerLineEnd) {
  EXPECT_EQ(textOf("a\r\nb\r\nc\n").commonEnd(), SourceText::LineEnd::crlf);
  EXPECT_EQ(textOf("a\nb\r\nc\n").commonEnd(), SourceText::LineEnd::lf);
  EXPECT_EQ(textOf("").commonEnd(), SourceText::LineEnd::lf);
}

TEST(SourceFile, RefusesWhatIsNoTextInWords) {
  QTemporaryDir folder;
  const QString path = folder.filePath("x");
  EXPECT_EQ(readSource(path).problem, SourceProblem::not_found);
  EXPECT_EQ(readSource(folder.path()).problem, SourceProblem::not_a_file);
  EXPECT_EQ(readSource("/dev/zero").problem, SourceProblem::not_a_file);
  put(path, QByteArray(kLargestSource, 'a'));
  EXPECT_EQ(readSource(path).problem, SourceProblem::none);
  put(path, QByteArray(kLargestSource + 1, 'a'));
  EXPECT_EQ(readSource(path).problem, SourceProblem::too_large);
  put(path, QByteArray("a\0b", 3));
  EXPECT_EQ(readSource(path).problem, SourceProblem::binary);
  put(path, "caf\xE9\n");  // Latin-1
  EXPECT_EQ(readSource(path).problem, SourceProblem::not_utf8);
  put(path, "cut \xE2\x82");
  EXPECT_EQ(readSource(path).problem, SourceProblem::not_utf8);
  ::mkfifo(folder.filePath("pipe").toUtf8().constData(), 0600);
  EXPECT_EQ(readSource(folder.filePath("pipe")).problem, SourceProblem::not_a_file);
}

TEST(SourceFile, WritesThroughLinksAndKeepsPermissions) {
  QTemporaryDir folder;
  const QString path = folder.filePath("run.sh"), link = folder.filePath("link.sh");
  put(path, "old\n");
  QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner | QFile::ReadGroup);
  const auto permissions = QFile::permissions(path);
  ASSERT_TRUE(QFile::link(path, link));
  const SourceFile written = writeSource(link, "new\n", "old\n", false);
  EXPECT_EQ(written.problem, SourceProblem::none);
  EXPECT_EQ(written.replaced, "old\n");
  EXPECT_TRUE(QFileInfo(link).isSymLink());
  EXPECT_EQ(get(path), "new\n");
  EXPECT_EQ(QFile::permissions(path), permissions);
  EXPECT_EQ(QDir(folder.path()).entryList(QDir::Files | QDir::Hidden).size(), 2);  // no temporary file is left
}

TEST(SourceFile, WritesNothingOverWhatAnotherProgramWrote) {
  QTemporaryDir folder;
  const QString path = folder.filePath("a.c");
  put(path, "theirs\n");
  EXPECT_EQ(writeSource(path, "ours\n", "old\n", false).problem, SourceProblem::changed_outside);
  EXPECT_EQ(get(path), "theirs\n");
  const SourceFile forced = writeSource(path, "ours\n", "old\n", true);
  EXPECT_EQ(forced.problem, SourceProblem::none);
  EXPECT_EQ(forced.replaced, "theirs\n");
  EXPECT_EQ(get(path), "ours\n");
  QFile::remove(path);
  EXPECT_EQ(writeSource(path, "ours\n", "ours\n", false).problem, SourceProblem::changed_outside);
}

TEST(SourceFile, SaysSoWhenTheFolderIsProtected) {
  QTemporaryDir folder;
  const QString path = folder.filePath("a.c");
  put(path, "old\n");
  QFile::setPermissions(folder.path(), QFile::ReadOwner | QFile::ExeOwner);
  const bool isRoot = ::geteuid() == 0;  // who may write everywhere: then as the owner, who is nobody in particular
  constexpr uid_t kNobody = 65534;
  if (isRoot) {
    ASSERT_EQ(::chown(qPrintable(folder.path()), kNobody, gid_t(-1)), 0);
    ASSERT_EQ(::chown(qPrintable(path), kNobody, gid_t(-1)), 0);
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  EXPECT_EQ(writeSource(path, "new\n", "old\n", false).problem, SourceProblem::cannot_write);
  EXPECT_EQ(get(path), "old\n");
  if (isRoot) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  QFile::setPermissions(folder.path(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
}

// ---- diff ----

TEST(Diff, FindsTheChangedLinesAndNoOthers) {
  const QStringList before = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const QStringList after = {"a", "B", "c", "d", "e", "f", "new", "g", "h"};
  const auto hunks = compareLines(before, after);
  ASSERT_EQ(hunks.size(), 2u);
  EXPECT_EQ(hunks[0].beforeStart, 1);
  EXPECT_EQ(hunks[0].nRemoved, 1);
  EXPECT_EQ(hunks[0].nAdded, 1);
  EXPECT_EQ(hunks[1].beforeStart, 6);
  EXPECT_EQ(hunks[1].beforeCount, 0);
  EXPECT_EQ(hunks[1].afterStart, 6);
  EXPECT_EQ(hunks[1].afterCount, 1);
  EXPECT_TRUE(compareLines(before, before).empty());
  EXPECT_TRUE(compareLines({}, {}).empty());
  EXPECT_EQ(compareLines({}, {"a"}).size(), 1u);
  EXPECT_EQ(compareLines({"a"}, {}).size(), 1u);
}

TEST(Diff, TakingAllHunksGivesTheNewTextAndNoneTheOldOne) {
  std::mt19937 random(7);
  const auto pick = [&random](int n) { return int(random() % unsigned(n)); };
  for (int round = 0; round < 300; ++round) {
    QByteArray bytes;
    QStringList after;
    const int n = pick(30);
    for (int i = 0; i < n; ++i) {
      const QByteArray line = QByteArray::number(pick(6));
      bytes += line + (pick(4) == 0 ? "\r\n" : "\n");
      if (pick(5) != 0) after.append(QString::fromLatin1(line));
      if (pick(6) == 0) after.append(QStringLiteral("n%1").arg(pick(3)));
    }
    if (pick(2) && !bytes.isEmpty()) bytes.chop(bytes.endsWith("\r\n") ? 2 : 1);
    const SourceText before = textOf(bytes);
    const auto hunks = compareLines(before.lines, after);
    EXPECT_EQ(merged(before, after, hunks, all(hunks, false)).bytes(), bytes);
    const SourceText taken = merged(before, after, hunks, all(hunks, true));
    EXPECT_EQ(taken.lines, after);
    // One by one, the others left: the lines in the hunk are the new ones, all around it the old ones.
    for (std::size_t i = 0; i < hunks.size(); ++i) {
      auto one = all(hunks, false);
      one[i] = true;
      const QStringList expected = before.lines.mid(0, hunks[i].beforeStart) + after.mid(hunks[i].afterStart, hunks[i].afterCount) +
                                   before.lines.mid(hunks[i].beforeStart + hunks[i].beforeCount);
      EXPECT_EQ(merged(before, after, hunks, one).lines, expected);
    }
  }
}

TEST(Diff, KeepsLineEndsMarkAndTheMissingLastEnd) {
  const SourceText before = textOf(
      "\xEF\xBB\xBF"
      "a\r\nb\r\nc");
  const QStringList after = {"a", "B", "c", "d"};
  const auto hunks = compareLines(before.lines, after);
  EXPECT_EQ(merged(before, after, hunks, all(hunks, true)).bytes(),
            "\xEF\xBB\xBF"
            "a\r\nB\r\nc\r\nd");
}

TEST(Diff, StandsLargeAndWhollyDifferentFiles) {
  QStringList before, after;
  for (int i = 0; i < 6000; ++i) {
    before.append(QStringLiteral("old %1").arg(i));
    after.append(i % 3 == 0 ? QStringLiteral("old %1").arg(i) : QStringLiteral("new %1").arg(i));
  }
  const auto hunks = compareLines(before, after);
  const SourceText text = textOf((before.join(u'\n') + u'\n').toUtf8());
  EXPECT_EQ(merged(text, after, hunks, all(hunks, true)).lines, after);
}

TEST(Diff, MarksTheWordsThatChanged) {
  const auto [removed, added] = changedWords("    total += entry.amount", "    total -= entry.net_amount");
  EXPECT_EQ(removed, (std::vector<TextRange>{{10, 1}, {19, 6}}));
  EXPECT_EQ(added, (std::vector<TextRange>{{10, 1}, {19, 10}}));
  EXPECT_EQ(changedWords("  call(x)", "    call(x)").second, (std::vector<TextRange>{{2, 2}}));  // of an indentation what is new
  EXPECT_TRUE(changedWords("  call(x)", "    call(x)").first.empty());
  EXPECT_TRUE(changedWords("alpha beta", "x y z").first.empty());  // nothing in common: no confetti
}

TEST(Diff, PairsALineWithWhatBecameOfItNotWithItsNeighbour) {
  const std::vector<Hunk> hunks = compareLines({"total = entries.sum()"}, {"entries = without_refunds(entries)", "total = entries.sum() + fees"});
  ASSERT_EQ(hunks.size(), 1u);
  ASSERT_EQ(hunks[0].lines.size(), 3u);
  EXPECT_EQ(hunks[0].lines[0].partner, 1);
  EXPECT_EQ(hunks[0].lines[1].partner, -1);
  EXPECT_EQ(hunks[0].lines[2].partner, 0);
  EXPECT_EQ(compareLines({"alpha beta"}, {"x y z"})[0].lines[0].partner, -1);
}

TEST(Diff, PairsInOrder) {  // two lines that were swapped: one pair, never two that cross
  const std::vector<Hunk> hunks = compareLines({"first(line_one)", "second(line_two)"}, {"second(line_two, x)", "first(line_one, x)"});
  int before = -1, n = 0;
  for (const DiffLine& line : hunks.at(0).lines) {
    if (line.kind != DiffLine::Kind::added || line.partner < 0) continue;
    EXPECT_GT(line.partner, before);
    before = line.partner;
    ++n;
  }
  EXPECT_EQ(n, 1);
}

// ---- code_prompts ----

CodeQuestion questionAbout(const QStringList& lines, int first, int last) {
  CodeQuestion question;
  question.task = CodeTask::fix;
  question.fileName = "a.py";
  question.language = "Python";
  question.fence = "python";
  question.lines = lines;
  question.first = first;
  question.last = last;
  return question;
}

// ---- code_answer ----

QStringList linesAsGiven(const char* text) { return linesOf(QString::fromUtf8(text)); }

CodeQuestion wholeFile(const char* text, const char* name = "a.py", const char* fence = "python") {
  CodeQuestion question = questionAbout(linesAsGiven(text), 0, -1);
  question.fileName = QString::fromLatin1(name);
  question.fence = QString::fromLatin1(fence);
  return question;
}

CodeAnswer read(const CodeQuestion& question, const char* answer) {
  return readAnswer(question, QString::fromUtf8(answer), QStringLiteral("python"));
}

constexpr const char* kGuide = "# Guide\n\nInstall:\n\n```sh\nmake instal\n```\n\nRun:\n\n```sh\n./run\n```\n\nDone.\n";
constexpr const char* kDocumented = "\"\"\"Module.\n\n```\npython b.py\n```\n\"\"\"\ndef f(x):\n    return x +\n\ndef g():\n    return 1\n";
constexpr const char* kTwoFunctions =
    "def f(x):\n    \"\"\"Example:\n\n    ```\n    f(1)\n    ```\n    \"\"\"\n    return x +\n\ndef g():\n    return 1\n";

TEST(CodeAnswer, FindsTheEndOfTheOuterFence) {
  const CodeAnswer guide = read(wholeFile(kGuide, "guide.md", "markdown"),
                                "Here is the corrected file:\n\n```markdown\n# Guide\n\nInstall:\n\n```sh\nmake install\n```\n\nRun:\n\n"
                                "```sh\n./run\n```\n\nDone.\n```\n\nI corrected the spelling of install.\n");
  EXPECT_EQ(guide.why, NoProposal::none);
  EXPECT_EQ(guide.after, linesAsGiven(QByteArray(kGuide).replace("instal\n", "install\n")));
  const CodeAnswer documented =
      read(wholeFile(kDocumented),
           "```python\n\"\"\"Module.\n\n```\npython b.py\n```\n\"\"\"\ndef f(x):\n    return x + 1\n\ndef g():\n    return 1\n```\n");
  EXPECT_EQ(documented.why, NoProposal::none);
  EXPECT_EQ(documented.after, linesAsGiven(QByteArray(kDocumented).replace("x +\n", "x + 1\n")));
  // One more fenced part than the file had, opened with its language.
  const CodeAnswer longer =
      read(wholeFile("# Guide\n\nDone.\n", "guide.md", "markdown"), "```markdown\n# Guide\n\n```sh\n./run\n```\n\nDone.\n```\n");
  EXPECT_EQ(longer.after, linesAsGiven("# Guide\n\n```sh\n./run\n```\n\nDone.\n"));
  EXPECT_EQ(read(wholeFile("```\ninner\n```\n", "a.md", "markdown"), "````md\n```\nother\n```\n````\n").after, (QStringList{"```", "other", "```"}));
  EXPECT_EQ(read(wholeFile("x = 1\n"), "~~~\nx = 2\n~~~").after, QStringList{"x = 2"});
  EXPECT_EQ(read(wholeFile("x = 1\n"), "```py\r\nx = 2\r\n```\r\n").after, QStringList{"x = 2"});
}

TEST(CodeAnswer, WhereTheEndIsNotCertainThereIsNoProposal) {
  // The inner fences lost their language: each reading is possible.
  EXPECT_EQ(read(wholeFile(kGuide, "guide.md", "markdown"), "```markdown\n# Guide\n\nInstall:\n\n```\nmake install\n```\n\nDone.\n```\n").why,
            NoProposal::unclear_end);
  EXPECT_EQ(read(wholeFile(kGuide, "guide.md", "markdown"), "```markdown\n# Guide\n```\nor\n```markdown\n# The guide\n```\n").why,
            NoProposal::unclear_end);
  EXPECT_EQ(read(wholeFile("x = 1\n"), "```python\nx = 2\nI changed the value.").why, NoProposal::unclear_end);
}

TEST(CodeAnswer, TakesTheOneBlockInTheFilesLanguage) {
  EXPECT_EQ(read(wholeFile("x = 1\n"), "Run first:\n\n```sh\npip install x\n```\n\nThen:\n\n```py\nx = 2\n```\n").after, QStringList{"x = 2"});
  EXPECT_EQ(read(wholeFile("int x;\n", "a.h", "cpp"), "```c\nint y;\n```").after, QStringList{"int y;"});
  // Every word that colours a block of a language names it here as well; what was typed into a program is not the file.
  for (const char* word : {"py", "python3", "ipython", "Python"})
    EXPECT_EQ(read(wholeFile("x = 1\n"), (std::string("```") + word + "\nx = 2\n```").c_str()).after, QStringList{"x = 2"}) << word;
  EXPECT_EQ(read(wholeFile("let x\n", "a.ts", "typescript"), "```node\nlet y\n```").after, QStringList{"let y"});
  EXPECT_EQ(read(wholeFile("int x;\n", "a.cu", "cuda"), "```arduino\nint y;\n```").after, QStringList{"int y;"});
  EXPECT_EQ(read(wholeFile("x = 1\n"), "```pycon\n>>> x\n```\n").why, NoProposal::other_language);
  EXPECT_EQ(read(wholeFile("ls\n", "a.sh", "bash"), "```console\n$ ls -l\n```\n").why, NoProposal::other_language);
  EXPECT_EQ(read(wholeFile("x = 1\n"), "```sh\npip install x\n```\n").why, NoProposal::other_language);
  EXPECT_EQ(read(wholeFile("x = 1\n"), "```python\nx = 2\n```\nor\n```python\nx = 3\n```\n").why, NoProposal::several_blocks);
  EXPECT_EQ(read(wholeFile("x = 1\n"), "```python\nx = 2\n```\nprints\n```\n2\n```\n").why, NoProposal::several_blocks);
}

TEST(CodeAnswer, APartOfTheFileIsNotTheFile) {
  // Without a grammar nothing says where the function stands.
  const auto readPlain = [](const char* file, const char* answer) { return readAnswer(wholeFile(file), QString::fromUtf8(answer), {}); };
  EXPECT_EQ(readPlain(kTwoFunctions, "Run this first:\n\n```sh\npip install x\n```\n\nThen:\n\n```python\ndef f(x):\n    return x + 1\n```\n").why,
            NoProposal::part_of_file);
  EXPECT_EQ(readPlain("import a\nimport b\n\ndef f():\n    return 1\n", "```python\ndef f():\n    return 2\n```").why, NoProposal::part_of_file);
  EXPECT_EQ(readPlain(kTwoFunctions, "```python\ndef g():\n    return 2\n```").why, NoProposal::part_of_file);
  // The first of many lines may go, and of ten, not of nine.
  for (const int nLines : {9, 10, 13}) {
    QString many = QStringLiteral("import a\n");
    for (int i = 1; i < nLines; ++i) many += QStringLiteral("x%1 = %1\n").arg(i);
    const QByteArray fewer = "```python\n" + many.mid(9).toUtf8() + "```";
    const CodeAnswer read = readPlain(many.toUtf8().constData(), fewer.constData());
    EXPECT_EQ(read.why, nLines < 10 ? NoProposal::part_of_file : NoProposal::none) << nLines;
    if (nLines >= 10) EXPECT_EQ(read.after, linesOf(many.mid(9)));
  }
  // A file of three lines may become a wholly other one; of four it would be a part.
  const char* other = "```python\none = two(three)\nfour(five)\nsix()\nseven + eight\n```";
  EXPECT_EQ(readPlain("pass\nimport zz\nraise Q\n", other).why, NoProposal::none);
  EXPECT_EQ(readPlain("pass\nimport zz\nraise Q\nwhile 1: k\n", other).why, NoProposal::part_of_file);
}

TEST(CodeAnswer, APlaceholderIsNoCode) {
  const char* const file = "def f(x):\n    return x +\n\ndef g():\n    return 1\n\nprint(g())\n";
  for (const char* line : {"# ... existing code ...", "# … unchanged …", "# rest of the code", "# the rest of the file stays the same", "...",
                           "    # ...", "# (other functions remain unchanged...)", "    pass  # ... existing code ...", "# Remaining code unchanged",
                           "# unchanged", "[rest of the file unchanged]", "// ...", "/* ... */", "<!-- ... -->"}) {
    const QByteArray answer = QByteArray("```python\ndef f(x):\n    return x + 1\n\n") + line + "\n\nprint(g())\n```";
    EXPECT_EQ(readAnswer(wholeFile(file), QString::fromUtf8(answer), {}).why, NoProposal::placeholder) << line;
  }
  for (const char* line :
       {"# the same for all others", "def h(*args): ...", "# waits for a moment...", "print(\"...\")", "# the rest is sent later"}) {
    const QByteArray code = QByteArray(file) + line + "\nprint(g())\n";
    EXPECT_EQ(readAnswer(wholeFile(file), QString::fromUtf8("```python\n" + code + "```"), {}).why, NoProposal::none) << line;
  }
  // One that the file has is a line of the file.
  EXPECT_EQ(read(wholeFile("# ...\nx = 1\n"), "```python\n# ...\nx = 2\n```").after, (QStringList{"# ...", "x = 2"}));
}

TEST(CodeAnswer, ReplacesADefinitionByItsName) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const char* const file =
      "import os\n\n\ndef f(x):\n    return x - 1\n\n\nclass C:\n    def run(self):\n        return 1\n\n    def stop(self):\n        return 2\n";
  const QByteArray changed = QByteArray(file).replace("x - 1", "x + 1");
  EXPECT_EQ(read(wholeFile(file), "```python\ndef f(x):\n    return x + 1\n\n# ... existing code ...\n```").after, linesAsGiven(changed));
  EXPECT_EQ(read(wholeFile(file), "```python\nimport os\n\ndef f(x):\n    return x + 1\n```").after, linesAsGiven(changed));
  const QByteArray stopped = QByteArray(file).replace("return 2", "return 3");
  EXPECT_EQ(read(wholeFile(file), "```python\ndef stop(self):\n    return 3\n```").after, linesAsGiven(stopped));
  // Not certain: a placeholder within, a name that is not there, one that is there twice, another import, another kind.
  EXPECT_EQ(read(wholeFile(file), "```python\ndef f(x):\n    # ... existing code ...\n    return x + 1\n```").why, NoProposal::placeholder);
  EXPECT_EQ(read(wholeFile(file), "```python\ndef h(x):\n    return x + 1\n```").why, NoProposal::part_of_file);
  EXPECT_EQ(read(wholeFile(file), "```python\nimport sys\n\ndef f(x):\n    return x + 1\n```").why, NoProposal::part_of_file);
  EXPECT_EQ(read(wholeFile(file), "```python\nclass f:\n    x = 1\n```").why, NoProposal::part_of_file);
  const QByteArray twice = QByteArray(file) + "\n    def f(self):\n        return 1\n";
  EXPECT_EQ(read(wholeFile(twice.constData()), "```python\ndef f(x):\n    return x + 1\n```").why, NoProposal::part_of_file);
  // The selection is one line of the function, and the answer the function.
  CodeQuestion selected = wholeFile(file);
  selected.first = selected.last = 4;
  EXPECT_EQ(read(selected, "```python\ndef f(x):\n    return x + 1\n```").after, linesAsGiven(changed));
}

TEST(CodeAnswer, AFunctionWithASyntaxErrorIsReplacedAloneOrNotAtAll) {
  const QStringList wanted = linesAsGiven("def f(x):\n    return x + 1\n\ndef g():\n    return 1\n");
  for (const char* answer : {"```python\ndef f(x):\n    return x + 1\n\n# ... existing code ...\n```\n",
                             "Run this first:\n\n```sh\npip install x\n```\n\nThen:\n\n```python\ndef f(x):\n    return x + 1\n```\n"}) {
    const CodeAnswer out = read(wholeFile(kTwoFunctions), answer);
    if (out.why == NoProposal::none) {
      EXPECT_EQ(out.after, wanted);
    } else {
      EXPECT_TRUE(out.after.isEmpty());
    }
  }
}

TEST(CodeAnswer, AppliesADiffThatFits) {
  const QStringList wanted = linesAsGiven(QByteArray(kTwoFunctions).replace("x +\n", "x + 1\n"));
  EXPECT_EQ(read(wholeFile(kTwoFunctions), "```diff\n--- a/a.py\n+++ b/a.py\n@@ -6,3 +6,3 @@\n-    return x +\n+    return x + 1\n```\n").after,
            wanted);
  EXPECT_EQ(read(wholeFile(kTwoFunctions), "```\n@@ -8,3 +8,3 @@\n     \"\"\"\n-    return x +\n+    return x + 1\n \n def g():\n```\n").after,
            wanted);
  EXPECT_EQ(read(wholeFile("a\nb\nc\nd\n"), "```diff\n@@ @@\n a\n-b\n+B\n@@ @@\n-d\n+D\n+e\n```\n").after, (QStringList{"a", "B", "c", "D", "e"}));
  for (const char* diff : {"@@ -1 +1 @@\n-    return x\n+    return x + 1\n",                            // not there
                           "@@ -1 +1 @@\n     ```\n+    more\n",                                         // twice
                           "@@ -1 +1 @@\n+import os\n",                                                  // anywhere
                           "--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-    return x +\n+    return x + 1\n",  // of another file
                           "@@ -1 +1 @@\n-def g():\n+def h():\n@@ -2 +2 @@\n-def f(x):\n+def e(x):\n",   // not in order
                           "rename from a.py\n@@ -1 +1 @@\n-def g():\n+def h():\n", "@@ -1 +1 @@\n-def g():\n+def h():\nThat is all.\n"}) {
    EXPECT_EQ(read(wholeFile(kTwoFunctions), (QByteArray("```diff\n") + diff + "```").constData()).why, NoProposal::diff_unfit) << diff;
  }
}

TEST(CodeAnswer, SaysHowMuchIsLeft) {
  const CodeAnswer half = read(wholeFile("a\nb\n\nc\nd\n"), "```python\na\nd\n```");
  EXPECT_FALSE(half.shrinks());
  const CodeAnswer less = read(wholeFile("a\nb\n\nc\nd\ne\n"), "```python\na\ne\n```");
  EXPECT_EQ(less.why, NoProposal::none);
  EXPECT_EQ(less.nBefore, 5);
  EXPECT_EQ(less.nAfter, 2);
  EXPECT_TRUE(less.shrinks());
}

TEST(CodeAnswer, TakesAnAnswerWithoutFenceOnlyWhenItIsTheCode) {
  const auto question = questionAbout({"def f():", "    return 1", "print(f())"}, 0, -1);
  EXPECT_EQ(read(question, "def f():\n    return 2\nprint(f())").after, (QStringList{"def f():", "    return 2", "print(f())"}));
  EXPECT_EQ(read(question, "The function looks right to me.\nI would keep it.").why, NoProposal::no_code);
  EXPECT_EQ(read(question, "Here it is:\ndef f():\n    return 1\nprint(f())").why, NoProposal::no_code);
  EXPECT_EQ(read(question, "def f():\nThis gives back one.\nThat is right.\nprint(f())").why, NoProposal::no_code) << "half are no lines of it";
  EXPECT_EQ(read(question, "Use `a` and ```b``` instead.").why, NoProposal::no_code);
  EXPECT_EQ(read(question, "").why, NoProposal::no_code);
}

TEST(CodeAnswer, PutsTheProposalInTheSelectionsPlace) {
  const QStringList lines = {"import x", "def f():", "    a = 1", "    return b", "f()"};
  const auto read23 = [&](const QString& code) { return readAnswer(questionAbout(lines, 2, 3), "```python\n" + code + "\n```", {}); };
  EXPECT_EQ(read23("    a = 2\n    return a").after, (QStringList{"import x", "def f():", "    a = 2", "    return a", "f()"}));
  // Models leave the indentation out …
  EXPECT_EQ(read23("a = 2\n\nif a:\n    return a").after,
            (QStringList{"import x", "def f():", "    a = 2", "", "    if a:", "        return a", "f()"}));
  // … or give all of the file …
  const QStringList whole = {"import x", "def f():", "    return 2", "f()"};
  EXPECT_EQ(read23(whole.join('\n')).after, whole);
  // … or the function around the lines, whose place is not certain without a grammar.
  EXPECT_EQ(read23("def f():\n    a = 2\n    return a").why, NoProposal::other_lines);
}

TEST(CodePrompts, CutsLongFilesAroundTheSelection) {
  QStringList lines;
  for (int i = 0; i < 1000; ++i) lines.append(QStringLiteral("line %1").arg(i, 4, 10, QLatin1Char('0')));  // 10 signs with its end
  const auto question = questionAbout(lines, 500, 509);
  const CodeExcerpt cut = excerptOf(question, 300);
  EXPECT_TRUE(cut.fits);
  EXPECT_TRUE(cut.isCut);
  EXPECT_EQ(cut.first, 490);
  EXPECT_EQ(cut.last, 519);
  EXPECT_FALSE(excerptOf(question, 99).fits);
  EXPECT_FALSE(excerptOf(question, 10'000).isCut);
  const QString prompt = promptOf(question, cut);
  EXPECT_TRUE(prompt.contains("lines 491 to 520 of 1000"));
  EXPECT_FALSE(prompt.contains("line 0489"));
  EXPECT_TRUE(prompt.contains("Selected lines 501 to 510"));
}

TEST(CodePrompts, ShowsSomeHundredLinesAroundASelectionHoweverLongTheContextIs) {
  const CodeExcerpt cut = excerptOf(questionAbout(QStringList(100'000, QString(39, u'x')), 50'000, 50'009), 100'000'000);
  EXPECT_EQ(cut.last - cut.first + 1, 10 + 300);
  EXPECT_EQ(cut.first, 50'000 - 150);
}

TEST(CodePrompts, FencesCodeThatHasFencesInIt) {
  const auto question = questionAbout({"```", "text", "```"}, 0, -1);
  EXPECT_TRUE(promptOf(question, excerptOf(question, 1000)).contains("````python\n```\ntext\n```\n````\n"));
}

TEST(CodePrompts, LeavesRoomForTheAnswer) {
  const auto question = questionAbout({QString(2500, 'x')}, 0, 0);
  const CodeBudget budget = budgetOf(question, 4096);
  EXPECT_GE(budget.answerTokens, 1000);  // the replacement of 2,500 signs
  EXPECT_LE(double(budget.signs + 2500) / 2.5 + double(budget.answerTokens), 4096);
  EXPECT_EQ(budgetOf(questionAbout({QString(100'000, 'x')}, 0, 0), 4096).signs, 0);
}

// ---- language, syntax, outline ----

TEST(Language, KnowsFilesByTheirNames) {
  EXPECT_EQ(languageOf("/a/b.PY").name, "Python");
  EXPECT_EQ(languageOf("CMakeLists.txt").name, "CMake");
  EXPECT_EQ(languageOf("x.ts").fence, "typescript");
  EXPECT_EQ(languageOf("x.ts").grammar, "");  // JavaScript's grammar knows nothing of its errors
  EXPECT_TRUE(isSourceFile("Makefile"));
  EXPECT_FALSE(isSourceFile("photo.png"));
  EXPECT_FALSE(isSourceFile("model.gguf"));
}

TEST(SyntaxCheck, ReportsOnlyWhatAChangeWouldAdd) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const QString good = "def f(a):\n    return a\n", bad = "def f(a:\n    return a\n";
  const SyntaxReport broken = checkSyntax(good, bad, "python");
  EXPECT_EQ(broken.outcome, SyntaxReport::Outcome::checked);
  ASSERT_FALSE(broken.added.empty());
  EXPECT_EQ(broken.added[0].line, 0);
  EXPECT_TRUE(checkSyntax(good, good + "f(1)\n", "python").added.empty());
  // An error that was there and moved down is no news.
  const SyntaxReport moved = checkSyntax(bad, "import os\n\n" + bad, "python");
  EXPECT_GT(moved.nBefore, 0);
  EXPECT_TRUE(moved.added.empty());
  EXPECT_TRUE(checkSyntax(bad, good, "python").added.empty());
}

TEST(SyntaxCheck, NamesWhatIsMissing) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const SyntaxReport report = checkSyntax("int f() { return 1; }\n", "int f() { return 1 }\n", "c");
  ASSERT_EQ(report.added.size(), 1u);
  EXPECT_TRUE(report.added[0].isMissing);
  EXPECT_EQ(report.added[0].found, ";");
}

TEST(SyntaxCheck, SaysWhenItKnowsNothing) {
  EXPECT_EQ(checkSyntax("a", "b", "").outcome, SyntaxReport::Outcome::no_grammar);
  EXPECT_EQ(checkSyntax("a", "b", "cobol").outcome, SyntaxReport::Outcome::no_grammar);
}

TEST(SyntaxCheck, StandsHostileText) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const QString open = QString(50'000, '('), quotes = QString(50'000, '"'), nul = QString(1000, QChar(0)), lines = QString("( \"\n}").repeated(500);
  for (const QString& text : {open, quotes, nul, QString(20'000, '}'), lines}) {
    for (const char* grammar : {"python", "c", "cpp", "javascript", "rust", "json"}) {
      const SyntaxReport report = checkSyntax("", text, grammar);
      // Found wrong or given up, never called right, but quotes: they can be strings. And errors that lie in the text.
      EXPECT_NE(report.outcome, SyntaxReport::Outcome::no_grammar) << grammar;
      if (text != quotes) {
        EXPECT_EQ(report.added.empty(), report.outcome == SyntaxReport::Outcome::too_long) << grammar << text.left(3).toStdString();
      }
      EXPECT_LE(report.added.size(), 50u);
      int line = 0;
      for (const SyntaxError& error : report.added) {
        EXPECT_GE(error.line, line);
        EXPECT_LE(error.line, text.count('\n'));
        EXPECT_LE(error.found.size(), 80);
        line = error.line;
      }
      for (const OutlineEntry& entry : outlineOf(text, grammar)) EXPECT_LE(entry.name.size(), 80);
    }
  }
}

TEST(SourceOutline, CutsNamesBetweenCharacters) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const QString letter = QString::fromUtf8("a\u0308");  // one character of two units
  const auto entries = outlineOf("def x" + letter.repeated(60) + "():\n    pass\n", "python");
  ASSERT_FALSE(entries.empty());
  EXPECT_EQ(entries.front().name, "x" + letter.repeated(39));
}

struct OutlineCase {
  const char* grammar;
  const char* text;
  QStringList imports, names;
};

TEST(SourceOutline, FindsImportsAndSignatures) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const std::vector<OutlineCase> cases = {
      {"python",
       "import os\nfrom a import b\nclass C(D):\n    def m(self, x: int) -> str:\n        import re\n        return x\n",
       {"import os", "from a import b", "import re"},
       {"class C(D):", "def m(self, x: int) -> str:"}},
      {"c",
       "#include <stdio.h>\nstatic int f(int a) {\n  return a;\n}\nstruct S { int x; };\n",
       {"#include <stdio.h>"},
       {"static int f(int a)", "struct S"}},
      {"cpp",
       "#include <map>\nnamespace n {\nclass A { void m() const { } };\n}\nint n::f() { return 0; }\n",
       {"#include <map>"},
       {"namespace n", "class A", "void m() const", "int n::f()"}},
      {"javascript",
       "import x from 'y';\nfunction f(a) { return a; }\nclass C { m() { } }\n",
       {"import x from 'y';"},
       {"function f(a)", "class C", "m()"}},
      {"go", "package p\nimport \"fmt\"\nfunc F(a int) int { return a }\n", {"package p", "import \"fmt\""}, {"func F(a int) int"}},
      {"rust",
       "use std::fmt;\nfn f(a: u8) -> u8 { a }\nimpl A { fn g(&self) {} }\n",
       {"use std::fmt;"},
       {"fn f(a: u8) -> u8", "impl A", "fn g(&self)"}},
      {"java", "package p;\nimport a.b;\nclass C { int m(int a) { return a; } }\n", {"package p;", "import a.b;"}, {"class C", "int m(int a)"}},
      {"c_sharp", "using System;\nclass C { int M(int a) { return a; } }\n", {"using System;"}, {"class C", "int M(int a)"}},
      {"ruby", "require 'set'\nclass C\n  def m(a)\n    a\n  end\nend\n", {"require 'set'"}, {"class C", "def m(a)"}},
      {"lua", "local function f(a)\n  return a\nend\n", {}, {"local function f(a)"}},
      {"bash", "f() {\n  echo a\n}\n", {}, {"f()"}},
      {"kotlin",
       "import a.b\nfun f(a: Int): Int { return a }\nclass C { fun m() { } }\n",
       {"import a.b"},
       {"fun f(a: Int): Int", "class C", "fun m()"}},
  };
  for (const OutlineCase& it : cases) {
    const QString text = QString::fromUtf8(it.text);
    QStringList imports, names;
    for (const OutlineEntry& entry : outlineOf(text, it.grammar)) {
      const QString words = text.mid(entry.start, entry.length);
      if (entry.kind == OutlineEntry::Kind::import) imports.append(words);
      else names.append(words);
    }
    EXPECT_EQ(imports, it.imports) << it.grammar << ": " << imports.join(" | ").toStdString();
    EXPECT_EQ(names, it.names) << it.grammar << ": " << names.join(" | ").toStdString();
  }
}

TEST(SourceOutline, GivesTheTextsThatLieWholeInSomeLinesOnce) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const QString text = QStringLiteral("import os\nimport os\n\ndef f(a,\n      b):\n    return a\n\ndef g():\n    pass\n");
  const auto outline = outlineOf(text, QStringLiteral("python"));
  EXPECT_EQ(outlineTexts(text, outline, 0, 8), (QStringList{"import os", "def f(a,\n      b):", "def g():"}));
  EXPECT_EQ(outlineTexts(text, outline, 1, 3), (QStringList{"import os"}));  // the signature of f ends in line 4
}

TEST(SourceOutline, NamesTheInnermostDefinitionAroundALine) {
  if (!hasGrammars()) GTEST_SKIP() << kNoGrammars;
  const QString text = "class C:\n    def m(self):\n        return 1\n\nx = 2\n";
  const auto outline = outlineOf(text, "python");
  EXPECT_EQ(definitionAround(outline, 0), "C");
  EXPECT_EQ(definitionAround(outline, 2), "m");
  EXPECT_EQ(definitionAround(outline, 4), "");
  EXPECT_EQ(definitionAround(outlineOf("static int *f(int a)\n{\n  return 0;\n}\n", "c"), 2), "f");
}

}  // namespace
}  // namespace pio
