#include "engine/kv/block_pool.h"
#include "engine/kv/kv_memory.h"

#include <gtest/gtest.h>

#include <set>

#include "kernels/registry.h"

namespace pio {
namespace {

TEST(KvBytesTest, ATokenTakesKeysAndValuesOfEveryLayer) {
  const std::vector<KvLayout> qwen3_4b(36, {8, 128, 128});
  EXPECT_EQ(kv_bytes_per_token(qwen3_4b, DType::f16), 147456u);  // models.md 4.a
  EXPECT_EQ(kv_bytes_per_token(qwen3_4b, DType::f32), 2 * 147456u);
  EXPECT_EQ(kv_bytes_per_token(qwen3_4b, DType::q8_0), 147456u / 2 / 32 * 34);
  const std::vector<KvLayout> unequal = {{2, 48, 16}};  // 48 values of q8_0 are two blocks, 16 are one
  EXPECT_EQ(kv_bytes_per_token(unequal, DType::q8_0), 2u * 3 * 34);
}

TEST(BlockAllocatorTest, EachBlockGoesOutOnceAndComesBackAtItsLastRelease) {
  BlockAllocator blocks(3);
  std::set<std::int32_t> taken;
  for (int i = 0; i < 3; ++i) taken.insert(blocks.take());
  EXPECT_EQ(taken, (std::set<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(blocks.take(), -1);
  blocks.share(1);
  EXPECT_EQ(blocks.references(1), 2);
  blocks.release(1);
  EXPECT_EQ(blocks.n_free(), 0);
  blocks.release(1);
  EXPECT_EQ(blocks.n_free(), 1);
  EXPECT_EQ(blocks.take(), 1);
}

class BlockPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    auto backend = create_backend("reference", {});
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
  }
  std::unique_ptr<Backend> backend_;
};

TEST_F(BlockPoolTest, EveryLayerGetsItsCells) {
  const auto pool = BlockPool::create(33);
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ((*pool)->n_tokens(), 33);
  EXPECT_EQ((*pool)->blocks().n_blocks(), 2);
  const std::vector<KvLayout> layouts{{2, 32, 64}, {4, 16, 16}};
  const auto memory = KvMemory::create(*backend_, {.layers = layouts, .dtype = DType::f16, .n_blocks = 2});
  ASSERT_TRUE(memory) << memory.error().message;
  const std::vector<KvLayer>& layers = (*memory)->state().layers;
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].k.shape, (Shape{64, 2, 32}));
  EXPECT_EQ(layers[0].v.shape, (Shape{64, 2, 64}));
  EXPECT_EQ(layers[1].k.shape, (Shape{64, 4, 16}));
  EXPECT_EQ(layers[1].v.dtype, DType::f16);
}

TEST_F(BlockPoolTest, TooLittleMemoryIsToldWithTheNumbersOfTheWhole) {
  const std::int64_t n_tokens = 1 << 30;
  const std::vector<KvLayout> layers(36, {8, 128, 128});
  const auto memory = KvMemory::create(*backend_, {.layers = layers, .dtype = DType::f16, .n_blocks = n_tokens / kKvBlockLength});
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::out_of_memory);
  EXPECT_EQ(memory.error().needed_bytes, 147456u * static_cast<std::uint64_t>(n_tokens));
  EXPECT_GT(memory.error().free_bytes, 0u);
  EXPECT_LT(memory.error().free_bytes, memory.error().needed_bytes);
  EXPECT_EQ(memory.error().device, "reference");
}

TEST_F(BlockPoolTest, FormatsThatDoNotFitTheHeadAndAbsurdLengthsAreRefused) {
  const std::vector<KvLayout> layers{{2, 16, 16}};
  const auto memory = KvMemory::create(*backend_, {.layers = layers, .dtype = DType::q8_0, .n_blocks = 1});
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::not_available);
  for (std::int64_t n_tokens : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX}) {
    auto absurd = BlockPool::create(n_tokens);
    ASSERT_FALSE(absurd);
    EXPECT_EQ(absurd.error().code, ErrorCode::bad_argument);
  }
}

}  // namespace
}  // namespace pio
