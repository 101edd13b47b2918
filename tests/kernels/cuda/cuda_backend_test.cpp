#include "kernels/cuda/cuda_backend.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "kernels/cuda/devices.h"
#include "kernels/reference/reference_backend.h"
#include "tests/kernels/losable_device.h"
#include "tests/support/cuda_on_cpu/faults.h"
#include "tests/support/cuda_on_cpu/memory.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/random_tensor.h"

// What the CUDA backend makes of lost devices, of too little memory, and of steps that are recorded, with the emulator in place of a card.

namespace pio::cuda {
namespace {

constexpr std::size_t kMiB = 1 << 20;
constexpr Kind kCard{"cuda", true, 75, [] { return std::optional<RejectedDevice>(); }};

class CudaBackendTest : public testing::Test {
 protected:
  void TearDown() override {
    cuda_on_cpu::mend_device();
    cuda_on_cpu::set_memory(0);
    cuda_on_cpu::set_architecture(86);
  }
  static Result<std::unique_ptr<Backend>> open(Activations activations = Activations::f32) {
    return create(kCard, "cuda", {.activations = activations, .isa = ""});
  }
};

TEST_F(CudaBackendTest, RejectsCardsThatThereIsNoCodeFor) {
  constexpr static Kind kOnly90{"cuda", true, 90, [] { return std::optional<RejectedDevice>(); }};
  cuda_on_cpu::set_architecture(89);
  const DeviceList list = cuda::list_devices(kOnly90);
  EXPECT_TRUE(list.devices.empty());
  ASSERT_EQ(list.rejected.size(), 1u);
  EXPECT_EQ(list.rejected[0].name, "cuda");
  EXPECT_EQ(list.rejected[0].code, Rejection::device_too_old);
  EXPECT_NE(list.rejected[0].reason.find("expected compute capability 9.0, found 8.9"), std::string::npos) << list.rejected[0].reason;
  const auto backend = create(kOnly90, "cuda", {});
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::not_available);
  EXPECT_NE(backend.error().message.find(list.rejected[0].reason), std::string::npos) << backend.error().message;
}

TEST_F(CudaBackendTest, CountsWhatTheDeviceHasRun) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  GuardedTensor x(**backend, Shape{1, 3}, std::vector<float>{1, 2, 3}), y(**backend, DType::f32, Shape{1, 3});
  ASSERT_TRUE((*backend)->sync());
  const std::uint64_t kernels = cuda_on_cpu::counts().kernels, launches = (*backend)->n_launches();
  for (int i = 0; i < 5; ++i) (*backend)->add(y, x, x);
  ASSERT_TRUE((*backend)->sync());
  EXPECT_EQ(cuda_on_cpu::counts().kernels - kernels, 5u);
  EXPECT_EQ((*backend)->n_launches() - launches, 5u);
}

TEST_F(CudaBackendTest, SaysThatThereIsNoMemoryAndGoesOn) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  cuda_on_cpu::set_memory(cuda_on_cpu::allocated_bytes() + 40 * kMiB);
  const auto buffer = (*backend)->allocate(64 * kMiB);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, ErrorCode::out_of_memory);
  EXPECT_EQ(buffer.error().device, "cuda");
  EXPECT_EQ(buffer.error().needed_bytes, 64 * kMiB);
  EXPECT_EQ(buffer.error().free_bytes, 40 * kMiB);
  EXPECT_THROW((*backend)->workspace().temp(DType::f32, {static_cast<std::int64_t>(64 * kMiB)}), std::bad_alloc);
  test::expect_works(**backend);
  cuda_on_cpu::set_memory(0);
  EXPECT_TRUE((*backend)->allocate(64 * kMiB));
}

TEST_F(CudaBackendTest, GivesBackAllItsMemory) {
  const std::size_t before = cuda_on_cpu::allocated_bytes();
  {
    auto backend = open(Activations::q8);
    ASSERT_TRUE(backend) << backend.error().message;
    test::expect_works(**backend);
    ASSERT_TRUE((*backend)->allocate(9 * kMiB));
    EXPECT_GT(cuda_on_cpu::allocated_bytes(), before);
  }
  EXPECT_EQ(cuda_on_cpu::allocated_bytes(), before);
}

