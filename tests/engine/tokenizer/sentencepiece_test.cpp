// SentencePiece models: the ids of the published library, the bytes of each id, what a person's words may not reach, and damaged files.

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

#include "engine/files/model_file.h"
#include "engine/tokenizer/sentencepiece.h"
#include "engine/tokenizer/utf8_stream.h"
#include "tests/engine/tokenizer/fixtures.h"

namespace pio {
namespace {

using nlohmann::json;
using Model = SentencePieceModel;

const std::filesystem::path kModel = fixtures::kData / "sentencepiece/tokenizer.model";

Result<std::unique_ptr<Tokenizer>> from_gguf(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelFile> file, open_gguf(path));
  const MetadataLookup lookup = [&](std::string_view key) -> const MetaValue* {
    const auto found = file->metadata().find(key);
    return found == file->metadata().end() ? nullptr : &found->second;
  };
  return load_gguf_tokenizer(lookup, file->label());
}

// The published small model, from its own file or from the arrays of a GGUF.
class SentencePiece : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Tokenizer>> loaded = std::string_view(GetParam()) == "gguf" ? from_gguf(fixtures::kData / "sentencepiece.gguf")
                                                                                       : load_sentencepiece(fixtures::read(kModel), false, "model");
    if (!loaded && loaded.error().code == ErrorCode::not_available) GTEST_SKIP() << loaded.error().message;
    ASSERT_TRUE(loaded) << loaded.error().message;
    tokenizer_ = std::move(*loaded);
  }
  int id(std::string_view spelling) const { return tokenizer_->added_token(spelling).value_or(-1); }

  std::unique_ptr<Tokenizer> tokenizer_;
};

Model tiny_model() {
  Model model;
  model.algorithm = Model::Algorithm::bpe;
  model.removes_extra_spaces = false;
  model.pieces = {{"<unk>", 0, Model::Type::unknown},    {"<s>", 0, Model::Type::control},      {"</s>", 0, Model::Type::control},
                  {"<u>", 0, Model::Type::user_defined}, {"\u2581", -1, Model::Type::normal},   {"a", -2, Model::Type::normal},
                  {"b", -3, Model::Type::normal},        {"\u2581a", -0.5, Model::Type::normal}};
  return model;
}

Result<std::unique_ptr<Tokenizer>> load(const Model& model) { return load_sentencepiece(serialize(model), true, "model"); }

}  // namespace

TEST_P(SentencePiece, GivesTheIdsOfItsLibraryForEveryText) {
  std::map<int, std::string> texts;
  const json corpus = fixtures::read_json(fixtures::kData / "corpus.json"),
             expected = fixtures::read_json(fixtures::kData / "expected/sentencepiece.json");
  for (const json& entry : corpus["cases"]) texts[entry["id"]] = entry["text"];
  ASSERT_GT(expected["cases"].size(), 500u);
  for (const SpecialTokens special : {SpecialTokens::all, SpecialTokens::none}) {
    for (const json& entry : expected["cases"])
      ASSERT_EQ(tokenizer_->encode(texts.at(entry["id"]), special), entry["all"].get<std::vector<int>>()) << entry["id"];
    for (const json& entry : expected["invalid"])
      ASSERT_EQ(tokenizer_->encode(fixtures::from_hex(entry["hex"]), special), entry["all"].get<std::vector<int>>()) << entry["hex"];
  }
}

TEST_P(SentencePiece, GivesTheBytesOfEveryIdAndStreamsThem) {
  const json expected = fixtures::read_json(fixtures::kData / "decode/sentencepiece.json");
  EXPECT_EQ(tokenizer_->n_ids(), expected["tokens"].get<int>());
  for (const json& entry : expected["token_bytes"]) EXPECT_EQ(fixtures::to_hex(tokenizer_->bytes(entry[0])), entry[1].get<std::string>()) << entry[0];
  for (const json& entry : expected["cases"]) {
    Utf8Stream stream;
    std::vector<std::string> parts;
    for (const int id : entry["ids"]) parts.push_back(stream.push(tokenizer_->bytes(id)));
    parts.push_back(stream.finish());
    EXPECT_EQ(json(parts), entry["stream"]) << entry["ids"];
  }
  EXPECT_EQ(tokenizer_->bytes(-1), "");
  EXPECT_EQ(tokenizer_->bytes(tokenizer_->n_ids()), "");
}

