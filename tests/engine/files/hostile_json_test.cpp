#include <gtest/gtest.h>

#include <random>

#include "engine/files/model_file.h"
#include "tests/engine/files/counted_memory.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

Error refused(const std::vector<std::byte>& bytes, std::string_view words) {
  const CountedMemory memory;
  const auto parsed = parse_safetensors(bytes, "bad.safetensors");
  EXPECT_LE(memory.peak_bytes(), 12 * bytes.size() + 32768);  // as of GGUF: entries, names and vectors as they grow
  if (parsed) {
    ADD_FAILURE() << "accepted; expected: " << words;
    return {};
  }
  EXPECT_EQ(parsed.error().code, ErrorCode::bad_file) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find(words), std::string::npos) << "\"" << parsed.error().message << "\" lacks \"" << words << "\"";
  EXPECT_TRUE(parsed.error().message.starts_with("bad.safetensors: ")) << parsed.error().message;
  EXPECT_LT(parsed.error().message.size(), 400u);
  return parsed.error();
}

void refused(std::string_view header, std::size_t n_data_bytes, std::string_view words) {
  SCOPED_TRACE(std::string(header.substr(0, 100)));
  refused(safetensors_file(header, n_data_bytes), words);
}

TEST(HostileSafetensors, HeaderLengthsBeyondTheFileAreRefused) {
  for (const std::uint64_t n : {std::uint64_t{3}, std::uint64_t{1} << 32, std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    auto bytes = safetensors_file("{}", 0);
    std::memcpy(bytes.data(), &n, 8);
    refused(bytes, "a header of " + std::to_string(n) + " bytes");
  }
  for (std::size_t n = 0; n < 8; ++n) refused(std::vector<std::byte>(n), "too few bytes");
  std::vector<std::byte> lfs;
  for (const char c : std::string("version https://git-lfs.example/spec/v1\noid sha256:00")) lfs.push_back(static_cast<std::byte>(c));
  refused(lfs, "Git LFS pointer");
}

TEST(HostileSafetensors, HeadersThatAreNoTableOfTensorsAreRefused) {
  refused("", 0, "expected a JSON object");
  refused("[]", 0, "expected a JSON object");
  refused(" {}", 0, "expected a JSON object");
  refused("{", 0, "found a mistake at byte");
  refused("{}x", 0, "found a mistake at byte 3");
  refused("{\"\xff\":3}", 0, "found a mistake");
  refused(std::string("{}\0", 3), 0, "found a mistake");
  refused(R"({"w":3})", 0, "tensor w: ");
  refused(R"({"w":null})", 0, "found null elsewhere");
  refused(R"({"w":"F32"})", 0, "found a string elsewhere");
  refused(R"({"w":[]})", 0, "found a list elsewhere");
  refused(R"({"w":{}})", 0, "tensor w: expected dtype, shape and two data_offsets");
  refused(R"({"w":{"dtype":"F32","shape":[1]}})", 4, "expected dtype, shape and two data_offsets");
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "expected dtype, shape and two data_offsets");
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})", 4, "expected dtype, shape and two data_offsets");
  refused(R"({"w":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4, "found a number elsewhere");
  refused(R"({"w":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", 4, "found a list elsewhere");
  refused(R"({"w":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "found a number elsewhere");
  refused(R"({"w":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "found a list elsewhere");
  refused(R"({"w":{"dtype":"F32","shape":[{}],"data_offsets":[0,4]}})", 4, "found an object elsewhere");
  refused(R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "found a negative number");
  refused(R"({"w":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "not whole");
  refused(R"({"w":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})", 4, "not whole");
  refused(R"({"w":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}})", 4, "found one beyond");
  refused(R"({"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "expected dtype once");
  refused(R"({"w":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})", 4, "expected shape once");
  refused(R"({"__metadata__":"x"})", 0, "elsewhere");
  refused(R"({"__metadata__":[]})", 0, "elsewhere");
}

TEST(HostileSafetensors, RangesThatCannotBeAreRefused) {
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3, "within 3 bytes");
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "found 4 to 0");
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551615]}})", 4, "within 4 bytes");
  refused(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "expected 2 values of 4 bytes, found 4 bytes");
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})", 5, "expected 1 values of 4 bytes, found 5 bytes");
  refused(R"({"w":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}})", 4,
          "expected 4611686018427387904 values");  // 2^62 * 4 wraps to 0
  refused(R"({"w":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4, "expected 4611686018427387905 values");  // wraps to 4
  refused(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4, "fewer than 2^63 values");
  refused(R"({"w":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4, "fewer than 2^63 values");
  const std::string w = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)";
  refused(w + R"("v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "where the one before ends");
  refused(w + R"("v":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}})", 6, "where the one before ends");
  refused(w + R"("v":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12, "where the one before ends");
  refused(w + R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "tensor w: expected once, found twice");
  refused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8, "end with the last tensor");
}

