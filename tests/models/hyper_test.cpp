#include "models/hyper.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/registry.h"
#include "models/qwen3_vl_2b/config.h"
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
  for (const char* key :
       {"num_hidden_layers", "hidden_size", "intermediate_size", "max_position_embeddings", "vocab_size", "num_attention_heads", "rms_norm_eps"})
    EXPECT_EQ(error_with(false, key, std::nullopt).message, "qwen3-tiny: " + std::string(key) + " is missing");
}

TEST_F(HyperTest, WhatWouldChangeTheMathematicsIsRefusedInWords) {
  const std::pair<const char*, MetaValue> of_config[] = {
      {"rope_scaling.rope_type", std::string("llama3")},
      {"rope_scaling.type", std::string("yarn")},
      {"rope_parameters.rope_type", std::string("linear")},
      {"rope_scaling.factor", 4.0},
      {"rope_scaling.factor", std::int64_t{2}},
      {"rope_parameters.factor", 0.5},
      {"rope_scaling.type", std::string("dynamic")},
      {"rope_scaling", std::string("linear")},
      {"rope_scaling", 4.0},
      {"rope_scaling.alpha", 1000.0},
      {"rope_parameters.scale", 2.0},
      {"rope_scaling_factor", 4.0},
      {"rope_parameters", std::vector<std::string>()},
      {"rope_parameters.full_attention.rope_theta", 1e6},
      {"rope_parameters.sliding_attention.rope_type", std::string("default")},
      {"rope_scaling.long_factor", std::vector<double>{1, 2}},
      {"rope_scaling.attention_factor", 1.2},
      {"rope_parameters.partial_rotary_factor", 0.5},
      {"rope_scaling.partial_rotary_factor", 0.5},
      {"partial_rotary_factor", 0.5},
      {"rotary_pct", 0.25},
      {"rope_ratio", std::int64_t{2}},
      {"use_dynamic_ntk", true},
      {"use_sliding_window", true},
      {"layer_types", std::vector<std::string>{"full_attention", "sliding_attention"}},
      {"hidden_act", std::string("gelu")},
      {"hidden_activation", std::string("gelu_pytorch_tanh")},
      {"no_rope_layers", std::vector<std::int64_t>{1, 0, 1}},
      {"attention_bias", true},
      {"mlp_bias", true},
      {"num_local_experts", std::int64_t{8}},
      {"is_causal", false},
      {"scale_emb", 12.0},
      {"embedding_multiplier", 12.0},
      {"residual_multiplier", 0.22},
      {"logits_scaling", std::int64_t{8}},
      {"logit_scale", 0.0625},
      {"attention_multiplier", 0.0078125},
      {"attn_logit_softcapping", 50.0},
      {"final_logit_softcapping", 30.0},
      {"clip_qkv", 8.0},
      {"query_pre_attn_scalar", std::int64_t{256}},
      {"scale_depth", 1.4},
      {"dim_model_base", std::int64_t{256}},
  };
  for (const auto& [key, value] : of_config) {
    const Error error = error_with(false, key, value);
    EXPECT_EQ(error.code, ErrorCode::unsupported_model) << key << ": " << error.message;
    const std::string first = std::string(key).substr(0, std::string(key).find('.'));
    EXPECT_NE(error.message.find(first), std::string::npos) << error.message;
  }
  const std::pair<const char*, MetaValue> of_gguf[] = {
      {"qwen3.rope.scaling.type", std::string("yarn")},
      {"qwen3.rope.scaling.type", std::string("longrope")},
      {"qwen3.rope.scaling.factor", 4.0},
      {"qwen3.rope.scaling.factor", std::int64_t{2}},
      {"qwen3.rope.scale_linear", 2.0},
      {"qwen3.rope.scaling.attn_factor", 1.2},
      {"qwen3.rope.scaling.alpha", 1000.0},
      {"qwen3.attention.causal", false},
      {"qwen3.attention.scale", 0.5},
      {"qwen3.embedding_scale", 12.0},
      {"qwen3.residual_scale", 0.5},
      {"qwen3.logit_scale", 0.5},
      {"qwen3.attn_logit_softcapping", 50.0},
      {"qwen3.final_logit_softcapping", 30.0},
      {"qwen3.attention.clamp_kqv", 8.0},
      {"qwen3.attention.max_alibi_bias", 8.0},
      {"qwen3.use_parallel_residual", true},
      {"qwen3.attention.sliding_window", std::int64_t{4096}},
      {"qwen3.expert_count", std::int64_t{8}},
      {"qwen3.attention.value_length", std::int64_t{16}},
  };
  for (const auto& [key, value] : of_gguf) {
    const Error error = error_with(true, key, value);
    EXPECT_EQ(error.code, ErrorCode::unsupported_model) << key << ": " << error.message;
    EXPECT_NE(error.message.find(key), std::string::npos) << error.message;
  }
}

