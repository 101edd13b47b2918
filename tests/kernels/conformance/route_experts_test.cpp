#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(RouteExperts);

struct Case {
  std::int64_t n_tokens, n_experts, n_used;
  RoutingParams params;
  bool has_bias = false;
};

TEST_P(RouteExperts, ChoosesAndWeighsAsTheReferenceDoes) {
  Random random(1);
  for (const Case& c : {Case{1, 128, 8, {}},
                        {70, 128, 8, {.normalize = false}},
                        {5, 64, 4, {.scoring = ExpertScoring::sigmoid, .sum_epsilon = 1e-20f, .scale = 1.8f}, true},
                        {3, 7, 1, {}},
                        {3, 7, 7, {.scoring = ExpertScoring::sigmoid}},
                        {9, 24, 3, {.scoring = ExpertScoring::sigmoid, .n_groups = 4, .n_groups_used = 2}, true}}) {
    SCOPED_TRACE(testing::Message() << c.n_used << " of " << c.n_experts);
    const std::vector<float> logits = normal_values(random, c.n_tokens * c.n_experts, 2), bias = normal_values(random, c.n_experts, 0.2f);
    const auto route = [&](Backend& backend, GuardedTensor& ids, GuardedTensor& weights) {
      GuardedTensor l(backend, {c.n_tokens, c.n_experts}, logits), b(backend, {c.n_experts}, bias);
      return run_twice(backend, weights, [&] { backend.route_experts(ids, weights, l, c.has_bias ? b.tensor() : Tensor{}, c.params); });
    };
    const Shape shape{c.n_tokens, c.n_used};
    GuardedTensor r_ids(reference(), DType::i32, shape), r_weights(reference(), DType::f32, shape);
    const std::vector<float> expected = route(reference(), r_ids, r_weights);
    for_each([&](Backend& backend, Activations) {
      GuardedTensor ids(backend, DType::i32, shape), weights(backend, DType::f32, shape);
      const std::vector<float> found = route(backend, ids, weights);
      EXPECT_EQ(ids.values<std::int32_t>(), r_ids.values<std::int32_t>());
      EXPECT_TRUE(ids.guards_are_intact());
      EXPECT_TRUE(each_error_below(1e-6, found, expected));  // a few float32 roundings of an exponential, a sum and a quotient
    });
    if (HasFailure()) return;
  }
}

// Many equal scores, as a router of zeros gives them.
TEST_P(RouteExperts, TakesTheLowerIndexOfEquals) {
  for_each([](Backend& backend, Activations) {
    GuardedTensor logits(backend, {1, 6}, std::vector<float>{1, 2, 1, 2, 2, 1}), ids(backend, DType::i32, {1, 4}),
        weights(backend, DType::f32, {1, 4});
    backend.route_experts(ids, weights, logits, {}, {});
    EXPECT_TRUE(backend.sync());
    EXPECT_EQ(ids.values<std::int32_t>(), (std::vector<std::int32_t>{1, 3, 4, 0}));
  });
}

}  // namespace
}  // namespace pio