TEST_P(SentencePiece, KnowsItsEndTokenAndWhatIsControl) {
  EXPECT_EQ(tokenizer_->stop_ids(), std::vector<int>{id("</s>")});
  EXPECT_EQ(tokenizer_->begin_id(), std::nullopt);
  EXPECT_TRUE(tokenizer_->is_control(id("<s>")));
  EXPECT_FALSE(tokenizer_->is_control(id("<|im_start|>"))) << "user-defined";
  EXPECT_EQ(tokenizer_->n_added_tokens(), 4);
  EXPECT_EQ(tokenizer_->added_token("hello"), std::nullopt);
}

TEST_P(SentencePiece, WordsOfAPersonNeverBecomeASymbol) {
  using Kind = Piece::Kind;
  const std::string start = "<|im_start|>", end = "<|im_end|>";
  for (const std::string& words : {start, "hi" + end + "</s><s>", "a " + start + end + start, end.substr(0, 4) + end}) {
    const std::vector<int> ids = tokenizer_->encode_pieces(std::vector<Piece>{{Kind::control, start}, {Kind::text, words}, {Kind::control, end}});
    ASSERT_GT(ids.size(), 3u);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), id(start)), 1) << words;
    EXPECT_EQ(std::count(ids.begin(), ids.end(), id(end)), 1) << words;
    EXPECT_EQ(ids.back(), id(end));
    std::string spelled;
    for (const int i : ids) {
      EXPECT_FALSE(tokenizer_->is_control(i));
      spelled += tokenizer_->bytes(i);
    }
    EXPECT_EQ(spelled, " " + start + words + end) << "broken up, but all there";
  }
}

TEST_P(SentencePiece, PiecesWithoutSymbolsAreReadAsOneText) {
  using Kind = Piece::Kind;
  const std::string text = "The quick brown  fox\n\tjumps 12345 \u4f60\u597d \U0001f389";
  const std::vector<int> whole = tokenizer_->encode(text, SpecialTokens::all);
  EXPECT_EQ(tokenizer_->encode_pieces(std::vector<Piece>{{Kind::control, text.substr(0, 7)}, {Kind::text, text.substr(7)}}), whole);
  // A user-defined symbol stands within its text, a control piece ends it.
  const std::vector<int> within = tokenizer_->encode("x<|im_end|>y z", SpecialTokens::all);
  EXPECT_EQ(tokenizer_->encode_pieces(std::vector<Piece>{{Kind::text, "x"}, {Kind::control, "<|im_end|>"}, {Kind::text, "y z"}}), within);
  std::vector<int> apart = tokenizer_->encode("x", SpecialTokens::all);
  const std::vector<int> second = tokenizer_->encode("y z", SpecialTokens::all);
  apart.push_back(id("</s>"));
  apart.insert(apart.end(), second.begin(), second.end());
  EXPECT_EQ(tokenizer_->encode_pieces(std::vector<Piece>{{Kind::text, "x"}, {Kind::control, "</s>"}, {Kind::text, "y z"}}), apart);
}

INSTANTIATE_TEST_SUITE_P(Files, SentencePiece, testing::Values("model", "gguf"), [](const auto& info) { return std::string(info.param); });

TEST(SentencePieceModels, AreReadAsTheyWereWritten) {
  const Result<Model> published = parse_sentencepiece_model(fixtures::read(kModel), "model");
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(published->pieces.size(), 600u);
  EXPECT_EQ(published->algorithm, Model::Algorithm::bpe);
  EXPECT_TRUE(published->has_byte_fallback);
  EXPECT_FALSE(published->removes_extra_spaces);
  const Result<Model> again = parse_sentencepiece_model(serialize(*published), "model");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(serialize(*again), serialize(*published));
}

TEST(SentencePieceModels, PutABeginTokenFirstWhereTheFolderAsks) {
  const auto tokenizer = load(tiny_model());
  if (!tokenizer && tokenizer.error().code == ErrorCode::not_available) GTEST_SKIP() << tokenizer.error().message;
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->begin_id(), 1);
  EXPECT_EQ((*tokenizer)->encode("a b", SpecialTokens::none), (std::vector<int>{7, 4, 6}));
  EXPECT_EQ((*tokenizer)->encode("c", SpecialTokens::none), (std::vector<int>{4, 0})) << "no byte fallback: unknown";
}

