#include "engine/kv_selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

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
  Result<void> try_load(const KvSelection& attention) {
    LoadRequest request;
    request.path = test::model_data("qwen3-tiny").string();
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = 400;
    request.attention = attention;
    return engine_->load(request, {}, {});
  }
  std::vector<float> logits(const KvSelection& attention, const std::vector<int>& ids, std::int64_t n_chunk = 0) {
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

KvSelection window(std::int64_t n_tokens, std::int64_t n_sinks) {
  return {.kind = KvSelection::Kind::window, .n_sinks = n_sinks, .window = n_tokens};
}
KvSelection pages(std::int64_t n) { return {.kind = KvSelection::Kind::pages, .n_pages = n}; }

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
  for (const KvSelection& attention : {window(40, 4), pages(2)}) {
    const std::vector<float> less = logits(attention, ids);
    const std::size_t same = (attention.kind == KvSelection::Kind::window ? 44 : 64) * vocab_size;
    const auto part = [&](const std::vector<float>& v, bool head) {
      return head ? std::vector<float>(v.begin(), v.begin() + same) : std::vector<float>(v.begin() + same, v.end());
    };
    EXPECT_LT(largest_difference(part(less, true), part(full, true)), 1e-4);  // the same numbers in another order of blocks
    EXPECT_GT(largest_difference(part(less, false), part(full, false)), 1e-3);
  }
}

TEST_F(AttentionKinds, KeepTheSameTokensInPrefillAndTokenByToken) {
  const std::vector<int> ids = some_ids(150);
  for (const KvSelection& attention : {window(40, 4), pages(2)}) {
    const std::vector<float> together = logits(attention, ids);
    // Float32 in other orders through a few layers: 1e-4 of logits of size 10. Another page would show as 1e-2 and more.
    EXPECT_LT(largest_difference(logits(attention, ids, 1), together), 1e-3);
    EXPECT_LT(largest_difference(logits(attention, ids, 47), together), 1e-3);
  }
}

// 2,500 characters of some 40 words.
std::string some_text() {
  std::string text;
  for (int i = 0; i < 350; ++i) text += "word" + std::to_string(i * 37 % 41) + (i % 9 == 8 ? ".\n" : " ");
  return text;
}

LoadRequest exact(const std::string& path, const KvSelection& attention = {}) {
  LoadRequest request;
  request.path = path;
  request.kv = DType::f32;
  request.activations = Activations::f32;
  request.attention = attention;
  return request;
}

Result<DivergenceResult> divergence(const LoadRequest& base, const LoadRequest& other, std::int64_t window, std::int64_t n_windows = 2) {
  return measure_divergence({.base = base, .other = other, .text = some_text(), .window = window, .n_windows = n_windows}, {}, {});
}

