#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Experts);

// As moe_experts (moe_experts_test.cpp): three products in a row, sums of up to 512 terms, and a SwiGLU.
constexpr double kFloatSums = 1e-10;
constexpr double kEightBits = 2e-3;

struct Case {
  std::int64_t n_tokens, n_experts, n_used, dim, hidden_dim, shared_dim;  // shared_dim 0: no shared expert
  RoutingParams routing;
  bool has_bias = false;
};

const Case kCases[] = {
    {1, 5, 3, 512, 256, 0, {}},
    {25, 5, 3, 512, 256, 512, {.scoring = ExpertScoring::sigmoid, .sum_epsilon = 1e-20f, .scale = 1.8f}, true},
    {1, 6, 4, 512, 256, 768, {.scoring = ExpertScoring::sigmoid, .scale = 1.8f}, true},
    {2, 6, 3, 256, 512, 256, {}},
    {3, 8, 2, 256, 256, 256, {.scoring = ExpertScoring::sigmoid, .n_groups = 4, .n_groups_used = 2}, true},
    {17, 7, 3, 65, 31, 9, {.normalize = false}},
    {4, 3, 3, 41, 5, 0, {}},
};

TEST_P(Experts, AgreeWithTheReference) {
  Random random(1);
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_k, DType::mxfp4}) {
    for (const Case& c : kCases) {
      const int block = info(dtype).block_length;
      if (c.dim % block != 0 || c.hidden_dim % block != 0 || c.shared_dim % block != 0) continue;
      SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << c.n_tokens << " tokens, " << c.n_used << " of " << c.n_experts << " experts ["
                                      << c.hidden_dim << ", " << c.dim << "], shared " << c.shared_dim);
      const std::vector<float> x = normal_values(random, c.n_tokens * c.dim), before = normal_values(random, c.n_tokens * c.dim);
      const std::vector<float> logits = normal_values(random, c.n_tokens * c.n_experts, 2), bias = normal_values(random, c.n_experts, 0.2f);
      std::vector<std::byte> stacks[3], shared[3];
      for (auto& stack : stacks) stack = random_blocks(random, dtype, c.n_experts * c.dim * c.hidden_dim);
      for (auto& matrix : shared) matrix = random_blocks(random, dtype, c.dim * c.shared_dim);
      const auto sum = [&](Backend& backend, bool is_composed) {
        const Shape in{c.n_experts * c.hidden_dim, c.dim}, out{c.n_experts * c.dim, c.hidden_dim}, shared_in{c.shared_dim, c.dim},
            shared_out{c.dim, c.shared_dim};
        GuardedTensor gate(backend, dtype, in, stacks[0].data()), up(backend, dtype, in, stacks[1].data()),
            down(backend, dtype, out, stacks[2].data());
        GuardedTensor shared_gate(backend, dtype, shared_in, shared[0].data()), shared_up(backend, dtype, shared_in, shared[1].data());
        GuardedTensor shared_down(backend, dtype, shared_out, shared[2].data());
        GuardedTensor x_tensor(backend, {c.n_tokens, c.dim}, x), l(backend, {c.n_tokens, c.n_experts}, logits), b(backend, {c.n_experts}, bias);
        GuardedTensor y(backend, DType::f32, {c.n_tokens, c.dim});
        ExpertSet experts(0, c.n_experts);
        for (std::int64_t e = 0; e < c.n_experts; ++e) {
          experts.put(e, {gate.tensor().rows(e * c.hidden_dim, c.hidden_dim), up.tensor().rows(e * c.hidden_dim, c.hidden_dim),
                          down.tensor().rows(e * c.dim, c.dim)});
        }
        Mixture mixture{.experts = experts, .n_used = c.n_used, .bias = c.has_bias ? b.tensor() : Tensor{}, .routing = c.routing};
        if (c.shared_dim > 0) mixture.shared = {shared_gate, shared_up, shared_down};
        return run_twice(backend, y, [&] {
          y.upload(before.data());
          if (!is_composed) return backend.experts(y, x_tensor, l, mixture);
          const Shape chosen{c.n_tokens, c.n_used}, rows{c.n_tokens, c.dim}, hidden{c.n_tokens, c.shared_dim};
          GuardedTensor ids(backend, DType::i32, chosen), weights(backend, DType::f32, chosen), mixed(backend, DType::f32, rows);
          GuardedTensor gated(backend, DType::f32, hidden), ups(backend, DType::f32, hidden), of_shared(backend, DType::f32, rows);
          backend.route_experts(ids, weights, l, mixture.bias, c.routing);
          backend.moe_experts(mixed, x_tensor, ids, weights, experts);
          if (c.shared_dim > 0) {
            backend.matmul(gated, x_tensor, shared_gate);
            backend.matmul(ups, x_tensor, shared_up);
            backend.glu(gated, gated, ups);
            backend.matmul(of_shared, gated, shared_down);
            backend.add(mixed, mixed, of_shared);
          }
          backend.add(y, y, mixed);
        });
      };
      const std::vector<float> expected = sum(reference(), false);
      EXPECT_EQ(expected, sum(reference(), true)) << "the reference's bits are those of the ops that it is made of";
      for_each([&](Backend& backend, Activations activations) {
        if (!backend.supports(Op::moe_experts, dtype, {c.n_experts, c.hidden_dim, c.dim})) return;
        const bool rounded = activations == Activations::q8 && block > 1;
        const std::vector<float> found = sum(backend, false);
        EXPECT_TRUE(nmse_below(rounded ? kEightBits : kFloatSums, found, expected));
        if (backend.device().kind == DeviceKind::cpu) {
          EXPECT_EQ(found, sum(backend, true)) << "the bits of the ops one after the other";
        }
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
