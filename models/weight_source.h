#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/matrix_source.h"
#include "kernels/tensor.h"

// Where a model finds its hyper-parameters and weights. The engine implements this over files; tests over a map.

namespace pio {

// One metadata value. Integers of any width become int64 (a uint64 above INT64_MAX is refused by the reader).
using MetaValue = std::variant<bool, std::int64_t, double, std::string, std::vector<bool>, std::vector<std::int64_t>, std::vector<double>,
                               std::vector<std::string>>;

struct TensorInfo {
  std::string name;  // as the file spells it
  DType dtype = DType::f32;
  Shape shape;  // row-major: a linear layer is [n_out, n_in]
  std::uint64_t n_bytes = 0;
};

// A tensor of a file under the shape that ops read it by: [..., n_out, n_in], each [n_out, n_in] multiplied by itself (an expert's, a head's).
struct WantedTensor {
  std::size_t index = 0;  // of tensors()
  Shape shape;            // of what is wanted
  MatrixUse use = MatrixUse::rows;
  // Where memory holds only part of the weights, what may be brought anew for every pass (models/weight_stream.h): what this one layer reads,
  // or a table that is read in some of its rows at a time. What neither may be is read while the model is built, or anywhere.
  std::optional<std::int64_t> layer = {};
  bool in_rows = false;
  bool is_experts = false;  // one or all of a layer's experts, which ExpertSource may bring
  // Where a part of the tensor is wanted: its rows from first_row on, counted through a stack, and of each the values from first_column on, a multiple of
  // its format's block. row_length: the values of a row of the tensor, if others than of one of `shape`.
  std::int64_t first_row = 0, first_column = 0, row_length = 0;
  bool is_part(const TensorInfo& tensor) const { return shape.n_values() != tensor.shape.n_values(); }
  std::uint64_t n_bytes(const TensorInfo& tensor) const { return is_part(tensor) ? bytes_of(tensor.dtype, shape.n_values()) : tensor.n_bytes; }
};
// Matrices whose products read one input (q, k and v; gate and up; the experts of a layer), or a single tensor: a device may lay them together.
using WeightGroup = std::vector<WantedTensor>;

// y += scale * (x · aᵀ) · bᵀ: Hu et al. 2021 (arXiv:2106.09685).
struct LowRank {
  Tensor a;  // [rank, n_in] f32
  Tensor b;  // [n_out, rank] f32
  float scale = 1;
};

class WeightSource {
 public:
  // Whose names the file uses, for metadata and tensors alike.
  enum class Naming {
    gguf,          // "qwen3.block_count", "blk.0.attn_q.weight"
    hugging_face,  // "num_hidden_layers" (nested keys with dots: "rope_parameters.rope_theta"), "model.layers.0.self_attn.q_proj.weight"
  };

  virtual ~WeightSource() = default;
  virtual Naming naming() const = 0;
  // The file's or folder's name, for errors: "model.gguf".
  virtual const std::string& label() const = 0;
  // "llama", "qwen2", "qwen3": GGUF's general.architecture, or config.json's model_type.
  virtual const std::string& architecture() const = 0;
  // Null when the key is absent. The pointer lives as long as the source.
  virtual const MetaValue* metadata(std::string_view key) const = 0;
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // The weights of these groups, one group after the other, on the device that will use them. They live as long as the source.
  virtual Result<std::vector<Tensor>> load(std::span<const WeightGroup> groups) = 0;
  // Low-rank adapters of the matrix with this canonical name ("blk.3.attn_q.weight"), on the same device, applied beside it.
  virtual Result<std::vector<LowRank>> adapters(std::string_view /*canonical_name*/) { return std::vector<LowRank>(); }
  // The matrix lies on another device, and its adapters with it.
  virtual void leave_adapters(std::string_view /*canonical_name*/) {}
};

}  // namespace pio
