// Packed checkpoints against the values that their publishers' rules give, and weights quantized while they are loaded.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/files/loaded_weights.h"
#include "kernels/reference/reference_backend.h"
#include "kernels/weight_only.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

fs::path packed(const std::string& name) { return fs::path(PIO_TEST_DATA) / "packed" / name; }

std::string config_of(const std::string& name) {
  nlohmann::json config = nlohmann::json::parse(slurp(packed(name + ".config.json")));
  config["model_type"] = "test";
  return config.dump();
}

std::vector<float> decoded(const ModelFile& file, std::size_t index) {
  const TensorInfo& tensor = file.tensors()[index];
  std::vector<std::byte> bytes(tensor.n_bytes);
  // in two parts, as threads do it
  const std::int64_t n_rows = tensor.shape.n_rows(), half = n_rows / 2;
  EXPECT_TRUE(file.make_rows(index, 0, half, bytes.data()));
  EXPECT_TRUE(file.make_rows(index, half, n_rows - half, bytes.data() + bytes_of(tensor.dtype, half * tensor.shape.back())));
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.n_values()));
  info(tensor.dtype).decode(bytes.data(), values.data(), tensor.shape.n_values());
  return values;
}

struct Case {
  const char* name;
  DType dtype;
};

class Packed : public testing::TestWithParam<Case> {};

TEST_P(Packed, GivesTheValuesOfItsPublisherBitForBit) {
  const TempFolder folder;
  const std::string name = GetParam().name;
  folder.write("config.json", config_of(name));
  folder.write("model.safetensors", slurp(packed(name + ".safetensors")));
  const auto file = open_model_file(folder.path());
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ((*file)->tensors().size(), 1u);
  const TensorInfo& tensor = (*file)->tensors()[0];
  EXPECT_EQ(tensor.name, "layer.weight");
  EXPECT_EQ(tensor.dtype, GetParam().dtype) << info(tensor.dtype).name;
  EXPECT_TRUE((*file)->is_made(0));
  const std::string gold = slurp(packed(name + ".values.f32"));
  const std::vector<float> have = decoded(**file, 0);
  ASSERT_EQ(have.size() * sizeof(float), gold.size());
  (*file)->release_sources(0);
  EXPECT_EQ(decoded(**file, 0), have) << "and again, when what was kept of it has gone";
  for (std::size_t i = 0; i < have.size(); ++i) {
    float want = 0;
    std::memcpy(&want, gold.data() + i * sizeof(float), sizeof want);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(have[i]), std::bit_cast<std::uint32_t>(want)) << i << ": " << have[i] << ", " << want;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Packed,
                         testing::Values(Case{"nf4_plain", DType::nf4}, Case{"nf4_nested", DType::nf4}, Case{"gptq_symmetric", DType::int4},
                                         Case{"gptq_v2", DType::int4}, Case{"gptq_act_order", DType::f32}, Case{"awq", DType::int4}),
                         [](const auto& test) { return std::string(test.param.name); });

// A file that becomes shorter while it is open: an error that names it, by whichever way it is read.
TEST_P(Packed, AFileThatBecomesShorterIsAnErrorThatNamesIt) {
  for (const IoMode mode : {IoMode::automatic, IoMode::buffered}) {
    const TempFolder folder;
    const std::string name = GetParam().name, whole = slurp(packed(name + ".safetensors"));
    folder.write("config.json", config_of(name));
    const fs::path path = folder.write("model.safetensors", whole);
    const auto file = open_model_file(folder.path());
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE((*file)->set_io(mode));
    const TensorInfo& tensor = (*file)->tensors()[0];
    std::vector<std::byte> bytes(tensor.n_bytes);
    fs::resize_file(path, 16);
    const Result<void> made = (*file)->make_rows(0, 0, tensor.shape.n_rows(), bytes.data());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::io);
    EXPECT_NE(made.error().message.find("model.safetensors"), std::string::npos) << made.error().message;
    EXPECT_EQ(made.error().path, path.string());
  }
}

