#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Embed);

// Decoding is exact but for one last addition, so there is nothing to tolerate: every backend gives the same numbers.
TEST_P(Embed, GivesTheDecodedRowsOfEveryFormat) {
  Random random(1);
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!info(dtype).decode) continue;
    SCOPED_TRACE(info(dtype).name);
    const std::int64_t block = info(dtype).block_length, vocab_size = 19;
    for (const std::int64_t dim : block == 1 ? std::vector<std::int64_t>{1, 31, 33, 576} : std::vector<std::int64_t>{block, 3 * block}) {
      SCOPED_TRACE(dim);
      const std::vector<std::byte> table = random_blocks(random, dtype, vocab_size * dim);
      const std::vector<float> rows = decoded(dtype, table);
      const std::vector<std::int32_t> ids = {18, 0, 7, 7, 3, 18, 1};
      std::vector<float> expected;
      for (const std::int32_t id : ids) expected.insert(expected.end(), rows.begin() + id * dim, rows.begin() + (id + 1) * dim);
      for_each([&](Backend& backend, Activations) {
        if (!backend.supports(Op::embed, dtype, {vocab_size, dim})) return;
        GuardedTensor table_tensor(backend, dtype, {vocab_size, dim}, table.data()), ids_tensor(backend, {7}, ids);
        GuardedTensor y(backend, DType::f32, {7, dim});
        EXPECT_EQ(run_twice(backend, y, [&] { backend.embed(y, table_tensor, ids_tensor); }), expected);
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
