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
    {"c",
     "#include <stdio.h>\n#pragma once\n#define MOST 3\n#define SQUARE(x) x\n// note\nstatic int twice(int x) {\n  char c = 'a';\n  return x * 2 + "
     "strlen(\"é 漢\");\n}\n"},
    {"cpp",
     "#pragma once\n// note\n#define MOST 3\nnamespace a::b {\ntemplate <typename T>\nclass Box : public Base {\n public:\n  auto get() const -> T { "
     "return value_; "
     "}\n  T value_ = R\"(x)\";\n};\n}\n"},
    {"python",
     "import os\n\n@decorated\nclass A(B):\n    def f(self, x: int = 3) -> str:\n        # note\n        return f\"{x + 1} 😀\" + "
     "os.path.join('a', None)\n"},
    {"javascript",
     "// note\nimport { a } from './a.js';\nexport const f = async (x) => {\n  this.y();\n  return `${x + 1} é` + await g(/re/, null);\n};\nclass A "
     "extends B { m() { return <b c=\"d\">e</b>; } }\n"},
    {"go", "package main\n\nimport \"fmt\"\n\n// note\nfunc main() {\n\tvar x uint8 = 3\n\tfmt.Println(`raw`, x, nil)\n}\n"},
    {"rust", "use std::fmt;\n/* note */\nfn main() -> Result<u8, E> {\n    let mut x: u8 = 1;\n    println!(\"{}\", self.abs());\n    Ok(x)\n}\n"},
    {"java", "package a;\n/** note */\npublic class A {\n  int f(String s) { return this.g() + s.length() + 0x1F; }\n}\n"},
    {"bash", "#!/bin/bash\nfor f in *.txt; do\n  echo \"$f $(wc -l)\" 2>&1 | grep 'x'\ndone\n"},
    {"json", "// note\n{\"a\": [1, 2.5, true, null, \"é\"], \"b\": {\"c\": -1e3}}\n"},
    {"css", "@media print { /* note */ .a > #b:hover { color: #fff; width: calc(10px + 2em) !important; } }\n"},
    {"lua", "-- note\nlocal function f(x)\n  return x.y and print(\"a\", 1, nil)\nend\n"},
    {"ruby", "# note\nclass A < B\n  def f(x)\n    puts \"a #{x + 1}\" if self == :sym\n  end\nend\n"},
    {"toml", "# note\n[a.b]\nc = \"d\"\ne = [1, 2.5, true]\n"},
    {"csharp", "using System;\n// note\npublic class A : B {\n  public int F(string s) => s.Length + $\"{s} x\".Trim().Count(null);\n}\n"},
    {"kotlin", "package a\n// note\n@Kept class A(val x: Int) {\n  fun f(): String = \"a $x\" + g(1)\n}\n"},
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
        {"#pragma", 'k'},
        {"MOST", 'n'},
        {"SQUARE", 'f'},
        {"2", 'n'},
        {"strlen", 'f'},
        {"\"é 漢\"", 's'}}},
      {"cpp",
       {{"namespace", 'k'},
        {"template", 'k'},
        {"class", 'k'},
        {"Base", 'f'},
        {"get", 'f'},
        {"R\"(x)\"", 's'},
        {"value_;", '-'},
        {"// note", 'c'},
        {"#pragma", 'k'},
        {"MOST", 'n'}}},
      {"python", {{"import", 'k'}, {"class", 'k'}, {"f(self", 'f'}, {"3", 'n'}, {"# note", 'c'}, {"'a'", 's'}, {"None", 'n'}, {"join", 'f'}}},
      {"javascript",
       {{"// note", 'c'},
        {"import", 'k'},
        {"'./a.js'", 's'},
        {"f = async", 'f'},
        {"await", 'k'},
        {"null", 'n'},
        {"m()", 'f'},
        {"this", 'k'},
        {"y()", 'f'},
        {"A extends", 'f'}}},
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
      {"rust",
       {{"use", 'k'},
        {"/* note */", 'c'},
        {"main", 'f'},
        {"u8", 'f'},
        {"1;", 'n'},
        {"\"{}\"", 's'},
        {"Ok", 'f'},
        {"self", 'k'},
        {"mut", 'k'},
        {"println", 'f'}}},
      {"java",
       {{"package", 'k'}, {"/** note */", 'c'}, {"A {", 'f'}, {"f(String", 'f'}, {"String", 'f'}, {"0x1F", 'n'}, {"this", 'k'}, {"length", 'f'}}},
      {"bash", {{"for", 'k'}, {"echo", 'f'}, {"'x'", 's'}, {"done", 'k'}}},
      {"json", {{"\"a\"", 'f'}, {"1,", 'n'}, {"true", 'n'}, {"null", 'n'}, {"\"é\"", 's'}, {"-1e3", 'n'}, {"// note", 'c'}}},
      {"css",
       {{"@media", 'k'},
        {"/* note */", 'c'},
        {"#fff", 'n'},
        {"calc", 'f'},
        {"10px", 'n'},
        {"!important", 'k'},
        {"color", 'f'},
        {"a >", 'f'},
        {"b:", 'f'}}},
      {"lua", {{"-- note", 'c'}, {"function", 'k'}, {"f(x)", 'f'}, {"\"a\"", 's'}, {"1,", 'n'}, {"nil", 'n'}}},
      {"ruby",
       {{"# note", 'c'},
        {"class", 'k'},
        {"f(x)", 'f'},
        {"if", 'k'},
        {"1}", 'n'},
        {"self", 'k'},
        {"A <", 'f'},
        {"B\n", 'f'},
        {"puts", 'f'},
        {":sym", 'n'}}},
      {"toml", {{"# note", 'c'}, {"\"d\"", 's'}, {"2.5", 'n'}, {"true", 'n'}, {"c =", 'f'}, {"a.b", 'f'}}},
      {"csharp", {{"using", 'k'}, {"// note", 'c'}, {"class", 'k'}, {"F(", 'f'}, {"null", 'n'}, {"Trim", 'f'}, {"int F", 'f'}, {"A :", 'f'}}},
      {"kotlin",
       {{"package", 'k'}, {"// note", 'c'}, {"class", 'k'}, {"f()", 'f'}, {"1)", 'n'}, {"@Kept", 'f'}, {"A(val", 'f'}, {"Int", 'f'}, {"g(1", 'f'}}},
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

