// Answers as the models write them, taken apart; and each of them again, cut at every place and into single bytes.

#include <gtest/gtest.h>

#include <span>

#include "models/chat_format.h"

namespace pio {
namespace {

constexpr std::string_view kTools = R"([
  {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
    "city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"}, "opt": {"type": ["string", "null"]},
    "where": {"anyOf": [{"type": "object"}, {"type": "string"}]}, "list": {"type": "array"}}}}},
  {"name": "run_code", "parameters": {"type": "object", "properties": {"code": {"type": "string"}}}}])";

RenderRequest request(bool with_tools = true, std::string_view variables = "{}") {
  RenderRequest request;
  if (with_tools) request.tools = *JsonValue::parse(kTools);
  request.variables = *JsonValue::parse(variables);
  return request;
}

// "T:text", "R:reasoning", "C:call_0 name {arguments}"; neighbours of one kind joined, for only they depend on the cuts.
std::vector<std::string> joined(const std::vector<ChatEvent>& events) {
  std::vector<std::string> out;
  for (const ChatEvent& event : events) {
    if (event.kind == ChatEvent::Kind::tool_call) {
      out.push_back("C:" + event.call.id + " " + event.call.name + " " + event.call.arguments.dump());
      continue;
    }
    EXPECT_FALSE(event.text.empty());
    const std::string prefix = event.kind == ChatEvent::Kind::text ? "T:" : "R:";
    if (!out.empty() && out.back().starts_with(prefix)) out.back() += event.text;
    else out.push_back(prefix + event.text);
  }
  return out;
}

std::vector<std::string> parse(std::string_view format, const RenderRequest& request, std::span<const std::string_view> parts,
                               AnswerEnd end = AnswerEnd::complete) {
  const std::unique_ptr<ChatParser> parser = find_chat_format(format)->parser(request);
  std::vector<ChatEvent> events;
  const auto add = [&](std::vector<ChatEvent> more) { events.insert(events.end(), more.begin(), more.end()); };
  for (const std::string_view part : parts) add(parser->push(part));
  add(parser->finish(end));
  return joined(events);
}

// What the answer says, the same at every cut.
std::vector<std::string> said(std::string_view format, std::string_view answer, const RenderRequest& given = request(),
                              AnswerEnd end = AnswerEnd::complete) {
  const std::vector<std::string> whole = parse(format, given, std::vector{answer}, end);
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    const std::string_view parts[] = {answer.substr(0, cut), answer.substr(cut)};
    EXPECT_EQ(parse(format, given, parts, end), whole) << "cut at " << cut << " of " << answer;
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < answer.size(); ++i) bytes.push_back(answer.substr(i, 1));
  EXPECT_EQ(parse(format, given, bytes, end), whole) << "byte by byte: " << answer;
  return whole;
}

using Said = std::vector<std::string>;
const char* const kHermes[] = {"qwen3-4b-instruct-2507", "qwen3-vl-2b-instruct", "qwen2.5-coder"};
const std::string_view kCoder = "qwen3-coder-30b", kGlm = "glm-4.7-flash";

TEST(HermesAnswers, AreTextAndCallsInTheirOrder) {
  for (const char* format : kHermes) {
    EXPECT_EQ(said(format, "Hello <b>world</b>!\n"), (Said{"T:Hello <b>world</b>!\n"}));
    EXPECT_EQ(said(format, "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 2}}\n</tool_call>"),
              (Said{"T:Let me look.", R"(C:call_0 get_weather {"city": "Paris", "days": 2})"}));
    EXPECT_EQ(said(format,
                   "<tool_call>\n{\"name\": \"a\", \"arguments\": "
                   "{}}\n</tool_call>\n<tool_call>{\"name\":\"b\",\"arguments\":\"{\\\"k\\\":[1]}\"}</tool_call>\nDone."),
              (Said{"C:call_0 a {}", R"(C:call_1 b {"k": [1]})", "T:Done."}));
    EXPECT_EQ(said(format, "A\n<tool_call>{\"name\": \"now\"}</tool_call>\n\nB"), (Said{"T:A", "C:call_0 now {}", "T:\nB"}));
  }
}

TEST(HermesAnswers, MayHoldTheClosingTagInAString) {
  EXPECT_EQ(said(kHermes[0], R"(<tool_call>{"name": "run_code", "arguments": {"code": "x = \"</tool_call>\" <tool_call>"}}</tool_call>)"),
            (Said{R"(C:call_0 run_code {"code": "x = \"</tool_call>\" <tool_call>"})"}));
}

