#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(RmsNorm);

// Sum in float32 over up to 2,049 squares in any order (relative 2^-25 * sqrt(2049) = 1.3e-6 if one value after the other), halved by the
// root; three more roundings.
constexpr double kTolerance = 2e-6;

constexpr Shape (*kShapes[])() = {[] { return Shape{1, 1}; },     [] { return Shape{5, 7}; },     [] { return Shape{37, 31}; },
                                  [] { return Shape{3, 33}; },    [] { return Shape{1, 576}; },   [] { return Shape{2, 2049}; },
                                  [] { return Shape{3, 5, 64}; }, [] { return Shape{130, 128}; }, [] { return Shape{96}; }};

TEST_P(RmsNorm, AgreesWithTheReferenceForEverySize) {
  Random random(1);
  for (const auto& make_shape : kShapes) {
    const Shape shape = make_shape();
    SCOPED_TRACE(shape.text());
    // ordinary values; small ones, where eps is all there is; large ones, whose squares are near the largest float32
    for (const float size : {1.0f, 1e-12f, 1e16f}) {
      SCOPED_TRACE(size);
      const std::vector<float> x = normal_values(random, shape.n_values(), size), w = normal_values(random, shape.back());
      GuardedTensor rx(reference(), shape, x), rw(reference(), {shape.back()}, w), ry(reference(), DType::f32, shape);
      reference().rms_norm(ry, rx, rw, 1e-6f);
      for_each([&](Backend& backend, Activations) {
        GuardedTensor x_tensor(backend, shape, x), w_tensor(backend, {shape.back()}, w), y(backend, DType::f32, shape);
        const std::vector<float> found = run_twice(backend, y, [&] { backend.rms_norm(y, x_tensor, w_tensor, 1e-6f); });
        EXPECT_TRUE(each_error_below(kTolerance, found, ry.floats()));
        backend.rms_norm(x_tensor, x_tensor, w_tensor, 1e-6f);
        EXPECT_TRUE(backend.sync());
        EXPECT_EQ(x_tensor.floats(), found) << "in place";
        EXPECT_TRUE(x_tensor.guards_are_intact());
      });
      if (HasFailure()) return;
    }
  }
}

TEST_P(RmsNorm, GivesZerosForARowOfZeros) {
  for_each([](Backend& backend, Activations) {
    GuardedTensor x(backend, {2, 40}, std::vector<float>(80, 0.0f)), w(backend, {40}, std::vector<float>(40, 3.0f));
    GuardedTensor y(backend, DType::f32, {2, 40});
    EXPECT_EQ(run_twice(backend, y, [&] { backend.rms_norm(y, x, w, 1e-6f); }), std::vector<float>(80, 0.0f));
  });
}

}  // namespace
}  // namespace pio
