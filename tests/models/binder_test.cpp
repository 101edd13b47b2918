#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/registry.h"
#include "models/binder.h"
#include "tests/support/tiny_model.h"

namespace pio::test {
namespace {

class BinderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto backend = create_backend("reference", {});
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
  }
  TestCheckpoint open(const std::string& name) { return TestCheckpoint(model_data(name), *backend_); }
  Error error_of(TestCheckpoint& source) {
    auto model = create_model(source, *backend_);
    if (model) return make_error(ErrorCode::internal, "a model was made");
    return model.error();
  }
  std::unique_ptr<Backend> backend_;
};

TEST_F(BinderTest, AllThatIsMissingMisshapenOrUnusedIsNamedAtOnceAndNothingIsLoaded) {
  TestCheckpoint source = open("qwen3-tiny");
  source.become_gguf();
  source.drop("blk.1.ffn_up.weight");
  source.drop("output_norm.weight");
  source.reshape("blk.2.attn_q.weight", {64, 128});
  source.reshape("blk.0.attn_q_norm.weight", {8, 4});
  source.add("blk.0.attn_q.bias", {128}, std::vector<float>(128));
  source.add("blk.3.attn_norm.weight", {64}, std::vector<float>(64));
  const Error error = error_of(source);
  EXPECT_EQ(error.code, ErrorCode::bad_file);
  EXPECT_EQ(error.message,
            "qwen3-tiny: tensor blk.0.attn_q_norm.weight has shape [8, 4], expected [32]; tensor blk.1.ffn_up.weight is missing; "
            "tensor blk.2.attn_q.weight has shape [64, 128], expected [128, 64]; tensor output_norm.weight is missing; "
            "tensor blk.0.attn_q.bias is not used by architecture qwen3; "
            "tensor blk.3.attn_norm.weight is not used by architecture qwen3");
  EXPECT_EQ(source.n_loads(), 0);
}

TEST_F(BinderTest, ProblemsAreNamedAsTheFileSpellsThem) {
  TestCheckpoint source = open("qwen2-tiny");
  source.drop("model.layers.1.self_attn.k_proj.bias");
  source.rename("model.norm.weight", "model.final_norm.weight");
  const std::string message = error_of(source).message;
  EXPECT_NE(message.find("tensor model.layers.1.self_attn.k_proj.bias is missing"), std::string::npos) << message;
  EXPECT_NE(message.find("tensor model.norm.weight is missing"), std::string::npos) << message;
  EXPECT_NE(message.find("tensor model.final_norm.weight is not used by architecture qwen2"), std::string::npos) << message;
}

TEST_F(BinderTest, AnUntiedModelNeedsItsOutputMatrix) {
  TestCheckpoint source = open("llama-tiny");
  source.set("tie_word_embeddings", false);
  EXPECT_EQ(error_of(source).message, "llama-tiny: tensor lm_head.weight is missing");
  source.erase("tie_word_embeddings");
  EXPECT_EQ(error_of(source).message, "llama-tiny: tensor lm_head.weight is missing");
}

TEST_F(BinderTest, TheSameNameTwiceIsToldApart) {
  TestCheckpoint source = open("llama-tiny");
  source.add("model.norm.weight", {96}, std::vector<float>(96));
  EXPECT_EQ(error_of(source).message, "llama-tiny: tensor model.norm.weight is there twice");
}

TEST_F(BinderTest, FrequenciesThatOldCheckpointsSavedAreLeftAside) {
  TestCheckpoint source = open("llama-tiny");
  source.add("model.layers.0.self_attn.rotary_emb.inv_freq", {8}, std::vector<float>(8));
  auto model = create_model(source, *backend_);
  EXPECT_TRUE(model) << model.error().message;
}

TEST_F(BinderTest, VectorsBecomeFloat32AndMatricesKeepTheirFormat) {
  TestCheckpoint source = open("qwen3-tiny");
  const std::vector<float> expected = source.values("model.norm.weight");
  while (source.tensors().size() > 2) {
    const auto is_other = [](const TensorInfo& t) { return t.name != "model.norm.weight" && t.name != "model.embed_tokens.weight"; };
    source.drop(std::ranges::find_if(source.tensors(), is_other)->name);
  }
  Tensor norm, matrix, output;
  Binder binder(source, *backend_);
  binder.bind(norm, "output_norm.weight", {64});
  binder.bind(matrix, "token_embd.weight", {416, 64});
  EXPECT_FALSE(binder.bind_if_present(output, "output.weight", {416, 64}));
  auto bound = binder.finish();
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(bound->n_parameters, 64 + 416 * 64);
  EXPECT_EQ(matrix.dtype, DType::bf16);
  ASSERT_EQ(norm.dtype, DType::f32);
  std::vector<float> values(64);
  backend_->download(values.data(), norm);
  EXPECT_EQ(values, expected);
}

TEST_F(BinderTest, AnUnknownArchitectureIsNamedTogetherWithTheKnownOnes) {
  TestCheckpoint source = open("llama-tiny");
  source.set_architecture("mamba2");
  const Error error = error_of(source);
  EXPECT_EQ(error.code, ErrorCode::unsupported_model);
  std::string known;
  for (const std::string& name : known_architectures()) known += (known.empty() ? "" : ", ") + name;
  EXPECT_EQ(error.message, "llama-tiny: expected an architecture of " + known + ", found mamba2");
}

}  // namespace
}  // namespace pio::test
