#pragma once

#include "kernels/cuda/formats.cuh"
#include "kernels/cuda/launch.h"

// Products of some rows of a matrix with some rows of x, by a warp: its lanes have every 32nd piece of the inputs, whatever the numbers of rows, and
// their sums are added in one tree. So a result has the same bits beside any others.

namespace pio::cuda {

constexpr unsigned kBlockOfX = 32;  // inputs that are rounded with one scale
constexpr unsigned kOnes = 0x01010101u;

// The largest magnitude becomes 127. What is not finite makes the scale a NaN. y: kRoundedWords words.
__device__ __forceinline__ void round_block(const float (&values)[kBlockOfX], uint32_t* y) {
  float largest = 0.0f;
  bool is_wild = false;
  for (unsigned j = 0; j < kBlockOfX; ++j) {
    largest = fmaxf(largest, fabsf(values[j]));
    if (!is_finite(values[j])) is_wild = true;
  }
  const float step = largest * 0.00787401574803149606f;
  const float inverse = !is_wild && largest > 1e-30f ? 127.0f / largest : 0.0f;
  for (unsigned word = 0; word < kBlockOfX / 4; ++word) {
    uint32_t packed = 0;
    for (unsigned j = 0; j < 4; ++j) {
      int code = is_wild ? 0 : static_cast<int>(floorf(values[word * 4 + j] * inverse + 0.5f));
      code = code < -127 ? -127 : code > 127 ? 127 : code;
      packed |= (static_cast<uint32_t>(code) & 255u) << 8 * j;
    }
    y[word] = packed;
  }
  y[kBlockOfX / 4] = __float_as_uint(is_wild ? not_a_number() : step);
}

// A row of x by all threads of the block, rounded into y; with the weights of a norm the sum of this thread's squares is returned.
__device__ __forceinline__ float round_row(const float* x, const float* norm, uint32_t n_in, uint32_t* y) {
  float squares = 0.0f;
  for (uint32_t i = threadIdx.x * kBlockOfX; i < n_in; i += kWidth * kBlockOfX) {
    float values[kBlockOfX];
    for (unsigned j = 0; j < kBlockOfX; ++j) {
      const float value = x[i + j];
      squares = fmaf(value, value, squares);
      values[j] = norm ? value * norm[i + j] : value;
    }
    round_block(values, y + i / kBlockOfX * kRoundedWords);
  }
  return squares;
}

// What a warp multiplies a matrix by: rows of floats, or of rounded blocks.
struct RowsOfX {
  const float* x = nullptr;
  size_t stride = 0;
  const uint32_t* rounded = nullptr;
  size_t rounded_stride = 0;
  const float* norm = nullptr;  // multiplied in where x is read as it is
  uint32_t n = 0, n_in = 0;
};

// sums[r * kTokens + t] += row first_row + r of the matrix · row t of x, this lane's part of it; rows of x from n on count as the last one.
template <int kRows, int kTokens>
__device__ __forceinline__ void add_rounded_as(DType format, const Matrix& w, const RowsOfX& x, size_t first_row, uint32_t n_rows,
                                               float (&sums)[kRows * kTokens]) {
  for (uint32_t b = lane_of_warp(); b < x.n_in / kBlockOfX; b += kWarp) {
    float of_block[kRows * kTokens];
    for (int k = 0; k < kRows * kTokens; ++k) of_block[k] = 0.0f;
    for (uint32_t run = 0; run < kBlockOfX / kRun; ++run) {
      uint32_t low[kTokens], high[kTokens];
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        const uint32_t* const at = x.rounded + least_of(static_cast<unsigned>(t), x.n - 1u) * x.rounded_stride + size_t{b} * kRoundedWords + 2u * run;
        low[t] = at[0];
        high[t] = at[1];
      }
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        if (static_cast<uint32_t>(r) >= n_rows) continue;
        const Codes c = codes_at(format, w.w + (first_row + static_cast<uint32_t>(r)) * w.row_bytes, b * kBlockOfX + run * kRun);
#pragma unroll
        for (int t = 0; t < kTokens; ++t) {
          int product = __dp4a(static_cast<int>(c.low), static_cast<int>(low[t]), 0);
          product = __dp4a(static_cast<int>(c.high), static_cast<int>(high[t]), product);
          float sum = of_block[r * kTokens + t];
          if (c.offset != 0 || c.has_least) {
            const int of_x = __dp4a(static_cast<int>(kOnes), static_cast<int>(high[t]), __dp4a(static_cast<int>(kOnes), static_cast<int>(low[t]), 0));
            sum = fmaf(c.scale, static_cast<float>(product - c.offset * of_x), sum);
            if (c.has_least) sum = fmaf(c.least, static_cast<float>(of_x), sum);
          } else {
            sum = fmaf(c.scale, static_cast<float>(product), sum);
          }
          of_block[r * kTokens + t] = sum;
        }
      }
    }
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const uint32_t* const at = x.rounded + least_of(static_cast<unsigned>(t), x.n - 1u) * x.rounded_stride + size_t{b} * kRoundedWords;
      const float scale = __uint_as_float(at[kBlockOfX / 4]);
#pragma unroll
      for (int r = 0; r < kRows; ++r) sums[r * kTokens + t] = fmaf(of_block[r * kTokens + t], scale, sums[r * kTokens + t]);
    }
  }
}