// Together with the samples every pattern of the queries has its place here: without any one of them a test fails.
TEST(Highlight, EveryPatternColoursSomething) {
  NEEDS("c");
  const struct {
    const char *language, *code, *expected;
  } cases[] = {
      {"bash", "f() { echo \"a $(g x) b\" 2>&1; }", "f{f}() { f{echo} s{\"a }$(f{g} x)s{ b\"} n{2}>&n{1}; }"},
      {"c", "int f(void) { return a.g(b->h(c)); }", "f{int} f{f}(f{void}) { k{return} a.f{g}(b->f{h}(c)); }"},
      {"cpp", "#define SQ(x) x\nint A::k() { return f(1, nullptr) + a::g(true) + h<int>(x) + o.m<int>(x) + this->n(); }\nint j() {}",
       "k{#define} f{SQ}(x) x\nf{int} A::f{k}() { k{return} f{f}(n{1}, n{nullptr}) + a::f{g}(n{true}) + f{h}<f{int}>(x) + o.f{m}<f{int}>(x) + "
       "k{this}->f{n}(); }\nf{int} f{j}() {}"},
      {"css", "a::before { content: \"x\"; }", "f{a}::f{before} { f{content}: s{\"x\"}; }"},
      {"csharp",
       "// n\ninterface I {}\nstruct S {}\nrecord R(int a);\nenum E { A }\nclass C { C() {} void F() { var c = new C(); G(1, 'c', null); o.H($\"a "
       "{b} c\", true); int L() => 2; } }",
       "c{// n}\nk{interface} f{I} {}\nk{struct} f{S} {}\nk{record} f{R}(f{int} a);\nk{enum} f{E} { A }\nk{class} f{C} { f{C}() {} f{void} f{F}() { "
       "f{var} c = k{new} f{C}(); f{G}(n{1}, s{'c'}, n{null}); o.f{H}(s{$\"a }{b}s{ c\"}, n{true}); f{int} f{L}() => n{2}; } }"},
      {"go", "package p\nfunc (a A) M() { g(1) }", "k{package} p\nk{func} (a f{A}) f{M}() { f{g}(n{1}) }"},
      {"java", "@Kept @Named(\"x\") interface I {}\nenum E {}\nclass C { C() { g('c'); } }",
       "@f{Kept} @f{Named}(s{\"x\"}) k{interface} f{I} {}\nk{enum} f{E} {}\nk{class} f{C} { f{C}() { f{g}(s{'c'}); } }"},
      {"javascript", "f(`a ${b} c`); function g() {} x = function h() {}; new K(); y = <A b=\"c\">d</A>; z = <B/>;",
       "f{f}(s{`a }${b}s{ c`}); k{function} f{g}() {} x = k{function} f{h}() {}; k{new} f{K}(); y = <f{A} f{b}=s{\"c\"}>d</f{A}>; z = <f{B}/>;"},
      {"kotlin", "object O { fun f() = \"a ${b} c\" + x.g('c') }", "k{object} f{O} { k{fun} f{f}() = s{\"a }${b}s{ c\"} + x.f{g}(s{'c'}) }"},
      {"lua", "f(1) a.b(2) a:c(3) function t.u() end", "f{f}(n{1}) a.f{b}(n{2}) a:f{c}(n{3}) k{function} t.f{u}() k{end}"},
      {"python", "@kept\nclass A(B):\n  x: int = f(1)", "@f{kept}\nk{class} f{A}(B):\n  x: f{int} = f{f}(n{1})"},
      {"ruby", "def self.f\n  \"a #{b} c\" + /r/\nend", "k{def} k{self}.f{f}\n  s{\"a }#{b}s{ c\"} + s{/r/}\nk{end}"},
      {"rust", "trait T { fn f(); }\nfn g() { a.h(1); B::i(2); }", "k{trait} f{T} { k{fn} f{f}(); }\nk{fn} f{g}() { a.f{h}(n{1}); B::f{i}(n{2}); }"},
      {"toml", "[t]\na.b = 1\n[[u]]\n", "[f{t}]\nf{a.b} = n{1}\n[[f{u}]]\n"},
  };
  for (const auto& one : cases) {
    if (present(one.language)) EXPECT_EQ(marked(one.language, one.code), one.expected) << one.language;
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