// Every tensor of every packing left out, renamed, cut or given another shape: words, never a crash or memory that a file only promises.
TEST(PackedHostile, MissingAndMisshapenPartsAreNamed) {
  for (const char* name : {"nf4_nested", "gptq_act_order", "awq"}) {
    const std::string whole = slurp(packed(std::string(name) + ".safetensors"));
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, whole.data(), 8);
    const nlohmann::json header = nlohmann::json::parse(whole.substr(8, header_bytes));
    for (const auto& [tensor, entry] : header.items()) {
      if (tensor == "__metadata__" || tensor.ends_with("g_idx")) continue;  // g_idx may be left out
      for (const bool drop : {true, false}) {
        nlohmann::json bent = header;
        if (drop) {
          bent["other"] = bent[tensor];
          bent.erase(tensor);
        } else {
          const std::int64_t n = entry["data_offsets"][1].get<std::int64_t>() - entry["data_offsets"][0].get<std::int64_t>();
          bent[tensor]["dtype"] = "U8";
          bent[tensor]["shape"] = {1, 1, n};
        }
        const TempFolder folder;
        folder.write("config.json", config_of(name));
        const std::string text = bent.dump();
        std::uint64_t n_text = text.size();
        std::string bytes(8, '\0');
        std::memcpy(bytes.data(), &n_text, 8);
        folder.write("model.safetensors", bytes + text + whole.substr(8 + header_bytes));
        const auto file = open_model_file(folder.path());
        // Without the tensor that marks a layer there is no layer: its parts are left as they are, for the binder to name.
        const bool is_marked = tensor.find("quant_state") != std::string::npos || tensor.ends_with("qweight");
        if (drop && is_marked) continue;
        if (!drop && tensor.find("quant_state") != std::string::npos) continue;  // bytes of any shape
        ASSERT_FALSE(file) << name << " " << tensor;
        EXPECT_EQ(file.error().code, ErrorCode::bad_file) << file.error().message;
        EXPECT_NE(file.error().message.find(tensor), std::string::npos) << file.error().message;
      }
    }
  }
}

TEST(PackedHostile, AShapeThatTheBytesDoNotHoldIsRefusedBeforeMemoryIsTaken) {
  std::string whole = slurp(packed("nf4_plain.safetensors"));
  const std::string shape = "\"shape\": [128, 192]", huge = "\"shape\": [9999999,9]";
  const std::size_t at = whole.find(shape);
  ASSERT_NE(at, std::string::npos);
  whole.replace(at, shape.size(), huge.substr(0, shape.size()));
  const TempFolder folder;
  folder.write("config.json", config_of("nf4_plain"));
  folder.write("model.safetensors", whole);
  const auto file = open_model_file(folder.path());
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::bad_file);
}

// rows of i8 with the largest magnitude of each row: value q * SCB / 127
TEST(PackedInt8, GivesCodesTimesTheRowsScale) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type": "test", "quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": true}})");
  std::vector<std::byte> bytes = safetensors_file(
      R"({"a.weight":{"dtype":"I8","shape":[2,32],"data_offsets":[0,64]},"a.SCB":{"dtype":"F32","shape":[2],"data_offsets":[64,72]}})", 72);
  const float scb[2] = {2.5f, 0.125f};
  std::memcpy(bytes.data() + bytes.size() - 8, scb, 8);
  folder.write("model.safetensors", bytes);
  const auto file = open_model_file(folder.path());
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ((*file)->tensors().size(), 1u);
  const std::vector<float> values = decoded(**file, 0);
  for (int i = 0; i < 64; ++i) EXPECT_NEAR(values[i], i * double{scb[i / 32]} / 127, 1e-6 * scb[i / 32]) << i;  // two float32 roundings
}