// Every spelling of rope scaling with two or more keys, and which key the refusal names; empty: the values mean none.
TEST_F(HyperTest, RopeScalingIsRefusedByTheKeyThatAsksForItAndTakenWhereItMeansNone) {
  using Keys = std::vector<std::pair<std::string, MetaValue>>;
  const auto text = [](const char* value) { return MetaValue(std::string(value)); };
  const struct {
    bool is_gguf;
    Keys keys;
    const char* named;
  } cases[] = {
      {false, {{"rope_scaling.type", text("linear")}, {"rope_scaling.factor", 2.0}}, "rope_scaling.type: expected default, found linear"},
      {false, {{"rope_scaling.rope_type", text("llama3")}, {"rope_scaling.factor", 32.0}}, "rope_scaling.rope_type: expected default, found llama3"},
      {false,
       {{"rope_scaling.type", text("default")}, {"rope_scaling.rope_type", text("yarn")}, {"rope_scaling.factor", 4.0}},
       "rope_scaling.rope_type: expected default, found yarn"},
      {false,
       {{"rope_parameters.rope_type", text("yarn")}, {"rope_parameters.factor", 1.0}, {"rope_parameters.attention_factor", 1.3}},
       "rope_parameters.attention_factor"},
      {false,
       {{"rope_scaling.original_max_position_embeddings", std::int64_t{64}}, {"rope_scaling.factor", 2.0}},
       "rope_scaling.factor: expected 1, found 2"},
      {false, {{"rope_scaling.type", text("linear")}, {"rope_scaling.factor", std::int64_t{1}}}, ""},
      {false,
       {{"rope_scaling.rope_type", text("yarn")}, {"rope_scaling.factor", 1.0}, {"rope_scaling.original_max_position_embeddings", std::int64_t{64}}},
       ""},
      {false, {{"rope_scaling.rope_type", text("default")}, {"rope_scaling.type", text("default")}}, ""},
      {false, {{"rope_parameters.rope_type", text("default")}, {"rope_parameters.rope_theta", 1e6}}, ""},
      {false, {{"original_max_position_embeddings", std::int64_t{64}}}, ""},
      {true, {{"qwen3.rope.scaling.type", text("linear")}, {"qwen3.rope.scaling.factor", 2.0}}, "qwen3.rope.scaling.factor: expected 1, found 2"},
      {true,
       {{"qwen3.rope.scaling.type", text("yarn")},
        {"qwen3.rope.scaling.factor", 4.0},
        {"qwen3.rope.scaling.original_context_length", std::int64_t{64}}},
       "qwen3.rope.scaling."},
      {true, {{"qwen3.rope.scaling.type", text("linear")}, {"qwen3.rope.scale_linear", 4.0}}, "qwen3.rope.scale_linear: expected 1, found 4"},
      {true,
       {{"qwen3.rope.scaling.type", text("none")}, {"qwen3.rope.scaling.factor", 4.0}},
       ""},  // as llama.cpp: "never scale if scaling type is none"
      {true, {{"qwen3.rope.scaling.type", text("linear")}, {"qwen3.rope.scaling.factor", 1.0}, {"qwen3.rope.scaling.finetuned", false}}, ""},
      {true, {{"qwen3.rope.scaling.type", text("yarn")}, {"qwen3.rope.scaling.factor", 1.0}}, ""},
      {true, {{"qwen3.rope.scaling.factor", 0.0}, {"qwen3.rope.scaling.original_context_length", std::int64_t{64}}}, ""},
      {true, {{"qwen3.rope.scaling.attn_factor", 1.0}, {"qwen3.rope.scaling.yarn_log_multiplier", 0.1}, {"qwen3.rope.scale_linear", 1.0}}, ""},
  };
  for (const auto& c : cases) {
    TestCheckpoint source(model_data("qwen3-tiny"), *backend_);
    if (c.is_gguf) source.become_gguf();
    for (const auto& [key, value] : c.keys) source.set(key, value);
    const auto made = create_model(source, *backend_);
    if (*c.named == '\0') {
      EXPECT_TRUE(made) << c.keys[0].first << ": " << made.error().message;
      continue;
    }
    ASSERT_FALSE(made) << c.named;
    EXPECT_EQ(made.error().code, ErrorCode::unsupported_model);
    EXPECT_NE(made.error().message.find(c.named), std::string::npos) << made.error().message;
  }
}

