#include "tests/kernels/conformance/conformance.h"

// Ops that make one value of each pair with one rounding: nothing to tolerate.

namespace pio {
namespace {

class Pairs : public Conformance {
 protected:
  void check(void (Backend::*op)(Tensor y, Tensor a, Tensor b), float (*expected_of)(float, float));
};
INSTANTIATE_TEST_SUITE_P(All, Pairs, testing::ValuesIn(backends_here()), test_name);

void Pairs::check(void (Backend::*op)(Tensor y, Tensor a, Tensor b), float (*expected_of)(float, float)) {
  Random random(1);
  for (const std::int64_t n : {1, 7, 8, 31, 33, 1000, 70001}) {
    SCOPED_TRACE(n);
    const std::vector<float> a = normal_values(random, n), b = normal_values(random, n);
    std::vector<float> expected(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) expected[i] = expected_of(a[i], b[i]);
    for_each([&](Backend& backend, Activations) {
      GuardedTensor a_tensor(backend, {1, n}, a), b_tensor(backend, {1, n}, b), y(backend, DType::f32, {1, n});
      EXPECT_EQ(run_twice(backend, y, [&] { (backend.*op)(y, a_tensor, b_tensor); }), expected);
      (backend.*op)(a_tensor, a_tensor, b_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(a_tensor.floats(), expected) << "into a";
      a_tensor.upload(a.data());
      (backend.*op)(b_tensor, a_tensor, b_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(b_tensor.floats(), expected) << "into b";
      EXPECT_TRUE(a_tensor.guards_are_intact());
      EXPECT_TRUE(b_tensor.guards_are_intact());
    });
    if (HasFailure()) return;
  }
}

TEST_P(Pairs, AddGivesTheFloatSumAlsoInPlace) {
  check(&Backend::add, [](float a, float b) { return a + b; });
}

TEST_P(Pairs, MultiplyGivesTheFloatProductAlsoInPlace) {
  check(&Backend::multiply, [](float a, float b) { return a * b; });
}

}  // namespace
}  // namespace pio
