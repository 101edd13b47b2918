#include "app/text/markdown.h"

#include <gtest/gtest.h>

#include <md4c.h>

#include <QTextDocument>
#include <QTextDocumentFragment>
#include <algorithm>
#include <random>

#include "app/text/block_parser.h"
#include "app/text/math_text.h"
#include "app/text/rich_text.h"
#include "tests/app/text/processor_time.h"

using namespace pio;

namespace pio {
void PrintTo(const Block& block, std::ostream* out) {
  *out << "kind " << int(block.kind) << " level " << block.level << " indent " << block.indent << " quote " << block.quote << " marker '"
       << block.marker.toStdString() << "' language '" << block.language.toStdString() << "' text '" << block.content.text.toStdString() << "'";
  for (const Span& span : block.content.spans)
    *out << " [" << span.start << "+" << span.length << " " << int(span.style) << " " << span.href.toStdString() << "]";
  for (const auto& row : block.cells) {
    *out << " |";
    for (const Inline& cell : row) *out << cell.text.toStdString() << "|";
  }
}
}  // namespace pio

namespace {

// One line a block: "P text", "H2 text", "L1 • text", "C python|code", "T a,b;c,d", "R"; '>' in front for every quote, spans as <s>, <e>,
// <c>, <d>, <a>.
std::string outline(const std::vector<Block>& blocks) {
  const auto inlineText = [](const Inline& content) {
    QString out;
    qsizetype at = 0;
    for (const Span& span : content.spans) {
      out += content.text.mid(at, span.start - at);
      QString tags;
      if (span.style & Span::Strong) tags += 's';
      if (span.style & Span::Emphasis) tags += 'e';
      if (span.style & Span::Code) tags += 'c';
      if (span.style & Span::Strike) tags += 'd';
      if (!span.href.isEmpty()) tags += "a=" + span.href;
      out += "<" + tags + ">" + content.text.mid(span.start, span.length) + "</>";
      at = span.start + span.length;
    }
    return out + content.text.mid(at);
  };
  QString out;
  for (const Block& block : blocks) {
    out += QString(block.quote, '>');
    const QString in = block.indent > 0 ? QString::number(block.indent) : QString();
    switch (block.kind) {
      case Block::Kind::Paragraph: out += "P" + in + " " + inlineText(block.content); break;
      case Block::Kind::Heading: out += "H" + QString::number(block.level) + " " + inlineText(block.content); break;
      case Block::Kind::ListItem: out += "L" + in + " " + block.marker + " " + inlineText(block.content); break;
      case Block::Kind::Rule: out += "R" + in; break;
      case Block::Kind::Code: out += "C" + in + " " + block.language + "|" + block.content.text; break;
      case Block::Kind::Table:
        out += "T" + in + " ";
        for (const auto& row : block.cells) {
          for (const auto& cell : row) out += inlineText(cell) + ",";
          out += ";";
        }
    }
    out += "\n";
  }
  return out.toStdString();
}

std::string outline(const char* markdown) { return outline(blocksOf(QString::fromUtf8(markdown))); }

std::vector<Block> parsedWhole(const QString& markdown) {
  std::vector<Block> out;
  parseBlocks(markdown, out);
  return out;
}

// The leaves of a text in their order, from blocks or from md4c's own events: kind, text, and the style of every sign.
struct Leaf {
  std::string kind;
  std::string text;
  std::string styles;  // a sign of the text each: 0 … 15 as letters, one more letter for a link
  bool operator==(const Leaf&) const = default;
};

void PrintTo(const Leaf& leaf, std::ostream* out) { *out << leaf.kind << " '" << leaf.text << "' " << leaf.styles; }

std::vector<Leaf> leavesOf(const std::vector<Block>& blocks) {
  std::vector<Leaf> leaves;
  const auto add = [&](const std::string& kind, const Inline& content) {
    std::string styles(size_t(content.text.size()), 'A');
    for (const Span& span : content.spans)
      std::fill_n(styles.begin() + span.start, span.length, char((span.href.isEmpty() ? 'A' : 'a') + span.style));
    if (!content.text.isEmpty() || kind == "code") leaves.push_back({kind, content.text.toStdString(), styles});
  };
  for (const Block& block : blocks) {
    switch (block.kind) {
      case Block::Kind::Paragraph:
      case Block::Kind::ListItem: add("text", block.content); break;
      case Block::Kind::Heading: add("heading " + std::to_string(block.level), block.content); break;
      case Block::Kind::Rule: leaves.push_back({"rule", "", ""}); break;
      case Block::Kind::Code: add("code", block.content); break;
      case Block::Kind::Table:
        for (const auto& row : block.cells)
          for (const Inline& cell : row) add("cell", cell);
    }
  }
  return leaves;
}

// md4c's events over the whole text, read without the program's parser.
class Md4cReader {
 public:
  static std::vector<Leaf> read(const QString& markdown) {
    QByteArray bytes = markdown.toUtf8();
    MD_PARSER parser = {};
    parser.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_PERMISSIVEAUTOLINKS | MD_FLAG_TASKLISTS;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) { return static_cast<Md4cReader*>(self)->enter(type, detail); };
    parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) { return static_cast<Md4cReader*>(self)->leave(type); };
    parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) { return static_cast<Md4cReader*>(self)->span(type, detail, 1); };
    parser.leave_span = [](MD_SPANTYPE type, void* detail, void* self) { return static_cast<Md4cReader*>(self)->span(type, detail, -1); };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
      return static_cast<Md4cReader*>(self)->add(type, QString::fromUtf8(text, qsizetype(size)));
    };
    Md4cReader reader;
    EXPECT_EQ(md_parse(bytes.constData(), MD_SIZE(bytes.size()), &parser, &reader), 0);
    reader.end();
    return reader.m_leaves;
  }

 private:
  int enter(MD_BLOCKTYPE type, void* detail) {
    end();
    if (type == MD_BLOCK_UL || type == MD_BLOCK_OL) ++m_lists;
    if (type == MD_BLOCK_HR) m_leaves.push_back({"rule", "", ""});
    if (type == MD_BLOCK_CODE) m_kind = "code";
    if (type == MD_BLOCK_TH || type == MD_BLOCK_TD) m_kind = "cell";
    if (type != MD_BLOCK_H) return 0;
    // Within a list a heading is a strong line.
    if (m_lists > 0) ++m_strong;
    else m_kind = "heading " + std::to_string(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
    return 0;
  }
  int leave(MD_BLOCKTYPE type) {
    if (type == MD_BLOCK_CODE && m_text.endsWith(u'\n')) {
      m_text.chop(1);
      m_styles.pop_back();
    }
    end();
    if (type == MD_BLOCK_UL || type == MD_BLOCK_OL) --m_lists;
    if (type == MD_BLOCK_H && m_lists > 0) --m_strong;
    return 0;
  }
  int span(MD_SPANTYPE type, void* detail, int by) {
    if (type == MD_SPAN_STRONG) m_strong += by;
    if (type == MD_SPAN_EM) m_emphasis += by;
    if (type == MD_SPAN_DEL) m_strike += by;
    if (type == MD_SPAN_CODE) m_code += by;
    if (type != MD_SPAN_A) return 0;
    const auto& href = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
    const QString address = QString::fromUtf8(href.text, qsizetype(href.size));
    if (address.startsWith("http://") || address.startsWith("https://") || address.startsWith("mailto:")) m_links += by;
    return 0;
  }
  int add(MD_TEXTTYPE type, QString part) {
    if (type == MD_TEXT_NULLCHAR) part = QChar(0xFFFD);
    if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR) part = u'\n';
    if (type == MD_TEXT_ENTITY) part = QTextDocumentFragment::fromHtml(part).toPlainText();
    const int style = (m_strong > 0 ? 1 : 0) + (m_emphasis > 0 ? 2 : 0) + (m_code > 0 ? 4 : 0) + (m_strike > 0 ? 8 : 0);
    m_text += part;
    m_styles += std::string(size_t(part.size()), char((m_links > 0 ? 'a' : 'A') + style));
    return 0;
  }
  void end() {
    if (!m_text.isEmpty() || m_kind == "code") m_leaves.push_back({m_kind, m_text.toStdString(), m_styles});
    m_text.clear();
    m_styles.clear();
    m_kind = "text";
  }

  std::vector<Leaf> m_leaves;
  std::string m_kind = "text", m_styles;
  QString m_text;
  int m_lists = 0, m_strong = 0, m_emphasis = 0, m_code = 0, m_strike = 0, m_links = 0;
};

