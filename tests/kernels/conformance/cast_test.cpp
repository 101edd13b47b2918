#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Cast);

TEST_P(Cast, DecodesEveryFormatToItsNumbers) {
  Random random(1);
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!info(dtype).decode) continue;
    SCOPED_TRACE(info(dtype).name);
    const Shape shape{3, 5, info(dtype).block_length == 1 ? 33 : info(dtype).block_length * 2};
    const std::vector<std::byte> x = random_blocks(random, dtype, shape.n_values());
    for_each([&](Backend& backend, Activations) {
      if (!backend.supports(Op::cast, dtype, shape)) return;
      GuardedTensor x_tensor(backend, dtype, shape, x.data()), y(backend, DType::f32, shape);
      // exact but for one last addition: nothing to tolerate
      EXPECT_EQ(run_twice(backend, y, [&] { backend.cast(y, x_tensor); }), decoded(dtype, x));
    });
  }
}

TEST_P(Cast, EncodesAsTheFormatSays) {
  Random random(2);
  for (const DType dtype : {DType::f16, DType::bf16, DType::q8_0, DType::q4_0}) {
    SCOPED_TRACE(info(dtype).name);
    const Shape shape{7, info(dtype).block_length == 1 ? 33 : 96};
    std::vector<float> x = normal_values(random, shape.n_values());
    for (std::size_t i = 0; i < 64; ++i) x[i] = static_cast<float>(static_cast<int>(i) - 32) * 0.5f;  // ties between two codes
    std::vector<std::byte> expected(bytes_of(dtype, shape.n_values()));
    info(dtype).encode(x.data(), expected.data(), shape.n_values());
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, shape, x), y(backend, dtype, shape);
      run_twice(backend, y, [&] { backend.cast(y, x_tensor); });
      EXPECT_EQ(y.bytes(), expected);
    });
  }
}

}  // namespace
}  // namespace pio
