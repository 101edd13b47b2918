#include <cstring>
#include <new>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(PlaceWeights);

constexpr std::int64_t kRows = 600, kIn = 512;  // more rows than one tile holds

std::vector<float> decoded(DType dtype, const std::byte* bytes) {
  std::vector<float> values(kRows * kIn);
  info(dtype).decode(bytes, values.data(), kRows * kIn);
  return values;
}

MatrixSource mapped(DType dtype, const std::byte* bytes) {
  MatrixSource source;
  source.dtype = dtype;
  source.shape = {kRows, kIn};
  source.mapped = bytes;
  return source;
}

MatrixSource made(DType dtype, std::function<Result<void>(std::int64_t, std::int64_t, std::byte*)> make_rows) {
  MatrixSource source;
  source.dtype = dtype;
  source.shape = {2, kRows / 2, kIn};  // a stack
  source.make_rows = std::move(make_rows);
  return source;
}

// Mapped bytes where they are aligned and where they are not, and rows that are made: all decode to the source's numbers.
TEST_P(PlaceWeights, KeepsTheNumbersOfEverySource) {
  Random random(1);
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::iq2_s, DType::mxfp4}) {
    const std::vector<std::byte> blocks = random_blocks(random, dtype, kRows * kIn);
    std::vector<std::byte> moved(blocks.size() + 65);
    const std::size_t past = 64 - reinterpret_cast<std::uintptr_t>(moved.data()) % 64 + 1;
    std::memcpy(&moved[past], blocks.data(), blocks.size());
    const std::size_t row_bytes = blocks.size() / kRows;
    const MatrixSource group[] = {mapped(dtype, blocks.data()), mapped(dtype, &moved[past]),
                                  made(dtype, [&](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
                                    std::memcpy(out, &blocks[static_cast<std::size_t>(first) * row_bytes], static_cast<std::size_t>(n) * row_bytes);
                                    return {};
                                  })};
    const std::vector<float> expected = decoded(dtype, blocks.data());
    for_each([&](Backend& backend, Activations) {
      SCOPED_TRACE(info(dtype).name);
      if (!backend.supports(Op::cast, dtype, {kRows, kIn})) return;
      const std::uint64_t n_bytes = backend.placed_bytes(group);
      EXPECT_EQ(n_bytes % 64, 0u);
      ASSERT_GE(n_bytes, blocks.size());  // rows that are made lie nowhere else
      auto arena = backend.allocate(64 + n_bytes);
      ASSERT_TRUE(arena);
      std::uint64_t reported = 0;
      const auto placed = backend.place_weights(group, arena->get(), 64, {}, [&](std::uint64_t n) { reported += n; });
      ASSERT_TRUE(placed) << placed.error().message;
      ASSERT_TRUE(backend.sync());
      EXPECT_LE(reported, n_bytes);
      EXPECT_GE(reported, blocks.size());
      ASSERT_EQ(placed->tensors.size(), 3u);
      for (std::size_t i = 0; i < 3; ++i) {
        const Tensor& w = placed->tensors[i];
        EXPECT_EQ(w.shape, group[i].shape);
        GuardedTensor y(backend, DType::f32, {kRows, kIn}), few(backend, DType::f32, {3, kIn});
        backend.decode_rows(y, w);
        EXPECT_EQ(y.floats(), expected) << i;
        backend.decode_rows(few, w, 547);
        EXPECT_EQ(few.floats(), std::vector<float>(expected.begin() + 547 * kIn, expected.begin() + 550 * kIn)) << i;
        EXPECT_TRUE(y.guards_are_intact() && few.guards_are_intact());
      }
    });
  }
}

