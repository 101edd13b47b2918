#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(AddScaled);

TEST_P(AddScaled, AgreesWithTheReference) {
  Random random(1);
  for (const std::int64_t n : {1, 7, 8, 31, 33, 1000, 70001}) {
    for (const float scale : {1.0f, -0.37f, 0.0f}) {
      SCOPED_TRACE(testing::Message() << n << " values, times " << scale);
      const std::vector<float> x = normal_values(random, n), before = normal_values(random, n);
      GuardedTensor rx(reference(), {n}, x), ry(reference(), {n}, before);
      reference().add_scaled(ry, rx, scale);
      for_each([&](Backend& backend, Activations) {
        GuardedTensor x_tensor(backend, {n}, x), y(backend, DType::f32, {n});
        const std::vector<float> found = run_twice(backend, y, [&] {
          y.upload(before.data());
          backend.add_scaled(y, x_tensor, scale);
        });
        EXPECT_TRUE(max_error_below(2.5e-7, found, ry.floats()));  // two roundings of up to 2^-24, of a product and of the sum
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
