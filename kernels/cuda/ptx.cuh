#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

// The one place where instructions are named: what C++ has no words for, launches and shared memory. A compiler that is not nvcc takes the twins of
// all this from its own header (the emulator of the tests).

#if !defined(__CUDACC__)
#include <cuda_twin.h>
#else

// A launch; the kernel's name may be put in parentheses. Errors are the stream's to look at.
#define PIO_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) kernel<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__)
// The block's dynamic shared memory as one object, or as an array.
#define PIO_SHARED(type, name)                                 \
  extern __shared__ __align__(16) unsigned char pio_shared_[]; \
  type& name = *reinterpret_cast<type*>(pio_shared_)
#define PIO_SHARED_ARRAY(type, name)                           \
  extern __shared__ __align__(16) unsigned char pio_shared_[]; \
  type* const name = reinterpret_cast<type*>(pio_shared_)
// Before a constant array of a namespace that device code looks things up in.
#define PIO_TABLE static __device__ const

namespace pio::cuda {

__device__ __forceinline__ float half_to_float(uint16_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// 16 and 8 bytes at an address that is a multiple of that.
__device__ __forceinline__ uint4 load16(const void* address) { return *static_cast<const uint4*>(address); }
__device__ __forceinline__ uint2 load8(const void* address) { return *static_cast<const uint2*>(address); }
__device__ __forceinline__ void store16(void* address, uint4 value) { *static_cast<uint4*>(address) = value; }

// A word that the host may write at any time.
__device__ __forceinline__ uint32_t load_volatile(const uint32_t* address) { return *static_cast<const volatile uint32_t*>(address); }

// Whether there are the instructions below; code of cards that lack them is left empty.
#if __CUDA_ARCH__ >= 800 || !defined(__CUDA_ARCH__)
#define PIO_TENSOR_CORES 1
#else
#define PIO_TENSOR_CORES 0
#endif
#if PIO_TENSOR_CORES

// d += a · b, of fragments as the PTX manual lays them out (sections "Matrix Fragments for mma.m16n8k16", "… m16n8k32"). Of integers d, of halves
// and bfloats floats.
__device__ __forceinline__ void mma_s8_16(int (&d)[4], const uint32_t (&a)[2], uint32_t b) {  // m16n8k16
  asm volatile("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(b));
}
__device__ __forceinline__ void mma_s8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void mma_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// 16 bytes from global into shared memory, there after cp_async_wait of the group they were committed in, for the thread that waits.
__device__ __forceinline__ void cp_async16(void* to_shared, const void* from_global) {
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(to_shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from_global) : "memory");
}
__device__ __forceinline__ void cp_async8(void* to_shared, const void* from_global) {
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(to_shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(to), "l"(from_global) : "memory");
}
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until no more than n groups are under way.
template <int n>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(n) : "memory");
}

#endif

// Four, two 8 x 8 matrices of 16-bit numbers out of shared memory: lane l names row l % 8 of matrix l / 8, each 16 bytes.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row_in_shared) {
  const uint32_t from = static_cast<uint32_t>(__cvta_generic_to_shared(row_in_shared));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(from)
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row_in_shared) {
  const uint32_t from = static_cast<uint32_t>(__cvta_generic_to_shared(row_in_shared));
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(from) : "memory");
}
__device__ __forceinline__ void ldmatrix_x2_transposed(uint32_t (&r)[2], const void* row_in_shared) {
  const uint32_t from = static_cast<uint32_t>(__cvta_generic_to_shared(row_in_shared));
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(from) : "memory");
}

}  // namespace pio::cuda

#endif
