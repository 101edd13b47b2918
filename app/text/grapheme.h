#pragma once

#include <QString>

// Text is shortened between the characters that a person sees (UAX 29 grapheme clusters), never within one.

namespace pio {

// The last boundary of two characters at or before `at`, in UTF-16 units; 0 and the text's size are boundaries.
qsizetype boundaryBefore(const QString& text, qsizetype at);

// The beginning of the text: whole characters, at most `most` UTF-16 units.
QString beginningOf(const QString& text, qsizetype most);

}  // namespace pio
