// The plugin interface and fill-in-the-middle on small models with random weights: what they say means nothing, how they say it does.

#include "engine/plugin.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/fim.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

// Exact and short: the same on every machine.
LoadRequest exact() {
  LoadRequest loading;
  loading.kv = DType::f32;
  loading.activations = Activations::f32;
  loading.context_length = 1024;
  loading.n_threads = 1;
  return loading;
}

Answering short_answer() {
  Answering how;
  how.sampling = SamplingParams{};
  how.sampling->temperature = 0;
  how.max_tokens = 12;
  return how;
}

std::unique_ptr<Engine> loaded(const char* name) {
  std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request;
  request.path = test::model_data(name).string();
  request.context_length = 512;
  const Result<void> status = engine->load(request, {}, {});
  EXPECT_TRUE(status) << status.error().message;
  return engine;
}

std::string spelled(const Engine& engine, const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += engine.tokenizer()->bytes(id);
  return text;
}

}  // namespace

TEST(Plugin, AnswersWholeAndStreamedAlike) {
  const std::unique_ptr<Plugin> plugin = create_qwen3_4b_instruct_2507_plugin();
  ASSERT_TRUE(plugin->initialize(exact()));
  const Result<void> status = plugin->load_model(test::model_data("qwen3-tiny").string());
  ASSERT_TRUE(status) << status.error().message;
  const Result<GenerateResult> whole = plugin->infer("Hi", short_answer());
  ASSERT_TRUE(whole) << whole.error().message;
  Answering streaming = short_answer();
  std::string streamed;
  streaming.sink.text = [&](std::string_view text, std::int64_t) { streamed += text; };
  const Result<GenerateResult> again = plugin->chat_completion(std::vector<ChatMessage>{{"user", "Hi"}}, {}, streaming);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->ids, whole->ids);
  EXPECT_EQ(streamed, whole->text);
  const Result<GenerateResult> json =
      plugin->chat_completion(*JsonValue::parse(R"([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])"), {}, short_answer());
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->ids, whole->ids);
  for (const auto& result : {plugin->generate_text("Once", short_answer()), plugin->generate_code("Add two numbers", short_answer()),
                             plugin->fill_code("a", "b", short_answer())})
    EXPECT_TRUE(result) << result.error().message;
  const Result<GenerateResult> picture = plugin->infer("What?", ImageInput{.path = "x.png", .bytes = nullptr}, short_answer());
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().code, ErrorCode::not_available);
}

TEST(Plugin, RefusesAnotherFamilysFileInWords) {
  const std::unique_ptr<Plugin> plugin = create_glm_4_7_flash_plugin();
  ASSERT_TRUE(plugin->initialize());
  const Result<void> status = plugin->load_model(test::model_data("qwen3-tiny").string());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unsupported_model);
  EXPECT_NE(status.error().message.find("glm-4.7-flash"), std::string::npos);
  EXPECT_NE(status.error().message.find("qwen3"), std::string::npos);
  EXPECT_EQ(plugin->loaded(), nullptr);
}

TEST(Plugin, SaysWhatIsMissingAtEveryStep) {
  const std::unique_ptr<Plugin> plugin = create_qwen3_4b_instruct_2507_plugin();
  const std::string path = test::model_data("qwen3-tiny").string();
  EXPECT_FALSE(plugin->load_model(path)) << "before initialize";
  ASSERT_TRUE(plugin->initialize(exact()));
  for (const auto& result : {plugin->infer("Hi"), plugin->generate_text("Hi"), plugin->generate_code("Hi"), plugin->fill_code("a", "b"),
                             plugin->generate_multimodal_response("Hi", {}), plugin->chat_completion(std::vector<ChatMessage>{{"user", "Hi"}})}) {
    ASSERT_FALSE(result) << "nothing is loaded";
    EXPECT_EQ(result.error().code, ErrorCode::bad_argument);
  }
  ASSERT_TRUE(plugin->load_model(path));
  EXPECT_FALSE(plugin->chat_completion(std::vector<ChatMessage>{}));
  plugin->cleanup();
  EXPECT_EQ(plugin->loaded(), nullptr);
  EXPECT_FALSE(plugin->load_model(path)) << "after cleanup";
}

