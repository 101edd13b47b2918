#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>

#include "engine/lora/adapted_weights.h"
#include "engine/lora/adapter_file.h"
#include "engine/lora/lora_request.h"
#include "kernels/registry.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/random_tensor.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

// Adapters against PEFT's own numbers, and against a checkpoint whose matrices were changed by B·A in double.

namespace pio::test {
namespace {

// float32 sums in another order, with the adapters' products among them; the fixture's README has 3.0e-5 between PEFT and llama.cpp.
constexpr double kTolerance = 3.5e-4;

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

struct Matrix {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

std::vector<std::byte> safetensors_of(const std::vector<Matrix>& matrices) {
  std::string header = "{";
  Bytes data;
  for (const Matrix& m : matrices) {
    const std::size_t first = data.size();
    for (const float value : m.values) data.number(value);
    header += (header.size() > 1 ? ", \"" : "\"") + m.name + R"(": {"dtype": "F32", "shape": )" + m.shape.text() + R"(, "data_offsets": [)" +
              std::to_string(first) + ", " + std::to_string(data.size()) + "]}";
  }
  std::vector<std::byte> file = safetensors_file(header + "}", 0);
  file.insert(file.end(), data.get().begin(), data.get().end());
  return file;
}

constexpr const char* kPlainConfig = R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none", "use_dora": false})";

class LoraTest : public testing::Test {
 protected:
  void SetUp() override {
    auto backend = create_backend("cpu", {.n_threads = 2, .activations = Activations::f32, .isa = ""});
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = std::move(*backend);
  }
  TestCheckpoint open(const std::string& model) { return TestCheckpoint(model_data(model), *backend_); }

  Result<std::vector<float>> try_logits(TestCheckpoint& source, const std::vector<int>& ids, const std::vector<LoraRequest>& loras) {
    AdaptedWeights adapted(source, *backend_);
    for (const LoraRequest& lora : loras) RETURN_IF_ERROR(adapted.add(lora));
    ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, create_model(adapted, *backend_));
    RETURN_IF_ERROR(adapted.check_all_taken());
    ModelRunner runner(*model, *backend_, 1, 64);
    return runner.run(ids);
  }
  std::vector<float> logits(TestCheckpoint& source, const std::vector<int>& ids, const std::vector<LoraRequest>& loras) {
    auto values = try_logits(source, ids, loras);
    if (!values) ADD_FAILURE() << values.error().message;
    return values ? *values : std::vector<float>();
  }
  std::filesystem::path peft(const std::string& config, const std::vector<Matrix>& matrices) {
    folder_.write("adapter_config.json", config);
    folder_.write("adapter_model.safetensors", safetensors_of(matrices));
    return folder_.path();
  }
  // Why this adapter is refused for qwen3-tiny.
  std::string refusal(const std::string& config, const std::vector<Matrix>& matrices, const std::string& model = "qwen3-tiny") {
    TestCheckpoint source = open(model);
    auto values = try_logits(source, {1, 2}, {{peft(config, matrices).string()}});
    return values ? "taken" : values.error().message;
  }

  std::unique_ptr<Backend> backend_;
  TempFolder folder_;
};

std::string module_name(int layer, const std::string& module) { return "model.layers." + std::to_string(layer) + "." + module; }

std::vector<Matrix> pair_of(const std::string& module, std::int64_t n_out, std::int64_t n_in, std::int64_t rank, Random& random) {
  const std::string name = "base_model.model." + module;
  return {{name + ".lora_A.weight", {rank, n_in}, normal_values(random, rank * n_in, 0.1f)},
          {name + ".lora_B.weight", {n_out, rank}, normal_values(random, n_out * rank, 0.1f)}};
}

TEST_F(LoraTest, BothFormsOfTheFixtureGiveThePublishedLogitsOnBothNamings) {
  const auto adapter = model_data("qwen3-tiny-lora");
  const auto ids = read_ids(adapter / "cases/short.json");
  const auto expected = read_npy(adapter / "cases/short.logits.npy").values;
  for (const std::string form : {"", "adapter-f32.gguf", "adapter_model.safetensors"}) {
    const std::string path = (form.empty() ? adapter : adapter / form).string();
    TestCheckpoint hugging_face = open("qwen3-tiny"), gguf = open("qwen3-tiny");
    gguf.become_gguf();
    EXPECT_LE(largest_difference(logits(hugging_face, ids, {{path}}), expected), kTolerance) << form;
    EXPECT_LE(largest_difference(logits(gguf, ids, {{path}}), expected), kTolerance) << form;
    // half of it twice is all of it, and none of it is the model itself
    EXPECT_LE(largest_difference(logits(gguf, ids, {{path, 0.5f}, {path, 0.5f}}), expected), kTolerance) << form;
    EXPECT_LE(largest_difference(logits(gguf, ids, {{path, 0}}), logits(gguf, ids, {})), 1e-6)
        << form;  // plus 0 · (B·A): nothing but a sum in another order
  }
}

// llama's q and k, whose rows stand in pairs in GGUF; a rank and an alpha of their own for some; rslora.
TEST_F(LoraTest, EveryMatrixOfLlamaIsChangedAsIfItHadBeenMergedWhicheverFormEitherHas) {
  const std::vector<std::string> modules = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                            "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
  for (const bool is_rslora : {false, true}) {
    TestCheckpoint merged = open("llama-tiny"), plain = open("llama-tiny"), gguf = open("llama-tiny");
    gguf.become_gguf();
    Random random(is_rslora ? 3 : 4);
    std::vector<Matrix> matrices;
    GgufWriter writer("llama");
    writer.key("general.type", "adapter").key("adapter.type", "lora").key("adapter.lora.alpha", 6.0f);
    const std::string config = std::string(R"({"peft_type": "LORA", "r": 3, "lora_alpha": 6, "bias": "none", "fan_in_fan_out": false, )") +
                               R"("modules_to_save": null, "rank_pattern": {"k_proj": 5, "layers.1.mlp.up_proj": 2}, )" +
                               R"("alpha_pattern": {"v_proj": 1.5, "layers.2.self_attn.o_proj": 9}, "use_rslora": )" +
                               (is_rslora ? "true}" : "false}");
    for (int l = 0; l < 3; ++l) {
      for (const std::string& module : modules) {
        const std::string weight = module_name(l, module) + ".weight";
        std::vector<float> values = merged.values(weight);
        const auto infos = plain.tensors();
        const Shape shape = std::ranges::find(infos, weight, &TensorInfo::name)->shape;
        const std::int64_t n_out = shape[0], n_in = shape[1];
        const std::int64_t rank = module.ends_with("k_proj") ? 5 : l == 1 && module == "mlp.up_proj" ? 2 : 3;
        const double alpha = module.ends_with("v_proj") ? 1.5 : l == 2 && module.ends_with("o_proj") ? 9 : 6;
        const std::vector<Matrix> pair = pair_of(module_name(l, module), n_out, n_in, rank, random);
        const double scale = alpha / (is_rslora ? std::sqrt(static_cast<double>(rank)) : rank);
        for (std::int64_t o = 0; o < n_out; ++o)
          for (std::int64_t i = 0; i < n_in; ++i) {
            double sum = 0;
            for (std::int64_t r = 0; r < rank; ++r) sum += static_cast<double>(pair[1].values[o * rank + r]) * pair[0].values[r * n_in + i];
            values[o * n_in + i] += static_cast<float>(scale * sum);
          }
        merged.drop(weight);
        merged.add(weight, shape, values);
        matrices.insert(matrices.end(), pair.begin(), pair.end());

        // The same in llama.cpp's form: one alpha for all, so what differs is put into b; rows of q and k in pairs.
        const std::string names[] = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
        const std::size_t which = std::ranges::find(modules, module) - modules.begin();
        std::vector<float> b(pair[1].values.size());
        const std::int64_t n_heads = which == 0 ? 6 : 2, head = n_out / n_heads;
        for (std::int64_t o = 0; o < n_out; ++o) {
          const std::int64_t to = which > 1 ? o : o / head * head + o % head % (head / 2) * 2 + o % head / (head / 2);
          for (std::int64_t r = 0; r < rank; ++r)
            b[to * rank + r] = static_cast<float>(pair[1].values[o * rank + r] * scale / (6.0 / static_cast<double>(rank)));
        }
        const std::string stem = "blk." + std::to_string(l) + "." + names[which] + ".weight";
        const auto extent = [](std::int64_t n) { return static_cast<std::uint64_t>(n); };
        writer.tensor_f32(stem + ".lora_a", {extent(n_in), extent(rank)}, pair[0].values);
        writer.tensor_f32(stem + ".lora_b", {extent(rank), extent(n_out)}, b);
      }
    }
    const auto ids = read_ids(model_data("llama-tiny") / "cases/short.json");
    const std::vector<float> expected = logits(merged, ids, {});
    ASSERT_GT(largest_difference(logits(plain, ids, {}), expected), 0.5);  // the adapter says something
    const std::string peft_folder = peft(config, matrices).string();
    const std::string gguf_file = folder_.write("adapter.gguf", writer.bytes()).string();
    for (const std::string& adapter : {peft_folder, gguf_file}) {
      EXPECT_LE(largest_difference(logits(plain, ids, {{adapter}}), expected), kTolerance) << adapter;
      EXPECT_LE(largest_difference(logits(gguf, ids, {{adapter}}), expected), kTolerance) << adapter;
    }
  }
}

TEST_F(LoraTest, AnAlphaOfZeroInGgufLeavesTheScaleToTheCaller) {
  Random random(5);
  const std::vector<Matrix> pair = pair_of("x", 128, 64, 4, random);
  const auto file = [&](float alpha) {
    GgufWriter writer("qwen3");
    writer.key("general.type", "adapter").key("adapter.type", "lora").key("adapter.lora.alpha", alpha);
    writer.tensor_f32("blk.0.attn_q.weight.lora_a", {64, 4}, pair[0].values).tensor_f32("blk.0.attn_q.weight.lora_b", {4, 128}, pair[1].values);
    return folder_.write("a" + std::to_string(alpha) + ".gguf", writer.bytes());
  };
  const auto zero = open_adapter(file(0));
  const auto eight = open_adapter(file(8));
  ASSERT_TRUE(zero && eight);
  EXPECT_EQ(zero->pairs.at(0).scale, 1);
  EXPECT_EQ(eight->pairs.at(0).scale, 2);
}

TEST_F(LoraTest, AFileThatBecomesShorterIsAnErrorThatNamesIt) {
  Random random(5);
  const std::vector<Matrix> pair = pair_of(module_name(0, "self_attn.q_proj"), 128, 64, 4, random);
  GgufWriter writer("qwen3");
  writer.key("general.type", "adapter").key("adapter.type", "lora").key("adapter.lora.alpha", 8.0f);
  writer.tensor_f32("blk.0.attn_q.weight.lora_a", {64, 4}, pair[0].values).tensor_f32("blk.0.attn_q.weight.lora_b", {4, 128}, pair[1].values);
  const std::filesystem::path files[] = {folder_.write("a.gguf", writer.bytes()), peft(kPlainConfig, pair) / "adapter_model.safetensors"};
  for (const std::filesystem::path& path : files) {
    const auto adapter = open_adapter(path);
    ASSERT_TRUE(adapter) << adapter.error().message;
    std::filesystem::resize_file(path, 100);
    const auto where = adapter->pairs.at(0).b_bytes;
    std::vector<std::byte> bytes(where.size());
    const Result<void> read = adapter->file->read(where, bytes.data());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().path, path);
  }
}

TEST_F(LoraTest, AGgufAdapterThatAsksForMoreThanItsPairsIsRefusedByTheKey) {
  Random random(5);
  const std::vector<Matrix> pair = pair_of("x", 128, 64, 4, random);
  const auto opened = [&](const char* type, const std::function<void(GgufWriter&)>& more) {
    GgufWriter writer("qwen3");
    writer.key("general.type", "adapter").key("adapter.type", type).key("adapter.lora.alpha", 8.0f);
    more(writer);
    writer.tensor_f32("blk.0.attn_q.weight.lora_a", {64, 4}, pair[0].values).tensor_f32("blk.0.attn_q.weight.lora_b", {4, 128}, pair[1].values);
    const auto file = open_adapter(folder_.write("a.gguf", writer.bytes()));
    return file ? std::string("taken") : file.error().message;
  };
  EXPECT_EQ(opened("lora", [](GgufWriter& w) { w.key("adapter.lora.task_name", "x").key("adapter.lora.prompt_prefix", ""); }), "taken");
  EXPECT_NE(opened("control_vector", [](GgufWriter&) {}).find("adapter.type: expected lora, found control_vector"), std::string::npos);
  EXPECT_NE(opened("lora", [](GgufWriter& w) { w.key("adapter.alora.invocation_tokens", 7u); })
                .find("adapter.alora.invocation_tokens: expected a plain adapter"),
            std::string::npos);
  EXPECT_NE(opened("lora", [](GgufWriter& w) { w.key("adapter.lora.prompt_prefix", "query: "); }).find("adapter.lora.prompt_prefix: expected"),
            std::string::npos);
  EXPECT_NE(opened("lora", [](GgufWriter& w) { w.key("adapter.of_next_year", 1u); }).find("adapter.of_next_year: expected"), std::string::npos);
}

TEST_F(LoraTest, WhatIsNoPlainAdapterOfThisModelIsRefusedInWords) {
  Random random(6);
  const std::vector<Matrix> good = pair_of(module_name(0, "self_attn.q_proj"), 128, 64, 4, random);
  EXPECT_EQ(refusal(kPlainConfig, good), "taken");
  const auto with = [](const std::string& more) { return R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, )" + more + "}"; };
  const std::pair<std::string, std::string> configs[] = {
      {R"({"r": 4})", "adapter_config.json: peft_type: expected LORA, found none"},
      {R"({"peft_type": "IA3"})", "adapter_config.json: peft_type: expected LORA, found IA3"},
      {R"({"peft_type": "LORA", "lora_alpha": 8})", "expected the 4 rows of its lora_A, found none"},
      {R"({"peft_type": "LORA", "r": 4})", "adapter_config.json: lora_alpha: expected a number, found none"},
      {R"({"peft_type": "LORA", "r": 9, "lora_alpha": 8})", "expected the 4 rows of its lora_A, found 9"},
      {with(R"("use_dora": true)"), "use_dora: expected false, found true"},
      {with(R"("bias": "all")"), "bias: expected none, found all"},
      {with(R"("modules_to_save": ["lm_head"])"), "modules_to_save: expected none, found some"},
      {with(R"("target_parameters": ["mlp.experts.gate_up_proj"])"), "target_parameters: expected none, found some"},
      {with(R"("use_dora": "true")"), "use_dora: expected none, found true"},
      {with(R"("use_qalora": true)"), "use_qalora: expected false, found true"},
      {with(R"("lora_bias": true)"), "lora_bias: expected false, found true"},
      {with(R"("bias": true)"), "bias: expected none, found true"},
      {with(R"("use_rslora": 1)"), "use_rslora: expected true or false, found 1"},
      {with(R"("init_lora_weights": "pissa")"),
       "init_lora_weights: expected true, false, gaussian or orthogonal, which leave the model as it is, found pissa"},
      {with(R"("init_lora_weights": "pissa_niter_16")"), "found pissa_niter_16"},
      {with(R"("init_lora_weights": "olora")"), "found olora"},
      {with(R"("init_lora_weights": "corda")"), "found corda"},
      {with(R"("init_lora_weights": "loftq")"), "found loftq"},
      {with(R"("init_lora_weights": "lora_ga")"), "found lora_ga"},
      {with(R"("init_lora_weights": 1)"), "init_lora_weights: expected"},
      {with(R"("alora_invocation_tokens": [1, 2])"), "alora_invocation_tokens: expected none, found some"},
      {with(R"("layer_replication": [[0, 2], [1, 3]])"), "layer_replication: expected none, found some"},
      {with(R"("trainable_token_indices": [3])"), "trainable_token_indices: expected none, found some"},
      {with(R"("trainable_token_indices": {"embed_tokens": [3]})"), "trainable_token_indices: expected none, found some"},
      {with(R"("use_bdlora": {"nblocks": 2})"), "use_bdlora: expected none, found some"},
      {with(R"("megatron_config": {"a": 1})"), "megatron_config: expected none, found some"},
      {with(R"("ensure_weight_tying": true)"), "ensure_weight_tying: expected false, found true"},
      {with(R"("of_next_year": 0.5)"), "of_next_year: expected none, found 0.5"},
      {with(R"("of_next_year": "yes")"), "of_next_year: expected none, found yes"},
      {with(R"("of_next_year": true)"), "of_next_year: expected false, found true"},
      {with(R"("of_next_year": [{"a": 1}])"), "of_next_year: expected none, found some"},
      {with(R"("rank_pattern": 4)"), "rank_pattern: expected an object"},
      {with(R"("alpha_pattern": [4])"), "alpha_pattern: expected an object"},
      {with(R"("rank_pattern": {"^.*q_proj$": 4})"), "rank_pattern: expected names of modules, found ^.*q_proj$"},
      {with(R"("alpha_pattern": {"q_proj": "x"})"), "alpha_pattern: expected one number"},
      {R"({"peft_type": "LORA", "r": 4, "lora_alpha": 1e300})", "alpha: expected a finite scale"},
      {"[1]", "adapter_config.json: expected a JSON object"},
  };
  for (const auto& [config, words] : configs) {
    const std::string message = refusal(config, good);
    EXPECT_NE(message.find(words), std::string::npos) << config << ": " << message;
  }

