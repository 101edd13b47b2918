#include "app/text/markdown.h"

#include <QStringList>
#include <utility>

#include "app/text/block_parser.h"
#include "app/text/fence.h"
#include "app/text/math_text.h"

namespace pio {
namespace {

// A paragraph beyond this is cut at the next line end or word: a TextEdit of over 10,000 signs can stay blank in Qt 6.4, and a cut keeps
// the cost of an append bounded.
constexpr qsizetype kLongParagraph = 8'000;
constexpr qsizetype kLongestLine = 9'500;

// White space at the start in columns (tab stops of 4, CommonMark 2.2), and the line behind it.
struct Indented {
  int columns = 0;
  QStringView text;
};

Indented withoutIndent(QStringView line) {
  Indented out;
  qsizetype i = 0;
  for (; i < line.size(); ++i) {
    if (line[i] == u' ') ++out.columns;
    else if (line[i] == u'\t') out.columns += 4 - out.columns % 4;
    else break;
  }
  out.text = line.mid(i);
  return out;
}

bool isBlank(QStringView line) { return withoutIndent(line).text.isEmpty(); }

qsizetype runLength(QStringView text, QChar sign) {
  qsizetype n = 0;
  while (n < text.size() && text[n] == sign) ++n;
  return n;
}

bool isHeading(QStringView text) {
  const qsizetype n = runLength(text, u'#');
  return n >= 1 && n <= 6 && (n == text.size() || text[n] == u' ' || text[n] == u'\t');
}

bool isRule(QStringView text) {
  if (text.isEmpty() || (text[0] != u'*' && text[0] != u'-' && text[0] != u'_')) return false;
  int n = 0;
  for (const QChar c : text) {
    if (c == text[0]) ++n;
    else if (c != u' ' && c != u'\t') return false;
  }
  return n >= 3;
}

bool isUnderline(QStringView text) {
  const QStringView trimmed = text.trimmed();
  return !trimmed.isEmpty() && (trimmed[0] == u'=' || trimmed[0] == u'-') && runLength(trimmed, trimmed[0]) == trimmed.size();
}

struct ListMark {
  bool present = false;
  bool empty = false;       // no text behind it
  bool interrupts = false;  // may follow a paragraph without an empty line: not empty, and "1." if it is a number
};

ListMark listMark(QStringView text) {
  if (text.isEmpty()) return {};
  qsizetype end = 0;
  bool first = true;
  if (text[0] == u'-' || text[0] == u'+' || text[0] == u'*') {
    end = 1;
  } else {
    while (end < text.size() && text[end] >= u'0' && text[end] <= u'9') ++end;
    if (end == 0 || end > 9 || end == text.size() || (text[end] != u'.' && text[end] != u')')) return {};
    first = text.left(end).toInt() == 1;
    ++end;
  }
  if (end < text.size() && text[end] != u' ' && text[end] != u'\t') return {};
  const bool empty = isBlank(text.mid(end));
  return {.present = true, .empty = empty, .interrupts = first && !empty};
}

bool interruptsAll(QStringView text) { return fenceOf(text) || isHeading(text) || isRule(text) || text.startsWith(u'>'); }

bool isTableUnderline(QStringView line) {
  bool pipe = false;
  bool dash = false;
  for (const QChar c : line) {
    pipe |= c == u'|';
    dash |= c == u'-';
    if (c != u'|' && c != u'-' && c != u':' && c != u' ' && c != u'\t') return false;
  }
  return pipe && dash;
}

// "[label]: address" starts a definition that would vanish; a backslash makes it the text it looks like.
QString withoutDefinition(QString piece) {
  const Indented first = withoutIndent(piece);
  if (first.columns < 4 && first.text.startsWith(u'[')) {
    const qsizetype close = first.text.indexOf(u']');
    if (close > 0 && close + 1 < first.text.size() && first.text[close + 1] == u':') {
      // Definitions come in runs, a line each.
      QStringList lines = piece.split(u'\n');
      for (QString& line : lines)
        if (const Indented start = withoutIndent(line); start.columns < 4 && start.text.startsWith(u'['))
          line.insert(start.text.data() - line.constData(), u'\\');
      return lines.join(u'\n');
    }
  }
  return piece;
}

// Closes or takes back the marks at the end that still wait for their partner, so that "**bo" or "[site](http" do not flash as they are.
void completeMarks(QString& piece) {
  qsizetype strong = -1;
  qsizetype bracket = -1;
  qsizetype i = 0;
  while (i < piece.size()) {
    const QChar c = piece[i];
    if (c == u'\\') {
      i += 2;
    } else if (c == u'`') {
      const qsizetype n = runLength(QStringView(piece).mid(i), u'`');
      const QString ticks(n, u'`');
      const qsizetype close = piece.indexOf(ticks, i + n);
      if (close < 0) {
        if (i + n >= piece.size()) piece.truncate(i);
        else piece += ticks;
        break;
      }
      i = close + n;
    } else if (c == u'*' && i + 1 < piece.size() && piece[i + 1] == u'*') {
      strong = strong < 0 ? i : -1;
      i += 2;
    } else {
      if (c == u'[') bracket = i;
      if (c == u']' && bracket >= 0 && (i + 1 == piece.size() || piece[i + 1] != u'(')) bracket = -1;
      if (c == u')' && bracket >= 0 && QStringView(piece).mid(bracket, i - bracket).contains(u"](")) bracket = -1;
      ++i;
    }
  }
  if (bracket >= 0) {
    const qsizetype address = piece.indexOf(u"](", bracket);
    if (address > 0) {
      piece.truncate(address);
      piece.remove(bracket, 1);
      if (strong > bracket) --strong;
    }
  }
  if (strong >= 0 && strong < piece.size()) {
    if (piece.endsWith(u'*') && !piece.endsWith(u"**")) piece.chop(1);
    while (!piece.isEmpty() && piece.back().isSpace()) piece.chop(1);
    if (piece.size() <= strong + 2) piece.truncate(strong);
    else piece += u"**";
  }
}

// A last line of code that may become the fence's end.
bool mayEndFence(QStringView line) {
  const QStringView text = withoutIndent(line).text;
  return !text.isEmpty() && (text[0] == u'`' || text[0] == u'~') && runLength(text, text[0]) == text.size();
}

// A last line of nothing but marks may become anything: "1", "-", "**", "``", "|". It waits for its next sign.
bool waits(QStringView line) {
  for (const QChar c : line)
    if (!QStringView(u"`~#*+-=_|>:.)( \t0123456789[").contains(c)) return false;
  return line.size() <= 80;
}

// Where a line of over kLongestLine signs is cut: before the first word beyond kLongParagraph. A function of the text alone, so that a line
// that comes in pieces is cut as one that comes whole.
qsizetype cutOf(QStringView line) {
  for (qsizetype i = kLongParagraph; i < kLongestLine; ++i)
    if (line[i - 1] == u' ' && line[i].isLetter()) return i;
  return line[kLongestLine - 1].isHighSurrogate() ? kLongestLine - 1 : kLongestLine;
}

}  // namespace

void BlockSplitter::begin(QStringView line, std::vector<Block>& out) {
  const Indented start = withoutIndent(line);
  m_afterBlank = false;
  m_isTable = false;
  if (start.columns >= 4) {
    m_open = Open::Indented;
  } else if (const auto fence = fenceOf(start.text)) {
    m_open = Open::Fence;
    QString language = start.text.mid(fence->length).trimmed().toString().toLower();
    if (const qsizetype end = language.indexOf(u' '); end >= 0) language.truncate(end);
    m_fence = {.mark = *fence, .indent = start.columns, .language = language};
    return;
  } else if (start.text.startsWith(u'>')) {
    m_open = Open::Quote;
  } else if (isHeading(start.text) || isRule(start.text)) {
    m_open = Open::Paragraph;
    m_source += line;
    close(out);
    return;
  } else if (const ListMark mark = listMark(start.text); mark.present) {
    m_open = Open::List;
    m_afterEmptyItem = mark.empty;
  } else {
    m_open = Open::Paragraph;
  }
  m_source += line;
  m_source += u'\n';
}

void BlockSplitter::close(std::vector<Block>& out) {
  if (m_open == Open::Fence) {
    Block code;
    code.kind = Block::Kind::Code;
    code.language = m_fence.language;
    code.content.text = m_source;
    code.content.text.replace(QChar(0), QChar(0xFFFD));
    if (code.content.text.endsWith(u'\n')) code.content.text.chop(1);
    out.push_back(std::move(code));
  } else if (m_open == Open::Indented) {
    parseBlocks(m_source, out);
  } else if (m_open != Open::Nothing) {
    parseBlocks(dollarsForBrackets(withoutDefinition(std::exchange(m_source, {}))), out);
  }
  m_source = QString();
  m_open = Open::Nothing;
  m_afterBlank = false;
}

// In a list the depth of a fence, and so its end, follows from the columns of every item around it. The parser knows: a word behind an
// empty line is a paragraph of its own unless a fence outside of the list has swallowed it.
bool BlockSplitter::hidesOpenFence() const {
  if (!m_source.contains(QLatin1String("```")) && !m_source.contains(QLatin1String("~~~"))) return false;
  std::vector<Block> blocks;
  parseBlocks(QString(m_source + "\n\nx"), blocks);
  const Block& last = blocks.back();
  return last.kind != Block::Kind::Paragraph || last.indent != 0 || last.content.text != u"x";
}

void BlockSplitter::addLine(QStringView line, std::vector<Block>& out) {
  if (m_open == Open::Fence) {
    if (closes(line, m_fence.mark)) {
      close(out);
      return;
    }
    // As much of the indent as the fence itself has.
    qsizetype skip = 0;
    while (skip < m_fence.indent && skip < line.size() && line[skip] == u' ') ++skip;
    m_source += line.mid(skip);
    m_source += u'\n';
    return;
  }
  while (line.size() > kLongestLine && !inCode()) {
    const qsizetype cut = cutOf(line);
    addLine(line.left(cut), out);
    line = line.mid(cut);
  }
  if (inCode()) {
    addLine(line, out);
    return;
  }

  const Indented start = withoutIndent(line);
  if (start.text.isEmpty()) {
    if (m_open == Open::Paragraph || m_open == Open::Quote) close(out);
    if (m_open != Open::Nothing) {
      m_source += line;
      m_source += u'\n';
      m_afterBlank = true;
    }
    return;
  }

  const ListMark mark = listMark(start.text);
  switch (m_open) {
    case Open::Nothing:
    case Open::Fence: break;
    case Open::Paragraph:
      if (start.columns >= 4) break;
      if (!m_isTable && isUnderline(start.text)) {
        m_source += line;
        close(out);
        return;
      }
      if (interruptsAll(start.text) || mark.interrupts || (!m_isTable && m_source.size() + line.size() > kLongestLine)) close(out);
      if (isTableUnderline(line)) m_isTable = true;
      break;
    case Open::Quote:
      if (start.columns < 4 && !start.text.startsWith(u'>') && (interruptsAll(start.text) || mark.interrupts)) close(out);
      break;
    case Open::List:
      // Indented lines are left to the parser: they may belong to an item, and if not, nothing is lost but an early end.
      if (start.columns == 0) {
        // An item without a text is continued by indented lines only.
        const bool ends = m_afterBlank ? !mark.present || isRule(start.text) : interruptsAll(start.text) || (m_afterEmptyItem && !mark.present);
        if (ends && !hidesOpenFence()) close(out);
      }
      m_afterBlank = false;
      m_afterEmptyItem = mark.empty;
      break;
    case Open::Indented:
      if (start.columns < 4) close(out);
      m_afterBlank = false;
      break;
  }

  if (m_open == Open::Nothing) {
    begin(line, out);
  } else {
    m_source += line;
    m_source += u'\n';
  }
  if (m_open == Open::Paragraph && !m_isTable && m_source.size() > kLongParagraph) close(out);
}

void BlockSplitter::end(std::vector<Block>& out, bool unfinished) {
  // The first line of a table is a paragraph until its second line has come.
  if (unfinished && m_open == Open::Paragraph && m_source.startsWith(u'|') && m_source.count(u'\n') == 1) m_source.clear();
  if (unfinished && (m_open == Open::Paragraph || m_open == Open::List || m_open == Open::Quote)) {
    // In a list or quote the last line is enough: marks seldom go on over a line's end.
    const qsizetype from = m_open == Open::Paragraph && !m_isTable ? 0 : m_source.lastIndexOf(u'\n', -2) + 1;
    QString tail = m_source.mid(from);
    if (tail.endsWith(u'\n')) tail.chop(1);
    completeMarks(tail);
    m_source.truncate(from);
    m_source += tail;
  }
  close(out);
}

qsizetype StreamingMarkdown::append(QStringView delta) {
  std::vector<Block> old(std::make_move_iterator(m_blocks.begin() + m_closed), std::make_move_iterator(m_blocks.end()));
  m_blocks.resize(size_t(m_closed));
  const qsizetype first = m_closed;

  for (qsizetype from = 0; from < delta.size();) {
    if (std::exchange(m_afterReturn, false) && delta[from] == u'\n') {
      ++from;
      continue;
    }
    qsizetype end = from;
    while (end < delta.size() && delta[end] != u'\n' && delta[end] != u'\r') ++end;
    m_line += delta.mid(from, end - from);
    if (end == delta.size()) break;
    m_splitter.addLine(m_line, m_blocks);
    m_line.clear();
    m_afterReturn = delta[end] == u'\r';
    from = end + 1;
  }
  while (!m_splitter.inCode() && m_line.size() > kLongestLine) {
    const qsizetype cut = cutOf(m_line);
    m_splitter.addLine(QStringView(m_line).left(cut), m_blocks);
    m_line.remove(0, cut);
  }
  m_closed = qsizetype(m_blocks.size());
  addOpenBlocks();
  return firstDifference(old, first);
}

qsizetype StreamingMarkdown::finish() {
  std::vector<Block> old(std::make_move_iterator(m_blocks.begin() + m_closed), std::make_move_iterator(m_blocks.end()));
  m_blocks.resize(size_t(m_closed));
  const qsizetype first = m_closed;
  if (!m_line.isEmpty()) m_splitter.addLine(m_line, m_blocks);
  m_line.clear();
  m_splitter.end(m_blocks);
  m_closed = qsizetype(m_blocks.size());
  return firstDifference(old, first);
}

// The blocks that the text would have if it ended here.
void StreamingMarkdown::addOpenBlocks() {
  BlockSplitter tail = m_splitter;
  const bool hold = m_line.isEmpty() || (tail.inCode() ? mayEndFence(m_line) : waits(m_line));
  if (!hold) tail.addLine(m_line, m_blocks);
  tail.end(m_blocks, true);
}

qsizetype StreamingMarkdown::firstDifference(const std::vector<Block>& old, qsizetype first) const {
  size_t same = 0;
  while (same < old.size() && size_t(first) + same < m_blocks.size() && old[same] == m_blocks[size_t(first) + same]) ++same;
  return first + qsizetype(same);
}

std::vector<Block> blocksOf(QStringView markdown) {
  StreamingMarkdown text;
  text.append(markdown);
  text.finish();
  return text.blocks();
}

}  // namespace pio