using test::LosableDeviceTest;
INSTANTIATE_TEST_SUITE_P(Cuda, LosableDeviceTest, testing::Values(+[] {
                           return test::LosableDevice{.name = "cuda",
                                                      .open = [] { return create(kCard, "cuda", {.activations = Activations::f32, .isa = ""}); },
                                                      .lose_at = [](std::uint64_t n) { cuda_on_cpu::lose_device_at(n); },
                                                      .mend = [] { cuda_on_cpu::mend_device(); }};
                         }));

TEST_F(CudaBackendTest, ReplaysARecordedStepAsOneGraphOnWhatItsTensorsHoldThen) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  Backend& b = **backend;
  GuardedTensor x(b, Shape{1, 3}, std::vector<float>{1, 2, 3}), w(b, Shape{2, 3}, std::vector<float>{1, 0, 0, 1, 1, 1});
  GuardedTensor y(b, DType::f32, Shape{1, 2}), z(b, DType::f32, Shape{1, 2});
  ASSERT_TRUE(b.sync());
  const RecordingKey key{.generation = 7, .n_tokens = 1, .n_outputs = 1};
  EXPECT_FALSE(b.replay(key)) << "nothing is kept yet";
  const std::uint64_t launches = b.n_launches();
  b.begin_recording(key);
  b.matmul(y, x, w);
  b.add(z, y, y);
  b.end_recording(z);
  EXPECT_EQ(z.floats(), (std::vector<float>{2, 12})) << "what is recorded runs all the same";
  const std::uint64_t of_step = 2;
  EXPECT_EQ(b.n_launches() - launches, of_step + 1) << "and a download";

  const std::vector<float> other{4, 5, 6};
  b.upload(x, other.data());
  ASSERT_TRUE(b.sync());
  const std::uint64_t graphs = cuda_on_cpu::counts().graphs, kernels = cuda_on_cpu::counts().kernels, before = b.n_launches();
  const Tensor result = b.replay(key);
  ASSERT_TRUE(result);
  EXPECT_EQ(result.offset, z.tensor().offset);
  ASSERT_TRUE(b.sync());
  EXPECT_EQ(cuda_on_cpu::counts().graphs - graphs, 1u);
  EXPECT_EQ(cuda_on_cpu::counts().kernels - kernels, of_step);
  EXPECT_EQ(b.n_launches() - before, of_step);
  EXPECT_EQ(z.floats(), (std::vector<float>{8, 30}));
  EXPECT_FALSE(b.replay({.generation = 8, .n_tokens = 1, .n_outputs = 1}));
}

TEST_F(CudaBackendTest, KeepsNoRecordingOfWhatTheHostMoves) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  Backend& b = **backend;
  GuardedTensor x(b, Shape{1, 3}, std::vector<float>{1, 2, 3}), y(b, DType::f32, Shape{1, 3});
  const RecordingKey key{.generation = 1, .n_tokens = 1, .n_outputs = 1};
  const std::vector<float> other{4, 5, 6};
  b.begin_recording(key);
  b.add(y, x, x);
  b.upload(x, other.data());
  b.add(y, y, x);
  b.end_recording(y);
  EXPECT_EQ(y.floats(), (std::vector<float>{6, 9, 12}));
  EXPECT_FALSE(b.replay(key));
}

// A dense layer of a decoded token: six ops, with attention in parts and merged.
class DenseLayer {
 public:
  struct Sizes {
    std::int64_t dim, n_heads, n_kv_heads, head_dim, hidden_dim;
  };
  static constexpr std::int64_t kBlocks = 20, kLength = 600;

