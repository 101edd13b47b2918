#pragma once

#include <cstdint>
#include <span>

#include "kernels/base/result.h"
#include "kernels/tensor.h"

// The weights of a model that memory does not hold at once: brought when a pass reaches them, gone when it goes on. The engine implements this
// over a file. One thread, that of the backend. All fail with the error of reading, or, within 200 ms of a stop, with cancelled.

namespace pio {

class WeightStream {
 public:
  virtual ~WeightStream() = default;
  // Brings what this layer reads, where that is away, to where its tensors say. What was brought before is gone.
  virtual Result<void> bring_layer(std::int64_t layer) = 0;

  // How many rows of a table bring_rows can bring at once; 0: the tensor lies in memory.
  virtual std::int64_t rows_at_once(const Tensor& table) const = 0;
  // Rows first … first + n - 1 of a table that is away, as a matrix that products read. What was brought before is gone.
  virtual Result<Tensor> bring_rows(const Tensor& table, std::int64_t first, std::int64_t n) = 0;
  // Some rows of it, one for each id, in its format: [ids, n_in], at most rows_at_once. What was brought before is gone.
  virtual Result<Tensor> gather_rows(const Tensor& table, std::span<const std::int32_t> ids) = 0;
};

}  // namespace pio
