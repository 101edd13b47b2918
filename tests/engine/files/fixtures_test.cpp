#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "engine/files/model_file.h"
#include "tests/support/tensor_bytes.h"

// Files that other programs wrote (llama.cpp's converter and quantizer; safetensors' own library), against each other.

namespace pio {
namespace {

namespace fs = std::filesystem;

const fs::path kData = PIO_TEST_DATA;

fs::path shared_fixtures() {
  const char* shared = std::getenv("PIO_SHARED");
  return (shared ? fs::path(shared) : fs::path(PIO_SOURCE) / ".." / "shared") / "fixtures";
}

std::unique_ptr<ModelFile> opened(const fs::path& path) {
  auto file = open_model_file(path);
  if (!file) {
    ADD_FAILURE() << path << ": " << file.error().message;
    return nullptr;
  }
  return std::move(*file);
}

std::vector<float> values_of(const ModelFile& file, std::size_t i) {
  const TensorInfo& tensor = file.tensors()[i];
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.n_values()));
  info(tensor.dtype).decode(test::tensor_bytes(file, i).data(), values.data(), tensor.shape.n_values());
  return values;
}

std::int64_t whole(const ModelFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  return it == file.metadata().end() ? -1 : std::get<std::int64_t>(it->second);
}

// models.md section 7: published names under GGUF's.
std::string published_name(std::string name) {
  static const std::map<std::string, std::string> parts = {{"token_embd", "model.embed_tokens"},
                                                           {"output_norm", "model.norm"},
                                                           {"output", "lm_head"},
                                                           {"attn_norm", "input_layernorm"},
                                                           {"attn_q", "self_attn.q_proj"},
                                                           {"attn_k", "self_attn.k_proj"},
                                                           {"attn_v", "self_attn.v_proj"},
                                                           {"attn_output", "self_attn.o_proj"},
                                                           {"attn_q_norm", "self_attn.q_norm"},
                                                           {"attn_k_norm", "self_attn.k_norm"},
                                                           {"ffn_norm", "post_attention_layernorm"},
                                                           {"ffn_gate", "mlp.gate_proj"},
                                                           {"ffn_up", "mlp.up_proj"},
                                                           {"ffn_down", "mlp.down_proj"}};
  std::string prefix;
  if (name.starts_with("blk.")) {
    const std::size_t dot = name.find('.', 4);
    prefix = "model.layers." + name.substr(4, dot - 4) + ".";
    name = name.substr(dot + 1);
  }
  const std::size_t dot = name.rfind('.');
  return prefix + parts.at(name.substr(0, dot)) + name.substr(dot);
}

// The converter permutes the rows of Q and K of llama from half-split to interleaved: row 2i + j of a head was row j * head_dim / 2 + i.
std::vector<float> interleaved(const std::vector<float>& values, std::int64_t n_heads, std::int64_t n_rows) {
  const std::int64_t n_in = static_cast<std::int64_t>(values.size()) / n_rows, head_dim = n_rows / n_heads;
  std::vector<float> out(values.size());
  for (std::int64_t row = 0; row < n_rows; ++row) {
    const std::int64_t head = row / head_dim, i = row % head_dim / 2, j = row % 2;
    const std::int64_t from = head * head_dim + j * head_dim / 2 + i;
    std::copy_n(values.begin() + from * n_in, n_in, out.begin() + row * n_in);
  }
  return out;
}

// What rounding to so many bits costs: blocks span about five standard deviations, so the error is (5 / 2^bits)² / 12 of the mean square:
// 3e-5 at 8 bits, 0.13 at 2. Three times that; a wrong tensor, offset or order gives 2.
double allowed_error(DType dtype) {
  switch (dtype) {
    case DType::q8_0: return 1e-4;
    case DType::q6_k: return 2e-3;
    case DType::q5_0:
    case DType::q5_1:
    case DType::q5_k: return 6e-3;
    case DType::q4_0:
    case DType::q4_1:
    case DType::q4_k:
    case DType::iq4_nl:
    case DType::iq4_xs: return 2.5e-2;
    case DType::q3_k: return 0.1;
    case DType::q2_k: return 0.3;
    default: return 0;
  }
}