  // what is off, and what only training needed
  for (const char* more :
       {R"("use_dora": false, "use_qalora": false, "lora_bias": false, "alora_invocation_tokens": null, "layer_replication": null)",
        R"("modules_to_save": [], "target_parameters": null, "trainable_token_indices": null, "of_next_year": false, "and": {}, "more": [])",
        R"("init_lora_weights": "gaussian", "lora_dropout": 0.1, "layers_to_transform": [0], "layers_pattern": "layers", "exclude_modules": "x")",
        R"("init_lora_weights": false, "runtime_config": {"ephemeral_gpu_offload": true}, "qalora_group_size": 16, "peft_version": "0.21.2")",
        R"("auto_mapping": {"unsloth_fixed": true}, "loftq_config": {}, "megatron_core": "megatron.core", "enable_lora": null)"})
    EXPECT_EQ(refusal(with(more), good), "taken") << more;

  const std::pair<std::vector<Matrix>, std::string> tensors[] = {
      {{good[0]}, "expected both lora_A and lora_B, found one of them"},
      {pair_of(module_name(0, "self_attn.q_proj"), 64, 64, 4, random), "expected the shape [128, 64] of qwen3-tiny, found [64, 64]"},
      {pair_of(module_name(7, "self_attn.q_proj"), 128, 64, 4, random), "expected a matrix of qwen3-tiny, found none of this name"},
      {pair_of(module_name(0, "self_attn.qkv_proj"), 128, 64, 4, random), "expected a linear layer of a known architecture"},
      {pair_of("model.embed_tokens", 416, 64, 4, random), "found a matrix that takes no adapter"},
      {{{"base_model.model.lm_head.weight", {2, 2}, {1, 2, 3, 4}}}, "expected only lora_A and lora_B of linear layers"},
      {{{good[0].name, {4, 64}, good[0].values}, {good[1].name, {64, 8}, good[1].values}}, "expected lora_A's 4 rows as columns of lora_B"},
      {{{good[0].name, {256}, good[0].values}, good[1]}, "expected matrices of numbers, found [256] of F32"},
      {{}, "expected pairs of low-rank matrices, found none"},
  };
  for (const auto& [matrices, words] : tensors) {
    const std::string message = refusal(kPlainConfig, matrices);
    EXPECT_NE(message.find(words), std::string::npos) << message;
  }