TEST(HermesAnswers, AreTextWhereTheyAreNoCalls) {
  for (const std::string_view text :
       {"<tool_call>", "a <tool", "<tool_call>\n{\"name\": \"x\", \"argu", "<tool_call>words</tool_call>", "<tool_call>{\"name\": 1}</tool_call>",
        "<tool_call>{\"name\": \"x\", \"arguments\": [1]}</tool_call> and on", "<tool_call>{\"name\": \"x\", \"arguments\": {}</tool_call>",
        "</tool_call>", "<tool_call>{\"a\" <b>}</tool_call>", " \n ", "\n\nx <", "<tool_call>{\"name\": \"\", \"arguments\": {}}</tool_call>"}) {
    EXPECT_EQ(said(kHermes[0], text), (Said{"T:" + std::string(text)}));
  }
  EXPECT_EQ(said(kHermes[0], "<tool_call>oops <tool_call>{\"name\": \"f\"}</tool_call>"), (Said{"T:<tool_call>oops", "C:call_0 f {}"}));
  EXPECT_EQ(said(kHermes[0], ""), Said{});
}

TEST(Answers, HaveNoCallsWhereNoToolIsOffered) {
  const std::string_view call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n";
  for (const std::string_view format : chat_format_names()) {
    EXPECT_EQ(said(format, call, request(false, R"({"enable_thinking": false})")), (Said{"T:" + std::string(call)})) << format;
  }
}

TEST(CoderAnswers, AreTextAndCallsInTheirOrder) {
  EXPECT_EQ(said(kCoder,
                 "I "
                 "look.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n2\n</parameter>\n</"
                 "function>\n</tool_call>"),
            (Said{"T:I look.", R"(C:call_0 get_weather {"city": "Paris", "days": 2})"}));
  EXPECT_EQ(said(kCoder, "<function=now>\n</function>\n</tool_call>\n<tool_call><function=b></function></tool_call>"),
            (Said{"C:call_0 now {}", "C:call_1 b {}"}))
      << "without its opener";
  EXPECT_EQ(said(kCoder, "<tool_call>\n<function=now>\n</function>"), (Said{"C:call_0 now {}"})) << "without its closer";
  EXPECT_EQ(said(kCoder, "<tool_call>\n<function=now>\n</function>\nText"), (Said{"C:call_0 now {}", "T:Text"}));
}

TEST(CoderAnswers, KeepValuesAsTheyStandButForOneNewlineOnEitherSide) {
  EXPECT_EQ(said(kCoder,
                 "<tool_call>\n<function=run_code>\n<parameter=code>\n\nif a < b:\n  x = '</parameter>'\n</function> "
                 "no\n\n</parameter>\n</function>\n</tool_call>"),
            (Said{R"(C:call_0 run_code {"code": "\nif a < b:\n  x = '</parameter>'\n</function> no\n"})"}));
}

TEST(CoderAnswers, HaveTheTypesOfTheSchema) {
  const auto value = [](std::string_view key, std::string_view text) {
    const Said out = said(kCoder, "<function=get_weather><parameter=" + std::string(key) + ">\n" + std::string(text) + "\n</parameter></function>");
    return out.size() == 1 ? out[0].substr(std::string_view("C:call_0 get_weather ").size()) : "not one call";
  };
  EXPECT_EQ(value("city", "75001"), R"({"city": "75001"})");
  EXPECT_EQ(value("city", "\"x\""), R"({"city": "\"x\""})");
  EXPECT_EQ(value("city", "null"), R"({"city": "null"})");
  EXPECT_EQ(value("days", "12"), R"({"days": 12})");
  EXPECT_EQ(value("days", "soon"), R"({"days": "soon"})");
  EXPECT_EQ(value("exact", "True"), R"({"exact": true})");
  EXPECT_EQ(value("exact", "false"), R"({"exact": false})");
  EXPECT_EQ(value("opt", "None"), R"({"opt": null})");
  EXPECT_EQ(value("opt", "5"), R"({"opt": "5"})");
  EXPECT_EQ(value("where", "{\"a\": [1, 2]}"), R"({"where": {"a": [1, 2]}})");
  EXPECT_EQ(value("where", "home"), R"({"where": "home"})");
  EXPECT_EQ(value("list", "[1, \"a\"]"), R"({"list": [1, "a"]})");
  EXPECT_EQ(value("nobody", "[1]"), R"({"nobody": [1]})") << "no schema: JSON where it is JSON";
  EXPECT_EQ(value("nobody", "a b"), R"({"nobody": "a b"})");
}

