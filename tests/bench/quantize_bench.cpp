// Weights to write in other formats, and how far what was written is from them: for comparing `pio quantize` with llama-quantize.
//   quantize_bench make FULL.gguf                   two layers of Qwen3-VL-2B's shape and 16,384 rows of vocabulary, 134 M values in f32
//   quantize_bench error FULL.gguf QUANTIZED.gguf   relative RMSE of each format of the second, over its tensors

#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "engine/files/gguf_writer.h"
#include "engine/files/model_file.h"

namespace pio {
namespace {

Result<void> make(const char* path) {
  constexpr std::int64_t kDim = 2048, kHidden = 6144, kRows = 16384, kHeads = 16, kKvHeads = 8, kHeadDim = 128, kLayers = 2;
  std::vector<TensorInfo> tensors;
  const auto add = [&](const std::string& name, Shape shape) {
    tensors.push_back({name, DType::f32, shape, bytes_of(DType::f32, shape.n_values())});
  };
  add("token_embd.weight", {kRows, kDim});
  add("output_norm.weight", {kDim});
  for (std::int64_t l = 0; l < kLayers; ++l) {
    const std::string blk = "blk." + std::to_string(l) + ".";
    add(blk + "attn_norm.weight", {kDim});
    add(blk + "attn_q.weight", {kHeads * kHeadDim, kDim});
    add(blk + "attn_k.weight", {kKvHeads * kHeadDim, kDim});
    add(blk + "attn_v.weight", {kKvHeads * kHeadDim, kDim});
    add(blk + "attn_output.weight", {kDim, kHeads * kHeadDim});
    add(blk + "attn_q_norm.weight", {kHeadDim});
    add(blk + "attn_k_norm.weight", {kHeadDim});
    add(blk + "ffn_norm.weight", {kDim});
    add(blk + "ffn_gate.weight", {kHidden, kDim});
    add(blk + "ffn_up.weight", {kHidden, kDim});
    add(blk + "ffn_down.weight", {kDim, kHidden});
  }
  const std::map<std::string, MetaValue, std::less<>> metadata = {{"general.architecture", std::string("qwen3")},
                                                                  {"general.type", std::string("model")},
                                                                  {"general.file_type", std::int64_t{0}},
                                                                  {"qwen3.block_count", kLayers},
                                                                  {"qwen3.context_length", std::int64_t{4096}},
                                                                  {"qwen3.embedding_length", kDim},
                                                                  {"qwen3.feed_forward_length", kHidden},
                                                                  {"qwen3.attention.head_count", kHeads},
                                                                  {"qwen3.attention.head_count_kv", kKvHeads},
                                                                  {"qwen3.attention.key_length", kHeadDim},
                                                                  {"qwen3.attention.value_length", kHeadDim},
                                                                  {"qwen3.attention.layer_norm_rms_epsilon", static_cast<double>(1e-6f)},
                                                                  {"qwen3.rope.freq_base", 5e6}};
  ASSIGN_OR_RETURN(GgufFileWriter writer, GgufFileWriter::create(path, metadata, tensors));
  std::mt19937 engine(7);
  std::student_t_distribution<float> heavy_tailed(4);  // trained weights have outliers
  std::vector<float> values;
  for (const TensorInfo& tensor : tensors) {
    values.resize(static_cast<std::size_t>(tensor.shape.n_values()));
    for (float& value : values) value = 0.02f * heavy_tailed(engine);
    RETURN_IF_ERROR(writer.append(std::as_bytes(std::span(values))));
  }
  RETURN_IF_ERROR(writer.sync());
  RETURN_IF_ERROR(writer.finish());
  return {};
}

Result<void> error(const char* full_path, const char* path) {
  struct Sums {
    double difference = 0, power = 0;
    std::int64_t n = 0;
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelFile> full, open_gguf(full_path));
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelFile> file, open_gguf(path));
  std::map<DType, Sums> sums;
  for (std::size_t i = 0; i < file->tensors().size(); ++i) {
    const TensorInfo& tensor = file->tensors()[i];
    std::size_t f = 0;
    while (f < full->tensors().size() && full->tensors()[f].name != tensor.name) ++f;
    if (f == full->tensors().size() || full->tensors()[f].dtype != DType::f32 || full->tensors()[f].shape != tensor.shape)
      return make_error(ErrorCode::bad_argument, std::string(full_path) + ": expected " + tensor.name + " in f32, found none");
    std::vector<std::byte> full_bytes(full->data(f).size()), bytes(file->data(i).size());
    RETURN_IF_ERROR(full->read(full->data(f), full_bytes.data()));
    RETURN_IF_ERROR(file->read(file->data(i), bytes.data()));
    const auto* right = reinterpret_cast<const float*>(full_bytes.data());
    std::vector<float> row(static_cast<std::size_t>(tensor.shape.back()));
    Sums& sum = sums[tensor.dtype];
    for (std::int64_t at = 0; at < tensor.shape.n_values(); at += tensor.shape.back()) {
      info(tensor.dtype).decode(bytes.data() + bytes_of(tensor.dtype, at), row.data(), tensor.shape.back());
      for (std::size_t j = 0; j < row.size(); ++j) {
        const double x = static_cast<double>(right[static_cast<std::size_t>(at) + j]), e = static_cast<double>(row[j]) - x;
        sum.difference += e * e;
        sum.power += x * x;
      }
    }
    sum.n += tensor.shape.n_values();
  }
  for (const auto& [dtype, sum] : sums)
    std::printf("%s %lld %.6f\n", info(dtype).name, static_cast<long long>(sum.n), std::sqrt(sum.difference / sum.power));
  return {};
}

}  // namespace
}  // namespace pio

int main(int argc, char** argv) {
  pio::Result<void> done =
      pio::make_error(pio::ErrorCode::bad_argument, "quantize_bench: expected make FULL.gguf, or error FULL.gguf QUANTIZED.gguf");
  if (argc == 3 && std::strcmp(argv[1], "make") == 0) done = pio::make(argv[2]);
  if (argc == 4 && std::strcmp(argv[1], "error") == 0) done = pio::error(argv[2], argv[3]);
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