// A matrix that products read, in whatever order the backend lays it: the same bytes as from the file's order, alone and among others.
TEST_P(PlaceWeights, ProductsWithPlacedMatricesGiveTheSameBytes) {
  Random random(2);
  struct Case {
    DType dtype;
    std::int64_t n_rows, n_in;
  };
  std::vector<Case> cases;
  for (const DType dtype : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::iq4_nl, DType::mxfp4}) {
    for (const std::int64_t n_rows : {1, 8, 33}) cases.push_back({dtype, n_rows, n_rows == 1 ? 32 : n_rows == 8 ? 96 : 512});
  }
  for (const DType dtype : {DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_xs, DType::q2_k, DType::q3_k}) {
    for (const std::int64_t n_rows : {7, 16, 41}) cases.push_back({dtype, n_rows, n_rows == 7 ? 256 : 768});
  }
  cases.push_back({DType::q4_k, 1100, 1024});  // several tiles of loading
  cases.push_back({DType::f16, 9, 40});
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(info(c.dtype).name) + " " + std::to_string(c.n_rows) + " x " + std::to_string(c.n_in));
    const std::vector<std::byte> blocks = random_blocks(random, c.dtype, 3 * c.n_rows * c.n_in);
    const std::vector<float> x_values = normal_values(random, 33 * c.n_in), bias_values = normal_values(random, c.n_rows);
    MatrixSource source{.dtype = c.dtype, .shape = {3, c.n_rows, c.n_in}, .use = MatrixUse::products, .mapped = blocks.data(), .make_rows = {}};
    for_each([&](Backend& backend, Activations) {
      const std::uint64_t n_bytes = backend.placed_bytes({&source, 1});
      auto arena = backend.allocate(std::max<std::uint64_t>(n_bytes, 64)).value();
      const auto zero = [](Buffer& buffer) {  // what rounds up is not written
        if (buffer.host_data()) std::memset(buffer.host_data(), 0, buffer.n_bytes());
      };
      zero(*arena);
      const auto placed = backend.place_weights({&source, 1}, arena.get(), 0, {}, {});
      ASSERT_TRUE(placed) << placed.error().message;
      const Tensor stack = placed->tensors[0];
      // rows that lie in memory are laid out in another way, to the same bytes
      MatrixSource in_memory = source;
      in_memory.mapped = nullptr;
      in_memory.make_rows = nullptr;
      in_memory.staged = blocks.data();
      const std::uint64_t n_copied = backend.placed_bytes({&in_memory, 1});
      auto other_arena = backend.allocate(n_copied).value();
      zero(*other_arena);
      ASSERT_TRUE(backend.place_weights({&in_memory, 1}, other_arena.get(), 0, {}, {}));
      if (stack.layout == TensorLayout::own) {
        ASSERT_EQ(n_copied, n_bytes);
        EXPECT_EQ(std::memcmp(arena->host_data(), other_arena->host_data(), n_bytes), 0);
      }
      GuardedTensor rows(backend, c.dtype, {3, c.n_rows, c.n_in});
      rows.upload(blocks.data());
      GuardedTensor decoded(backend, DType::f32, {3 * c.n_rows, c.n_in}), expected_decoded(backend, DType::f32, {3 * c.n_rows, c.n_in});
      backend.decode_rows(decoded, stack);
      backend.decode_rows(expected_decoded, rows);
      EXPECT_EQ(decoded.floats(), expected_decoded.floats());
      GuardedTensor bias(backend, {c.n_rows}, bias_values);
      for (const std::int64_t n_tokens : {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33}) {
        GuardedTensor x(backend, {n_tokens, c.n_in}, std::vector<float>(x_values.begin(), x_values.begin() + n_tokens * c.n_in));
        GuardedTensor y(backend, DType::f32, {n_tokens, c.n_rows}), expected(backend, DType::f32, {n_tokens, c.n_rows});
        backend.matmul(y, x, backend.matrix(stack, 1), bias);
        backend.matmul(expected, x, Tensor(rows).rows(1, 1).reshaped({c.n_rows, c.n_in}), bias);
        EXPECT_EQ(y.floats(), expected.floats()) << n_tokens;
        EXPECT_TRUE(y.guards_are_intact());
      }
      const std::vector<std::int32_t> id_values{static_cast<std::int32_t>(c.n_rows - 1), 0, static_cast<std::int32_t>(c.n_rows / 2)};
      GuardedTensor ids(backend, DType::i32, {3});
      ids.upload(id_values.data());
      GuardedTensor e(backend, DType::f32, {3, c.n_in}), expected_e(backend, DType::f32, {3, c.n_in});
      backend.embed(e, backend.matrix(stack, 2), ids);
      backend.embed(expected_e, Tensor(rows).rows(2, 1).reshaped({c.n_rows, c.n_in}), ids);
      EXPECT_EQ(e.floats(), expected_e.floats());
    });
    if (HasFailure()) return;
  }
}

