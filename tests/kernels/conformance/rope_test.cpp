#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Rope);

// The float32 angle is part of the definition, so what remains is a cosine and a sine rounded to float32 and three roundings of numbers
// up to 1.4 times the largest: 4 * 6e-8 * 1.4 = 3.4e-7. A reduction of large angles that is not exact would show as 1e-3.
constexpr double kTolerance = 5e-7;

struct Case {
  std::int64_t n_tokens, n_heads, head_dim, n_pairs;
};

TEST_P(Rope, AgreesWithTheReferenceForBothPairings) {
  Random random(1);
  for (const Case& c : {Case{1, 1, 2, 1}, {3, 2, 64, 32}, {7, 3, 80, 20}, {33, 9, 64, 32}, {5, 4, 128, 64}, {2, 1, 10, 5}, {4, 1, 33, 3}}) {
    for (const RopePairing pairing : {RopePairing::half, RopePairing::interleaved}) {
      SCOPED_TRACE(testing::Message() << c.n_tokens << " tokens, " << c.n_heads << " heads of " << c.head_dim << ", " << c.n_pairs << " pairs");
      const Shape shape{c.n_tokens, c.n_heads, c.head_dim};
      const std::vector<float> x = normal_values(random, shape.n_values());
      std::vector<std::int32_t> positions;
      for (std::int64_t t = 0; t < c.n_tokens; ++t) positions.push_back(static_cast<std::int32_t>(t % 3 == 2 ? random.below(262144) : 5 * t));
      std::vector<float> inv_freq;
      for (std::int64_t i = 0; i < c.n_pairs; ++i) {
        inv_freq.push_back(static_cast<float>(std::pow(1e6, -static_cast<double>(i) / static_cast<double>(c.n_pairs))));
      }
      GuardedTensor rx(reference(), shape, x), rp(reference(), {c.n_tokens}, positions), rf(reference(), {c.n_pairs}, inv_freq);
      reference().rope(rx, rp, rf, {.pairing = pairing});
      for_each([&](Backend& backend, Activations) {
        GuardedTensor x_tensor(backend, shape, x), p(backend, {c.n_tokens}, positions), f(backend, {c.n_pairs}, inv_freq);
        backend.rope(x_tensor, p, f, {.pairing = pairing});
        EXPECT_TRUE(backend.sync());
        const std::vector<float> found = x_tensor.floats();
        EXPECT_TRUE(x_tensor.guards_are_intact());
        EXPECT_TRUE(max_error_below(kTolerance, found, rx.floats()));
        for (std::size_t i = 0; i < found.size(); ++i) {
          const bool is_rotated = static_cast<std::int64_t>(i) % c.head_dim < 2 * c.n_pairs;
          if (!is_rotated || positions[i / static_cast<std::size_t>(c.n_heads * c.head_dim)] == 0) {
            ASSERT_EQ(found[i], x[i]) << i;  // left alone
          }
        }
        x_tensor.upload(x.data());
        backend.rope(x_tensor, p, f, {.pairing = pairing});
        EXPECT_TRUE(backend.sync());
        EXPECT_EQ(x_tensor.floats(), found) << "the second run gives other bits";
      });
      if (HasFailure()) return;
    }
  }
}

// Dims 3 and on, by three rows of positions: what pictures and latent heads ask for.
TEST_P(Rope, TurnsTheMiddleOfAHeadByTheAxesOfItsPairs) {
  Random random(2);
  const std::int64_t n_tokens = 9, n_heads = 2, head_dim = 43, n_pairs = 18, first_dim = 3;
  const Shape shape{n_tokens, n_heads, head_dim};
  for (const RopePairing pairing : {RopePairing::half, RopePairing::interleaved}) {
    const std::vector<float> x = normal_values(random, shape.n_values());
    std::vector<std::int32_t> positions, axes;
    std::vector<float> inv_freq;
    for (std::int64_t i = 0; i < 3 * n_tokens; ++i) positions.push_back(static_cast<std::int32_t>(random.below(70000)));
    for (std::int64_t i = 0; i < n_pairs; ++i) {
      axes.push_back(static_cast<std::int32_t>(random.below(3)));
      inv_freq.push_back(static_cast<float>(std::pow(1e4, -static_cast<double>(i) / n_pairs)));
    }
    const auto turn = [&](Backend& backend, GuardedTensor& x_tensor) {
      GuardedTensor p(backend, {3, n_tokens}, positions), f(backend, {n_pairs}, inv_freq), a(backend, {n_pairs}, axes);
      return run_twice(backend, x_tensor, [&] {
        x_tensor.upload(x.data());
        backend.rope(x_tensor, p, f, {.pairing = pairing, .first_dim = first_dim}, a);
      });
    };
    GuardedTensor rx(reference(), shape, x);
    const std::vector<float> expected = turn(reference(), rx);
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, shape, x);
      const std::vector<float> found = turn(backend, x_tensor);
      EXPECT_TRUE(max_error_below(kTolerance, found, expected));
      for (std::size_t i = 0; i < found.size(); ++i) {
        const std::int64_t dim = static_cast<std::int64_t>(i) % head_dim - first_dim;
        if (dim < 0 || dim >= 2 * n_pairs) {
          ASSERT_EQ(found[i], x[i]) << i;
        }
      }
    });
  }
}

}  // namespace
}  // namespace pio
