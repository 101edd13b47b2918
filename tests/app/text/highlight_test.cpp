#include "app/text/highlight.h"

#include <gtest/gtest.h>

#include <QByteArrayList>
#include <QTextDocument>
#include <algorithm>
#include <map>
#include <random>

#include "app/text/rich_text.h"
#include "tests/app/text/processor_time.h"

using namespace pio;

namespace {

// Code with every run marked: k{if} s{"x"} n{1} f{main} c{// note}.
std::string marked(const QString& language, const QString& code) {
  CodeColourer colourer(language);
  QString out;
  qsizetype at = 0;
  for (const ColourRun& run : colourer.colours(code)) {
    out += code.mid(at, run.start - at) + "ksnfc"[int(run.colour)] + '{' + code.mid(run.start, run.length) + '}';
    at = run.start + run.length;
  }
  return (out + code.mid(at)).toStdString();
}

struct Sample {
  const char* language;
  const char* code;
};

const Sample kSamples[] = {
    {"c", "#include <stdio.h>\n// note\nstatic int twice(int x) {\n  char c = 'a';\n  return x * 2 + strlen(\"é 漢\");\n}\n"},
    {"cpp",
     "#pragma once\nnamespace a::b {\ntemplate <typename T>\nclass Box : public Base {\n public:\n  auto get() const -> T { return value_; "
     "}\n  T value_ = R\"(x)\";\n};\n}\n"},
    {"python",
     "import os\n\n@decorated\nclass A(B):\n    def f(self, x: int = 3) -> str:\n        # note\n        return f\"{x + 1} 😀\" + "
     "os.path.join('a', None)\n"},
    {"javascript",
     "// note\nimport { a } from './a.js';\nexport const f = async (x) => {\n  return `${x + 1} é` + await g(/re/, null);\n};\nclass A "
     "extends B { m() { return <b c=\"d\">e</b>; } }\n"},
    {"go", "package main\n\nimport \"fmt\"\n\n// note\nfunc main() {\n\tvar x uint8 = 3\n\tfmt.Println(`raw`, x, nil)\n}\n"},
    {"rust", "use std::fmt;\n/* note */\nfn main() -> Result<u8, E> {\n    let mut x: u8 = 1;\n    println!(\"{}\", x.abs());\n    Ok(x)\n}\n"},
    {"java", "package a;\n/** note */\npublic class A {\n  int f(String s) { return s.length() + 0x1F; }\n}\n"},
    {"bash", "#!/bin/bash\nfor f in *.txt; do\n  echo \"$f $(wc -l)\" 2>&1 | grep 'x'\ndone\n"},
    {"json", "{\"a\": [1, 2.5, true, null, \"é\"], \"b\": {\"c\": -1e3}}\n"},
    {"css", "@media print { /* note */ .a > #b:hover { color: #fff; width: calc(10px + 2em) !important; } }\n"},
    {"lua", "-- note\nlocal function f(x)\n  return x.y and print(\"a\", 1, nil)\nend\n"},
    {"ruby", "# note\nclass A < B\n  def f(x)\n    puts \"a #{x + 1}\" if x == :sym\n  end\nend\n"},
    {"toml", "# note\n[a.b]\nc = \"d\"\ne = [1, 2.5, true]\n"},
    {"c_sharp", "using System;\n// note\npublic class A : B {\n  public int F(string s) => s.Length + $\"{s} x\".Trim().Count(null);\n}\n"},
    {"kotlin", "package a\n// note\nclass A(val x: Int) {\n  fun f(): String = \"a $x\" + g(1)\n}\n"},
    {"html", "<!DOCTYPE html>\n<!-- note -->\n<a href=\"x\" b='y'>c &amp; d</a><script>if (a < b) {}</script>\n"},
};

bool present(const char* language) { return CodeColourer::knows(language); }

}  // namespace

// A build without grammars shows plain code; what follows has nothing to test then.
#define NEEDS(language) \
  if (!present(language)) GTEST_SKIP() << "this build has no grammar of " << language << " (installer/fetch_grammars.sh)"