// Widths of steps: where products go from rows to panels and to unpacked weights, and what is left over behind full panels. Backends without a
// layout of their own have nothing to compare but rows with rows.
std::vector<std::int64_t> widths_of(const Backend& backend) {
  if (backend.own_layout().lanes == 0) return {1, 3, 20};
  return {33, 32, 31, 9, 8, 7, 6, 5, 4, 3, 2, 1};
}

// The first rows of a wider result.
std::vector<float> beginning(const std::vector<float>& all, std::size_t n) { return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)}; }

// Experts of placed stacks, and a placed one that all tokens share: the bytes of those in rows, for few tokens and for many, and the same bytes
// a row at every width.
TEST_P(PlaceWeights, ExpertsOfPlacedStacksGiveTheSameBytes) {
  Random random(3);
  constexpr std::int64_t kExperts = 5, kDim = 512, kUsed = 2, kMostTokens = 33;
  for (const DType dtype : {DType::q4_0, DType::q8_0, DType::q4_k, DType::q6_k, DType::mxfp4}) {
    SCOPED_TRACE(info(dtype).name);
    const std::int64_t hidden_dim = info(dtype).block_length == 256 ? 256 : 288,
                       shared_dim = 256;  // 288: the last line of 16 is full, a unit of 64 is not
    const auto blocks = [&](std::int64_t n) { return random_blocks(random, dtype, n); };
    const std::vector<std::byte> gates = blocks(kExperts * hidden_dim * kDim), ups = blocks(kExperts * hidden_dim * kDim),
                                 downs = blocks(kExperts * hidden_dim * kDim), shared_gate = blocks(shared_dim * kDim),
                                 shared_up = blocks(shared_dim * kDim), shared_down = blocks(shared_dim * kDim);
    const std::vector<float> x_values = normal_values(random, kMostTokens * kDim), before = normal_values(random, kMostTokens * kDim),
                             logit_values = normal_values(random, kMostTokens * kExperts, 2);
    const auto source = [&](const std::vector<std::byte>& bytes, Shape shape) {
      return MatrixSource{.dtype = dtype, .shape = shape, .use = MatrixUse::products, .mapped = bytes.data(), .make_rows = {}};
    };
    const MatrixSource group[] = {source(gates, {kExperts, hidden_dim, kDim}), source(ups, {kExperts, hidden_dim, kDim}),
                                  source(downs, {kExperts, kDim, hidden_dim}), source(shared_gate, {shared_dim, kDim}),
                                  source(shared_up, {shared_dim, kDim}),       source(shared_down, {kDim, shared_dim})};
    for_each([&](Backend& backend, Activations) {
      auto arena = backend.allocate(std::max<std::uint64_t>(backend.placed_bytes(group), 64)).value();
      const auto placed = backend.place_weights(group, arena.get(), 0, {}, {});
      ASSERT_TRUE(placed) << placed.error().message;
      std::vector<std::unique_ptr<GuardedTensor>> rows;
      for (const MatrixSource& one : group) {
        rows.push_back(std::make_unique<GuardedTensor>(backend, dtype, one.shape));
        rows.back()->upload(one.mapped);
      }
      ExpertSet lanes(0, kExperts), plain(0, kExperts);
      for (std::int64_t e = 0; e < kExperts; ++e) {
        lanes.put(e, {backend.matrix(placed->tensors[0], e), backend.matrix(placed->tensors[1], e), backend.matrix(placed->tensors[2], e)});
        plain.put(e, {backend.matrix(*rows[0], e), backend.matrix(*rows[1], e), backend.matrix(*rows[2], e)});
      }
      const ExpertMlp shared_lanes{placed->tensors[3], placed->tensors[4], placed->tensors[5]}, shared_plain{*rows[3], *rows[4], *rows[5]};
      std::vector<float> widest, widest_mixed;
      for (const std::int64_t n_tokens : widths_of(backend)) {
        const auto n_values = static_cast<std::size_t>(n_tokens * kDim);
        const Shape chosen{n_tokens, kUsed}, outputs{n_tokens, kDim};
        std::vector<std::int32_t> id_values;
        for (std::int64_t t = 0; t < n_tokens; ++t) {
          id_values.push_back(static_cast<std::int32_t>(t % kExperts));
          id_values.push_back(static_cast<std::int32_t>((t + 2) % kExperts));
        }
        GuardedTensor x(backend, outputs, beginning(x_values, n_values));
        GuardedTensor ids(backend, DType::i32, chosen), weights(backend, chosen, std::vector<float>(kUsed * n_tokens, 0.5f));
        ids.upload(id_values.data());
        GuardedTensor y(backend, DType::f32, outputs), expected(backend, DType::f32, outputs);
        backend.moe_experts(y, x, ids, weights, lanes);
        backend.moe_experts(expected, x, ids, weights, plain);
        EXPECT_EQ(y.floats(), expected.floats()) << n_tokens;
        if (backend.own_layout().lanes == 0) continue;
        if (widest.empty()) widest = y.floats();
        EXPECT_EQ(y.floats(), beginning(widest, n_values)) << n_tokens << " among others";

        GuardedTensor logits(backend, {n_tokens, kExperts}, beginning(logit_values, static_cast<std::size_t>(n_tokens * kExperts)));
        const auto mixed = [&](const ExpertSet& set, const ExpertMlp& shared) {
          GuardedTensor residual(backend, outputs, beginning(before, n_values));
          backend.experts(residual, x, logits, {.experts = set, .n_used = kUsed, .shared = shared});
          EXPECT_TRUE(residual.guards_are_intact());
          return residual.floats();
        };
        const std::vector<float> found = mixed(lanes, shared_lanes);
        EXPECT_EQ(found, mixed(plain, shared_plain)) << n_tokens << " with a shared expert";
        EXPECT_EQ(found, mixed(lanes, shared_plain)) << n_tokens << " with a shared expert in rows";
        if (widest_mixed.empty()) widest_mixed = found;
        EXPECT_EQ(found, beginning(widest_mixed, n_values)) << n_tokens << " among others, with a shared expert";
      }
    });
    if (HasFailure()) return;
  }
}

