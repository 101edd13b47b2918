// Answers with drafts against answers without: the same ids and the same bytes of logits, whatever is sampled and however it ends.

#include <gtest/gtest.h>

#include <cstring>

#include "engine/engine.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

struct Answer {
  GenerateResult result;
  std::vector<std::vector<float>> rows;  // logits of every sampled token
};

class DraftsTest : public testing::Test {
 protected:
  void load(const LoadRequest& request) {
    const Result<void> status = engine_->load(request, {}, {});
    ASSERT_TRUE(status) << status.error().message;
  }
  static LoadRequest tiny(const std::string& name, std::int64_t context_length = 1024) {
    LoadRequest request;
    request.path = test::model_data(name).string();
    request.context_length = context_length;
    request.n_threads = 2;
    return request;
  }
  // A prompt behind which small random models repeat themselves; between two or three tokens they leave the path often enough.
  static GenerateRequest request(double temperature, std::uint64_t seed, std::int64_t max_tokens) {
    GenerateRequest request;
    request.ids = std::vector<int>(60, 5);
    request.sampling = {.temperature = temperature, .top_k = 3, .min_p = 0, .seed = seed};
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    return request;
  }
  // What pays is a matter of time, so everything is tried.
  Answer answer(GenerateRequest request, Drafts::Kind kind, std::int64_t longest = 16) {
    request.drafts = {.kind = kind, .longest = longest, .only_where_it_pays = false};
    Answer answer;
    GenerateSink sink;
    sink.logits = [&](std::span<const float> row) { answer.rows.emplace_back(row.begin(), row.end()); };
    Result<GenerateResult> result = engine_->generate(request, sink, {});
    EXPECT_TRUE(result) << result.error().message;
    if (result) answer.result = std::move(*result);
    return answer;
  }
  // Both from empty caches. Adds to what was drafted and accepted.
  void expect_same(const LoadRequest& how, const GenerateRequest& request) {
    load(how);
    const Answer without = answer(request, Drafts::Kind::off);
    load(how);
    const Answer with = answer(request, Drafts::Kind::lookup);
    expect_equal(with, without);
    EXPECT_EQ(without.result.stats.drafted_tokens, 0);
    EXPECT_LE(with.result.stats.accepted_tokens, with.result.stats.drafted_tokens);
    drafted_ += with.result.stats.drafted_tokens;
    accepted_ += with.result.stats.accepted_tokens;
  }
  static void expect_equal(const Answer& with, const Answer& without) {
    EXPECT_EQ(with.result.ids, without.result.ids);
    EXPECT_EQ(with.result.text, without.result.text);
    EXPECT_EQ(with.result.finish_reason, without.result.finish_reason);
    EXPECT_EQ(with.result.stats.generated_tokens, without.result.stats.generated_tokens);
    EXPECT_EQ(with.result.stats.context_used, without.result.stats.context_used);
    ASSERT_EQ(with.rows.size(), without.rows.size());
    for (std::size_t i = 0; i < with.rows.size(); ++i) {
      ASSERT_EQ(with.rows[i].size(), without.rows[i].size());
      ASSERT_EQ(std::memcmp(with.rows[i].data(), without.rows[i].data(), with.rows[i].size() * sizeof(float)), 0) << "row " << i;
    }
  }

  std::unique_ptr<Engine> engine_ = create_engine();
  std::int64_t drafted_ = 0, accepted_ = 0;
};

}  // namespace

TEST_F(DraftsTest, EveryLogitHasTheSameBytes) {
  for (const char* name : {"llama-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    for (const DType kv : {DType::f32, DType::f16, DType::q8_0}) {
      const bool has_whole_blocks = std::string(name).starts_with("qwen3");  // 32 numbers a head
      if (kv == DType::q8_0 && !has_whole_blocks) continue;
      for (const Activations activations : {Activations::f32, Activations::q8}) {
        LoadRequest how = tiny(name);
        how.kv = kv;
        how.activations = activations;
        how.quantization = activations == Activations::q8 ? LoadQuantization::int8 : LoadQuantization::keep;
        SCOPED_TRACE(testing::Message() << name << ", kv " << static_cast<int>(kv) << ", activations " << static_cast<int>(activations));
        expect_same(how, request(0, 0, 120));
        for (const std::uint64_t seed : {1, 2}) expect_same(how, request(0.7, seed, 120));
      }
    }
    EXPECT_GT(accepted_, 100) << name;
    EXPECT_GT(drafted_, accepted_) << name << ": some guesses were wrong";
    accepted_ = drafted_ = 0;
  }
}

