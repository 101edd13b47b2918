#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <iterator>

#include "kernels/counting_backend.h"
#include "kernels/registry.h"
#include "models/glm_4_7_flash/config.h"
#include "models/qwen3_coder_30b/config.h"
#include "tests/support/tiny_model.h"

// What only the mixtures have: the choice of experts, the forms in which files hold them, and layers without any.

namespace pio::test {
namespace {

const char* const kQwen = "qwen3-moe-tiny";
const char* const kGlm = "glm4-moe-lite-mtp-tiny";

// float32 sums in another order; the reference itself is 1e-5 away from float64 on these models (their fixture.json).
constexpr double kTolerance = 1.5e-4;

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

class MixtureTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto backend = create_backend(GetParam(), {.n_threads = 2, .activations = Activations::f32, .isa = ""});
    if (!backend && backend.error().code == ErrorCode::not_available) GTEST_SKIP() << backend.error().message;
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
  }
  TestCheckpoint open(const std::string& model) { return TestCheckpoint(model_data(model), *backend_); }
  static std::vector<int> ids(const std::string& model) { return read_ids(model_data(model) / "cases/short.json"); }
  static std::vector<float> expected(const std::string& model) { return read_npy(model_data(model) / "cases/short.logits.npy").values; }
  std::vector<float> logits(TestCheckpoint& source, const std::string& model) {
    auto m = create_model(source, *backend_);
    if (!m) {
      ADD_FAILURE() << m.error().message;
      return {};
    }
    ModelRunner runner(**m, *backend_, 1, 64);
    return runner.run(ids(model));
  }
  void expect_the_same(TestCheckpoint& source, const std::string& model) {
    EXPECT_LE(largest_difference(logits(source, model), expected(model)), kTolerance);
  }

  std::unique_ptr<Backend> backend_;
};

std::string expert(int layer, int e, const std::string& part) {
  return "model.layers." + std::to_string(layer) + ".mlp.experts." + std::to_string(e) + "." + part + "_proj.weight";
}

TEST_P(MixtureTest, TheChosenExpertsAreThoseOfTransformers) {
  for (const std::string model : {kQwen, kGlm}) {
    TestCheckpoint source = open(model);
    auto m = create_model(source, *backend_);
    ASSERT_TRUE(m) << m.error().message;
    ModelRunner runner(**m, *backend_, 1, 64);
    std::vector<std::int32_t> chosen;
    runner.context().on_routing = [&](std::int64_t, Tensor chosen_ids, Tensor weights) {
      const std::int64_t n_used = chosen_ids.shape[1];
      std::vector<std::int32_t> experts(chosen_ids.shape.n_values());
      std::vector<float> shares(experts.size());
      backend_->download(experts.data(), chosen_ids);
      backend_->download(shares.data(), weights);
      for (std::size_t first = 0; first < experts.size(); first += n_used) {  // the fixture's order is by weight, ours by score with bias
        std::vector<std::pair<float, std::int32_t>> token;
        for (std::int64_t j = 0; j < n_used; ++j) token.emplace_back(-shares[first + j], experts[first + j]);
        std::sort(token.begin(), token.end());
        for (const auto& [share, expert] : token) chosen.push_back(expert);
      }
    };
    runner.run(ids(model));
    // All margins of these cases are above 3e-5: in any float32 the same experts are chosen.
    EXPECT_EQ(chosen, read_npy_ints(model_data(model) / "cases/short.experts.npy")) << model;
  }
}

TEST_P(MixtureTest, ExpertsWithGateAndUpInOneTensorGiveTheSameLogits) {
  for (const std::string model : {kQwen, kGlm}) {
    TestCheckpoint source = open(model);
    const int n_experts = model == kQwen ? 16 : 8, first = model == kQwen ? 0 : 1, last = model == kQwen ? 2 : 1;
    for (int l = first; l <= last; ++l) {
      std::vector<std::string> both, down;
      for (int e = 0; e < n_experts; ++e) {
        both.push_back(expert(l, e, "gate"));
        both.push_back(expert(l, e, "up"));
        down.push_back(expert(l, e, "down"));
      }
      const std::string prefix = "model.layers." + std::to_string(l) + ".mlp.experts.";
      source.stack(both, prefix + "gate_up_proj");
      source.reshape(prefix + "gate_up_proj", {n_experts, 64, 64});  // [experts, 2 * 32, 64]: gate before up
      source.stack(down, prefix + "down_proj");
    }
    expect_the_same(source, model);
    source.reshape("model.layers.1.mlp.experts.gate_up_proj", {n_experts * 2, 32, 64});
    auto refused = create_model(source, *backend_);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("model.layers.1.mlp.experts.gate_up_proj has shape"), std::string::npos) << refused.error().message;
  }
}