// A folder of one layer, tensor by tensor.
struct Part {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

template <class T>
std::string bytes_of_all(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class PackedLayer : public testing::Test {
 protected:
  Result<std::unique_ptr<ModelFile>> open(const std::string& quantization, const std::vector<Part>& parts) {
    nlohmann::json header = nlohmann::json::object();
    std::string data;
    for (const Part& part : parts) {
      header[part.name] = {{"dtype", part.dtype}, {"shape", part.shape}, {"data_offsets", {data.size(), data.size() + part.bytes.size()}}};
      data += part.bytes;
    }
    const std::string text = header.dump();
    const std::uint64_t n = text.size();
    folder_.write("config.json", R"({"model_type": "test", "quantization_config": )" + quantization + "}");
    folder_.write("model.safetensors", std::string(reinterpret_cast<const char*>(&n), 8) + text + data);
    return open_model_file(folder_.path());
  }
  void expect_refused(const std::string& quantization, const std::vector<Part>& parts, ErrorCode code, const std::string& words) {
    const auto file = open(quantization, parts);
    ASSERT_FALSE(file) << words;
    EXPECT_EQ(file.error().code, code) << file.error().message;
    EXPECT_NE(file.error().message.find(words), std::string::npos) << file.error().message;
  }

  TempFolder folder_;
};

constexpr const char* kInt8 = R"({"quant_method": "bitsandbytes", "load_in_8bit": true})";
constexpr const char* kNf4 = R"({"quant_method": "bitsandbytes", "load_in_4bit": true})";

TEST_F(PackedLayer, Int8WithPartsThatAreMissingOrOfAnotherLayoutIsRefused) {
  const Part weight{"a.weight", "I8", {2, 32}, std::string(64, '\1')}, largest{"a.SCB", "F32", {2}, std::string(8, '\0')};
  EXPECT_TRUE(open(kInt8, {weight, largest}));
  expect_refused(kInt8, {largest}, ErrorCode::bad_file, "tensor a.weight: expected there, found none");
  expect_refused(kInt8, {{"a.weight", "U8", {2, 32}, weight.bytes}, largest}, ErrorCode::bad_file, "tensor a.weight");
  expect_refused(kInt8, {{"a.weight", "I8", {64}, weight.bytes}, largest}, ErrorCode::bad_file, "tensor a.weight");
  expect_refused(kInt8, {weight, {"a.SCB", "F32", {1, 2}, largest.bytes}}, ErrorCode::bad_file, "tensor a.SCB");
  EXPECT_TRUE(open(kInt8, {weight, largest, {"a.weight_format", "U8", {}, std::string(1, '\0')}}));
  // the tiles of old cards, which bitsandbytes once saved as they were
  expect_refused(kInt8, {weight, largest, {"a.weight_format", "U8", {}, "\2"}}, ErrorCode::unsupported_model,
                 "tensor a.weight_format: expected 0 (rows), found 2");
  expect_refused(kInt8, {weight, largest, {"a.weight_format", "I64", {}, std::string(8, '\0')}}, ErrorCode::bad_file, "tensor a.weight_format");
}

TEST_F(PackedLayer, CountsOfTheQuantStateNeitherOverflowNorLie) {
  std::vector<float> map(16, 0), nested_map(256, 0);
  std::copy(std::begin(kNf4Values), std::end(kNf4Values), map.begin());
  const auto layer = [&](const std::string& state) {
    return std::vector<Part>{{"a.weight", "U8", {32, 1}, std::string(32, '\1')},
                             {"a.weight.absmax", "U8", {1}, "\1"},
                             {"a.weight.quant_map", "F32", {16}, bytes_of_all(map)},
                             {"a.weight.nested_absmax", "F32", {1}, std::string(4, '\0')},
                             {"a.weight.nested_quant_map", "F32", {256}, bytes_of_all(nested_map)},
                             {"a.weight.quant_state.bitsandbytes__nf4", "U8", {static_cast<std::int64_t>(state.size())}, state}};
  };
  const auto state = [](const std::string& more) {
    return R"({"quant_type": "nf4", "shape": [1, 64], "blocksize": 64, "nested_offset": 0.5, )" + more + "}";
  };
  EXPECT_TRUE(open(kNf4, layer(state(R"("nested_blocksize": 256)"))));
  // one block, so one nested block of any length
  EXPECT_TRUE(open(kNf4, layer(state(R"("nested_blocksize": 9223372036854775807)"))));
  const std::string where = "quant_state.bitsandbytes__nf4: ";
  for (const char* length : {"9223372036854775808", "0", "-1", "256.0", "\"256\"", "[256]"})
    expect_refused(kNf4, layer(state(std::string(R"("nested_blocksize": )") + length)), ErrorCode::bad_file, where);
  expect_refused(kNf4, layer(R"({"shape": [1, 64], "blocksize": 64, "nested_blocksize": 256})"), ErrorCode::bad_file, where);
  expect_refused(kNf4, layer(R"({"shape": [1, 64], "blocksize": 64, "nested_blocksize": 256, "nested_offset": 1e300})"), ErrorCode::bad_file, where);
  for (const char* shape : {"[9223372036854775807, 2]", "[4294967296, 4294967296]", "[-1, -64]", "[0, 64]", "[64]", "[1, 1, 64]", "64", "[1.0, 64]"})
    expect_refused(kNf4, layer(std::string(R"({"blocksize": 64, "shape": )") + shape + "}"), ErrorCode::bad_file, where);
  for (const char* length : {"9223372036854775807", "0", "-64", "63", "null"})
    expect_refused(kNf4, layer(std::string(R"({"shape": [1, 64], "blocksize": )") + length + "}"), ErrorCode::bad_file, where);
  expect_refused(kNf4, layer(R"({"quant_type": "fp4", "shape": [1, 64], "blocksize": 64})"), ErrorCode::unsupported_model,
                 "quant_type: expected nf4, found fp4");
  expect_refused(kNf4, layer(std::string(100000, '[')), ErrorCode::bad_file, where);
  expect_refused(kNf4, {{"a.weight.quant_state.bitsandbytes__fp4", "U8", {2}, "{}"}}, ErrorCode::unsupported_model, "expected NF4, found fp4");
}

TEST_F(PackedLayer, AMatrixThatIsThereTwiceIsRefused) {
  const std::string state = R"({"shape": [2, 32], "blocksize": 64})";
  std::vector<float> map(std::begin(kNf4Values), std::end(kNf4Values));
  expect_refused(kNf4,
                 {{"a.weight", "U8", {32, 1}, std::string(32, '\1')},
                  {"a.weight.absmax", "F32", {1}, std::string(4, '\0')},
                  {"a.weight.quant_map", "F32", {16}, bytes_of_all(map)},
                  {"a.SCB", "F32", {2}, std::string(8, '\0')},
                  {"a.weight.quant_state.bitsandbytes__nf4", "U8", {static_cast<std::int64_t>(state.size())}, state}},
                 ErrorCode::bad_file, "a.weight");
  const Part words{"a.qweight", "I32", {4, 8}, std::string(128, '\1')}, zeros{"a.qzeros", "I32", {1, 1}, std::string(4, '\1')},
      scales{"a.scales", "F16", {1, 8}, std::string(16, '\1')}, plain{"a.weight", "F16", {8, 32}, std::string(512, '\1')};
  EXPECT_TRUE(open(R"({"quant_method": "gptq", "bits": 4})", {words, zeros, scales}));
  expect_refused(R"({"quant_method": "gptq", "bits": 4})", {words, zeros, scales, plain}, ErrorCode::bad_file,
                 "tensor a.weight: expected once, found twice");
}

// What the settings say is done or refused, never passed over.
TEST_F(PackedLayer, GroupsHaveTheLengthThatTheConfigSays) {
  // 192 inputs in groups of 128: the second has 64. One output block of 8, all codes 9, zeros 7 + 1, scales 1 and 2.
  const std::string codes(std::size_t{24} * 8 * 4, '\x99');
  std::vector<std::uint16_t> scales;
  for (int i = 0; i < 16; ++i) scales.push_back(i < 8 ? 0x3c00 : 0x4000);
  const std::vector<Part> layer{
      {"a.qweight", "I32", {24, 8}, codes}, {"a.qzeros", "I32", {2, 1}, std::string(8, '\x77')}, {"a.scales", "F16", {2, 8}, bytes_of_all(scales)}};
  const auto file = open(R"({"quant_method": "gptq", "bits": 4, "group_size": 128})", layer);
  ASSERT_TRUE(file) << file.error().message;
  const std::vector<float> values = decoded(**file, 0);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], i % 192 < 128 ? 1 : 2) << i;
  for (const char* size : {"32", "0", "-1", "-2", "9223372036854775807"})
    expect_refused(std::string(R"({"quant_method": "gptq", "bits": 4, "group_size": )") + size + "}", layer, ErrorCode::bad_file, "a.scales");

