#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(LayerNorm);

// Float32 means and variances of up to 5,000 terms: roundings of 2^-25 in a random walk, some 1e-7 relative, squared 1e-14; a margin of 100.
constexpr double kFloatSums = 1e-12;

TEST_P(LayerNorm, AgreesWithTheReferenceAlsoInPlace) {
  Random random(1);
  for (const Shape& shape : {Shape{1, 1}, {3, 7}, {2, 16}, {5, 33}, {4, 1024}, {3, 2, 80}, {70, 1000}, {2, 5001}}) {
    SCOPED_TRACE(shape.text());
    std::vector<float> x = normal_values(random, shape.n_values());
    const std::int64_t dim = shape.back();
    const std::vector<float> w = normal_values(random, dim), bias = normal_values(random, dim);
    GuardedTensor rx(reference(), shape, x), rw(reference(), {dim}, w), rb(reference(), {dim}, bias), ry(reference(), DType::f32, shape);
    reference().layer_norm(ry, rx, rw, rb, 1e-6f);
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, shape, x), w_tensor(backend, {dim}, w), b(backend, {dim}, bias), y(backend, DType::f32, shape);
      const std::vector<float> found = run_twice(backend, y, [&] { backend.layer_norm(y, x_tensor, w_tensor, b, 1e-6f); });
      EXPECT_TRUE(nmse_below(kFloatSums, found, ry.floats()));
      backend.layer_norm(x_tensor, x_tensor, w_tensor, b, 1e-6f);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(x_tensor.floats(), found) << "in place";
      EXPECT_TRUE(x_tensor.guards_are_intact());
    });
    if (HasFailure()) return;
  }
}

// Values 1,000 away from 0 and 1 apart: the mean of squares less the square of the mean would keep no digit of the variance.
TEST_P(LayerNorm, KeepsTheVarianceOfRowsFarFromZero) {
  Random random(2);
  std::vector<float> x = normal_values(random, 4 * 640);
  for (float& value : x) value += 1000;
  const std::vector<float> w(640, 1.0f), bias(640, 0.0f);
  GuardedTensor rx(reference(), {4, 640}, x), rw(reference(), {640}, w), rb(reference(), {640}, bias), ry(reference(), DType::f32, {4, 640});
  reference().layer_norm(ry, rx, rw, rb, 1e-6f);
  for_each([&](Backend& backend, Activations) {
    GuardedTensor x_tensor(backend, {4, 640}, x), w_tensor(backend, {640}, w), b(backend, {640}, bias), y(backend, DType::f32, {4, 640});
    const std::vector<float> found = run_twice(backend, y, [&] { backend.layer_norm(y, x_tensor, w_tensor, b, 1e-6f); });
    // the mean itself is off by 1,000 * 6e-8 * a few: 1e-4 of a unit, squared 1e-8
    EXPECT_TRUE(nmse_below(1e-7, found, ry.floats()));
  });
}

}  // namespace
}  // namespace pio
