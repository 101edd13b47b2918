#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/weight_only.h"
#include "tests/support/random_tensor.h"
#include "tests/support/tiny_model.h"

// INT4, INT8 and NF4 against the fixtures of shared/fixtures/quants (README.md there has the definitions), bit for bit; and against their
// definitions on numbers of our own, for machines without the fixtures.

namespace pio {
namespace {

template <class T>
std::vector<T> read(const std::string& name) {
  std::ifstream file(test::shared_fixture("quants/" + name), std::ios::binary);
  EXPECT_TRUE(file) << name;
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class Block>
std::vector<std::byte> bytes_of_blocks(const std::vector<Block>& blocks) {
  std::vector<std::byte> bytes(blocks.size() * sizeof(Block));
  std::memcpy(bytes.data(), blocks.data(), bytes.size());
  return bytes;
}

testing::AssertionResult same_bits(const std::vector<float>& found, const std::vector<float>& expected) {
  if (found.size() != expected.size()) return testing::AssertionFailure() << found.size() << " values, expected " << expected.size();
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(found[i]) != std::bit_cast<std::uint32_t>(expected[i]))
      return testing::AssertionFailure() << "value " << i << ": " << found[i] << ", expected " << expected[i];
  }
  return testing::AssertionSuccess();
}

constexpr std::int64_t kRows = 64, kColumns = 384;

std::vector<std::byte> encoded_by_rows(DType dtype, const std::vector<float>& w, std::int64_t row) {
  std::vector<std::byte> blocks(bytes_of(dtype, static_cast<std::int64_t>(w.size())));
  for (std::size_t at = 0; at < w.size(); at += static_cast<std::size_t>(row))
    info(dtype).encode(w.data() + at, blocks.data() + bytes_of(dtype, static_cast<std::int64_t>(at)), row);
  return blocks;
}

std::vector<BlockInt4> int4_blocks(const std::string& kind) {
  const auto codes = read<std::uint8_t>("int4/" + kind + ".q.u4");
  const auto scales = read<std::uint16_t>("int4/" + kind + ".scale.f16");
  std::vector<std::uint8_t> zeros(scales.size(), 8);
  if (kind == "asymmetric") zeros = read<std::uint8_t>("int4/asymmetric.zero.u8");
  std::vector<BlockInt4> blocks(scales.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].scale = scales[i];
    blocks[i].zero = zeros[i];
    blocks[i].unused = 0;
    std::copy_n(codes.begin() + static_cast<std::ptrdiff_t>(64 * i), 64, blocks[i].qs);
  }
  return blocks;
}

TEST(Int4, DecodesAndEncodesTheFixturesBitForBit) {
  if (test::shared_fixture("quants/int4").empty()) GTEST_SKIP() << "no shared/fixtures";
  EXPECT_TRUE(same_bits(decoded(DType::int4, bytes_of_blocks(int4_blocks("asymmetric"))), read<float>("int4/asymmetric.values.f32")));
  // Values, not bits: the fixture computed them from float codes, among them -0, that whole numbers do not have.
  EXPECT_EQ(decoded(DType::int4, bytes_of_blocks(int4_blocks("symmetric"))), read<float>("int4/symmetric.values.f32"));
  EXPECT_EQ(encoded_by_rows(DType::int4, read<float>("int4/weight.f32"), kColumns), bytes_of_blocks(int4_blocks("asymmetric")));
}

TEST(Int8, DecodesAndEncodesTheFixtureBitForBit) {
  if (test::shared_fixture("quants/int8").empty()) GTEST_SKIP() << "no shared/fixtures";
  const auto codes = read<std::int8_t>("int8/q.i8");
  const auto scales = read<float>("int8/scale.f32");
  std::vector<BlockInt8> blocks(codes.size() / 32);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].scale = scales[32 * i / kColumns];
    std::copy_n(codes.begin() + static_cast<std::ptrdiff_t>(32 * i), 32, blocks[i].qs);
  }
  EXPECT_TRUE(same_bits(decoded(DType::int8, bytes_of_blocks(blocks)), read<float>("int8/values.f32")));
  EXPECT_EQ(encoded_by_rows(DType::int8, read<float>("int8/weight.f32"), kColumns), bytes_of_blocks(blocks));
  EXPECT_EQ(scales.size(), static_cast<std::size_t>(kRows));
}

