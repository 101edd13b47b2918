#include "app/text/syntax_tree.h"

#include <time.h>

#include <algorithm>

#include "app/text/grammars.h"

namespace pio {
namespace {

double threadSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

const Grammar* grammarOf(const QString& name) {
  const auto all = grammars();
  const auto it = std::find_if(all.begin(), all.end(), [&name](const Grammar& grammar) { return name == QLatin1String(grammar.name); });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

bool hasGrammar(const QString& grammar) { return grammarOf(grammar) != nullptr; }

TSInput syntaxInput(const QString& text) {
  return {.payload = const_cast<QString*>(&text),
          .read =
              [](void* payload, uint32_t byte, TSPoint, uint32_t* size) {
                const auto& source = *static_cast<const QString*>(payload);
                const uint32_t total = uint32_t(2 * source.size());
                *size = byte < total ? total - byte : 0;
                return reinterpret_cast<const char*>(source.utf16()) + std::min(byte, total);
              },
          .encoding = TSInputEncodingUTF16LE,
          .decode = nullptr};
}

SyntaxTree parseSyntax(const QString& text, const QString& grammar, double seconds) {
  const Grammar* found = grammarOf(grammar);
  if (found == nullptr) return nullptr;
  struct Deleter {
    void operator()(TSParser* parser) const { ts_parser_delete(parser); }
  };
  const std::unique_ptr<TSParser, Deleter> parser(ts_parser_new());
  if (!ts_parser_set_language(parser.get(), found->language())) return nullptr;
  const TSInput input = syntaxInput(text);
  double deadline = threadSeconds() + seconds;
  const TSParseOptions options = {.payload = &deadline,
                                  .progress_callback = [](TSParseState* state) { return threadSeconds() > *static_cast<double*>(state->payload); }};
  return SyntaxTree(ts_parser_parse_with_options(parser.get(), nullptr, input, options));
}

}  // namespace pio
