#include "models/json_value.h"

#include <gtest/gtest.h>

namespace pio {
namespace {

JsonValue parsed(std::string_view text) {
  Result<JsonValue> value = JsonValue::parse(text);
  EXPECT_TRUE(value.has_value()) << text << ": " << value.error().message;
  return value ? std::move(*value) : JsonValue();
}

// Each right side is what Python 3 prints for json.dumps(json.loads(left), ensure_ascii=False).
TEST(JsonValue, IsDumpedAsPythonDumpsIt) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"( {"b":1,"a":[true,false,null],"b":{}} )", R"({"b": {}, "a": [true, false, null]})"},
      {"[]", "[]"},
      {"[-0, -0.0, 0.0, 4.0, 1E2, 1e15, 1e16, 123456789012345680.0]",
       "[0, -0.0, 0.0, 4.0, 100.0, 1000000000000000.0, 1e+16, 1.2345678901234568e+17]"},
      {"[0.0001, 0.00001, 1e-7, -1.5e-10, 0.1, 3.14159, 1e-400, 5e-324, 1.7976931348623157e308]",
       "[0.0001, 1e-05, 1e-07, -1.5e-10, 0.1, 3.14159, 0.0, 5e-324, 1.7976931348623157e+308]"},
      {"[9007199254740993, 123456789012345678901234567890, -99999999999999999999]",
       "[9007199254740993, 123456789012345678901234567890, -99999999999999999999]"},
      {R"("\u00e9\ud83d\ude42\"\\\/\b\f\n\r\t\u0001\u007f\u2028")", "\"é🙂\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7F\u2028\""},
      {"{\"\": 1, \"k\": \"v\", \"\": 2}", "{\"\": 2, \"k\": \"v\"}"},
  };
  for (const auto& [text, dumped] : cases) EXPECT_EQ(parsed(text).dump(), dumped);
}

// str(json.loads(left)).
TEST(JsonValue, IsPrintedAsPythonPrintsIt) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\"it's\"", "it's"},
      {"true", "True"},
      {"null", "None"},
      {"[]", "[]"},
      {R"(["a", 1, null, false, 2.50, {"k": "v", "e": {}}])", "['a', 1, None, False, 2.5, {'k': 'v', 'e': {}}]"},
      {R"(["it's", "say \"x\"", "it's \"x\"", "\\"])", R"(["it's", 'say "x"', 'it\'s "x"', '\\'])"},
      {R"(["\n\r\t\u0000\u001b\u007f\u0085\u00a0\u00ad\u00e9\u200b\u4e2d\ue000\ud83d\ude42\udb80\udc00"])",
       R"(['\n\r\t\x00\x1b\x7f\x85\xa0\xadé\u200b中\ue000🙂\U000f0000'])"},
  };
  for (const auto& [text, printed] : cases) EXPECT_EQ(parsed(text).python_str(), printed);
}

TEST(JsonValue, IsTrueWherePythonsIs) {
  for (const char* text : {"null", "false", "0", "-0", "0.0", "-0.0", "0e5", "\"\"", "[]", "{}"}) EXPECT_FALSE(parsed(text).truthy()) << text;
  for (const char* text : {"true", "1", "-1", "1e-9", "\"0\"", "[0]", "{\"a\":null}"}) EXPECT_TRUE(parsed(text).truthy()) << text;
}

TEST(JsonValue, RefusesWhatIsNoJsonInWords) {
  for (const std::string& text : {std::string(), std::string("{"), std::string("[1,]"), std::string("{\"a\" 1}"), std::string("01"),
                                  std::string("1 2"), std::string("1e999"), std::string(100000, '['), std::string("nul"), std::string("\"a\nb\"")}) {
    const Result<JsonValue> value = JsonValue::parse(text);
    ASSERT_FALSE(value.has_value()) << text.substr(0, 20);
    EXPECT_EQ(value.error().code, ErrorCode::bad_argument);
    EXPECT_NE(value.error().message.find("expected"), std::string::npos) << value.error().message;
  }
}

// Python's json takes lone surrogates, and no terminal or file takes what it then prints.
TEST(JsonText, ThatIsNoUnicodeHasReplacementCharacters) {
  const auto text = [](std::string_view json) {
    const Result<JsonValue> value = JsonValue::parse(json);
    EXPECT_TRUE(value) << json;
    return value ? value->text() : "refused";
  };
  EXPECT_EQ(text(R"("\ud800")"), "\uFFFD");
  EXPECT_EQ(text(R"("\udc00\ud800")"), "\uFFFD\uFFFD");
  EXPECT_EQ(text(R"("\ud800\ud83d\ude00")"), "\uFFFD\U0001F600");
  EXPECT_EQ(text(R"("\uD83D\uDE00 \\ud800")"), "\U0001F600 \\ud800");
  EXPECT_EQ(text(R"("\ud800x\n")"), "\uFFFDx\n");
  EXPECT_EQ(text("\"a\xFF\xC3(\xE2\x82\xF0\x9F\x98\xED\xA0\x80\xC0\x80z\""),
            "a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDz");
  EXPECT_FALSE(JsonValue::parse("\"\\\xFF\"")) << "no escape";
  EXPECT_EQ(JsonValue::parse("{\"\\udfff\": 1}")->members()[0].first, "\uFFFD");
  for (const char* broken : {"\"\\ud8\"", "\"\\ud800", "\xFF", "\"\\u\""}) EXPECT_FALSE(JsonValue::parse(broken)) << broken;
  EXPECT_EQ(readable_json("plain \\ \xC3\xA9"), "plain \\ \xC3\xA9");
}

}  // namespace
}  // namespace pio
