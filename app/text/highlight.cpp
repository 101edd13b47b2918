#include "app/text/highlight.h"

#include <time.h>
#include <tree_sitter/api.h>

#include <QThreadPool>
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "app/text/grammars.h"
#include "app/text/language.h"
#include "app/text/markup_colours.h"
#include "app/text/syntax_tree.h"

namespace pio {
namespace {

constexpr qsizetype kLongest = 200'000;  // longer code is read in an editor, not in an answer
constexpr uint32_t kMatchLimit = 1024;   // open matches of a query at a time; bounds what hostile code can ask for

const Grammar* grammarOf(const QString& name) {
  const auto all = grammars();
  const auto it = std::find_if(all.begin(), all.end(), [&name](const Grammar& grammar) { return name == QLatin1String(grammar.name); });
  return it == all.end() ? nullptr : &*it;
}

struct Deleter {
  void operator()(TSParser* parser) const { ts_parser_delete(parser); }
  void operator()(TSQuery* query) const { ts_query_delete(query); }
  void operator()(TSTree* tree) const { ts_tree_delete(tree); }
  void operator()(TSQueryCursor* cursor) const { ts_query_cursor_delete(cursor); }
};

struct Query {
  const TSLanguage* language = nullptr;
  std::unique_ptr<TSQuery, Deleter> query;
  std::vector<int> roles;  // of each capture: a CodeColour, or -1 for "none"
};

int roleOf(std::string_view capture) {
  if (capture == "keyword") return int(CodeColour::Keyword);
  if (capture == "string") return int(CodeColour::String);
  if (capture == "number") return int(CodeColour::Number);
  if (capture == "function" || capture == "type") return int(CodeColour::Function);
  if (capture == "comment") return int(CodeColour::Comment);
  return -1;
}

bool isWord(std::string_view token) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const size_t from = !token.empty() && (token[0] == '#' || token[0] == '@') ? 1 : 0;
  return token.size() > from && letter(token[from]) &&
         std::all_of(token.begin() + long(from), token.end(), [&](char c) { return letter(c) || c == '_'; });
}

// The grammar's own words are its keywords: a list by hand would miss the next one.
std::string keywordPattern(const TSLanguage* language) {
  std::string words;
  for (uint32_t i = 0; i < ts_language_symbol_count(language); ++i) {
    const char* name = ts_language_symbol_name(language, TSSymbol(i));
    if (ts_language_symbol_type(language, TSSymbol(i)) == TSSymbolTypeAnonymous && isWord(name)) words += std::string(" \"") + name + '"';
  }
  return words.empty() ? words : "[" + words + "] @keyword\n";
}

Query makeQuery(const Grammar& grammar) {
  Query out;
  out.language = grammar.language();
  const std::string text = keywordPattern(out.language) + grammar.query;
  uint32_t offset = 0;
  TSQueryError error = TSQueryErrorNone;
  out.query.reset(ts_query_new(out.language, text.data(), uint32_t(text.size()), &offset, &error));
  if (out.query == nullptr) {
    qWarning("resources/queries/%s.scm: expected patterns of this grammar, found \"%s\"", grammar.name, text.substr(offset, 40).c_str());
    return out;
  }
  for (uint32_t i = 0; i < ts_query_capture_count(out.query.get()); ++i) {
    uint32_t length = 0;
    const char* name = ts_query_capture_name_for_id(out.query.get(), i, &length);
    out.roles.push_back(roleOf({name, length}));
  }
  return out;
}

// Compiling a query costs many milliseconds and its result never changes: each is made once, by whichever thread comes first, and kept for
// the life of the program.
struct QueryPlace {
  std::once_flag once;
  Query query;
  std::atomic<bool> isMade = false, isAsked = false;
};

QueryPlace& placeOf(const Grammar& grammar) {
  static std::mutex mutex;  // of the table only: nobody waits for a query of another language
  static std::map<const Grammar*, QueryPlace> places;
  const std::scoped_lock lock(mutex);
  return places[&grammar];
}

const Query& queryOf(const Grammar& grammar) {
  QueryPlace& place = placeOf(grammar);
  std::call_once(place.once, [&] {
    place.query = makeQuery(grammar);
    place.isMade = true;
  });
  return place.query;
}

TSPoint advanced(TSPoint point, QStringView text) {
  for (const QChar c : text) {
    if (c == u'\n') point = {point.row + 1, 0};
    else point.column += 2;  // bytes of UTF-16
  }
  return point;
}

constexpr char kPlain = -1;

// Not the clock on the wall: while an answer is written the model has every core, and code would turn plain because of that.
double threadSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

}  // namespace