// The packed codes are the second of the file's tensors to be found by its header: 12,288 bytes from byte 1,600 of the data on.
std::vector<std::uint8_t> packed_nf4() {
  const auto file = read<std::uint8_t>("nf4/plain.safetensors");
  std::uint64_t header = 0;
  std::memcpy(&header, file.data(), sizeof header);
  const std::string words(file.begin() + 8, file.begin() + 8 + static_cast<std::ptrdiff_t>(header));
  EXPECT_NE(words.find(R"("layer.weight":{"dtype":"U8","shape":[12288,1],"data_offsets":[1600,13888]})"), std::string::npos);
  const auto first = file.begin() + 8 + static_cast<std::ptrdiff_t>(header) + 1600;
  return {first, first + 12288};
}

TEST(Nf4, DecodesAndEncodesTheFixtureBitForBit) {
  if (test::shared_fixture("quants/nf4").empty()) GTEST_SKIP() << "no shared/fixtures";
  EXPECT_TRUE(same_bits(std::vector<float>(kNf4Values, kNf4Values + 16), read<float>("nf4/codebook.f32")));
  const auto packed = packed_nf4();
  for (const std::string kind : {"plain", "nested"}) {
    const auto absmax = read<float>("nf4/" + kind + ".absmax.f32");
    std::vector<BlockNf4> blocks(2 * absmax.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      blocks[i].absmax = absmax[i / 2];
      std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(16 * i), 16, blocks[i].qs);
    }
    EXPECT_TRUE(same_bits(decoded(DType::nf4, bytes_of_blocks(blocks)), read<float>("nf4/" + kind + ".values.f32"))) << kind;
    if (kind == "plain") {
      EXPECT_EQ(encoded_by_rows(DType::nf4, read<float>("nf4/weight.f32"), 192), bytes_of_blocks(blocks));
    }
  }
}

// What rounding to the nearest code may lose: half the distance of two codes, and the rounding of the scale and of the zero.
TEST(WeightOnly, LosesAtMostHalfAStep) {
  Random random(1);
  constexpr std::int64_t kLength = 384;
  const std::vector<float> w = normal_values(random, kLength, 0.05f);
  const float largest = std::fabs(*std::max_element(w.begin(), w.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
  for (const DType dtype : {DType::int4, DType::int4_32, DType::int8, DType::nf4}) {
    const std::vector<float> values = decoded(dtype, encoded_by_rows(dtype, w, kLength));
    // INT4's range of 15 steps ends half a step beyond the outermost value at most, since its zero is a whole number; NF4's widest gap is
    // 0.304 of absmax.
    const float step = dtype == DType::int8 ? largest / 127 : dtype == DType::nf4 ? 0.304f * largest : 2 * 2.002f * largest / 15;
    for (std::size_t i = 0; i < w.size(); ++i) ASSERT_LE(std::fabs(values[i] - w[i]), 0.5001f * step) << info(dtype).name << " " << i;
  }
}

TEST(WeightOnly, GivesNumbersForZerosAndHugeValues) {
  for (const DType dtype : {DType::int4, DType::int4_32, DType::int8, DType::nf4}) {
    SCOPED_TRACE(info(dtype).name);
    for (const float odd : {0.0f, -0.0f, 1e-45f, 3e38f, std::numeric_limits<float>::infinity()}) {
      std::vector<float> w(128, 0.0f);
      w[5] = odd;
      for (const float value : decoded(dtype, encoded_by_rows(dtype, w, 128))) EXPECT_TRUE(std::isfinite(value)) << odd;
      if (odd == 0) {
        EXPECT_EQ(decoded(dtype, encoded_by_rows(dtype, w, 128)), std::vector<float>(128, 0.0f));
      }
    }
  }
}

}  // namespace
}  // namespace pio
