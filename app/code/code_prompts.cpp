#include "app/code/code_prompts.h"

#include <algorithm>

namespace pio {
namespace {

constexpr double kSignsPerToken = 2.5;
constexpr qsizetype kFrameTokens = 320;    // the words around the code, the chat format's marks
constexpr qsizetype kMostAround = 12'000;  // signs around a selection: about 300 lines; more is minutes of reading on a slow machine and seldom helps

QString fenced(const QStringList& lines, const QString& language) {
  qsizetype longest = 2;
  for (const QString& line : lines) {
    qsizetype run = 0;
    for (const QChar c : line) {
      run = c == u'`' ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  const QString mark(longest + 1, u'`');
  return mark + language + u'\n' + lines.join(u'\n') + u'\n' + mark + u'\n';
}

qsizetype signsOf(const QStringList& lines, int first, int last) {
  qsizetype n = 0;
  for (int i = first; i <= last; ++i) n += lines[i].size() + 1;
  return n;
}

}  // namespace

QString systemWords() {
  return QStringLiteral(
      "You help a programmer with the file that is shown. Be exact and brief. Keep the style of the file, and change nothing that was not asked "
      "for.");
}

CodeExcerpt excerptOf(const CodeQuestion& question, qsizetype nSigns) {
  const int nLines = int(question.lines.size());
  CodeExcerpt out{0, nLines - 1};
  const qsizetype all = signsOf(question.lines, 0, nLines - 1);
  const qsizetype selected = question.hasSelection() ? signsOf(question.lines, question.first, question.last) : all;
  if (all <= std::min(nSigns, selected + kMostAround)) return out;
  out.isCut = true;
  if (!question.hasSelection()) {
    // The beginning: imports and the first definitions say most about a file.
    qsizetype used = 0;
    int last = -1;
    while (last + 1 < nLines && used + question.lines[last + 1].size() + 1 <= nSigns) used += question.lines[++last].size() + 1;
    out.last = last;
    out.fits = question.task == CodeTask::ask || question.task == CodeTask::explain ? last >= 0 : false;
    return out;
  }
  out.first = question.first;
  out.last = question.last;
  qsizetype used = selected;
  out.fits = used <= nSigns;
  const qsizetype most = std::min(nSigns, used + kMostAround);
  for (bool grew = out.fits; grew;) {
    grew = false;
    if (out.first > 0 && used + question.lines[out.first - 1].size() + 1 <= most) {
      used += question.lines[--out.first].size() + 1;
      grew = true;
    }
    if (out.last + 1 < nLines && used + question.lines[out.last + 1].size() + 1 <= most) {
      used += question.lines[++out.last].size() + 1;
      grew = true;
    }
  }
  return out;
}

QString promptOf(const CodeQuestion& question, const CodeExcerpt& excerpt) {
  QString out = QStringLiteral("File %1").arg(question.fileName);
  if (!question.language.isEmpty()) out += QStringLiteral(" (%1)").arg(question.language);
  if (excerpt.isCut) out += QStringLiteral(", lines %1 to %2 of %3").arg(excerpt.first + 1).arg(excerpt.last + 1).arg(question.lines.size());
  out += QStringLiteral(":\n") + fenced(question.lines.mid(excerpt.first, excerpt.last - excerpt.first + 1), question.fence);
  const bool all = !question.hasSelection();
  const QString what = all ? QStringLiteral("the file") : QStringLiteral("the selected lines");
  if (!all) {
    out += QStringLiteral("\nSelected lines %1 to %2:\n").arg(question.first + 1).arg(question.last + 1);
    out += fenced(question.lines.mid(question.first, question.last - question.first + 1), question.fence);
  }
  out += u'\n';
  const QString form =
      QStringLiteral(
          " Answer with one fenced code block that holds the complete new text of %1 and nothing else. Then say in one sentence what you changed.")
          .arg(what);
  switch (question.task) {
    case CodeTask::ask: return out + question.words;
    case CodeTask::explain:
      out += QStringLiteral("Explain what %1 do, step by step, for someone who knows the language but not this code.")
                 .arg(all ? QStringLiteral("the parts of the file") : what);
      if (!question.words.isEmpty()) out += u' ' + question.words;
      return out;
    case CodeTask::fix:
      out += QStringLiteral("Find what is wrong in %1 and correct it; change as little as possible.").arg(what);
      if (!question.words.isEmpty()) out += u' ' + question.words;
      return out + form;
    case CodeTask::generate: return out + QStringLiteral("Rewrite %1 so that this is done: ").arg(what) + question.words + form;
  }
  return out;
}

CodeBudget budgetOf(const CodeQuestion& question, qsizetype nTokens) {
  const bool changes = question.task == CodeTask::fix || question.task == CodeTask::generate;
  const int first = question.hasSelection() ? question.first : 0;
  const int last = question.hasSelection() ? question.last : int(question.lines.size()) - 1;
  const qsizetype selected = signsOf(question.lines, first, last);
  CodeBudget out;
  // A replacement is about as long as what it replaces, and a third more for what is added.
  out.answerTokens = changes ? std::max<qsizetype>(512, qsizetype(double(selected) * 1.33 / kSignsPerToken)) : std::min<qsizetype>(1024, nTokens / 4);
  const qsizetype words = question.words.size() + (question.hasSelection() ? selected : 0);
  out.signs = std::max<qsizetype>(0, qsizetype(double(nTokens - out.answerTokens - kFrameTokens) * kSignsPerToken) - words);
  return out;
}

}  // namespace pio
