#include <gtest/gtest.h>

#include "engine/files/model_file.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensor_bytes.h"

namespace pio {
namespace {

const std::string kOneTensor = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
const std::string kOtherTensor = R"({"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";

void refused(const std::filesystem::path& path, ErrorCode code, std::string_view words) {
  const auto opened = open_model_file(path);
  ASSERT_FALSE(opened) << "expected: " << words;
  EXPECT_EQ(opened.error().code, code) << opened.error().message;
  EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
}

TEST(HuggingFace, ConfigKeysAreFlattenedAndListsOfOneKindKept) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type": "test", "a": {"b": {"c": 1}, "d": 2.5}, "yes": true, "nothing": null, "text": "zw\u00f6lf",
    "ints": [1, 2], "mixed numbers": [1, 2.5], "texts": ["x", "y"], "bools": [true, false], "empty": [], "objects": [{"q": 1}],
    "lists": [[1], [2]], "mixed": [1, "x"], "with null": [1, null], "big": 9223372036854775807, "small": -9223372036854775808, "after": [3]})");
  folder.write("generation_config.json", R"({"temperature": 0.7, "eos_token_id": [1, 2], "a": {"b": 1}})");
  folder.write("model.safetensors", safetensors_file(kOneTensor, 4));
  const auto opened = open_model_file(folder.path());
  ASSERT_TRUE(opened) << opened.error().message;
  const auto& metadata = (*opened)->metadata();
  EXPECT_EQ((*opened)->architecture(), "test");
  EXPECT_EQ((*opened)->label(), folder.path().filename().string());
  const std::map<std::string, MetaValue, std::less<>> expected = {{"model_type", std::string("test")},
                                                                  {"a.b.c", std::int64_t{1}},
                                                                  {"a.d", 2.5},
                                                                  {"yes", true},
                                                                  {"text", std::string("zwölf")},
                                                                  {"ints", std::vector<std::int64_t>{1, 2}},
                                                                  {"mixed numbers", std::vector<double>{1, 2.5}},
                                                                  {"texts", std::vector<std::string>{"x", "y"}},
                                                                  {"bools", std::vector<bool>{true, false}},
                                                                  {"big", std::int64_t{9223372036854775807}},
                                                                  {"small", std::numeric_limits<std::int64_t>::min()},
                                                                  {"after", std::vector<std::int64_t>{3}},
                                                                  {"generation.temperature", 0.7},
                                                                  {"generation.eos_token_id", std::vector<std::int64_t>{1, 2}},
                                                                  {"generation.a.b", std::int64_t{1}},
                                                                  // of lists that no model needs: that there is one
                                                                  {"objects", std::vector<std::string>()},
                                                                  {"lists", std::vector<std::string>()},
                                                                  {"mixed", std::vector<std::string>()},
                                                                  {"with null", std::vector<std::string>()}};
  for (const auto& [key, value] : expected) {
    const auto it = metadata.find(key);
    ASSERT_NE(it, metadata.end()) << key;
    EXPECT_TRUE(it->second == value) << key;
  }
  EXPECT_EQ(metadata.size(), expected.size());
  EXPECT_EQ((*opened)->paths().size(), 3u);
  EXPECT_EQ((*opened)->data(0).size(), 4u);
}

TEST(HuggingFace, AFolderWithAnEndingSlashHasItsName) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type": "test"})");
  folder.write("model.safetensors", safetensors_file(kOneTensor, 4));
  const auto opened = open_model_file(folder.path() / "");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->label(), folder.path().filename().string());
}

TEST(HuggingFace, WhatIsMissingIsNamed) {
  const TempFolder folder;
  refused(folder.path(), ErrorCode::not_found, "config.json");
  folder.write("config.json", "{}");
  refused(folder.path(), ErrorCode::bad_file, "model_type");
  folder.write("config.json", R"({"model_type": 3})");
  refused(folder.path(), ErrorCode::bad_file, "model_type");
  folder.write("config.json", R"({"model_type": "test"})");
  refused(folder.path(), ErrorCode::not_found, "model.safetensors.index.json");
  const std::string one = R"({"model.norm.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::string other = R"({"lm_head.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  folder.write("model.safetensors.index.json", R"({"weight_map": {"model.norm.weight": "a.safetensors", "lm_head.weight": "b.safetensors"}})");
  refused(folder.path(), ErrorCode::not_found, "a.safetensors");
  folder.write("a.safetensors", safetensors_file(one, 4));
  refused(folder.path(), ErrorCode::not_found, "b.safetensors");
  folder.write("b.safetensors", safetensors_file("{}", 0));
  refused(folder.path(), ErrorCode::bad_file, "tensor lm_head.weight: expected in b.safetensors, found in no file");
  folder.write("b.safetensors", safetensors_file(other, 4));
  EXPECT_TRUE(open_model_file(folder.path()));
}

