#include "app/text/rich_text.h"

#include <QColor>
#include <cmath>

namespace pio {
namespace {

void appendEscaped(QString& out, QStringView text) {
  for (const QChar c : text) {
    switch (c.unicode()) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case 0x2028:
      case 0x2029:
        out += u' ';
        break;  // the document would start a new paragraph
      default:
        // U+FDD0…FDEF and U+FFFE/FFFF are QTextDocument's own marks, U+FFFC stands for an object, controls have no picture.
        if ((c.unicode() >= 0xFDD0 && c.unicode() <= 0xFDEF) || c.unicode() >= 0xFFFC ||
            (c.category() == QChar::Other_Control && c != u'\n' && c != u'\t'))
          out += QChar(0xFFFD);
        else
          out += c;
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
      const QString pad = "<span style=\"font-size:7px;" + background + "\">&nbsp;</span>";
      out += pad + "<span style=\"font-family:'JetBrains Mono';font-size:" + QString::number(codeSize) + "px;" + background + "\">";
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

QString paragraph(const QString& colourOfText, int size, int lineHeight, int weight) {
  return QStringLiteral("<p style=\"margin:0;white-space:pre-wrap;font-size:%1px;line-height:%2px;-qt-line-height-type:fixed;%3%4\">")
      .arg(size)
      .arg(lineHeight)
      .arg(weight == 400 ? QString() : QStringLiteral("font-weight:%1;").arg(weight), colour(colourOfText));
}

int scaled(int size, double factor) { return int(std::lround(size * factor)); }

}  // namespace

RichStyle RichStyle::of(const QVariantMap& style) {
  const auto name = [&style](const char* key) {
    const auto value = style.value(QLatin1String(key)).value<QColor>();
    return value.isValid() ? value.name() : QString();
  };
  const auto size = [&style](const char* key, int otherwise) {
    const double value = style.value(QLatin1String(key)).toDouble();
    return value >= 1 && value <= 200 ? int(std::lround(value)) : otherwise;
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
          .proseSize = size("proseSize", 15),
          .codeSize = size("codeSize", 13),
          .codeLine = size("codeLine", 20),
          .tableSize = size("tableSize", 14)};
}

QString proseHtml(const Block& block, const RichStyle& style) {
  const QString& ink = block.quote > 0 ? style.text2 : style.text1;
  QString out;
  switch (block.kind) {
    case Block::Kind::Paragraph:
    case Block::Kind::ListItem:
      out = paragraph(ink, style.proseSize, scaled(style.proseSize, 24 / 15.), 400);
      break;
    case Block::Kind::Heading:  // 20/28, 17/26 and 15/24 at the prose size of 15
      if (block.level == 1)
        out = paragraph(ink, scaled(style.proseSize, 20 / 15.), scaled(style.proseSize, 28 / 15.), 600);
      else if (block.level == 2)
        out = paragraph(ink, scaled(style.proseSize, 17 / 15.), scaled(style.proseSize, 26 / 15.), 600);
      else
        out = paragraph(ink, style.proseSize, scaled(style.proseSize, 24 / 15.), 600);
      break;
    case Block::Kind::Rule:
    case Block::Kind::Code:
    case Block::Kind::Table:
      return {};
  }
  appendInline(out, block.content, style.codeSize, style);
  return out + "</p>";
}

QString cellHtml(const Inline& cell, bool header, const RichStyle& style) {
  // header 12/18 at the table size of 14/20
  QString out = header ? paragraph(style.text3, scaled(style.tableSize, 12 / 14.), scaled(style.tableSize, 18 / 14.), 500)
                       : paragraph(style.text1, style.tableSize, scaled(style.tableSize, 20 / 14.), 400);
  appendInline(out, cell, header ? scaled(style.tableSize, 12 / 14.) : std::min(style.codeSize, style.tableSize), style);
  return out + "</p>";
}

QString codeHtml(const QString& code, std::span<const ColourRun> colours, const RichStyle& style) {
  const auto ink = [&style](CodeColour role) -> const QString& {
    switch (role) {
      case CodeColour::Keyword:
        return style.synKey;
      case CodeColour::String:
        return style.synStr;
      case CodeColour::Number:
        return style.synNum;
      case CodeColour::Function:
        return style.synFn;
      case CodeColour::Comment:
        break;
    }
    return style.synCom;
  };
  QString out;
  out.reserve(code.size() * 2);
  out += "<pre style=\"margin:0;font-family:'JetBrains Mono';font-size:" + QString::number(style.codeSize) +
         "px;line-height:" + QString::number(style.codeLine) + "px;-qt-line-height-type:fixed;" + colour(style.text1) +
         "\">";
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
