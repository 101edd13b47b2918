#include "engine/convert.h"

namespace pio {

void read_row(const ModelFile& file, std::size_t index, std::int64_t row, float* values) {
  const TensorInfo& tensor = file.tensors()[index];
  const std::int64_t n_in = tensor.shape.back();
  const std::size_t row_bytes = bytes_of(tensor.dtype, n_in);
  if (file.is_made(index)) {
    std::vector<std::byte> made(row_bytes);
    file.make_rows(index, row, 1, made.data());
    info(tensor.dtype).decode(made.data(), values, n_in);
  } else {
    info(tensor.dtype).decode(file.data(index).data() + static_cast<std::size_t>(row) * row_bytes, values, n_in);
  }
}

Result<ConvertedModel> open_as_gguf(const std::filesystem::path& path) {
  ConvertedModel model;
  ASSIGN_OR_RETURN(model.file, open_model_file(path));
  const ModelFile& file = *model.file;
  if (file.naming() == WeightSource::Naming::hugging_face) {
    const bool is_folder = std::filesystem::is_directory(path);
    RETURN_IF_ERROR(convert_hugging_face(file, is_folder ? path : path.parent_path(), model));
    return model;
  }
  model.metadata = file.metadata();
  for (const char* key : {"general.alignment", "split.no", "split.count", "split.tensors.count"}) model.metadata.erase(key);
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    ConvertedTensor tensor;
    tensor.info = file.tensors()[i];
    if (!file.is_made(i)) tensor.same_as = i;
    tensor.read_row = [&file, i](std::int64_t row, float* values) { read_row(file, i, row, values); };
    model.tensors.push_back(std::move(tensor));
  }
  return model;
}

}  // namespace pio
