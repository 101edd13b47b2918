#include <algorithm>
#include <cstring>
#include <numeric>

#include "tests/kernels/attention_scene.h"
#include "tests/kernels/conformance/conformance.h"

// A row of a result has the same bits whatever runs beside it: in a step of 512 rows, in a few, or alone, and on any number of threads.

namespace pio {
namespace {

class SameBits : public Conformance {
 protected:
  // op(backend, rows) gives the results of these rows of a fixed problem of n_rows rows, `width` numbers each.
  // `can` says whether a backend runs it at all.
  void check(
      std::int64_t n_rows, std::int64_t width, const std::function<std::vector<float>(Backend&, const std::vector<std::int64_t>&)>& op,
      const std::function<bool(const Backend&)>& can = [](const Backend&) { return true; }) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(n_rows));
    std::iota(all.begin(), all.end(), 0);
    std::vector<float> of_first_threads[2];
    bool is_done = false;
    for_each([&](Backend& backend, Activations activations) {
      if (is_done) return;
      is_done = backend.device().kind == DeviceKind::reference;  // slow, without threads, and deaf to `activations`: once is enough
      if (!can(backend)) return;
      const std::vector<float> together = op(backend, all);
      std::vector<float>& before = of_first_threads[activations == Activations::q8 ? 1 : 0];
      if (before.empty()) before = together;
      EXPECT_EQ(0, std::memcmp(before.data(), together.data(), together.size() * sizeof(float))) << "another number of threads gives other bits";
      for (const std::int64_t n : {1, 2, 3, 5, 8, 13, 31}) {
        if (n > n_rows) continue;
        for (const std::int64_t first : {std::int64_t{0}, (n_rows - n) / 2 + 1, n_rows - n}) {
          if (first + n > n_rows) continue;
          const std::vector<std::int64_t> some(all.begin() + first, all.begin() + first + n);
          const std::vector<float> alone = op(backend, some);
          const auto differs = std::mismatch(alone.begin(), alone.end(), together.begin() + first * width,
                                             [](float a, float b) { return std::memcmp(&a, &b, sizeof(float)) == 0; });
          ASSERT_TRUE(differs.first == alone.end())
              << n << " rows from " << first << ": row " << (differs.first - alone.begin()) / width << ", column "
              << (differs.first - alone.begin()) % width << " is " << *differs.first << ", among all rows " << *differs.second;
        }
      }
    });
  }

  // Rows of x, `width` numbers each.
  static std::vector<float> rows_of(const std::vector<float>& x, std::int64_t width, const std::vector<std::int64_t>& rows) {
    std::vector<float> out;
    for (const std::int64_t r : rows) out.insert(out.end(), x.begin() + r * width, x.begin() + (r + 1) * width);
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(All, SameBits, testing::ValuesIn(backends_here()), test_name);

TEST_P(SameBits, OfProductsWithWeightsOfEveryFormat) {
  Random random(1);
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!info(dtype).decode) continue;
    SCOPED_TRACE(info(dtype).name);
    const std::int64_t block = info(dtype).block_length;
    // a row longer than the scales that are held at once, for one format of each length of block
    const bool is_long = dtype == DType::q4_0 || dtype == DType::q5_1 || dtype == DType::q8_0 || dtype == DType::q4_k || dtype == DType::q6_k;
    const std::int64_t n_in = is_long ? 2816 : block == 1 ? 131 : 3 * block, n_out = 41, n_rows = is_long ? 48 : 512;
    for (const bool has_bias : {false, true}) {
      const std::vector<float> x = normal_values(random, n_rows * n_in), bias = normal_values(random, n_out);
      const std::vector<std::byte> w = random_blocks(random, dtype, n_out * n_in);
      const auto can = [&](const Backend& backend) { return backend.supports(Op::matmul, dtype, {n_out, n_in}).has_value(); };
      const auto multiply = [&](Backend& backend, const std::vector<std::int64_t>& rows) {
        const auto n = static_cast<std::int64_t>(rows.size());
        GuardedTensor x_tensor(backend, {n, n_in}, rows_of(x, n_in, rows)), w_tensor(backend, dtype, {n_out, n_in}, w.data());
        GuardedTensor bias_tensor(backend, {n_out}, bias), y(backend, DType::f32, {n, n_out});
        backend.matmul(y, x_tensor, w_tensor, has_bias ? bias_tensor.tensor() : Tensor{});
        return y.floats();
      };
      check(n_rows, n_out, multiply, can);
      if (HasFailure()) return;
    }
  }
}

