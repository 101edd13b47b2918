#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "tests/support/cuda_on_cpu/faults.h"

// Kernels with one fault each, and their sound twins.

namespace pio::test {

struct Pair {
  const char* name;
  cuda_on_cpu::Fault fault;
  void (*launch)(bool is_broken, cudaStream_t stream, float* device, float* host);  // 1024 floats each; `device` begins at a multiple of 256
};
std::vector<Pair> broken_kernels();

// c [16, 8] = a [16, k] · b [8, k]ᵀ by one instruction of the tensor cores, fragments by ldmatrix: k = 32 of 8-bit integers; k = 16 of halves or
// bfloats.
void multiply_s8(cudaStream_t stream, int* c, const signed char* a, const signed char* b, bool in_halves);
void multiply_half(cudaStream_t stream, float* c, const unsigned short* a, const unsigned short* b, bool is_bfloat);

// y[i] = i for n values
void count(cudaStream_t stream, float* y, int n);
// y[i] += x[i]
void add(cudaStream_t stream, float* y, const float* x, int n);
// y[block] = sum over its 64 threads of x, by shuffles and one barrier
void sum_of_blocks(cudaStream_t stream, float* y, const float* x, int n_blocks);

}  // namespace pio::test
