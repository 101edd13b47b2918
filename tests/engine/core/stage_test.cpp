// A model's layers over several stages, and steps that are collected and mirrored.

#include "engine/stage.h"

#include <gtest/gtest.h>

#include "engine/kv/sequence.h"
#include "kernels/registry.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

class StageTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { load(DType::f32, Activations::f32); }
  void load(DType dtype, Activations activations) {
    model_.reset();
    source_.reset();
    backends_.clear();
    for (int i = 0; i < 2; ++i) {
      auto backend = create_backend("cpu", {.n_threads = 2, .activations = activations, .isa = ""});
      ASSERT_TRUE(backend) << backend.error().message;
      backends_.push_back(std::move(*backend));
    }
    source_ = std::make_unique<test::TestCheckpoint>(test::model_data(GetParam()), *backends_[0]);
    if (dtype != DType::f32) source_->store_as(dtype);
    auto model = create_model(*source_, *backends_[0]);
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
  }
  // Layers first … last - 1 on backend i.
  Stage stage(std::size_t i, std::int64_t first, std::int64_t last) {
    Stage stage{.backend = backends_[i].get(), .first = first, .last = last, .context = std::make_unique<ForwardContext>(*backends_[i]), .kv = {}, .step = {}};
    const std::span<const KvLayout> layouts(model_->spec().kv_layers);
    stage.kv = KvMemory::create(*backends_[i], {.layers = layouts.subspan(first, last - first), .first_layer = first, .dtype = DType::f16, .n_blocks = kBlocks}).value();
    stage.step = StepMirror::create(*backends_[i], capacity()).value();
    return stage;
  }
  StepCapacity capacity() const { return {.n_sequences = 2, .n_blocks = kBlocks, .n_position_axes = model_->spec().n_position_axes}; }

  static constexpr std::int64_t kBlocks = 8;
  std::vector<std::unique_ptr<Backend>> backends_;
  std::unique_ptr<test::TestCheckpoint> source_;
  std::unique_ptr<Model> model_;
};

constexpr int kPromptTokens = 90, kDecodedTokens = 3;

// The logits of a prompt's last token and of three tokens behind it. The prompt is read in chunks of these sizes; with `company`, another
// sequence decodes a token in each step that decodes.
std::vector<float> run(const Model& model, std::span<const Stage> stages, StepCapacity capacity, std::vector<int> chunks = {50, 40}, bool company = false) {
  auto pool = BlockPool::create(capacity.n_blocks * kKvBlockLength).value();
  Sequence sequence(*pool), other(*pool);
  StepBuilder builder(capacity);
  const Vocabulary vocabulary(model.spec().vocab_size);
  std::vector<float> logits;
  const StepNeeds prompt_needs = model.step_needs(kPromptTokens, 0);
  const auto add = [&](Sequence& to, int n, int multiplier, std::vector<int>& values) {
    std::vector<int> positions;
    for (int i = 0; i < n; ++i) values.push_back((multiplier * static_cast<int>(to.n_tokens() + i) + 5) % 300);
    for (std::int64_t axis = 0; axis < capacity.n_position_axes; ++axis)
      for (int i = 0; i < n; ++i) positions.push_back(static_cast<int>(to.n_tokens()) + i);
    const TokenIds ids = vocabulary.check(values, "ids").value();
    EXPECT_TRUE(to.reserve(n));
    const int last = n - 1;
    const bool wants_row = &to == &sequence && sequence.n_tokens() + n >= kPromptTokens;
    builder.add({.sequence = to, .first = to.n_tokens(), .ids = ids, .output_rows = std::span(&last, wants_row ? 1 : 0), .positions = positions, .protected_blocks = {}});
  };
  chunks.insert(chunks.end(), kDecodedTokens, 1);
  for (const int n : chunks) {
    const bool decodes = sequence.n_tokens() >= kPromptTokens;
    std::vector<int> values, others;
    builder.begin({}, decodes ? StepNeeds{} : prompt_needs);
    if (company && decodes) add(other, 2, 29, others);
    add(sequence, n, 17, values);
    const Result<void> done = run_step(model, stages, builder, nullptr, {}, logits);
    EXPECT_TRUE(done) << done.error().message;
    sequence.append(values);
    other.append(others);
  }
  return logits;
}

TEST_P(StageTest, TwoStagesOnTwoBackendsGiveTheBytesOfOne) {
  const std::int64_t n_layers = model_->spec().n_layers;
  std::vector<Stage> one, two;
  one.push_back(stage(0, 0, n_layers));
  two.push_back(stage(0, 0, 1));
  two.push_back(stage(1, 1, n_layers));
  const std::vector<float> expected = run(*model_, one, capacity());
  EXPECT_EQ(std::ssize(expected), (1 + kDecodedTokens) * model_->spec().vocab_size);
  EXPECT_EQ(run(*model_, two, capacity()), expected);
}

