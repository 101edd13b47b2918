// The loop of one turn on a small model with known greedy ids (tests/data/models: random weights, published shapes).

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/engine.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

class Generate : public testing::Test {
 protected:
  void load(const std::string& name, std::int64_t context_length) {
    LoadRequest request;
    request.path = test::model_data(name).string();
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = context_length;
    const Result<void> status = engine_->load(request, {}, {});
    ASSERT_TRUE(status) << status.error().message;
  }
  GenerateRequest greedy(std::vector<int> ids, std::int64_t max_tokens) {
    GenerateRequest request;
    request.ids = std::move(ids);
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    return request;
  }
  GenerateResult run(const GenerateRequest& request, const GenerateSink& sink = {}, std::stop_token stop = {}) {
    Result<GenerateResult> result = engine_->generate(request, sink, stop);
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : GenerateResult{};
  }

  std::unique_ptr<Engine> engine_ = create_engine();
};

}  // namespace

TEST_F(Generate, GreedyIdsAreTheReferences) {
  for (const char* name : {"llama-tiny", "qwen2-tiny", "qwen3-tiny"}) {
    load(name, 256);
    std::ifstream in(test::model_data(name) / "greedy.json");
    const nlohmann::json gold = nlohmann::json::parse(in);  // every margin is over 0.02
    const std::vector<int> ids = gold["ids"];
    EXPECT_EQ(run(greedy(gold["prompt"], static_cast<std::int64_t>(ids.size()))).ids, ids) << name;
  }
}

TEST_F(Generate, ASecondTurnReadsOnlyWhatIsNew) {
  load("llama-tiny", 256);
  const GenerateRequest first = greedy({1, 2, 3, 4, 5, 6, 7, 8}, 5);
  const GenerateResult a = run(first);
  EXPECT_EQ(a.stats.reused_tokens, 0);
  EXPECT_EQ(a.finish_reason, FinishReason::length);

  GenerateRequest second = greedy({1, 2, 3, 4, 5, 6, 7, 8}, 5);
  second.ids.insert(second.ids.end(), a.ids.begin(), a.ids.end());
  second.ids.push_back(9);
  const GenerateResult b = run(second);
  EXPECT_EQ(b.stats.prompt_tokens, 14);
  EXPECT_GE(b.stats.reused_tokens, 12);

  // The same from an empty cache.
  GenerateRequest fresh = second;
  fresh.conversation = "another";
  const GenerateResult c = run(fresh);
  EXPECT_EQ(c.stats.reused_tokens, 0);
  EXPECT_EQ(b.ids, c.ids);
}

TEST_F(Generate, ConversationsShareThePoolAndTheOldestGivesWay) {
  load("llama-tiny", 128);  // four blocks
  for (int i = 0; i < 10; ++i) {
    GenerateRequest request = greedy(std::vector<int>(70, 10 + i), 10);
    request.conversation = "chat " + std::to_string(i);
    EXPECT_EQ(run(request).ids.size(), 10u) << i;
  }
}

