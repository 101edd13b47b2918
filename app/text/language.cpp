#include "app/text/language.h"

#include <QFileInfo>
#include <QHash>
#include <array>

namespace pio {
namespace {

struct Row {
  const char* suffixes;  // or whole names, lower case; words behind a fence as well
  const char* words;     // more of those
  const char* name;
  const char* fence;
  const char* grammar;
  const char* colours;
  const char* family = nullptr;  // where it is not the fence
};

// A C header may be C++: that grammar reads nearly all of C as well.
constexpr std::array kRows = {
    Row{"py pyw pyi", "python3 ipython", "Python", "python", "python", "python"},
    Row{"", "pycon", "Python", "python", "python", "python", "pycon"},  // what was typed and what came
    Row{"c", "", "C", "c", "c", "c"},
    Row{"cpp cc cxx hpp hh hxx h ipp inl", "c++ arduino", "C++", "cpp", "cpp", "cpp", "c"},
    Row{"cu cuh", "", "CUDA", "cuda", "", "cpp", "c"},
    Row{"js mjs cjs jsx", "node", "JavaScript", "javascript", "javascript", "javascript"},
    Row{"ts tsx mts cts", "", "TypeScript", "typescript", "", "javascript", "javascript"},
    Row{"qml", "", "QML", "qml", "", "javascript"},
    Row{"go", "golang", "Go", "go", "go", "go"},
    Row{"rs", "", "Rust", "rust", "rust", "rust"},
    Row{"java", "", "Java", "java", "java", "java"},
    Row{"cs", "c# c-sharp", "C#", "csharp", "c_sharp", "c_sharp"},
    Row{"kt kts", "", "Kotlin", "kotlin", "kotlin", "kotlin"},
    Row{"rb rake gemfile rakefile", "", "Ruby", "ruby", "ruby", "ruby"},
    Row{"lua", "", "Lua", "lua", "lua", "lua"},
    Row{"sh bash", "shell", "Shell", "bash", "bash", "bash"},
    Row{"", "console", "Shell", "bash", "bash", "bash", "console"},
    Row{"zsh ksh fish", "", "Shell", "bash", "", "bash"},
    Row{"css", "", "CSS", "css", "css", "css"},
    Row{"scss less", "", "CSS", "scss", "", "css", "css"},
    Row{"json", "", "JSON", "json", "json", "json"},
    Row{"jsonl jsonc json5", "", "JSON", "json", "", "json"},
    Row{"toml", "", "TOML", "toml", "toml", "toml"},
    Row{"html htm xhtml xml svg vue svelte", "", "HTML", "html", "", "html"},
    Row{"comp vert frag glsl", "", "GLSL", "glsl", "", "c"},
    Row{"swift", "", "Swift", "swift", "", ""},
    Row{"php", "", "PHP", "php", "", ""},
    Row{"sql", "", "SQL", "sql", "", ""},
    Row{"r", "", "R", "r", "", ""},
    Row{"pl pm", "", "Perl", "perl", "", ""},
    Row{"scala sc", "", "Scala", "scala", "", ""},
    Row{"hs", "", "Haskell", "haskell", "", ""},
    Row{"ml mli", "", "OCaml", "ocaml", "", ""},
    Row{"ex exs", "", "Elixir", "elixir", "", ""},
    Row{"dart", "", "Dart", "dart", "", ""},
    Row{"zig", "", "Zig", "zig", "", ""},
    Row{"jl", "", "Julia", "julia", "", ""},
    Row{"m mm", "", "Objective-C", "objective-c", "", "c", "c"},
    Row{"asm s", "", "Assembly", "asm", "", ""},
    Row{"cmake cmakelists.txt", "", "CMake", "cmake", "", ""},
    Row{"makefile mk", "", "Make", "make", "", ""},
    Row{"dockerfile", "", "Dockerfile", "dockerfile", "", ""},
    Row{"yaml yml", "", "YAML", "yaml", "", ""},
    Row{"ini cfg conf", "", "INI", "ini", "", "toml"},
    Row{"md markdown rst", "", "Markdown", "markdown", "", ""},
    Row{"txt", "text plaintext plain code", "Text", "", "", ""},
    Row{"tex", "", "Text", "", "", "", "tex"},
};

SourceLanguage languageOf(const Row& row) {
  const auto text = [](const char* value) { return QString::fromLatin1(value); };
  return {text(row.name), text(row.fence), text(row.grammar), text(row.colours), text(row.family == nullptr ? row.fence : row.family)};
}

const QHash<QString, const Row*>& table() {
  static const QHash<QString, const Row*> made = [] {
    QHash<QString, const Row*> rows;
    for (const Row& row : kRows) {
      for (const QString& suffix : QString::fromLatin1(row.suffixes).split(u' ', Qt::SkipEmptyParts)) rows.insert(suffix, &row);
    }
    return rows;
  }();
  return made;
}

const Row* rowOf(const QString& path) {
  const QFileInfo info(path);
  const auto byName = table().constFind(info.fileName().toLower());
  if (byName != table().constEnd()) return *byName;
  return table().value(info.suffix().toLower(), nullptr);
}

}  // namespace

SourceLanguage languageOf(const QString& path) {
  const Row* row = rowOf(path);
  return row == nullptr ? SourceLanguage() : languageOf(*row);
}

SourceLanguage languageNamed(const QString& word) {
  static const QHash<QString, const Row*> rows = [] {
    QHash<QString, const Row*> made = table();
    for (const Row& row : kRows) {
      for (const QString& name : QString::fromLatin1(row.words).split(u' ', Qt::SkipEmptyParts)) made.insert(name, &row);
      if (row.fence[0] != '\0' && !made.contains(QLatin1String(row.fence))) made.insert(QString::fromLatin1(row.fence), &row);
    }
    return made;
  }();
  const Row* row = rows.value(word.trimmed().toLower(), nullptr);
  return row == nullptr ? SourceLanguage() : languageOf(*row);
}

bool isSourceFile(const QString& path) { return rowOf(path) != nullptr; }

}  // namespace pio
