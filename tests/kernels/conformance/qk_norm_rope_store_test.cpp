#include <cmath>
#include <numeric>
#include <utility>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(QkNormRopeStore);

// A norm (a sum of up to 576 squares: 2e-6 at worst, see rms_norm_test.cpp) and a rotation (5e-7, see rope_test.cpp), of the largest value.
constexpr double kFloat = 3e-6;

// A number that lies between two codes may fall to either side: at most one step of the format, of the largest value of a block.
double step_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return 0x1p-10;
    case DType::q8_0: return 1.1 / 127;
    case DType::q4_0: return 1.1 / 8;
    default: return 0;
  }
}

struct Case {
  std::int64_t n_tokens, n_heads, n_kv_heads, q_dim, k_dim, v_dim;  // v_dim 0: only keys
  std::int64_t q_norm, k_norm;                                      // values normed of a head; 0: none
  std::int64_t n_pairs, q_first_dim = 0, k_first_dim = 0;
  std::int64_t n_axes = 1;
  bool has_page_bounds = false;
  std::int64_t hadamard_length = 0;
};

constexpr Case kCases[] = {
    {1, 9, 3, 64, 64, 64, 0, 0, 32},
    {7, 4, 2, 64, 64, 32, 64, 64, 32},
    {37, 2, 1, 96, 96, 96, 96, 96, 20, 0, 0, 3, true},
    {5, 3, 1, 24, 64, 0, 0, 32, 8, 8, 40},  // latent: the norm ends before the shared key
    {9, 5, 1, 32, 96, 0, 0, 64, 16, 0, 64, 1, true},
    {4, 2, 2, 33, 33, 7, 33, 33, 3},
    {7, 4, 2, 64, 64, 32, 64, 64, 32, 0, 0, 1, false, 64},
    {37, 2, 1, 96, 96, 96, 96, 96, 20, 0, 0, 3, true, 32},
};

