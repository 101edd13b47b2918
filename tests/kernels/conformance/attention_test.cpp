#include <algorithm>
#include <cmath>
#include <span>

#include "tests/kernels/attention_scene.h"
#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

// Float32 scores up to about 20 in size are off by 1e-6 (sums of 64 to 576 terms), which the exponential makes a relative error of the
// weights; the sums over tokens add less. Squared: 1e-12; a margin of 100 for sharper scores.
constexpr double kFloatSums = 1e-10;

// Queries rounded to 8 bits against quantized keys, as a product with quantized weights does it: scores of size 1 to 3 off by 1e-2.
constexpr double kEightBits = 1e-3;

// Floats in rows with Activations::q8: rounded to 16 bits as in self_attention (self_attention_test.cpp).
constexpr double kShorts = 6e-7;

// Halves with Activations::q8 where the processor multiplies bf16: queries, keys, probabilities and values are off by up to 2^-9, so weighted
// values by some 2e-3, as much again where scores are of size 1 to 3, and 1e-2 where they are of size 30.
constexpr double kBf16 = 2e-4;

constexpr DType kKvFormats[] = {DType::f32, DType::f16, DType::q8_0, DType::q4_0};

class Attention : public Conformance {
 protected:
  static bool multiplies_bf16() { return std::string_view(GetParam().text) == "cpu:avx512_bf16"; }

  // In tiles, and in rows where such may be read.
  void check_against_reference(Random& random, const SceneSizes& sizes, double tolerance = kFloatSums) {
    Random again = random;
    check_layout_against_reference(random, sizes, tolerance);
    if (sizes.dtype != DType::f32) return;
    SceneSizes in_rows = sizes;
    in_rows.in_rows = true;
    check_layout_against_reference(again, in_rows, tolerance);
  }

 private:
  void check_layout_against_reference(Random& random, const SceneSizes& sizes, double tolerance) {
    const KvSelection& kept = sizes.selection;
    SCOPED_TRACE(testing::Message() << (kept.kind == KvSelection::Kind::full     ? ""
                                        : kept.kind == KvSelection::Kind::window ? "window, "
                                                                                 : "pages, ")
                                    << kept.n_sinks << " + " << kept.window << ", " << kept.n_pages << " pages");
    SCOPED_TRACE(testing::Message() << info(sizes.dtype).name << (sizes.in_rows ? " in rows, " : ", ") << sizes.n_heads << " heads on "
                                    << sizes.n_kv_heads << ", " << sizes.head_dim << " / " << sizes.v_head_dim << ", " << sizes.lengths.size()
                                    << " sequences, the first of " << sizes.lengths[0]);
    const AttentionParams params{.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(sizes.head_dim)))};
    const AttentionScene scene(random, sizes);
    const std::vector<float> expected = scene.attend(reference(), params, run_twice);
    for_each([&](Backend& backend, Activations activations) {
      if (!backend.supports(Op::attention, sizes.dtype, {sizes.n_heads, sizes.n_kv_heads, sizes.head_dim, sizes.v_head_dim})) return;
      const bool rounds = activations == Activations::q8 && backend.device().kind == DeviceKind::cpu;
      double allowed = tolerance;
      if (rounds && info(sizes.dtype).block_length > 1) allowed = kEightBits;
      if (rounds && sizes.in_rows) allowed = kShorts;
      if (rounds && multiplies_bf16() && sizes.dtype == DType::f16) allowed = kBf16;
      EXPECT_TRUE(nmse_below(allowed, scene.attend(backend, params, run_twice), expected));
    });
  }
};
INSTANTIATE_TEST_SUITE_P(All, Attention, testing::ValuesIn(backends_here()), test_name);

TEST_P(Attention, AgreesWithTheReferenceAtEveryLength) {
  Random random(1);
  for (const DType dtype : kKvFormats) {
    for (const std::int32_t length : {1, 2, 31, 32, 33, 63, 64, 65, 100, 257}) {
      check_against_reference(random, {.lengths = {length}, .in_step = {1}, .dtype = dtype});
      if (HasFailure()) return;
    }
  }
}

TEST_P(Attention, AgreesWithTheReferenceForEveryGroupingAndHeadSize) {
  Random random(2);
  struct Heads {
    std::int64_t n_heads, n_kv_heads, head_dim, v_head_dim;
  };
  for (const DType dtype : kKvFormats) {
    for (const Heads& heads : {Heads{1, 1, 32, 32},
                               {9, 3, 64, 64},
                               {14, 2, 64, 64},
                               {3, 3, 96, 32},
                               {32, 8, 128, 128},
                               {20, 1, 576, 512},
                               {8, 4, 32, 160},
                               {5, 1, 80, 80},
                               {2, 1, 7, 3},
                               {4, 2, 33, 1}}) {
      if (heads.head_dim % info(dtype).block_length != 0 || heads.v_head_dim % info(dtype).block_length != 0) continue;
      check_against_reference(random, {heads.n_heads, heads.n_kv_heads, heads.head_dim, heads.v_head_dim, {70}, {3}, dtype});
      if (HasFailure()) return;
    }
  }
}