// A matrix a head, read by its rows and across them, all heads and some of them, of an input of its own and of one for all.
TEST_P(PlaceWeights, HeadsOfPlacedStacksGiveTheSameBytes) {
  Random random(4);
  constexpr std::int64_t kHeads = 5, kRows = 72, kMostTokens = 33;
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k, DType::f16}) {
    SCOPED_TRACE(info(dtype).name);
    const std::int64_t n_columns = info(dtype).block_length == 256 ? 256 : 192;
    const std::vector<std::byte> blocks = random_blocks(random, dtype, kHeads * kRows * n_columns);
    const std::vector<float> x_values = normal_values(random, kMostTokens * kHeads * n_columns);
    const MatrixSource source{
        .dtype = dtype, .shape = {kHeads, kRows, n_columns}, .use = MatrixUse::products, .mapped = blocks.data(), .make_rows = {}};
    for_each([&](Backend& backend, Activations) {
      auto arena = backend.allocate(std::max<std::uint64_t>(backend.placed_bytes({&source, 1}), 64)).value();
      const auto placed = backend.place_weights({&source, 1}, arena.get(), 0, {}, {});
      ASSERT_TRUE(placed) << placed.error().message;
      GuardedTensor rows(backend, dtype, source.shape);
      rows.upload(blocks.data());
      for (const bool transposed : {false, true}) {
        for (const bool one_x : {false, true}) {
          std::vector<float> widest;
          for (const std::int64_t n_tokens : widths_of(backend)) {
            const std::int64_t n_in = transposed ? kRows : n_columns, n_out = transposed ? n_columns : kRows, first = 2, n_heads = 3;
            const Shape x_shape{n_tokens, one_x ? 1 : n_heads, n_in};
            GuardedTensor x(backend, x_shape, std::vector<float>(x_values.begin(), x_values.begin() + x_shape.n_values()));
            GuardedTensor y(backend, DType::f32, {n_tokens, n_heads, n_out}), expected(backend, DType::f32, {n_tokens, n_heads, n_out});
            const HeadsParams params{.w_rows = kRows, .transposed = transposed};
            backend.matmul_heads(y, x, backend.matrices(placed->tensors[0], first, n_heads), params);
            backend.matmul_heads(expected, x, backend.matrices(rows, first, n_heads), params);
            const std::vector<float> found = y.floats();
            EXPECT_EQ(found, expected.floats()) << n_tokens << (transposed ? " transposed" : "") << (one_x ? " one x" : "");
            EXPECT_TRUE(y.guards_are_intact());
            if (backend.own_layout().lanes == 0) continue;
            if (widest.empty()) widest = found;
            EXPECT_EQ(found, beginning(widest, found.size())) << n_tokens << " among others" << (transposed ? ", transposed" : "");
          }
        }
      }
    });
    if (HasFailure()) return;
  }
}