TEST_P(SameBits, OfProductsWithCoarseWeights) {
  Random random(6);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0}) {
    for (const std::int64_t n_in : {96, 1312}) {
      SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << n_in << " inputs");
      constexpr std::int64_t kRows = 200, kOut = 41;
      const std::vector<float> x = normal_values(random, kRows * n_in), bias = normal_values(random, kOut);
      const std::vector<std::byte> w = random_blocks(random, dtype, kOut * n_in);
      check(kRows, kOut, [&](Backend& backend, const std::vector<std::int64_t>& rows) {
        const auto n = static_cast<std::int64_t>(rows.size());
        GuardedTensor x_tensor(backend, {n, n_in}, rows_of(x, n_in, rows)), w_tensor(backend, dtype, {kOut, n_in}, w.data());
        GuardedTensor bias_tensor(backend, {kOut}, bias), y(backend, DType::f32, {n, kOut});
        Tensor coarse = w_tensor;
        coarse.is_coarse = true;
        backend.matmul_gelu(y, x_tensor, coarse, bias_tensor, Gelu::tanh);
        return y.floats();
      });
      if (HasFailure()) return;
    }
  }
}

// Queries attend alone or together; the keys and values of the segment are the same.
TEST_P(SameBits, OfSelfAttention) {
  Random random(7);
  constexpr std::int64_t kTokens = 300, kHeads = 3, kWidth = 64;
  const std::vector<std::int32_t> starts{0, 131, kTokens};
  const std::vector<float> q = normal_values(random, kTokens * kHeads * kWidth), k = normal_values(random, kTokens * kHeads * kWidth),
                           v = normal_values(random, kTokens * kHeads * kWidth);
  // Heads by themselves and among others: columns of rows.
  const auto head = [&](const std::vector<float>& x, std::int64_t first, std::int64_t n) {
    std::vector<float> out;
    for (std::int64_t t = 0; t < kTokens; ++t)
      out.insert(out.end(), x.begin() + (t * kHeads + first) * kWidth, x.begin() + (t * kHeads + first + n) * kWidth);
    return out;
  };
  for_each([&](Backend& backend, Activations) {
    const auto run = [&](std::int64_t first, std::int64_t n) {
      const Shape shape{kTokens, n, kWidth};
      GuardedTensor q_tensor(backend, shape, head(q, first, n)), k_tensor(backend, shape, head(k, first, n)),
          v_tensor(backend, shape, head(v, first, n));
      GuardedTensor starts_tensor(backend, {std::ssize(starts)}, starts), y(backend, DType::f32, shape);
      backend.self_attention(y, q_tensor, k_tensor, v_tensor, starts_tensor, 0, 0.125f);
      return y.floats();
    };
    const std::vector<float> together = run(0, kHeads);
    for (std::int64_t h = 0; h < kHeads; ++h) EXPECT_EQ(run(h, 1), head(together, h, 1)) << "head " << h;

    // A segment by itself and beside another.
    const std::int64_t n = kTokens - starts[1];
    const Shape shape{n, 1, kWidth};
    const auto second = [&](const std::vector<float>& x) {
      const std::vector<float> one = head(x, 1, 1);
      return std::vector<float>(one.begin() + starts[1] * kWidth, one.end());
    };
    GuardedTensor q_tensor(backend, shape, second(q)), k_tensor(backend, shape, second(k)), v_tensor(backend, shape, second(v));
    GuardedTensor starts_tensor(backend, {2}, std::vector<std::int32_t>{0, static_cast<std::int32_t>(n)}), y(backend, DType::f32, shape);
    backend.self_attention(y, q_tensor, k_tensor, v_tensor, starts_tensor, 0, 0.125f);
    EXPECT_EQ(y.floats(), second(together)) << "a segment by itself";
  });
}

TEST_P(SameBits, OfAMatrixAHead) {
  Random random(2);
  constexpr std::int64_t kHeads = 3, kRows = 70, kColumns = 256, kTokens = 130;
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_k}) {
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(testing::Message() << info(dtype).name << (transposed ? ", transposed" : ""));
      const std::int64_t n_in = transposed ? kRows : kColumns, n_out = transposed ? kColumns : kRows;
      const std::vector<float> x = normal_values(random, kTokens * kHeads * n_in);
      const std::vector<std::byte> w = random_blocks(random, dtype, kHeads * kRows * kColumns);
      check(kTokens, kHeads * n_out, [&](Backend& backend, const std::vector<std::int64_t>& rows) {
        const auto n = static_cast<std::int64_t>(rows.size());
        GuardedTensor x_tensor(backend, {n, kHeads, n_in}, rows_of(x, kHeads * n_in, rows)),
            w_tensor(backend, dtype, {kHeads, kRows, kColumns}, w.data());
        GuardedTensor y(backend, DType::f32, {n, kHeads, n_out});
        backend.matmul_heads(y, x_tensor, w_tensor, {.w_rows = kRows, .transposed = transposed});
        return y.floats();
      });
      if (HasFailure()) return;
    }
  }
}

