#include <algorithm>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(SumRows);

TEST_P(SumRows, AgreesWithTheReference) {
  Random random(1);
  constexpr std::int64_t kRows = 23;
  for (const std::int64_t n : {1, 5}) {
    for (const std::int64_t k : {1, 3, 8}) {
      for (const std::int64_t dim : {1, 33, 576}) {
        const std::vector<float> x = normal_values(random, kRows * dim), weights = normal_values(random, n * k);
        std::vector<std::int32_t> rows;
        for (std::int64_t i = 0; i < n * k; ++i) rows.push_back(static_cast<std::int32_t>(i * 7 % kRows));
        GuardedTensor rx(reference(), {kRows, dim}, x), rr(reference(), {n, k}, rows), rw(reference(), {n, k}, weights),
            ry(reference(), DType::f32, {n, dim});
        reference().sum_rows(ry, rx, rr, rw);
        for_each([&](Backend& backend, Activations) {
          GuardedTensor tx(backend, {kRows, dim}, x), tr(backend, {n, k}, rows), tw(backend, {n, k}, weights), y(backend, DType::f32, {n, dim});
          // a product and a sum for each row, each rounded once
          EXPECT_TRUE(
              max_error_below(1.25e-7 * static_cast<double>(2 * k), run_twice(backend, y, [&] { backend.sum_rows(y, tx, tr, tw); }), ry.floats()));
        });
        if (HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace pio
