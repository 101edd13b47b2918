#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/buffer_set.h"
#include "kernels/registry.h"
#include "tests/kernels/losable_device.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/random_tensor.h"
#include "tests/support/under_vulkan_layer.h"

// What the Vulkan backend makes of devices that are lost, have no memory or are too old, with a layer of the tests' own in place of such a card.

namespace pio::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class VulkanLayerTest : public testing::Test {
 protected:
  void SetUp() override {
    layer_ = under_vulkan_layer();
    if (!layer_) GTEST_SKIP() << "no software renderer for Vulkan on this machine, or no module";
  }
  void TearDown() override {
    if (layer_) layer_->do_nothing();
  }
  static Result<std::unique_ptr<Backend>> open() { return create_backend("vulkan", {.activations = Activations::f32, .isa = ""}); }

  VulkanLayer* layer_ = nullptr;
};

TEST_F(VulkanLayerTest, CountsWhatTheBackendCounts) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  ASSERT_TRUE((*backend)->sync());
  const std::uint64_t before = layer_->n_dispatches + layer_->n_copies, launches = (*backend)->n_launches();
  expect_works(**backend);
  EXPECT_EQ(layer_->n_dispatches + layer_->n_copies - before, (*backend)->n_launches() - launches);
}

TEST_F(VulkanLayerTest, RejectsADeviceOfAnOldVersion) {
  layer_->shown_api = 1u << 22 | 1u << 12 | 7;  // 1.1.7
  const DeviceList devices = list_devices();
  EXPECT_TRUE(std::ranges::none_of(devices.devices, [](const DeviceInfo& device) { return device.kind == DeviceKind::vulkan; }));
  const auto rejected = std::ranges::find(devices.rejected, "vulkan", &RejectedDevice::name);
  ASSERT_NE(rejected, devices.rejected.end());
  EXPECT_EQ(rejected->code, Rejection::device_too_old);
  EXPECT_NE(rejected->reason.find("expected Vulkan 1.2, found 1.1.7"), std::string::npos) << rejected->reason;
  const auto backend = open();
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::not_available);
}

TEST_F(VulkanLayerTest, SaysThatThereIsNoMemoryAndGoesOn) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  layer_->most_bytes = 40 * kMiB;
  const auto buffer = (*backend)->allocate(64 * kMiB);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, ErrorCode::out_of_memory);
  EXPECT_EQ(buffer.error().device, "vulkan");
  EXPECT_EQ(buffer.error().needed_bytes, 64 * kMiB);
  EXPECT_LT(buffer.error().free_bytes, 64 * kMiB);
  expect_works(**backend);
  layer_->most_bytes = 0;
  EXPECT_TRUE((*backend)->allocate(64 * kMiB));
}

TEST_F(VulkanLayerTest, SaysThatThereIsNoMemoryForTemporaries) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  layer_->most_bytes_in_all = layer_->n_bytes + 1;
  EXPECT_THROW((*backend)->workspace().temp(DType::f32, {64 * static_cast<std::int64_t>(kMiB)}), std::bad_alloc);
  expect_works(**backend);
}

TEST_F(VulkanLayerTest, GivesBackAllItsMemoryButOneBlock) {
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  const std::uint64_t before = layer_->n_bytes;
  {
    std::vector<std::unique_ptr<Buffer>> buffers;
    for (const std::uint64_t n_bytes : {64 * kMiB, std::uint64_t{7}, 9 * kMiB, std::uint64_t{100'000}}) {
      auto buffer = (*backend)->allocate(n_bytes);
      ASSERT_TRUE(buffer) << buffer.error().message;
      buffers.push_back(std::move(*buffer));
    }
    EXPECT_GT(layer_->n_bytes, before + 70 * kMiB);
  }
  EXPECT_EQ(layer_->n_bytes, before);
}

TEST_F(VulkanLayerTest, FailsToOpenWhereThereIsNoMemoryAtAll) {
  layer_->most_bytes = 1;
  const auto backend = open();
  if (!backend) EXPECT_EQ(backend.error().code, ErrorCode::out_of_memory);
  layer_->most_bytes = 0;
  auto again = open();
  ASSERT_TRUE(again) << again.error().message;
  expect_works(**again);
}

INSTANTIATE_TEST_SUITE_P(Vulkan, LosableDeviceTest, testing::Values(+[] {
                           VulkanLayer* const layer = under_vulkan_layer();
                           if (!layer) return LosableDevice{};
                           return LosableDevice{.name = "vulkan",
                                                .open = [] { return create_backend("vulkan", {.activations = Activations::f32, .isa = ""}); },
                                                .lose_at = [layer](std::uint64_t n) { layer->lose_at_submit = layer->n_submits + n; },
                                                .mend = [layer] { layer->do_nothing(); }};
                         }));

TEST_F(VulkanLayerTest, KeepsBelowTheLargestAllocationOfTheDevice) {
  const LargestVulkanAllocation largest(*layer_, kMiB);
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_LE((*backend)->most_bytes_at_once(), kMiB);
  expect_works(**backend);
  EXPECT_TRUE((*backend)->allocate((*backend)->most_bytes_at_once()));
  const auto buffer = (*backend)->allocate((*backend)->most_bytes_at_once() + 1);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, ErrorCode::out_of_memory);
  // Weights that are one tensor are no matter of several allocations.
  EXPECT_TRUE((*backend)->supports(Op::matmul, DType::f32, {255, 1024}));
  const Result<void> large = (*backend)->supports(Op::matmul, DType::f32, {256, 1024});
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message.find("expected weights of at most "), std::string::npos) << large.error().message;
  EXPECT_NE(large.error().message.find("found 1048576"), std::string::npos) << large.error().message;
}

