#include <cmath>
#include <cstring>

#include "tests/kernels/conformance/bf16.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Matmul);

// Float32 sums of up to 800 terms in any order: a random walk of roundings of 2^-25 each makes 800 * (3e-8)² = 7e-13; a margin of 14.
constexpr double kFloatSums = 1e-11;

// Activations rounded to 8 bits in blocks of up to 256: the largest of 256 normal numbers is about 3, so a step is 3 / 127 and its error
// (3 / 127)² / 12 = 4.7e-5; a margin of 12 for the cases with a single output, whose error is one draw.
constexpr double kEightBits = 6e-4;

struct Case {
  std::int64_t n_tokens, n_in, n_out;
};

bool is_plain(DType dtype) { return info(dtype).block_length == 1; }

double squares(const float* x, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

// What relates an error to: the square of an output is |x|² |w|² / n_in on average where x and w have nothing to do with each other, and
// |x|² |w|² at most. (Not the outputs themselves: a single one may happen to be near zero.)
enum class Power { typical, largest };

testing::AssertionResult error_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected, const Case& c,
                                     const std::vector<float>& x, const std::vector<float>& w, Power kind) {
  double error = 0, x_power = 0, w_power = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double e = static_cast<double>(found[i]) - static_cast<double>(expected[i]);
    error += e * e;
  }
  for (std::int64_t t = 0; t < c.n_tokens; ++t) x_power += squares(x.data() + t * c.n_in, c.n_in);
  for (std::int64_t o = 0; o < c.n_out; ++o) w_power += squares(w.data() + o * c.n_in, c.n_in);
  const double power = x_power * w_power / (kind == Power::typical ? static_cast<double>(c.n_in) : 1);
  if (error <= tolerance * power) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "error " << error / power << ", expected at most " << tolerance;
}

std::vector<float> reference_product(Backend& reference, DType dtype, const Case& c, const std::vector<float>& x, const std::vector<std::byte>& w,
                                     const std::vector<float>& bias) {
  GuardedTensor x_tensor(reference, {c.n_tokens, c.n_in}, x), w_tensor(reference, dtype, {c.n_out, c.n_in}, w.data());
  GuardedTensor y(reference, DType::f32, {c.n_tokens, c.n_out});
  if (bias.empty()) {
    reference.matmul(y, x_tensor, w_tensor);
  } else {
    GuardedTensor bias_tensor(reference, {c.n_out}, bias);
    reference.matmul(y, x_tensor, w_tensor, bias_tensor);
  }
  return y.floats();
}

std::vector<float> product(Backend& backend, DType dtype, const Case& c, const std::vector<float>& x, const std::vector<std::byte>& w,
                           const std::vector<float>& bias) {
  GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), w_tensor(backend, dtype, {c.n_out, c.n_in}, w.data());
  GuardedTensor y(backend, DType::f32, {c.n_tokens, c.n_out});
  if (bias.empty()) return run_twice(backend, y, [&] { backend.matmul(y, x_tensor, w_tensor); });
  GuardedTensor bias_tensor(backend, {c.n_out}, bias);
  return run_twice(backend, y, [&] { backend.matmul(y, x_tensor, w_tensor, bias_tensor); });
}

std::vector<DType> weight_formats() {
  std::vector<DType> formats;
  for (int i = 0; i < kNumDTypes; ++i) {
    if (info(static_cast<DType>(i)).decode) formats.push_back(static_cast<DType>(i));
  }
  return formats;
}

// One token, a few, and more than a tile; rows that fill no vector, one block, and several; outputs that no tile divides.
std::vector<Case> cases_for(DType dtype) {
  const std::int64_t block = info(dtype).block_length;
  std::vector<Case> cases;
  for (const std::int64_t n_tokens : {1, 2, 5, 17, 33}) {
    if (block == 1) {
      cases.insert(cases.end(), {{n_tokens, 1, 3}, {n_tokens, 31, 1}, {n_tokens, 33, 7}, {n_tokens, 257, 35}});
    } else {
      cases.insert(cases.end(), {{n_tokens, block, 1}, {n_tokens, 3 * block, 7}, {n_tokens, block == 32 ? 800 : 512, 35}});
    }
  }
  cases.push_back({70, block > 32 ? 256 : 96, 131});
  return cases;
}

