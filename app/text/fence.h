#pragma once

#include <QStringView>
#include <optional>

// Lines that begin and end a code block of Markdown.

namespace pio {

struct Fence {
  QChar sign;
  qsizetype length = 0;
};

// The fence that a line is, if it is one (CommonMark 4.5); its indent of up to 3 spaces is not needed.
std::optional<Fence> fenceOf(QStringView line);
bool closes(QStringView line, const Fence& open);

}  // namespace pio
