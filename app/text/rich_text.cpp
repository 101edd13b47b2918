#include "app/text/rich_text.h"

#include <QColor>
#include <algorithm>
#include <cmath>

namespace pio {
namespace {

void appendEscaped(QString& out, QStringView text) {
  for (const QChar c : text) {
    switch (c.unicode()) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case 0x2028:
      case 0x2029: out += u' '; break;  // the document would start a new paragraph
      default:
        // U+FDD0…FDEF and U+FFFE/FFFF are QTextDocument's own marks, U+FFFC stands for an object, controls have no picture.
        if ((c.unicode() >= 0xFDD0 && c.unicode() <= 0xFDEF) || c.unicode() >= 0xFFFC ||
            (c.category() == QChar::Other_Control && c != u'\n' && c != u'\t'))
          out += QChar(0xFFFD);
        else out += c;
    }
  }
}

QString colour(const QString& value) { return value.isEmpty() ? QString() : QStringLiteral("color:%1;").arg(value); }

void appendText(QString& out, QStringView text) {
  qsizetype from = 0;
  for (qsizetype i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != u'\n') continue;
    appendEscaped(out, text.mid(from, i - from));
    if (i < text.size()) out += "<br/>";
    from = i + 1;
  }
}

QString font(const QString& family, int size) {
  return (family.isEmpty() ? QString() : QStringLiteral("font-family:'%1';").arg(family)) +
         (size > 0 ? QStringLiteral("font-size:%1px;").arg(size) : QString());
}

QString lineHeight(int line) { return line > 0 ? QStringLiteral("line-height:%1px;-qt-line-height-type:fixed;").arg(line) : QString(); }

void appendInline(QString& out, const Inline& content, int codeSize, const RichStyle& style) {
  const QStringView text(content.text);
  qsizetype at = 0;
  for (const Span& span : content.spans) {
    appendText(out, text.mid(at, span.start - at));
    at = span.start + span.length;
    if (!span.href.isEmpty()) {
      out += "<a href=\"";
      appendEscaped(out, span.href);
      out += "\" style=\"" + colour(style.accent) + "text-decoration:underline;\">";
    }
    if (span.style & Span::Strong) out += "<b>";
    if (span.style & Span::Emphasis) out += "<i>";
    if (span.style & Span::Strike) out += "<s>";
    if (span.style & Span::Code) {
      // Rich text has no padding: a small no-break space at each side takes its place.
      const QString background = style.fill.isEmpty() ? QString() : QStringLiteral("background-color:%1;").arg(style.fill);
      const QString pad = "<span style=\"" + font({}, codeSize / 2) + background + "\">&nbsp;</span>";
      out += pad + "<span style=\"" + font(style.mono, codeSize) + background + "\">";
      appendText(out, text.mid(span.start, span.length));
      out += "</span>" + pad;
    } else {
      appendText(out, text.mid(span.start, span.length));
    }
    if (span.style & Span::Strike) out += "</s>";
    if (span.style & Span::Emphasis) out += "</i>";
    if (span.style & Span::Strong) out += "</b>";
    if (!span.href.isEmpty()) out += "</a>";
  }
  appendText(out, text.mid(at));
}

QString paragraph(const QString& colourOfText, const RichStyle::Type& type) {
  return QStringLiteral("<p style=\"margin:0;white-space:pre-wrap;") + font({}, type.size) + lineHeight(type.line) +
         (type.weight == 400 ? QString() : QStringLiteral("font-weight:%1;").arg(type.weight)) + colour(colourOfText) + "\">";
}

}  // namespace

RichStyle RichStyle::of(const QVariantMap& style) {
  const auto name = [&style](const char* key) {
    const auto value = style.value(QLatin1String(key)).value<QColor>();
    return value.isValid() ? value.name() : QString();
  };
  // [size, line, weight]
  const auto type = [&style](const char* key) {
    const QVariantList list = style.value(QLatin1String(key)).toList();
    const auto number = [&](int i, int otherwise) { return i < list.size() ? std::clamp(int(std::lround(list[i].toDouble())), 0, 1000) : otherwise; };
    return Type{number(0, 0), number(1, 0), number(2, 400)};
  };
  return {.text1 = name("text1"),
          .text2 = name("text2"),
          .text3 = name("text3"),
          .accent = name("accent"),
          .fill = name("fill"),
          .synKey = name("synKey"),
          .synStr = name("synStr"),
          .synNum = name("synNum"),
          .synFn = name("synFn"),
          .synCom = name("synCom"),
          .prose = type("prose"),
          .heading1 = type("heading1"),
          .heading2 = type("heading2"),
          .heading3 = type("heading3"),
          .code = type("code"),
          .table = type("table"),
          .tableHead = type("tableHead"),
          .mono = style.value(QStringLiteral("mono")).toString()};
}

QString proseHtml(const Block& block, const RichStyle& style) {
  const QString& ink = block.quote > 0 ? style.text2 : style.text1;
  QString out;
  switch (block.kind) {
    case Block::Kind::Paragraph:
    case Block::Kind::ListItem: out = paragraph(ink, style.prose); break;
    case Block::Kind::Heading: out = paragraph(ink, block.level == 1 ? style.heading1 : block.level == 2 ? style.heading2 : style.heading3); break;
    case Block::Kind::Rule:
    case Block::Kind::Code:
    case Block::Kind::Table: return {};
  }
  appendInline(out, block.content, style.code.size, style);
  return out + "</p>";
}

QString cellHtml(const Inline& cell, bool header, const RichStyle& style) {
  QString out = header ? paragraph(style.text3, style.tableHead) : paragraph(style.text1, style.table);
  appendInline(out, cell, std::min(style.code.size, header ? style.tableHead.size : style.table.size), style);
  return out + "</p>";
}

QString codeHtml(const QString& code, std::span<const ColourRun> colours, const RichStyle& style) {
  const auto ink = [&style](CodeColour role) -> const QString& {
    switch (role) {
      case CodeColour::Keyword: return style.synKey;
      case CodeColour::String: return style.synStr;
      case CodeColour::Number: return style.synNum;
      case CodeColour::Function: return style.synFn;
      case CodeColour::Comment: break;
    }
    return style.synCom;
  };
  QString out;
  out.reserve(code.size() * 2);
  out += "<pre style=\"margin:0;" + font(style.mono, style.code.size) + lineHeight(style.code.line) + colour(style.text1) + "\">";
  // The HTML reader drops a line end that follows <pre>.
  if (code.startsWith(u'\n')) out += u'\n';
  const QStringView text(code);
  qsizetype at = 0;
  for (const ColourRun& run : colours) {
    if (ink(run.colour).isEmpty()) continue;
    appendEscaped(out, text.mid(at, run.start - at));
    out += "<span style=\"" + colour(ink(run.colour)) + "\">";
    appendEscaped(out, text.mid(run.start, run.length));
    out += "</span>";
    at = run.start + run.length;
  }
  appendEscaped(out, text.mid(at));
  if (code.endsWith('\n')) out += '\n';  // and one that precedes </pre>
  return out + "</pre>";
}

}  // namespace pio
