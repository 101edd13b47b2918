#include <numeric>

#include "tests/kernels/conformance/conformance.h"
#include "tests/support/kv_cells.h"

namespace pio {
namespace {

PIO_CONFORMANCE(StoreKv);

// Rounding to a format is one function of the value, so the bytes agree; the cells that no token has keep theirs.
TEST_P(StoreKv, WritesTheEncodedRowsIntoTheirCellsAlone) {
  Random random(1);
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
    for (const TensorLayout layout : {TensorLayout::rows, TensorLayout::keys, TensorLayout::values}) {
      SCOPED_TRACE(testing::Message() << info(dtype).name << ", layout " << static_cast<int>(layout));
      for (const std::int64_t head_dim : {1, 31, 32, 64, 80, 128, 576}) {
        for_each([&](Backend& backend, Activations) {
          if (!backend.supports(Op::store_kv, dtype, {3, head_dim})) return;
          SCOPED_TRACE(head_dim);
          const std::int64_t n_cells = 96, n_kv_heads = 3, n_tokens = 37;
          std::vector<std::int32_t> cells;
          for (std::int32_t t = 0; t < n_tokens; ++t) cells.push_back((t * 29 + 5) % 96);  // 29 and 96 share no factor: all differ
          std::vector<float> x = normal_values(random, n_tokens * n_kv_heads * head_dim);
          for (std::int64_t i = 0; i < n_kv_heads * head_dim; ++i) x[static_cast<std::size_t>(i)] = i % 2 ? 0.0f : -0.0f;  // a token of zeros
          GuardedTensor cache(backend, dtype, {n_cells, n_kv_heads, head_dim}), x_tensor(backend, {n_tokens, n_kv_heads, head_dim}, x);
          GuardedTensor cells_tensor(backend, {n_tokens}, cells);
          std::vector<std::byte> expected = cache.bytes();
          const CachePlace place{layout, dtype, n_kv_heads, head_dim};
          std::vector<float> kept;
          for (std::int64_t t = 0; t < n_tokens; ++t)
            place.put_cell(expected, cells[static_cast<std::size_t>(t)], x.data() + t * n_kv_heads * head_dim, &kept);
          run_twice(backend, cache, [&] { backend.store_kv(cache.as(layout), x_tensor, cells_tensor); });
          EXPECT_EQ(cache.bytes(), expected);

          GuardedTensor y(backend, DType::f32, {n_tokens, n_kv_heads, head_dim});
          EXPECT_EQ(run_twice(backend, y, [&] { backend.load_kv(y, cache.as(layout), cells_tensor); }), kept) << "load_kv";
        });
        if (HasFailure()) return;
      }
    }
  }
}

// Two sequences write on behind tokens that are there; the bounds are those of all cells up to the last written, and no other block's change.
TEST_P(StoreKv, KeepsTheBoundsOfTheBlocksItWritesTo) {
  Random random(2);
  const std::int64_t n_heads = 3, head_dim = 64, n_blocks = 5, n_values = n_blocks * kKvBlockLength * n_heads * head_dim;
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
    const std::vector<float> there = normal_values(random, n_values);
    std::vector<std::byte> blocks(bytes_of(dtype, n_values));
    const CachePlace place{TensorLayout::keys, dtype, n_heads, head_dim};
    for (std::int64_t c = 0; c < n_blocks * kKvBlockLength; ++c) place.put_cell(blocks, c, there.data() + c * n_heads * head_dim);
    std::vector<std::int32_t> all_cells(static_cast<std::size_t>(n_blocks * kKvBlockLength));
    std::iota(all_cells.begin(), all_cells.end(), 0);
    std::vector<std::int32_t> cells;
    for (std::int32_t i = 0; i < 40; ++i)
      cells.push_back(i < 12 ? 4 * kKvBlockLength + 20 + i : kKvBlockLength + i - 12);  // to the end of block 4, then 28 of block 1
    cells.push_back(2 * kKvBlockLength + 7);
    const std::vector<float> x = normal_values(random, static_cast<std::int64_t>(cells.size()) * n_heads * head_dim);
    for_each([&](Backend& backend, Activations) {
      if (!backend.supports(Op::store_kv, dtype, {n_heads, head_dim})) return;
      GuardedTensor cache(backend, dtype, {n_blocks * kKvBlockLength, n_heads, head_dim}, blocks.data());
      GuardedTensor bounds(backend, DType::f32, {n_blocks, n_heads, 2, head_dim}),
          cells_tensor(backend, {static_cast<std::int64_t>(cells.size())}, cells);
      GuardedTensor x_tensor(backend, {static_cast<std::int64_t>(cells.size()), n_heads, head_dim}, x);
      const std::vector<float> before = bounds.floats();
      std::vector<float> expected = before;
      const std::vector<float> found =
          run_twice(backend, bounds, [&] { backend.store_kv(cache.as(TensorLayout::keys), x_tensor, cells_tensor, bounds); });
      GuardedTensor loaded(backend, DType::f32, {n_blocks * kKvBlockLength, n_heads, head_dim}), all(backend, {std::ssize(all_cells)}, all_cells);
      backend.load_kv(loaded, cache.as(TensorLayout::keys), all);
      const std::vector<float> keys = loaded.floats();
      for (const auto& [block, n_cells] : {std::pair{4, 32}, std::pair{1, 28}, std::pair{2, 8}}) {
        for (std::int64_t i = 0; i < n_heads * head_dim; ++i) {
          float smallest = 1e30f, largest = -1e30f;
          for (std::int64_t c = 0; c < n_cells; ++c) {
            const float key = keys[static_cast<std::size_t>((block * kKvBlockLength + c) * n_heads * head_dim + i)];
            smallest = std::min(smallest, key);
            largest = std::max(largest, key);
          }
          const std::int64_t place = (block * n_heads + i / head_dim) * 2 * head_dim + i % head_dim;
          expected[static_cast<std::size_t>(place)] = smallest;
          expected[static_cast<std::size_t>(place + head_dim)] = largest;
        }
      }
      EXPECT_EQ(found, expected) << info(dtype).name;
    });
  }
}

}  // namespace
}  // namespace pio
