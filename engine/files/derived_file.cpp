#include "engine/files/derived_file.h"

#include <algorithm>
#include <iterator>

namespace pio {

DerivedFile::DerivedFile(std::unique_ptr<ModelFile> inner, std::vector<DerivedTensor> tensors, Notes notes)
    : inner_(std::move(inner)), tensors_(std::move(tensors)), notes_(std::move(notes)) {
  for (const DerivedTensor& tensor : tensors_) infos_.push_back(tensor.info);
}

std::span<const std::byte> DerivedFile::data(std::size_t index) const {
  const DerivedTensor& tensor = tensors_.at(index);
  if (tensor.make_rows) return {};
  return inner_->data(tensor.sources.front());
}

bool DerivedFile::is_made(std::size_t index) const {
  const DerivedTensor& tensor = tensors_.at(index);
  return tensor.make_rows || inner_->is_made(tensor.sources.front());
}

Result<void> DerivedFile::make_rows(std::size_t index, std::int64_t first, std::int64_t n, std::byte* out) const {
  const DerivedTensor& tensor = tensors_.at(index);
  return tensor.make_rows ? tensor.make_rows(first, n, out) : inner_->make_rows(tensor.sources.front(), first, n, out);
}

std::vector<ModelNote> DerivedFile::notes() const {
  std::vector<ModelNote> all = inner_->notes();
  if (notes_) std::ranges::move(notes_(), std::back_inserter(all));
  return all;
}

void DerivedFile::release_sources(std::size_t index) const {
  if (tensors_.at(index).release) tensors_.at(index).release();
  for (const std::size_t source : tensors_.at(index).sources) inner_->release_sources(source);
}

}  // namespace pio
