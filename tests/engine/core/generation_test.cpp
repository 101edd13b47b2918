// Turns that are advanced a unit at a time, on small models with random weights (tests/data/models).

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/engine.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

using Kind = GenerationEvent::Kind;

class GenerationTest : public testing::Test {
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
  static GenerateRequest greedy(std::vector<int> ids, std::int64_t max_tokens, std::string conversation = "") {
    GenerateRequest request;
    request.conversation = std::move(conversation);
    request.ids = std::move(ids);
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    request.drafts.kind = Drafts::Kind::off;  // so that a unit is a token
    return request;
  }
  static std::vector<int> rising(int first, int n) {
    std::vector<int> ids(n);
    for (int i = 0; i < n; ++i) ids[i] = 3 + (first + 7 * i) % 300;
    return ids;
  }
  std::unique_ptr<Generation> begin(const GenerateRequest& request, std::stop_token stop = {}) {
    Result<std::unique_ptr<Generation>> generation = engine_->begin(request, stop);
    EXPECT_TRUE(generation) << generation.error().message;
    return generation ? std::move(*generation) : nullptr;
  }
  static std::vector<GenerationEvent> advance(Generation& generation) {
    Result<std::vector<GenerationEvent>> events = generation.advance();
    EXPECT_TRUE(events) << events.error().message;
    return events ? std::move(*events) : std::vector<GenerationEvent>();
  }

  std::unique_ptr<Engine> engine_ = create_engine();
};

}  // namespace

TEST_F(GenerationTest, EachAdvanceIsOneUnitAndTheWholeIsWhatGenerateGives) {
  load("llama-tiny", 2000);
  const GenerateRequest request = greedy(rising(0, 1100), 4);
  const Result<GenerateResult> whole = engine_->generate(request, {}, {});
  ASSERT_TRUE(whole);
  load("llama-tiny", 2000);
  const std::unique_ptr<Generation> generation = begin(request);
  std::vector<std::int64_t> read;
  int n_units = 0;
  for (; !generation->is_finished(); ++n_units) {
    std::int64_t n_tokens = 0;
    const std::size_t before = generation->result().ids.size();
    for (const GenerationEvent& event : advance(*generation)) {
      if (event.kind == Kind::prefill) read.push_back(event.done);
      n_tokens = event.total;
    }
    EXPECT_LE(generation->result().ids.size(), before + 1);
    static_cast<void>(n_tokens);
  }
  EXPECT_EQ(read, (std::vector<std::int64_t>{0, 512, 1024, 1100}));
  EXPECT_EQ(n_units, 1 + 3 + 5) << "a beginning, three chunks, four tokens and the look that ends it";
  EXPECT_EQ(generation->result().ids, whole->ids);
  EXPECT_EQ(generation->result().finish_reason, FinishReason::length);
  EXPECT_TRUE(advance(*generation).empty());
}

TEST_F(GenerationTest, SeveralAtOnceGiveTheAnswersTheyWouldGiveAlone) {
  for (const char* name : {"llama-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    std::vector<std::vector<int>> alone;
    for (int i = 0; i < 3; ++i) {
      load(name, 1024);
      alone.push_back(engine_->generate(greedy(rising(i, 20 + 40 * i), 6 + i), {}, {})->ids);
    }
    load(name, 1024);
    std::vector<std::unique_ptr<Generation>> several;
    for (int i = 0; i < 3; ++i) several.push_back(begin(greedy(rising(i, 20 + 40 * i), 6 + i, "chat " + std::to_string(i))));
    for (bool any = true; any;) {
      std::vector<Generation*> running;
      for (const auto& one : several)
        if (!one->is_finished()) running.push_back(one.get());
      for (const auto& events : engine_->advance(running)) EXPECT_TRUE(events);
      any = !running.empty();
    }
    for (int i = 0; i < 3; ++i) EXPECT_EQ(several[i]->result().ids, alone[i]) << name << " " << i;
  }
}

TEST_F(GenerationTest, TwoChatsWithOneBeginningReadItOnce) {
  load("llama-tiny", 1024);
  const std::vector<int> shared = rising(0, 100);
  std::vector<int> first = shared, second = shared;
  for (int id : rising(11, 30)) first.push_back(id);
  for (int id : rising(22, 30)) second.push_back(id);
  const Result<GenerateResult> fresh = engine_->generate(greedy(second, 8, "alone"), {}, {});
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->stats.reused_tokens, 0);

  load("llama-tiny", 1024);
  ASSERT_TRUE(engine_->generate(greedy(first, 8, "a"), {}, {}));
  const Result<GenerateResult> shared_result = engine_->generate(greedy(second, 8, "b"), {}, {});
  ASSERT_TRUE(shared_result);
  EXPECT_EQ(shared_result->stats.reused_tokens, 96) << "whole blocks of 32";
  EXPECT_EQ(shared_result->ids, fresh->ids);
  // The first conversation is as it was.
  const Result<GenerateResult> again = engine_->generate(greedy(first, 8, "a"), {}, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->stats.reused_tokens, 129);

  // Also from a chat that is still being answered.
  load("llama-tiny", 1024);
  const std::unique_ptr<Generation> running = begin(greedy(first, 100, "a"));
  for (int i = 0; i < 5; ++i) advance(*running);
  const Result<GenerateResult> beside = engine_->generate(greedy(second, 8, "b"), {}, {});
  ASSERT_TRUE(beside);
  EXPECT_EQ(beside->stats.reused_tokens, 96);
  EXPECT_EQ(beside->ids, fresh->ids);
}

