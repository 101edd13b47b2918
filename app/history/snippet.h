#pragma once

#include <QString>
#include <QStringList>

// Where a text says what was searched for. SQLite's own snippet() compares every match with every other one: a text with 20,000 of them
// takes it minutes. This looks at each word once, and at no more of the text than it needs.

namespace pio {

constexpr QChar kMatchBegin(0x0002), kMatchEnd(0x0003);  // around each match in what these give; no text of ours holds them

// At most 14 words of the text around its matches with the terms, cut with "…". A term is a row of words, the last one the beginning of a
// word, compared as the index does: without case and diacritics. The beginning of the text where nothing matches.
QString snippetOfWords(const QString& text, const QStringList& terms);

// The surroundings of the first place of `term`, wherever in a word it is.
QString snippetOfPart(const QString& text, const QString& term);

}  // namespace pio
