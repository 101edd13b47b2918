#pragma once

#include "kernels/cpu/cpu_context.h"

// matmul and matmul_heads: which kernel, and how rows of weights and tokens become tiles.

namespace pio {

class CpuProducts {
 public:
  explicit CpuProducts(CpuContext& context) : context_(context), kernels_(context.kernels) {}

  void matmul(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias);
  void matmul_heads(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);

  // Rows of a matrix in this backend's own layout, decoded.
  void decode_rows(const Tensor& w, std::int64_t first, std::int64_t n, float* values) const;

  // ---- for the products of few tokens with experts: parts of a matrix times one token -----------------------------------------------

  // Whether a product with w reads its input in 8 bits.
  bool rounds_input(const Tensor& w) const { return context_.activations == Activations::q8 && context_.quant_kernels(w.dtype); }
  // Rows of weights that a tile takes.
  std::int64_t rows_per_tile(std::int64_t n_rows, std::int64_t row_bytes) const;
  // y[r] = row first + r of w · x, for n rows. `rounded` is x in 8 bits, read where rounds_input(w) says so; `decoded` holds
  // kRowsAtOnce rows of w.
  void multiply_rows(const Tensor& w, std::int64_t first, std::int64_t n, const float* x, const Q8Row& rounded, float* y, float* decoded) const;

  static constexpr std::int64_t kRowsAtOnce = 4;    // of weights, decoded for one token: what matmul_f32 multiplies together
  static constexpr std::int64_t kDecodeTokens = 4;  // from here on it pays to widen 16-bit weights once for all tokens

 private:
  struct Head;

  template <class Gemv>
  void matvec(const Tensor& y, const Tensor& w, const Tensor& bias, const Gemv& gemv);
  void matvec_half(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, decltype(CpuKernels::gemv_f16) gemv);
  void matvec_q8(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, const QuantKernels& quant);
  void matmul_decoded(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias);
  void matmul_packed(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, const QuantKernels& quant);
  void heads_by_rows(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);
  void heads_transposed_few(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);
  void heads_transposed(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params);

  CpuContext& context_;
  const CpuKernels& kernels_;
};

}  // namespace pio
