#include "engine/chat/chat_json.h"

#include <gtest/gtest.h>

namespace pio {
namespace {

Result<std::vector<ChatMessage>> read(std::string_view text) {
  const Result<JsonValue> list = JsonValue::parse(text);
  EXPECT_TRUE(list) << text;
  return chat_messages(list ? *list : JsonValue());
}

TEST(OpenAiMessages, AreBroughtIntoTheShapeThatTemplatesRead) {
  const auto messages = read(R"([
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "name": "Bob", "content": [{"type": "text", "text": "What "}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID/w=="}},
      {"type": "text", "text": "is it?"}, {"type": "image", "image": "a b.png"}, {"type": "image_url", "image_url": "file:///x%20y.png"}]},
    {"role": "assistant", "content": null, "refusal": null, "reasoning": "hm", "tool_calls": [
      {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"n\": 1.50, \"a\": [true]}"}}, {"name": "g", "arguments": {"k": "v"}}, {"function": {"name": "h", "arguments": ""}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "20"},
    {"role": "function", "name": "g", "content": "21"}])");
  ASSERT_TRUE(messages) << messages.error().message;
  ASSERT_EQ(messages->size(), 5u);
  EXPECT_EQ((*messages)[0].role, "system");
  const ChatMessage& user = (*messages)[1];
  const std::vector<ContentPart>& parts = user.content.parts();
  ASSERT_EQ(parts.size(), 5u) << "in their order";
  const std::vector<std::byte> bytes = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{255}};
  EXPECT_EQ(std::get<std::string>(parts[0]), "What ");
  EXPECT_EQ(*std::get<ImageInput>(parts[1]).bytes, bytes);
  EXPECT_EQ(std::get<std::string>(parts[2]), "is it?");
  EXPECT_EQ(std::get<ImageInput>(parts[3]).path, "a b.png");
  EXPECT_EQ(std::get<ImageInput>(parts[4]).path, "/x y.png");
  EXPECT_EQ(user.content.text(), "What is it?");
  const ChatMessage& assistant = (*messages)[2];
  EXPECT_EQ(assistant.content.text(), "");
  EXPECT_EQ(assistant.reasoning, "hm");
  ASSERT_EQ(assistant.tool_calls.size(), 3u);
  EXPECT_EQ(assistant.tool_calls[0].id, "c1");
  EXPECT_EQ(assistant.tool_calls[0].arguments.dump(), R"({"n": 1.5, "a": [true]})");
  EXPECT_EQ(assistant.tool_calls[1].arguments.dump(), R"({"k": "v"})");
  EXPECT_EQ(assistant.tool_calls[2].arguments.dump(), "{}");
  EXPECT_EQ((*messages)[3].role, "tool");
  EXPECT_EQ((*messages)[4].role, "tool");
}

TEST(MessageContents, JoinTextsThatAreNeighbours) {
  MessageContent content("a");
  content.add(std::string("b"));
  content.add(std::string());
  content.add(ImageInput{.path = "p.png", .bytes = nullptr});
  content.add(std::string("c"));
  ASSERT_EQ(content.parts().size(), 3u);
  EXPECT_EQ(std::get<std::string>(content.parts()[0]), "ab");
  EXPECT_EQ(content.text(), "abc");
  EXPECT_EQ(content.first_text(), "ab");
  ASSERT_EQ(content.pictures().size(), 1u);
  EXPECT_EQ(content.pictures()[0]->path, "p.png");
  EXPECT_TRUE(MessageContent("").parts().empty());
  EXPECT_FALSE(MessageContent("x").has_pictures());
  const MessageContent usual = pictures_then_text({{"1.png", nullptr}, {"2.png", nullptr}}, "What?");
  ASSERT_EQ(usual.parts().size(), 3u);
  EXPECT_EQ(std::get<std::string>(usual.parts()[2]), "What?");
}

TEST(OpenAiMessages, SayHowCloselyAPictureIsLookedAt) {
  const auto detail_of = [](const std::string& part, ImageDetail otherwise) -> std::optional<ImageDetail> {
    const Result<JsonValue> list = JsonValue::parse(R"([{"role":"user","content":[)" + part + "]}]");
    const Result<std::vector<ChatMessage>> messages = chat_messages(*list, otherwise);
    if (!messages) return std::nullopt;
    return messages->front().content.pictures().front()->detail;
  };
  const auto url = [](const std::string& detail) { return R"({"image_url":{"url":"a.png","detail":)" + detail + "}}"; };
  EXPECT_EQ(detail_of(R"({"image":"a.png"})", ImageDetail::full), ImageDetail::full);
  EXPECT_EQ(detail_of(R"({"image":"a.png"})", ImageDetail::low), ImageDetail::low);
  EXPECT_EQ(detail_of(url(R"("low")"), ImageDetail::full), ImageDetail::low);
  EXPECT_EQ(detail_of(url(R"("normal")"), ImageDetail::full), ImageDetail::normal);
  EXPECT_EQ(detail_of(url(R"("high")"), ImageDetail::low), ImageDetail::full);
  EXPECT_EQ(detail_of(url(R"("auto")"), ImageDetail::normal), ImageDetail::normal);
  EXPECT_EQ(detail_of(url("null"), ImageDetail::normal), ImageDetail::normal);
  EXPECT_EQ(detail_of(url(R"("closely")"), ImageDetail::full), std::nullopt);
  EXPECT_EQ(detail_of(url("3"), ImageDetail::full), std::nullopt);
}

TEST(OpenAiMessages, ThatMakeNoSenseAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "messages:"},
      {"[1]", "messages[0].role"},
      {R"([{"role": 1}])", "messages[0].role"},
      {R"([{"role": "user", "content": 5}])", "messages[0].content"},
      {R"([{"role": "user", "content": [{"type": "audio"}]}])", "messages[0].content[0]"},
      {R"([{"role": "user", "content": [{"image_url": {"url": "https://x/y.png"}}]}])", "messages[0].content[0].image_url"},
      {R"([{"role": "user", "content": [{"image": "data:image/png;base64,?"}]}])", "messages[0].content[0].image"},
      {R"([{"role": "assistant", "tool_calls": {}}])", "messages[0].tool_calls"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {}}]}])", "messages[0].tool_calls[0].name"},
      {R"([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "[1]"}]}])", "messages[0].tool_calls[0].arguments"},
  };
  for (const auto& [text, place] : cases) {
    const auto messages = read(text);
    ASSERT_FALSE(messages) << text;
    EXPECT_EQ(messages.error().code, ErrorCode::bad_argument);
    EXPECT_TRUE(messages.error().message.starts_with(place)) << messages.error().message;
  }
}

TEST(OpenAiMessages, HaveCallsWithArgumentsAsText) {
  const ToolCall call = {.id = "call_0", .name = "f", .arguments = *JsonValue::parse(R"({"a":"\"x\""})")};
  EXPECT_EQ(tool_call_json(call).dump(), R"({"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{\"a\": \"\\\"x\\\"\"}"}})");
}

}  // namespace
}  // namespace pio
