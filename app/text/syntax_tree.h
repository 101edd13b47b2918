#pragma once

#include <tree_sitter/api.h>

#include <QString>
#include <memory>

// A text parsed whole by tree-sitter, for what needs the tree itself. Any thread; positions are bytes of UTF-16, twice QString's units.

namespace pio {

struct SyntaxTreeDeleter {
  void operator()(TSTree* tree) const { ts_tree_delete(tree); }
};
using SyntaxTree = std::unique_ptr<TSTree, SyntaxTreeDeleter>;

// Whether this build has the grammar of that name ("c_sharp").
bool hasGrammar(const QString& grammar);

// What a parser reads of a text, which must stay as it is until the parser has finished.
TSInput syntaxInput(const QString& text);

// Null where the grammar is not there, or the text takes more than `seconds` of this thread. `text` must outlive the call only.
SyntaxTree parseSyntax(const QString& text, const QString& grammar, double seconds);

}  // namespace pio