TEST_F(DraftsTest, EveryLogitOfQuantizedFilesHasTheSameBytes) {
  int n_files = 0;
  for (const char* folder : {"qwen3-small", "qwen3-moe-small", "glm4-moe-lite-small"}) {
    for (const char* file : {"model-q4_k_m.gguf", "model-q6_k.gguf", "model-iq4_xs.gguf"}) {
      const std::filesystem::path fixture = test::shared_fixture(folder);
      if (fixture.empty()) GTEST_SKIP() << "no fixture " << folder << ": set PIO_SHARED to the folder that has fixtures/";
      for (const DType kv : {DType::f16, DType::q8_0}) {
        LoadRequest how = tiny("llama-tiny");
        how.path = (fixture / file).string();
        how.kv = kv;
        SCOPED_TRACE(testing::Message() << how.path << ", kv " << static_cast<int>(kv));
        expect_same(how, request(0, 0, 100));
        expect_same(how, request(0.6, 3, 100));
      }
      ++n_files;
    }
  }
  EXPECT_EQ(n_files, 9);
  EXPECT_GT(accepted_, 100);
  EXPECT_GT(drafted_, accepted_);
}

TEST_F(DraftsTest, EverySelectionOfCachedTokensToo) {
  for (const KvSelection& selection : {KvSelection{.kind = KvSelection::Kind::window, .n_sinks = 4, .window = 40},
                                       KvSelection{.kind = KvSelection::Kind::pages, .n_sinks = 0, .window = 1, .n_pages = 2}}) {
    for (const char* name : {"qwen3-tiny", "glm4-moe-lite-mtp-tiny"}) {
      LoadRequest how = tiny(name);
      how.attention = selection;
      SCOPED_TRACE(testing::Message() << name << ", selection " << static_cast<int>(selection.kind));
      for (const double temperature : {0.0, 0.7}) expect_same(how, request(temperature, 5, 200));
    }
    EXPECT_GT(accepted_, 50);
    EXPECT_GT(drafted_, accepted_);
    accepted_ = drafted_ = 0;
  }
}

TEST_F(DraftsTest, PenaltiesCountTheSameTokens) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    GenerateRequest penalized = request(0.9, seed, 150);
    penalized.sampling.repeat_penalty = 1.05;
    penalized.sampling.frequency_penalty = 0.02;
    penalized.sampling.presence_penalty = 0.05;
    expect_same(tiny("qwen3-tiny"), penalized);
  }
  EXPECT_GT(drafted_, 0);
}

TEST_F(DraftsTest, EveryLengthOfAnswerAndDraftEndsAsWithout) {
  load(tiny("llama-tiny"));
  for (std::int64_t max_tokens = 0; max_tokens < 40; ++max_tokens) {
    GenerateRequest greedy = request(0, 0, max_tokens);
    greedy.conversation = "without";
    const Answer without = answer(greedy, Drafts::Kind::off);
    for (const std::int64_t longest : {1, 5, 64}) {
      greedy.conversation = "with";
      const Answer with = answer(greedy, Drafts::Kind::lookup, longest);
      expect_equal(with, without);
      EXPECT_EQ(with.result.finish_reason, FinishReason::length);
      EXPECT_EQ(with.result.stats.context_used, static_cast<std::int64_t>(greedy.ids.size()) + max_tokens);
      accepted_ += with.result.stats.accepted_tokens;
    }
  }
  EXPECT_GT(accepted_, 100);
}

TEST_F(DraftsTest, AFullContextEndsAsWithout) {
  for (std::int64_t context_length = 70; context_length < 120; context_length += 3)
    expect_same(tiny("llama-tiny", context_length), request(0, 0, -1));
  EXPECT_GT(accepted_, 50);
}

TEST_F(DraftsTest, StopStringsAndStopTokensEndAsWithout) {
  load(tiny("llama-tiny"));
  const Answer whole = answer(request(0, 0, 100), Drafts::Kind::off);
  for (std::size_t i = 20; i < 100; i += 7) {
    GenerateRequest stops = request(0, 0, 100);
    stops.ignore_eos = false;
    stops.stop_ids = {whole.result.ids[i]};  // the first of its kind ends it
    expect_same(tiny("llama-tiny"), stops);
  }
  for (const std::size_t from : {3, 20, 40}) {
    if (from + 3 > whole.result.text.size()) continue;
    GenerateRequest stops = request(0, 0, 100);
    stops.stop = {whole.result.text.substr(from, 3)};
    expect_same(tiny("llama-tiny"), stops);
  }
}