TEST(CoderAnswers, AreTextWhereTheyAreNoCalls) {
  for (const std::string_view text :
       {"<tool_call>", "<function=", "<function=>x", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", "<function=f>\n<parameter=a>\n1\n</parameter>",
        "<function=f>words</function>", "<function=two\nlines></function>", "Use `<function=name>` for it",
        "<tool_call>\n<function=f>\n<parameter=a>"}) {
    EXPECT_EQ(said(kCoder, text), (Said{"T:" + std::string(text)}));
  }
}

TEST(GlmAnswers, BeginWithReasoningUnlessThinkingIsOff) {
  EXPECT_EQ(said(kGlm, "\nTwo and two.\n</think>\n\nFour </think> five"), (Said{"R:Two and two.", "T:Four </think> five"}));
  EXPECT_EQ(said(kGlm, "</think>Hello", request(false)), (Said{"T:Hello"}));
  EXPECT_EQ(said(kGlm, "Hello</think> x", request(true, R"({"enable_thinking": false})")), (Said{"T:Hello</think> x"}));
  EXPECT_EQ(said(kGlm, "only a thought </thi"), (Said{"R:only a thought </thi"}));
  EXPECT_EQ(said(kGlm, "a <tool_call> b</think>c", request(false)), (Said{"R:a <tool_call> b", "T:c"}));
}

TEST(GlmAnswers, HaveCallsAsKeysAndValues) {
  EXPECT_EQ(said(kGlm,
                 "need it</think><tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>75001</arg_value>\n<arg_key>days</arg_key>"
                 "<arg_value>2</arg_value></tool_call>\n<tool_call>now</tool_call>"),
            (Said{"R:need it", R"(C:call_0 get_weather {"city": "75001", "days": 2})", "C:call_1 now {}"}));
  const RenderRequest off = request(true, R"({"enable_thinking": false})");
  EXPECT_EQ(said(kGlm, "Look: <tool_call>run_code<arg_key>code</arg_key><arg_value>\nprint('</arg_value>')\n</arg_value></tool_call>", off),
            (Said{"T:Look:", R"(C:call_0 run_code {"code": "\nprint('</arg_value>')\n"})"}));
  for (const std::string_view text : {"<tool_call>", "<tool_call></tool_call>", "<tool_call>{\"name\": \"f\"}</tool_call>",
                                      "<tool_call>f<arg_key>k</arg_key><arg_value>v</arg_value>", "<tool_call>f<arg_key>k</arg_key>v</tool_call>",
                                      "<tool_call>f<b></tool_call>", "<tool_call>f<arg_key></arg_key>", "<tool_call>two words</tool_call>"}) {
    EXPECT_EQ(said(kGlm, text, off), (Said{"T:" + std::string(text)}));
  }
}

TEST(GlmAnswers, GoOnWhereTheyWereBegun) {
  RenderRequest begun = request();
  begun.begun = BegunAnswer{"I think", ""};
  EXPECT_EQ(said(kGlm, " that.</think>Yes", begun), (Said{"R: that.", "T:Yes"}));
  begun.begun = BegunAnswer{"I think", "Ye"};
  EXPECT_EQ(said(kGlm, "s </think>", begun), (Said{"T:s </think>"}));

  const auto end_of_prompt = [&](const char* reasoning, const char* content, std::string_view variables) {
    RenderRequest asked = request(false, variables);
    asked.messages = *JsonValue::parse(R"([{"role": "user", "content": "Hi"}])");
    asked.begun = BegunAnswer{reasoning, content};
    std::string text;
    const Result<std::vector<Piece>> pieces = find_chat_format(kGlm)->render(asked);
    EXPECT_TRUE(pieces.has_value());
    if (!pieces) return text;
    for (const Piece& piece : *pieces) text += piece.text;
    return text.substr(text.find("<|assistant|>"));
  };
  EXPECT_EQ(end_of_prompt("", "", "{}"), "<|assistant|><think>");
  EXPECT_EQ(end_of_prompt("r ", "", "{}"), "<|assistant|><think>r ");
  EXPECT_EQ(end_of_prompt("r ", "c ", "{}"), "<|assistant|><think>r</think>c ");
  EXPECT_EQ(end_of_prompt("", "c", "{}"), "<|assistant|></think>c");
  EXPECT_EQ(end_of_prompt("", "", R"({"enable_thinking": false})"), "<|assistant|></think>");
}

