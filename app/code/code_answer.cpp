#include "app/code/code_answer.h"

#include <QFileInfo>
#include <QHash>
#include <QRegularExpression>
#include <QSet>
#include <algorithm>
#include <optional>
#include <vector>

#include "app/code/diff.h"
#include "app/text/fence.h"
#include "app/text/language.h"
#include "app/code/source_file.h"
#include "app/code/source_outline.h"

namespace pio {
namespace {

constexpr int kStubLines = 3;         // a file of so few lines may be replaced by wholly other ones
constexpr int kLongEnoughLines = 10;  // from here on one line may go at an end

struct Block {
  QString language;  // behind the fence, lower case; "" none
  QStringList lines;
};

bool hasWords(const QString& line) { return !line.trimmed().isEmpty(); }

int wordLines(const QStringList& lines) { return int(std::count_if(lines.begin(), lines.end(), hasWords)); }

QString indentOf(const QString& line) {
  qsizetype at = 0;
  while (at < line.size() && (line[at] == u' ' || line[at] == u'\t')) ++at;
  return line.left(at);
}

// What all lines with words in them begin with.
QString commonIndent(const QStringList& lines) {
  std::optional<QString> common;
  for (const QString& line : lines) {
    if (!hasWords(line)) continue;
    const QString indent = indentOf(line);
    if (!common) common = indent;
    qsizetype same = 0;
    while (same < common->size() && same < indent.size() && (*common)[same] == indent[same]) ++same;
    common->truncate(same);
  }
  return common.value_or(QString());
}

void indent(QStringList& lines, const QString& by) {
  for (QString& line : lines) {
    if (hasWords(line)) line.prepend(by);
  }
}

QString firstWords(const QStringList& lines) {
  const auto it = std::find_if(lines.begin(), lines.end(), hasWords);
  return it == lines.end() ? QString() : it->trimmed();
}

QString lastWords(const QStringList& lines) {
  const auto it = std::find_if(lines.rbegin(), lines.rend(), hasWords);
  return it == lines.rend() ? QString() : it->trimmed();
}

QStringList replaced(const QStringList& lines, int first, int last, const QStringList& by) { return lines.mid(0, first) + by + lines.mid(last + 1); }

CodeAnswer refused(NoProposal why) {
  CodeAnswer out;
  out.why = why;
  return out;
}

// ---- fences
// ------------------------------------------------------------------------------------------------------------------------------

// The lines that can open or close a fence like `like`.
QStringList marksOf(const QStringList& lines, const Fence& like) {
  QStringList marks;
  for (const QString& line : lines) {
    const std::optional<Fence> fence = fenceOf(line);
    if (fence && fence->sign == like.sign && fence->length >= like.length) marks.append(line.trimmed());
  }
  return marks;
}

QString languageBehind(const QString& mark, const Fence& fence) { return mark.trimmed().mid(fence.length).trimmed().section(u' ', 0, 0).toLower(); }

// Every fence within is opened with a language and closed without one, and the last line closes the first: then nothing else can be meant.
bool isNest(const QStringList& marks, const Fence& open) {
  int depth = 0;
  for (qsizetype i = 0; i < marks.size(); ++i) {
    depth += closes(marks[i], open) ? -1 : 1;
    if (depth <= 0 && i + 1 < marks.size()) return false;
  }
  return depth == 0;
}

// The fenced blocks of an answer; nothing where it is not certain where they end. `shown`: the lines that they may replace.
std::optional<std::vector<Block>> blocksOf(const QStringList& answer, const QStringList& shown) {
  std::vector<Block> blocks;
  std::optional<Fence> open, first;
  qsizetype firstLine = 0, lastMark = 0;
  bool isPlain = true;
  for (qsizetype i = 0; i < answer.size(); ++i) {
    const std::optional<Fence> fence = fenceOf(answer[i]);
    if (fence && first && fence->sign == first->sign && fence->length >= first->length) lastMark = i;
    if (!open) {
      if (!fence) continue;
      open = fence;
      if (!first) {
        first = fence;
        firstLine = i;
      }
      blocks.push_back({languageBehind(answer[i], *fence), {}});
    } else if (closes(answer[i], *open)) {
      open.reset();
    } else {
      if (fence && fence->sign == open->sign && fence->length >= open->length) isPlain = false;
      blocks.back().lines.append(answer[i]);
    }
  }
  if (!first) return blocks;
  const QStringList known = marksOf(shown, *first);
  if (isPlain && !open && (known.isEmpty() || blocks.size() == 1)) return blocks;
  const QStringList marks = marksOf(answer.mid(firstLine, lastMark - firstLine + 1), *first);
  if (marks.size() < 2 || !closes(marks.back(), *first)) return std::nullopt;
  if (marks.mid(1, marks.size() - 2) != known && !isNest(marks, *first)) return std::nullopt;
  return std::vector<Block>{{languageBehind(answer[firstLine], *first), answer.mid(firstLine + 1, lastMark - firstLine - 1)}};
}

// Of the word behind a fence; one that no table knows is a family of its own.
QString familyOf(const QString& word) {
  const SourceLanguage language = languageNamed(word);
  return language.name.isEmpty() ? word : language.family;
}

// ---- diffs
// -------------------------------------------------------------------------------------------------------------------------------

bool isDiff(const QString& language, const QStringList& lines) {
  if (language == QLatin1String("diff") || language == QLatin1String("patch")) return true;
  const auto has = [&lines](const char* beginning) {
    return std::any_of(lines.begin(), lines.end(), [&](const QString& l) { return l.startsWith(QLatin1String(beginning)); });
  };
  return has("@@ ") && (has("+") || has("-"));
}

struct Change {
  QStringList before, after;
  void dropEmptyEnd() {  // blank lines between two pieces of a diff belong to neither
    while (!before.isEmpty() && !after.isEmpty() && before.back().isEmpty() && after.back().isEmpty()) {
      before.removeLast();
      after.removeLast();
    }
  }
};

// The pieces of a unified diff of this file alone; nothing where it is none. The numbers behind @@ are not read: models get them wrong.
std::optional<std::vector<Change>> changesOf(const QStringList& diff, const QString& fileName) {
  std::vector<Change> changes;
  bool isInside = std::none_of(diff.begin(), diff.end(), [](const QString& line) { return line.startsWith(QLatin1String("@@")); });
  if (isInside) changes.emplace_back();
  for (qsizetype i = 0; i < diff.size(); ++i) {
    const QString& line = diff[i];
    if (line.startsWith(QLatin1String("--- ")) && i + 1 < diff.size() && diff[i + 1].startsWith(QLatin1String("+++ "))) {
      const QString name = diff[++i].mid(4).section(u'\t', 0, 0).trimmed();
      if (QFileInfo(name).fileName() != fileName) return std::nullopt;
      continue;
    }
    if (line.startsWith(QLatin1String("@@"))) {
      changes.emplace_back();
      isInside = true;
    } else if (line.startsWith(QLatin1String("diff ")) || line.startsWith(QLatin1String("index "))) {
      isInside = changes.size() == 1 && changes.front().before.isEmpty() && changes.front().after.isEmpty() && isInside;
    } else if (!isInside) {
      if (hasWords(line)) return std::nullopt;  // renamed, deleted, or words
    } else if (line.startsWith(u'-')) {
      changes.back().before.append(line.mid(1));
    } else if (line.startsWith(u'+')) {
      changes.back().after.append(line.mid(1));
    } else if (line.isEmpty() || line.startsWith(u' ')) {
      changes.back().before.append(line.mid(1));
      changes.back().after.append(line.mid(1));
    } else if (!line.startsWith(u'\\')) {
      return std::nullopt;
    }
  }
  for (Change& change : changes) change.dropEmptyEnd();
  return changes;
}

// Where `part` stands in `lines`, if it stands there once.
std::optional<int> onlyPlaceOf(const QStringList& part, const QStringList& lines) {
  std::optional<int> place;
  for (int at = 0; at + part.size() <= lines.size(); ++at) {
    if (!std::equal(part.begin(), part.end(), lines.begin() + at)) continue;
    if (place) return std::nullopt;
    place = at;
  }
  return place;
}

CodeAnswer patched(const CodeQuestion& question, const QStringList& diff) {
  const auto changes = changesOf(diff, question.fileName);
  if (!changes) return refused(NoProposal::diff_unfit);
  CodeAnswer out;
  int done = 0;
  for (const Change& change : *changes) {
    const bool fillsEmptyFile = question.lines.isEmpty() && change.before.isEmpty() && changes->size() == 1;
    const std::optional<int> place = fillsEmptyFile ? 0 : change.before.isEmpty() ? std::nullopt : onlyPlaceOf(change.before, question.lines);
    if (!place || *place < done) return refused(NoProposal::diff_unfit);
    out.after += question.lines.mid(done, *place - done) + change.after;
    done = *place + int(change.before.size());
  }
  out.after += question.lines.mid(done);
  out.nBefore = wordLines(question.lines);
  out.nAfter = wordLines(out.after);
  return out;
}

// ---- placeholders
// ------------------------------------------------------------------------------------------------------------------------

// A line that stands for lines: "# ... existing code ...". One that the file has is its own.
bool isPlaceholder(const QString& line, const QSet<QString>& known) {
  static const QString comment = QStringLiteral("(#|//|/\\*|--|<!--|;|%|^\\s*\\*)\\s*");
  static const std::vector<QRegularExpression> kinds = [] {
    const auto made = [](const QString& pattern) { return QRegularExpression(pattern, QRegularExpression::CaseInsensitiveOption); };
    return std::vector<QRegularExpression>{
        made(QStringLiteral("^\\W*(\\.\\.\\.|…)\\W*$")),
        made(comment + QStringLiteral("(\\.\\.\\.|…)")),
        made(comment +
             QStringLiteral(".*\\b(rest|existing|remain\\w*|unchanged|same|previous|other|omitted|above|before|original)\\b.*(\\.\\.\\.|…)")),
        made(comment + QStringLiteral("(the )?(rest|remainder) of (the |your |this "
                                      ")?(code|file|class|function|method|module|script|program|implementation|document|text)")),
        made(comment +
             QStringLiteral("(the )?(existing|remaining|other|previous|original) (code|lines|functions|methods|definitions|imports|content|text)( "
                            "(here|above|below|unchanged|stays?|remains?|as before|goes here).*)?\\W*$")),
        made(comment + QStringLiteral("(.*\\b(stays?|remains?|is|are|as) )?(unchanged|(the )?same as before|(stays?|remains?) (the )?same)\\b\\W*$")),
        made(QStringLiteral("^\\s*[\\[(<{].*\\b(rest of|unchanged|existing code)\\b.*[\\])>}]\\s*$"))};
  }();
  if (!hasWords(line) || known.contains(line.trimmed())) return false;
  return std::any_of(kinds.begin(), kinds.end(), [&line](const QRegularExpression& kind) { return kind.match(line).hasMatch(); });
}

// ---- definitions by name
// -----------------------------------------------------------------------------------------------------------------

// By the indentation, too, the definition ends where the tree says. A syntax error can make the tree wrong.
bool isWhole(const OutlineEntry& entry, const QStringList& lines) {
  const qsizetype own = indentOf(lines[entry.firstLine]).size();
  static const QRegularExpression closing(QStringLiteral("^([{}()\\]]|end\\b|(public|private|protected)\\s*:)"));
  for (int i = entry.firstLine + 1; i <= entry.lastLine; ++i) {
    if (hasWords(lines[i]) && indentOf(lines[i]).size() <= own && !closing.match(lines[i].trimmed()).hasMatch()) return false;
  }
  for (int i = entry.lastLine + 1; i < lines.size(); ++i) {
    if (hasWords(lines[i])) return indentOf(lines[i]).size() <= own && !closing.match(lines[i].trimmed()).hasMatch();
  }
  return true;
}

QString signatureOf(const OutlineEntry& entry, const QString& text) { return text.mid(entry.start, entry.length).simplified(); }

// What stands before the name: "def", "static int", "func (a A)".
QString headOf(const OutlineEntry& entry, const QString& text) {
  const QString signature = signatureOf(entry, text);
  return signature.left(std::max<qsizetype>(0, signature.indexOf(entry.name)));
}

// The lines directly above a definition that belong to it for all we know: comments, decorators.
QStringList linesAbove(const QStringList& lines, int line, int from) {
  int first = line;
  while (first > from && hasWords(lines[first - 1])) --first;
  return lines.mid(first, line - first);
}

// The file with the definitions of `code` in place of those of the same names; nothing where one of them is not certain.
std::optional<CodeAnswer> replacedByName(const CodeQuestion& question, const QStringList& code, const QSet<QString>& known, const QString& grammar) {
  const QString codeText = code.join(u'\n'), fileText = question.lines.join(u'\n');
  const std::vector<OutlineEntry> fresh = outlineOf(codeText, grammar), old = outlineOf(fileText, grammar);
  struct Edit {
    int first, last;
    QStringList lines;
  };
  std::vector<Edit> edits;
  const auto areDroppable = [&](int from, int to,
                                int above) {  // lines `from` to `to` of the answer; the last `above` belong to a definition
    for (int i = from; i < to - above; ++i) {
      const bool isImport = std::any_of(fresh.begin(), fresh.end(), [i](const OutlineEntry& e) {
        return e.kind == OutlineEntry::Kind::import && e.firstLine <= i && i <= e.lastLine;
      });
      if (hasWords(code[i]) && !isPlaceholder(code[i], known) && !(isImport && known.contains(code[i].trimmed()))) return false;
    }
    return true;
  };
  int done = 0;
  for (const OutlineEntry& entry : fresh) {
    if (entry.kind != OutlineEntry::Kind::signature || entry.firstLine < done) continue;  // one within the last
    const auto isNamesake = [&](const OutlineEntry& e) { return e.kind == OutlineEntry::Kind::signature && e.name == entry.name; };
    const auto it = std::find_if(old.begin(), old.end(), isNamesake);
    if (entry.name.isEmpty() || it == old.end() || std::count_if(old.begin(), old.end(), isNamesake) != 1) return std::nullopt;
    if (!isWhole(entry, code) || !isWhole(*it, question.lines) || headOf(entry, codeText) != headOf(*it, fileText)) return std::nullopt;
    QStringList lines = code.mid(entry.firstLine, entry.lastLine - entry.firstLine + 1);
    if (std::any_of(lines.begin(), lines.end(), [&](const QString& line) { return isPlaceholder(line, known); })) return std::nullopt;
    const QString wanted = indentOf(question.lines[it->firstLine]), has = indentOf(lines.first());
    if (wanted != has) {
      if (!has.isEmpty() || signatureOf(entry, codeText) != signatureOf(*it, fileText)) return std::nullopt;
      indent(lines, wanted);
    }
    QStringList above = linesAbove(code, entry.firstLine, done);
    while (!above.isEmpty() && isPlaceholder(above.first(), known)) above.removeFirst();
    const QStringList aboveInFile =
        question.lines.mid(std::max<qsizetype>(0, it->firstLine - above.size()), std::min<qsizetype>(above.size(), it->firstLine));
    const bool isSame =
        above.size() == aboveInFile.size() &&
        std::equal(above.begin(), above.end(), aboveInFile.begin(), [](const QString& a, const QString& b) { return a.trimmed() == b.trimmed(); });
    if (!areDroppable(done, entry.firstLine, isSame ? int(above.size()) : 0)) return std::nullopt;
    edits.push_back({it->firstLine, it->lastLine, lines});
    done = entry.lastLine + 1;
  }
  if (edits.empty() || !areDroppable(done, int(code.size()), 0)) return std::nullopt;
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.first < b.first; });
  CodeAnswer out;
  int at = 0;
  for (const Edit& edit : edits) {
    if (edit.first < at) return std::nullopt;  // the same one twice, or one within another
    out.after += question.lines.mid(at, edit.first - at) + edit.lines;
    out.nBefore += wordLines(question.lines.mid(edit.first, edit.last - edit.first + 1));
    out.nAfter += wordLines(edit.lines);
    at = edit.last + 1;
  }
  out.after += question.lines.mid(at);
  return out;
}

