#include <bit>
#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Hadamard);

// The order of the sums is part of the definition: nothing may differ.
TEST_P(Hadamard, HasTheBitsOfTheReference) {
  Random random(1);
  for (const std::int64_t n : {1, 2, 32, 64, 128}) {
    for (const Shape& shape : {Shape{1, 1, 128}, Shape{7, 3, 128}, Shape{70, 9, 384}}) {
      SCOPED_TRACE(testing::Message() << shape.n_rows() << " rows of " << shape.back() << " by " << n);
      const std::vector<float> x = normal_values(random, shape.n_values());
      GuardedTensor expected(reference(), shape, x);
      reference().hadamard(expected, n);
      for_each([&](Backend& backend, Activations) {
        GuardedTensor y(backend, shape, x);
        backend.hadamard(y, n);
        EXPECT_TRUE(backend.sync());
        EXPECT_TRUE(y.guards_are_intact());
        EXPECT_EQ(y.floats(), expected.floats());
      });
    }
  }
}

// Against the matrix itself: entry (i, j) is 1 or -1 as i & j has an even number of ones.
TEST(HadamardReference, IsTheMatrixOverTheRoot) {
  Random random(2);
  constexpr std::int64_t kLength = 64;
  const std::vector<float> x = normal_values(random, 3 * kLength);
  const std::unique_ptr<Backend> backend = create_backend("reference", {}).value();
  GuardedTensor y(*backend, {3, kLength}, x);
  backend->hadamard(y, kLength);
  const std::vector<float> found = y.floats();
  for (std::int64_t r = 0; r < 3; ++r) {
    for (std::int64_t i = 0; i < kLength; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < kLength; ++j) {
        const double value = x[r * kLength + j];
        sum += std::popcount(static_cast<std::uint64_t>(i & j)) % 2 == 0 ? value : -value;
      }
      EXPECT_NEAR(found[r * kLength + i], sum / std::sqrt(static_cast<double>(kLength)), 2e-6);
    }
  }
  backend->hadamard(y, kLength);
  const std::vector<float> again = y.floats();
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(again[i], x[i], 2e-6) << "twice is once nothing";
}

}  // namespace
}  // namespace pio
