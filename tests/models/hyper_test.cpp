#include "models/hyper.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/registry.h"
#include "tests/support/tiny_model.h"

namespace pio::test {
namespace {

class HyperTest : public testing::Test {
 protected:
  void SetUp() override {
    auto backend = create_backend("reference", {});
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
  }
  // The error of a file in which one value is changed; or, without a value, left out.
  Error error_with(bool as_gguf, const std::string& key, std::optional<MetaValue> value, const std::string& model = "qwen3-tiny") {
    TestCheckpoint source(model_data(model), *backend_);
    if (as_gguf) source.become_gguf();
    if (value) source.set(key, *value);
    else source.erase(key);
    auto made = create_model(source, *backend_);
    if (made) return make_error(ErrorCode::internal, "a model was made");
    return made.error();
  }
  std::unique_ptr<Backend> backend_;
};

TEST_F(HyperTest, ValuesThatNoModelCanHaveAreRefusedByName) {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  const std::pair<const char*, MetaValue> cases[] = {
      {"qwen3.block_count", std::int64_t{0}},
      {"qwen3.block_count", std::int64_t{-3}},
      {"qwen3.block_count", huge},
      {"qwen3.embedding_length", huge},
      {"qwen3.feed_forward_length", std::int64_t{0}},
      {"qwen3.context_length", std::int64_t{0}},
      {"qwen3.attention.head_count", std::int64_t{0}},
      {"qwen3.attention.head_count", std::vector<std::int64_t>{4, 4, 4}},
      {"qwen3.attention.head_count_kv", std::int64_t{3}},
      {"qwen3.attention.head_count_kv", std::int64_t{0}},
      {"qwen3.attention.key_length", std::int64_t{33}},
      {"qwen3.attention.key_length", std::string("32")},
      {"qwen3.attention.key_length", huge},
      {"qwen3.attention.layer_norm_rms_epsilon", 0.0},
      {"qwen3.attention.layer_norm_rms_epsilon", std::nan("")},
      {"qwen3.rope.freq_base", -1.0},
      {"qwen3.rope.freq_base", std::numeric_limits<double>::infinity()},
      {"qwen3.rope.dimension_count", std::int64_t{34}},
      {"qwen3.rope.dimension_count", std::int64_t{7}},
  };
  for (const auto& [key, value] : cases) {
    const Error error = error_with(true, key, value);
    EXPECT_EQ(error.code, ErrorCode::bad_file) << key;
    EXPECT_NE(error.message.find(key), std::string::npos) << key << ": " << error.message;
    EXPECT_TRUE(error.message.starts_with("qwen3-tiny: ")) << error.message;
  }
}

TEST_F(HyperTest, ValuesThatAreNeededAndMissingAreNamed) {
  for (const char* key : {"qwen3.block_count", "qwen3.embedding_length", "qwen3.feed_forward_length", "qwen3.context_length",
                          "qwen3.attention.head_count", "qwen3.attention.layer_norm_rms_epsilon"})
    EXPECT_EQ(error_with(true, key, std::nullopt).message, "qwen3-tiny: " + std::string(key) + " is missing");
  for (const char* key : {"num_hidden_layers", "hidden_size", "intermediate_size", "max_position_embeddings", "vocab_size",
                          "num_attention_heads", "rms_norm_eps"})
    EXPECT_EQ(error_with(false, key, std::nullopt).message, "qwen3-tiny: " + std::string(key) + " is missing");
}

TEST_F(HyperTest, WhatWouldChangeTheMathematicsIsRefusedInWords) {
  const std::pair<const char*, MetaValue> of_config[] = {
      {"rope_scaling.rope_type", std::string("llama3")}, {"rope_scaling.type", std::string("yarn")},
      {"rope_parameters.rope_type", std::string("linear")}, {"rope_scaling.factor", 4.0},
      {"partial_rotary_factor", 0.5}, {"use_sliding_window", true},
      {"layer_types", std::vector<std::string>{"full_attention", "sliding_attention"}}, {"hidden_act", std::string("gelu")},
      {"attention_bias", true}, {"mlp_bias", true}, {"num_local_experts", std::int64_t{8}},
  };
  for (const auto& [key, value] : of_config) {
    const Error error = error_with(false, key, value);
    EXPECT_EQ(error.code, ErrorCode::unsupported_model) << key << ": " << error.message;
    const std::string first = std::string(key).substr(0, std::string(key).find('.'));
    EXPECT_NE(error.message.find(first), std::string::npos) << error.message;
  }
  const std::pair<const char*, MetaValue> of_gguf[] = {
      {"qwen3.rope.scaling.type", std::string("yarn")}, {"qwen3.attention.sliding_window", std::int64_t{4096}},
      {"qwen3.expert_count", std::int64_t{8}}, {"qwen3.attention.value_length", std::int64_t{16}},
  };
  for (const auto& [key, value] : of_gguf) {
    const Error error = error_with(true, key, value);
    EXPECT_EQ(error.code, ErrorCode::unsupported_model) << key << ": " << error.message;
    EXPECT_NE(error.message.find(key), std::string::npos) << error.message;
  }
}

TEST_F(HyperTest, WhatChangesNothingIsTaken) {
  const std::pair<const char*, MetaValue> harmless[] = {
      {"rope_scaling.rope_type", std::string("default")}, {"rope_parameters.rope_theta", 5e6}, {"partial_rotary_factor", std::int64_t{1}},
      {"layer_types", std::vector<std::string>{"full_attention"}}, {"sliding_window", std::int64_t{4096}},
  };
  for (const auto& [key, value] : harmless) EXPECT_EQ(error_with(false, key, value).message, "a model was made") << key;
  EXPECT_EQ(error_with(true, "qwen3.attention.sliding_window", std::int64_t{1 << 20}).message, "a model was made");
  EXPECT_EQ(error_with(true, "qwen3.rope.freq_base", std::nullopt).message, "a model was made");
}

TEST_F(HyperTest, ACheckpointOfQwen3WithoutAHeadSizeMeans128) {
  const std::string message = error_with(false, "head_dim", std::nullopt).message;
  EXPECT_NE(message.find("self_attn.q_proj.weight has shape [128, 64], expected [512, 64]"), std::string::npos) << message;
}

TEST_F(HyperTest, TheHeadSizeOfLlamaFollowsFromTheOthersWhenLeftOut) {
  TestCheckpoint source(model_data("llama-tiny"), *backend_);
  Hyper hyper(source);
  const DenseHyper h = read_dense_hyper(hyper, source);
  ASSERT_TRUE(hyper.status());
  EXPECT_EQ(h.head_dim, 16);
  EXPECT_EQ(h.rope_dims, 16);
  EXPECT_EQ(h.rope_theta, 100000);
  EXPECT_TRUE(h.is_tied);
  EXPECT_EQ(error_with(false, "num_attention_heads", std::int64_t{14}, "llama-tiny").message,
            "llama-tiny: num_attention_heads: expected a divisor of dim 96, found 14");
}

}  // namespace
}  // namespace pio::test
