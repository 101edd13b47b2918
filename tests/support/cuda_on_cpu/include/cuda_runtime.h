#pragma once

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>

// What device code needs beside the runtime's calls: names of CUDA C++ for g++. A thread of a block is a fiber; what it waits for is in block.cpp.

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace cuda_on_cpu {

// Where the thread that runs now is.
struct Place {
  uint3 thread, block;
  dim3 block_dim, grid_dim;
};
extern Place* here;

// The dynamic shared memory of the block that runs now.
void* shared_memory();

void sync_threads();
void sync_warp(unsigned mask);
std::uint32_t shuffle_xor(unsigned mask, std::uint32_t value, int lane_mask);
std::uint32_t shuffle(unsigned mask, std::uint32_t value, int source);
unsigned ballot(unsigned mask, bool predicate);

enum class Atomic { add, bit_and, bit_or, max, exchange };
std::uint32_t atomic(Atomic op, std::uint32_t* address, std::uint32_t value);
float atomic_add(float* address, float value);

// Of twins of instructions that hooks do not see: n_bytes at an address that is a multiple of `alignment`.
void note_access(const void* address, std::size_t n_bytes, std::size_t alignment, bool is_write);

struct Launch {
  const char* name;
  const void* function;
  dim3 grid, block;
  std::size_t shared_bytes;
  void* arguments;  // a copy, read by every thread
  std::size_t argument_bytes;
  void (*call)(void* arguments);
  void (*destroy)(void* arguments);
};
void enqueue(const Launch& launch, cudaStream_t stream);  // owns the arguments from here on

template <class... P>
struct Call {
  void (*kernel)(P...);
  std::tuple<std::decay_t<P>...> arguments;
  static void run(void* self) { std::apply(static_cast<Call*>(self)->kernel, static_cast<Call*>(self)->arguments); }
  static void destroy(void* self) { delete static_cast<Call*>(self); }
};

template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream, const A&... arguments) {
  using Held = Call<P...>;
  auto* const held = new Held{kernel, std::tuple<std::decay_t<P>...>(arguments...)};
  enqueue({name, reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, held, sizeof(Held), Held::run, Held::destroy}, stream);
}

template <class To, class From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace cuda_on_cpu

#define threadIdx (::cuda_on_cpu::here->thread)
#define blockIdx (::cuda_on_cpu::here->block)
#define blockDim (::cuda_on_cpu::here->block_dim)
#define gridDim (::cuda_on_cpu::here->grid_dim)

inline void __syncthreads() { cuda_on_cpu::sync_threads(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { cuda_on_cpu::sync_warp(mask); }
inline void __threadfence_block() {}
inline void __threadfence() {}

inline unsigned __shfl_xor_sync(unsigned mask, unsigned value, int lane_mask) { return cuda_on_cpu::shuffle_xor(mask, value, lane_mask); }
inline int __shfl_xor_sync(unsigned mask, int value, int lane_mask) {
  return static_cast<int>(cuda_on_cpu::shuffle_xor(mask, static_cast<unsigned>(value), lane_mask));
}
inline float __shfl_xor_sync(unsigned mask, float value, int lane_mask) {
  return cuda_on_cpu::bits_as<float>(cuda_on_cpu::shuffle_xor(mask, cuda_on_cpu::bits_as<unsigned>(value), lane_mask));
}
inline unsigned __shfl_sync(unsigned mask, unsigned value, int source) { return cuda_on_cpu::shuffle(mask, value, source); }
inline int __shfl_sync(unsigned mask, int value, int source) {
  return static_cast<int>(cuda_on_cpu::shuffle(mask, static_cast<unsigned>(value), source));
}
inline float __shfl_sync(unsigned mask, float value, int source) {
  return cuda_on_cpu::bits_as<float>(cuda_on_cpu::shuffle(mask, cuda_on_cpu::bits_as<unsigned>(value), source));
}
inline unsigned __ballot_sync(unsigned mask, int predicate) { return cuda_on_cpu::ballot(mask, predicate != 0); }
inline int __any_sync(unsigned mask, int predicate) { return cuda_on_cpu::ballot(mask, predicate != 0) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return cuda_on_cpu::ballot(mask, predicate == 0) == 0; }

inline unsigned atomicAdd(unsigned* a, unsigned v) { return cuda_on_cpu::atomic(cuda_on_cpu::Atomic::add, a, v); }
inline unsigned atomicAnd(unsigned* a, unsigned v) { return cuda_on_cpu::atomic(cuda_on_cpu::Atomic::bit_and, a, v); }
inline unsigned atomicOr(unsigned* a, unsigned v) { return cuda_on_cpu::atomic(cuda_on_cpu::Atomic::bit_or, a, v); }
inline unsigned atomicMax(unsigned* a, unsigned v) { return cuda_on_cpu::atomic(cuda_on_cpu::Atomic::max, a, v); }
inline unsigned atomicExch(unsigned* a, unsigned v) { return cuda_on_cpu::atomic(cuda_on_cpu::Atomic::exchange, a, v); }
inline float atomicAdd(float* a, float v) { return cuda_on_cpu::atomic_add(a, v); }

inline int __dp4a(int a, int b, int c) {
  for (int j = 0; j < 4; ++j) c += static_cast<std::int8_t>(a >> 8 * j) * static_cast<std::int8_t>(b >> 8 * j);
  return c;
}
inline int __float_as_int(float x) { return cuda_on_cpu::bits_as<int>(x); }
inline unsigned __float_as_uint(float x) { return cuda_on_cpu::bits_as<unsigned>(x); }
inline float __int_as_float(int x) { return cuda_on_cpu::bits_as<float>(x); }
inline float __uint_as_float(unsigned x) { return cuda_on_cpu::bits_as<float>(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
