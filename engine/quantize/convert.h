#pragma once

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

// A tensor as GGUF wants it.
struct ConvertedTensor {
  TensorInfo info;                                                // the source's format
  std::vector<std::size_t> sources;                               // tensors of the file that it is made of
  bool is_source = false;                                         // its bytes are those of the one source
  std::function<void(std::int64_t row, float* values)> read_row;  // shape.back() numbers; any thread
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

// Row `row` of a tensor, decoded.
void read_row(const ModelFile& file, std::size_t index, std::int64_t row, float* values);
// One number of it, in the time that decoding one block takes (of a tensor that is made: one row).
float read_value(const ModelFile& file, std::size_t index, std::int64_t row, std::int64_t column);

// The parts of it for folders: fill in everything but `source`, of which it is made.
Result<void> convert_metadata(const ModelFile& file, const DenseConfig& config, std::int64_t n_left_layers, ConvertedModel& model);
Result<void> convert_vision(const ModelFile& file, const VisionConfig& config, ConvertedModel& model);
Result<void> convert_hugging_face(const ModelFile& file, ConvertedModel& model);

}  // namespace pio
