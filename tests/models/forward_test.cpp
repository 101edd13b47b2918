#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/registry.h"
#include "models/blocks/dense_decoder.h"
#include "tests/support/tiny_model.h"

// The forward passes against transformers in float32 (shared/fixtures/README-text.md says how those numbers were made).

namespace pio::test {
namespace {

nlohmann::json read_json(const std::filesystem::path& path) { return nlohmann::json::parse(std::ifstream(path)); }

// The tolerance that README-text.md recommends: the reference in float32 is itself `measured` away from float64, largest over this case;
// another order of sums may be a few times as far, and 1e-4 is twice what llama.cpp differs by.
double logits_tolerance(const std::string& model, const std::string& name) {
  return 1e-4 + 5 * read_json(model_data(model) / "fixture.json").at("measured").at(name).at("max_abs_float32_minus_float64").get<double>();
}

// Hidden states: float32 minus float64 is at most 8.2e-6 in the reference, with values up to 15.
constexpr double kHiddenTolerance = 2e-4;

// Two ways through the same float32 sums, which the CPU backend may order by the number of rows: ten times the reference's own error.
constexpr double kSameModelTolerance = 1e-4;

double largest_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;  // NaN stays
  }
  return largest;
}

std::vector<float> joined(std::vector<float> a, const std::vector<float>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Case {
  std::string model;
  std::string device;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.model << " on " << c.device; }

class ForwardTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    auto backend = create_backend(GetParam().device, {.n_threads = 2, .activations = Activations::f32, .isa = ""});
    if (!backend) GTEST_SKIP() << backend.error().message;
    backend_ = std::move(*backend);
    source_ = std::make_unique<TestCheckpoint>(data(), *backend_);
  }
  std::filesystem::path data() const { return model_data(GetParam().model); }
  std::vector<int> ids(const std::string& name) const { return read_ids(data() / "cases" / (name + ".json")); }
  std::vector<float> logits(const std::string& name) const { return read_npy(data() / "cases" / (name + ".logits.npy")).values; }
  std::unique_ptr<Model> model() {
    auto model = create_model(*source_, *backend_);
    if (!model) throw std::runtime_error(model.error().message);
    return std::move(*model);
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<TestCheckpoint> source_;
};

TEST_P(ForwardTest, LogitsAgreeWithTransformers) {
  const auto m = model();
  for (const std::string name : {"short", "single"}) {
    ModelRunner runner(*m, *backend_, 1, 64);
    EXPECT_LE(largest_difference(runner.run(ids(name)), logits(name)), logits_tolerance(GetParam().model, name)) << name;
  }
}

TEST_P(ForwardTest, LogitsOfThreeHundredTokensAgreeWithTransformers) {
  const auto folder = shared_fixture(GetParam().model);
  if (folder.empty()) GTEST_SKIP() << "PIO_SHARED/fixtures/" << GetParam().model << " is not on this machine";
  const auto m = model();
  for (const std::string name : {"long", "repeat"}) {
    ModelRunner runner(*m, *backend_, 1, 300);
    const auto logits = runner.run(read_ids(folder / "cases" / (name + ".json")));
    const auto expected = read_npy(folder / "cases" / (name + ".logits.npy")).values;
    EXPECT_LE(largest_difference(logits, expected), logits_tolerance(GetParam().model, name)) << name;
  }
}

TEST_P(ForwardTest, TheResidualStreamAgreesAfterEveryLayer) {
  const auto m = model();
  const Npy expected = read_npy(data() / "cases/short.hidden.npy");  // [layers + 1, tokens, dim]
  const std::size_t n_values = expected.shape[1] * expected.shape[2];
  ASSERT_EQ(expected.shape[0], m->spec().n_layers + 1);
  for (std::int64_t l = 0; l <= m->spec().n_layers; ++l) {
    ModelRunner runner(*m, *backend_, 1, 64);
    const Step& step = runner.make_step({{0, ids("short")}});
    const auto x = m->layers(runner.context(), m->embed(runner.context(), step).value(), step, runner.state(), 0, l);
    ASSERT_TRUE(x) << x.error().message;
    const std::span<const float> layer(expected.values.data() + l * n_values, n_values);
    EXPECT_LE(largest_difference(runner.download(*x), layer), kHiddenTolerance) << "after " << l << " layers";
  }
}

