#include <algorithm>
#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(SelfAttention);

// As attention over cached tokens (attention_test.cpp): scores off by 1e-6, squared, with a margin of 100.
constexpr double kFloatSums = 1e-10;

// With Activations::q8 numbers are rounded to steps of the largest (inl/self_attention_inl.h). Of 128 values the largest is 2.7 and a step of
// 2,000 is 1.4e-3, of uniform error (1.4e-3)² / 12 = 1.5e-7 of their square; a sum of n of them has 1 / n of both. Probabilities: 1 / 8,191
// of the largest, squared / 12, of up to as many as there are keys, below that; scores: 2.5 / 5,792 of |q| and |k|, below that for scores around 1.
// A margin of 4.
constexpr double kShorts = 6e-7;

struct Case {
  std::vector<std::int32_t> starts;
  std::int64_t n_heads, head_dim, y_heads, first_head;
  float q_size = 1;
  bool is_negative = false;
};

TEST_P(SelfAttention, AgreesWithTheReferenceAndKeepsSegmentsApart) {
  Random random(1);
  for (const Case& c : {Case{{0, 1}, 1, 64, 1, 0},
                        {{0, 31}, 2, 64, 2, 0},
                        {{0, 33, 33, 34, 130}, 3, 64, 3, 0},
                        {{0, 97, 293}, 2, 64, 5, 2},
                        {{0, 40}, 2, 72, 2, 0},
                        {{0, 65}, 1, 5, 2, 1},
                        {{0, 20, 52}, 2, 80, 2, 0},
                        {{0, 127, 255, 511}, 1, 32, 1, 0},
                        {{0, 300}, 1, 128, 1, 0},
                        {{0, 140}, 1, 514, 1, 0},
                        {{0, 160}, 2, 64, 2, 0, 3, true},
                        {{0, 200}, 2, 64, 2, 0, 30}}) {
    const std::int64_t n = c.starts.back();
    const Shape shape{n, c.n_heads, c.head_dim}, y_shape{n, c.y_heads, c.head_dim};
    SCOPED_TRACE(testing::Message() << c.starts.size() - 1 << " segments, " << shape.text());
    const std::vector<float> q = normal_values(random, shape.n_values(), c.q_size), k = normal_values(random, shape.n_values());
    const std::vector<float> v = normal_values(random, shape.n_values()), before(static_cast<std::size_t>(y_shape.n_values()), 0.5f);
    const float scale = static_cast<float>((c.is_negative ? -1 : 1) / std::sqrt(static_cast<double>(c.head_dim)));
    GuardedTensor rq(reference(), shape, q), rk(reference(), shape, k), rv(reference(), shape, v), ry(reference(), y_shape, before);
    const Shape starts_shape{std::ssize(c.starts)};
    GuardedTensor rs(reference(), starts_shape, c.starts);
    reference().self_attention(ry, rq, rk, rv, rs, c.first_head, scale);
    const std::vector<float> expected = ry.floats();
    for_each([&](Backend& backend, Activations activations) {
      GuardedTensor q_tensor(backend, shape, q), k_tensor(backend, shape, k), v_tensor(backend, shape, v), y(backend, DType::f32, y_shape);
      GuardedTensor starts(backend, starts_shape, c.starts);
      const std::vector<float> found = run_twice(backend, y, [&] {
        y.upload(before.data());
        backend.self_attention(y, q_tensor, k_tensor, v_tensor, starts, c.first_head, scale);
      });
      // scores q_size times as large: its square times the squared error
      const bool rounds = activations == Activations::q8 && backend.device().kind == DeviceKind::cpu;
      EXPECT_TRUE(nmse_below((rounds ? kShorts : kFloatSums) * std::max(1.0f, c.q_size * c.q_size), found, expected));
      for (std::size_t i = 0; i < found.size(); ++i) {
        const std::int64_t head = static_cast<std::int64_t>(i) / c.head_dim % c.y_heads - c.first_head;
        if (head < 0 || head >= c.n_heads) {
          ASSERT_EQ(found[i], 0.5f) << "another head's output";
        }
      }
    });
    if (HasFailure()) return;
  }
}

// One that is not finite reaches the rows of its own segment and no other.
TEST_P(SelfAttention, PassesNanOn) {
  Random random(2);
  constexpr std::int64_t kTokens = 190, kWidth = 64;
  const std::vector<std::int32_t> starts{0, 40, kTokens};
  const std::vector<float> plain = normal_values(random, kTokens * kWidth);
  for (int which = 0; which < 3; ++which) {
    SCOPED_TRACE(which);
    std::vector<float> odd = plain;
    odd[170 * kWidth + 3] = std::nanf("");
    for_each([&](Backend& backend, Activations) {
      const Shape shape{kTokens, 1, kWidth};
      GuardedTensor q(backend, shape, which == 0 ? odd : plain), k(backend, shape, which == 1 ? odd : plain),
          v(backend, shape, which == 2 ? odd : plain), y(backend, DType::f32, shape), starts_tensor(backend, {std::ssize(starts)}, starts);
      const std::vector<float> found = run_twice(backend, y, [&] { backend.self_attention(y, q, k, v, starts_tensor, 0, 0.125f); });
      for (std::int64_t t = 0; t < kTokens; ++t) {
        const bool is_reached = which == 0 ? t == 170 : t >= 40;
        ASSERT_EQ(std::isnan(found[static_cast<std::size_t>(t * kWidth + 3)]), is_reached) << t;
      }
    });
  }
}

}  // namespace
}  // namespace pio
