#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/tensor.h"

namespace pio {

// What ops do with a matrix.
enum class MatrixUse {
  rows,      // they read rows of it, or parts: it stays row after row
  coarse,    // the same, but where products round their input to 8 bits they may round its numbers of 16 and more bits too
  products,  // matmul, embed and moe_experts read it, whole: a backend may lay it out in an order of its own
};

// Where a matrix, or a stack of equal ones, comes from that is to lie on a device. [..., n_out, n_in]: each [n_out, n_in] is multiplied by
// itself. A tensor of one extent is no matrix: every backend keeps it as it is.
struct MatrixSource {
  DType dtype = DType::f32;
  Shape shape;
  MatrixUse use = MatrixUse::rows;
  // All rows in a place that outlives the placed weights; null where there is none.
  const std::byte* mapped = nullptr;
  // Where there is none, or where `mapped` is not to be touched by copying: writes n rows from `first` on, counted through the stack, to
  // `out`. Any thread, several at once.
  std::function<Result<void>(std::int64_t first, std::int64_t n, std::byte* out)> make_rows;
  // Or all rows in memory that lasts until they are placed: the threads that ops run on lay them out from there, without others beside them.
  const std::byte* staged = nullptr;

  std::size_t n_bytes() const { return bytes_of(dtype, shape.n_values()); }
  // The rows from wherever they are.
  Result<void> rows(std::int64_t first, std::int64_t n, std::byte* out) const;
  // Whether a processor can read `mapped` as it lies: its numbers are aligned.
  bool is_aligned() const;
};

// Weights where ops read them.
struct Placed {
  std::vector<Tensor> tensors;                  // one a source
  std::vector<std::unique_ptr<Buffer>> mapped;  // views of what is read in place
};

}  // namespace pio
