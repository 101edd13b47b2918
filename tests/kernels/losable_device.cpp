#include "tests/kernels/losable_device.h"

#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/random_tensor.h"

namespace pio::test {

void expect_works(Backend& backend) {
  GuardedTensor x(backend, Shape{1, 3}, std::vector<float>{1, 2, 3}), w(backend, Shape{2, 3}, std::vector<float>{1, 0, 0, 1, 1, 1});
  GuardedTensor y(backend, DType::f32, Shape{1, 2});
  backend.matmul(y, x, w);
  ASSERT_TRUE(backend.sync());
  EXPECT_EQ(y.floats(), (std::vector<float>{1, 6}));
}

TEST_P(LosableDeviceTest, LosesADeviceAsAnErrorAndOpensItAgain) {
  if (device_.name.empty()) GTEST_SKIP() << "no such device on this machine, or no module";
  for (const std::uint64_t n_products : {1, 2}) {
    auto backend = device_.open();
    ASSERT_TRUE(backend) << backend.error().message;
    expect_works(**backend);
    GuardedTensor x(**backend, Shape{1, 3}, std::vector<float>{1, 2, 3}), w(**backend, Shape{2, 3}, std::vector<float>{1, 0, 0, 1, 1, 1});
    GuardedTensor y(**backend, DType::f32, Shape{1, 2});
    ASSERT_TRUE((*backend)->sync());
    device_.lose_at(n_products);
    Result<void> result;
    for (std::uint64_t i = 0; i < n_products; ++i) {
      EXPECT_TRUE(result) << i;
      (*backend)->matmul(y, x, w);
      result = (*backend)->sync();
    }
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::device_lost);
    EXPECT_EQ(result.error().device, device_.name);
    // Whatever is asked of it from now on.
    (*backend)->matmul(y, x, w);
    (*backend)->copy(y, y);
    EXPECT_EQ(y.floats(), (std::vector<float>{0, 0}));
    EXPECT_FALSE((*backend)->sync());
    const auto buffer = (*backend)->allocate(100);
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().code, ErrorCode::device_lost);
    device_.mend();
    auto again = device_.open();
    ASSERT_TRUE(again) << again.error().message;
    expect_works(**again);
  }
}

}  // namespace pio::test