TEST_P(StageTest, AnyCutOfAPromptAndAnyCompanyGiveTheSameBytes) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::q8_0, DType::q4_1}) {
    load(dtype, Activations::q8);
    std::vector<Stage> stages;
    stages.push_back(stage(0, 0, model_->spec().n_layers));
    const std::vector<float> expected = run(*model_, stages, capacity(), {kPromptTokens});
    for (const std::vector<int>& chunks : {std::vector<int>{1, 89}, {31, 2, 57}, std::vector<int>(kPromptTokens, 1), {88, 2}}) {
      EXPECT_EQ(run(*model_, stages, capacity(), chunks), expected) << info(dtype).name << ", first chunk " << chunks[0];
    }
    EXPECT_EQ(run(*model_, stages, capacity(), {5, 85}, true), expected) << info(dtype).name;
  }
}

// Devices that replay recorded steps fill them up.
TEST_P(StageTest, PaddedRowsDoNotChangeTheOthers) {
  std::vector<Stage> stages;
  stages.push_back(stage(0, 0, model_->spec().n_layers));
  auto pool = BlockPool::create((kBlocks - 1) * kKvBlockLength).value();
  const auto spare_cell = static_cast<std::int32_t>((kBlocks - 1) * kKvBlockLength);
  const Vocabulary vocabulary(model_->spec().vocab_size);
  const TokenIds ids = vocabulary.check({3, 14, 15, 92, 65}, "ids").value();
  std::vector<std::vector<float>> both;
  for (const std::int64_t n_padded : {5, 8}) {
    Sequence sequence(*pool);
    ASSERT_TRUE(sequence.reserve(5));
    StepBuilder builder(capacity());
    std::vector<std::int32_t> positions;
    for (std::int64_t axis = 0; axis < capacity().n_position_axes; ++axis)
      for (int i = 0; i < 5; ++i) positions.push_back(i);
    const int rows[] = {0, 4};
    builder.begin({}, {});
    builder.add({.sequence = sequence, .ids = ids, .output_rows = rows, .positions = positions, .protected_blocks = {}});
    builder.pad(n_padded, spare_cell);
    EXPECT_EQ(builder.n_tokens(), n_padded);
    both.emplace_back();
    ASSERT_TRUE(run_step(*model_, stages, builder, nullptr, {}, both.back()));
  }
  EXPECT_EQ(both[0], both[1]);
}

TEST_P(StageTest, AMirrorsTensorsStayWhereTheyAreAndHaveTheStepsExtents) {
  const auto mirror = StepMirror::create(*backends_[0], capacity()).value();
  auto pool = BlockPool::create(kBlocks * kKvBlockLength).value();
  const Vocabulary vocabulary(model_->spec().vocab_size);
  StepBuilder builder(capacity());
  std::vector<std::size_t> offsets;
  for (const int n : {1, 70, 3}) {
    Sequence first(*pool), second(*pool);
    const TokenIds ids = vocabulary.check(std::vector<int>(n, 7), "ids").value();
    ASSERT_TRUE(first.reserve(n));
    ASSERT_TRUE(second.reserve(n));
    const std::vector<std::int32_t> positions(capacity().n_position_axes * n, 2);
    const int row = n - 1;
    builder.begin({}, {});
    for (const Sequence* sequence : {&first, &second})
      builder.add({.sequence = *sequence, .ids = ids, .output_rows = std::span(&row, 1), .positions = positions, .protected_blocks = {}});
    const Step& step = mirror->fill(builder);
    EXPECT_EQ(step.n_tokens(), 2 * n);
    EXPECT_EQ(step.n_outputs(), 2);
    EXPECT_EQ(host_pointer<std::int32_t>(step.outputs)[1], 2 * n - 1);
    EXPECT_EQ(step.block_table.shape, (Shape{2, (n + kKvBlockLength - 1) / kKvBlockLength}));
    EXPECT_EQ(host_pointer<std::int32_t>(step.sequences)[n], 1);
    EXPECT_EQ(host_pointer<std::int32_t>(step.cells)[n], second.cell(0));
    EXPECT_FALSE(step.kv_cells);
    const std::vector<std::size_t> now{step.ids.offset, step.cells.offset, step.block_table.offset, step.outputs.offset};
    if (!offsets.empty()) {
      EXPECT_EQ(now, offsets);
    }
    offsets = now;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, StageTest, testing::Values("llama-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace pio
