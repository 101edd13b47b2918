#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/files/model_file.h"
#include "models/blocks/dense_decoder.h"
#include "models/qwen3_vl_2b/config.h"

namespace pio {

// Rows of a file's tensors, decoded. The rows around one are read with it, since reading one by one takes longer than all else. One thread.
class SourceRows {
 public:
  // Whoever asks for rows in order does so in pieces of n_at_once rows, so that no two read the same.
  static constexpr std::int64_t kValues = std::int64_t{256} << 10;
  static std::int64_t n_at_once(std::int64_t n_in) { return std::max<std::int64_t>(1, kValues / std::max<std::int64_t>(1, n_in)); }

  explicit SourceRows(const ModelFile& file) : file_(file) {}
  // All fail as ModelFile::read.
  Result<void> row(std::size_t index, std::int64_t row, float* values);
  Result<float> value(std::size_t index, std::int64_t row, std::int64_t column);

 private:
  struct Piece {
    std::size_t index = 0;
    std::int64_t first = 0, n = 0;
    std::vector<std::byte> bytes;
  };
  Result<const std::byte*> find(std::size_t index, std::int64_t row);

  const ModelFile& file_;
  Piece pieces_[2];  // the one used last first; what is read down a column may stand in two
  std::vector<float> block_;
};

// A tensor as GGUF wants it.
struct ConvertedTensor {
  TensorInfo info;                   // the source's format
  std::vector<std::size_t> sources;  // tensors of the file that it is made of
  bool is_source = false;            // its bytes are those of the one source
  // shape.back() numbers; any thread, with rows of its own. Fails as they do.
  std::function<Result<void>(SourceRows& rows, std::int64_t row, float* values)> read_row;
};

// One GGUF file to be.
struct ConvertedFile {
  std::map<std::string, MetaValue, std::less<>> metadata;
  std::vector<ConvertedTensor> tensors;
};

// A model with GGUF's names, metadata and layouts. Refers to `source`, which it keeps.
struct ConvertedModel {
  std::unique_ptr<ModelFile> source;
  ConvertedFile model;
  std::optional<ConvertedFile> vision;  // of a folder whose model sees: GGUF keeps the two halves apart
};

// A GGUF file as it is; a Hugging Face folder as llama.cpp's converter writes it: names, metadata, the tokenizer, rows of llama's q and k
// in pairs, experts stacked, GLM's kv_b taken apart, Qwen3-VL's kernel over time taken apart. Fails with unsupported_model on families that
// are none of ours and where GGUF has no words for what the folder says, with bad_file where weights are missing or misshapen.
Result<ConvertedModel> open_as_gguf(const std::filesystem::path& path);

// The parts of it for folders: fill in everything but `source`, of which it is made.
Result<void> convert_metadata(const ModelFile& file, const DenseConfig& config, std::int64_t n_left_layers, ConvertedModel& model);
Result<void> convert_vision(const ModelFile& file, const VisionConfig& config, ConvertedModel& model);
Result<void> convert_hugging_face(const ModelFile& file, ConvertedModel& model);

}  // namespace pio