struct CodeColourer::Private {
  bool markup = false;
  const Query* query = nullptr;
  std::unique_ptr<TSParser, Deleter> parser;
  std::unique_ptr<TSTree, Deleter> tree;
  std::unique_ptr<TSQueryCursor, Deleter> cursor;
  QString text;
  TSPoint end = {0, 0};
  double patience = 0;  // 50,000 signs of Python take 0.04 s on a core of 2.4 GHz
  double deadline = 0;
  bool gaveUp = false;
  QByteArray roles;  // a CodeColour for every sign, or kPlain
  std::vector<ColourRun> runs;

  void collect() {
    runs.clear();
    for (qsizetype i = 0; i < roles.size();) {
      qsizetype to = i + 1;
      while (to < roles.size() && roles[to] == roles[i]) ++to;
      if (roles[i] != kPlain) runs.push_back({.start = i, .length = to - i, .colour = CodeColour(roles[i])});
      i = to;
    }
  }

  // A query walks up from every node to the root: quadratic in the depth, 3 s for 20,000 open brackets without the deadline.
  bool isLate() const { return threadSeconds() > deadline; }

  // Parses `code`; returns the sign from which on the tree differs from before, -1 when it takes too long.
  qsizetype parse(const QString& code) {
    qsizetype from = 0;
    if (tree && code.startsWith(text)) {
      from = text.size();
      const TSPoint newEnd = advanced(end, QStringView(code).mid(from));
      const TSInputEdit edit = {.start_byte = uint32_t(2 * from),
                                .old_end_byte = uint32_t(2 * from),
                                .new_end_byte = uint32_t(2 * code.size()),
                                .start_point = end,
                                .old_end_point = end,
                                .new_end_point = newEnd};
      ts_tree_edit(tree.get(), &edit);
      end = newEnd;
    } else {
      tree.reset();
      end = advanced({0, 0}, code);
    }
    text = code;
    const TSInput input = syntaxInput(text);
    const TSParseOptions options = {.payload = this,
                                    .progress_callback = [](TSParseState* state) { return static_cast<Private*>(state->payload)->isLate(); }};
    std::unique_ptr<TSTree, Deleter> parsed(ts_parser_parse_with_options(parser.get(), tree.get(), input, options));
    if (!parsed) {
      ts_parser_reset(parser.get());
      return -1;
    }
    if (tree) {
      uint32_t n = 0;
      TSRange* ranges = ts_tree_get_changed_ranges(tree.get(), parsed.get(), &n);
      for (uint32_t i = 0; i < n; ++i) from = std::min(from, qsizetype(ranges[i].start_byte / 2));
      std::free(ranges);
      // A word's colour follows from what stands behind it ("f" and then "f("): the whole line is looked at again.
      while (from > 0 && code[from - 1] != u'\n') --from;
    }
    tree = std::move(parsed);
    return from;
  }

