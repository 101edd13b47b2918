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

TEST_P(PlaceWeights, EndsWithTheSourcesErrorItsExceptionOrAStop) {
  for_each([](Backend& backend, Activations) {
    const auto place = [&](const MatrixSource& source, std::stop_token stop) {
      auto arena = backend.allocate(backend.placed_bytes({&source, 1})).value();
      return backend.place_weights({&source, 1}, arena.get(), 0, stop, {});
    };
    const auto failed = place(made(DType::f32, [](std::int64_t first, std::int64_t, std::byte*) -> Result<void> {
      if (first < 512) return {};
      return make_error(ErrorCode::io, "row " + std::to_string(first / 512 * 512));
    }), {});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::io);
    EXPECT_EQ(failed.error().message.substr(0, 4), "row ");

    EXPECT_THROW(static_cast<void>(place(made(DType::f32, [](std::int64_t, std::int64_t, std::byte*) -> Result<void> { throw std::bad_alloc(); }), {})),
                 std::bad_alloc);

    std::stop_source stop;
    const auto stopped = place(made(DType::f32, [&](std::int64_t, std::int64_t, std::byte*) -> Result<void> {
      stop.request_stop();
      return {};
    }), stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  });
}

}  // namespace
}  // namespace pio