TEST(Highlight, EachRoleIsFound) {
  NEEDS("c");
  EXPECT_EQ(marked("c", "int main(void) { return f(\"x\", 1); } // e"), "f{int} f{main}(f{void}) { k{return} f{f}(s{\"x\"}, n{1}); } c{// e}");
  NEEDS("python");
  EXPECT_EQ(marked("py", "def f(x):\n  return f'{x}' + 'y'  # é"), "k{def} f{f}(x):\n  k{return} s{f'}{x}s{'} + s{'y'}  c{# é}");
  NEEDS("json");
  EXPECT_EQ(marked("json", "{\"a\": \"b\", \"c\": null}"), "{f{\"a\"}: s{\"b\"}, f{\"c\"}: n{null}}");
  NEEDS("bash");
  EXPECT_EQ(marked("sh", "if true; then ls $X; fi # c"), "k{if} f{true}; k{then} f{ls} n{$X}; k{fi} c{# c}");
  EXPECT_EQ(marked("html", "<a b=\"c\">d &amp; e</a><!-- f -->"), "<k{a} f{b}=s{\"c\"}>d n{&amp;} e</k{a}>c{<!-- f -->}");
}

TEST(Highlight, EveryLanguageColoursItsSample) {
  NEEDS("c");
  // Words of each sample and what they are: keyword, string, number or constant, function or type, comment, none of these.
  const std::map<std::string, std::vector<std::pair<const char*, char>>> words = {
      {"c",
       {{"#include", 'k'},
        {"<stdio.h>", 's'},
        {"// note", 'c'},
        {"twice", 'f'},
        {"'a'", 's'},
        {"return", 'k'},
        {"2", 'n'},
        {"strlen", 'f'},
        {"\"é 漢\"", 's'}}},
      {"cpp", {{"namespace", 'k'}, {"template", 'k'}, {"class", 'k'}, {"Base", 'f'}, {"get", 'f'}, {"R\"(x)\"", 's'}, {"value_;", '-'}}},
      {"python", {{"import", 'k'}, {"class", 'k'}, {"f(self", 'f'}, {"3", 'n'}, {"# note", 'c'}, {"'a'", 's'}, {"None", 'n'}, {"join", 'f'}}},
      {"javascript", {{"// note", 'c'}, {"import", 'k'}, {"'./a.js'", 's'}, {"f = async", 'f'}, {"await", 'k'}, {"null", 'n'}, {"m()", 'f'}}},
      {"go",
       {{"package", 'k'},
        {"\"fmt\"", 's'},
        {"// note", 'c'},
        {"main()", 'f'},
        {"uint8", 'f'},
        {"3", 'n'},
        {"Println", 'f'},
        {"`raw`", 's'},
        {"nil", 'n'}}},
      {"rust", {{"use", 'k'}, {"/* note */", 'c'}, {"main", 'f'}, {"u8", 'f'}, {"1;", 'n'}, {"\"{}\"", 's'}, {"Ok", 'f'}}},
      {"java", {{"package", 'k'}, {"/** note */", 'c'}, {"A {", 'f'}, {"f(String", 'f'}, {"String", 'f'}, {"0x1F", 'n'}}},
      {"bash", {{"for", 'k'}, {"echo", 'f'}, {"'x'", 's'}, {"done", 'k'}}},
      {"json", {{"\"a\"", 'f'}, {"1,", 'n'}, {"true", 'n'}, {"null", 'n'}, {"\"é\"", 's'}, {"-1e3", 'n'}}},
      {"css", {{"@media", 'k'}, {"/* note */", 'c'}, {"#fff", 'n'}, {"calc", 'f'}, {"10px", 'n'}}},
      {"lua", {{"-- note", 'c'}, {"function", 'k'}, {"f(x)", 'f'}, {"\"a\"", 's'}, {"1,", 'n'}, {"nil", 'n'}}},
      {"ruby", {{"# note", 'c'}, {"class", 'k'}, {"f(x)", 'f'}, {"if", 'k'}, {"1}", 'n'}}},
      {"toml", {{"# note", 'c'}, {"\"d\"", 's'}, {"2.5", 'n'}, {"true", 'n'}}},
      {"c_sharp", {{"using", 'k'}, {"// note", 'c'}, {"class", 'k'}, {"F(", 'f'}, {"null", 'n'}, {"Trim", 'f'}}},
      {"kotlin", {{"package", 'k'}, {"// note", 'c'}, {"class", 'k'}, {"f()", 'f'}, {"1)", 'n'}}},
      {"html", {{"<!-- note -->", 'c'}, {"href", 'f'}, {"\"x\"", 's'}, {"'y'", 's'}, {"&amp;", 'n'}}},
  };
  for (const Sample& sample : kSamples) {
    if (!present(sample.language)) continue;
    const QString code = QString::fromUtf8(sample.code);
    std::string roles(size_t(code.size()), '-');
    CodeColourer colourer(QString::fromLatin1(sample.language));
    for (const ColourRun& run : colourer.colours(code)) std::fill_n(roles.begin() + run.start, run.length, "ksnfc"[int(run.colour)]);
    ASSERT_TRUE(words.contains(sample.language)) << sample.language;
    for (const auto& [word, role] : words.at(sample.language)) {
      const qsizetype at = code.indexOf(QString::fromUtf8(word));
      ASSERT_GE(at, 0) << sample.language << ": " << word;
      EXPECT_EQ(roles[size_t(at)], role) << sample.language << ": " << word << " in " << marked(sample.language, code);
    }
  }
}

