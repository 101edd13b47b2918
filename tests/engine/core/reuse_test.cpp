// What is cached and found again: the answers have the bytes of a fresh read.

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

struct Case {
  const char* model;
  DType kv = DType::f16;
  KvSelection attention = {};
};

class ReuseTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::int64_t kContext = 4096;

  std::unique_ptr<Engine> load() {
    LoadRequest request;
    request.path = test::model_data(GetParam().model).string();
    request.kv = GetParam().kv;
    request.attention = GetParam().attention;
    request.context_length = kContext;
    request.n_threads = 2;
    std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    EXPECT_TRUE(status) << status.error().message;
    return engine;
  }
  static std::vector<int> ids(int first, int n) {
    std::vector<int> ids(n);
    for (int i = 0; i < n; ++i) ids[i] = 3 + (first + 7 * i + i * i % 13) % 300;
    return ids;
  }
  static std::vector<int> joined(std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  struct Answer {
    GenerateResult result;
    std::vector<float> logits;
  };
  static Answer answer(Engine& engine, const std::vector<int>& prompt, const std::string& conversation) {
    GenerateRequest request;
    request.conversation = conversation;
    request.ids = prompt;
    request.sampling.temperature = 0;
    request.max_tokens = 6;
    request.ignore_eos = true;
    Answer answer;
    GenerateSink sink;
    sink.logits = [&](std::span<const float> row) { answer.logits.insert(answer.logits.end(), row.begin(), row.end()); };
    Result<GenerateResult> result = engine.generate(request, sink, {});
    EXPECT_TRUE(result) << result.error().message;
    if (result) answer.result = std::move(*result);
    return answer;
  }
  void expect_as_fresh(const Answer& answer, const std::vector<int>& prompt) {
    const std::unique_ptr<Engine> engine = load();
    const Answer fresh = ReuseTest::answer(*engine, prompt, "fresh");
    EXPECT_EQ(fresh.result.stats.reused_tokens, 0);
    EXPECT_EQ(answer.result.ids, fresh.result.ids);
    EXPECT_TRUE(answer.logits == fresh.logits) << "the bytes differ";
  }
};

TEST_P(ReuseTest, ASecondChatAboutADocumentReadsItsOwnWords) {
  const std::vector<int> document = ids(0, 2000), second = joined(document, ids(40, 17));
  const std::unique_ptr<Engine> engine = load();
  answer(*engine, joined(document, ids(20, 12)), "a");
  const Answer found = answer(*engine, second, "b");
  EXPECT_GE(found.result.stats.reused_tokens, 2000 - 31);
  EXPECT_EQ(found.result.stats.shared_tokens, found.result.stats.reused_tokens);
  expect_as_fresh(found, second);
}

TEST_P(ReuseTest, AnEditInTheMiddleOfABlockReadsFromThereOn) {
  const std::vector<int> beginning = ids(0, 150), edited = joined(beginning, ids(60, 20));
  const std::unique_ptr<Engine> engine = load();
  const std::vector<int> before = joined(beginning, ids(20, 100));
  const Answer first = answer(*engine, before, "a");
  const Answer found = answer(*engine, edited, "a");
  EXPECT_GE(found.result.stats.reused_tokens, 150);
  expect_as_fresh(found, edited);
  const Answer again = answer(*engine, before, "a");
  EXPECT_EQ(again.result.stats.reused_tokens, 249) << "all but the token whose logits are wanted";
  EXPECT_EQ(again.result.ids, first.result.ids);
  EXPECT_TRUE(again.logits == first.logits);
}

INSTANTIATE_TEST_SUITE_P(Caches, ReuseTest,
                         testing::Values(Case{"llama-tiny"}, Case{"qwen3-tiny", DType::q8_0}, Case{"qwen3-tiny", DType::q4_0}, Case{"qwen3-moe-tiny"},
                                         Case{"qwen3-tiny", DType::f16, {.kind = KvSelection::Kind::pages, .n_pages = 8}}),
                         [](const testing::TestParamInfo<Case>& info) {
                           std::string name = std::string(info.param.model) + "_" + pio::info(info.param.kv).name;
                           if (info.param.attention.kind != KvSelection::Kind::full) name += "_pages";
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace pio
