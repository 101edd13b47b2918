#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/files/file_reader.h"
#include "engine/model_note.h"
#include "kernels/base/result.h"
#include "models/weight_source.h"

// What a model file or folder holds: metadata, and where its tensors stand. Opening one reads no weights.

namespace pio {

class ModelFile {
 public:
  virtual ~ModelFile() = default;
  virtual WeightSource::Naming naming() const = 0;
  virtual const std::string& label() const = 0;
  virtual const std::string& architecture() const = 0;
  virtual const std::map<std::string, MetaValue, std::less<>>& metadata() const = 0;
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // Where the bytes of tensors()[index] stand, exactly n_bytes of them: addresses to read() by, at which nothing can be read (MappedFile). None where
  // the tensor is made.
  virtual std::span<const std::byte> data(std::size_t index) const = 0;
  // Copies some of the bytes that data() names to `out`. Any thread. Fails with io{path}.
  virtual Result<void> read(std::span<const std::byte> part, std::byte* out) const;
  // Where such bytes stand, for a reader of its own (ReadQueue); nothing where they are in no file.
  struct Place {
    const FileReader* file = nullptr;
    std::uint64_t offset = 0;
  };
  virtual std::optional<Place> place_of(std::span<const std::byte> /*part*/) const { return {}; }
  // Fails where a file that it reads was written to since it was opened (FileReader::check_unchanged).
  virtual Result<void> check_unchanged() const { return {}; }
  // How read() reads from now on. Fails as FileReader::set_mode.
  virtual Result<void> set_io(IoMode /*mode*/) { return {}; }
  // Whether cached pages are dropped behind read() from now on: FileReader::set_drops.
  virtual void set_drops(bool /*drops*/) const {}
  // What read() has read.
  virtual ReadCounts read_counts() const { return {}; }
  // Whether the tensor's bytes stand nowhere in the file and are made from others: packed checkpoints, weights quantized while loading.
  virtual bool is_made(std::size_t /*index*/) const { return false; }
  // Makes rows [first, first + n) of such a tensor, n * bytes of a row, at `out`. Any thread. Fails as read().
  virtual Result<void> make_rows(std::size_t /*index*/, std::int64_t /*first*/, std::int64_t /*n*/, std::byte* /*out*/) const { return {}; }
  // Its rows have been made: what was kept to make them of may go.
  virtual void release_sources(std::size_t /*index*/) const {}
  // What making tensors has found out that a person should know.
  virtual std::vector<ModelNote> notes() const { return {}; }
  // All files that belong to it, for sizes and messages.
  virtual const std::vector<std::filesystem::path>& paths() const = 0;
};

// A GGUF file (v2, v3; the first or any part of a split file opens all parts), every count, length and offset checked against the file.
Result<std::unique_ptr<ModelFile>> open_gguf(const std::filesystem::path& path);
// The same from memory, one part, for fuzzing. `label` names it in errors; the bytes must outlive the result.
Result<std::unique_ptr<ModelFile>> parse_gguf(std::span<const std::byte> bytes, std::string_view label);

// A Hugging Face folder: config.json (its keys are the metadata, nested ones joined with dots) and model.safetensors, or shards with
// model.safetensors.index.json. generation_config.json's keys are there under "generation.", those of preprocessor_config.json and
// video_preprocessor_config.json under "preprocessor." and "video_preprocessor.".
Result<std::unique_ptr<ModelFile>> open_hugging_face(const std::filesystem::path& folder);

// The header of one safetensors file: names, formats, shapes and byte ranges (from the start of the file), all checked. For fuzzing too.
// Of five extents (a kernel over time and space) the last two become one.
struct SafetensorsEntry {
  TensorInfo info;
  std::uint64_t offset = 0;
};
Result<std::vector<SafetensorsEntry>> parse_safetensors(std::span<const std::byte> bytes, std::string_view label);

// A packed checkpoint's weights under their own names and shapes, in a format that is multiplied by: bitsandbytes' NF4 (double-quantized
// too) and INT8, GPTQ and AWQ of 4 bits. Any other file as it is. Fails with bad_file where parts are missing or of the wrong size, with
// unsupported_model for other packings. (unpack.cpp says which bytes mean what.)
Result<std::unique_ptr<ModelFile>> unpack_checkpoint(std::unique_ptr<ModelFile> file);

// Weights made smaller while they are read (forms in memory; files are written by engine/quantize/quantize.h).
enum class LoadQuantization { keep, int4, int8, fp16, nf4 };

// The file with the matrices of its layers in another form: those of attention and feed-forward blocks, experts among them, that become
// smaller by it. Embeddings, the output, routers, norms and the vision half stay as they are (bitsandbytes leaves the same out). Its notes say
// how far the weights made so far are from the file's. Fails with bad_argument where nothing would become smaller.
Result<std::unique_ptr<ModelFile>> quantize_while_loading(std::unique_ptr<ModelFile> file, LoadQuantization quantization);

// Either, by what `path` is.
Result<std::unique_ptr<ModelFile>> open_model_file(const std::filesystem::path& path);

// GGUF's number of a tensor type; and back. Types that were taken out of GGUF have no DType, our forms in memory no number.
std::optional<DType> dtype_from_ggml(std::uint32_t type);
std::optional<std::uint32_t> ggml_from_dtype(DType dtype);

}  // namespace pio
