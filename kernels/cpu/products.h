#pragma once

#include <optional>
#include <span>

#include "kernels/cpu/panels.h"

// matmul and matmul_heads: which kernel, and how rows of weights and tokens become tiles.

namespace pio {

// Columns of activations, rounded. Products with weights that are laid out in lines read more than kMostLineRows of them from a panel, at most
// its width; all others read `rows`.
struct FewColumns {
  int n = 0;
  const Q8Row* rows = nullptr;
  GemmPanel panel{};
  int width = 0;  // of the panel: kernels.gemm_columns[width]
};

class CpuProducts {
 public:
  explicit CpuProducts(CpuContext& context) : context_(context), kernels_(context.kernels) {}

  void matmul(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, std::optional<Gelu> gelu = {});
  void matmul_heads(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);

  // The coarse ops for quantized weights: the input is normed and rounded once for all matrices that read it, and their rows go through one loop
  // of tiles, which also adds or multiplies what comes behind. They say whether they computed: what they leave is for the compositions, which
  // give the same bytes.
  bool norm_matmul(std::span<const Projection> projections, const Tensor& x, const Tensor& norm, float eps, const Tensor& normed);
  bool norm_glu_matmul(const Tensor& y, const Tensor& x, const Tensor& norm, float eps, const Tensor& gate, const Tensor& up);
  bool matmul_add(const Tensor& residual, const Tensor& x, const Tensor& w, const Tensor& bias);

  // Rows of a matrix in this backend's own layout, decoded.
  void decode_rows(const Tensor& w, std::int64_t first, std::int64_t n, float* values) const;

  // ---- for the products of few tokens with experts: parts of a matrix times one or several -----------------------------------------------

  // Whether a product with w reads its input in 8 bits.
  bool rounds_input(const Tensor& w) const { return context_.activations == Activations::q8 && context_.quant_kernels(w.dtype); }
  // Whether a product with w rounds its numbers as well: never by how many tokens there are.
  bool rounds_weights(const Tensor& w) const {
    return w.is_coarse && context_.activations == Activations::q8 && !context_.quant_kernels(w.dtype) && kernels_.gemm_lanes > 0 &&
           w.shape.back() % 32 == 0;
  }
  bool rounds_transposed(const Tensor& w) const;
  // Whether a product with w rounds its input to w's bf16: never by how many tokens there are.
  bool rounds_to_bf16(const Tensor& w) const {
    return w.dtype == DType::bf16 && context_.activations == Activations::q8 && kernels_.gemm_bf16 != nullptr;
  }
  // Rows of weights that a tile takes.
  std::int64_t rows_per_tile(std::int64_t n_rows, std::int64_t row_bytes) const;
  // y[r] = row first + r of w · x, for n rows. `rounded` is x in 8 bits, read where rounds_input(w) says so; `decoded` holds
  // kRowsAtOnce rows of w.
  void multiply_rows(const Tensor& w, std::int64_t first, std::int64_t n, const float* x, const Q8Row& rounded, float* y, float* decoded) const;
  // Rows first … first + n - 1 of w times rounded rows, behind their bias where there is one: y[row of activations][row of w].
  void multiply_rounded(const Tensor& w, std::int64_t first, std::int64_t n, const FewColumns& columns, const Tensor& bias, float* y,
                        std::int64_t y_stride) const;

  static constexpr std::int64_t kFewTokens = 16;    // up to here products with lines read them as they are, beyond it unpacked for panels
  static constexpr std::int64_t kRowsAtOnce = 4;    // of weights, decoded for one token: what matmul_f32 multiplies together
  static constexpr std::int64_t kDecodeTokens = 4;  // from here on it pays to widen 16-bit weights once for all tokens

 private:
  struct Head;
  class FewRows;

  // Whether products of so many tokens with w are gemv's, with their input in 8 bits.
  bool is_few(std::int64_t n_tokens, const Tensor& w) const {
    const std::int64_t most = w.layout == TensorLayout::own ? kFewTokens : kernels_.gemm_lanes > 0 ? kernels_.gemm_min_tokens - 1 : kDecodeTokens - 1;
    return n_tokens <= most && rounds_input(w);
  }
  // And whether they are panels'.
  bool is_many(std::int64_t n_tokens, const Tensor& w) const { return kernels_.gemm_lanes > 0 && rounds_input(w) && !is_few(n_tokens, w); }
  void multiply_few(const Tensor& w, std::int64_t first, std::int64_t n, const FewRows& few, const Tensor& bias, float* y,
                    std::int64_t y_stride) const;
  // norm(x) row by row; `normed` takes it too, unless it is empty.
  PanelRow normed_rows(const Tensor& x, const Tensor& norm, float eps, const Tensor& normed) const;
  template <class Gemv>
  void matvec(const Tensor& y, const Tensor& w, const Tensor& bias, const Gemv& gemv);
  void matvec_half(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, decltype(CpuKernels::gemv_f16) gemv);
  void matvec_q8(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias);
  void matmul_bf16(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias);
  void matmul_decoded(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias);
  Tensor matrix_of(const Tensor& stack, std::int64_t h) const;
  const float* decoded_rows_of(const Tensor& w, std::int64_t h, std::int64_t first, std::int64_t n, float* memory) const;
  void heads_rounded(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);
  void matmul_shorts(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, std::optional<Gelu> gelu);
  void heads_by_rows(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);
  void heads_transposed_few(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);
  void heads_transposed(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);

  CpuContext& context_;
  const CpuKernels& kernels_;
};

}  // namespace pio
