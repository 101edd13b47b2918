#include "app/code/diff.h"

#include <QHash>
#include <algorithm>
#include <dtl/dtl.hpp>

namespace pio {
namespace {

constexpr qsizetype kLongestForWords = 1000;
constexpr double kLeastInCommon = 0.4;    // of the longer line; below, marked words are confetti
constexpr std::size_t kMostPairs = 2500;  // that are compared within one run of changes

using Numbers = std::vector<int>;
using Edits = std::vector<DiffLine>;

// The shortest way from `a` to `b`. What both begin and end with is not given to dtl: its memory grows with the distance times the length.
Edits editsOf(const Numbers& a, const Numbers& b) {
  std::size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;

  Edits edits;
  int before = 0, after = 0;
  const auto same = [&] { edits.push_back({DiffLine::Kind::same, before++, after++}); };
  const auto removed = [&] { edits.push_back({DiffLine::Kind::removed, before++, -1}); };
  const auto added = [&] { edits.push_back({DiffLine::Kind::added, -1, after++}); };
  for (std::size_t i = 0; i < head; ++i) same();
  const Numbers middleA(a.begin() + long(head), a.end() - long(tail));
  const Numbers middleB(b.begin() + long(head), b.end() - long(tail));
  if (middleA.empty() || middleB.empty()) {
    for (std::size_t i = 0; i < middleA.size(); ++i) removed();
    for (std::size_t i = 0; i < middleB.size(); ++i) added();
  } else {
    dtl::Diff<int, Numbers> diff(middleA, middleB);
    diff.compose();
    for (const auto& [value, info] : diff.getSes().getSequence()) {
      if (info.type == dtl::SES_COMMON) same();
      else if (info.type == dtl::SES_DELETE) removed();
      else added();
    }
  }
  for (std::size_t i = 0; i < tail; ++i) same();
  return edits;
}

// Equal strings as equal numbers: comparing those is what a diff does most.
class Numbering {
 public:
  Numbers of(const QStringList& strings) {
    Numbers numbers;
    for (const QString& string : strings) {
      const auto known = m_known.constFind(string);
      numbers.push_back(known != m_known.constEnd() ? *known : *m_known.insert(string, int(m_known.size())));
    }
    return numbers;
  }

 private:
  QHash<QString, int> m_known;
};

// Words, spaces, other signs; an indentation sign by sign, so that only what is added to it counts as changed.
QStringList wordsOf(const QString& line) {
  QStringList words;
  const qsizetype indent = std::find_if(line.begin(), line.end(), [](QChar c) { return !c.isSpace(); }) - line.begin();
  const auto isIndent = [indent](qsizetype at) { return at < indent; };
  for (qsizetype i = 0; i < line.size();) {
    const auto isWord = [&line](qsizetype at) { return line[at].isLetterOrNumber() || line[at] == u'_'; };
    qsizetype to = i + 1;
    if (isWord(i)) {
      while (to < line.size() && isWord(to)) ++to;
    } else if (line[i].isSpace() && !isIndent(i)) {
      while (to < line.size() && line[to].isSpace()) ++to;
    }
    words.append(line.mid(i, to - i));
    i = to;
  }
  return words;
}

void extend(std::vector<TextRange>& ranges, qsizetype start, qsizetype length) {
  if (!ranges.empty() && ranges.back().start + ranges.back().length == start) ranges.back().length += length;
  else ranges.push_back({start, length});
}

struct WordChanges {
  std::vector<TextRange> removed, added;
  double inCommon = 0;  // of the longer line, spaces not counted
};

WordChanges compareWords(const QString& before, const QString& after) {
  WordChanges out;
  if (before.size() > kLongestForWords || after.size() > kLongestForWords) return out;
  const QStringList a = wordsOf(before), b = wordsOf(after);
  Numbering numbering;
  const Numbers numbersA = numbering.of(a), numbersB = numbering.of(b);
  qsizetype atA = 0, atB = 0, common = 0;
  for (const DiffLine& word : editsOf(numbersA, numbersB)) {
    const qsizetype lengthA = word.before >= 0 ? a[word.before].size() : 0;
    const qsizetype lengthB = word.after >= 0 ? b[word.after].size() : 0;
    if (word.kind == DiffLine::Kind::removed) extend(out.removed, atA, lengthA);
    else if (word.kind == DiffLine::Kind::added) extend(out.added, atB, lengthB);
    else if (!a[word.before].trimmed().isEmpty()) common += lengthA;
    atA += lengthA;
    atB += lengthB;
  }
  const auto signs = [](const QString& line) { return std::count_if(line.begin(), line.end(), [](QChar c) { return !c.isSpace(); }); };
  const auto longer = std::max(signs(before), signs(after));
  if (longer > 0) out.inCommon = double(common) / double(longer);
  return out;
}

using Lines = std::vector<DiffLine>::iterator;

// Finds what became of each removed line of a run: the pairs, in order, that have most in common.
void pairRun(Lines removed, Lines added, Lines end, const QStringList& before, const QStringList& after) {
  const std::size_t n = std::size_t(added - removed), m = std::size_t(end - added);
  if (n == 0 || m == 0 || n * m > kMostPairs) return;
  std::vector<double> likeness(n * m), best((n + 1) * (m + 1));  // best[i][j]: of the lines from i and j on
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = m; j-- > 0;) {
      const double common = compareWords(before[(removed + long(i))->before], after[(added + long(j))->after]).inCommon;
      likeness[i * m + j] = common < kLeastInCommon ? 0 : common;
      best[i * (m + 1) + j] =
          std::max({best[(i + 1) * (m + 1) + j], best[i * (m + 1) + j + 1], likeness[i * m + j] + best[(i + 1) * (m + 1) + j + 1]});
    }
  }
  for (std::size_t i = 0, j = 0; i < n && j < m;) {
    const double here = best[i * (m + 1) + j];
    if (likeness[i * m + j] > 0 && here == likeness[i * m + j] + best[(i + 1) * (m + 1) + j + 1]) {
      (removed + long(i))->partner = (added + long(j))->after;
      (added + long(j))->partner = (removed + long(i))->before;
      ++i, ++j;
    } else if (here == best[(i + 1) * (m + 1) + j]) {
      ++i;
    } else {
      ++j;
    }
  }
}