// ---- the file or the selection
// -----------------------------------------------------------------------------------------------------------

// The first and the last line of the file are there, or lines that they became. An answer that is a part of the file lacks one of them.
bool isWholeFile(const QStringList& file, const QStringList& code) {
  const int nFile = wordLines(file);
  if (nFile == 0) return true;
  if (nFile <= kStubLines && wordLines(code) >= nFile) return true;
  enum class Fate : quint8 { kept, changed, gone };
  std::vector<Fate> fates(std::size_t(file.size()), Fate::kept);
  for (const Hunk& hunk : compareLines(file, code)) {
    for (const DiffLine& line : hunk.lines) {
      if (line.kind == DiffLine::Kind::removed) fates[std::size_t(line.before)] = line.partner >= 0 ? Fate::changed : Fate::gone;
    }
  }
  std::vector<Fate> said;  // of lines with words
  for (qsizetype i = 0; i < file.size(); ++i) {
    if (hasWords(file[i])) said.push_back(fates[std::size_t(i)]);
  }
  const auto isThere = [nFile](Fate outer, Fate next) { return outer != Fate::gone || (nFile >= kLongEnoughLines && next == Fate::kept); };
  return isThere(said.front(), said[said.size() > 1 ? 1 : 0]) && isThere(said.back(), said[said.size() > 1 ? said.size() - 2 : 0]);
}