// ---- slips of models; the tools below are offered

constexpr std::string_view kSlipTools = R"([
  {"type": "function", "function": {"name": "write", "parameters": {"type": "object", "properties": {
    "path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}}}}},
  {"type": "function", "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}}}])";

RenderRequest slip_request() {
  RenderRequest request;
  request.tools = *JsonValue::parse(kSlipTools);
  request.variables = *JsonValue::parse(R"({"enable_thinking": false})");
  return request;
}

const char* const kWrite = R"(C:call_0 write {"path": "a.txt", "content": "hello"})";

TEST(CoderSlips, AValueWithoutItsClosingTagEndsWhereTheNextTagBegins) {
  const std::string_view answers[] = {
      // the first, the last, both
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n<parameter=content>\nhello\n</parameter>\n</function>\n</tool_call>",
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</function>\n</tool_call>",
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n<parameter=content>\nhello\n</function>\n</tool_call>",
      // on one line, without <tool_call>
      "<function=write><parameter=path>a.txt<parameter=content>hello</function>",
      // the function's
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</parameter>\n</tool_call>",
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</tool_call>",
      // all at the answer's end
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</parameter>\n</function>\n",
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</parameter>\n",
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello",
      "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</para",
      "<function=write><parameter=path>a.txt<parameter=content>hello",
  };
  for (const std::string_view answer : answers) EXPECT_EQ(said(kCoder, answer, slip_request()), Said{kWrite}) << answer;
  EXPECT_EQ(said(kCoder, "<tool_call>\n<function=ping>", slip_request()), (Said{"C:call_0 ping {}"}));
  // names as attributes have them
  EXPECT_EQ(said(kCoder, "<function=\"write\">\n<parameter=path >\na.txt\n</parameter>\n<parameter=' content'>\nhello\n</parameter>\n</function>",
                 slip_request()),
            Said{kWrite});
  EXPECT_EQ(said(kCoder, "<function=\"\">\n</function>", slip_request()), Said{"T:<function=\"\">\n</function>"});
}

TEST(CoderSlips, ACallWithoutItsClosingTagsEndsWhereTheNextBeginsOrTextDoes) {
  const std::string second = R"(C:call_1 write {"path": "b.txt", "content": "x"})";
  const std::string_view next =
      "<function=write>\n<parameter=path>\nb.txt\n</parameter>\n<parameter=content>\nx\n</parameter>\n</function>\n</tool_call>";
  const std::string begun = "<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello";
  for (const char* between : {"\n</parameter>\n<tool_call>\n", "\n<tool_call>\n", "\n</function>\n<tool_call>\n", "\n</parameter>\n</function>\n",
                              "\n</parameter>\n", "\n</function>\n", "\n</tool_call>\n<tool_call>\n"}) {
    EXPECT_EQ(said(kCoder, begun + between + std::string(next), slip_request()), (Said{kWrite, second})) << between;
  }
  EXPECT_EQ(said(kCoder, begun + "\n</function>\nThat is it.", slip_request()), (Said{kWrite, "T:That is it."}));
  EXPECT_EQ(said(kCoder, begun + "\n</parameter>\nThat is it.", slip_request()), (Said{kWrite, "T:That is it."}));
}

TEST(CoderSlips, AValueThatHoldsTagsAndIsClosedKeepsThem) {
  const auto value = [](const std::string& content) {
    const Said out = said(kCoder,
                          "<tool_call>\n<function=write>\n<parameter=content>\n" + content +
                              "\n</parameter>\n<parameter=path>\na.txt\n</parameter>\n</function>\n</tool_call>",
                          slip_request());
    return out.size() == 1 && out[0].starts_with("C:") ? JsonValue::parse(out[0].substr(out[0].find('{')))->find("content")->text() : "not one call";
  };
  for (const std::string content :
       {"<function>\n  f\n</function>\n<b>", "x = '</parameter>'", "if a <b and c> d", "<parameter=content>", "see <parameter=size> there",
        "a </tool_call> b", "<parameters>\n<parameter name=\"x\">1</parameter>\n</parameters>", "<function=other>\nf", "<", "<tool_call>",
        "</function> no"}) {
    EXPECT_EQ(value(content), content);
  }
}

TEST(GlmSlips, AValueWithoutItsClosingTagEndsWhereTheNextTagBegins) {
  const std::string_view answers[] = {
      "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt<arg_key>content</arg_key><arg_value>hello</arg_value></tool_call>",
      "<tool_call>write\n<arg_key>path</arg_key>\n<arg_value>a.txt\n<arg_key>content</arg_key>\n<arg_value>hello\n</tool_call>",
      "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt</arg_value><arg_key>content<arg_value>hello</arg_value></tool_call>",
      "<tool_call>write<arg_key>path<arg_value>a.txt<arg_key>content<arg_value>hello</tool_call>",
      "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt</arg_value><arg_key>content</arg_key><arg_value>hello</arg_value>",
      "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt</arg_value><arg_key>content</arg_key><arg_value>hello",
      "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt</arg_value><arg_key>content</arg_key><arg_value>hello</arg_",
  };
  for (const std::string_view answer : answers) EXPECT_EQ(said(kGlm, answer, slip_request()), Said{kWrite}) << answer;
  EXPECT_EQ(said(kGlm, "<tool_call>ping", slip_request()), (Said{"C:call_0 ping {}"}));
  EXPECT_EQ(said(kGlm, "<tool_call>ping<tool_call>write<arg_key>path</arg_key><arg_value>b</tool_call>\nDone", slip_request()),
            (Said{"C:call_0 ping {}", R"(C:call_1 write {"path": "b"})", "T:Done"}));
  EXPECT_EQ(said(kGlm,
                 "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt</arg_value><arg_key>content</arg_key><arg_value>hello</"
                 "arg_value>\n<tool_call>ping</tool_call>",
                 slip_request()),
            (Said{kWrite, "C:call_1 ping {}"}));
  EXPECT_EQ(said(kGlm, "<tool_call>write<arg_key>content</arg_key><arg_value>a <arg_key> <arg_key>k</arg_key> </tool_call> b</arg_value></tool_call>",
                 slip_request()),
            (Said{R"(C:call_0 write {"content": "a <arg_key> <arg_key>k</arg_key> </tool_call> b"})"}));
}

TEST(HermesSlips, LoseNoArguments) {
  const std::string_view bodies[] = {
      R"({"name": "write", "parameters": {"path": "a.txt", "content": "hello"}})",
      R"({"name": "write", "args": {"path": "a.txt", "content": "hello"}})",
      R"({"name": "write", "input": {"path": "a.txt", "content": "hello"}})",
      R"({"name": "write", "arguments": null, "parameters": {"path": "a.txt", "content": "hello"}})",
      R"({"name": "write", "arguments": {}, "parameters": {"path": "a.txt", "content": "hello"}})",
      R"({"name": "write", "arguments": "{\"path\": \"a.txt\", \"content\": \"hello\"}"})",
      R"({"name": "write", "arguments": "\"{\\\"path\\\": \\\"a.txt\\\", \\\"content\\\": \\\"hello\\\"}\""})",
      R"({"type": "function", "function": {"name": "write", "arguments": {"path": "a.txt", "content": "hello"}}})",
      R"({"type": "function", "function": {"name": "write", "parameters": "{\"path\": \"a.txt\", \"content\": \"hello\"}"}})",
      R"({"id": "1", "function": {"name": "write"}, "arguments": {"path": "a.txt", "content": "hello"}})",
      R"({"function": "write", "arguments": {"path": "a.txt", "content": "hello"}})",
      R"({"tool": "write", "parameters": {"path": "a.txt", "content": "hello"}})",
      R"({"name": "write", "path": "a.txt", "content": "hello"})",
      R"({"name": "write", "arguments": {"path": "a.txt", "content": "hello"})",
      R"({"name": "write", "arguments": {"path": "a.txt", "content": "hello"}}})",
      R"([{"name": "write", "arguments": {"path": "a.txt", "content": "hello"}}])",
  };
  for (const char* format : kHermes) {
    for (const std::string_view body : bodies) {
      for (const char* closer : {"\n</tool_call>", "", "\n"}) {
        const std::string answer = "<tool_call>\n" + std::string(body) + closer;
        EXPECT_EQ(said(format, answer, slip_request()), Said{kWrite}) << answer;
      }
    }
  }
  const auto one = [](std::string_view answer) { return said(kHermes[0], answer, slip_request()); };
  EXPECT_EQ(one(R"(<tool_call>{"name": "ping", "arguments": null}</tool_call>)"), (Said{"C:call_0 ping {}"}));
  EXPECT_EQ(one(R"(<tool_call>{"name": "ping", "arguments": ""}</tool_call>)"), (Said{"C:call_0 ping {}"}));
  EXPECT_EQ(one(R"(<tool_call>{"name": "ping", "arguments": []}</tool_call>)"), (Said{"C:call_0 ping {}"}));
  EXPECT_EQ(one(R"(<tool_call>{"name": "write", "arguments": {"path": "a.txt"}, "parameters": {"path": "b.txt", "content": "hello"}}</tool_call>)"),
            Said{kWrite});
  EXPECT_EQ(one("<tool_call>{\"name\": \"write\", \"arguments\": {\"content\": \"a\n\tb\"}}</tool_call>"),
            (Said{R"(C:call_0 write {"content": "a\n\tb"})"}));
  EXPECT_EQ(one(R"(<tool_call>{"name": "ping"}<tool_call>{"name": "ping"}</tool_call>)"), (Said{"C:call_0 ping {}", "C:call_1 ping {}"}));
  EXPECT_EQ(one("<tool_call>{\"name\": \"ping\"}\n{\"name\": \"ping\"}\n</tool_call>"), (Said{"C:call_0 ping {}", "C:call_1 ping {}"}));
  EXPECT_EQ(one(R"(<tool_call>[{"name": "ping"}, {"name": "ping"}]</tool_call> End)"), (Said{"C:call_0 ping {}", "C:call_1 ping {}", "T:End"}));
  EXPECT_EQ(one("<tool_call>{\"name\": \"ping\"}\nDone."), (Said{"C:call_0 ping {}", "T:Done."}));
}

