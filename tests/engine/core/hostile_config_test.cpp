// Configurations that lie, for every architecture: sound weights with one absurd value beside them. Each is refused in words, or loads and
// runs; nothing crashes, hangs or takes memory that the file is not worth.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "engine/files/model_file.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensor_bytes.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Everything that these models need is below 20 MB, buffers of the passes included; a value that is believed would ask for gigabytes.
constexpr long kAllowedKilobytes = 200'000;

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

const std::vector<json>& absurd_values() {
  static const std::vector<json> values = {0,
                                           -1,
                                           1,
                                           3,
                                           7,
                                           100'000,
                                           std::int64_t{1} << 31,
                                           (std::int64_t{1} << 62) + 1,
                                           std::numeric_limits<std::int64_t>::min(),
                                           std::numeric_limits<std::uint64_t>::max(),
                                           -1e308,
                                           1e300,
                                           0.5,
                                           "text",
                                           nullptr,
                                           true,
                                           json::array(),
                                           json::array({1 << 30, -5, 3}),
                                           json::object()};
  return values;
}

// Every tensor that is missing, misshapen or unused is named, some hundred at most.
constexpr std::size_t kLongestMessage = 50'000;

// What may be done with a model that loads: a prompt and two tokens.
void try_out(Engine& engine, const std::string& path, const std::string& what) {
  LoadRequest request;
  request.path = path;
  request.context_length = 40;
  request.n_threads = 1;
  const auto start = std::chrono::steady_clock::now();
  const Result<void> loaded = engine.load(request, {}, {});
  if (!loaded) {
    EXPECT_FALSE(loaded.error().message.empty()) << what;
    EXPECT_LT(loaded.error().message.size(), kLongestMessage) << what;
  } else {
    GenerateRequest turn;
    turn.ids = {1, 2, 3, 4, 5};
    turn.max_tokens = 2;
    turn.ignore_eos = true;
    const Result<GenerateResult> result = engine.generate(turn, {}, {});
    EXPECT_TRUE(result || !result.error().message.empty()) << what;
  }
  engine.unload();
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 10) << what;
}

// Every scalar of the configuration and of the objects in it, by its path.
void paths_in(const json& object, const json::json_pointer& at, std::vector<json::json_pointer>& paths) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) paths_in(value, at / key, paths);
    paths.push_back(at / key);
  }
}

class HostileConfig : public testing::TestWithParam<const char*> {};

}  // namespace

TEST_P(HostileConfig, WithOneAbsurdValueEndsInWordsOrRuns) {
  const std::string name = GetParam();
  const fs::path model = fs::exists(test::model_data(name)) ? test::model_data(name) : test::shared_fixture(name);
  if (model.empty() || !fs::exists(model / "config.json")) GTEST_SKIP() << "PIO_SHARED/fixtures/" << name << " is not on this machine";
  const TempFolder folder;
  std::ifstream in(model / "config.json");
  const json config = json::parse(in);
  for (const auto& entry : fs::directory_iterator(model)) {
    if (entry.path().extension() == ".safetensors") fs::create_symlink(fs::absolute(entry.path()), folder.path() / entry.path().filename());
  }
  const std::unique_ptr<Engine> engine = create_engine();
  const auto write = [&](const json& changed) { folder.write("config.json", changed.dump()); };
  write(config);
  try_out(*engine, folder.path().string(), "as it is");
  const long peak_before = peak_kilobytes();

  std::vector<json::json_pointer> paths;
  paths_in(config, json::json_pointer(), paths);
  ASSERT_GT(paths.size(), 10u);
  for (const json::json_pointer& path : paths) {
    for (const json& value : absurd_values()) {
      json changed = config;
      changed[path] = value;
      write(changed);
      try_out(*engine, folder.path().string(), name + " " + path.to_string() + " = " + value.dump());
    }
    json without = config;
    without.at(path.parent_pointer()).erase(path.back());
    write(without);
    try_out(*engine, folder.path().string(), name + " without " + path.to_string());
  }
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
  EXPECT_LT(peak_kilobytes() - peak_before, kAllowedKilobytes);
#endif
}