// The answer to a selection begins and ends as the file does, and the selection does neither.
bool isFileForSelection(const CodeQuestion& question, const QStringList& selection, const QStringList& code) {
  return firstWords(code) == firstWords(question.lines) && lastWords(code) == lastWords(question.lines) &&
         firstWords(selection) != firstWords(question.lines) && lastWords(selection) != lastWords(question.lines);
}

// The answer to a selection begins with a line that stands before it, and not in it.
bool beginsBefore(const CodeQuestion& question, const QStringList& selection, const QStringList& code) {
  const QString first = firstWords(code);
  const auto isFirst = [&first](const QString& line) { return line.trimmed() == first; };
  if (std::none_of(first.begin(), first.end(), [](QChar c) { return c.isLetterOrNumber(); })) return false;
  return std::none_of(selection.begin(), selection.end(), isFirst) &&
         std::any_of(question.lines.begin(), question.lines.begin() + question.first, isFirst);
}

CodeAnswer placed(const CodeQuestion& question, QStringList code, const QString& grammar) {
  QSet<QString> known;
  for (const QString& line : question.lines) known.insert(line.trimmed());
  const auto byName = [&](NoProposal otherwise) { return replacedByName(question, code, known, grammar).value_or(refused(otherwise)); };
  if (std::any_of(code.begin(), code.end(), [&](const QString& line) { return isPlaceholder(line, known); })) return byName(NoProposal::placeholder);

  const QStringList selection = question.hasSelection() ? question.lines.mid(question.first, question.last - question.first + 1) : question.lines;
  CodeAnswer out;
  if (!question.hasSelection() || isFileForSelection(question, selection, code)) {
    if (!isWholeFile(question.lines, code)) return byName(NoProposal::part_of_file);
    out.nBefore = wordLines(question.lines);
    out.after = code;
  } else {
    if (beginsBefore(question, selection, code)) return byName(NoProposal::other_lines);
    if (commonIndent(code).isEmpty()) indent(code, commonIndent(selection));
    out.nBefore = wordLines(selection);
    out.after = replaced(question.lines, question.first, question.last, code);
  }
  out.nAfter = wordLines(code);
  return out;
}

