#include <cmath>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Glu);

// A vector exp within 2 units of the last place (2.4e-7), one division and one product: 3.6e-7; twice that.
constexpr double kTolerance = 7e-7;

TEST_P(Glu, AgreesWithTheReferenceAlsoInPlace) {
  Random random(1);
  for (const std::int64_t n : {1, 7, 8, 31, 33, 1000, 70001}) {
    SCOPED_TRACE(n);
    std::vector<float> gate = normal_values(random, n, 4), up = normal_values(random, n);
    if (n > 40) {
      const float odd[] = {0.0f, -0.0f, 20.0f, -20.0f, 80.0f, -80.0f, 1e-30f, -1e-30f, 1e30f, 3e4f};
      std::copy(std::begin(odd), std::end(odd), gate.begin() + 5);
    }
    GuardedTensor rg(reference(), {n}, gate), ru(reference(), {n}, up), ry(reference(), DType::f32, {n});
    reference().glu(ry, rg, ru);
    const std::vector<float> expected = ry.floats();
    for_each([&](Backend& backend, Activations) {
      GuardedTensor gate_tensor(backend, {n}, gate), up_tensor(backend, {n}, up), y(backend, DType::f32, {n});
      const std::vector<float> found = run_twice(backend, y, [&] { backend.glu(y, gate_tensor, up_tensor); });
      EXPECT_TRUE(each_error_below(kTolerance, found, expected));
      backend.glu(gate_tensor, gate_tensor, up_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(gate_tensor.floats(), found) << "into gate";
      gate_tensor.upload(gate.data());
      backend.glu(up_tensor, gate_tensor, up_tensor);
      EXPECT_TRUE(backend.sync());
      EXPECT_EQ(up_tensor.floats(), found) << "into up";
      EXPECT_TRUE(gate_tensor.guards_are_intact());
      EXPECT_TRUE(up_tensor.guards_are_intact());
    });
    if (HasFailure()) return;
  }
}

// Below -88 the result is smaller than any normal number: what is left may be flushed, but is never NaN or large.
TEST_P(Glu, GoesToZeroForVeryNegativeGates) {
  std::vector<float> gate, up;
  for (const float g : {-90.0f, -100.0f, -104.0f, -200.0f, -1e5f, -1e38f}) {
    gate.push_back(g);
    up.push_back(1.5f);
  }
  for_each([&](Backend& backend, Activations) {
    GuardedTensor gate_tensor(backend, {6}, gate), up_tensor(backend, {6}, up), y(backend, DType::f32, {6});
    for (const float value : run_twice(backend, y, [&] { backend.glu(y, gate_tensor, up_tensor); })) {
      EXPECT_LE(std::fabs(value), 90 * 1.5 * 1.1e-38 * 1.2) << value;  // 90 * exp(-90) * 1.5 = 1.1e-37
    }
  });
}

TEST_P(Glu, PassesNanOn) {
  for_each([](Backend& backend, Activations) {
    std::vector<float> gate(40, 1.0f), up(40, 1.0f);
    gate[3] = gate[37] = up[8] = std::nanf("");
    GuardedTensor gate_tensor(backend, {40}, gate), up_tensor(backend, {40}, up), y(backend, DType::f32, {40});
    const std::vector<float> found = run_twice(backend, y, [&] { backend.glu(y, gate_tensor, up_tensor); });
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(std::isnan(found[i]), i == 3 || i == 8 || i == 37) << i;
  });
}

}  // namespace
}  // namespace pio