// The latent of MLA: one key head for all, whose beginning is the value.
TEST_P(Attention, ReadsValuesOutOfTheKeysWhereThereIsNoCacheOfThem) {
  Random random(7);
  struct Heads {
    std::int64_t n_heads, n_kv_heads, head_dim, v_head_dim;
  };
  for (const DType dtype : kKvFormats) {
    for (const Heads& heads : {Heads{20, 1, 576, 512}, {3, 1, 96, 64}, {8, 2, 64, 32}, {6, 1, 40, 33}, {2, 1, 7, 3}, {4, 4, 32, 32}}) {
      if (heads.head_dim % info(dtype).block_length != 0 || heads.v_head_dim % info(dtype).block_length != 0) continue;
      for (const std::int32_t in_step : {1, 9}) {
        check_against_reference(random, {heads.n_heads, heads.n_kv_heads, heads.head_dim, heads.v_head_dim, {75}, {in_step}, dtype, 1, true});
        if (HasFailure()) return;
      }
    }
  }
}

constexpr KvSelection kWindows[] = {{KvSelection::Kind::window, 0, 1, 1},
                                    {KvSelection::Kind::window, 4, 40, 1},
                                    {KvSelection::Kind::window, 33, 7, 1},
                                    {KvSelection::Kind::window, 1, 64, 1},
                                    {KvSelection::Kind::window, 0, 500, 1}};
constexpr KvSelection kPages[] = {{KvSelection::Kind::pages, 0, 1, 1},
                                  {KvSelection::Kind::pages, 0, 1, 2},
                                  {KvSelection::Kind::pages, 0, 1, 5},
                                  {KvSelection::Kind::pages, 0, 1, 100}};

