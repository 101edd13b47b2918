#pragma once

#include <functional>
#include <optional>
#include <span>

#include "kernels/cpu/cpu_context.h"

// Products of many tokens with 8-bit activations: tokens in panels, weights unpacked side by side a tile at a time (kernel_table.h).

namespace pio {

// Panels for formats that share the length of their groups and their offset.
class PanelKind {
 public:
  PanelKind(const CpuContext& context, DType dtype, std::int64_t n_in);
  bool serves(const CpuContext& context, DType dtype) const;
  std::size_t n_bytes() const { return layout_.n_bytes(); }
  // Puts n rounded rows into a panel of this width.
  void pack(std::byte* panel, const Q8Row* rows, int n, int width) const;
  GemmPanel in(std::byte* panel) const { return {q_.in(panel), d_.in(panel), sum_.in(panel), init_.in(panel)}; }

 private:
  const CpuKernels& kernels_;
  const QuantKernels& format_;
  std::int64_t n_in_;
  Layout layout_;
  Layout::Piece<std::int8_t> q_;
  Layout::Piece<float> d_, sum_;
  Layout::Piece<std::int32_t> init_;
};

// The narrowest of the kernels' widths that holds n columns.
int narrowest_width(const CpuKernels& kernels, std::int64_t n);

// A panel of activations and what takes its products: y[c][r], rows y_stride apart.
struct PanelColumns {
  GemmPanel panel;
  int width = 0;  // kernels.gemm_columns[width]
  std::int64_t n = 0;
  float* y = nullptr;
};

// Products of some lines of a matrix with panels: the lines are unpacked in a worker's memory, some inputs of all of them at a time, so that
// these stay in the second cache and as many of a panel in the nearest one. In between, sums lie in y.
class LineProducts {
 public:
  // `rounds_weights`: of formats that are no blocks of integers, rounded as activations are, and then multiplied as Q8_0.
  LineProducts(const CpuContext& context, std::int64_t n_in, std::int64_t most_lines, bool rounds_weights = false);
  std::size_t n_bytes() const { return layout_.n_bytes(); }
  // Rows first … first + n - 1 of w [rows, n_in], at most most_lines lines of them, times columns_of(0 … n_panels - 1); of a layout in lines
  // `first` begins one. `bias`: of row `first`, or null. Unfinished where a stop is requested.
  template <class ColumnsOf>
  void multiply(std::byte* memory, const Tensor& w, std::int64_t first, std::int64_t n, const float* bias, std::int64_t y_stride,
                std::int64_t n_panels, const ColumnsOf& columns_of) const {
    for (std::int64_t done = 0; done < n_in_; done += depth_) {
      const std::int64_t n_inputs = std::min(depth_, n_in_ - done);
      unpack(memory, w, first, n, bias, done, n_inputs);
      for (std::int64_t i = 0; i < n_panels && !context_.stop_requested(); ++i) add(memory, w.dtype, n, columns_of(i), y_stride, done, n_inputs);
    }
  }
  // As many lines as stay in the second cache, and a few tiles a thread of n_lines in all.
  static std::int64_t lines_per_tile(const CpuContext& context, std::int64_t n_in, std::int64_t n_lines);

 private:
  GemmWeights line_in(std::byte* memory, std::int64_t line) const;
  void unpack(std::byte* memory, const Tensor& w, std::int64_t first, std::int64_t n, const float* bias, std::int64_t done,
              std::int64_t n_inputs) const;
  void pack_rounded(const Tensor& w, std::int64_t first, std::int64_t n, std::int64_t done, std::int64_t n_inputs, const GemmWeights& out,
                    std::byte* memory) const;
  void add(std::byte* memory, DType dtype, std::int64_t n, const PanelColumns& columns, std::int64_t y_stride, std::int64_t done,
           std::int64_t n_inputs) const;
  static std::int64_t depth_of(const CpuContext& context, std::int64_t n_in);
  const CpuContext& context_;
  std::int64_t n_in_, depth_, lanes_;
  bool rounds_weights_;
  Layout of_line_, layout_;
  Layout::Piece<std::uint8_t> quants_;
  Layout::Piece<float> scales_, mins_, biases_;
  Layout::Repeated lines_;
  Q8RowLayout row_;  // where weights are rounded: a row as it is and rounded, and blocks of Q8_0
  Layout::Piece<float> floats_;
  Layout::Repeated rounded_;
  Layout::Piece<std::uint8_t> blocks_;
};

// A matrix of those that are multiplied by the same rows: y[t][r] = bias[r] + w row first + r · row t.
struct PanelProduct {
  Tensor w;  // [rows, n_in]
  std::int64_t first = 0, n_out = 0;
  const float* bias = nullptr;  // of row `first`
  float* y = nullptr;
  std::int64_t y_stride = 0;
  bool rounds_weights = false;    // as LineProducts
  std::optional<Gelu> gelu = {};  // of what comes out
};

// Row t of the input; a row that has to be made first is written to `memory`, n_in floats.
using PanelRow = std::function<const float*(std::int64_t t, float* memory)>;

void multiply_panels(CpuContext& context, std::span<const PanelProduct> products, std::int64_t n_tokens, std::int64_t n_in, const PanelRow& row_of);
// y = silu(gate) * up, of two products of one kind of panel; gate's y takes it.
void multiply_panels_glu(CpuContext& context, const PanelProduct& gate, const PanelProduct& up, std::int64_t n_tokens, std::int64_t n_in,
                         const PanelRow& row_of);

}  // namespace pio
