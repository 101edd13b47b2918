#pragma once

#include <QString>
#include <vector>

// What Markdown becomes: a flat list of blocks, each one row on the screen. Lists and quotes are not nested boxes but figures on the rows.

namespace pio {

// A stretch of `Inline::text` in one style. Spans are in order, do not overlap, and plain stretches have none.
struct Span {
  enum Style : quint8 { Strong = 1, Emphasis = 2, Code = 4, Strike = 8 };
  qsizetype start = 0;  // UTF-16 units
  qsizetype length = 0;
  quint8 style = 0;  // of Style
  QString href;      // http, https or mailto; "" where it is no link
  bool operator==(const Span&) const = default;
};

// Text of one paragraph, heading or cell; '\n' is a line break.
struct Inline {
  QString text;
  std::vector<Span> spans;
  bool operator==(const Inline&) const = default;
};

struct Block {
  enum class Kind { Paragraph, Heading, ListItem, Rule, Code, Table };
  enum class Align : quint8 { Default, Left, Center, Right };

  Kind kind = Kind::Paragraph;
  int level = 0;                           // of a heading, 1–6
  int indent = 0;                          // lists around it, 0 outside of lists; at most kDeepest
  int quote = 0;                           // block quotes around it; at most kDeepest
  QString marker;                          // "•", "3.", "☐" or "☑" on the first row of a list item, else ""
  QString language;                        // of code: the first word behind the fence, lower case
  Inline content;                          // of code: the lines, without the last line's end
  std::vector<std::vector<Inline>> cells;  // of a table: rows, the first the header, all of the same length
  std::vector<Align> alignments;           // of a table, a column each

  // Nesting beyond this is drawn no deeper: 8 × 24 px still leaves half of the column of 528.
  static constexpr int kDeepest = 8;

  QString plainText() const;  // what Copy copies: of a table the cells, tabs between
  bool operator==(const Block&) const = default;
};

}  // namespace pio