  // experts and the latent's way to keys and values are no linear layers of ours
  EXPECT_NE(refusal(kPlainConfig, pair_of(module_name(1, "mlp.experts.3.up_proj"), 32, 64, 4, random), "qwen3-moe-tiny").find("takes no adapter"),
            std::string::npos);
  EXPECT_NE(
      refusal(kPlainConfig, pair_of(module_name(0, "self_attn.kv_b_proj"), 224, 64, 4, random), "glm4-moe-lite-mtp-tiny").find("takes no adapter"),
      std::string::npos);
  EXPECT_EQ(refusal(kPlainConfig, pair_of(module_name(0, "self_attn.q_a_proj"), 32, 64, 4, random), "glm4-moe-lite-mtp-tiny"), "taken");
  EXPECT_EQ(refusal(kPlainConfig, pair_of("lm_head", 416, 64, 4, random), "qwen3-moe-tiny"), "taken");

  TestCheckpoint source = open("llama-tiny");
  auto other = try_logits(source, {1}, {{(model_data("qwen3-tiny-lora") / "adapter-f32.gguf").string()}});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "adapter-f32.gguf: expected an adapter for llama, found one for qwen3");
  auto missing = open_adapter(folder_.path() / "nothing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST_F(LoraTest, WhatExistsAsItIsTypedIsAPathBeforeAColonDividesIt) {
  const auto parsed = [](const std::string& typed) {
    const auto request = lora_request_of(typed);
    return request ? request->path + " * " + std::to_string(request->scale) : request.error().message;
  };
  const std::string folder = folder_.path().string();
  EXPECT_EQ(parsed(folder + "/a:0.5"), folder + "/a * 0.500000");
  EXPECT_EQ(parsed(folder + "/a:b"), folder + "/a:b * 1.000000");
  std::filesystem::create_directory(folder + "/a:0.5");
  EXPECT_EQ(parsed(folder + "/a:0.5"), folder + "/a:0.5 * 1.000000");
  EXPECT_EQ(parsed(folder + "/a:0.5:0.25"), folder + "/a:0.5 * 0.250000");
  EXPECT_EQ(parsed("file://" + folder + "/a%3A0.5"), folder + "/a:0.5 * 1.000000");
  EXPECT_EQ(parsed("file://" + folder + "/a%3A0.5:-2"), folder + "/a:0.5 * -2.000000");
  EXPECT_EQ(parsed("file:///none/a%20b:2"), "/none/a b * 2.000000");
  EXPECT_EQ(parsed("a:"), "a: * 1.000000");
  EXPECT_EQ(parsed(":1"), ":1 * 1.000000");
  EXPECT_NE(parsed("file://other/a:2").find("found the host other"), std::string::npos);
  EXPECT_NE(parsed("file:///a%zz:2").find("found a % without two hexadecimal digits"), std::string::npos);
}

// Every 7th byte of both forms changed, and both cut everywhere: an error in words or an adapter, never a crash.
TEST_F(LoraTest, BrokenFilesNeverHurt) {
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const auto adapter = model_data("qwen3-tiny-lora");
  folder_.write("adapter_config.json", read(adapter / "adapter_config.json"));
  for (const std::string name : {"adapter_model.safetensors", "adapter-f32.gguf", "adapter_config.json"}) {
    const std::string whole = read(adapter / name);
    const auto attempt = [&](const std::string& bytes) {
      const auto path = folder_.write(name, bytes);
      TestCheckpoint source = open("qwen3-tiny");
      AdaptedWeights adapted(source, *backend_);
      const auto added = adapted.add({(name.ends_with(".gguf") ? path : folder_.path()).string()});
      EXPECT_TRUE(added || !added.error().message.empty());
    };
    const std::size_t n_header = std::min<std::size_t>(whole.size(), 4096);  // the rest is numbers
    for (std::size_t i = 0; i < n_header; i += 7) {
      for (const char change : {'\xff', '\x01'}) {
        std::string bent = whole;
        bent[i] = static_cast<char>(bent[i] ^ change);
        attempt(bent);
      }
      attempt(whole.substr(0, i));
    }
    folder_.write(name, whole);
  }
}

}  // namespace
}  // namespace pio::test
