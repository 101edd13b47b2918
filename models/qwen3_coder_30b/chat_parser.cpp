#include "models/qwen3_coder_30b/chat_parser.h"

#include "models/call_parser.h"

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

  Read read(std::string_view held, Draft& draft, bool at_end) override {
    for (;;) {
      if (draft.state == after_function) {  // with the closing tag or without
        const bool may_come = stands(held, draft, kCallEnd) == Stands::more;
        return may_come && !at_end ? Read::more : Read::call;
      }
      const Stands found = step(held, draft);
      if (found != Stands::yes) return found == Stands::more ? Read::more : Read::not_a_call;
    }
  }

  // From one part to the next; where that has not come yet the state stays.
  Stands step(std::string_view held, Draft& draft) {
    switch (draft.state) {
      case at_opener:
        if (held.starts_with(kCall)) draft.at = kCall.size();
        return then(stands(held, draft, kFunction), draft, in_name);
      case in_name: return then(take_name(held, draft, '>', draft.call.name), draft, between);
      case between: {
        const Stands found = then(stands(held, draft, kParameter), draft, in_key);
        return found == Stands::no ? then(stands(held, draft, kFunctionEnd), draft, after_function) : found;
      }
      case in_key: return then(take_name(held, draft, '>', draft.key), draft, in_value);
      default: break;
    }
    std::string_view value;
    const Stands found = then(take_value(held, draft, kParameterEnd, {kParameter, kFunctionEnd}, value), draft, between);
    if (found != Stands::yes) return found;
    // The template puts one newline on either side.
    if (value.starts_with('\n')) value.remove_prefix(1);
    if (value.ends_with('\n')) value.remove_suffix(1);
    draft.call.arguments.set(draft.key, argument(draft.call.name, draft.key, value));
    return found;
  }
};

}  // namespace

std::unique_ptr<ChatParser> qwen3_coder_parser(const RenderRequest& request) {
  if (!offers_tools(request)) return plain_parser();
  return std::make_unique<Qwen3CoderParser>(request);
}

}  // namespace pio
