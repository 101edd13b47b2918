#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include "kernels/reference/reference_backend.h"
#include "tests/kernels/attention_scene.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/random_tensor.h"

// The specification against the papers' formulas, written here once more in double and in another way. What is left to tolerate is the
// rounding of a result to float32: 2^-24 of it.

namespace pio {
namespace {

constexpr double kOneRounding = 0x1p-24 * 1.001;

class Reference : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = create_reference_backend();
};

void expect_rounded(const std::vector<float>& found, const std::vector<double>& expected, double slack = 0) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], kOneRounding * std::fabs(expected[i]) + slack) << i;
  }
}

TEST_F(Reference, MatmulOfSmallNumbersIsWhatOneGetsByHand) {
  GuardedTensor x(*backend_, {2, 3}, std::vector<float>{1, 2, 3, -1, 0, 4});
  GuardedTensor w(*backend_, {4, 3}, std::vector<float>{1, 0, 0, 0, 1, 0, 1, 1, 1, 2, -3, 0.5f});
  GuardedTensor bias(*backend_, {4}, std::vector<float>{0, 10, 0, 100}), y(*backend_, DType::f32, {2, 4});
  backend_->matmul(y, x, w);
  EXPECT_EQ(y.floats(), (std::vector<float>{1, 2, 6, -2.5f, -1, 0, 3, 0}));
  backend_->matmul(y, x, w, bias);
  EXPECT_EQ(y.floats(), (std::vector<float>{1, 12, 6, 97.5f, -1, 10, 3, 100}));
  EXPECT_TRUE(y.guards_are_intact());
}

TEST_F(Reference, MatmulSumsTheProductsWithTheDecodedWeights) {
  Random random(1);
  const std::int64_t n_tokens = 5, n_in = 512, n_out = 9;
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (info(dtype).decode == nullptr) continue;  // whole numbers are no weights
    const std::vector<float> x = normal_values(random, n_tokens * n_in);
    const std::vector<std::byte> blocks = random_blocks(random, dtype, n_out * n_in);
    const std::vector<float> w = decoded(dtype, blocks);
    std::vector<double> expected(static_cast<std::size_t>(n_tokens * n_out));
    for (std::int64_t in = n_in - 1; in >= 0; --in) {  // the other way round, all outputs at once
      for (std::int64_t t = 0; t < n_tokens; ++t) {
        for (std::int64_t o = 0; o < n_out; ++o) {
          expected[static_cast<std::size_t>(t * n_out + o)] +=
              double{x[static_cast<std::size_t>(t * n_in + in)]} * double{w[static_cast<std::size_t>(o * n_in + in)]};
        }
      }
    }
    GuardedTensor x_tensor(*backend_, {n_tokens, n_in}, x), w_tensor(*backend_, dtype, {n_out, n_in}, blocks.data());
    GuardedTensor y(*backend_, DType::f32, {n_tokens, n_out});
    backend_->matmul(y, x_tensor, w_tensor);
    expect_rounded(y.floats(), expected, 1e-11);  // double sums of 512 terms of size up to 10, in two orders
  }
}

TEST_F(Reference, RmsNormScalesARowToUnitPowerTimesItsWeights) {
  // mean of squares of (3, 4, 0, 0) is 25 / 4
  GuardedTensor x(*backend_, {2, 4}, std::vector<float>{3, 4, 0, 0, 1, 1, 1, -1}), w(*backend_, {4}, std::vector<float>{1, 2, 3, 4});
  GuardedTensor y(*backend_, DType::f32, {2, 4});
  backend_->rms_norm(y, x, w, 0);
  expect_rounded(y.floats(), {1.2, 3.2, 0, 0, 1, 2, 3, -4});
  backend_->rms_norm(y, x, w, 3);  // eps is added to the mean: 1 + 3 = 2²
  const std::vector<float> second = y.floats();
  expect_rounded({second.begin() + 4, second.end()}, {0.5, 1, 1.5, -2});
}