// What an answer that was cut off lacks may be more of the value, or more arguments: then it is no call. Whole calls before stay.
TEST(AnswersCutOff, HaveOnlyWholeCalls) {
  const std::pair<std::string_view, std::string> answers[] = {
      {kCoder,
       "Go.\n<tool_call>\n<function=write>\n<parameter=path>\na.txt\n</parameter>\n<parameter=content>\nhello\n</parameter>\n</function>\n</"
       "tool_call>"},
      {kCoder, "Go.\n<tool_call>\n<function=write>\n<parameter=path>\na.txt\n<parameter=content>\nhello\n</function>\n</tool_call>"},
      {kGlm,
       "Go.\n<tool_call>write\n<arg_key>path</arg_key>\n<arg_value>a.txt</arg_value>\n<arg_key>content</arg_key>\n<arg_value>hello</arg_value>\n</"
       "tool_call>"},
      {kHermes[0], "Go.\n<tool_call>\n{\"name\": \"write\", \"arguments\": {\"path\": \"a.txt\", \"content\": \"hello\"}}\n</tool_call>"}};
  for (const auto& [format, answer] : answers) {
    for (std::size_t n = 0; n <= answer.size(); ++n) {
      const std::string_view part = std::string_view(answer).substr(0, n);
      const Said out = said(format, part, slip_request(), AnswerEnd::cut_off);
      for (const std::string& one : out) EXPECT_TRUE(one.starts_with("T:") || one == kWrite) << part;
      if (out.empty() || !out.back().starts_with("T:")) continue;
      EXPECT_TRUE(part.starts_with(out[0].substr(2)) || out.size() > 1) << part;
    }
    EXPECT_EQ(said(format, answer, slip_request(), AnswerEnd::cut_off), (Said{"T:Go.", kWrite}));
    EXPECT_EQ(said(kGlm, "<tool_call>write<arg_key>path</arg_key><arg_value>a.txt</arg_value><arg_key>content</arg_key><arg_value>hello</tool_call>",
                   slip_request(), AnswerEnd::cut_off),
              Said{kWrite});
    EXPECT_EQ(said(format, answer + "\n" + answer.substr(4, 40), slip_request(), AnswerEnd::cut_off)[1], kWrite);
  }
}

