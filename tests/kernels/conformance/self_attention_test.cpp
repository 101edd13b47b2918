#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(SelfAttention);

// As attention over cached tokens (attention_test.cpp): scores off by 1e-6, squared, with a margin of 100.
constexpr double kFloatSums = 1e-10;

struct Case {
  std::vector<std::int32_t> starts;
  std::int64_t n_heads, head_dim, y_heads, first_head;
  float q_size = 1;
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
                        {{0, 200}, 2, 64, 2, 0, 30}}) {
    const std::int64_t n = c.starts.back();
    const Shape shape{n, c.n_heads, c.head_dim}, y_shape{n, c.y_heads, c.head_dim};
    SCOPED_TRACE(testing::Message() << c.starts.size() - 1 << " segments, " << shape.text());
    const std::vector<float> q = normal_values(random, shape.n_values(), c.q_size), k = normal_values(random, shape.n_values());
    const std::vector<float> v = normal_values(random, shape.n_values()), before(static_cast<std::size_t>(y_shape.n_values()), 0.5f);
    const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_dim)));
    GuardedTensor rq(reference(), shape, q), rk(reference(), shape, k), rv(reference(), shape, v), ry(reference(), y_shape, before);
    const Shape starts_shape{std::ssize(c.starts)};
    GuardedTensor rs(reference(), starts_shape, c.starts);
    reference().self_attention(ry, rq, rk, rv, rs, c.first_head, scale);
    const std::vector<float> expected = ry.floats();
    for_each([&](Backend& backend, Activations) {
      GuardedTensor q_tensor(backend, shape, q), k_tensor(backend, shape, k), v_tensor(backend, shape, v), y(backend, DType::f32, y_shape);
      GuardedTensor starts(backend, starts_shape, c.starts);
      const std::vector<float> found = run_twice(backend, y, [&] {
        y.upload(before.data());
        backend.self_attention(y, q_tensor, k_tensor, v_tensor, starts, c.first_head, scale);
      });
      // scores 30 times as large: 900 times the squared error
      EXPECT_TRUE(nmse_below(c.q_size > 1 ? 900 * kFloatSums : kFloatSums, found, expected));
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

}  // namespace
}  // namespace pio