  expect_refused(R"({"quant_method": "gptq", "bits": 8.0})", layer, ErrorCode::bad_file, "quantization_config.bits");
  expect_refused(R"({"quant_method": "gptq", "bits": 3})", layer, ErrorCode::unsupported_model, "expected 4 bits, found 3");
  expect_refused(R"({"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"})", layer, ErrorCode::unsupported_model, "found marlin");
  expect_refused(R"({"quant_method": "gptq", "bits": 4, "pack_dtype": "int8"})", layer, ErrorCode::unsupported_model, "found int8");
  expect_refused(R"({"quant_method": "awq", "bits": 4, "version": "gemv"})", layer, ErrorCode::unsupported_model, "found gemv");
}

// One layer's matrix in F32 beside an embedding and a router: [4, 128].
std::vector<std::byte> three_matrices() {
  GgufWriter writer("test");
  std::vector<float> values;
  for (int i = 0; i < 512; ++i) values.push_back(static_cast<float>(std::sin(0.37 * i) * (1 + i / 128)));
  for (const char* name : {"token_embd.weight", "blk.0.ffn_up.weight", "blk.0.ffn_gate_inp.weight"}) writer.tensor_f32(name, {128, 4}, values);
  return writer.bytes();
}

TEST(QuantizeWhileLoading, ChangesTheMatricesOfLayersOnlyAndWithinTheFormatsStep) {
  const TempFolder folder;
  const fs::path path = folder.write("a.gguf", three_matrices());
  const struct {
    LoadQuantization quantization;
    DType dtype;
    double step;  // of the largest magnitude: half a step of the format
  } forms[] = {{LoadQuantization::int4, DType::int4, 1.0 / 15},
               {LoadQuantization::int8, DType::int8, 0.5 / 127},
               {LoadQuantization::fp16, DType::f16, 1.0 / 2048},
               {LoadQuantization::nf4, DType::nf4, 0.152}};  // NF4: half its widest gap
  for (const auto& form : forms) {
    auto plain = open_model_file(path);
    ASSERT_TRUE(plain);
    auto file = quantize_while_loading(std::move(*plain), form.quantization);
    ASSERT_TRUE(file) << file.error().message;
    const auto backend = create_reference_backend();
    LoadedWeights weights(std::move(*file), *backend);
    ASSERT_EQ(weights.tensors().size(), 3u);
    EXPECT_EQ(weights.tensors()[0].dtype, DType::f32);
    EXPECT_EQ(weights.tensors()[1].dtype, form.dtype);
    EXPECT_EQ(weights.tensors()[2].dtype, DType::f32);
    const std::vector<WeightGroup> groups{{{0, {4, 128}}}, {{1, {4, 128}}}};
    const auto loaded = weights.load(groups);
    ASSERT_TRUE(loaded) << loaded.error().message;
    const Tensor &before = (*loaded)[0], &after = (*loaded)[1];
    std::vector<float> values(512);
    info(form.dtype).decode(host_pointer<std::byte>(after), values.data(), 512);
    for (int i = 0; i < 512; ++i) EXPECT_NEAR(values[i], host_pointer<float>(before)[i], form.step * (1 + i / 128) * 1.01) << i;
  }
}

TEST(QuantizeWhileLoading, SaysSoWhereNothingWouldBecomeSmaller) {
  const TempFolder folder;
  GgufWriter writer("test");
  writer.tensor_f32("token_embd.weight", {32, 2}, std::vector<float>(64, 1.0f));
  auto plain = open_model_file(folder.write("a.gguf", writer.bytes()));
  ASSERT_TRUE(plain);
  const auto file = quantize_while_loading(std::move(*plain), LoadQuantization::int8);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::bad_argument);
}

TEST(QuantizeWhileLoading, StopsBetweenTiles) {
  const TempFolder folder;
  auto plain = open_model_file(folder.write("a.gguf", three_matrices()));
  ASSERT_TRUE(plain);
  auto file = quantize_while_loading(std::move(*plain), LoadQuantization::nf4);
  ASSERT_TRUE(file);
  std::stop_source stop;
  stop.request_stop();
  const auto backend = create_reference_backend();
  LoadedWeights weights(std::move(*file), *backend, {}, stop.get_token());
  const WeightGroup group{{1, {4, 128}}};
  const auto loaded = weights.load({&group, 1});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace pio