// A text such as a model writes, of `n` pieces drawn from what Markdown has, ill-formed now and then.
QString randomMarkdown(std::mt19937& random, int n, std::string_view without = {}) {
  static const char* pieces[] = {"A plain sentence with *emphasis*, **strength** and `code`.\n\n",
                                 "## Heading\n",
                                 "# H\n\n",
                                 "- one\n- two\n",
                                 "- a\n\n  more of a\n- b\n\n",
                                 "1. first\n2. second\n   - deep\n     - deeper\n",
                                 "```python\ndef f(x):\n\n    return x\n```\n",
                                 "~~~\ntilde\n~~~\n\n",
                                 "```\nnever closed\n",
                                 "> quoted\n> still\nlazy\n\n",
                                 "> - list in quote\n\n",
                                 "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | `x` |\n\n",
                                 "---\n",
                                 "***\n",
                                 "Title\n===\n",
                                 "line one\nline two\n\n",
                                 "\n",
                                 "\n\n",
                                 "    indented code\n\n    more\n\n",
                                 "text **unclosed\n\n",
                                 "[link](https://example.com/a?b=c&d) end\n\n",
                                 "1. Do this:\n   ```sh\n   ls -l\n\n   pwd\n   ```\n2. Then that\n\n",
                                 "- item\n```\ntop\n\nlevel\n```\n",
                                 "日本語の文。\n\n",
                                 "a < b && c > d &amp; &#65;\n\n",
                                 "<script>alert(1)</script>\n\n",
                                 "5. five\n",
                                 "- [ ] open\n- [x] done\n\n",
                                 "* star\n+ plus\n\n",
                                 "$x_1^2 + y$ and \\(a*b*c = d\\)\n\n",
                                 "~~gone~~ 😀\n\n",
                                 "word ",
                                 "**bold** ",
                                 "`x` ",
                                 "\t- tab\n",
                                 "  two spaces\n",
                                 "   ```\n",
                                 "```\n",
                                 "\\* not a list\n",
                                 "-\n",
                                 "a\r\nb\r\n\r\n",
                                 "\r"};
  QString out;
  for (int i = 0; i < n; ++i) {
    const char* piece = pieces[random() % std::size(pieces)];
    if (piece != without) out += QString::fromUtf8(piece);
  }
  return out;
}

