#include "tests/kernels/conformance/bf16.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Projections);

// A float32 sum of up to 512 terms (1e-12, see matmul_test.cpp) of normed values, themselves rounded; a margin of 100.
constexpr double kFloatSums = 1e-10;

// Activations rounded to 8 bits: 5e-5 of the power (matmul_test.cpp), twice in silu(gate) * up, whose tails add; a margin for few outputs.
constexpr double kEightBits = 2e-3;

// Rounded to bf16, where weights are in bf16 and the processor multiplies that: 4^-9 / 3 = 1.3e-6 of the power, for gate and up; a margin of 15.
constexpr double kBf16 = 4e-5;

constexpr float kEps = 1e-6f;
constexpr DType kFormats[] = {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k, DType::mxfp4};

struct Case {
  std::int64_t n_tokens, n_in;
  std::int64_t n_out[3];
};
constexpr Case kCases[] = {{1, 256, {17, 5, 33}}, {3, 512, {64, 9, 9}}, {33, 256, {40, 7, 1}}, {2, 41, {5, 6, 7}}, {5, 7, {31, 3, 8}}};

double tolerance(const BackendName& name, Activations activations, DType dtype) {
  if (rounds_to_bf16(name, activations, dtype)) return kBf16;
  return activations == Activations::q8 && info(dtype).block_length > 1 ? kEightBits : kFloatSums;
}

// For each format and case whose rows are whole blocks.
template <class Body>
void for_each_case(const Body& body) {
  for (const DType dtype : kFormats) {
    for (const Case& c : kCases) {
      if (c.n_in % info(dtype).block_length != 0) continue;
      SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << c.n_tokens << " tokens of " << c.n_in);
      body(dtype, c);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST_P(Projections, OfOneNormedInputAgreeWithTheReference) {
  Random random(1);
  for_each_case([&](DType dtype, const Case& c) {
    const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in, 3), norm = normal_values(random, c.n_in);
    std::vector<std::byte> w[3];
    std::vector<float> bias[3];
    for (int i = 0; i < 3; ++i) {
      w[i] = random_blocks(random, dtype, c.n_out[i] * c.n_in);
      bias[i] = normal_values(random, c.n_out[i]);
    }
    for (const bool has_bias : {false, true}) {
      for (const bool gives_normed : {false, true}) {
        // the three outputs, and the normed input behind them
        const auto outputs = [&](Backend& backend, bool is_composed) {
          GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), norm_tensor(backend, {c.n_in}, norm);
          GuardedTensor normed(backend, DType::f32, {c.n_tokens, c.n_in});
          std::vector<GuardedTensor> ws, biases, ys;
          std::vector<Projection> projections;
          for (int i = 0; i < 3; ++i) {
            ws.emplace_back(backend, dtype, Shape{c.n_out[i], c.n_in}, w[i].data());
            biases.emplace_back(backend, Shape{c.n_out[i]}, bias[i]);
            ys.emplace_back(backend, DType::f32, Shape{c.n_tokens, c.n_out[i]});
            projections.push_back({ys[i], ws[i], has_bias ? biases[i].tensor() : Tensor{}});
          }
          std::vector<std::vector<float>> found;
          if (is_composed) {
            backend.rms_norm(normed, x_tensor, norm_tensor, kEps);
            for (const Projection& p : projections) backend.matmul(p.y, normed, p.w, p.bias);
            for (const GuardedTensor& y : ys) found.push_back(y.floats());
          } else {
            const auto op = [&] { backend.norm_matmul(projections, x_tensor, norm_tensor, kEps, gives_normed ? normed.tensor() : Tensor{}); };
            for (GuardedTensor& y : ys) found.push_back(run_twice(backend, y, op));
          }
          EXPECT_TRUE(normed.guards_are_intact());
          if (gives_normed) found.push_back(normed.floats());
          return found;
        };
        const auto expected = outputs(reference(), false);
        EXPECT_EQ(expected, outputs(reference(), true)) << "the reference's bits are those of its norm and products";
        for_each([&](Backend& backend, Activations activations) {
          if (!backend.supports(Op::matmul, dtype, {c.n_out[0], c.n_in})) return;
          const auto found = outputs(backend, false);
          for (std::size_t i = 0; i < found.size(); ++i)
            EXPECT_TRUE(nmse_below(tolerance(GetParam(), activations, dtype), found[i], expected[i])) << i;
        });
      }
    }
  });
}