// ---- types

// One parameter, `p`, of this schema; what becomes of a text that Qwen3-Coder or GLM wrote for it, and of a JSON value that Qwen3 wrote.
std::string typed(std::string_view schema, std::string_view text) {
  RenderRequest request = slip_request();
  request.tools = *JsonValue::parse(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"p": )" + std::string(schema) +
      R"(}, "$defs": {"N": {"type": "integer"}, "S": {"type": "string"}, "L": {"type": "array", "items": {"$ref": "#/$defs/N"}},
                                      "R": {"anyOf": [{"$ref": "#/$defs/R"}, {"$ref": "#/$defs/R"}]}, "O": {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}}}}}])");
  const Said coder =
      said(kCoder, "<tool_call>\n<function=f>\n<parameter=p>\n" + std::string(text) + "\n</parameter>\n</function>\n</tool_call>", request);
  const Said glm = said(kGlm, "<tool_call>f<arg_key>p</arg_key><arg_value>" + std::string(text) + "</arg_value></tool_call>", request);
  EXPECT_EQ(coder, glm);
  constexpr std::string_view before = "C:call_0 f {\"p\": ";
  if (coder.size() != 1 || !coder[0].starts_with(before)) return "not one call";
  return coder[0].substr(before.size(), coder[0].size() - before.size() - 1);
}
std::string typed_json(std::string_view schema, std::string_view json) {
  RenderRequest request = slip_request();
  request.tools = *JsonValue::parse(R"([{"name": "f", "parameters": {"properties": {"p": )" + std::string(schema) +
                                    R"(}, "$defs": {"O": {"type": "object", "properties":
                                      {"n": {"type": "integer"}, "s": {"type": "string"}}}}}}])");
  const Said out = said(kHermes[0], R"(<tool_call>{"name": "f", "arguments": {"p": )" + std::string(json) + "}}</tool_call>", request);
  constexpr std::string_view before = "C:call_0 f {\"p\": ";
  if (out.size() != 1 || !out[0].starts_with(before)) return "not one call";
  return out[0].substr(before.size(), out[0].size() - before.size() - 1);
}