TEST_F(DraftsTest, TheNextTurnFindsWhatItWouldFindWithout) {
  GenerateRequest first = request(0, 0, 77);
  std::vector<Answer> second;
  for (const Drafts::Kind kind : {Drafts::Kind::off, Drafts::Kind::lookup}) {
    load(tiny("glm4-moe-lite-mtp-tiny"));
    const Answer before = answer(first, kind);
    GenerateRequest next = first;
    next.ids.insert(next.ids.end(), before.result.ids.begin(), before.result.ids.end());
    next.ids.insert(next.ids.end(), {7, 8, 9});
    second.push_back(answer(next, kind));
    accepted_ += before.result.stats.accepted_tokens;
  }
  expect_equal(second[1], second[0]);
  EXPECT_EQ(second[1].result.stats.reused_tokens, second[0].result.stats.reused_tokens);
  EXPECT_GT(accepted_, 0);
}

TEST_F(DraftsTest, NoConversationGivesWayToAGuess) {
  // The pool has four blocks. The first conversation keeps one and the second takes two; 65 tokens more would not fit in the last.
  load(tiny("llama-tiny", 128));
  GenerateRequest small = request(0, 0, 1);
  small.conversation = "small";
  small.ids = std::vector<int>(20, 9);
  answer(small, Drafts::Kind::lookup);
  GenerateRequest big = request(0, 0, -1);
  big.conversation = "big";
  big.drafts = {.longest = 64, .only_where_it_pays = false};
  Result<std::unique_ptr<Generation>> begun = engine_->begin(big, {});
  ASSERT_TRUE(begun) << begun.error().message;
  Generation& generation = **begun;
  while (generation.result().stats.drafted_tokens == 0) ASSERT_TRUE(generation.advance());
  EXPECT_LT(generation.result().stats.drafted_tokens, 64);
  generation.cancel();
  EXPECT_EQ(answer(small, Drafts::Kind::lookup).result.stats.reused_tokens, 19);
}

TEST_F(DraftsTest, SeveralAtOnceGiveTheAnswersTheyWouldGiveAlone) {
  load(tiny("qwen3-moe-tiny"));
  std::vector<GenerateRequest> requests;
  std::vector<Answer> alone;
  for (int i = 0; i < 3; ++i) {
    requests.push_back(request(0.5, i, 60 + i));
    requests.back().conversation = "alone " + std::to_string(i);
    alone.push_back(answer(requests.back(), Drafts::Kind::off));
  }
  load(tiny("qwen3-moe-tiny"));
  std::vector<std::unique_ptr<Generation>> several;
  for (int i = 0; i < 3; ++i) {
    requests[i].conversation = "chat " + std::to_string(i);
    Result<std::unique_ptr<Generation>> begun = engine_->begin(requests[i], {});
    ASSERT_TRUE(begun) << begun.error().message;
    several.push_back(std::move(*begun));
  }
  for (bool any = true; any;) {
    any = false;
    for (const auto& one : several) {
      if (one->is_finished()) continue;
      ASSERT_TRUE(one->advance());
      any = true;
    }
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(several[i]->result().ids, alone[i].result.ids) << i;
}

TEST_F(DraftsTest, ATokenIsToldBeforeTheStepThatProcessesIt) {
  load(tiny("llama-tiny"));
  Result<std::unique_ptr<Generation>> begun = engine_->begin(request(0, 0, 10), {});
  ASSERT_TRUE(begun);
  Generation& generation = **begun;
  while (generation.result().ids.empty()) ASSERT_TRUE(generation.advance());
  EXPECT_EQ(generation.result().stats.weight_bytes_read, 0u) << "no step of decoding was needed for the first token";
}

TEST_F(DraftsTest, LengthsOutOfReachAreRefusedInWords) {
  load(tiny("llama-tiny"));
  for (const std::int64_t longest : {std::int64_t{0}, std::int64_t{-1}, Drafts::kLongest + 1}) {
    GenerateRequest wrong = request(0, 0, 5);
    wrong.drafts.longest = longest;
    const Result<GenerateResult> refused = engine_->generate(wrong, {}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::bad_argument);
  }
}

TEST_F(DraftsTest, ABenchWithThemMeasuresTheSameTokens) {
  load(tiny("llama-tiny", 300));
  const Result<BenchResult> bench =
      engine_->bench({.n_prompt = 0, .n_decode = 100, .n_depth = 150, .n_repetitions = 2, .drafts = {.kind = Drafts::Kind::lookup}}, {});
  ASSERT_TRUE(bench) << bench.error().message;
  EXPECT_EQ(bench->token_seconds.size(), 200u);
  EXPECT_EQ(bench->decode_tokens_per_second.size(), 2u);
  EXPECT_LE(bench->accepted_tokens, bench->drafted_tokens);
}

}  // namespace pio
