#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/files/model_file.h"

namespace pio {

// One tensor of a derived file: another file's as it is, or made from some of that file's tensors.
struct DerivedTensor {
  TensorInfo info;
  std::vector<std::size_t> sources;  // tensors of the inner file; the one it is, where there is nothing to make
  // Rows [first, first + n) in info's format; null: taken over in place.
  std::function<Result<void>(std::int64_t first, std::int64_t n, std::byte* out)> make_rows;
  std::function<void()> release = {};  // what was kept to make rows of; null: nothing
};

// A model file seen through a change of some of its tensors. Everything else, metadata too, is the inner file's. Owns it.
class DerivedFile final : public ModelFile {
 public:
  using Notes = std::function<std::vector<ModelNote>()>;
  DerivedFile(std::unique_ptr<ModelFile> inner, std::vector<DerivedTensor> tensors, Notes notes = {});

  WeightSource::Naming naming() const override { return inner_->naming(); }
  const std::string& label() const override { return inner_->label(); }
  const std::string& architecture() const override { return inner_->architecture(); }
  const std::map<std::string, MetaValue, std::less<>>& metadata() const override { return inner_->metadata(); }
  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  std::span<const std::byte> data(std::size_t index) const override;
  Result<void> read(std::span<const std::byte> part, std::byte* out) const override { return inner_->read(part, out); }
  std::optional<Place> place_of(std::span<const std::byte> part) const override { return inner_->place_of(part); }
  Result<void> check_unchanged() const override { return inner_->check_unchanged(); }
  Result<void> set_io(IoMode mode) override { return inner_->set_io(mode); }
  void set_drops(bool drops) const override { inner_->set_drops(drops); }
  ReadCounts read_counts() const override { return inner_->read_counts(); }
  bool is_made(std::size_t index) const override;
  Result<void> make_rows(std::size_t index, std::int64_t first, std::int64_t n, std::byte* out) const override;
  void release_sources(std::size_t index) const override;
  std::vector<ModelNote> notes() const override;
  const std::vector<std::filesystem::path>& paths() const override { return inner_->paths(); }

 private:
  std::unique_ptr<ModelFile> inner_;
  std::vector<DerivedTensor> tensors_;
  std::vector<TensorInfo> infos_;
  Notes notes_;
};

}  // namespace pio
