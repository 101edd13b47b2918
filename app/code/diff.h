#pragma once

#include <QStringList>
#include <utility>
#include <vector>

#include "app/code/source_file.h"

// What a proposal changes, line by line, in pieces that are taken or left one by one. Pure; the edit script is dtl's
// (Wu, Manber, Myers 1990, an O(NP) sequence comparison).

namespace pio {

struct DiffLine {
  enum class Kind { same, removed, added };
  Kind kind = Kind::same;
  int before = -1;   // line of the old text, from 0; -1 of an added line
  int after = -1;    // line of the new text; -1 of a removed one
  int partner = -1;  // of a removed line the line of the new text that it became, of an added one the line of the old text; -1 none
};

// A run of changes; at most kJoinLines unchanged lines lie between two changes of one hunk.
struct Hunk {
  int beforeStart = 0, beforeCount = 0;
  int afterStart = 0, afterCount = 0;
  std::vector<DiffLine> lines;  // removed before added within each change
  int nRemoved = 0, nAdded = 0;
};

constexpr int kJoinLines = 1;

// The hunks that lead from `before` to `after`, in order; none when they are the same.
std::vector<Hunk> compareLines(const QStringList& before, const QStringList& after);

// `before` with the hunks whose `taken` is set: their added lines get the file's commoner line end, all others keep theirs, and the
// last line has an end exactly if it had one.
SourceText merged(const SourceText& before, const QStringList& after, const std::vector<Hunk>& hunks, const std::vector<bool>& taken);

struct TextRange {
  qsizetype start = 0, length = 0;  // UTF-16 units
  bool operator==(const TextRange&) const = default;
};

// Which words of two lines differ: first those of `before`, then of `after`. Empty where the lines have too little in common for that to be
// of use, or are longer than 1,000 signs.
std::pair<std::vector<TextRange>, std::vector<TextRange>> changedWords(const QString& before, const QString& after);

}  // namespace pio
