#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Copy);

TEST_P(Copy, MovesTheBytesOfEveryFormatUnderAnyShape) {
  Random random(1);
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    const std::int64_t row = info(dtype).block_length == 1 ? 11 : info(dtype).block_length;
    std::vector<std::byte> x(bytes_of(dtype, 6 * row));
    for (std::byte& byte : x) byte = static_cast<std::byte>(random.next() >> 56);
    for_each([&](Backend& backend, Activations) {
      GuardedTensor x_tensor(backend, dtype, {6, row}, x.data()), y(backend, dtype, {2, 3, row});
      run_twice(backend, y, [&] { backend.copy(y, x_tensor); });
      EXPECT_EQ(y.bytes(), x) << info(dtype).name;
      // rows of one tensor to others of it
      backend.copy(x_tensor.tensor().rows(0, 2), x_tensor.tensor().rows(3, 2));
      EXPECT_TRUE(backend.sync());
      const std::vector<std::byte> moved = x_tensor.bytes();
      EXPECT_TRUE(std::equal(moved.begin(), moved.begin() + static_cast<std::ptrdiff_t>(bytes_of(dtype, 2 * row)),
                             x.begin() + static_cast<std::ptrdiff_t>(bytes_of(dtype, 3 * row))));
      EXPECT_TRUE(x_tensor.guards_are_intact());
    });
  }
}

}  // namespace
}  // namespace pio
