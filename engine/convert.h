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

namespace pio {

// A tensor as GGUF wants it.
struct ConvertedTensor {
  TensorInfo info;                        // the source's format
  std::optional<std::size_t> same_as;     // the tensor of the file whose bytes these are
  std::function<void(std::int64_t row, float* values)> read_row;  // shape.back() numbers; any thread
};

// A model with GGUF's names, metadata and layouts. Refers to `file`, which it keeps.
struct ConvertedModel {
  std::unique_ptr<ModelFile> file;
  std::map<std::string, MetaValue, std::less<>> metadata;
  std::vector<ConvertedTensor> tensors;
};

// A GGUF file as it is; a Hugging Face folder as llama.cpp's converter writes it: names, metadata, the tokenizer, rows of llama's q and k
// in pairs, experts stacked, GLM's kv_b taken apart. Fails with unsupported_model on families that are none of ours.
Result<ConvertedModel> open_as_gguf(const std::filesystem::path& path);

// Row `row` of a tensor, decoded.
void read_row(const ModelFile& file, std::size_t index, std::int64_t row, float* values);

// The part of it for folders: fills in everything but `file`, of which it is made.
Result<void> convert_hugging_face(const ModelFile& file, const std::filesystem::path& folder, ConvertedModel& model);

}  // namespace pio
