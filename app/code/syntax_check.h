#pragma once

#include <QString>
#include <QStringList>
#include <vector>

// Whether a change would break a file's syntax, by tree-sitter. Pure, any thread; blocks for as long as parsing takes.

namespace pio {

struct SyntaxError {
  int line = 0;   // from 0
  QString found;  // what stands there, shortened; or what is missing
  bool isMissing = false;
  bool operator==(const SyntaxError&) const = default;
};

struct SyntaxReport {
  enum class Outcome { no_grammar, too_long, checked };
  Outcome outcome = Outcome::no_grammar;
  std::vector<SyntaxError> added;  // errors of `after` that `before` has not; lines of `after`, in order; at most 50
  int nBefore = 0;                 // errors that were there already
};

// `grammar`: SourceLanguage::grammar.
SyntaxReport checkSyntax(const QString& before, const QString& after, const QString& grammar);

}  // namespace pio
