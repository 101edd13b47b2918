#include "models/hermes_parser.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "models/call_parser.h"

namespace pio {

namespace {

constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>";
// What models call the tool and its arguments, the right name first.
constexpr std::string_view kNames[] = {"name", "function", "tool", "tool_name", "function_name"};
constexpr std::string_view kArguments[] = {"arguments", "parameters", "args", "input", "params", "kwargs", "tool_input"};
// Beside those no argument.
constexpr std::string_view kNoArguments[] = {"id", "type"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) { return std::find(words.begin(), words.end(), word) != words.end(); }

// An object, or one as JSON in a string (twice at times); an empty text and an empty list are objects of nothing.
std::optional<JsonValue> object_in(JsonValue value) {
  for (int i = 0; i < 2 && value.is_string(); ++i) {
    if (value.text().find_first_not_of(" \t\r\n") == std::string::npos) return JsonValue::object({});
    Result<JsonValue> inner = JsonValue::parse(value.text());
    if (!inner) return std::nullopt;
    value = std::move(*inner);
  }
  if (value.is_null() || (value.is_array() && value.items().empty())) return JsonValue::object({});
  return value.is_object() ? std::optional<JsonValue>(std::move(value)) : std::nullopt;
}

class HermesParser final : public CallParser {
 public:
  explicit HermesParser(const RenderRequest& request)
      : CallParser({.openers = {kCall}, .is_carried_on = request.begun && !request.begun->content.empty()}, request) {}

 private:
  enum { at_opener, in_json, behind };

  Read read(std::string_view held, Draft& draft, Ended ended) override {
    const Read found = read_on(held, draft, ended);
    // Calls that are whole stay calls whatever comes behind them.
    const bool ends_here = found == Read::not_a_call || (found == Read::more && ended != Ended::not_yet);
    if (!ends_here || draft.calls.empty() || !are_offered(draft)) return found;
    draft.at = draft.end_of_calls;
    return Read::call;
  }

  Read read_on(std::string_view held, Draft& draft, Ended ended) const {
    if (draft.state == at_opener) {
      draft.at = std::max(draft.at, kCall.size());
      stands(held, draft, "[");  // a list of calls
      const Stands brace = stands(held, draft, "{");
      if (brace != Stands::yes) return brace == Stands::more ? Read::more : Read::not_a_call;
      begin_object(draft);
    }
    for (;;) {
      if (draft.state == in_json) {
        const Read found = read_object(held, draft, ended);
        if (found != Read::call) return found;
      }
      const Read found = read_behind(held, draft);
      if (found != Read::call || draft.state == behind) return found;
    }
  }

  static void begin_object(Draft& draft) {
    draft.state = in_json;
    draft.json = "{";
    draft.open_brackets = "}";
    draft.in_string = draft.is_escaped = false;
  }

  // Up to the object's last bracket, or to a tag, or the answer's end, that shows that brackets are missing. `call`: it was one, and stands
  // among draft.calls.
  Read read_object(std::string_view held, Draft& draft, Ended ended) const {
    for (; draft.at < held.size() && !draft.open_brackets.empty(); ++draft.at) {
      const char c = held[draft.at];
      if (draft.in_string) {
        add_to_string(draft, c);
        continue;
      }
      if (c == '<') break;  // outside its strings JSON has none
      if (c == '{') draft.open_brackets += '}';
      if (c == '[') draft.open_brackets += ']';
      if (c == '}' || c == ']') {
        if (draft.open_brackets.back() != c) return Read::not_a_call;
        draft.open_brackets.pop_back();
      }
      draft.in_string = c == '"';
      draft.json += c;
    }
    const bool lacks_brackets = !draft.open_brackets.empty();
    if (lacks_brackets && draft.at == held.size()) {
      if (ended != Ended::complete || draft.in_string) return Read::more;
    } else if (lacks_brackets) {
      const Tag tag = tag_at(held, draft.at, draft);
      if (tag == Tag::undecided && ended == Ended::not_yet) return Read::more;
      if (tag != Tag::call && tag != Tag::call_closer) return Read::not_a_call;
    }
    draft.json.append(draft.open_brackets.rbegin(), draft.open_brackets.rend());
    if (!add_call(draft) || (lacks_brackets && !is_offered(draft.calls.back().name))) return Read::not_a_call;
    draft.state = behind;
    draft.end_of_calls = draft.at;
    return Read::call;
  }