TEST_F(Reference, GluIsSiluOfGateTimesUp) {
  Random random(2);
  const std::vector<float> gate = normal_values(random, 200, 3), up = normal_values(random, 200);
  std::vector<double> expected;
  for (std::size_t i = 0; i < gate.size(); ++i) {
    expected.push_back(double{gate[i]} / 2 * (1 + std::tanh(double{gate[i]} / 2)) * double{up[i]});  // sigmoid(x) = (1 + tanh(x/2)) / 2
  }
  GuardedTensor g(*backend_, {200}, gate), u(*backend_, {200}, up), y(*backend_, DType::f32, {200});
  backend_->glu(y, g, u);
  expect_rounded(y.floats(), expected, 1e-15);  // 1 + tanh cancels for gates near -10
}

// Pairs as complex numbers: a token at position p is rotated by exp(i p f).
TEST_F(Reference, RopeTurnsPairsAsComplexNumbers) {
  Random random(3);
  const std::int64_t n_tokens = 6, n_heads = 2, head_dim = 10, n_pairs = 4;
  const std::vector<std::int32_t> positions = {0, 1, 2, 77, 4095, 131071};
  const std::vector<float> inv_freq = {1.0f, 0.25f, 0.01f, 1e-4f};
  for (const RopePairing pairing : {RopePairing::half, RopePairing::interleaved}) {
    const std::vector<float> x = normal_values(random, n_tokens * n_heads * head_dim);
    std::vector<double> expected(x.begin(), x.end());
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      for (std::int64_t h = 0; h < n_heads; ++h) {
        for (std::int64_t i = 0; i < n_pairs; ++i) {
          const std::size_t head = static_cast<std::size_t>((t * n_heads + h) * head_dim);
          const std::size_t a = head + static_cast<std::size_t>(pairing == RopePairing::half ? i : 2 * i);
          const std::size_t b = head + static_cast<std::size_t>(pairing == RopePairing::half ? i + n_pairs : 2 * i + 1);
          const float angle = static_cast<float>(positions[static_cast<std::size_t>(t)]) * inv_freq[static_cast<std::size_t>(i)];
          const std::complex<double> rotated = std::complex<double>(x[a], x[b]) * std::polar(1.0, double{angle});
          expected[a] = rotated.real();
          expected[b] = rotated.imag();
        }
      }
    }
    GuardedTensor x_tensor(*backend_, {n_tokens, n_heads, head_dim}, x), p(*backend_, {n_tokens}, positions), f(*backend_, {n_pairs}, inv_freq);
    backend_->rope(x_tensor, p, f, {.pairing = pairing});
    expect_rounded(x_tensor.floats(), expected, 6e-7);  // cosine and sine are rounded to float32 before: 2 * 2^-25 of values up to 4
    EXPECT_TRUE(x_tensor.guards_are_intact());
  }
}

TEST_F(Reference, RopeKeepsTheProductOfTwoTokensAFunctionOfTheirDistance) {
  Random random(4);
  const std::vector<float> a = normal_values(random, 64), b = normal_values(random, 64);
  std::vector<float> inv_freq;
  for (int i = 0; i < 32; ++i) inv_freq.push_back(static_cast<float>(std::pow(1e4, -i / 32.0)));
  const auto product = [&](std::int32_t p, std::int32_t q, RopePairing pairing) {
    std::vector<float> both = a;
    both.insert(both.end(), b.begin(), b.end());
    GuardedTensor x(*backend_, {2, 1, 64}, both), positions(*backend_, {2}, std::vector<std::int32_t>{p, q}), f(*backend_, {32}, inv_freq);
    backend_->rope(x, positions, f, {.pairing = pairing});
    const std::vector<float> rotated = x.floats();
    double sum = 0;
    for (std::size_t i = 0; i < 64; ++i) sum += double{rotated[i]} * double{rotated[i + 64]};
    return sum;
  };
  for (const RopePairing pairing : {RopePairing::half, RopePairing::interleaved}) {
    // float32 angles up to 1,000 are off by 3e-5 rad
    EXPECT_NEAR(product(0, 7, pairing), product(993, 1000, pairing), 1e-3);
    EXPECT_GT(std::fabs(product(0, 7, pairing) - product(0, 9, pairing)), 0.1);
  }
}