// Other tokens choose the same experts or others, in any order of choices.
TEST_P(SameBits, OfExperts) {
  Random random(3);
  constexpr std::int64_t kTokens = 200, kExperts = 7, kUsed = 3, kDim = 256, kHiddenDim = 288;
  struct Formats {
    DType in, out;
  };
  for (const Formats formats : {Formats{DType::f32, DType::f32},
                                {DType::bf16, DType::f16},
                                {DType::f16, DType::bf16},
                                {DType::q4_k, DType::q5_0},
                                {DType::q8_0, DType::iq4_nl}}) {
    SCOPED_TRACE(testing::Message() << info(formats.in).name << " and " << info(formats.out).name);
    const std::int64_t n = kExperts * kDim * kHiddenDim;
    const std::vector<std::byte> gates = random_blocks(random, formats.in, n), ups = random_blocks(random, formats.in, n),
                                 downs = random_blocks(random, formats.out, n);
    const std::vector<float> x = normal_values(random, kTokens * kDim), shares = normal_values(random, kTokens * kUsed);
    std::vector<std::int32_t> ids;
    for (std::int64_t t = 0; t < kTokens; ++t) {
      std::vector<std::int32_t> order(kExperts);
      std::iota(order.begin(), order.end(), 0);
      for (std::int64_t i = 0; i < kUsed; ++i)
        std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(i + random.below(kExperts - i))]);
      ids.insert(ids.end(), order.begin(), order.begin() + kUsed);
    }
    check(kTokens, kDim, [&](Backend& backend, const std::vector<std::int64_t>& rows) {
      const Shape in{kExperts * kHiddenDim, kDim}, out{kExperts * kDim, kHiddenDim};
      GuardedTensor gate(backend, formats.in, in, gates.data()), up(backend, formats.in, in, ups.data()),
          down(backend, formats.out, out, downs.data());
      ExpertSet experts(0, kExperts);
      for (std::int64_t e = 0; e < kExperts; ++e) {
        experts.put(
            e, {gate.tensor().rows(e * kHiddenDim, kHiddenDim), up.tensor().rows(e * kHiddenDim, kHiddenDim), down.tensor().rows(e * kDim, kDim)});
      }
      std::vector<std::int32_t> chosen;
      for (const std::int64_t r : rows) chosen.insert(chosen.end(), ids.begin() + r * kUsed, ids.begin() + (r + 1) * kUsed);
      const auto n_rows = static_cast<std::int64_t>(rows.size());
      GuardedTensor x_tensor(backend, {n_rows, kDim}, rows_of(x, kDim, rows)), ids_tensor(backend, {n_rows, kUsed}, chosen);
      GuardedTensor weights(backend, {n_rows, kUsed}, rows_of(shares, kUsed, rows)), y(backend, DType::f32, {n_rows, kDim});
      backend.moe_experts(y, x_tensor, ids_tensor, weights, experts);
      return y.floats();
    });
    if (HasFailure()) return;
  }
}

// Tokens of two sequences in one step, of one of them, or each by itself; long enough to be cut among threads.
TEST_P(SameBits, OfAttention) {
  Random random(4);
  constexpr KvSelection kSelections[] = {{}, {KvSelection::Kind::window, 4, 300, 1}, {KvSelection::Kind::pages, 0, 1, 6}};
  for (const KvSelection& selection : kSelections) {
    for (const SceneSizes& sizes :
         {SceneSizes{.n_heads = 4, .n_kv_heads = 2, .head_dim = 64, .v_head_dim = 64, .lengths = {700, 90}, .in_step = {60, 30}},
          SceneSizes{.n_heads = 3, .n_kv_heads = 1, .head_dim = 64, .v_head_dim = 64, .lengths = {700}, .in_step = {40}, .dtype = DType::f16},
          SceneSizes{.n_heads = 3, .n_kv_heads = 3, .head_dim = 64, .v_head_dim = 40, .lengths = {700, 90}, .in_step = {200, 30}, .in_rows = true},
          SceneSizes{.n_heads = 20,
          .n_kv_heads = 1,
          .head_dim = 96,
          .v_head_dim = 64,
          .lengths = {610, 33},
          .in_step = {40, 3},
          .dtype = DType::q8_0,
          .values_in_keys = true}}) {
      SCOPED_TRACE(testing::Message() << "selection " << static_cast<int>(selection.kind) << ", " << sizes.n_heads << " heads on " << sizes.n_kv_heads
                                      << ", " << info(sizes.dtype).name);
      AttentionScene scene(random, sizes);
      scene.sizes.selection = selection;
      const std::int64_t q_width = sizes.n_heads * sizes.head_dim;
      check(scene.n_tokens, sizes.n_heads * sizes.v_head_dim, [&](Backend& backend, const std::vector<std::int64_t>& rows) {
        AttentionScene some = scene;
        some.q = rows_of(scene.q, q_width, rows);
        some.n_tokens = static_cast<std::int64_t>(rows.size());
        some.sequences.clear();
        some.kv_lengths.clear();
        for (const std::int64_t r : rows) {
          some.sequences.push_back(scene.sequences[static_cast<std::size_t>(r)]);
          some.kv_lengths.push_back(scene.kv_lengths[static_cast<std::size_t>(r)]);
        }
        return some.attend(backend, {.scale = 0.125f}, run_twice);
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pio
