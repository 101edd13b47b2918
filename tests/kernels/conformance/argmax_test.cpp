#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Argmax);

TEST_P(Argmax, FindsTheLargestAndOfEqualsTheFirst) {
  Random random(1);
  for (const std::int64_t dim : {1, 2, 7, 8, 31, 33, 1000, 49152}) {
    SCOPED_TRACE(dim);
    const std::int64_t n = 9;
    std::vector<float> x = normal_values(random, n * dim);
    std::vector<std::int32_t> expected;
    for (std::int64_t row = 0; row < n; ++row) {
      float* values = x.data() + row * dim;
      const std::int64_t place = row == 0 ? 0 : row == 1 ? dim - 1 : random.below(dim);
      values[place] = 100;
      if (row == 2) values[dim - 1] = 100;                       // a tie, unless it is the same place
      if (row == 3) std::fill(values, values + dim, -INFINITY);  // all equal: the first
      if (row == 4) std::fill(values, values + dim, -7.0f);
      if (row == 5) values[place] = INFINITY;
      expected.push_back(row == 3 || row == 4 ? 0 : static_cast<std::int32_t>(place));
    }
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, {n, dim}, x), y(backend, DType::i32, {n});
      run_twice(backend, y, [&] { backend.argmax(y, x_tensor); });
      EXPECT_EQ(y.values<std::int32_t>(), expected);
    });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace pio