TEST(HostileSafetensors, BombsCostLittle) {
  const std::size_t n = 1 << 20;
  refused(R"({"w":)" + std::string(n, '['), 0, "elsewhere");
  refused(R"({"__metadata__":{"a":)" + std::string(n, '['), 0, "at most 64 levels");
  std::string objects = R"({"__metadata__":)";
  for (std::size_t i = 0; i < n / 5; ++i) objects += R"({"a":)";
  refused(objects, 0, "at most 64 levels");
  std::string ones = R"({"w":{"shape":[1)";
  for (std::size_t i = 0; i < n / 2; ++i) ones += ",1";
  refused(ones, 0, "at most 64 extents");
  std::string empty = "{";
  for (std::size_t i = 0; i < n / 6; ++i) empty += R"("":{},)";
  refused(empty, 0, "expected dtype, shape and two data_offsets");
  refused("{\"" + std::string(n, 'x') + "\":3}", 0, "tensor xxx");
  refused("{\"w\":" + std::string(n, '1') + "}", 0, "found one beyond");
}

TEST(HostileSafetensors, EveryTruncationIsAnErrorInWords) {
  const std::string header = R"({"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}})";
  const auto bytes = safetensors_file(header, 12);
  ASSERT_TRUE(parse_safetensors(bytes, "good"));
  for (std::size_t n = 0; n < bytes.size(); ++n) refused(std::vector<std::byte>(bytes.begin(), bytes.begin() + n), "expected");
  for (std::size_t n = 0; n < header.size(); ++n) refused(std::string_view(header).substr(0, n), 12, "expected");
}

// ---- config.json ---------------------------------------------------------------------------------------------------------------------

void config_refused(const std::string& config, std::string_view words) {
  SCOPED_TRACE(config.substr(0, 100));
  const TempFolder folder;
  folder.write("config.json", config);
  folder.write("model.safetensors", safetensors_file("{}", 0));
  const CountedMemory memory;
  const auto opened = open_model_file(folder.path());
  // A list keeps at most 65,536 items of 40 bytes, three times that while the vector grows; strings as they are.
  EXPECT_LE(memory.peak_bytes(), 12 * config.size() + (std::size_t{8} << 20));
  ASSERT_FALSE(opened) << words;
  EXPECT_EQ(opened.error().code, ErrorCode::bad_file) << opened.error().message;
  EXPECT_NE(opened.error().message.find(words), std::string::npos) << "\"" << opened.error().message << "\" lacks \"" << words << "\"";
  EXPECT_LT(opened.error().message.size(), 400u);
  EXPECT_FALSE(opened.error().path.empty());
}

TEST(HostileConfig, IsRefusedInWords) {
  config_refused("", "expected JSON");
  config_refused("[]", "expected a JSON object");
  config_refused("3", "expected a JSON object");
  config_refused("null", "expected a JSON object");
  config_refused("\"x\"", "expected a JSON object");
  config_refused("{}", "model_type");
  config_refused(R"({"model_type": "test")", "found a mistake");
  config_refused(R"({"model_type": "test", "a": NaN})", "found a mistake");
  config_refused(R"({"model_type": "test", "a": 1e999})", "within double's range");
  config_refused(R"({"model_type": 9223372036854775808, "a": [1, 18446744073709551615]})", "model_type");  // kept as fractions; harmless elsewhere
  config_refused(R"({"model_type": "test", "a": 1, "a": 2})", "a: expected once, found twice");
  config_refused(R"({"model_type": "test", "a": {"b": 1}, "a.b": 2})", "a.b: expected once, found twice");
  config_refused(R"({"model_type": "te)"
                 "\xff"
                 R"(st"})",
                 "found a mistake");
}

TEST(HostileConfig, BombsCostLittle) {
  const std::size_t n = 1 << 20;
  config_refused(R"({"a":)" + std::string(n, '['), "at most 64 levels");
  std::string objects;
  for (std::size_t i = 0; i < n / 5; ++i) objects += R"({"a":)";
  config_refused(objects, "at most 64 levels");
  config_refused("{\"" + std::string(n, 'k') + "\": 1}", "keys of at most 512 bytes");
  std::string ones = R"({"a":[1)";
  for (std::size_t i = 0; i < n / 2; ++i) ones += ",1";
  config_refused(ones, "found a mistake");
  config_refused(std::string((4 << 20) + 1, ' '), "expected at most 4194304 bytes");
  // One long key around many short ones would be kept with each of them.
  std::string many = "{\"" + std::string(500, 'k') + "\": {\"a\": 1";
  for (int i = 0; i < 1000; ++i) many += ",\"" + std::to_string(i) + "\":1";
  const TempFolder folder;
  folder.write("config.json", many + "}, \"model_type\": \"test\"}");
  folder.write("model.safetensors", safetensors_file("{}", 0));
  EXPECT_TRUE(open_model_file(folder.path()));
}

TEST(HostileConfig, APipeOrFolderInPlaceOfAFileIsAnError) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() / "config.json");
  const auto opened = open_model_file(folder.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace pio
