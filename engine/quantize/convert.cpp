#include "engine/quantize/convert.h"

#include "kernels/base/check.h"

namespace pio {

void read_row(const ModelFile& file, std::size_t index, std::int64_t row, float* values) {
  const TensorInfo& tensor = file.tensors()[index];
  const std::int64_t n_in = tensor.shape.back();
  const std::size_t row_bytes = bytes_of(tensor.dtype, n_in);
  if (file.is_made(index)) {
    std::vector<std::byte> made(row_bytes);
    CHECK(file.make_rows(index, row, 1, made.data()), "a packed checkpoint's rows");
    info(tensor.dtype).decode(made.data(), values, n_in);
  } else {
    info(tensor.dtype).decode(file.data(index).data() + static_cast<std::size_t>(row) * row_bytes, values, n_in);
  }
}

float read_value(const ModelFile& file, std::size_t index, std::int64_t row, std::int64_t column) {
  const TensorInfo& tensor = file.tensors()[index];
  const std::int64_t n_in = tensor.shape.back(), n_block = info(tensor.dtype).block_length;
  std::vector<float> values(static_cast<std::size_t>(file.is_made(index) ? n_in : n_block));
  if (file.is_made(index)) {
    read_row(file, index, row, values.data());
    return values[static_cast<std::size_t>(column)];
  }
  const std::byte* block = file.data(index).data() + bytes_of(tensor.dtype, row * n_in + column / n_block * n_block);
  info(tensor.dtype).decode(block, values.data(), n_block);
  return values[static_cast<std::size_t>(column % n_block)];
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
        {file.tensors()[i], {i}, !file.is_made(i), [&file, i](std::int64_t row, float* values) { read_row(file, i, row, values); }});
  return converted;
}

}  // namespace pio
