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

// Whether `text` is the beginning of `tag`, but not all of it.
bool begins(std::string_view text, std::string_view tag) { return text.size() < tag.size() && tag.starts_with(text); }

// Of a value that begins at `begin`.
bool is_line_start(std::string_view text, std::size_t begin, std::size_t at) {
  const std::string_view before = text.substr(begin, at - begin);
  const std::size_t last = before.find_last_not_of(" \t");
  return last == std::string_view::npos || before[last] == '\n';
}

std::size_t spaces_at_begin(std::string_view text) { return std::min(text.find_first_not_of(kSpaces), text.size()); }

class PlainParser final : public ChatParser {
 public:
  std::vector<ChatEvent> push(std::string_view text) override {
    if (text.empty()) return {};
    return {{.kind = ChatEvent::Kind::text, .text = std::string(text), .call = {}}};
  }
  std::vector<ChatEvent> finish(AnswerEnd) override { return {}; }
};

}  // namespace

bool offers_tools(const RenderRequest& request) { return request.tools.truthy(); }

std::unique_ptr<ChatParser> plain_parser() { return std::make_unique<PlainParser>(); }

CallParser::CallParser(Setup setup, const RenderRequest& request)
    : openers_(std::move(setup.openers)),
      tools_(request.tools),
      state_(setup.starts_in_reasoning ? State::reasoning : State::text),
      has_text_(setup.is_carried_on && !setup.starts_in_reasoning),
      has_reasoning_(setup.is_carried_on && setup.starts_in_reasoning) {}

std::vector<ChatEvent> CallParser::push(std::string_view text) {
  held_ += text;
  drain(Ended::not_yet);
  return std::exchange(events_, {});
}

std::vector<ChatEvent> CallParser::finish(AnswerEnd end) {
  drain(end == AnswerEnd::complete ? Ended::complete : Ended::cut_off);
  if (state_ == State::reasoning) {
    think(held_);
  } else {
    say(held_);
    if (!is_interrupted_) emit(ChatEvent::Kind::text, std::exchange(before_, {}));
  }
  held_.clear();
  return std::exchange(events_, {});
}

void CallParser::drain(Ended ended) {
  bool has_more = true;
  while (has_more) {
    switch (state_) {
      case State::reasoning: has_more = drain_reasoning(); break;
      case State::text: has_more = drain_text(); break;
      case State::call: has_more = drain_call(ended); break;
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

bool CallParser::drain_call(Ended ended) {
  switch (read(held_, draft_, ended)) {
    case Read::more: return false;
    case Read::call:
      if (draft_.calls.empty()) draft_.calls.push_back(std::move(draft_.call));
      for (ToolCall& call : draft_.calls) {
        call.id = "call_" + std::to_string(n_calls_++);
        events_.push_back({.kind = ChatEvent::Kind::tool_call, .text = {}, .call = std::move(call)});
      }
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

bool CallParser::may_begin_argument(std::string_view held, std::size_t at, const Draft& draft, std::string_view key) const {
  const ToolSchema schema(tools_, draft.call.name);
  if (!schema.is_offered() || key == draft.key || draft.call.arguments.find(key)) return false;
  return schema.has_parameter(key) || !schema.has_parameters() || is_line_start(held, draft.at, at);
}

CallParser::Stands CallParser::take_value(std::string_view held, Draft& draft, Ended ended, std::string_view closer,
                                          std::initializer_list<std::string_view> followers, std::string_view& value, bool& is_closed) const {
  const bool may_lack_tags = is_offered(draft.call.name);
  const auto end_at = [&](std::size_t end, std::size_t next) {
    value = held.substr(draft.at, end - draft.at);
    is_closed = next > end;
    draft.at = draft.searched = next;
    draft.used_fallback = end == draft.fallback.end;
    draft.fallback = {};
    return Stands::yes;
  };
  // Behind a tag of a tool's call that may lack others: what shows that it was the last one of its value or call.
  const auto ends_behind = [&](std::size_t at) {
    at = std::min(held.find_first_not_of(kSpaces, at), held.size());
    if (at == held.size()) return ended == Ended::not_yet ? Stands::more : Stands::yes;
    switch (held[at] == '<' ? tag_at(held, at, draft) : Tag::none) {
      case Tag::call_closer:
      case Tag::call: return Stands::yes;
      case Tag::undecided: return Stands::more;
      default: return Stands::no;
    }
  };
  for (;;) {
    const std::size_t at = held.find('<', std::max(draft.at, draft.searched));
    draft.searched = std::min(at, held.size());
    if (at == std::string_view::npos) break;
    const bool is_closer = held.substr(at).starts_with(closer);
    const Tag tag = is_closer                         ? Tag::value_closer
                    : may_lack_tags                   ? tag_at(held, at, draft)
                    : begins(held.substr(at), closer) ? Tag::undecided
                                                      : Tag::none;
    if (tag == Tag::undecided) {
      if (ended == Ended::not_yet) return Stands::more;
    } else if (tag == Tag::argument) {
      return end_at(at, at);
    } else if (tag == Tag::call) {
      if (draft.fallback.end != std::string_view::npos) return end_at(draft.fallback.end, draft.fallback.next);
      if (is_line_start(held, draft.at, at)) return end_at(at, at);
    } else if (is_closer || tag == Tag::call_closer) {
      const std::size_t next = is_closer ? at + closer.size() : at;
      Stands found = Stands::no;
      for (const std::string_view follower : followers) {
        if (!is_closer || found != Stands::no) break;
        Draft ahead;
        ahead.at = next;
        found = stands(held, ahead, follower);
      }
      if (may_lack_tags && found != Stands::yes) found = ends_behind(is_closer ? next : held.find('>', at) + 1);
      if (found == Stands::yes) return end_at(at, next);
      if (found == Stands::more && ended == Ended::not_yet) return Stands::more;
      if (draft.fallback.end == std::string_view::npos) draft.fallback = {at, next};
    }
    draft.searched = at + 1;
  }
  if (ended != Ended::complete || !may_lack_tags) return Stands::more;
  if (draft.fallback.end != std::string_view::npos) return end_at(draft.fallback.end, draft.fallback.next);
  value = held.substr(draft.at);
  value.remove_suffix(begun(value, closer));
  is_closed = false;
  draft.at = draft.searched = held.size();
  return Stands::yes;
}

CallParser::Stands CallParser::ends_unclosed(std::string_view held, const Draft& draft, Ended ended) const {
  if (!is_offered(draft.call.name)) return Stands::no;
  const std::size_t at = std::min(held.find_first_not_of(kSpaces, draft.at), held.size());
  if (at == held.size()) return ended == Ended::complete ? Stands::yes : Stands::more;
  const Tag tag = held[at] == '<' ? tag_at(held, at, draft) : Tag::none;
  if (tag == Tag::undecided && ended == Ended::not_yet) return Stands::more;
  return tag == Tag::call || draft.used_fallback ? Stands::yes : Stands::no;
}

}  // namespace pio
