#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(StoreKv);

// Rounding to a format is one function of the value, so the bytes agree; the cells that no token has keep theirs.
TEST_P(StoreKv, WritesTheEncodedRowsIntoTheirCellsAlone) {
  Random random(1);
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
    SCOPED_TRACE(info(dtype).name);
    for (const std::int64_t head_dim : {1, 31, 32, 64, 80, 128, 576}) {
      for_each([&](Backend& backend, Activations) {
        if (head_dim % info(dtype).block_length != 0 || !backend.supports_kv(dtype, head_dim)) return;
        SCOPED_TRACE(head_dim);
        const std::int64_t n_cells = 96, n_kv_heads = 3, n_tokens = 37;
        std::vector<std::int32_t> cells;
        for (std::int32_t t = 0; t < n_tokens; ++t) cells.push_back((t * 29 + 5) % 96);  // 29 and 96 share no factor: all differ
        std::vector<float> x = normal_values(random, n_tokens * n_kv_heads * head_dim);
        for (std::int64_t i = 0; i < n_kv_heads * head_dim; ++i) x[static_cast<std::size_t>(i)] = i % 2 ? 0.0f : -0.0f;  // a token of zeros
        GuardedTensor cache(backend, dtype, {n_cells, n_kv_heads, head_dim}), x_tensor(backend, {n_tokens, n_kv_heads, head_dim}, x);
        GuardedTensor cells_tensor(backend, {n_tokens}, cells);
        std::vector<std::byte> expected = cache.bytes();
        const std::size_t cell_bytes = bytes_of(dtype, n_kv_heads * head_dim);
        for (std::int64_t t = 0; t < n_tokens; ++t) {
          info(dtype).encode(x.data() + t * n_kv_heads * head_dim,
                             expected.data() + static_cast<std::size_t>(cells[static_cast<std::size_t>(t)]) * cell_bytes, n_kv_heads * head_dim);
        }
        run_twice(backend, cache, [&] { backend.store_kv(cache, x_tensor, cells_tensor); });
        EXPECT_EQ(cache.bytes(), expected);
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
