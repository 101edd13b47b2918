#pragma once

#include <cuda_runtime.h>

// What kernels/cuda/ptx.cuh has for a card, on the processor.

#define PIO_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
  ::cuda_on_cpu::launch(#kernel, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)
#define PIO_SHARED(type, name) type& name = *static_cast<type*>(::cuda_on_cpu::shared_memory())
#define PIO_SHARED_ARRAY(type, name) type* const name = static_cast<type*>(::cuda_on_cpu::shared_memory())
#define PIO_TABLE static const
#define PIO_TENSOR_CORES 1

namespace cuda_on_cpu {

float half_value(std::uint16_t bits);
void load_bytes(void* to, const void* from, std::size_t n_bytes);
void store_bytes(void* to, const void* from, std::size_t n_bytes);
void mma_s8(int* d, const std::uint32_t* a, const std::uint32_t* b);
void mma_s8_16(int* d, const std::uint32_t* a, const std::uint32_t* b);
void mma_half(float* d, const std::uint32_t* a, const std::uint32_t* b, bool is_bfloat);
void ldmatrix(std::uint32_t* r, int n_matrices, const void* row, bool is_transposed);
void cp_async(void* to_shared, const void* from_global, std::size_t n_bytes);
void cp_async_commit();
void cp_async_wait(int n);

}  // namespace cuda_on_cpu

namespace pio::cuda {

inline float half_to_float(std::uint16_t bits) { return cuda_on_cpu::half_value(bits); }
inline uint4 load16(const void* address) {
  uint4 value;
  cuda_on_cpu::load_bytes(&value, address, sizeof value);
  return value;
}
inline uint2 load8(const void* address) {
  uint2 value;
  cuda_on_cpu::load_bytes(&value, address, sizeof value);
  return value;
}
inline void store16(void* address, uint4 value) { cuda_on_cpu::store_bytes(address, &value, sizeof value); }
inline std::uint32_t load_volatile(const std::uint32_t* address) { return *static_cast<const volatile std::uint32_t*>(address); }

inline void mma_s8(int (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) { cuda_on_cpu::mma_s8(d, a, b); }
inline void mma_s8_16(int (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b) { cuda_on_cpu::mma_s8_16(d, a, &b); }
inline void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) { cuda_on_cpu::mma_half(d, a, b, false); }
inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) { cuda_on_cpu::mma_half(d, a, b, true); }
inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row) { cuda_on_cpu::ldmatrix(r, 4, row, false); }
inline void ldmatrix_x2(std::uint32_t (&r)[2], const void* row) { cuda_on_cpu::ldmatrix(r, 2, row, false); }
inline void ldmatrix_x2_transposed(std::uint32_t (&r)[2], const void* row) { cuda_on_cpu::ldmatrix(r, 2, row, true); }
inline void cp_async16(void* to_shared, const void* from_global) { cuda_on_cpu::cp_async(to_shared, from_global, 16); }
inline void cp_async8(void* to_shared, const void* from_global) { cuda_on_cpu::cp_async(to_shared, from_global, 8); }
inline void cp_async_commit() { cuda_on_cpu::cp_async_commit(); }
template <int n>
void cp_async_wait() {
  cuda_on_cpu::cp_async_wait(n);
}

}  // namespace pio::cuda
