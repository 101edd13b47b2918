#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "engine/files/model_file.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensor_bytes.h"

namespace pio {
namespace {

template <class T>
T value_of(const ModelFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end()) {
    ADD_FAILURE() << "no " << key;
    return {};
  }
  if (!std::holds_alternative<T>(it->second)) {
    ADD_FAILURE() << key << " is of alternative " << it->second.index();
    return {};
  }
  return std::get<T>(it->second);
}

float first_value(const ModelFile& file, std::size_t i) {
  float value;
  std::memcpy(&value, test::tensor_bytes(file, i).data(), sizeof value);
  return value;
}

TEST(Gguf, TensorsWithoutValuesAndNumbersBeyondInt64ArePassedOver) {
  GgufWriter writer("test");
  writer.key("general.seed", ~std::uint64_t{0}).array("seeds", std::vector<std::uint64_t>{1, ~std::uint64_t{0}});
  writer.tensor({.name = "empty", .extents = {4, 0, 4}, .type = 0, .data = {}, .offset = {}, .n_dims = {}});
  writer.tensor_f32("t", {2}, {1, 2});
  writer.tensor({.name = "odd", .extents = {0}, .type = 77, .data = {}, .offset = 12345, .n_dims = {}});
  const auto bytes = writer.bytes();
  const auto parsed = parse_gguf(bytes, "test.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ((*parsed)->tensors().size(), 1u);
  EXPECT_EQ((*parsed)->tensors()[0].name, "t");
  EXPECT_EQ(first_value(**parsed, 0), 1);
  EXPECT_EQ(value_of<double>(**parsed, "general.seed"), 18446744073709551616.0);
  EXPECT_EQ(value_of<std::vector<double>>(**parsed, "seeds"), (std::vector<double>{1, 18446744073709551616.0}));
}

TEST(Gguf, EveryValueTypeIsReadAsWritten) {
  GgufWriter writer("test");
  writer.key("u8", std::uint8_t{255}).key("i8", std::int8_t{-128}).key("u16", std::uint16_t{65535}).key("i16", std::int16_t{-32768});
  writer.key("u32", std::uint32_t{4294967295}).key("i32", std::int32_t{-2147483647 - 1}).key("u64", std::uint64_t{9223372036854775807});
  writer.key("i64", std::numeric_limits<std::int64_t>::min()).key("f32", 0.1f).key("f64", 0.1).key("yes", true).key("no", false);
  writer.key("text", "zwölf").key("none", "");
  writer.array("numbers", std::vector<std::uint8_t>{1, 2, 255}).array("floats", std::vector<float>{0.5f, -INFINITY});
  writer.array("texts", std::vector<std::string>{"a", "", "ccc"}).array("empty", std::vector<std::int32_t>{});
  Bytes bools;
  bools.number(gguf_type::boolean).number<std::uint64_t>(3).number(true).number(false).number(true);
  writer.raw_key("bools", gguf_type::array, bools);
  const auto bytes = writer.bytes();
  const auto parsed = parse_gguf(bytes, "test.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const ModelFile& file = **parsed;
  EXPECT_EQ(file.label(), "test.gguf");
  EXPECT_EQ(file.architecture(), "test");
  EXPECT_EQ(value_of<std::int64_t>(file, "u8"), 255);
  EXPECT_EQ(value_of<std::int64_t>(file, "i8"), -128);
  EXPECT_EQ(value_of<std::int64_t>(file, "u16"), 65535);
  EXPECT_EQ(value_of<std::int64_t>(file, "i16"), -32768);
  EXPECT_EQ(value_of<std::int64_t>(file, "u32"), 4294967295);
  EXPECT_EQ(value_of<std::int64_t>(file, "i32"), -2147483648);
  EXPECT_EQ(value_of<std::int64_t>(file, "u64"), 9223372036854775807);
  EXPECT_EQ(value_of<std::int64_t>(file, "i64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(value_of<double>(file, "f32"), double{0.1f});
  EXPECT_EQ(value_of<double>(file, "f64"), 0.1);
  EXPECT_TRUE(value_of<bool>(file, "yes"));
  EXPECT_FALSE(value_of<bool>(file, "no"));
  EXPECT_EQ(value_of<std::string>(file, "text"), "zwölf");
  EXPECT_EQ(value_of<std::string>(file, "none"), "");
  EXPECT_EQ(value_of<std::vector<std::int64_t>>(file, "numbers"), (std::vector<std::int64_t>{1, 2, 255}));
  EXPECT_EQ(value_of<std::vector<double>>(file, "floats"), (std::vector<double>{0.5, -INFINITY}));
  EXPECT_EQ(value_of<std::vector<std::string>>(file, "texts"), (std::vector<std::string>{"a", "", "ccc"}));
  EXPECT_EQ(value_of<std::vector<std::int64_t>>(file, "empty"), (std::vector<std::int64_t>{}));
  EXPECT_EQ(value_of<std::vector<bool>>(file, "bools"), (std::vector<bool>{true, false, true}));
}

TEST(Gguf, ShapesAreTurnedToRowMajorAndDataLieWhereTheOffsetsSay) {
  GgufWriter writer("test");
  writer.tensor_f32("a", {2, 3}, {1, 2, 3, 4, 5, 6}).tensor_f32("b", {1, 1, 2, 4}, std::vector<float>(8, 7)).tensor_f32("c", {1}, {9});
  const auto bytes = writer.bytes();
  const auto parsed = parse_gguf(bytes, "test.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const ModelFile& file = **parsed;
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[0].shape, (Shape{3, 2}));
  EXPECT_EQ(file.tensors()[0].n_bytes, 24u);
  EXPECT_EQ(file.tensors()[1].shape, (Shape{4, 2, 1, 1}));
  EXPECT_EQ(file.tensors()[2].shape, (Shape{1}));
  EXPECT_EQ(first_value(file, 0), 1);
  EXPECT_EQ(first_value(file, 1), 7);
  EXPECT_EQ(first_value(file, 2), 9);
  EXPECT_EQ(file.data(0).size(), 24u);
}

TEST(Gguf, Version2IsReadToo) {
  GgufWriter writer("test");
  writer.version = 2;
  writer.tensor_f32("a", {4}, {1, 2, 3, 4});
  const auto bytes = writer.bytes();
  const auto parsed = parse_gguf(bytes, "test.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->tensors().size(), 1u);
}

TEST(Gguf, AnotherAlignmentMovesTheData) {
  for (const std::uint32_t alignment : {8u, 64u, 4096u, 65536u}) {
    GgufWriter writer("test");
    writer.alignment = alignment;
    writer.key("general.alignment", alignment).tensor_f32("a", {1}, {3}).tensor_f32("b", {1}, {4});
    const auto bytes = writer.bytes();
    const auto parsed = parse_gguf(bytes, "test.gguf");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(first_value(**parsed, 0), 3);
    EXPECT_EQ(first_value(**parsed, 1), 4);
  }
}

TEST(Gguf, EveryDecodedTypeHasItsNumberAndOthersHaveNone) {
  // ggml.h, enum ggml_type
  EXPECT_EQ(dtype_from_ggml(0), DType::f32);
  EXPECT_EQ(dtype_from_ggml(1), DType::f16);
  EXPECT_EQ(dtype_from_ggml(8), DType::q8_0);
  EXPECT_EQ(dtype_from_ggml(12), DType::q4_k);
  EXPECT_EQ(dtype_from_ggml(14), DType::q6_k);
  EXPECT_EQ(dtype_from_ggml(20), DType::iq4_nl);
  EXPECT_EQ(dtype_from_ggml(23), DType::iq4_xs);
  EXPECT_EQ(dtype_from_ggml(26), DType::i32);
  EXPECT_EQ(dtype_from_ggml(30), DType::bf16);
  EXPECT_EQ(dtype_from_ggml(39), DType::mxfp4);
  EXPECT_EQ(dtype_from_ggml(16), DType::iq2_xxs);
  EXPECT_EQ(dtype_from_ggml(28), DType::f64);
  EXPECT_EQ(dtype_from_ggml(34), DType::tq1_0);
  EXPECT_EQ(dtype_from_ggml(42), DType::q2_0);
  for (const std::uint32_t other : {4u, 9u, 15u, 31u, 38u, 43u, 4294967295u}) EXPECT_FALSE(dtype_from_ggml(other)) << other;
  for (std::uint32_t number = 0; number < 43; ++number) {
    if (const auto dtype = dtype_from_ggml(number)) {
      EXPECT_EQ(ggml_from_dtype(*dtype), number);
    }
  }
  for (const DType other : {DType::u8, DType::int4, DType::int4_32, DType::int8, DType::nf4}) EXPECT_FALSE(ggml_from_dtype(other));
}

// Three parts, as gguf-split writes them: all metadata in the first, tensors dealt out.
struct SplitFile {
  TempFolder folder;
  std::vector<std::filesystem::path> paths;
  GgufWriter part(std::uint16_t i) const {
    GgufWriter writer = i == 0 ? GgufWriter("test") : GgufWriter();
    if (i == 0) writer.key("general.name", "in three");
    writer.key("split.no", i).key("split.count", std::uint16_t{3}).key("split.tensors.count", std::int32_t{4});
    if (i > 0) writer.tensor_f32("t" + std::to_string(i), {2}, {float(i), 0}).tensor_f32("u" + std::to_string(i), {1}, {float(10 * i)});
    return writer;
  }
  SplitFile() {
    for (std::uint16_t i = 0; i < 3; ++i) paths.push_back(folder.write("model-0000" + std::to_string(i + 1) + "-of-00003.gguf", part(i).bytes()));
  }
};

TEST(SplitGguf, AnyPartOpensAllOfThemInOrder) {
  const SplitFile split;
  for (const auto& path : split.paths) {
    const auto opened = open_model_file(path);
    ASSERT_TRUE(opened) << opened.error().message;
    const ModelFile& file = **opened;
    EXPECT_EQ(file.paths(), split.paths);
    EXPECT_EQ(file.architecture(), "test");
    EXPECT_EQ(value_of<std::string>(file, "general.name"), "in three");
    ASSERT_EQ(file.tensors().size(), 4u);
    EXPECT_EQ(file.tensors()[2].name, "t2");
    EXPECT_EQ(first_value(file, 0), 1);
    EXPECT_EQ(first_value(file, 3), 20);
  }
}

TEST(SplitGguf, AMissingPartIsNamed) {
  const SplitFile split;
  std::filesystem::remove(split.paths[1]);
  for (const int i : {0, 2}) {
    const auto opened = open_model_file(split.paths[i]);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::not_found);
    EXPECT_NE(opened.error().message.find("model-00002-of-00003.gguf"), std::string::npos) << opened.error().message;
  }
}

TEST(SplitGguf, PartsThatDoNotBelongTogetherAreRefused) {
  const auto refused = [](const std::filesystem::path& path, std::string_view words) {
    const auto opened = open_model_file(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::bad_file);
    EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
  };
  {
    const SplitFile split;  // the same part under two names
    std::filesystem::copy_file(split.paths[1], split.paths[2], std::filesystem::copy_options::overwrite_existing);
    refused(split.paths[0], "expected part 2 of 3");
  }
  {
    const SplitFile split;  // a part of another file
    GgufWriter other;
    other.key("split.no", std::uint16_t{2}).key("split.count", std::uint16_t{3}).tensor_f32("t1", {1}, {0}).tensor_f32("x", {1}, {0});
    split.folder.write("model-00003-of-00003.gguf", other.bytes());
    refused(split.paths[0], "expected once, found twice");
  }
  {
    const SplitFile split;
    GgufWriter other;
    other.key("split.no", std::uint16_t{2}).key("split.count", std::uint16_t{3});
    split.folder.write("model-00003-of-00003.gguf", other.bytes());
    refused(split.paths[1], "expected 4 tensors in all parts");
  }
  {
    const SplitFile split;  // renamed
    const auto renamed = split.folder.path() / "model.gguf";
    std::filesystem::rename(split.paths[0], renamed);
    refused(renamed, "-00001-of-00003.gguf");
  }
  const auto bytes = SplitFile().part(1).bytes();
  const auto parsed = parse_gguf(bytes, "one.gguf");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::bad_file);
}

TEST(OpenModelFile, SaysWhatItFoundInsteadOfAModel) {
  const TempFolder folder;
  const auto said = [](const std::filesystem::path& path, ErrorCode code, std::string_view words) {
    const auto opened = open_model_file(path);
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().code, code) << opened.error().message;
    EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
    EXPECT_FALSE(opened.error().path.empty());
  };
  said(folder.path() / "none.gguf", ErrorCode::not_found, "none.gguf");
  said(folder.path() / "none" / "model.safetensors", ErrorCode::not_found, "model.safetensors");
  said(folder.path(), ErrorCode::not_found, "expected config.json");
  folder.write("a.gguf", "GG");
  said(folder.path(), ErrorCode::not_found, "found a.gguf; open that file instead");
  said(folder.path() / "a.gguf", ErrorCode::bad_file, "found the bytes 47 47");
  said(folder.write("b.gguf", ""), ErrorCode::bad_file, "an empty file");
  said(folder.write("c.gguf", "version https://git-lfs.example/spec/v1\noid sha256:00"), ErrorCode::bad_file, "Git LFS pointer");
  said(folder.write("d.bin", "PK\x03\x04----"), ErrorCode::bad_file, "zip archive");
  said(folder.write("e.txt", "<!DOCTYPE html>"), ErrorCode::bad_file, "web page");
  said("/dev/null", ErrorCode::io, "device");
  // The magic counts, whatever the name.
  EXPECT_TRUE(open_model_file(folder.write("f.model", GgufWriter("test").bytes())));
}

}  // namespace
}  // namespace pio