// The f32 sums that choose among pages are off by 1e-6 of their size: with these seeds no two pages are as near as that.
TEST_P(Attention, KeepsOfAWindowAndOfPagesWhatTheReferenceKeeps) {
  Random random(8);
  for (const bool protects : {false, true}) {
    for (const bool is_window : {true, false}) {
      for (const KvSelection& selection : is_window ? std::span<const KvSelection>(kWindows) : std::span<const KvSelection>(kPages)) {
        for (const DType dtype : {DType::f32, DType::q8_0}) {
          check_against_reference(random, {.lengths = {230, 75}, .in_step = {1, 1}, .dtype = dtype, .selection = selection, .protects = protects});
        }
        check_against_reference(random, {.n_heads = 6, .lengths = {130}, .in_step = {130}, .selection = selection, .protects = protects});
        check_against_reference(random, {.n_heads = 20,
                                         .n_kv_heads = 1,
                                         .head_dim = 72,
                                         .v_head_dim = 64,
                                         .lengths = {230, 40},
                                         .in_step = {33, 9},
                                         .dtype = DType::f16,
                                         .values_in_keys = true,
                                         .selection = selection,
                                         .protects = protects,
                                         .has_page_bounds = true});
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(Attention, OfAWindowOrOfPagesThatReachEverythingIsFullAttentionToTheBit) {
  Random random(9);
  for (const KvSelection& selection : {KvSelection{KvSelection::Kind::window, 0, 130, 1}, KvSelection{KvSelection::Kind::window, 40, 90, 1},
                                       KvSelection{KvSelection::Kind::pages, 0, 1, 5}}) {
    AttentionScene scene(random, {.lengths = {130}, .in_step = {50}});
    for_each([&](Backend& backend, Activations) {
      scene.sizes.selection = {};
      const std::vector<float> full = scene.attend(backend, {.scale = 0.125f}, run_twice);
      scene.sizes.selection = selection;
      EXPECT_EQ(scene.attend(backend, {.scale = 0.125f}, run_twice), full);
    });
  }
}

TEST_P(Attention, EachTokenOfAPromptSeesItselfAndWhatCameBefore) {
  Random random(3);
  for (const DType dtype : kKvFormats) {
    for (const std::int32_t in_step : {2, 5, 17, 33, 70}) {
      check_against_reference(random, {.n_heads = 6, .lengths = {in_step}, .in_step = {in_step}, .dtype = dtype});
      check_against_reference(random, {.n_heads = 6, .lengths = {in_step + 45}, .in_step = {in_step}, .dtype = dtype});
      if (HasFailure()) return;
    }
  }
}

TEST_P(Attention, KeepsTheSequencesOfAStepApart) {
  Random random(4);
  for (const DType dtype : kKvFormats) {
    check_against_reference(random, {.lengths = {40, 1, 33, 129}, .in_step = {7, 1, 0, 1}, .dtype = dtype});
    check_against_reference(random, {.lengths = {32, 64, 31}, .in_step = {32, 2, 31}, .dtype = dtype});
    check_against_reference(random, {.lengths = std::vector<std::int32_t>(9, 50), .in_step = std::vector<std::int32_t>(9, 1), .dtype = dtype});
    // more of them than rows that a backend may take together
    check_against_reference(random, {.lengths = std::vector<std::int32_t>(26, 45), .in_step = std::vector<std::int32_t>(26, 1), .dtype = dtype});
    if (HasFailure()) return;
  }
}

// One token far ahead of the others: the softmax is nearly 0 or 1, and exp of a plain score would overflow float32.
TEST_P(Attention, StandsScoresFarBeyondTheRangeOfExp) {
  Random random(5);
  for (const DType dtype : {DType::f32, DType::f16}) {
    // Scores of 300 to 1,000 are off by up to 1e-4 in float32 (2^-24 * 1,000 and a walk over 64 terms): squared 1e-8, a margin of 100.
    check_against_reference(random, {.lengths = {100, 64}, .in_step = {9, 1}, .dtype = dtype, .q_size = 300}, 1e-6);
    if (HasFailure()) return;
  }
}

// Rows that only fill a step up: one between others, a sequence of nothing else, and a step of nothing else.
TEST_P(Attention, OfTokensThatSeeNothingIsZeroAndLeavesTheOthersAlone) {
  Random random(10);
  struct Rows {
    std::int32_t longest, in_step;
  };
  for (const auto& [longest, in_step] : {Rows{70, 3}, Rows{600, 3}, Rows{70, 30}, Rows{600, 30}}) {  // one part of the cache, and several
    for (const KvSelection& selection : {KvSelection{}, kWindows[1], kPages[1]}) {
      const AttentionScene full(random, {.lengths = {longest, 40}, .in_step = {in_step, 1}, .selection = selection});
      for (const std::vector<std::size_t>& blind : {std::vector<std::size_t>{1}, {3}, {0, 1, 2, 3}}) {
        AttentionScene scene = full;
        for (const std::size_t t : blind) scene.kv_lengths[t] = 0;
        for_each([&](Backend& backend, Activations) {
          std::vector<float> expected = full.attend(backend, {.scale = 0.125f}, run_twice);  // leaves numbers in the backend's scratch
          const std::size_t width = 4 * 64;
          for (const std::size_t t : blind) std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(t * width), width, 0.0f);
          EXPECT_EQ(scene.attend(backend, {.scale = 0.125f}, run_twice), expected) << longest << ", " << blind.size() << " rows from " << blind[0];
        });
      }
    }
  }
}

TEST_P(Attention, OfASingleTokenIsItsValue) {
  Random random(6);
  for (const DType dtype : kKvFormats) {
    const AttentionScene scene(random, {.n_heads = 6, .lengths = {1}, .in_step = {1}, .dtype = dtype});
    std::vector<float> expected;
    for (std::int64_t h = 0; h < 6; ++h) {
      const auto value = scene.values[0].begin() + h / 3 * 64;
      expected.insert(expected.end(), value, value + 64);
    }
    for_each([&](Backend& backend, Activations activations) {
      if (!backend.supports(Op::attention, dtype, {6, 2, 64, 64})) return;
      const std::vector<float> value = scene.attend(backend, {.scale = 0.125f}, run_twice);
      if (activations == Activations::q8 && info(dtype).block_length > 1) {
        // the weight is 127 steps of 1 / 127: three roundings of floats
        for (std::size_t i = 0; i < value.size(); ++i) EXPECT_NEAR(value[i], expected[i], 3 * 0x1p-24 * std::abs(expected[i])) << info(dtype).name;
        return;
      }
      if (activations == Activations::q8 && dtype == DType::f16 && multiplies_bf16()) {
        for (std::size_t i = 0; i < value.size(); ++i) EXPECT_NEAR(value[i], expected[i], 0x1p-8 * std::abs(expected[i])) << info(dtype).name;
        return;
      }
      // the weight is exp(0) / exp(0): exactly 1 everywhere
      EXPECT_EQ(value, expected) << info(dtype).name;
    });
  }
}

}  // namespace
}  // namespace pio
