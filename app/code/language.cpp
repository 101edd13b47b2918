#include "app/code/language.h"

#include <QFileInfo>
#include <QHash>
#include <array>

namespace pio {
namespace {

struct Row {
  const char* suffixes;  // or whole names, lower case
  const char* name;
  const char* fence;
  const char* grammar;
};

// A C header may be C++: that grammar reads nearly all of C as well.
constexpr std::array kRows = {
    Row{"py pyw pyi", "Python", "python", "python"},
    Row{"c", "C", "c", "c"},
    Row{"cpp cc cxx hpp hh hxx h ipp inl", "C++", "cpp", "cpp"},
    Row{"cu cuh", "CUDA", "cuda", ""},
    Row{"js mjs cjs jsx", "JavaScript", "javascript", "javascript"},
    Row{"ts tsx mts cts", "TypeScript", "typescript", ""},
    Row{"qml", "QML", "qml", ""},
    Row{"go", "Go", "go", "go"},
    Row{"rs", "Rust", "rust", "rust"},
    Row{"java", "Java", "java", "java"},
    Row{"cs", "C#", "csharp", "c_sharp"},
    Row{"kt kts", "Kotlin", "kotlin", "kotlin"},
    Row{"rb rake gemfile rakefile", "Ruby", "ruby", "ruby"},
    Row{"lua", "Lua", "lua", "lua"},
    Row{"sh bash", "Shell", "bash", "bash"},
    Row{"zsh ksh fish", "Shell", "bash", ""},
    Row{"css", "CSS", "css", "css"},
    Row{"scss less", "CSS", "scss", ""},
    Row{"json", "JSON", "json", "json"},
    Row{"jsonl jsonc json5", "JSON", "json", ""},
    Row{"toml", "TOML", "toml", "toml"},
    Row{"html htm xhtml xml svg vue svelte", "HTML", "html", ""},
    Row{"comp vert frag glsl", "GLSL", "glsl", ""},
    Row{"swift", "Swift", "swift", ""},
    Row{"php", "PHP", "php", ""},
    Row{"sql", "SQL", "sql", ""},
    Row{"r", "R", "r", ""},
    Row{"pl pm", "Perl", "perl", ""},
    Row{"scala sc", "Scala", "scala", ""},
    Row{"hs", "Haskell", "haskell", ""},
    Row{"ml mli", "OCaml", "ocaml", ""},
    Row{"ex exs", "Elixir", "elixir", ""},
    Row{"dart", "Dart", "dart", ""},
    Row{"zig", "Zig", "zig", ""},
    Row{"jl", "Julia", "julia", ""},
    Row{"m mm", "Objective-C", "objective-c", ""},
    Row{"asm s", "Assembly", "asm", ""},
    Row{"cmake cmakelists.txt", "CMake", "cmake", ""},
    Row{"makefile mk", "Make", "make", ""},
    Row{"dockerfile", "Dockerfile", "dockerfile", ""},
    Row{"yaml yml", "YAML", "yaml", ""},
    Row{"ini cfg conf", "INI", "ini", ""},
    Row{"md markdown rst", "Markdown", "markdown", ""},
    Row{"txt tex", "Text", "", ""},
};

const QHash<QString, const Row*>& table() {
  static const QHash<QString, const Row*> made = [] {
    QHash<QString, const Row*> rows;
    for (const Row& row : kRows) {
      for (const QString& suffix : QString::fromLatin1(row.suffixes).split(' ')) rows.insert(suffix, &row);
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
  if (row == nullptr) return {};
  return {QString::fromLatin1(row->name), QString::fromLatin1(row->fence), QString::fromLatin1(row->grammar)};
}

bool isSourceFile(const QString& path) { return rowOf(path) != nullptr; }

}  // namespace pio