// Without a fence an answer is code if it begins and ends with lines of the file and most between them are such lines, too.
bool isBareCode(const CodeQuestion& question, const QStringList& answer) {
  QSet<QString> known;
  for (const QString& line : question.lines) known.insert(line.trimmed());
  const auto nKnown =
      std::count_if(answer.begin(), answer.end(), [&known](const QString& line) { return hasWords(line) && known.contains(line.trimmed()); });
  return nKnown > 0 && 2 * nKnown > wordLines(answer) && known.contains(firstWords(answer)) && known.contains(lastWords(answer));
}

}  // namespace

CodeAnswer readAnswer(const CodeQuestion& question, const QString& answer, const QString& grammar) {
  const QStringList lines = linesOf(answer);
  const QStringList shown = question.hasSelection() ? question.lines.mid(question.first, question.last - question.first + 1) : question.lines;
  const auto blocks = blocksOf(lines, shown);
  if (!blocks) return refused(NoProposal::unclear_end);
  if (blocks->empty()) return isBareCode(question, lines) ? placed(question, lines, grammar) : refused(NoProposal::no_code);

  const QString family = familyOf(question.fence);
  const auto isOfFile = [&family](const Block& block) { return family.isEmpty() || familyOf(block.language) == family; };
  const auto isUnnamed = [](const Block& block) { return familyOf(block.language).isEmpty(); };
  const Block* found = nullptr;
  for (const Block& block : *blocks) {
    const bool isChange = isDiff(block.language, block.lines);
    if (!isChange && !isOfFile(block) && !isUnnamed(block)) continue;
    if (found != nullptr || (isUnnamed(block) && blocks->size() > 1)) return refused(NoProposal::several_blocks);
    found = &block;
  }
  if (found == nullptr) return refused(NoProposal::other_language);
  const bool isFileADiff = family == QLatin1String("diff");
  return isDiff(found->language, found->lines) && !isFileADiff ? patched(question, found->lines) : placed(question, found->lines, grammar);
}

}  // namespace pio
