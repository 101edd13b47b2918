#pragma once

#include <QString>
#include <QStringList>
#include <memory>
#include <vector>

// Colours for code, by tree-sitter: it keeps its tree while code is being written, and half a function is still a function to it.

namespace pio {

enum class CodeColour : quint8 { Keyword, String, Number, Function, Comment };  // Function: types too; Number: constants too

struct ColourRun {
  qsizetype start = 0;  // UTF-16 units
  qsizetype length = 0;
  CodeColour colour = CodeColour::Keyword;
  bool operator==(const ColourRun&) const = default;
};

// Colours one piece of code, which may grow. One thread at a time; code that takes over `patience` seconds of the thread or has over
// 200,000 signs stays plain.
class CodeColourer {
 public:
  // `language` as it stands behind a fence ("c++", "py", "tsx"); an unknown one leaves everything plain.
  explicit CodeColourer(const QString& language, double patience = 0.1);
  ~CodeColourer();
  CodeColourer(CodeColourer&&) noexcept;
  CodeColourer& operator=(CodeColourer&&) noexcept;

  // The colours of `code`, in order, without overlap. If `code` begins with what was given last, only what changed is parsed.
  const std::vector<ColourRun>& colours(const QString& code);

  // Whether a colourer of this language can be made at once. The first time its patterns are made on another thread, which takes many
  // milliseconds: until then a thread that must not wait leaves code plain.
  static bool isReady(const QString& language);

  // Grammars of this build by their first name ("c", "python"); empty where their sources were not there when it was built.
  static QStringList languages();
  static bool knows(const QString& language);

 private:
  struct Private;
  std::unique_ptr<Private> d;
};

}  // namespace pio