  static void add_to_string(Draft& draft, char c) {
    if (!std::exchange(draft.is_escaped, false)) {
      draft.is_escaped = c == '\\';
      draft.in_string = c != '"';
    }
    // JSON wants line ends escaped. json_escaped leaves what is none as it is.
    if (static_cast<unsigned char>(c) < 0x20) draft.json += json_escaped(std::string_view(&c, 1));
    else draft.json += c;
  }

  // Behind a whole object: the closing tag, or of offered tools another object, brackets too many, the next call.
  Read read_behind(std::string_view held, Draft& draft) const {
    for (;;) {
      const Stands closer = stands(held, draft, kCallEnd);
      if (closer != Stands::no) return closer == Stands::yes ? Read::call : Read::more;
      if (!are_offered(draft)) return Read::not_a_call;
      if (stands(held, draft, "{") == Stands::yes) {
        begin_object(draft);
        return Read::call;
      }
      const bool is_too_much =
          stands(held, draft, ",") == Stands::yes || stands(held, draft, "]") == Stands::yes || stands(held, draft, "}") == Stands::yes;
      if (!is_too_much) return Read::not_a_call;
      draft.end_of_calls = draft.at;
    }
  }

  bool are_offered(const Draft& draft) const {
    return std::all_of(draft.calls.begin(), draft.calls.end(), [this](const ToolCall& call) { return is_offered(call.name); });
  }

  Tag tag_at(std::string_view held, std::size_t at, const Draft&) const override {
    const std::string_view rest = held.substr(at);
    if (rest.starts_with(kCallEnd)) return Tag::call_closer;
    if (rest.starts_with(kCall)) return Tag::call;
    return kCallEnd.starts_with(rest) || kCall.starts_with(rest) ? Tag::undecided : Tag::none;
  }

  // The call that draft.json says; false where it is none.
  bool add_call(Draft& draft) const {
    const Result<JsonValue> body = JsonValue::parse(draft.json);
    if (!body) return false;
    std::vector<const JsonValue*> holders;  // of name and arguments, the innermost first
    const JsonValue* function = body->find("function");
    if (function && function->is_object()) holders.push_back(function);
    holders.push_back(&*body);

    ToolCall call;
    for (const JsonValue* holder : holders) {
      for (const std::string_view key : kNames) {
        const JsonValue* name = holder->find(key);
        if (call.name.empty() && name && name->is_string()) call.name = name->text();
      }
    }
    if (call.name.empty()) return false;
    const ToolSchema schema(tools(), call.name);
    std::optional<JsonValue> arguments = arguments_in(holders, schema);
    if (!arguments) return false;
    call.arguments = JsonValue::object({});
    for (const auto& [key, value] : arguments->members()) call.arguments.set(key, schema.conformed(key, value));
    draft.calls.push_back(std::move(call));
    return true;
  }

  // Those under all names that arguments have; of one key under several the first. Nothing where what should be the arguments is no object.
  static std::optional<JsonValue> arguments_in(const std::vector<const JsonValue*>& holders, const ToolSchema& schema) {
    bool has_others = false;
    JsonValue named = JsonValue::object({});
    for (const JsonValue* holder : holders) {
      for (const std::string_view key : kArguments) {
        const JsonValue* value = holder->find(key);
        std::optional<JsonValue> arguments = value ? object_in(*value) : JsonValue::object({});
        if (!arguments && !schema.has_parameter(key)) has_others = true;
        if (!arguments) continue;
        for (const auto& [member, argument] : arguments->members()) {
          if (!named.find(member)) named.set(member, argument);
        }
      }
    }
    if (!named.members().empty()) return named;
    if (has_others) return std::nullopt;
    JsonValue beside = JsonValue::object({});  // the arguments stand where the name does
    for (const JsonValue* holder : holders) {
      for (const auto& [key, value] : holder->members()) {
        const bool is_parameter = schema.has_parameters() ? schema.has_parameter(key) : !is_one_of(key, kArguments);
        if (is_parameter && !is_one_of(key, kNames) && !is_one_of(key, kNoArguments)) beside.set(key, value);
      }
    }
    return beside;
  }
};

}  // namespace

std::unique_ptr<ChatParser> hermes_parser(const RenderRequest& request) {
  if (!offers_tools(request)) return plain_parser();
  return std::make_unique<HermesParser>(request);
}

}  // namespace pio
