// Which chat format a file has, by the template that came with it.

#include "engine/chat/chat_template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/chat/sha256.h"
#include "engine/engine.h"
#include "kernels/base/log.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// SmolLM2's template, as published: small, and not the format of the family below.
std::string smollm2_template() { return read(std::filesystem::path(PIO_TEST_DATA) / "templates/smollm2-instruct.jinja"); }

// A copy of the small Qwen3 checkpoint whose folder takes more files.
class ChatTemplate : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"})
      std::filesystem::copy(test::model_data("qwen3-tiny") / name, folder_.path() / name);
  }
  ChosenFormat chosen() {
    const auto file = open_model_file(folder_.path());
    EXPECT_TRUE(file) << file.error().message;
    return file ? choose_chat_format(**file) : ChosenFormat{};
  }
  void expect(std::string_view name, bool is_guess) {
    const ChosenFormat found = chosen();
    ASSERT_TRUE(found.format);
    EXPECT_EQ(found.format->name(), name);
    EXPECT_EQ(found.is_guess, is_guess);
  }

  TempFolder folder_;
};

}  // namespace

// FIPS 180-4's examples (NIST, SHA256.pdf), the empty text, and lengths about the end of a block from Python's hashlib.
TEST(Sha256, IsTheStandards) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(sha256_hex(std::string(55, '\xFF')), "aadaed00a3c5fbb8072ae7f1984ba8199fbe5272de427d11eaf31583af37db51");
  EXPECT_EQ(sha256_hex(std::string(64, 'x')), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
}

TEST(ChatTemplates, AreThosePublishedAndNoOtherRevision) {
  for (const std::string_view name : chat_format_names()) {
    const auto expected = nlohmann::json::parse(read(std::filesystem::path(PIO_TEST_DATA) / "templates/expected" / (std::string(name) + ".json")));
    EXPECT_EQ(chat_format_of_template(expected["sha256"].get<std::string>()), find_chat_format(name)) << name;
  }
  // Qwen3-4B-Instruct-2507 of 2025-08-05 and Qwen3-8B write think blocks; Qwen3-Coder of 2025-07-31 lists tools otherwise.
  for (const char* hash :
       {"40c21f34cf67d8c760ef72f8ad3ae5afad514299d4b06e91dd9a8d705af7b541", "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8",
        "672e747c77e990320152343b0a4951222e40de5645297905d89afba05586d827", ""})
    EXPECT_EQ(chat_format_of_template(hash), nullptr) << hash;
}

TEST_F(ChatTemplate, WithoutOneTheFamilysOwnFormatIsNoGuess) { expect("qwen3-4b-instruct-2507", false); }

TEST_F(ChatTemplate, OfAFolderIsReadFromAnyOfItsPlaces) {
  const std::string text = smollm2_template();
  const auto config = [](const nlohmann::json& value) { return nlohmann::json{{"chat_template", value}}.dump(); };
  folder_.write("tokenizer_config.json", config(text));
  expect("smollm2-instruct", false);
  folder_.write("tokenizer_config.json", config({{{"name", "tool_use"}, {"template", "x"}}, {{"name", "default"}, {"template", text + "\n"}}}));
  expect("smollm2-instruct", false);
  folder_.write("chat_template.json", config("{{ another }}"));
  expect("qwen3-4b-instruct-2507", true);
  folder_.write("chat_template.jinja", text);
  expect("smollm2-instruct", false);
}

TEST_F(ChatTemplate, ThatNobodyCanReadIsAsNone) {
  for (const char* text :
       {"{", "[]", "{\"chat_template\": 5}", "{\"chat_template\": [1, {\"name\": \"default\"}]}", "{\"chat_template\": \"\"}", "\xFF\xFE"}) {
    folder_.write("tokenizer_config.json", text);
    expect("qwen3-4b-instruct-2507", false);
  }
}

TEST_F(ChatTemplate, ThatIsUnknownIsSaidOnceALoad) {
  static std::vector<std::string> said;
  said.clear();
  set_log_sink([](LogLevel level, std::string_view text) {
    if (level == LogLevel::warning) said.emplace_back(text);
  });
  folder_.write("chat_template.jinja", "{{ messages }}");
  const std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request;
  request.path = folder_.path().string();
  request.context_length = 64;
  ASSERT_TRUE(engine->load(request, {}, {}));
  EXPECT_EQ(engine->loaded()->chat_format, "qwen3-4b-instruct-2507");
  set_log_sink(nullptr);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("qwen3-4b-instruct-2507"), std::string::npos) << said[0];
}

TEST(ChatTemplates, OfAGgufAreInItsMetadata) {
  TempFolder folder;
  for (const auto& [text, name, is_guess] :
       {std::tuple{smollm2_template(), "smollm2-instruct", false}, std::tuple{std::string("{{ x }}"), "qwen3-coder-30b", true}}) {
    const auto path = folder.write("m.gguf", GgufWriter("qwen3moe").key("tokenizer.chat_template", std::string_view(text)).bytes());
    const auto file = open_model_file(path);
    ASSERT_TRUE(file) << file.error().message;
    const ChosenFormat found = choose_chat_format(**file);
    ASSERT_TRUE(found.format);
    EXPECT_EQ(found.format->name(), name);
    EXPECT_EQ(found.is_guess, is_guess);
  }
}

}  // namespace pio
