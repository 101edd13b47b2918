// The starter model's real weights against a float32 run of the reference implementation. $PIO_STARTER_MODEL names the file.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/engine.h"

namespace pio {
namespace {

class RealModel : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("PIO_STARTER_MODEL");
    if (!path || !*path) GTEST_SKIP() << "no starter model: set PIO_STARTER_MODEL to SmolLM2-135M-Instruct.Q4_1.gguf";
    std::ifstream in(PIO_TEST_DATA "/real/smollm2.json");
    gold_ = nlohmann::json::parse(in);
    request_.path = path;
    request_.context_length = 1024;
  }
  void load(DType kv, Activations activations) {
    request_.kv = kv;
    request_.activations = activations;
    const Result<void> status = engine_->load(request_, {}, {});
    ASSERT_TRUE(status) << status.error().message;
  }
  GenerateResult greedy(const std::vector<int>& ids) {
    GenerateRequest request;
    request.ids = ids;
    request.sampling.temperature = 0;
    request.max_tokens = 48;
    request.ignore_eos = true;
    Result<GenerateResult> result = engine_->generate(request, {}, {});
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : GenerateResult{};
  }

  nlohmann::json gold_;
  LoadRequest request_;
  std::unique_ptr<Engine> engine_ = create_engine();
};

}  // namespace

TEST_F(RealModel, PromptIdsAndGreedyContinuationAreTheReferences) {
  load(DType::f32, Activations::f32);
  const std::vector<int> ids = gold_["ids"];
  EXPECT_EQ(engine_->tokenizer()->encode(gold_["prompt"].get<std::string>(), SpecialTokens::none), ids);
  const GenerateResult result = greedy(ids);
  EXPECT_EQ(result.ids, gold_["greedy_ids"].get<std::vector<int>>());  // the smallest margin is 0.31
  EXPECT_EQ(result.text, gold_["greedy_text"].get<std::string>());
}

TEST_F(RealModel, TheFastPathSaysTheSameWords) {
  load(DType::f16, Activations::q8);
  EXPECT_EQ(greedy(gold_["ids"]).text, gold_["greedy_text"].get<std::string>());
}

TEST_F(RealModel, AnEditOfATextHasTheSameBytesWithDraftsAndWithout) {
  load(DType::f16, Activations::q8);
  std::ifstream in(PIO_TEST_DATA "/real/text.txt");
  const std::string text = std::string(std::istreambuf_iterator<char>(in), {}).substr(0, 600);
  GenerateRequest request;
  request.ids = engine_->tokenizer()->encode(text + text + text.substr(0, 200), SpecialTokens::none);
  request.max_tokens = 48;
  request.ignore_eos = true;
  std::int64_t accepted = 0;
  for (const double temperature : {0.0, 0.5}) {
    request.sampling = {.temperature = temperature, .seed = 7};
    std::vector<int> ids[2];
    std::vector<float> rows[2];
    for (const bool with : {false, true}) {
      request.conversation = with ? "with" : "without";
      request.drafts = {.kind = with ? Drafts::Kind::lookup : Drafts::Kind::off, .only_where_it_pays = false};
      GenerateSink sink;
      sink.logits = [&](std::span<const float> row) { rows[with].insert(rows[with].end(), row.begin(), row.end()); };
      const Result<GenerateResult> result = engine_->generate(request, sink, {});
      ASSERT_TRUE(result) << result.error().message;
      ids[with] = result->ids;
      accepted += result->stats.accepted_tokens;
    }
    EXPECT_EQ(ids[1], ids[0]);
    ASSERT_EQ(rows[1].size(), rows[0].size());
    EXPECT_EQ(std::memcmp(rows[1].data(), rows[0].data(), rows[0].size() * sizeof(float)), 0);
  }
  EXPECT_GT(accepted, 30);
}

TEST_F(RealModel, PerplexityOfFourWindowsIsTheReferencesWithinAHundredthOfAPercent) {
  load(DType::f32, Activations::f32);
  std::ifstream in(PIO_TEST_DATA "/real/text.txt");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const std::vector<int> ids = engine_->tokenizer()->encode(text, SpecialTokens::none);
  EXPECT_EQ(ids.size(), 14710u);
  const Result<PerplexityResult> result = engine_->perplexity(ids, 512, 4, {}, {});
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double> running = gold_["text_perplexity_running_ctx512"];
  ASSERT_EQ(result->running.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(result->running[i], running[i], running[i] * 1e-4) << "window " << i + 1;
}

}  // namespace pio
