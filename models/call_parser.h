#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/chat_format.h"

// What the parsers of answers share: text up to a tag, white space around calls, reasoning before the answer, and how an argument's text
// becomes a value. A family says how one call reads (CallParser::read).
//
// What comes out depends on the characters alone, never on where they were cut: whatever cannot be decided yet is held back.

namespace pio {

class CallParser : public ChatParser {
 public:
  struct Setup {
    std::vector<std::string_view> openers;  // what a call may begin with; none: no calls are looked for
    bool starts_in_reasoning = false;       // up to the first </think>
    bool is_carried_on = false;             // the answer was begun: its first white space belongs to it
  };

  std::vector<ChatEvent> push(std::string_view text) final;
  std::vector<ChatEvent> finish() final;

 protected:
  CallParser(Setup setup, const RenderRequest& request);

  // A call on its way: `held` begins with its opener, everything before `at` has been read.
  struct Draft {
    std::size_t at = 0;        // next character to be read
    std::size_t searched = 0;  // none of the tags that are looked for begins before here
    int state = 0;             // 0 at first; the family's own
    bool in_string = false, is_escaped = false;
    std::string key;
    ToolCall call;             // arguments: an object from the start
  };
  enum class Read { more, call, not_a_call };
  // Goes on reading from draft.at. `call`: draft.call is whole and ends at draft.at. `more` is asked for until the answer ends
  // (`at_end`); then it means a call that broke off.
  virtual Read read(std::string_view held, Draft& draft, bool at_end) = 0;

  // After white space: whether `word` stands there. Yes moves draft.at behind it; `more` where too little has come to say.
  enum class Stands { yes, no, more };
  static Stands stands(std::string_view held, Draft& draft, std::string_view word);
  // `found`; where it is yes, the draft's state is `next` from now on.
  static Stands then(Stands found, Draft& draft, int next) {
    if (found == Stands::yes) draft.state = next;
    return found;
  }
  // A name up to `end`, of one line and without '<'. Yes puts it into `name` and moves behind the end.
  static Stands take_name(std::string_view held, Draft& draft, char end, std::string& name);
  // A value up to the first `closer` after which, white space aside, one of `followers` comes: so that a value may hold the closing tag
  // itself. Yes puts it into `value` and moves behind the closer.
  static Stands take_value(std::string_view held, Draft& draft, std::string_view closer, std::initializer_list<std::string_view> followers,
                           std::string_view& value);

  // An argument's text as the tool's JSON schema wants it: a string verbatim, anything else as JSON (True, False and None too); what
  // does not parse stays a string, and so do the arguments of tools nobody offered unless they are JSON.
  JsonValue argument(const std::string& tool, const std::string& key, std::string_view text) const;

 private:
  enum class State { reasoning, text, call };

  void drain(bool at_end);
  bool drain_reasoning();  // whether there is more to look at
  bool drain_text();
  bool drain_call(bool at_end);
  void say(std::string_view text);
  void think(std::string_view text);
  void emit(ChatEvent::Kind kind, std::string text);

  std::vector<std::string_view> openers_;
  JsonValue tools_;
  State state_;
  std::string held_;
  Draft draft_;
  int n_calls_ = 0;
  // White space waits until it is known what follows: around reasoning and calls it is dropped, between two texts one stretch of it stays.
  std::string before_, after_;  // … before and after the last thing that was no text
  bool is_interrupted_ = false;  // something came that was no text, and no text since
  bool has_text_, has_reasoning_;
  std::vector<ChatEvent> events_;
};

// The parser of Hermes calls: {"name": …, "arguments": {…}} between <tool_call> and </tool_call>, as Qwen2.5, Qwen3 and Qwen3-VL write
// them; plain text where the request offers no tools.
std::unique_ptr<ChatParser> hermes_parser(const RenderRequest& request);
// Everything is text.
std::unique_ptr<ChatParser> plain_parser();
// Whether calls are to be looked for.
bool offers_tools(const RenderRequest& request);

}  // namespace pio
