#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(GeluOp);

TEST_P(GeluOp, AgreesWithTheReferenceForBothKindsAlsoInPlace) {
  Random random(1);
  for (const Gelu kind : {Gelu::erf, Gelu::tanh}) {
    for (const std::int64_t n : {1, 7, 8, 31, 33, 1000, 70001}) {
      SCOPED_TRACE(testing::Message() << (kind == Gelu::erf ? "erf, " : "tanh, ") << n);
      std::vector<float> x = normal_values(random, n, 2);
      if (n > 30) {
        const float odd[] = {0.0f, -0.0f, 20.0f, -20.0f, 1e-30f, -1e-30f, 1e10f, -1e10f, 3.4e38f, -3.4e38f};
        std::copy(std::begin(odd), std::end(odd), x.begin() + 5);
      }
      GuardedTensor rx(reference(), {n}, x), ry(reference(), DType::f32, {n});
      reference().gelu(ry, rx, kind);
      const std::vector<float> expected = ry.floats();
      for_each([&](Backend& backend, Activations) {
        GuardedTensor x_tensor(backend, {n}, x), y(backend, DType::f32, {n});
        const std::vector<float> found = run_twice(backend, y, [&] { backend.gelu(y, x_tensor, kind); });
        // The far left tail is lost in the reference, which adds 1 to an erf or tanh near -1: 1e-16 times x there. Elsewhere the argument of
        // the exponential, up to 2 * 0.8 * (4 + 0.045 * 64) = 11, carries its roundings of 6e-8 into the result: 1e-6.
        for (std::size_t i = 0; i < found.size(); ++i) {
          const double e = expected[i];
          ASSERT_NEAR(static_cast<double>(found[i]), e, 2e-6 * std::fabs(e) + 1e-9) << "gelu(" << x[i] << ")";
        }
        backend.gelu(x_tensor, x_tensor, kind);
        EXPECT_TRUE(backend.sync());
        EXPECT_EQ(x_tensor.floats(), found) << "in place";
        EXPECT_TRUE(x_tensor.guards_are_intact());
      });
      if (HasFailure()) return;
    }
  }
}

TEST_P(GeluOp, PassesNanOn) {
  for_each([](Backend& backend, Activations) {
    std::vector<float> values(40, 1.0f);
    values[3] = values[37] = std::nanf("");
    for (const Gelu kind : {Gelu::erf, Gelu::tanh}) {
      GuardedTensor x(backend, {40}, values), y(backend, DType::f32, {40});
      const std::vector<float> found = run_twice(backend, y, [&] { backend.gelu(y, x, kind); });
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(std::isnan(found[i]), i == 3 || i == 37) << i;
    }
  });
}

}  // namespace
}  // namespace pio
