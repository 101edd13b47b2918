#include "models/call_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pio {

namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kEndOfReasoning = "</think>";

// Length of the longest end of `text` that begins `tag` without being all of it.
std::size_t begun(std::string_view text, std::string_view tag) {
  for (std::size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
    if (text.ends_with(tag.substr(0, n))) return n;
  }
  return 0;
}

std::size_t spaces_at_end(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpaces);
  return last == std::string_view::npos ? text.size() : text.size() - last - 1;
}

std::size_t spaces_at_begin(std::string_view text) { return std::min(text.find_first_not_of(kSpaces), text.size()); }

const JsonValue* member_of(const JsonValue* value, std::string_view key) { return value && value->is_object() ? value->find(key) : nullptr; }

// The names of the types that a schema allows: of `type`, and of what anyOf or oneOf offer.
void add_types(const JsonValue* schema, std::vector<std::string>& types) {
  if (const JsonValue* type = member_of(schema, "type")) {
    if (type->is_string()) types.push_back(type->text());
    for (const JsonValue& one : type->items()) {
      if (one.is_string()) types.push_back(one.text());
    }
  }
  for (const char* key : {"anyOf", "oneOf"}) {
    if (const JsonValue* choices = member_of(schema, key)) {
      for (const JsonValue& choice : choices->items()) {
        if (const JsonValue* type = member_of(&choice, "type"); type && type->is_string()) types.push_back(type->text());
      }
    }
  }
}

bool is_of_type(const JsonValue& value, std::string_view type) {
  switch (value.kind()) {
    case JsonValue::Kind::null: return type == "null";
    case JsonValue::Kind::boolean: return type == "boolean";
    case JsonValue::Kind::number: return type == "number" || type == "integer";
    case JsonValue::Kind::string: return type == "string";
    case JsonValue::Kind::array: return type == "array";
    case JsonValue::Kind::object: return type == "object";
  }
  return false;
}

std::optional<JsonValue> parsed(std::string_view text) {
  if (text == "True") return JsonValue::boolean(true);  // Qwen3-Coder's own template prints arguments as Python does
  if (text == "False") return JsonValue::boolean(false);
  if (text == "None") return JsonValue();
  Result<JsonValue> value = JsonValue::parse(text);
  return value ? std::optional<JsonValue>(std::move(*value)) : std::nullopt;
}

class PlainParser final : public ChatParser {
 public:
  std::vector<ChatEvent> push(std::string_view text) override {
    if (text.empty()) return {};
    return {{.kind = ChatEvent::Kind::text, .text = std::string(text), .call = {}}};
  }
  std::vector<ChatEvent> finish() override { return {}; }
};

class HermesParser final : public CallParser {
 public:
  explicit HermesParser(const RenderRequest& request)
      : CallParser({.openers = {kOpener}, .is_carried_on = request.begun && !request.begun->content.empty()}, request) {}

 private:
  static constexpr std::string_view kOpener = "<tool_call>", kCloser = "</tool_call>";
  enum { at_opener, in_json };

  Read read(std::string_view held, Draft& draft, bool) override {
    if (draft.state == at_opener) {
      draft.at = kOpener.size();
      const Stands brace = stands(held, draft, "{");
      if (brace != Stands::yes) return brace == Stands::more ? Read::more : Read::not_a_call;
      draft.state = in_json;
    }
    // Outside its strings JSON has no '<': the first one there is the closing tag or no call.
    for (; draft.at < held.size(); ++draft.at) {
      const char c = held[draft.at];
      if (std::exchange(draft.is_escaped, false)) continue;
      if (c == '"') draft.in_string = !draft.in_string;
      else if (c == '\\') draft.is_escaped = draft.in_string;
      else if (c == '<' && !draft.in_string) return close(held, draft);
    }
    return Read::more;
  }

