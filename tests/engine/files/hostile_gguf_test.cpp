#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "engine/files/model_file.h"
#include "tests/engine/files/counted_memory.h"
#include "tests/support/gguf_writer.h"

// Files that lie. Each must end in an error with words, without using more memory than the file is worth.

namespace pio {
namespace {

constexpr std::uint64_t k2To63 = std::uint64_t{1} << 63;

// A key of 14 bytes takes a map node, a string and a variant of ours (about 130 bytes with malloc's own), a byte of an array eight, a string of
// 8 bytes 32 or 40. The constant covers error messages and the first blocks of containers.
std::size_t allowed_memory(std::size_t n_file_bytes) { return 12 * n_file_bytes + 32768; }

GgufWriter sound() {
  GgufWriter writer("test");
  writer.key("a.number", std::uint32_t{7}).array("a.list", std::vector<std::string>{"x", "yy", "zzz"}).key("a.float", 0.5f);
  writer.tensor_f32("first", {4, 2}, std::vector<float>(8, 1)).tensor_f32("second", {8}, std::vector<float>(8, 2));
  return writer;
}

Error refused(const std::vector<std::byte>& bytes, ErrorCode code, std::string_view words) {
  const CountedMemory memory;
  const auto parsed = parse_gguf(bytes, "bad.gguf");
  EXPECT_LE(memory.peak_bytes(), allowed_memory(bytes.size()));
  if (parsed) {
    ADD_FAILURE() << "accepted; expected: " << words;
    return {};
  }
  EXPECT_EQ(parsed.error().code, code) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find(words), std::string::npos) << "\"" << parsed.error().message << "\" lacks \"" << words << "\"";
  EXPECT_TRUE(parsed.error().message.starts_with("bad.gguf: ")) << parsed.error().message;
  EXPECT_LT(parsed.error().message.size(), 400u);
  return parsed.error();
}

// One lie in an otherwise sound file.
void refused(const std::function<void(GgufWriter&)>& lie, std::string_view words, ErrorCode code = ErrorCode::bad_file) {
  GgufWriter writer = sound();
  lie(writer);
  SCOPED_TRACE(std::string(words));
  refused(writer.bytes(), code, words);
}

TEST(HostileGguf, TheSoundFileIsAccepted) {
  const auto bytes = sound().bytes();
  const CountedMemory memory;
  const auto parsed = parse_gguf(bytes, "good.gguf");
  EXPECT_TRUE(parsed) << parsed.error().message;
  EXPECT_LE(memory.peak_bytes(), allowed_memory(bytes.size()));
}

TEST(HostileGguf, OtherMagicsAndVersionsAreExplained) {
  refused([](GgufWriter& w) { w.magic = "GGUX"; }, "expected a GGUF file, found the bytes 47 47 55 58");
  refused([](GgufWriter& w) { w.magic = "tjgg"; }, "before August 2023");
  refused([](GgufWriter& w) { w.version = 1; }, "expected GGUF version 2 or 3, found version 1");
  refused([](GgufWriter& w) { w.version = 4; }, "found version 4");
  refused([](GgufWriter& w) { w.version = 0; }, "found version 0");
  refused([](GgufWriter& w) { w.version = 0x03000000; }, "big-endian");
}

TEST(HostileGguf, CountsBeyondTheFileAreRefusedAtOnce) {
  for (const std::uint64_t n : {std::uint64_t{1000}, std::uint64_t{1} << 32, k2To63, ~std::uint64_t{0}}) {
    refused([n](GgufWriter& w) { w.n_tensors = n; }, "tensors in a file of this size");
    refused([n](GgufWriter& w) { w.n_keys = n; }, "metadata keys in a file of this size");
  }
  // Counts that fit the size, but not what is there.
  refused([](GgufWriter& w) { w.n_keys = 5; }, "expected");  // a tensor read as a key
  refused([](GgufWriter& w) { w.n_keys = 3; }, "expected");  // a key read as a tensor
  refused([](GgufWriter& w) { w.n_tensors = 3; }, "name of tensor 2");
}

TEST(HostileGguf, StringsOfAbsurdLengthsAreRefusedAtOnce) {
  for (const std::uint64_t n : {std::uint64_t{100000}, k2To63, k2To63 - 1, ~std::uint64_t{0}, ~std::uint64_t{0} - 7}) {
    refused([n](GgufWriter& w) { w.raw_key("bad", gguf_type::string, Bytes().number(n).text("abc")); },
            "metadata bad: expected " + std::to_string(n));
    Bytes list;
    list.number(gguf_type::string).number<std::uint64_t>(2).string("fine").number(n);
    refused([&](GgufWriter& w) { w.raw_key("bad", gguf_type::array, list); }, "metadata bad, item 1: expected " + std::to_string(n));
    Bytes name;  // of a key
    name.text("GGUF").number<std::uint32_t>(3).number<std::uint64_t>(0).number<std::uint64_t>(1).number(n).text(std::string(64, 'x'));
    refused(name.get(), ErrorCode::bad_file, "metadata key 0: expected " + std::to_string(n));
    Bytes tensor;
    tensor.text("GGUF").number<std::uint32_t>(3).number<std::uint64_t>(1).number<std::uint64_t>(0).number(n).text(std::string(64, 'x'));
    refused(tensor.get(), ErrorCode::bad_file, "name of tensor 0: expected " + std::to_string(n));
  }
}

TEST(HostileGguf, ArraysOfAbsurdLengthsAreRefusedAtOnce) {
  for (std::uint32_t type = 0; type <= 12; ++type) {
    if (type == gguf_type::array) continue;
    for (const std::uint64_t n : {std::uint64_t{100000}, k2To63, k2To63 / 4, ~std::uint64_t{0}, ~std::uint64_t{0} / 8 + 1}) {
      refused([=](GgufWriter& w) { w.raw_key("bad", gguf_type::array, Bytes().number(type).number(n)); },
              "values before the end of the file, found " + std::to_string(n));
    }
  }
}

TEST(HostileGguf, ValueTypesThatDoNotExistOrNestAreRefused) {
  for (const std::uint32_t type : {13u, 255u, 4294967295u}) {
    refused([=](GgufWriter& w) { w.raw_key("bad", type, Bytes().number<std::uint64_t>(0)); },
            "expected a value type of 0 to 12, found " + std::to_string(type));
    refused([=](GgufWriter& w) { w.raw_key("bad", gguf_type::array, Bytes().number(type).number<std::uint64_t>(1)); },
            "expected a value type of 0 to 12, found " + std::to_string(type));
  }
  // An array of arrays of arrays of …: refused at the first, however deep.
  Bytes nested;
  for (int depth = 0; depth < 10000; ++depth) nested.number(gguf_type::array).number<std::uint64_t>(1);
  refused([&](GgufWriter& w) { w.raw_key("bad", gguf_type::array, nested); },
          "metadata bad: expected an array of numbers, bools or strings, found an array of arrays");
  // a number beyond int64 is a fraction: harmless, but no whole number for who wants one
  refused([](GgufWriter& w) { w.key("seed", ~std::uint64_t{0}).key("general.alignment", k2To63); }, "general.alignment: expected a whole number");
  refused([](GgufWriter& w) { w.raw_key("bad", gguf_type::boolean, Bytes().number<std::uint8_t>(2)); }, "expected a bool of 0 or 1, found 2");
}

TEST(HostileGguf, KeysThatMeanSomethingMustHaveTheirType) {
  refused([](GgufWriter& w) { w.key("general.alignment", "32"); }, "general.alignment: expected a whole number");
  refused([](GgufWriter& w) { w.key("split.count", "3"); }, "split.count: expected a whole number");
  refused([](GgufWriter& w) { w.key("split.count", std::uint16_t{3}); }, "found part 0 of 3");
  refused([](GgufWriter& w) { w.key("split.count", std::int64_t{1} << 40); }, "99999 parts");
  refused([](GgufWriter& w) { w.key("split.no", std::int32_t{-1}).key("split.count", std::uint16_t{3}); }, "split.no");
  GgufWriter none;
  none.tensor_f32("t", {1}, {1});
  refused(none.bytes(), ErrorCode::bad_file, "general.architecture: expected a string, found none");
  GgufWriter number;
  number.key("general.architecture", std::uint32_t{3});
  refused(number.bytes(), ErrorCode::bad_file, "general.architecture: expected a string, found another type");
  refused(GgufWriter(std::string("a\nb")).bytes(), ErrorCode::bad_file, "expected a name, found \"a?b\"");
  refused(GgufWriter(std::string()).bytes(), ErrorCode::bad_file, "expected a name");
}

TEST(HostileGguf, AbsurdAlignmentsAreRefused) {
  for (const std::uint32_t alignment : {0u, 1u, 4u, 7u, 12u, 33u, 131072u, 1u << 31, 4294967295u})
    refused([=](GgufWriter& w) { w.key("general.alignment", alignment); }, "power of two from 8 to 65536, found " + std::to_string(alignment));
  refused([](GgufWriter& w) { w.key("general.alignment", std::int64_t{-32}); }, "found -32");
}

TEST(HostileGguf, NamesAreUniquePrintableAndNotEmpty) {
  refused([](GgufWriter& w) { w.key("a.number", 1.0); }, "metadata a.number: expected once, found twice");
  refused([](GgufWriter& w) { w.tensor_f32("first", {1}, {1}); }, "tensor first: expected once, found twice");
  refused([](GgufWriter& w) { w.key("", 1.0); }, "expected a name of 1 to 65535 bytes, found 0");
  refused([](GgufWriter& w) { w.key(std::string(65536, 'k'), 1.0); }, "found 65536");
  refused([](GgufWriter& w) { w.key("a\x1b[2Jb", 1.0); }, "printable ASCII, found a?[2Jb");
  refused([](GgufWriter& w) { w.tensor_f32("", {1}, {1}); }, "name of tensor 2: expected a name");
  refused([](GgufWriter& w) { w.tensor_f32(std::string("a\0b", 3), {1}, {1}); }, "printable ASCII, found a?b");
  refused([](GgufWriter& w) { w.tensor_f32(std::string(65536, 't'), {1}, {1}); }, "found 65536");
}

GgufWriter::TensorSpec shaped(std::vector<std::uint64_t> extents, std::uint32_t type = 0) {
  return {.name = "bad", .extents = std::move(extents), .type = type, .data = std::vector<std::byte>(64), .offset = {}, .n_dims = {}};
}

TEST(HostileGguf, ShapesThatCannotBeAreRefused) {
  for (const std::uint32_t n : {0u, 5u, 1000000u, 4294967295u})
    refused(
        [=](GgufWriter& w) {
          auto t = shaped({1});
          t.n_dims = n;
          w.tensor(t);
        },
        "tensor bad: expected 1 to 4 dimensions, found " + std::to_string(n));
  refused([](GgufWriter& w) { w.tensor(shaped({k2To63})); }, "expected fewer than 2^63 values");
  refused([](GgufWriter& w) { w.tensor(shaped({~std::uint64_t{0}, 2})); }, "expected fewer than 2^63 values");
  refused([](GgufWriter& w) { w.tensor(shaped({1u << 16, 1u << 16, 1u << 16, 1u << 16})); }, "expected fewer than 2^63 values");
  refused([](GgufWriter& w) { w.tensor(shaped({std::uint64_t{1} << 32, std::uint64_t{1} << 31})); }, "expected fewer than 2^63 values");
  refused([](GgufWriter& w) { w.tensor(shaped({k2To63 - 1})); }, "expected fewer than 2^64 bytes");  // times four
  refused([](GgufWriter& w) { w.tensor(shaped({std::uint64_t{1} << 61})); }, "tensor bad: expected 9223372036854775808 bytes");
  refused([](GgufWriter& w) { w.tensor(shaped({31}, 2)); }, "expected rows of a multiple of 32 values for Q4_0, found 31");
  refused([](GgufWriter& w) { w.tensor(shaped({16, 2}, 2)); }, "expected rows of a multiple of 32 values for Q4_0, found 16");
  refused([](GgufWriter& w) { w.tensor(shaped({128, 2}, 12)); }, "expected rows of a multiple of 256 values for Q4_K, found 128");
}

TEST(HostileGguf, TensorTypesThatAreNotDecodedAreNamed) {
  refused([](GgufWriter& w) { w.tensor(shaped({256}, 15)); }, "tensor bad: expected a format that this build decodes, found Q8_K (type 15)",
          ErrorCode::unsupported_model);
  refused([](GgufWriter& w) { w.tensor(shaped({256}, 4)); }, "Q4_2 (type 4)", ErrorCode::unsupported_model);
  refused([](GgufWriter& w) { w.tensor(shaped({256}, 31)); }, "Q4_0_4_4 (type 31)", ErrorCode::unsupported_model);
  for (const std::uint32_t type : {43u, 255u, 4294967295u})
    refused([=](GgufWriter& w) { w.tensor(shaped({256}, type)); }, "tensor bad: expected a type of ggml's, found number " + std::to_string(type));
}

TEST(HostileGguf, DataLieWithinTheFileAlignedAndApart) {
  for (const std::uint64_t offset : {std::uint64_t{1} << 20, k2To63, ~std::uint64_t{31}})
    refused([=](GgufWriter& w) { w.tensors[1].offset = offset; }, "tensor second: expected 32 bytes at offset " + std::to_string(offset));
  refused([](GgufWriter& w) { w.tensors[1].offset = 64; }, "tensor second: expected 32 bytes at offset 64, found 64 bytes");
  refused([](GgufWriter& w) { w.tensors[1].offset = 33; }, "expected an offset that is a multiple of 32, found 33");
  refused([](GgufWriter& w) { w.tensors[1].offset = 0; }, "tensors first and second: expected bytes of their own, found that they overlap");
  refused([](GgufWriter& w) { w.tensors[0].extents = {4, 4}; }, "overlap");  // the first grows into the second
  refused([](GgufWriter& w) { w.tensors[1].extents = {9}; }, "tensor second: expected 36 bytes");
  GgufWriter swapped = sound();  // any order is fine
  swapped.tensors[0].offset = 32;
  swapped.tensors[1].offset = 0;
  const auto bytes = swapped.bytes();
  EXPECT_TRUE(parse_gguf(bytes, "good.gguf"));
}

TEST(HostileGguf, EveryTruncationIsAnErrorInWords) {
  GgufWriter writer = sound();
  const auto bytes = writer.bytes();
  ASSERT_EQ(writer.boundaries.back(), bytes.size());
  std::vector<std::size_t> cuts = writer.boundaries;
  cuts.pop_back();
  for (const std::size_t boundary : writer.boundaries) cuts.push_back(boundary - 1);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) cuts.push_back(random() % bytes.size());
  for (const std::size_t n : cuts) {
    // A copy of its own, so that the sanitizer sees one byte too far.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + n);
    refused(cut, ErrorCode::bad_file, "expected");
  }
}