// Removed lines before added ones within each run of changes, as people read them.
void orderRuns(std::vector<DiffLine>& lines, const QStringList& before, const QStringList& after) {
  for (auto from = lines.begin(); from != lines.end();) {
    if (from->kind == DiffLine::Kind::same) {
      ++from;
      continue;
    }
    const auto to = std::find_if(from, lines.end(), [](const DiffLine& line) { return line.kind == DiffLine::Kind::same; });
    const auto added = std::stable_partition(from, to, [](const DiffLine& line) { return line.kind == DiffLine::Kind::removed; });
    pairRun(from, added, to, before, after);
    from = to;
  }
}

}  // namespace

std::vector<Hunk> compareLines(const QStringList& before, const QStringList& after) {
  Numbering numbering;
  const Numbers a = numbering.of(before), b = numbering.of(after);
  const Edits edits = editsOf(a, b);
  std::vector<Hunk> hunks;
  int nextBefore = 0, nextAfter = 0, sameSince = kJoinLines + 1;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    const DiffLine& line = edits[i];
    if (line.kind == DiffLine::Kind::same) {
      ++sameSince;
    } else {
      if (hunks.empty() || sameSince > kJoinLines) {
        hunks.emplace_back();
        hunks.back().beforeStart = nextBefore;
        hunks.back().afterStart = nextAfter;
        sameSince = 0;
      }
      Hunk& hunk = hunks.back();
      for (; sameSince > 0; --sameSince) hunk.lines.push_back(edits[i - std::size_t(sameSince)]);
      hunk.lines.push_back(line);
      if (line.kind == DiffLine::Kind::removed) ++hunk.nRemoved;
      else ++hunk.nAdded;
    }
    if (line.before >= 0) ++nextBefore;
    if (line.after >= 0) ++nextAfter;
    if (line.kind != DiffLine::Kind::same) {
      hunks.back().beforeCount = nextBefore - hunks.back().beforeStart;
      hunks.back().afterCount = nextAfter - hunks.back().afterStart;
    }
  }
  for (Hunk& hunk : hunks) orderRuns(hunk.lines, before, after);
  return hunks;
}

SourceText merged(const SourceText& before, const QStringList& after, const std::vector<Hunk>& hunks, const std::vector<bool>& taken) {
  SourceText out;
  out.hasByteOrderMark = before.hasByteOrderMark;
  const SourceText::LineEnd newEnd = before.commonEnd();
  const bool endsWithoutEnd = !before.ends.empty() && before.ends.back() == SourceText::LineEnd::none;
  int at = 0;
  const auto keep = [&](int line) {
    out.lines.append(before.lines[line]);
    const SourceText::LineEnd end = before.ends[std::size_t(line)];
    out.ends.push_back(end == SourceText::LineEnd::none ? newEnd : end);
  };
  for (std::size_t i = 0; i < hunks.size(); ++i) {
    if (!taken[i]) continue;
    for (; at < hunks[i].beforeStart; ++at) keep(at);
    for (const DiffLine& line : hunks[i].lines) {
      if (line.kind == DiffLine::Kind::same) {
        keep(line.before);
      } else if (line.kind == DiffLine::Kind::added) {
        out.lines.append(after[line.after]);
        out.ends.push_back(newEnd);
      }
    }
    at = hunks[i].beforeStart + hunks[i].beforeCount;
  }
  for (; at < before.lines.size(); ++at) keep(at);
  if (endsWithoutEnd && !out.ends.empty()) out.ends.back() = SourceText::LineEnd::none;
  return out;
}

std::pair<std::vector<TextRange>, std::vector<TextRange>> changedWords(const QString& before, const QString& after) {
  const WordChanges changes = compareWords(before, after);
  if (changes.inCommon < kLeastInCommon) return {};
  return {changes.removed, changes.added};
}

}  // namespace pio
