#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "kernels/counting_backend.h"
#include "kernels/reference/reference_backend.h"
#include "kernels/registry.h"
#include "tests/support/guarded_buffer.h"

namespace pio {
namespace {

// The checks of the public ops: a wrong shape is our bug, and ends the process with both shapes.

class ChecksDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    set_check_handler([](const char* text) { std::fprintf(stderr, "%s\n", text); });
  }
  void TearDown() override { set_check_handler(nullptr); }

  std::unique_ptr<Backend> backend_ = create_reference_backend();
  GuardedTensor x_{*backend_, DType::f32, {3, 64}}, w_{*backend_, DType::f32, {5, 64}}, y_{*backend_, DType::f32, {3, 5}};
};

TEST_F(ChecksDeathTest, NameTheOpTheTensorAndBothShapes) {
  GuardedTensor wrong(*backend_, DType::f32, {3, 6});
  EXPECT_DEATH(backend_->matmul(wrong, x_, w_), "matmul: y: expected \\[3, 5\\] F32, found \\[3, 6\\] F32");
  EXPECT_DEATH(backend_->rms_norm(x_, x_, y_, 1e-6f), "rms_norm: w: expected \\[64\\] F32, found \\[3, 5\\] F32");
}

TEST_F(ChecksDeathTest, RefuseOutputsThatOverlapInputs) {
  EXPECT_DEATH(backend_->matmul(x_.tensor().reshaped({3, 64}), x_, GuardedTensor(*backend_, DType::f32, {64, 64})), "matmul: x: expected a place");
  EXPECT_DEATH(backend_->add(x_.tensor().rows(0, 2), x_.tensor().rows(1, 2), x_.tensor().rows(0, 2)), "add: a: expected a place");
}

TEST_F(ChecksDeathTest, RefuseATensorThatReachesBehindItsBuffer) {
  Tensor y = y_;
  y.offset = y.buffer->n_bytes() - 4;
  EXPECT_DEATH(backend_->matmul(y, x_, w_), "matmul: y: expected values inside a buffer");
  EXPECT_DEATH(backend_->matmul({}, x_, w_), "matmul: y: expected");
}

TEST_F(ChecksDeathTest, RefuseIndicesOutOfRangeInTheReference) {
  GuardedTensor ids(*backend_, {3}, std::vector<std::int32_t>{0, 5, 1}), y(*backend_, DType::f32, {3, 64});
  EXPECT_DEATH(backend_->embed(y, w_, ids), "out of range");
}

TEST_F(ChecksDeathTest, NameTheOpThatIsNotSupportedAndTheReason) {
  GuardedTensor cells(*backend_, {3}, std::vector<std::int32_t>{0, 1, 2}), x(*backend_, DType::f32, {3, 1, 64});
  GuardedTensor cache(*backend_, DType::q4_1, {3, 1, 64});
  EXPECT_DEATH(backend_->store_kv(cache, x, cells), "store_kv: reference: expected keys and values in F32, F16, Q8_0 or Q4_0, found Q4_1");
}

TEST(Supports, SaysWhyNotWithTheNumbers) {
  const std::unique_ptr<Backend> backend = create_reference_backend();
  EXPECT_TRUE(backend->supports(Op::matmul, DType::q4_k, {8, 256}));
  EXPECT_TRUE(backend->supports(Op::attention, DType::q8_0, {20, 1, 576, 512}));
  EXPECT_TRUE(backend->supports(Op::attention, DType::f16, {2, 1, 7, 3}));
  const Result<void> ids = backend->supports(Op::matmul, DType::i32, {8, 256}),
                     heads = backend->supports(Op::attention, DType::q8_0, {20, 1, 576, 500});
  ASSERT_FALSE(ids);
  ASSERT_FALSE(heads);
  EXPECT_EQ(ids.error().code, ErrorCode::not_available);
  EXPECT_EQ(ids.error().device, "reference");
  EXPECT_EQ(ids.error().message, "reference: expected a format of real numbers, found I32");
  EXPECT_EQ(heads.error().message, "reference: expected heads of a multiple of 32 values in Q8_0, found 500");
}

TEST_F(ChecksDeathTest, RefuseALayoutThatOnlyItsBackendReads) {
  Tensor own = w_;
  own.layout = TensorLayout::own;
  GuardedTensor row(*backend_, DType::f32, {5, 64});
  EXPECT_DEATH(backend_->cast(row, own), "cast: x: expected values row after row, found \\[5, 64\\] F32");
  EXPECT_DEATH(backend_->copy(row, own), "copy: x: expected values row after row");
  EXPECT_DEATH(backend_->add(row, row, own), "add: b: expected values row after row");
  EXPECT_DEATH(backend_->matmul(y_, own, w_), "matmul: x: expected");
  EXPECT_DEATH(own.rows(1, 2), "rows: a layout that only its backend knows");
  EXPECT_DEATH(backend_->decode_rows(row, own), "decode_rows: a layout of another backend");
}

