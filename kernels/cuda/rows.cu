#include "kernels/cuda/encode.cuh"
#include "kernels/cuda/formats.cuh"
#include "kernels/cuda/launch.h"

// Ops of single values, and of rows as they are.

namespace pio::cuda {
namespace {

unsigned blocks_for(uint64_t n_threads) { return static_cast<unsigned>((n_threads + kWidth - 1) / kWidth); }

__global__ void __launch_bounds__(kWidth) pairs(const PairOp op, const Pairs p) {
  const uint64_t i = thread_of_grid();
  if (i >= p.n) return;
  switch (op) {
    case PairOp::add: p.y[i] = p.a[i] + p.b[i]; break;
    case PairOp::multiply: p.y[i] = p.a[i] * p.b[i]; break;
    case PairOp::silu: p.y[i] = silu_of(p.a[i]); break;
    case PairOp::glu: p.y[i] = silu_of(p.a[i]) * p.b[i]; break;
    case PairOp::gelu_erf: p.y[i] = gelu_erf(p.a[i]); break;
    case PairOp::gelu_tanh: p.y[i] = gelu_tanh(p.a[i]); break;
    case PairOp::add_scaled: p.y[i] = p.y[i] + p.factor * p.a[i]; break;
  }
}

// A thread has a run of values.
__global__ void __launch_bounds__(kWidth) decode_rows(const DecodeRows p) {
  const uint32_t n_runs = (p.n_in + kRun - 1) / kRun;
  const uint64_t at = thread_of_grid(), r = at / n_runs;
  const uint32_t i = static_cast<uint32_t>(at % n_runs) * kRun;
  if (r >= p.n_rows) return;
  const size_t row = p.ids ? static_cast<size_t>(p.ids[r]) : static_cast<size_t>(r);
  float values[kRun];
  decode_run(p.w.format, p.w.w + row * p.w.row_bytes, i, p.n_in, values);
  for (unsigned j = 0; j < kRun; ++j) {
    if (i + j < p.n_in) p.y[r * p.n_in + i + j] = values[j];
  }
}

// A thread has 32 numbers, fewer at the end of a plain format.
__global__ void __launch_bounds__(kWidth) cast(const Cast p) {
  const uint64_t first = thread_of_grid() * kGroup;
  if (first >= p.n) return;
  if (p.format == DType::f16 || p.format == DType::bf16) {
    uint16_t* const y = static_cast<uint16_t*>(p.y);
    for (uint64_t i = first; i < first + kGroup && i < p.n; ++i) {
      y[i] = static_cast<uint16_t>(p.format == DType::f16 ? float_to_half(p.x[i]) : float_to_bfloat(p.x[i]));
    }
    return;
  }
  float values[kGroup];
  for (unsigned j = 0; j < kGroup; ++j) values[j] = p.x[first + j];
  const size_t block_bytes = p.format == DType::q8_0 ? sizeof(BlockQ8_0) : sizeof(BlockQ4_0);
  uint8_t* const block = static_cast<uint8_t*>(p.y) + first / kGroup * block_bytes;
  if (p.format == DType::q8_0) {
    const float d = scale_of_q8_0(values), inverse = inverse_of(d);
    *reinterpret_cast<uint16_t*>(block) = static_cast<uint16_t>(float_to_half(d));
    for (unsigned j = 0; j < kGroup; ++j) block[2 + j] = static_cast<uint8_t>(code_of_q8_0(values[j], inverse));
  } else {
    const float d = scale_of_q4_0(values), inverse = inverse_of(d);
    *reinterpret_cast<uint16_t*>(block) = static_cast<uint16_t>(float_to_half(d));
    for (unsigned j = 0; j < kGroup / 2; ++j) {
      block[2 + j] = static_cast<uint8_t>(code_of_q4_0(values[j], inverse) | code_of_q4_0(values[j + kGroup / 2], inverse) << 4);
    }
  }
}

__global__ void __launch_bounds__(kWidth) gather_rows(const GatherRows p) {
  const uint64_t at = thread_of_grid(), i = at / p.dim;
  if (i < p.n) p.y[at] = p.x[static_cast<size_t>(p.rows[i]) * p.dim + at % p.dim];
}

__global__ void __launch_bounds__(kWidth) copy_columns(const CopyColumns p) {
  const uint64_t at = thread_of_grid(), r = at / p.n, i = at % p.n;
  if (r < p.n_rows) p.y[r * p.y_width + p.y_first + i] = p.x[r / p.repeats * p.x_width + p.x_first + i];
}

__global__ void __launch_bounds__(kWidth) sum_rows(const SumRows p) {
  const uint64_t at = thread_of_grid(), t = at / p.dim, i = at % p.dim;
  if (t >= p.n) return;
  float sum = 0.0f;
  for (uint32_t j = 0; j < p.k; ++j) sum = sum + p.weights[t * p.k + j] * p.x[static_cast<size_t>(p.rows[t * p.k + j]) * p.dim + i];
  p.y[at] = sum;
}

constexpr uint32_t kNone = 0xffffffffu;
__device__ bool is_better(float value, uint32_t place, float than_value, uint32_t than_place) {
  if (place == kNone) return false;
  return than_place == kNone || value > than_value || (value == than_value && place < than_place);
}

struct Best {
  float value[kWarps];
  uint32_t place[kWarps];
};

// The place of the largest of each row, the lowest of equals; a NaN is never it. A block has a row.
__global__ void __launch_bounds__(kWidth) argmax(const Argmax p) {
  PIO_SHARED(Best, of_warps);
  const float* const x = p.x + size_t{blockIdx.x} * p.dim;
  float best = 0.0f;
  uint32_t place = kNone;
  for (uint32_t i = threadIdx.x; i < p.dim; i += kWidth) {
    const float value = x[i];
    if (!is_nan(value) && is_better(value, i, best, place)) {
      best = value;
      place = i;
    }
  }
  for (int apart = static_cast<int>(kWarp) / 2; apart > 0; apart /= 2) {
    const float value = __shfl_xor_sync(kAllLanes, best, apart);
    const uint32_t other = __shfl_xor_sync(kAllLanes, place, apart);
    if (is_better(value, other, best, place)) {
      best = value;
      place = other;
    }
  }
  if (lane_of_warp() == 0) {
    of_warps.value[warp_of_block()] = best;
    of_warps.place[warp_of_block()] = place;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned i = 1; i < kWarps; ++i) {
    if (is_better(of_warps.value[i], of_warps.place[i], best, place)) {
      best = of_warps.value[i];
      place = of_warps.place[i];
    }
  }
  p.y[blockIdx.x] = place == kNone ? 0 : static_cast<int32_t>(place);
}

__global__ void __launch_bounds__(kWidth) read_all(const ReadAll p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words)) return;
  const uint64_t first = (uint64_t{part.first_block} + blockIdx.x) * kReadOfABlock;
  uint32_t total = 0;
  for (uint64_t i = first + threadIdx.x; i < first + kReadOfABlock && i < p.n; i += kWidth) {
    const uint4 four = load16(static_cast<const uint8_t*>(p.x) + i * 16);
    total += four.x + four.y + four.z + four.w;
  }
  atomicAdd(p.sum, total);
}

}  // namespace

