#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/chat_format.h"
#include "models/tool_schema.h"

// What the parsers of answers share: text up to a tag, white space around calls, reasoning before the answer, and where an argument's text
// ends when its closing tag is missing. A family says how one call reads (CallParser::read).
//
// What comes out depends on the characters alone, never on where they were cut: whatever cannot be decided yet is held back.
//
// Models forget closing tags. A call of an offered tool is one without them too: arguments do not nest, so a value ends where the next tag
// begins that can stand behind it. Calls of tools that nobody offered have to be spelled out. An answer that was cut off has only the calls
// that were closed: what is missing might have been more arguments.

namespace pio {

class CallParser : public ChatParser {
 public:
  struct Setup {
    std::vector<std::string_view> openers;  // what a call may begin with; none: no calls are looked for
    bool starts_in_reasoning = false;       // up to the first </think>
    bool is_carried_on = false;             // the answer was begun: its first white space belongs to it
  };

  std::vector<ChatEvent> push(std::string_view text) final;
  std::vector<ChatEvent> finish(AnswerEnd end = AnswerEnd::complete) final;

 protected:
  CallParser(Setup setup, const RenderRequest& request);

  // What is known of the answer's end.
  enum class Ended { not_yet, complete, cut_off };

  // A call on its way: `held` begins with its opener, everything before `at` has been read.
  struct Draft {
    std::size_t at = 0;        // next character to be read
    std::size_t searched = 0;  // none of the tags that are looked for begins before here
    int state = 0;             // 0 at first; the family's own
    std::string key;
    ToolCall call;                 // arguments: an object from the start
    std::vector<ToolCall> calls;   // whole ones, where one pair of tags may hold several
    std::size_t end_of_calls = 0;  // … and where the last of them ends
    // JSON
    bool in_string = false, is_escaped = false;
    std::string open_brackets;  // what closes those that are open: "}]"
    std::string json;           // of the object so far
    // The first tag that may have ended the value if no better one comes; npos: none. The value ends at `end`, reading goes on at `next`.
    struct Fallback {
      std::size_t end = std::string_view::npos, next = 0;
    } fallback;
    bool used_fallback = false;
  };
  enum class Read { more, call, not_a_call };
  // Goes on reading from draft.at. `call`: draft.call is whole (or draft.calls are, where there are any) and ends at draft.at. `more` is asked
  // for until the answer has ended; then it means a call that broke off.
  virtual Read read(std::string_view held, Draft& draft, Ended ended) = 0;

  // What may stand within or behind a value.
  enum class Tag {
    none,          // text
    undecided,     // too little has come to say
    value_closer,  // </parameter>
    call_closer,   // </function>, </tool_call>
    argument,      // the beginning of another argument
    call,          // the beginning of another call
  };
  // The tag that `held` has at `at`, where a '<' stands. `argument` and `call` only where may_begin_argument and is_offered say so.
  virtual Tag tag_at(std::string_view held, std::size_t at, const Draft& draft) const = 0;
  bool is_offered(std::string_view tool) const { return ToolSchema(tools_, tool).is_offered(); }
  // Whether an argument of this name may begin behind one without a closing tag: the tool has it, and it has not been given yet. Of other
  // names only at the beginning of a line; of all names where the tool does not name its parameters.
  bool may_begin_argument(std::string_view held, std::size_t at, const Draft& draft, std::string_view key) const;

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
  // A value up to `closer`, its closing tag; `followers` come behind a closer (white space aside) that is one for certain, so that a value
  // may hold the closing tag itself. Of an offered tool the value also ends at a tag that shows that the closer is missing: the next argument,
  // a closer of the call with another tag or the answer's end behind it, the next call. Yes puts it into `value`, as it stands, and moves
  // behind the closer or to the tag; `is_closed` says which.
  Stands take_value(std::string_view held, Draft& draft, Ended ended, std::string_view closer, std::initializer_list<std::string_view> followers,
                    std::string_view& value, bool& is_closed) const;
  // Whether a call of an offered tool, of which an argument may have been read, ends at draft.at without its closing tag: at the next call, at
  // the answer's end, or at anything where its last value ended at a tag that was a guess.
  Stands ends_unclosed(std::string_view held, const Draft& draft, Ended ended) const;

  // The text of an argument as the tool's schema wants it.
  JsonValue argument(const std::string& tool, const std::string& key, std::string_view text) const {
    return ToolSchema(tools_, tool).value_of(key, text);
  }
  const JsonValue& tools() const { return tools_; }

 private:
  enum class State { reasoning, text, call };

  void drain(Ended ended);
  bool drain_reasoning();  // whether there is more to look at
  bool drain_text();
  bool drain_call(Ended ended);
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
  std::string before_, after_;   // … before and after the last thing that was no text
  bool is_interrupted_ = false;  // something came that was no text, and no text since
  bool has_text_, has_reasoning_;
  std::vector<ChatEvent> events_;
};

// Everything is text.
std::unique_ptr<ChatParser> plain_parser();
// Whether calls are to be looked for.
bool offers_tools(const RenderRequest& request);

}  // namespace pio
