#include "models/blocks/mla.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/registry.h"
#include "tests/support/random_tensor.h"
#include "tests/support/tiny_model.h"

// Latent attention against the formulas of models.md 1.b in double, in each form of its weights and both ways of computing it.

namespace pio::test {
namespace {

using Values = std::vector<double>;

// y = x · wᵀ of rows.
Values product(const Values& x, const std::vector<float>& w, std::int64_t n_in, std::int64_t n_out) {
  const std::int64_t n = static_cast<std::int64_t>(x.size()) / n_in;
  Values y(n * n_out, 0);
  for (std::int64_t t = 0; t < n; ++t)
    for (std::int64_t o = 0; o < n_out; ++o)
      for (std::int64_t i = 0; i < n_in; ++i) y[t * n_out + o] += x[t * n_in + i] * w[o * n_in + i];
  return y;
}

void normalize(Values& x, std::int64_t stride, std::int64_t n, const std::vector<float>& w, double eps) {
  for (std::size_t first = 0; first < x.size(); first += stride) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += x[first + i] * x[first + i];
    for (std::int64_t i = 0; i < n; ++i) x[first + i] *= w[i] / std::sqrt(sum / n + eps);
  }
}

// Pairs (2i, 2i + 1) of `n` dims.
void turn(double* x, std::int64_t n, double position, double theta) {
  for (std::int64_t i = 0; i < n / 2; ++i) {
    const double angle = position * std::pow(theta, -2.0 * i / n), a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * std::cos(angle) - b * std::sin(angle);
    x[2 * i + 1] = b * std::cos(angle) + a * std::sin(angle);
  }
}

struct Weights {
  std::vector<float> norm, q, q_a, q_a_norm, kv_a, kv_a_norm, kv_b, output;
};

constexpr double kTheta = 10000;

// The naive pass, step by step as the dossier has it, beside the residual stream.
Values naive(const Values& residual, const Weights& w, const MlaConfig& c) {
  Values x = residual;
  normalize(x, c.dim, c.dim, w.norm, c.norm_eps);
  const std::int64_t n = static_cast<std::int64_t>(x.size()) / c.dim, k_dim = c.nope_dim + c.rope_dim, width = c.kv_rank + c.rope_dim;
  Values q_in = x;
  if (c.q_rank > 0) {
    q_in = product(x, w.q_a, c.dim, c.q_rank);
    normalize(q_in, c.q_rank, c.q_rank, w.q_a_norm, c.norm_eps);
  }
  Values q = product(q_in, w.q, c.q_rank > 0 ? c.q_rank : c.dim, c.n_heads * k_dim);
  Values latent = product(x, w.kv_a, c.dim, width);
  normalize(latent, width, c.kv_rank, w.kv_a_norm, c.norm_eps);
  Values mixed(n * c.n_heads * c.v_dim, 0);
  for (std::int64_t t = 0; t < n; ++t) {
    turn(&latent[t * width + c.kv_rank], c.rope_dim, t, kTheta);
    for (std::int64_t h = 0; h < c.n_heads; ++h) {
      double* query = &q[(t * c.n_heads + h) * k_dim];
      turn(query + c.nope_dim, c.rope_dim, t, kTheta);
      const float* matrix = &w.kv_b[h * (c.nope_dim + c.v_dim) * c.kv_rank];
      const auto through = [&](std::int64_t row, std::int64_t s) {
        double sum = 0;
        for (std::int64_t r = 0; r < c.kv_rank; ++r) sum += matrix[row * c.kv_rank + r] * latent[s * width + r];
        return sum;
      };
      Values scores(t + 1, 0);
      double total = 0;
      for (std::int64_t s = 0; s <= t; ++s) {
        for (std::int64_t i = 0; i < c.nope_dim; ++i) scores[s] += query[i] * through(i, s);
        for (std::int64_t i = 0; i < c.rope_dim; ++i) scores[s] += query[c.nope_dim + i] * latent[s * width + c.kv_rank + i];
        scores[s] = std::exp(scores[s] / std::sqrt(static_cast<double>(k_dim)));
        total += scores[s];
      }
      for (std::int64_t s = 0; s <= t; ++s)
        for (std::int64_t v = 0; v < c.v_dim; ++v) mixed[(t * c.n_heads + h) * c.v_dim + v] += scores[s] / total * through(c.nope_dim + v, s);
    }
  }
  Values y = product(mixed, w.output, c.n_heads * c.v_dim, c.dim);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += residual[i];
  return y;
}

class MlaTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto backend = create_backend(GetParam(), {.n_threads = 2, .activations = Activations::f32, .isa = ""});
    if (!backend && backend.error().code == ErrorCode::not_available) GTEST_SKIP() << backend.error().message;
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
  }
  Tensor uploaded(DType dtype, Shape shape, const void* values) { return backend_->allocate_tensor(dtype, shape, buffers_, values).value(); }
  Tensor floats(Shape shape, const std::vector<float>& values) { return uploaded(DType::f32, shape, values.data()); }
  Tensor ints(const std::vector<std::int32_t>& values, Shape shape) { return uploaded(DType::i32, shape, values.data()); }

  std::unique_ptr<Backend> backend_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

