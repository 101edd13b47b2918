#include "kernels/cpu/cpu_context.h"

#include <cmath>
#include <cstring>

namespace pio {

const QuantKernels* CpuContext::quant_kernels(DType dtype) const {
  switch (dtype) {
    case DType::q4_0: return &kernels.q4_0;
    case DType::q4_1: return &kernels.q4_1;
    case DType::q5_0: return &kernels.q5_0;
    case DType::q5_1: return &kernels.q5_1;
    case DType::q8_0: return &kernels.q8_0;
    case DType::q2_k: return &kernels.q2_k;
    case DType::q3_k: return &kernels.q3_k;
    case DType::q4_k: return &kernels.q4_k;
    case DType::q5_k: return &kernels.q5_k;
    case DType::q6_k: return &kernels.q6_k;
    case DType::iq4_nl: return &kernels.iq4_nl;
    case DType::iq4_xs: return &kernels.iq4_xs;
    case DType::mxfp4: return &kernels.mxfp4;
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    default: return nullptr;
  }
}

std::size_t CpuContext::lines_bytes(DType dtype, std::int64_t n_rows, std::int64_t n_in) const {
  const QuantKernels* const quant = quant_kernels(dtype);
  if (!quant || !quant->line_bytes || activations != Activations::q8) return 0;
  return static_cast<std::size_t>((n_rows + kernels.gemm_lanes - 1) / kernels.gemm_lanes) * quant->line_bytes(n_in);
}

const std::uint8_t* CpuContext::line_at(const Tensor& w, std::int64_t row) const {
  return bytes_at(w) + static_cast<std::size_t>(row / kernels.gemm_lanes) * quant_kernels(w.dtype)->line_bytes(w.shape.back());
}

Tensor CpuContext::matrices(Tensor stack, std::int64_t first, std::int64_t n) const {
  CHECK(first >= 0 && n >= 0 && first + n <= stack.shape[0], "matrices: out of range");
  stack.offset += static_cast<std::size_t>(first) * lines_bytes(stack.dtype, stack.shape[1], stack.shape[2]);
  stack.shape = {n, stack.shape[1], stack.shape[2]};
  return stack;
}

void CpuContext::decode_row(DType dtype, const std::uint8_t* from, float* to, std::int64_t n) const {
  switch (dtype) {
    case DType::f32: std::memcpy(to, from, n * sizeof(float)); return;
    case DType::f16: kernels.decode_f16(from, to, n); return;
    case DType::bf16: kernels.decode_bf16(from, to, n); return;
    default: break;
  }
  if (const QuantKernels* quant = quant_kernels(dtype)) {
    quant->decode(from, to, n);
  } else {
    info(dtype).decode(from, to, n);
  }
}

void CpuContext::gelu(float* y, const float* x, std::int64_t n, Gelu kind) const {
  if (kind == Gelu::tanh) return kernels.gelu_tanh(y, x, n);
  // erfc of the other side: 1 + erf would lose the digits of large negative x
  for (std::int64_t i = 0; i < n; ++i) y[i] = 0.5f * x[i] * std::erfc(-x[i] * 0.70710678f);
}

const float* CpuContext::floats_of(DType dtype, const std::uint8_t* from, std::int64_t n, float* memory) const {
  if (dtype == DType::f32) return reinterpret_cast<const float*>(from);
  decode_row(dtype, from, memory, n);
  return memory;
}

}  // namespace pio
