#pragma once

#include <QStringView>
#include <vector>

#include "app/text/block.h"

namespace pio {

// Appends the blocks of a complete piece of Markdown (CommonMark with tables, strikethrough, task lists and bare links; raw HTML is text).
// A line end within a paragraph stays a line end: models put verse and addresses on lines of their own and hardly ever wrap prose by hand.
// Links keep their address if it is http, https or mailto and become plain text otherwise; pictures become their text.
// Text that asks for more than a person could read (a table of over 20,000 cells) comes back as one plain paragraph.
void parseBlocks(QStringView markdown, std::vector<Block>& out);

}  // namespace pio