// Sizes that are no multiples of one another, and odd ones where nothing forbids it.
constexpr MlaConfig kLowRankQueries{
    .dim = 48, .n_heads = 3, .q_rank = 20, .kv_rank = 36, .nope_dim = 11, .rope_dim = 6, .v_dim = 13, .norm_eps = 1e-6f};
constexpr MlaConfig kPlainQueries{.dim = 40, .n_heads = 5, .q_rank = 0, .kv_rank = 24, .nope_dim = 8, .rope_dim = 4, .v_dim = 16, .norm_eps = 1e-6f};

TEST_P(MlaTest, EveryFormOfItsWeightsAndBothWaysAgreeWithTheFormulasInDouble) {
  for (const MlaConfig& c : {kLowRankQueries, kPlainQueries}) {
    const std::int64_t n_tokens = 70, k_dim = c.nope_dim + c.rope_dim, width = c.kv_rank + c.rope_dim, q_in = c.q_rank > 0 ? c.q_rank : c.dim;
    Random random(7);
    const auto values = [&](std::int64_t n, double scale) { return normal_values(random, n, static_cast<float>(scale)); };
    Weights w{.norm = values(c.dim, 1),
              .q = values(c.n_heads * k_dim * q_in, 0.3),
              .q_a = values(c.q_rank * c.dim, 0.2),
              .q_a_norm = values(c.q_rank, 1),
              .kv_a = values(width * c.dim, 0.2),
              .kv_a_norm = values(c.kv_rank, 1),
              .kv_b = values(c.n_heads * (c.nope_dim + c.v_dim) * c.kv_rank, 0.2),
              .output = values(c.dim * c.n_heads * c.v_dim, 0.2)};
    const std::vector<float> x = values(n_tokens * c.dim, 1);
    const Values expected = naive(Values(x.begin(), x.end()), w, c);

    // llama.cpp's split: the keys' rows of each head transposed, the values' as they are
    std::vector<float> k_b, v_b;
    for (std::int64_t h = 0; h < c.n_heads; ++h) {
      const float* matrix = &w.kv_b[h * (c.nope_dim + c.v_dim) * c.kv_rank];
      for (std::int64_t r = 0; r < c.kv_rank; ++r)
        for (std::int64_t i = 0; i < c.nope_dim; ++i) k_b.push_back(matrix[i * c.kv_rank + r]);
      v_b.insert(v_b.end(), matrix + c.nope_dim * c.kv_rank, matrix + (c.nope_dim + c.v_dim) * c.kv_rank);
    }

    Rope rope = std::move(*make_rope(*backend_, kTheta, c.rope_dim, {}, RopePairing::interleaved));
    const std::int64_t n_blocks = (n_tokens + kKvBlockLength - 1) / kKvBlockLength, n_rows = 2;
    for (const bool is_split : {false, true}) {
      MlaWeights weights;
      weights.q.w = floats({c.n_heads * k_dim, q_in}, w.q);
      if (c.q_rank > 0) {
        weights.q_a.w = floats({c.q_rank, c.dim}, w.q_a);
        weights.q_a_norm = floats({c.q_rank}, w.q_a_norm);
      }
      weights.kv_a.w = floats({width, c.dim}, w.kv_a);
      weights.kv_a_norm = floats({c.kv_rank}, w.kv_a_norm);
      weights.output.w = floats({c.dim, c.n_heads * c.v_dim}, w.output);
      if (is_split) {
        weights.k_b = floats({c.n_heads, c.kv_rank, c.nope_dim}, k_b);
        weights.v_b = floats({c.n_heads, c.v_dim, c.kv_rank}, v_b);
      } else {
        weights.kv_b = floats({c.n_heads, c.nope_dim + c.v_dim, c.kv_rank}, w.kv_b);
      }
      for (const bool has_cells : {false, true}) {  // without them nothing can be expanded
        ForwardContext ctx(*backend_);
        const std::vector<float> nothing((n_blocks + 1) * kKvBlockLength * width, NAN);
        KvLayer kv{floats({(n_blocks + 1) * kKvBlockLength, 1, width}, nothing), {}};
        kv.k.layout = TensorLayout::keys;
        // the sequence is row 1 of the table, its blocks lie backwards, and it comes in two pieces
        std::vector<std::int32_t> table(n_rows * n_blocks, 0);
        for (std::int64_t j = 0; j < n_blocks; ++j) table[n_blocks + j] = static_cast<std::int32_t>(n_blocks - j);
        std::vector<std::int32_t> ordered;
        for (std::int64_t i = 0; i < n_rows * n_blocks; ++i) ordered.push_back(static_cast<std::int32_t>(i % n_blocks));
        std::vector<float> y;
        for (const auto& [first, last] : {std::pair<int, int>{0, 41}, {41, 70}}) {
          std::vector<std::int32_t> positions, cells, lengths, all;
          for (int t = 0; t < last; ++t) {
            const std::int32_t cell = table[n_blocks + t / kKvBlockLength] * kKvBlockLength + t % kKvBlockLength;
            all.push_back(cell);
            if (t < first) continue;
            positions.push_back(t);
            cells.push_back(cell);
            lengths.push_back(t + 1);
          }
          const std::int64_t n = last - first;
          Step step{.ids = ints(positions, {n}),
                    .positions = ints(positions, {n}),
                    .cells = ints(cells, {n}),
                    .kv_lengths = ints(lengths, {n}),
                    .sequences = ints(std::vector<std::int32_t>(n, 1), {n}),
                    .block_table = ints(table, {n_rows, n_blocks}),
                    .outputs = {},
                    .kv_cells = has_cells ? ints(all, {last}) : Tensor{},
                    .ordered_blocks = ints(ordered, {n_rows, n_blocks})};
          const std::vector<float> part(x.begin() + first * c.dim, x.begin() + last * c.dim);
          const Tensor out = floats({n, c.dim}, part);
          ASSERT_TRUE(mla(ctx, out, out, {floats({c.dim}, w.norm), c.norm_eps}, weights, c, rope, step, kv));
          std::vector<float> rows(out.shape.n_values());
          backend_->download(rows.data(), out);
          y.insert(y.end(), rows.begin(), rows.end());
        }
        double worst = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const double difference = std::abs(y[i] - expected[i]);
          if (!(difference <= worst)) worst = difference;
        }
        // outputs are of the order of 3 and pass through five float32 products: at most 1.2e-6 here
        EXPECT_LE(worst, 2e-5) << "split " << is_split << ", cells " << has_cells << ", q_rank " << c.q_rank;
      }
    }
  }
}

