#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"
#include "models/weight_source.h"

// What a model file or folder holds: metadata, and tensors as bytes in place. Reading one never loads weights.

namespace pio {

class ModelFile {
 public:
  virtual ~ModelFile() = default;
  virtual WeightSource::Naming naming() const = 0;
  virtual const std::string& label() const = 0;
  virtual const std::string& architecture() const = 0;
  virtual const std::map<std::string, MetaValue, std::less<>>& metadata() const = 0;
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // The bytes of tensors()[index], exactly n_bytes of them, within the mapped file.
  virtual std::span<const std::byte> data(std::size_t index) const = 0;
  // All files that belong to it, for sizes and messages.
  virtual const std::vector<std::filesystem::path>& paths() const = 0;
};

// A GGUF file (v2, v3; the first or any part of a split file opens all parts), every count, length and offset checked against the file.
Result<std::unique_ptr<ModelFile>> open_gguf(const std::filesystem::path& path);
// The same from memory, one part, for fuzzing. `label` names it in errors; the bytes must outlive the result.
Result<std::unique_ptr<ModelFile>> parse_gguf(std::span<const std::byte> bytes, std::string_view label);

// A Hugging Face folder: config.json (its keys are the metadata, nested ones joined with dots) and model.safetensors, or shards with
// model.safetensors.index.json. generation_config.json's keys are there under "generation.".
Result<std::unique_ptr<ModelFile>> open_hugging_face(const std::filesystem::path& folder);

// The header of one safetensors file: names, formats, shapes and byte ranges (from the start of the file), all checked. For fuzzing too.
struct SafetensorsEntry {
  TensorInfo info;
  std::uint64_t offset = 0;
};
Result<std::vector<SafetensorsEntry>> parse_safetensors(std::span<const std::byte> bytes, std::string_view label);

// Either, by what `path` is.
Result<std::unique_ptr<ModelFile>> open_model_file(const std::filesystem::path& path);

// GGUF's number of a tensor type; and back. Types that were taken out of GGUF have no DType, our forms in memory no number.
std::optional<DType> dtype_from_ggml(std::uint32_t type);
std::optional<std::uint32_t> ggml_from_dtype(DType dtype);

}  // namespace pio