TEST_P(Matmul, AgreesWithTheReferenceForEveryFormatAndSize) {
  Random random(1);
  for (const DType dtype : weight_formats()) {
    SCOPED_TRACE(info(dtype).name);
    for (const Case& c : cases_for(dtype)) {
      SCOPED_TRACE(testing::Message() << c.n_tokens << " tokens, [" << c.n_out << ", " << c.n_in << "]");
      const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in);
      const std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
      const std::vector<float> bias = c.n_out % 2 ? std::vector<float>{} : normal_values(random, c.n_out);
      const std::vector<float> expected = reference_product(reference(), dtype, c, x, w, bias);
      const std::vector<float> expected_of_bf16 = dtype == DType::bf16 ? reference_product(reference(), dtype, c, in_bf16(x), w, bias) : expected;
      for_each([&](Backend& backend, Activations activations) {
        if (!backend.supports(Op::matmul, dtype, {c.n_out, c.n_in})) return;
        const double tolerance = activations == Activations::q8 && !is_plain(dtype) ? kEightBits : kFloatSums;
        const std::vector<float> found = product(backend, dtype, c, x, w, bias);
        const std::vector<float>& wanted = rounds_to_bf16(GetParam(), activations, dtype) ? expected_of_bf16 : expected;
        EXPECT_TRUE(error_below(tolerance, found, wanted, c, x, decoded(dtype, w), Power::typical));
      });
      if (HasFailure()) return;
    }
  }
}

// Of weights that may be multiplied coarsely: the processor rounds x to eight bits, others to bf16 at most, an error of 2^-9 and 2^-18 / 3 of its square on
// average; a margin of 12 for the cases with few outputs. Large rows and small ones keep their digits.
TEST_P(Matmul, RoundsActivationsToEightBitsAtMostForCoarseWeights) {
  constexpr double kSixteenBits = 1.5e-5;
  Random random(7);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const Case& c : {Case{1, 131, 5}, {2, 16, 3}, {33, 257, 35}, {70, 96, 131}, {9, 800, 64}}) {
      for (const float scale : {1.0f, 1e6f, 1e-6f}) {
        SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << c.n_tokens << " tokens, [" << c.n_out << ", " << c.n_in << "], " << scale);
        std::vector<float> x = normal_values(random, c.n_tokens * c.n_in);
        for (float& value : x) value *= scale;
        const std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
        const std::vector<float> expected = reference_product(reference(), dtype, c, x, w, {});
        for_each([&](Backend& backend, Activations activations) {
          GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), w_tensor(backend, dtype, {c.n_out, c.n_in}, w.data());
          GuardedTensor y(backend, DType::f32, {c.n_tokens, c.n_out});
          Tensor coarse = w_tensor;
          coarse.is_coarse = true;
          const std::vector<float> found = run_twice(backend, y, [&] { backend.matmul(y, x_tensor, coarse); });
          const double tolerance = activations == Activations::f32            ? kFloatSums
                                   : backend.device().kind == DeviceKind::cpu ? kEightBits
                                                                              : kSixteenBits;
          EXPECT_TRUE(error_below(tolerance, found, expected, c, x, decoded(dtype, w), Power::typical));
        });
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(Matmul, AddsTheBiasOfEachOutput) {
  Random random(2);
  const Case c{3, 64, 33};
  const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in), bias = normal_values(random, c.n_out);
  for (const DType dtype : {DType::f32, DType::q8_0}) {
    const std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
    for_each([&](Backend& backend, Activations) {
      const std::vector<float> without = product(backend, dtype, c, x, w, {}), with = product(backend, dtype, c, x, w, bias);
      std::vector<float> expected = without;
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += bias[i % bias.size()];
      // the bias may come first or last: two roundings of 2^-24 of values up to 30
      EXPECT_TRUE(max_error_below(1e-6, with, expected));
    });
  }
}

// Whole numbers up to 127 with a 127 in every 32: eight bits hold them exactly, in blocks of any length, so that the integer path has no
// excuse.
TEST_P(Matmul, LosesNothingWhereEightBitsHoldTheActivations) {
  Random random(3);
  for (const DType dtype : weight_formats()) {
    SCOPED_TRACE(info(dtype).name);
    for (const std::int64_t n_tokens : {1, 3, 18}) {
      const Case c{n_tokens, 512, 37};
      std::vector<float> x(static_cast<std::size_t>(c.n_tokens * c.n_in));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::int64_t code = i % 32 == 11 ? (random.below(2) ? 127 : -127) : random.below(255) - 127;
        x[i] = static_cast<float>(code) * 0x1p-6f;
      }
      const std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
      const std::vector<float> expected = reference_product(reference(), dtype, c, x, w, {});
      for_each([&](Backend& backend, Activations) {
        if (!backend.supports(Op::matmul, dtype, {c.n_out, c.n_in})) return;
        EXPECT_TRUE(error_below(kFloatSums, product(backend, dtype, c, x, w, {}), expected, c, x, decoded(dtype, w), Power::typical));
      });
      if (HasFailure()) return;
    }
  }
}