// The same model in one step that expands and in one that can't.
TEST_P(MlaTest, AbsorbedAndExpandedPrefillGiveTheSameLogits) {
  const auto folder = model_data("glm4-moe-lite-mtp-tiny");
  TestCheckpoint source(folder, *backend_);
  auto model = create_model(source, *backend_);
  ASSERT_TRUE(model) << model.error().message;
  std::vector<int> ids;
  for (int i = 0; i < 8; ++i)
    for (const int id : read_ids(folder / "cases/short.json")) ids.push_back((id + 3 * i) % 380);
  std::vector<std::vector<float>> both;
  for (const bool can_expand : {false, true}) {
    ModelRunner runner(**model, *backend_, 1, 128);
    Step step = runner.make_step({{0, ids}});
    ASSERT_TRUE(step.kv_cells);
    if (!can_expand) step.kv_cells = {};
    both.push_back(runner.download((*model)->forward(runner.context(), step, runner.state()).value()));
  }
  double worst = 0, distance = 0;
  for (std::size_t i = 0; i < both[0].size(); ++i) {
    worst = std::max<double>(worst, std::abs(both[0][i] - both[1][i]));
    distance += both[0][i] != both[1][i];
  }
  EXPECT_LE(worst, 1e-4);  // float32 sums in two orders; logits reach 9
  EXPECT_GT(distance, 0);  // they are two orders, not the same one twice
}

INSTANTIATE_TEST_SUITE_P(Devices, MlaTest, testing::Values("reference", "cpu", "vulkan"), [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace pio::test