TEST_P(ForwardTest, TheWantedRowsHaveTheBytesThatTheyHaveAmongAll) {
  const auto m = model();
  const std::vector<int> all = ids("short");
  const auto vocab = static_cast<std::size_t>(m->spec().vocab_size);
  const auto expected = ModelRunner(*m, *backend_, 1, 64).run(all);
  const int last = static_cast<int>(all.size()) - 1;
  for (const std::vector<int>& wanted : {std::vector<int>{last}, {0, last / 2}, {}}) {
    ModelRunner runner(*m, *backend_, 1, 64);
    const auto logits = runner.run({{0, all}}, wanted);
    ASSERT_EQ(logits.size(), wanted.size() * vocab);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_TRUE(std::equal(logits.begin() + i * vocab, logits.begin() + (i + 1) * vocab, expected.begin() + wanted[i] * vocab)) << wanted[i];
    // the others' keys and values are there all the same
    ModelRunner other(*m, *backend_, 1, 64);
    other.run(all);
    EXPECT_EQ(runner.run(std::vector<int>{7}), other.run(std::vector<int>{7}));
  }
}

TEST_P(ForwardTest, InOneGoInChunksAndTokenByTokenAreTheSame) {
  const auto m = model();
  // three times the short case: longer than a block of the cache
  std::vector<int> all = ids("short");
  for (int i = 0; i < 2; ++i)
    for (int id : ids("short")) all.push_back(id);
  ModelRunner whole(*m, *backend_, 1, 64);
  const auto expected = whole.run(all);
  for (std::size_t n_chunk : {1, 5, 33}) {
    ModelRunner runner(*m, *backend_, 1, 64);
    std::vector<float> logits;
    for (std::size_t i = 0; i < all.size(); i += n_chunk)
      logits = joined(logits, runner.run(std::span(all).subspan(i, std::min(n_chunk, all.size() - i))));
    EXPECT_LE(largest_difference(logits, expected), kSameModelTolerance) << "chunks of " << n_chunk;
  }
}

TEST_P(ForwardTest, TwoSequencesInOneStepDoNotSeeEachOther) {
  const auto m = model();
  const std::vector<int> a = ids("short"), b(a.rbegin(), a.rend());
  ModelRunner alone_a(*m, *backend_, 1, 64), alone_b(*m, *backend_, 1, 64), both(*m, *backend_, 2, 64);
  const auto expected = joined(alone_a.run(a), alone_b.run(b));
  EXPECT_LE(largest_difference(both.run({{0, a}, {1, b}}), expected), kSameModelTolerance);
}

TEST_P(ForwardTest, OnlyTheWantedRowsComeBackInTheirOrder) {
  const auto m = model();
  const std::int64_t vocab_size = m->spec().vocab_size;
  const auto all = logits("short");
  ModelRunner runner(*m, *backend_, 1, 64);
  const auto some = runner.run({{0, ids("short")}}, std::vector<int>{11, 0});
  ASSERT_EQ(some.size(), 2u * vocab_size);
  const auto expected = joined({all.begin() + 11 * vocab_size, all.end()}, {all.begin(), all.begin() + vocab_size});
  EXPECT_LE(largest_difference(some, expected), logits_tolerance(GetParam().model, "short"));
  EXPECT_TRUE(runner.run({{0, {1}}}, std::vector<int>{}).empty());
}

TEST_P(ForwardTest, TheFileOfLlamaCppGivesTheSameLogits) {
  source_->become_gguf();
  const auto m = model();
  ModelRunner runner(*m, *backend_, 1, 64);
  EXPECT_LE(largest_difference(runner.run(ids("short")), logits("short")), logits_tolerance(GetParam().model, "short"));
}

using TiedForwardTest = ForwardTest;

TEST_P(TiedForwardTest, AnOutputMatrixOfItsOwnIsUsed) {
  auto doubled = source_->values("model.embed_tokens.weight");
  for (float& w : doubled) w *= 2;
  const auto rows = static_cast<std::int64_t>(std::get<std::int64_t>(*source_->metadata("vocab_size")));
  source_->add("lm_head.weight", {rows, static_cast<std::int64_t>(doubled.size()) / rows}, doubled);
  source_->set("tie_word_embeddings", false);
  const auto m = model();
  ModelRunner runner(*m, *backend_, 1, 64);
  auto expected = logits("short");
  for (float& logit : expected) logit *= 2;
  EXPECT_LE(largest_difference(runner.run(ids("short")), expected), 2 * logits_tolerance(GetParam().model, "short"));
}

TEST_P(ForwardTest, GreedyTokensAreThoseOfTransformers) {
  const auto m = model();
  const auto greedy = read_json(data() / "greedy.json");
  ModelRunner runner(*m, *backend_, 1, 64);
  std::vector<int> next = greedy.at("prompt"), answer;
  for (std::size_t i = 0; i < greedy.at("ids").size(); ++i) {  // all margins are over 0.02, far above the error
    const auto row = runner.run({{0, next}}, std::vector<int>{static_cast<int>(next.size()) - 1});
    next = {static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin())};
    answer.push_back(next[0]);
  }
  EXPECT_EQ(answer, greedy.at("ids").get<std::vector<int>>());
}

