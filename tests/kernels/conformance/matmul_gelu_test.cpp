#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(MatmulGelu);

struct Case {
  std::int64_t n_tokens, n_in, n_out;
};

// What matmul and then gelu give, to the bit, with coarse weights as well as with others.
TEST_P(MatmulGelu, HasTheBitsOfMatmulAndGelu) {
  Random random(1);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_k}) {
    for (const Case& c : {Case{1, 256, 5}, {3, 512, 16}, {7, 256, 31}, {50, 1280, 130}, {130, 256, 300}}) {
      for (const bool is_coarse : {false, true}) {
        SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << c.n_tokens << " tokens, " << c.n_in << " to " << c.n_out
                                        << (is_coarse ? ", coarse" : ""));
        const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in), bias = normal_values(random, c.n_out);
        const std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
        for_each([&](Backend& backend, Activations) {
          GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), w_tensor(backend, dtype, {c.n_out, c.n_in}, w.data()),
              b(backend, {c.n_out}, bias);
          GuardedTensor y(backend, DType::f32, {c.n_tokens, c.n_out}), apart(backend, DType::f32, {c.n_tokens, c.n_out});
          Tensor weights = w_tensor;
          weights.is_coarse = is_coarse;
          for (const Gelu kind : {Gelu::tanh, Gelu::erf}) {
            const std::vector<float> found = run_twice(backend, y, [&] { backend.matmul_gelu(y, x_tensor, weights, b, kind); });
            backend.matmul(apart, x_tensor, weights, b);
            backend.gelu(apart, apart, kind);
            EXPECT_EQ(found, apart.floats());
          }
        });
        if (HasFailure()) return;
      }
    }
  }
}

// Coarse weights with 8-bit activations: both are rounded, in blocks of 32 whose largest is 2.1 on average, to steps of 2.1 / 127, an error of
// (2.1 / 127)² / 12 = 2.3e-5 of the square each; a margin of 3. With f32 activations they are as they are.
TEST_P(MatmulGelu, CoarseWeightsAreRoundedWithTheActivationsOnly) {
  Random random(2);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const Case& c : {Case{1, 256, 64}, {5, 96, 33}, {64, 1312, 70}, {48, 48, 20}}) {
      SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << c.n_tokens << " tokens, " << c.n_in << " to " << c.n_out);
      const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in), values = normal_values(random, c.n_out * c.n_in);
      const std::size_t n_bytes = bytes_of(dtype, c.n_out * c.n_in);
      std::vector<std::byte> w(n_bytes);
      if (dtype == DType::f32) std::memcpy(w.data(), values.data(), n_bytes);
      else info(dtype).encode(values.data(), w.data(), c.n_out * c.n_in);
      GuardedTensor rx(reference(), {c.n_tokens, c.n_in}, x), rw(reference(), dtype, {c.n_out, c.n_in}, w.data());
      GuardedTensor ry(reference(), DType::f32, {c.n_tokens, c.n_out});
      reference().matmul(ry, rx, rw);
      for_each([&](Backend& backend, Activations activations) {
        GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), w_tensor(backend, dtype, {c.n_out, c.n_in}, w.data());
        GuardedTensor y(backend, DType::f32, {c.n_tokens, c.n_out});
        Tensor coarse = w_tensor;
        const std::vector<float> plain = run_twice(backend, y, [&] { backend.matmul(y, x_tensor, coarse); });
        coarse.is_coarse = true;
        const std::vector<float> found = run_twice(backend, y, [&] { backend.matmul(y, x_tensor, coarse); });
        EXPECT_TRUE(nmse_below(activations == Activations::q8 ? 1.5e-4 : 1e-11, found, ry.floats()));
        if (activations == Activations::f32) {
          EXPECT_EQ(found, plain);
        }
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
