#pragma once

#include <QString>

// What a file is written in, by its name.

namespace pio {

struct SourceLanguage {
  QString name;          // as a person writes it: "C++"; "" unknown
  QString fence;         // behind a fence and for CodeColourer: "cpp"; "" unknown
  QString grammar;       // the tree-sitter grammar whose errors count; "" where only a relative colours it (TypeScript by JavaScript's)
};

SourceLanguage languageOf(const QString& path);

// A file that the code pane is for: source, or text that is edited like source.
bool isSourceFile(const QString& path);

}  // namespace pio
