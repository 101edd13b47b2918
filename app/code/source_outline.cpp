#include "app/code/source_outline.h"

#include <QSet>
#include <algorithm>
#include <array>
#include <string_view>

#include "app/text/grapheme.h"
#include "app/text/syntax_tree.h"

namespace pio {
namespace {

constexpr double kPatience = 1;  // seconds
constexpr std::size_t kMostEntries = 10'000;
constexpr qsizetype kMostTexts = 1000;  // each is looked for in the whole prompt
constexpr int kDeepest = 64;            // definitions lie near the root; below are expressions

// Names of nodes in the grammars' own words (src/node-types.json of each).
constexpr std::array<std::string_view, 13> kImports = {"import_statement",  "import_from_statement",    "future_import_statement", "preproc_include",
                                                       "using_declaration", "import_declaration",       "package_declaration",     "package_clause",
                                                       "use_declaration",   "extern_crate_declaration", "using_directive",         "import",
                                                       "package_header"};
constexpr std::array<std::string_view, 33> kDefinitions = {"function_definition",
                                                           "class_definition",
                                                           "function_declaration",
                                                           "class_declaration",
                                                           "method_definition",
                                                           "method_declaration",
                                                           "generator_function_declaration",
                                                           "interface_declaration",
                                                           "constructor_declaration",
                                                           "enum_declaration",
                                                           "record_declaration",
                                                           "struct_declaration",
                                                           "struct_specifier",
                                                           "class_specifier",
                                                           "enum_specifier",
                                                           "union_specifier",
                                                           "namespace_definition",
                                                           "namespace_declaration",
                                                           "type_declaration",
                                                           "function_item",
                                                           "impl_item",
                                                           "struct_item",
                                                           "trait_item",
                                                           "enum_item",
                                                           "mod_item",
                                                           "method",
                                                           "singleton_method",
                                                           "class",
                                                           "module",
                                                           "object_declaration",
                                                           "local_function",
                                                           "property_declaration",
                                                           "macro_definition"};

template <std::size_t n>
bool isOneOf(std::string_view type, const std::array<std::string_view, n>& types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

TSNode fieldOf(TSNode node, std::string_view name) { return ts_node_child_by_field_name(node, name.data(), uint32_t(name.size())); }

// Where the signature ends: the body's field, or a child that is one by its name (Kotlin's grammar has no fields).
TSNode bodyOf(TSNode node) {
  const TSNode body = fieldOf(node, "body");
  if (!ts_node_is_null(body)) return body;
  for (uint32_t i = 0; i < ts_node_named_child_count(node); ++i) {
    const TSNode child = ts_node_named_child(node, i);
    const std::string_view type = ts_node_type(child);
    if (type.ends_with("body") || type.ends_with("block") || type == "body_statement" || type.ends_with("declaration_list")) return child;
  }
  return {};
}

QString textOf(TSNode node, const QString& text) {
  return text.mid(ts_node_start_byte(node) / 2, (ts_node_end_byte(node) - ts_node_start_byte(node)) / 2);
}

QString nameOf(TSNode node, const QString& text) {
  TSNode name = fieldOf(node, "name");
  // C: the name lies in the declarator's declarator …
  for (TSNode inner = fieldOf(node, "declarator"); ts_node_is_null(name) && !ts_node_is_null(inner);) {
    const TSNode next = fieldOf(inner, "declarator");
    if (ts_node_is_null(next)) name = inner;
    inner = next;
  }
  if (ts_node_is_null(name)) name = fieldOf(node, "type");  // Rust's impl
  for (uint32_t i = 0; ts_node_is_null(name) && i < ts_node_named_child_count(node); ++i) {
    const TSNode child = ts_node_named_child(node, i);
    if (std::string_view(ts_node_type(child)).ends_with("identifier")) name = child;
  }
  return ts_node_is_null(name) ? QString() : beginningOf(textOf(name, text).simplified(), 80);
}

// Ruby and Lua import by calling a function.
bool isRequire(TSNode node, const QString& text) {
  const std::string_view type = ts_node_type(node);
  if (type != "call" && type != "function_call" && type != "command") return false;
  const QString words = textOf(node, text);
  return words.size() < 200 && (words.startsWith(QLatin1String("require")) || words.startsWith(QLatin1String("source ")));
}

OutlineEntry entryOf(TSNode node, TSNode end, OutlineEntry::Kind kind, const QString& text) {
  OutlineEntry entry;
  entry.kind = kind;
  entry.start = ts_node_start_byte(node) / 2;
  const qsizetype to = (ts_node_is_null(end) ? ts_node_end_byte(node) : ts_node_start_byte(end)) / 2;
  entry.length = QStringView(text).mid(entry.start, to - entry.start).trimmed().size();
  entry.firstLine = int(ts_node_start_point(node).row);
  const TSPoint last = ts_node_end_point(node);
  entry.lastLine = int(last.column == 0 && last.row > 0 ? last.row - 1 : last.row);
  if (kind == OutlineEntry::Kind::signature) entry.name = nameOf(node, text);
  return entry;
}

}  // namespace

std::vector<OutlineEntry> outlineOf(const QString& text, const QString& grammar) {
  std::vector<OutlineEntry> out;
  const SyntaxTree tree = parseSyntax(text, grammar, kPatience);
  if (!tree) return out;
  TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(tree.get()));
  bool done = false;
  for (int depth = 0; !done && out.size() < kMostEntries;) {
    const TSNode node = ts_tree_cursor_current_node(&cursor);
    bool goesIn = ts_node_is_named(node) && depth < kDeepest;
    if (ts_node_is_named(node)) {
      const std::string_view type = ts_node_type(node);
      if (isOneOf(type, kImports) || isRequire(node, text)) {
        out.push_back(entryOf(node, {}, OutlineEntry::Kind::import, text));
        goesIn = false;
      } else if (isOneOf(type, kDefinitions)) {
        const TSNode body = bodyOf(node);
        if (!ts_node_is_null(body) || type == "type_declaration") out.push_back(entryOf(node, body, OutlineEntry::Kind::signature, text));
      }
    }
    if (goesIn && ts_tree_cursor_goto_first_child(&cursor)) {
      ++depth;
      continue;
    }
    while (!ts_tree_cursor_goto_next_sibling(&cursor)) {
      if (!ts_tree_cursor_goto_parent(&cursor)) {
        done = true;
        break;
      }
      --depth;
    }
  }
  ts_tree_cursor_delete(&cursor);
  return out;
}

QString definitionAround(const std::vector<OutlineEntry>& outline, int line) {
  QString name;
  for (const OutlineEntry& entry : outline) {  // an inner one comes after the one around it
    if (entry.kind == OutlineEntry::Kind::signature && !entry.name.isEmpty() && entry.firstLine <= line && line <= entry.lastLine) name = entry.name;
  }
  return name;
}

QStringList outlineTexts(const QString& text, const std::vector<OutlineEntry>& outline, int firstLine, int lastLine) {
  QStringList texts;
  QSet<QString> known;
  for (const OutlineEntry& entry : outline) {
    const QString words = text.mid(entry.start, entry.length);
    if (entry.firstLine < firstLine || entry.firstLine + words.count(u'\n') > lastLine || words.isEmpty() || known.contains(words)) continue;
    known.insert(words);
    texts.append(words);
    if (texts.size() == kMostTexts) break;
  }
  return texts;
}

}  // namespace pio
