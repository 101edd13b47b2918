#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/files/derived_file.h"

namespace pio {
namespace {

// A matrix of a layer's attention or feed-forward block. Routers decide by small differences and are small themselves.
bool is_layer_matrix(WeightSource::Naming naming, const TensorInfo& tensor) {
  const std::string_view name = tensor.name;
  if (tensor.shape.rank() < 2) return false;
  if (naming == WeightSource::Naming::gguf)
    return name.starts_with("blk.") && name.ends_with(".weight") && !name.ends_with("ffn_gate_inp.weight") && name.find(".nextn.") == name.npos;
  const bool is_expert_stack = name.ends_with("mlp.experts.gate_up_proj") || name.ends_with("mlp.experts.down_proj");
  return (name.starts_with("model.layers.") || name.starts_with("model.language_model.layers.")) &&
         (name.ends_with("_proj.weight") || name.ends_with("_proj_with_mqa.weight") || is_expert_stack);
}

// The form for rows of this length; the tensor's own where it has none.
DType form_for(const TensorInfo& tensor, LoadQuantization quantization) {
  const std::int64_t n_in = tensor.shape.back();
  DType form = tensor.dtype;
  switch (quantization) {
    case LoadQuantization::keep: break;
    case LoadQuantization::int4: form = n_in % 128 == 0 ? DType::int4 : DType::int4_32; break;
    case LoadQuantization::int8: form = DType::int8; break;
    case LoadQuantization::fp16: form = DType::f16; break;
    case LoadQuantization::nf4: form = DType::nf4; break;
  }
  if (n_in % info(form).block_length != 0 || info(tensor.dtype).decode == nullptr) return tensor.dtype;
  return form;
}

// How far the rows made so far are from the file's. Threads add to it.
struct Errors {
  std::atomic<double> difference{0}, power{0};  // sums of squares
};

}  // namespace

Result<std::unique_ptr<ModelFile>> quantize_while_loading(std::unique_ptr<ModelFile> file, LoadQuantization quantization) {
  if (quantization == LoadQuantization::keep) return file;
  const ModelFile& inner = *file;
  std::vector<DerivedTensor> derived;
  bool has_changed = false;
  const auto errors = std::make_shared<Errors>();
  for (std::size_t i = 0; i < inner.tensors().size(); ++i) {
    const TensorInfo& tensor = inner.tensors()[i];
    const DType form = is_layer_matrix(inner.naming(), tensor) ? form_for(tensor, quantization) : tensor.dtype;
    const bool is_smaller = form != tensor.dtype && bytes_of(form, tensor.shape.n_values()) < tensor.n_bytes;
    // bfloat16 becomes float16 of the same size: the request is for the format, which the CPU reads faster.
    const bool is_wanted = is_smaller || (form == DType::f16 && tensor.dtype == DType::bf16);
    derived.push_back({tensor, {i}, {}});
    if (!is_wanted) continue;
    has_changed = true;
    derived.back().info.dtype = form;
    derived.back().info.n_bytes = bytes_of(form, tensor.shape.n_values());
    derived.back().make_rows = [&inner, i, form, errors](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
      const TensorInfo& source = inner.tensors()[i];
      const std::int64_t n_in = source.shape.back();
      const std::size_t source_bytes = bytes_of(source.dtype, n_in), row_bytes = bytes_of(form, n_in);
      std::vector<float> values(static_cast<std::size_t>(n_in)), rounded(values.size());
      double difference = 0, power = 0;
      // Read, not mapped: a file that becomes shorter is an error then.
      std::vector<std::byte> rows(static_cast<std::size_t>(n) * source_bytes);
      if (inner.is_made(i)) RETURN_IF_ERROR(inner.make_rows(i, first, n, rows.data()));
      else RETURN_IF_ERROR(inner.read(inner.data(i).subspan(static_cast<std::size_t>(first) * source_bytes, rows.size()), rows.data()));
      const std::byte* row = rows.data();
      for (std::int64_t r = 0; r < n; ++r, out += row_bytes, row += source_bytes) {
        info(source.dtype).decode(row, values.data(), n_in);
        info(form).encode(values.data(), out, n_in);
        info(form).decode(out, rounded.data(), n_in);
        for (std::size_t c = 0; c < values.size(); ++c) {
          const double x = static_cast<double>(values[c]), e = static_cast<double>(rounded[c]) - x;
          difference += e * e;
          power += x * x;
        }
      }
      errors->difference += difference;
      errors->power += power;
      return {};
    };
  }
  if (!has_changed) return make_error(ErrorCode::bad_argument, file->label() + ": --quant: expected weights that become smaller by it, found none");
  auto notes = [errors, quantization]() -> std::vector<ModelNote> {
    if (errors->power == 0) return {};
    return {RoundedWeights{quantization, std::sqrt(errors->difference / errors->power)}};
  };
  return std::unique_ptr<ModelFile>(std::make_unique<DerivedFile>(std::move(file), std::move(derived), std::move(notes)));
}

}  // namespace pio
