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

  Read read(std::string_view held, Draft& draft, bool) override {
    for (;;) {
      if (draft.state == between && stands(held, draft, kCallEnd) == Stands::yes) return Read::call;
      const Stands found = step(held, draft);
      if (found != Stands::yes) return found == Stands::more ? Read::more : Read::not_a_call;
    }
  }

  // From one part to the next; where that has not come yet the state stays.
  Stands step(std::string_view held, Draft& draft) {
    switch (draft.state) {
      case at_opener:
        draft.at = kCall.size();
        return then(take_words(held, draft, " \t\r\n\"{", draft.call.name), draft, between);
      case between: {
        const Stands found = then(stands(held, draft, kKey), draft, in_key);
        return found == Stands::no ? stands(held, draft, kCallEnd) : found;
      }
      case in_key: return then(take_words(held, draft, "\n", draft.key), draft, after_key);
      case after_key: return then(stands(held, draft, kKeyEnd), draft, before_value);
      case before_value: return then(stands(held, draft, kValue), draft, in_value);
      default: break;
    }
    std::string_view value;
    const Stands found = then(take_value(held, draft, kValueEnd, {kKey, kCallEnd}, value), draft, between);
    if (found == Stands::yes) draft.call.arguments.set(draft.key, argument(draft.call.name, draft.key, value));
    return found;
  }

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
  const JsonValue* thinking = member(&request.variables, "enable_thinking");
  return !thinking || thinking->truthy();
}

std::unique_ptr<ChatParser> glm_parser(const RenderRequest& request) {
  const bool starts_in_reasoning = glm_answer_starts_in_reasoning(request);
  if (!starts_in_reasoning && !offers_tools(request)) return plain_parser();
  return std::make_unique<GlmParser>(request, starts_in_reasoning);
}

}  // namespace pio