TEST_P(ForwardTest, AStopEndsThePassWithoutHarm) {
  const auto m = model();
  ModelRunner runner(*m, *backend_, 1, 64);
  std::stop_source stop;
  stop.request_stop();
  backend_->set_stop(stop.get_token());
  EXPECT_EQ(runner.run(ids("short")).size(), ids("short").size() * m->spec().vocab_size);
  backend_->set_stop({});
  ModelRunner again(*m, *backend_, 1, 64);
  EXPECT_LE(largest_difference(again.run(ids("short")), logits("short")), logits_tolerance(GetParam().model, "short"));
}

TEST_P(ForwardTest, MemoryOfTemporariesDoesNotGrowWithSteps) {
  const auto m = model();
  ModelRunner runner(*m, *backend_, 1, 64);
  runner.run(ids("short"));
  const std::size_t n_bytes = runner.context().n_bytes();
  for (int i = 0; i < 4; ++i) runner.run(ids("short"));
  EXPECT_EQ(runner.context().n_bytes(), n_bytes);
}

TEST_P(ForwardTest, TheSpecTellsWhatTheFileHolds) {
  const auto number = [&](const char* key) { return std::get<std::int64_t>(*source_->metadata(key)); };
  const std::int64_t n_layers = number("num_hidden_layers");
  std::int64_t n_values = 0;
  for (const TensorInfo& tensor : source_->tensors()) {
    if (!tensor.name.starts_with("model.layers." + std::to_string(n_layers) + ".")) n_values += tensor.shape.n_values();
  }
  const auto m = model();
  const ModelSpec& spec = m->spec();
  EXPECT_EQ(spec.n_parameters, n_values);
  EXPECT_EQ(spec.architecture, source_->architecture());
  EXPECT_EQ(spec.n_layers, n_layers);
  ASSERT_EQ(spec.kv_layers.size(), static_cast<std::size_t>(n_layers));
  if (const MetaValue* rank = source_->metadata("kv_lora_rank")) {  // one latent and one rotated key for all heads, no values beside
    EXPECT_EQ(spec.kv_layers[0].n_kv_heads, 1);
    EXPECT_EQ(spec.kv_layers[0].k_head_dim, std::get<std::int64_t>(*rank) + number("qk_rope_head_dim"));
    EXPECT_EQ(spec.kv_layers[0].v_head_dim, 0);
  } else {
    EXPECT_EQ(spec.kv_layers[0].n_kv_heads, number("num_key_value_heads"));
    EXPECT_EQ(spec.kv_layers[0].k_head_dim, source_->metadata("head_dim") ? 32 : 16);
  }
}

std::vector<Case> on_devices(const std::vector<std::string>& models) {
  std::vector<Case> cases;
  for (const char* device : {"reference", "cpu", "vulkan"}) {
    for (const std::string& model : models) cases.push_back({model, device});
  }
  return cases;
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.model + "_" + info.param.device;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, ForwardTest,
                         testing::ValuesIn(on_devices({"llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"})),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Models, TiedForwardTest, testing::ValuesIn(on_devices({"llama-tiny", "qwen2-tiny", "qwen3-tiny"})), name_of_case);

// Twice as slow everywhere is the same as half the position.
TEST(RopeFactorsTest, StretchThePositions) {
  auto backend = create_backend("reference", {});
  ASSERT_TRUE(backend) << backend.error().message;
  TestCheckpoint source(model_data("llama-tiny"), **backend);
  source.become_gguf();
  const std::vector<float> ones(8, 1), twos(8, 2);
  source.add("rope_freqs.weight", {8}, ones);
  const auto ids = read_ids(model_data("llama-tiny") / "cases/short.json");
  const auto expected = read_npy(model_data("llama-tiny") / "cases/short.logits.npy").values;
  {
    auto model = create_model(source, **backend);
    ASSERT_TRUE(model) << model.error().message;
    ModelRunner runner(**model, **backend, 1, 64);
    EXPECT_LE(largest_difference(runner.run(ids), expected), logits_tolerance("llama-tiny", "short"));
  }
  source.drop("rope_freqs.weight");
  source.add("rope_freqs.weight", {8}, twos);
  auto model = create_model(source, **backend);
  ASSERT_TRUE(model) << model.error().message;
  ModelRunner runner(**model, **backend, 1, 64);
  EXPECT_GT(largest_difference(runner.run(ids), expected), 0.1);

  source.drop("rope_freqs.weight");
  source.add("rope_freqs.weight", {8}, {1, 1, 0, 1, 1, 1, 1, 1});
  auto refused = create_model(source, **backend);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::bad_file);
}

}  // namespace
}  // namespace pio::test
