#include <string_view>

#include "tests/kernels/conformance/bf16.h"

namespace pio {
namespace {

PIO_CONFORMANCE(MatmulHeads);

// Float32 sums of up to 600 terms in any order: a walk of roundings of 2^-25 makes 600 * (3e-8)² = 5e-13; a margin of 20.
constexpr double kFloatSums = 1e-11;

// And of x rounded to 8 bits, where the matrices are quantized and not transposed: as matmul (matmul_test.cpp).
constexpr double kEightBits = 6e-4;

// Both sides rounded to bf16, each number off by up to 2^-9 of it: 2 * 4^-9 / 3 = 2.5e-6 of the product's square; where the processor multiplies
// bf16, of quantized matrices that are transposed.
constexpr double kBf16 = 1e-5;

struct Case {
  std::int64_t n_tokens, n_heads, rows, columns;
  HeadsParams params;
  bool one_x = false;  // x has one head for all
};

constexpr DType kFormats[] = {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k, DType::mxfp4};

TEST_P(MatmulHeads, AgreesWithTheReferenceInBothDirections) {
  Random random(1);
  for (const DType dtype : kFormats) {
    for (const std::int64_t n_tokens : {1, 3, 70}) {
      for (const Case& c : {Case{n_tokens, 3, 17, 64, {.w_rows = 17}},
                            {n_tokens, 3, 17, 64, {.w_rows = 17, .transposed = true}},
                            {n_tokens, 2, 448, 512, {.x_first = 3, .y_first = 5, .w_first = 192, .w_rows = 256}, true},
                            {2 * n_tokens, 2, 448, 512, {.y_first = 64, .w_rows = 192, .transposed = true}},
                            {n_tokens, 20, 70, 256, {.x_first = 1, .w_first = 5, .w_rows = 65, .transposed = true}, true},
                            {n_tokens, 1, 5, 41, {.w_first = 1, .w_rows = 3}},
                            {n_tokens, 3, 17, 256, {.x_first = 2, .y_first = 1, .w_rows = 17, .n_following = 2}},
                            {n_tokens, 3, 17, 256, {.w_rows = 17, .transposed = true, .n_following = 1}, true},
                            {n_tokens, 4, 5, 41, {.w_first = 1, .w_rows = 3, .transposed = true}}}) {
        if (c.columns % info(dtype).block_length != 0) continue;
        const std::int64_t n_in = c.params.transposed ? c.params.w_rows : c.columns, n_out = c.params.transposed ? c.columns : c.params.w_rows;
        const Shape x_shape{c.n_tokens, c.one_x ? 1 : c.n_heads, c.params.x_first + n_in + 2}, w_shape{c.n_heads, c.rows, c.columns};
        const std::int64_t n_written = n_out + c.params.n_following;
        const Shape y_shape{c.n_tokens, c.n_heads, c.params.y_first + n_written + 1};
        SCOPED_TRACE(testing::Message() << info(dtype).name << ", x " << x_shape.text() << ", w " << w_shape.text()
                                        << (c.params.transposed ? ", transposed" : ""));
        const std::vector<float> x = normal_values(random, x_shape.n_values()), before(static_cast<std::size_t>(y_shape.n_values()), 0.5f);
        const std::vector<std::byte> w = random_blocks(random, dtype, w_shape.n_values());
        const auto expected_of = [&](const std::vector<float>& rows) {
          GuardedTensor rx(reference(), x_shape, rows), rw(reference(), dtype, w_shape, w.data()), ry(reference(), y_shape, before);
          reference().matmul_heads(ry, rx, rw, c.params);
          return ry.floats();
        };
        const std::vector<float> expected = expected_of(x);
        std::vector<float> expected_of_bf16 = dtype == DType::bf16 ? expected_of(in_bf16(x)) : expected;
        for (std::size_t i = 0; i < expected.size(); ++i)  // what only follows the outputs is not rounded
          if (static_cast<std::int64_t>(i) % y_shape.back() - c.params.y_first >= n_out) expected_of_bf16[i] = expected[i];
        for_each([&](Backend& backend, Activations activations) {
          GuardedTensor x_tensor(backend, x_shape, x), w_tensor(backend, dtype, w_shape, w.data()), y(backend, DType::f32, y_shape);
          const std::vector<float> found = run_twice(backend, y, [&] {
            y.upload(before.data());
            backend.matmul_heads(y, x_tensor, w_tensor, c.params);
          });
          const bool rounds = activations == Activations::q8 && info(dtype).block_length > 1;
          const bool is_rounded = rounds_to_bf16(GetParam(), activations, dtype) && (!c.params.transposed || c.columns % 32 == 0);
          const bool in_bf16 = rounds && c.params.transposed && c.columns % 32 == 0 && std::string_view(GetParam().text) == "cpu:avx512_bf16";
          EXPECT_TRUE(nmse_below(in_bf16                          ? kBf16
                                 : rounds && !c.params.transposed ? kEightBits
                                                                  : kFloatSums,
                                 found, is_rounded ? expected_of_bf16 : expected));
          for (std::size_t i = 0; i < found.size(); ++i) {
            const std::int64_t column = static_cast<std::int64_t>(i) % y_shape.back() - c.params.y_first;
            if (column < 0 || column >= n_written) {
              ASSERT_EQ(found[i], 0.5f) << "column " << column << " is not an output";
            } else if (column >= n_out) {
              const std::int64_t row = static_cast<std::int64_t>(i) / y_shape.back() / (c.one_x ? c.n_heads : 1);
              ASSERT_EQ(found[i], x[static_cast<std::size_t>(row * x_shape.back() + c.params.x_first + n_in + column - n_out)])
                  << "column " << column;
            }
          }
        });
        if (HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace pio