// A mixture whose experts are all alike is that expert, for its weights add up to one.
TEST_P(MixtureTest, ADenseLayerAmongMixturesIsFoundByTheConfigAndInGgufByItsTensors) {
  TestCheckpoint mixture = open(kQwen), dense = open(kQwen);
  for (const std::string part : {"gate", "up", "down"}) {
    const std::vector<float> values = mixture.values(expert(1, 0, part));
    const Shape shape = part == "down" ? Shape{64, 32} : Shape{32, 64};
    for (int e = 0; e < 16; ++e) {
      mixture.drop(expert(1, e, part));
      mixture.add(expert(1, e, part), shape, values);
      dense.drop(expert(1, e, part));
    }
    dense.add("model.layers.1.mlp." + part + "_proj.weight", shape, values);
  }
  dense.drop("model.layers.1.mlp.gate.weight");
  dense.set("intermediate_size", std::int64_t{32});
  dense.set("mlp_only_layers", std::vector<std::int64_t>{1});
  const std::vector<float> alike = logits(mixture, kQwen);
  EXPECT_LE(largest_difference(logits(dense, kQwen), alike), kTolerance);

  dense.erase("mlp_only_layers");
  dense.set("decoder_sparse_step", std::int64_t{2});  // would make layers 0 and 2 dense instead
  EXPECT_FALSE(create_model(dense, *backend_));

  dense.erase("decoder_sparse_step");
  dense.become_gguf();
  EXPECT_LE(largest_difference(logits(dense, kQwen), alike), kTolerance);
}

// Twice as wide with nothing in the second half.
TEST_P(MixtureTest, SeveralSharedExpertsAreOneBlockOfTheirWidthsAndNoneIsNone) {
  TestCheckpoint source = open(kGlm);
  const std::string prefix = "model.layers.1.mlp.shared_experts.";
  for (const std::string part : {"gate", "up", "down"}) {
    const std::vector<float> narrow = source.values(prefix + part + "_proj.weight");
    std::vector<float> wide;
    if (part != "down") {
      wide = narrow;
      wide.resize(2 * narrow.size(), 0);
    } else {
      for (int row = 0; row < 64; ++row) {
        wide.insert(wide.end(), narrow.begin() + row * 32, narrow.begin() + (row + 1) * 32);
        wide.resize(wide.size() + 32, 0);
      }
    }
    source.drop(prefix + part + "_proj.weight");
    source.add(prefix + part + "_proj.weight", part == "down" ? Shape{64, 64} : Shape{64, 64}, wide);
  }
  source.set("n_shared_experts", std::int64_t{2});
  expect_the_same(source, kGlm);

  for (const std::string part : {"gate", "up", "down"}) source.drop(prefix + part + "_proj.weight");
  source.set("n_shared_experts", std::int64_t{0});
  EXPECT_GT(largest_difference(logits(source, kGlm), expected(kGlm)), 0.1);
}

TEST_P(MixtureTest, AGgufWithoutTheGatingKeyIsSigmoidWhereItHasTheBias) {
  for (const bool is_fork : {false, true}) {
    TestCheckpoint source = open(kGlm);
    if (is_fork) {  // the same keys and tensors under the fork's name
      source.become_gguf();
      source.set_architecture("glm4-moe-lite");
      source.copy_metadata("deepseek2.", "glm4-moe-lite.");
      source.erase("glm4-moe-lite.expert_gating_func");
    } else {
      source.become_gguf();
      source.erase("deepseek2.expert_gating_func");
    }
    expect_the_same(source, kGlm);
  }
  TestCheckpoint source = open(kGlm);
  source.become_gguf();
  source.erase("deepseek2.expert_gating_func");
  source.drop("blk.1.exp_probs_b.bias");
  source.drop("blk.2.exp_probs_b.bias");
  auto config = read_glm4_moe_lite_config(source);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->moe.routing.scoring, ExpertScoring::softmax);
  EXPECT_FALSE(config->moe.has_bias);
  source.set("deepseek2.expert_gating_func", std::int64_t{3});
  config = read_glm4_moe_lite_config(source);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "glm4-moe-lite-mtp-tiny: deepseek2.expert_gating_func: expected 1 (softmax) or 2 (sigmoid), found 3");
}

