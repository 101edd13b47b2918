#pragma once

#include <QString>
#include <QStringList>

// What the model is asked. Pure. What of its answer is code: code_answer.h.

namespace pio {

enum class CodeTask { ask, explain, fix, generate };

struct CodeQuestion {
  CodeTask task = CodeTask::ask;
  QString words;  // the person's; may be empty for explain and fix
  QString fileName;
  QString language;          // "Python", for the model
  QString fence;             // "python", behind the fence
  QStringList lines;         // the whole file
  int first = 0, last = -1;  // the selection, lines from 0, both included; last < first: all of the file
  bool hasSelection() const { return last >= first; }
};

// The selection with as many lines around it as fit, at most some 300.
struct CodeExcerpt {
  int first = 0, last = -1;  // lines of the file that are shown
  bool isCut = false;        // not all of the file
  bool fits = true;          // false: the selection alone is too long
};

// `nSigns`: what the file may take in the prompt, in UTF-16 units.
CodeExcerpt excerptOf(const CodeQuestion& question, qsizetype nSigns);

QString systemWords();
QString promptOf(const CodeQuestion& question, const CodeExcerpt& excerpt);

// A context of `nTokens` as signs for the excerpt and as tokens for the answer. Code takes 2.5 to 4 signs a token in the four families'
// vocabularies; 2.5 is counted, so that the prompt does not end up too long.
struct CodeBudget {
  qsizetype signs = 0;
  qsizetype answerTokens = 0;
};
CodeBudget budgetOf(const CodeQuestion& question, qsizetype nTokens);

}  // namespace pio
