#include "app/code/syntax_check.h"

#include <algorithm>
#include <optional>

#include "app/code/source_file.h"
#include "app/text/syntax_tree.h"

namespace pio {
namespace {

constexpr double kPatience = 2;            // seconds of the thread, each text
constexpr std::size_t kMostErrors = 1000;  // of one text: hostile ones consist of nothing else
constexpr std::size_t kMostReported = 50;
constexpr qsizetype kLongestWords = 40;

// ERROR and missing nodes, the outermost of each: what lies inside an error is its consequence.
std::vector<SyntaxError> errorsOf(const TSTree* tree, const QString& text) {
  std::vector<SyntaxError> errors;
  TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(tree));
  bool done = false;
  while (!done && errors.size() < kMostErrors) {
    const TSNode node = ts_tree_cursor_current_node(&cursor);
    const bool isError = ts_node_is_error(node), isMissing = ts_node_is_missing(node);
    if (isError || isMissing) {
      SyntaxError error{int(ts_node_start_point(node).row), {}, isMissing};
      const qsizetype start = ts_node_start_byte(node) / 2, end = ts_node_end_byte(node) / 2;
      error.found =
          isMissing ? QString::fromUtf8(ts_node_type(node)) : text.mid(start, std::min(end - start, kLongestWords)).section(u'\n', 0, 0).trimmed();
      errors.push_back(error);
    }
    if (!isError && ts_node_has_error(node) && ts_tree_cursor_goto_first_child(&cursor)) continue;
    while (!ts_tree_cursor_goto_next_sibling(&cursor)) {
      if (!ts_tree_cursor_goto_parent(&cursor)) {
        done = true;
        break;
      }
    }
  }
  ts_tree_cursor_delete(&cursor);
  return errors;
}

std::optional<std::vector<SyntaxError>> errorsIn(const QString& text, const QString& grammar) {
  const SyntaxTree tree = parseSyntax(text, grammar, kPatience);
  if (!tree) return std::nullopt;
  return errorsOf(tree.get(), text);
}

}  // namespace

SyntaxReport checkSyntax(const QString& before, const QString& after, const QString& grammar) {
  SyntaxReport report;
  if (grammar.isEmpty() || !hasGrammar(grammar)) return report;
  const auto old = errorsIn(before, grammar);
  const auto fresh = errorsIn(after, grammar);
  if (!old || !fresh) {
    report.outcome = SyntaxReport::Outcome::too_long;
    return report;
  }
  report.outcome = SyntaxReport::Outcome::checked;
  report.nBefore = int(old->size());
  // Lines move; an error is the same one where its line's words and its own are the same.
  const QStringList linesBefore = linesOf(before), linesAfter = linesOf(after);
  const auto key = [](const SyntaxError& error, const QStringList& lines) {
    return QString(error.isMissing ? u'm' : u'e') + lines.value(error.line).trimmed() + u'\n' + error.found;
  };
  QStringList known;
  for (const SyntaxError& error : *old) known.append(key(error, linesBefore));
  for (const SyntaxError& error : *fresh) {
    if (!known.removeOne(key(error, linesAfter)) && report.added.size() < kMostReported) report.added.push_back(error);
  }
  return report;
}

}  // namespace pio