// Codes at their limits against activations at theirs, all of one sign: where a sum of 16-bit products would overflow, it does here.
TEST_P(Matmul, DoesNotOverflowAtTheLimitsOfTheCodes) {
  for (const DType dtype : weight_formats()) {
    if (is_plain(dtype)) continue;
    SCOPED_TRACE(info(dtype).name);
    for (const int filling : {0x00, 0x7F, 0x80, 0xFF}) {
      SCOPED_TRACE(filling);
      const Case c{5, 512, 9};
      Random random(4);
      std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
      const auto block_bytes = static_cast<std::size_t>(info(dtype).block_bytes);
      // everything but a block's scales: they come first, last, or as one byte
      std::size_t first = 2, last = block_bytes;
      if (dtype == DType::q4_1 || dtype == DType::q5_1 || dtype == DType::q4_k || dtype == DType::q5_k) first = 4;
      if (dtype == DType::int4 || dtype == DType::int4_32 || dtype == DType::int8 || dtype == DType::nf4) first = 4;
      if (dtype == DType::mxfp4) first = 1;
      if (dtype == DType::nvfp4) first = 4;
      if (dtype == DType::iq1_m) first = 0, last = 48;
      if (dtype == DType::tq1_0 || dtype == DType::tq2_0) first = 0, last = block_bytes - 2;
      if (dtype == DType::q2_k) first = 0, last = block_bytes - 4;
      if (dtype == DType::q3_k || dtype == DType::q6_k) first = 0, last = block_bytes - 2;
      for (std::size_t block = 0; block < w.size(); block += block_bytes) {
        std::memset(w.data() + block + first, filling, last - first);
      }
      std::vector<float> x(static_cast<std::size_t>(c.n_tokens * c.n_in));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t token = i / static_cast<std::size_t>(c.n_in);
        const bool negative = token == 1 || (token == 2 && i % 2) || (token == 3 && i / 2 % 2);
        x[i] = negative ? -127.0f : 127.0f;
      }
      const std::vector<float> expected = reference_product(reference(), dtype, c, x, w, {});
      for_each([&](Backend& backend, Activations) {
        if (!backend.supports(Op::matmul, dtype, {c.n_out, c.n_in})) return;
        EXPECT_TRUE(error_below(kFloatSums, product(backend, dtype, c, x, w, {}), expected, c, x, decoded(dtype, w), Power::largest));
      });
      if (HasFailure()) return;
    }
  }
}

// As weights of a file lie: wrapped where they are, at an address that only 32 divides.
TEST_P(Matmul, ReadsWrappedWeightsInPlace) {
  Random random(5);
  const Case c{2, 256, 33};
  const std::vector<float> x = normal_values(random, c.n_tokens * c.n_in);
  for (const DType dtype : {DType::f32, DType::f16, DType::q4_1, DType::q8_0, DType::q4_k, DType::q6_k}) {
    SCOPED_TRACE(info(dtype).name);
    const std::vector<std::byte> w = random_blocks(random, dtype, c.n_out * c.n_in);
    std::vector<std::byte> file(w.size() + 128);
    std::byte* place = file.data() + (96 - reinterpret_cast<std::uintptr_t>(file.data()) % 64) % 64;  // 32 beyond a multiple of 64
    std::memcpy(place, w.data(), w.size());
    for_each([&](Backend& backend, Activations) {
      auto wrapped = backend.wrap(place, w.size());
      ASSERT_TRUE(wrapped);
      Tensor w_tensor;
      w_tensor.dtype = dtype;
      w_tensor.shape = {c.n_out, c.n_in};
      w_tensor.buffer = wrapped->get();
      GuardedTensor x_tensor(backend, {c.n_tokens, c.n_in}, x), y(backend, DType::f32, {c.n_tokens, c.n_out});
      const std::vector<float> found = run_twice(backend, y, [&] { backend.matmul(y, x_tensor, w_tensor); });
      EXPECT_EQ(found, product(backend, dtype, c, x, w, {}));
      EXPECT_EQ(0, std::memcmp(place, w.data(), w.size())) << "wrote to wrapped memory";
    });
  }
}

TEST_P(Matmul, PassesNanAndInfinityOnToTheirRowsAlone) {
  Random random(6);
  const Case c{4, 64, 5};
  std::vector<float> x = normal_values(random, c.n_tokens * c.n_in);
  x[64 + 3] = std::nanf("");
  x[128 + 40] = INFINITY;
  const std::vector<std::byte> w = random_blocks(random, DType::f32, c.n_out * c.n_in);
  for_each([&](Backend& backend, Activations) {
    const std::vector<float> y = product(backend, DType::f32, c, x, w, {});
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isfinite(y[i]), i / 5 == 0 || i / 5 == 3) << i;
  });
}

TEST_P(Matmul, DoesNothingForNoTokens) {
  for_each([](Backend& backend, Activations) {
    GuardedTensor x(backend, DType::f32, {0, 32}), w(backend, DType::f32, {4, 32}), y(backend, DType::f32, {0, 4});
    backend.matmul(y, x, w);
    EXPECT_TRUE(backend.sync());
    EXPECT_TRUE(y.guards_are_intact());
  });
}

}  // namespace
}  // namespace pio