TEST(SentencePieceModels, ASingleCharacterThatIsAControlPieceIsUnknownInAPersonsWords) {
  Model model = tiny_model();
  model.pieces[2].text = "b";
  model.pieces[6].text = "c";
  model.pieces[3].text = "\n";
  const auto tokenizer = load(model);
  if (!tokenizer && tokenizer.error().code == ErrorCode::not_available) GTEST_SKIP() << tokenizer.error().message;
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->encode_pieces(std::vector<Piece>{{Piece::Kind::text, "ab\nc"}}), (std::vector<int>{7, 0, 3, 6}));
}

TEST(SentencePieceModels, WhatIsUnsoundIsRefusedInWords) {
  const auto expect_refused = [](const Model& model, const std::string& words) {
    const auto tokenizer = load(model);
    ASSERT_FALSE(tokenizer) << words;
    EXPECT_NE(tokenizer.error().message.find(words), std::string::npos) << tokenizer.error().message;
  };
  Model model = tiny_model();
  model.pieces[0].type = Model::Type::normal;
  expect_refused(model, "one of type unknown, found 0");
  model = tiny_model();
  model.pieces[1].type = Model::Type::unknown;
  expect_refused(model, "one of type unknown, found 2");
  model = tiny_model();
  model.has_byte_fallback = true;
  expect_refused(model, "256 bytes, found 0");
  for (const std::string& text : {std::string(), std::string("a\0b", 3), std::string(100'000, 'x')}) {
    model = tiny_model();
    model.pieces[5].text = text;
    expect_refused(model, "piece 5");
  }
  model = tiny_model();
  model.pieces[5].score = std::numeric_limits<float>::quiet_NaN();
  expect_refused(model, "finite score");
  model = tiny_model();
  model.pieces[5] = {"<0xZZ>", 0, Model::Type::byte};
  expect_refused(model, "a byte such as");
  model = tiny_model();
  model.algorithm = static_cast<Model::Algorithm>(77);
  expect_refused(model, "model_type");
  for (const std::size_t n_units : {1, 300, 1024}) {  // a double array whose every unit leads away
    model = tiny_model();
    const std::uint32_t n_bytes = static_cast<std::uint32_t>(4 * n_units), unit = 0x7FFFFC00u;
    model.character_map.assign(reinterpret_cast<const char*>(&n_bytes), 4);
    for (std::size_t i = 0; i < n_units; ++i) model.character_map.append(reinterpret_cast<const char*>(&unit), 4);
    model.character_map += std::string("x\0", 2);
    expect_refused(model, "precompiled_charsmap");
  }
  EXPECT_FALSE(load_sentencepiece("", false, "model"));
  EXPECT_FALSE(load_sentencepiece("<!DOCTYPE html>", false, "model"));
  model = tiny_model();
  model.pieces[6].text = "a";  // twice: the library's own refusal, if it is there
  EXPECT_FALSE(load(model));
}

TEST(SentencePieceModels, DamagedOnesNeverCrash) {
  const std::string original = fixtures::read(kModel);
  const std::string text = "The <|im_start|> quick  \u4f60 brown\xff fox 12345\n";
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    std::string damaged = original;
    if (i % 4 == 0) damaged.resize(random() % damaged.size());
    for (int n = 1 + static_cast<int>(random() % 12); n > 0 && !damaged.empty(); --n) {
      // half of the damage goes to the two specifications at the end
      const std::size_t at = random() % 2 ? random() % damaged.size() : damaged.size() - 1 - random() % std::min<std::size_t>(damaged.size(), 240);
      damaged[at] = static_cast<char>(random());
    }
    const auto tokenizer = load_sentencepiece(damaged, i % 2, "damaged");
    if (!tokenizer) {
      EXPECT_FALSE(tokenizer.error().message.empty());
      continue;
    }
    for (const int id : (*tokenizer)->encode(text, SpecialTokens::none)) EXPECT_TRUE(id >= 0 && id < (*tokenizer)->n_ids());
    const std::vector<Piece> pieces = {{Piece::Kind::control, text}, {Piece::Kind::text, text}};
    for (const int id : (*tokenizer)->encode_pieces(pieces)) EXPECT_TRUE(id >= 0 && id < (*tokenizer)->n_ids());
  }
}

}  // namespace pio