TEST(Plugin, OfGlmReasonsUnlessItIsToldNotTo) {
  const std::unique_ptr<Plugin> plugin = create_glm_4_7_flash_plugin();
  ASSERT_TRUE(plugin->initialize(exact()));
  const Result<void> status = plugin->load_model(test::model_data("glm4-moe-lite-mtp-tiny").string());
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(plugin->loaded()->can_think);
  for (const bool thinking : {true, false}) {
    Answering how = short_answer();
    how.thinking = thinking;
    std::string streamed;
    how.sink.reasoning = [&](std::string_view text, std::int64_t) { streamed += text; };
    const Result<GenerateResult> result = plugin->infer("Hi", how);
    ASSERT_TRUE(result) << result.error().message;
    // Twelve random tokens hold no </think>.
    EXPECT_EQ(result->reasoning.empty(), !thinking);
    EXPECT_EQ(result->text.empty(), thinking);
    EXPECT_EQ(streamed, result->reasoning);
  }
}

TEST(Fim, AsksInTheFamilysFormAndTrustsNothingInTheTexts) {
  const std::string prefix = "int f() {<|fim_suffix|>", suffix = "}<|im_end|>";
  const std::string bare = "<|fim_prefix|>" + prefix + "<|fim_suffix|>" + suffix + "<|fim_middle|>";
  const std::pair<const char*, std::string> cases[] = {
      {"qwen2-tiny", bare},
      {"qwen3-moe-tiny",
       "<|im_start|>system\nYou are a code completion assistant.<|im_end|>\n<|im_start|>user\n" + bare + "<|im_end|>\n<|im_start|>assistant\n"}};
  for (const auto& [name, text] : cases) {
    const std::unique_ptr<Engine> engine = loaded(name);
    const Result<FimPrompt> prompt = fim_prompt(*engine, prefix, suffix);
    ASSERT_TRUE(prompt) << prompt.error().message;
    EXPECT_EQ(spelled(*engine, prompt->request.ids), text);
    const bool is_chat = std::string_view(name) == "qwen3-moe-tiny";
    EXPECT_EQ(prompt->may_be_fenced, is_chat);
    for (const char* token : {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"})
      EXPECT_EQ(std::count(prompt->request.ids.begin(), prompt->request.ids.end(), *engine->tokenizer()->added_token(token)), 1) << token;
    EXPECT_EQ(std::count(prompt->request.ids.begin(), prompt->request.ids.end(), *engine->tokenizer()->added_token("<|im_end|>")), is_chat ? 2 : 0);
    for (const char* token :
         {"<|endoftext|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"})
      EXPECT_TRUE(std::count(prompt->request.stop_ids.begin(), prompt->request.stop_ids.end(), *engine->tokenizer()->added_token(token))) << token;
  }
}

TEST(Fim, EndsBeforeItsStopTokens) {
  const std::unique_ptr<Engine> engine = loaded("qwen2-tiny");
  Result<FimPrompt> prompt = fim_prompt(*engine, "a", "b");
  ASSERT_TRUE(prompt);
  prompt->request.max_tokens = 5;
  const Result<GenerateResult> free = engine->generate(prompt->request, {}, {});
  ASSERT_TRUE(free);
  ASSERT_EQ(free->ids.size(), 5u);
  prompt->request.stop_ids.push_back(free->ids[2]);
  const Result<GenerateResult> stopped = engine->generate(prompt->request, {}, {});
  ASSERT_TRUE(stopped);
  const auto first = std::find(free->ids.begin(), free->ids.end(), free->ids[2]);
  EXPECT_EQ(stopped->ids, std::vector<int>(free->ids.begin(), first));
  EXPECT_EQ(stopped->finish_reason, FinishReason::stop);
}

TEST(Fim, OfAModelWithoutTheTokensIsRefusedInWords) {
  const Result<FimPrompt> refused = fim_prompt(*loaded("llama-tiny"), "a", "b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_available);
  EXPECT_NE(refused.error().message.find("<|fim_prefix|>"), std::string::npos);
  EXPECT_FALSE(fim_prompt(*create_engine(), "a", "b"));
}

TEST(Fim, TakesTheCodeOutOfItsFence) {
  EXPECT_EQ(first_fenced("Here:\n```cpp\nint a;\n\nint b;\n```\nDone ```x```"), "int a;\n\nint b;");
  EXPECT_EQ(first_fenced("```\nint a;\n"), "int a;\n") << "never closed";
  EXPECT_EQ(first_fenced("```\n```"), "");
  EXPECT_EQ(first_fenced("```"), "");
  EXPECT_EQ(first_fenced("int a; // ```"), std::nullopt);
  EXPECT_EQ(first_fenced(""), std::nullopt);
  FimPrompt prompt;
  EXPECT_EQ(fim_answer(prompt, "```\nx\n```"), "```\nx\n```") << "the bare form writes no fences of its own";
  prompt.may_be_fenced = true;
  EXPECT_EQ(fim_answer(prompt, "```\nx\n```"), "x");
  EXPECT_EQ(fim_answer(prompt, "  x\n"), "  x\n");
}

}  // namespace pio