void launch_pairs(PairOp op, const Pairs& p, cudaStream_t stream) { PIO_LAUNCH(pairs, blocks_for(p.n), kWidth, 0, stream, op, p); }
void launch_decode_rows(const DecodeRows& p, cudaStream_t stream) {
  PIO_LAUNCH(decode_rows, blocks_for(uint64_t{p.n_rows} * ((p.n_in + kRun - 1) / kRun)), kWidth, 0, stream, p);
}
void launch_cast(const Cast& p, cudaStream_t stream) { PIO_LAUNCH(cast, blocks_for((p.n + kGroup - 1) / kGroup), kWidth, 0, stream, p); }
void launch_gather_rows(const GatherRows& p, cudaStream_t stream) {
  PIO_LAUNCH(gather_rows, blocks_for(uint64_t{p.n} * p.dim), kWidth, 0, stream, p);
}
void launch_copy_columns(const CopyColumns& p, cudaStream_t stream) {
  PIO_LAUNCH(copy_columns, blocks_for(uint64_t{p.n_rows} * p.n), kWidth, 0, stream, p);
}
void launch_sum_rows(const SumRows& p, cudaStream_t stream) { PIO_LAUNCH(sum_rows, blocks_for(uint64_t{p.n} * p.dim), kWidth, 0, stream, p); }
void launch_argmax(const Argmax& p, cudaStream_t stream) { PIO_LAUNCH(argmax, p.n_rows, kWidth, sizeof(Best), stream, p); }
void launch_read_all(const ReadAll& p, const Part& part, cudaStream_t stream) { PIO_LAUNCH(read_all, part.n_blocks, kWidth, 16, stream, p, part); }

}  // namespace pio::cuda