// Of one row of x, the step of a decoded token, the commonest formats have loops of their own, in which no format is looked at.
template <int kRows, int kTokens>
__device__ __forceinline__ void add_rounded(const Matrix& w, const RowsOfX& x, size_t first_row, uint32_t n_rows, float (&sums)[kRows * kTokens]) {
  if (kTokens == 1) {
    switch (w.format) {
      case DType::q4_0: return add_rounded_as<kRows, kTokens>(DType::q4_0, w, x, first_row, n_rows, sums);
      case DType::q8_0: return add_rounded_as<kRows, kTokens>(DType::q8_0, w, x, first_row, n_rows, sums);
      case DType::q4_k: return add_rounded_as<kRows, kTokens>(DType::q4_k, w, x, first_row, n_rows, sums);
      case DType::q5_k: return add_rounded_as<kRows, kTokens>(DType::q5_k, w, x, first_row, n_rows, sums);
      case DType::q6_k: return add_rounded_as<kRows, kTokens>(DType::q6_k, w, x, first_row, n_rows, sums);
      default: break;
    }
  }
  add_rounded_as<kRows, kTokens>(w.format, w, x, first_row, n_rows, sums);
}

template <int kRows, int kTokens>
__device__ __forceinline__ void add_plain(const Matrix& w, const RowsOfX& x, size_t first_row, uint32_t n_rows, float (&sums)[kRows * kTokens],
                                          float (&squares)[kTokens]) {
  for (uint32_t i = lane_of_warp() * kRun; i < x.n_in; i += kWarp * kRun) {
    float values[kTokens * kRun];
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const float* const row = x.x + least_of(static_cast<unsigned>(t), x.n - 1u) * x.stride;
#pragma unroll
      for (unsigned j = 0; j < kRun; ++j) {
        float value = 0.0f;
        if (i + j < x.n_in) {
          value = row[i + j];
          if (x.norm) {
            squares[t] = fmaf(value, value, squares[t]);
            value = value * x.norm[i + j];
          }
        }
        values[static_cast<unsigned>(t) * kRun + j] = value;
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if (static_cast<uint32_t>(r) >= n_rows) continue;
      float v[kRun];
      decode_run(w.format, w.w + (first_row + static_cast<uint32_t>(r)) * w.row_bytes, i, x.n_in, v);
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        float sum = sums[r * kTokens + t];
#pragma unroll
        for (unsigned j = 0; j < kRun; ++j) {
          if (i + j < x.n_in) sum = fmaf(v[j], values[static_cast<unsigned>(t) * kRun + j], sum);
        }
        sums[r * kTokens + t] = sum;
      }
    }
  }
}

// Adds what all lanes have of n sums, a power of two up to 32, in the tree that warp_sum goes by. Lane l returns sum l / (32 / n): in each round a
// lane gives away one half of its sums and takes the other half of its neighbour's.
template <int n>
__device__ __forceinline__ float reduce(float (&sums)[n]) {
  const unsigned lane = lane_of_warp();
#pragma unroll
  for (int round = 0; round < 5; ++round) {
    const int apart = 16 >> round, left = n >> round;
    if (left > 1) {
      const bool is_upper = (lane & static_cast<unsigned>(apart)) != 0u;
#pragma unroll
      for (int j = 0; j < n / 2; ++j) {
        if (j >= left / 2) continue;
        const float given = is_upper ? sums[j] : sums[j + left / 2], kept = is_upper ? sums[j + left / 2] : sums[j];
        sums[j] = kept + __shfl_xor_sync(kAllLanes, given, apart);
      }
    } else {
      sums[0] += __shfl_xor_sync(kAllLanes, sums[0], apart);
    }
  }
  return sums[0];
}
// Whose sum it is, and whether this lane is the first that has it.
template <int n>
__device__ __forceinline__ unsigned sum_of_lane() {
  return lane_of_warp() / (kWarp / n);
}
template <int n>
__device__ __forceinline__ bool is_first_of_sum() {
  return lane_of_warp() % (kWarp / n) == 0u;
}

}  // namespace pio::cuda