TEST_P(MixtureTest, WeightsAreDividedByTheirSumWhereTheFormatSaysSo) {
  TestCheckpoint source = open(kQwen);
  EXPECT_TRUE(read_qwen3_moe_config(source)->moe.routing.normalize);
  source.set("norm_topk_prob", false);
  EXPECT_FALSE(read_qwen3_moe_config(source)->moe.routing.normalize);
  EXPECT_GT(largest_difference(logits(source, kQwen), expected(kQwen)), 0.01);
  source.erase("norm_topk_prob");
  EXPECT_FALSE(read_qwen3_moe_config(source)->moe.routing.normalize);  // transformers' default
  source.become_gguf();
  EXPECT_TRUE(read_qwen3_moe_config(source)->moe.routing.normalize);  // llama.cpp's only way
}

TEST_P(MixtureTest, LayersForMultiTokenPredictionAreExpectedAndNotLoaded) {
  TestCheckpoint source = open(kGlm);
  auto m = create_model(source, *backend_);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ((*m)->spec().n_layers, 2);
  const int n_tensors = static_cast<int>(source.tensors().size());
  int n_left = 0;
  for (const TensorInfo& tensor : source.tensors()) n_left += tensor.name.starts_with("model.layers.2.");
  EXPECT_GT(n_left, 20);
  EXPECT_EQ(source.n_loads(), n_tensors - n_left);
  source.erase("num_nextn_predict_layers");  // transformers leaves that layer whatever the config says
  EXPECT_TRUE(create_model(source, *backend_));
}

TEST_P(MixtureTest, AbsurdNumbersAreToldInWords) {
  const auto message = [&](const std::string& model, const std::string& key, MetaValue value) {
    TestCheckpoint source = open(model);
    source.set(key, std::move(value));
    auto m = create_model(source, *backend_);
    return m ? std::string("loaded") : m.error().message;
  };
  const std::string qwen = "qwen3-moe-tiny: ", glm = "glm4-moe-lite-mtp-tiny: ";
  EXPECT_EQ(message(kQwen, "num_experts", std::int64_t{1} << 40), qwen + "num_experts: expected 1 to 1024, found 1099511627776");
  EXPECT_EQ(message(kQwen, "num_experts_per_tok", std::int64_t{17}), qwen + "num_experts_per_tok: expected at most the 16 experts, found 17");
  EXPECT_EQ(message(kQwen, "moe_intermediate_size", std::int64_t{-1}), qwen + "moe_intermediate_size: expected 1 to 1048576, found -1");
  EXPECT_EQ(message(kQwen, "decoder_sparse_step", std::int64_t{0}), qwen + "decoder_sparse_step: expected 1 to 1024, found 0");
  EXPECT_EQ(message(kQwen, "mlp_only_layers", std::string("all")), qwen + "mlp_only_layers: expected a list of whole numbers, found another value");
  EXPECT_EQ(message(kGlm, "kv_lora_rank", std::int64_t{1} << 50), glm + "kv_lora_rank: expected 1 to 16384, found 1125899906842624");
  EXPECT_EQ(message(kGlm, "qk_rope_head_dim", std::int64_t{15}), glm + "qk_rope_head_dim: expected an even number, found 15");
  EXPECT_EQ(message(kGlm, "n_group", std::int64_t{3}), glm + "n_group: expected a divisor of the 8 experts, found 3");
  EXPECT_EQ(message(kGlm, "topk_group", std::int64_t{2}), glm + "topk_group: expected at most 1 groups that hold 4 experts, found 2");
  EXPECT_EQ(message(kGlm, "num_nextn_predict_layers", std::int64_t{1} << 30), glm + "num_nextn_predict_layers: expected 0 to 16, found 1073741824");
  EXPECT_EQ(message(kGlm, "routed_scaling_factor", std::string("x")), glm + "routed_scaling_factor: expected a number, found a text");
  EXPECT_EQ(message(kGlm, "rope_scaling.rope_type", std::string("yarn")), glm + "rope_scaling.rope_type: expected default, found yarn");
  EXPECT_EQ(message(kGlm, "mlp_layer_types", std::vector<std::string>{"dense"}),
            glm + "mlp_layer_types: expected a list of 2 names, found another value");
  // a thousand layers of a thousand experts: a list of what is missing that a person can read
  TestCheckpoint source = open(kQwen);
  source.set("num_experts", std::int64_t{1024});
  source.set("num_hidden_layers", std::int64_t{1024});
  auto m = create_model(source, *backend_);
  ASSERT_FALSE(m);
  EXPECT_LT(m.error().message.size(), 200000u);
  EXPECT_NE(m.error().message.find("and "), std::string::npos);
}

