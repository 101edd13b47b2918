#include "app/text/block_parser.h"

#include <md4c.h>

#include <QHash>
#include <array>
#include <utility>

#include "app/text/math_text.h"

namespace pio {
namespace {

constexpr qsizetype kMostCells = 20'000;  // md4c pads short rows: n columns × n rows of 2 bytes would fill memory

// The named entities that occur in prose; md4c leaves their meaning to us, and one that is not here stays as it was typed.
QString entityText(QStringView entity) {
  static const QHash<QString, char32_t> names = {
      {"amp", '&'},      {"lt", '<'},       {"gt", '>'},        {"quot", '"'},      {"apos", '\''},    {"nbsp", 0xA0},    {"copy", 0xA9},
      {"reg", 0xAE},     {"trade", 0x2122}, {"deg", 0xB0},      {"plusmn", 0xB1},   {"micro", 0xB5},   {"para", 0xB6},    {"sect", 0xA7},
      {"middot", 0xB7},  {"frac12", 0xBD},  {"frac14", 0xBC},   {"frac34", 0xBE},   {"sup1", 0xB9},    {"sup2", 0xB2},    {"sup3", 0xB3},
      {"times", 0xD7},   {"divide", 0xF7},  {"laquo", 0xAB},    {"raquo", 0xBB},    {"iexcl", 0xA1},   {"iquest", 0xBF},  {"cent", 0xA2},
      {"pound", 0xA3},   {"yen", 0xA5},     {"euro", 0x20AC},   {"hellip", 0x2026}, {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
      {"rsquo", 0x2019}, {"ldquo", 0x201C}, {"rdquo", 0x201D},  {"sbquo", 0x201A},  {"bdquo", 0x201E}, {"bull", 0x2022},  {"dagger", 0x2020},
      {"larr", 0x2190},  {"uarr", 0x2191},  {"rarr", 0x2192},   {"darr", 0x2193},   {"harr", 0x2194},  {"rArr", 0x21D2},  {"hArr", 0x21D4},
      {"le", 0x2264},    {"ge", 0x2265},    {"ne", 0x2260},     {"asymp", 0x2248},  {"equiv", 0x2261}, {"infin", 0x221E}, {"sum", 0x2211},
      {"prod", 0x220F},  {"radic", 0x221A}, {"part", 0x2202},   {"int", 0x222B},    {"isin", 0x2208},  {"cap", 0x2229},   {"cup", 0x222A},
      {"sub", 0x2282},   {"sup", 0x2283},   {"forall", 0x2200}, {"exist", 0x2203},  {"empty", 0x2205}, {"minus", 0x2212}, {"alpha", 0x3B1},
      {"beta", 0x3B2},   {"gamma", 0x3B3},  {"delta", 0x3B4},   {"epsilon", 0x3B5}, {"lambda", 0x3BB}, {"mu", 0x3BC},     {"pi", 0x3C0},
      {"sigma", 0x3C3},  {"tau", 0x3C4},    {"phi", 0x3C6},     {"omega", 0x3C9},   {"Delta", 0x394},  {"Sigma", 0x3A3},  {"Omega", 0x3A9},
      {"auml", 0xE4},    {"ouml", 0xF6},    {"uuml", 0xFC},     {"Auml", 0xC4},     {"Ouml", 0xD6},    {"Uuml", 0xDC},    {"szlig", 0xDF},
      {"eacute", 0xE9},  {"egrave", 0xE8},  {"agrave", 0xE0},   {"ccedil", 0xE7},   {"ntilde", 0xF1},
  };
  if (entity.startsWith(u"&#")) {
    const bool hex = entity.size() > 2 && (entity[2] == u'x' || entity[2] == u'X');
    bool ok = false;
    char32_t code = entity.mid(hex ? 3 : 2).chopped(1).toUInt(&ok, hex ? 16 : 10);
    if (!ok || code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
    return QString::fromUcs4(&code, 1);
  }
  const auto it = names.constFind(entity.mid(1).chopped(1).toString());
  return it == names.constEnd() ? entity.toString() : QString::fromUcs4(&it.value(), 1);
}

QString attributeText(const MD_ATTRIBUTE& attribute) {
  QString out;
  if (attribute.text == nullptr || attribute.size == 0) return out;
  for (int i = 0; attribute.substr_offsets[i] < attribute.size; ++i) {
    const MD_OFFSET from = attribute.substr_offsets[i];
    const QString part = QString::fromUtf8(attribute.text + from, qsizetype(attribute.substr_offsets[i + 1] - from));
    switch (attribute.substr_types[i]) {
      case MD_TEXT_ENTITY: out += entityText(part); break;
      case MD_TEXT_NULLCHAR: out += QChar(0xFFFD); break;
      default: out += part;
    }
  }
  return out;
}

// The address as it may be opened, or "" for anything but http, https and mailto.
QString safeAddress(const QString& address) {
  for (const QChar c : address)
    // white space and invisible signs (Cc, Cf: bidi overrides, zero-width) make an address read like another one
    if (c.isSpace() || c.category() == QChar::Other_Control || c.category() == QChar::Other_Format) return {};
  for (const auto scheme : {u"http://", u"https://", u"mailto:"})
    if (address.startsWith(QStringView(scheme), Qt::CaseInsensitive)) return address;
  return {};
}

class Builder {
 public:
  explicit Builder(std::vector<Block>& out) : m_out(out) {}

  int enterBlock(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_DOC: break;
      case MD_BLOCK_QUOTE:
        endLeaf();
        ++m_quote;
        break;
      case MD_BLOCK_UL:
        endLeaf();
        flushMarker();
        m_lists.push_back({.ordered = false, .next = 0, .delimiter = '.'});
        break;
      case MD_BLOCK_OL: {
        endLeaf();
        flushMarker();
        const auto* list = static_cast<MD_BLOCK_OL_DETAIL*>(detail);
        m_lists.push_back({.ordered = true, .next = list->start, .delimiter = list->mark_delimiter});
        break;
      }
      case MD_BLOCK_LI: {
        endLeaf();
        List& list = m_lists.back();
        const auto* item = static_cast<MD_BLOCK_LI_DETAIL*>(detail);
        if (item->is_task) m_marker = item->task_mark == ' ' ? QStringLiteral("☐") : QStringLiteral("☑");
        else m_marker = list.ordered ? QString::number(list.next) + QLatin1Char(list.delimiter) : QStringLiteral("•");
        ++list.next;
        break;
      }
      case MD_BLOCK_HR:
        flushMarker();
        m_out.push_back(figures(Block::Kind::Rule));
        break;
      case MD_BLOCK_H: {
        const int level = int(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
        beginLeaf(m_lists.empty() ? Block::Kind::Heading : Block::Kind::ListItem);
        // Within a list a heading is a strong line: the 20 px above a real one would tear the item from its number.
        if (m_lists.empty()) m_leaf.level = level;
        else ++m_strong;
        break;
      }
      case MD_BLOCK_CODE: {
        flushMarker();
        beginLeaf(Block::Kind::Code);
        m_leaf.language = attributeText(static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->lang).toLower();
        break;
      }
      case MD_BLOCK_HTML:
      case MD_BLOCK_P: beginLeaf(m_lists.empty() ? Block::Kind::Paragraph : Block::Kind::ListItem); break;
      case MD_BLOCK_TABLE: {
        flushMarker();
        const auto* table = static_cast<MD_BLOCK_TABLE_DETAIL*>(detail);
        if (qsizetype(table->col_count) * qsizetype(table->head_row_count + table->body_row_count) > kMostCells) return 1;
        beginLeaf(Block::Kind::Table);
        m_leaf.alignments.assign(table->col_count, Block::Align::Default);
        break;
      }
      case MD_BLOCK_THEAD:
      case MD_BLOCK_TBODY: break;
      case MD_BLOCK_TR: m_leaf.cells.emplace_back(); break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD: {
        m_cell = {};
        const size_t column = m_leaf.cells.back().size();
        if (column < m_leaf.alignments.size()) m_leaf.alignments[column] = alignment(static_cast<MD_BLOCK_TD_DETAIL*>(detail)->align);
        break;
      }
    }
    return 0;
  }

  int leaveBlock(MD_BLOCKTYPE type) {
    switch (type) {
      case MD_BLOCK_QUOTE:
        endLeaf();
        --m_quote;
        break;
      case MD_BLOCK_UL:
      case MD_BLOCK_OL:
        endLeaf();
        m_lists.pop_back();
        break;
      case MD_BLOCK_LI:
        endLeaf();
        flushMarker();
        break;
      case MD_BLOCK_H:
        if (!m_lists.empty()) --m_strong;
        endLeaf();
        break;
      case MD_BLOCK_CODE:
        if (m_leaf.content.text.endsWith(u'\n')) m_leaf.content.text.chop(1);
        endLeaf();
        break;
      case MD_BLOCK_P:
      case MD_BLOCK_HTML:
      case MD_BLOCK_TABLE: endLeaf(); break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD: m_leaf.cells.back().push_back(std::exchange(m_cell, {})); break;
      default: break;
    }
    return 0;
  }

  int enterSpan(MD_SPANTYPE type, void* detail) {
    switch (type) {
      case MD_SPAN_STRONG: ++m_strong; break;
      case MD_SPAN_EM: ++m_emphasis; break;
      case MD_SPAN_DEL: ++m_strike; break;
      case MD_SPAN_CODE: ++m_code; break;
      case MD_SPAN_A: m_hrefs.push_back(safeAddress(attributeText(static_cast<MD_SPAN_A_DETAIL*>(detail)->href))); break;
      case MD_SPAN_LATEXMATH:
      case MD_SPAN_LATEXMATH_DISPLAY: m_math.clear(); break;
      default: break;
    }
    return 0;
  }

  int leaveSpan(MD_SPANTYPE type) {
    switch (type) {
      case MD_SPAN_STRONG: --m_strong; break;
      case MD_SPAN_EM: --m_emphasis; break;
      case MD_SPAN_DEL: --m_strike; break;
      case MD_SPAN_CODE: --m_code; break;
      case MD_SPAN_A: m_hrefs.pop_back(); break;
      case MD_SPAN_LATEXMATH: add(mathText(m_math, QStringLiteral("$"))); break;
      case MD_SPAN_LATEXMATH_DISPLAY: add(mathText(m_math, QStringLiteral("$$"))); break;
      default: break;
    }
    return 0;
  }

  int text(MD_TEXTTYPE type, const char* text, MD_SIZE size) {
    const QString part = QString::fromUtf8(text, qsizetype(size));
    switch (type) {
      case MD_TEXT_NULLCHAR: add(QString(QChar(0xFFFD))); break;
      case MD_TEXT_BR:
      case MD_TEXT_SOFTBR: add(QStringLiteral("\n")); break;
      case MD_TEXT_ENTITY: add(entityText(part)); break;
      case MD_TEXT_LATEXMATH: m_math += part; break;
      default: add(part);
    }
    return 0;
  }

 private:
  struct List {
    bool ordered;
    unsigned next;
    char delimiter;
  };

  static Block::Align alignment(MD_ALIGN align) {
    switch (align) {
      case MD_ALIGN_LEFT: return Block::Align::Left;
      case MD_ALIGN_CENTER: return Block::Align::Center;
      case MD_ALIGN_RIGHT: return Block::Align::Right;
      case MD_ALIGN_DEFAULT: break;
    }
    return Block::Align::Default;
  }

  Block figures(Block::Kind kind) const {
    Block block;
    block.kind = kind;
    block.indent = std::min(int(m_lists.size()), Block::kDeepest);
    block.quote = std::min(m_quote, Block::kDeepest);
    return block;
  }

  void beginLeaf(Block::Kind kind) {
    endLeaf();
    m_leaf = figures(kind);
    if (kind == Block::Kind::ListItem) m_leaf.marker = std::exchange(m_marker, {});
    m_inLeaf = true;
  }

  void endLeaf() {
    if (!m_inLeaf) return;
    m_out.push_back(std::move(m_leaf));
    m_leaf = {};
    m_inLeaf = false;
  }

  // An item without a text of its own (a code block or another list comes first) still shows its number.
  void flushMarker() {
    if (m_marker.isEmpty()) return;
    Block row = figures(Block::Kind::ListItem);
    row.marker = std::exchange(m_marker, {});
    m_out.push_back(std::move(row));
  }

  void add(const QString& part) {
    if (part.isEmpty()) return;
    // The items of a tight list come without a paragraph.
    if (!m_inLeaf) beginLeaf(m_lists.empty() ? Block::Kind::Paragraph : Block::Kind::ListItem);
    if (m_leaf.kind == Block::Kind::Code) {
      m_leaf.content.text += part;
      return;
    }
    Inline& target = m_leaf.kind == Block::Kind::Table ? m_cell : m_leaf.content;
    const quint8 style = quint8((m_strong > 0 ? Span::Strong : 0) | (m_emphasis > 0 ? Span::Emphasis : 0) | (m_strike > 0 ? Span::Strike : 0) |
                                (m_code > 0 ? Span::Code : 0));
    const QString href = m_hrefs.empty() ? QString() : m_hrefs.back();
    if (style != 0 || !href.isEmpty()) {
      if (!target.spans.empty() && target.spans.back().style == style && target.spans.back().href == href &&
          target.spans.back().start + target.spans.back().length == target.text.size())
        target.spans.back().length += part.size();
      else target.spans.push_back({.start = target.text.size(), .length = part.size(), .style = style, .href = href});
    }
    target.text += part;
  }

  std::vector<Block>& m_out;
  std::vector<List> m_lists;
  std::vector<QString> m_hrefs;
  QString m_marker;
  QString m_math;
  Block m_leaf;
  Inline m_cell;
  bool m_inLeaf = false;
  int m_quote = 0;
  int m_strong = 0;
  int m_emphasis = 0;
  int m_strike = 0;
  int m_code = 0;
};

constexpr unsigned kFlags =
    MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_PERMISSIVEAUTOLINKS | MD_FLAG_TASKLISTS | MD_FLAG_LATEXMATHSPANS;

}  // namespace

void parseBlocks(QStringView markdown, std::vector<Block>& out) {
  const size_t before = out.size();
  const QByteArray utf8 = markdown.toUtf8();
  Builder builder(out);
  const MD_PARSER parser = {
      .abi_version = 0,
      .flags = kFlags,
      .enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) { return static_cast<Builder*>(self)->enterBlock(type, detail); },
      .leave_block = [](MD_BLOCKTYPE type, void*, void* self) { return static_cast<Builder*>(self)->leaveBlock(type); },
      .enter_span = [](MD_SPANTYPE type, void* detail, void* self) { return static_cast<Builder*>(self)->enterSpan(type, detail); },
      .leave_span = [](MD_SPANTYPE type, void*, void* self) { return static_cast<Builder*>(self)->leaveSpan(type); },
      .text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) { return static_cast<Builder*>(self)->text(type, text, size); },
      .debug_log = nullptr,
      .syntax = nullptr,
  };
  if (md_parse(utf8.constData(), MD_SIZE(utf8.size()), &parser, &builder) == 0) return;
  out.resize(before);
  Block plain;
  plain.content.text = markdown.trimmed().toString();
  out.push_back(std::move(plain));
}

QString Block::plainText() const {
  if (kind == Kind::Rule) return QStringLiteral("———");
  if (kind != Kind::Table) return content.text;
  QString out;
  for (const auto& row : cells) {
    if (!out.isEmpty()) out += u'\n';
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += u'\t';
      out += row[i].text;
    }
  }
  return out;
}

}  // namespace pio
