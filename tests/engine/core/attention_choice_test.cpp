#include "engine/attention_choice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tiny_model.h"

namespace pio {
namespace {

std::vector<int> some_ids(int n) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back(1 + i * 37 % 300);
  return ids;
}

class AttentionKinds : public testing::Test {
 protected:
  Result<void> try_load(const AttentionChoice& attention) {
    LoadRequest request;
    request.path = test::model_data("qwen3-tiny").string();
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = 400;
    request.attention = attention;
    return engine_->load(request, {}, {});
  }
  std::vector<float> logits(const AttentionChoice& attention, const std::vector<int>& ids, std::int64_t n_chunk = 0) {
    const Result<void> status = try_load(attention);
    EXPECT_TRUE(status) << status.error().message;
    LogitsRequest request;
    request.ids = ids;
    request.n_chunk = n_chunk;
    Result<LogitsResult> result = engine_->logits(request, {});
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(result->values) : std::vector<float>();
  }

  std::unique_ptr<Engine> engine_ = create_engine();
};

AttentionChoice window(std::int64_t n_tokens, std::int64_t n_sinks) {
  return {.kind = AttentionChoice::Kind::window, .n_sinks = n_sinks, .window = n_tokens};
}
AttentionChoice pages(std::int64_t n) { return {.kind = AttentionChoice::Kind::pages, .n_pages = n}; }

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0 : 1e9;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::fabs(double{a[i]} - double{b[i]}));
  return largest;
}

TEST_F(AttentionKinds, ThatReachEverythingGiveFullAttentionsLogitsToTheBit) {
  const std::vector<int> ids = some_ids(150);
  const std::vector<float> full = logits({}, ids);
  EXPECT_EQ(logits(window(150, 0), ids), full);
  EXPECT_EQ(logits(window(100, 50), ids), full);
  EXPECT_EQ(logits(pages(5), ids), full);
}

TEST_F(AttentionKinds, ThatReachLessGiveOtherLogitsFromThereOnOnly) {
  const std::vector<int> ids = some_ids(150);
  const std::vector<float> full = logits({}, ids);
  const std::size_t vocab_size = full.size() / 150;
  for (const AttentionChoice& attention : {window(40, 4), pages(2)}) {
    const std::vector<float> less = logits(attention, ids);
    const std::size_t same = (attention.kind == AttentionChoice::Kind::window ? 44 : 64) * vocab_size;
    const auto part = [&](const std::vector<float>& v, bool head) {
      return head ? std::vector<float>(v.begin(), v.begin() + same) : std::vector<float>(v.begin() + same, v.end());
    };
    EXPECT_LT(largest_difference(part(less, true), part(full, true)), 1e-4);  // the same numbers in another order of blocks
    EXPECT_GT(largest_difference(part(less, false), part(full, false)), 1e-3);
  }
}

TEST_F(AttentionKinds, KeepTheSameTokensInPrefillAndTokenByToken) {
  const std::vector<int> ids = some_ids(150);
  for (const AttentionChoice& attention : {window(40, 4), pages(2)}) {
    const std::vector<float> together = logits(attention, ids);
    // Float32 in other orders through a few layers: 1e-4 of logits of size 10. Another page would show as 1e-2 and more.
    EXPECT_LT(largest_difference(logits(attention, ids, 1), together), 1e-3);
    EXPECT_LT(largest_difference(logits(attention, ids, 47), together), 1e-3);
  }
}

TEST_F(AttentionKinds, AreMeasuredAgainstFullAttention) {
  ASSERT_TRUE(try_load({}));
  const std::vector<int> ids = some_ids(330);
  const Result<DivergenceResult> none = engine_->measure_attention(ids, 150, window(150, 0), {});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->n_tokens, 300);
  EXPECT_NEAR(none->mean_kl, 0, 1e-12);  // logits that differ by float32 rounding, 1e-6, differ by its square in KL
  EXPECT_EQ(none->same_top, 1);
  EXPECT_EQ(none->perplexity, none->full_perplexity);
  double before = 0;
  for (const std::int64_t n : {100, 20, 1}) {  // the less it keeps, the further away
    const Result<DivergenceResult> some = engine_->measure_attention(ids, 150, window(n, 0), {});
    ASSERT_TRUE(some) << some.error().message;
    EXPECT_GT(some->mean_kl, before);
    EXPECT_GE(some->largest_kl, some->mean_kl);
    EXPECT_EQ(some->full_perplexity, none->full_perplexity);
    before = some->mean_kl;
  }
  EXPECT_EQ(engine_->measure_attention(ids, 201, pages(2), {}).error().code, ErrorCode::context_full);  // two of them do not fit into 400
  EXPECT_EQ(engine_->measure_attention(some_ids(20), 150, pages(2), {}).error().code, ErrorCode::bad_argument);
}

TEST_F(AttentionKinds, RefuseNumbersThatMakeNoSense) {
  for (const AttentionChoice& attention : {window(0, 4), window(-5, 4), window(10, -1), pages(0), pages(-3), window(INT64_MAX, 0), window(5, INT64_MAX), pages(INT64_MAX)}) {
    const Result<void> status = try_load(attention);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::bad_argument) << status.error().message;
  }
}

TEST_F(AttentionKinds, KeepWhatComesBeforeTheFirstUsersWordsAndTheTextsThatAreNamed) {
  const Result<std::unique_ptr<Tokenizer>> tokenizer = open_tokenizer((test::model_data("llama-tiny") / "tokenizer.json").string());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::vector<ChatMessage> messages = {{"system", "Be kind."}, {"user", " kind words, import os, and import os"}};
  const std::string prompt = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n kind words, import os, and import os<|im_end|>\n";
  std::vector<int> ids = (*tokenizer)->encode(prompt, SpecialTokens::all);
  const auto text_of = [&](const TokenRange& range) {
    std::string text;
    for (std::int64_t i = range.first; i < range.end; ++i) text += ids[i] < 0 ? "" : (*tokenizer)->bytes(ids[i]);
    return text;
  };
  std::vector<TokenRange> ranges = protected_tokens(**tokenizer, ids, messages, {"import os", "never said"});
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].first, 0);
  EXPECT_TRUE(text_of(ranges[0]).starts_with("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user")) << text_of(ranges[0]);
  EXPECT_FALSE(text_of(ranges[0]).find("words") != std::string::npos);
  EXPECT_NE(text_of(ranges[1]).find("import os"), std::string::npos);
  EXPECT_NE(text_of(ranges[2]).find("import os"), std::string::npos);
  EXPECT_LE(ranges[1].end, ranges[2].first);

  ids.insert(ids.begin() + ranges[1].first, {-1, -1, -2});  // a picture's
  const std::vector<TokenRange> moved = protected_tokens(**tokenizer, ids, messages, {"import os"});
  ASSERT_EQ(moved.size(), 3u);
  EXPECT_EQ(moved[1].first, ranges[1].first + 3);
  EXPECT_TRUE(protected_tokens(**tokenizer, {}, messages, {"import os"}).empty());
}

// The conversation's cache is the same; what is read of it differs.
TEST_F(AttentionKinds, GenerateThroughAChatWithProtectedTexts) {
  ASSERT_TRUE(try_load(pages(1)));
  GenerateRequest request;
  request.ids = some_ids(200);
  request.max_tokens = 20;
  request.ignore_eos = true;
  request.sampling.temperature = 0;
  request.protected_texts = {"a"};
  const Result<GenerateResult> result = engine_->generate(request, {}, {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->ids.size(), 20u);
}

}  // namespace
}  // namespace pio
