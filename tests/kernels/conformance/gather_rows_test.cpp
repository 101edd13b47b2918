#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(GatherRows);

TEST_P(GatherRows, CopiesTheNamedRowsInTheirOrder) {
  Random random(1);
  for (const std::int64_t dim : {1, 7, 33, 576}) {
    const std::vector<float> x = normal_values(random, 41 * dim);
    const std::vector<std::int32_t> rows = {40, 0, 0, 13, 39};
    std::vector<float> expected;
    for (const std::int32_t row : rows) expected.insert(expected.end(), x.begin() + row * dim, x.begin() + (row + 1) * dim);
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, {41, dim}, x), rows_tensor(backend, {5}, rows), y(backend, DType::f32, {5, dim});
      EXPECT_EQ(run_twice(backend, y, [&] { backend.gather_rows(y, x_tensor, rows_tensor); }), expected);
    });
  }
}

}  // namespace
}  // namespace pio