TEST_P(Projections, IntoAResidualAgreeWithTheReference) {
  Random random(2);
  for_each_case([&](DType dtype, const Case& c) {
    const std::int64_t n_out = c.n_out[0];
    const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in), before = normal_values(random, c.n_tokens * n_out);
    const std::vector<float> bias = normal_values(random, n_out);
    const std::vector<std::byte> w = random_blocks(random, dtype, n_out * c.n_in);
    for (const bool has_bias : {false, true}) {
      const auto sum = [&](Backend& backend, bool is_composed) {
        GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), w_tensor(backend, dtype, {n_out, c.n_in}, w.data());
        GuardedTensor bias_tensor(backend, {n_out}, bias), y(backend, DType::f32, {c.n_tokens, n_out}),
            product(backend, DType::f32, {c.n_tokens, n_out});
        const Tensor given = has_bias ? bias_tensor.tensor() : Tensor{};
        return run_twice(backend, y, [&] {
          y.upload(before.data());
          if (!is_composed) return backend.matmul_add(y, x_tensor, w_tensor, given);
          backend.matmul(product, x_tensor, w_tensor, given);
          backend.add(y, y, product);
        });
      };
      const std::vector<float> expected = sum(reference(), false);
      EXPECT_EQ(expected, sum(reference(), true)) << "the reference's bits are those of its product and sum";
      for_each([&](Backend& backend, Activations activations) {
        if (!backend.supports(Op::matmul, dtype, {c.n_out[0], c.n_in})) return;
        EXPECT_TRUE(nmse_below(tolerance(GetParam(), activations, dtype), sum(backend, false), expected));
      });
    }
  });
}

TEST_P(Projections, GatedByOneAnotherAgreeWithTheReference) {
  Random random(3);
  for_each_case([&](DType dtype, const Case& c) {
    const std::int64_t n_out = c.n_out[0];
    const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in, 3), norm = normal_values(random, c.n_in);
    const std::vector<std::byte> gate = random_blocks(random, dtype, n_out * c.n_in), up = random_blocks(random, dtype, n_out * c.n_in);
    const auto hidden = [&](Backend& backend, bool is_composed) {
      GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), norm_tensor(backend, {c.n_in}, norm);
      GuardedTensor gate_tensor(backend, dtype, {n_out, c.n_in}, gate.data()), up_tensor(backend, dtype, {n_out, c.n_in}, up.data());
      GuardedTensor y(backend, DType::f32, {c.n_tokens, n_out}), h(backend, DType::f32, {c.n_tokens, c.n_in}),
          ups(backend, DType::f32, {c.n_tokens, n_out});
      return run_twice(backend, y, [&] {
        if (!is_composed) return backend.norm_glu_matmul(y, x_tensor, norm_tensor, kEps, gate_tensor, up_tensor);
        backend.rms_norm(h, x_tensor, norm_tensor, kEps);
        backend.matmul(y, h, gate_tensor);
        backend.matmul(ups, h, up_tensor);
        backend.glu(y, y, ups);
      });
    };
    const std::vector<float> expected = hidden(reference(), false);
    EXPECT_EQ(expected, hidden(reference(), true)) << "the reference's bits are those of the ops that it is made of";
    for_each([&](Backend& backend, Activations activations) {
      if (!backend.supports(Op::matmul, dtype, {c.n_out[0], c.n_in})) return;
      EXPECT_TRUE(nmse_below(tolerance(GetParam(), activations, dtype), hidden(backend, false), expected));
    });
  });
}

}  // namespace
}  // namespace pio
