#include "models/glm_4_7_flash/chat_parser.h"

#include <algorithm>

#include "models/call_parser.h"
#include "models/chat_pieces.h"

namespace pio {

namespace {

constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>", kKey = "<arg_key>", kKeyEnd = "</arg_key>", kValue = "<arg_value>",
                           kValueEnd = "</arg_value>";

class GlmParser final : public CallParser {
 public:
  GlmParser(const RenderRequest& request, bool starts_in_reasoning)
      : CallParser({.openers = offers_tools(request) ? std::vector<std::string_view>{kCall} : std::vector<std::string_view>{},
                    .starts_in_reasoning = starts_in_reasoning,
                    .is_carried_on = request.begun && !(request.begun->content.empty() && request.begun->reasoning.empty())},
                   request) {}

 private:
  enum { at_opener, between, in_key, after_key, before_value, in_value };

  Read read(std::string_view held, Draft& draft, Ended ended) override {
    for (;;) {
      if (draft.state == between && stands(held, draft, kCallEnd) == Stands::yes) return Read::call;
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
      case at_opener: draft.at = kCall.size(); return then(take_tool(held, draft, ended), draft, between);
      case between: {
        const Stands found = then(stands(held, draft, kKey), draft, in_key);
        return found == Stands::no ? stands(held, draft, kCallEnd) : found;
      }
      case in_key: return then(take_words(held, draft, "\n", draft.key), draft, after_key);
      case after_key: {
        const Stands found = then(stands(held, draft, kKeyEnd), draft, before_value);
        const bool may_be_missing = found == Stands::no && is_offered(draft.call.name);
        return may_be_missing ? then(stands(held, draft, kValue), draft, in_value) : found;
      }
      case before_value: return then(stands(held, draft, kValue), draft, in_value);
      default: break;
    }
    std::string_view value;
    bool is_closed = false;
    const Stands found = then(take_value(held, draft, ended, kValueEnd, {kKey, kCallEnd}, value, is_closed), draft, between);
    if (found != Stands::yes) return found;
    if (!is_closed && value.ends_with('\n')) value.remove_suffix(1);  // it stands between two tags
    draft.call.arguments.set(draft.key, argument(draft.call.name, draft.key, value));
    return found;
  }

  // The tool's name; at the end of an answer without any tag behind it.
  Stands take_tool(std::string_view held, Draft& draft, Ended ended) const {
    const Stands found = take_words(held, draft, kNotInNames, draft.call.name);
    const std::string_view rest = stripped(held.substr(draft.at));
    if (found != Stands::more || ended != Ended::complete || !is_offered(rest)) return found;
    draft.call.name = rest;
    draft.at = draft.searched = held.size();
    return Stands::yes;
  }

  Tag tag_at(std::string_view held, std::size_t at, const Draft& draft) const override {
    const std::string_view rest = held.substr(at);
    if (rest.starts_with(kValueEnd)) return Tag::value_closer;
    if (rest.starts_with(kCallEnd)) return Tag::call_closer;
    Draft ahead;
    std::string words;
    if (rest.starts_with(kKey)) {
      ahead.at = kKey.size();
      Stands found = take_words(rest, ahead, "\n", words);
      if (found == Stands::yes && !may_begin_argument(held, at, draft, words)) found = Stands::no;
      if (found == Stands::yes) {
        found = stands(rest, ahead, kKeyEnd);
        if (found == Stands::no) found = stands(rest, ahead, kValue);
      }
      return found == Stands::yes ? Tag::argument : found == Stands::more ? Tag::undecided : Tag::none;
    }
    if (rest.starts_with(kCall)) {
      ahead.at = kCall.size();
      Stands found = take_words(rest, ahead, kNotInNames, words);
      if (found == Stands::yes && !is_offered(words)) found = Stands::no;
      if (found == Stands::yes) {
        found = stands(rest, ahead, kKey);
        if (found == Stands::no) found = stands(rest, ahead, kCallEnd);
      }
      return found == Stands::yes ? Tag::call : found == Stands::more ? Tag::undecided : Tag::none;
    }
    const auto may_become = [&](std::string_view tag) { return tag.starts_with(rest); };
    return std::any_of(std::begin(kTags), std::end(kTags), may_become) ? Tag::undecided : Tag::none;
  }
  static constexpr std::string_view kTags[] = {kCall, kCallEnd, kKey, kValueEnd};
  static constexpr std::string_view kNotInNames = " \t\r\n\"{";

  // The characters up to the next tag, without white space around them; none of them one of `never`.
  static Stands take_words(std::string_view held, Draft& draft, std::string_view never, std::string& words) {
    const std::size_t tag = held.find('<', std::max(draft.at, draft.searched));
    draft.searched = held.size();
    if (tag == std::string_view::npos) return Stands::more;
    words = stripped(held.substr(draft.at, tag - draft.at));
    if (words.empty() || words.find_first_of(never) != std::string::npos) return Stands::no;
    draft.at = draft.searched = tag;
    return Stands::yes;
  }
};

}  // namespace

bool glm_answer_starts_in_reasoning(const RenderRequest& request) {
  if (!request.add_generation_prompt || (request.begun && !request.begun->content.empty())) return false;
  if (request.begun && !request.begun->reasoning.empty()) return true;
  const JsonValue* thinking = member_of(&request.variables, "enable_thinking");
  return !thinking || thinking->truthy();
}

std::unique_ptr<ChatParser> glm_parser(const RenderRequest& request) {
  const bool starts_in_reasoning = glm_answer_starts_in_reasoning(request);
  if (!starts_in_reasoning && !offers_tools(request)) return plain_parser();
  return std::make_unique<GlmParser>(request, starts_in_reasoning);
}

}  // namespace pio
