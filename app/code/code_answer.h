#pragma once

#include <QString>
#include <QStringList>

#include "app/code/code_prompts.h"

// What an answer proposes for the file. Only what is certainly the file, or a certain part of it, is a proposal. Pure, any thread.

namespace pio {

// Why an answer that was to change the file is no proposal. Words: error_text.h.
enum class NoProposal : int {
  none,
  no_code,
  no_change,
  cut_off,
  several_blocks,  // more than one of them could be the file
  unclear_end,     // fences within fences: where the code ends is not certain
  other_language,  // code, but not in the file's language
  placeholder,     // "… existing code …" stands for lines
  part_of_file,    // it does not begin and end as the file does
  other_lines,     // it begins with lines outside the selection
  diff_unfit,      // a diff whose lines are not exactly once in the file
  file_changed,    // the question was about other lines than the file has now
};

struct CodeAnswer {
  NoProposal why = NoProposal::none;
  QStringList after;            // the new lines of the whole file, where why is none
  int nBefore = 0, nAfter = 0;  // lines with words in them, of what is replaced and of what replaces it
  bool shrinks() const { return 2 * nAfter < nBefore; }
};

// The answer to a question that asked for code: one fenced block that is the file or the selection, definitions that are found by their
// name
// (`grammar`: SourceLanguage::grammar), or a unified diff. What models get wrong without harm is put right: an indentation of the selection
// that the answer left out, and a whole file where only the selection was asked for.
CodeAnswer readAnswer(const CodeQuestion& question, const QString& answer, const QString& grammar);

}  // namespace pio