TEST(HuggingFace, AnIndexMayNameWhatNoModelNeeds) {
  const TempFolder folder;
  const std::string norm = R"({"model.norm.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const auto opens = [&](const std::string& more, const std::string& config = R"("num_hidden_layers": 2)") {
    folder.write("config.json", R"({"model_type": "test", )" + config + "}");
    folder.write("model.safetensors.index.json",
                 R"({"metadata": {"total_size": 4, "made": [1, {"by": null}]}, "weight_map": {"model.norm.weight": "a.safetensors", )" + more + "}}");
    return open_model_file(folder.path());
  };
  folder.write("a.safetensors", safetensors_file(norm, 4));
  for (const char* more : {R"("model.layers.0.self_attn.rotary_emb.inv_freq": "a.safetensors")",     // in no file
                           R"("model.layers.0.self_attn.rotary_emb.inv_freq": "none.safetensors")",  // in a file that is missing
                           R"("model.layers.2.self_attn.q_proj.weight": "none.safetensors")", R"("of.another.program": "none.safetensors")"}) {
    const auto opened = opens(more);
    ASSERT_TRUE(opened) << more << ": " << opened.error().message;
    EXPECT_EQ((*opened)->tensors().size(), 1u);
  }
  EXPECT_TRUE(opens(R"("lm_head.weight": "none.safetensors")", R"("tie_word_embeddings": true)"));
  EXPECT_FALSE(opens(R"("lm_head.weight": "none.safetensors")"));
  const auto wanted = opens(R"("model.layers.1.self_attn.q_proj.weight": "none.safetensors")");
  ASSERT_FALSE(wanted);
  EXPECT_EQ(wanted.error().code, ErrorCode::not_found);

  // A tensor in another file than the index says is there all the same; of two, the index says which.
  folder.write("b.safetensors", safetensors_file(R"({"lm_head.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
  const auto elsewhere = opens(R"("lm_head.weight": "a.safetensors", "of.another.program": "b.safetensors")");
  ASSERT_TRUE(elsewhere) << elsewhere.error().message;
  EXPECT_EQ((*elsewhere)->tensors().size(), 2u);
  auto bytes = safetensors_file(norm, 4);
  bytes.back() = std::byte{7};
  folder.write("b.safetensors", bytes);
  folder.write("a.safetensors", safetensors_file(norm, 4));
  const auto twice = opens(R"("of.another.program": "b.safetensors")");
  ASSERT_TRUE(twice) << twice.error().message;
  ASSERT_EQ((*twice)->tensors().size(), 1u);
  EXPECT_EQ(test::tensor_bytes(**twice, 0).back(), std::byte{3});  // as the writer fills it
}

TEST(HuggingFace, AnIndexLeadsNowhereOutsideItsFolder) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() / "model");
  folder.write("secret.safetensors", safetensors_file(kOneTensor, 4));
  folder.write("model/config.json", R"({"model_type": "test"})");
  for (const std::string name : {"../secret.safetensors", "/etc/passwd", "..", ".", "", "sub/x.safetensors", "..\\\\secret", "a\\u0000b"}) {
    folder.write("model/model.safetensors.index.json", R"({"weight_map": {"w": ")" + name + R"("}})");
    refused(folder.path() / "model", ErrorCode::bad_file, "in this folder");
  }
  for (const std::string index : {"{}", "[]", "", "3", R"({"weight_map": {}})", R"({"weight_map": []})", R"({"weight_map": {"w": 3}})",
                                  R"({"weight_map": {"w": {"x": "y"}}})", R"({"weight_map": {"w": "a", "w": "a"}})", R"({"weight_map": {"w": "a")"}) {
    folder.write("model/model.safetensors.index.json", index);
    refused(folder.path() / "model", ErrorCode::bad_file, "model.safetensors.index.json");
  }
}

TEST(HuggingFace, ACheckpointPackedInAnotherWayIsUnsupported) {
  const TempFolder folder;
  folder.write("model.safetensors", safetensors_file(kOneTensor, 4));
  folder.write("config.json", R"({"model_type": "test", "quantization_config": {"quant_method": "fp8"}})");
  refused(folder.path(), ErrorCode::unsupported_model, "quantized with fp8");
  folder.write("config.json", R"({"model_type": "test", "quantization_config": {"quant_method": "gptq", "bits": 3}})");
  refused(folder.path(), ErrorCode::unsupported_model, "found 3");
  folder.write("config.json", R"({"model_type": "test", "quantization_config": {"bits": 4}})");
  refused(folder.path(), ErrorCode::unsupported_model, "quantized");
  folder.write("config.json", R"({"model_type": "test", "quantization_config": null})");
  EXPECT_TRUE(open_model_file(folder.path()));
}

}  // namespace
}  // namespace pio
