#pragma once

#include "kernels/cuda/device.cuh"

// A block of 32 numbers as Q8_0 or Q4_0, with the bits of kernels/quant/q32.cpp.

namespace pio::cuda {

constexpr unsigned kGroup = 32;  // numbers of one scale

// The value of largest magnitude with its sign; the first of equals.
__device__ __forceinline__ float extreme_of(const float (&x)[kGroup]) {
  float largest = 0.0f, value = 0.0f;
  for (unsigned j = 0; j < kGroup; ++j) {
    if (fabsf(x[j]) > largest) {
      largest = fabsf(x[j]);
      value = x[j];
    }
  }
  return value;
}

// Towards zero, into the range of the codes.
__device__ __forceinline__ int to_code(float x, int least, int most) {
  if (!(x > static_cast<float>(least))) return least;
  return x >= static_cast<float>(most) ? most : static_cast<int>(x);
}

// Halves away from zero.
__device__ __forceinline__ float rounded(float x) {
  const float whole = truncf(x);
  return fabsf(x - whole) >= 0.5f ? whole + copysignf(1.0f, x) : whole;
}

__device__ __forceinline__ float scale_of_q8_0(const float (&x)[kGroup]) { return fabsf(extreme_of(x)) / 127.0f; }
__device__ __forceinline__ float scale_of_q4_0(const float (&x)[kGroup]) { return extreme_of(x) * -0.125f; }
__device__ __forceinline__ float inverse_of(float d) { return d != 0.0f ? 1.0f / d : 0.0f; }
__device__ __forceinline__ int code_of_q8_0(float x, float inverse) { return to_code(rounded(x * inverse), -127, 127); }
__device__ __forceinline__ int code_of_q4_0(float x, float inverse) { return to_code(x * inverse + 8.5f, 0, 15); }

}  // namespace pio::cuda
