#pragma once

#include <QString>
#include <QVariantMap>
#include <span>

#include "app/text/block.h"
#include "app/text/highlight.h"

// Blocks as the HTML that Qt's text documents understand. Every sign of the text comes out escaped: a document's plain text is the block's.

namespace pio {

// Colours and type of ConversationModel::style; what is missing is left to the view.
struct RichStyle {
  struct Type {
    int size = 0, line = 0, weight = 400;  // pixels
    bool operator==(const Type&) const = default;
  };
  QString text1, text2, text3, accent, fill;  // "#rrggbb"
  QString synKey, synStr, synNum, synFn, synCom;
  Type prose, heading1, heading2, heading3, code, table, tableHead;
  QString mono;  // the family of code

  static RichStyle of(const QVariantMap& style);
};

// Of a paragraph, heading or list item; "" of other blocks.
QString proseHtml(const Block& block, const RichStyle& style);
// Of one cell of a table.
QString cellHtml(const Inline& cell, bool header, const RichStyle& style);
// Of a code block. `colours` in order, without overlap. Colours only: the metrics are those of the plain text.
QString codeHtml(const QString& code, std::span<const ColourRun> colours, const RichStyle& style);

}  // namespace pio