// The same with any characters, for what no person would write.
QString randomNoise(std::mt19937& random, int n) {
  static const QString alphabet = QString::fromUtf8("``~~##**__--++>>||[]()!<>&;:\\$ab1. \t\n\n\n\r  é漢😀");
  QString out;
  for (int i = 0; i < n; ++i) out += alphabet[int(random() % uint(alphabet.size()))];
  return out;
}

RichStyle style() {
  return RichStyle::of({{"text1", "#111111"},
                        {"accent", "#0b6a88"},
                        {"fill", "#eeeeee"},
                        {"synKey", "#9a2f62"},
                        {"mono", "Some Mono"},
                        {"prose", QVariantList{15, 24, 400}},
                        {"code", QVariantList{13, 20, 400}}});
}

QString shown(const QString& html) {
  QTextDocument document;
  document.setHtml(html);
  return document.toPlainText();
}

}  // namespace

TEST(Markdown, ParagraphsHeadingsAndInlineStylesAreRead) {
  EXPECT_EQ(outline("# One\n\nText *e* **s** `c` ~~d~~.\n\nTwo\n===\n"), "H1 One\nP Text <e>e</> <s>s</> <c>c</> <d>d</>.\nH1 Two\n");
  EXPECT_EQ(outline("***both***"), "P <se>both</>\n");
  EXPECT_EQ(outline("#hash"), "P #hash\n");
  EXPECT_EQ(outline("a\n---\nb"), "H2 a\nP b\n");
  EXPECT_EQ(outline("a\n\n---\n\nb"), "P a\nR\nP b\n");
  EXPECT_EQ(outline(""), "");
  EXPECT_EQ(outline("\n\n  \n"), "");
}

TEST(Markdown, ALineEndWithinAParagraphStays) {
  EXPECT_EQ(outline("one\ntwo  \nthree"), "P one\ntwo\nthree\n");
  EXPECT_EQ(outline("a\r\nb\rc"), "P a\nb\nc\n");
}