TEST_F(ChecksDeathTest, RefuseRowsOutsideTheWeights) {
  GuardedTensor rows(*backend_, DType::f32, {3, 64});
  EXPECT_DEATH(backend_->decode_rows(rows, w_, 3), "decode_rows: rows outside the weights");
  EXPECT_DEATH(backend_->decode_rows(rows, w_, -1), "decode_rows: rows outside the weights");
}

TEST_F(ChecksDeathTest, RefuseExpertsOfOtherShapesAndOnesThatAreNotThere) {
  GuardedTensor in(*backend_, DType::f32, {8, 64}), out(*backend_, DType::f32, {64, 8}), x(*backend_, DType::f32, {3, 64});
  GuardedTensor ids(*backend_, {3, 1}, std::vector<std::int32_t>{1, 1, 2}), weights(*backend_, DType::f32, {3, 1}), y(*backend_, DType::f32, {3, 64});
  ExpertSet experts(5, 3);
  EXPECT_EQ(experts.layer(), 5);
  EXPECT_DEATH(backend_->moe_experts(y, x, ids, weights, experts), "moe_experts: no experts of x's width");
  experts.put(1, {in, in, out});
  EXPECT_TRUE(experts.has(1));
  EXPECT_FALSE(experts.has(2) || experts.has(3) || experts.has(-1));
  EXPECT_DEATH(backend_->moe_experts(y, x, ids, weights, experts), "moe_experts: no such expert");
  EXPECT_DEATH(backend_->moe_experts(y_, w_, ids, weights, experts), "moe_experts: y: expected");
  GuardedTensor nothing(*backend_, DType::f32, {3, 0});
  EXPECT_DEATH(backend_->moe_experts(y, x, GuardedTensor(*backend_, DType::i32, {3, 0}), nothing, experts), "moe_experts: tokens without experts");
  EXPECT_DEATH(experts.put(0, {in, in, in}), "moe_experts: down: expected \\[64, 8\\] inside a buffer, found \\[8, 64\\] F32");
  EXPECT_DEATH(experts.put(3, {in, in, out}), "put: no such expert");
  experts.remove(1);
  EXPECT_FALSE(experts.has(1));
}

TEST_F(ChecksDeathTest, LetOpsWithoutRowsPassAndDoNothing) {
  GuardedTensor x(*backend_, DType::f32, {0, 64}), ids(*backend_, DType::i32, {0});
  Tensor nothing;  // not even a buffer
  nothing.shape = {0, 5};
  backend_->matmul(nothing, x, w_);
  backend_->rms_norm(x, x, GuardedTensor(*backend_, DType::f32, {64}), 1e-6f);
  backend_->embed(x, w_, ids);
  backend_->gather_rows(x, w_, ids);
  backend_->argmax(ids, x);
  EXPECT_TRUE(x.guards_are_intact());
}

// Compositions are counted as what they are made of: weights, products, and the temporaries between, each on a line of 64 bytes.
TEST(Counting, CountsTheOpsOfALayer) {
  const std::unique_ptr<Backend> device = create_reference_backend();
  CountingBackend backend(*device);
  const GuardedTensor x(backend, DType::f32, {3, 64}), norm(backend, DType::f32, {64}), hidden(backend, DType::f32, {3, 20}),
      residual(backend, DType::f32, {3, 64});
  const GuardedTensor gate(backend, DType::q8_0, {20, 64}), up(backend, DType::q8_0, {20, 64}), down(backend, DType::f32, {64, 20});
  const std::uint64_t held = backend.held_bytes(), rows = 3 * 64 * 4, hidden_rows = 256;  // 3 · 20 · 4 = 240

  backend.norm_glu_matmul(hidden, x, norm, 1e-6f, gate, up);
  EXPECT_EQ(backend.counts().weight_bytes, 2 * gate.tensor().n_bytes());
  EXPECT_EQ(backend.counts().multiply_adds, 2u * 3 * 20 * 64);
  EXPECT_EQ(backend.counts().workspace_bytes, rows + hidden_rows);
  EXPECT_EQ(backend.held_bytes(), held) << "the workspace is not of the model";

  backend.matmul_add(residual, hidden, down);
  EXPECT_EQ(backend.counts().weight_bytes, 2 * gate.tensor().n_bytes() + down.tensor().n_bytes());
  EXPECT_EQ(backend.counts().multiply_adds, 3u * 3 * 20 * 64);
  EXPECT_EQ(backend.counts().workspace_bytes, rows + hidden_rows) << "the largest of any op";

  backend.reset_counts();
  const Projection projections[] = {{hidden, gate}, {residual, down}};
  backend.norm_matmul(std::span(projections, 1), x, norm, 1e-6f);
  EXPECT_EQ(backend.counts().weight_bytes, gate.tensor().n_bytes());
  EXPECT_EQ(backend.counts().workspace_bytes, rows) << "of nothing before";
  backend.reset_counts();
  backend.norm_matmul(std::span(projections, 1), x, norm, 1e-6f, residual);
  EXPECT_EQ(backend.counts().workspace_bytes, 0u) << "the caller's memory takes the normed rows";

  backend.reset_counts();
  ExpertSet experts(0, 4);
  for (int e = 0; e < 4; ++e) experts.put(e, {gate, up, down});
  const GuardedTensor logits(backend, DType::f32, {3, 4});
  backend.experts(residual, x, logits, {.experts = experts, .n_used = 2, .shared = {gate, up, down}});
  const std::uint64_t expert_bytes = gate.tensor().n_bytes() + up.tensor().n_bytes() + down.tensor().n_bytes();
  EXPECT_EQ(backend.counts().weight_bytes, (4 + 1) * expert_bytes) << "four of the six choices can differ, and the shared one";
  EXPECT_EQ(backend.counts().multiply_adds, (6u + 3) * 3 * 20 * 64);
  EXPECT_EQ(backend.counts().workspace_bytes, 64 + 64 + rows + 2 * hidden_rows + rows)
      << "ids, weights, sum, gate, up, and the product before it is added";
}

