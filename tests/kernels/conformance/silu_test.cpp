#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Silu);

// An exponential within 2 units of the last place (2.4e-7), one sum and one division; twice that.
constexpr double kTolerance = 7e-7;

TEST_P(Silu, AgreesWithTheFormulaInDoubleAlsoInPlace) {
  Random random(1);
  for (const std::int64_t n : {1, 7, 8, 31, 33, 1000, 70001}) {
    SCOPED_TRACE(n);
    std::vector<float> x = normal_values(random, n, 4);
    if (n > 40) {
      const float odd[] = {0.0f, -0.0f, 20.0f, -20.0f, 80.0f, -80.0f, 1e-30f, -1e-30f, 1e30f, 3e4f};
      std::copy(std::begin(odd), std::end(odd), x.begin() + 5);
    }
    std::vector<float> expected;
    for (const float value : x) expected.push_back(static_cast<float>(value / (1 + std::exp(-static_cast<double>(value)))));
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, {n}, x), y(backend, DType::f32, {n});
      const std::vector<float> found = run_twice(backend, y, [&] { backend.silu(y, x_tensor); });
      EXPECT_TRUE(each_error_below(kTolerance, found, expected));
      backend.silu(x_tensor, x_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(x_tensor.floats(), found) << "in place";
      EXPECT_TRUE(x_tensor.guards_are_intact());
    });
    if (HasFailure()) return;
  }
}

TEST_P(Silu, PassesNanOnAndGoesToZeroForVeryNegativeValues) {
  for_each([](Backend& backend, Activations) {
    GuardedTensor x(backend, {3}, std::vector<float>{std::nanf(""), -200.0f, -1e38f}), y(backend, DType::f32, {3});
    const std::vector<float> found = run_twice(backend, y, [&] { backend.silu(y, x); });
    EXPECT_TRUE(std::isnan(found[0]));
    EXPECT_LE(std::fabs(found[1]), 1e-37f);
    EXPECT_LE(std::fabs(found[2]), 1e-37f);
  });
}

}  // namespace
}  // namespace pio