// Experts that lie on the device only while a lease lives, and come in falling order of their ids. What a lease held is overwritten when it
// ends: an op that read it later would give NaN.
class LentExperts final : public ExpertSource {
 public:
  // `n_places`: how many experts can be there at once; `n_ready`: how many come without being waited for, each time.
  LentExperts(TestCheckpoint& source, Backend& backend, std::int64_t first_mixture, std::size_t n_places = 1000, std::size_t n_ready = 1000)
      : source_(source), backend_(backend), first_(first_mixture), n_places_(n_places), n_ready_(n_ready) {}

  const ExpertSet* resident(std::int64_t layer) const override {
    CHECK(layer >= first_, "a layer that is no mixture");
    return nullptr;
  }
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token&) override {
    EXPECT_TRUE(std::ranges::is_sorted(ids, std::less_equal<>()));  // each once
    EXPECT_EQ(n_leases_, 0);
    ++n_acquired;
    return std::unique_ptr<ExpertLease>(std::make_unique<Lease>(*this, layer, ids));
  }
  int n_acquired = 0;

 private:
  class Lease final : public ExpertLease {
   public:
    Lease(LentExperts& lender, std::int64_t layer, std::span<const std::int32_t> ids)
        : lender_(lender), experts_(layer, 16), waiting_(ids.begin(), ids.end()) {
      ++lender_.n_leases_;
    }
    ~Lease() override {
      --lender_.n_leases_;
      overwrite();
    }
    bool is_ready() override { return here_.size() % lender_.n_ready_ != 0; }
    void done() override {
      for (const std::int32_t id : here_) experts_.remove(id);
      here_.clear();
      overwrite();
    }
    Result<std::optional<std::int32_t>> next() override {
      if (waiting_.empty() || here_.size() == lender_.n_places_) return std::optional<std::int32_t>();
      const std::int32_t id = waiting_.back();
      waiting_.pop_back();
      const auto part = [&](const char* name, Shape shape) { return tensor(expert(static_cast<int>(experts_.layer()), id, name), shape); };
      here_.push_back(id);
      experts_.put(id, {part("gate", {32, 64}), part("up", {32, 64}), part("down", {64, 32})});
      return std::optional<std::int32_t>(id);
    }
    const ExpertSet& experts() const override { return experts_; }

   private:
    void overwrite() {
      for (const std::unique_ptr<Buffer>& buffer : buffers_) {
        const std::vector<std::byte> nonsense(buffer->n_bytes() / 4 * 4, std::byte{0xFF});
        lender_.backend_.upload({DType::i32, {std::ssize(nonsense) / 4}, buffer.get(), 0}, nonsense.data());
      }
      std::ranges::move(buffers_, std::back_inserter(lender_.given_back_));
      buffers_.clear();
    }
    Tensor tensor(const std::string& name, Shape shape) {
      Tensor tensor{DType::f32, shape, nullptr, 0};
      buffers_.push_back(lender_.backend_.allocate(tensor.n_bytes()).value());
      tensor.buffer = buffers_.back().get();
      lender_.backend_.upload(tensor, lender_.source_.values(name).data());
      return tensor;
    }
    LentExperts& lender_;
    ExpertSet experts_;
    std::vector<std::int32_t> waiting_, here_;
    std::vector<std::unique_ptr<Buffer>> buffers_;
  };

  TestCheckpoint& source_;
  Backend& backend_;
  std::int64_t first_;
  std::size_t n_places_, n_ready_;
  int n_leases_ = 0;
  std::vector<std::unique_ptr<Buffer>> given_back_;
};

TEST_P(MixtureTest, ExpertsThatArriveInAnyOrderGiveTheBytesOfResidentOnes) {
  for (const std::string model : {kQwen, kGlm}) {
    TestCheckpoint source = open(model);
    source.store_as(DType::f32);  // as the experts are lent
    auto m = create_model(source, *backend_);
    ASSERT_TRUE(m) << m.error().message;
    const std::vector<int> prompt = ids(model), next = {3};
    ModelRunner resident(**m, *backend_, 1, 64), lent(**m, *backend_, 1, 64);
    const std::vector<float> expected = resident.run(prompt), expected_next = resident.run(next);
    LentExperts lender(source, *backend_, model == kQwen ? 0 : 1);
    lent.context().experts = &lender;
    EXPECT_EQ(lent.run(prompt), expected) << model;
    EXPECT_EQ(lent.run(next), expected_next) << model;
    EXPECT_EQ(lender.n_acquired, model == kQwen ? 6 : 2) << model;
  }
}

