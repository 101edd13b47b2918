#include "engine/quantize/convert.h"

#include <utility>

namespace pio {

Result<const std::byte*> SourceRows::find(std::size_t index, std::int64_t row) {
  const TensorInfo& tensor = file_.tensors()[index];
  const std::size_t row_bytes = bytes_of(tensor.dtype, tensor.shape.back());
  const auto holds = [&](const Piece& piece) { return piece.index == index && row >= piece.first && row - piece.first < piece.n; };
  if (!holds(pieces_[0])) {
    std::swap(pieces_[0], pieces_[1]);
    if (!holds(pieces_[0])) {
      Piece& piece = pieces_[0];
      const std::int64_t n = n_at_once(tensor.shape.back()), first = row / n * n;
      piece.n = 0;  // nothing, where reading fails
      piece.index = index;
      piece.first = first;
      const std::int64_t n_read = std::min(n, tensor.shape.n_rows() - first);
      piece.bytes.resize(static_cast<std::size_t>(n_read) * row_bytes);
      if (file_.is_made(index)) RETURN_IF_ERROR(file_.make_rows(index, first, n_read, piece.bytes.data()));
      else
        RETURN_IF_ERROR(file_.read(file_.data(index).subspan(static_cast<std::size_t>(first) * row_bytes, piece.bytes.size()), piece.bytes.data()));
      piece.n = n_read;
    }
  }
  return static_cast<const std::byte*>(pieces_[0].bytes.data()) + static_cast<std::size_t>(row - pieces_[0].first) * row_bytes;
}

Result<void> SourceRows::row(std::size_t index, std::int64_t row, float* values) {
  const TensorInfo& tensor = file_.tensors()[index];
  ASSIGN_OR_RETURN(const std::byte* const bytes, find(index, row));
  info(tensor.dtype).decode(bytes, values, tensor.shape.back());
  return {};
}

Result<float> SourceRows::value(std::size_t index, std::int64_t row, std::int64_t column) {
  const TensorInfo& tensor = file_.tensors()[index];
  const std::int64_t n_block = info(tensor.dtype).block_length;
  ASSIGN_OR_RETURN(const std::byte* const bytes, find(index, row));
  block_.resize(static_cast<std::size_t>(n_block));
  info(tensor.dtype).decode(bytes + bytes_of(tensor.dtype, column / n_block * n_block), block_.data(), n_block);
  return block_[static_cast<std::size_t>(column % n_block)];
}

Result<ConvertedModel> open_as_gguf(const std::filesystem::path& path) {
  ConvertedModel converted;
  ASSIGN_OR_RETURN(converted.source, open_model_file(path));
  const ModelFile& file = *converted.source;
  if (file.naming() == WeightSource::Naming::hugging_face) {
    RETURN_IF_ERROR(convert_hugging_face(file, converted));
    return converted;
  }
  converted.model.metadata = file.metadata();
  for (const char* key : {"general.alignment", "split.no", "split.count", "split.tensors.count"}) converted.model.metadata.erase(key);
  for (std::size_t i = 0; i < file.tensors().size(); ++i)
    converted.model.tensors.push_back(
        {file.tensors()[i], {i}, !file.is_made(i), [i](SourceRows& rows, std::int64_t row, float* values) { return rows.row(i, row, values); }});
  return converted;
}

}  // namespace pio