TEST(Highlight, AnUnknownLanguageIsPlain) {
  EXPECT_TRUE(CodeColourer("no such language").colours("if (x) return 1;").empty());
  EXPECT_TRUE(CodeColourer("").colours("if (x) return 1;").empty());
}

TEST(Highlight, RunsAreInOrderInsideTheCodeAndTheTextIsUntouched) {
  const RichStyle style =
      RichStyle::of({{"synKey", "#111111"}, {"synStr", "#222222"}, {"synNum", "#333333"}, {"synFn", "#444444"}, {"synCom", "#555555"}});
  for (const Sample& sample : kSamples) {
    const QString code = QString::fromUtf8(sample.code);
    CodeColourer colourer(QString::fromLatin1(sample.language));
    const auto& runs = colourer.colours(code);
    qsizetype at = 0;
    for (const ColourRun& run : runs) {
      ASSERT_GE(run.start, at);
      ASSERT_GT(run.length, 0);
      at = run.start + run.length;
    }
    ASSERT_LE(at, code.size());
    QTextDocument document;
    document.setHtml(codeHtml(code, runs, style));
    EXPECT_EQ(document.toPlainText(), code);
  }
}

TEST(Highlight, CodeThatGrowsEndsWithTheColoursOfTheWhole) {
  std::mt19937 random(2);
  for (const Sample& sample : kSamples) {
    const QString code = QString::fromUtf8(sample.code);
    for (int round = 0; round < 20; ++round) {
      CodeColourer growing(QString::fromLatin1(sample.language));
      for (qsizetype n = 1; n < code.size(); n += 1 + int(random() % 6)) growing.colours(code.left(n));
      CodeColourer whole(QString::fromLatin1(sample.language));
      ASSERT_EQ(growing.colours(code), whole.colours(code)) << sample.language;
    }
  }
}

TEST(Highlight, CodeThatIsReplacedIsReadAnew) {
  NEEDS("c");
  CodeColourer colourer("c");
  colourer.colours("int a;");
  CodeColourer fresh("c");
  EXPECT_EQ(colourer.colours("return 1;"), fresh.colours("return 1;"));
  EXPECT_TRUE(colourer.colours("").empty());
}

TEST(Highlight, HostileCodeIsGivenUpOnInTime) {
  NEEDS("c");
  std::mt19937 random(9);
  for (const Sample& sample : kSamples) {
    const bool deep = QByteArrayList{"c", "python", "javascript"}.contains(sample.language);  // 100 ms for each piece that is given up on
    for (const char* piece : {"(", "{", "\"", "<", "[{(", "'", "/*", "if ", "\\", "`${", "#{", "- ", "\t"}) {
      if (!deep) break;
      ProcessorTime timer;
      CodeColourer(QString::fromLatin1(sample.language)).colours(QString::fromUtf8(piece).repeated(20'000));
      // 100 ms is the limit, in time of the thread; a busy machine adds the rest
      EXPECT_LT(timer.milliseconds(), 2000) << sample.language << " " << piece;
    }
    QString noise;
    for (int i = 0; i < 3000; ++i) noise += QChar(32 + int(random() % 95));
    CodeColourer growing(QString::fromLatin1(sample.language));
    for (int i = 0; i < noise.size(); i += 97) growing.colours(noise.left(i));
  }
  EXPECT_TRUE(CodeColourer("c").colours(QString("int x;\n").repeated(40'000)).empty());  // over 200,000 signs
}

TEST(Highlight, AnAppendToLongCodeIsCheap) {
  NEEDS("python");
  QString code;
  while (code.size() < 50'000) code += "def f(x):\n    return compute(x, 42)  # a line\n\n";
  CodeColourer colourer("python");
  ProcessorTime timer;
  ASSERT_FALSE(colourer.colours(code).empty());
  std::printf("50 KB: %.1f ms\n", timer.milliseconds());
  timer = {};
  for (int i = 0; i < 100; ++i) {
    code += "y = 1\n";
    colourer.colours(code);
  }
  // a frame has 33 ms; 10 leave room for the view
  EXPECT_LT(timer.milliseconds() / 100., 10);
  std::printf("append: %.2f ms\n", timer.milliseconds() / 100);
}
