#include "tests/kernels/cuda/broken_kernels.h"

#include "kernels/cuda/ptx.cuh"

namespace pio::test {
namespace {

using cuda_on_cpu::Fault;
using namespace pio::cuda;

__global__ void read_beyond(float* y, const float* x, int n) {
  const int i = static_cast<int>(threadIdx.x);
  y[i] = x[n - 64 + i];
}

__global__ void write_beyond(float* y, int first) { y[first + static_cast<int>(threadIdx.x)] = 1; }

__global__ void read_vector(float* y, const float* x, int first) {
  const uint4 v = load16(x + first + 4 * static_cast<int>(threadIdx.x));
  y[512 + threadIdx.x] = __uint_as_float(v.x) + __uint_as_float(v.w);
}

// Each thread takes what its neighbour in another warp has put.
__global__ void exchange(float* y, bool waits, bool for_the_warp) {
  PIO_SHARED_ARRAY(float, values);
  const unsigned i = threadIdx.x;
  values[i] = static_cast<float>(i);
  if (waits) __syncthreads();
  if (for_the_warp) __syncwarp();
  y[i] = values[(i + 32) % 64];
}

// The neighbour is in the same warp.
__global__ void exchange_in_warp(float* y, bool waits) {
  PIO_SHARED_ARRAY(float, values);
  const unsigned i = threadIdx.x;
  values[i] = static_cast<float>(i);
  if (waits) __syncwarp();
  y[i] = values[i ^ 1u];
}

// A sum whose second round may overtake the first.
__global__ void write_behind_read(float* y, bool waits) {
  PIO_SHARED_ARRAY(float, value);
  if (threadIdx.x == 0) value[0] = 1;
  __syncthreads();
  const float first = value[0];
  if (waits) __syncthreads();
  if (threadIdx.x == 0) value[0] = 2;
  __syncthreads();
  y[threadIdx.x] = first + value[0];
}

__global__ void read_unset(float* y, bool sets) {
  PIO_SHARED_ARRAY(float, values);
  if (sets || threadIdx.x < 8) values[threadIdx.x] = 3;
  __syncthreads();
  y[threadIdx.x] = values[63 - threadIdx.x];
}

__global__ void leave_before_barrier(float* y, int n) {
  if (static_cast<int>(threadIdx.x) >= n) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void shuffle_some(float* y, int n) {
  float value = static_cast<float>(threadIdx.x);
  if (static_cast<int>(threadIdx.x) < n) value += __shfl_xor_sync(0xffffffffu, value, 1);
  y[threadIdx.x] = value;
}

__global__ void write_shared(float* y, int n) {
  PIO_SHARED_ARRAY(float, values);
  values[n - 64 + static_cast<int>(threadIdx.x)] = 1;
  __syncthreads();
  y[threadIdx.x] = values[n - 64 + static_cast<int>(threadIdx.x)];
}

__global__ void write_at(float* y, int of_block) { y[static_cast<int>(blockIdx.x) * of_block + static_cast<int>(threadIdx.x)] = 1; }

__global__ void add_up(unsigned* y, bool atomically) {
  if (atomically) atomicAdd(y, 1u);
  else y[0] += 1;
}

__global__ void read_pointer(float* y, const float* x) { y[threadIdx.x] = x[threadIdx.x]; }

__global__ void copy_late(float* y, const float* x, bool waits) {
  PIO_SHARED_ARRAY(float, values);
  cp_async16(values + 4 * threadIdx.x, x + 4 * threadIdx.x);
  cp_async_commit();
  if (waits) cp_async_wait<0>();
  __syncthreads();
  y[512 + threadIdx.x] = values[4 * threadIdx.x];
}

__global__ void count_up(float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] = static_cast<float>(i);
}

__global__ void add_to(float* y, const float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] += x[i];
}

__global__ void sum_of_block(float* y, const float* x) {
  PIO_SHARED_ARRAY(float, of_warps);
  float sum = x[blockIdx.x * 64 + threadIdx.x];
  for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) y[blockIdx.x] = of_warps[0] + of_warps[1];
}

// Where element i of a lane's result lies (PTX manual).
__device__ int row_of(int lane, int i) { return lane / 4 + (i < 2 ? 0 : 8); }
__device__ int column_of(int lane, int i) { return lane % 4 * 2 + i % 2; }

// A row of a is 32 bytes, 8 x 8 matrices of 16-bit numbers take 16 of them: the fragments of both kinds of numbers lie alike.
__device__ void load_fragments(uint32_t (&a_part)[4], uint32_t (&b_part)[2], unsigned char* shared, const void* a, const void* b) {
  const int lane = static_cast<int>(threadIdx.x);
  store16(shared + 16 * lane, load16(static_cast<const unsigned char*>(a) + 16 * lane));
  if (lane < 16) store16(shared + 512 + 16 * lane, load16(static_cast<const unsigned char*>(b) + 16 * lane));
  __syncwarp();
  ldmatrix_x4(a_part, shared + lane % 16 * 32 + lane / 16 * 16);
  ldmatrix_x2(b_part, shared + 512 + lane % 8 * 32 + lane / 8 % 2 * 16);
}