  DenseLayer(Backend& backend, Random& random, const Sizes& sizes) : b_(backend), s_(sizes), random_(random) {
    for (std::int32_t i = 0; i < kBlocks; ++i) blocks_[static_cast<std::size_t>(i)] = i;
    table_.upload(blocks_.data());
    step_.positions = one_, step_.cells = one_, step_.sequences = one_, step_.kv_lengths = length_, step_.block_table = table_;
    heads_.q = q_, heads_.k = k_, heads_.v = v_, heads_.inv_freq = frequencies_;
    heads_.k_cache = k_cache_.as(TensorLayout::keys), heads_.v_cache = v_cache_.as(TensorLayout::values);
  }
  void run() {
    const std::vector<Projection> projections{{q_.tensor().reshaped({1, s_.n_heads * s_.head_dim}), wq_},
                                              {k_.tensor().reshaped({1, s_.n_kv_heads * s_.head_dim}), wk_},
                                              {v_.tensor().reshaped({1, s_.n_kv_heads * s_.head_dim}), wv_}};
    b_.norm_matmul(projections, x_, norm_, 1e-6f);
    b_.qk_norm_rope_store(heads_, step_);
    b_.attention(y_, q_, heads_.k_cache, heads_.v_cache, step_, {.scale = 0.125f});
    b_.matmul_add(x_, y_.tensor().reshaped({1, s_.n_heads * s_.head_dim}), wo_);
    b_.norm_glu_matmul(hidden_, x_, norm_, 1e-6f, gate_, up_);
    b_.matmul_add(x_, hidden_, down_);
  }
  Tensor result() const { return x_; }
  // Of the matrices, and of the keys and values of kLength tokens.
  std::int64_t weight_bytes() const {
    std::int64_t n = 0;
    for (const GuardedTensor* const w : {&wq_, &wk_, &wv_, &wo_, &gate_, &up_, &down_}) n += static_cast<std::int64_t>(w->tensor().n_bytes());
    return n;
  }
  std::int64_t kv_bytes() const { return kLength * s_.n_kv_heads * s_.head_dim * 2 * 2; }

 private:
  GuardedTensor weights(std::int64_t rows, std::int64_t columns) {
    return GuardedTensor(b_, DType::q4_k, {rows, columns}, random_blocks(random_, DType::q4_k, rows * columns).data());
  }
  GuardedTensor numbers(std::int64_t n) { return GuardedTensor(b_, {n}, normal_values(random_, n)); }
  GuardedTensor cache() { return GuardedTensor(b_, DType::f16, {kBlocks * kKvBlockLength, s_.n_kv_heads, s_.head_dim}); }

  Backend& b_;
  const Sizes s_;
  Random& random_;
  std::vector<std::int32_t> blocks_ = std::vector<std::int32_t>(kBlocks);
  GuardedTensor x_{b_, {1, s_.dim}, normal_values(random_, s_.dim)}, norm_ = numbers(s_.dim), frequencies_ = numbers(s_.head_dim / 2);
  GuardedTensor wq_ = weights(s_.n_heads * s_.head_dim, s_.dim), wk_ = weights(s_.n_kv_heads * s_.head_dim, s_.dim),
                wv_ = weights(s_.n_kv_heads * s_.head_dim, s_.dim), wo_ = weights(s_.dim, s_.n_heads*s_.head_dim),
                gate_ = weights(s_.hidden_dim, s_.dim), up_ = weights(s_.hidden_dim, s_.dim), down_ = weights(s_.dim, s_.hidden_dim);
  GuardedTensor q_{b_, DType::f32, {1, s_.n_heads, s_.head_dim}}, k_{b_, DType::f32, {1, s_.n_kv_heads, s_.head_dim}},
      v_{b_, DType::f32, {1, s_.n_kv_heads, s_.head_dim}}, y_{b_, DType::f32, {1, s_.n_heads, s_.head_dim}},
      hidden_{b_, DType::f32, {1, s_.hidden_dim}};
  GuardedTensor k_cache_ = cache(), v_cache_ = cache();
  GuardedTensor one_{b_, {1}, std::vector<std::int32_t>{0}}, length_{b_, {1}, std::vector<std::int32_t>{kLength}}, table_{b_, {1, kBlocks}, blocks_};
  Step step_;
  QkvHeads heads_;
};

// Its step is recorded: what runs as it is called is cut, so that a stop need not wait.
TEST_F(CudaBackendTest, HasADenseLayerInEightLaunches) {
  auto backend = open(Activations::q8);
  ASSERT_TRUE(backend) << backend.error().message;
  Backend& b = **backend;
  Random random(1);
  DenseLayer layer(b, random, {256, 4, 2, 64, 512});
  layer.run();  // the workspace has grown before it is recorded
  ASSERT_TRUE(b.sync());
  const std::uint64_t before = b.n_launches(), graphs = cuda_on_cpu::counts().graphs;
  const RecordingKey key{.generation = 1, .n_tokens = 1, .n_outputs = 1};
  b.begin_recording(key);
  layer.run();
  b.end_recording(layer.result());
  ASSERT_TRUE(b.sync());
  ASSERT_TRUE(b.replay(key));
  ASSERT_TRUE(b.sync());
  EXPECT_EQ(cuda_on_cpu::counts().graphs - graphs, 2u);
  EXPECT_EQ(b.n_launches() - before, 2 * 7u);
}