// Read in place, copied, or known before they are brought: what may be rounded does not depend on where it lies.
TEST_P(PlaceWeights, CoarseMatricesAreCoarseWhereverTheyLie) {
  Random random(4);
  const std::vector<std::byte> bytes = random_blocks(random, DType::f16, 20 * 64);
  for_each([&](Backend& backend, Activations) {
    for (const bool is_mapped : {false, true}) {
      for (const MatrixUse use : {MatrixUse::rows, MatrixUse::coarse}) {
        MatrixSource source{.dtype = DType::f16, .shape = {20, 64}, .use = use, .mapped = is_mapped ? bytes.data() : nullptr, .make_rows = {}};
        source.make_rows = [&](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
          std::memcpy(out, bytes.data() + first * 128, static_cast<std::size_t>(n) * 128);
          return {};
        };
        auto arena = backend.allocate(4096).value();
        const auto placed = backend.place_weights({&source, 1}, arena.get(), 0, {}, {});
        ASSERT_TRUE(placed) << placed.error().message;
        EXPECT_EQ(placed->tensors[0].is_coarse, use == MatrixUse::coarse);
        if (backend.placed_bytes({&source, 1}) == 0) continue;
        EXPECT_EQ(backend.placed_tensors({&source, 1}, arena.get(), 0)[0].is_coarse, use == MatrixUse::coarse);
      }
    }
  });
}

TEST_P(PlaceWeights, EndsWithTheSourcesErrorItsExceptionOrAStop) {
  for_each([](Backend& backend, Activations) {
    const auto place = [&](const MatrixSource& source, std::stop_token stop) {
      auto arena = backend.allocate(backend.placed_bytes({&source, 1})).value();
      return backend.place_weights({&source, 1}, arena.get(), 0, stop, {});
    };
    const auto failed = place(made(DType::f32,
                                   [](std::int64_t first, std::int64_t n, std::byte*) -> Result<void> {
                                     if (first + n <= 512) return {};
                                     return make_error(ErrorCode::io, "row " + std::to_string(first / 512 * 512));
                                   }),
                              {});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::io);
    EXPECT_EQ(failed.error().message.substr(0, 4), "row ");

    EXPECT_THROW(
        static_cast<void>(place(made(DType::f32, [](std::int64_t, std::int64_t, std::byte*) -> Result<void> { throw std::bad_alloc(); }), {})),
        std::bad_alloc);

    std::stop_source stop;
    const auto stopped = place(made(DType::f32,
                                    [&](std::int64_t, std::int64_t, std::byte*) -> Result<void> {
                                      stop.request_stop();
                                      return {};
                                    }),
                               stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  });
}

}  // namespace
}  // namespace pio
