// Where the tokenizer of a model lies: in its folder, beside nothing else, or in a file named by itself.

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/engine.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

const fs::path kSentencePiece = fs::path(PIO_TEST_DATA) / "tokenizer/sentencepiece/tokenizer.model";

}  // namespace

TEST(TokenizerFiles, ASentencePieceModelStandsInForAMissingTokenizerJson) {
  const auto alone = open_tokenizer(kSentencePiece.string());
  if (!alone && alone.error().code == ErrorCode::not_available) GTEST_SKIP() << alone.error().message;
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ((*alone)->begin_id(), std::nullopt);

  const TempFolder folder;
  fs::copy(test::model_data("llama-tiny"), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  fs::copy(kSentencePiece, folder.path());
  const auto json_first = open_tokenizer(folder.path().string());
  ASSERT_TRUE(json_first) << json_first.error().message;
  EXPECT_NE((*json_first)->n_ids(), (*alone)->n_ids());

  fs::remove(folder.path() / "tokenizer.json");
  folder.write("tokenizer_config.json", R"({"add_bos_token": true})");
  const auto of_folder = open_tokenizer(folder.path().string());
  ASSERT_TRUE(of_folder) << of_folder.error().message;
  EXPECT_EQ((*of_folder)->n_ids(), (*alone)->n_ids());
  EXPECT_EQ((*of_folder)->begin_id(), (*alone)->added_token("<s>"));

  const std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request;
  request.path = folder.path().string();
  request.context_length = 64;
  const Result<void> status = engine->load(request, {}, {});
  // It is read, and is another model's: its vocabulary has more tokens than the table has rows.
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::bad_file);
  EXPECT_NE(status.error().message.find("vocabulary of 600 tokens"), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("found 391"), std::string::npos) << status.error().message;
}

TEST(TokenizerFiles, WhatIsNoTokenizerIsRefusedInWords) {
  const TempFolder folder;
  for (const char* name : {"tokenizer.model", "tokenizer.json"}) {
    const auto refused = open_tokenizer(folder.write(name, "<!DOCTYPE html>").string());
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().message.find(name), std::string::npos) << refused.error().message;
  }
  EXPECT_FALSE(open_tokenizer("/nowhere/tokenizer.model"));
}

}  // namespace pio