TEST(Divergence, OfAttentionKindsGrowsTheLessTheyKeep) {
  const std::string path = test::model_data("qwen3-tiny").string();
  const Result<DivergenceResult> none = divergence(exact(path), exact(path, window(150, 0)), 150);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->n_tokens, 300);
  EXPECT_NEAR(none->mean_kl, 0, 1e-12);  // logits that differ by float32 rounding, 1e-6, differ by its square in KL
  EXPECT_EQ(none->same_top, 1);
  EXPECT_EQ(none->perplexity, none->base_perplexity);
  double before = 0;
  for (const std::int64_t n : {100, 20, 1}) {  // the less it keeps, the further away
    const Result<DivergenceResult> some = divergence(exact(path), exact(path, window(n, 0)), 150);
    ASSERT_TRUE(some) << some.error().message;
    EXPECT_GT(some->mean_kl, before);
    EXPECT_GE(some->largest_kl, some->kl_p99);
    EXPECT_GE(some->kl_p99, some->mean_kl);
    EXPECT_EQ(some->base_perplexity, none->base_perplexity);
    before = some->mean_kl;
  }
  EXPECT_TRUE(divergence(exact(path), exact(path, pages(2)), 33)) << "two windows of 33 tokens take two blocks each";
  EXPECT_EQ(divergence(exact(path), exact(path), 150'000).error().code, ErrorCode::bad_argument);  // the text has no such window
}

// The same figures in double from the logits of two engines.
TEST(Divergence, OfTwoLoadsIsThatOfTheirLogits) {
  const std::string path = test::model_data("qwen3-tiny").string();
  LoadRequest base = exact(path), other = exact(path);
  other.kv = DType::f16;
  const Result<DivergenceResult> have = divergence(base, other, 64, 1);
  ASSERT_TRUE(have) << have.error().message;

  std::vector<float> values[2];
  const LoadRequest* requests[] = {&base, &other};
  for (int i = 0; i < 2; ++i) {
    const std::unique_ptr<Engine> engine = create_engine();
    LoadRequest request = *requests[i];
    request.context_length = 64;
    ASSERT_TRUE(engine->load(request, {}, {}));
    std::vector<int> ids = engine->tokenizer()->encode(some_text(), SpecialTokens::none);
    ids.resize(64);
    LogitsRequest wanted;
    wanted.ids = ids;
    values[i] = engine->logits(wanted, {})->values;
  }
  const std::size_t vocab_size = values[0].size() / 64;
  std::vector<double> kl;
  for (std::size_t row = 0; row < 64; ++row) {
    long double totals[2] = {0, 0};
    for (int i = 0; i < 2; ++i)
      for (std::size_t id = 0; id < vocab_size; ++id) totals[i] += std::exp(static_cast<long double>(values[i][row * vocab_size + id]));
    long double sum = 0;
    for (std::size_t id = 0; id < vocab_size; ++id) {
      const long double a = values[0][row * vocab_size + id] - std::log(totals[0]), b = values[1][row * vocab_size + id] - std::log(totals[1]);
      sum += std::exp(a) * (a - b);
    }
    kl.push_back(static_cast<double>(sum));
  }
  std::sort(kl.begin(), kl.end());
  EXPECT_GT(have->mean_kl, 0);
  // The steps are of other widths than here: float32 roundings of 1e-6 against keys and values in f16, 1e-3.
  EXPECT_NEAR(have->mean_kl, std::accumulate(kl.begin(), kl.end(), 0.0) / 64, 0.02 * have->mean_kl);
  EXPECT_NEAR(have->kl_p99, kl[62] + 0.37 * (kl[63] - kl[62]), 0.02 * have->kl_p99);  // rank 0.99 * 63 = 62.37
  EXPECT_EQ(have->n_tokens, 64);

  // One after the other, where memory does not do for both: the same steps, so the same numbers.
  DivergenceRequest in_turn{.base = base, .other = other, .text = some_text(), .window = 64, .n_windows = 3};
  const Result<DivergenceResult> together = measure_divergence(in_turn, {}, {});
  in_turn.one_at_a_time = true;
  in_turn.kept_bytes = 2 * 64 * vocab_size * sizeof(float);  // two windows, then the third
  const Result<DivergenceResult> alternating = measure_divergence(in_turn, {}, {});
  ASSERT_TRUE(together && alternating);
  EXPECT_EQ(alternating->n_tokens, 192);
  EXPECT_EQ(alternating->mean_kl, together->mean_kl);
  EXPECT_EQ(alternating->kl_p99, together->kl_p99);
  EXPECT_EQ(alternating->perplexity, together->perplexity);
  EXPECT_EQ(alternating->base_perplexity, together->base_perplexity);
}

TEST_F(AttentionKinds, RefuseNumbersThatMakeNoSense) {
  for (const KvSelection& attention :
       {window(0, 4), window(-5, 4), window(10, -1), pages(0), pages(-3), window(INT64_MAX, 0), window(5, INT64_MAX), pages(INT64_MAX)}) {
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