TEST_F(VulkanLayerTest, HasAsManyBuffersAsItsLargestAllocationAsksFor) {
  const LargestVulkanAllocation largest(*layer_, kMiB);
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  const std::uint64_t before = layer_->n_bytes;
  const auto filled = [&] {
    BufferSet set((*backend)->most_bytes_at_once());
    for (int i = 0; i < 6; ++i) EXPECT_EQ(set.add(400 << 10).buffer, static_cast<std::size_t>(i / 2));
    return set;
  };
  {
    BufferSet set = filled();
    EXPECT_EQ(set.n_bytes(), 6u * (400 << 10));
    ASSERT_TRUE(set.allocate(**backend));
    ASSERT_EQ(set.buffers().size(), 3u);
    std::uint64_t n_bytes = 0;
    for (const auto& buffer : set.buffers()) n_bytes += buffer->n_bytes();
    EXPECT_EQ(n_bytes, set.n_bytes());
    EXPECT_FALSE(set.has(nullptr));
    EXPECT_TRUE(set.has(set.at({2, 400 << 10})));
  }
  EXPECT_EQ(layer_->n_bytes, before);
  // The second one fails: an error with the bytes of all, and nothing is held.
  layer_->most_bytes_in_all = before + kMiB;
  BufferSet set = filled();
  const Result<void> status = set.allocate(**backend);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory);
  EXPECT_EQ(status.error().device, "vulkan");
  EXPECT_EQ(status.error().needed_bytes, set.n_bytes());
  EXPECT_LT(status.error().free_bytes, set.n_bytes());
  EXPECT_EQ(set.at({}), nullptr);
  EXPECT_EQ(layer_->n_bytes, before);
  layer_->most_bytes_in_all = 0;
  EXPECT_TRUE(set.allocate(**backend));
}

TEST_F(VulkanLayerTest, HasTemporariesOfMoreThanItsLargestAllocation) {
  const LargestVulkanAllocation largest(*layer_, kMiB);
  auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  Arena arena(**backend);
  ASSERT_TRUE(arena.reserve(5 * kMiB / 2));
  const std::uint64_t generation = arena.generation();
  std::vector<Tensor> before;
  for (int pass = 0; pass < 3; ++pass) {
    const Arena::Mark mark(arena);
    std::vector<Tensor> all;
    for (int i = 0; i < 4; ++i) all.push_back(arena.temp(DType::f32, {150 << 10}));  // 600 KiB: one in each buffer
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_LE(all[i].offset + all[i].n_bytes(), all[i].buffer->n_bytes());
      for (std::size_t j = 0; j < i; ++j) EXPECT_NE(all[i].buffer, all[j].buffer);
    }
    // What the first pass lacked is there from the second one on, and does not move any more.
    if (pass == 2) {
      for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].buffer, before[i].buffer);
    }
    before = all;
  }
  EXPECT_LE(arena.generation(), generation + 1);
  EXPECT_GT(arena.high_water_bytes(), 3 * kMiB);
  EXPECT_THROW(arena.temp(DType::f32, {kMiB}), std::bad_alloc);
}

}  // namespace
}  // namespace pio::test