TEST_P(QkNormRopeStore, AgreesWithTheReference) {
  Random random(1);
  for (const Case& c : kCases) {
    for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
      for (const RopePairing pairing : {RopePairing::half, RopePairing::interleaved}) {
        if (c.k_dim % info(dtype).block_length != 0 || c.v_dim % info(dtype).block_length != 0) continue;
        SCOPED_TRACE(testing::Message() << info(dtype).name << ", " << c.n_tokens << " tokens, heads " << c.n_heads << " of " << c.q_dim << ", "
                                        << c.n_kv_heads << " of " << c.k_dim << " and " << c.v_dim);
        const std::int64_t n_cells = 3 * kKvBlockLength;
        const std::vector<float> q = normal_values(random, c.n_tokens * c.n_heads * c.q_dim, 2),
                                 k = normal_values(random, c.n_tokens * c.n_kv_heads * c.k_dim, 2);
        const std::vector<float> v = normal_values(random, c.n_tokens * c.n_kv_heads * c.v_dim);
        const std::vector<float> q_norm = normal_values(random, c.q_norm), k_norm = normal_values(random, c.k_norm);
        std::vector<std::int32_t> positions, cells, axes;
        std::vector<float> inv_freq;
        for (std::int64_t i = 0; i < c.n_axes * c.n_tokens; ++i) positions.push_back(static_cast<std::int32_t>(random.below(40000)));
        for (std::int32_t t = 0; t < c.n_tokens; ++t) cells.push_back(kKvBlockLength + t);
        for (std::int64_t i = 0; i < c.n_pairs; ++i) {
          axes.push_back(static_cast<std::int32_t>(random.below(c.n_axes)));
          inv_freq.push_back(static_cast<float>(std::pow(1e4, -static_cast<double>(i) / static_cast<double>(c.n_pairs))));
        }
        // q, the two caches decoded, and the bounds
        const auto outputs = [&](Backend& backend, bool is_composed) {
          GuardedTensor q_tensor(backend, {c.n_tokens, c.n_heads, c.q_dim}, q), k_tensor(backend, {c.n_tokens, c.n_kv_heads, c.k_dim}, k);
          GuardedTensor v_tensor(backend, {c.n_tokens, c.n_kv_heads, c.v_dim}, v), q_weights(backend, {c.q_norm}, q_norm),
              k_weights(backend, {c.k_norm}, k_norm);
          GuardedTensor f(backend, {c.n_pairs}, inv_freq), a(backend, {c.n_pairs}, axes), cell_tensor(backend, {c.n_tokens}, cells);
          GuardedTensor p(backend, c.n_axes > 1 ? Shape{c.n_axes, c.n_tokens} : Shape{c.n_tokens}, positions);
          // zeros: what no token writes has the same value everywhere
          const std::vector<std::byte> zeros(bytes_of(DType::f32, n_cells * c.n_kv_heads * (c.k_dim + c.v_dim)));
          GuardedTensor k_cache(backend, dtype, {n_cells, c.n_kv_heads, c.k_dim}, zeros.data()),
              v_cache(backend, dtype, {n_cells, c.n_kv_heads, c.v_dim}, zeros.data());
          GuardedTensor bounds(backend, DType::f32, {3, c.n_kv_heads, 2, c.k_dim}, zeros.data());
          const auto present = [](bool is, const GuardedTensor& tensor) { return is ? tensor.tensor() : Tensor{}; };
          const QkvHeads heads{.q = q_tensor,
                               .k = k_tensor,
                               .v = present(c.v_dim > 0, v_tensor),
                               .q_norm = present(c.q_norm > 0, q_weights),
                               .k_norm = present(c.k_norm > 0, k_weights),
                               .norm_eps = 1e-6f,
                               .inv_freq = f,
                               .axes = present(c.n_axes > 1, a),
                               .pairing = pairing,
                               .q_first_dim = c.q_first_dim,
                               .k_first_dim = c.k_first_dim,
                               .k_cache = k_cache.as(TensorLayout::keys),
                               .v_cache = c.v_dim > 0 ? v_cache.as(TensorLayout::values) : Tensor{},
                               .page_bounds = present(c.has_page_bounds, bounds),
                               .hadamard_length = c.hadamard_length};
          Step step;
          step.positions = p;
          step.cells = cell_tensor;
          const auto op = [&] {
            q_tensor.upload(q.data());
            k_tensor.upload(k.data());
            if (!is_composed) return backend.qk_norm_rope_store(heads, step);
            if (c.q_norm > 0) backend.rms_norm(q_tensor, q_tensor, q_weights, 1e-6f);
            if (c.k_norm > 0) {
              GuardedTensor part(backend, DType::f32, {c.n_tokens, c.n_kv_heads, c.k_norm});
              backend.copy_columns(part, 0, k_tensor, 0, c.k_norm);
              backend.rms_norm(part, part, k_weights, 1e-6f);
              backend.copy_columns(k_tensor, 0, part, 0, c.k_norm);
            }
            backend.rope(q_tensor, p, f, {pairing, c.q_first_dim}, heads.axes);
            backend.rope(k_tensor, p, f, {pairing, c.k_first_dim}, heads.axes);
            if (c.hadamard_length > 0) {
              backend.hadamard(q_tensor, c.hadamard_length);
              backend.hadamard(k_tensor, c.hadamard_length);
            }
            backend.store_kv(heads.k_cache, k_tensor, cell_tensor, heads.page_bounds);
            if (c.v_dim > 0) backend.store_kv(heads.v_cache, v_tensor, cell_tensor);
          };
          std::vector<std::vector<float>> found;
          found.push_back(run_twice(backend, q_tensor, op));
          EXPECT_TRUE(k_cache.guards_are_intact() && v_cache.guards_are_intact());
          std::vector<std::int32_t> all_cells(static_cast<std::size_t>(n_cells));
          std::iota(all_cells.begin(), all_cells.end(), 0);
          const GuardedTensor all(backend, {n_cells}, all_cells);
          for (const Tensor& cache : {heads.k_cache, heads.v_cache}) {
            found.emplace_back();
            if (!cache) continue;
            GuardedTensor y(backend, DType::f32, cache.shape);
            backend.load_kv(y, cache, all);
            found.back() = y.floats();
          }
          EXPECT_TRUE(bounds.guards_are_intact());
          found.push_back(bounds.floats());
          return found;
        };
        const auto expected = outputs(reference(), false);
        EXPECT_EQ(expected, outputs(reference(), true)) << "the reference's bits are those of the ops that it is made of";
        for_each([&](Backend& backend, Activations) {
          const auto supports = [&](std::int64_t dim) { return backend.supports(Op::store_kv, dtype, {c.n_kv_heads, dim}).has_value(); };
          if (!supports(c.k_dim) || !supports(c.v_dim)) return;
          const auto found = outputs(backend, false);
          EXPECT_TRUE(max_error_below(kFloat, found[0], expected[0])) << "q";
          EXPECT_TRUE(max_error_below(kFloat + step_of(dtype), found[1], expected[1])) << "keys";
          EXPECT_EQ(found[2], expected[2]) << "values";
          EXPECT_TRUE(max_error_below(kFloat + step_of(dtype), found[3], expected[3])) << "bounds";
        });
        if (HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace pio