// softmax(scale * q kᵀ) v over the tokens in their order, without blocks, without a largest score taken off.
TEST_F(Reference, AttentionIsTheFormulaOfThePaper) {
  Random random(5);
  const auto run_once = [](Backend&, GuardedTensor& y, const auto& op) {
    op();
    EXPECT_TRUE(y.guards_are_intact());
    return y.floats();
  };
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
    const SceneSizes sizes{
        .n_heads = 6, .n_kv_heads = 2, .head_dim = 64, .v_head_dim = 32, .lengths = {70, 1, 33, 64}, .in_step = {40, 1, 2, 0}, .dtype = dtype};
    const AttentionScene scene(random, sizes);
    const double scale = 0.125;
    std::vector<double> expected;
    for (std::int64_t t = 0; t < scene.n_tokens; ++t) {
      const auto sequence = static_cast<std::size_t>(scene.sequences[static_cast<std::size_t>(t)]);
      for (std::int64_t h = 0; h < sizes.n_heads; ++h) {
        const std::int64_t kv_head = h < 3 ? 0 : 1;  // six heads on two
        std::vector<double> sum(static_cast<std::size_t>(sizes.v_head_dim));
        double total = 0;
        for (std::int64_t j = 0; j < scene.kv_lengths[static_cast<std::size_t>(t)]; ++j) {
          double score = 0;
          for (std::int64_t d = 0; d < sizes.head_dim; ++d) {
            score += double{scene.q[static_cast<std::size_t>((t * sizes.n_heads + h) * sizes.head_dim + d)]} *
                     double{scene.keys[sequence][static_cast<std::size_t>((j * sizes.n_kv_heads + kv_head) * sizes.head_dim + d)]};
          }
          const double weight = std::exp(scale * score);
          total += weight;
          for (std::int64_t d = 0; d < sizes.v_head_dim; ++d) {
            sum[static_cast<std::size_t>(d)] +=
                weight * double{scene.values[sequence][static_cast<std::size_t>((j * sizes.n_kv_heads + kv_head) * sizes.v_head_dim + d)]};
          }
        }
        for (const double s : sum) expected.push_back(s / total);
      }
    }
    expect_rounded(scene.attend(*backend_, {.scale = 0.125f}, run_once), expected, 1e-13);
  }
}

TEST_F(Reference, StoreKvAndLoadKvAreEachOthersOpposite) {
  Random random(6);
  const std::vector<float> x = normal_values(random, 4 * 3 * 32);
  const std::vector<std::int32_t> cells = {5, 0, 29, 7};
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
    for (const TensorLayout layout : {TensorLayout::rows, TensorLayout::keys, TensorLayout::values}) {
      GuardedTensor cache(*backend_, dtype, {32, 3, 32}), x_tensor(*backend_, {4, 3, 32}, x), cells_tensor(*backend_, {4}, cells);
      backend_->store_kv(cache.as(layout), x_tensor, cells_tensor);
      EXPECT_TRUE(cache.guards_are_intact());
      GuardedTensor y(*backend_, DType::f32, {4, 3, 32});
      backend_->load_kv(y, cache.as(layout), cells_tensor);
      const std::vector<float> found = y.floats();
      // half a step: f16 2^-12 of 4, q8_0 4 / 127 / 2, q4_0 a whole step of 4 / 8 at the end opposite to the largest
      const double step = dtype == DType::f32 ? 0 : dtype == DType::f16 ? 1e-3 : dtype == DType::q8_0 ? 0.017 : 0.55;
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(found[i], x[i], step) << i;
    }
  }
}

TEST_F(Reference, ArgmaxPassesOverNan) {
  const float nan = std::nanf("");
  GuardedTensor x(*backend_, {3, 3}, std::vector<float>{nan, 1, 2, 5, nan, 2, nan, nan, nan}), y(*backend_, DType::i32, {3});
  backend_->argmax(y, x);
  EXPECT_EQ(y.values<std::int32_t>(), (std::vector<std::int32_t>{2, 0, 0}));
}

}  // namespace
}  // namespace pio