TEST_F(GenerationTest, ItsBlocksAreFreeForOthersWhenItGoes) {
  load("llama-tiny", 256);
  for (int i = 0; i < 20; ++i) {
    const std::unique_ptr<Generation> half = begin(greedy(rising(i, 200), 50, "chat " + std::to_string(i)));
    for (int units = 0; units < 4; ++units) advance(*half);
  }
  EXPECT_TRUE(engine_->generate(greedy(rising(1000, 250), 2, "last"), {}, {}));
}

TEST_F(GenerationTest, AnErrorEndsItAndNotTheModel) {
  load("llama-tiny", 256);
  const std::unique_ptr<Generation> first = begin(greedy(rising(0, 200), 50, "a"));
  for (int i = 0; i < 3; ++i) advance(*first);
  // The pool is taken by one that is running: there is no room for a second.
  const std::unique_ptr<Generation> second = begin(greedy(rising(500, 200), 5, "b"));
  advance(*second);
  const Result<std::vector<GenerationEvent>> refused = second->advance();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::context_full);
  EXPECT_TRUE(second->is_finished());
  EXPECT_TRUE(second->advance());
  while (!first->is_finished()) advance(*first);
  EXPECT_EQ(first->result().ids.size(), 50u);
}

TEST_F(GenerationTest, AStopFromAnotherPlaceEndsItWithWhatThereIs) {
  load("llama-tiny", 1024);
  std::stop_source source;
  const std::unique_ptr<Generation> generation = begin(greedy(rising(0, 50), 500), source.get_token());
  for (int i = 0; i < 6; ++i) advance(*generation);
  source.request_stop();
  while (!generation->is_finished()) advance(*generation);
  EXPECT_EQ(generation->result().finish_reason, FinishReason::cancelled);
  EXPECT_EQ(generation->result().ids.size(), 4u);
  // Nothing of the stop stays.
  EXPECT_EQ(engine_->generate(greedy(rising(0, 50), 5), {}, {})->ids.size(), 5u);
}

// The rest of the character may still come: Continue goes on from the text.
TEST_F(GenerationTest, AStopInTheMiddleOfACharacterLeavesItOut) {
  load("llama-tiny", 400);
  GenerateRequest request = greedy(rising(0, 20), 0);
  request.sampling.temperature = 2;
  request.sampling.seed = 5;
  int n_cut = 0;
  for (std::int64_t n = 1; n <= 60; ++n) {
    request.max_tokens = n;
    const Result<GenerateResult> ended = engine_->generate(request, {}, {});
    ASSERT_TRUE(ended);
    request.max_tokens = 200;
    std::stop_source stop;
    const std::unique_ptr<Generation> stopped = begin(request, stop.get_token());
    while (std::ssize(stopped->result().ids) < n) advance(*stopped);
    stop.request_stop();
    while (!stopped->is_finished()) advance(*stopped);
    ASSERT_EQ(stopped->result().finish_reason, FinishReason::cancelled);
    ASSERT_EQ(stopped->result().ids, ended->ids);
    const std::string& text = stopped->result().text;
    if (text == ended->text) continue;
    EXPECT_EQ(text + "\xEF\xBF\xBD", ended->text) << n << " tokens";
    ++n_cut;
  }
  EXPECT_GT(n_cut, 0);
}

