#pragma once

#include <stdint.h>

#include "kernels/cuda/ptx.cuh"

// What all kernels have in common. Nothing is contracted by the compiler (-fmad=false): an fmaf stands where one is meant, so a row has the same bits
// in every kernel that computes it.

namespace pio::cuda {

constexpr unsigned kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr unsigned kWidth = 128, kWarps = kWidth / kWarp;  // threads of a block, unless a kernel says otherwise

__device__ __forceinline__ unsigned lane_of_warp() { return threadIdx.x % kWarp; }
__device__ __forceinline__ unsigned warp_of_block() { return threadIdx.x / kWarp; }
__device__ __forceinline__ uint64_t thread_of_grid() { return static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }

__device__ __forceinline__ bool is_nan(float x) { return (__float_as_uint(x) & 0x7fffffffu) > 0x7f800000u; }
__device__ __forceinline__ bool is_finite(float x) { return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u; }
__device__ __forceinline__ float infinity() { return __uint_as_float(0x7f800000u); }
__device__ __forceinline__ float not_a_number() { return __uint_as_float(0x7fc00000u); }
__device__ __forceinline__ unsigned least_of(unsigned a, unsigned b) { return a < b ? a : b; }

// exp within 2 units of the last place, with the same bits on every card and on the emulator. (Coefficients: Moshier, Cephes, expf.)
__device__ __forceinline__ float exp_of(float x) {
  if (!(x > -104.0f)) return is_nan(x) ? x : 0.0f;
  if (x > 88.8f) return infinity();
  const float n = floorf(x * 1.44269504088896341f + 0.5f);
  float r = x - n * 0.693359375f;  // exact: the constant has 9 bits
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r;
  p = p + 1.0f;
  const int first = static_cast<int>(n) / 2, second = static_cast<int>(n) - first;  // in two steps: 2^n alone may be beyond the largest float
  return p * __int_as_float((first + 127) << 23) * __int_as_float((second + 127) << 23);
}

__device__ __forceinline__ float silu_of(float x) { return is_nan(x) ? x : x / (1.0f + exp_of(-x)); }

// erfc: Press et al., Numerical Recipes, erfcc: 1.2e-7 of its value everywhere, so large negative x keep their digits.
__device__ __forceinline__ float erfc_of(float x) {
  const float z = fabsf(x), t = 1.0f / (1.0f + 0.5f * z);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  const float tail = t * exp_of(-z * z - 1.26551223f + t * p);
  return x >= 0.0f ? tail : 2.0f - tail;
}
__device__ __forceinline__ float gelu_erf(float x) { return is_nan(x) ? x : 0.5f * x * erfc_of(-x * 0.70710678f); }
__device__ __forceinline__ float gelu_tanh(float x) {
  const float u = 0.79788456f * (x + 0.044715f * x * x * x);
  return is_nan(x) ? x : x / (1.0f + exp_of(-2.0f * u));
}

// IEEE halves and bfloats to nearest even; NaN stays with its upper bits, which the card's own conversions forget.
__device__ __forceinline__ uint32_t float_to_half(float value) {
  const uint32_t bits = __float_as_uint(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u | (magnitude >> 13 & 0x3ffu);
  if (magnitude >= 0x47800000u) return sign | 0x7c00u;
  if (magnitude < 0x33000000u) return sign;
  uint32_t kept, rest, tie;
  if (magnitude >= 0x38800000u) {
    kept = (magnitude >> 13) - (112u << 10);
    rest = magnitude & 0x1fffu;
    tie = 0x1000u;
  } else {
    const uint32_t shift = 126u - (magnitude >> 23), fraction = (magnitude & 0x7fffffu) | 0x800000u;
    kept = fraction >> shift;
    rest = fraction & ((1u << shift) - 1u);
    tie = 1u << (shift - 1u);
  }
  if (rest > tie || (rest == tie && (kept & 1u) != 0u)) ++kept;
  return sign | kept;
}
__device__ __forceinline__ uint32_t float_to_bfloat(float value) {
  const uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

__device__ __forceinline__ float warp_sum(float value) {
  for (int apart = static_cast<int>(kWarp) / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(kAllLanes, value, apart);
  return value;
}

// Over a block of kWidth threads, by kWarps places of shared memory; all threads get it.
__device__ __forceinline__ float block_sum(float value, float* partial) {
  value = warp_sum(value);
  if (lane_of_warp() == 0) partial[warp_of_block()] = value;
  __syncthreads();
  float sum = 0.0f;
  for (unsigned i = 0; i < kWarps; ++i) sum += partial[i];
  __syncthreads();
  return sum;
}
__device__ __forceinline__ float block_max(float value, float* partial) {
  for (int apart = static_cast<int>(kWarp) / 2; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, apart));
  if (lane_of_warp() == 0) partial[warp_of_block()] = value;
  __syncthreads();
  float largest = partial[0];
  for (unsigned i = 1; i < kWarps; ++i) largest = fmaxf(largest, partial[i]);
  __syncthreads();
  return largest;
}

// A long launch looks once a block whether it is still wanted. `seen` is a word of shared memory.
__device__ __forceinline__ bool is_stopped(const uint32_t* stop, uint32_t* seen) {
  if (threadIdx.x == 0) *seen = load_volatile(stop);
  __syncthreads();
  return *seen != 0u;
}

// Constant tables of the host's headers, for device code.
template <class T, int n>
struct Table {
  T at[n];
};
template <class T, size_t n>
constexpr Table<T, static_cast<int>(n)> table_of(const T (&from)[n]) {
  Table<T, static_cast<int>(n)> table{};
  for (size_t i = 0; i < n; ++i) table.at[i] = from[i];
  return table;
}

}  // namespace pio::cuda
