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

std::vector<std::string> parse(std::string_view format, const RenderRequest& request, std::span<const std::string_view> parts) {
  const std::unique_ptr<ChatParser> parser = find_chat_format(format)->parser(request);
  std::vector<ChatEvent> events;
  const auto add = [&](std::vector<ChatEvent> more) { events.insert(events.end(), more.begin(), more.end()); };
  for (const std::string_view part : parts) add(parser->push(part));
  add(parser->finish());
  return joined(events);
}

// What the answer says, the same at every cut.
std::vector<std::string> said(std::string_view format, std::string_view answer, const RenderRequest& given = request()) {
  const std::vector<std::string> whole = parse(format, given, std::vector{answer});
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    const std::string_view parts[] = {answer.substr(0, cut), answer.substr(cut)};
    EXPECT_EQ(parse(format, given, parts), whole) << "cut at " << cut << " of " << answer;
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < answer.size(); ++i) bytes.push_back(answer.substr(i, 1));
  EXPECT_EQ(parse(format, given, bytes), whole) << "byte by byte: " << answer;
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
    EXPECT_EQ(said(format, "<tool_call>\n{\"name\": \"a\", \"arguments\": {}}\n</tool_call>\n<tool_call>{\"name\":\"b\",\"arguments\":\"{\\\"k\\\":[1]}\"}</tool_call>\nDone."),
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
        "<tool_call>{\"name\": \"x\", \"arguments\": [1]}</tool_call> and on", "<tool_call>{\"name\": \"x\", \"arguments\": {}</tool_call>", "</tool_call>",
        "<tool_call>{\"a\" <b>}</tool_call>", " \n ", "\n\nx <", "<tool_call>{\"name\": \"\", \"arguments\": {}}</tool_call>"}) {
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
  EXPECT_EQ(said(kCoder, "I look.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>"),
            (Said{"T:I look.", R"(C:call_0 get_weather {"city": "Paris", "days": 2})"}));
  EXPECT_EQ(said(kCoder, "<function=now>\n</function>\n</tool_call>\n<tool_call><function=b></function></tool_call>"),
            (Said{"C:call_0 now {}", "C:call_1 b {}"})) << "without its opener";
  EXPECT_EQ(said(kCoder, "<tool_call>\n<function=now>\n</function>"), (Said{"C:call_0 now {}"})) << "without its closer";
  EXPECT_EQ(said(kCoder, "<tool_call>\n<function=now>\n</function>\nText"), (Said{"C:call_0 now {}", "T:Text"}));
}

TEST(CoderAnswers, KeepValuesAsTheyStandButForOneNewlineOnEitherSide) {
  EXPECT_EQ(said(kCoder, "<tool_call>\n<function=run_code>\n<parameter=code>\n\nif a < b:\n  x = '</parameter>'\n</function> no\n\n</parameter>\n</function>\n</tool_call>"),
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
        "<function=f>words</function>", "<function=two\nlines></function>", "Use `<function=name>` for it", "<tool_call>\n<function=f>\n<parameter=a>"}) {
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
  EXPECT_EQ(said(kGlm, "need it</think><tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>75001</arg_value>\n<arg_key>days</arg_key>"
                       "<arg_value>2</arg_value></tool_call>\n<tool_call>now</tool_call>"),
            (Said{"R:need it", R"(C:call_0 get_weather {"city": "75001", "days": 2})", "C:call_1 now {}"}));
  const RenderRequest off = request(true, R"({"enable_thinking": false})");
  EXPECT_EQ(said(kGlm, "Look: <tool_call>run_code<arg_key>code</arg_key><arg_value>\nprint('</arg_value>')\n</arg_value></tool_call>", off),
            (Said{"T:Look:", R"(C:call_0 run_code {"code": "\nprint('</arg_value>')\n"})"}));
  for (const std::string_view text :
       {"<tool_call>", "<tool_call></tool_call>", "<tool_call>{\"name\": \"f\"}</tool_call>", "<tool_call>f<arg_key>k</arg_key><arg_value>v</arg_value>",
        "<tool_call>f<arg_key>k</arg_key>v</tool_call>", "<tool_call>f<b></tool_call>", "<tool_call>f<arg_key></arg_key>", "<tool_call>two words</tool_call>"}) {
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

// A model that loops must not make its reader slow: each character is looked at a few times.
TEST(Answers, OfManyOpenTagsAreReadInLinearTime) {
  for (const std::string_view format : chat_format_names()) {
    for (const char* unit : {"<tool_call>", "<tool_call>{\"", "<function=f><parameter=a>", "<tool_call>f<arg_key>k</arg_key><arg_value></arg_value>", "\n", "</parameter>"}) {
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