void compare(const ModelFile& gguf, const ModelFile& checkpoint) {
  EXPECT_EQ(gguf.naming(), WeightSource::Naming::gguf);
  EXPECT_EQ(checkpoint.naming(), WeightSource::Naming::hugging_face);
  EXPECT_EQ(gguf.architecture(), checkpoint.architecture());
  EXPECT_EQ(whole(gguf, gguf.architecture() + ".block_count"), whole(checkpoint, "num_hidden_layers"));
  EXPECT_EQ(whole(gguf, gguf.architecture() + ".embedding_length"), whole(checkpoint, "hidden_size"));
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < checkpoint.tensors().size(); ++i) by_name[checkpoint.tensors()[i].name] = i;
  EXPECT_EQ(gguf.tensors().size(), by_name.size());
  for (std::size_t i = 0; i < gguf.tensors().size(); ++i) {
    const TensorInfo& tensor = gguf.tensors()[i];
    SCOPED_TRACE(gguf.label() + " " + tensor.name + " " + info(tensor.dtype).name);
    const auto it = by_name.find(published_name(tensor.name));
    ASSERT_NE(it, by_name.end());
    const TensorInfo& published = checkpoint.tensors()[it->second];
    EXPECT_EQ(tensor.shape.text(), published.shape.text());
    EXPECT_EQ(gguf.data(i).size(), bytes_of(tensor.dtype, tensor.shape.n_values()));
    std::vector<float> expected = values_of(checkpoint, it->second);
    const bool is_q = tensor.name.find("attn_q.") != std::string::npos, is_k = tensor.name.find("attn_k.") != std::string::npos;
    if (gguf.architecture() == "llama" && (is_q || is_k))
      expected = interleaved(expected, whole(checkpoint, is_q ? "num_attention_heads" : "num_key_value_heads"), published.shape[0]);
    const std::vector<float> found = values_of(gguf, i);
    ASSERT_EQ(found.size(), expected.size());
    if (tensor.dtype == DType::f16)
      for (float& v : expected) v = f16_to_f32(f32_to_f16(v));
    double error = 0, norm = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      error += (double(found[k]) - expected[k]) * (double(found[k]) - expected[k]);
      norm += double(expected[k]) * expected[k];
    }
    EXPECT_LE(error, norm * allowed_error(tensor.dtype));  // f32, bf16 and f16 exactly
  }
}

TEST(CommittedFiles, AGgufHoldsTheNumbersOfItsCheckpoint) {
  const auto gguf = opened(kData / "files" / "qwen2-tiny-f16.gguf"), checkpoint = opened(kData / "models" / "qwen2-tiny");
  ASSERT_TRUE(gguf && checkpoint);
  compare(*gguf, *checkpoint);
}

TEST(CommittedFiles, AGgufOfOnlyATokenizerOpens) {
  const auto gguf = opened(kData / "files" / "tokenizer-only.gguf");
  ASSERT_TRUE(gguf);
  EXPECT_TRUE(gguf->tensors().empty());
  EXPECT_EQ(gguf->architecture(), "llama");
  const auto& tokens = std::get<std::vector<std::string>>(gguf->metadata().at("tokenizer.ggml.tokens"));
  EXPECT_EQ(tokens.size(), std::get<std::vector<std::int64_t>>(gguf->metadata().at("tokenizer.ggml.token_type")).size());
  EXPECT_EQ(tokens[0], "!");
}

TEST(CommittedFiles, AFileOfACheckpointOpensItsFolder) {
  const auto folder = opened(kData / "models" / "qwen3-tiny"), file = opened(kData / "models" / "qwen3-tiny" / "model.safetensors");
  ASSERT_TRUE(folder && file);
  EXPECT_EQ(file->label(), "qwen3-tiny");
  EXPECT_EQ(file->tensors().size(), folder->tensors().size());
}

class GgufForms : public testing::TestWithParam<const char*> {};

TEST_P(GgufForms, EveryGgufFormHoldsTheNumbersOfItsCheckpoint) {
  const fs::path folder = shared_fixtures() / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "no fixtures at " << folder << " (set PIO_SHARED)";
  const auto checkpoint = opened(folder);
  ASSERT_TRUE(checkpoint);
  int n_files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    const auto gguf = opened(entry.path());
    ASSERT_TRUE(gguf);
    compare(*gguf, *checkpoint);
    ++n_files;
  }
  EXPECT_GE(n_files, 5);
}

INSTANTIATE_TEST_SUITE_P(Models, GgufForms, testing::Values("llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-small"), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(SharedFixtures, ShardsHoldWhatTheWholeFileHolds) {
  const fs::path folder = shared_fixtures();
  if (!fs::exists(folder)) GTEST_SKIP() << "no fixtures at " << folder << " (set PIO_SHARED)";
  const auto whole_file = opened(folder / "qwen3-tiny"), sharded = opened(folder / "qwen3-tiny-sharded");
  ASSERT_TRUE(whole_file && sharded);
  EXPECT_EQ(std::get<std::int64_t>(sharded->metadata().at("rope_parameters.rope_theta")), 5000000);
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < whole_file->tensors().size(); ++i) by_name[whole_file->tensors()[i].name] = i;
  ASSERT_EQ(sharded->tensors().size(), by_name.size());
  for (std::size_t i = 0; i < sharded->tensors().size(); ++i) {
    const std::size_t twin = by_name.at(sharded->tensors()[i].name);
    EXPECT_EQ(sharded->tensors()[i].shape, whole_file->tensors()[twin].shape);
    EXPECT_TRUE(test::tensor_bytes(*sharded, i) == test::tensor_bytes(*whole_file, twin)) << sharded->tensors()[i].name;
  }
}

}  // namespace
}  // namespace pio