// In sectors of 32 bytes. PIO_TRUE_SHAPE=1 has the shape of a layer of Qwen3-4B instead, in some minutes; PIO_SHOW_BYTES=1 says what was counted.
TEST_F(CudaBackendTest, LoadsTheWeightsAndTheCacheOfALayerOnce) {
  auto backend = open(Activations::q8);
  ASSERT_TRUE(backend) << backend.error().message;
  Backend& b = **backend;
  Random random(2);
  DenseLayer layer(b, random, getenv("PIO_TRUE_SHAPE") ? DenseLayer::Sizes{2560, 32, 8, 128, 9728} : DenseLayer::Sizes{512, 8, 4, 64, 768});
  layer.run();
  ASSERT_TRUE(b.sync());
  const RecordingKey key{.generation = 1, .n_tokens = 1, .n_outputs = 1};
  b.begin_recording(key);
  layer.run();
  b.end_recording(layer.result());
  ASSERT_TRUE(b.sync());
  cuda_on_cpu::begin_counting_sectors();
  ASSERT_TRUE(b.replay(key));
  ASSERT_TRUE(b.sync());
  std::uint64_t once_a_launch = 0, once_a_block = 0;
  for (const cuda_on_cpu::SectorsRead& read : cuda_on_cpu::end_counting_sectors()) {
    if (read.n_bytes < (std::size_t{48} << 10)) continue;  // activations
    once_a_launch += 32 * read.once_a_launch;
    once_a_block += 32 * read.once_a_block;
  }
  const auto needed = static_cast<double>(layer.weight_bytes() + layer.kv_bytes());
  if (getenv("PIO_SHOW_BYTES")) {
    std::cout << needed << " bytes of weights and cache; loaded once a launch " << static_cast<double>(once_a_launch) / needed << ", once a block "
              << static_cast<double>(once_a_block) / needed << " of that\n";
  }
  EXPECT_GE(static_cast<double>(once_a_launch), 0.99 * needed);
  EXPECT_LE(static_cast<double>(once_a_launch), 1.05 * needed);
}

// Rows that a block has no shared memory for are rounded beforehand: the same numbers, on every architecture.
TEST_F(CudaBackendTest, RoundsRowsOfAnyLengthWithTheSharedMemoryThereIs) {
  const std::unique_ptr<Backend> reference = create_reference_backend();
  Random random(3);
  for (const int sm : {75, 80, 86, 89, 90, 120}) {
    cuda_on_cpu::set_architecture(sm);
    auto backend = open(Activations::q8);
    ASSERT_TRUE(backend) << backend.error().message;
    for (const std::int64_t n_in : {40960, 40992, 65536}) {
      SCOPED_TRACE(testing::Message() << n_in << " inputs, compute capability " << sm);
      // whole numbers up to 127 in every block: nothing is lost by rounding
      std::vector<float> x(static_cast<std::size_t>(n_in));
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 32 == 0 ? 127.0f : static_cast<float>(random.below(255) - 127);
      const std::vector<std::byte> w = random_blocks(random, DType::q8_0, 3 * n_in);
      GuardedTensor x_tensor(**backend, {1, n_in}, x), w_tensor(**backend, DType::q8_0, {3, n_in}, w.data()), y(**backend, DType::f32, {1, 3});
      GuardedTensor rx(*reference, {1, n_in}, x), rw(*reference, DType::q8_0, {3, n_in}, w.data()), ry(*reference, DType::f32, {1, 3});
      (*backend)->matmul(y, x_tensor, w_tensor);
      ASSERT_TRUE((*backend)->sync());
      reference->matmul(ry, rx, rw);
      const std::vector<float> found = y.floats(), expected = ry.floats();
      double largest = 0;
      for (const float e : expected) largest = std::max(largest, std::fabs(static_cast<double>(e)));
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4 * largest);  // float32 sums of 2048 blocks
    }
  }
}

}  // namespace
}  // namespace pio::cuda