INSTANTIATE_TEST_SUITE_P(Models, HostileConfig,
                         testing::Values("llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny", "qwen3-vl-tiny"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// GLM's values are the beginning of its latent keys: a cache format whose blocks end inside them cannot hold them. (48 + 16 numbers make two
// blocks of 32, 48 do not.) Said while planning and loading, with both numbers.
TEST(HostileConfigOfTheCache, ALatentThatTheCachesBlocksDoNotDivideIsRefusedWithBothNumbers) {
  constexpr std::int64_t kRank = 48;
  const fs::path model = test::model_data("glm4-moe-lite-mtp-tiny");
  const auto file = open_model_file(model);
  ASSERT_TRUE(file) << file.error().message;
  json header = json::object();
  std::string data;
  for (std::size_t i = 0; i < (*file)->tensors().size(); ++i) {
    const TensorInfo& tensor = (*file)->tensors()[i];
    const std::vector<std::byte> bytes = test::tensor_bytes(**file, i);
    std::vector<std::int64_t> shape;
    for (int d = 0; d < tensor.shape.rank(); ++d) shape.push_back(tensor.shape[d]);
    const std::int64_t n_in = shape.back(), n_rows = tensor.shape.n_rows(), value_bytes = static_cast<std::int64_t>(bytes_of(tensor.dtype, 1));
    std::int64_t rows = n_rows, columns = n_in;
    if (tensor.name.ends_with("kv_a_proj_with_mqa.weight")) shape[0] = rows = kRank + 16;
    if (tensor.name.ends_with("kv_a_layernorm.weight") || tensor.name.ends_with("kv_b_proj.weight")) shape.back() = columns = kRank;
    const std::size_t begin = data.size();
    for (std::int64_t r = 0; r < rows; ++r)
      data.append(reinterpret_cast<const char*>(bytes.data()) + r * n_in * value_bytes, static_cast<std::size_t>(columns * value_bytes));
    header[tensor.name] = {{"dtype", info(tensor.dtype).name}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
  }
  const TempFolder folder;
  const std::string text = header.dump();
  const std::uint64_t n_text = text.size();
  folder.write("model.safetensors", std::string(reinterpret_cast<const char*>(&n_text), 8) + text + data);
  std::ifstream in(model / "config.json");
  json config = json::parse(in);
  config["kv_lora_rank"] = kRank;
  folder.write("config.json", config.dump());

  const std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request;
  request.path = folder.path().string();
  request.context_length = 40;
  request.n_threads = 1;
  for (const char* device : {"cpu", "reference"}) {
    request.device = device;
    for (const DType kv : {DType::q8_0, DType::q4_0}) {
      request.kv = kv;
      const std::string words = std::string("--kv ") + info(kv).name + ": expected keys and values of a multiple of 32 numbers, found 48";
      const auto plan = engine->plan(request);
      ASSERT_FALSE(plan);
      EXPECT_EQ(plan.error().message, words);
      const auto loaded = engine->load(request, {}, {});
      ASSERT_FALSE(loaded);
      EXPECT_EQ(loaded.error().message, words);
    }
    for (const DType kv : {DType::f16, DType::f32}) {
      request.kv = kv;
      EXPECT_TRUE(engine->plan(request));
      ASSERT_TRUE(engine->load(request, {}, {}));
      GenerateRequest turn;
      turn.ids = {1, 2, 3};
      turn.max_tokens = 1;
      EXPECT_TRUE(engine->generate(turn, {}, {}));
    }
  }
}

TEST(HostileGgufModel, ThatOnlyClaimsAnArchitectureIsRefusedInWords) {
  const TempFolder folder;
  const std::unique_ptr<Engine> engine = create_engine();
  const std::uint32_t numbers[] = {0, 1, 64, 0x7FFFFFFF, 0xFFFFFFFF};
  for (const std::string& architecture : known_architectures()) {
    for (const std::uint32_t number : numbers) {
      GgufWriter writer(architecture);
      if (number != 0) {
        for (const char* key : {"block_count",
                                "embedding_length",
                                "feed_forward_length",
                                "context_length",
                                "vocab_size",
                                "expert_count",
                                "expert_used_count",
                                "expert_feed_forward_length",
                                "leading_dense_block_count",
                                "attention.head_count",
                                "attention.head_count_kv",
                                "attention.key_length",
                                "attention.value_length",
                                "attention.kv_lora_rank",
                                "attention.q_lora_rank",
                                "attention.key_length_mla",
                                "attention.value_length_mla",
                                "rope.dimension_count",
                                "n_deepstack_layers",
                                "nextn_predict_layers"})
          writer.key(architecture + "." + key, number);
        writer.key(architecture + ".attention.layer_norm_rms_epsilon", 1e-6f).key(architecture + ".rope.freq_base", 1e6f);
      }
      writer.tensor_f32("token_embd.weight", {64, 8}, std::vector<float>(512, 1));
      LoadRequest request;
      request.path = folder.write("claim.gguf", writer.bytes()).string();
      const long peak_before = peak_kilobytes();
      for (const Result<void>& status : {engine->load(request, {}, {}), [&]() -> Result<void> {
                                           const Result<LoadPlan> plan = engine->plan(request);
                                           return plan ? Result<void>() : Result<void>(plan.error());
                                         }()}) {
        ASSERT_FALSE(status) << architecture << " " << number;
        EXPECT_LT(status.error().message.size(), kLongestMessage) << architecture << " " << number;
        EXPECT_NE(status.error().message.find("claim.gguf"), std::string::npos) << status.error().message;
      }
      EXPECT_LT(peak_kilobytes() - peak_before, kAllowedKilobytes) << architecture << " " << number;
    }
  }
}

}  // namespace pio
