#pragma once

#include <QString>
#include <QStringList>
#include <vector>

// The lines that say what a file is about: its imports, and the signatures of what it defines. An attention kind that leaves tokens out keeps
// these; the code pane names a change after the definition it lies in. Pure, any thread.

namespace pio {

struct OutlineEntry {
  enum class Kind { import, signature };
  Kind kind = Kind::import;
  QString name;                     // of what a signature defines; "" of an import
  qsizetype start = 0, length = 0;  // UTF-16 units of the text: the import whole, a definition up to its body
  int firstLine = 0, lastLine = 0;  // from 0, of the whole definition with its body
  bool operator==(const OutlineEntry&) const = default;
};

// In the order of the text; empty where there is no grammar. `grammar`: SourceLanguage::grammar.
std::vector<OutlineEntry> outlineOf(const QString& text, const QString& grammar);

// The innermost definition around a line; "" outside of all.
QString definitionAround(const std::vector<OutlineEntry>& outline, int line);

// The imports and signatures that lie whole in these lines (from 0, both included), each once, at most 1,000.
QStringList outlineTexts(const QString& text, const std::vector<OutlineEntry>& outline, int firstLine, int lastLine);

}  // namespace pio
