#pragma once

#include <QString>

// The languages of source: by a file's name, and by the word behind a fence.

namespace pio {

struct SourceLanguage {
  QString name;     // as a person writes it: "C++"; "" unknown
  QString fence;    // behind a fence and for CodeColourer: "cpp"; "" unknown
  QString grammar;  // the tree-sitter grammar whose errors count; "" where only a relative colours it (TypeScript by JavaScript's)
  QString colours;  // the grammar that colours it; "html" for markupColours(); "" none
  QString family;   // one name for relatives that a model may take for each other: "c" of C++, too
};

SourceLanguage languageOf(const QString& path);
// Of the word behind a fence, in any case: "py", "c++", "tsx".
SourceLanguage languageNamed(const QString& word);

// A file that the code pane is for: source, or text that is edited like source.
bool isSourceFile(const QString& path);

}  // namespace pio
