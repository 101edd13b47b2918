// A model's layers over several stages, and steps that are collected and mirrored.

#include "engine/stage.h"

#include <gtest/gtest.h>

#include "engine/kv/sequence.h"
#include "kernels/registry.h"
#include "tests/support/forwarding_backend.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

// Keeps the ops of a step and runs them again.
class RecordingBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  std::span<const std::int64_t> step_sizes() const override { return kSizes; }
  void begin_recording(const RecordingKey& key) override { recordings_.push_back({key, {}, {}}), is_recording_ = true; }
  void end_recording(Tensor result) override {
    is_recording_ = false;
    recordings_.back().result = result;
    if (!result) recordings_.pop_back();
  }
  Tensor replay(const RecordingKey& key) override {
    for (const Recording& recording : recordings_) {
      if (!(recording.key == key)) continue;
      for (const auto& op : recording.ops) op(inner());
      ++n_replays;
      return recording.result;
    }
    return {};
  }
  int n_replays = 0;
  std::optional<Error> lost;  // what sync() answers
  Result<void> sync() override { return lost ? Result<void>(*lost) : ForwardingBackend::sync(); }
  std::size_t n_recordings() const { return recordings_.size(); }

 private:
  void run(const std::function<void(Backend&)>& op) override {
    if (is_recording_) recordings_.back().ops.push_back(op);
    ForwardingBackend::run(op);
  }
  struct Recording {
    RecordingKey key;
    std::vector<std::function<void(Backend&)>> ops;
    Tensor result;
  };
  static constexpr std::int64_t kSizes[] = {1, 4, 40};
  std::vector<Recording> recordings_;
  bool is_recording_ = false;
};

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
    Stage stage{.backend = backends_[i].get(),
                .model = model_.get(),
                .first = first,
                .last = last,
                .has_embeddings = first == 0,
                .has_head = last == model_->spec().n_layers,
                .context = std::make_unique<ForwardContext>(*backends_[i]),
                .kv = {},
                .step = {},
                .exchange = {}};
    const std::span<const KvLayout> layouts(model_->spec().kv_layers);
    stage.kv = KvMemory::create(*backends_[i],
                                {.layers = layouts.subspan(first, last - first), .first_layer = first, .dtype = DType::f16, .n_blocks = kBlocks})
                   .value();
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
std::vector<float> run(const Model& model, std::span<const Stage> stages, StepCapacity capacity, std::vector<int> chunks = {50, 40},
                       bool company = false) {
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
    builder.add({.sequence = to,
                 .first = to.n_tokens(),
                 .ids = ids,
                 .output_rows = std::span(&last, wants_row ? 1 : 0),
                 .positions = positions,
                 .protected_blocks = {}});
  };
  chunks.insert(chunks.end(), kDecodedTokens, 1);
  for (const int n : chunks) {
    const bool decodes = sequence.n_tokens() >= kPromptTokens;
    std::vector<int> values, others;
    builder.begin({}, decodes ? StepNeeds{} : prompt_needs);
    if (company && decodes) add(other, 2, 29, others);
    add(sequence, n, 17, values);
    const Result<void> done = run_step(stages, builder, nullptr, {}, logits);
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

// Steps of 50 tokens are none of the sizes; those of 40 and 1 are, and the second and third of one token come from the recording.
TEST_P(StageTest, ReplayedStepsGiveTheBytesOfStepsThatAreRun) {
  const std::int64_t n_layers = model_->spec().n_layers;
  std::vector<Stage> eager, recorded;
  eager.push_back(stage(0, 0, n_layers));
  const std::vector<float> expected = run(*model_, eager, capacity());
  auto& recorder = static_cast<RecordingBackend&>(*(backends_[1] = std::make_unique<RecordingBackend>(std::move(backends_[1]), "recorder")));
  for (const bool is_split : {false, true}) {
    recorded.clear();
    if (is_split) recorded.push_back(stage(0, 0, 1));
    recorded.push_back(stage(1, is_split ? 1 : 0, n_layers));
    for (const Stage& one : recorded) ASSERT_TRUE(one.context->reserve(16 << 20));
    recorder.n_replays = 0;
    EXPECT_EQ(run(*model_, recorded, capacity()), expected);
    EXPECT_EQ(recorder.n_replays, 2);
  }
  // Memory that moved ends a recording; so does anyone who wants to be told.
  recorder.n_replays = 0;
  ASSERT_TRUE(recorded[1].context->reserve(32 << 20));
  const std::size_t before = recorder.n_recordings();
  EXPECT_EQ(run(*model_, recorded, capacity()), expected);
  EXPECT_EQ(recorder.n_replays, 2);
  EXPECT_GT(recorder.n_recordings(), before);
  int n_told = 0;
  recorded[1].context->on_layer_input = [&](std::int64_t, Tensor) { ++n_told; };
  EXPECT_EQ(run(*model_, recorded, capacity()), expected);
  EXPECT_EQ(recorder.n_replays, 2);
  EXPECT_EQ(n_told, 5 * (n_layers - 1));
}

TEST_P(StageTest, StepsAreFilledUpToTheSizesThatABackendWants) {
  auto& recorder = static_cast<RecordingBackend&>(*(backends_[1] = std::make_unique<RecordingBackend>(std::move(backends_[1]), "recorder")));
  std::vector<Stage> eager, padded;
  eager.push_back(stage(0, 0, model_->spec().n_layers));
  padded.push_back(stage(1, 0, model_->spec().n_layers));
  for (const auto& [n, size] : {std::pair{1, 1}, {2, 4}, {4, 4}, {5, 40}, {40, 40}, {41, 41}, {512, 512}}) {
    EXPECT_EQ(padded_size(padded, n), size);
    EXPECT_EQ(padded_size(eager, n), n);
  }
  const Vocabulary vocabulary(model_->spec().vocab_size);
  const auto spare_cell = static_cast<std::int32_t>((kBlocks - 1) * kKvBlockLength);
  std::vector<std::vector<float>> both;
  for (const std::vector<Stage>* stages : {&eager, &padded}) {
    auto pool = BlockPool::create((kBlocks - 1) * kKvBlockLength).value();
    Sequence sequence(*pool);
    StepBuilder builder(capacity());
    both.emplace_back();
    for (int step = 0; step < 4; ++step) {  // three tokens each: filled up to four
      const TokenIds ids = vocabulary.check({3 + step, 14, 15}, "ids").value();
      ASSERT_TRUE(sequence.reserve(3));
      std::vector<std::int32_t> positions;
      for (std::int64_t axis = 0; axis < capacity().n_position_axes; ++axis)
        for (int i = 0; i < 3; ++i) positions.push_back(static_cast<std::int32_t>(sequence.n_tokens()) + i);
      const int last = 2;
      builder.begin({}, {});
      builder.add({.sequence = sequence,
                   .first = sequence.n_tokens(),
                   .ids = ids,
                   .output_rows = std::span(&last, 1),
                   .positions = positions,
                   .protected_blocks = {}});
      builder.pad(padded_size(*stages, 3), spare_cell);
      ASSERT_TRUE(run_step(*stages, builder, nullptr, {}, both.back()));
      sequence.append(std::vector<int>{3 + step, 14, 15});
    }
  }
  EXPECT_GE(recorder.n_replays, 2);
  EXPECT_EQ(both[0], both[1]);
}

TEST_P(StageTest, ADeviceThatIsLostEndsTheStepWithThatError) {
  auto& recorder = static_cast<RecordingBackend&>(*(backends_[1] = std::make_unique<RecordingBackend>(std::move(backends_[1]), "recorder")));
  std::vector<Stage> stages;
  stages.push_back(stage(1, 0, model_->spec().n_layers));
  recorder.lost = make_error(ErrorCode::device_lost, "recorder: an answer, none");
  const Vocabulary vocabulary(model_->spec().vocab_size);
  auto pool = BlockPool::create(kBlocks * kKvBlockLength).value();
  Sequence sequence(*pool);
  ASSERT_TRUE(sequence.reserve(1));
  StepBuilder builder(capacity());
  const std::vector<std::int32_t> positions(capacity().n_position_axes, 0);
  const int row = 0;
  const TokenIds ids = vocabulary.check({3}, "ids").value();
  builder.begin({}, {});
  builder.add({.sequence = sequence, .ids = ids, .output_rows = std::span(&row, 1), .positions = positions, .protected_blocks = {}});
  std::vector<float> logits;
  const Result<void> done = run_step(stages, builder, nullptr, {}, logits);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::device_lost);
  EXPECT_TRUE(logits.empty());
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
    ASSERT_TRUE(run_step(stages, builder, nullptr, {}, both.back()));
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
