#include "app/code/code_worker.h"

#include <algorithm>

namespace pio {
namespace {

LineColours coloursOf(const QStringList& lines, const QString& fence) {
  if (fence.isEmpty()) return {};
  CodeColourer colourer(fence);
  const std::vector<ColourRun>& runs = colourer.colours(lines.join(u'\n'));
  if (runs.empty()) return {};
  LineColours out(std::size_t(lines.size()));
  std::size_t run = 0;
  qsizetype start = 0;
  for (qsizetype line = 0; line < lines.size(); ++line) {
    const qsizetype end = start + lines[line].size();
    while (run < runs.size() && runs[run].start + runs[run].length <= start) ++run;
    for (std::size_t i = run; i < runs.size() && runs[i].start < end; ++i) {  // a comment may run over many lines
      const qsizetype from = std::max(start, runs[i].start), to = std::min(end, runs[i].start + runs[i].length);
      if (from < to) out[std::size_t(line)].push_back({from - start, to - from, runs[i].colour});
    }
    start = end + 1;
  }
  return out;
}

OpenedSource factsOf(const SourceFile& file) {
  OpenedSource out;
  out.file = file;
  out.language = languageOf(file.path);
  if (file.problem != SourceProblem::none) return out;
  out.text = SourceText::of(file.content);
  out.outline = outlineOf(out.text.text(), out.language.grammar);
  out.colours = coloursOf(out.text.lines, out.language.fence);
  return out;
}

}  // namespace

void CodeWorker::open(quint64 serial, const QString& path) { Q_EMIT opened(serial, factsOf(readSource(path))); }

void CodeWorker::write(quint64 serial, const QString& path, const QByteArray& content, const QByteArray& expected, bool overOthers) {
  Q_EMIT written(serial, factsOf(writeSource(path, content, expected, overOthers)));
}

void CodeWorker::propose(quint64 serial, const CodeQuestion& question, const QString& answer, const SourceLanguage& language) {
  Proposal out;
  out.answer = readAnswer(question, answer, language.grammar);
  if (out.answer.why != NoProposal::none) {
    Q_EMIT proposed(serial, out);
    return;
  }
  const QStringList& before = question.lines;
  const QStringList& after = out.answer.after;
  out.hunks = compareLines(before, after);
  const std::vector<OutlineEntry> old = outlineOf(before.join(u'\n'), language.grammar);
  const std::vector<OutlineEntry> fresh = outlineOf(after.join(u'\n'), language.grammar);
  for (const Hunk& hunk : out.hunks) {
    const auto changed = std::find_if(hunk.lines.begin(), hunk.lines.end(), [](const DiffLine& line) { return line.kind != DiffLine::Kind::same; });
    out.titles.append(changed->before >= 0 ? definitionAround(old, changed->before) : definitionAround(fresh, changed->after));
  }
  out.colours = coloursOf(after, language.fence);
  Q_EMIT proposed(serial, out);
}

void CodeWorker::check(quint64 serial, const QString& before, const QString& after, const QString& grammar) {
  Q_EMIT checked(serial, checkSyntax(before, after, grammar));
}

}  // namespace pio