  // False when it takes too long.
  bool paint(qsizetype from) {
    roles.resize(text.size());
    std::fill(roles.begin() + from, roles.end(), kPlain);
    struct Capture {
      qsizetype start, end;
      uint32_t pattern;
      int role;
    };
    std::vector<Capture> captures;
    ts_query_cursor_set_match_limit(cursor.get(), kMatchLimit);
    ts_query_cursor_set_byte_range(cursor.get(), uint32_t(2 * from), uint32_t(2 * text.size()));
    const TSQueryCursorOptions options = {
        .payload = this, .progress_callback = [](TSQueryCursorState* state) { return static_cast<Private*>(state->payload)->isLate(); }};
    ts_query_cursor_exec_with_options(cursor.get(), query->query.get(), ts_tree_root_node(tree.get()), &options);
    TSQueryMatch match;
    uint32_t index = 0;
    while (ts_query_cursor_next_capture(cursor.get(), &match, &index)) {
      const TSQueryCapture& capture = match.captures[index];
      captures.push_back({.start = qsizetype(ts_node_start_byte(capture.node) / 2),
                          .end = qsizetype(ts_node_end_byte(capture.node) / 2),
                          .pattern = match.pattern_index,
                          .role = query->roles[capture.index]});
    }
    if (isLate()) return false;
    // Inner nodes over outer ones, later patterns over earlier ones.
    std::stable_sort(captures.begin(), captures.end(), [](const Capture& a, const Capture& b) {
      if (a.start != b.start) return a.start < b.start;
      if (a.end != b.end) return a.end > b.end;
      return a.pattern < b.pattern;
    });
    for (const Capture& capture : captures) {
      const qsizetype start = std::max(capture.start, from);
      const qsizetype stop = std::min(capture.end, text.size());
      if (start < stop) std::fill(roles.begin() + start, roles.begin() + stop, char(capture.role));
    }
    return true;
  }
};

CodeColourer::CodeColourer(const QString& language, double patience) : d(std::make_unique<Private>()) {
  d->patience = patience;
  const QString name = languageNamed(language).colours;
  d->markup = name == u"html";
  if (d->markup) return;
  const Grammar* grammar = grammarOf(name);
  if (grammar == nullptr) return;
  const Query& query = queryOf(*grammar);
  if (query.query == nullptr) return;
  d->parser.reset(ts_parser_new());
  d->cursor.reset(ts_query_cursor_new());
  if (ts_parser_set_language(d->parser.get(), query.language)) d->query = &query;
}

CodeColourer::~CodeColourer() = default;
CodeColourer::CodeColourer(CodeColourer&&) noexcept = default;
CodeColourer& CodeColourer::operator=(CodeColourer&&) noexcept = default;

const std::vector<ColourRun>& CodeColourer::colours(const QString& code) {
  const bool plain = d->gaveUp || (d->query == nullptr && !d->markup) || code.size() > kLongest;
  if (plain) {
    d->runs.clear();
    return d->runs;
  }
  if (d->markup) {
    d->roles = markupColours(code);
  } else {
    if (d->tree && code == d->text) return d->runs;
    d->deadline = threadSeconds() + d->patience;
    const qsizetype from = d->parse(code);
    if (from < 0 || !d->paint(from)) {
      d->gaveUp = true;
      d->tree.reset();
      d->runs.clear();
      return d->runs;
    }
  }
  d->collect();
  return d->runs;
}

bool CodeColourer::isReady(const QString& language) {
  const Grammar* grammar = grammarOf(languageNamed(language).colours);
  if (grammar == nullptr) return true;  // none, or one without a query
  QueryPlace& place = placeOf(*grammar);
  if (!place.isMade && !place.isAsked.exchange(true)) QThreadPool::globalInstance()->start([grammar] { queryOf(*grammar); });
  return place.isMade;
}

QStringList CodeColourer::languages() {
  QStringList out;
  for (const Grammar& grammar : grammars()) out.push_back(QLatin1String(grammar.name));
  out.push_back(QStringLiteral("html"));
  return out;
}

bool CodeColourer::knows(const QString& language) { return languages().contains(languageNamed(language).colours); }

}  // namespace pio
