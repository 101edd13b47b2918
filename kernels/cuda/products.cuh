#pragma once

#include "kernels/cuda/formats.cuh"
#include "kernels/cuda/launch.h"

// Products of rows of a matrix with rows of x. Every product has one order of sums, whoever computes it: the inputs are cut into blocks of 32, and class c of
// kClasses has blocks c, c + kClasses, … in rising order; then the classes are added, those that are 4 apart first, those that are 1 apart last. Here a lane
// has a class of a row of the matrix; in tiles.cuh a warp has a class of many rows. So a result has the same bits beside any others.

namespace pio::cuda {

constexpr unsigned kClasses = 8;
constexpr unsigned kRowsOfAWarp = kWarp / kClasses;
constexpr unsigned kBlockOfX = 32;  // inputs that are rounded with one scale

__device__ __forceinline__ unsigned class_of_lane() { return lane_of_warp() % kClasses; }
__device__ __forceinline__ unsigned row_of_lane() { return lane_of_warp() / kClasses; }

// The largest magnitude becomes 127. What is not finite makes the scale a NaN. codes: 8 words; pair: the scale, and the sums of the codes of both halves as
// halves, which hold them exactly.
__device__ __forceinline__ void round_block(const float (&values)[kBlockOfX], uint32_t* codes, uint32_t* pair) {
  float largest = 0.0f;
  bool is_wild = false;
  for (unsigned j = 0; j < kBlockOfX; ++j) {
    largest = fmaxf(largest, fabsf(values[j]));
    if (!is_finite(values[j])) is_wild = true;
  }
  const float step = largest * 0.00787401574803149606f;
  const float inverse = !is_wild && largest > 1e-30f ? 127.0f / largest : 0.0f;
  int sums[2] = {0, 0};
  for (unsigned word = 0; word < kBlockOfX / 4; ++word) {
    uint32_t packed = 0;
    for (unsigned j = 0; j < 4; ++j) {
      int code = is_wild ? 0 : static_cast<int>(floorf(values[word * 4 + j] * inverse + 0.5f));
      code = code < -127 ? -127 : code > 127 ? 127 : code;
      sums[word / 4] += code;
      packed |= (static_cast<uint32_t>(code) & 255u) << 8 * j;
    }
    codes[word] = packed;
  }
  pair[0] = __float_as_uint(is_wild ? not_a_number() : step);
  pair[1] = float_to_half(static_cast<float>(sums[0])) | float_to_half(static_cast<float>(sums[1])) << 16;
}

// A rounded row: its codes, the pairs of its blocks, and behind them what a norm multiplies all of it by.
__host__ __device__ constexpr uint32_t pairs_of_row(uint32_t n_in) { return n_in / 4u; }
__host__ __device__ constexpr uint32_t factor_of_row(uint32_t n_in) { return n_in / 4u + n_in / kBlockOfX * 2u; }

__host__ __device__ constexpr size_t words_of_row(uint32_t n_in) { return (n_in / 4u + n_in / kBlockOfX * 2u + 4u) / 4u * 4u; }

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
    round_block(values, y + i / 4u, y + pairs_of_row(n_in) + i / kBlockOfX * 2u);
  }
  return squares;
}

// What a matrix is multiplied by: rows of floats, or of rounded blocks.
struct RowsOfX {
  const float* x = nullptr;
  size_t stride = 0;
  const uint32_t *codes = nullptr, *pairs = nullptr;
  size_t rounded_stride = 0;
  const float* norm = nullptr;  // multiplied in where x is read as it is
  uint32_t n = 0, n_in = 0;
};

// What 16 or 32 inputs with one scale add to a block's sum: the integer sum of their products, and of x alone.
__device__ __forceinline__ float add_group(float sum, float scale, float product, bool has_least, float least, float of_x) {
  sum = fmaf(scale, product, sum);
  return has_least ? fmaf(least, of_x, sum) : sum;
}
__device__ __forceinline__ float first_half(uint32_t sums) { return half_to_float(static_cast<uint16_t>(sums)); }
__device__ __forceinline__ float second_half(uint32_t sums) { return half_to_float(static_cast<uint16_t>(sums >> 16)); }