// What each of a token's experts gives is kept in float32 until all can be summed in the order of its choices, 512 tokens at a time.
TEST(Counting, CountsWhatAMixtureKeeps) {
  const std::unique_ptr<Backend> device = create_reference_backend();
  CountingBackend backend(*device);
  const GuardedTensor in(backend, DType::q8_0, {32, 64}), out(backend, DType::q8_0, {64, 32});
  ExpertSet experts(0, 8);
  for (int e = 0; e < 8; ++e) experts.put(e, {in, in, out});
  for (const std::int64_t n_tokens : {5, 512, 600}) {
    const Shape chosen{n_tokens, 4};
    const GuardedTensor x(backend, DType::f32, {n_tokens, 64}), y(backend, DType::f32, {n_tokens, 64});
    const GuardedTensor ids(backend, DType::i32, chosen), weights(backend, DType::f32, chosen);
    backend.reset_counts();
    backend.moe_experts(y, x, ids, weights, experts);
    // what every choice gives inside its expert and behind it; beside that less than as much again, and panels that may be nearly empty
    const std::uint64_t n_places = static_cast<std::uint64_t>(std::min<std::int64_t>(n_tokens, 512)) * 4, n_floats = n_places * (32 + 64);
    const std::uint64_t panel_bytes = 12 * std::min<std::uint64_t>(n_places, 8) * 64 * 3;
    EXPECT_GE(backend.counts().scratch_bytes, n_floats * sizeof(float)) << n_tokens;
    EXPECT_LE(backend.counts().scratch_bytes, n_floats * sizeof(float) * 2 + panel_bytes) << n_tokens;
  }
}

TEST(Registry, ListsTheCpuFirstAndTheReferenceLast) {
  const DeviceList list = list_devices();
  ASSERT_GE(list.devices.size(), 2u);  // graphics cards between them
  EXPECT_EQ(list.devices.front().name, "cpu");
  EXPECT_EQ(list.devices.front().kind, DeviceKind::cpu);
  EXPECT_EQ(list.devices.back().name, "reference");
  EXPECT_EQ(list.devices.back().kind, DeviceKind::reference);
  for (const DeviceInfo& device : list.devices) {
    EXPECT_GT(device.total_bytes, 0u) << device.name;
    EXPECT_LE(device.free_bytes, device.total_bytes) << device.name;
  }
}

TEST(Registry, OpensWhatItListsAndTheCpuForAuto) {
  for (const DeviceInfo& device : list_devices().devices) {
    auto backend = create_backend(device.name, {.n_threads = 1, .isa = ""});
    ASSERT_TRUE(backend) << device.name;
    EXPECT_EQ((*backend)->device().name, device.name);
  }
  auto backend = create_backend("auto", {.n_threads = 1, .isa = ""});
  ASSERT_TRUE(backend);
  EXPECT_EQ((*backend)->device().kind, DeviceKind::cpu);
}

TEST(Registry, SaysWhyADeviceIsNotThere) {
  for (const RejectedDevice& device : list_devices().rejected) {
    const bool is_of_a_kind = device.name.find(':') == std::string::npos;
    for (const std::string& name : {device.name, is_of_a_kind ? device.name + ":99" : device.name}) {
      auto backend = create_backend(name, {});
      ASSERT_FALSE(backend) << name;
      EXPECT_EQ(backend.error().code, ErrorCode::not_available);
      EXPECT_EQ(backend.error().device, name);
      EXPECT_NE(backend.error().message.find(device.reason), std::string::npos) << backend.error().message;
    }
  }
  for (const char* name : {"", "gpu", "cpu:0", "cudax", "CPU"}) {
    auto backend = create_backend(name, {});
    ASSERT_FALSE(backend) << name;
    EXPECT_EQ(backend.error().code, ErrorCode::not_available);
    EXPECT_EQ(backend.error().device, name);
  }
  auto backend = create_backend("cpu", {.n_threads = 1, .isa = "mmx"});
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::not_available);
}

}  // namespace
}  // namespace pio