TEST(Markdown, ListsBecomeRowsWithTheirMarkers) {
  EXPECT_EQ(outline("- a\n- b\n  - c\n\n  more b\n3. x\n4. y\n"), "L1 • a\nL1 • b\nL2 • c\nL1  more b\nL1 3. x\nL1 4. y\n");
  EXPECT_EQ(outline("1) a\n2) b"), "L1 1) a\nL1 2) b\n");
  EXPECT_EQ(outline("- [ ] a\n- [x] b"), "L1 ☐ a\nL1 ☑ b\n");
  EXPECT_EQ(outline("- ```c\n  x\n  ```\n- - y"), "L1 • \nC1 c|x\nL1 • \nL2 • y\n");
  EXPECT_EQ(outline("- # Title\n"), "L1 • <s>Title</>\n");
  EXPECT_EQ(outline("-"), "L1 • \n");
  EXPECT_EQ(outline("Text:\n- a\n\n  still a"), "P Text:\nL1 • a\nL1  still a\n");
}

TEST(Markdown, QuotesAreAFigureOnTheRow) {
  EXPECT_EQ(outline("> a\n> > b\n>\n> - c\n\nd"), ">P a\n>>P b\n>L1 • c\nP d\n");
  EXPECT_EQ(outline("> a\nlazy\n"), ">P a\nlazy\n");
}

TEST(Markdown, FencesKeepTheirTextExactly) {
  EXPECT_EQ(outline("```C++ title=x\na  <b>\n\n  c\n```\nafter"), "C c++|a  <b>\n\n  c\nP after\n");
  EXPECT_EQ(outline("````md\n```\nx\n```\n````"), "C md|```\nx\n```\n");
  // A fence with a language ends none: the next one without ends the outer block, and the last begins another (CommonMark 4.5).
  EXPECT_EQ(outline("```markdown\n# T\n```python\nx\n```\nmore\n```\nafter"), "C markdown|# T\n```python\nx\nP more\nC |after\n");
  EXPECT_EQ(outline("````markdown\n# T\n```python\nx\n```\nmore\n````\nafter"), "C markdown|# T\n```python\nx\n```\nmore\nP after\n");
  EXPECT_EQ(outline("  ```\n  a\n   b\n  ```"), "C |a\n b\n");
  EXPECT_EQ(outline("```\nunclosed\n\n# not a heading"), "C |unclosed\n\n# not a heading\n");
  EXPECT_EQ(outline("```"), "C |\n");
  EXPECT_EQ(outline("~~~\n```\n~~~"), "C |```\n");
  EXPECT_EQ(outline("    four\n\n    more\n\nend"), "C |four\n\nmore\nP end\n");
  EXPECT_EQ(outline("- item\n```\ntop\n\nlevel\n```\nend"), "L1 • item\nC |top\n\nlevel\nP end\n");
  EXPECT_EQ(outline("1. a\n  ```\n  x\n\ny\n  ```\nend"), "L1 1. a\nC |x\n\ny\nP end\n");
}

TEST(Markdown, TablesHaveRowsOfEqualLength) {
  const auto blocks = blocksOf(u"| a | b |\n|:--|--:|\n| 1 | `2` |\n| 3 |\n\nend");
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(outline(blocks), "T a,b,;1,<c>2</>,;3,,;\nP end\n");
  EXPECT_EQ(blocks[0].alignments, (std::vector{Block::Align::Left, Block::Align::Right}));
  EXPECT_EQ(blocks[0].plainText(), "a\tb\n1\t2\n3\t");
}

TEST(Markdown, OnlyWebAndMailAddressesAreLinks) {
  EXPECT_EQ(outline("[t](https://a.b/c?d=1&e=2)"), "P <a=https://a.b/c?d=1&e=2>t</>\n");
  EXPECT_EQ(outline("https://a.b and <mailto:x@y.z>"), "P <a=https://a.b>https://a.b</> and <a=mailto:x@y.z>mailto:x@y.z</>\n");
  for (const char* bad : {"[t](javascript:alert(1))", "[t](file:///etc/passwd)", "[t](JaVaScRiPt:x)", "[t](data:text/html,x)",
                          "[t](&#106;avascript:x)", "[t](/relative)", "[t](vbscript:x)", "[t](qrc:/x)"})
    EXPECT_EQ(outline(bad), "P t\n") << bad;
  EXPECT_EQ(outline("[t](https://a.b/\xE2\x80\xAEgpj.exe)"), "P t\n");  // U+202E turns the address round
  EXPECT_EQ(outline("![picture](https://a.b/track.png)"), "P picture\n");
}