TEST_F(Generate, AFullContextEndsTheTurnAndTooLongAPromptIsAnErrorWithNumbers) {
  load("llama-tiny", 64);
  const GenerateResult result = run(greedy(std::vector<int>(60, 5), 100));
  EXPECT_EQ(result.finish_reason, FinishReason::context_full);
  EXPECT_EQ(result.ids.size(), 5u);  // four more fit in the cache; the fifth needs no place
  const Result<GenerateResult> refused = engine_->generate(greedy(std::vector<int>(64, 5), 1), {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::context_full);
  EXPECT_EQ(refused.error().limit, 63u);
  EXPECT_EQ(refused.error().asked, 64u);
}

TEST_F(Generate, SeededSamplingRepeatsItself) {
  load("qwen3-tiny", 128);
  GenerateRequest request = greedy({5, 6, 7}, 40);
  request.sampling = SamplingParams{};
  request.sampling.temperature = 1.5;
  request.sampling.seed = 42;
  const std::vector<int> first = run(request).ids;
  EXPECT_EQ(run(request).ids, first);
  request.sampling.seed = 43;
  EXPECT_NE(run(request).ids, first);
}

TEST_F(Generate, TheSinkHearsOfThePromptAndEveryCharacterOfTheText) {
  load("llama-tiny", 700);
  std::vector<std::int64_t> read;
  std::string text;
  GenerateSink sink;
  sink.prefill = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 600);
    read.push_back(done);
  };
  sink.text = [&](std::string_view piece, std::int64_t) { text += piece; };
  const GenerateResult result = run(greedy(std::vector<int>(600, 65), 30), sink);
  EXPECT_EQ(read, (std::vector<std::int64_t>{0, 512, 600}));
  EXPECT_EQ(text, result.text);
  std::string spelled;  // this model's ids are letters: the text is the ids' bytes, made valid
  for (int id : result.ids)
    if (!engine_->tokenizer()->is_control(id)) spelled += engine_->tokenizer()->bytes(id);
  EXPECT_FALSE(spelled.empty());
}

TEST_F(Generate, AStopEndsAnyPhaseWithin200MsAndKeepsWhatCame) {
  load("qwen3-tiny", 20000);
  for (const bool in_prefill : {true, false}) {
    std::stop_source source;
    Clock::time_point asked;
    GenerateSink sink;
    sink.prefill = [&](std::int64_t done, std::int64_t) {
      if (in_prefill && done >= 512 && !source.stop_requested()) {
        asked = Clock::now();
        source.request_stop();
      }
    };
    int n_pieces = 0;
    sink.text = [&](std::string_view, std::int64_t) {
      if (++n_pieces == 5) {
        asked = Clock::now();
        source.request_stop();
      }
    };
    const GenerateResult result = run(greedy(std::vector<int>(in_prefill ? 15000 : 100, 65), 10000), sink, source.get_token());
    // 200 ms is the contract; a loaded machine may hold the thread longer than the engine does, so the bound here is loose.
    EXPECT_LT(Clock::now() - asked, std::chrono::seconds(2));
    EXPECT_EQ(result.finish_reason, FinishReason::cancelled);
    EXPECT_EQ(result.ids.empty(), in_prefill);
  }
  EXPECT_EQ(run(greedy({1, 2, 3}, 3)).ids.size(), 3u) << "the engine goes on after a stop";
}

TEST_F(Generate, WrongIdsAreRefusedInWords) {
  load("llama-tiny", 64);
  for (const std::vector<int>& ids : {std::vector<int>{391}, std::vector<int>{-1}, std::vector<int>{}}) {
    EXPECT_FALSE(engine_->generate(greedy(ids, 1), {}, {}));
    EXPECT_FALSE(engine_->logits({.ids = ids, .images = {}, .videos = {}}, {}));
  }
}

TEST_F(Generate, NothingIsLoadedAfterAFailedOrAStoppedLoad) {
  load("llama-tiny", 64);
  LoadRequest request;
  request.path = "/nowhere/model.gguf";
  const Result<void> failed = engine_->load(request, {}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->loaded(), nullptr);
  std::stop_source source;
  source.request_stop();
  request.path = test::model_data("llama-tiny").string();
  const Result<void> stopped = engine_->load(request, {}, source.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_FALSE(engine_->generate(greedy({1}, 1), {}, {}));
}

TEST_F(Generate, ABudgetThatTheContextExceedsIsAnErrorWithItsBytes) {
  LoadRequest request;
  request.path = test::model_data("llama-tiny").string();
  request.ram_bytes = 1 << 20;
  request.context_length = 8192;
  const Result<void> status = engine_->load(request, {}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory);
  EXPECT_GT(status.error().needed_bytes, status.error().free_bytes);
}

}  // namespace pio
