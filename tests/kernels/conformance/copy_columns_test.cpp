#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(CopyColumns);

struct Case {
  Shape y, x;
  std::int64_t y_first, x_first, n;
};

TEST_P(CopyColumns, CopiesThemAndLeavesTheOthers) {
  Random random(1);
  for (const Case& c : {Case{{1, 1}, {1, 1}, 0, 0, 1},
                        {{3, 9}, {3, 7}, 2, 1, 5},
                        {{6, 576}, {6, 64}, 512, 0, 64},
                        {{4, 5, 33}, {4, 1, 40}, 30, 3, 3},
                        {{70, 20, 256}, {70, 1, 64}, 192, 0, 64},
                        {{8, 4}, {2, 4}, 0, 0, 4}}) {
    SCOPED_TRACE(testing::Message() << c.y.text() << " from " << c.x.text());
    const std::vector<float> x = normal_values(random, c.x.n_values()), before = normal_values(random, c.y.n_values());
    std::vector<float> expected = before;
    const std::int64_t width = c.y.back(), x_width = c.x.back(), repeats = c.y.n_rows() / c.x.n_rows();
    for (std::int64_t i = 0; i < c.y.n_values(); ++i) {
      const std::int64_t column = i % width - c.y_first;
      if (column >= 0 && column < c.n)
        expected[static_cast<std::size_t>(i)] = x[static_cast<std::size_t>(i / width / repeats * x_width + c.x_first + column)];
    }
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, c.x, x), y(backend, DType::f32, c.y);
      EXPECT_EQ(run_twice(backend, y,
                          [&] {
                            y.upload(before.data());
                            backend.copy_columns(y, c.y_first, x_tensor, c.x_first, c.n);
                          }),
                expected);
    });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace pio