TEST(HostileGguf, TenThousandKeysAndTensorsAreFine) {
  GgufWriter writer("test");
  for (int i = 0; i < 10000; ++i) writer.key("key." + std::to_string(i), std::uint8_t{1});
  for (int i = 0; i < 10000; ++i) writer.tensor_f32("t" + std::to_string(i), {1}, {float(i)});
  const auto bytes = writer.bytes();
  const CountedMemory memory;
  const auto parsed = parse_gguf(bytes, "many.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->metadata().size(), 10001u);
  EXPECT_EQ((*parsed)->tensors().size(), 10000u);
  EXPECT_LE(memory.peak_bytes(), allowed_memory(bytes.size()));
}

TEST(HostileGguf, MemoryStaysASmallMultipleOfTheHeaderInTheWorstCases) {
  const auto parse_within = [](const GgufWriter& writer) {
    const auto bytes = GgufWriter(writer).bytes();
    const CountedMemory memory;
    const auto parsed = parse_gguf(bytes, "large.gguf");
    EXPECT_TRUE(parsed) << parsed.error().message;
    EXPECT_LE(memory.peak_bytes(), allowed_memory(bytes.size()));
  };
  parse_within(GgufWriter("test").array("bytes", std::vector<std::uint8_t>(1 << 20, 1)));
  parse_within(GgufWriter("test").array("empty strings", std::vector<std::string>(1 << 17)));
  parse_within(GgufWriter("test").array("short strings", std::vector<std::string>(1 << 16, std::string(16, 'x'))));
  GgufWriter keys("test");
  for (int i = 0; i < 90 * 90 * 2; ++i) {  // names of one to three bytes, each with one byte
    std::string name;
    for (int k = i; k > 0; k /= 90) name += static_cast<char>('!' + k % 90);
    keys.key(name.empty() ? "~" : name, std::uint8_t{1});
  }
  parse_within(keys);
}

}  // namespace
}  // namespace pio
