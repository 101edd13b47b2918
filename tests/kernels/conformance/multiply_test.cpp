#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Multiply);

TEST_P(Multiply, GivesTheFloatProductOfEachPairAlsoInPlace) {
  Random random(1);
  for (const std::int64_t n : {1, 7, 8, 31, 33, 1000, 70001}) {
    SCOPED_TRACE(n);
    const std::vector<float> a = normal_values(random, n), b = normal_values(random, n);
    std::vector<float> expected(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) expected[i] = a[i] * b[i];  // one rounding: nothing to tolerate
    for_each([&](Backend& backend, Activations) {
      GuardedTensor a_tensor(backend, {1, n}, a), b_tensor(backend, {1, n}, b), y(backend, DType::f32, {1, n});
      EXPECT_EQ(run_twice(backend, y, [&] { backend.multiply(y, a_tensor, b_tensor); }), expected);
      backend.multiply(a_tensor, a_tensor, b_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(a_tensor.floats(), expected) << "into a";
      a_tensor.upload(a.data());
      backend.multiply(b_tensor, a_tensor, b_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(b_tensor.floats(), expected) << "into b";
      EXPECT_TRUE(a_tensor.guards_are_intact());
      EXPECT_TRUE(b_tensor.guards_are_intact());
    });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace pio