__global__ void multiply_integers(int* c, const signed char* a, const signed char* b, bool in_halves) {
  PIO_SHARED_ARRAY(unsigned char, shared);
  uint32_t a_part[4], b_part[2];
  load_fragments(a_part, b_part, shared, a, b);
  int d[4] = {0, 0, 0, 0};
  if (in_halves) {
    const uint32_t low[2] = {a_part[0], a_part[1]}, high[2] = {a_part[2], a_part[3]};
    mma_s8_16(d, low, b_part[0]);
    mma_s8_16(d, high, b_part[1]);
  } else {
    mma_s8(d, a_part, b_part);
  }
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 4; ++i) c[row_of(lane, i) * 8 + column_of(lane, i)] = d[i];
}

__global__ void multiply_halves(float* c, const unsigned short* a, const unsigned short* b, bool is_bfloat) {
  PIO_SHARED_ARRAY(unsigned char, shared);
  uint32_t a_part[4], b_part[2];
  load_fragments(a_part, b_part, shared, a, b);
  float d[4] = {0, 0, 0, 0};
  if (is_bfloat) mma_bf16(d, a_part, b_part);
  else mma_f16(d, a_part, b_part);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 4; ++i) c[row_of(lane, i) * 8 + column_of(lane, i)] = d[i];
}

constexpr unsigned kSharedBytes = 64 * sizeof(float);

}  // namespace

std::vector<Pair> broken_kernels() {
  return {
      {"ReadsBeyondAnAllocation", Fault::out_of_bounds,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(read_beyond, 1, 64, 0, s, y, y, broken ? 1025 : 1024); }},
      {"WritesBeyondAnAllocation", Fault::out_of_bounds,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(write_beyond, 1, 64, 0, s, y, broken ? -1 : 0); }},
      {"ReadsAVectorAtAnOddPlace", Fault::misaligned,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(read_vector, 1, 32, 0, s, y, y, broken ? 2 : 4); }},
      {"DoesNotWaitForAnotherWarp", Fault::race,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(exchange, 1, 64, kSharedBytes, s, y, !broken, false); }},
      {"WaitsForTheWrongThreads", Fault::race,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(exchange, 1, 64, kSharedBytes, s, y, !broken, true); }},
      {"DoesNotWaitForItsWarp", Fault::race,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(exchange_in_warp, 1, 64, kSharedBytes, s, y, !broken); }},
      {"WritesWhatOthersStillRead", Fault::race,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(write_behind_read, 1, 64, kSharedBytes, s, y, !broken); }},
      {"ReadsSharedMemoryThatNobodyWrote", Fault::unset,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(read_unset, 1, 64, kSharedBytes, s, y, !broken); }},
      {"LeavesBeforeABarrier", Fault::barrier,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(leave_before_barrier, 1, 64, 0, s, y, broken ? 40 : 64); }},
      {"ShufflesWithLanesThatAreNotThere", Fault::warp,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(shuffle_some, 1, 32, 0, s, y, broken ? 20 : 32); }},
      {"WritesBeyondItsSharedMemory", Fault::out_of_bounds,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(write_shared, 1, 64, kSharedBytes, s, y, broken ? 65 : 64); }},
      {"WritesWhereAnotherBlockWrites", Fault::race,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(write_at, 4, 64, 0, s, y, broken ? 63 : 64); }},
      {"AddsWithoutAtomics", Fault::race,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(add_up, 2, 64, 0, s, reinterpret_cast<unsigned*>(y), !broken); }},
      {"ReadsMemoryOfTheHost", Fault::out_of_bounds,
       [](bool broken, cudaStream_t s, float* y, float* host) { PIO_LAUNCH(read_pointer, 1, 64, 0, s, y, broken ? host : y); }},
      {"ReadsACopyThatIsUnderWay", Fault::unset,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(copy_late, 1, 32, 512, s, y, y, !broken); }},
      {"WantsMoreSharedMemoryThanThereIs", Fault::shared_limit,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(exchange, 1, 64, broken ? 49153 : 49152, s, y, true, false); }},
      {"WantsMoreThreadsThanABlockHas", Fault::launch,
       [](bool broken, cudaStream_t s, float* y, float*) { PIO_LAUNCH(write_at, 1, broken ? 1025 : 1024, 0, s, y, 0); }},
  };
}

void multiply_s8(cudaStream_t stream, int* c, const signed char* a, const signed char* b, bool in_halves) {
  PIO_LAUNCH(multiply_integers, 1, 32, 768, stream, c, a, b, in_halves);
}
void multiply_half(cudaStream_t stream, float* c, const unsigned short* a, const unsigned short* b, bool is_bfloat) {
  PIO_LAUNCH(multiply_halves, 1, 32, 768, stream, c, a, b, is_bfloat);
}
void count(cudaStream_t stream, float* y, int n) { PIO_LAUNCH(count_up, (n + 63) / 64, 64, 0, stream, y, n); }
void add(cudaStream_t stream, float* y, const float* x, int n) { PIO_LAUNCH(add_to, (n + 63) / 64, 64, 0, stream, y, x, n); }
void sum_of_blocks(cudaStream_t stream, float* y, const float* x, int n_blocks) { PIO_LAUNCH(sum_of_block, n_blocks, 64, 8, stream, y, x); }

}  // namespace pio::test