TEST(Markdown, HtmlIsText) {
  EXPECT_EQ(outline("<script>alert(1)</script>"), "P <script>alert(1)</script>\n");
  EXPECT_EQ(outline("a <b>x</b> <img src=x>"), "P a <b>x</b> <img src=x>\n");
  const auto blocks = blocksOf(u"<img src=\"file:///x\"> & &lt;b&gt; &amp;lt; &#0; &unknown;");
  EXPECT_EQ(shown(proseHtml(blocks[0], style())), QString::fromUtf8("<img src=\"file:///x\"> & <b> &lt; \uFFFD &unknown;"));
}

TEST(Markdown, ALinkDefinitionStaysReadable) {
  EXPECT_EQ(outline("See [1].\n\n[1]: https://a.b\n[2]: https://c.d\n"),
            "P See [1].\nP [1]: <a=https://a.b>https://a.b</>\n[2]: <a=https://c.d>https://c.d</>\n");
}

TEST(Markdown, FormulasBecomeUnicodeAndPricesStay) {
  EXPECT_EQ(outline("$x_1^2 \\le \\frac{a}{b+1}$"), "P x₁² ≤ a/(b+1)\n");
  EXPECT_EQ(outline("from $5 to $10"), "P from $5 to $10\n");
  EXPECT_EQ(outline("\\(a*b*c = d\\) and \\[ E = mc^2 \\]"), "P a*b*c = d and E = mc²\n");
  EXPECT_EQ(outline("`\\(x^2\\)` \\(note\\)"), "P <c>\\(x^2\\)</> (note)\n");
  EXPECT_EQ(mathText("\\sqrt{x+1} \\unknown{y} \\sqrt[3]{8}", "$"), QString::fromUtf8("√(x+1) \\unknowny ³√8"));
  EXPECT_EQ(mathText(QString(5000, '{') + "^", "$"), QString(5000 - 32, '{') + "^");  // ends, and without a stack of 5,000
}

TEST(Markdown, CuttingAtClosedBlocksReadsTheSameAsTheWholeText) {
  // The independent reading: the parser over the whole text at once. Only what the cut itself defines (definitions, very long paragraphs)
  // may differ.
  for (const char* text : {"a\n\nb\n- c\n- d\n\n  e\n\nf\n> g\nh\n\n```x\ny\n```\ni\n\n| a | b |\n|--|--|\n| 1 | 2 |\n", "# a\nb\n***\nc\n",
                           "1. a\n\n   b\n\n2. c\n   - d\n\n     e\n\nf\n", "- a\n\n      code in a\n\nb\n", "    x\n\n\n    y\nz\n",
                           "> ```\n> a\n\nb\n", "a | b\n- | -\n1 | 2\n\nc\n", "* a\n\n* b\n\n\n* c\n\nd\n", "-\na\n---\nb\n"}) {
    const QString markdown = QString::fromUtf8(text);
    EXPECT_EQ(outline(blocksOf(markdown)), outline(parsedWhole(markdown))) << text;
  }
}

TEST(StreamingMarkdown, AnyPiecesGiveTheBlocksOfTheWholeAndClosedOnesNeverChange) {
  std::mt19937 random(7);
  for (int round = 0; round < 1500; ++round) {
    const QString text = round % 3 == 2 ? randomNoise(random, 120) : randomMarkdown(random, 1 + int(random() % 14));
    const std::vector<Block> expected = blocksOf(text);
    StreamingMarkdown streaming;
    std::vector<Block> closed;
    const int longest = round % 2 == 0 ? 3 : 40;
    for (qsizetype at = 0; at < text.size();) {
      const qsizetype n = std::min<qsizetype>(1 + int(random() % uint(longest)), text.size() - at);
      const std::vector<Block> before = streaming.blocks();
      const qsizetype first = streaming.append(QStringView(text).mid(at, n));
      ASSERT_LE(first, qsizetype(streaming.blocks().size()));
      for (qsizetype i = 0; i < first; ++i) ASSERT_EQ(before[size_t(i)], streaming.blocks()[size_t(i)]);
      ASSERT_GE(streaming.closedCount(), qsizetype(closed.size()));
      for (size_t i = 0; i < closed.size(); ++i) ASSERT_EQ(closed[i], streaming.blocks()[i]) << text.toStdString();
      closed.assign(streaming.blocks().begin(), streaming.blocks().begin() + streaming.closedCount());
      at += n;
    }
    streaming.finish();
    ASSERT_EQ(streaming.blocks(), expected) << "round " << round << "\n" << text.toStdString();
    for (size_t i = 0; i < closed.size(); ++i) ASSERT_EQ(closed[i], expected[i]);
  }
}

