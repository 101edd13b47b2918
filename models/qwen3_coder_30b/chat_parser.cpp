#include "models/qwen3_coder_30b/chat_parser.h"

#include <algorithm>

#include "models/call_parser.h"
#include "models/chat_pieces.h"

namespace pio {

namespace {

constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>", kFunction = "<function=", kFunctionEnd = "</function>",
                           kParameter = "<parameter=", kParameterEnd = "</parameter>";

class Qwen3CoderParser final : public CallParser {
 public:
  explicit Qwen3CoderParser(const RenderRequest& request)
      : CallParser({.openers = {kCall, kFunction}, .is_carried_on = request.begun && !request.begun->content.empty()}, request) {}

 private:
  enum { at_opener, in_name, between, in_key, in_value, after_function };

  Read read(std::string_view held, Draft& draft, Ended ended) override {
    for (;;) {
      if (draft.state == after_function) {  // with the closing tag or without
        const bool may_come = stands(held, draft, kCallEnd) == Stands::more;
        return may_come && ended == Ended::not_yet ? Read::more : Read::call;
      }
      Stands found = step(held, draft, ended);
      if (draft.state == between && found != Stands::yes) {
        const Stands unclosed = ends_unclosed(held, draft, ended);
        if (unclosed == Stands::yes) return Read::call;
        if (unclosed == Stands::more) found = Stands::more;
      }
      if (found != Stands::yes) return found == Stands::more ? Read::more : Read::not_a_call;
    }
  }

  // From one part to the next; where that has not come yet the state stays.
  Stands step(std::string_view held, Draft& draft, Ended ended) {
    switch (draft.state) {
      case at_opener:
        if (held.starts_with(kCall)) draft.at = kCall.size();
        return then(stands(held, draft, kFunction), draft, in_name);
      case in_name: return then(take_plain_name(held, draft, draft.call.name), draft, between);
      case between: {
        Stands found = then(stands(held, draft, kParameter), draft, in_key);
        if (found == Stands::no) found = then(stands(held, draft, kFunctionEnd), draft, after_function);
        if (found == Stands::no && is_offered(draft.call.name)) found = then(stands(held, draft, kCallEnd), draft, after_function);
        return found;
      }
      case in_key: return then(take_plain_name(held, draft, draft.key), draft, in_value);
      default: break;
    }
    std::string_view value;
    bool is_closed = false;
    const Stands found = then(take_value(held, draft, ended, kParameterEnd, {kParameter, kFunctionEnd}, value, is_closed), draft, between);
    if (found != Stands::yes) return found;
    // The template puts one newline on either side.
    if (value.starts_with('\n')) value.remove_prefix(1);
    if (value.ends_with('\n')) value.remove_suffix(1);
    draft.call.arguments.set(draft.key, argument(draft.call.name, draft.key, value));
    return found;
  }

  // A name up to its '>', without white space and without the quotes that belong to an attribute.
  static Stands take_plain_name(std::string_view held, Draft& draft, std::string& name) {
    const Stands found = take_name(held, draft, '>', name);
    if (found != Stands::yes) return found;
    std::string_view plain = stripped(name);
    if (plain.size() >= 2 && plain.front() == plain.back() && (plain.front() == '"' || plain.front() == '\'')) {
      plain = stripped(plain.substr(1, plain.size() - 2));
    }
    name = std::string(plain);
    return name.empty() ? Stands::no : Stands::yes;
  }

  Tag tag_at(std::string_view held, std::size_t at, const Draft& draft) const override {
    const std::string_view rest = held.substr(at);
    if (rest.starts_with(kParameterEnd)) return Tag::value_closer;
    if (rest.starts_with(kFunctionEnd) || rest.starts_with(kCallEnd)) return Tag::call_closer;
    Draft ahead;
    std::string name;
    Stands found = stands(rest, ahead, kParameter);
    if (found == Stands::yes) {
      found = take_plain_name(rest, ahead, name);
      if (found == Stands::yes && !may_begin_argument(held, at, draft, name)) found = Stands::no;
      return found == Stands::yes ? Tag::argument : found == Stands::more ? Tag::undecided : Tag::none;
    }
    if (rest.starts_with(kCall)) ahead.at = kCall.size();
    found = stands(rest, ahead, kFunction);
    if (found == Stands::yes) {
      found = take_plain_name(rest, ahead, name);
      if (found == Stands::yes && !is_offered(name)) found = Stands::no;
      if (found == Stands::yes) return Tag::call;
    }
    const auto may_become = [&](std::string_view tag) { return tag.starts_with(rest); };
    const bool is_begun = std::any_of(std::begin(kTags), std::end(kTags), may_become);
    return found == Stands::more || is_begun ? Tag::undecided : Tag::none;
  }
  static constexpr std::string_view kTags[] = {kCall, kCallEnd, kFunction, kFunctionEnd, kParameter, kParameterEnd};
};

}  // namespace

std::unique_ptr<ChatParser> qwen3_coder_parser(const RenderRequest& request) {
  if (!offers_tools(request)) return plain_parser();
  return std::make_unique<Qwen3CoderParser>(request);
}

}  // namespace pio