TEST_F(HyperTest, OtherWaysToChooseExpertsAreRefusedByName) {
  const std::pair<const char*, MetaValue> of_qwen[] = {{"routed_scaling_factor", 2.5},
                                                       {"n_group", std::int64_t{4}},
                                                       {"scoring_func", std::string("sigmoid")},
                                                       {"n_shared_experts", std::int64_t{1}},
                                                       {"shared_expert_intermediate_size", std::int64_t{64}}};
  const std::pair<const char*, MetaValue> of_qwen_gguf[] = {{"qwen3moe.expert_weights_scale", 2.5},
                                                            {"qwen3moe.expert_gating_func", std::int64_t{2}},
                                                            {"qwen3moe.expert_group_count", std::int64_t{4}},
                                                            {"qwen3moe.expert_shared_count", std::int64_t{1}}};
  const std::pair<const char*, MetaValue> of_glm[] = {
      {"scoring_func", std::string("softmax")}, {"topk_method", std::string("greedy")}, {"moe_layer_freq", std::int64_t{2}}};
  const auto check = [&](bool as_gguf, const char* key, const MetaValue& value, const char* model) {
    const Error error = error_with(as_gguf, key, value, model);
    EXPECT_EQ(error.code, ErrorCode::unsupported_model) << key << ": " << error.message;
    EXPECT_NE(error.message.find(key), std::string::npos) << error.message;
  };
  for (const auto& [key, value] : of_qwen) check(false, key, value, "qwen3-moe-tiny");
  for (const auto& [key, value] : of_qwen_gguf) check(true, key, value, "qwen3-moe-tiny");
  for (const auto& [key, value] : of_glm) check(false, key, value, "glm4-moe-lite-mtp-tiny");
  EXPECT_EQ(error_with(false, "shared_expert_intermediate_size", std::int64_t{0}, "qwen3-moe-tiny").message, "a model was made");
  EXPECT_EQ(error_with(false, "topk_method", std::string("noaux_tc"), "glm4-moe-lite-mtp-tiny").message, "a model was made");
}

TEST_F(HyperTest, WhatChangesNothingIsTaken) {
  const std::pair<const char*, MetaValue> harmless[] = {
      {"rope_scaling.rope_type", std::string("default")},          {"rope_parameters.rope_theta", 5e6},    {"partial_rotary_factor", std::int64_t{1}},
      {"layer_types", std::vector<std::string>{"full_attention"}}, {"sliding_window", std::int64_t{4096}},
  };
  for (const auto& [key, value] : harmless) EXPECT_EQ(error_with(false, key, value).message, "a model was made") << key;
  EXPECT_EQ(error_with(true, "qwen3.attention.sliding_window", std::int64_t{1 << 20}).message, "a model was made");
  EXPECT_EQ(error_with(true, "qwen3.rope.freq_base", std::nullopt).message, "a model was made");
}

// A file of settings alone.
class Settings final : public WeightSource {
 public:
  std::map<std::string, MetaValue, std::less<>> values;
  Naming naming() const override { return Naming::hugging_face; }
  const std::string& label() const override { return label_; }
  const std::string& architecture() const override { return architecture_; }
  const MetaValue* metadata(std::string_view key) const override {
    const auto found = values.find(key);
    return found == values.end() ? nullptr : &found->second;
  }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  Result<std::vector<Tensor>> load(std::span<const WeightGroup>) override { return make_error(ErrorCode::internal, "no weights here"); }

 private:
  std::string label_ = "vl", architecture_ = "qwen3_vl";
  std::vector<TensorInfo> tensors_;
};

TEST(VisionConfigTest, OtherWaysToPreparePicturesAreRefusedByName) {
  Settings plain;
  plain.values = {{"vision_config.depth", std::int64_t{2}},
                  {"vision_config.hidden_size", std::int64_t{64}},
                  {"vision_config.num_heads", std::int64_t{4}},
                  {"vision_config.intermediate_size", std::int64_t{128}},
                  {"vision_config.out_hidden_size", std::int64_t{64}}};
  const auto made = read_vision_config(plain);
  ASSERT_TRUE(made) << made.error().message;
  const std::pair<const char*, MetaValue> refused[] = {{"preprocessor.do_resize", false},
                                                       {"preprocessor.do_rescale", false},
                                                       {"preprocessor.do_normalize", false},
                                                       {"video_preprocessor.do_resize", false},
                                                       {"video_preprocessor.do_sample_frames", false},
                                                       {"preprocessor.resample", std::int64_t{2}},
                                                       {"preprocessor.rescale_factor", 1.0},
                                                       {"preprocessor.patch_size", std::int64_t{14}},
                                                       {"preprocessor.merge_size", std::int64_t{1}},
                                                       {"video_preprocessor.temporal_patch_size", std::int64_t{4}},
                                                       {"video_preprocessor.image_mean", std::vector<double>{0.1, 0.5, 0.5}}};
  for (const auto& [key, value] : refused) {
    Settings changed = plain;
    changed.values[key] = value;
    const auto config = read_vision_config(changed);
    ASSERT_FALSE(config) << key;
    EXPECT_EQ(config.error().code, ErrorCode::unsupported_model) << key;
    EXPECT_NE(config.error().message.find(key), std::string::npos) << config.error().message;
  }
  Settings published = plain;
  published.values.insert({{"preprocessor.do_resize", true},
                           {"preprocessor.resample", std::int64_t{3}},
                           {"preprocessor.rescale_factor", 0.00392156862745098},
                           {"preprocessor.patch_size", std::int64_t{16}},
                           {"preprocessor.size.shortest_edge", std::int64_t{65536}},
                           {"preprocessor.min_pixels", std::int64_t{4096}},
                           {"video_preprocessor.image_mean", std::vector<double>{0.5, 0.5, 0.5}}});
  const auto config = read_vision_config(published);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->input.picture.least, 4096);
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