  static Read close(std::string_view held, Draft& draft) {
    const std::size_t end = draft.at;
    switch (stands(held, draft, kCloser)) {
      case Stands::more: return Read::more;
      case Stands::no: return Read::not_a_call;
      case Stands::yes: break;
    }
    const Result<JsonValue> body = JsonValue::parse(held.substr(kOpener.size(), end - kOpener.size()));
    if (!body || !body->is_object()) return Read::not_a_call;
    const JsonValue *name = body->find("name"), *arguments = body->find("arguments");
    if (!name || !name->is_string() || name->text().empty()) return Read::not_a_call;
    draft.call.name = name->text();
    if (!arguments) return Read::call;
    draft.call.arguments = *arguments;
    if (arguments->is_string()) {  // as OpenAI's interface has them
      Result<JsonValue> inner = JsonValue::parse(arguments->text());
      if (inner) draft.call.arguments = std::move(*inner);
    }
    return draft.call.arguments.is_object() ? Read::call : Read::not_a_call;
  }
};

}  // namespace

bool offers_tools(const RenderRequest& request) { return request.tools.truthy(); }

std::unique_ptr<ChatParser> plain_parser() { return std::make_unique<PlainParser>(); }

std::unique_ptr<ChatParser> hermes_parser(const RenderRequest& request) {
  if (!offers_tools(request)) return plain_parser();
  return std::make_unique<HermesParser>(request);
}

CallParser::CallParser(Setup setup, const RenderRequest& request)
    : openers_(std::move(setup.openers)),
      tools_(request.tools),
      state_(setup.starts_in_reasoning ? State::reasoning : State::text),
      has_text_(setup.is_carried_on && !setup.starts_in_reasoning),
      has_reasoning_(setup.is_carried_on && setup.starts_in_reasoning) {}

std::vector<ChatEvent> CallParser::push(std::string_view text) {
  held_ += text;
  drain(false);
  return std::exchange(events_, {});
}

std::vector<ChatEvent> CallParser::finish() {
  drain(true);
  if (state_ == State::reasoning) {
    think(held_);
  } else {
    say(held_);
    if (!is_interrupted_) emit(ChatEvent::Kind::text, std::exchange(before_, {}));
  }
  held_.clear();
  return std::exchange(events_, {});
}

void CallParser::drain(bool at_end) {
  bool has_more = true;
  while (has_more) {
    switch (state_) {
      case State::reasoning: has_more = drain_reasoning(); break;
      case State::text: has_more = drain_text(); break;
      case State::call: has_more = drain_call(at_end); break;
    }
  }
}

bool CallParser::drain_reasoning() {
  const std::size_t end = held_.find(kEndOfReasoning);
  const std::size_t n = end != std::string::npos ? end : held_.size() - begun(held_, kEndOfReasoning);
  think(std::string_view(held_).substr(0, n));
  if (end == std::string::npos) {
    held_.erase(0, n);
    return false;
  }
  held_.erase(0, end + kEndOfReasoning.size());
  before_.clear();
  state_ = State::text;
  is_interrupted_ = true;
  return true;
}

bool CallParser::drain_text() {
  std::size_t opener = std::string::npos, kept = 0;
  for (const std::string_view tag : openers_) {
    opener = std::min(opener, held_.find(tag));
    kept = std::max(kept, begun(held_, tag));
  }
  const bool found = opener != std::string::npos;
  const std::size_t n = found ? opener : held_.size() - kept;
  say(std::string_view(held_).substr(0, n));
  held_.erase(0, n);
  if (!found) return false;
  state_ = State::call;
  draft_ = Draft();
  draft_.call.arguments = JsonValue::object({});
  return true;
}

bool CallParser::drain_call(bool at_end) {
  switch (read(held_, draft_, at_end)) {
    case Read::more: return false;
    case Read::call:
      draft_.call.id = "call_" + std::to_string(n_calls_++);
      events_.push_back({.kind = ChatEvent::Kind::tool_call, .text = {}, .call = std::move(draft_.call)});
      held_.erase(0, draft_.at);
      is_interrupted_ = true;
      break;
    case Read::not_a_call: {
      // The opener is text, and what follows it is looked at again.
      const auto stands_here = [&](std::string_view tag) { return held_.starts_with(tag); };
      const std::size_t n = std::find_if(openers_.begin(), openers_.end(), stands_here)->size();
      say(std::string_view(held_).substr(0, n));
      held_.erase(0, n);
      break;
    }
  }
  state_ = State::text;
  return !held_.empty();
}