TEST(StreamingMarkdown, ReadsWhatMd4cItselfReads) {
  std::mt19937 random(23);
  for (int round = 0; round < 6000; ++round) {
    // md4c 0.4 takes a fence for a paragraph where it ends a list whose own fence is still open.
    QString text = randomMarkdown(random, 1 + int(random() % 14), "   ```\n");
    // Formulas are rewritten before md4c sees them, and md4c writes spaces for a tab that begins a line of code.
    text.remove(u'$').remove(QStringLiteral("\\(")).replace(u'\t', QStringLiteral("    "));
    StreamingMarkdown streaming;
    for (qsizetype at = 0; at < text.size();) {
      const qsizetype n = std::min<qsizetype>(1 + int(random() % 60), text.size() - at);
      streaming.append(QStringView(text).mid(at, n));
      at += n;
    }
    streaming.finish();
    ASSERT_EQ(leavesOf(streaming.blocks()), Md4cReader::read(text)) << "round " << round << "\n" << text.toStdString();
  }
}

TEST(StreamingMarkdown, LongLinesAreCutTheSameWayHoweverTheyCome) {
  std::mt19937 random(11);
  QString words;
  while (words.size() < 60'000) words += QString(1 + int(random() % 9), QChar('a' + int(random() % 26))) + (random() % 50 == 0 ? " 😀" : " ");
  for (const QString& text : {words, QString(50'000, 'x'), "```" + QString(20'000, 'y') + "\nz", "- " + words, "| " + words + "\n|--|\n"}) {
    const auto expected = blocksOf(text);
    StreamingMarkdown streaming;
    for (qsizetype at = 0; at < text.size();) {
      const qsizetype n = 1 + int(random() % 700);
      streaming.append(QStringView(text).mid(at, n));
      at += n;
    }
    streaming.finish();
    EXPECT_EQ(streaming.blocks(), expected);
    // Over 10,000 signs a TextEdit may stay blank.
    for (const Block& block : expected) {
      if (block.kind == Block::Kind::Paragraph) {
        EXPECT_LE(block.content.text.size(), 10'000);
      }
    }
  }
}

TEST(StreamingMarkdown, MarksThatWaitForTheirPartnerDoNotFlash) {
  const auto soFar = [](const char* text) {
    StreamingMarkdown streaming;
    streaming.append(QString::fromUtf8(text));
    return outline(streaming.blocks());
  };
  EXPECT_EQ(soFar("This is **bo"), "P This is <s>bo</>\n");
  EXPECT_EQ(soFar("This is **"), "P This is\n");
  EXPECT_EQ(soFar("Call `f("), "P Call <c>f(</>\n");
  EXPECT_EQ(soFar("See [the site](https://exa"), "P See the site\n");
  EXPECT_EQ(soFar("Text\n-"), "P Text\n");
  EXPECT_EQ(soFar("Text\n\n``"), "P Text\n");
  EXPECT_EQ(soFar("| a | b |\n"), "");
  EXPECT_EQ(soFar("```py\nx = 1\n``"), "C py|x = 1\n");
  EXPECT_EQ(soFar("```py\n"), "C py|\n");
}

TEST(StreamingMarkdown, ALongAnswerCostsLittleAtEveryAppend) {
  // 100 KB each, as one block that stays open; in pieces of 12 signs as a model writes them.
  QString code = "```python\n";
  while (code.size() < 100'000) code += "x = compute(value, 42)  # a line of code\n";
  QString paragraph;
  while (paragraph.size() < 100'000) paragraph += "Some words of an endless paragraph without any line end. ";
  QString noBreak(100'000, 'x');
  for (const QString& text : {code, paragraph, noBreak}) {
    StreamingMarkdown streaming;
    ProcessorTime timer;
    int n = 0;
    for (qsizetype at = 0; at < text.size(); at += 12, ++n) streaming.append(QStringView(text).mid(at, 12));
    const double milliseconds = timer.milliseconds() / n;
    // 33 ms is a frame; half a millisecond leaves room for a machine ten times slower than the one it was written on.
    EXPECT_LT(milliseconds, 0.5) << text.left(20).toStdString();
    RecordProperty("microseconds", int(milliseconds * 1000));
  }
}

TEST(StreamingMarkdown, HostileTextEndsSoonAndStaysShallow) {
  const QStringList texts = {
      QString(10'000, '>') + "x",
      QString("- ").repeated(10'000) + "x",
      QString("> - ").repeated(3'000) + "x\n",
      QString("[").repeated(50'000),
      QString("![").repeated(30'000),
      QString("*a ").repeated(30'000),
      QString("**a*").repeated(20'000),
      QString("_a__").repeated(20'000),
      QString("`a``").repeated(20'000),
      QString("<a").repeated(30'000),
      QString("\\(").repeated(50'000),
      QString("$").repeated(50'000),
      QString("&#x;").repeated(20'000),
      QString("a|").repeated(5'000) + "\n" + QString("-|").repeated(5'000) + "\n" + QString("x\n").repeated(5'000),
      QString("| a ").repeated(1'000) + "\n" + QString("|---").repeated(1'000) + "\n" + QString("|\n").repeated(3'000),
      QString("- a\n\n").repeated(10'000),
      QString("- a\n```\n\nb\n").repeated(2'000),
      QString("[a]: b\n").repeated(5'000),
      QString("\u202e\u2066 abc\n\n").repeated(1'000),
      QString(QChar(0)).repeated(1'000),
      QString(QChar(0xD800)).repeated(1'000),
      QString("    x\n\n").repeated(5'000),
  };
  for (const QString& text : texts) {
    ProcessorTime timer;
    const auto blocks = blocksOf(text);
    // 100 KB of anything: a person waits a second at most, on a slow machine.
    EXPECT_LT(timer.milliseconds(), 1000) << text.left(20).toStdString();
    for (const Block& block : blocks) {
      ASSERT_LE(block.indent, Block::kDeepest);
      ASSERT_LE(block.quote, Block::kDeepest);
      for (const auto& row : block.cells) ASSERT_EQ(row.size(), block.alignments.size());
    }
  }
}

TEST(StreamingMarkdown, WhatIsNestedDeeperThanEightIsDrawnAtEight) {
  for (const int depth : {7, 8, 9, 20}) {
    QString list;
    for (int i = 0; i < depth; ++i) list += QString(2 * i, ' ') + "- a\n";
    EXPECT_EQ(blocksOf(list).back().indent, std::min(depth, 8)) << depth;
    EXPECT_EQ(blocksOf(QString("> ").repeated(depth) + "a").back().quote, std::min(depth, 8)) << depth;
  }
}

TEST(RichText, ADocumentShowsExactlyTheTextOfTheBlock) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    const QString text = round % 2 == 0 ? randomMarkdown(random, 6) : randomNoise(random, 100);
    for (const Block& block : blocksOf(text)) {
      if (block.kind == Block::Kind::Code) {
        EXPECT_EQ(shown(codeHtml(block.content.text, {}, style())), block.content.text);
      } else if (const QString html = proseHtml(block, style()); !html.isEmpty()) {
        QString expected = block.content.text;
        QString found = shown(html);
        // the no-break spaces are the padding of inline code
        EXPECT_EQ(found.remove(QChar(0xA0)).remove(' '), expected.remove(QChar(0xA0)).remove(' ')) << html.toStdString();
      }
    }
  }
}

TEST(RichText, ColoursAndSizesComeFromTheStyle) {
  const auto blocks = blocksOf(u"See [x](https://a.b) `c`");
  const QString html = proseHtml(blocks[0], style());
  EXPECT_TRUE(html.contains("line-height:24px;-qt-line-height-type:fixed")) << html.toStdString();
  EXPECT_TRUE(html.contains("color:#0b6a88"));
  EXPECT_TRUE(html.contains("background-color:#eeeeee"));
  EXPECT_TRUE(html.contains("font-family:'Some Mono';font-size:13px;"));
  RichStyle large = style();
  large.prose = {20, 32, 600};
  EXPECT_TRUE(proseHtml(blocks[0], large).contains("font-size:20px;line-height:32px;-qt-line-height-type:fixed;font-weight:600;"));
}

TEST(RichText, CodeKeepsItsLinesAndColoursItsRuns) {
  const QString code = "\n  if (a < b && c)\n\n\treturn \"x\";\n";
  const ColourRun run{.start = 3, .length = 2, .colour = CodeColour::Keyword};
  const QString html = codeHtml(code, std::span(&run, 1), style());
  EXPECT_TRUE(html.contains("<span style=\"color:#9a2f62;\">if</span>")) << html.toStdString();
  EXPECT_EQ(shown(html), code);
}
