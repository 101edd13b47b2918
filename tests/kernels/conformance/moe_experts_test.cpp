#include <algorithm>

#include "tests/kernels/conformance/bf16.h"

namespace pio {
namespace {

// Three products in a row, each a float32 sum of up to 512 terms (1e-12, see matmul_test.cpp), and a SwiGLU; a margin of 30.
constexpr double kFloatSums = 1e-10;

// Rows of activations rounded to 8 bits twice, before gate and up and before down: each 5e-5 of the power (matmul_test.cpp). The product
// silu(gate) * up adds the errors of its factors and has longer tails, whose blocks round more coarsely.
constexpr double kEightBits = 2e-3;

// Rounded to bf16 twice, where weights are in bf16 and the processor multiplies that: each number is off by up to 2^-9 of it, 4^-9 / 3 = 1.3e-6 of the
// power; gate's, up's and down's; a margin of 12, for there are outputs of one product.
constexpr double kBf16 = 5e-5;

struct Case {
  std::int64_t n_tokens, n_experts, n_used, dim, hidden_dim;
};

struct Formats {
  DType in, out;
};

double tolerance(const BackendName& name, Activations activations, Formats formats) {
  if (activations == Activations::f32) return kFloatSums;
  if (info(formats.in).block_length > 1 || info(formats.out).block_length > 1) return kEightBits;
  return rounds_to_bf16(name, activations, formats.in) || rounds_to_bf16(name, activations, formats.out) ? kBf16 : kFloatSums;
}

class ExpertScene {
 public:
  // `busy`: how many of the experts tokens choose from.
  ExpertScene(Random& random, const Case& c, Formats formats, std::int64_t busy)
      : c_(c), formats_(formats), x_(normal_values(random, c.n_tokens * c.dim)), weights_(normal_values(random, c.n_tokens * c.n_used)) {
    const std::int64_t n = c.n_experts * c.dim * c.hidden_dim;
    gate_ = random_blocks(random, formats.in, n);
    up_ = random_blocks(random, formats.in, n);
    down_ = random_blocks(random, formats.out, n);
    for (std::int64_t t = 0; t < c.n_tokens; ++t) {
      std::vector<std::int32_t> chosen;
      while (static_cast<std::int64_t>(chosen.size()) < c.n_used) {
        const auto id = static_cast<std::int32_t>(c.n_experts - 1 - random.below(busy));
        if (std::find(chosen.begin(), chosen.end(), id) == chosen.end()) chosen.push_back(id);
      }
      ids_.insert(ids_.end(), chosen.begin(), chosen.end());
    }
  }

  // Choices that somebody else computes: of the first token all, of the others every third. `are_negative`: the ids say so; else the weights of these
  // choices are 0.
  void leave_out(bool are_negative) {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (static_cast<std::int64_t>(i) >= c_.n_used && i % 3 != 0) continue;
      if (are_negative) ids_[i] = -1;
      else weights_[i] = 0;
    }
  }

  std::vector<float> run(Backend& backend) const {
    const Shape in{c_.n_experts * c_.hidden_dim, c_.dim}, out{c_.n_experts * c_.dim, c_.hidden_dim};
    GuardedTensor gate(backend, formats_.in, in, gate_.data()), up(backend, formats_.in, in, up_.data()),
        down(backend, formats_.out, out, down_.data());
    ExpertSet experts(0, c_.n_experts);
    for (std::int64_t e = 0; e < c_.n_experts; ++e) {
      if (std::find(ids_.begin(), ids_.end(), e) == ids_.end()) continue;  // an op needs no others
      experts.put(e, {gate.tensor().rows(e * c_.hidden_dim, c_.hidden_dim), up.tensor().rows(e * c_.hidden_dim, c_.hidden_dim),
                      down.tensor().rows(e * c_.dim, c_.dim)});
    }
    GuardedTensor x(backend, {c_.n_tokens, c_.dim}, x_), ids(backend, {c_.n_tokens, c_.n_used}, ids_);
    GuardedTensor weights(backend, {c_.n_tokens, c_.n_used}, weights_), y(backend, DType::f32, {c_.n_tokens, c_.dim});
    return run_twice(backend, y, [&] { backend.moe_experts(y, x, ids, weights, experts); });
  }

