#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "kernels/registry.h"
#include "models/model.h"

namespace pio {
namespace {

// Counts what is allocated and refuses beyond a budget.
class ForwardContextTest : public testing::Test {
 protected:
  void SetUp() override {
    auto backend = create_backend("reference", {});
    ASSERT_TRUE(backend);
    backend_ = std::move(*backend);
  }
  std::unique_ptr<Backend> backend_;
};

constexpr std::int64_t kMiB = 1 << 20;

TEST_F(ForwardContextTest, APassThatNeedsMoreGetsItAndTheNextHasOneBlockOfThatSize) {
  ForwardContext ctx(*backend_);
  {
    const ForwardContext::Mark mark(ctx);
    for (int i = 1; i <= 6; ++i) ctx.temp(DType::f32, {i * kMiB});  // 4 to 24 MiB, 84 in all
  }
  EXPECT_EQ(ctx.high_water_bytes(), static_cast<std::size_t>(84 * kMiB));
  std::set<const Buffer*> buffers;
  const std::uint64_t before = ctx.generation();
  {
    const ForwardContext::Mark mark(ctx);
    for (int i = 1; i <= 6; ++i) buffers.insert(ctx.temp(DType::f32, {i * kMiB}).buffer);
  }
  EXPECT_EQ(buffers.size(), 1u);
  EXPECT_EQ(ctx.n_bytes(), static_cast<std::size_t>(84 * kMiB)) << "no earlier size is left behind";
  EXPECT_GT(ctx.generation(), before);
  const std::uint64_t moved = ctx.generation();
  {
    const ForwardContext::Mark mark(ctx);
    ctx.temp(DType::f32, {kMiB});
  }
  EXPECT_EQ(ctx.generation(), moved) << "it did not move";
}

// A pass that outgrows its block takes a piece beside it, at most as large again as what does not fit.
TEST_F(ForwardContextTest, GrowingSizesLeaveNoEarlierSizesBehind) {
  ForwardContext ctx(*backend_);
  std::size_t most = 0;
  for (int n = 1; n <= 40; ++n) {  // the keys of a prompt that is read in chunks
    const ForwardContext::Mark mark(ctx);
    ctx.temp(DType::f32, {n * kMiB});
    ctx.temp(DType::f32, {n * kMiB});
    most = std::max(most, ctx.n_bytes());
  }
  EXPECT_LE(most, static_cast<std::size_t>(3 * 40 * 4 * kMiB + 8 * kMiB));
}

TEST_F(ForwardContextTest, WhatWasReservedDoesNotMove) {
  ForwardContext ctx(*backend_);
  ASSERT_TRUE(ctx.reserve(10 * kMiB));
  const std::uint64_t generation = ctx.generation();
  const ForwardContext::Mark outer(ctx);
  const Tensor first = ctx.temp(DType::f32, {kMiB});
  for (int i = 0; i < 3; ++i) {
    const ForwardContext::Mark mark(ctx);
    const Tensor second = ctx.temp(DType::f32, {kMiB});
    EXPECT_EQ(second.buffer, first.buffer);
    EXPECT_EQ(second.offset, first.n_bytes());
  }
  EXPECT_EQ(ctx.generation(), generation);
  EXPECT_EQ(ctx.n_bytes(), static_cast<std::size_t>(10 * kMiB));
}

TEST_F(ForwardContextTest, TemporariesOfAnOuterMarkOutliveAnInnerOneThatNeededMore) {
  ForwardContext ctx(*backend_);
  ASSERT_TRUE(ctx.reserve(4 * kMiB));
  const ForwardContext::Mark outer(ctx);
  const Tensor kept = ctx.temp(DType::f32, {kMiB / 2});
  std::memset(host_pointer<float>(kept), 1, kept.n_bytes());
  for (int i = 0; i < 3; ++i) {
    const ForwardContext::Mark inner(ctx);
    const Tensor large = ctx.temp(DType::f32, {4 * kMiB});
    std::memset(host_pointer<float>(large), 2, large.n_bytes());
  }
  const Tensor behind = ctx.temp(DType::f32, {kMiB / 4});
  std::memset(host_pointer<float>(behind), 3, behind.n_bytes());
  for (std::size_t i = 0; i < kept.n_bytes(); ++i) ASSERT_EQ(host_pointer<std::uint8_t>(kept)[i], 1) << i;
}

}  // namespace
}  // namespace pio
