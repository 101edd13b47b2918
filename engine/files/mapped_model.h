#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/files/mapped_file.h"
#include "engine/files/model_file.h"

namespace pio {

// What both readers fill in: tensors, and where they stand in files. Move-only, as the files are.
struct MappedModel {
  WeightSource::Naming naming = WeightSource::Naming::gguf;
  std::string label;
  std::string architecture;
  std::map<std::string, MetaValue, std::less<>> metadata;
  std::vector<TensorInfo> tensors;
  std::vector<std::span<const std::byte>> data;  // one a tensor
  std::vector<std::filesystem::path> paths;
  std::vector<MappedFile> files;
};

class MappedModelFile final : public ModelFile {
 public:
  explicit MappedModelFile(MappedModel model) : model_(std::move(model)) {}

  WeightSource::Naming naming() const override { return model_.naming; }
  const std::string& label() const override { return model_.label; }
  const std::string& architecture() const override { return model_.architecture; }
  const std::map<std::string, MetaValue, std::less<>>& metadata() const override { return model_.metadata; }
  const std::vector<TensorInfo>& tensors() const override { return model_.tensors; }
  std::span<const std::byte> data(std::size_t index) const override {
    CHECK(index < model_.data.size(), "data: no tensor of this index");
    return model_.data[index];
  }
  Result<void> read(std::span<const std::byte> part, std::byte* out) const override {
    for (const MappedFile& file : model_.files)
      if (file.holds(part)) return file.read(part, out);
    return ModelFile::read(part, out);  // parsed from memory
  }
  std::optional<Place> place_of(std::span<const std::byte> part) const override {
    for (const MappedFile& file : model_.files)
      if (file.holds(part)) return Place{file.reader(), static_cast<std::uint64_t>(part.data() - file.bytes().data())};
    return {};
  }
  Result<void> check_unchanged() const override {
    for (const MappedFile& file : model_.files)
      if (file.reader()) RETURN_IF_ERROR(file.reader()->check_unchanged());
    return {};
  }
  Result<void> set_io(IoMode mode) override {
    for (const MappedFile& file : model_.files)
      if (file.reader()) RETURN_IF_ERROR(file.reader()->set_mode(mode));
    return {};
  }
  void set_drops(bool drops) const override {
    for (const MappedFile& file : model_.files)
      if (file.reader()) file.reader()->set_drops(drops);
  }
  ReadCounts read_counts() const override {
    ReadCounts all;
    for (const MappedFile& file : model_.files) all += file.read_counts();
    return all;
  }
  const std::vector<std::filesystem::path>& paths() const override { return model_.paths; }

 private:
  MappedModel model_;
};

// The header of one safetensors file (parse_safetensors). Fails with io{path} too.
Result<std::vector<SafetensorsEntry>> read_safetensors_header(const MappedFile& file, std::string_view label);

// Fails with bad_file when two tensors share a name.
Result<void> check_names_differ(const std::vector<TensorInfo>& tensors, std::string_view label);

}  // namespace pio