TEST_P(MixtureTest, ExpertsThatComeInTurnsGiveTheBytesOfResidentOnes) {
  for (const std::string model : {kQwen, kGlm}) {
    TestCheckpoint source = open(model);
    source.store_as(DType::f32);
    auto m = create_model(source, *backend_);
    ASSERT_TRUE(m) << m.error().message;
    const std::vector<int> prompt = ids(model), next = {3};
    ModelRunner resident(**m, *backend_, 1, 64);
    const std::vector<float> expected = resident.run(prompt), expected_next = resident.run(next);
    for (const auto& [n_places, n_ready] : {std::pair{1u, 1000u}, {3u, 2u}, {1000u, 1u}, {1000u, 3u}}) {
      ModelRunner lent(**m, *backend_, 1, 64);
      LentExperts lender(source, *backend_, model == kQwen ? 0 : 1, n_places, n_ready);
      lent.context().experts = &lender;
      EXPECT_EQ(lent.run(prompt), expected) << model << ' ' << n_places << ' ' << n_ready;
      EXPECT_EQ(lent.run(next), expected_next) << model << ' ' << n_places << ' ' << n_ready;
    }
  }
}

// Choices below 0 are somebody else's: what a source gives for the others is what resident experts give.
TEST_P(MixtureTest, ExpertsThatComeInTurnsAddNothingForChoicesBelowZero) {
  TestCheckpoint source = open(kQwen);
  source.store_as(DType::f32);
  auto m = create_model(source, *backend_);
  ASSERT_TRUE(m) << m.error().message;
  ForwardContext context(*backend_);
  const auto run = [&](std::vector<std::int32_t> chosen, ExpertSource* experts) {
    context.experts = experts;
    const ForwardContext::Mark mark(context);
    const Tensor x = context.temp(DType::f32, {3, 64}), y = context.temp(DType::f32, x.shape), ids = context.temp(DType::i32, {3, 4}),
                 shares = context.temp(DType::f32, ids.shape);
    std::vector<float> in(3 * 64), given(12), out(in.size(), -7);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 13) - 6;
    for (std::size_t i = 0; i < given.size(); ++i) given[i] = 0.1F * static_cast<float>(1 + i);
    backend_->upload(x, in.data());
    backend_->upload(y, out.data());
    backend_->upload(ids, chosen.data());
    backend_->upload(shares, given.data());
    const Result<void> status = (*m)->run_experts(context, 1, y, x, ids, shares);
    EXPECT_TRUE(status) << status.error().message;
    backend_->download(out.data(), y);
    return out;
  };
  for (const std::vector<std::int32_t>& chosen :
       {std::vector<std::int32_t>{3, -1, 5, 0, -1, -1, -1, -1, 5, 7, -1, 15}, std::vector<std::int32_t>(12, -1)}) {
    const std::vector<float> expected = run(chosen, nullptr);
    EXPECT_TRUE(std::all_of(expected.begin() + 64, expected.begin() + 128, [](float value) { return value == 0; })) << "the second token has none";
    for (const auto& [n_places, n_ready] : {std::pair{1u, 1000u}, {2u, 1u}, {1000u, 1000u}}) {
      LentExperts lender(source, *backend_, 0, n_places, n_ready);
      EXPECT_EQ(run(chosen, &lender), expected) << n_places;
    }
  }
}

TEST_P(MixtureTest, ADecodeStepReadsNothingBackWhereAllExpertsAreResident) {
  CountingBackend counting(*backend_);
  for (const std::string model : {kQwen, kGlm}) {
    TestCheckpoint source(model_data(model), counting);
    auto m = create_model(source, counting);
    ASSERT_TRUE(m) << m.error().message;
    ModelRunner runner(**m, counting, 1, 64);
    const Step& step = runner.make_step({{0, {7}}});
    const ForwardContext::Mark mark(runner.context());
    counting.reset_counts();
    ASSERT_TRUE((*m)->forward(runner.context(), step, runner.state()));
    EXPECT_GT(counting.counts().multiply_adds, 0u);
    EXPECT_EQ(counting.counts().n_downloads, 0u) << model;

    struct NotResident final : ExpertSource {
      const ExpertSet* resident(std::int64_t) const override { return nullptr; }
      Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t>, const std::stop_token&) override {
        return make_error(ErrorCode::io, "expert of layer " + std::to_string(layer) + ": expected 3072 bytes, found 100");
      }
    } broken;
    runner.context().experts = &broken;
    const auto failed = (*m)->forward(runner.context(), step, runner.state());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "expert of layer " + std::string(model == kQwen ? "0" : "1") + ": expected 3072 bytes, found 100");
    EXPECT_EQ(counting.counts().n_downloads, 1u) << model;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, MixtureTest, testing::Values("reference", "cpu", "vulkan"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace pio::test