// sums[t] += row · row t of x, the part of this lane's class; rows of x from n on count as the last one. kAtOnce: runs that are decoded side by side.
template <int kTokens, int kAtOnce>
__device__ __forceinline__ void add_rounded_as(DType format, const uint8_t* row, const RowsOfX& x, float (&sums)[kTokens]) {
  const bool in_halves = has_scales_of_halves(format);
#pragma unroll kAtOnce
  for (uint32_t b = class_of_lane(); b < x.n_in / kBlockOfX; b += kClasses) {
    int products[kTokens];
    float of_block[kTokens];
    for (int t = 0; t < kTokens; ++t) {
      products[t] = 0;
      of_block[t] = 0.0f;
    }
#pragma unroll kAtOnce
    for (uint32_t half = 0; half < 2u; ++half) {
      Codes c;
#pragma unroll kAtOnce
      for (uint32_t run = 2u * half; run < 2u * half + 2u; ++run) {
        c = codes_at(format, row, b * kBlockOfX + run * kRun);
        const uint32_t low = less_offset(c.low, c.offset), high = less_offset(c.high, c.offset);
#pragma unroll
        for (int t = 0; t < kTokens; ++t) {
          const uint2 codes = load8(x.codes + least_of(static_cast<unsigned>(t), x.n - 1u) * x.rounded_stride + b * 8u + 2u * run);
          products[t] = __dp4a(static_cast<int>(low), static_cast<int>(codes.x), products[t]);
          products[t] = __dp4a(static_cast<int>(high), static_cast<int>(codes.y), products[t]);
        }
      }
      if (!in_halves && half == 0u) continue;
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        const uint32_t of_x = x.pairs[least_of(static_cast<unsigned>(t), x.n - 1u) * x.rounded_stride + 2u * b + 1u];
        const float sum_of_x = !in_halves ? first_half(of_x) + second_half(of_x) : half == 0u ? first_half(of_x) : second_half(of_x);
        of_block[t] = add_group(of_block[t], c.scale, static_cast<float>(products[t]), c.has_least, c.least, sum_of_x);
        products[t] = 0;
      }
    }
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const float scale = __uint_as_float(x.pairs[least_of(static_cast<unsigned>(t), x.n - 1u) * x.rounded_stride + 2u * b]);
      sums[t] = fmaf(of_block[t], scale, sums[t]);
    }
  }
}

// Of one row of x, the step of a decoded token, the commonest formats have loops of their own, in which no format is looked at.
template <int kTokens>
__device__ __forceinline__ void add_rounded(DType format, const uint8_t* row, const RowsOfX& x, float (&sums)[kTokens]) {
  if (kTokens == 1) {
    switch (format) {
      case DType::q4_0: return add_rounded_as<kTokens, 2>(DType::q4_0, row, x, sums);
      case DType::q8_0: return add_rounded_as<kTokens, 2>(DType::q8_0, row, x, sums);
      case DType::q4_k: return add_rounded_as<kTokens, 2>(DType::q4_k, row, x, sums);
      case DType::q5_k: return add_rounded_as<kTokens, 2>(DType::q5_k, row, x, sums);
      case DType::q6_k: return add_rounded_as<kTokens, 2>(DType::q6_k, row, x, sums);
      default: break;
    }
  }
  add_rounded_as<kTokens, 1>(format, row, x, sums);
}

// The same of numbers that are multiplied as floats: class c has runs of eight c, c + kClasses, …
template <int kTokens>
__device__ __forceinline__ void add_plain(DType format, const uint8_t* row, const RowsOfX& x, float (&sums)[kTokens], float (&squares)[kTokens]) {
  for (uint32_t i = class_of_lane() * kRun; i < x.n_in; i += kClasses * kRun) {
    float v[kRun];
    decode_run(format, row, i, x.n_in, v);
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const float* const from = x.x + least_of(static_cast<unsigned>(t), x.n - 1u) * x.stride;
#pragma unroll
      for (unsigned j = 0; j < kRun; ++j) {
        if (i + j >= x.n_in) continue;
        float value = from[i + j];
        if (x.norm) {
          squares[t] = fmaf(value, value, squares[t]);
          value = value * x.norm[i + j];
        }
        sums[t] = fmaf(v[j], value, sums[t]);
      }
    }
  }
}

// Adds what the classes of a row have of n sums, 1 or kClasses. The lane of class c returns sum c * n / kClasses: in each round a lane gives away one half
// of its sums and takes the other half of its neighbour's.
template <int n>
__device__ __forceinline__ float reduce(float (&sums)[n]) {
  static_assert(n == 1 || n == static_cast<int>(kClasses), "one sum, or one for each class");
#pragma unroll
  for (int round = 0; round < 3; ++round) {
    const int apart = static_cast<int>(kClasses) / 2 >> round, left = n >> round;
    if (left > 1) {
      const bool is_upper = (lane_of_warp() & static_cast<unsigned>(apart)) != 0u;
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

}  // namespace pio::cuda
