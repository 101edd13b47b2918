#include <gtest/gtest.h>

#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "kernels/dtype.h"

// The number formats against bytes that ggml made (tests/data/quants/README.md). Bits are compared, not values: the sign of zero counts.

namespace pio {
namespace {

std::vector<char> read(const std::string& name) {
  std::ifstream file(std::string(PIO_TEST_DATA "/quants/") + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<float> read_floats(const std::string& name) {
  const std::vector<char> bytes = read(name);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

bool is_form_in_memory(DType dtype) { return dtype >= DType::int4 && dtype <= DType::nf4; }  // weight_only_test.cpp

std::vector<DType> formats_with_fixtures() {
  std::vector<DType> formats;
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (info(dtype).decode && dtype != DType::f32 && !is_form_in_memory(dtype)) formats.push_back(dtype);
  }
  return formats;
}

// The root mean square error of ggml 0.25.3's own quantizers, without importance weights, on quality.normal.f32 and quality.t4.f32.
struct Quality {
  DType dtype;
  double normal, t4;
};
constexpr Quality kQualities[] = {
    {DType::q4_0, 0.08578507, 0.16250286}, {DType::q4_1, 0.07816725, 0.1319243},   {DType::q5_0, 0.04240787, 0.08107197},
    {DType::q5_1, 0.03767838, 0.06361041}, {DType::q8_0, 0.00532308, 0.01020545},  {DType::q2_k, 0.29440284, 0.4825306},
    {DType::q3_k, 0.15033767, 0.25909185}, {DType::q4_k, 0.07097393, 0.12179642},  {DType::q5_k, 0.03597454, 0.0609738},
    {DType::q6_k, 0.01766263, 0.0323374},  {DType::iq4_nl, 0.07571668, 0.1312749}, {DType::iq4_xs, 0.07637971, 0.13268851},
    {DType::mxfp4, 0.1142509, 0.18417386},
};

// The K and IQ4 quantizers search; ours need not find the same bytes.
bool encoder_searches(DType dtype) { return dtype >= DType::q2_k && dtype <= DType::iq4_xs; }

std::vector<DType> formats_with_encoders(bool with_searching = true) {
  std::vector<DType> formats;
  for (const DType dtype : formats_with_fixtures()) {
    if (info(dtype).encode && (with_searching || !encoder_searches(dtype))) formats.push_back(dtype);
  }
  return formats;
}

// The values of these decode from 100 KB of blocks to 2 MB: kept as their FNV-1a, computed over ggml's values.f32.
struct ValuesHash {
  DType dtype;
  std::uint64_t hash;
};
constexpr ValuesHash kValuesHashes[] = {
    {DType::iq1_s, 0xc8046eb9ca5e244f},  {DType::iq1_m, 0x850b79abeebe6c29}, {DType::iq2_xxs, 0xa0ef09fa842e2dd8},
    {DType::iq2_xs, 0xee19782aa2cbd0a4}, {DType::iq2_s, 0x5144d923908604d1}, {DType::iq3_xxs, 0x09a7a99442e5a2eb},
    {DType::iq3_s, 0xba20044a5a95cbd4},  {DType::tq1_0, 0x348e29e5b5072eda}, {DType::tq2_0, 0x0975d844a3dc2aee},
    {DType::nvfp4, 0xe599878d56cd7d7a},  {DType::q1_0, 0xe44c40663aa26025},  {DType::q2_0, 0x91f9b4ea11a9a6f1},
};

std::optional<std::uint64_t> hash_of_values(DType dtype) {
  for (const ValuesHash& entry : kValuesHashes) {
    if (entry.dtype == dtype) return entry.hash;
  }
  return std::nullopt;
}

std::uint64_t fnv1a(const std::vector<float>& values) {
  std::uint64_t hash = 0xCBF29CE484222325;
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  for (std::size_t i = 0; i < values.size() * sizeof(float); ++i) hash = (hash ^ bytes[i]) * 0x100000001B3;
  return hash;
}

std::string name_of_param(const testing::TestParamInfo<DType>& param) { return info(param.param).name; }

class Decoder : public testing::TestWithParam<DType> {};
class Encoder : public testing::TestWithParam<DType> {};
class ExactEncoder : public testing::TestWithParam<DType> {};
class EncoderQuality : public testing::TestWithParam<Quality> {};
void PrintTo(const Quality& quality, std::ostream* out) { *out << info(quality.dtype).name; }

TEST_P(Decoder, GivesTheBitsOfThePublishedOne) {
  const DTypeInfo& format = info(GetParam());
  const std::vector<char> blocks = read(std::string(format.name) + ".blocks.bin");
  if (const auto hash = hash_of_values(GetParam())) {
    std::vector<float> values(blocks.size() / static_cast<std::size_t>(format.block_bytes) * static_cast<std::size_t>(format.block_length));
    format.decode(blocks.data(), values.data(), static_cast<std::int64_t>(values.size()));
    EXPECT_EQ(fnv1a(values), *hash);
    return;
  }
  const std::vector<float> expected = read_floats(std::string(format.name) + ".values.f32");
  const auto n = static_cast<std::int64_t>(expected.size());
  ASSERT_GT(n, 0);
  ASSERT_EQ(blocks.size(), bytes_of(GetParam(), n));
  std::vector<float> values(expected.size());
  format.decode(blocks.data(), values.data(), n);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(expected[i]))
        << "value " << i << " of block " << i / static_cast<std::size_t>(format.block_length) << ": " << values[i] << ", expected " << expected[i];
  }
}

TEST_P(Decoder, ReadsBlocksAtAnyAddress) {
  const DTypeInfo& format = info(GetParam());
  const std::vector<char> blocks = read(std::string(format.name) + ".blocks.bin");
  const std::int64_t n = 2 * format.block_length;
  std::vector<char> shifted(bytes_of(GetParam(), n) + 1);
  std::memcpy(shifted.data() + 1, blocks.data(), shifted.size() - 1);
  std::vector<float> expected(static_cast<std::size_t>(n)), values(expected.size());
  format.decode(blocks.data(), expected.data(), n);
  format.decode(shifted.data() + 1, values.data(), n);
  EXPECT_EQ(0, std::memcmp(values.data(), expected.data(), values.size() * sizeof(float)));
}

TEST_P(ExactEncoder, GivesTheBytesOfThePublishedOne) {
  const DTypeInfo& format = info(GetParam());
  const std::vector<float> source = read_floats(std::string(format.name) + ".encode.src.f32");
  const std::vector<char> expected = read(std::string(format.name) + ".encode.blocks.bin");
  std::vector<char> blocks(expected.size());
  ASSERT_EQ(blocks.size(), bytes_of(GetParam(), static_cast<std::int64_t>(source.size())));
  format.encode(source.data(), blocks.data(), static_cast<std::int64_t>(source.size()));
  const auto block_bytes = static_cast<std::size_t>(format.block_bytes);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(int{blocks[i]}, int{expected[i]}) << "byte " << i % block_bytes << " of block " << i / block_bytes;
  }
}

// Subnormal blocks have no published answer (1/d is infinite), infinities and NaNs no right one; none may fault or write elsewhere.
TEST_P(Encoder, StaysInItsBlocksWhateverTheValues) {
  const DTypeInfo& format = info(GetParam());
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  for (const float odd : {1e-45f, -1e-39f, kInfinity, -kInfinity, kNan, std::numeric_limits<float>::max()}) {
    for (const float other : {0.0f, odd, -odd, 1.0f}) {
      std::vector<float> values(256, other);
      values[7] = odd;
      std::vector<char> blocks(bytes_of(GetParam(), 256) + 8, '\x5A');
      format.encode(values.data(), blocks.data() + 4, 256);
      EXPECT_EQ(std::string(blocks.begin(), blocks.begin() + 4), "ZZZZ");
      EXPECT_EQ(std::string(blocks.end() - 4, blocks.end()), "ZZZZ");
    }
  }
}

TEST_P(EncoderQuality, LosesLittleMoreThanThePublishedOne) {
  const DTypeInfo& format = info(GetParam().dtype);
  for (const auto& [file, published] : {std::pair("quality.normal.f32", GetParam().normal), std::pair("quality.t4.f32", GetParam().t4)}) {
    const std::vector<float> source = read_floats(file);
    const auto n = static_cast<std::int64_t>(source.size());
    std::vector<char> blocks(bytes_of(GetParam().dtype, n));
    std::vector<float> values(source.size());
    format.encode(source.data(), blocks.data(), n);
    format.decode(blocks.data(), values.data(), n);
    double error = 0;
    for (std::size_t i = 0; i < source.size(); ++i) {
      const double e = static_cast<double>(values[i]) - static_cast<double>(source[i]);
      error += e * e;
    }
    EXPECT_LE(std::sqrt(error / static_cast<double>(n)), 1.02 * published) << file;
    RecordProperty(file, std::to_string(std::sqrt(error / static_cast<double>(n)) / published));
  }
}

// What a block holds exactly comes back exactly, and a block of zeros as zeros.
TEST_P(Encoder, KeepsZerosAndGivesNumbers) {
  const DTypeInfo& format = info(GetParam());
  for (const float odd : {0.0f, -0.0f, 1e-45f, -1e-39f, 1e-7f, 1e4f}) {
    std::vector<float> values(256, 0.0f), back(256);
    values[40] = odd;
    std::vector<char> blocks(bytes_of(GetParam(), 256));
    format.encode(values.data(), blocks.data(), 256);
    format.decode(blocks.data(), back.data(), 256);
    for (const float value : back) EXPECT_LE(std::fabs(value), 1.2f * std::fabs(odd)) << odd;  // f16 keeps one bit of 1e-7
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, EncoderQuality, testing::ValuesIn(kQualities),
                         [](const testing::TestParamInfo<Quality>& param) { return testing::PrintToString(param.param); });
INSTANTIATE_TEST_SUITE_P(Formats, ExactEncoder, testing::ValuesIn(formats_with_encoders(false)), name_of_param);
INSTANTIATE_TEST_SUITE_P(Formats, Decoder, testing::ValuesIn(formats_with_fixtures()), name_of_param);
INSTANTIATE_TEST_SUITE_P(Formats, Encoder, testing::ValuesIn(formats_with_encoders()), name_of_param);

TEST(Half, EveryPatternSurvivesTheWayToFloatAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const std::uint16_t back = f32_to_f16(f16_to_f32(half));
    if (std::isnan(f16_to_f32(half))) {
      ASSERT_EQ(back, half | 0x200) << bits;  // a NaN stays one, made quiet
    } else {
      ASSERT_EQ(back, half) << bits;
    }
  }
}

// Halfway between every two neighbours, and one float32 to either side: the definition of nearest even, without the encoder's shifts.
TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const double low = static_cast<double>(f16_to_f32(static_cast<std::uint16_t>(bits)));
    const double high = bits == 0x7BFF ? 65536.0 : static_cast<double>(f16_to_f32(static_cast<std::uint16_t>(bits + 1)));
    const float middle = static_cast<float>((low + high) / 2);  // exact: one bit more than an f16
    ASSERT_EQ(f32_to_f16(middle), bits + (bits & 1)) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), bits) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), bits + 1) << bits;
    ASSERT_EQ(f32_to_f16(-middle), 0x8000 | (bits + (bits & 1))) << bits;
  }
}

TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7F80; ++bits) {
    const float middle = std::bit_cast<float>(bits << 16 | 0x8000);
    ASSERT_EQ(f32_to_bf16(middle), bits + (bits & 1)) << bits;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(bits << 16 | 0x7FFF)), bits) << bits;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(bits << 16 | 0x8001)), bits + 1) << bits;
  }
}

TEST(Bfloat16, KeepsNanEvenWhenItsPayloadIsCutOff) {
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7F800001u)))));
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::bit_cast<float>(0xFF800001u)))));
}

TEST(DTypeTable, FindsEveryFormatByItsNameInEitherCase) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    std::string lower = info(dtype).name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    EXPECT_EQ(dtype_from_name(info(dtype).name), dtype);
    EXPECT_EQ(dtype_from_name(lower), dtype);
  }
  EXPECT_EQ(dtype_from_name("Q4"), std::nullopt);
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
}

}  // namespace
}  // namespace pio