TEST(Arguments, HaveTheTypeThatAnySchemaSays) {
  for (const char* integer :
       {R"({"type": "integer"})", R"({"type": ["integer"]})", R"({"type": ["integer", "null"]})",
        R"({"anyOf": [{"type": "integer"}, {"type": "null"}]})", R"({"oneOf": [{"type": "integer"}, {"type": "null"}]})",
        R"({"allOf": [{"type": "integer"}]})", R"({"allOf": [{"type": ["integer", "string"]}, {"type": "integer"}]})", R"({"enum": [1, 12]})",
        R"({"const": 12})", R"({"$ref": "#/$defs/N"})", R"({"allOf": [{"$ref": "#/$defs/N"}], "description": "d"})",
        R"({"anyOf": [{"anyOf": [{"$ref": "#/$defs/N"}]}, {"type": ["null"]}]})", R"({"type": "integer", "nullable": true})", R"({"type": "int"})",
        R"({"minimum": 3})"}) {
    EXPECT_EQ(typed(integer, "12"), "12") << integer;
    EXPECT_EQ(typed(integer, " 12 "), "12") << integer;
    EXPECT_EQ(typed(integer, "\"12\""), "12") << integer << ": in quotes";
    EXPECT_EQ(typed(integer, "+12"), "12") << integer;
    EXPECT_EQ(typed(integer, "012"), "12") << integer;
    EXPECT_EQ(typed_json(R"({"type": "integer"})", "\"12\""), "12");
  }
  for (const char* text :
       {R"({"type": "string"})", R"({"type": ["string"]})", R"({"type": ["string", "null"]})", R"({"anyOf": [{"type": ["string", "null"]}]})",
        R"({"enum": ["12", "1"]})", R"({"const": "12"})", R"({"allOf": [{"type": "string"}]})",
        R"({"allOf": [{}, {"anyOf": [{"type": "string"}, {"type": "null"}]}]})", R"({"$ref": "#/$defs/S"})",
        R"({"type": "string", "nullable": true})", R"({"type": "str"})", R"({"pattern": "^[0-9]+$"})", R"({"enum": ["12", 1]})"}) {
    EXPECT_EQ(typed(text, "12"), "\"12\"") << text;
  }
  EXPECT_EQ(typed(R"({"type": "string"})", "007"), "\"007\"");
  EXPECT_EQ(typed(R"({"type": "string"})", "true"), "\"true\"");
  EXPECT_EQ(typed(R"({"type": "string"})", "{\"a\": 1}"), R"("{\"a\": 1}")");
  EXPECT_EQ(typed(R"({"type": ["string", "null"]})", "null"), "null");
  EXPECT_EQ(typed(R"({"type": ["number", "string"]})", "1.5"), "1.5");
  EXPECT_EQ(typed(R"({"type": ["number", "string"]})", "007"), "\"007\"");
  EXPECT_EQ(typed(R"({"type": "integer"})", "2.0"), "2");
  EXPECT_EQ(typed(R"({"type": "number"})", "2.0"), "2.0");
  EXPECT_EQ(typed(R"({"type": "number"})", ".5"), "0.5");
  EXPECT_EQ(typed(R"({"type": "boolean"})", "TRUE"), "true");
  EXPECT_EQ(typed(R"({"type": "array"})", "[\"1\"]"), "[\"1\"]");
  EXPECT_EQ(typed(R"({"$ref": "#/$defs/L"})", "[\"1\", 2]"), "[1, 2]");
  EXPECT_EQ(typed(R"({"anyOf": [{"$ref": "#/$defs/O"}, {"type": "null"}]})", R"({"n": "5", "s": 5})"), R"({"n": 5, "s": "5"})");
  EXPECT_EQ(typed(R"({"$ref": "#/$defs/R"})", "1"), "1") << "a schema that is only itself says nothing";
  EXPECT_EQ(typed(R"({"$ref": "#/$defs/missing"})", "1"), "1");
  EXPECT_EQ(typed(R"({"$ref": "other.json"})", "a"), "\"a\"");
  EXPECT_EQ(typed("true", "1"), "1");
  EXPECT_EQ(typed("{}", "a b"), "\"a b\"");

  EXPECT_EQ(typed_json(R"({"type": "string"})", "12"), "\"12\"");
  EXPECT_EQ(typed_json(R"({"type": "string"})", "true"), "\"true\"");
  EXPECT_EQ(typed_json(R"({"type": "string"})", "\"12\""), "\"12\"");
  EXPECT_EQ(typed_json(R"({"type": "string"})", "null"), "null");
  EXPECT_EQ(typed_json(R"({"type": "boolean"})", "\"true\""), "true");
  EXPECT_EQ(typed_json(R"({"type": "array", "items": {"type": "number"}})", "\"[1, \\\"2\\\"]\""), "[1, 2]");
  EXPECT_EQ(typed_json(R"({"type": "array", "items": {"$ref": "#/$defs/O"}})", R"([{"n": "1", "s": 2, "o": "3"}])"),
            R"([{"n": 1, "s": "2", "o": "3"}])");
  EXPECT_EQ(typed_json(R"({"enum": ["1", "2"]})", "1"), "\"1\"");
  EXPECT_EQ(typed_json("{}", "\"1\""), "\"1\"");
}

// A broken surrogate pair is no reason to lose a call, nor to crash where the arguments are printed.
TEST(Arguments, HaveNoBrokenCharacters) {
  EXPECT_EQ(said(kHermes[0], R"(<tool_call>{"name": "write", "arguments": {"content": "a\ud83d b\ude00 \ud83d\ude00 \\ud83d"}}</tool_call>)",
                 slip_request()),
            (Said{"C:call_0 write {\"content\": \"a\uFFFD b\uFFFD \U0001F600 \\\\ud83d\"}"}));
}

// A model that loops must not make its reader slow: each character is looked at a few times.
TEST(Answers, OfManyOpenTagsAreReadInLinearTime) {
  for (const std::string_view format : chat_format_names()) {
    for (const char* unit : {"<tool_call>", "<tool_call>{\"", "<function=f><parameter=a>", "<tool_call>f<arg_key>k</arg_key><arg_value></arg_value>",
                             "\n", "</parameter>"}) {
      const std::unique_ptr<ChatParser> parser = find_chat_format(format)->parser(request(true, R"({"enable_thinking": false})"));
      std::size_t n = 0;
      for (int i = 0; i < 20000; ++i) {
        for (const ChatEvent& event : parser->push(unit)) n += event.text.size() + 1;
      }
      for (const ChatEvent& event : parser->finish()) n += event.text.size() + 1;
      EXPECT_GT(n, 0u) << format << unit;
    }
  }
}

}  // namespace
}  // namespace pio