TEST_F(GenerationTest, UnloadingTheModelCancelsIt) {
  load("llama-tiny", 1024);
  const std::unique_ptr<Generation> generation = begin(greedy(rising(0, 50), 500));
  for (int i = 0; i < 6; ++i) advance(*generation);
  engine_->unload();
  EXPECT_TRUE(generation->is_finished());
  EXPECT_EQ(generation->result().finish_reason, FinishReason::cancelled);
  EXPECT_TRUE(advance(*generation).empty());
  // And the engine itself may go first.
  load("llama-tiny", 1024);
  const std::unique_ptr<Generation> last = begin(greedy(rising(0, 50), 500));
  advance(*last);
  engine_.reset();
  EXPECT_TRUE(last->is_finished());
}

TEST_F(GenerationTest, LogitsOfEverySampledTokenComeWhereTheyAreWanted) {
  load("llama-tiny", 256);
  std::vector<std::vector<float>> rows;
  GenerateSink sink;
  sink.logits = [&](std::span<const float> row) { rows.emplace_back(row.begin(), row.end()); };
  const Result<GenerateResult> result = engine_->generate(greedy(rising(0, 20), 5), sink, {});
  ASSERT_TRUE(result);
  ASSERT_EQ(rows.size(), 5u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto largest = std::max_element(rows[i].begin(), rows[i].begin() + engine_->tokenizer()->n_ids());
    EXPECT_EQ(largest - rows[i].begin(), result->ids[i]);
  }
}

TEST_F(GenerationTest, TellsWhatEveryLayerOfAMixtureChoseAndAnswersAsWithoutThat) {
  for (const std::string model : {"qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    load(model, 256);
    GenerateRequest request = greedy(test::read_ids(test::model_data(model) / "cases/short.json"), 6);
    const std::vector<int> expected = engine_->generate(request, {}, {}).value().ids;
    request.wants_routing = true;
    request.conversation = "another";  // nothing of it is cached
    std::vector<LayerRouting> told;
    GenerateSink sink;
    sink.routing = [&](const LayerRouting& routing) { told.push_back(routing); };
    EXPECT_EQ(engine_->generate(request, sink, {}).value().ids, expected);

    // The prompt's, layer after layer: those that transformers chose, by falling weight. In the last layer only its last token's logits matter.
    const std::vector<std::int32_t> chosen = test::read_npy_ints(test::model_data(model) / "cases/short.experts.npy");  // [layers, n_prompt, n_used]
    const std::int64_t n_prompt = std::ssize(request.ids), n_layers = model == "qwen3-moe-tiny" ? 3 : 1;
    const std::int64_t n_used = std::ssize(chosen) / (n_layers * n_prompt);
    std::vector<std::int64_t> places, layers;
    for (const LayerRouting& routing : told) {
      EXPECT_EQ(routing.ids.size(), routing.weights.size());
      ASSERT_EQ(std::ssize(routing.ids), routing.n_tokens * n_used);
      if (routing.first >= n_prompt) {
        EXPECT_EQ(routing.n_tokens, 1);
        if (places.empty() || places.back() != routing.first) places.push_back(routing.first);
        continue;
      }
      EXPECT_EQ(routing.first + routing.n_tokens, n_prompt);
      EXPECT_EQ(routing.n_tokens, std::ssize(layers) + 1 < n_layers ? n_prompt : 1);
      for (std::int64_t t = 0; t < routing.n_tokens; ++t) {
        std::vector<std::pair<float, std::int32_t>> token;
        for (std::int64_t j = t * n_used; j < (t + 1) * n_used; ++j) token.emplace_back(-routing.weights[j], routing.ids[j]);
        std::sort(token.begin(), token.end());
        for (std::int64_t j = 0; j < n_used; ++j)
          EXPECT_EQ(token[j].second, chosen[(std::ssize(layers) * n_prompt + routing.first + t) * n_used + j])
              << model << ", layer " << routing.layer;
      }
      layers.push_back(routing.layer);
    }
    EXPECT_EQ(layers, model == "qwen3-moe-tiny" ? (std::vector<std::int64_t>{0, 1, 2}) : std::vector<std::int64_t>{1});
    std::vector<std::int64_t> every(n_layers > 1 ? 6 : 5);  // nobody asks for the logits of the last one
    std::iota(every.begin(), every.end(), n_prompt);
    EXPECT_EQ(places, every) << "each generated token that was read again";
  }
}

}  // namespace pio
