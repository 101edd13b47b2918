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
  std::int64_t n_in_;
  int group_, offset_;
  Layout layout_;
  Layout::Piece<std::int8_t> q_;
  Layout::Piece<float> d_, sum_;
  Layout::Piece<std::int32_t> init_;
};

// The narrowest of the kernels' widths that holds n columns.
int narrowest_width(const CpuKernels& kernels, std::int64_t n);

// Of n columns that lines multiply as they are, how many come first, and in a panel of which width: a full one, unless a single empty column
// spares another pass. At most kMostLineRows are taken by themselves, without a panel.
struct LineColumns {
  std::int64_t n = 0;
  int width = 0;
  bool in_panel() const { return n > kMostLineRows; }
};
LineColumns next_line_columns(const CpuKernels& kernels, std::int64_t n);

// Lines of one matrix, unpacked in a worker's memory.
class UnpackedLines {
 public:
  // `rounds_weights`: of formats that are no blocks of integers, rounded as activations are, and then multiplied as Q8_0.
  UnpackedLines(const CpuContext& context, std::int64_t n_in, std::int64_t most_lines, bool rounds_weights = false);
  std::size_t n_bytes() const { return layout_.n_bytes(); }
  // Rows first … first + n - 1 of w [rows, n_in], at most most_lines lines of them; of a layout in lines `first` begins one. `bias`: of row
  // `first`, or null.
  void unpack(std::byte* memory, const Tensor& w, std::int64_t first, std::int64_t n, const float* bias) const;
  // y[c][r] for these n rows and n_columns columns of a panel of kernels.gemm_columns[width].
  void multiply(std::byte* memory, DType dtype, std::int64_t n, const GemmPanel& panel, int width, float* y, std::int64_t y_stride,
                std::int64_t n_columns) const;
  // As many lines as stay in the second cache beside a panel, and a few tiles a thread of n_lines in all.
  static std::int64_t lines_per_tile(const CpuContext& context, std::int64_t n_in, std::int64_t n_lines);

 private:
  GemmWeights line_in(std::byte* memory, std::int64_t line) const;
  void pack_rounded(const Tensor& w, std::int64_t first, std::int64_t n, const GemmWeights& out, std::byte* memory) const;
  const CpuContext& context_;
  std::int64_t n_in_, lanes_;
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
  bool rounds_weights = false;    // as UnpackedLines
  std::optional<Gelu> gelu = {};  // of what comes out
};

// Row t of the input; a row that has to be made first is written to `memory`, n_in floats.
using PanelRow = std::function<const float*(std::int64_t t, float* memory)>;

void multiply_panels(CpuContext& context, std::span<const PanelProduct> products, std::int64_t n_tokens, std::int64_t n_in, const PanelRow& row_of);
// y = silu(gate) * up, of two products of one kind of panel; gate's y takes it.
void multiply_panels_glu(CpuContext& context, const PanelProduct& gate, const PanelProduct& up, std::int64_t n_tokens, std::int64_t n_in,
                         const PanelRow& row_of);

}  // namespace pio