 private:
  Case c_;
  Formats formats_;
  std::vector<float> x_, weights_;
  std::vector<std::int32_t> ids_;
  std::vector<std::byte> gate_, up_, down_;
};

class MoeExperts : public Conformance {
 protected:
  void check(Random& random, const Case& c, Formats formats, std::int64_t busy) {
    SCOPED_TRACE(testing::Message() << info(formats.in).name << " and " << info(formats.out).name << ", " << c.n_tokens << " tokens, " << c.n_used
                                    << " of " << c.n_experts << " experts [" << c.hidden_dim << ", " << c.dim << "]");
    const ExpertScene scene(random, c, formats, busy);
    const std::vector<float> expected = scene.run(reference());
    for_each([&](Backend& backend, Activations activations) {
      const std::vector<float> found = scene.run(backend);
      EXPECT_TRUE(nmse_below(tolerance(GetParam(), activations, formats), found, expected));
    });
  }
};
INSTANTIATE_TEST_SUITE_P(All, MoeExperts, testing::ValuesIn(backends_here()), test_name);

TEST_P(MoeExperts, AgreesWithTheReferenceForEveryFormat) {
  Random random(1);
  for (const Formats formats : {Formats{DType::f32, DType::f32},
                                {DType::f16, DType::f16},
                                {DType::bf16, DType::f32},
                                {DType::q8_0, DType::q8_0},
                                {DType::q4_0, DType::q6_k},
                                {DType::q4_k, DType::q6_k},
                                {DType::q5_k, DType::q4_k},
                                {DType::mxfp4, DType::mxfp4},
                                {DType::q4_k, DType::f16}}) {
    for (const std::int64_t n_tokens : {1, 3, 25}) {
      check(random, {n_tokens, 5, 3, 512, 256}, formats, 4);
      if (HasFailure()) return;
    }
  }
}

TEST_P(MoeExperts, AgreesWithTheReferenceForOddShapes) {
  Random random(2);
  for (const Case& c : {Case{1, 1, 1, 1, 1}, {3, 5, 1, 7, 3}, {1, 9, 9, 33, 5}, {17, 7, 3, 65, 31}, {4, 3, 2, 1000, 9}, {130, 2, 1, 20, 11}}) {
    check(random, c, {DType::f32, DType::f32}, c.n_experts);
    check(random, c, {DType::f16, DType::bf16}, c.n_experts);
    if (HasFailure()) return;
  }
}

// 1,100 rows of one expert: more than are processed together. The others have none.
TEST_P(MoeExperts, AgreesWithTheReferenceWhereOneExpertHasAllTokens) {
  Random random(3);
  check(random, {1100, 8, 1, 9, 5}, {DType::f32, DType::f32}, 1);
  check(random, {300, 8, 2, 32, 32}, {DType::q8_0, DType::q8_0}, 2);
}

// Where some of the experts lie on another device.
TEST_P(MoeExperts, AddNothingForChoicesBelowZero) {
  Random random(4);
  for (const Formats formats : {Formats{DType::f32, DType::f32}, {DType::bf16, DType::bf16}, {DType::q4_k, DType::q6_k}}) {
    for (const std::int64_t n_tokens : {2, 7, 40}) {
      const Case c{n_tokens, 9, 4, 512, 256};
      SCOPED_TRACE(testing::Message() << info(formats.in).name << ", " << n_tokens << " tokens");
      ExpertScene weighted(random, c, formats, 8);
      ExpertScene scene = weighted;
      weighted.leave_out(false);
      scene.leave_out(true);
      const std::vector<float> expected = weighted.run(reference());
      for_each([&](Backend& backend, Activations activations) {
        const std::vector<float> found = scene.run(backend);
        EXPECT_TRUE(nmse_below(tolerance(GetParam(), activations, formats), found, expected));
        EXPECT_TRUE(std::all_of(found.begin(), found.begin() + c.dim, [](float value) { return value == 0; })) << "a token without experts here";
        EXPECT_EQ(found, weighted.run(backend)) << "the same sums in the same order";
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