void CallParser::say(std::string_view text) {
  std::string& space = is_interrupted_ ? after_ : before_;
  const std::size_t lead = spaces_at_begin(text);
  space += text.substr(0, lead);
  text.remove_prefix(lead);
  if (text.empty()) return;
  const std::size_t tail = spaces_at_end(text);
  std::string said;
  if (has_text_ || !is_interrupted_) said = before_.empty() ? after_ : before_;
  said += text.substr(0, text.size() - tail);
  before_ = text.substr(text.size() - tail);
  after_.clear();
  has_text_ = true;
  is_interrupted_ = false;
  emit(ChatEvent::Kind::text, std::move(said));
}

void CallParser::think(std::string_view text) {
  const std::size_t lead = spaces_at_begin(text);
  before_ += text.substr(0, lead);
  text.remove_prefix(lead);
  if (text.empty()) return;
  const std::size_t tail = spaces_at_end(text);
  std::string thought = has_reasoning_ ? before_ : std::string();
  thought += text.substr(0, text.size() - tail);
  before_ = text.substr(text.size() - tail);
  has_reasoning_ = true;
  emit(ChatEvent::Kind::reasoning, std::move(thought));
}

void CallParser::emit(ChatEvent::Kind kind, std::string text) {
  if (!text.empty()) events_.push_back({.kind = kind, .text = std::move(text), .call = {}});
}

CallParser::Stands CallParser::stands(std::string_view held, Draft& draft, std::string_view word) {
  const std::size_t at = std::min(held.find_first_not_of(kSpaces, draft.at), held.size());
  const std::string_view rest = held.substr(at);
  if (rest.starts_with(word)) {
    draft.at = draft.searched = at + word.size();
    return Stands::yes;
  }
  return word.starts_with(rest) ? Stands::more : Stands::no;
}

CallParser::Stands CallParser::take_name(std::string_view held, Draft& draft, char end, std::string& name) {
  const char stops[] = {end, '<', '\n'};
  const std::size_t at = held.find_first_of(std::string_view(stops, 3), std::max(draft.at, draft.searched));
  draft.searched = held.size();
  if (at == std::string_view::npos) return Stands::more;
  if (held[at] != end || at == draft.at) return Stands::no;
  name = held.substr(draft.at, at - draft.at);
  draft.at = draft.searched = at + 1;
  return Stands::yes;
}

CallParser::Stands CallParser::take_value(std::string_view held, Draft& draft, std::string_view closer,
                                          std::initializer_list<std::string_view> followers, std::string_view& value) {
  for (;;) {
    const std::size_t at = held.find(closer, std::max(draft.at, draft.searched));
    if (at == std::string_view::npos) {
      draft.searched = std::max(draft.at, held.size() - std::min(held.size(), closer.size() - 1));
      return Stands::more;
    }
    draft.searched = at;
    for (const std::string_view follower : followers) {
      Draft ahead;
      ahead.at = at + closer.size();
      const Stands found = stands(held, ahead, follower);
      if (found == Stands::more) return Stands::more;
      if (found == Stands::no) continue;
      value = held.substr(draft.at, at - draft.at);
      draft.at = draft.searched = at + closer.size();
      return Stands::yes;
    }
    draft.searched = at + 1;
  }
}

JsonValue CallParser::argument(const std::string& tool, const std::string& key, std::string_view text) const {
  std::vector<std::string> types;
  for (const JsonValue& offered : tools_.items()) {
    const JsonValue* function = member_of(&offered, "function");
    if (!function) function = &offered;
    const JsonValue* name = member_of(function, "name");
    if (!name || !name->is_string() || name->text() != tool) continue;
    add_types(member_of(member_of(member_of(function, "parameters"), "properties"), key), types);
  }
  std::optional<JsonValue> value = parsed(text);
  const auto is_allowed = [&](const std::string& type) { return is_of_type(*value, type); };
  const bool takes_strings = std::find(types.begin(), types.end(), "string") != types.end();
  if (!value || value->is_string()) {
    // "x" in quotes is the string x only where no text was asked for
    return value && !takes_strings && types.empty() ? std::move(*value) : JsonValue::string(std::string(text));
  }
  if (types.empty() || std::any_of(types.begin(), types.end(), is_allowed) || !takes_strings) return std::move(*value);
  return JsonValue::string(std::string(text));
}

}  // namespace pio
